"""Keeps a set of processes running: starts, watches, restarts and stops them, and passes on what they say.

One thread and one selector: signals, output and ends of processes all wake the same loop.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO

from webapp.logs import printable
from webapp.processes import die_with_parent

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
# Times that the end was asked for: once, in a hurry, and at once.
STOP, HURRY, KILL = 1, 2, 3
# Seconds that processes have in a hurry, and, once they have ended, what they stood on (True).
HURRY_GRACE = {False: 2.0, True: 1.0}
# A process that ends this often within so many seconds won't be kept up by starting it again.
ENDS, WITHIN = 5, 30.0
FIRST_DELAY, LONGEST_DELAY = 0.25, 5.0
KEPT_LINES = 20
LONGEST_LINE = 64 * 1024
READY_INTERVAL = 0.02


class ProcessFailed(Exception):
    """A process can't be kept up, or does not get ready. The message names it and shows its last lines."""


class Stopped(Exception):
    """Somebody asked for the end while something was waited for."""


@dataclass(frozen=True)
class Program:
    """What to run under a name. A quiet one is heard only when it fails; the others stand on a base."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    quiet: bool = False
    base: bool = False
    inherit: tuple[int, ...] = ()

    def start(self) -> subprocess.Popen[bytes]:
        """Run it in a session of its own, where Ctrl-C in our terminal does not reach."""
        return subprocess.Popen(
            self.command,
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            start_new_session=True,
            pass_fds=self.inherit,
            # Safe where nobody forks from two threads. Nothing must outlive a supervisor that was killed.
            preexec_fn=die_with_parent,
        )


class Process:
    """A program that is being kept up."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.popen: subprocess.Popen[bytes] | None = None
        self.start_at: float | None = None
        self.code = 0
        self.faults: deque[float] = deque(maxlen=ENDS)
        self.last_lines: deque[str] = deque(maxlen=KEPT_LINES)
        self.unfinished_line = b""

    @property
    def name(self) -> str:
        return self.program.name

    def start(self) -> IO[bytes]:
        """Run the program, again if it did before; returns its output."""
        self.start_at = None
        self.popen = self.program.start()
        assert self.popen.stdout
        os.set_blocking(self.popen.stdout.fileno(), False)
        return self.popen.stdout

    def ended(self) -> bool:
        """Whether it has ended just now; then what it left behind in its session is gone too."""
        if self.popen is None or not os.waitid(os.P_PID, self.popen.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return False
        # Before it is reaped its number can't belong to anybody else.
        self.kill()
        self.code = self.popen.wait()
        self.popen = None
        return True

    def send(self, number: signal.Signals) -> None:
        if self.popen:
            # Not Popen.send_signal(): that one reaps a process that has ended, before ended() has seen it.
            os.kill(self.popen.pid, number)

    def kill(self) -> None:
        if self.popen:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.popen.pid, signal.SIGKILL)


