"""Loaded by Python itself at the start of each process that has this folder on its path: a wall clock that can be set.

The seconds by which it is wrong stand in the file that HEADWAY_TEST_CLOCK names, and may change at any time.
"""

from __future__ import annotations

import datetime
import os
import time
from typing import Any

OFFSET = os.environ["HEADWAY_TEST_CLOCK"]
true_time = time.time
true_datetime = datetime.datetime


def offset() -> float:
    with open(OFFSET) as file:
        return float(file.read() or 0)


class AnyDatetime(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, true_datetime)


class Datetime(true_datetime, metaclass=AnyDatetime):
    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> Any:
        return true_datetime.now(tz) + datetime.timedelta(seconds=offset())


time.time = lambda: true_time() + offset()
datetime.datetime = Datetime  # type: ignore[misc]
