"""What stages made is kept, taken over by the next attempt where it still fits, and made again where it doesn't."""

from __future__ import annotations

import resource
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cast
from webapp.checkpoints import as_file, as_json, as_lines, as_records
from webapp.files import NoRoom
from webapp.keeping import StoredCheckpoints, basis, resumes_at
from webapp.kinds.base import Attempt, Kind, Stage
from webapp.records.event import Event
from webapp.records.job import Job
from webapp.records.output import Made, Output
from webapp.records.worker import Worker
from webapp.report import HandedBack, Report
from webapp.runner import Order
from webapp.services import Services

WORDS = as_json("words.json", list[str])
LENGTHS = as_json("lengths.json", dict[int, int])


class Counting(Kind):
    """Splits a text into words, counts the letters of each, and adds up; it notes what it had to do."""

    name = "counting"
    stages = (Stage("splitting", weight=1), Stage("counting", weight=2), Stage("adding", weight=1))

    def __init__(self) -> None:
        self.text = "to be or not to be"
        self.split = 0
        self.counted: list[str] = []
        self.stop_after = 10**6

    def run(self, job: Attempt, input: Any, report: Report) -> dict[str, Any]:
        words = job.checkpoints.stage("splitting", WORDS, lambda: self._split(job, report))
        total = 0
        with report.stage("counting", total=len(words)):
            for word, length in job.checkpoints.each("counting", LENGTHS, words, self._count):
                assert len(word) == length
                total += length
                report.count("letters", length)
                report.advance()
        with report.stage("adding"):
            return {"letters": total}

    def _split(self, job: Attempt, report: Report) -> list[str]:
        self.split += 1
        words = self.text.split()
        with report.stage("splitting", total=len(words)):
            report.advance(len(words))
            report.count("words", len(words))
            job.checkpoints.output("splitting", "words.txt", "\n".join(words).encode(), "text/plain")
        return words

    def _count(self, left: Iterable[str]) -> Iterator[tuple[str, int]]:
        for word in left:
            if len(self.counted) >= self.stop_after:
                raise RuntimeError("power cut")
            self.counted.append(word)
            yield word, len(word)


@dataclass
class Tries:
    """Attempts at one job of the counting kind, one after another."""

    services: Services
    job: Job
    kind: Counting
    report: Report

    def checkpoints(self, **options: Any) -> StoredCheckpoints:
        """Those of the next attempt; the one before is lost, if the job runs."""
        with self.services.database.transaction() as session:
            worker = Worker.register(session, "here:1")
            if self.job.state == "processing":
                self.job.release(session, "The worker was lost.")
            claimed = Job.claim(session, self.job.id, worker.id)
            assert claimed
            self.job = claimed
        self.report = Report(self.kind.stages, lambda *_: False, attempt=claimed.attempt)
        return StoredCheckpoints(self.services, Order.of(claimed), self.kind, self.report, part_every=0, **options)

    def run(self, **options: Any) -> dict[str, Any]:
        with self.checkpoints(**options) as checkpoints:
            nothing: Any = None
            given = Attempt(
                self.job.id, self.job.attempt, 1, None, None, "", nothing, nothing, nothing, checkpoints=checkpoints
            )
            return self.kind.run(given, None, self.report)

    def outputs(self) -> list[Output]:
        with self.services.database.reading() as session:
            return list(Output.of(session, self.job.id))

    def names(self) -> list[tuple[str, int, int]]:
        return [(output.name, output.part, output.attempt) for output in self.outputs()]

    def path(self, name: str) -> Path:
        key = next(output.key for output in self.outputs() if output.name == name)
        return self.services.settings.files_dir / key

    def events(self) -> list[tuple[str, dict[str, Any]]]:
        with self.services.database.reading() as session:
            return [(event.name, event.detail) for event in Event.of(session, self.job.id)]


@pytest.fixture
def tries(services: Services, cast: Cast) -> Tries:
    with services.database.transaction() as session:
        job = Job.accept(session, kind="checksum", owner_id=cast.ben.id, params={}, file=None)
    kind = Counting()
    return Tries(services, job, kind, Report(kind.stages, lambda *_: False))


def interrupted(tries: Tries, after: int = 4) -> None:
    tries.kind.stop_after = after
    with pytest.raises(RuntimeError, match="power cut"):
        tries.run()
    tries.kind.stop_after = 10**6


