"""What an attempt does to its own process fails that attempt, in words, and harms nothing else."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.faults import havoc
from tests.faults.crowd import ask, crowded
from tests.serving import eventually

WORDS = "Ada Lovelace wrote the first program in London. " * 200


@pytest.mark.parametrize("number", [signal.SIGSEGV])
def test_a_crash_is_told_by_its_signal_and_tried_again(tmp_path: Path, number: signal.Signals) -> None:
    with crowded(tmp_path, seed=13, HEADWAY_WORKERS="1") as crowd:
        crowd.submit(seconds=2)
        workers = eventually(lambda: havoc.busy_workers(crowd.server))
        havoc.kill(havoc.processes(crowd.server, havoc.RUNNER)[0], number)
        crowd.submit()
        assert crowd.settle().retried == 1
        ((reason,),) = ask(crowd.server, "SELECT detail ->> 'reason' FROM events WHERE name = 'released'")
        assert number.name in reason
        assert havoc.processes(crowd.server, havoc.WORKER) == workers


def test_an_attempt_that_needs_more_memory_than_it_may_use_fails_in_words(tmp_path: Path) -> None:
    with crowded(tmp_path, seed=14, HEADWAY_WORKERS="1", HEADWAY_ATTEMPT_MEMORY="150MB") as crowd:
        workers = havoc.processes(crowd.server, havoc.WORKER)
        with crowd.client() as client:
            document = client.post("/api/documents", files={"file": ("notes.txt", WORDS)})
        released = "SELECT detail ->> 'reason' FROM events WHERE name = 'released'"
        reasons = eventually(lambda: ask(crowd.server, released))
        assert "memory" in reasons[0][0]
        (job_id,) = crowd.submit()
        eventually(lambda: ask(crowd.server, "SELECT 1 FROM jobs WHERE id = ? AND state = 'completed'", job_id))
        assert document.status_code == 201
        assert havoc.processes(crowd.server, havoc.WORKER) == workers
