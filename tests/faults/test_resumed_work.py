"""Work that is killed, or stopped with the server, goes on where it was; work that takes too long is ended."""

from __future__ import annotations

import json
import signal
from pathlib import Path

from tests.faults import havoc
from tests.faults.crowd import ask, crowded
from tests.serving import Server, eventually, serving
from webapp.engines.passages import Passages

SETTINGS = {"HEADWAY_WORKERS": "1", "HEADWAY_WORKER_LEASE": "1", "HEADWAY_LANES": "1"}
SENTENCE = "Grace Darling kept the Longstone lighthouse {}, and Trinity House paid her father in London. "
TEXT = "".join(SENTENCE.format(number) for number in range(250))


def test_an_ingestion_that_is_killed_and_then_stopped_is_parsed_once_and_completed_once(tmp_path: Path) -> None:
    with crowded(tmp_path, seed=21, **SETTINGS) as crowd:
        with crowd.client() as client:
            job_id = int(client.post("/api/documents", files={"file": ("keepers.txt", TEXT)}).json()["jobId"])
        eventually(lambda: "chunks.jsonl" in made(crowd.server, job_id))
        havoc.kill(havoc.processes(crowd.server, havoc.WORKER)[0])
        eventually(lambda: ("resumed", 2) in events(crowd.server, job_id))
        assert crowd.server.stop() == 0
    assert ask(crowd.server, "SELECT state, attempt, tries FROM jobs") == [("queued", 2, 1)]
    assert "vectors.bin" in made(crowd.server, job_id)
    with serving(tmp_path / "data", **SETTINGS) as server:
        eventually(lambda: ask(server, "SELECT 1 FROM jobs WHERE state = 'completed'"), within=60)
        names = ["queued", "claimed", "released", "claimed", "resumed", "released", "claimed", "resumed", "completed"]
        assert [name for name, _ in events(server, job_id)] == names
        assert made(server, job_id) == {"text.txt": 1, "chunks.jsonl": 1, "graph.json": 3}
        ((result, progress),) = ask(server, "SELECT result, last_progress FROM jobs")
        stages = {stage["name"]: stage for stage in json.loads(progress)["stages"]}
        assert (stages["parsing-document"]["kept_from"], stages["embedding"]["kept_from"]) == (1, 2)
        assert 0 < stages["embedding"]["kept"] < stages["embedding"]["done"]
        assert Passages(server.data_dir / "passages.db").count() == json.loads(result)["chunks"]
        eventually(lambda: {path.name for path in stored(server)} == {key[3:] for key in keys(server)})


def test_what_takes_longer_than_its_kind_may_ends_even_if_it_does_not_hear(tmp_path: Path) -> None:
    limits = {"HEADWAY_TIME_LIMITS": "checksum=1s", "HEADWAY_CANCEL_GRACE": "2"}
    with crowded(tmp_path, seed=22, **SETTINGS | limits) as crowd:
        workers = havoc.processes(crowd.server, havoc.WORKER)
        (job_id,) = crowd.submit(seconds=60)
        assert ended(crowd.server, job_id) == ("failed", 1, TOO_LONG)
        (deaf,) = crowd.submit(seconds=60)
        with crowd.client() as client:
            eventually(lambda: client.get(f"/api/v1/jobs/{deaf}").json()["progress"])
        (runner,) = havoc.processes(crowd.server, havoc.RUNNER)
        havoc.kill(runner, signal.SIGSTOP)
        assert ended(crowd.server, deaf) == ("failed", 1, TOO_LONG)
        assert not runner.is_running()
        ((progress,),) = ask(crowd.server, "SELECT last_progress FROM jobs WHERE id = ?", deaf)
        assert [stage["status"] for stage in json.loads(progress)["stages"]] == ["error"]
        assert havoc.processes(crowd.server, havoc.WORKER) == workers


TOO_LONG = "It took longer than 1 second, the most that a job of this kind may take."


def ended(server: Server, job_id: int) -> tuple[str, int, str | None]:
    query = "SELECT state, attempt, error FROM jobs WHERE id = ? AND finished_at IS NOT NULL"
    (row,) = eventually(lambda: ask(server, query, job_id))
    return row


def made(server: Server, job_id: int) -> dict[str, int]:
    """The attempt that made each output."""
    return dict(ask(server, "SELECT name, max(attempt) FROM outputs WHERE job_id = ? GROUP BY name", job_id))


def events(server: Server, job_id: int) -> list[tuple[str, int]]:
    return ask(server, "SELECT name, attempt FROM events WHERE job_id = ? ORDER BY id", job_id)


def keys(server: Server) -> set[str]:
    return {key for (key,) in ask(server, "SELECT file_key FROM jobs UNION SELECT key FROM outputs")}


def stored(server: Server) -> list[Path]:
    return [path for path in (server.data_dir / "files").rglob("*") if path.is_file()]
