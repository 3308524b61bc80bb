from __future__ import annotations

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from tests.conftest import Cast
from webapp.engines.parsed import Page as ParsedPage
from webapp.engines.parsed import Parsed
from webapp.records.database import Database
from webapp.records.document import Document, Entity, Page, Relation

FILE = {"sha256": "a" * 64, "name": "towers.pdf", "media_type": "application/pdf", "size": 1234}
PARSED = Parsed([ParsedPage(1, "one", 2), ParsedPage(2, "two"), ParsedPage(3, "three", 1)], images=3)
ENTITIES = [
    {"name": "Smeaton", "label": "person", "mentions": 2},
    {"name": "Plymouth", "label": "place", "mentions": 5},
    {"name": "1759", "label": "date", "mentions": 9},
]


def relation(subject: str, verb: str, target: str) -> dict[str, object]:
    return {"subject": subject, "verb": verb, "object": target, "page": 1, "chunk": 0, "mentions": 1}


CHAIN = [
    relation("A", "knows", "B"),
    relation("B", "knows", "C"),
    relation("D", "knows", "C"),
    relation("D", "has", "E"),
]


@pytest.fixture
def document(database: Database, cast: Cast) -> Document:
    """An ingested document of Ben's."""
    with database.transaction() as session:
        document = Document.accept(session, owner_id=cast.ben.id, **FILE)
        document.store_pages(session, PARSED)
        document.store_graph(session, ENTITIES, CHAIN)
        document.finish(chunks=4)
    return document


def rows(database: Database) -> list[int]:
    with database.reading() as session:
        return [session.scalar(select(func.count()).select_from(table)) or 0 for table in (Page, Entity, Relation)]


def test_the_same_content_of_one_person_is_one_document(database: Database, cast: Cast, document: Document) -> None:
    with database.transaction() as session:
        again = Document.accept(session, owner_id=cast.ben.id, **FILE | {"name": "renamed.pdf"})
        of_cleo = Document.accept(session, owner_id=cast.cleo.id, **FILE)
    assert again.id == document.id
    assert again.name == "renamed.pdf"
    assert of_cleo.id != document.id


def test_ingesting_twice_leaves_the_same_rows(database: Database, document: Document) -> None:
    before = rows(database)
    with database.transaction() as session:
        again = session.get_one(Document, document.id)
        again.store_pages(session, PARSED)
        assert again.store_graph(session, ENTITIES, CHAIN) == len(ENTITIES) + len(CHAIN)
    assert rows(database) == before == [3, 3, 4]


def test_a_row_can_not_be_doubled(database: Database, document: Document) -> None:
    with pytest.raises(IntegrityError), database.transaction() as session:
        session.add(Entity(document_id=document.id, name="Smeaton", label="place", mentions=1))


def test_a_document_knows_its_figures(document: Document) -> None:
    counts = (document.page_count, document.image_count, document.chunk_count)
    assert counts == (3, 3, 4)
    assert (document.entity_count, document.relation_count) == (3, 4)


def test_pages_come_in_order_and_in_parts(database: Database, document: Document) -> None:
    with database.reading() as session:
        assert [page.text for page in document.pages(session, after=1, limit=1)] == ["two"]
        assert [page.number for page in document.pages(session)] == [1, 2, 3]


def test_the_most_mentioned_names_come_first_and_years_last(database: Database, document: Document) -> None:
    with database.reading() as session:
        assert [entity.name for entity in document.entities(session)] == ["Plymouth", "Smeaton", "1759"]
        assert [entity.name for entity in document.entities(session, limit=1, offset=1)] == ["Smeaton"]


def test_relations_can_be_asked_for_by_a_name_on_either_side(database: Database, document: Document) -> None:
    with database.reading() as session:
        about = document.relations(session, about="C")
    assert {(found.subject, found.object) for found in about} == {("B", "C"), ("D", "C")}


@pytest.mark.parametrize(
    ("depth", "reached"), [(1, {"AB"}), (2, {"AB", "BC"}), (3, {"AB", "BC", "DC"}), (9, {"AB", "BC", "DC", "DE"})]
)
def test_neighbours_are_what_so_many_steps_reach(
    database: Database, document: Document, depth: int, reached: set[str]
) -> None:
    with database.reading() as session:
        found = document.neighbours(session, "A", depth=depth)
    assert {relation.subject + relation.object for relation in found} == reached


def test_neighbours_end_in_a_circle_too(database: Database, document: Document) -> None:
    with database.transaction() as session:
        document = session.get_one(Document, document.id)
        document.store_graph(session, [], [*CHAIN, relation("C", "knows", "A")])
        assert len(document.neighbours(session, "A", depth=4)) == 5


def test_deleting_a_document_deletes_its_rows(database: Database, document: Document) -> None:
    with database.transaction() as session:
        session.delete(session.get_one(Document, document.id))
    assert rows(database) == [0, 0, 0]


def test_only_ingested_documents_are_listed_and_only_ones_own(
    database: Database, cast: Cast, document: Document
) -> None:
    with database.transaction() as session:
        Document.accept(session, owner_id=cast.ben.id, **FILE | {"sha256": "b" * 64})
    with database.reading() as session:
        assert [found.id for found in Document.newest(session, owner_id=cast.ben.id)] == [document.id]
        assert [found.id for found in Document.newest(session)] == [document.id]
        assert list(Document.newest(session, owner_id=cast.cleo.id)) == []
