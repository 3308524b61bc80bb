"""Links that show a job elsewhere, as programs make and revoke them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.api.test_batches import close, opened, put
from tests.streams import start

EMBEDS = "/api/v1/jobs/{}/embeds"


def test_a_link_shows_the_job_s_card_to_anyone_until_it_is_revoked(ben: httpx.Client, anyone: httpx.Client) -> None:
    job_id = start(ben, name="shown.bin")
    answer = ben.post(EMBEDS.format(job_id), json={"seconds": 3600})
    assert answer.status_code == 201
    link = answer.json()
    assert link.keys() == {"url", "expires_at", "framed_by"}
    assert link["url"].startswith(str(ben.base_url.join("/embed/")))
    assert link["framed_by"] == []
    left = datetime.fromisoformat(link["expires_at"]) - datetime.now(UTC)
    assert timedelta(seconds=3500) < left <= timedelta(seconds=3600)
    assert "shown.bin" in anyone.get(link["url"]).text
    answer = ben.delete(EMBEDS.format(job_id))
    assert (answer.status_code, answer.content) == (204, b"")
    assert anyone.get(link["url"]).status_code == 410
    again = ben.post(EMBEDS.format(job_id)).json()
    assert anyone.get(again["url"]).status_code == 200
    history = ben.get(f"/api/v1/jobs/{job_id}/events").json()["events"]
    assert [event["detail"] for event in history if event["name"] == "embeds_revoked"] == [{"by": "ben@example.org"}]


@pytest.mark.parametrize("seconds", [59, 30 * 86_400 + 1, -1, "soon", 1e99, None])
def test_a_link_lasts_a_minute_to_30_days(ben: httpx.Client, seconds: Any) -> None:
    answer = ben.post(EMBEDS.format(start(ben)), json={"seconds": seconds})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["seconds"]


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_links_are_for_who_may_see_the_job(
    ada: httpx.Client, ben: httpx.Client, cleo: httpx.Client, anyone: httpx.Client, browser: httpx.Client, method: str
) -> None:
    path = EMBEDS.format(start(ben))
    told = [program.request(method, path).status_code for program in (ada, ben, cleo, anyone)]
    assert told == [{"POST": 201, "DELETE": 204}[method]] * 2 + [404, 401]
    assert browser.request(method, path, headers={"Origin": "https://evil.example"}).status_code == 400
    assert ben.request(method, EMBEDS.format("x")).status_code == 404


def test_a_batch_is_shown_by_a_link_too(ben: httpx.Client, anyone: httpx.Client) -> None:
    batch = opened(ben)
    assert put(ben, batch, "of-a-batch.bin").status_code == 201
    link = ben.post(EMBEDS.format(batch)).json()["url"]
    assert "of-a-batch.bin" in anyone.get(link).text
    assert close(ben, batch) == 204
