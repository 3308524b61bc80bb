"""A few child processes that work through a job's items side by side, and stay warm between jobs."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from webapp.errors import JobError

if TYPE_CHECKING:
    from webapp.report import Report

Item = TypeVar("Item")
Result = TypeVar("Result")

# How often the caller looks for a cancel request while no result comes.
CHECK_INTERVAL = 0.25
# A lane still on its item this long after its job gave up is ended, and started anew when needed.
GRACE = 5.0
# A lane is one core's work: libraries in it must not start threads for the other cores.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
ROOT = Path(__file__).parents[2]


class Lanes:
    """`size` processes, numbered from 1, started when first needed. One map at a time."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._lanes = {number: Lane() for number in range(1, size + 1)}

    def map(
        self,
        function: Callable[[Item], Result],
        items: Iterable[Item],
        report: Report,
        *,
        name: Callable[[Item], str] = str,
        size: Callable[[Item], int] = lambda _: 1,
    ) -> Iterator[tuple[Item, Result]]:
        """Yield (item, result) as they are done. `function` stands at the top of a module.

        `size` says how many items of the stage one item of the map is. What `function` raises in a
        lane is raised here; that, and Cancelled from `report`, end the map.
        """
        report.lanes(self.size)
        left = list(reversed(list(items)))
        expected = len(left)
        done: queue.SimpleQueue[tuple[Item, Any, BaseException | None]] = queue.SimpleQueue()

        def drive(number: int) -> None:
            while left:
                try:
                    item = left.pop()
                except IndexError:  # another lane was faster
                    return
                report.busy(number, name(item), items=size(item))
                try:
                    done.put((item, self._lanes[number].call(function, item), None))
                    report.idle(number)
                except BaseException as error:
                    report.idle(number, error=True)
                    done.put((item, None, error))
                    return

        threads = {n: threading.Thread(target=drive, args=(n,), daemon=True) for n in list(self._lanes)[:expected]}
        for thread in threads.values():
            thread.start()
        try:
            for _ in range(expected):
                item, result, error = _next(done, report)
                if error is not None:
                    raise error
                yield item, result
        finally:
            left.clear()
            self._settle(threads)

    def _settle(self, threads: dict[int, threading.Thread]) -> None:
        """Let the lanes finish what they are on, but not for ever."""
        for number, thread in threads.items():
            thread.join(GRACE)
            if thread.is_alive():
                self._lanes[number].kill()
                thread.join()

    def pids(self) -> list[int]:
        """Of the processes that run now."""
        return [lane.pid for lane in self._lanes.values() if lane.pid]

    def close(self) -> None:
        for lane in self._lanes.values():
            lane.end()


def _next(done: queue.SimpleQueue[Any], report: Report) -> Any:
    while True:
        report.check()
        try:
            return done.get(timeout=CHECK_INTERVAL)
        except queue.Empty:
            continue


class Lane:
    """One child process; see lane.py for its side."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.poll() is None else None

    def call(self, function: Callable[[Item], Result], item: Item) -> Result:
        """The function's result, from the child. Its exceptions come with the child's traceback as a note."""
        try:
            pipe = self._ready()
            pipe.send((function, item))
            well, answer, traceback = pipe.recv()
        except (EOFError, ConnectionError) as error:
            raise self._death() from error
        if well:
            return answer
        if traceback:
            answer.add_note(traceback)
        raise answer

    def _ready(self) -> Connection:
        if self._process is None or self._pipe is None or self._process.poll() is not None:
            self.end()
            self._pipe, theirs = Pipe()
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "webapp.engines.lane", str(os.getpid()), str(theirs.fileno())],
                    stdin=subprocess.DEVNULL,
                    pass_fds=(theirs.fileno(),),
                    cwd=ROOT,
                    env=os.environ | ONE_THREAD,
                )
        return self._pipe

    def _death(self) -> JobError:
        code = self._process.wait() if self._process else 0
        how = f"signal {-code}, {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        words = f"A worker process died ({how}). Try again; if it happens again, the machine may be short of memory."
        return JobError(words, permanent=False)

    def kill(self) -> None:
        """Whatever it is on. A thread inside `call` sees the pipe's end."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def end(self) -> None:
        """Only while nobody is inside `call`. The next call starts another process."""
        self.kill()
        if self._pipe is not None:
            self._pipe.close()
        self._process = self._pipe = None
