"""The checksum kind, called as the runner calls it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from webapp.kinds.base import Attempt
from webapp.kinds.checksum import Checksum, ChecksumInput
from webapp.report import Cancelled, Report


def attempt(file: Path) -> Attempt:
    nothing: Any = None
    return Attempt(1, 1, 1, None, file, file.name, database=nothing, passages=nothing, lanes=nothing)


class Time:
    """A clock that goes on by what is slept."""

    now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def clock(self) -> float:
        return self.now


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "data.bin"
    path.write_bytes(bytes(range(256)) * 1000)
    return path


def test_the_digests_are_those_of_the_file(file: Path) -> None:
    report = Report(Checksum.stages, lambda *_: False)
    result = Checksum().run(attempt(file), ChecksumInput(), report)
    assert result["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert result["md5"] == hashlib.md5(file.read_bytes()).hexdigest()
    assert (result["size"], report.picture().fraction) == (256_000, 1.0)


def test_an_empty_file_has_digests_too(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    result = Checksum().run(attempt(empty), ChecksumInput(), Report(Checksum.stages, lambda *_: False))
    assert result["sha256"] == hashlib.sha256(b"").hexdigest()


def test_it_keeps_to_the_rate(file: Path) -> None:
    time = Time()
    kind = Checksum(time.sleep, time.clock)
    kind.run(attempt(file), ChecksumInput(bytes_per_second=25_600), Report(Checksum.stages, lambda *_: False))
    assert time.now == pytest.approx(10, abs=0.01)


def test_a_slow_one_is_cancelled_between_blocks(file: Path) -> None:
    time = Time()
    report = Report(Checksum.stages, lambda *_: time.now > 3)

    def sleep(seconds: float) -> None:
        time.sleep(seconds)
        report.flush()

    with pytest.raises(Cancelled):
        Checksum(sleep, time.clock).run(attempt(file), ChecksumInput(bytes_per_second=25_600), report)
    assert time.now < 5
