"""What a kind says to have its stages kept, so that another attempt goes on where this one came to.

Here, nothing is kept: that does for a kind that is called by itself. The runner's keeper.py keeps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter

T = TypeVar("T")
Item = TypeVar("Item")
Result = TypeVar("Result")

JSON = "application/json"
BYTES = "application/octet-stream"
POSITION = 4


@dataclass(frozen=True)
class Form(Generic[T]):
    """How a value stands in a file. `load` may raise anything: then its stage is done again.

    A lasting one is for people too: it stays when the job is completed, as a download of this name.
    """

    name: str
    dump: Callable[[T], bytes | Path]
    load: Callable[[Path], T]
    media_type: str = BYTES
    lasting: bool = False


def as_json(name: str, type: Any, *, lasting: bool = False) -> Form[Any]:
    """For all that pydantic can write and check, dataclasses included."""
    adapter: TypeAdapter[Any] = TypeAdapter(type)
    return Form(name, adapter.dump_json, lambda path: adapter.validate_json(path.read_bytes()), JSON, lasting)


def as_lines(name: str, type: Any, *, lasting: bool = False) -> Form[list[Any]]:
    """A list, each of its values a line of JSON."""
    adapter: TypeAdapter[Any] = TypeAdapter(type)
    return Form(
        name,
        lambda values: b"".join(adapter.dump_json(value) + b"\n" for value in values),
        lambda path: [adapter.validate_json(line) for line in path.read_bytes().splitlines()],
        "application/jsonl",
        lasting,
    )


def as_records(name: str, size: int) -> Form[dict[int, bytes]]:
    """Results of so many bytes each, by position."""
    step = POSITION + size

    def load(path: Path) -> dict[int, bytes]:
        data = path.read_bytes()
        if len(data) % step:
            raise ValueError(f"{len(data)} bytes are no records of {size}")
        records = (data[start : start + step] for start in range(0, len(data), step))
        return {int.from_bytes(record[:POSITION], "little"): record[POSITION:] for record in records}

    return Form(name, lambda kept: b"".join(n.to_bytes(POSITION, "little") + kept[n] for n in kept), load)


def as_file(name: str, media_type: str, *, lasting: bool = False) -> Form[Path]:
    """A file that a stage has written; of what is kept, a path that holds for this attempt, to be read only."""
    return Form(name, lambda path: path, lambda path: path, media_type, lasting)


class Checkpoints:
    """The verbs. Stages that use them come in their declared order."""

    def stage(self, name: str, form: Form[T], work: Callable[[], T]) -> T:
        """What `work` makes in the whole stage, or what an earlier attempt kept of it: then `work` is not called."""
        return work()

    def each(
        self,
        name: str,
        form: Form[dict[int, Result]],
        items: Sequence[Item],
        work: Callable[[Sequence[Item]], Iterable[tuple[Item, Result]]],
    ) -> Iterator[tuple[Item, Result]]:
        """Yield each item with its result, in any order: first those that earlier attempts kept, then `work`'s.

        To be used inside the running stage. Results are kept by the position of their items, now and then
        while the work goes on. `work` is given the items that are left, and yields those same objects.
        """
        yield from work(items)

    def output(self, stage: str, name: str, content: bytes | Path, media_type: str) -> None:
        """Give people a file of the stage, at once and for as long as the job is kept. Raises NoRoom."""
