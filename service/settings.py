"""The service's own settings: from the environment (`UNMASK_SERVICE_...`) over a TOML file over the defaults.

What decides a report's body is not here: that is `detect.config.Config`, in the file that `config` names.
"""

from __future__ import annotations

import ipaddress
import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from platformdirs import user_data_path
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from detect.errors import ConfigError

_GIB = 1 << 30
PREFIX = "UNMASK_SERVICE_"
FILE = "UNMASK_SERVICE_SETTINGS"
"""Environment variable that names the TOML file."""


def _is_safe(url: str) -> bool:
    """Encrypted, or on this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)


_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Hook(BaseModel):
    """A place of yours that is told when a job ends. Only these are ever called: no request can name an address."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: str
    """As the log calls it."""
    url: str
    """`https://`, or `http://` on the loopback network."""
    secret: SecretStr
    """Signs each call: HMAC-SHA256 over id, time and body, in the header `Unmask-Signature`."""
    cases: tuple[str, ...] = ()
    """Only these cases; empty for all."""

    @field_validator("url")
    @classmethod
    def _encrypted(cls, url: str) -> str:
        if not _is_safe(url):
            raise ValueError("a hook's address begins with https://, or with http:// on the loopback network")
        return url


class IdentityProvider(BaseModel):
    """OpenID Connect: tokens of this issuer are accepted beside API keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    issuer: str
    """As in the tokens' `iss`; its `/.well-known/openid-configuration` is read."""
    audience: str
    """As in the tokens' `aud`."""
    scopes_claim: str = "unmask_scopes"
    """Claim that lists `submit`, `read`, `review`, `admin`."""
    name_claim: str = "name"
    """Claim with the person's name, as it is shown to colleagues."""

    @field_validator("issuer")
    @classmethod
    def _encrypted(cls, issuer: str) -> str:
        if not _is_safe(issuer):
            raise ValueError("an issuer's address begins with https://, or with http:// on the loopback network")
        return issuer


