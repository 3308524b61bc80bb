"""ZIP archives: is it safe to unpack this Office file, asked before any parser sees it; and what people packed."""

from __future__ import annotations

import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from webapp.errors import JobError

MAX_UNPACKED = 300_000_000
MAX_ENTRIES = 10_000
# Real spreadsheets shrink to a fiftieth at most; small files may do better.
MAX_RATIO = 150
SMALL = 20_000_000
MAX_DIRECTORY = 2_000_000
BLOCK = 1 << 18

END_LENGTH = 22
MAX_COMMENT = 0xFFFF
# What systems put beside people's files.
JUNK = {"__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini"}
DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError)
UNREADABLE = (*DAMAGE, OSError, ValueError)

DAMAGED = "The file is damaged: it can't be unpacked. Save it again in Office and upload it once more."
TOO_LARGE = (
    "The file unpacks to far more than a document needs, so it was not opened. "
    "Save its contents as a new document and upload that."
)
BROKEN = "The archive is damaged and can't be unpacked. Make it again and upload it once more."
CROWDED = f"There are more than {MAX_ENTRIES:,} files in this archive. Split it up."


def check(path: Path) -> None:
    """Raise JobError unless the archive unpacks, within bounds, to what it declares."""
    with _readable(DAMAGED), path.open("rb") as file:
        entries = _entries(file)
        _check_declared(entries, path.stat().st_size)
        _check_actual(file, entries, path.stat().st_size)


def members(path: Path) -> list[str]:
    """The names inside; JobError if the archive can't be read, or has too many."""
    with _readable(DAMAGED), path.open("rb") as file:
        return [entry.filename for entry in _entries(file)]


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """An archive of people's files. Raises JobError if it can't be read, or holds too many."""
    with path.open("rb") as file:
        with _readable(BROKEN):
            if _directory_size(file) > MAX_DIRECTORY:
                raise JobError(CROWDED)
            # It makes an object for each entry, so the directory's size is looked at first.
            archive = zipfile.ZipFile(file)
        if len(archive.infolist()) > MAX_ENTRIES:
            raise JobError(CROWDED)
        yield archive


def files_in(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Without folders, and without what systems add."""
    return [
        entry
        for entry in archive.infolist()
        if not entry.is_dir() and not JUNK & set(PurePosixPath(entry.filename).parts)
    ]


def shown_name(entry: zipfile.ZipInfo) -> str:
    """`reports/may/a.pdf` → `reports › may › a.pdf`: two files of one name in different folders stay apart."""
    path = unicodedata.normalize("NFC", entry.filename.replace("\\", "/"))
    return " › ".join(part for part in path.split("/") if part not in ("", ".", ".."))


@contextmanager
def reading(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[IO[bytes]]:
    """What is in one file; it never gives more than the archive says. Raises JobError, also while it is read."""
    if entry.flag_bits & 1:
        raise JobError("It is protected with a password.")
    # Not what the disk says to the reader of this stream: OSError and the like are not the archive's.
    with _readable("It is damaged, or packed in a way that can't be read here.", DAMAGE), archive.open(entry) as stream:
        yield stream


@contextmanager
def _readable(otherwise: str, errors: tuple[type[Exception], ...] = UNREADABLE) -> Iterator[None]:
    """Say in words what an archive's errors mean."""
    try:
        yield
    except errors as error:
        raise JobError(otherwise) from error


def _entries(file: BinaryIO) -> list[zipfile.ZipInfo]:
    """zipfile holds an object for each entry, so the directory's size is looked at first."""
    if _directory_size(file) > MAX_DIRECTORY:
        raise JobError(TOO_LARGE)
    with zipfile.ZipFile(file) as archive:
        return archive.infolist()


def _directory_size(file: BinaryIO) -> int:
    size = file.seek(0, 2)
    file.seek(max(size - END_LENGTH - MAX_COMMENT, 0))
    tail = file.read()
    # The same record that zipfile takes: at the very end, else the last one before a comment.
    at = len(tail) - END_LENGTH if tail[-END_LENGTH:].startswith(b"PK\5\6") else tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < END_LENGTH:
        raise zipfile.BadZipFile
    # A ZIP64 end record, if there is one, overrules; nothing of Office's size has need of it.
    if tail[max(at - 20, 0) : at].startswith(b"PK\6\7"):
        return int(struct.unpack_from("<Q", tail, tail.rfind(b"PK\6\6", 0, at) + 40)[0])
    return int(struct.unpack_from("<I", tail, at + 12)[0])


def _check_declared(entries: list[zipfile.ZipInfo], packed: int) -> None:
    if len(entries) > MAX_ENTRIES:
        raise JobError(TOO_LARGE)
    if any(entry.flag_bits & 1 for entry in entries):
        raise JobError("The file is protected with a password. Save it without one and upload it again.")
    _check_total(sum(entry.file_size for entry in entries), packed)


def _check_actual(file: BinaryIO, entries: list[zipfile.ZipInfo], packed: int) -> None:
    """Declared sizes can lie, and parsers differ in what they believe: unpack and count."""
    total = 0
    for entry in entries:
        size = 0
        for length in _unpacked_lengths(file, entry):
            size += length
            _check_total(total + size, packed)
        if size != entry.file_size:
            raise JobError(DAMAGED)
        total += size


def _check_total(unpacked: int, packed: int) -> None:
    if unpacked > MAX_UNPACKED or (unpacked > SMALL and unpacked > packed * MAX_RATIO):
        raise JobError(TOO_LARGE)


def _unpacked_lengths(file: BinaryIO, entry: zipfile.ZipInfo) -> Iterator[int]:
    """The length of each unpacked piece of one entry; none is kept."""
    if entry.compress_type == zipfile.ZIP_STORED:
        yield entry.compress_size
        return
    if entry.compress_type != zipfile.ZIP_DEFLATED:
        raise JobError(DAMAGED)
    file.seek(entry.header_offset)
    # The local header repeats the name and has extras of its own: the data begins after both.
    name_length, extra_length = struct.unpack("<HH", file.read(30)[26:30])
    file.seek(name_length + extra_length, 1)
    inflate, left = zlib.decompressobj(-zlib.MAX_WBITS), entry.compress_size
    while left > 0 and not inflate.eof:
        packed = file.read(min(left, BLOCK))
        if not packed:
            raise EOFError
        left -= len(packed)
        while packed:
            yield len(inflate.decompress(packed, BLOCK))
            packed = inflate.unconsumed_tail
    yield len(inflate.flush())
