"""An ingestion that is broken off goes on where it was, and comes to the same as one that was not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cast
from webapp.acceptance import Upload, accept
from webapp.engines.lanes import Lanes
from webapp.keeping import StoredCheckpoints
from webapp.kinds.base import Attempt, Input
from webapp.kinds.ingest_document import IngestDocument
from webapp.progress import Progress
from webapp.records.document import Document
from webapp.records.job import Job
from webapp.records.output import Output
from webapp.records.user import User
from webapp.records.worker import Worker
from webapp.report import Cancelled, Report
from webapp.runner import Order
from webapp.services import Services
from webapp.views.samples import SAMPLE

KIND = IngestDocument()


@pytest.fixture(scope="module")
def lanes() -> Iterator[Lanes]:
    lanes = Lanes(2)
    yield lanes
    lanes.close()


class Ingestion:
    """Attempts at one document, one after another."""

    def __init__(self, services: Services, owner: User, lanes: Lanes) -> None:
        self.services, self.lanes = services, lanes
        incoming = services.files.receive(10**9)
        incoming.write(SAMPLE.read_bytes())
        upload = Upload(incoming, "lighthouses.pdf")
        self.job = accept(services, owner=owner, kind_name=KIND.name, params={}, upload=upload)

    def run(self, *, stop_at: tuple[str, int] = ("", 0), file: Path = SAMPLE) -> Progress:
        """Make the next attempt; it is asked to stop once so many items of a stage are done."""
        with self.services.database.transaction() as session:
            if self.job.state == "processing":
                self.job.release(session, "The worker was lost.")
            claimed = Job.claim(session, self.job.id, Worker.register(session, "here:1").id)
            assert claimed
            self.job = claimed

        def publish(picture: Progress | None, _lines: object) -> bool:
            running = picture and picture.stage
            return bool(running and running.name == stop_at[0] and running.done >= stop_at[1])

        stores = self.services.database, self.services.passages, self.lanes
        with (
            Report(KIND.stages, publish, attempt=claimed.attempt, interval=0.01) as self.report,
            StoredCheckpoints(self.services, Order.of(claimed), KIND, self.report) as checkpoints,
        ):
            who = claimed.id, claimed.attempt, claimed.owner_id, claimed.document_id
            given = Attempt(*who, file, "", *stores, checkpoints=checkpoints)
            self.result = KIND.run(given, Input(), self.report)
        return self.report.picture()

    def stored(self) -> tuple[object, ...]:
        with self.services.database.reading() as session:
            document = session.get_one(Document, self.job.document_id)
            entities = [(e.name, e.label, e.mentions) for e in document.entities(session, limit=9999)]
            relations = [(r.subject, r.verb, r.object, r.page) for r in document.relations(session, limit=9999)]
            pages = [(page.number, page.text) for page in document.pages(session, limit=9999)]
        return entities, relations, pages, self.services.passages.of(document.id)

    def outputs(self) -> dict[str, bytes]:
        with self.services.database.reading() as session:
            outputs = Output.lasting_of(session, self.job.id)
        return {output.name: self.services.files.read(output.key).read() for output in outputs}


def told(result: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in result.items() if name != "document_id"}


def test_it_comes_to_the_same_as_one_that_was_not_broken_off(
    services: Services, cast: Cast, lanes: Lanes, tmp_path: Path
) -> None:
    nothing = tmp_path / "nothing"
    nothing.write_bytes(b"A second reading of the file would fail.")
    broken, whole = Ingestion(services, cast.ben, lanes), Ingestion(services, cast.cleo, lanes)
    with pytest.raises(Cancelled):
        broken.run(stop_at=("embedding", 3))
    with pytest.raises(Cancelled):
        broken.run(stop_at=("extracting", 5), file=nothing)
    last, unbroken = broken.run(file=nothing), whole.run()
    assert told(broken.result) == told(whole.result)
    assert broken.stored()[:3] == whole.stored()[:3]
    assert [c.text for c in broken.stored()[3]] == [c.text for c in whole.stored()[3]]  # type: ignore[attr-defined]
    assert broken.outputs() == whole.outputs()
    assert last.counters == unbroken.counters
    kept = {stage.name: (stage.kept_from, stage.kept_whole) for stage in last.stages}
    assert kept["parsing-document"] == kept["chunking"] == (1, True)
    assert kept["embedding"] == (2, True)
    assert kept["extracting"] == (2, False)
    assert kept["storing-graph"] == (None, False)
    assert last.kept_fraction > 0.6
    (embedding,) = [stage for stage in last.stages if stage.name == "embedding"]
    assert embedding.seconds(last.updated_at) > 0.05


def test_people_get_the_text_the_chunks_and_the_graph(services: Services, cast: Cast, lanes: Lanes) -> None:
    ingestion = Ingestion(services, cast.ben, lanes)
    ingestion.run()
    outputs, result = ingestion.outputs(), ingestion.result
    assert list(outputs) == ["text.txt", "chunks.jsonl", "graph.json"]
    pages = outputs["text.txt"].decode().split("\f")
    assert len(pages) == result["pages"]
    chunks = [json.loads(line) for line in outputs["chunks.jsonl"].splitlines()]
    assert len(chunks) == result["chunks"]
    assert all(pages[chunk["page"] - 1][chunk["start"] : chunk["end"]] == chunk["text"] for chunk in chunks)
    graph = json.loads(outputs["graph.json"])
    assert (len(graph["entities"]), len(graph["relations"])) == (result["entities"], result["relations"])
