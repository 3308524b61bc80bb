"""A job, as the API says it, in words for a terminal. Whatever comes from a server is made printable."""

from __future__ import annotations

from typing import Any

from rich.filesize import decimal

from webapp.logs import printable


def label(job_id: str, name: str, job: dict[str, Any] | None = None) -> str:
    """`#42 report.pdf`"""
    return f"#{job_id} {printable(name or str((job or {}).get('name') or ''))}".rstrip()


def percent(job: dict[str, Any]) -> float:
    if job.get("state") == "completed":
        return 100.0
    return float((job.get("progress") or {}).get("fraction", 0.0)) * 100


def words(job: dict[str, Any], *, briefly: bool = False) -> str:
    """`embedding, 15 of 32 chunks, 10 to 14 s left`, `waiting, number 3 in line`, or how it ended.

    Of a batch `2 running, 5 waiting`.
    """
    state = str(job.get("state"))
    if state == "failed":
        return f"failed: {printable(str(job.get('error')))}"
    if state not in ("queued", "processing"):
        return printable(state)
    if job.get("batch"):
        return "at work" if briefly else _together(job["batch"]["tally"])
    said = _waiting(job) if state == "queued" else _running(job, briefly=briefly)
    reason = "" if briefly else str(job.get("reason") or "")
    return ", ".join(part for part in said if part) + (f". {printable(reason)}" if reason else "")


def amount(stage: dict[str, Any]) -> str:
    """`15 of 32 chunks`, `5.6 kB of 40.0 kB`"""
    done, total = stage["done"], stage.get("total")
    if stage.get("unit") == "bytes":
        return f"{decimal(done)} of {decimal(total)}" if total else decimal(done)
    counted = f"{done} of {total}" if total else str(done or "")
    return f"{counted} {printable(str(stage.get('unit') or ''))}".strip() if counted else ""


def _together(tally: dict[str, Any]) -> str:
    names = {"processing": "running", "queued": "waiting"}
    states = ("processing", "queued", "failed", "cancelled", "completed")
    return ", ".join(f"{tally[state]} {names.get(state, state)}" for state in states if tally.get(state))


def _waiting(job: dict[str, Any]) -> list[str]:
    place = job.get("place")
    return ["waiting", f"number {place} in line" if place else ""]


def _running(job: dict[str, Any], *, briefly: bool) -> list[str]:
    stages = (job.get("progress") or {}).get("stages", ())
    stage = next((stage for stage in stages if stage["status"] == "in_progress"), None)
    name = printable(str(stage["name"])).replace("-", " ").replace("_", " ") if stage else "starting"
    if job.get("cancel_requested_at"):
        name = "stopping"
    if briefly:
        return [name]
    left = job.get("left")
    return [name, amount(stage) if stage else "", f"{left['low']:.0f} to {left['high']:.0f} s left" if left else ""]