def test_the_next_attempt_does_only_what_is_left(tries: Tries) -> None:
    interrupted(tries, after=4)
    assert tries.run() == {"letters": 13}
    assert (tries.kind.split, tries.kind.counted) == (1, ["to", "be", "or", "not", "to", "be"])


def test_what_was_taken_over_is_told_as_such_with_its_counts(tries: Tries) -> None:
    interrupted(tries, after=3)
    tries.run()
    picture = tries.report.picture()
    splitting, counting, adding = picture.stages
    assert (splitting.status, splitting.done, splitting.total, splitting.kept_from) == ("completed", 6, 6, 1)
    assert splitting.kept_whole
    assert (counting.done, counting.kept, counting.kept_from, counting.kept_whole) == (6, 3, 1, False)
    assert (adding.kept_from, adding.kept_fraction) == (None, 0)
    assert picture.counters == {"words": 6, "letters": 13}
    assert picture.kept_fraction == (1 + 2 * 3 / 6) / 4
    assert tries.report.tail[0].text == "Goes on at “counting”: what was done before is kept"
    assert ("resumed", {"from": "counting"}) in tries.events()


def test_a_first_attempt_tells_of_nothing_kept(tries: Tries) -> None:
    tries.run()
    assert tries.report.picture().kept_fraction == 0
    assert "resumed" not in [name for name, _ in tries.events()]


def test_each_further_attempt_goes_on_from_all_before(tries: Tries) -> None:
    for after in (1, 3, 4):
        interrupted(tries, after)
    tries.run()
    assert (tries.kind.split, len(tries.kind.counted)) == (1, 6)
    assert tries.report.picture().stages[1].kept_from == 3


@pytest.mark.parametrize("harm", ["delete", "truncate", "change"])
def test_what_can_not_be_read_any_more_is_made_again_with_all_that_follows_from_it(tries: Tries, harm: str) -> None:
    interrupted(tries)
    path = tries.path("words.json")
    {
        "delete": path.unlink,
        "truncate": lambda: path.write_bytes(path.read_bytes()[:10]),
        "change": lambda: path.write_bytes(path.read_bytes().replace(b"not", b"now")),
    }[harm]()
    assert tries.run() == {"letters": 13}
    assert (tries.kind.split, len(tries.kind.counted)) == (2, 10)
    assert any("can’t be read" in line.text for line in tries.report.tail)
    assert {attempt for _, _, attempt in tries.names()} == {2}


def test_a_part_that_can_not_be_read_costs_only_its_own_items(tries: Tries) -> None:
    interrupted(tries)
    tries.path("lengths.json").write_bytes(b"{}")
    tries.kind.counted.clear()
    assert tries.run() == {"letters": 13}
    assert tries.kind.counted == ["to", "to", "be"]
    assert tries.run() == {"letters": 13}
    assert len(tries.kind.counted) == 3


def test_what_other_code_or_another_input_made_is_not_gone_on_from(tries: Tries, services: Services) -> None:
    interrupted(tries)
    tries.kind.version = 2  # type: ignore[misc]
    tries.run()
    assert (tries.kind.split, len(tries.kind.counted)) == (2, 10)
    assert {attempt for _, _, attempt in tries.names()} == {2}
    with services.database.transaction() as session:
        session.get_one(Job, tries.job.id).params = {"other": True}
    tries.run()
    assert tries.kind.split == 3
    kept = [output.key for output in tries.outputs()]
    assert sorted(kept) == sorted(stored_keys(services))


def stored_keys(services: Services) -> list[str]:
    root = services.settings.files_dir
    assert list(services.files.incoming.iterdir()) == []
    return [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]


def test_a_list_of_another_length_has_nothing_in_common_with_what_was_kept(tries: Tries) -> None:
    interrupted(tries)
    tries.path("words.json").unlink()
    tries.kind.text = "a rose is a rose"
    assert tries.run() == {"letters": 12}


def test_an_attempt_that_counts_no_more_keeps_nothing(tries: Tries, services: Services) -> None:
    interrupted(tries)
    before = tries.names()
    older = Order.of(tries.job)
    with services.database.transaction() as session:
        tries.job.release(session, "The worker was lost.")
    with StoredCheckpoints(services, older, tries.kind, tries.report) as checkpoints:
        checkpoints.output("adding", "late.txt", b"late", "text/plain")
    assert tries.names() == before
    assert len(stored_keys(services)) == len(before)


