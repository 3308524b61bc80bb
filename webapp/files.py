"""The file store: uploads by key, on the local disk or any filesystem that fsspec speaks to."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import sys
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
from gevent import get_hub, monkey

from webapp.locks import is_free, locked

BLOCK = 1024 * 1024
FOLDERS = [f"{number:02x}" for number in range(256)]
KEY = re.compile(r"[0-9a-f]{2}/[0-9a-f]{32}")
INCOMING, COPY = "incoming-", "copy-"
DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def give_way() -> None:
    """Let others have a turn: where data never stops coming, gevent would serve nobody else."""
    time.sleep(0.0001)


class TooLarge(Exception):
    """An upload grew past its limit while it streamed."""


class NoRoom(Exception):
    """The disk takes no more."""


@contextmanager
def _room() -> Iterator[None]:
    """Tell a full disk from other troubles."""
    try:
        yield
    except OSError as error:
        if error.errno in DISK_FULL:
            raise NoRoom from error
        raise


class Incoming:
    """An upload on its way in: a file that is measured and digested as it is written.

    Given to the form parser as its stream, so nothing is read or written twice. It stays until it
    is discarded, also once it is kept: what a killed process leaves says what it was about to store.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self.id = uuid.uuid4().hex
        self.path = folder / f"{INCOMING}{self.id}"
        with _room():
            self._file = locked(self.path)
        self._digest = hashlib.sha256()
        self._limit = limit
        self.size = 0

    def write(self, data: bytes) -> int:
        self.size += len(data)
        if self.size > self._limit:
            self.discard()
            raise TooLarge
        self._digest.update(data)
        if self.size // BLOCK > (self.size - len(data)) // BLOCK:
            give_way()
        with _room():
            return self._file.write(data)

    def flush(self) -> None:
        with _room():
            self._file.flush()

    def sync(self) -> None:
        """Have the disk hold what was written, whatever befalls the machine."""
        self.flush()
        with _room():
            os.fsync(self._file.fileno())

    def reach_the_disk(self) -> None:
        """Wait until a loss of power can't take it any more."""
        if monkey.is_module_patched("socket"):
            # Others are served meanwhile.
            get_hub().threadpool.apply(os.fsync, (self._file.fileno(),))
        else:
            os.fsync(self._file.fileno())

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Writes what is still to be written, too."""
        with _room():
            return self._file.seek(offset, whence)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def discard(self) -> None:
        """Leave nothing behind; once it is kept, and a job has it, that is all that is left of it."""
        self.path.unlink(missing_ok=True)
        # A full disk may refuse even the last bytes.
        with suppress(OSError):
            self._file.close()


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

    def put(self, content: bytes | Path) -> Incoming:
        """Something of our own on its way in: whole, and on the disk. Keep it, and discard it, like an upload."""
        incoming = self.receive(sys.maxsize)
        try:
            if isinstance(content, bytes):
                incoming.write(content)
            else:
                with content.open("rb") as file:
                    shutil.copyfileobj(file, incoming, BLOCK)
            incoming.sync()
        except BaseException:
            incoming.discard()
            raise
        return incoming

    def keep(self, upload: Incoming) -> str:
        """Store a finished upload and return its key. Once a job has the key, discard the upload."""
        upload.flush()
        key = _key(upload.id)
        try:
            with _room():
                upload.reach_the_disk()
                self._store(upload.path, self._path(key))
        except BaseException:
            self.delete(key)
            raise
        return key

    def _store(self, path: Path, target: str) -> None:
        self.filesystem.makedirs(target.rpartition("/")[0], exist_ok=True)
        if not self.is_local:
            self.filesystem.put_file(str(path), target)
            return
        try:
            os.link(path, target)
        except OSError:
            # Another disk, or one without links.
            shutil.copyfile(path, target)
            _sync(target)
        _sync(target.rpartition("/")[0])

    def leftovers(self) -> Iterator[tuple[Path, str | None]]:
        """What killed processes left behind: a file, and the key that it may have been kept under."""
        for path in self.incoming.iterdir():
            if path.name.startswith((INCOMING, COPY)) and is_free(path):
                yield path, _key(path.name.removeprefix(INCOMING)) if path.name.startswith(INCOMING) else None

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
        copy = self.incoming / f"{COPY}{uuid.uuid4().hex}"
        with locked(copy):
            try:
                self.filesystem.get_file(self._path(key), str(copy))
                yield copy
            finally:
                copy.unlink()

    def _path(self, key: str) -> str:
        return f"{self.root}/{key}"


def _sync(path: str) -> None:
    """Have a file, or the names in a folder, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _key(id: str) -> str:
    return f"{id[:2]}/{id}"
