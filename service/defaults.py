"""All settings with their defaults and what they mean, as a TOML file that `unmask scan --config` reads."""

from __future__ import annotations

import json
import textwrap

from detect.config import Config

_WIDTH = 100


def settings_toml() -> str:
    """A commented TOML document of the defaults."""
    lines = []
    for section, field in Config.model_fields.items():
        kind = field.annotation
        assert kind is not None  # noqa: S101 - every field of Config is annotated with its section
        lines += ["", *_comment((kind.__doc__ or "").strip()), f"[{section}]"]
        values = getattr(Config(), section)
        for name, setting in type(values).model_fields.items():
            value = getattr(values, name)
            lines += _comment(" ".join((setting.description or "").split()))
            # TOML has no null: a setting without a value stands as a comment.
            lines.append(f"# {name} =" if value is None else f"{name} = {json.dumps(value)}")
    return "\n".join(lines[1:])


def _comment(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="# ", subsequent_indent="# ")
