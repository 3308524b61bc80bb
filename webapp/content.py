"""What a file is by its content, whatever its name says.

Runs in web processes while someone waits: it looks at the beginning of the file and, for Office
files, at the names inside.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Callable
from pathlib import Path

from webapp.engines import archives
from webapp.errors import JobError
from webapp.kinds.base import Accepts

HEAD = 64 * 1024

# What a file may be that is not what its name says.
SIGNATURES = (
    (b"%PDF-", "a PDF"),
    (b"\x89PNG\r\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"BM", "a BMP image"),
    (b"II*\0", "a TIFF image"),
    (b"MM\0*", "a TIFF image"),
    (b"\0\0\1\0", "an icon"),
    (b"PK\3\4", "a ZIP archive"),
    (b"PK\5\6", "an empty ZIP archive"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an XZ archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a Windows program"),
    (b"ID3", "an MP3 recording"),
    (b"OggS", "an Ogg recording"),
    (b"fLaC", "a FLAC recording"),
    (b"\x1aE\xdf\xa3", "a Matroska video"),
    (b"SQLite format 3", "an SQLite database"),
    (b"{\\rtf", "a Rich Text document"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old or password-protected Office file"),
)
# The one member that makes an Office file what it is.
OFFICE = {
    "word/document.xml": "a Word document (DOCX)",
    "ppt/presentation.xml": "a presentation (PPTX)",
    "xl/workbook.xml": "a spreadsheet (XLSX)",
}
UNICODE_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")


def check(path: Path, file_name: str, accepts: Accepts) -> str:
    """The media type; JobError if the kind doesn't take it, or the content denies the name.

    A kind without a list of types takes anything but an empty file.
    """
    if path.stat().st_size == 0:
        raise JobError(f"“{file_name}” is empty. Choose a file with something in it.")
    if not accepts.types:
        return mimetypes.guess_type(file_name)[0] or "application/octet-stream"
    media_type = accepts.types.get(Path(file_name).suffix.lower())
    if media_type is None:
        taken = ", ".join(sorted({extension[1:].upper() for extension in accepts.types}))
        raise JobError(f"“{file_name}” is not of a type that can be read here. Choose one of these: {taken}.")
    what, is_so = CHECKS.get(media_type, ("a text file", _is_text))
    if not is_so(path):
        raise JobError(f"“{file_name}” is not {what}: it looks like {_looks_like(path)}.")
    return media_type


def is_archive(file_name: str, accepts: Accepts) -> bool:
    """Whether it is to be unpacked: a ZIP given to a kind that takes other types."""
    return accepts.unpacks and file_name.lower().endswith(".zip")


def _is_pdf(path: Path) -> bool:
    # Readers allow some bytes of something else before it.
    return b"%PDF-" in _head(path)[:1024]


def _is_office(member: str) -> Callable[[Path], bool]:
    return lambda path: member in _office_members(path)


def _office_members(path: Path) -> set[str]:
    return OFFICE.keys() & archives.members(path) if _head(path).startswith(b"PK") else set()


def _is_text(path: Path) -> bool:
    head = _head(path)
    if head.startswith(UNICODE_MARKS):
        return True
    odd = sum(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in head)
    known = any(head.startswith(signature) for signature, _ in SIGNATURES if len(signature) > 3)
    return not known and b"\0" not in head and odd <= len(head) // 100


def _looks_like(path: Path) -> str:
    head = _head(path)
    if head.startswith(b"PK\3\4"):
        found = next(iter(_office_members(path)), None)
        return OFFICE[found] if found else "a ZIP archive"
    if head[4:8] == b"ftyp":
        return "a video or recording"
    if head[:4] == b"RIFF":
        return {b"WEBP": "a WebP image", b"WAVE": "a WAV recording"}.get(head[8:12], "a video")
    known = next((what for signature, what in SIGNATURES if head.startswith(signature)), None)
    return known or ("text" if _is_text(path) else "something else")


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD)


def _is_zip(path: Path) -> bool:
    return _head(path).startswith((b"PK\3\4", b"PK\5\6"))


_OPEN_XML = "application/vnd.openxmlformats-officedocument."
CHECKS: dict[str, tuple[str, Callable[[Path], bool]]] = {
    "application/pdf": ("a PDF", _is_pdf),
    "application/zip": ("a ZIP archive", _is_zip),
    _OPEN_XML + "wordprocessingml.document": ("a Word document", _is_office("word/document.xml")),
    _OPEN_XML + "presentationml.presentation": ("a presentation", _is_office("ppt/presentation.xml")),
    _OPEN_XML + "spreadsheetml.sheet": ("a spreadsheet", _is_office("xl/workbook.xml")),
}
