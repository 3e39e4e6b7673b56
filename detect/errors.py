"""The exception tree. Nothing foreign leaves a public function: it is translated where its library is imported.

    UnmaskError
    +-- InputError             the evidence is at fault; carries an item state and a reason
    |   +-- UnsupportedMedia     not a recording, or a codec this build cannot decode
    |   +-- UnreadableMedia      a recording, but damaged beyond use
    |   +-- LimitExceeded        larger than the limits allow; refused before it is decoded
    |   +-- DecoderTimeout       the decoder was killed at its deadline
    |   +-- DecoderCrashed       the decoder died of a signal
    +-- ConfigError            the request is at fault
    +-- WeightsError           the installation is at fault
    |   +-- WeightsNotFound      no such checkpoint on this machine
    |   +-- WeightsMismatch      a checkpoint that is not the one the manifest names
    |   +-- WeightsUnavailable   a checkpoint could not be fetched
    +-- DeviceError            the machine is at fault
        +-- DeviceOutOfMemory    the device has no memory left for a single input
        +-- DeviceLost           the device answers every call with an error; a new process may find it well again

`InputError`s become the state of the item they concern: the examination of a recording reports them, it does not
raise them. The other three are raised to the caller.
"""

from __future__ import annotations

from typing import ClassVar

from detect.types import ItemState
from weights.errors import UnmaskError, WeightsError, WeightsMismatch, WeightsNotFound, WeightsUnavailable

__all__ = [
    "ConfigError",
    "DecoderCrashed",
    "DecoderTimeout",
    "DeviceError",
    "DeviceLost",
    "DeviceOutOfMemory",
    "InputError",
    "LimitExceeded",
    "UnmaskError",
    "UnreadableMedia",
    "UnsupportedMedia",
    "WeightsError",
    "WeightsMismatch",
    "WeightsNotFound",
    "WeightsUnavailable",
]


class InputError(UnmaskError):
    """The evidence is at fault.

    Args:
        reason: Machine-readable, lower case, for example `truncated` or `pixels`.
        message: One sentence for a person: what is wrong and what can be done.
    """

    state: ClassVar[ItemState] = ItemState.UNREADABLE

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message

    def __str__(self) -> str:
        return f"{self.state}:{self.reason}: {self.message}"

    def __reduce__(self) -> tuple[type[InputError], tuple[str, str]]:
        return type(self), (self.reason, self.message)


class UnsupportedMedia(InputError):
    """Not a recording, or one whose codec this build cannot decode."""

    state = ItemState.UNSUPPORTED


class UnreadableMedia(InputError):
    """A recording damaged beyond use."""

    state = ItemState.UNREADABLE


class LimitExceeded(InputError):
    """Larger than the limits allow; refused before anything of that size is allocated."""

    state = ItemState.LIMIT


class DecoderTimeout(InputError):
    """The decoder was killed at its deadline."""

    state = ItemState.TIMEOUT


class DecoderCrashed(InputError):
    """The decoder died of a signal."""

    state = ItemState.CRASHED


class ConfigError(UnmaskError):
    """The request is at fault: an unknown model, a setting out of range, a path that is not there."""


class DeviceError(UnmaskError):
    """The machine is at fault: a device that is not there, or out of memory."""


class DeviceOutOfMemory(DeviceError):
    """The device has no memory left for a single input: another process has it, or the input is too large."""


class DeviceLost(DeviceError):
    """The device answers every call with an error; a new process may find it well again."""
