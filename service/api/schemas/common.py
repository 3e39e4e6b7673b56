"""Types that many endpoints share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Path
from pydantic import BaseModel, ConfigDict, StringConstraints


class Out(BaseModel):
    """What is given."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class In(BaseModel):
    """What is taken: nothing unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, str_strip_whitespace=True)


def _id(kind: str) -> str:
    return rf"^{kind}_[0-9a-f]{{32}}$"


CaseId = Annotated[str, Path(pattern=_id("case"), examples=["case_0123456789abcdef0123456789abcdef"])]
JobId = Annotated[str, Path(pattern=_id("job"), examples=["job_0123456789abcdef0123456789abcdef"])]
KeyId = Annotated[str, Path(pattern=_id("key"), examples=["key_0123456789abcdef0123456789abcdef"])]
PersonId = Annotated[str, Path(pattern=_id("person"), examples=["person_0123456789abcdef0123456789abcdef"])]
UploadId = Annotated[str, Path(pattern=_id("upload"), examples=["upload_0123456789abcdef0123456789abcdef"])]
NoticeId = Annotated[str, Path(pattern=_id("notice"), examples=["notice_0123456789abcdef0123456789abcdef"])]

Line = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""A text of one line."""
MaybeLine = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Prose = Annotated[str, StringConstraints(min_length=1, max_length=10_000, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$")]
"""A text of some paragraphs."""


def moment(seconds: float) -> datetime:
    """A time of the database as it is given out: ISO 8601, UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def maybe_moment(seconds: float | None) -> datetime | None:
    """See `moment`."""
    return None if seconds is None else moment(seconds)
