"""What can be wrong with a container, as errors that carry the state of the item it becomes."""

from __future__ import annotations

from detect.errors import InputError, LimitExceeded, UnreadableMedia
from detect.types import ItemState
from pipelines.items import ContainerState


class Locked(InputError):
    """Encrypted, and none of the passwords that were given opens it."""

    state = ItemState.ENCRYPTED


class Volume(InputError):
    """A further volume of something that is read from its first one: no file of its own."""

    state = ItemState.UNSUPPORTED


def container_state(error: InputError, num_members: int) -> ContainerState:
    """The state of a container in which `error` ended, or accompanied, the listing."""
    if isinstance(error, LimitExceeded):
        return "limit"
    if isinstance(error, Locked):
        return "encrypted"
    if error.reason in _INCOMPLETE:
        return "incomplete"
    return "damaged" if num_members else "unreadable"


def item_state(error: InputError, num_members: int) -> ItemState:
    """The state of the item that such a container becomes: `partial` where something of it was listed."""
    return ItemState.PARTIAL if num_members and isinstance(error, UnreadableMedia) else error.state


_INCOMPLETE = frozenset({"archive:truncated", "archive:volume_missing", "image:incomplete", "image:segment_missing"})
