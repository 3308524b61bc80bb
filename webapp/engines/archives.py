"""Is it safe to unpack this Office file? Asked before any parser sees it."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from webapp.errors import JobError

MAX_UNPACKED = 300_000_000
MAX_ENTRIES = 10_000
# Real spreadsheets shrink to a fiftieth at most; small files may do better.
MAX_RATIO = 150
SMALL = 20_000_000
BLOCK = 1 << 18

DAMAGED = "The file is damaged: it can't be unpacked. Save it again in Office and upload it once more."
TOO_LARGE = (
    "The file unpacks to far more than a document needs, so it was not opened. "
    "Save its contents as a new document and upload that."
)


def check(path: Path) -> None:
    """Raise JobError unless the archive unpacks, within bounds, to what it declares."""
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            _check_declared(archive.infolist(), path.stat().st_size)
            _check_actual(file, archive.infolist(), path.stat().st_size)
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, NotImplementedError) as error:
        raise JobError(DAMAGED) from error


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
