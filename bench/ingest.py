"""How long Headway takes to ingest a document, beside a plain script that does the same.

    python bench/ingest.py [DOCUMENT.pdf] [--rounds 5]

The plain script calls the same libraries on as many processes, in the way that is fastest for each:
spaCy's `pipe`, whole batches a process, no progress. Both run by turns, with their models loaded, so
that whatever else the machine does meets both; where it does much, the processor's time tells more
than the clock's. Without a document: the sample, twenty times over.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import pypdfium2
from msgspec.json import encode

from webapp.engines import chunk, embed, extract, parse
from webapp.engines.graph import Graph
from webapp.engines.lanes import ONE_THREAD, Lanes
from webapp.engines.passages import Passages
from webapp.keeping import StoredCheckpoints
from webapp.kinds.base import Attempt, Input
from webapp.kinds.ingest_document import IngestDocument
from webapp.records.database import Base, Database, now
from webapp.records.document import Document
from webapp.records.job import Job
from webapp.records.user import User
from webapp.records.worker import Worker
from webapp.report import Report
from webapp.runner import Order
from webapp.services import Services
from webapp.settings import Settings

SAMPLE = Path(__file__).parents[1] / "webapp" / "samples" / "lighthouses.pdf"
COPIES = 20
PROCESSES = os.cpu_count() or 2
A_PIECE_OF_WORK = 16


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("document", type=Path, nargs="?", help="a PDF; without one, the sample many times over")
    arguments.add_argument("--rounds", type=int, default=5)
    options = arguments.parse_args()
    os.environ.update(ONE_THREAD)
    with tempfile.TemporaryDirectory() as folder:
        path = options.document or _many_samples(Path(folder))
        headway, plain = Headway(path, Path(folder)), Plain(path, Path(folder))
        headway.run(), plain.run()  # load the models
        before = _cpu(headway.pids()), _cpu(plain.pids())
        times, main_cpu = [], [0.0, 0.0]
        for _ in range(options.rounds):
            began = time.process_time()
            ours = headway.run()
            between = time.process_time()
            times.append((ours, plain.run()))
            main_cpu[0] += between - began
            main_cpu[1] += time.process_time() - between
        cpu = [
            own + _cpu(side.pids()) - start for own, side, start in zip(main_cpu, (headway, plain), before, strict=True)
        ]
        headway.close(), plain.close()
    print(json.dumps(_figures(times, cpu, headway) | {"document": path.name, "processes": PROCESSES}, indent=2))


def _cpu(pids: list[int]) -> float:
    """Seconds of processor time that these processes have used so far."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return sum(int(field[11]) + int(field[12]) for field in fields) / os.sysconf("SC_CLK_TCK")


def _figures(times: list[tuple[float, float]], cpu: list[float], headway: Headway) -> dict[str, object]:
    ours, plain = zip(*times, strict=True)
    return {
        "headway_seconds": {"median": round(statistics.median(ours), 2), "best": round(min(ours), 2)},
        "plain_seconds": {"median": round(statistics.median(plain), 2), "best": round(min(plain), 2)},
        "overhead_percent": {
            "median": round(100 * (statistics.median(a / b for a, b in times) - 1), 1),
            "best": round(100 * (min(ours) / min(plain) - 1), 1),
        },
        "processor_overhead_percent": round(100 * (cpu[0] / cpu[1] - 1), 1),
        "result": headway.result,
        "stages": headway.stages,
    }


def _many_samples(folder: Path) -> Path:
    path = folder / "samples.pdf"
    with pypdfium2.PdfDocument.new() as many, pypdfium2.PdfDocument(SAMPLE) as sample:
        for _ in range(COPIES):
            many.import_pages(sample)
        many.save(path)
    return path


class Headway:
    """The kind itself, as a runner calls it, but for sending the progress on."""

    def __init__(self, path: Path, folder: Path) -> None:
        settings = Settings(data_dir=folder / "data")
        self.services = replace(Services.open(settings), database=Database(f"sqlite:///{folder}/records.db"))
        self.database = self.services.database
        Base.metadata.create_all(self.database.engine)
        self.lanes = Lanes(PROCESSES)
        with self.database.transaction() as session:
            owner = User(email="bench@localhost", password_hash="", role="member", created_at=now())
            session.add(owner)
            session.flush()
            sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
            document = Document.accept(
                session, owner_id=owner.id, sha256=sha256, name=path.name, media_type=parse.PDF, size=1
            )
            job = Job.accept(session, kind=IngestDocument.name, owner_id=owner.id, params={}, file=None)
            job.document_id = document.id
            job = Job.claim(session, job.id, Worker.register(session, "bench").id) or job
        stores = self.database, Passages(folder / "passages.db"), self.lanes
        self.order = Order.of(job)
        self.attempt = Attempt(job.id, 1, owner.id, document.id, path, path.name, *stores)
        self.result: dict[str, object] = {}
        self.stages: dict[str, float] = {}

    def run(self) -> float:
        began = time.perf_counter()
        kind = IngestDocument()
        with (
            Report(kind.stages, self._publish) as report,
            StoredCheckpoints(self.services, self.order, kind, report) as checkpoints,
        ):
            self.result = kind.run(replace(self.attempt, checkpoints=checkpoints), Input(), report)
        took = time.perf_counter() - began
        for stage in report.picture().stages:
            self.stages[stage.name] = round(stage.seconds(time.time()), 2)
        return took

    def pids(self) -> list[int]:
        return self.lanes.pids()

    def _publish(self, picture: object, lines: object) -> bool:
        if picture:
            encode(picture)
        return False

    def close(self) -> None:
        self.lanes.close()


class Plain:
    """The same work without Headway: a pool, and two files."""

    def __init__(self, path: Path, folder: Path) -> None:
        self.path, self.folder = path, folder
        self.pool = multiprocessing.get_context("spawn").Pool(PROCESSES)

    def run(self) -> float:
        began = time.perf_counter()
        parsed = parse.parse(self.path, parse.PDF, lambda done, total: None)
        chunks = chunk.split(parsed.pages)
        texts = [piece.text for piece in chunks]
        vectors = self.pool.map(embed.embed_one, texts, chunksize=A_PIECE_OF_WORK)
        pieces = [texts[start : start + A_PIECE_OF_WORK] for start in range(0, len(texts), A_PIECE_OF_WORK)]
        extractions = [found for piece in self.pool.map(plain_extract, pieces, chunksize=1) for found in piece]
        Passages(self.folder / "plain-passages.db").replace("plain", 1, chunks, vectors, lambda count: None)
        graph = Graph()
        for piece, extraction in zip(chunks, extractions, strict=True):
            graph.add(piece, extraction)
        self._store(graph)
        return time.perf_counter() - began

    def _store(self, graph: Graph) -> None:
        with sqlite3.connect(self.folder / "plain.db") as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("CREATE TABLE IF NOT EXISTS rows (content TEXT)")
            connection.execute("DELETE FROM rows")
            rows = [(json.dumps(row),) for row in [*graph.entities(), *graph.relations()]]
            connection.executemany("INSERT INTO rows VALUES (?)", rows)

    def pids(self) -> list[int]:
        return [process.pid for process in self.pool._pool]

    def close(self) -> None:
        self.pool.terminate()


def plain_extract(texts: list[str]) -> list[extract.Extraction]:
    """spaCy's own way to work through many texts."""
    return extract.extract_all(texts)


if __name__ == "__main__":
    main()
