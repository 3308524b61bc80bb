"""Passages of all ingested documents, found by meaning (sqlite-vec) and by word (FTS5).

A file of its own beside the records, in WAL mode: one process writes while others search. Web
processes open it too, so nothing here loads a model or numpy.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from webapp.engines import words

if TYPE_CHECKING:
    from webapp.engines.chunk import Chunk

DIMENSIONS = 384
BUSY_SECONDS = 30
# Each search offers this many; a passage that both offer comes first (reciprocal rank fusion).
CANDIDATES = 60
RANK_OFFSET = 60
# Cosine distance beyond which a passage has nothing to do with the question.
FARTHEST = 0.75

SCHEMA = f"""
CREATE TABLE IF NOT EXISTS passages (
    id INTEGER PRIMARY KEY, document_id TEXT NOT NULL, owner_id INTEGER NOT NULL, number INTEGER NOT NULL,
    page INTEGER NOT NULL, start INTEGER NOT NULL, "end" INTEGER NOT NULL, text TEXT NOT NULL,
    UNIQUE (document_id, number)
);
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(
    text, content = 'passages', content_rowid = 'id', tokenize = 'porter unicode61 remove_diacritics 2'
);
CREATE VIRTUAL TABLE IF NOT EXISTS meanings USING vec0(
    owner_id INTEGER PARTITION KEY, embedding float[{DIMENSIONS}] distance_metric=cosine
);
"""
COLUMNS = 'document_id, number, page, start, "end", text'
NO_EXTENSIONS = (
    "The SQLite of this Python can't load extensions, which search by meaning needs. "
    "Install the package pysqlite3, or use a Python whose sqlite3 module can."
)


@dataclass(frozen=True)
class Passage:
    """`text` is the page's text from `start` to `end`; `number` counts from 0 through the document."""

    document_id: str
    number: int
    page: int
    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Hit(Passage):
    """`snippet` is a part of the text in pieces: (words, whether they match the question)."""

    score: float
    by: Literal["meaning", "words", "both"]
    snippet: list[tuple[str, bool]]


class Passages:
    """One connection a thread, opened when first used."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()

    def replace(
        self,
        document_id: str,
        owner_id: int,
        chunks: Sequence[Chunk],
        embeddings: Sequence[bytes],
        on_written: Callable[[int], None],
    ) -> int:
        """Put these in the place of the document's former passages, in one transaction.

        `on_written` is told the number of passages once they are committed; so is the caller.
        """
        with self._writing() as connection:
            _delete(connection, document_id)
            for chunk, embedding in zip(chunks, embeddings, strict=True):
                _insert(connection, document_id, owner_id, chunk, embedding)
        on_written(len(chunks))
        return len(chunks)

    def delete(self, document_id: str) -> None:
        with self._writing() as connection:
            _delete(connection, document_id)

    def of(self, document_id: str, *, limit: int = -1, offset: int = 0) -> list[Passage]:
        rows = self._connection().execute(
            f"SELECT {COLUMNS} FROM passages WHERE document_id = ? ORDER BY number LIMIT ? OFFSET ?",  # noqa: S608
            (document_id, limit, offset),
        )
        return [Passage(*row) for row in rows]

    def count(self, document_id: str | None = None) -> int:
        where, values = ("WHERE document_id = ?", (document_id,)) if document_id else ("", ())
        return int(self._connection().execute(f"SELECT count(*) FROM passages {where}", values).fetchone()[0])  # noqa: S608

    def search(self, question: str, embedding: bytes | None, owner_id: int | None, *, limit: int = 20) -> list[Hit]:
        """The best passages first. Without an embedding by word only; without an owner among everybody's."""
        connection = self._connection()
        snippets = _by_word(connection, question, owner_id)
        near = _by_meaning(connection, embedding, owner_id) if embedding else []
        scores: dict[int, float] = {}
        for ranking in (list(snippets), near):
            for rank, id in enumerate(ranking):
                scores[id] = scores.get(id, 0) + 1 / (RANK_OFFSET + rank)
        best = sorted(scores, key=lambda id: -scores[id])[:limit]
        return [_hit(connection, id, scores[id], near=id in near, snippet=snippets.get(id)) for id in best]

    @contextmanager
    def _writing(self) -> Iterator[Any]:
        connection = self._connection()
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def _connection(self) -> Any:
        if getattr(self._local, "connection", None) is None:
            self._local.connection = _open(self.path)
        return self._local.connection


