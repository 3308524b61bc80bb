"""Ingested documents: the list, and one by its text, its chunks, its entities or its relations."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request
from flask_login import current_user
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound

from webapp.current import services
from webapp.records.document import Document
from webapp.views import found

PER_PAGE = 50
PAGES_AT_ONCE = 5
MOST = 10**9
TABS = ("text", "chunks", "entities", "relations")

bp = Blueprint("documents", __name__)


@bp.get("/documents")
def index() -> str:
    """Everybody's for an admin, one's own for a member."""
    offset = _number("offset", least=0)
    owner_id = None if current_user.is_admin else current_user.id
    with services().database.reading() as session:
        documents = Document.newest(session, owner_id=owner_id, limit=PER_PAGE + 1, offset=offset)
    return render_template(
        "documents/index.html", documents=documents[:PER_PAGE], offset=offset, next_offset=_next(documents, offset)
    )


@bp.get("/documents/<document_id>")
def show(document_id: str) -> str:
    """`page`, `from` and `to` mark a passage in the text, as a search links to it."""
    tab = request.args.get("tab", "text")
    if tab not in TABS:
        raise NotFound("A document has no such part.")
    with services().database.reading() as session:
        document = found.document(session, document_id)
        part = PARTS[tab](session, document)
    return render_template("documents/show.html", document=document, tabs=TABS, tab=tab, **part)


def _text(session: Session, document: Document) -> dict[str, Any]:
    first = _number("page", least=1)
    marked = request.args.get("from", type=int), request.args.get("to", type=int)
    pages = document.pages(session, after=first - 1, limit=PAGES_AT_ONCE)
    return {
        "pages": [
            (page.number, _pieces(page.text, *marked if page.number == first else (None, None))) for page in pages
        ],
        "first": first,
        "next_page": first + PAGES_AT_ONCE if first + PAGES_AT_ONCE <= document.page_count else None,
        "previous_page": max(first - PAGES_AT_ONCE, 1) if first > 1 else None,
    }


def _pieces(text: str, start: int | None, end: int | None) -> list[tuple[str, bool]]:
    """The page's text in pieces: (text, whether it is the marked passage)."""
    if start is None or end is None or not 0 <= start < end <= len(text):
        return [(text, False)]
    return [(text[:start], False), (text[start:end], True), (text[end:], False)]


def _chunks(session: Session, document: Document) -> dict[str, Any]:
    return _listed(lambda limit, offset: services().passages.of(document.id, limit=limit, offset=offset))


def _entities(session: Session, document: Document) -> dict[str, Any]:
    return _listed(lambda limit, offset: document.entities(session, limit=limit, offset=offset))


def _relations(session: Session, document: Document) -> dict[str, Any]:
    """With `about`, the neighbourhood of that name only."""
    about = request.args.get("about", "").replace("\0", "") or None
    listed = _listed(lambda limit, offset: document.relations(session, about=about, limit=limit, offset=offset))
    around = document.neighbours(session, about, depth=2) if about else []
    further = [relation for relation in around if about not in (relation.subject, relation.object)]
    return listed | {"about": about, "further": further}


def _listed(load: Any) -> dict[str, Any]:
    offset = _number("offset", least=0)
    items = load(PER_PAGE + 1, offset)
    return {"items": items[:PER_PAGE], "offset": offset, "next_offset": _next(items, offset)}


def _number(name: str, *, least: int) -> int:
    """From the query; databases take no number of any length."""
    return min(max(request.args.get(name, least, type=int), least), MOST)


def _next(items: Any, offset: int) -> int | None:
    return offset + PER_PAGE if len(items) > PER_PAGE else None


PARTS = {"text": _text, "chunks": _chunks, "entities": _entities, "relations": _relations}
