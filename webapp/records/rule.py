"""What an admin has set for a kind of job, or for the whole queue: paused, or so many at once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from webapp.records.database import Base, Change, UTCDateTime, now
from webapp.records.job import BATCH, Job

EVERYTHING = "*"


class Rule(Base):
    __tablename__ = "rules"

    kind: Mapped[str] = mapped_column(primary_key=True)
    at_most: Mapped[int | None]
    paused_by: Mapped[str | None]
    paused_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    @classmethod
    def all(cls, session: Session) -> dict[str, Rule]:
        return {rule.kind: rule for rule in session.scalars(select(cls))}

    @classmethod
    def of(cls, session: Session, kind: str) -> Rule:
        """The rule of a kind, or of EVERYTHING; an empty new one if nothing was set yet."""
        rule = session.get(cls, kind)
        if rule is None:
            rule = cls(kind=kind)
            session.add(rule)
        return rule

    def pause(self, session: Session, by: str) -> None:
        """Let nothing more of it begin; what runs goes on."""
        self.paused_by, self.paused_at = by, now()
        self._changed(session)

    def resume(self, session: Session) -> None:
        self.paused_by = self.paused_at = None
        self._changed(session)

    def limit(self, session: Session, at_most: int | None) -> None:
        """How many may run at once; None for no bound."""
        self.at_most = at_most
        self._changed(session)

    def _changed(self, session: Session) -> None:
        Change("queue", 0, owner_id=0, what="ruled").note(session)


def why_held(session: Session) -> dict[str, str]:
    """Which kinds may not begin just now, and why in words. EVERYTHING stands for all of them."""
    rules = Rule.all(session)
    held = {kind: f"Paused by {rule.paused_by}." for kind, rule in rules.items() if rule.paused_at}
    bounds = {kind: rule.at_most for kind, rule in rules.items() if rule.at_most is not None and kind not in held}
    if bounds:
        running = select(Job.kind, func.count()).where(Job.state == "processing", Job.kind != BATCH)
        counts = {kind: count for kind, count in session.execute(running.group_by(Job.kind))}
        counts[EVERYTHING] = sum(counts.values())
        for kind, at_most in bounds.items():
            if counts.get(kind, 0) >= at_most:
                held[kind] = f"As many run at once as may: {at_most}."
    return held
