"""Keeps in the file store what stages made, and takes over what earlier attempts of the job kept."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from webapp.checkpoints import Checkpoints, Form, Item, Result, T
from webapp.deletion import delete_files
from webapp.files import NoRoom
from webapp.kinds.base import Kind
from webapp.records.job import Job
from webapp.records.output import Made, Output
from webapp.report import HandedBack, Report
from webapp.runner import Order
from webapp.services import Services

# Seconds of work that a killed attempt loses at most; more where keeping would take more than this share of the time.
PART_EVERY, MOST_OF_THE_TIME = 5.0, 0.005
UNREADABLE = (OSError, ValueError, LookupError, TypeError)

log = logging.getLogger(__name__)


def basis(kind: Kind, params: dict[str, Any], file_key: str | None) -> str:
    """Tells what a stage's outputs are made from: from anything else, or by other code, they are of no use."""
    told = json.dumps([kind.name, kind.version, params, file_key], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def resumes_at(kind: Kind, outputs: Sequence[Output], made_from: str) -> str | None:
    """The stage at which another attempt would go on; None if it would have to begin at the beginning."""
    order = {stage.name: number for number, stage in enumerate(kind.stages)}
    usable = [output for output in outputs if output.basis == made_from and (output.whole or not output.lasting)]
    reached = max((order[output.stage] + output.whole for output in usable), default=None)
    return None if reached is None else kind.stages[min(reached, len(kind.stages) - 1)].name


@dataclass
class Part:
    """Results of a stage that are not kept yet. Once `found` others and these are kept, it is `total`."""

    stage: str
    form: Form[Any]
    number: int
    found: int
    total: int
    began: float
    results: dict[int, Any] = field(default_factory=dict)


class StoredCheckpoints(Checkpoints):
    """Those of one attempt, while it is made. Once `should_end()`, the attempt is left where another can go on."""

    def __init__(
        self,
        services: Services,
        order: Order,
        kind: Kind,
        report: Report,
        *,
        should_end: Callable[[], bool] = lambda: False,
        part_every: float = PART_EVERY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._services = services
        self._order = order
        self._kind = kind
        self._report = report
        self._should_end = should_end
        self._part_every = part_every
        self._clock = clock
        self._basis = basis(kind, order.params, order.file_key)
        self._kept: dict[str, list[Output]] = {}
        self._has_kept = False
        self._part: Part | None = None
        self._due = 0.0
        self._copies = ExitStack()

    @property
    def kept(self) -> bool:
        """Whether there is, or was, anything of this job to go on from."""
        return self._has_kept or bool(self._kept)

    def __enter__(self) -> StoredCheckpoints:
        if self._order.attempt > 1:
            self._take_over()
        return self

    def __exit__(self, *_: object) -> None:
        # However the attempt ends, what it has done by then is not lost.
        self._keep_part()
        self._copies.close()

    # What kinds use

    def stage(self, name: str, form: Form[T], work: Callable[[], T]) -> T:
        for output in self._of(name, form):
            if found := self._load(output, form):
                self._report.restore(
                    name,
                    attempt=output.attempt,
                    done=output.done,
                    total=output.total,
                    seconds=output.seconds,
                    counters=output.counters,
                )
                return found[0]
        self._begin(name)
        before = self._report.picture().counters
        value = work()
        self._keep_whole(name, form, value, before)
        self._end_if_due()
        return value

    def each(
        self,
        name: str,
        form: Form[dict[int, Result]],
        items: Sequence[Item],
        work: Callable[[Sequence[Item]], Iterable[tuple[Item, Result]]],
    ) -> Iterator[tuple[Item, Result]]:
        outputs = [output for output in self._of(name, form) if output.total == len(items)]
        found: dict[int, Result] = {}
        for output in outputs:
            found |= (self._load(output, form) or ({},))[0]
        for position, result in found.items():
            yield items[position], result
        if found:
            seconds = sum(output.seconds for output in outputs)
            self._report.restored(attempt=max(output.attempt for output in outputs), seconds=seconds)
        left = {position: item for position, item in enumerate(items) if position not in found}
        if left:
            self._begin(name)
            number = max((output.part for output in outputs), default=-1) + 1
            part = self._part = Part(name, form, number, len(found), len(items), self._clock())
            # By identity: items need not be hashable. One that stands in several places has one result.
            positions: dict[int, list[int]] = {}
            for position, item in left.items():
                positions.setdefault(id(item), []).append(position)
            for item, result in work(list(left.values())):
                yield item, result
                part.results[positions[id(item)].pop()] = result
                self._keep_now_and_then(part)
            self._keep_part()

    def output(self, stage: str, name: str, content: bytes | Path, media_type: str) -> None:
        self._store(content, {"stage": stage, "name": name, "media_type": media_type, "lasting": True})

    # Taking over

    def _take_over(self) -> None:
        with self._services.database.reading() as session:
            outputs = Output.of(session, self._order.job_id)
        stage = resumes_at(self._kind, outputs, self._basis)
        self._forget([output for output in outputs if stage is None or output.basis != self._basis])
        if stage is None:
            return
        for output in outputs:
            if output.basis == self._basis:
                self._kept.setdefault(output.stage, []).append(output)
        with self._services.database.transaction() as session:
            Job.goes_on(session, self._order.job_id, self._order.attempt, stage)
        self._report.log(f"Goes on at “{stage}”: what was done before is kept")

    def _of(self, stage: str, form: Form[Any]) -> list[Output]:
        return [output for output in self._kept.get(stage, []) if output.name == form.name]

    def _load(self, output: Output, form: Form[T]) -> tuple[T] | None:
        """What is kept; None where that can't be had any more, and is forgotten."""
        try:
            path = self._copies.enter_context(self._services.files.local(output.key))
            with path.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != output.sha256:
                    raise ValueError("it is not what was kept")
            return (form.load(path),)
        except UNREADABLE as error:
            log.warning("job=%s: %s of %s: %s", self._order.job_id, output.name, output.stage, error)
            self._report.log(f"What was kept of “{output.stage}” can’t be read, so it is done again", "warning")
            self._forget([output])
            return None

    def _begin(self, stage: str) -> None:
        """It is worked on from here: what later stages made of what it was before is of no use."""
        names = [stage.name for stage in self._kind.stages]
        later = names[names.index(stage) + 1 :]
        self._forget([output for name in later for output in self._kept.pop(name, [])])

    def _forget(self, outputs: Sequence[Output]) -> None:
        if outputs:
            with self._services.database.transaction() as session:
                keys = Output.drop(session, [output.id for output in outputs])
            delete_files(self._services, keys)

    # Keeping

    def _keep_whole(self, name: str, form: Form[T], value: T, before: dict[str, int]) -> None:
        picture = self._report.picture()
        stage = next(stage for stage in picture.stages if stage.name == name)
        added = {counter: number - before.get(counter, 0) for counter, number in picture.counters.items()}
        told = {"done": stage.done, "total": stage.total, "seconds": stage.seconds(picture.updated_at)}
        counters = {counter: more for counter, more in added.items() if more or counter not in before}
        self._try_to_keep(name, form, value, whole=True, counters=counters, **told)

    def _keep_now_and_then(self, part: Part) -> None:
        ends = self._should_end()
        if ends or self._clock() >= max(self._due, part.began + self._part_every):
            self._keep_part()
        if ends:
            raise HandedBack

    def _keep_part(self) -> None:
        part = self._part
        if not part or not part.results:
            return
        began = self._clock()
        done, found = len(part.results), part.found + len(part.results)
        told = {"part": part.number, "whole": found == part.total, "done": done, "total": part.total}
        kept = self._try_to_keep(part.stage, part.form, part.results, seconds=began - part.began, **told)
        ended = self._clock()
        self._due = ended + (ended - began) / MOST_OF_THE_TIME
        if kept:
            part.number, part.found, part.began, part.results = part.number + 1, found, began, {}

    def _try_to_keep(self, stage: str, form: Form[T], value: T, **told: Any) -> bool:
        """The work goes on without it: it is only another attempt that would have more to do."""
        named = {"stage": stage, "name": form.name, "media_type": form.media_type, "lasting": form.lasting}
        try:
            self._store(form.dump(value), named | told)
        except (OSError, NoRoom, SQLAlchemyError) as error:
            log.warning("job=%s: %s could not be kept: %r", self._order.job_id, form.name, error)
            self._report.log(f"“{stage}” could not be kept for another attempt", "warning")
            return False
        return True

    def _store(self, content: bytes | Path, told: dict[str, Any]) -> None:
        """The file first, then its row; what is killed in between is cleared away as what is left of an upload is."""
        files, order = self._services.files, self._order
        self._has_kept = True
        incoming = files.put(content)
        try:
            key = files.keep(incoming)
            made = Made(key=key, size=incoming.size, sha256=incoming.sha256, basis=self._basis, **told)
            try:
                with self._services.database.transaction() as session:
                    former = Output.keep(session, order.job_id, order.attempt, made)
            except BaseException:
                files.delete(key)
                raise
        finally:
            incoming.discard()
        # An attempt that counts no more keeps nothing.
        delete_files(self._services, [key] if former is None else former)

    def _end_if_due(self) -> None:
        if self._should_end():
            raise HandedBack
