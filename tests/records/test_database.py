"""Transactions: what they promise."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from webapp.records.database import Database


@pytest.mark.parametrize(("durable", "level"), [(False, 1), (True, 2)])
def test_only_what_must_outlive_a_loss_of_power_waits_for_the_disk(
    database: Database, durable: bool, level: int
) -> None:
    for promised, expected in ((durable, level), (False, 1)):
        with database.transaction(durable=promised) as session:
            assert session.scalar(text("PRAGMA synchronous")) == expected
