"""What passages name and say, put together: each name once, each relation once."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from webapp.engines.chunk import Chunk
from webapp.engines.extract import Extraction
from webapp.engines.relations import Relation


class Graph:
    """`skipped`: how many passages were in another language than English."""

    def __init__(self) -> None:
        self._labels: dict[str, Counter[str]] = defaultdict(Counter)
        self._relations: Counter[Relation] = Counter()
        self._first: dict[Relation, Chunk] = {}
        self.skipped = 0

    def add(self, chunk: Chunk, extraction: Extraction) -> tuple[int, int]:
        """Take in one passage, in any order; how many entities and relations are new."""
        self.skipped += not extraction.in_english
        before = len(self._labels), len(self._relations)
        for entity in extraction.entities:
            self._labels[entity.name][entity.label] += 1
        for relation in extraction.relations:
            self._relations[relation] += 1
            self._first[relation] = min(self._first.get(relation, chunk), chunk, key=lambda chunk: chunk.index)
        return len(self._labels) - before[0], len(self._relations) - before[1]

    def entities(self) -> list[dict[str, Any]]:
        """By name, so that the same document always gives the same rows."""
        return [
            {"name": name, "label": _most_common(labels), "mentions": labels.total()}
            for name, labels in sorted(self._labels.items())
        ]

    def relations(self) -> list[dict[str, Any]]:
        """In reading order."""
        in_order = sorted(self._relations, key=lambda r: (self._first[r].index, r.subject, r.verb, r.object))
        return [
            {
                "subject": relation.subject,
                "verb": relation.verb,
                "object": relation.object,
                "page": self._first[relation].page,
                "chunk": self._first[relation].index,
                "mentions": self._relations[relation],
            }
            for relation in in_order
        ]


def _most_common(labels: Counter[str]) -> str:
    """The first by the alphabet among equals: results come in any order."""
    return min(labels, key=lambda label: (-labels[label], label))
