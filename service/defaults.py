"""All settings with their defaults and what they mean, as TOML files that the commands read."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from detect.config import Config
from service.settings import ServiceSettings

_WIDTH = 100


def settings_toml() -> str:
    """A commented TOML document of the defaults that `unmask scan --config` reads."""
    lines = []
    for section, field in Config.model_fields.items():
        kind = field.annotation
        assert kind is not None  # noqa: S101 - every field of Config is annotated with its section
        lines += ["", *_comment((kind.__doc__ or "").strip()), f"[{section}]"]
        values = getattr(Config(), section)
        for name, setting in type(values).model_fields.items():
            lines += _setting(name, setting, getattr(values, name))
    return "\n".join(lines[1:])


def service_toml() -> str:
    """A commented TOML document of the service's defaults; `UNMASK_SERVICE_SETTINGS` names such a file."""
    lines, tables = list[str](), list[str]()
    for name, setting in ServiceSettings.model_fields.items():
        model = _model_in(setting.annotation)
        if model is None:
            # What is made at the start differs by machine, and stands as a comment, as what has no value does.
            lines += _setting(name, setting, setting.default if setting.default_factory is None else None)
        else:
            tables += ["", *_table(name, model, many=setting.default == ())]
    return "\n".join([*lines, *tables])


def _table(name: str, model: type[BaseModel], *, many: bool) -> Iterator[str]:
    """A table that is not there by default, as a comment."""
    yield from _comment(" ".join((model.__doc__ or "").split()))
    yield f"# [[{name}]]" if many else f"# [{name}]"
    for inner, setting in model.model_fields.items():
        yield from _comment(" ".join((setting.description or "").split()), indent="#   ")
        yield f"# {inner} =" if setting.is_required() else f"# {inner} = {json.dumps(setting.default)}"


def _model_in(kind: Any) -> type[BaseModel] | None:
    """The model that a setting is of, or has many of."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind
    return next((model for inner in get_args(kind) if (model := _model_in(inner)) is not None), None)


def _setting(name: str, setting: FieldInfo, value: Any) -> list[str]:
    # TOML has no null: a setting without a value stands as a comment.
    line = f"# {name} =" if value is None else f"{name} = {json.dumps(value)}"
    return [*_comment(" ".join((setting.description or "").split())), line]


def _comment(text: str, *, indent: str = "# ") -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=indent, subsequent_indent=indent)
