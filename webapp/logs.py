"""How every process logs: one line a record on standard error, which the supervisor collects."""

from __future__ import annotations

import logging
import logging.config
import time
from typing import Any

# Libraries that tell of each of their own steps; of interest when they warn.
TALKATIVE = ("gunicorn.error", "huey", "alembic", "asyncio", "fsspec", "sqlalchemy.engine", "flask-limiter", "limits")


def configure(level: str) -> None:
    """Log from here on. Call once, at a process's start."""
    logging.config.dictConfig(configuration(level))


def configuration(level: str) -> dict[str, Any]:
    """The same as logging's own dictionary, for a server that configures logging itself."""
    libraries = "DEBUG" if level == "debug" else "WARNING"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": LineFormatter}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"level": level.upper(), "handlers": ["stderr"]},
        # Without handlers of their own: gunicorn and Huey would each write in a format of theirs.
        "loggers": {name: {"level": libraries, "handlers": [], "propagate": True} for name in TALKATIVE},
    }


class LineFormatter(logging.Formatter):
    """`2026-11-22T20:15:03.250Z info webapp.worker job=42 attempt=1 state=completed`.

    Whatever a record says stays on its line: names and errors come from outside, and a line break
    in one must not look like another record, nor an escape sequence reach a terminal.
    """

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        return f"{moment}.{record.msecs:03.0f}Z {record.levelname.lower()} {record.name} {record.message}"


def printable(text: str) -> str:
    r"""Text without control characters: `"a\nb\x1b[31m"` → `a\nb\x1b[31m` with the backslashes to be seen."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
