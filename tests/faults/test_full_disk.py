"""The data disk is full for a while."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest

from tests.faults import havoc
from tests.faults.crowd import Crowd, Refused, ask, assert_no_half_stored_file, crowded
from tests.serving import eventually

# Refused as it streams, as its last bytes are written, and as its row is.
SIZES = (3_000_000, 6_000, 100)


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip("A disk of its own can't be mounted here; the test with a limit of file sizes says much the same.")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextlib.contextmanager
def filled(folder: Path) -> Iterator[None]:
    """Not a byte is left."""
    with (folder / "ballast").open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
        while True:
            ballast.write(bytes(4096))
    try:
        yield
    finally:
        (folder / "ballast").unlink()


def refused(crowd: Crowd) -> None:
    """An upload that finds no room is refused in words, and leaves nothing."""
    before = ask(crowd.server, "SELECT count(*) FROM jobs")
    for size in SIZES:
        with crowd.client() as client, pytest.raises(Refused, match="can’t store anything just now"):
            crowd.send(os.urandom(size), client=client)
    assert list((crowd.server.data_dir / "incoming").iterdir()) == []
    assert ask(crowd.server, "SELECT count(*) FROM jobs") == before


def test_on_a_full_disk_nothing_is_taken_on_and_nothing_is_lost(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk"), crowded(tmp_path / "disk", seed=10, HEADWAY_WORKERS="2") as crowd:
        run_out_of_room(crowd, filled(tmp_path / "disk"))


def test_where_no_file_can_grow_nothing_is_taken_on_and_nothing_is_lost(tmp_path: Path) -> None:
    with crowded(tmp_path, seed=11, HEADWAY_WORKERS="2") as crowd:
        run_out_of_room(crowd, havoc.files_of_at_most(4096, crowd.server))


def run_out_of_room(crowd: Crowd, shortage: AbstractContextManager[None]) -> None:
    crowd.submit_mixed(5)
    crowd.submit(2, seconds=2)
    eventually(lambda: len(havoc.busy_workers(crowd.server)) == 2)
    with shortage:
        refused(crowd)
        assert httpx.get(f"{crowd.server.url}/healthz").status_code == 200
        # Long enough for both to end, with nobody able to write down that they did.
        havoc.pause(3)
        assert crowd.server.process.poll() is None
    crowd.submit(2)
    crowd.settle()
    assert_no_half_stored_file(crowd.server)
