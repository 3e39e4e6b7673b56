"""HTTP/1.1 of a server that waits for a request's first lines only so long, which uvicorn alone does for ever.

Who opens connections and sends a byte now and then would else keep them all, without a key.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol


def impatient(seconds: float) -> type[H11Protocol]:
    """The protocol, for `uvicorn.Config(http=...)`.

    Args:
        seconds: From a connection's beginning, or from the first byte of a further request, to the end of its head. A
            body that still arrives so long after its request was refused is not read on either.
    """

    class Impatient(H11Protocol):
        _timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
            super().connection_made(transport)
            self._watch()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._watch()

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            self._rest()

        def _watch(self) -> None:
            if self.cycle is not None and not self.cycle.response_complete:
                self._rest()  # a request is being answered: how slowly its body may come is the endpoint's to say
            elif self._timer is None and not self.transport.is_closing():
                self._timer = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

        def _rest(self) -> None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    return Impatient
