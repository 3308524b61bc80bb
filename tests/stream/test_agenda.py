"""What is due when: once, as early and as deep as anybody asked."""

from __future__ import annotations

from webapp.stream.agenda import Agenda, Depth
from webapp.stream.names import Topic

ONE, TWO = Topic("job", 1), Topic("job", 2)


def test_what_is_marked_often_is_due_once_and_as_deep_as_the_deepest() -> None:
    agenda = Agenda()
    for depth in (Depth.PROGRESS, Depth.WHOLE, Depth.KNOWN):
        agenda.mark(ONE, depth)
    agenda.mark(TWO, Depth.LINES)
    assert agenda.take(0.0) == {ONE: Depth.WHOLE, TWO: Depth.LINES}
    assert agenda.take(9.0) == {}


def test_what_is_for_later_waits_and_of_two_moments_the_earlier_counts() -> None:
    agenda = Agenda()
    agenda.mark_later(ONE, 5.0)
    agenda.mark_later(TWO, 3.0)
    agenda.mark_later(ONE, 4.0, Depth.PROGRESS)
    agenda.mark_later(ONE, 8.0, Depth.PROGRESS)
    assert agenda.next_at == 3.0
    assert agenda.take(2.9) == {}
    assert agenda.take(4.0) == {TWO: Depth.WHOLE, ONE: Depth.WHOLE}
    assert agenda.take(9.0) == {}


def test_what_is_marked_is_due_next_and_later_again() -> None:
    agenda = Agenda()
    agenda.mark_later(ONE, 5.0, Depth.PROGRESS)
    agenda.mark(ONE, Depth.KNOWN)
    assert agenda.next_at == 0.0
    assert agenda.take(1.0) == {ONE: Depth.KNOWN}
    assert agenda.next_at == 5.0
    assert agenda.take(5.0) == {ONE: Depth.PROGRESS}
