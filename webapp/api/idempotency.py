"""The Idempotency-Key header: a call that is sent again, because nobody knows whether it arrived, is done once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass

from flask import request
from sqlalchemy.orm import Session

from webapp.current import services
from webapp.problems import Refused
from webapp.records.job import Job
from webapp.records.submission import Repeated, Submission

HEADER = "Idempotency-Key"
LONGEST = 255
# What a call that heeds it says of itself.
TAKES_KEY = {HEADER: "A word of yours: sent again with the same contents within 24 hours, it gets the same answer."}


@dataclass(frozen=True)
class Once:
    """A call under a key; with an empty one, as often as it is sent."""

    owner_id: int
    key: str
    digest: str

    def note(self, session: Session, job: Job) -> None:
        """Raises Repeated."""
        if self.key:
            Submission.note(session, owner_id=self.owner_id, key=self.key, digest=self.digest, job_id=job.id)

    def job_of(self, accept: Callable[[], Job]) -> tuple[int, bool]:
        """The job's number, and whether it was there before. Raises Refused for a key that meant something else."""
        try:
            if self.key:
                with services().database.reading() as session:
                    Submission.check(session, owner_id=self.owner_id, key=self.key, digest=self.digest)
            return accept().id, False
        except Repeated as repeated:
            if repeated.job_id is None:
                raise Refused("This key was used for another job before. Send a new one.", {HEADER: USED}) from None
            return repeated.job_id, True


USED = "It was sent with other contents within the last 24 hours."


def once(owner_id: int, *asked: object) -> Once:
    """By the present request's header. Raises Refused for a key that can't be one."""
    key = request.headers.get(HEADER, "").strip().strip('"')
    if len(key) > LONGEST or not (key.isascii() and key.isprintable()):
        raise Refused(f"Send a key of at most {LONGEST} plain characters.", {HEADER: "It is no key."})
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
    return Once(owner_id, key, digest)
