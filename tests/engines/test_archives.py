import io
import struct
import zipfile
from pathlib import Path

import pytest

from tests import documents
from webapp.engines import archives
from webapp.errors import JobError


def check(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "file.docx"
    path.write_bytes(data)
    archives.check(path)


def test_an_ordinary_office_file_passes(tmp_path):
    check(tmp_path, documents.docx(["Hello"] * 1000, media=[documents.PNG]))


def test_an_archive_bomb_is_refused_before_it_is_unpacked(tmp_path):
    with pytest.raises(JobError, match="unpacks to far more"):
        check(tmp_path, documents.docx(["A" * 50_000_000]))


def test_a_bomb_that_declares_a_small_size_is_refused(tmp_path):
    honest = documents.office("word/document.xml", {}, {"word/document.xml": b"A" * 30_000_000})
    lying = honest.replace(struct.pack("<I", 30_000_000), struct.pack("<I", 3_000))
    assert lying != honest
    with pytest.raises(JobError, match="unpacks to far more"):
        check(tmp_path, lying)


def test_a_size_that_is_slightly_wrong_is_damage(tmp_path):
    honest = documents.office("word/document.xml", {}, {"word/document.xml": b"A" * 30_000})
    with pytest.raises(JobError, match="damaged"):
        check(tmp_path, honest.replace(struct.pack("<I", 30_000), struct.pack("<I", 29_999)))


def test_entries_that_share_the_same_bytes_are_each_counted(tmp_path):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b"A" * 15_000_000)
        archive.filelist = archive.filelist * 30
    with pytest.raises(JobError, match="unpacks to far more"):
        check(tmp_path, file.getvalue())


def test_more_entries_than_a_document_has_are_refused(tmp_path):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(archives.MAX_ENTRIES + 1):
            archive.writestr(f"{number}", b"")
    with pytest.raises(JobError, match="unpacks to far more"):
        check(tmp_path, file.getvalue())


def test_a_file_that_is_no_archive_is_damage(tmp_path):
    with pytest.raises(JobError, match="damaged"):
        check(tmp_path, b"PK\3\4 and nothing more")


def test_a_cut_off_entry_is_damage(tmp_path):
    data = bytearray(documents.docx(["Hello"] * 100))
    at = data.find(b"word/document.xml") + len("word/document.xml")
    data[at : at + 40] = b"\xff" * 40
    with pytest.raises(JobError, match="damaged"):
        check(tmp_path, bytes(data))
