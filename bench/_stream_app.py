"""The web application with two more streams, for bench.streams. For a WSGI server.

One is contract B without its half second between events; the other does what most tutorials show: each
watcher's own loop reads the stores and renders, twice a second.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from flask import Response

from webapp.api import asking, pipeline_progress
from webapp.app import create_app
from webapp.login import public
from webapp.stream.load import load_job
from webapp.stream.names import Topic
from webapp.stream.writer import HEADERS
from webapp.streaming import respond


class Unhurried(pipeline_progress.PipelineProgress):
    interval = 0.0


UNHURRIED = Unhurried()
app = create_app()


@app.get("/api/bench/push/<job_id>")
@public
def push(job_id: str) -> Response:
    user = asking.admin()
    job = asking.watched(user, job_id)
    return respond(Topic("job", job.id), UNHURRIED, name=str(job.id), who=user)


@app.get("/api/bench/poll/<job_id>")
@public
def poll(job_id: str) -> Response:
    job = asking.job(asking.admin(), job_id)
    return Response(_polled(job.id), headers=HEADERS)


def _polled(job_id: int) -> Iterator[bytes]:
    services = app.extensions["headway"]
    while True:
        state = load_job(services, job_id)
        assert state
        yield pipeline_progress.ONE.parts(state)["progress"].encode()
        time.sleep(0.5)
