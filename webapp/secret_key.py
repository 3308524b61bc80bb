"""The key that signs cookies and tickets: set, or made once and kept in the data folder."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from webapp.settings import Settings


def ensure_secret_key(settings: Settings) -> str:
    """The key that was set, or one made once and kept in the data folder, for all processes the same."""
    if settings.secret_key:
        return settings.secret_key
    path = settings.data_dir / "secret_key"
    if not path.exists():
        _write_once(path, secrets.token_urlsafe(48))
    return path.read_text().strip()


def _write_once(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        # A link appears whole or not at all, and fails where another process was first.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
