"""Pages cut into passages that end at a sentence and that the embedding model sees whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from webapp.engines.embed import LONGEST, load_tokenizer
from webapp.engines.parsed import Page

if TYPE_CHECKING:
    from semantic_text_splitter import TextSplitter

# In word pieces: about 600 to 1,100 characters of English. Two are for the model's own marks.
SIZE = (150, LONGEST - 2)


@dataclass(frozen=True)
class Chunk:
    """`text` is its page's text from `start` to `end`; `index` counts from 0 through the document."""

    index: int
    page: int
    start: int
    end: int
    text: str

    def __str__(self) -> str:
        return f"chunk-{self.index + 1}"


def title(chunks: Sequence[Chunk]) -> str:
    """'chunk-5…8'"""
    return str(chunks[0]) if len(chunks) == 1 else f"{chunks[0]}…{chunks[-1].index + 1}"


def split(pages: Iterable[Page]) -> list[Chunk]:
    chunks: list[Chunk] = []
    for page in pages:
        chunks += split_page(page, first_index=len(chunks))
    return chunks


def split_page(page: Page, *, first_index: int = 0) -> list[Chunk]:
    pieces = _splitter().chunk_indices(page.text)
    return [
        Chunk(index, page.number, start, start + len(text), text)
        for index, (start, text) in enumerate(pieces, first_index)
    ]


@cache
def _splitter() -> TextSplitter:
    from semantic_text_splitter import TextSplitter  # web processes import this module, but split nothing

    return TextSplitter.from_huggingface_tokenizer(load_tokenizer(), SIZE)
