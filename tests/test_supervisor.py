import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from webapp.supervisor import ProcessFailed, Program, Stopped, Supervisor

FOREVER = "import signal\nwhile True: signal.pause()"
SAYS_GOODBYE = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit("goodbye"))
print("up", flush=True)
while True: signal.pause()
"""
DEAF = f"""
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
{FOREVER}
"""


class Heard(list[tuple[str, str]]):
    """What processes said, as (name, line)."""

    def say(self, name: str, line: str) -> None:
        self.append((name, line))

    def by(self, name: str) -> list[str]:
        return [line for who, line in self if who == name]

    def says(self, name: str, line: str) -> Callable[[], bool]:
        return lambda: (name, line) in self


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def supervisor(heard: Heard) -> Iterator[Supervisor]:
    with Supervisor(heard.say, stop_grace=10, first_delay=0.001).running() as supervisor:
        yield supervisor


def python(name: str, code: str, *arguments: str, quiet: bool = False) -> Program:
    return Program(name, [sys.executable, "-c", code, *arguments], quiet=quiet)


def test_what_a_process_says_is_passed_on_with_its_name(supervisor: Supervisor, heard: Heard):
    supervisor.start(python("talker", f"print('one\\ntwo', flush=True)\n{FOREVER}"))
    supervisor.wait_until(heard.says("talker", "two"), "talker", within=10)
    assert heard.by("talker") == ["one", "two"]


def test_control_characters_reach_no_terminal(supervisor: Supervisor, heard: Heard):
    supervisor.start(python("talker", f"print('\\x1b[2Ja\\tb\\x07\\r', flush=True)\n{FOREVER}"))
    supervisor.wait_until(lambda: bool(heard), "talker", within=10)
    assert heard == [("talker", "\\x1b[2Ja   b\\x07")]


def test_a_line_without_end_is_cut_into_pieces(supervisor: Supervisor, heard: Heard):
    code = "import sys; sys.stdout.write('x' * 200_000); sys.stdout.write('\\nend\\n'); sys.stdout.flush()"
    supervisor.start(python("talker", f"{code}\n{FOREVER}"))
    supervisor.wait_until(heard.says("talker", "end"), "talker", within=10)
    assert sum(map(len, heard.by("talker"))) == 200_003
    assert max(map(len, heard.by("talker"))) < 150_000


def test_a_quiet_process_is_not_heard(supervisor: Supervisor, heard: Heard, tmp_path: Path):
    mark = tmp_path / "said"
    supervisor.start(python("quiet", f"print('hush', flush=True)\nopen({str(mark)!r}, 'w')\n{FOREVER}", quiet=True))
    supervisor.wait_until(mark.exists, "quiet", within=10)
    assert not heard


def test_a_process_that_ends_is_started_again(supervisor: Supervisor, heard: Heard, tmp_path: Path):
    ends_once = f"""
import pathlib, sys
mark = pathlib.Path({str(tmp_path / "mark")!r})
if mark.exists():
    print("again", flush=True)
    {FOREVER.replace(chr(10), chr(10) + "    ")}
