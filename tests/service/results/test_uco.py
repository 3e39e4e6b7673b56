"""The CASE/UCO file: valid by the CASE project's own validator, complete, and written in flat memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from detect.types import ItemState
from pipelines.items import Container, Entry, JobFacts, Result, Step
from pipelines.ledger.sqlite import SqliteLedger
from pipelines.names import escape
from service.results.run import RunFacts, Sitting
from service.results.uco import write_case

rdflib = pytest.importorskip("rdflib", reason="the CASE tests need rdflib and case_utils")
pytest.importorskip("case_utils", reason="the CASE tests need rdflib and case_utils")

JOB = JobFacts(
    id="8a3e1c",
    tool="unmask 0.1.0",
    config_digest="c" * 64,
    config={"scoring": {"flag_llr": 2.0, "checks": [1, None]}},
    models={"mesonet.small": "d" * 64},
    roots=("/seized/case7", "/seized/a/phone.E01", "/seized/b/phone.E01", "/seized/single.mov"),
    options={"triage": False},
    created_at="2026-11-24T10:00:00+00:00",
)
RUN = RunFacts(
    sittings=(
        Sitting(began_at="2026-11-24T10:00:01.000Z"),
        Sitting(began_at="2026-11-24T11:00:00.000Z", ended_at="2026-11-24T12:00:00.000Z", ending="done"),
    )
)
HOSTILE = escape('=cmd|"\\ \x00\x1b[2J\u202e </script>\n'.encode() + b"\xff\xfe!/x")
CLIPS = "case7/clips.zip"
_LOCATOR = (Step("file", "/seized/case7"),)
_REPORT = "reports/000/000001 é"
_FINDINGS = [
    {"subject": "face", "status": "calibrated", "llr": 4.25, "verbal": "strong support", "flagged": True},
    {"subject": "voice", "status": "uncalibrated", "llr": None, "verbal": None, "flagged": False},
]


def _entry(chain: str, **facts: Any) -> Entry:
    return Entry(chain=chain, locator=_LOCATOR, **facts)


ENTRIES = [
    _entry(f"{CLIPS}!/sub/a.mov", num_bytes=1000, sha256="a" * 64, md5="1" * 32, sha1="2" * 40, alert="wanted"),
    _entry("case7/copy of a.mov", num_bytes=1000, sha256="a" * 64, modified="2026-02-28T10:00:00+01:00"),
    _entry(f"case7/{HOSTILE}", num_bytes=5, sha256="b" * 64, modified="2026-02-31T10:00:00", notes=("deleted",)),
    _entry("case7/notes.txt", state=ItemState.UNSUPPORTED, reason="not_media", modified="2026-02-28"),
    _entry("case7/readme.txt", state=ItemState.UNSUPPORTED, reason="not_media", modified="2026-02-28T01:02:03"),
    _entry("case7/os.dll", state=ItemState.KNOWN, reason="NSRL", alert="wanted"),
    _entry(f"{CLIPS}!/secret.mov", state=ItemState.ENCRYPTED, reason="zip", num_bytes=7),
    _entry(CLIPS, state=ItemState.UNREADABLE, reason="archive:truncated", num_bytes=2000),
    _entry("single.mov", num_bytes=0, sha256="e" * 64),
    _entry("case7/open.mov", num_bytes=9, sha256="f" * 64),
]
CONTAINERS = [
    Container(chain=CLIPS, kind="zip", state="incomplete", num_members=2, detail="it is cut"),
    Container(chain="case7", kind="folder", state="listed", num_members=6),
    Container(chain="phone.E01", kind="image", state="listed", num_members=0, facts={"stored MD5": "0" * 32}),
]


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteLedger]:
    """Keep ten items, one of them still open."""
    ledger = SqliteLedger(tmp_path_factory.mktemp("ledger") / "ledger.sqlite")
    ledger.begin(JOB)
    ledger.add(ENTRIES, CONTAINERS)
    for lease in ledger.lease("test", 10, 600):
        if lease.chain.endswith("a.mov"):
            summary = {"findings": _FINDINGS}
            result = Result(
                state=ItemState.PARTIAL, reason="truncated", message="The end is lost.", flagged=True, llr=4.25
            )
            assert ledger.finish(lease, replace(result, summary=summary, report=_REPORT))
        elif not lease.chain.endswith("open.mov"):
            assert ledger.finish(lease, Result(state=ItemState.NO_SUBJECT, reason=None, message="bad \udc80 text"))
    yield ledger
    ledger.close()


def write(ledger: SqliteLedger, out: Path) -> Path:
    out.mkdir(exist_ok=True)
    return write_case(ledger, out, JOB, RUN, "interrupted")


@pytest.fixture(scope="module")
def graph(ledger: SqliteLedger, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Read the file back."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "ConjunctiveGraph is deprecated", DeprecationWarning)  # rdflib's own use
        return rdflib.Graph().parse(write(ledger, tmp_path_factory.mktemp("out")), format="json-ld")


def ask(graph: Any, question: str) -> set[tuple[Any, ...]]:
    prefixes = {
        "core": "https://ontology.unifiedcyberontology.org/uco/core/",
        "obs": "https://ontology.unifiedcyberontology.org/uco/observable/",
        "analysis": "https://ontology.unifiedcyberontology.org/uco/analysis/",
        "action": "https://ontology.unifiedcyberontology.org/uco/action/",
        "types": "https://ontology.unifiedcyberontology.org/uco/types/",
        "case": "https://ontology.caseontology.org/case/investigation/",
        "unmask": "https://unmask.invalid/terms/",
    }
    rows = graph.query(question, initNs=prefixes)
    return {tuple(None if value is None else value.toPython() for value in row) for row in rows}


def validate(path: Path) -> subprocess.CompletedProcess[str]:
    """Run the CASE project's validator; its default is the newest ontology, and warnings count."""
    program = [str(Path(sys.executable).parent / "case_validate"), "--built-version", "case-1.5.0", str(path)]
    return subprocess.run(program, capture_output=True, text=True, check=False)


