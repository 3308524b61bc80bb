"""The child's side of a lane: a process that calls one function at a time and answers.

It imports only what the functions it is asked for import themselves.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import traceback
from multiprocessing.connection import Connection
from typing import Any

PARENT_CHECK = 0.5


def main() -> None:
    # Ctrl-C goes to the whole terminal group; the parent decides when a lane ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent, connection = int(sys.argv[1]), Connection(int(sys.argv[2]))
    threading.Thread(target=_die_with, args=(parent,), daemon=True).start()
    while True:
        try:
            function, item = connection.recv()
        except (EOFError, OSError):
            return
        try:
            connection.send(_answer(function, item))
        except OSError:
            return


def _answer(function: Any, item: Any) -> tuple[bool, Any, str]:
    """(True, result, "") or (False, exception, traceback)."""
    try:
        return True, function(item), ""
    except Exception as error:  # whatever it is, it belongs to the caller
        return False, _portable(error), traceback.format_exc()


def _portable(error: Exception) -> Exception:
    """Some exceptions can't be pickled, or can't be made again from what was."""
    import pickle

    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 (made by ourselves, just now)
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _die_with(parent: int) -> None:
    """An idle lane sees its pipe close; a busy one must look. (The kernel's parent-death signal goes
    by thread: a lane started by a thread that ends would die while its parent lives.)
    """
    while os.getppid() == parent:
        time.sleep(PARENT_CHECK)
    os._exit(1)


if __name__ == "__main__":
    main()
