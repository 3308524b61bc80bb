"""What a job costs beside its work: digests of a tiny file, one after another, through one worker.

    python -m bench.jobs [--jobs 200]

They are put on the queue while a longer job holds the worker, so that it finds all of them waiting.
"""

from __future__ import annotations

import argparse
import json
from datetime import datetime
from itertools import pairwise

import httpx

from bench._bench import Figure, ask_sql, server, show
from tests.serving import Server, eventually

HOLD_SECONDS = 8


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--jobs", type=int, default=200)
    count = arguments.parse_args().jobs
    with server(HEADWAY_WORKERS="1") as running, running.program() as client:
        _submit(client, bytes(HOLD_SECONDS), bytes_per_second=1)
        for _ in range(count):
            _submit(client, b"tiny")
        unfinished = "SELECT count(*) FROM jobs WHERE finished_at IS NULL"
        [(waiting,)] = ask_sql(running, unfinished)
        assert waiting > count, "the worker was free before all jobs waited: raise HOLD_SECONDS"
        eventually(lambda: ask_sql(running, unfinished) == [(0,)], within=300)
        claims, ends = _times(running, "claimed")[1:], _times(running, "completed")
    show(
        "A job through one worker, ms",
        Figure("claimed → completed", [end - claim for claim, end in zip(claims, ends[1:], strict=True)]),
        Figure("completed → the next one claimed", [claim - end for end, claim in zip(ends, claims, strict=False)]),
        Figure("all of it", [end - before for before, end in pairwise(ends)]),
    )
    print(f"{1000 * count / (ends[-1] - ends[0]):.0f} jobs a second")


def _submit(client: httpx.Client, file: bytes, **params: int) -> None:
    data = {"kind": "checksum", "params": json.dumps(params)}
    client.post("/api/v1/jobs", data=data, files={"file": ("tiny", file)}).raise_for_status()


def _times(server: Server, name: str) -> list[float]:
    events = ask_sql(server, "SELECT at FROM events WHERE name = ? ORDER BY id", name)
    return [1000 * datetime.fromisoformat(at).timestamp() for (at,) in events]


if __name__ == "__main__":
    main()
