"""Names that people see, whoever gave them."""

from __future__ import annotations

import pytest

from webapp.file_names import clean_name, name_together


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\report.pdf", "report.pdf"),
        ("folder/", "folder"),
        ("a\r\nSet-Cookie: x.pdf", "a Set-Cookie: x.pdf"),
        ("in\u202efdp.exe", "infdp.exe"),
        ("zero\u200bwidth\ufeff.pdf", "zerowidth.pdf"),
        ("nul\0byte.pdf", "nulbyte.pdf"),
        ("e\u0301tude.pdf", "étude.pdf"),
        ("  much   space  .pdf", "much space.pdf"),
        ("<script>.pdf", "<script>.pdf"),
        ("half\ud800.pdf", "half.pdf"),
        ("报告.pdf", "报告.pdf"),
        ("", "unnamed"),
        ("..", "unnamed"),
        ("/", "unnamed"),
        ("\u202e\u200f", "unnamed"),
    ],
)
def test_a_hostile_name_is_made_fit_to_show(given: str, shown: str) -> None:
    assert clean_name(given) == shown


@pytest.mark.parametrize("stem", ["x" * 300, "é" * 300, "🗼" * 300, "a." * 200])
def test_a_long_name_is_cut_and_keeps_its_extension(stem: str) -> None:
    name = clean_name(stem + ".pdf")
    assert name.endswith(".pdf")
    assert len(name.encode()) <= 255
    assert len(name.encode()) > 240
    assert clean_name(name) == name


def test_many_files_are_called_by_the_first_of_them() -> None:
    assert name_together(["../a\u202e.pdf", "b.pdf", "c.pdf"]) == "3 files, “a.pdf” first"
