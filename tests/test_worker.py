"""Jobs through a real runner process and a real Redis: how each ends, and that the worker outlives it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.conftest import Cast
from tests.serving import eventually
from webapp.acceptance import Upload, accept
from webapp.kinds import KINDS
from webapp.progress import LogLine, Progress, StageProgress
from webapp.records.database import Change
from webapp.records.event import Event
from webapp.records.job import Job
from webapp.records.output import Output
from webapp.records.rule import Rule
from webapp.records.worker import Worker as WorkerRow
from webapp.runner import Order, Runner
from webapp.services import Services
from webapp.settings import Settings
from webapp.sweeper import sweep, take_back
from webapp.worker import settle, settle_and_tidy

NEVER = 1_000_000
LONG_TEXT = b"Ada Lovelace wrote the first program in London, and Charles Babbage built no engine. " * 1000


@pytest.fixture
def runner(services: Services) -> Iterator[Runner]:
    runner = Runner(services.settings)
    yield runner
    runner.kill()


def upload(services: Services, data: bytes, name: str = "data.bin") -> Upload:
    incoming = services.files.receive(NEVER)
    incoming.write(data)
    return Upload(incoming, name)


def checksum(services: Services, cast: Cast, data: bytes = b"hello", **params: int) -> Job:
    return accept(services, owner=cast.ben, kind_name="checksum", params=params, upload=upload(services, data))


def claim(services: Services, job: Job) -> Job:
    with services.database.transaction() as session:
        worker = WorkerRow.register(session, "here:1")
        found = Job.claim(session, job.id, worker.id)
    assert found
    return found


def stored(services: Services, job: Job) -> Job:
    with services.database.reading() as session:
        found = Job.find(session, job.id)
    assert found
    return found


def test_an_accepted_job_is_on_the_queue_with_its_file_kept(services: Services, cast: Cast) -> None:
    job = checksum(services, cast)
    assert len(services.queue) == 1
    assert job.file_key
    assert services.files.read(job.file_key).read() == b"hello"
    assert list(services.files.incoming.iterdir()) == []


def test_a_job_runs_to_its_result_and_its_trace_is_kept(services: Services, cast: Cast, runner: Runner) -> None:
    job = claim(services, checksum(services, cast))
    outcome = runner.run(Order.of(job), lambda: False)
    with services.database.transaction() as session:
        settle(session, job, outcome)
    done = stored(services, job)
    assert (done.state, done.result and done.result["md5"]) == ("completed", "5d41402abc4b2a76b9719d911017c592")
    assert done.last_progress
    assert done.last_progress["fraction"] == 1.0
    assert done.last_lines


def test_what_was_only_for_another_attempt_goes_when_the_job_is_completed(
    services: Services, cast: Cast, runner: Runner
) -> None:
    text = upload(services, b"Ada Lovelace wrote the first program in London.", "ada.txt")
    job = claim(services, accept(services, owner=cast.ben, kind_name="ingest_document", params={}, upload=text))
    outcome = runner.run(Order.of(job), lambda: False)
    with services.database.transaction() as session:
        made = {output.name: output.key for output in Output.of(session, job.id)}
        counts, spent = settle_and_tidy(session, job, outcome)
        assert counts
        assert {output.name for output in Output.of(session, job.id)} == {"text.txt", "chunks.jsonl", "graph.json"}
    assert sorted(spent) == sorted(made[name] for name in ("pages.json", "vectors.bin", "findings.json"))


def test_a_missing_file_fails_the_attempt_with_words_and_a_traceback_in_the_log(
    services: Services, cast: Cast, runner: Runner
) -> None:
    job = claim(services, checksum(services, cast))
    assert job.file_key
    services.files.delete(job.file_key)
    outcome = runner.run(Order.of(job), lambda: False)
    assert outcome.state == "failed"
    assert not outcome.permanent
    assert "FileNotFoundError" in outcome.error
    assert any("Traceback" in line.text for line in outcome.trace.lines)


def test_a_runner_that_is_killed_fails_only_its_attempt(services: Services, cast: Cast, runner: Runner) -> None:
    slow = claim(services, checksum(services, cast, b"x" * 1000, bytes_per_second=1))

    def kill_once_running() -> bool:
        if services.live.read(slow.id, slow.attempt).progress:
            assert runner.pid
            os.kill(runner.pid, signal.SIGSEGV)
        return False

    outcome = runner.run(Order.of(slow), kill_once_running, look_every=0.05)
    assert (outcome.state, outcome.permanent) == ("failed", False)
    assert "SIGSEGV" in outcome.error
    quick = claim(services, checksum(services, cast))
    assert runner.run(Order.of(quick), lambda: False).state == "completed"


def test_a_cancelled_job_stops_by_itself(services: Services, cast: Cast, runner: Runner) -> None:
    job = claim(services, checksum(services, cast, b"x" * 1000, bytes_per_second=1))

    def cancel_once_running() -> None:
        eventually(lambda: services.live.read(job.id, job.attempt).progress)
        services.live.ask_to_stop(job.id, job.attempt)

    thread = threading.Thread(target=cancel_once_running)
    thread.start()
    outcome = runner.run(Order.of(job), lambda: False)
    thread.join()
    assert outcome.state == "cancelled"
    assert outcome.trace.progress


def test_a_job_that_takes_longer_than_its_kind_may_stops_by_itself_and_says_so(
    services: Services, cast: Cast, settings: Settings
) -> None:
    job = claim(services, checksum(services, cast, b"x" * 1000, bytes_per_second=1))
    hasty = Runner(settings.model_copy(update={"time_limits": {"checksum": timedelta(seconds=1)}}))
    outcome = hasty.run(Order.of(job), lambda: False)
    hasty.kill()
    assert (outcome.state, outcome.permanent) == ("failed", True)
    assert outcome.error == "It took longer than 1 second, the most that a job of this kind may take."
    assert outcome.trace.progress


def test_an_attempt_whose_worker_stops_is_handed_back_and_the_next_goes_on_from_there(
    services: Services, cast: Cast, runner: Runner
) -> None:
    text = upload(services, LONG_TEXT, "keepers.txt")
    job = claim(services, accept(services, owner=cast.ben, kind_name="ingest_document", params={}, upload=text))

    def stop_at_work() -> bool:
        progress = services.live.read(job.id, job.attempt).progress
        if progress and progress.stage and progress.stage.name == "embedding" and progress.stage.done:
            runner.ask_to_hand_back()
        return False

    outcome = runner.run(Order.of(job), stop_at_work, look_every=0.02)
    assert outcome.state == "handed_back"
    with services.database.transaction() as session:
        assert settle(session, job, outcome)
    assert (stored(services, job).state, stored(services, job).tries) == ("queued", 0)
    outcome = runner.run(Order.of(claim(services, job)), lambda: False)
    assert outcome.state == "completed"
    assert outcome.trace.progress
    kept = [stage.kept for stage in outcome.trace.progress.stages]
    assert kept[0] == kept[1] > 0
    assert 0 < kept[2] <= outcome.result["chunks"]


def test_an_attempt_that_could_not_go_on_later_is_let_end(services: Services, cast: Cast, runner: Runner) -> None:
    job = claim(services, checksum(services, cast, b"x" * 10, bytes_per_second=10))

    def stop() -> bool:
        if services.live.read(job.id, job.attempt).progress:
            runner.ask_to_hand_back()
        return False

    assert runner.run(Order.of(job), stop, look_every=0.05).state == "completed"


def test_an_attempt_that_had_not_begun_when_all_was_stopped_is_handed_back(
    services: Services, cast: Cast, runner: Runner
) -> None:
    runner.start()
    assert runner.pid
    os.kill(runner.pid, signal.SIGTERM)
    os.waitid(os.P_PID, runner.pid, os.WEXITED | os.WNOWAIT)
    assert runner._death(EOFError()).state == "handed_back"
    assert runner.run(Order.of(claim(services, checksum(services, cast))), lambda: False).state == "completed"


def test_a_job_that_does_not_stop_is_stopped_by_force(services: Services, cast: Cast, runner: Runner) -> None:
    job = claim(services, checksum(services, cast, b"x" * 1000, bytes_per_second=1))
    outcome = runner.run(Order.of(job), lambda: True, look_every=0.01)
    assert outcome.state == "cancelled"


def test_the_sweeper_queues_what_is_queued_and_on_no_queue(services: Services, cast: Cast) -> None:
    job = checksum(services, cast)
    for _ in range(2):
        checksum(services, cast)
    services.redis.flushall()
    services.queue.enqueue(job.id)
    sweep(services)
    assert len(services.queue) == 3
    sweep(services)
    assert len(services.queue) == 3


def test_the_sweeper_wakes_nobody_for_what_may_not_begin(services: Services, cast: Cast) -> None:
    checksum(services, cast)
    services.redis.flushall()
    with services.database.transaction() as session:
        Rule.of(session, "checksum").pause(session, by="ada@example.org")
    sweep(services)
    assert len(services.queue) == 0
    with services.database.transaction() as session:
        Rule.of(session, "checksum").resume(session)
    sweep(services)
    assert len(services.queue) == 1


def test_the_sweeper_gives_back_what_a_lost_worker_held(services: Services, cast: Cast) -> None:
    job = claim(services, checksum(services, cast))
    services.redis.flushall()
    with services.database.transaction() as session:
        WorkerRow.stop(session, [job.worker_id or 0])
    sweep(services)
    assert stored(services, job).state == "queued"
    assert len(services.queue) == 1
    with services.database.reading() as session:
        assert Event.of(session, job.id)[-1].name == "released"


def test_what_a_lost_worker_had_told_by_then_is_kept(services: Services, cast: Cast) -> None:
    stage = StageProgress("reading", "bytes", "in_progress", done=2, total=5, started_at=1.0)
    job = checksum(services, cast)
    for _ in range(KINDS["checksum"].retries.tries):
        job = claim(services, job)
        change = Change("job", job.id, job.owner_id, "progress")
        picture = Progress(attempt=job.attempt, started_at=1, updated_at=3, stages=[stage])
        services.live.publish(change, job.attempt, picture, [LogLine(n=1, at=1, text="Reading")])
        take_back(services, job)
    lost = stored(services, job)
    assert lost.state == "failed"
    assert lost.last_progress and lost.last_lines
    (broken,) = lost.last_progress["stages"]
    assert (broken["status"], broken["done"], broken["ended_at"]) == ("error", 2, 3)
    assert lost.last_lines[0]["text"] == "Reading"


def test_a_refused_upload_leaves_nothing_behind(services: Services, cast: Cast, tmp_path: Path) -> None:
    sent = upload(services, b"%PDF-1.4 not really", "report.exe")
    with pytest.raises(Exception, match="report"):
        accept(services, owner=cast.ben, kind_name="ingest_document", params={}, upload=sent)
    sent.incoming.discard()
    files = [path for path in (services.settings.data_dir / "files").rglob("*") if path.is_file()]
    assert files == []
    assert len(services.queue) == 0
