"""Links by which one job's card shows in a page elsewhere: signed, for a time, and void once they are revoked."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from flask import current_app, url_for
from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug.exceptions import Gone, NotFound

from webapp.current import services
from webapp.records.database import now
from webapp.records.job import Job

SALT = "embed"
LONGEST = 30 * 86_400
LIFETIMES = {"1 hour": 3600, "1 day": 86_400, "30 days": LONGEST}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Embed:
    """The job that a link shows, and for how many seconds more."""

    job: Job
    left: float


def new_link(job: Job, seconds: int, by: str) -> str:
    """Nobody keeps it."""
    log.info("job=%s embed made by %s seconds=%s", job.id, by, seconds)
    token = _signer().dumps([job.id, job.embed_version, seconds])
    return url_for("embeds.show", token=token, _external=True)


def embed_of(token: str, at: datetime | None = None) -> Embed:
    """What a link shows. Raises NotFound, or Gone if the link is no longer good (`at` a moment, else now)."""
    try:
        (job_id, version, seconds), made_at = _signer().loads(token, return_timestamp=True)
    except (BadData, ValueError, TypeError):
        raise NotFound("This link is not whole. Ask for a new one.") from None
    with services().database.reading() as session:
        job = Job.find(session, job_id)
    if job is None:
        raise NotFound("The job that this link was for is no longer kept.")
    left = seconds - ((at or now()) - made_at).total_seconds()
    if left <= 0:
        raise Gone("This link has expired. Ask for a new one.")
    if job.embed_version != version or job.owner.disabled_at:
        raise Gone("This link was revoked. Ask for a new one.")
    return Embed(job, left)


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(str(current_app.secret_key), salt=SALT)