mark.touch()
"""
    supervisor.start(python("weak", ends_once))
    supervisor.wait_until(heard.says("weak", "again"), "weak", within=10)
    assert heard.by("headway") == ["weak ended; starting it again in 0.001 s"]


def test_a_process_that_keeps_ending_fails_with_its_last_words(supervisor: Supervisor, heard: Heard):
    supervisor.start(python("weak", "import sys; sys.exit('no such thing')"))
    with pytest.raises(ProcessFailed) as caught:
        supervisor.watch()
    assert str(caught.value).startswith("weak could not be kept up: it ended 5 times within 30 seconds.")
    assert "  no such thing" in str(caught.value)
    assert len(heard.by("weak")) == 5


def test_one_that_is_killed_is_started_again_however_often(supervisor: Supervisor, heard: Heard):
    supervisor.start(python("victim", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"))
    supervisor.wait_until(lambda: len(heard.by("headway")) > 7, "victim", within=20)
    assert set(heard.by("headway")) == {"victim ended; starting it again in 0.001 s"}


def test_ends_that_lie_far_apart_are_forgiven(heard: Heard, tmp_path: Path):
    minutes = iter(range(0, 10**9, 60))
    with Supervisor(heard.say, first_delay=0.001, clock=lambda: next(minutes)).running() as supervisor:
        supervisor.start(python("weak", "print('up')"))
        supervisor.wait_until(lambda: len(heard.by("weak")) > 7, "weak", within=10**9)


def test_a_process_that_does_not_get_ready_fails(supervisor: Supervisor):
    supervisor.start(python("slow", FOREVER))
    with pytest.raises(ProcessFailed, match=r"slow could not be kept up: it did not get ready within 0\.1 seconds"):
        supervisor.wait_until(lambda: False, "slow", within=0.1)


def test_a_program_that_is_not_there_fails_by_name(supervisor: Supervisor):
    with pytest.raises(ProcessFailed, match="ghost can't be started: No such file or directory: /no/such/program"):
        supervisor.start(Program("ghost", ["/no/such/program"]))


def test_a_base_is_stopped_when_all_that_stands_on_it_has(heard: Heard):
    with Supervisor(heard.say).running() as supervisor:
        supervisor.start(replace(python("base", SAYS_GOODBYE), base=True), python("one", SAYS_GOODBYE))
        supervisor.start(python("other", SAYS_GOODBYE))
        for name in ("base", "one", "other"):
            supervisor.wait_until(heard.says(name, "up"), name, within=10)
    goodbyes = [name for name, line in heard if line == "goodbye"]
    assert sorted(goodbyes[:2]) == ["one", "other"]
    assert goodbyes[2] == "base"


def test_a_process_that_does_not_stop_is_killed_after_the_grace(heard: Heard):
    before = psutil.Process().children()
    with Supervisor(heard.say, stop_grace=0.1).running() as supervisor:
        supervisor.start(python("deaf", DEAF))
        supervisor.wait_until(heard.says("deaf", "up"), "deaf", within=10)
    assert psutil.Process().children() == before


def test_what_a_process_started_goes_with_it(supervisor: Supervisor, heard: Heard):
    leaves_a_child = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {FOREVER!r}], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(child.pid, flush=True)
if sys.stdin.read(): pass
"""
    supervisor.start(python("parent", leaves_a_child))
    supervisor.wait_until(lambda: len(heard.by("parent")) > 1, "parent", within=10)
    assert gone([int(heard.by("parent")[0])])


def test_the_signal_handlers_are_given_back(heard: Heard):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)]
    with Supervisor(heard.say).running():
        assert signal.getsignal(signal.SIGTERM) != before[1]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)] == before


def test_a_signal_ends_a_wait(supervisor: Supervisor):
    supervisor.start(python("slow", FOREVER))
    os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(Stopped):
        supervisor.wait_until(lambda: False, "slow", within=10)


def supervising(code: str) -> tuple["subprocess.Popen[str]", int]:
    """A supervisor in a process of its own, and the process that it keeps up."""
    script = f"""
import sys
from webapp.supervisor import Program, Supervisor
with Supervisor(lambda name, line: print(line, flush=True), stop_grace=60).running() as supervisor:
    supervisor.start(Program("kept", [sys.executable, "-c", {code!r}]))
    supervisor.watch()
"""
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "up\n"
    (kept,) = psutil.Process(process.pid).children()
    return process, kept.pid


def gone(pids: list[int]) -> bool:
    """Whether these processes end within some seconds; one that nobody has reaped yet has ended."""
    processes = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    _, alive = psutil.wait_procs(processes, timeout=0.1)
    for _ in range(100):
        alive = [process for process in alive if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
        _, alive = psutil.wait_procs(alive, timeout=0.1)
    return not alive


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything_and_exits_well(number: signal.Signals):
    process, kept = supervising(SAYS_GOODBYE)
    process.send_signal(number)
    assert process.communicate(timeout=10)[0] == "goodbye\n"
    assert process.returncode == 0
    assert not psutil.pid_exists(kept)


def test_a_second_interrupt_hurries():
    hears_only_of_it = DEAF.replace("signal.SIG_IGN", "lambda *_: print('asked', flush=True)")
    process, kept = supervising(hears_only_of_it)
    process.send_signal(signal.SIGINT)
    assert process.stdout
    assert process.stdout.readline() == "asked\n"
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=10) == 0
    assert not psutil.pid_exists(kept)


def test_nothing_survives_a_supervisor_that_was_killed():
    process, kept = supervising(DEAF)
    process.kill()
    process.wait()
    assert gone([kept])
