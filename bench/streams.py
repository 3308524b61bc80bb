"""How far one web process carries live streams, beside other ways to do it, all in one run.

    python -m bench.streams [--quick] [--only engine,nchan] [--hurry]

Each server does its work in one process on a core of its own; the clients, Redis and whoever lets the jobs move
share another. Processor time is what the scheduler charged that process (/proc/PID/task/*/schedstat), memory its
own pages. Clients are as many as it says, in one process; `clients` is the share of a core that they needed: where
it is 0.9 or more, they and not the server were the limit. nchan (nginx with libnginx-mod-nchan) is sent finished
events; all others read, render and authenticate, as they do for people.
"""

from __future__ import annotations

import argparse
import os
import signal
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from bench._stream_peers import Peer, empty, engine, event, generator, has_nchan, nchan, polling
from bench._stream_stage import Stage, cpu, memory, stage
from bench._stream_watchers import Heard, Watchers

MANY, FEW, JOBS, IDLE = 5000, 1000, 1000, 10_000
A_SECOND = 2.0
HURRIED = 60.0
PEERS: dict[str, Callable[[Stage, int], AbstractContextManager[Peer]]] = {
    "engine": engine,
    "generator": generator,
    "polling": polling,
    "nchan": nchan,
}


@dataclass
class Run:
    """A peer under one load."""

    heard: Heard
    cpu: float

    @property
    def micros(self) -> float:
        """Processor time of one delivery."""
        return 1e6 * self.cpu / max(self.heard.deliveries, 1)

    @property
    def a_second(self) -> float:
        return self.heard.deliveries / self.heard.seconds

    def row(self, name: str, what: str) -> str:
        heard = self.heard
        return (
            f"{name:<10} {what:<22} {self.a_second:>10,.0f} {100 * self.cpu / heard.seconds:>5.0f} %"
            f" {self.micros:>8.1f} {heard.delay(0.5):>8.1f} {heard.delay(0.99):>8.1f} {heard.busy:>8.2f}"
        )


@dataclass
class Found:
    """What was found of one peer."""

    runs: dict[str, Run] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)