class Supervisor:
    """`say(name, line)` is given each line of output. Times are seconds on `clock`.

    INT, TERM and HUP ask for the end, within the grace; one more, or QUIT, says: hurry; a third kills.
    """

    def __init__(
        self,
        say: Callable[[str, str], None],
        *,
        stop_grace: float = 20,
        first_delay: float = FIRST_DELAY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._say = say
        self._stop_grace = stop_grace
        self._first_delay = first_delay
        self._clock = clock
        self._processes: list[Process] = []
        self._selector = selectors.DefaultSelector()
        self._stop_requests = 0
        self._stopping = False

    @contextlib.contextmanager
    def running(self) -> Iterator[Supervisor]:
        """Take the signals; at the end, however it comes, stop everything that was started."""
        with self._signals():
            try:
                yield self
            finally:
                self._stop_all()
                self._selector.close()

    def start(self, *programs: Program) -> None:
        """Start programs and keep them up."""
        for program in programs:
            self._processes.append(Process(program))
            self._start(self._processes[-1])

    def wait_until(self, ready: Callable[[], bool], name: str, *, within: float) -> None:
        """Keep watch until `ready()`. Raises ProcessFailed after `within` seconds, or Stopped."""
        process = next(process for process in self._processes if process.name == name)
        deadline = self._clock() + within
        while not ready():
            if self._clock() >= deadline:
                raise ProcessFailed(_in_words(process, f"did not get ready within {within:g} seconds"))
            self._turn(READY_INTERVAL)
            self.check()

    def check(self) -> None:
        """Raise Stopped if somebody asked for the end."""
        if self._stop_requests:
            raise Stopped

    def watch(self) -> None:
        """Keep everything up until somebody asks for the end. Raises ProcessFailed."""
        while not self._stop_requests:
            self._turn(None)

    def _turn(self, longest: float | None) -> None:
        """Wait for something to happen, for `longest` seconds at most, and see to it."""
        due = [process.start_at for process in self._processes if process.start_at is not None]
        waits = [max(moment - self._clock(), 0.0) for moment in due] + ([] if longest is None else [longest])
        for key, _ in self._selector.select(min(waits, default=None)):
            key.data()
        for process in self._processes:
            if process.ended():
                self._see_to_end(process)
            if process.start_at is not None and process.start_at <= self._clock():
                self._start(process)

    def _start(self, process: Process) -> None:
        try:
            output = process.start()
        except OSError as error:
            raise ProcessFailed(f"{process.name} can't be started: {error.strerror}: {error.filename}") from error
        self._selector.register(output, selectors.EVENT_READ, lambda: self._read(process, output))

    def _see_to_end(self, process: Process) -> None:
        if self._stopping:
            return
        now = self._clock()
        # KILL comes from a person, or from a kernel short of memory: not a fault of the program.
        if process.code != -signal.SIGKILL:
            process.faults.append(now)
        if len(process.faults) == ENDS and now - process.faults[0] <= WITHIN:
            self._read_what_is_there()
            raise ProcessFailed(_in_words(process, f"ended {ENDS} times within {WITHIN:g} seconds"))
        recent = sum(now - fault <= WITHIN for fault in process.faults)
        delay = min(self._first_delay * 2 ** max(recent - 1, 0), LONGEST_DELAY)
        process.start_at = now + delay
        self._say("headway", f"{process.name} ended; starting it again in {delay:g} s")

    def _read_what_is_there(self) -> None:
        for key, _ in self._selector.select(0):
            key.data()

    def _read(self, process: Process, output: IO[bytes]) -> None:
        data = output.read(LONGEST_LINE)
        if data is None:
            return
        *lines, process.unfinished_line = (process.unfinished_line + data).split(b"\n")
        if process.unfinished_line and (not data or len(process.unfinished_line) >= LONGEST_LINE):
            lines.append(process.unfinished_line)
            process.unfinished_line = b""
        for line in lines:
            self._hear(process, printable(line.decode(errors="replace").rstrip("\r").expandtabs()))
        if not data:
            self._selector.unregister(output)
            output.close()

    def _hear(self, process: Process, line: str) -> None:
        process.last_lines.append(line)
        if not process.program.quiet:
            self._say(process.name, line)

    def _stop_all(self) -> None:
        self._stopping = True
        for process in self._processes:
            process.start_at = None
        for base in (False, True):
            self._stop(base=base)
        self._read_what_is_there()

    def _stop(self, *, base: bool) -> None:
        processes = [process for process in self._processes if process.program.base == base]
        deadline, before, told = self._clock() + self._stop_grace, self._stop_requests, None
        while any(process.popen for process in processes):
            if told != self._hurries:
                told = self._hurries
                for process in processes:
                    # What others stand on does nothing that takes long.
                    process.send(signal.SIGQUIT if told and not base else signal.SIGTERM)
                deadline = min(deadline, self._clock() + HURRY_GRACE[base]) if told else deadline
            if self._clock() >= deadline or self._stop_requests >= max(KILL, before + 1):
                for process in processes:
                    process.kill()
            self._turn(max(min(deadline - self._clock(), 1.0), READY_INTERVAL))

    @property
    def _hurries(self) -> bool:
        return self._stop_requests >= HURRY

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """Have signals wake the loop: it is asked to end by some, and told of ended processes by one."""
        receiver, sender = socket.socketpair()
        receiver.setblocking(False)
        sender.setblocking(False)
        self._selector.register(receiver, selectors.EVENT_READ, lambda: receiver.recv(4096))
        previous = {number: signal.signal(number, self._on_stop_signal) for number in STOP_SIGNALS}
        previous[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        wakeup = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in previous.items():
                signal.signal(number, handler)
            receiver.close()
            sender.close()

    def _on_stop_signal(self, number: int, _: object) -> None:
        self._stop_requests = max(self._stop_requests + 1, HURRY if number == signal.SIGQUIT else STOP)


def _in_words(process: Process, what: str) -> str:
    lines = "".join(f"\n  {line}" for line in process.last_lines)
    return f"{process.name} could not be kept up: it {what}." + (f" Its last lines:{lines}" if lines else "")
