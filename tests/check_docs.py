"""`make check`: what is written about the project agrees with the project.

* the committed JSON Schema is that of the code;
* no source file is longer than 400 lines;
* every relative link of every Markdown file leads somewhere;
* every `make` target, `unmask` command and option that a Markdown file shows is there;
* the documented settings are those of the code, and so are the data sets of `benchmarks/README.md`;
* the README's results are what the filed score files give.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from benchmarks.catalogue import BEGIN, END, sections
from benchmarks.filed import result_problems
from service.cli import cli
from service.defaults import settings_toml
from service.scan import schema_json

ROOT = Path(__file__).resolve().parent.parent
MAX_LINES = 400


def tracked(*suffixes: str) -> list[Path]:
    """Files of the project with one of these endings, those not committed yet included."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    return [ROOT / name for name in names if name.endswith(suffixes) and (ROOT / name).is_file()]


def schema_problems() -> Iterator[str]:
    path = ROOT / "detect" / "report.schema.json"
    if not path.is_file() or path.read_text(encoding="utf-8").rstrip("\n") != schema_json():
        yield f"{path.relative_to(ROOT)} is not the schema of the code: unmask schema > {path.relative_to(ROOT)}"


def length_problems() -> Iterator[str]:
    for path in tracked(".py", ".j2", ".css"):
        count = len(path.read_text(encoding="utf-8").splitlines())
        if count > MAX_LINES:
            yield f"{path.relative_to(ROOT)} has {count} lines, more than {MAX_LINES}"


def link_problems() -> Iterator[str]:
    for path in tracked(".md"):
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text(encoding="utf-8")):
            if "://" not in target and not target.startswith("mailto:") and not (path.parent / target).exists():
                yield f"{path.relative_to(ROOT)} links to {target}, which is not there"


def command_problems() -> Iterator[str]:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for path in tracked(".md"):
        text = path.read_text(encoding="utf-8")
        for block in re.findall(r"```(?:sh|bash|console)\n(.*?)```|`([^`\n]+)`", text, re.DOTALL):
            for line in "".join(block).splitlines():
                words = line.split("#")[0].strip().removeprefix("$ ").removeprefix(".venv/bin/").split()
                problem = _command_problem(words, targets)
                if problem:
                    yield f"{path.relative_to(ROOT)}: {line.strip()}: {problem}"


def _command_problem(words: list[str], targets: set[str]) -> str | None:
    if words[:1] == ["make"]:
        named = [word for word in words[1:] if re.fullmatch(r"[a-z-]+", word)]
        return next((f"no target {word}" for word in named if word not in targets), None)
    if words[:1] != ["unmask"]:
        return None
    command: click.Command = cli
    for word in words[1:]:
        if word.startswith("-"):
            known = {option for parameter in command.params for option in parameter.opts} | {
                "--help",
                "-h",
                "--version",
            }
            if word.split("=")[0] not in known:
                return f"no option {word}"
        elif isinstance(command, click.Group) and re.fullmatch(r"[a-z]+", word):
            if word not in command.commands:
                return f"no command {word}"
            command = command.commands[word]
    return None


def setting_problems() -> Iterator[str]:
    path = ROOT / "docs" / "settings.md"
    if f"```toml\n{settings_toml()}\n```" not in path.read_text(encoding="utf-8"):
        yield "docs/settings.md does not hold what `unmask settings` prints"


def data_set_problems() -> Iterator[str]:
    path = ROOT / "benchmarks" / "README.md"
    if f"{BEGIN}\n{sections()}\n{END}" not in path.read_text(encoding="utf-8"):
        yield "benchmarks/README.md does not hold what `python -m benchmarks datasets --markdown` prints"


def main() -> int:
    checks = (
        schema_problems,
        length_problems,
        link_problems,
        command_problems,
        setting_problems,
        data_set_problems,
        result_problems,
    )
    problems = [problem for check in checks for problem in check()]
    for problem in problems:
        sys.stdout.write(f"{problem}\n")
    sys.stdout.write(f"documentation: {len(problems)} problems\n" if problems else "documentation: current\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
