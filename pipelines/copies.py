"""The copies of members of containers, from the side of those who examine them: used, then deleted.

The walk makes them and waits while there is no room (`pipelines.evidence.scratch`); here they are given up.
"""

from __future__ import annotations

import os
from collections.abc import Set as AbstractSet
from contextlib import suppress
from pathlib import Path


class Copies:
    """The copies in the scratch folder.

    Args:
        folder: The scratch folder.
        max_bytes: What it may hold.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self.folder = folder
        self._max_bytes = max_bytes
        folder.mkdir(parents=True, exist_ok=True)

    def drop(self, name: str) -> None:
        """Delete one, where it is still there."""
        (self.folder / name).unlink(missing_ok=True)

    def crowded(self) -> bool:
        """Whether more than half of the room is taken."""
        taken = 0
        with os.scandir(self.folder) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    taken += entry.stat(follow_symlinks=False).st_size
        return taken > self._max_bytes // 2

    def keep_only(self, names: AbstractSet[str]) -> None:
        """Delete what a scan that was killed has left: half-made copies, and copies of items that have ended."""
        with os.scandir(self.folder) as entries:
            left = [entry.name for entry in entries if entry.is_file(follow_symlinks=False) and entry.name not in names]
        for name in left:
            self.drop(name)
