"""Links that show a job in pages elsewhere: made, and revoked all at once."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import Blueprint, Response
from pydantic import BaseModel, Field

from webapp.api import asking
from webapp.api.call import Call
from webapp.api.jobs import GROUP
from webapp.current import services
from webapp.embedding import LONGEST, new_link
from webapp.records.database import now

SHORTEST, USUAL = 60, 86_400

bp = Blueprint("api_job_embeds", __name__)


class NewEmbed(BaseModel):
    seconds: int = Field(USUAL, ge=SHORTEST, le=LONGEST, description="For how long it is good.")


class Embed(BaseModel):
    url: str = Field(description="Shows the job’s card alone, to whoever has it.")
    expires_at: datetime
    framed_by: list[str] = Field(description="Origins whose pages may frame it; `*` for any.")


@bp.post("/api/v1/jobs/<job_id>/embeds")
@Call(summary="Embed a job", group=GROUP, body=NewEmbed, answers=Embed, status=201, refuses=(404,))
def create(job_id: str, body: NewEmbed) -> Embed:
    """A link that shows it live and without a login. It is told this once: nobody keeps it."""
    user = asking.identity()
    job = asking.job(user, job_id)
    # Its signature counts in whole seconds, from before this one's end.
    expires_at = now().replace(microsecond=0) + timedelta(seconds=body.seconds)
    url = new_link(job, body.seconds, by=user.email)
    return Embed(url=url, expires_at=expires_at, framed_by=[*services().settings.embed_origins])


@bp.delete("/api/v1/jobs/<job_id>/embeds")
@Call(summary="Revoke every embed of a job", group=GROUP, status=204, refuses=(404,))
def revoke(job_id: str) -> Response:
    """Pages that show it stop at once. New links can be made."""
    user = asking.identity()
    job = asking.job(user, job_id)
    with services().database.transaction() as session:
        job.revoke_embeds(session, by=user.email)
    return Response(status=204)
