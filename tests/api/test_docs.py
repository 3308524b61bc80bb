"""The examples of docs/api.md, as somebody would type them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess

import httpx
import pytest

from tests.serving import Server
from tests.streams import MEDIA, events, start
from webapp.settings import PROJECT

GUIDE = (PROJECT / "docs" / "api.md").read_text()
EXAMPLES = re.findall(r"^curl (?:[^\\\n]|\\\n)*$", GUIDE, re.MULTILINE)
CALLS = re.findall(r"^\| `(GET|POST|PATCH|DELETE) (/api/[^`?…]+)", GUIDE, re.MULTILINE)


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_does_what_it_says(server: Server, ada: httpx.Client, example: str) -> None:
    job_id = start(ada, bytes(1000), "README.md", bytes_per_second=1)
    ada.post(f"/api/v1/jobs/{job_id}/cancellation")
    events(ada, MEDIA.format(job_id))
    command = example.replace("http://127.0.0.1:8000", server.url).replace("/42/", f"/{job_id}/")
    token = ada.headers["Authorization"].removeprefix("Bearer ")
    done = subprocess.run(
        ["sh", "-c", command.replace("curl", "curl --silent --show-error --fail-with-body", 1)],
        env={**os.environ, "TOKEN": token, "NO_PROXY": "127.0.0.1"},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    if "/attempts" in example:
        ada.post(f"/api/v1/jobs/{job_id}/cancellation")
    if "/schedules" in example:
        ada.delete(f"/api/v1/schedules/{json.loads(done.stdout)['id']}")
    assert done.stdout.startswith(":") or json.loads(done.stdout)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 5


def test_every_call_that_is_named_is_there(ada: httpx.Client) -> None:
    described = ada.get("/api/openapi.json").json()["paths"]
    known = {(method.upper(), re.sub(r"\{\w+\}", "{}", path)) for path in described for method in described[path]}
    assert len(CALLS) > 20
    assert {(method, re.sub(r"\{\w+\}", "{}", path)) for method, path in CALLS} - known == set()
