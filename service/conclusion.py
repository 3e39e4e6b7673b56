"""What the box at the top of a report says: decided once, for the page and for the terminal.

There are five ways to end: a calibrated result for the recording; calibrated results that cannot be joined; raw outputs
without a calibration; nothing to score; nothing examined. Only the first two speak for or against manipulation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from detect.report import Body, Finding
from service.texts import say, sentences


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """The result in words."""

    kind: Literal["calibrated", "separate", "uncalibrated", "not_scored", "failed"]
    headline: str
    meaning: list[str]
    overall: Finding | None
    """About the whole recording."""
    modalities: list[Finding]

    @property
    def weighs(self) -> bool:
        """Whether any result speaks for or against manipulation."""
        return self.kind in ("calibrated", "separate")

    @property
    def is_mixed(self) -> bool:
        """Whether a modality without a calibration stands beside one that has it."""
        return self.weighs and any(finding.status == "uncalibrated" for finding in self.modalities)


def conclude(body: Body) -> Conclusion:
    """Which of the five it is, and its words."""
    overall = next((finding for finding in body.findings if finding.subject == "recording"), None)
    modalities = [finding for finding in body.findings if finding.subject != "recording"]

    def ending(kind: Literal["separate", "uncalibrated", "not_scored", "failed"], *meaning: str) -> Conclusion:
        headline = say(f"conclusion.{'no_subject' if no_subject and kind == 'not_scored' else kind}")
        return Conclusion(kind=kind, headline=headline, meaning=list(meaning), overall=overall, modalities=modalities)

    no_subject = body.outcome.state == "no_subject"
    if body.outcome.examination == "failed":
        return ending("failed", say(f"state.{body.outcome.state}"), say("conclusion.failed_meaning"))
    if overall is not None and has_llr(overall):
        headline = overall.verbal or say("conclusion.separate")
        return Conclusion(kind="calibrated", headline=headline, meaning=[], overall=overall, modalities=modalities)
    if any(has_llr(finding) for finding in modalities):
        return ending("separate", say("conclusion.separate_meaning"))
    if any(finding.status == "uncalibrated" for finding in body.findings):
        return ending("uncalibrated", *sentences("conclusion.uncalibrated_meaning"))
    return ending("not_scored", say("conclusion.no_subject_meaning"))


def has_llr(finding: Finding) -> bool:
    """Whether a finding has a calibrated number and the words for it."""
    return finding.status == "calibrated" and finding.llr is not None and finding.verbal is not None
