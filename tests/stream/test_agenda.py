"""What is due when: once, as early and as deep as anybody asked."""

from __future__ import annotations

from webapp.stream.agenda import Agenda, Depth
from webapp.stream.names import Topic

ONE, TWO = Topic("job", 1), Topic("job", 2)


def test_what_is_marked_often_is_due_once_and_as_deep_as_the_deepest() -> None:
    agenda = Agenda()
    for depth in (Depth.PROGRESS, Depth.WHOLE, Depth.KNOWN):
        agenda.mark(ONE, depth=depth)
    agenda.mark(TWO, depth=Depth.LINES)
    assert agenda.take(0.0) == {ONE: Depth.WHOLE, TWO: Depth.LINES}
    assert agenda.take(9.0) == {}


def test_what_is_for_later_waits_and_comes_earlier_if_it_is_marked_again() -> None:
    agenda = Agenda()
    agenda.mark(ONE, 5.0)
    agenda.mark(TWO, 3.0)
    agenda.mark(ONE, 4.0, Depth.PROGRESS)
    agenda.mark(ONE, 8.0, Depth.PROGRESS)
    assert agenda.next_at == 3.0
    assert agenda.take(2.9) == {}
    assert agenda.take(4.0) == {TWO: Depth.WHOLE, ONE: Depth.WHOLE}
    assert agenda.take(9.0) == {}
