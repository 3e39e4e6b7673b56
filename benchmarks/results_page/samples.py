"""The scores that a system gave to the trials of a view, and what it gave none to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.bootstrap import Scored
from benchmarks.results_page.views import View
from benchmarks.scorefile import FINDING, Row, System


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One system on labelled trials whose files are there."""

    system: System
    labelled: Sequence[Row]

    @property
    def separating(self) -> list[Scored]:
        """Trials by what separates them: logits, which no bound has cut; LLRs of a finding."""
        return self.llrs if self.system.name.startswith(FINDING) else self._scored(by_logit=True)

    @property
    def llrs(self) -> list[Scored]:
        """Trials that have an LLR."""
        return self._scored(by_logit=False)

    @property
    def llrs_of_all(self) -> list[Scored]:
        """All trials; those of which it says nothing have LLR 0. Empty where it is not calibrated."""
        if not any(self.system.name in row.llrs for row in self.labelled):
            return []
        return [self._one(row, row.llrs.get(self.system.name, 0.0)) for row in self.labelled]

    def kept(self, rows: Iterable[Row]) -> Sample:
        """Only these trials."""
        ids = {row.id for row in rows}
        return Sample(system=self.system, labelled=[row for row in self.labelled if row.id in ids])

    def _scored(self, *, by_logit: bool) -> list[Scored]:
        name = self.system.name
        scores = ((row, (row.logits if by_logit else row.llrs).get(name)) for row in self.labelled)
        return [self._one(row, score) for row, score in scores if score is not None]

    def _one(self, row: Row, score: float) -> Scored:
        return Scored(score=score, is_spoof=row.labels[self.system.subject] == "spoof", group=row.group)


def samples(view: View, systems: Sequence[System]) -> list[Sample]:
    """Each system on the view's trials that have a label for its subject; systems without any are left out."""
    found = [Sample(system=system, labelled=view.labelled(system.subject)) for system in systems]
    return [sample for sample in found if sample.labelled]
