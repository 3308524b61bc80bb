from pathlib import Path

import pytest

from tests import documents
from webapp.engines.parse import parse
from webapp.engines.parsed import MAX_PAGES
from webapp.errors import JobError

TEXTS = ["The Eddystone stands off Plymouth.", "Ida Lewis rowed out at night."]
OFFICE = "application/vnd.openxmlformats-officedocument."
DOCX, PPTX = OFFICE + "wordprocessingml.document", OFFICE + "presentationml.presentation"
XLSX = OFFICE + "spreadsheetml.sheet"


def read(tmp_path: Path, data: bytes, media_type: str = "application/pdf"):
    path = tmp_path / "stored-without-a-name"
    path.write_bytes(data)
    return parse(path, media_type, lambda done, total: None)


def refusal(tmp_path: Path, data: bytes, media_type: str = "application/pdf") -> str:
    with pytest.raises(JobError) as refused:
        read(tmp_path, data, media_type)
    assert refused.value.permanent
    return str(refused.value)


def test_a_pdf_gives_its_text_by_page_and_counts_its_figures(tmp_path):
    parsed = read(tmp_path, documents.pdf(TEXTS, images=2))
    assert [(page.number, page.text, page.images) for page in parsed.pages] == [(1, TEXTS[0], 2), (2, TEXTS[1], 2)]
    assert parsed.images == 4


def test_each_page_is_told_as_it_is_read(tmp_path):
    told: list[tuple[int, int | None]] = []
    path = tmp_path / "file"
    path.write_bytes(documents.pdf(["one", "two", "three"]))
    parse(path, "application/pdf", lambda done, total: told.append((done, total)))
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_a_pdf_with_a_password_is_refused_in_words(tmp_path):
    assert "needs a password" in refusal(tmp_path, documents.pdf(TEXTS, password="open sesame"))


def test_a_pdf_that_only_restricts_printing_is_read(tmp_path):
    assert read(tmp_path, documents.pdf(TEXTS, password="")).pages[0].text == TEXTS[0]


def test_a_truncated_pdf_is_refused_in_words(tmp_path):
    data = documents.pdf(TEXTS)
    assert "damaged" in refusal(tmp_path, data[: len(data) // 2])


def test_garbage_after_a_pdf_header_is_refused_in_words(tmp_path):
    assert "damaged" in refusal(tmp_path, b"%PDF-1.7\n" + bytes(range(256)) * 20)


def test_a_pdf_that_pdfium_refuses_gets_a_second_try(tmp_path):
    lost_its_root = documents.pdf(TEXTS).replace(b"/Root 1 0 R", b"/Root 9 0 R")
    lost_its_table = lost_its_root.partition(b"xref\n")[0]
    assert TEXTS[0] in read(tmp_path, lost_its_table).pages[0].text


def test_a_pdf_without_pages_is_refused_in_words(tmp_path):
    assert "no pages" in refusal(tmp_path, documents.pdf([]))


def test_a_scan_without_a_text_layer_is_said_to_be_one(tmp_path):
    assert "scan" in refusal(tmp_path, documents.pdf(["", ""], images=1))


def test_a_document_of_5000_pages_goes_through(tmp_path):
    assert len(read(tmp_path, documents.pdf(["Page"] * MAX_PAGES)).pages) == 5_000


def test_a_document_of_more_than_5000_pages_is_refused_in_words(tmp_path):
    assert "more than 5,000 pages" in refusal(tmp_path, documents.pdf(["Page"] * (MAX_PAGES + 1)))


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (documents.docx(TEXTS), DOCX),
        (documents.html(TEXTS), "text/html"),
        ("\n\n".join(TEXTS).encode(), "text/markdown"),
        ("\n\n".join(TEXTS).encode(), "text/plain"),
        ("\n\n".join(TEXTS).encode("utf-16"), "text/plain"),
    ],
    ids=["docx", "html", "markdown", "text", "utf-16"],
)
def test_other_documents_give_one_page_of_text(tmp_path, data, media_type):
    parsed = read(tmp_path, data, media_type)
    assert [page.text for page in parsed.pages] == ["\n\n".join(TEXTS)]


def test_a_presentation_gives_a_page_a_slide(tmp_path):
    assert [page.text for page in read(tmp_path, documents.pptx(TEXTS), PPTX).pages] == TEXTS


def test_a_spreadsheet_gives_its_cells_under_the_name_of_the_sheet(tmp_path):
    (page,) = read(tmp_path, documents.xlsx([["Tower", "Year"], ["Eddystone", "1759"]]), XLSX).pages
    assert page.text.startswith("## Towers\n")
    assert "| Eddystone | 1759 |" in page.text


def test_pictures_inside_an_office_file_are_counted(tmp_path):
    assert read(tmp_path, documents.docx(TEXTS, media=[documents.PNG] * 3), DOCX).images == 3


def test_text_in_an_older_encoding_is_understood(tmp_path):
    sentence = "Le phare de Cordouan est très âgé; il a été bâti au XVIIe siècle."
    assert read(tmp_path, sentence.encode("latin-1"), "text/plain").pages[0].text == sentence


def test_a_long_text_is_cut_into_pages_that_end_at_a_paragraph(tmp_path):
    paragraphs = [f"Paragraph {n} " + "says a little more about it. " * 12 for n in range(60)]
    parsed = read(tmp_path, "\n\n".join(paragraphs).encode(), "text/plain")
    assert len(parsed.pages) > 3
    assert all(page.text.startswith("Paragraph") and len(page.text) <= 8_000 for page in parsed.pages)


def test_a_file_without_any_text_is_refused_in_words(tmp_path):
    assert "No text was found" in refusal(tmp_path, b" \n\n ", "text/plain")
    assert "No text was found" in refusal(tmp_path, documents.docx([""]), DOCX)


def test_a_broken_office_file_is_refused_in_words(tmp_path):
    assert "damaged" in refusal(tmp_path, documents.docx(TEXTS)[:-60], DOCX)