def test_the_case_validator_finds_nothing(ledger: SqliteLedger, tmp_path: Path) -> None:
    result = validate(write(ledger, tmp_path / "out"))
    assert result.returncode == 0, result.stdout
    assert "Conforms: True" in result.stdout
    assert result.stderr == ""


def test_an_empty_scan_is_valid(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / "ledger.sqlite")
    ledger.begin(JOB)
    path = write_case(ledger, tmp_path, replace(JOB, tool="unmask"), RunFacts(sittings=()), "interrupted")
    ledger.close()
    result = validate(path)
    assert result.returncode == 0, result.stdout


def test_the_validator_would_object(ledger: SqliteLedger, tmp_path: Path) -> None:
    path = write(ledger, tmp_path / "out")
    path.write_text(path.read_text("utf-8").replace("uco-types:hashValue", "uco-types:hashvalue"), "utf-8")
    assert validate(path).returncode != 0


def test_every_item_has_its_file_and_is_in_the_record(graph: Any) -> None:
    rows = ask(graph, "SELECT ?path { ?r a case:ProvenanceRecord; core:object [core:hasFacet [obs:filePath ?path]] }")
    given = {("/seized/case7",), ("/seized/single.mov",)}
    chains = {(entry.chain,) for entry in ENTRIES} | {(container.chain,) for container in CONTAINERS}
    assert rows == chains | given


def test_every_item_is_accounted_for_by_exactly_one_assertion(graph: Any) -> None:
    question = """SELECT ?path (COUNT(DISTINCT ?assertion) AS ?count) {
        ?scan a case:InvestigativeAction; action:result ?assertion.
        ?assertion core:object ?file; core:statement ?statement. FILTER(STRSTARTS(?statement, "Ended as "))
        ?file a obs:File; core:hasFacet [obs:filePath ?path] } GROUP BY ?path"""
    counted = {path: count for path, count in ask(graph, question) if not str(path).startswith("/")}
    assert counted == {entry.chain: 1 for entry in ENTRIES}


