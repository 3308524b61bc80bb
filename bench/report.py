"""What reporting costs the work that reports: nanoseconds a call, a flush, and the share of a core.

    python -m bench.report

The calls are timed while the report's thread flushes to a real Redis beside them. The share is the
CPU time of a loop that reports as an ingestion on four lanes does, at a hundred items a second, less
that of the same loop without a report.
"""

from __future__ import annotations

import functools
import time
import timeit
from collections.abc import Callable, Sequence

from bench._bench import Figure, server, show
from webapp.kinds.ingest_document import IngestDocument
from webapp.progress import LogLine, Progress
from webapp.records.database import Change
from webapp.report import Publish, Report
from webapp.services import Services
from webapp.settings import Settings

REPEATS = 25
LANES = 4
SECONDS = 4.0
ITEMS_A_SECOND = 100
CALLS = {
    "report.advance()": 200,
    "report.check()": None,
    'report.count("entities")': None,
    'report.busy(1, "Page 3, chunk 19")': None,
    "report.idle(1)": None,
    'report.log("12 pages, 3 figures")': None,
}


def main() -> None:
    with server(HEADWAY_WORKERS="1") as running:
        publish = _publisher(Services.open(Settings(data_dir=running.data_dir)))
        show("Calls, ns", *(Figure(call, _nanoseconds(call, publish), limit) for call, limit in CALLS.items()))
        show("A flush that has news, µs", *_flushes(publish))
        shares = [100 * (_cpu(publish) - _cpu(None)) / SECONDS for _ in range(5)]
        show("CPU of reporting, % of a core", Figure(f"{ITEMS_A_SECOND} items/s, {LANES} lanes", shares))


def _publisher(services: Services) -> Publish:
    def publish(progress: Progress | None, lines: Sequence[LogLine]) -> bool:
        return services.live.publish(Change("job", 1, 1, "progress"), 1, progress, lines)

    return publish


def _nanoseconds(call: str, publish: Publish) -> list[float]:
    count = 20_000 if ".log(" in call else 200_000
    with Report(IngestDocument.stages, publish) as report, report.stage("embedding", total=10**9):
        report.lanes(LANES)
        times = timeit.repeat(call, timer=time.thread_time, globals={"report": report}, number=count, repeat=REPEATS)
    return [1e9 * seconds / count for seconds in times]


def _flushes(publish: Publish) -> list[Figure]:
    report = Report(IngestDocument.stages, publish)
    report.lanes(LANES)
    wall, cpu = [], []
    with report.stage("embedding", total=10**9):
        for _ in range(500):
            report.advance()
            began, cpu_began = time.perf_counter(), time.thread_time()
            report.flush()
            wall.append(1e6 * (time.perf_counter() - began))
            cpu.append(1e6 * (time.thread_time() - cpu_began))
    return [Figure("until Redis has it", wall), Figure("of them CPU", cpu)]


def _cpu(publish: Publish | None) -> float:
    """CPU seconds of a loop that lasts SECONDS."""
    began = time.process_time()
    if publish is None:
        _paced(lambda item: None)
    else:
        with Report(IngestDocument.stages, publish) as report, report.stage("embedding", total=10**9):
            report.lanes(LANES)
            _paced(functools.partial(_report_item, report))
    return time.process_time() - began


def _paced(work: Callable[[int], None]) -> None:
    began = time.monotonic()
    for item in range(int(SECONDS * ITEMS_A_SECOND)):
        work(item)
        time.sleep(max(began + (item + 1) / ITEMS_A_SECOND - time.monotonic(), 0))


def _report_item(report: Report, item: int) -> None:
    report.busy(item % LANES + 1, f"Page {item // 9}, chunk {item}")
    report.idle(item % LANES + 1)
    report.count("entities", 3)
    report.count("relations", 2)
    report.advance()
    if item % ITEMS_A_SECOND == 0:
        report.log(f"{item} items")


if __name__ == "__main__":
    main()
