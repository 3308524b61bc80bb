"""The file store: uploads by key, on the local disk or any filesystem that fsspec speaks to."""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

BLOCK = 1024 * 1024
FOLDERS = [f"{number:02x}" for number in range(256)]
KEY = re.compile(r"[0-9a-f]{2}/[0-9a-f]{32}")


def give_way() -> None:
    """Let others have a turn: where data never stops coming, gevent would serve nobody else."""
    time.sleep(0.0001)


class TooLarge(Exception):
    """An upload grew past its limit while it streamed."""


class Incoming:
    """An upload on its way in: a file that is measured and digested as it is written.

    Given to the form parser as its stream, so nothing is read or written twice.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self._file = tempfile.NamedTemporaryFile(dir=folder, prefix="incoming-", delete=False)  # noqa: SIM115
        self._digest = hashlib.sha256()
        self._limit = limit
        self.path = Path(self._file.name)
        self.size = 0

    def write(self, data: bytes) -> int:
        self.size += len(data)
        if self.size > self._limit:
            self.discard()
            raise TooLarge
        self._digest.update(data)
        if self.size // BLOCK > (self.size - len(data)) // BLOCK:
            give_way()
        return self._file.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def discard(self) -> None:
        """Leave nothing behind; harmless once the file has been kept."""
        self._file.close()
        self.path.unlink(missing_ok=True)


@dataclass(frozen=True)
class FileStore:
    """Keys are paths below the store's root. `incoming` is a local folder for what is not yet accepted."""

    root: str
    filesystem: Any
    incoming: Path

    @classmethod
    def open(cls, url: str, incoming: Path) -> FileStore:
        filesystem, root = fsspec.core.url_to_fs(url)
        filesystem.makedirs(root, exist_ok=True)
        incoming.mkdir(parents=True, exist_ok=True)
        return cls(root.rstrip("/"), filesystem, incoming)

    @property
    def is_local(self) -> bool:
        return isinstance(self.filesystem, LocalFileSystem)

    def receive(self, limit: int) -> Incoming:
        return Incoming(self.incoming, limit)

    def keep(self, upload: Incoming) -> str:
        """Store a finished upload for good and return its key."""
        upload.flush()
        key = f"{upload.sha256[:2]}/{uuid.uuid4().hex}"
        self.filesystem.makedirs(self._path(key).rpartition("/")[0], exist_ok=True)
        if self.is_local:
            shutil.move(upload.path, self._path(key))
        else:
            self.filesystem.put_file(str(upload.path), self._path(key))
        upload.discard()
        return key

    def delete(self, key: str) -> None:
        with suppress(FileNotFoundError):
            self.filesystem.rm_file(self._path(key))

    def sizes(self, folder: str) -> dict[str, int]:
        """What is kept in one of the FOLDERS: key → bytes."""
        path = self._path(folder)
        self.filesystem.invalidate_cache(path)
        try:
            listed = self.filesystem.ls(path, detail=True)
        except FileNotFoundError:
            return {}
        named = ((f"{folder}/{entry['name'].rpartition('/')[2]}", entry) for entry in listed)
        return {key: entry["size"] for key, entry in named if KEY.fullmatch(key) and entry["type"] == "file"}

    def kept_at(self, key: str) -> datetime:
        """Raises FileNotFoundError."""
        modified: datetime = self.filesystem.modified(self._path(key))
        return modified

    def read(self, key: str) -> IO[bytes]:
        """Raises FileNotFoundError."""
        return self.filesystem.open(self._path(key), "rb")

    @contextmanager
    def local(self, key: str) -> Iterator[Path]:
        """The file as a local path: itself where the store is local, else a copy that goes afterwards."""
        if self.is_local:
            yield Path(self._path(key))
            return
        with tempfile.NamedTemporaryFile(dir=self.incoming, prefix="copy-") as copy:
            self.filesystem.get_file(self._path(key), copy.name)
            yield Path(copy.name)

    def _path(self, key: str) -> str:
        return f"{self.root}/{key}"
