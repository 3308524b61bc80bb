"""Everything that can be set, from HEADWAY_* variables into one frozen, checked value."""

from __future__ import annotations

import difflib
import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import quote, urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
)

from webapp import durations

PREFIX = "HEADWAY_"
# Variables of bin/test, which the program itself does not read.
TEST_PREFIX = "HEADWAY_TEST_"
# Of commands that talk to a server, which may be another one than these settings are for.
TOKEN_VARIABLE = "HEADWAY_TOKEN"
URL_VARIABLE = "HEADWAY_URL"
FROM_FILES = ("secret_key", "admin_password", "redis_url", "database_url")
SECRETS = ("secret_key", "admin_password")
ADDRESSES = ("redis_url", "database_url", "files_url")
WORDS = {
    "int_parsing": "it should be a whole number",
    "float_parsing": "it should be a number",
    "bool_parsing": "it should be true or false",
    "byte_size": "it should be a number of bytes, or a size like 200MB or 1GiB",
    "byte_size_unit": "it should be a number of bytes, or a size like 200MB or 1GiB",
}
PROJECT = Path(__file__).resolve().parent.parent
# The kernel takes 107 bytes for the name of a unix socket, and Valkey appends to it while it starts.
LONGEST_SOCKET_NAME = 100


class SettingsError(Exception):
    """A setting that can't be used. The message names the variable and says what it should be."""


class Explained(NamedTuple):
    """One setting for people to read, secrets hidden; `source` says where the value comes from."""

    variable: str
    value: str
    source: str
    description: str


def cores() -> int:
    """How many CPU cores this process may use."""
    return len(os.sched_getaffinity(0))


def _absolute(path: Path) -> Path:
    if "?" in str(path) or not str(path).isprintable():
        raise ValueError("it should have no question mark or control character in its name")
    return path.expanduser().absolute()


def _separated(value: Any) -> Any:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _origins(origins: tuple[str, ...]) -> tuple[str, ...]:
    for origin in origins:
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or not parts.netloc or origin != f"{parts.scheme}://{parts.netloc}":
            raise ValueError("write each origin like https://console.example.org, without a path")
    return origins


