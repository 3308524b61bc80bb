"""What a kind of job is: a label, an input, named stages, and the work itself.

Nothing here or in a kind imports Flask, Redis or Huey: a kind's test is a plain call with a
report that collects.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict

from webapp.checkpoints import Checkpoints
from webapp.records.job import RetryPolicy

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from webapp.engines.lanes import Lanes
    from webapp.engines.passages import Passages
    from webapp.records.database import Database
    from webapp.records.job import Job
    from webapp.report import Report


class Input(BaseModel):
    """What a kind may be asked, checked before the job is accepted. Unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class Stage:
    """One named step. `weight` is its share of the whole job's time, as measured, in any unit."""

    name: str
    weight: float = 1.0
    unit: str = ""


@dataclass(frozen=True)
class Accepts:
    """Which files a kind takes, as extension → media type; an empty table takes any file."""

    types: dict[str, str]

    @property
    def unpacks(self) -> bool:
        """Whether a ZIP given to it is unpacked, and each file in it a job."""
        return bool(self.types) and ".zip" not in self.types

    @property
    def extensions(self) -> str:
        """As an <input accept>: `.docx,.pdf,.zip`."""
        return ",".join([*sorted(self.types), *[".zip"] * self.unpacks])


def _in_no_batch(_key: str, _name: str, _stream: IO[bytes]) -> None:
    raise ValueError("this job is in no batch")


@dataclass(frozen=True)
class Attempt:
    """One try at one job: who it is for, and the stores and processes the work may use."""

    job_id: int
    number: int
    owner_id: int
    document_id: str | None
    file: Path | None
    file_name: str
    database: Database
    passages: Passages
    lanes: Lanes
    # Starts another job in this one's batch: by a key that is given once, a file's name, and what is in it.
    start: Callable[[str, str, IO[bytes]], None] = _in_no_batch
    checkpoints: Checkpoints = field(default_factory=Checkpoints)


class Kind:
    """Base of all kinds. Subclasses set the class attributes and write `run`.

    `version` grows when what its stages keep changes: what an older one kept is then not gone on from.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    description: ClassVar[str]
    stages: ClassVar[tuple[Stage, ...]]
    Input: ClassVar[type[Input]] = Input
    accepts: ClassVar[Accepts | None] = None
    retries: ClassVar[RetryPolicy] = RetryPolicy()
    # Whether people may ask for it by name; others are started by what they do.
    offered: ClassVar[bool] = True
    version: ClassVar[int] = 1
    # How long an attempt may take, unless it is set otherwise; None for any time.
    time_limit: ClassVar[timedelta | None] = None

    def prepare(self, session: Session, job: Job) -> None:
        """Write what must stand in SQL once the job is accepted, in the accepting transaction."""

    def run(self, job: Attempt, input: Any, report: Report) -> dict[str, Any]:
        """Do the work, tell `report` how it goes, and return the result (JSON, under 64 KiB).

        Raises JobError with words for the person; any other exception is a fault of the kind.
        """
        raise NotImplementedError