def test_an_attempt_whose_worker_stops_ends_where_another_goes_on(tries: Tries) -> None:
    with pytest.raises(HandedBack):
        tries.run(should_end=lambda: True)
    assert (tries.kind.split, tries.kind.counted) == (1, [])
    with pytest.raises(HandedBack):
        tries.run(should_end=lambda: len(tries.kind.counted) == 2)
    assert tries.run() == {"letters": 13}
    assert (tries.kind.split, len(tries.kind.counted)) == (1, 6)


@contextmanager
def no_room() -> Iterator[None]:
    """No file that this process writes can grow: the kernel says so like a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_without_room_the_work_goes_on_but_an_output_is_missed(tries: Tries, services: Services) -> None:
    with tries.checkpoints() as checkpoints:
        with tries.report.stage("splitting"), no_room():
            assert checkpoints.stage("splitting", WORDS, lambda: ["word"]) == ["word"]
        with no_room(), pytest.raises(NoRoom):
            checkpoints.output("splitting", "words.txt", b"word", "text/plain")
    assert "could not be kept" in tries.report.tail[-1].text
    assert stored_keys(services) == []


def test_parts_are_kept_now_and_then_and_less_often_where_that_takes_long(tries: Tries, services: Services) -> None:
    moments = iter(range(0, 10**6, 4))
    tries.run(clock=lambda: float(next(moments)))
    # The clock goes on by 4 s at each look, so that keeping seems to take as long: the next is far off.
    assert [part for name, part, _ in tries.names() if name == "lengths.json"] == [0, 1]


def test_the_stage_to_resume_at_is_the_first_that_is_not_kept_whole(tries: Tries) -> None:
    kind, made_from = tries.kind, basis(tries.kind, {}, None)
    assert resumes_at(kind, tries.outputs(), made_from) is None
    interrupted(tries)
    assert resumes_at(kind, tries.outputs(), made_from) == "counting"
    assert resumes_at(kind, tries.outputs(), basis(kind, {"other": 1}, None)) is None
    tries.run()
    assert resumes_at(kind, tries.outputs(), made_from) == "adding"


def test_a_lasting_output_replaces_its_former_and_is_announced(tries: Tries, services: Services) -> None:
    tries.run()
    heard: list[str] = []
    services.database.announce = lambda changes: heard.extend(change.what for change in changes)
    with tries.checkpoints() as checkpoints:
        checkpoints.output("splitting", "words.txt", b"other words", "text/plain")
    assert heard == ["released", "claimed", "resumed", "output"]
    assert tries.path("words.txt").read_bytes() == b"other words"
    assert len(stored_keys(services)) == len(tries.outputs())


def test_what_is_only_for_another_attempt_is_told_from_what_lasts(tries: Tries, services: Services) -> None:
    tries.run()
    with services.database.transaction() as session:
        Output.drop_spent(session, tries.job.id)
        assert [output.name for output in Output.lasting_of(session, tries.job.id)] == ["words.txt"]
        assert Output.drop_all(session, tries.job.id)
        assert Output.of(session, tries.job.id) == []


def test_values_come_back_from_their_forms_as_they_were(tmp_path: Path) -> None:
    def through(form: Any, value: Any) -> Any:
        path = tmp_path / form.name
        path.write_bytes(form.dump(value))
        return form.load(path)

    made = Made("a", "b", "c", 1, "d", "e", "f", counters={"x": 1})
    assert through(as_json("made.json", Made), made) == made
    lines = ["a\nb", "c\u2028d", "", "żółw"]
    assert through(as_lines("lines.jsonl", str), lines) == lines
    vectors = {7: b"12345678", 0: b"abcdefgh"}
    assert through(as_records("vectors.bin", 8), vectors) == vectors
    with pytest.raises(ValueError, match="no records"):
        as_records("other.bin", 9).load(tmp_path / "vectors.bin")


def test_a_file_that_a_stage_wrote_is_kept_and_found_again(tries: Tries, services: Services, tmp_path: Path) -> None:
    form, made = as_file("sound.wav", "audio/wav"), tmp_path / "sound"
    made.write_bytes(b"RIFF" * 1000)
    with tries.checkpoints() as checkpoints:
        assert checkpoints.stage("splitting", form, lambda: made) == made
    made.unlink()
    with tries.checkpoints() as checkpoints:
        again = checkpoints.stage("splitting", form, lambda: made)
        assert again.is_relative_to(services.settings.files_dir)
        assert again.read_bytes() == b"RIFF" * 1000
