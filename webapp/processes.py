"""Processes of ours: where they find our modules, and ties to their parent, so that none outlives a killed server."""

from __future__ import annotations

import ctypes
import os
import signal
import threading
import time

from webapp.settings import PROJECT

PR_SET_PDEATHSIG = 1
PARENT_CHECK = 0.5


def python_path() -> str:
    """What a process of ours needs as PYTHONPATH: whatever it is already, and the project."""
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return os.pathsep.join(dict.fromkeys([*filter(None, given), str(PROJECT)]))


def die_with_parent() -> None:
    """Have the kernel kill this process when the thread that started it ends, however it ends (Linux)."""
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        # It ended before the kernel was told.
        os.kill(os.getpid(), signal.SIGKILL)


def end_with(parent: int) -> None:
    """End this process soon after its parent, for one that any thread may have started."""
    threading.Thread(target=_watch, args=(parent,), name="parent", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PARENT_CHECK)
    os._exit(1)
