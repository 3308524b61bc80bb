"""API tokens: long-lived credentials for programs, shown once and kept as a digest."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from webapp.records.database import Base, Change, UTCDateTime, now
from webapp.records.secret import digest, new_secret
from webapp.records.user import User

PREFIX = "hw_"
NAME_LENGTH = 100


class Token(Base):
    __tablename__ = "tokens"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    secret_digest: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    user: Mapped[User] = relationship(lazy="joined")

    @classmethod
    def create(cls, session: Session, user: User, name: str) -> tuple[Token, str]:
        """Make one; its secret is returned here and never again."""
        name = name.strip()[:NAME_LENGTH]
        if not name:
            raise ValueError("A token needs a name, so that you can tell later what uses it.")
        secret = new_secret(PREFIX)
        token = cls(user=user, name=name, secret_digest=digest(secret), created_at=now())
        session.add(token)
        session.flush()
        return token, secret

    @classmethod
    def of(cls, session: Session, user: User) -> list[Token]:
        live = select(cls).where(cls.user_id == user.id, cls.revoked_at.is_(None))
        return list(session.scalars(live.order_by(cls.created_at.desc())))

    @classmethod
    def note_use(cls, session: Session, token_id: int) -> None:
        session.execute(update(cls).where(cls.id == token_id).values(last_used_at=now()))

    def revoke(self, session: Session) -> None:
        self.revoked_at = now()
        Change("user", self.user_id, owner_id=self.user_id, what="token revoked").note(session)
