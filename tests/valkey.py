"""A Redis that tests may stop and start again, and servers that depend on it."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.serving import Server, eventually, serving
from webapp.embedded_redis import EmbeddedRedis
from webapp.settings import Settings


class Valkey:
    """On a unix socket in a folder of its own; what it held survives a stop."""

    def __init__(self, folder: Path) -> None:
        settings = Settings(data_dir=folder)
        self.url = settings.effective_redis_url
        self._redis = EmbeddedRedis(settings)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._redis.program().command, stdout=subprocess.DEVNULL)
        eventually(self._redis.answers)

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait()
            self._process = None


@contextlib.contextmanager
def serving_with_valkey(**settings: str) -> Iterator[tuple[Server, Valkey]]:
    """A server on a Valkey that is not its own."""
    folder = Path(tempfile.mkdtemp(prefix="headway-"))
    valkey = Valkey(folder)
    valkey.start()
    try:
        with serving(folder / "data", HEADWAY_REDIS_URL=valkey.url, **settings) as server:
            yield server, valkey
            valkey.stop()
            valkey.start()
    finally:
        valkey.stop()
        shutil.rmtree(folder)
