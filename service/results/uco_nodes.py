"""What a CASE/UCO file is made of: names of nodes, typed values, the nodes of files, and their writing as JSON-LD."""

from __future__ import annotations

import hashlib
import json
import math
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

Node = dict[str, Any]
"""A JSON-LD node; a value may be an iterator of nodes, which is written as it comes."""

_UCO = "https://ontology.unifiedcyberontology.org/uco/"
CONTEXT = {
    "case-investigation": "https://ontology.caseontology.org/case/investigation/",
    **{
        f"uco-{part}": f"{_UCO}{part}/"
        for part in ("action", "analysis", "configuration", "core", "observable", "tool", "types")
    },
    "kb": "https://unmask.invalid/kb/",
    "unmask": "https://unmask.invalid/terms/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
"""Prefixes. Our own are names, not addresses: `.invalid` never resolves (RFC 2606), and nothing of a case should."""

_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?\Z")
"""XML Schema's `dateTime`; other times, such as a day alone, cannot be written as one."""
_REPEAT = re.compile(r"\\#\d+\Z")


class Nodes:
    """Names and nodes of one job: the same for the same job, whenever they are written.

    Args:
        job: The job's id.
    """

    def __init__(self, job: str) -> None:
        self._space = uuid.uuid5(uuid.NAMESPACE_URL, f"urn:unmask:job:{job}")

    def name(self, kind: str, key: str) -> str:
        """The name of a node, ending in a UUID as UCO asks for; the same `key` gives the same UUID."""
        return f"kb:{kind}-{uuid.uuid5(self._space, key)}"

    def facet(self, owner: str, kind: str) -> Node:
        """A facet without properties. Its name follows from its owner's, by the scheme of the CASE project's tools."""
        prefix, _, short = kind.partition(":")
        return {"@id": f"kb:{short}-{uuid.uuid5(uuid.UUID(owner[-36:]), CONTEXT[prefix] + short)}", "@type": kind}

    def file(self, name: str, kinds: tuple[str, ...], file_name: str, path: str) -> Node:
        """An observable object with what is known of its place; its facets are a list to be added to."""
        facet = self.facet(name, "uco-observable:FileFacet")
        facet |= {"uco-observable:fileName": file_name, "uco-observable:filePath": path}
        return {"@id": name, "@type": ["uco-observable:ObservableObject", *kinds], "uco-core:hasFacet": [facet]}

    def hash(self, method: str, value: str) -> Node:
        """A hash. Its name follows from its value alone, by the same scheme: other tools' graphs meet in it."""
        name = uuid.uuid5(uuid.NAMESPACE_URL, f"urn:hash::{method.lower()}:{value.lower()}")
        return {
            "@id": f"kb:Hash-{name}",
            "@type": "uco-types:Hash",
            "uco-types:hashMethod": method,
            "uco-types:hashValue": typed("hexBinary", value.lower()),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One finding of an item's summary."""

    subject: str
    status: str
    llr: float | None = None
    verbal: str | None = None
    flagged: bool = False

    def sentence(self) -> str:
        """For a reader."""
        if self.status != "calibrated" or self.llr is None:
            return f"{self.subject}: {self.status.replace('_', ' ')}; nothing is said for or against manipulation."
        scale = "natural logarithm, positive supports manipulation"
        return f"{self.subject}: {self.verbal or 'no words'} (log-likelihood ratio {self.llr:.2f}, {scale})."

    def node(self) -> Node:
        """For a program."""
        node = {
            "@type": "unmask:Finding",
            "unmask:subject": self.subject,
            "unmask:status": self.status,
            "unmask:flagged": self.flagged,
            **llr_of(self.llr),
        }
        return node if self.verbal is None else node | {"unmask:verbal": self.verbal}


def llr_of(llr: float | None) -> Node:
    """The property of a log-likelihood ratio; none where there is none."""
    if llr is None or not math.isfinite(llr):
        return {}
    return {"unmask:logLikelihoodRatio": typed("decimal", format(Decimal(repr(float(llr))), "f"))}


def reference(name: str) -> Node:
    """A node by its name."""
    return {"@id": name}


def typed(kind: str, value: str) -> Node:
    """A literal of one of XML Schema's types."""
    return {"@type": f"xsd:{kind}", "@value": value}


def time(text: str | None) -> Node | None:
    """A time as `xsd:dateTime`; None where it is none."""
    if text is None or not _DATE_TIME.match(text):
        return None
    try:
        datetime.fromisoformat(text)
    except ValueError:  # the 31st of February: a file system says anything
        return None
    return typed("dateTime", text)


def digest(chain: str) -> int:
    """What stands for a chain in a set of many: 64 bits."""
    return int.from_bytes(hashlib.blake2b(chain.encode(), digest_size=8).digest(), "big")


def parent_of(chain: str) -> tuple[str | None, str]:
    """The chain of the container that holds it, None for what was given itself; and its path in there."""
    parent, separator, path = chain.rpartition("!/")
    if separator:
        return parent, path
    root, slash, path = chain.partition("/")
    return (root, path) if slash else (None, chain)


def last(path: str) -> str:
    """The name at the end of a path or chain, without the count of names that are the same."""
    return _REPEAT.sub("", path.rstrip("/").rsplit("/", 1)[-1])


def flat(prefix: str, value: Any) -> dict[str, str]:
    """Nested settings as `section.name` to text."""
    if isinstance(value, Mapping):
        return {name: text for key in value for name, text in flat(f"{prefix}.{key}", value[key]).items()}
    return {prefix: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)}


def pieces(node: Node) -> Iterator[str]:
    """A node as JSON, in pieces: lists that come from iterators are never in memory as a whole."""
    streams = {key: value for key, value in node.items() if isinstance(value, Iterator)}
    plain = {key: value for key, value in node.items() if key not in streams}
    yield _dump(plain).removesuffix("}")
    for key, values in streams.items():
        yield f",{_dump(key)}:["
        comma = ""
        for value in values:
            yield comma + _dump(value)
            comma = ","
        yield "]"
    yield "}"


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
