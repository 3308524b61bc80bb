"""Ingest a document: read its text, cut it, embed and extract passage by passage, store both."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from webapp.checkpoints import JSON, as_json, as_lines, as_records
from webapp.engines import chunk, embed, extract, parse
from webapp.engines.chunk import Chunk
from webapp.engines.extract import Extraction
from webapp.engines.graph import Graph
from webapp.engines.parsed import Parsed
from webapp.errors import JobError
from webapp.kinds.base import Accepts, Attempt, Input, Kind, Stage
from webapp.records.document import Document
from webapp.report import Report

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from webapp.records.job import Job

OFFICE = parse.OFFICE
EXTRACTED_TOGETHER = 4

PAGES = as_json("pages.json", Parsed)
CHUNKS = as_lines("chunks.jsonl", Chunk, lasting=True)
VECTORS = as_records("vectors.bin", embed.BYTES)
FINDINGS = as_json("findings.json", dict[int, list[Extraction]])


class IngestDocument(Kind):
    name = "ingest_document"
    label = "Ingest a document"
    description = "Makes its text searchable by meaning and by word, and finds the people, places and facts in it."
    # Weights: milliseconds a passage on two cores, as measured.
    stages = (
        Stage("parsing-document", weight=2.5, unit="pages"),
        Stage("chunking", weight=0.5, unit="pages"),
        Stage("embedding", weight=23, unit="chunks"),
        Stage("extracting", weight=12, unit="chunks"),
        Stage("storing-graph", weight=0.1, unit="rows"),
        Stage("storing-vectors", weight=0.2, unit="vectors"),
    )
    accepts = Accepts(
        types={
            ".pdf": parse.PDF,
            ".docx": OFFICE + "wordprocessingml.document",
            ".pptx": OFFICE + "presentationml.presentation",
            ".xlsx": OFFICE + "spreadsheetml.sheet",
            ".html": "text/html",
            ".htm": "text/html",
            ".md": "text/markdown",
            ".markdown": "text/markdown",
            ".txt": "text/plain",
        }
    )

    time_limit = timedelta(hours=6)

    def prepare(self, session: Session, job: Job) -> None:
        assert job.file_sha256 and job.file_name and job.file_type and job.file_size is not None
        job.document_id = Document.accept(
            session,
            owner_id=job.owner_id,
            sha256=job.file_sha256,
            name=job.file_name,
            media_type=job.file_type,
            size=job.file_size,
        ).id

    def run(self, job: Attempt, input: Input, report: Report) -> dict[str, Any]:
        if job.document_id is None:
            raise JobError("Its document has been deleted since. Upload the file again.")
        parsed = job.checkpoints.stage("parsing-document", PAGES, lambda: _parse(job, report))
        chunks = job.checkpoints.stage("chunking", CHUNKS, lambda: _split(parsed, report))
        vectors = _embed(job, chunks, report)
        graph = _extract(job, chunks, report)
        _store_graph(job, parsed, graph, report)
        _store_vectors(job, chunks, vectors, report)
        return _finish(job, parsed, chunks, graph)


def _parse(job: Attempt, report: Report) -> Parsed:
    assert job.file and job.document_id
    with job.database.reading() as session:
        media_type = session.get_one(Document, job.document_id).media_type
    read = 0

    def on_page(done: int, total: int | None) -> None:
        nonlocal read
        if total is not None:
            report.total(total)
        report.advance(done - read)
        read = done

    with report.stage("parsing-document"):
        parsed = parse.parse(job.file, media_type, on_page)
        job.checkpoints.output("parsing-document", "text.txt", _text(parsed), "text/plain")
    report.count("images", parsed.images)
    report.log(
        f"{_count(len(parsed.pages), 'page')}, {_count(parsed.images, 'figure')}, {parsed.characters:,} characters"
    )
    return parsed


def _text(parsed: Parsed) -> bytes:
    """A form feed stands between pages."""
    return "\n\f".join(page.text for page in parsed.pages).encode()


def _split(parsed: Parsed, report: Report) -> list[Chunk]:
    chunks: list[Chunk] = []
    with report.stage("chunking", total=len(parsed.pages)):
        for page in parsed.pages:
            more = chunk.split_page(page, first_index=len(chunks))
            chunks += more
            report.count("chunks", len(more))
            report.advance()
    report.log(f"{_count(len(chunks), 'chunk')} to embed and to search for names and facts")
    return chunks


def _embed(job: Attempt, chunks: list[Chunk], report: Report) -> list[bytes]:
    vectors: dict[int, bytes] = {}
    with report.stage("embedding", total=len(chunks)):
        for done, vector in job.checkpoints.each(
            "embedding", VECTORS, chunks, lambda left: job.lanes.map(embed.embed_chunk, left, report)
        ):
            vectors[done.index] = vector
            report.advance()
    return [vectors[index] for index in range(len(chunks))]


def _extract(job: Attempt, chunks: list[Chunk], report: Report) -> Graph:
    graph = Graph()

    def work(left: Sequence[list[Chunk]]) -> Iterator[tuple[list[Chunk], list[Extraction]]]:
        return job.lanes.map(extract.extract_chunks, left, report, name=chunk.title, size=len)

    groups = [chunks[start : start + EXTRACTED_TOGETHER] for start in range(0, len(chunks), EXTRACTED_TOGETHER)]
    with report.stage("extracting", total=len(chunks)):
        for done, extractions in job.checkpoints.each("extracting", FINDINGS, groups, work):
            for one, extraction in zip(done, extractions, strict=True):
                entities, relations = graph.add(one, extraction)
                report.count("entities", entities)
                report.count("relations", relations)
                report.advance()
        job.checkpoints.output("extracting", "graph.json", _json(graph), JSON)
    if graph.skipped:
        report.log(
            f"{_count(graph.skipped, 'chunk')} not in English: names and facts are found in English only", "warning"
        )
    return graph


def _json(graph: Graph) -> bytes:
    return json.dumps({"entities": graph.entities(), "relations": graph.relations()}, ensure_ascii=False).encode()


def _store_graph(job: Attempt, parsed: Parsed, graph: Graph, report: Report) -> None:
    entities, relations = graph.entities(), graph.relations()
    with report.stage("storing-graph", total=len(entities) + len(relations)):
        with job.database.transaction() as session:
            document = session.get_one(Document, job.document_id)
            document.store_pages(session, parsed)
            written = document.store_graph(session, entities, relations)
        report.count("graph_writes", written)
        report.advance(written)
    report.log(f"{_count(len(entities), 'entity', 'entities')} and {_count(len(relations), 'relation')} stored")


def _store_vectors(job: Attempt, chunks: list[Chunk], vectors: list[bytes], report: Report) -> None:
    assert job.document_id

    def on_written(count: int) -> None:
        report.count("vector_writes", count)
        report.advance(count)

    with report.stage("storing-vectors", total=len(chunks)):
        job.passages.replace(job.document_id, job.owner_id, chunks, vectors, on_written)
    report.log(f"{_count(len(chunks), 'vector')} stored")


def _finish(job: Attempt, parsed: Parsed, chunks: list[Chunk], graph: Graph) -> dict[str, Any]:
    with job.database.transaction() as session:
        session.get_one(Document, job.document_id).finish(chunks=len(chunks))
    return {
        "document_id": job.document_id,
        "pages": len(parsed.pages),
        "chunks": len(chunks),
        "entities": len(graph.entities()),
        "relations": len(graph.relations()),
        "characters": parsed.characters,
    }


def _count(number: int, noun: str, plural: str = "") -> str:
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