class ServiceSettings(BaseSettings):
    """Where the service keeps things, and what it allows."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        env_prefix=PREFIX,
        env_nested_delimiter="__",
    )

    data: Path = Field(default_factory=lambda: user_data_path("unmask") / "service")
    """Folder of evidence, results and, unless `database` says otherwise, the database."""
    database: str | None = None
    """`postgresql://user@host/name`; none keeps a file in `data`."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = Field(default=8422, ge=0, le=65535)
    """0 takes one that is free."""
    public_url: str | None = None
    """Where people find it, `https://unmask.example.org`, behind a reverse proxy; needed to listen beyond loopback."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses of reverse proxies whose `X-Forwarded-...` headers are believed."""
    config: Path | None = None
    """TOML file of the examination's settings, as `unmask scan --config` reads it."""
    weights: tuple[Path, ...] = ()
    """Further folders where checkpoints are looked for."""
    engine: Literal["local", "ray"] = "ray"
    """`local` examines one recording at a time, in one process."""
    workers: int | None = Field(default=None, ge=1)
    """Recordings examined at the same time; none takes one for each CPU."""
    gpus: float = Field(default=0, ge=0)
    """For the models; 0 examines on the CPU, a half shares one with others."""
    ray_address: str | None = None
    """Ray cluster to join; none starts one on this machine."""
    max_upload_bytes: int = Field(default=20 * _GIB, ge=1)
    """Largest recording: an hour of 4K video at 40 Mbit/s."""
    quota_bytes: int = Field(default=200 * _GIB, ge=1)
    """Evidence that one person may hand in within 24 hours, where the key says nothing else."""
    reserve_bytes: int = Field(default=2 * _GIB, ge=0)
    """Disk space that uploads leave free, for results and the database."""
    requests_per_minute: int = Field(default=600, ge=1)
    """Of one person, where the key says nothing else."""
    max_open_jobs: int = Field(default=100_000, ge=1)
    """Jobs in the queue, of all people."""
    max_open_jobs_per_person: int = Field(default=10_000, ge=1)
    """Likewise, of one person."""
    max_connections: int = Field(default=1_000, ge=1)
    """Requests at the same time; further ones are told to come again."""
    idle_seconds: float = Field(default=30.0, gt=0)
    """An upload that sends nothing for so long is ended; what arrived of a resumable one is kept."""
    upload_hours: float = Field(default=24.0, gt=0)
    """An unfinished upload is kept for so long after its last byte."""
    max_streams_per_person: int = Field(default=20, ge=1)
    """Streams of events that one person may have open: a tab of a browser takes one."""
    max_wait_seconds: int = Field(default=60, ge=0)
    """Longest `?wait=`."""
    session_hours: float = Field(default=12.0, gt=0)
    """A browser's session."""
    retention_days: int | None = Field(default=None, ge=1)
    """Jobs and evidence are deleted so long after they were handed in, where the case says nothing else."""
    signing_key: Path | None = None
    """Signs bundles and checkpoints of the audit log; none takes the examiner's own key."""
    hooks: tuple[Hook, ...] = ()
    identity_provider: IdentityProvider | None = None
    language: Literal["en", "de"] = "en"
    """Of the web page, where a browser does not ask for one."""
    log_format: Literal["json", "text"] = "json"
    """One line an event on standard error, either way."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The order: what the caller says, the environment, the file."""
        del dotenv_settings, file_secret_settings
        file = os.environ.get(FILE)
        sources: tuple[PydanticBaseSettingsSource, ...] = (init_settings, env_settings)
        if file is None:
            return sources
        return (*sources, TomlConfigSettingsSource(settings_cls, Path(file)))

    @field_validator("public_url")
    @classmethod
    def _whole(cls, url: str | None) -> str | None:
        if url is not None and not _is_safe(url):
            raise ValueError("the public address begins with https://; TLS is the reverse proxy's")
        return url.rstrip("/") if url is not None else None

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        if not self.is_loopback and self.public_url is None:
            raise ValueError(
                f"listening on {self.host}, beyond this machine, needs public_url: keys and evidence would travel "
                "unencrypted; put a reverse proxy with TLS in front (deploy/README.md)"
            )
        names = [hook.name for hook in self.hooks]
        if len(names) != len(set(names)):
            raise ValueError("two hooks have the same name")
        return self

    @property
    def is_loopback(self) -> bool:
        """Whether nobody but this machine's users can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def database_place(self) -> str | Path:
        """What `Store.open` takes."""
        return self.database or self.data / "service.sqlite"

    def hooks_of(self, case_id: str) -> list[str]:
        """Names of the hooks that are called for a case."""
        return [hook.name for hook in self.hooks if not hook.cases or case_id in hook.cases]

    @property
    def results(self) -> Path:
        """Folder of the reports."""
        return self.data / "results"

    @property
    def progress(self) -> Path:
        """Folder where examinations say how far they are."""
        return self.data / "work" / "progress"

    @property
    def hosts(self) -> frozenset[str]:
        """Names by which browsers may call; under others a foreign page has found its way here (DNS rebinding)."""
        own = urlsplit(self.public_url).hostname if self.public_url is not None else None
        return frozenset({"localhost", "127.0.0.1", "[::1]", self.host} | ({own} if own else set()))


def as_environment(values: Mapping[str, Any]) -> dict[str, str]:
    """What the command line says, for a child process that loads its settings itself."""
    plain = TypeAdapter(dict[str, Any]).dump_python(
        {name: value for name, value in values.items() if value is not None}, mode="json"
    )
    return {
        f"{PREFIX}{name.upper()}": value if isinstance(value, str) else json.dumps(value)
        for name, value in plain.items()
    }


def load_settings(**values: Any) -> ServiceSettings:
    """The settings in force.

    Args:
        values: What the command line says; None counts as not said.

    Raises:
        ConfigError: something is malformed or unknown.
    """
    _see_what_is_said()
    try:
        return ServiceSettings(**{name: value for name, value in values.items() if value is not None})
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, entry['loc'])) or 'settings'}: {entry['msg']}" for entry in error.errors()]
        raise ConfigError("; ".join(problems)) from error
    except SettingsError as error:
        raise ConfigError(f"{error}; lists and tables are written as JSON there") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{os.environ.get(FILE)}: {error}") from error


def _see_what_is_said() -> None:
    """Refuse what pydantic-settings passes over: a mistyped variable, and a file that is not there.

    Raises:
        ConfigError: there is such a thing.
    """
    for variable in os.environ:
        name = variable.upper().removeprefix(PREFIX).partition("__")[0].lower()
        if variable.upper().startswith(PREFIX) and variable != FILE and name not in ServiceSettings.model_fields:
            raise ConfigError(f"the environment variable {variable} is no setting of the service")
    file = os.environ.get(FILE)
    if file is not None and not Path(file).is_file():
        raise ConfigError(f"{FILE} names {file}, which is not there")
