"""Who is let in by a secret, and whether what somebody was let in by still holds, later and for many at once."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from webapp.records.database import AT_THAT_MOMENT, SEEN_EVERY, Database, now
from webapp.records.login import Login
from webapp.records.secret import digest
from webapp.records.token import Token
from webapp.records.user import User

# Asked at every request.
PERSON = (User.id, User.email, User.role)
OF_LOGIN = (
    select(*PERSON, Login.id, Login.seen_at)
    .join(Login, Login.user_id == User.id)
    .where(Login.secret_digest == bindparam("digest"), Login.expires_at > AT_THAT_MOMENT, User.disabled_at.is_(None))
)
OF_TOKEN = (
    select(*PERSON, Token.id, Token.last_used_at)
    .join(Token, Token.user_id == User.id)
    .where(Token.secret_digest == bindparam("digest"), Token.revoked_at.is_(None), User.disabled_at.is_(None))
)
# Below the number of variables that a statement may have.
AT_ONCE = 10_000


class Credential(NamedTuple):
    """A person in the role they had, and their login or token; 0 for neither.

    A `guest` is somebody else, whom that person lets look on by a link.
    """

    user_id: int
    role: str
    login_id: int = 0
    token_id: int = 0
    guest: bool = False


class Holder(NamedTuple):
    """Whose a secret is, which login or token it is of, and when its use was last noted."""

    user_id: int
    email: str
    role: str
    credential_id: int
    noted_at: datetime | None

    @property
    def is_stale(self) -> bool:
        """Whether its use is to be noted again."""
        return self.noted_at is None or now() - self.noted_at > SEEN_EVERY


def by_login(database: Database, secret: str) -> Holder | None:
    """Who logged in with this secret, if that and the person are still good."""
    return _holder(database, OF_LOGIN, secret)


def by_token(database: Database, secret: str) -> Holder | None:
    """Whose token has this secret, if that and the person are still good."""
    return _holder(database, OF_TOKEN, secret)


def _holder(database: Database, statement: Select[*tuple[Any, ...]], secret: str) -> Holder | None:
    row = database.glance(statement, {"digest": digest(secret)})
    return Holder(*row) if row else None


def still_good(session: Session, asked: Collection[Credential]) -> set[Credential]:
    """Those that would still be let in, as the same."""
    users = select(User.id, User.role).where(User.disabled_at.is_(None))
    logins = select(Login.id).where(Login.expires_at > now())
    tokens = select(Token.id).where(Token.revoked_at.is_(None))
    good_users = _among(session, users, User.id, {credential.user_id for credential in asked})
    good_logins = _among(session, logins, Login.id, {credential.login_id for credential in asked}) | {(0,)}
    good_tokens = _among(session, tokens, Token.id, {credential.token_id for credential in asked}) | {(0,)}
    return {
        credential
        for credential in asked
        if credential[:2] in good_users
        and (credential.login_id,) in good_logins
        and (credential.token_id,) in good_tokens
    }


def _among(
    session: Session, rows: Select[*tuple[Any, ...]], column: InstrumentedAttribute[int], ids: Collection[int]
) -> set[tuple[Any, ...]]:
    every = list(ids)
    some = (every[start : start + AT_ONCE] for start in range(0, len(every), AT_ONCE))
    return {tuple(row) for part in some for row in session.execute(rows.where(column.in_(part)))}
