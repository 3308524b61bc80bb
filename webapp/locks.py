"""Files that belong to a process: the kernel lets go of their locks when it ends, however that ends."""

from __future__ import annotations

import fcntl
import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import IO

log = logging.getLogger(__name__)


def locked(path: Path) -> IO[bytes]:
    """A new file that is locked from its first moment on, until it is closed."""
    draft = path.with_name(f".{path.name}")
    file = os.fdopen(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b")
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
    except OSError as error:
        log.warning("this filesystem has no locks: %s", error)
    os.replace(draft, path)
    return file


def is_free(path: Path) -> bool:
    """Whether nobody holds a file any more. Where there are no locks, nobody can tell, and it is not."""
    with suppress(OSError), path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return True
    return False
