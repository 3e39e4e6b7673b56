"""The results as CASE/UCO, for the examiner's other tools: one JSON-LD file, written as a stream.

CASE 1.5.0 with UCO 1.5.0 (caseontology.org). What is evidence and what is ours is kept apart:

* *Evidence*: one `ObservableObject` for every file that was found, for every container and for what was given on the
  command line, with what was observed of it (name, size, times, hashes), and `Contained_Within` relationships.
* *Our doing*: one `InvestigativeAction` that is also an `Analysis`; its instrument is the configured tool, its object
  the evidence as given, its result a `ProvenanceRecord` over all files that were found, and the assertions.
* *Our assertions*: an `AnalyticResult` that annotates one file, for each that was examined or that a known set
  flags; and one `Annotation` for each reason for which files were not examined, over all these files.

A log-likelihood ratio is no confidence in a class, so it is not written as UCO's `classificationConfidence`, which
other tools would read as a probability. It stands in the sentence and, for programs, in terms of our own.
"""

from __future__ import annotations

import json
import os
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

from detect.types import ItemState
from pipelines.items import Container, Item, JobFacts
from pipelines.ledger import Ledger
from service.results.run import RunFacts
from service.results.uco_nodes import (
    CONTEXT,
    Finding,
    Node,
    Nodes,
    digest,
    flat,
    last,
    llr_of,
    parent_of,
    pieces,
    reference,
    time,
    typed,
)

CASE_FILE = "case.jsonld"
SPEC_VERSION = "CASE 1.5.0, UCO 1.5.0"
"""The newest release that the CASE project's own validator (case_utils 0.18.0) ships."""
_PART = ".part"
_OPENED_AS = {"folder": "uco-observable:Directory", "image": "uco-observable:Image"}
"""Containers of other kinds are `uco-observable:ArchiveFile`."""


def write_case(ledger: Ledger, out: Path, job: JobFacts, run: RunFacts, open_reason: str) -> Path:
    """Write `case.jsonld`.

    The file is the same for the same ledger, byte for byte but for times that the run gives. Memory is eight bytes for
    a file that was found, and as much for each container.

    Args:
        ledger: What was found, and how it ended.
        out: Folder of the results.
        job: What was asked for.
        run: How it went.
        open_reason: Why items that have not ended have not: `interrupted`, `time_limit`.

    Raises:
        OSError: the file cannot be written.
    """
    path = out / CASE_FILE
    part = out / f"{CASE_FILE}{_PART}"
    with part.open("wb") as file:
        _Case(ledger, job, run, open_reason).write(file)
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)
    return path


