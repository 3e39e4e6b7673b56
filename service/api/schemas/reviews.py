"""Conclusions of people."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from service.api.schemas.common import In, Out, Prose
from service.store.reviews import Conclusion, Standing

SubjectName = Annotated[str, Field(pattern=r"^(recording|(face|voice)-[1-9][0-9]{0,5})$", examples=["face-1"])]


class NewReview(In):
    """What you conclude of a subject."""

    subject: SubjectName
    """`recording`, or a face or voice as the report names it."""
    conclusion: Conclusion
    reasons: Prose
    """What you base it on."""


class Review(Out):
    """What a person concluded."""

    id: str
    person: str
    person_name: str
    conclusion: Conclusion
    reasons: str
    at: datetime
    latest: bool
    """Whether it is what he says now; earlier ones stay."""
    blind: bool
    """Whether he could not have seen another's when he said so."""
    asked_himself: bool
    """Whether he is the one who asked for this job."""


class SubjectReviews(Out):
    """What was concluded of one subject."""

    subject: str
    flagged: bool | None
    """What the machine says; null where nothing calibrated was scored."""
    num_people: int
    """So many have concluded."""
    open: bool
    """Whether you have: what others said is shown after that."""
    standing: Standing | None
    """`single`: of one person. `verified`: two or more came to the same, each blind. `agreed`: they say the same now,
    but somebody knew of another when he said so. `disputed`: they differ. Null where you have not concluded."""
    reviews: list[Review]
    """In order of time; empty where you have not concluded."""


class Position(Out):
    """What a person says now."""

    person: str
    person_name: str
    conclusion: Conclusion
    blind: bool
    at: datetime


class Disagreement(Out):
    """A subject on which not all say the same."""

    job: str
    filename: str
    subject: str
    between: list[Literal["reviewers", "machine"]] = Field(min_length=1)
    """`reviewers`: they differ. `machine`: somebody says what its flag speaks against."""
    flagged: bool | None
    """What the machine said, when it was last reviewed."""
    positions: list[Position]


class Disagreements(Out):
    """Where a case needs another look."""

    disagreements: list[Disagreement]
    """Of the newest job first."""
    num_hidden: int
    """Subjects on which others have concluded, and you have not: nothing is said of them."""