class Bench:
    def __init__(self, stage: Stage, cores: tuple[int, int], seconds: float) -> None:
        self.stage, self.seconds = stage, seconds
        self.server_core, self.client_core = cores
        self.found: dict[str, Found] = {}

    def measure(self, name: str) -> None:
        found = self.found[name] = Found()
        for watchers, what in ((FEW, f"1 job x {FEW}"), (MANY, f"1 job x {MANY}")):
            # A thousand loops that poll are more than a core can do; five thousand tell nothing more.
            if name != "polling" or watchers == FEW:
                with PEERS[name](self.stage, self.server_core) as peer:
                    self._one_job(name, found, peer, watchers, what)
        if name != "polling":
            with PEERS[name](self.stage, self.server_core) as peer:
                self._many_jobs(name, found, peer)

    def _one_job(self, name: str, found: Found, peer: Peer, count: int, what: str) -> None:
        watchers, job = self._watchers(), self.stage.jobs[0]
        peer.publish(job)
        watchers.open(peer.address, [peer.request(job)])
        before = memory(peer.pid)
        found.figures[f"opens a second, {count}"] = count / watchers.open(peer.address, [peer.request(job)] * count)
        watchers.listen(1)
        found.figures[f"KiB a watcher, {count}"] = (memory(peer.pid) - before) / count / 1024
        with self.stage.moving(peer.publish, [job], A_SECOND):
            self._run(name, found, peer, watchers, what)
            if count == MANY and name in ("engine", "generator"):
                self._pages(found, peer, watchers)
        if count == MANY:
            with self.stage.moving(peer.publish, [job], HURRIED):
                self._run(name, found, peer, watchers, f"as fast as it can x {MANY}")
            if name in ("engine", "generator"):
                found.figures["TERM to exit, s"] = self._stop(peer, watchers)
        watchers.close()

    def _many_jobs(self, name: str, found: Found, peer: Peer) -> None:
        watchers = self._watchers()
        for job in self.stage.jobs if name == "nchan" else ():
            peer.publish(job)
        watchers.open(peer.address, [peer.request(job) for job in self.stage.jobs])
        with self.stage.moving(peer.publish, self.stage.jobs, A_SECOND):
            watchers.listen(2)
            self._run(name, found, peer, watchers, f"{JOBS} jobs x 1")
        watchers.close()

    def idle(self, name: str) -> None:
        """Ten thousand that have nothing to hear but signs of life."""
        with PEERS[name](self.stage, self.server_core) as peer:
            watchers = self._watchers()
            requests = [peer.request(job) for job in self.stage.jobs] * (IDLE // len(self.stage.jobs))
            figures = self.found.setdefault(name, Found()).figures
            figures["opens a second, 10000 on 1000 jobs"] = IDLE / watchers.open(peer.address, requests)
            watchers.listen(3)
            before = cpu(peer.pid)
            heard = watchers.listen(max(self.seconds, 16))
            figures[f"core, {IDLE} idle, %"] = 100 * (cpu(peer.pid) - before) / heard.seconds
            watchers.close()

    def empty(self, name: str) -> None:
        """As many requests as streams were opened, which Flask answers at once."""
        with empty(self.stage, self.server_core) as peer:
            watchers = self._watchers()
            seconds = watchers.open(peer.address, [peer.request(job) for job in self.stage.jobs] * (MANY // JOBS))
            self.found[name].figures["empty answers of Flask a second"] = MANY / seconds
            watchers.close()

    def hurry(self, name: str) -> None:
        """A stop that has begun over the grace, and is then told to hurry."""
        with PEERS[name](self.stage, self.server_core) as peer:
            watchers = self._watchers()
            watchers.open(peer.address, [peer.request(self.stage.jobs[0])] * MANY)
            peer.process.send_signal(signal.SIGTERM)
            watchers.listen(1)
            self.found.setdefault(name, Found()).figures["hurried, s"] = self._stop(peer, watchers, signal.SIGQUIT)

    def _run(self, name: str, found: Found, peer: Peer, watchers: Watchers, what: str) -> None:
        watchers.listen(1)
        before = cpu(peer.pid)
        heard = watchers.listen(self.seconds)
        run = found.runs[what] = Run(heard, cpu(peer.pid) - before)
        print(run.row(name, what), flush=True)

    def _pages(self, found: Found, peer: Peer, watchers: Watchers) -> None:
        """A page's time while all that goes on, asked for by the same core."""
        path = f"/jobs/{self.stage.jobs[1]}"
        watchers.begin(self.seconds)
        until, times = time.monotonic() + self.seconds, []
        while time.monotonic() < until:
            began = time.monotonic()
            assert peer.get(path) == 200
            times.append(1000 * (time.monotonic() - began))
            time.sleep(0.013)
        watchers.heard()
        times.sort()
        found.figures["a page meanwhile, p50 ms"] = times[len(times) // 2]
        found.figures["a page meanwhile, p99 ms"] = times[int(len(times) * 0.99)]

    def _stop(self, peer: Peer, watchers: Watchers, number: signal.Signals = signal.SIGTERM) -> float:
        began = time.monotonic()
        watchers.begin(30)
        peer.process.send_signal(number)
        peer.process.wait(timeout=60)
        took = time.monotonic() - began
        watchers.heard()
        return took

    def _watchers(self) -> Watchers:
        return Watchers(self.client_core, self.stage.zero)

    def aims(self) -> None:
        ours, theirs = self.found.get("engine", Found()), self.found.get("nchan")
        figures = ours.figures
        print(f"\n{'aim':<62} {'found':>8} {'limit':>8}  ok?")
        if theirs and ours.runs:
            fast, many, jobs = f"as fast as it can x {MANY}", f"1 job x {MANY}", f"{JOBS} jobs x 1"
            _aim(
                "deliveries a second, of nchan's",
                ours.runs[fast].a_second / theirs.runs[fast].a_second,
                1.3,
                least=True,
            )
            _aim(f"CPU a delivery at {MANY}, of nchan's", ours.runs[many].micros / theirs.runs[many].micros, 0.8)
            p99 = ours.runs[many].heard.delay(0.99) / theirs.runs[many].heard.delay(0.99)
            _aim(f"p99 at {MANY}, of nchan's", p99, 0.8)
            _aim(f"CPU a delivery, {JOBS} jobs, of nchan's", ours.runs[jobs].micros / theirs.runs[jobs].micros, 1.3)
        for what, limit, least in (
            (f"KiB a watcher, {MANY}", 1.0, False),
            ("a page meanwhile, p99 ms", 15.0, False),
            (f"core, {IDLE} idle, %", 2.0, False),
            (f"opens a second, {MANY}", 2500.0, True),
            ("hurried, s", 3.0, False),
        ):
            if what in figures:
                _aim(what, figures[what], limit, least=least)


def _aim(what: str, found: float, limit: float, *, least: bool = False) -> None:
    ok = found >= limit if least else found <= limit
    print(f"{what:<62} {found:>8.2f} {limit:>8g}  {'yes' if ok else 'NO'}")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--quick", action="store_true", help="3 seconds a figure instead of 10")
    arguments.add_argument("--hurry", action="store_true", help="how long a stop takes that is told to hurry, too")
    arguments.add_argument("--only", default=",".join(PEERS), help="peers, separated by commas")
    options = arguments.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    assert len(cores) > 1, "two cores are needed: one for the server, one for everything else"
    os.sched_setaffinity(0, {cores[1]})
    names = [name for name in options.only.split(",") if name != "nchan" or has_nchan()]
    if not has_nchan():
        print("nchan is not measured: nginx or its module (libnginx-mod-nchan) is not installed")
    with stage(JOBS, cores[1]) as here:
        print(f"events of {len(event(here, 1).encode())} bytes, load {os.getloadavg()[0]:.1f} on {len(cores)} cores")
        print(f"{'':<33} {'deliv./s':>10} {'core':>7} {'µs each':>8} {'p50 ms':>8} {'p99 ms':>8} {'clients':>8}")
        bench = Bench(here, (cores[0], cores[1]), 3 if options.quick else 10)
        for name in names:
            bench.measure(name)
        if "engine" in names:
            bench.idle("engine")
            bench.empty("engine")
        for name in names if options.hurry else ():
            if name in ("engine", "generator"):
                bench.hurry(name)
        for name in names:
            print(f"\n{name}")
            for what, value in bench.found[name].figures.items():
                print(f"  {what:<40} {value:>10,.2f}")
        bench.aims()


if __name__ == "__main__":
    main()
