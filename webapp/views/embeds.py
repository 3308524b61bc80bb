"""One job's card for pages elsewhere, by a signed link: without a login, a button or a cookie."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, render_template, url_for
from werkzeug.exceptions import NotFound

from webapp.conditional import conditional
from webapp.current import services
from webapp.embedding import embed_of
from webapp.login import Identity, public
from webapp.security import policy_for_frames
from webapp.stream.html import CARD_PARTS, JobEmbedHtml, everything
from webapp.stream.load import load_job
from webapp.stream.names import Topic
from webapp.stream.state import JobState
from webapp.streaming import respond

bp = Blueprint("embeds", __name__)


@bp.after_request
def allow_frames(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = policy_for_frames(services().settings.embed_origins)
    return response


@bp.get("/embed/<token>")
@public
def show(token: str) -> str:
    return render_template(
        "embeds/show.html",
        state=_state(token),
        stream_url=url_for("embeds.live", token=token),
        parts_url=url_for("embeds.parts", token=token),
    )


@bp.get("/embed/<token>/live")
@public
def live(token: str) -> Response:
    embed = embed_of(token)
    job, guest = embed.job, Identity.of(embed.job.owner, guest=True)
    card = _card(job.embed_version)
    return respond(Topic("job", job.id), card, name=str(job.id), who=guest, at_most=embed.left)


@bp.get("/embed/<token>/parts")
@public
def parts(token: str) -> Response:
    state = _state(token)
    return conditional(everything(state, _card(state.job.embed_version)))


def _state(token: str) -> JobState:
    state = load_job(services(), embed_of(token).job.id)
    if state is None:
        raise NotFound("The job that this link was for is no longer kept.")
    return state


def _card(version: int) -> JobEmbedHtml:
    return JobEmbedHtml(current_app.jinja_env, CARD_PARTS, version=version)
