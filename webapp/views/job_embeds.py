"""Links that show a job in pages elsewhere: made, and revoked all at once."""

from __future__ import annotations

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from flask_login import current_user

from webapp.current import services
from webapp.embedding import LIFETIMES, new_link
from webapp.problems import Refused
from webapp.records.job import Job
from webapp.views import found

bp = Blueprint("job_embeds", __name__)


@bp.get("/jobs/<int:job_id>/embeds/new")
def new(job_id: int) -> str:
    return _page(found.job(job_id))


@bp.post("/jobs/<int:job_id>/embeds")
def create(job_id: int) -> Response:
    """The link is shown this once: nobody keeps it."""
    job = found.job(job_id)
    seconds = LIFETIMES.get(request.form.get("lifetime", ""))
    if seconds is None:
        raise Refused(f"A link lasts {', '.join(LIFETIMES)}.")
    return make_response(_page(job, new_link(job, seconds, by=current_user.email)), 201)


@bp.post("/jobs/<int:job_id>/embeds/revocation")
def revoke(job_id: int) -> Response:
    job = found.job(job_id)
    with services().database.transaction() as session:
        job.revoke_embeds(session, by=current_user.email)
    flash("Every link to this job was revoked.")
    return redirect(url_for("jobs.show", job_id=job.id), 303)  # type: ignore[return-value]


def _page(job: Job, url: str | None = None) -> str:
    origins = services().settings.embed_origins
    return render_template("jobs/embed.html", job=job, url=url, lifetimes=list(LIFETIMES), origins=origins)
