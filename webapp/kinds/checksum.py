"""Digests of a file, block by block: a small real job that needs no model."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from typing import Any

from pydantic import Field

from webapp.kinds.base import Accepts, Attempt, Input, Kind, Stage
from webapp.report import Report

BLOCK = 64 * 1024
ALGORITHMS = ("md5", "sha1", "sha256", "blake2b")


class ChecksumInput(Input):
    bytes_per_second: int | None = Field(
        default=None, ge=1, le=10**12, description="The most it may read in a second; leave empty for full speed."
    )


class Checksum(Kind):
    name = "checksum"
    label = "Checksum a file"
    description = "MD5, SHA-1, SHA-256 and BLAKE2b digests of any file."
    stages = (Stage("reading", unit="bytes"),)
    accepts = Accepts(types={})
    Input = ChecksumInput

    def __init__(
        self, sleep: Callable[[float], None] = time.sleep, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._sleep = sleep
        self._clock = clock

    def run(self, job: Attempt, input: ChecksumInput, report: Report) -> dict[str, Any]:
        assert job.file is not None
        digests = [hashlib.new(name, usedforsecurity=False) for name in ALGORITHMS]
        size = job.file.stat().st_size
        # A slow reading takes smaller blocks, so that it still moves several times a second.
        block = min(BLOCK, max((input.bytes_per_second or BLOCK * 8) // 8, 1))
        began = self._clock()
        report.log(f"Reading {size:,} bytes")
        with report.stage("reading", total=size), job.file.open("rb") as file:
            done = 0
            while data := file.read(block):
                for digest in digests:
                    digest.update(data)
                done += len(data)
                report.advance(len(data))
                if input.bytes_per_second:
                    self._wait_until(began + done / input.bytes_per_second, report)
        return {"size": size} | {digest.name: digest.hexdigest() for digest in digests}

    def _wait_until(self, moment: float, report: Report) -> None:
        """Keep to the rate in short sleeps, so that a cancel is heard in between."""
        while (left := moment - self._clock()) > 0:
            self._sleep(min(left, 0.2))
            report.check()
