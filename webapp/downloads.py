"""Sending what is in the file store: always as a download, never shown as a page of this site."""

from __future__ import annotations

from pathlib import PurePath

from flask import Response, send_file
from werkzeug.exceptions import NotFound

from webapp.current import services
from webapp.records.job import Job
from webapp.records.output import Output


def download_input(job: Job) -> Response:
    """The file that a job was given. Raises NotFound."""
    if job.file is None:
        raise NotFound("This job has no file.")
    return _download(job.file.key, job.file.name, job.file.size)


def download_output(job: Job, name: str) -> Response:
    """A file that a job has made for people. Raises NotFound."""
    with services().database.reading() as session:
        output = Output.find(session, job.id, name)
    if output is None:
        raise NotFound("This job has made no such file.")
    full_name = f"{PurePath(job.file_name or f'job-{job.id}').stem}-{output.name}"
    return _download(output.key, full_name, output.size)


def _download(key: str, name: str, size: int) -> Response:
    try:
        file = services().files.read(key)
    except FileNotFoundError:
        raise NotFound("The file is not kept any more.") from None
    response = send_file(file, "application/octet-stream", as_attachment=True, download_name=name)
    response.content_length = size
    return response
