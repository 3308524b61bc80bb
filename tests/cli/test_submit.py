"""`headway submit` and `headway watch` against a whole server, as somebody elsewhere uses them."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result

from tests.serving import Server, eventually
from tests.streams import cancel, start
from webapp.cli.__main__ import main
from webapp.settings import PROJECT

Command = Callable[..., Result]


@pytest.fixture(scope="module")
def token(server: Server) -> str:
    return server.token("ben@example.org")


@pytest.fixture(scope="module")
def ben(server: Server, token: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {token}"}) as program:
        yield program


@pytest.fixture
def headway(server: Server, token: str, tmp_path: Path) -> Command:
    """`headway …` on a machine that has nothing but an address and a token."""
    environment = {"HEADWAY_DATA_DIR": str(tmp_path / "none"), "HEADWAY_URL": server.url, "HEADWAY_TOKEN": token}

    def run(*arguments: str, input: str | None = None, **more: str) -> Result:
        return CliRunner().invoke(main, arguments, input=input, env={**environment, **more}, prog_name="headway")

    return run


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "data.bin"
    path.write_bytes(b"x" * 1000)
    return path


def test_a_submitted_file_is_a_job_with_its_parameters(headway: Command, file: Path, server: Server) -> None:
    result = headway("submit", str(file), "--kind", "checksum", "--param", "bytes_per_second=5000", "--priority", "low")
    assert (result.exit_code, result.stderr) == (0, "")
    number = re.fullmatch(r"#(\d+) data\.bin\n", result.stdout)
    assert number
    jobs = map(json.loads, server.command("jobs", "list", "--json").splitlines())
    job = next(job for job in jobs if job["id"] == number[1])
    assert (job["kind"], job["owner"], job["file_name"]) == ("checksum", "ben@example.org", "data.bin")


def test_several_files_are_one_batch_that_is_watched_to_its_end(headway: Command, file: Path) -> None:
    other = file.with_name("other.bin")
    other.write_bytes(b"y" * 3000)
    result = headway("submit", str(file), str(other), "--kind", "checksum", "--watch")
    assert result.exit_code == 0, result.output
    batch, *jobs = lines = result.stdout.splitlines()[:3]
    assert [line.split(" ", 1)[1] for line in lines] == ["2 files, “data.bin” first", "data.bin", "other.bin"]
    assert result.stdout.splitlines()[-1] == f"{batch}: completed"
    assert not any(line.startswith(jobs[0] + ":") for line in result.stdout.splitlines())


def test_a_batch_in_which_a_job_fails_says_which_and_why(headway: Command, file: Path, ben: httpx.Client) -> None:
    good, bad = file.with_name("good.txt"), file.with_name("bad.pdf")
    good.write_text("Ada met Charles in London.")
    bad.write_bytes(b"%PDF-1.7 and no more")
    result = headway("submit", str(good), str(bad), "--watch")
    assert result.exit_code == 1
    batch, *_, last = result.stdout.splitlines()
    assert f"{batch}: failed: 1 of 2 jobs failed." in result.stdout
    assert re.fullmatch(r"#\d+ bad\.pdf: failed: .+", last)
    said = headway("watch", batch.split()[0], "--json").stdout.splitlines()
    assert json.loads(said[-1])["name"] == "bad.pdf"
    assert headway("watch", batch.split()[0]).exit_code == 1


def test_a_batch_in_which_a_job_was_cancelled_is_told_apart(headway: Command, ben: httpx.Client) -> None:
    batch = ben.post("/api/v1/batches", json={"name": "Two"}).json()["id"]
    quick, slow = (
        ben.post(
            "/api/v1/jobs",
            data={"kind": "checksum", "batch": batch, "params": json.dumps({"bytes_per_second": speed})},
            files={"file": (f"{speed}.bin", bytes(1000))},
        ).json()["job_id"]
        for speed in (10**6, 1)
    )
    ben.post(f"/api/v1/batches/{batch}/closing")
    eventually(lambda: ben.get(f"/api/v1/jobs/{quick}").json()["state"] == "completed")
    ben.post(f"/api/v1/jobs/{slow}/cancellation")
    result = headway("watch", batch)
    assert result.exit_code == 2
    assert result.stdout.endswith(f"#{batch}: completed\n#{slow} 1.bin: cancelled\n")


def test_with_json_each_line_is_an_object(headway: Command, file: Path) -> None:
    result = headway("submit", str(file), "--kind", "checksum", "--watch", "--json")
    first, *said = map(json.loads, result.stdout.splitlines())
    assert first == {"job_id": first["job_id"], "file": str(file)}
    jobs = [one for one in said if "state" in one]
    assert {job["id"] for job in jobs} == {first["job_id"]}
    assert jobs[-1]["state"] == "completed"
    assert any(line["text"] for one in said for line in one.get("lines", ()))


def test_a_file_that_is_not_taken_is_said_and_the_others_go_on(headway: Command, file: Path) -> None:
    empty = file.with_name("empty\x1b[31m.bin")
    empty.touch()
    result = headway("submit", str(empty), str(file), "--kind", "checksum", "--watch", "--json")
    assert result.exit_code == 1
    assert result.stderr.startswith("empty\\x1b[31m.bin: ")
    first, *said = map(json.loads, result.stdout.splitlines())
    assert first == {"job_id": first["job_id"], "file": str(file), "batch_id": said[-1]["id"]}
    assert (said[-1]["state"], said[-1]["result"]["jobs"]) == ("completed", 1)


def test_where_no_file_was_taken_there_is_nothing_to_watch_and_no_batch(
    headway: Command, file: Path, ben: httpx.Client
) -> None:
    empty = file.with_name("empty.bin")
    empty.touch()
    result = headway("submit", str(empty), str(empty), "--kind", "checksum", "--watch")
    assert result.exit_code == 1
    number = re.fullmatch(r"#(\d+) 2 files, “empty\.bin” first\n", result.stdout)
    assert number
    assert ben.get(f"/api/v1/jobs/{number[1]}").status_code == 404


def test_what_the_server_says_of_a_wrong_parameter_is_passed_on(headway: Command, file: Path) -> None:
    result = headway("submit", str(file), "--kind", "checksum", "--param", "bytes_per_second=fast")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "bytes_per_second" in result.stderr or "Bytes a second" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--param", "speed"], "is no parameter"),
        (["--url", "headway.example.org"], "is no address"),
        (["--token-file", "/nowhere"], "No such file"),
    ],
)
def test_wrong_usage_is_told_apart_from_failure(headway: Command, file: Path, arguments: list[str], words: str) -> None:
    result = headway("submit", str(file), *arguments)
    assert result.exit_code == 2
    assert words in result.stderr


def test_without_a_token_the_next_step_is_said(headway: Command) -> None:
    result = headway("watch", "1", HEADWAY_TOKEN="")
    assert result.exit_code == 2
    assert "headway tokens create" in result.stderr


def test_a_token_may_come_from_a_file(headway: Command, token: str, tmp_path: Path, file: Path) -> None:
    kept = tmp_path / "token"
    kept.write_text(token + "\n")
    result = headway("submit", str(file), "--kind", "checksum", "--token-file", str(kept), HEADWAY_TOKEN="")
    assert result.exit_code == 0


def test_a_wrong_token_is_refused_in_words(headway: Command) -> None:
    result = headway("watch", "1", HEADWAY_TOKEN="wrong")
    assert result.exit_code == 1
    assert "does not know this token" in result.stderr


def test_other_peoples_jobs_are_not_there(headway: Command, server: Server) -> None:
    with server.program("cleo@example.org") as cleo:
        job_id = start(cleo)
    result = headway("watch", str(job_id))
    assert result.exit_code == 1
    assert result.stderr == f"#{job_id}: There is no such job.\n"


def test_a_server_that_is_not_there_is_said_at_once(headway: Command, file: Path) -> None:
    result = headway("submit", str(file), "--url", "http://127.0.0.1:9")
    assert result.exit_code == 1
    assert "can’t be reached" in result.stderr


def test_a_cancelled_job_has_an_exit_code_of_its_own(headway: Command, ben: httpx.Client, server: Server) -> None:
    job_id = start(ben, bytes(100), bytes_per_second=1)
    cancel(server.browser(), job_id)
    result = headway("watch", f"#{job_id}")
    assert result.exit_code == 2
    assert result.stdout.endswith(f"#{job_id}: cancelled\n")


def test_a_terminal_gets_bars_and_ctrl_c_leaves_the_job_running(
    server: Server, ben: httpx.Client, token: str, tmp_path: Path
) -> None:
    job_id = start(ben, bytes(100), bytes_per_second=1)
    environment = {**os.environ, "HEADWAY_TOKEN": token, "TERM": "xterm", "COLUMNS": "120", "PYTHONPATH": str(PROJECT)}
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "webapp.cli", "watch", str(job_id), "--url", server.url]
    streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
    # Whoever runs these tests in the background may have Ctrl-C ignored; on a terminal it is not.
    heeding = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment, **streams, start_new_session=True, preexec_fn=heeding
    )
    os.close(theirs)
    shown = _Shown(ours)
    eventually(lambda: "━" in shown.more() and "of 100 bytes" in shown.text and "Reading 100 bytes" in shown.text)
    process.send_signal(signal.SIGINT)
    # Read on meanwhile: a terminal takes only so much that nobody reads.
    eventually(lambda: shown.more() and process.poll() is not None)
    assert process.returncode == 130
    os.close(ours)
    assert f"Job {job_id} goes on. To come back: bin/headway watch {job_id} --url {server.url}" in shown.text
    assert ben.get(f"/api/v1/jobs/{job_id}/status").json()["status"] == "processing"
    cancel(server.browser(), job_id)


class _Shown:
    """What a program wrote on its terminal so far."""

    def __init__(self, descriptor: int) -> None:
        self.text = ""
        self._descriptor = descriptor
        os.set_blocking(descriptor, False)

    def more(self) -> str:
        try:
            while data := os.read(self._descriptor, 65536):
                self.text += data.decode("utf-8", "replace")
        except OSError:
            pass  # nothing yet, or the program has ended
        return self.text
