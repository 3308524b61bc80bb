"""One thing done to many jobs by one call: to those that are named, or to all that a list would hold."""

from __future__ import annotations

from typing import Annotated, Literal

from flask import Blueprint
from pydantic import BaseModel, ConfigDict, Field

from webapp.api import asking
from webapp.api.call import JSON, Call
from webapp.api.jobs import GROUP
from webapp.api.wanted_jobs import WantedJobs
from webapp.control import TOO_LATE
from webapp.current import services
from webapp.errors import JobError
from webapp.login import Identity
from webapp.records.job import Job
from webapp.records.listing import matching, of_ids
from webapp.selection import AT_ONCE, act

EITHER = "Name the jobs by “ids”, or give the “filter” of a list: one of them."

bp = Blueprint("api_job_selection", __name__)

Ids = Annotated[list[str], Field(max_length=AT_ONCE)]


class Selection(BaseModel):
    """Either `ids` or `filter`."""

    model_config = ConfigDict(extra="forbid")

    action: Literal["cancel", "retry", "delete"]
    ids: Ids | None = Field(None, description=f"At most {AT_ONCE}.")
    filter: WantedJobs | None = Field(
        None, description=f"The newest {AT_ONCE} jobs of such a list; an empty one lists all that you may see."
    )
    cursor: int | None = Field(None, ge=1, lt=2**63, description="With a filter, `next` of the answer before.")


class Selected(BaseModel):
    id: str
    outcome: Literal["done", "too_late", "not_found"]
    detail: str | None = Field(description="Why it was not done.")


class SelectionDone(BaseModel):
    """What became of each job, in the order in which they were named or are listed."""

    done: int = Field(description="To how many it was done.")
    jobs: list[Selected]
    next: str | None = Field(description="The `cursor` to go on with, where the filter lists more.")


@bp.post("/api/v1/jobs/selection")
@Call(summary="Cancel, retry or delete many jobs", group=GROUP, body=Selection, takes=(JSON,), answers=SelectionDone)
def create(body: Selection) -> SelectionDone:
    """To each job it is done as by the call for that alone; what can’t be done to one keeps no other from it."""
    user = asking.identity()
    cursor = None
    if body.ids is not None and body.filter is None:
        asked = _named(user, body.ids)
    elif body.filter is not None and body.ids is None:
        asked, cursor = _listed(user, body.filter, body.cursor)
    else:
        raise JobError(EITHER, fields={"ids": EITHER, "filter": EITHER})
    done = act(services(), body.action, [job for job in asked.values() if job], by=user.email)
    jobs = [_selected(id, job, done, TOO_LATE[body.action]) for id, job in asked.items()]
    return SelectionDone(done=len(done), jobs=jobs, next=cursor)


def _named(user: Identity, ids: list[str]) -> dict[str, Job | None]:
    """Each as it was named; None for what is not there, or not for this person."""
    numbers = {id: asking.number(id) for id in ids}
    with services().database.reading() as session:
        jobs = {job.id: job for job in of_ids(session, [*numbers.values()])}
    seen = {id: job for id, job in jobs.items() if job.visible_to(user.id, is_admin=user.is_admin)}
    return {id: seen.get(number) for id, number in numbers.items()}


def _listed(user: Identity, wanted: WantedJobs, cursor: int | None) -> tuple[dict[str, Job | None], str | None]:
    """And from where to go on, if there are more."""
    with services().database.reading() as session:
        jobs = matching(session, wanted.filter_for(user, cursor), limit=AT_ONCE + 1)
    page = jobs[:AT_ONCE]
    return {str(job.id): job for job in page}, str(page[-1].id) if len(jobs) > AT_ONCE else None


def _selected(id: str, job: Job | None, done: set[int], too_late: str) -> Selected:
    if job is None:
        return Selected(id=id, outcome="not_found", detail="There is no such job.")
    if job.id not in done:
        return Selected(id=id, outcome="too_late", detail=too_late)
    return Selected(id=id, outcome="done", detail=None)
