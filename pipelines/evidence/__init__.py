"""Evidence: every file in folders, archives and disk images, found in one order and read again by its locator.

walk() -> Entry, ..., Container    here, in this process
Lister -> batches of them          in a process of its own, which hostile evidence may bring down
fetch() or fetch_in_child()        one file's bytes again
"""

from __future__ import annotations

from pipelines.evidence.fetching import fetch
from pipelines.evidence.options import ArchiveLimits, Options
from pipelines.evidence.process import Lister, fetch_in_child
from pipelines.evidence.scratch import Scratch
from pipelines.evidence.walk import is_container, walk

__all__ = ["ArchiveLimits", "Lister", "Options", "Scratch", "fetch", "fetch_in_child", "is_container", "walk"]
