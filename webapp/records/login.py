"""Logins: one row per browser that is signed in, so that each can be ended from elsewhere."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from webapp.records.database import Base, Change, UTCDateTime, now
from webapp.records.secret import digest, new_secret
from webapp.records.user import User


class Login(Base):
    __tablename__ = "logins"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    secret_digest: Mapped[str] = mapped_column(unique=True)
    browser: Mapped[str]
    address: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    seen_at: Mapped[datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)
    user: Mapped[User] = relationship(lazy="joined")

    @classmethod
    def begin(
        cls, session: Session, user: User, *, days: int, browser: str = "", address: str = ""
    ) -> tuple[Login, str]:
        """Sign a browser in; the secret goes into its cookie and is kept nowhere else."""
        secret = new_secret()
        moment = now()
        login = cls(
            user=user,
            secret_digest=digest(secret),
            browser=browser[:200],
            address=address,
            created_at=moment,
            seen_at=moment,
            expires_at=moment + timedelta(days=days),
        )
        session.add(login)
        session.flush()
        return login, secret

    @classmethod
    def of(cls, session: Session, user_id: int) -> list[Login]:
        return list(session.scalars(select(cls).where(cls.user_id == user_id).order_by(cls.seen_at.desc())))

    @classmethod
    def note_use(cls, session: Session, login_id: int) -> None:
        session.execute(update(cls).where(cls.id == login_id).values(seen_at=now()))

    def end(self, session: Session) -> None:
        session.delete(self)
        Change("user", self.user_id, owner_id=self.user_id, what="signed out").note(session)

    @classmethod
    def end_others(cls, session: Session, user_id: int, *, but: int | None = None) -> None:
        """End every login of a person except one: after a change of password."""
        for login in cls.of(session, user_id):
            if login.id != but:
                login.end(session)
