"""Unpacking an archive: a job for each good file in it, once."""

from __future__ import annotations

import io
import zipfile

import pytest

from tests.conftest import Cast
from webapp import attempt
from webapp.acceptance import Upload, accept
from webapp.engines.lanes import Lanes
from webapp.files import Incoming
from webapp.records.job import Job
from webapp.records.worker import Worker
from webapp.runner import Order, Outcome
from webapp.services import Services
from webapp.worker import settle


class Archive:
    """An archive that Ben gives to be ingested, and attempts at unpacking it."""

    def __init__(self, services: Services, cast: Cast, data: bytes) -> None:
        self.services = services
        incoming: Incoming = services.files.receive(10**8)
        incoming.write(data)
        upload = Upload(incoming, "papers.zip")
        self.batch = accept(services, owner=cast.ben, kind_name="ingest_document", params={}, upload=upload)
        self.unpacking = self.jobs()[0]

    def jobs(self) -> list[Job]:
        with self.services.database.reading() as session:
            return session.query(Job).filter(Job.batch_id == self.batch.id).order_by(Job.id).all()

    def unpack(self) -> Outcome:
        """One attempt, from its claim to what is written down of it."""
        with self.services.database.transaction() as session:
            job = Job.claim(session, self.unpacking.id, Worker.register(session, "here:1").id)
        assert job
        outcome = attempt.attempt(Order.of(job), self.services, Lanes(1))
        with self.services.database.transaction() as session:
            settle(session, job, outcome)
        return outcome

    def names(self) -> list[str | None]:
        return [job.file_name for job in self.jobs()[1:]]


def zipped(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def test_each_file_becomes_a_job_in_the_archives_batch(services: Services, cast: Cast) -> None:
    archive = Archive(services, cast, zipped({"a.txt": b"one", "reports/a.txt": b"two", "reports/": b""}))
    outcome = archive.unpack()
    assert outcome.result == {"files": 2, "jobs_started": 2}
    assert archive.names() == ["a.txt", "reports › a.txt"]
    assert {job.kind for job in archive.jobs()[1:]} == {"ingest_document"}
    assert len(services.queue) == 3
    with services.database.reading() as session:
        assert session.get_one(Job, archive.batch.id).state == "processing"


def test_unpacking_again_starts_nothing_twice(services: Services, cast: Cast) -> None:
    archive = Archive(services, cast, zipped({"a.txt": b"one", "b.txt": b"two"}))
    archive.unpack()
    with services.database.transaction() as session:
        session.query(Job).filter(Job.id == archive.unpacking.id).update({"state": "queued"})
        session.query(Job).filter(Job.id == archive.jobs()[-1].id).delete()
    assert archive.unpack().result == {"files": 2, "jobs_started": 2}
    assert archive.names() == ["a.txt", "b.txt"]


def test_what_the_kind_does_not_take_is_left_out_and_said(services: Services, cast: Cast) -> None:
    members = {"a.txt": b"one", "program.exe": b"MZ", "empty.txt": b"", "__MACOSX/._a.txt": b"x", ".DS_Store": b"x"}
    archive = Archive(services, cast, zipped(members))
    outcome = archive.unpack()
    assert archive.names() == ["a.txt"]
    said = [line.text for line in outcome.trace.lines if line.level == "warning"]
    assert [text.partition(" is left out")[0] for text in said] == ["“program.exe”", "“empty.txt”"]


def test_names_that_climb_out_stay_inside(services: Services, cast: Cast) -> None:
    archive = Archive(services, cast, zipped({"../../etc/passwd.txt": b"one", "/abs/b.txt": b"two", "..\\c.txt": b"3"}))
    archive.unpack()
    assert archive.names() == ["etc › passwd.txt", "abs › b.txt", "c.txt"]


def test_an_archive_with_nothing_of_use_fails_in_words(services: Services, cast: Cast) -> None:
    outcome = Archive(services, cast, zipped({"program.exe": b"MZ"})).unpack()
    assert (outcome.state, outcome.permanent) == ("failed", True)
    assert "no file in this archive" in outcome.error


@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: b"PK\3\4" + b"x" * 500])
def test_a_damaged_archive_fails_in_words(services: Services, cast: Cast, damage: object) -> None:
    outcome = Archive(services, cast, damage(zipped({"a.txt": b"one" * 1000}))).unpack()  # type: ignore[operator]
    assert (outcome.state, outcome.permanent) == ("failed", True)
    assert "damaged" in outcome.error


def test_one_damaged_file_does_not_spoil_the_others(services: Services, cast: Cast) -> None:
    data = bytearray(zipped({"a.txt": b"one" * 1000, "b.txt": b"two"}))
    at = data.index(b"a.txt") + len("a.txt")
    data[at : at + 8] = b"\xff" * 8
    archive = Archive(services, cast, bytes(data))
    archive.unpack()
    assert archive.names() == ["b.txt"]


def test_a_file_with_a_password_is_left_out(services: Services, cast: Cast) -> None:
    data = bytearray(zipped({"a.txt": b"one", "b.txt": b"two"}))
    # The flag of encryption, in the first file's entry of the directory.
    at = data.index(b"PK\1\2")
    data[at + 8] |= 1
    archive = Archive(services, cast, bytes(data))
    assert "password" in archive.unpack().trace.lines[0].text
    assert archive.names() == ["b.txt"]


def test_an_archive_that_declares_more_than_there_is_room_for_is_not_unpacked(services: Services, cast: Cast) -> None:
    crowd = bytearray(zipped({f"{n}.txt": b"x" for n in range(5000)}))
    at = -1
    while (at := crowd.find(b"PK\1\2", at + 1)) >= 0:
        crowd[at + 24 : at + 28] = b"\xff\xff\xff\xfe"
    outcome = Archive(services, cast, bytes(crowd)).unpack()
    assert (outcome.state, outcome.permanent) == ("failed", True)
    assert "Unpacked it would take" in outcome.error


def test_too_many_files_are_refused_in_words(services: Services, cast: Cast) -> None:
    outcome = Archive(services, cast, zipped({f"{n}.txt": b"" for n in range(10_001)})).unpack()
    assert "more than 10,000 files" in outcome.error


def test_a_cancelled_batch_gets_no_more_jobs(services: Services, cast: Cast) -> None:
    archive = Archive(services, cast, zipped({"a.txt": b"one"}))
    with services.database.transaction() as session:
        session.get_one(Job, archive.batch.id).request_cancel(session, by="ben")
    assert archive.unpack().state == "failed"
    assert archive.names() == []