def test_what_was_examined_is_told_in_words_and_numbers(graph: Any) -> None:
    question = """SELECT ?path ?state ?reason ?flagged ?llr ?url {
        ?result a analysis:AnalyticResult; core:object [core:hasFacet [obs:filePath ?path]];
            core:externalReference [core:referenceURL ?url]; core:hasFacet ?facet.
        ?facet unmask:state ?state; unmask:reason ?reason; unmask:flagged ?flagged; unmask:logLikelihoodRatio ?llr }"""
    ((path, state, reason, flagged, llr, url),) = ask(graph, question)
    assert (path, state, reason, flagged) == (f"{CLIPS}!/sub/a.mov", "partial", "truncated", True)
    assert (str(llr), str(url)) == ("4.25", "reports/000/000001%20%C3%A9/report.json")
    said = {
        str(statement) for (statement,) in ask(graph, "SELECT ?s { ?r a analysis:AnalyticResult; core:statement ?s }")
    }
    assert "The end is lost." in said
    assert "The file is in the known-file set wanted." in said
    assert any(s.startswith("face: strong support (log-likelihood ratio 4.25") for s in said)
    assert "voice: uncalibrated; nothing is said for or against manipulation." in said
    tags = ask(graph, "SELECT ?t { ?r a analysis:AnalyticResult; core:tag ?t }")
    assert tags == {("alert",), ("flagged",)}


def test_no_number_stands_where_a_probability_belongs(ledger: SqliteLedger, tmp_path: Path) -> None:
    text = write(ledger, tmp_path / "out").read_text("utf-8")
    assert "onfidence" not in text


def test_open_items_are_cancelled_with_the_reason_given(graph: Any) -> None:
    question = """SELECT ?path { ?a core:statement ?s; core:object [core:hasFacet [obs:filePath ?path]].
        FILTER(STRSTARTS(?s, "Ended as cancelled:interrupted")) }"""
    assert ask(graph, question) == {("case7/open.mov",)}


def test_members_lie_in_their_containers(graph: Any) -> None:
    question = """SELECT ?inner ?outer ?path { ?r core:kindOfRelationship "Contained_Within"; core:source ?s;
        core:target [core:hasFacet [obs:filePath ?outer]]; core:hasFacet [obs:path ?path].
        ?s core:hasFacet [obs:filePath ?inner] }"""
    rows = {row for row in ask(graph, question) if not str(row[1]).startswith("/")}
    assert (f"{CLIPS}!/sub/a.mov", CLIPS, "sub/a.mov") in rows
    assert (CLIPS, "case7", "clips.zip") in rows
    assert (f"case7/{HOSTILE}", "case7", HOSTILE) in rows
    assert {row[0] for row in rows} == {entry.chain for entry in ENTRIES} - {"single.mov"}


def test_duplicates_point_to_the_first_and_share_its_hash(graph: Any) -> None:
    question = """SELECT ?copy ?first ?value { ?r core:kindOfRelationship "Duplicate_Of";
        core:source ?s; core:target ?t.
        ?s core:hasFacet [obs:filePath ?copy]. ?t core:hasFacet [obs:filePath ?first].
        ?s core:hasFacet [obs:hash ?hash]. ?t core:hasFacet [obs:hash ?hash]. ?hash types:hashMethod ?value }"""
    assert ask(graph, question) == {("case7/copy of a.mov", f"{CLIPS}!/sub/a.mov", "SHA256")}


def test_times_that_are_none_are_left_out(graph: Any) -> None:
    rows = ask(graph, "SELECT ?path { ?f obs:filePath ?path; obs:modifiedTime ?time }")
    assert rows == {("case7/copy of a.mov",), ("case7/readme.txt",)}