def _open(path: Path) -> Any:
    try:
        import pysqlite3 as sqlite3
    except ImportError:  # there is none for every processor
        import sqlite3
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    if not hasattr(connection, "enable_load_extension"):
        raise RuntimeError(NO_EXTENSIONS)
    connection.enable_load_extension(True)
    connection.load_extension(str(_vec_extension()))
    connection.enable_load_extension(False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.executescript(SCHEMA)
    return connection


def _vec_extension() -> Path:
    """Found, not imported: the package would load numpy into every web process."""
    spec = find_spec("sqlite_vec")
    if spec is None or spec.origin is None:
        raise RuntimeError("The package sqlite-vec is missing. Install Headway's requirements again.")
    return Path(spec.origin).with_name("vec0")


def _insert(connection: Any, document_id: str, owner_id: int, chunk: Chunk, embedding: bytes) -> None:
    place = (document_id, owner_id, chunk.index, chunk.page, chunk.start, chunk.end, chunk.text)
    id = connection.execute(
        'INSERT INTO passages (document_id, owner_id, number, page, start, "end", text) VALUES (?, ?, ?, ?, ?, ?, ?)',
        place,
    ).lastrowid
    connection.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (id, chunk.text))
    connection.execute("INSERT INTO meanings (rowid, owner_id, embedding) VALUES (?, ?, ?)", (id, owner_id, embedding))


def _delete(connection: Any, document_id: str) -> None:
    rows = connection.execute("SELECT id, text FROM passages WHERE document_id = ?", (document_id,)).fetchall()
    # FTS5 keeps no text of its own: it must be told what it forgets.
    connection.executemany("INSERT INTO words (words, rowid, text) VALUES ('delete', ?, ?)", rows)
    connection.executemany("DELETE FROM meanings WHERE rowid = ?", [(id,) for id, _ in rows])
    connection.execute("DELETE FROM passages WHERE document_id = ?", (document_id,))


def _by_word(connection: Any, question: str, owner_id: int | None) -> dict[int, list[tuple[str, bool]]]:
    """Snippets by id, best first: passages with all the words, then those with some."""
    found: dict[int, list[tuple[str, bool]]] = {}
    for query in words.queries(question):
        rows = connection.execute(
            f"SELECT words.rowid, snippet(words, 0, '{words.ON}', '{words.OFF}', '…', 48) "  # noqa: S608 (two constants)
            "FROM words JOIN passages ON passages.id = words.rowid "
            "WHERE words MATCH ? AND (? IS NULL OR owner_id = ?) ORDER BY rank LIMIT ?",
            (query, owner_id, owner_id, CANDIDATES),
        )
        for id, marked in rows:
            found.setdefault(id, words.pieces(marked))
        if len(found) >= CANDIDATES:
            break
    return found


def _by_meaning(connection: Any, embedding: bytes, owner_id: int | None) -> list[int]:
    mine, values = ("AND owner_id = ?", (owner_id,)) if owner_id is not None else ("", ())
    rows = connection.execute(
        f"SELECT rowid, distance FROM meanings WHERE embedding MATCH ? AND k = ? {mine} ORDER BY distance",  # noqa: S608
        (embedding, CANDIDATES, *values),
    )
    return [id for id, distance in rows if distance <= FARTHEST]


def _hit(connection: Any, id: int, score: float, *, near: bool, snippet: list[tuple[str, bool]] | None) -> Hit:
    row = connection.execute(f"SELECT {COLUMNS} FROM passages WHERE id = ?", (id,)).fetchone()  # noqa: S608 (a constant)
    passage = Passage(*row)
    by: Literal["meaning", "words", "both"] = "both" if near and snippet else "words" if snippet else "meaning"
    return Hit(**vars(passage), score=score, by=by, snippet=snippet or words.opening(passage.text))
