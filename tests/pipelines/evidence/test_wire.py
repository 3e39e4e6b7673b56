"""What the listing process says is checked for its form: it may have been taken over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from detect.errors import InputError, LimitExceeded, UnreadableMedia, UnsupportedMedia
from detect.types import ItemState
from pipelines.evidence import wire
from pipelines.evidence.options import ArchiveLimits, Options
from pipelines.evidence.troubles import Locked
from pipelines.items import Container, Entry, Step

ENTRY = Entry(
    chain="a\\xff!/b", locator=(Step("file", "/a\\xff"), Step("zip", "7")), num_bytes=1 << 40, modified="2024-01-01",
    md5="a", sha1="b", sha256="c", state=ItemState.LIMIT, reason="archive:ratio", message="m", notes=("n",),
    alert="set", spool="m-0a-1",
)  # fmt: skip
BARE = Entry(chain="a", locator=(Step("file", "/a"),))
CONTAINER = Container(chain="a", kind="zip", state="damaged", num_members=3, detail="d", facts={"md5": "x"})


def test_everything_comes_back() -> None:
    line = json.loads(wire.encode_batch([ENTRY, BARE, CONTAINER], [("a", 3), ("a!/b", 0)]))
    assert wire.decode_batch(line) == ([ENTRY, BARE, CONTAINER], [("a", 3), ("a!/b", 0)])
    options = Options(
        limits=ArchiveLimits(depth=3), passwords=("ä",), known_ok=(Path("/a"),), known_alert=(Path("/b"),),
        known_cache=Path("/c"), include_deleted=True, exclude=(Path("/d"),),
    )  # fmt: skip
    assert wire.decode_options(json.loads(json.dumps(wire.encode_options(options)))) == options
    assert wire.decode_options(json.loads(json.dumps(wire.encode_options(Options())))) == Options()


@pytest.mark.parametrize("kind", [UnreadableMedia, UnsupportedMedia, LimitExceeded, Locked])
def test_errors_keep_their_state(kind: type[InputError]) -> None:
    error = wire.decode_error(json.loads(json.dumps(wire.encode_error(kind("why", "in words")))))
    assert (type(error), error.reason, error.message) == (kind, "why", "in words")


def _changed(row: Entry | Container, index: int, value: Any) -> Any:
    values = json.loads(json.dumps(wire.encode_found(row)))
    values[index] = value
    return values


@pytest.mark.parametrize(
    "values",
    [
        None, [], {}, "e", ["e"], ["x"] * 14,
        *[_changed(ENTRY, index, value) for index in range(1, 14) for value in (7.5, {}, True)],
        *[_changed(CONTAINER, index, value) for index in range(1, 7) for value in (7.5, None)],
        _changed(ENTRY, 2, [["file"]]), _changed(ENTRY, 3, -1), _changed(ENTRY, 8, "invented"),
        _changed(ENTRY, 13, "../../etc/passwd"), _changed(ENTRY, 13, "/etc/passwd"), _changed(ENTRY, 13, ""),
        _changed(ENTRY, 11, [7]), _changed(CONTAINER, 3, "invented"), _changed(CONTAINER, 4, -1),
        _changed(CONTAINER, 6, {"a": 7}),
    ],
)  # fmt: skip
def test_nonsense_is_refused(values: Any) -> None:
    with pytest.raises(wire.Nonsense):
        wire.decode_found(values)


@pytest.mark.parametrize(
    "line",
    [{}, {"found": 7, "place": []}, {"found": []}, {"found": [], "place": [["a", -1]]}, {"found": [], "place": [7]}],
)
def test_nonsense_about_batches_is_refused(line: dict[str, Any]) -> None:
    with pytest.raises(wire.Nonsense):
        wire.decode_batch(line)


@pytest.mark.parametrize("values", [None, {}, {"state": 1, "reason": "a", "message": "b"}, {"state": "limit"}])
def test_nonsense_about_errors_is_refused(values: Any) -> None:
    with pytest.raises(wire.Nonsense):
        wire.decode_error(values)
