"""A question to all that was ingested: passages with the documents they stand in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from webapp.engines.passages import Hit
from webapp.records.document import Document
from webapp.services import Services

LONGEST_QUESTION = 500


@dataclass(frozen=True)
class Finding:
    hit: Hit
    document: Document


@dataclass(frozen=True)
class Answer:
    """`by_meaning`: whether the question's meaning was looked for, not its words only."""

    findings: Sequence[Finding]
    by_meaning: bool


def search(services: Services, question: str, *, owner_id: int | None, limit: int = 20) -> Answer:
    """The best passages of one person's documents, or of everybody's. The model runs in a worker."""
    question = question[:LONGEST_QUESTION]
    embedding = services.embed_question(question)
    hits = services.passages.search(question, embedding, owner_id, limit=limit)
    with services.database.reading() as session:
        documents = Document.by_ids(session, (hit.document_id for hit in hits))
    # Passages are a store of their own: one may be there a moment before its document, or after.
    findings = [Finding(hit, documents[hit.document_id]) for hit in hits if hit.document_id in documents]
    return Answer(findings, by_meaning=embedding is not None)