class _Case:
    """One job's file, as its nodes are written."""

    def __init__(self, ledger: Ledger, job: JobFacts, run: RunFacts, open_reason: str) -> None:
        self._ledger = ledger
        self._job = job
        self._run = run
        self._open_reason = open_reason
        self._nodes = Nodes(job.id)
        self._roots = _roots(job.roots)
        self._containers: set[int] = set()
        self._files = array("Q")
        self._results = array("Q")
        self._unexamined: dict[tuple[str, str | None], array[int]] = {}
        self._named: dict[int, str] = {}
        """Items that are also a container or were given on the command line: they have that object's name."""
        self._troubles: list[str] = []

    def write(self, file: BinaryIO) -> None:
        head = {
            "@context": CONTEXT,
            "@id": self._nodes.name("Bundle", "bundle"),
            "@type": "uco-core:Bundle",
            "uco-core:name": f"Results of {self._job.tool}, scan {self._job.id}",
            "uco-core:specVersion": SPEC_VERSION,
        }
        opened = json.dumps(head, ensure_ascii=False, indent=1).removesuffix("\n}")
        file.write(_encode(opened + ',\n "uco-core:object": ['))
        comma = b"\n"
        for node in self._all():
            file.write(comma)
            for piece in pieces(node):
                file.write(_encode(piece))
            comma = b",\n"
        file.write(b"\n ]\n}\n")

    def _all(self) -> Iterator[Node]:
        yield from self._tool()
        for root, chain in self._roots.items():
            yield self._nodes.file(self._root(root, chain), (), last(root), root)
        for container in self._ledger.containers():
            self._containers.add(digest(container.chain))
        for container in self._ledger.containers():
            yield from self._container(container)
        for item in self._ledger.items():
            yield from self._item(item)
        for (state, reason), numbers in sorted(self._unexamined.items(), key=str):
            yield self._not_examined(state, reason, numbers)
        yield self._provenance()
        yield self._action()

    # What was given, and what did the work

    def _tool(self) -> Iterator[Node]:
        entries = {**flat("config", self._job.config), **flat("options", self._job.options)}
        entries["config_digest"] = self._job.config_digest
        entries |= {f"checkpoint {name}": f"SHA-256 {sha256}" for name, sha256 in self._job.models.items()}
        configuration = self._nodes.name("Configuration", "configuration")
        name, _, version = self._job.tool.partition(" ")
        yield {
            "@id": configuration,
            "@type": "uco-configuration:Configuration",
            "uco-configuration:configurationEntry": [
                {
                    "@id": self._nodes.name("ConfigurationEntry", f"configuration:{key}"),
                    "@type": "uco-configuration:ConfigurationEntry",
                    "uco-configuration:itemName": key,
                    "uco-configuration:itemValue": value,
                }
                for key, value in sorted(entries.items())
            ],
        }
        yield {
            "@id": self._nodes.name("Tool", "tool"),
            "@type": ["uco-tool:AnalyticTool", "uco-tool:ConfiguredTool"],
            "uco-core:name": name,
            "uco-tool:toolType": "Detector of manipulated faces and voices in recordings",
            "uco-tool:version": version or "unknown",
            "uco-configuration:usesConfiguration": reference(configuration),
        }

    def _root(self, root: str, chain: str | None) -> str:
        return self._nodes.name("Object", f"root:{root}" if chain is None else f"chain:{chain}")

    # What was found

    def _container(self, container: Container) -> Iterator[Node]:
        name = self._nodes.name("Object", f"chain:{container.chain}")
        kind = _OPENED_AS.get(container.kind, "uco-observable:ArchiveFile")
        node = self._nodes.file(name, (kind,), last(container.chain), container.chain)
        if kind == "uco-observable:ArchiveFile":
            facet = self._nodes.facet(name, "uco-observable:ArchiveFileFacet")
            node["uco-core:hasFacet"].append({**facet, "uco-observable:archiveType": container.kind})
        facts = [f"{key}: {value}" for key, value in sorted(container.facts.items())]
        if facts:
            node["uco-core:description"] = facts
        yield node
        yield from self._containment(name, container.chain)
        if container.state != "listed":
            trouble = self._nodes.name("Annotation", f"trouble:{container.chain}")
            self._troubles.append(trouble)
            yield {
                "@id": trouble,
                "@type": "uco-core:Annotation",
                "uco-core:object": reference(name),
                "uco-core:statement": f"not listed in full, {container.state}: {container.detail or 'no detail'}",
                "uco-core:tag": ["container", container.state],
            }

    def _containment(self, name: str, chain: str) -> Iterator[Node]:
        parent, path = parent_of(chain)
        if parent is None or digest(parent) not in self._containers:
            return
        relationship = self._nodes.name("Relationship", f"contained:{name}")
        facet = self._nodes.facet(relationship, "uco-observable:PathRelationFacet")
        yield {
            "@id": relationship,
            "@type": "uco-observable:ObservableRelationship",
            "uco-core:source": reference(name),
            "uco-core:target": reference(self._nodes.name("Object", f"chain:{parent}")),
            "uco-core:kindOfRelationship": "Contained_Within",
            "uco-core:isDirectional": True,
            "uco-core:hasFacet": [{**facet, "uco-observable:path": path}],
        }

    def _item(self, item: Item) -> Iterator[Node]:
        entry = item.entry
        if digest(entry.chain) in self._containers or entry.chain in self._roots.values():
            self._named[item.seq] = self._nodes.name("Object", f"chain:{entry.chain}")
        name = self._object(item.seq)
        node = self._nodes.file(name, ("uco-observable:File",), last(entry.chain), entry.chain)
        storage = node["uco-core:hasFacet"][0]
        content: dict[str, Any] = self._nodes.facet(name, "uco-observable:ContentDataFacet")
        if entry.num_bytes is not None:
            storage["uco-observable:sizeInBytes"] = content["uco-observable:sizeInBytes"] = entry.num_bytes
        if (modified := time(entry.modified)) is not None:
            storage["uco-observable:modifiedTime"] = modified
        if entry.state is ItemState.ENCRYPTED:
            content["uco-observable:isEncrypted"] = True
        hashes = [("MD5", entry.md5), ("SHA1", entry.sha1), ("SHA256", entry.sha256)]
        if known := [self._nodes.hash(method, value) for method, value in hashes if value is not None]:
            content["uco-observable:hash"] = known
        node["uco-core:hasFacet"].append(content)
        if entry.notes:
            node["uco-core:description"] = list(entry.notes)
        yield node
        yield from self._containment(name, entry.chain)
        self._files.append(item.seq)
        if item.result is not None or entry.alert is not None:
            self._results.append(item.seq)
            yield self._result(item, name)
        else:
            key = (entry.state, entry.reason) if entry.state else (ItemState.CANCELLED, self._open_reason)
            self._unexamined.setdefault(key, array("Q")).append(item.seq)
        if item.duplicate_of is not None:
            yield {
                "@id": self._nodes.name("Relationship", f"duplicate:{item.seq}"),
                "@type": "uco-observable:ObservableRelationship",
                "uco-core:source": reference(name),
                "uco-core:target": reference(self._object(item.duplicate_of)),
                "uco-core:kindOfRelationship": "Duplicate_Of",
                "uco-core:isDirectional": True,
            }

    def _object(self, seq: int) -> str:
        return self._named.get(seq) or self._nodes.name("Object", f"item:{seq}")

    # What is said of it

    def _result(self, item: Item, name: str) -> Node:
        result, alert = item.result, item.entry.alert
        own = self._nodes.name("AnalyticResult", f"result:{item.seq}")
        facet: dict[str, Any] = self._nodes.facet(own, "uco-analysis:AnalyticResultFacet")
        statements = [] if alert is None else [f"The file is in the known-file set {alert}."]
        tags = [] if alert is None else ["alert"]
        node: Node = {
            "@id": own,
            "@type": ["uco-analysis:AnalyticResult", "uco-core:Annotation"],
            "uco-analysis:originatingAnalysis": reference(self._analysis),
            "uco-core:object": reference(name),
            "uco-core:statement": statements,
            "uco-core:tag": tags,
            "uco-core:hasFacet": facet,
        }
        if result is None:
            state, reason = str(item.entry.state or ItemState.CANCELLED), item.entry.reason
            reason = reason if item.entry.state else self._open_reason
        else:
            state, reason = str(result.state), result.reason
            statements += [result.message] if result.message else []
            facet["unmask:flagged"] = result.flagged
            facet |= llr_of(result.llr)
            tags += ["flagged"] if result.flagged else []
            findings = [Finding(**one) for one in result.summary.get("findings", ())]
            statements += [finding.sentence() for finding in findings]
            facet["unmask:finding"] = [
                {"@id": self._nodes.name("Finding", f"finding:{item.seq}:{finding.subject}"), **finding.node()}
                for finding in findings
            ]
            if result.report is not None:
                node["uco-core:externalReference"] = {
                    "@id": self._nodes.name("ExternalReference", f"report:{item.seq}"),
                    "@type": "uco-core:ExternalReference",
                    "uco-core:definingContext": "the folder of this file",
                    "uco-core:referenceURL": typed("anyURI", quote(f"{result.report}/report.json")),
                }
        statements.insert(0, f"Ended as {_ending(state, reason)}.")
        node["uco-core:hasFacet"] = facet | {"unmask:state": state} | ({"unmask:reason": reason} if reason else {})
        return node

    def _not_examined(self, state: str, reason: str | None, numbers: Sequence[int]) -> Node:
        ending = _ending(state, reason)
        return {
            "@id": self._nodes.name("Annotation", f"ending:{ending}"),
            "@type": "uco-core:Annotation",
            "uco-core:statement": f"Ended as {ending}, without an examination of its own.",
            "uco-core:tag": [state],
            "uco-core:object": (reference(self._object(seq)) for seq in numbers),
        }

    def _provenance(self) -> Node:
        def found() -> Iterator[Node]:
            for container in self._ledger.containers():
                yield reference(self._nodes.name("Object", f"chain:{container.chain}"))
            yield from (reference(self._object(seq)) for seq in self._files)

        return {
            "@id": self._nodes.name("ProvenanceRecord", "provenance"),
            "@type": "case-investigation:ProvenanceRecord",
            "uco-core:description": "Every file and container that was found in the evidence.",
            "uco-core:object": found(),
        }

    def _action(self) -> Node:
        def results() -> Iterator[Node]:
            yield reference(self._nodes.name("ProvenanceRecord", "provenance"))
            for seq in self._results:
                yield reference(self._nodes.name("AnalyticResult", f"result:{seq}"))
            for state, reason in self._unexamined:
                yield reference(self._nodes.name("Annotation", f"ending:{_ending(state, reason)}"))
            yield from map(reference, self._troubles)

        sittings = self._run.sittings
        began = time(sittings[0].began_at if sittings else self._job.created_at)
        ended = time(sittings[-1].ended_at) if sittings else None
        described = [
            f"At work from {sitting.began_at} to {sitting.ended_at or 'an unknown time'}: {sitting.ending or 'killed'}."
            for sitting in sittings
        ]
        return {
            "@id": self._analysis,
            "@type": ["case-investigation:InvestigativeAction", "uco-analysis:Analysis"],
            "uco-core:name": "Search of the evidence for recordings, and examination of each for manipulation",
            **({"uco-core:description": described} if described else {}),
            **({"uco-action:startTime": began} if began else {}),
            **({"uco-action:endTime": ended} if ended else {}),
            "uco-action:instrument": reference(self._nodes.name("Tool", "tool")),
            "uco-action:object": [reference(self._root(root, chain)) for root, chain in self._roots.items()],
            "uco-action:result": results(),
        }

    @property
    def _analysis(self) -> str:
        return self._nodes.name("Action", "scan")


def _roots(roots: Iterable[str]) -> dict[str, str | None]:
    """What was given, and the chain of each: its name, unless two have the same."""
    names = Counter(last(root) for root in set(roots))
    return {root: last(root) if names[last(root)] == 1 else None for root in roots}


def _ending(state: str, reason: str | None) -> str:
    return f"{state}:{reason}" if reason else state


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "replace")  # names have no lone surrogates; what a library's message has is no name
