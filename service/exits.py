"""Exit codes of the command line."""

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of `unmask scan`; with several recordings the highest that applies."""

    NOTHING_FLAGGED = 0
    FLAGGED = 1
    USAGE = 2
    NOT_ALL_EXAMINED = 3
    INTERRUPTED = 130
    """128 + SIGINT, as shells have it."""
