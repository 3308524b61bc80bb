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
    """A disk of a folder's own, where that can be had."""
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)], capture_output=True)
    try:
        yield
    finally:
        if not mounted.returncode:
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


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    folder = tmp_path_factory.mktemp("disk")
    with small_disk(folder), crowded(folder, seed=10, HEADWAY_WORKERS="2") as crowd:
        yield crowd


def test_on_a_full_disk_nothing_is_taken_on_and_nothing_is_lost(crowd: Crowd) -> None:
    disk = crowd.server.data_dir.parent
    if not disk.is_mount():
        pytest.skip("A disk of its own can't be mounted here; the test with a limit of file sizes says much the same.")
    run_out_of_room(crowd, filled(disk))


def test_where_no_file_can_grow_nothing_is_taken_on_and_nothing_is_lost(crowd: Crowd) -> None:
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
    # What the two came to was kept until it could be.
    assert crowd.settle().retried == 0
    assert_no_half_stored_file(crowd.server)
