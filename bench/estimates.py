"""How often the truth fell inside the ranges of time left that people were told.

    python -m bench.estimates [--documents 120] [--checksums 120]

Real jobs on a real server, one after the other: documents of one to some twenty times the sample's
pages are ingested, files of many sizes are read at rates between 2 and 200 KB a second. Each attempt notes what it
says at every quarter of the work; at the end that is held against what it took. Ranges are made to
hold 80 % of the time, so 70 to 90 % is what is asked of them.
"""

from __future__ import annotations

import argparse
import io
import random
import time
from pathlib import Path

import httpx
import pypdfium2

from bench._bench import ask_sql, server
from tests.serving import Server

SAMPLE = Path(__file__).parents[1] / "webapp" / "samples" / "lighthouses.pdf"
LEAST, MOST = 0.7, 0.9
UNFINISHED = "SELECT count(*) FROM jobs WHERE state IN ('queued', 'processing')"


def main() -> None:
    options = _options()
    chance = random.Random(options.seed)
    with server(HEADWAY_WORKERS="1", HEADWAY_LANES="2") as place, place.program() as program:
        for _ in range(options.documents):
            _submit(program, "ingest_document", "document.pdf", _document(chance))
        for _ in range(options.checksums):
            _submit(program, "checksum", "data.bin", *_file(chance))
        began = time.monotonic()
        while left := ask_sql(place, UNFINISHED)[0][0]:
            print(f"\r{left} jobs to go, {time.monotonic() - began:.0f} s", end="", flush=True)
            time.sleep(1)
        print()
        _report(place)


def _options() -> argparse.Namespace:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--documents", type=int, default=120)
    arguments.add_argument("--checksums", type=int, default=120)
    arguments.add_argument("--seed", type=int, default=1)
    return arguments.parse_args()


def _document(chance: random.Random) -> bytes:
    """The sample's pages, so many times over; no two documents are the same."""
    copies = round(chance.lognormvariate(0.3, 0.7)) + 1
    with pypdfium2.PdfDocument.new() as made, pypdfium2.PdfDocument(SAMPLE) as sample:
        for _ in range(min(copies, 20)):
            made.import_pages(sample)
        # A page of a size of its own makes the content another one.
        made.new_page(200 + chance.random(), 200)
        target = io.BytesIO()
        made.save(target)
    return target.getvalue()


def _file(chance: random.Random) -> tuple[bytes, str]:
    rate = round(chance.lognormvariate(10, 1))
    size = round(rate * chance.uniform(2, 6))
    return chance.randbytes(size), f'{{"bytes_per_second": {rate}}}'


def _submit(program: httpx.Client, kind: str, name: str, data: bytes, params: str = "{}") -> None:
    answer = program.post("/api/v1/jobs", data={"kind": kind, "params": params}, files={"file": (name, data)})
    answer.raise_for_status()


def _report(place: Server) -> None:
    """What `bin/headway estimates` says, and whether it is what was asked."""
    print(place.command("estimates"))
    query = """
        SELECT e.kind, count(*), sum((julianday(j.finished_at) - julianday(e.at)) * 86400 BETWEEN e.low AND e.high)
        FROM estimates e JOIN jobs j ON j.id = e.job_id AND j.attempt = e.attempt
        WHERE j.state = 'completed' AND e.low IS NOT NULL GROUP BY e.kind
    """
    for kind, said, inside in ask_sql(place, query):
        held = inside / said
        print(f"{kind:<20} {said:>5} ranges said, {held:.0%} held  {'yes' if LEAST <= held <= MOST else 'NO'}")


if __name__ == "__main__":
    main()
