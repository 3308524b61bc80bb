"""Many jobs on a real server, and an audit of every one of them at the end."""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.serving import Server, eventually, serving

ENDED = ("completed", "failed", "cancelled")
# The reasons that a job with no tries left may give. Anything else is a failure of ours.
KILLED_TOO_OFTEN = ("The worker that ran it was lost.", "The process that did the work was killed (SIGKILL).")
ALGORITHMS = ("md5", "sha1", "sha256", "blake2b")


@contextlib.contextmanager
def crowded(folder: Path, seed: int, **settings: str) -> Iterator[Crowd]:
    """A server of its own in a folder, and a crowd for it."""
    with serving(folder / "data", **settings) as server:
        yield Crowd(server, seed)


class Refused(Exception):
    """The server can't store anything just now, and said so."""


@dataclass
class Audit:
    """What became of the jobs; `wrong` says of each fault what it is."""

    submitted: int = 0
    completed: int = 0
    failed: int = 0
    retried: int = 0
    lost: int = 0
    stuck: int = 0
    doubled: int = 0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        names = ("submitted", "completed", "failed", "retried", "lost", "stuck", "doubled")
        return "  ".join(f"{name} {getattr(self, name)}" for name in names)


class Crowd:
    """Checksum jobs that are submitted through the API, and what was in their files."""

    def __init__(self, server: Server, seed: int = 1) -> None:
        self.server = server
        self.random = random.Random(seed)
        self.contents: dict[int, bytes] = {}
        # Jobs that were killed on purpose until no try was left.
        self.doomed: set[int] = set()
        # Sent, but the answer never came: such a job may be there or not, but not by half.
        self.unanswered: list[bytes] = []
        self._token = server.token()
        self._client = self.client()
        self._writing = threading.Lock()

    def client(self) -> httpx.Client:
        """One of its own, for a thread that submits too."""
        headers = {"Authorization": f"Bearer {self._token}", "Connection": "close"}
        return httpx.Client(base_url=self.server.url, headers=headers, timeout=30)

    def submit(self, count: int = 1, *, seconds: float = 0.0, size: int = 2_000) -> list[int]:
        """Submit jobs that each take about so long; their ids."""
        return [self.send(self.random.randbytes(self.random.randint(1, size) + 100), seconds) for _ in range(count)]

    def submit_mixed(self, count: int) -> None:
        """Four in five are over at once, the others take up to two seconds."""
        for _ in range(count):
            self.submit(seconds=self.random.choice([0, 0, 0, 0, self.random.uniform(0.3, 2)]))

    def send(self, data: bytes, seconds: float = 0.0, client: httpx.Client | None = None) -> int:
        params = {"bytes_per_second": max(int(len(data) / seconds), 1)} if seconds else {}
        try:
            answer = (client or self._client).post(
                # In full: the server may have been started again, on another port.
                f"{self.server.url}/api/v1/jobs",
                data={"kind": "checksum", "params": json.dumps(params)},
                files={"file": ("data.bin", data)},
            )
        except httpx.TransportError:
            self.unanswered.append(data)
            raise
        if answer.status_code == 503:
            raise Refused(answer.json()["detail"])
        assert answer.status_code == 201, answer.text
        job_id = int(answer.json()["job_id"])
        with self._writing:
            assert job_id not in self.contents, f"job {job_id} was given twice"
            self.contents[job_id] = data
        return job_id

    def ended(self) -> bool:
        return not ask(self.server, "SELECT 1 FROM jobs WHERE state IN ('queued', 'processing') LIMIT 1")

    def audit(self, within: float = 30) -> Audit:
        """Wait until nothing moves any more, then look at every job."""
        with contextlib.suppress(AssertionError):
            eventually(self.ended, within=within)
        audit = Audit(submitted=len(self.contents))
        rows = {row[0]: row for row in ask(self.server, "SELECT id, state, attempt, error, result FROM jobs")}
        events = _events(self.server)
        for job_id in self.contents.keys() - rows.keys():
            audit.lost += 1
            audit.wrong.append(f"job {job_id} was answered for and is not there")
        for job_id, (_, state, attempt, error, result) in rows.items():
            data = self.contents.get(job_id) or self._unanswered_with(job_id)
            _look_at(audit, job_id, state, attempt, error, json.loads(result or "null"), events.get(job_id, []), data)
        return audit

    def _unanswered_with(self, job_id: int) -> bytes | None:
        """The data of a job whose answer never came; each may have become one job."""
        ((digest,),) = ask(self.server, "SELECT file_sha256 FROM jobs WHERE id = ?", job_id)
        found = next((data for data in self.unanswered if hashlib.sha256(data).hexdigest() == digest), None)
        if found is not None:
            self.unanswered.remove(found)
            self.contents[job_id] = found
        return found

    def settle(self, within: float = 30) -> Audit:
        """The audit, once it is found without fault and every job completed but the doomed."""
        audit = self.audit(within)
        assert audit.wrong == [], f"{audit}\n" + "\n".join(audit.wrong)
        assert (audit.lost, audit.stuck, audit.doubled, audit.failed) == (0, 0, 0, len(self.doomed)), str(audit)
        return audit


