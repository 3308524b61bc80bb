"""Retention: the oldest ended jobs go by age and by bytes, with their files; nothing else does."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest

from tests.conftest import Cast
from webapp.acceptance import Upload, accept
from webapp.deletion import delete_document, delete_jobs
from webapp.engines.chunk import Chunk
from webapp.errors import JobError
from webapp.live.wake import CHANNEL
from webapp.records.database import now
from webapp.records.document import Document
from webapp.records.ended import Ended, Files, stored
from webapp.records.event import Event
from webapp.records.job import NO_TRACE, Job
from webapp.records.output import Made, Output
from webapp.records.worker import Worker
from webapp.retention import STRAY_AFTER, Policy, Pruned, Stored, choose, prune, prune_in_turn, prune_strays
from webapp.services import Services

NEVER = 10**9
DAY = timedelta(days=1)


def submitted(services: Services, cast: Cast, data: bytes = b"0123456789", kind: str = "checksum") -> Job:
    incoming = services.files.receive(NEVER)
    incoming.write(data)
    return accept(services, owner=cast.ben, kind_name=kind, params={}, upload=Upload(incoming, "notes.txt"))


def ended(
    services: Services, cast: Cast, *, days: float = 0, state: str = "completed", file_key: str | None = None
) -> Job:
    """A job of Ben's with ten bytes that ended so many days ago; with another's file if `file_key` is given."""
    job = submitted(services, cast)
    with services.database.transaction() as session:
        worker = Worker.register(session, "here:1")
        job = Job.claim(session, job.id, worker.id) or job
        assert job.complete(session, {}, NO_TRACE) if state == "completed" else job.fail(session, "no", NO_TRACE)
        job = session.get_one(Job, job.id, populate_existing=True)
        job.finished_at = now() - days * DAY
        if file_key:
            services.files.delete(job.file_key or "")
            job.file_key = file_key
    return job


def made(services: Services, job: Job, name: str, size: int = 5) -> str:
    """The key of a file that a running job made."""
    incoming = services.files.put(bytes(size))
    key = services.files.keep(incoming)
    output = Made("reading", name, key, size, incoming.sha256, "text/plain", "basis", lasting=True)
    with services.database.transaction() as session:
        assert Output.keep(session, job.id, job.attempt, output) == []
    incoming.discard()
    return key


def left(services: Services) -> list[int]:
    with services.database.reading() as session:
        return sorted(session.scalars(Job.__table__.select().with_only_columns(Job.id)))


def kept(services: Services, job: Job) -> bool:
    try:
        return bool(services.files.read(job.file_key or "").read())
    except FileNotFoundError:
        return False


def older_than(days: float) -> Policy:
    return Policy(now() - days * DAY, None)


def test_what_ended_long_ago_goes_with_its_history_and_its_file(services: Services, cast: Cast) -> None:
    old, failed, young = (
        ended(services, cast, days=days, state=state)
        for days, state in ((10, "completed"), (9, "failed"), (1, "completed"))
    )
    assert prune(services, older_than(5)) == Pruned(jobs=2, files=2, bytes=20)
    assert left(services) == [young.id]
    assert [kept(services, job) for job in (old, failed, young)] == [False, False, True]
    with services.database.reading() as session:
        assert Event.of(session, old.id) == []
        assert Event.of(session, young.id)


def test_what_waits_or_runs_is_never_touched(services: Services, cast: Cast) -> None:
    waiting, running = submitted(services, cast), submitted(services, cast)
    with services.database.transaction() as session:
        assert Job.claim(session, running.id, Worker.register(session, "here:1").id)
    assert prune(services, Policy(now() + DAY, 0)) == Pruned()
    assert delete_jobs(services, [waiting.id, running.id]).job_ids == []
    assert left(services) == [waiting.id, running.id]
    assert kept(services, waiting) and kept(services, running)


def test_what_was_started_anew_since_it_was_chosen_stays(services: Services, cast: Cast) -> None:
    job = ended(services, cast, days=10, state="failed")
    with services.database.transaction() as session:
        assert job.retry(session, by="ben")
    assert delete_jobs(services, [job.id]).job_ids == []
    assert kept(services, job)


def test_the_oldest_go_until_the_files_fit(services: Services, cast: Cast) -> None:
    jobs = [ended(services, cast, days=days) for days in (1, 3, 2)]
    waiting = submitted(services, cast)
    assert prune(services, Policy(None, 25)) == Pruned(jobs=2, files=2, bytes=20)
    assert left(services) == [jobs[0].id, waiting.id]
    assert prune(services, Policy(None, 20)) == Pruned()


def test_a_file_that_another_job_uses_stays_until_that_goes_too(services: Services, cast: Cast) -> None:
    first = ended(services, cast, days=10)
    second = ended(services, cast, days=1, file_key=first.file_key)
    assert prune(services, older_than(5)) == Pruned(jobs=1, files=0, bytes=0)
    assert kept(services, second)
    assert prune(services, older_than(0)) == Pruned(jobs=1, files=1, bytes=10)
    assert not kept(services, second)


def test_a_dry_run_tells_the_same_and_deletes_nothing(services: Services, cast: Cast) -> None:
    first = ended(services, cast, days=10)
    ended(services, cast, days=9, file_key=first.file_key)
    ended(services, cast, days=8)
    ended(services, cast, days=1)
    policy = Policy(now() - 9.5 * DAY, 15)
    told = prune(services, policy, dry_run=True)
    assert len(left(services)) == 4
    assert prune(services, policy) == told == Pruned(jobs=3, files=2, bytes=20)


def test_many_jobs_go_in_many_batches(services: Services, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webapp.retention.BATCH", 2)
    jobs = [ended(services, cast, days=days) for days in (9, 8, 7, 6, 5)]
    assert prune(services, older_than(5.5), dry_run=True, at_most=2).jobs == 2
    assert prune(services, older_than(5.5)).jobs == 4
    assert left(services) == [jobs[-1].id]


def test_without_bounds_everything_stays(services: Services, cast: Cast) -> None:
    ended(services, cast, days=10_000)
    settings = services.settings.model_copy(update={"keep_days": 0})
    assert prune(services, Policy.of(settings)) == Pruned()
    assert Policy.of(settings, older_than=0).since is not None
    assert Policy.of(services.settings).since is not None


def test_jobs_without_a_file_are_spared_where_only_bytes_are_too_many() -> None:
    jobs = [Ended(1, now(), {}), Ended(2, now(), {"a": 10}), Ended(3, now(), {"b": 10})]
    stored = Stored(20)
    assert choose(jobs, Policy(None, 10), stored) == ([2], {"a": 10})
    assert stored.bytes == 10


def test_a_document_outlives_its_job_if_it_can_be_read(services: Services, cast: Cast) -> None:
    jobs = [submitted(services, cast, data, "ingest_document") for data in (b"one", b"two")]
    with services.database.transaction() as session:
        session.get_one(Document, jobs[0].document_id).finish(chunks=0)
        for job in jobs:
            assert job.request_cancel(session, by="ben")
    assert prune(services, older_than(0)).jobs == 2
    with services.database.reading() as session:
        assert session.get(Document, jobs[0].document_id)
        assert session.get(Document, jobs[1].document_id) is None


def test_open_pages_are_told_of_what_is_deleted(services: Services, cast: Cast) -> None:
    job = ended(services, cast)
    with services.redis.pubsub() as listener:
        listener.subscribe(CHANNEL)
        listener.get_message(timeout=1)
        delete_jobs(services, [job.id])
        message = listener.get_message(timeout=1)
    assert message and message["data"] == f"job {job.id} {cast.ben.id} deleted"


def test_the_number_of_a_deleted_job_is_not_given_again(services: Services, cast: Cast) -> None:
    job = ended(services, cast)
    delete_jobs(services, [job.id])
    assert submitted(services, cast).id == job.id + 1


def test_files_that_no_job_names_go_after_a_day(services: Services, cast: Cast) -> None:
    job = submitted(services, cast)
    keys = []
    for age in (2 * STRAY_AFTER, STRAY_AFTER / 2):
        incoming = services.files.receive(NEVER)
        incoming.write(b"lost")
        keys.append(services.files.keep(incoming))
        moment = (now() - age).timestamp()
        os.utime(f"{services.files.root}/{keys[-1]}", (moment, moment))
    assert prune_strays(services, dry_run=True) == Pruned(files=1, bytes=4)
    assert prune_strays(services) == Pruned(files=1, bytes=4)
    assert services.files.sizes(keys[1][:2])[keys[1]] == 4
    assert keys[0] not in services.files.sizes(keys[0][:2])
    assert kept(services, job)


def test_what_is_no_upload_in_the_store_is_left_alone(services: Services) -> None:
    incoming = services.files.receive(NEVER)
    incoming.write(b"mine")
    folder = services.files.keep(incoming)[:2]
    path = f"{services.files.root}/{folder}/readme.txt"
    with open(path, "w") as file:
        file.write("mine")
    os.utime(path, (0, 0))
    assert prune_strays(services) == Pruned()
    assert os.path.exists(path)


def test_what_a_job_made_counts_and_goes_with_it(services: Services, cast: Cast) -> None:
    job, other = submitted(services, cast), submitted(services, cast)
    with services.database.transaction() as session:
        worker = Worker.register(session, "here:1")
        job, other = Job.claim(session, job.id, worker.id) or job, Job.claim(session, other.id, worker.id) or other
    keys = [made(services, job, "a.txt"), made(services, job, "b.txt", 7)]
    kept_key = made(services, other, "a.txt")
    for key in keys:
        os.utime(f"{services.files.root}/{key}", (0, 0))
    assert prune_strays(services) == Pruned()
    with services.database.transaction() as session:
        job.complete(session, {}, NO_TRACE)
        assert stored(session) == Files(5, 10 + 10 + 5 + 7 + 5)
    assert prune(services, older_than(0), dry_run=True) == Pruned(jobs=1, files=3, bytes=22)
    assert prune(services, Policy(None, 36)) == Pruned(jobs=1, files=3, bytes=22)
    assert [key in services.files.sizes(key[:2]) for key in [*keys, kept_key]] == [False, False, True]
    with services.database.reading() as session:
        assert stored(session) == Files(2, 15)


def test_a_job_without_a_file_of_its_own_goes_for_what_it_made() -> None:
    job = Ended(1, now(), {"a": 10, "b": 5})
    assert choose([job], Policy(None, 10), Stored(15)) == ([1], {"a": 10, "b": 5})


def test_workers_take_turns_at_pruning(services: Services, cast: Cast) -> None:
    jobs = [ended(services, cast, days=100)]
    prune_in_turn(services)
    assert left(services) == []
    jobs.append(ended(services, cast, days=100))
    prune_in_turn(services)
    assert left(services) == [jobs[1].id]
    services.redis.flushall()
    prune_in_turn(services)
    assert left(services) == []


def test_a_deleted_document_takes_its_passages_along_and_leaves_its_jobs(services: Services, cast: Cast) -> None:
    job = submitted(services, cast, b"Some words.", "ingest_document")
    with services.database.transaction() as session:
        document = session.get_one(Document, job.document_id)
        document.finish(chunks=1)
    services.passages.replace(
        document.id, cast.ben.id, [Chunk(0, 1, 0, 4, "Some")], [bytes(4 * 384)], lambda _count: None
    )
    with pytest.raises(JobError, match=f"Job #{job.id} is at work on it"):
        delete_document(services, document)
    with services.database.transaction() as session:
        assert job.request_cancel(session, by="ben")
    delete_document(services, document)
    assert services.passages.count(document.id) == 0
    with services.database.reading() as session:
        assert session.get(Document, document.id) is None
        assert session.get_one(Job, job.id).document_id is None
