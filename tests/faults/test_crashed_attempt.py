"""What an attempt does to its own process fails that attempt, in words, and harms nothing else."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from tests.faults import havoc
from tests.faults.crowd import Crowd, ask, crowded
from tests.serving import eventually

WORDS = "Ada Lovelace wrote the first program in London. " * 200


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    settings = {"HEADWAY_WORKERS": "1", "HEADWAY_ATTEMPT_MEMORY": "150MB"}
    with crowded(tmp_path_factory.mktemp("crashed"), seed=13, **settings) as crowd:
        yield crowd


def test_a_crash_is_told_by_its_signal_and_tried_again(crowd: Crowd) -> None:
    (job_id,) = crowd.submit(seconds=2)
    workers = eventually(lambda: havoc.busy_workers(crowd.server))
    havoc.kill(havoc.processes(crowd.server, havoc.RUNNER)[0], signal.SIGSEGV)
    crowd.submit()
    assert crowd.settle().retried == 1
    assert "SIGSEGV" in why_released(crowd, job_id)
    assert havoc.processes(crowd.server, havoc.WORKER) == workers


def test_an_attempt_that_needs_more_memory_than_it_may_use_fails_in_words(crowd: Crowd) -> None:
    workers = havoc.processes(crowd.server, havoc.WORKER)
    with crowd.client() as client:
        document = client.post("/api/documents", files={"file": ("notes.txt", WORDS)}).json()
    assert "memory" in eventually(lambda: why_released(crowd, document["jobId"]))
    (job_id,) = crowd.submit()
    eventually(lambda: ask(crowd.server, "SELECT 1 FROM jobs WHERE id = ? AND state = 'completed'", job_id))
    assert havoc.processes(crowd.server, havoc.WORKER) == workers


def why_released(crowd: Crowd, job_id: int) -> str:
    found = ask(crowd.server, "SELECT detail ->> 'reason' FROM events WHERE job_id = ? AND name = 'released'", job_id)
    return found[0][0] if found else ""
