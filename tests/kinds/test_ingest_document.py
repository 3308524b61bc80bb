"""Ingestion, called as the runner calls it, with the real models, stores and lanes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import documents
from tests.conftest import Cast
from webapp.engines.embed import embed_one
from webapp.engines.lanes import Lanes
from webapp.errors import JobError
from webapp.kinds.base import Attempt, Input
from webapp.kinds.ingest_document import IngestDocument
from webapp.progress import LogLine, Progress
from webapp.records.document import Document
from webapp.records.job import Job
from webapp.records.stored_file import StoredFile
from webapp.report import Cancelled, Report
from webapp.services import Services

SAMPLE = Path(__file__).parents[2] / "webapp" / "samples" / "lighthouses.pdf"


@pytest.fixture(scope="module")
def lanes() -> Iterator[Lanes]:
    lanes = Lanes(2)
    yield lanes
    lanes.close()


class Ingestion:
    """One attempt at one file, and all that it reported."""

    def __init__(self, services: Services, cast: Cast, lanes: Lanes, file: Path, name: str) -> None:
        assert IngestDocument.accepts
        media_type = IngestDocument.accepts.types["." + name.rpartition(".")[2]]
        sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
        stored = StoredFile("key", name, file.stat().st_size, sha256, media_type)
        self.pictures: list[Progress] = []
        self.lines: list[LogLine] = []
        self.stop_at = ""
        self.report = Report(IngestDocument.stages, self._publish, interval=0.01)
        with services.database.transaction() as session:
            job = Job.accept(session, kind=IngestDocument.name, owner_id=cast.ben.id, params={}, file=stored)
            IngestDocument().prepare(session, job)
        stores = services.database, services.passages, lanes
        self.attempt = Attempt(job.id, 1, cast.ben.id, job.document_id, file, name, *stores)

    def run(self) -> dict[str, object]:
        with self.report:
            return IngestDocument().run(self.attempt, Input(), self.report)

    def _publish(self, picture: Progress | None, lines: object) -> bool:
        if picture:
            self.pictures.append(picture)
        self.lines += lines  # type: ignore[operator]
        return bool(self.stop_at and picture and picture.stage and picture.stage.name == self.stop_at)


@pytest.fixture
def ingestion(services: Services, cast: Cast, lanes: Lanes, tmp_path: Path):
    def prepare(data: bytes | None = None, name: str = "lighthouses.pdf") -> Ingestion:
        file = tmp_path / "stored"
        file.write_bytes(SAMPLE.read_bytes() if data is None else data)
        return Ingestion(services, cast, lanes, file, name)

    return prepare


def test_a_document_is_ingested_whole(ingestion, services: Services) -> None:
    sample = ingestion()
    result = sample.run()
    with services.database.reading() as session:
        document = session.get_one(Document, sample.attempt.document_id)
        names = {entity.name for entity in document.entities(session, limit=1000)}
        text = [page.text for page in document.pages(session, limit=99)]
        said = {(r.subject, r.verb, r.object) for r in document.relations(session, limit=1000)}
    assert document.ingested_at
    assert result == {
        "document_id": document.id,
        "pages": document.page_count,
        "chunks": services.passages.count(document.id),
        "entities": len(names),
        "relations": len(said),
        "characters": sum(map(len, text)),
    }
    assert {"Grace Darling", "Trinity House", "Plymouth"} <= names
    assert ("Louis de Foix", "began", "Cordouan Lighthouse") in said


def test_what_was_ingested_is_found_in_its_place(ingestion, services: Services) -> None:
    sample = ingestion()
    sample.run()
    question = "Who saved people from a sinking steamer?"
    (best, *_) = services.passages.search(question, embed_one(question), sample.attempt.owner_id)
    assert "Grace Darling" in best.text
    with services.database.reading() as session:
        document = session.get_one(Document, best.document_id)
        (page,) = document.pages(session, after=best.page - 1, limit=1)
    assert page.text[best.start : best.end] == best.text


def test_stages_counters_and_log_are_true(ingestion) -> None:
    sample = ingestion()
    result = sample.run()
    last = sample.report.picture()
    assert last.counters == {
        "images": 0,
        "chunks": result["chunks"],
        "entities": result["entities"],
        "relations": result["relations"],
        "vector_writes": result["chunks"],
        "graph_writes": result["entities"] + result["relations"],
    }
    assert [stage.name for stage in last.stages] == [
        "parsing-document",
        "chunking",
        "embedding",
        "extracting",
        "storing-graph",
        "storing-vectors",
    ]
    assert {stage.status for stage in last.stages} == {"completed"}
    assert all(stage.done == stage.total for stage in last.stages)
    fractions = [picture.fraction for picture in sample.pictures]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert len(set(fractions)) > 5
    assert any(picture.in_flight == 2 for picture in sample.pictures)
    assert sample.lines[0].text.startswith("5 pages, 0 figures")


def test_ingesting_the_same_document_twice_gives_the_same_rows(ingestion, services: Services) -> None:
    def stored() -> tuple[object, ...]:
        with services.database.reading() as session:
            document = session.get_one(Document, first.attempt.document_id)
            entities = [(e.name, e.label, e.mentions) for e in document.entities(session, limit=9999)]
            relations = [
                (r.subject, r.verb, r.object, r.page, r.mentions) for r in document.relations(session, limit=9999)
            ]
        return entities, relations, services.passages.of(document.id), services.passages.count()

    first = ingestion()
    first.run()
    before = stored()
    second = ingestion()
    second.run()
    assert second.attempt.document_id == first.attempt.document_id
    assert stored() == before


@pytest.mark.parametrize("name", ["a.docx", "a.pptx", "a.xlsx", "a.html", "a.md", "a.txt"])
def test_every_type_is_ingested(ingestion, name: str) -> None:
    text = ["Grace Darling lived at the Longstone Lighthouse with her father."]
    make = {".docx": documents.docx, ".pptx": documents.pptx, ".html": documents.html}
    extension = name[name.index(".") :]
    if extension == ".xlsx":
        data = documents.xlsx([text])
    else:
        data = make[extension](text) if extension in make else text[0].encode()
    result = ingestion(data, name).run()
    assert (result["pages"], result["chunks"]) == (1, 1)
    assert result["entities"]


def test_bad_input_is_refused_and_nothing_is_stored(ingestion, services: Services) -> None:
    locked = ingestion(documents.pdf(["secret"], password="secret"))
    with pytest.raises(JobError, match="needs a password"):
        locked.run()
    with services.database.reading() as session:
        document = session.get_one(Document, locked.attempt.document_id)
    assert document.ingested_at is None
    assert services.passages.count() == 0


def test_a_cancelled_attempt_stores_nothing(ingestion, services: Services) -> None:
    sample = ingestion()
    sample.stop_at = "extracting"
    with pytest.raises(Cancelled):
        sample.run()
    assert services.passages.count() == 0


def test_text_in_another_language_is_ingested_without_entities(ingestion) -> None:
    german = "Der Leuchtturm steht auf einer Klippe. Sein Licht reicht weit über das Meer hinaus."
    sample = ingestion(german.encode(), "turm.txt")
    result = sample.run()
    assert (result["chunks"], result["entities"], result["relations"]) == (1, 0, 0)
    assert any("English" in line.text for line in sample.lines)
