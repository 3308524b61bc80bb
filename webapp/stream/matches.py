"""Which jobs a filter finds just now: what the pages of a filtered list watch, one reading for all of them."""

from __future__ import annotations

from dataclasses import dataclass

from webapp.records.listing import JobFilter, lately_matching
from webapp.services import Services
from webapp.stream.names import EVERYBODY, Topic

NOUN = "matches"
# More than these are not counted.
MOST = 50


@dataclass(frozen=True)
class MatchesState:
    """The ids of the newest that match, newest first."""

    ids: tuple[int, ...]
    ended = False
    position = 0


def matches_of(wanted: JobFilter) -> Topic:
    return Topic(NOUN, wanted.owner_id or EVERYBODY, wanted.written)


def load_matches(services: Services, topic: Topic) -> MatchesState:
    with services.database.reading() as session:
        return MatchesState(tuple(lately_matching(session, JobFilter.read(topic.filter), MOST + 1)))