def _look_at(
    audit: Audit,
    job_id: int,
    state: str,
    attempt: int,
    error: str | None,
    result: dict[str, object] | None,
    events: Sequence[tuple[str, int]],
    data: bytes | None,
) -> None:
    names = Counter(name for name, _ in events)
    audit.retried += attempt > 1
    audit.completed += state == "completed"
    audit.failed += state == "failed"

    def check(holds: bool, what: str) -> bool:
        if not holds:
            audit.wrong.append(f"job {job_id} ({state}, attempt {attempt}): {what}; {list(events)}")
        return holds

    audit.doubled += not check(data is not None, "nobody submitted it, or somebody once")
    audit.doubled += not check(names["completed"] <= 1, "completed more than once")
    audit.stuck += not check(state in ENDED, "has not ended")
    if state not in ENDED:
        return
    check(names["queued"] == 1, "was accepted once")
    check(names["claimed"] == attempt, "its attempts are as many as were begun")
    check(names["claimed"] == names["released"] + 1, "each attempt but the last was given up")
    check([number for _, number in events] == sorted(number for _, number in events), "attempts in order")
    check(events[-1] == (state, attempt), "its end is the last thing that happened")
    if state == "completed":
        check(result == digests(data or b""), "a wrong result")
    else:
        check((error or "").startswith(KILLED_TOO_OFTEN), f"failed: {error}")


def digests(data: bytes) -> dict[str, object]:
    return {"size": len(data)} | {name: hashlib.new(name, data).hexdigest() for name in ALGORITHMS}


def _events(server: Server) -> dict[int, list[tuple[str, int]]]:
    found: dict[int, list[tuple[str, int]]] = {}
    for job_id, name, attempt in ask(server, "SELECT job_id, name, attempt FROM events ORDER BY id"):
        found.setdefault(job_id, []).append((name, attempt))
    return found


def ask(server: Server, query: str, *values: object) -> list[tuple]:
    """Read the server's records, beside it."""
    with contextlib.closing(sqlite3.connect(f"file:{server.data_dir}/headway.db?mode=ro", uri=True)) as records:
        return records.execute(query, values).fetchall()


def stored_files(server: Server) -> Iterator[Path]:
    for folder in ("files", "incoming"):
        yield from (path for path in (server.data_dir / folder).rglob("*") if path.is_file())


def assert_no_half_stored_file(server: Server) -> None:
    """Each file is a job's, and each job's is there."""
    keys = {key for (key,) in ask(server, "SELECT file_key FROM jobs")}
    assert {str(path.relative_to(server.data_dir / "files")) for path in stored_files(server)} == keys
