"""Ingested documents: their pages, and the graph of what they name and say."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, case, cast, delete, func, insert, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from webapp.records.database import Base, UTCDateTime, now

if TYPE_CHECKING:
    from webapp.engines.parsed import Parsed

ROWS_A_STATEMENT = 500
DEEPEST = 4


class Document(Base):
    """One a person and content: the same file given twice is the same document."""

    __tablename__ = "documents"
    __table_args__ = (UniqueConstraint("owner_id", "sha256"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    sha256: Mapped[str] = mapped_column(String(64))
    name: Mapped[str]
    media_type: Mapped[str]
    size: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    ingested_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    page_count: Mapped[int] = mapped_column(default=0)
    image_count: Mapped[int] = mapped_column(default=0)
    chunk_count: Mapped[int] = mapped_column(default=0)
    entity_count: Mapped[int] = mapped_column(default=0)
    relation_count: Mapped[int] = mapped_column(default=0)

    # Reading

    @classmethod
    def newest(
        cls, session: Session, *, owner_id: int | None = None, limit: int = 50, offset: int = 0
    ) -> Sequence[Document]:
        """Those that can be read already; without an owner, everybody's."""
        query = select(cls).where(cls.ingested_at.is_not(None))
        if owner_id is not None:
            query = query.where(cls.owner_id == owner_id)
        return session.scalars(query.order_by(cls.ingested_at.desc(), cls.id).limit(limit).offset(offset)).all()

    @classmethod
    def by_ids(cls, session: Session, ids: Iterable[str]) -> dict[str, Document]:
        return {document.id: document for document in session.scalars(select(cls).where(cls.id.in_(set(ids))))}

    def visible_to(self, user_id: int, *, is_admin: bool) -> bool:
        return is_admin or self.owner_id == user_id

    def pages(self, session: Session, *, after: int = 0, limit: int = 20) -> Sequence[Page]:
        """In order, from the page after this number."""
        query = select(Page).where(Page.document_id == self.id, Page.number > after)
        return session.scalars(query.order_by(Page.number).limit(limit)).all()

    def entities(self, session: Session, *, limit: int = 100, offset: int = 0) -> Sequence[Entity]:
        """Most mentioned first, years last."""
        query = select(Entity).where(Entity.document_id == self.id)
        order = (Entity.label == "date", Entity.mentions.desc(), Entity.name)
        return session.scalars(query.order_by(*order).limit(limit).offset(offset)).all()

    def relations(
        self, session: Session, *, about: str | None = None, limit: int = 100, offset: int = 0
    ) -> Sequence[Relation]:
        """Most mentioned first, then in reading order; `about`: those with this name on either side."""
        query = select(Relation).where(Relation.document_id == self.id)
        if about is not None:
            query = query.where(or_(Relation.subject == about, Relation.object == about))
        order = (Relation.mentions.desc(), Relation.chunk, Relation.id)
        return session.scalars(query.order_by(*order).limit(limit).offset(offset)).all()

    def neighbours(self, session: Session, name: str, *, depth: int = 2, limit: int = 200) -> Sequence[Relation]:
        """The relations within so many steps of a name, in either direction: a part of the graph to draw."""
        reached = select(cast(name, String).label("name"), cast(0, Relation.chunk.type).label("steps"))
        reach = reached.cte("reach", recursive=True)
        touches = or_(Relation.subject == reach.c.name, Relation.object == reach.c.name)
        other_end = case((Relation.subject == reach.c.name, Relation.object), else_=Relation.subject)
        step = select(other_end, reach.c.steps + 1).where(
            Relation.document_id == self.id, touches, reach.c.steps < min(depth, DEEPEST)
        )
        reach = reach.union(step)
        names = select(reach.c.name)
        query = select(Relation).where(
            Relation.document_id == self.id, Relation.subject.in_(names), Relation.object.in_(names)
        )
        return session.scalars(query.order_by(Relation.mentions.desc(), Relation.id).limit(limit)).all()

    # Verbs

    @classmethod
    def accept(cls, session: Session, *, owner_id: int, sha256: str, name: str, media_type: str, size: int) -> Document:
        """The person's document with this content, under its newest name; made if there is none."""
        same = select(cls).where(cls.owner_id == owner_id, cls.sha256 == sha256)
        document = session.scalar(same)
        if document is None:
            document = cls(id=str(uuid.uuid4()), owner_id=owner_id, sha256=sha256, size=size, created_at=now())
            document.name, document.media_type = name, media_type
            try:
                with session.begin_nested():
                    session.add(document)
            except IntegrityError:  # another process was faster
                document = session.scalars(same).one()
        document.name, document.media_type = name, media_type
        return document

    def store_pages(self, session: Session, parsed: Parsed) -> None:
        """Put these in the place of the former pages."""
        session.execute(delete(Page).where(Page.document_id == self.id))
        rows = [{"document_id": self.id, "number": page.number, "text": page.text} for page in parsed.pages]
        _insert(session, Page, rows)
        self.page_count, self.image_count = len(parsed.pages), parsed.images

    def store_graph(
        self, session: Session, entities: Sequence[dict[str, Any]], relations: Sequence[dict[str, Any]]
    ) -> int:
        """Put these in the place of the former graph; how many rows it has now.

        Keys of an entity: name, label, mentions; of a relation: subject, verb, object, page, chunk, mentions.
        """
        for table, rows in ((Entity, entities), (Relation, relations)):
            session.execute(delete(table).where(table.document_id == self.id))
            _insert(session, table, [row | {"document_id": self.id} for row in rows])
        self.entity_count, self.relation_count = len(entities), len(relations)
        return sum(
            session.scalar(select(func.count()).where(table.document_id == self.id)) or 0
            for table in (Entity, Relation)
        )

    def finish(self, *, chunks: int) -> None:
        """From now on it can be read and found."""
        self.chunk_count, self.ingested_at = chunks, now()

    def delete(self, session: Session) -> None:
        """With its pages, entities and relations; jobs and passages are not its own to delete."""
        session.execute(delete(Document).where(Document.id == self.id))


class Page(Base):
    __tablename__ = "pages"

    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]


class Entity(Base):
    """A name in a document, once, with the label it has most often."""

    __tablename__ = "entities"
    __table_args__ = (UniqueConstraint("document_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"))
    name: Mapped[str]
    label: Mapped[str]
    mentions: Mapped[int]


class Relation(Base):
    """Something a document says, once; `page` and `chunk` are where it says so first."""

    __tablename__ = "relations"
    __table_args__ = (
        UniqueConstraint("document_id", "subject", "verb", "object"),
        Index("ix_relations_document_id_object", "document_id", "object"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"))
    subject: Mapped[str]
    verb: Mapped[str]
    object: Mapped[str]
    page: Mapped[int]
    chunk: Mapped[int]
    mentions: Mapped[int]


def _insert(session: Session, table: type[Base], rows: Sequence[dict[str, Any]]) -> None:
    for start in range(0, len(rows), ROWS_A_STATEMENT):
        session.execute(insert(table), rows[start : start + ROWS_A_STATEMENT])
