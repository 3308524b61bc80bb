"""Pages cut into passages that end at a sentence and that the embedding model sees whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from semantic_text_splitter import TextSplitter

from webapp.engines.embed import LONGEST, load_tokenizer
from webapp.engines.parse import Page

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


def split(pages: Sequence[Page]) -> list[Chunk]:
    return list(split_pages(pages))


def split_pages(pages: Sequence[Page]) -> Iterator[Chunk]:
    index = 0
    for page in pages:
        for start, text in _splitter().chunk_indices(page.text):
            yield Chunk(index, page.number, start, start + len(text), text)
            index += 1


@cache
def _splitter() -> TextSplitter:
    tokenizer = load_tokenizer()
    tokenizer.no_truncation()
    return TextSplitter.from_huggingface_tokenizer(tokenizer, SIZE)
