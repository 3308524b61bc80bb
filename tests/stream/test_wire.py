"""Encoding of events: what goes in comes out of a strict reader, and nothing can break out of its line."""

from __future__ import annotations

import pytest
from httpx_sse._decoders import SSEDecoder, SSELineDecoder
from hypothesis import given
from hypothesis import strategies as st

from webapp.stream.wire import Message


def decoded(data: bytes) -> list[tuple[str, str, str]]:
    lines, events = SSELineDecoder(), SSEDecoder()
    found = [events.decode(line) for line in [*lines.decode(data.decode()), *lines.flush()]]
    return [(event.event, event.data, event.id) for event in found if event]


def test_an_unnamed_message() -> None:
    assert Message("one\ntwo").encode("42.7") == b"id: 42.7\ndata: one\ndata: two\n\n"


def test_a_named_message_without_data_is_still_an_event() -> None:
    assert Message("", event="bye").encode() == b"event: bye\ndata: \n\n"


@given(st.text())
def test_any_text_arrives_as_it_was_sent_but_for_its_line_ends(text: str) -> None:
    expected = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace").decode()
    events = decoded(Message(text).encode("1.1"))
    # The reader, as the standard says, passes no event without data on.
    assert events == ([("message", expected, "1.1")] if expected else events)


def test_line_separators_of_unicode_are_no_line_ends() -> None:
    assert Message("a\u2028b\u0085c").encode().count(b"data:") == 1


@pytest.mark.parametrize("name", ["a\nb", "a\rb", "a\0b"])
def test_a_name_that_would_break_the_stream_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="one line"):
        Message("x", event=name).encode()
