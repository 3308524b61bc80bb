"""The child's side of a lane: a process that calls one function at a time and answers.

It imports only what the functions it is asked for import themselves.
"""

from __future__ import annotations

import signal
import sys
import traceback
from multiprocessing.connection import Connection
from typing import Any

from webapp.processes import end_with


def main() -> None:
    # Ctrl-C goes to the whole terminal group, TERM perhaps to a whole service; the parent decides when a lane ends.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    parent, connection = int(sys.argv[1]), Connection(int(sys.argv[2]))
    # An idle lane sees its pipe close; a busy one must look.
    end_with(parent)
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


if __name__ == "__main__":
    main()
