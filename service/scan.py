"""`unmask scan`: recordings in, reports on disk, findings on the terminal."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from detect.analyze import Analyzer
from detect.analyze import Progress as OnProgress
from detect.config import Config
from detect.decode import Decoder, LocalDecoder
from detect.engine import LocalEngine
from detect.errors import ConfigError
from detect.models import CATALOGUE
from detect.report import Report
from detect.types import Modality
from pipelines.evidence import is_container
from pipelines.sandbox import Sandbox
from service.render import render_html
from service.terminal import render_terminal

_NAME_LENGTH = 80
"""Characters of a recording's name in its folder's name: the whole stays well under the 255 bytes of most file
systems even where each character takes three."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One `unmask scan`, as asked for on the command line."""

    paths: tuple[Path, ...]
    out: Path
    models: tuple[str, ...]
    folders: tuple[Path, ...]
    device: str
    config_file: Path | None
    settings: tuple[str, ...]
    in_process: bool
    style: Literal["full", "line", "json"]


def is_one_recording(paths: Sequence[Path]) -> bool:
    """Whether this is one file, and none that holds others."""
    return len(paths) == 1 and paths[0].is_file() and not is_container(paths[0])


def run(request: Request) -> tuple[bool, bool]:
    """Scan; whether something was flagged, and whether something could not be examined in full.

    Raises:
        ConfigError: the request is at fault.
        WeightsError, DeviceError: the installation or the machine is.
    """
    config = read_config(request.config_file, request.settings, request.models)
    shown, notes = Console(), Console(stderr=True)
    flagged = incomplete = False
    # The sandbox's parent loads its libraries while this process loads the models.
    with _decoder(request.in_process) as decoder:
        with notes.status("Loading the models") if request.style == "full" else nullcontext():
            engine = LocalEngine(config, device=request.device, weights=request.folders)
        analyzer = Analyzer(config, engine=engine, decoder=decoder)
        for path in request.paths:
            with _progress(notes, path.name, enabled=request.style == "full") as on_progress:
                report = analyzer.examine(path, progress=on_progress)
            folder = _write(report, request.out)
            _show(report, folder, request.style, shown)
            flagged |= any(finding.flagged for finding in report.body.findings)
            incomplete |= report.body.outcome.examination != "complete"
    return flagged, incomplete


def read_config(file: Path | None, settings: tuple[str, ...], models: tuple[str, ...]) -> Config:
    """Settings from a file, from `SECTION.NAME=VALUE` words, and the checkpoints asked for, the later winning.

    Raises:
        ConfigError: something in them is malformed or unknown.
    """
    values: dict[str, Any] = {}
    if file is not None:
        try:
            values = tomllib.loads(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ConfigError(f"{file}: {error}") from error
    for setting in settings:
        name, equals, value = setting.partition("=")
        section, dot, key = name.partition(".")
        if not (equals and dot and key):
            raise ConfigError(f"--set {setting}: write SECTION.NAME=VALUE, for example sampling.min_frames=64")
        values.setdefault(section, {})[key] = _value(value)
    if models:
        for name in models:
            if name not in CATALOGUE:
                raise ConfigError(f"no model is named {name}; there are: {', '.join(sorted(CATALOGUE))}")
        scoring = values.setdefault("scoring", {})
        for modality in Modality:
            scoring[f"{modality}_models"] = tuple(name for name in models if CATALOGUE[name].modality is modality)
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, entry['loc']))}: {entry['msg']}" for entry in error.errors()]
        raise ConfigError("; ".join(problems)) from error


def _value(text: str) -> Any:
    """A word as JSON has it; what is not JSON is a string."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _decoder(in_process: bool) -> Any:
    return nullcontext[Decoder](LocalDecoder()) if in_process else Sandbox()


@contextmanager
def _progress(console: Console, name: str, *, enabled: bool) -> Iterator[OnProgress | None]:
    """A bar for each branch of one recording."""
    if not enabled:
        yield None
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
        tasks = {"identify": progress.add_task(f"{name}: identify", total=1.0)}

        def on_progress(branch: str, fraction: float) -> None:
            if branch not in tasks:
                tasks[branch] = progress.add_task(f"{name}: {branch}", total=1.0)
            progress.update(tasks[branch], completed=fraction)

        yield on_progress


def _write(report: Report, out: Path) -> Path:
    """Both files of one report, each put in place whole; returns their folder."""
    recording = report.body.recording
    # Plain letters, digits and a few signs: a name comes from the evidence, and chooses no place.
    name = "".join(sign if sign.isascii() and (sign.isalnum() or sign in "._-") else "_" for sign in recording.name)[
        :_NAME_LENGTH
    ]
    folder = out / f"{name.lstrip('.') or 'recording'}-{recording.sha256[:12]}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _replace(folder / "report.json", report.to_json())
        _replace(folder / "report.html", render_html(report))
    except OSError as error:
        raise ConfigError(f"cannot write the report to {folder}: {error.strerror}") from error
    return folder


def _replace(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def _show(report: Report, folder: Path, style: str, console: Console) -> None:
    body = report.body
    if style == "json":
        print(report.model_dump_json())  # noqa: T201 - rich would wrap it
    elif style == "line":
        flagged = "  flagged" if any(finding.flagged for finding in body.findings) else ""
        reason = f":{body.outcome.reason}" if body.outcome.reason else ""
        console.print(
            f"{body.outcome.state}{reason}{flagged}  {body.recording.name}  {folder}", markup=False, soft_wrap=True
        )
    else:
        render_terminal(report, console)
        console.print(
            f"\nreport  {folder / 'report.html'}\n        {folder / 'report.json'}", markup=False, soft_wrap=True
        )


def schema_json() -> str:
    """JSON Schema of `report.json`."""
    return json.dumps(Report.model_json_schema(), indent=2, sort_keys=True, ensure_ascii=False)


def render_again(path: Path, out: Path | None) -> Path:
    """Write the page of an existing report.

    Raises:
        ConfigError: it is no report of this version.
    """
    try:
        report = Report.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise ConfigError(f"{path} is no report that this version can read: {error}") from error
    target = out if out is not None else path.with_suffix(".html")
    _replace(target, render_html(report))
    return target
