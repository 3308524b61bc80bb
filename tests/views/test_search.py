"""The search page, with and without a worker that reads the question's meaning."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from flask import Flask

from tests.conftest import Cast
from tests.views.test_documents import signed_in
from webapp.engines.chunk import Chunk
from webapp.engines.embed import embed, embed_one
from webapp.live import question
from webapp.records.document import Document
from webapp.services import Services

TEXTS = ["Grace Darling saved nine people from a <b>wreck</b>.", "Pancakes need flour, milk and two eggs."]


@pytest.fixture(autouse=True)
def document(services: Services, cast: Cast) -> Document:
    chunks = [Chunk(n, 3, 5 + n, 5 + n + len(text), text) for n, text in enumerate(TEXTS)]
    with services.database.transaction() as session:
        document = Document.accept(
            session, owner_id=cast.ben.id, sha256="a" * 64, name="rescue.txt", media_type="text/plain", size=9
        )
        document.finish(chunks=2)
    services.passages.replace(document.id, cast.ben.id, chunks, embed(TEXTS), lambda count: None)
    return document


@pytest.fixture
def worker(services: Services) -> Iterator[None]:
    """Answers questions, as a worker does."""
    ending = threading.Event()

    def answer() -> None:
        while not ending.is_set():
            question.answer_one(services.blocking_redis, embed_one, timeout=0.2)

    thread = threading.Thread(target=answer)
    thread.start()
    yield
    ending.set()
    thread.join()


@pytest.mark.usefixtures("worker")
def test_a_passage_is_found_by_meaning_and_shown_in_its_place(app: Flask, document: Document) -> None:
    page = signed_in(app, "ben").get("/search?q=rescue+at+sea").text
    assert "by meaning" in page
    assert f"/documents/{document.id}?page=3&amp;from=5&amp;to=57#passage" in page
    assert "flour" not in page


@pytest.mark.usefixtures("worker")
def test_matching_words_are_marked_and_the_rest_is_escaped(app: Flask) -> None:
    page = signed_in(app, "ben").get("/search?q=darling").text
    assert "<mark>Darling</mark>" in page
    assert "&lt;b&gt;wreck&lt;/b&gt;" in page


def test_without_a_worker_words_are_searched_and_the_page_says_so(app: Flask) -> None:
    page = signed_in(app, "ben").get("/search?q=darling").text
    assert "Searching by word only" in page
    assert "<mark>Darling</mark>" in page


@pytest.mark.usefixtures("worker")
def test_a_member_finds_nothing_of_anothers_and_an_admin_everything(app: Flask) -> None:
    assert "Nothing found." in signed_in(app, "cleo").get("/search?q=darling").text
    assert "rescue.txt" in signed_in(app, "ada").get("/search?q=darling").text


def test_no_question_shows_the_box_alone(app: Flask) -> None:
    page = signed_in(app, "ben").get("/search?q=+").text
    assert 'name="q"' in page
    assert "Nothing found" not in page


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("words", ['"', "<script>", "'; DROP TABLE", "\0", "x" * 5000, "AND OR NOT", "🗼"])
def test_no_question_is_a_fault(app: Flask, words: str) -> None:
    answer = signed_in(app, "ben").get("/search", query_string={"q": words})
    assert answer.status_code == 200
    assert "<script>" not in answer.text.partition("<main")[2]
