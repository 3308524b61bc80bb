from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests import documents
from webapp.content import check
from webapp.errors import JobError
from webapp.kinds.base import Accepts
from webapp.kinds.ingest_document import IngestDocument

ACCEPTS = IngestDocument.accepts
TEXT = ["The light stands on the rock."]
GOOD = {
    "a.pdf": documents.pdf(TEXT),
    "a.docx": documents.docx(TEXT),
    "a.pptx": documents.pptx(TEXT),
    "a.xlsx": documents.xlsx([TEXT]),
    "a.html": documents.html(TEXT),
    "a.md": b"# Light\n",
    "a.txt": "Größe\n".encode("latin-1"),
    "utf16.txt": "Größe".encode("utf-16"),
    "SHOUTED.PDF": documents.pdf(TEXT),
}
DENIED = {
    "png.pdf": (documents.PNG, "“png.pdf” is not a PDF: it looks like a PNG image."),
    "text.pdf": (b"Hello, I am text.", "“text.pdf” is not a PDF: it looks like text."),
    "zip.docx": (documents.office("a", {}, {"a": b""}), "is not a Word document: it looks like a ZIP archive."),
    "sheet.docx": (documents.xlsx([TEXT]), "is not a Word document: it looks like a spreadsheet (XLSX)."),
    "word.pptx": (documents.docx(TEXT), "is not a presentation: it looks like a Word document (DOCX)."),
    "locked.docx": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "looks like an old or password-protected Office"),
    "pdf.txt": (documents.pdf(TEXT), "“pdf.txt” is not a text file: it looks like a PDF."),
    "program.md": (b"\x7fELF" + bytes(100), "“program.md” is not a text file: it looks like a program."),
    "noise.html": (bytes(range(256)) * 10, "“noise.html” is not a text file: it looks like something else."),
}


def checked(tmp_path: Path, name: str, data: bytes, accepts: Accepts | None = ACCEPTS) -> str:
    path = tmp_path / "upload"
    path.write_bytes(data)
    assert accepts
    return check(path, name, accepts)


@pytest.mark.parametrize("name", GOOD)
def test_a_file_that_is_what_its_name_says_passes(tmp_path: Path, name: str) -> None:
    assert ACCEPTS
    assert checked(tmp_path, name, GOOD[name]) == ACCEPTS.types["." + name.rpartition(".")[2].lower()]


@pytest.mark.parametrize("name", DENIED)
def test_a_type_that_the_content_denies_is_refused_in_words(tmp_path: Path, name: str) -> None:
    data, words = DENIED[name]
    with pytest.raises(JobError) as refused:
        checked(tmp_path, name, data)
    assert words in str(refused.value)


def test_an_empty_file_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(JobError, match=r"“a\.pdf” is empty"):
        checked(tmp_path, "a.pdf", b"")


@pytest.mark.parametrize("name", ["a.exe", "pdf", "a.pdf.exe", ".pdf", "unnamed"])
def test_an_unknown_type_is_refused_with_a_list_of_what_is_taken(tmp_path: Path, name: str) -> None:
    with pytest.raises(JobError, match="DOCX, HTM, HTML, MARKDOWN, MD, PDF, PPTX, TXT, XLSX"):
        checked(tmp_path, name, documents.pdf(TEXT))


def test_a_broken_office_file_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(JobError, match="damaged"):
        checked(tmp_path, "a.docx", documents.docx(TEXT)[:-100])


def test_a_kind_without_a_list_of_types_takes_anything_but_nothing(tmp_path: Path) -> None:
    anything = Accepts(types={})
    assert checked(tmp_path, "a.bin", b"\0\1", anything) == "application/octet-stream"
    assert checked(tmp_path, "a.png", b"not really", anything) == "image/png"
    with pytest.raises(JobError, match="empty"):
        checked(tmp_path, "a.bin", b"", anything)


def test_looking_at_a_file_loads_no_parser() -> None:
    program = (
        "import sys; import webapp.content\n"
        "print(sorted({'numpy', 'xberg', 'pypdfium2', 'spacy', 'onnxruntime', 'flask'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"
