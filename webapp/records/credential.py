"""By what somebody was let in: enough to ask again, later and for many at once, whether it still holds."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import Select, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from webapp.records.database import now
from webapp.records.login import Login
from webapp.records.token import Token
from webapp.records.user import User

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
