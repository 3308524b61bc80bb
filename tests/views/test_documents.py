"""A document's page in its four parts, as its owner, a stranger and an admin see it."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import Cast
from tests.serving import LOGIN, form_token
from webapp.engines.chunk import Chunk
from webapp.engines.parsed import Page, Parsed
from webapp.records.document import Document
from webapp.services import Services

HOSTILE = "<script>alert(1)</script> & “more”"
TEXTS = [f"{HOSTILE} stands on the first page.", *(f"Text of page {number}." for number in range(2, 13))]


@pytest.fixture
def document(services: Services, cast: Cast) -> Document:
    """Twelve pages of Ben's, with hostile words wherever words can be."""
    chunks = [Chunk(n, n + 1, 0, len(text), text) for n, text in enumerate(TEXTS)]
    said = {"subject": HOSTILE, "verb": "is", "object": "Rock", "page": 1, "chunk": 0, "mentions": 1}
    further = {"subject": "Rock", "verb": "off", "object": "Plymouth", "page": 2, "chunk": 1, "mentions": 1}
    names = [{"name": f"Name {n:03}", "label": "person", "mentions": 1} for n in range(120)]
    with services.database.transaction() as session:
        document = Document.accept(
            session, owner_id=cast.ben.id, sha256="a" * 64, name=f"{HOSTILE}.pdf", media_type="application/pdf", size=9
        )
        document.store_pages(session, Parsed([Page(n, text) for n, text in enumerate(TEXTS, 1)], images=0))
        document.store_graph(session, [*names, {"name": HOSTILE, "label": "work", "mentions": 9}], [said, further])
        document.finish(chunks=len(chunks))
    services.passages.replace(document.id, cast.ben.id, chunks, [bytes(4 * 384)] * len(chunks), lambda count: None)
    return document


def signed_in(app: Flask, name: str) -> FlaskClient:
    client = app.test_client()
    token = form_token(client.get("/login").text)
    form = {"email": f"{name}@example.org", "password": LOGIN["password"], "csrf_token": token}
    assert client.post("/login", data=form).status_code == 303
    return client


@pytest.fixture
def ben(app: Flask, cast: Cast) -> FlaskClient:
    return signed_in(app, "ben")


def test_the_list_shows_ones_own_documents(app: Flask, ben: FlaskClient, document: Document) -> None:
    assert document.id in ben.get("/documents").text
    assert document.id not in signed_in(app, "cleo").get("/documents").text
    assert document.id in signed_in(app, "ada").get("/documents").text


def test_an_empty_list_says_what_to_do(ben: FlaskClient) -> None:
    assert "No documents yet." in ben.get("/documents").text


@pytest.mark.parametrize("tab", ["text", "chunks", "entities", "relations"])
def test_every_part_shows_and_escapes_what_is_in_it(ben: FlaskClient, document: Document, tab: str) -> None:
    answer = ben.get(f"/documents/{document.id}?tab={tab}")
    assert answer.status_code == 200
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in answer.text
    assert "<script>alert" not in answer.text


def test_a_strangers_document_is_not_there_and_an_admin_sees_it(app: Flask, cast: Cast, document: Document) -> None:
    assert signed_in(app, "cleo").get(f"/documents/{document.id}").status_code == 404
    assert signed_in(app, "ada").get(f"/documents/{document.id}").status_code == 200


@pytest.mark.parametrize("path", ["nothing", "00000000-0000-0000-0000-000000000000"])
def test_an_unknown_document_is_not_found(ben: FlaskClient, path: str) -> None:
    assert ben.get(f"/documents/{path}").status_code == 404


def test_the_text_comes_in_parts(ben: FlaskClient, document: Document) -> None:
    first, last = ben.get(f"/documents/{document.id}").text, ben.get(f"/documents/{document.id}?page=11").text
    assert "Text of page 5." in first
    assert "Text of page 6." not in first
    assert "Later pages" in first
    assert "Text of page 12." in last
    assert "Later pages" not in last


def test_a_passage_is_marked_in_its_place(ben: FlaskClient, document: Document) -> None:
    page = ben.get(f"/documents/{document.id}?page=7&from=8&to=12").text
    assert 'Text of <mark id="passage">page</mark> 7.' in page


@pytest.mark.parametrize(
    "query",
    [
        *("page=-1", "page=x", "page=1&from=-5&to=3", "page=1&from=5&to=2", "page=1&from=0&to=99999"),
        *(f"page={10**40}", f"tab=chunks&offset={10**40}", f"tab=entities&offset={10**40}"),
        *("tab=chunks&offset=-1", "tab=chunks&offset=x", "tab=relations&about=%00"),
        *("_scheme=javascript&_external=1&endpoint=x&tab=entities", "document_id=y&tab=entities", "_anchor=x"),
    ],
)
def test_a_query_that_makes_no_sense_is_no_fault(ben: FlaskClient, document: Document, query: str) -> None:
    answer = ben.get(f"/documents/{document.id}?{query}")
    assert answer.status_code == 200
    assert "javascript" not in answer.text.replace("themes", "")
    assert "passage" not in answer.text or "chunks" in query


def test_an_unknown_part_is_not_found(ben: FlaskClient, document: Document) -> None:
    assert ben.get(f"/documents/{document.id}?tab=secrets").status_code == 404


def test_long_lists_are_paged(ben: FlaskClient, document: Document) -> None:
    first = ben.get(f"/documents/{document.id}?tab=entities").text
    last = ben.get(f"/documents/{document.id}?tab=entities&offset=100").text
    assert "Name 048" in first
    assert "Name 060" not in first
    assert f"/documents/{document.id}?offset=50&amp;tab=entities" in first
    assert "Name 119" in last
    assert 'rel="next"' not in last


def test_a_name_leads_to_what_is_said_of_it_and_one_step_further(ben: FlaskClient, document: Document) -> None:
    page = ben.get(f"/documents/{document.id}", query_string={"tab": "relations", "about": HOSTILE}).text
    assert "One step further" in page
    assert "Plymouth" in page
