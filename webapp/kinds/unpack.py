"""Unpack a ZIP archive, and start a job for each file in it, in the batch that the archive came in."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from typing import Any

from pydantic import Field

from webapp.engines import archives
from webapp.errors import JobError
from webapp.kinds.base import Accepts, Attempt, Input, Kind, Stage
from webapp.report import Report

# Others need room, too.
MOST_OF_FREE = 0.5
MB = 1_000_000


class UnpackInput(Input):
    """What is to be done with each file."""

    kind: str = ""
    params: dict[str, Any] = Field(default_factory=dict)
    priority: str = "normal"


class Unpack(Kind):
    name = "unpack"
    label = "Unpack an archive"
    description = "Starts a job for each file in a ZIP archive."
    stages = (Stage("unpacking", unit="files"),)
    accepts = Accepts(types={".zip": "application/zip"})
    Input = UnpackInput
    offered = False

    def run(self, job: Attempt, input: UnpackInput, report: Report) -> dict[str, Any]:
        assert job.file is not None
        with archives.opened(job.file) as archive:
            entries = archives.files_in(archive)
            _check_room(job.file, sum(entry.file_size for entry in entries))
            with report.stage("unpacking", total=len(entries)):
                for number, entry in enumerate(entries):
                    is_started = _start(job, archive, entry, number, report)
                    report.count("jobs_started" if is_started else "left_out")
                    report.advance()
        started = report.picture().counters.get("jobs_started", 0)
        if not started:
            raise JobError("There is no file in this archive that can be worked on. The log says why, file by file.")
        return {"files": len(entries), "jobs_started": started}


def _check_room(path: Path, unpacked: int) -> None:
    free = shutil.disk_usage(path).free
    if unpacked > free * MOST_OF_FREE:
        raise JobError(f"Unpacked it would take {unpacked / MB:,.0f} MB, and only {free / MB:,.0f} MB are free.")


def _start(job: Attempt, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, number: int, report: Report) -> bool:
    name = archives.shown_name(entry)
    try:
        with archives.reading(archive, entry) as stream:
            job.start(f"{job.job_id}.{number}", name, stream)
    except JobError as error:
        report.log(f"“{name}” is left out: {error}", "warning")
        return False
    return True
