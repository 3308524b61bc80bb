"""Which way streams are written, where the server does not allow the better one."""

from __future__ import annotations

import pytest

from webapp.web_worker import CannotTakeOver, choose_writer


def test_a_server_that_keeps_its_sockets_is_left_alone() -> None:
    choose_writer(None, "auto")
    choose_writer(None, "generator")


def test_who_insists_on_taking_over_is_told_what_that_needs() -> None:
    with pytest.raises(CannotTakeOver, match="HEADWAY_STREAM_WRITER: handoff needs"):
        choose_writer(None, "handoff")