def test_the_scan_says_what_did_it_when_and_on_what(graph: Any) -> None:
    question = "SELECT ?given { ?a a case:InvestigativeAction; action:object [core:hasFacet [obs:filePath ?given]] }"
    given = {str(path) for (path,) in ask(graph, question)}
    assert set(JOB.roots) <= given
    entries = ask(
        graph,
        """PREFIX conf: <https://ontology.unifiedcyberontology.org/uco/configuration/>
        PREFIX tool: <https://ontology.unifiedcyberontology.org/uco/tool/>
        SELECT ?version ?name ?value { ?a action:instrument ?t. ?t tool:version ?version; conf:usesConfiguration [
        conf:configurationEntry [conf:itemName ?name; conf:itemValue ?value]] }""",
    )
    assert ("0.1.0", "config.scoring.flag_llr", "2.0") in entries
    assert ("0.1.0", "config_digest", "c" * 64) in entries
    assert ("0.1.0", "checkpoint mesonet.small", "SHA-256 " + "d" * 64) in entries
    ((start, end),) = ask(graph, "SELECT ?s ?e { ?a action:startTime ?s; action:endTime ?e }")
    assert (start.hour, end.hour) == (10, 12)


def test_the_same_ledger_gives_the_same_bytes(ledger: SqliteLedger, tmp_path: Path) -> None:
    first, second = (write(ledger, tmp_path / name).read_bytes() for name in ("one", "two"))
    assert first == second


def test_hashes_and_facets_are_named_as_other_tools_name_them(graph: Any) -> None:
    from case_utils.inherent_uuid import get_facet_uriref, hash_method_value_uuid  # noqa: PLC0415 - may be missing
    from case_utils.namespace import NS_UCO_OBSERVABLE  # noqa: PLC0415 - may be missing

    value = rdflib.Literal("b" * 64, datatype=rdflib.XSD.hexBinary)
    (node,) = graph.subjects(rdflib.URIRef("https://ontology.unifiedcyberontology.org/uco/types/hashValue"), value)
    assert str(node).endswith(str(hash_method_value_uuid(rdflib.Literal("SHA256"), value)))
    kb = rdflib.Namespace("https://unmask.invalid/kb/")
    facets = list(graph.subjects(rdflib.RDF.type, NS_UCO_OBSERVABLE.FileFacet))
    owner = rdflib.URIRef("https://ontology.unifiedcyberontology.org/uco/core/hasFacet")
    assert facets
    for facet in facets:
        (file,) = graph.subjects(owner, facet)
        assert get_facet_uriref(file, NS_UCO_OBSERVABLE.FileFacet, namespace=kb) == facet


def test_memory_stays_flat(tmp_path: Path) -> None:
    program = """
import resource, sys
from pathlib import Path
from pipelines.items import Entry
from pipelines.ledger.sqlite import SqliteLedger
from detect.types import ItemState
from service.results.uco import write_case
from tests.service.results.test_uco import JOB, RUN, _LOCATOR
folder = Path(sys.argv[1]); ledger = SqliteLedger(folder / "large.sqlite"); ledger.begin(JOB)
def fill(start, stop):
    ledger.add([Entry(chain=f"case7/{n}.txt", locator=_LOCATOR, sha256=f"{n:064x}", num_bytes=n,
                      state=ItemState.UNSUPPORTED, reason="not_media") for n in range(start, stop)])
fill(0, 1000); write_case(ledger, folder, JOB, RUN, "x")
for start in range(1000, 40_000, 1000): fill(start, start + 1000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
path = write_case(ledger, folder, JOB, RUN, "x")
print(path.stat().st_size, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    output = subprocess.check_output([sys.executable, "-c", program, str(tmp_path)], text=True, env=environment)
    size, growth = map(int, output.split())
    assert size > 30_000_000
    assert growth < 8_000_000
    document = json.loads((tmp_path / "case.jsonld").read_text("utf-8"))
    files = [node for node in document["uco-core:object"] if "uco-observable:File" in node["@type"]]
    assert len(files) == 40_000
