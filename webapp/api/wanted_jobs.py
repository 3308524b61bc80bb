"""Which jobs a program means: of those that it may see, the ones that a list with such filters holds."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from webapp.api.job import State
from webapp.kinds import KINDS
from webapp.login import Identity
from webapp.records.listing import JobFilter


def whole(text: str) -> str:
    """JSON may hold half of a surrogate pair, which no database takes."""
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("A character in it is not whole.")
    return text


Text = Annotated[str, AfterValidator(whole)]


class WantedJobs(BaseModel):
    """Which jobs of those that one may see; what is left out takes all."""

    model_config = ConfigDict(extra="forbid")

    state: State | None = None
    kind: Text | None = Field(None, json_schema_extra={"enum": [*KINDS]})
    owner: Text | None = Field(None, description="Part of the owner’s email.")
    q: Text | None = Field(None, description="Part of the file’s name, or the job’s number.")
    batch: int | None = Field(None, ge=1, lt=2**63, description="Jobs of this batch.")
    schedule: int | None = Field(None, ge=1, lt=2**63, description="Jobs that this schedule made.")

    def filter_for(self, user: Identity, cursor: int | None) -> JobFilter:
        return JobFilter(
            owner_id=None if user.is_admin else user.id,
            state=self.state,
            kind=self.kind,
            owner_email=self.owner,
            text=self.q,
            batch_id=self.batch,
            schedule_id=self.schedule,
            before=cursor,
        )