def _pairs(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    parts = (part.partition("=") for part in _separated(value))
    return {name.strip(): length.strip() for name, _, length in parts}


def _length(text: Any) -> timedelta:
    return text if isinstance(text, timedelta) else durations.parse(text)


def _of_kinds(limits: dict[str, timedelta]) -> dict[str, timedelta]:
    if not limits:
        return limits
    from webapp.kinds import KINDS  # kinds take long to load, and most commands need none

    if unknown := sorted(limits.keys() - KINDS.keys()):
        raise ValueError(f"there is no kind of job “{unknown[0][:50]}”; there are {', '.join(KINDS)}")
    return limits


def _frame_origins(origins: tuple[str, ...]) -> tuple[str, ...]:
    return origins if origins == ("*",) else _origins(origins)


def _lowered(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _bytes(value: ByteSize) -> ByteSize:
    if value <= 0:
        raise ValueError("it should be more than 0 bytes")
    return value


def _long_enough(key: str) -> str:
    if key and len(key) < 16:
        raise ValueError("it should be at least 16 random characters")
    return key


def _address(url: str, schemes: tuple[str, ...]) -> str:
    if url and not url.startswith(schemes):
        raise ValueError(f"it should begin with {' or '.join(schemes)}")
    return url


def _redis(url: str) -> str:
    return _address(url, ("redis://", "rediss://", "unix://"))


def _database(url: str) -> str:
    return _address(url, ("sqlite:////",))


def _files(url: str) -> str:
    if url and "://" not in url:
        raise ValueError("it should be a URL that fsspec knows, such as file:///path or s3://bucket/folder")
    return url


Count = Annotated[int, Field(ge=1)]


class Settings(BaseModel):
    """One process's settings. Times are seconds and sizes bytes unless a field says otherwise."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    data_dir: Annotated[Path, AfterValidator(_absolute)] = Field(
        PROJECT / "var",
        description="Folder for everything Headway keeps. A relative path starts at the current folder.",
    )
    host: str = Field("127.0.0.1", description="Address that the web server listens on.")
    port: int = Field(8000, ge=1, le=65535, description="Port that the web server listens on.")
    redis_url: Annotated[str, AfterValidator(_redis)] = Field(
        "", repr=False, description="Redis or Valkey to use. Empty: one of Headway's own, in the data folder."
    )
    database_url: Annotated[str, AfterValidator(_database)] = Field(
        "",
        repr=False,
        description="Database to use, sqlite:////path/to/file. Empty: SQLite in the data folder.",
    )
    files_url: Annotated[str, AfterValidator(_files)] = Field(
        "", repr=False, description="Where uploads are kept, as a URL that fsspec knows. Empty: in the data folder."
    )
    workers: Count = Field(
        default_factory=lambda: min(2, cores()),
        description="Worker processes: how many jobs run at the same time.",
    )
    lanes: Count = Field(default_factory=cores, description="Processes that share the work inside one job.")
    web_processes: Count = Field(2, description="Web server processes.")
    admin_email: str = Field("admin@localhost", description="The first admin's email; used on the first start only.")
    admin_password: str = Field(
        "",
        repr=False,
        description="The first admin's password; used on the first start only. Empty: one is made.",
    )
    secret_key: Annotated[str, AfterValidator(_long_enough)] = Field(
        "", repr=False, description="Signs cookies and tickets. Empty: made once and kept in the data folder."
    )
    max_upload: Annotated[ByteSize, AfterValidator(_bytes)] = Field(
        ByteSize(200 * 1000 * 1000), description="Largest upload, in bytes or like 200MB or 1GiB."
    )
    keep_days: int = Field(
        90, ge=0, description="Days that an ended job is kept, with its history and its file. 0: for ever."
    )
    keep_bytes: ByteSize = Field(
        ByteSize(0),
        description="What the files of jobs may take in all, like 50GB: beyond it the oldest ended jobs go. 0: any.",
    )
    max_streams_per_user: Count = Field(50, description="Open streams that one user may hold, for each web process.")
    max_streams_per_address: Count = Field(
        200, description="Open streams that one network address may hold, for each web process."
    )
    max_streams: Count = Field(2000, description="Open streams that one web process holds.")
    max_stream_connects: Count = Field(
        600, description="Streams that one network address may open in a minute, for each web process."
    )
    stream_writer: Annotated[Literal["auto", "handoff", "generator"], BeforeValidator(_lowered)] = Field(
        "auto",
        description="How streams are written: handoff takes their sockets over from the web server, generator leaves "
        "them there and costs more for each. auto: handoff where the web server and the system allow it.",
    )
    api_rate: int = Field(
        6000, ge=0, description="Calls of the API that one user may make in a minute, streams aside. 0: any number."
    )
    api_failures: int = Field(
        600,
        ge=0,
        description="Calls without a good credential that one network address may make in a minute. 0: any number.",
    )
    cors_origins: Annotated[tuple[str, ...], BeforeValidator(_separated), AfterValidator(_origins)] = Field(
        (), description="Origins whose pages may call the API, separated by commas."
    )
    embed_origins: Annotated[tuple[str, ...], BeforeValidator(_separated), AfterValidator(_frame_origins)] = Field(
        (), description="Origins whose pages may show embedded jobs in a frame, separated by commas; * for any."
    )
    trusted_proxies: int = Field(
        0,
        ge=0,
        le=10,
        description="How many proxies stand in front, whose X-Forwarded-* headers are believed.",
    )
    secure_cookies: bool = Field(
        False, description="Send cookies over https only. Set it to true where people reach Headway by https."
    )
    session_days: Count = Field(14, description="Days until a login ends.")
    cancel_grace: float = Field(
        10,
        gt=0,
        description="Seconds that a cancelled job has to stop by itself before it is stopped by force.",
    )
    time_limits: Annotated[
        dict[str, Annotated[timedelta, BeforeValidator(_length)]], BeforeValidator(_pairs), AfterValidator(_of_kinds)
    ] = Field(
        {},
        description="How long an attempt may take, by kind of job, like ingest_document=2h,checksum=30m. 0: any time.",
    )
    worker_lease: float = Field(
        20,
        ge=1,
        description="Seconds without a sign of life after which what a worker holds goes to others.",
    )
    attempt_memory: ByteSize = Field(
        ByteSize(0),
        description="Memory that each process of an attempt may use, in bytes or like 2GiB. 0: no limit.",
    )
    stop_grace: float = Field(20, gt=0, description="Seconds that processes have to stop by themselves at the end.")
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lowered)] = Field(
        "info", description="How much is logged: debug, info, warning or error."
    )

    _sources: dict[str, str] = PrivateAttr(default_factory=dict)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """Read and check the HEADWAY_* variables. An empty one counts as not set. Raises SettingsError."""
        given = {name: value for name, value in environ.items() if name.startswith(PREFIX) and value.strip()}
        _refuse_unknown(given)
        values, sources = {}, {}
        for field in cls.model_fields:
            if found := _read(field, given):
                values[field], sources[field] = found
        try:
            settings = cls.model_validate(values)
        except ValidationError as error:
            raise SettingsError("\n".join(_in_words(error, sources))) from None
        settings._sources.update(sources)
        return settings

    @property
    def embedded_redis(self) -> bool:
        """Whether Headway runs a Redis of its own."""
        return not self.redis_url

    @property
    def redis_socket(self) -> Path:
        """Where the embedded Redis listens: in the data folder, or in /tmp if that name would be too long."""
        socket = self.data_dir / "redis.sock"
        if len(os.fsencode(socket)) <= LONGEST_SOCKET_NAME:
            return socket
        digest = hashlib.sha256(os.fsencode(self.data_dir)).hexdigest()[:16]
        # Not gettempdir(): every process must find the same place, whatever its TMPDIR. The supervisor
        # makes the folder with mode 700 and refuses one that somebody else owns.
        return Path(f"/tmp/headway-{digest}/redis.sock")  # noqa: S108

    @property
    def effective_redis_url(self) -> str:
        return self.redis_url or f"unix://{quote(str(self.redis_socket))}?db=0"

    @property
    def effective_database_url(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir / 'headway.db'}"

    @property
    def files_dir(self) -> Path:
        """Where uploads are kept if `files_url` is empty."""
        return self.data_dir / "files"

    @property
    def passages_path(self) -> Path:
        return self.data_dir / "passages.db"

    def explain(self) -> list[Explained]:
        """Every setting for people to read."""
        return [
            Explained(
                variable=variable(field),
                value=_shown(field, getattr(self, field)),
                source=self._sources.get(field, "default"),
                description=info.description or "",
            )
            for field, info in type(self).model_fields.items()
        ]


def variable(field: str) -> str:
    """`port` → `HEADWAY_PORT`."""
    return PREFIX + field.upper()


def _refuse_unknown(given: Mapping[str, str]) -> None:
    known = [field.upper() for field in Settings.model_fields] + [field.upper() + "_FILE" for field in FROM_FILES]
    for name in sorted(set(given) - {PREFIX + word for word in known}):
        if name.startswith(TEST_PREFIX) or name in (TOKEN_VARIABLE, URL_VARIABLE):
            continue
        # Without the prefix, which all of them have in common.
        close = difflib.get_close_matches(name.removeprefix(PREFIX), known, n=1)
        hint = f"Did you mean {PREFIX + close[0]}?" if close else "Run `bin/headway settings` to see what can be set."
        raise SettingsError(f"{name}: there is no such setting. {hint}")


def _read(field: str, given: Mapping[str, str]) -> tuple[str, str] | None:
    """The value as text and where it came from, or None if it was not set."""
    name, file_name = variable(field), variable(field) + "_FILE"
    if name in given and file_name in given:
        raise SettingsError(f"{name} and {file_name} are both set. Keep one of them.")
    if name in given:
        return given[name].strip(), "environment"
    if file_name in given:
        try:
            return Path(given[file_name]).read_text().strip(), f"file {given[file_name]}"
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            raise SettingsError(f"{file_name}: can't read {given[file_name]}: {reason}.") from None
    return None


def _in_words(error: ValidationError, sources: Mapping[str, str]) -> Iterator[str]:
    for problem in error.errors():
        field = str(problem["loc"][0])
        name = variable(field) + ("_FILE" if sources.get(field, "").startswith("file ") else "")
        message = WORDS.get(problem["type"]) or problem["msg"].removeprefix("Value error, ").replace("Input", "it")
        yield f"{name}: {message} (it is {_shown(field, problem['input'])!r})."


def _shown(field: str, value: Any) -> str:
    if field in SECRETS:
        return "(hidden)" if value else ""
    if field in ADDRESSES:
        # Everything up to the last @ goes: a password with an unescaped / or @ would survive a parser.
        masked = re.sub(r"://.*@", "://***@", str(value), flags=re.DOTALL)
        return re.sub(r"([?&][^=&]*(?:pass|secret|key|token)[^=&]*=)[^&]*", r"\1***", masked, flags=re.IGNORECASE)
    if isinstance(value, dict):
        return ", ".join(f"{name}={durations.short(length)}" for name, length in value.items())
    if isinstance(value, tuple):
        return ", ".join(value)
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
