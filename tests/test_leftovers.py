"""What processes that were killed left of uploads."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Cast
from webapp import leftovers
from webapp.files import Incoming, NoRoom
from webapp.records.job import Job
from webapp.records.output import Made, Output
from webapp.records.stored_file import StoredFile
from webapp.records.worker import Worker
from webapp.services import Services

NEVER = 1_000_000


def received(services: Services, data: bytes = b"hello") -> Incoming:
    incoming = services.files.receive(NEVER)
    incoming.write(data)
    return incoming


def killed(incoming: Incoming) -> None:
    """As the kernel leaves it: the file is there, its lock is not."""
    incoming.close()


def files(services: Services) -> list[Path]:
    folders = (services.settings.files_dir, services.files.incoming)
    return [path for folder in folders for path in folder.rglob("*") if path.is_file()]


def job_with(services: Services, cast: Cast, key: str) -> None:
    file = StoredFile(key, "data.bin", 5, "ab" * 32, "application/octet-stream")
    with services.database.transaction() as session:
        Job.accept(session, kind="checksum", owner_id=cast.ben.id, params={}, file=file)


def test_an_upload_that_is_under_way_is_left_alone(services: Services) -> None:
    incoming = received(services)
    leftovers.clear(services)
    key = services.files.keep(incoming)
    leftovers.clear(services)
    assert services.files.read(key).read() == b"hello"
    assert incoming.path.exists()


def test_an_upload_whose_process_was_killed_is_cleared(services: Services) -> None:
    killed(received(services))
    leftovers.clear(services)
    assert files(services) == []


def test_a_file_that_was_stored_and_never_became_a_job_is_cleared(services: Services) -> None:
    incoming = received(services)
    services.files.keep(incoming)
    killed(incoming)
    leftovers.clear(services)
    assert files(services) == []


def test_a_file_that_became_a_job_is_kept(services: Services, cast: Cast) -> None:
    incoming = received(services)
    key = services.files.keep(incoming)
    job_with(services, cast, key)
    killed(incoming)
    leftovers.clear(services)
    assert files(services) == [services.settings.files_dir / key]
    assert services.files.read(key).read() == b"hello"


def test_a_file_that_became_a_job_s_output_is_kept(services: Services, cast: Cast) -> None:
    incoming = received(services)
    key = services.files.keep(incoming)
    with services.database.transaction() as session:
        job = Job.accept(session, kind="checksum", owner_id=cast.ben.id, params={}, file=None)
        job = Job.claim(session, job.id, Worker.register(session, "here:1").id) or job
        Output.keep(session, job.id, job.attempt, Made("reading", "a.txt", key, 5, "", "text/plain", ""))
    killed(incoming)
    leftovers.clear(services)
    assert files(services) == [services.settings.files_dir / key]


@pytest.mark.parametrize("then", ["write more", "flush", "go back to its start"])
def test_a_disk_without_room_is_told_from_other_troubles(services: Services, then: str) -> None:
    incoming = services.files.receive(NEVER)
    incoming._file.close()
    incoming._file = open("/dev/full", "r+b", buffering=100)  # noqa: SIM115
    incoming.write(b"hello")
    with pytest.raises(NoRoom):
        {
            "write more": lambda: incoming.write(bytes(200)),
            "flush": incoming.flush,
            "go back to its start": lambda: incoming.seek(0),
        }[then]()
    incoming.discard()
    assert files(services) == []
