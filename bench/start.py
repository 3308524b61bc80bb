"""How long bin/run takes to its first page and to its end, and the memory of each process.

    python -m bench.start [--folder /tmp/headway-bench] [--starts 5]

The folder gets a clone of the last commit, and is kept: only the first start of all installs everything.
Memory is taken after one document was ingested; PSS counts what processes share once.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import httpx

from bench._bench import Figure, show
from tests.serving import eventually, free_port
from webapp.settings import PROJECT

SAMPLE = PROJECT / "webapp/samples/lighthouses.pdf"
WARM_LIMIT, WEB_LIMIT = 4.0, 120
WEB = "web process"
NAMES = {
    "gunicorn": "web master",
    "webapp.engines.lane": "lane",
    "webapp.attempt": "runner",
    "webapp.cli worker": "worker",
    "webapp.cli run": "supervisor",
    "valkey": "redis",
}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "headway-bench")
    arguments.add_argument("--starts", type=int, default=5)
    options = arguments.parse_args()
    clone = options.folder / "clone"
    _bring(clone)
    is_installed = (clone / ".venv/whole").exists()
    first, _ = _start_and_stop(clone)
    warm, stops = zip(*(_start_and_stop(clone) for _ in range(options.starts)), strict=True)
    show(
        "bin/run, seconds",
        Figure("first start with new data → first page" if is_installed else "first start ever → first page", [first]),
        Figure("warm start → first page", warm, WARM_LIMIT),
        Figure("TERM → exit", stops),
    )
    with _running(clone) as (url, process):
        _ingest(clone, url)
        _show_memory(process.pid)


def _bring(clone: Path) -> None:
    if clone.exists():
        shutil.rmtree(clone / "var", ignore_errors=True)
        subprocess.run(["git", "pull", "--quiet", "--ff-only"], cwd=clone, check=True)
    else:
        subprocess.run(["git", "clone", "--quiet", PROJECT, clone], check=True)


def _start_and_stop(clone: Path) -> tuple[float, float]:
    """Seconds to the first page, and to the end."""
    began = time.monotonic()
    with _running(clone) as (_, process):
        started = time.monotonic() - began
        asked = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
        return started, time.monotonic() - asked


@contextlib.contextmanager
def _running(clone: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """bin/run from where it answers with a page."""
    environment = _environment() | {"HEADWAY_PORT": str(free_port())}
    url = f"http://127.0.0.1:{environment['HEADWAY_PORT']}"
    with (
        open(clone.parent / "said.log", "w") as log,
        subprocess.Popen([clone / "bin/run"], cwd=clone, env=environment, stdout=log, stderr=log) as process,
    ):
        try:
            eventually(lambda: _is_there(url, process), within=900)
            yield url, process
        finally:
            process.send_signal(signal.SIGTERM)


def _environment() -> dict[str, str]:
    """As in a plain shell: without settings of Headway or of Python."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("HEADWAY_", "PYTHON"))}


def _is_there(url: str, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "bin/run ended; see said.log"
    try:
        return httpx.get(f"{url}/login").status_code == 200
    except httpx.TransportError:
        return False


def _ingest(clone: Path, url: str) -> None:
    command = [clone / "bin/headway", "tokens", "create", "admin@localhost", "--name", "bench"]
    token = subprocess.run(command, env=_environment(), check=True, capture_output=True, text=True).stdout.strip()
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60) as client:
        client.get("/")
        answer = client.post("/api/documents", files={"file": (SAMPLE.name, SAMPLE.read_bytes())})
        job = answer.raise_for_status().json()["jobId"]
        # Until the stream ends, and with it the job.
        assert '"completed"' in client.get(f"/api/jobs/{job}/events", timeout=300).text


def _show_memory(supervisor: int) -> None:
    found = defaultdict(list)
    for name, pid in _family(supervisor):
        found[name].append(_memory(pid))
    print(f"\n{'Memory after one ingestion, MB':<34} {'processes':>9} {'RSS':>6} {'PSS':>6} {'limit':>6} {'ok?':>4}")
    for name, sizes in found.items():
        rss, pss = (max(kind) for kind in zip(*sizes, strict=True))
        limit, ok = (WEB_LIMIT, "yes" if rss < WEB_LIMIT else "NO") if name == WEB else ("", "")
        print(f"{name + ', the largest':<34} {len(sizes):>9} {rss:>6.0f} {pss:>6.0f} {limit:>6} {ok:>4}")
    everything = [pss for sizes in found.values() for _, pss in sizes]
    print(f"{'all together':<34} {len(everything):>9} {'':>6} {sum(everything):>6.0f}")


def _family(pid: int, parent: str = "") -> Iterator[tuple[str, int]]:
    """A process and all below it, named."""
    command = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    name = next((name for word, name in NAMES.items() if word in command), command)
    # gunicorn's processes have the command line of their master.
    name = WEB if name == parent else name
    yield name, pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from _family(int(child), name)


def _memory(pid: int) -> tuple[float, float]:
    """Resident and proportional size in MB."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    sizes = dict(re.findall(r"^(Rss|Pss): +(\d+) kB", rollup, re.MULTILINE))
    return int(sizes["Rss"]) / 1024, int(sizes["Pss"]) / 1024


if __name__ == "__main__":
    main()
