"""Files made once, examined once, and looked at by many tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from detect.analyze import Analyzer
from detect.config import Config
from detect.engine import LocalEngine
from detect.report import Report
from pipelines.sandbox import Sandbox
from tests.conftest import shared_folder
from tests.corpus import expectations, make
from tests.corpus.meter import Meter


@dataclass
class Bench:
    """A folder for the corpus, and what is needed to examine it."""

    folder: Path
    engine: LocalEngine
    sandbox: Sandbox
    results: dict[str, tuple[Report, Meter]] = field(default_factory=dict)

    def path(self, name: str) -> Path:
        """The file, made if need be."""
        path = self.folder / name
        return path if path.exists() else make(name, self.folder)

    def measured(self, name: str) -> tuple[Report, Meter]:
        """The report on a file, and what it cost."""
        if name not in self.results:
            path = self.path(name)
            with Meter() as meter:
                report = self.analyzer(expectations()["files"][name].get("config", {})).examine(path)
            self.results[name] = report, meter
        return self.results[name]

    def report(self, name: str) -> Report:
        """The report on a file."""
        return self.measured(name)[0]

    def analyzer(self, changes: dict[str, Any] | None = None) -> Analyzer:
        """For settings other than the defaults, as `{"limits.max_pixels": 1}`."""
        sections: dict[str, dict[str, Any]] = {}
        for name, value in (changes or {}).items():
            section, key = name.split(".")
            sections.setdefault(section, {})[key] = value
        return Analyzer(Config.model_validate(sections), engine=self.engine, decoder=self.sandbox)


@contextmanager
def open_bench(folder: Path) -> Iterator[Bench]:
    """A bench with the default checkpoints and a sandbox; skips where a checkpoint is not on this machine."""
    shared = shared_folder()
    upstream = [shared / "weights" / "upstream"] if shared is not None else None
    engine = LocalEngine(Config(), weights=upstream)
    missing = [checkpoint.name for checkpoints in engine.missing.values() for checkpoint in checkpoints]
    if missing:
        pytest.skip(f"default checkpoints are not on this machine: {', '.join(missing)}")
    with Sandbox() as sandbox:
        bench = Bench(folder, engine, sandbox)
        # What only the first examination costs, loading networks and warming up, is no file's fault.
        bench.analyzer().examine(make("case33_sound_longer.mp4", folder))
        yield bench
