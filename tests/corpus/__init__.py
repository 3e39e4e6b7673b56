"""The hostile corpus: a recipe for each file of cases 1 to 38, and in `expected.json` what must come of it.

`RECIPES` is the table. Every file is made on the spot, the same bytes each time, from one public-domain photograph and
a synthetic voice; together they take half a minute and 60 MB. `expected.json` says of each file:

    case, what                      the number and the words of the closed list of hostile cases
    states                          the item states it may end in, `state` or `state:reason`
    defects, caveats, abstentions   what the report must name where the state is one that has findings; `a|b` is either
    score                           `none`: no number of any model may be anywhere; `face`, `voice`: one must be there
    message                         words that the outcome's message must contain
    config                          settings other than the defaults
    max_seconds, max_mb             of the examination; memory is what the process and its children add to their start

Under `elsewhere` stand the cases that are no file: where they are tested, or why they do not apply.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.corpus.audio import AUDIO
from tests.corpus.containers import CONTAINERS
from tests.corpus.pictures import PICTURES
from tests.corpus.scene import Recipe
from tests.corpus.video import VIDEO

RECIPES: dict[str, Recipe] = {**CONTAINERS, **VIDEO, **AUDIO, **PICTURES}
"""File name to recipe, in the order of the cases."""


def make(name: str, folder: Path) -> Path:
    """Make one file of the corpus in a folder."""
    path = folder / name
    RECIPES[name](path)
    return path


def expectations() -> dict[str, Any]:
    """`expected.json`."""
    content: dict[str, Any] = json.loads(Path(__file__).with_name("expected.json").read_text(encoding="utf-8"))
    return content
