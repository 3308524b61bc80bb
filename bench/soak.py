"""The fault tests for as long as one likes: hundreds of jobs a round, while something is done to their server.

Each round ends when nothing moves any more. Then all jobs so far are audited; lost, stuck and doubled have
to be 0. A job that was killed at each of its tries has failed, as it should. Exits with 1 if anything is wrong.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx

from tests.faults import havoc
from tests.faults.crowd import Audit, Crowd, Refused
from tests.serving import serving

SETTINGS = {
    "HEADWAY_WORKERS": "2",
    "HEADWAY_WEB_PROCESSES": "2",
    "HEADWAY_WORKER_LEASE": "2",
    "HEADWAY_STOP_GRACE": "5",
}
SENDERS = 2
# A round that takes longer than this has something stuck in it.
ROUND = 300


class Soak:
    """One server and its crowd, for as many rounds as there is time for."""

    def __init__(self, folder: Path, seed: int, jobs: int, stack: ExitStack) -> None:
        self._folder = folder
        self._jobs = jobs
        self._stack = stack
        self.crowd = Crowd(stack.enter_context(serving(folder / "data", **SETTINGS)), seed)

    def harms(self) -> Iterator[tuple[str, Callable[[], None], float]]:
        """What is done, and about how many seconds lie between two times."""
        crowd, random = self.crowd, self.crowd.random
        return itertools.cycle(
            [
                ("workers killed", lambda: havoc.kill_a_worker(crowd.server, random), 2),
                ("attempts killed", lambda: havoc.kill_a_runner(crowd.server, random), 2),
                ("Valkey killed", lambda: havoc.kill_redis(crowd.server), 3),
                ("Valkey killed and wiped", lambda: havoc.kill_redis(crowd.server, wipe=True), 3),
                ("Valkey frozen", self._freeze_redis, 3),
                ("web processes killed", lambda: havoc.kill_a_web_process(crowd.server, random), 0.7),
                (
                    "workers frozen",
                    lambda: havoc.freeze_a_worker(crowd.server, random, seconds=random.uniform(1, 4)),
                    2,
                ),
                ("database locked", self._lock_the_database, 3),
                ("no room for files", self._leave_no_room, 3),
                ("server stopped", lambda: self._start_again(crowd.server.stop), 6),
                ("server killed", lambda: self._start_again(self._kill_the_server), 6),
            ]
        )

    def round(self, harm: Callable[[], None], every: float) -> tuple[int, Audit]:
        """Have jobs submitted while harm is done, and go on with it until they ended."""
        senders = [threading.Thread(target=self._send) for _ in range(SENDERS)]
        for sender in senders:
            sender.start()

        def over() -> bool:
            return self.crowd.ended() and not any(sender.is_alive() for sender in senders)

        times = havoc.again_and_again(self.crowd, harm, every=every, at_most=ROUND, until=over)
        for sender in senders:
            sender.join()
        return times, self.crowd.audit(within=60)

    def _send(self) -> None:
        crowd = self.crowd
        with crowd.client() as client:
            for _ in range(self._jobs // SENDERS):
                slow = crowd.random.random() < 0.2
                data = crowd.random.randbytes(crowd.random.randint(1, 100_000))
                with contextlib.suppress(httpx.TransportError, Refused):
                    crowd.send(data, crowd.random.uniform(0.3, 2) if slow else 0, client)

    def _freeze_redis(self) -> None:
        with havoc.frozen(*havoc.processes(self.crowd.server, havoc.REDIS)):
            havoc.pause(self.crowd.random.uniform(0.5, 5))

    def _lock_the_database(self) -> None:
        with havoc.locked_database(self.crowd.server):
            havoc.pause(self.crowd.random.uniform(0.5, 10))

    def _leave_no_room(self) -> None:
        with havoc.files_of_at_most(4096, self.crowd.server):
            havoc.pause(self.crowd.random.uniform(0.5, 5))

    def _kill_the_server(self) -> None:
        self.crowd.server.process.kill()
        self.crowd.server.process.wait()

    def _start_again(self, end: Callable[[], object]) -> None:
        end()
        self._stack.close()
        self.crowd.server = self._stack.enter_context(serving(self._folder / "data", **SETTINGS))


def main() -> int:
    wanted = _arguments()
    folder = Path(tempfile.mkdtemp(prefix="headway-"))
    faults: list[str] = []
    with ExitStack() as stack:
        soak = Soak(folder, wanted.seed, wanted.jobs, stack)
        ends_at = time.monotonic() + wanted.minutes * 60
        for name, harm, every in soak.harms():
            began = time.monotonic()
            times, audit = soak.round(harm, every)
            print(f"{name:<24} {times:>3} times in {time.monotonic() - began:>3.0f} s    so far: {audit}", flush=True)
            faults = audit.wrong
            if faults or time.monotonic() >= ends_at:
                break
    print(*faults, sep="\n", end="")
    if faults:
        print(f"\nWhat the server said is in {folder}/data.log.")
    else:
        shutil.rmtree(folder)
    return bool(faults)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10, help="no new round after these; one of all takes some 8")
    parser.add_argument("--seed", type=int, default=1, help="of what is random; the machine's own timing still differs")
    parser.add_argument("--jobs", type=int, default=200, help="submitted in each round")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
