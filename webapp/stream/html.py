"""States as HTML: the same partials that pages are made of, in envelopes that htmx swaps into place."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from jinja2 import Environment

from webapp.stream.matches import MOST, MatchesState
from webapp.stream.names import SYSTEM, Topic, dom_id, partial
from webapp.stream.rendering import Rendering
from webapp.stream.state import JobsState, JobState
from webapp.stream.wire import Message
from webapp.system import SystemState

PAGE_PARTS = ("status", "retry", "progress", "result", "outputs", "history")
# What these show is all of the record: as long as only the job's progress moves, they stay as they are.
STILL_PARTS = ("retry", "result", "outputs", "history")
CARD_PARTS = ("status", "progress")
SYSTEM_PARTS = ("advice", "figures", "workers", "storage")
LOG, LINES, LINE = "log", "lines", "line"
LIST, CARD, ROW = "#jobs-list", "card", "row"
NEWER = "newer"
# Ends the connection for good: htmx would come back after any other end.
BYE = Message("", event="bye")


def swap(target: str, html: str, how: str = "outerMorph") -> str:
    # White space around it would become one more text node in the page at each swap.
    return f'<hx-partial hx-target="{target}" hx-swap="{how}">{html.strip()}</hx-partial>'


@dataclass(frozen=True)
class JobHtml(Rendering):
    """A job's parts on its page; `endless` where it is one among others, in a `box`: its card or row."""

    environment: Environment
    names: tuple[str, ...]
    endless: bool = False
    box: str = CARD

    def parts(self, state: JobState) -> dict[str, Message]:
        return {name: Message(self._part(state, name)) for name in self.names}

    def parts_again(self, state: JobState, before: JobState, sent: dict[str, Message]) -> dict[str, Message]:
        if state.job is not before.job:
            return self.parts(state)
        return sent | {name: Message(self._part(state, name)) for name in self.names if name not in STILL_PARTS}

    def tail(self, state: JobState, after: int | None) -> Message | None:
        if after is None:
            return Message(self._part(state, LOG))
        lines = "".join(self._render(LINE, state=state, line=line) for line in state.lines_after(after))
        return Message(swap("#" + dom_id("job", state.job.id, LINES), lines, "beforeend")) if lines else None

    def stream(self, topic: Topic) -> str:
        return "" if self.endless else str(topic.id)

    def farewell(self, state: JobState) -> Message | None:
        return BYE

    def gone(self, topic: Topic) -> Message:
        return Message(swap("#" + dom_id("job", topic.id, self.box), "", "delete")) if self.endless else BYE

    def _part(self, state: JobState, name: str) -> str:
        return swap("#" + dom_id("job", state.job.id, name), self._render(name, state=state))

    def _render(self, name: str, **values: object) -> str:
        return self.environment.get_template(partial("job", name)).render(**values)


@dataclass(frozen=True)
class JobRowHtml(JobHtml):
    """A job's row in the table of jobs."""

    interval = 0.5

    def tail(self, state: JobState, after: int | None) -> Message | None:
        return None

    def milestone(self, state: JobState) -> Hashable:
        return state.job.state, state.job.stopping


@dataclass(frozen=True)
class JobEmbedHtml(JobHtml):
    """A job's card in a page elsewhere, for as long as links of this version are good: it leads nowhere."""

    version: int = 0

    def tail(self, state: JobState, after: int | None) -> Message | None:
        return None

    def ends(self, state: JobState) -> bool:
        return state.ended or self._is_void(state)

    def farewell(self, state: JobState) -> Message | None:
        # Without a word the page comes back, and hears that the link was revoked.
        return None if self._is_void(state) else BYE

    def _is_void(self, state: JobState) -> bool:
        return state.job.embed_version != self.version

    def _render(self, name: str, **values: object) -> str:
        return super()._render(name, guest=True, **values)


@dataclass(frozen=True)
class JobListHtml(Rendering):
    """A list of cards: new ones are put on top, and each is followed by itself."""

    environment: Environment
    item: JobHtml

    def parts(self, state: JobsState) -> dict[str, Message]:
        """Nothing to swap, but heard: a page without a job must know its stream works."""
        return {"hello": Message("", event="hello")}

    def tail(self, state: JobsState, after: int | None) -> Message | None:
        newer = [job for job in state.jobs if after is not None and job.job.id > after]
        template = self.environment.get_template(partial("job", self.item.box))
        boxes = "".join(template.render(state=job).strip() for job in newer)
        return Message(swap(LIST, boxes, "afterbegin")) if boxes else None

    def stream(self, topic: Topic) -> str:
        return "jobs"

    def follows(self, state: JobsState) -> Iterable[tuple[Topic, Rendering]]:
        return [(Topic("job", job.job.id), self.item) for job in state.jobs]


@dataclass(frozen=True)
class JobRowsHtml(JobListHtml):
    """A table of jobs: the rows that are shown, and those newer than `newest` if they belong there too."""

    shown: tuple[int, ...] = ()
    newest: int | None = None

    def tail(self, state: JobsState, after: int | None) -> Message | None:
        return None if self.newest is None else super().tail(state, after)

    def follows(self, state: JobsState) -> Iterable[tuple[Topic, Rendering]]:
        newer = [job.job.id for job in state.jobs if self.newest is not None and job.job.id > self.newest]
        return [(Topic("job", id), self.item) for id in (*newer, *self.shown)]


@dataclass(frozen=True)
class JobMatchesHtml(Rendering):
    """A table of the jobs that match a filter: the rows that are `shown`, whether they still match or not, and how
    many match beside them; but those older than `oldest` stand on other pages."""

    environment: Environment
    item: JobHtml
    shown: tuple[int, ...]
    oldest: int

    def parts(self, state: MatchesState) -> dict[str, Message]:
        newer = sum(id >= self.oldest for id in set(state.ids) - set(self.shown))
        html = self.environment.get_template(partial("job", NEWER)).render(newer=newer, most=MOST)
        return {NEWER: Message(swap(f"#jobs-{NEWER}", html))}

    def follows(self, state: MatchesState) -> Iterable[tuple[Topic, Rendering]]:
        return [(Topic("job", id), self.item) for id in self.shown]


@dataclass(frozen=True)
class SystemHtml(Rendering):
    """The parts of the admins' page, read again and again: no word comes of a worker's death."""

    environment: Environment
    refresh = 1.0

    def parts(self, state: SystemState) -> dict[str, Message]:
        return {name: Message(self._part(state, name)) for name in SYSTEM_PARTS}

    def _part(self, state: SystemState, name: str) -> str:
        html = self.environment.get_template(partial(SYSTEM.noun, name)).render(state=state)
        return swap("#" + dom_id(SYSTEM.noun, SYSTEM.id, name), html)


@dataclass(frozen=True)
class HtmlRenderings:
    """The renderings of an application's pages."""

    page: JobHtml
    card: JobHtml
    row: JobRowHtml
    list: JobListHtml
    system: SystemHtml

    @classmethod
    def of(cls, environment: Environment) -> HtmlRenderings:
        card = JobHtml(environment, CARD_PARTS, endless=True)
        row = JobRowHtml(environment, (ROW,), endless=True, box=ROW)
        page, system = JobHtml(environment, PAGE_PARTS), SystemHtml(environment)
        return cls(page, card, row, JobListHtml(environment, card), system)


def everything(state: JobState | MatchesState | SystemState, rendering: Rendering) -> str:
    """All parts in one answer, for pages that poll."""
    tail = rendering.tail(state, None)
    return "".join(message.data for message in [*rendering.parts(state).values(), tail] if message)
