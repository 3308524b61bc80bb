"""People: who may sign in, as what."""

from __future__ import annotations

from datetime import datetime

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import select
from sqlalchemy.orm import Mapped, Session, mapped_column

from webapp.records.database import Base, Change, UTCDateTime, now

ADMIN = "admin"
ROLES = (ADMIN, "member")
PASSWORD_LENGTH = 8

# OWASP's figures for argon2id with little memory: a login must not double a web process.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Verified for unknown addresses too, so that the time of an answer tells nothing.
_NOBODY = _hasher.hash("nobody's password")


class User(Base):
    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    password_hash: Mapped[str]
    role: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    disabled_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    @property
    def is_admin(self) -> bool:
        return self.role == ADMIN

    @classmethod
    def create(cls, session: Session, *, email: str, password: str, role: str = "member") -> User:
        """Add a person. ValueError says in words what is wrong with the address, password or role."""
        email = email.strip().lower()
        name, at, host = email.partition("@")
        if not (name and at and host) or not email.isprintable() or " " in email or len(email) > 254:
            raise ValueError(f"“{email}” is not an e-mail address.")
        if role not in ROLES:
            raise ValueError(f"“{role}” is not a role; there are {' and '.join(ROLES)}.")
        if cls.by_email(session, email):
            raise ValueError(f"There is a user {email} already.")
        user = cls(email=email, role=role, created_at=now(), password_hash=_hashed(password))
        session.add(user)
        session.flush()
        return user

    @classmethod
    def by_email(cls, session: Session, email: str) -> User | None:
        return session.scalar(select(cls).where(cls.email == email.strip().lower()))

    @classmethod
    def authenticate(cls, session: Session, email: str, password: str) -> User | None:
        """The person, if the password is theirs and they are not disabled."""
        user = cls.by_email(session, email)
        right = _matches(user.password_hash if user else _NOBODY, password)
        return user if user and right and not user.disabled_at else None

    def has_password(self, password: str) -> bool:
        return _matches(self.password_hash, password)

    def set_password(self, session: Session, password: str) -> None:
        self.password_hash = _hashed(password)
        self._revoked(session, "password changed")

    def set_role(self, session: Session, role: str) -> None:
        self.role = role
        self._revoked(session, "role changed")

    def disable(self, session: Session) -> None:
        self.disabled_at = now()
        self._revoked(session, "disabled")

    def enable(self, session: Session) -> None:
        self.disabled_at = None

    def _revoked(self, session: Session, what: str) -> None:
        """Have this person's open streams ended: whoever still may comes back by themselves."""
        Change("user", self.id, owner_id=self.id, what=what).note(session)


def _hashed(password: str) -> str:
    if len(password) < PASSWORD_LENGTH:
        raise ValueError(f"A password has at least {PASSWORD_LENGTH} characters.")
    return _hasher.hash(password)


def _matches(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False
