"""Who watches what in a process: the feeds of each topic, and which topics are lists of an owner's records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from webapp.stream.feed import Feed
from webapp.stream.names import EVERYBODY, Topic
from webapp.stream.rendering import Rendering
from webapp.stream.watcher import Watcher


class Feeds:
    def __init__(self) -> None:
        self._feeds: dict[Topic, dict[Rendering, Feed]] = {}
        # By their owner: any change to a record of theirs may concern them.
        self._lists: dict[int, set[Topic]] = {}

    def __contains__(self, topic: Topic) -> bool:
        return topic in self._feeds

    def __iter__(self) -> Iterator[Topic]:
        return iter(self._feeds)

    def of(self, topic: Topic) -> list[Feed]:
        return list(self._feeds.get(topic, {}).values())

    def lists_with(self, owner_id: int) -> Iterable[Topic]:
        """The lists in which a record of this owner may stand."""
        return chain(self._lists.get(owner_id, ()), self._lists.get(EVERYBODY, ()))

    def follow(self, watcher: Watcher, topic: Topic, rendering: Rendering) -> bool:
        """Whether that is new to the watcher."""
        feeds = self._feeds.setdefault(topic, {})
        if topic.noun != "job":
            self._lists.setdefault(topic.id, set()).add(topic)
        feed = feeds.get(rendering) or feeds.setdefault(rendering, Feed(topic, rendering))
        if feed in watcher.feeds:
            return False
        feed.add(watcher)
        watcher.feeds += (feed,)
        return True

    def leave(self, watcher: Watcher, feed: Feed) -> None:
        watcher.feeds = tuple(other for other in watcher.feeds if other is not feed)
        feed.remove(watcher)
        if feed:
            return
        feeds = self._feeds.get(feed.topic, {})
        feeds.pop(feed.rendering, None)
        if not feeds:
            self._feeds.pop(feed.topic, None)
            self._forget_list(feed.topic)

    def _forget_list(self, topic: Topic) -> None:
        lists = self._lists.get(topic.id, set())
        lists.discard(topic)
        if not lists:
            self._lists.pop(topic.id, None)
