"""Links that show one job elsewhere: what they show, to whom, for how long, and in whose frames."""

from __future__ import annotations

import io
import re
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import Gone

from tests.conftest import Cast
from tests.views.visiting import new_job, press, visitor
from webapp.app import create_app
from webapp.embedding import embed_of
from webapp.records.database import now
from webapp.records.user import User
from webapp.services import Services
from webapp.settings import Settings

LINK = re.compile(r'value="http://localhost(/embed/[^"]+)"')


@pytest.fixture
def ben(app: Flask, cast: Cast) -> FlaskClient:
    return visitor(app, "ben")


@pytest.fixture
def anyone(app: Flask) -> FlaskClient:
    return app.test_client()


def link_to(client: FlaskClient, job_id: int, lifetime: str = "1 hour") -> str:
    answer = press(client, f"/jobs/{job_id}/embeds", lifetime=lifetime)
    assert answer.status_code == 201, answer.text
    found = LINK.search(answer.text)
    assert found
    return found[1]


def test_a_link_shows_the_card_to_anyone_without_cookie_button_or_token(ben: FlaskClient, anyone: FlaskClient) -> None:
    job_id = new_job(ben, "shown.bin")
    link = link_to(ben, job_id)
    answer = anyone.get(link)
    assert answer.status_code == 200
    assert "shown.bin" in answer.text
    assert "Set-Cookie" not in answer.headers
    assert not re.search(r"<button|<form|csrf|href=\"/jobs|ben@example", answer.text)
    parts = anyone.get(f"{link}/parts").text
    assert set(re.findall(r'hx-target="#([^"]+)"', parts)) == {f"job-{job_id}-status", f"job-{job_id}-progress"}


def test_a_batch_is_shown_with_its_jobs_and_leads_nowhere(ben: FlaskClient, anyone: FlaskClient) -> None:
    files = [(io.BytesIO(b"hello"), f"of-batch-{n}.bin") for n in range(2)]
    batch = int(press(ben, "/jobs", kind="checksum", file=files).headers["Location"].rpartition("/")[2])
    assert f"/jobs/{batch}/embeds/new" in ben.get(f"/jobs/{batch}").text
    link = link_to(ben, batch)
    for part in ("", "/parts"):
        shown = anyone.get(link + part).text
        assert "of-batch-0.bin" in shown
        assert "of-batch-1.bin" in shown
        assert not re.search(r"<button|<form|csrf|href=\"/jobs|ben@example", shown)
    press(ben, f"/jobs/{batch}/embeds/revocation")
    assert anyone.get(link).status_code == 410


def test_a_link_is_for_its_job_alone(ben: FlaskClient, anyone: FlaskClient) -> None:
    new_job(ben, "other.bin")
    link = link_to(ben, new_job(ben, "shown.bin"))
    assert "other.bin" not in anyone.get(link).text + anyone.get(f"{link}/parts").text
    assert anyone.get("/jobs/1", headers={"Accept": "application/json"}).status_code == 401


@pytest.mark.parametrize("path", ["", "/live", "/parts"])
def test_a_link_that_was_changed_is_not_found(ben: FlaskClient, anyone: FlaskClient, path: str) -> None:
    link = link_to(ben, new_job(ben))
    for wrong in (link[:-1], link[:7] + "X" + link[8:], link.rpartition(".")[0], "/embed/x", "/embed/%00"):
        assert anyone.get(wrong + path).status_code == 404


@pytest.mark.parametrize(("lifetime", "seconds"), [("1 hour", 3600), ("1 day", 86_400), ("30 days", 2_592_000)])
def test_a_link_expires(app: Flask, ben: FlaskClient, lifetime: str, seconds: int) -> None:
    job_id = new_job(ben)
    token = link_to(ben, job_id, lifetime).removeprefix("/embed/")
    with app.app_context():
        embed = embed_of(token, now() + timedelta(seconds=seconds - 60))
        assert embed.job.id == job_id
        # Its signature counts in whole seconds.
        assert 58 < embed.left <= 60
        with pytest.raises(Gone, match="has expired"):
            embed_of(token, now() + timedelta(seconds=seconds + 1))


def test_revoking_voids_all_links_and_new_ones_can_be_made(ben: FlaskClient, anyone: FlaskClient) -> None:
    job_id = new_job(ben)
    old = [link_to(ben, job_id) for _ in range(2)]
    assert press(ben, f"/jobs/{job_id}/embeds/revocation").status_code == 303
    assert [anyone.get(link + path).status_code for link in old for path in ("", "/live", "/parts")] == [410] * 6
    assert anyone.get(link_to(ben, job_id)).status_code == 200
    assert "Links to it revoked" in ben.get(f"/jobs/{job_id}").text


def test_a_link_dies_with_its_job(ben: FlaskClient, anyone: FlaskClient) -> None:
    job_id = new_job(ben)
    link = link_to(ben, job_id)
    press(ben, f"/jobs/{job_id}/cancellation")
    assert anyone.get(link).status_code == 200
    press(ben, f"/jobs/{job_id}/deletion")
    assert anyone.get(link).status_code == 404


def test_a_link_dies_with_its_owner_s_account(ben: FlaskClient, anyone: FlaskClient, services: Services) -> None:
    link = link_to(ben, new_job(ben))
    with services.database.transaction() as session:
        user = User.by_email(session, "ben@example.org")
        assert user
        user.disable(session)
    assert anyone.get(link).status_code == 410


def test_only_who_may_see_a_job_makes_or_revokes_its_links(app: Flask, ben: FlaskClient, anyone: FlaskClient) -> None:
    job_id = new_job(ben)
    link = link_to(ben, job_id)
    cleo = visitor(app, "cleo")
    assert cleo.get(f"/jobs/{job_id}/embeds/new").status_code == 404
    assert press(cleo, f"/jobs/{job_id}/embeds", lifetime="1 day").status_code == 404
    assert press(cleo, f"/jobs/{job_id}/embeds/revocation").status_code == 404
    assert ben.post(f"/jobs/{job_id}/embeds/revocation").status_code == 400
    assert anyone.get(link).status_code == 200
    assert press(ben, f"/jobs/{job_id}/embeds", lifetime="99 years").status_code == 422
    assert link_to(visitor(app, "ada"), job_id)


def test_no_page_may_frame_anything_unless_it_is_set(ben: FlaskClient, anyone: FlaskClient) -> None:
    link = link_to(ben, new_job(ben))
    for answer in (anyone.get(link), ben.get("/"), anyone.get("/login"), anyone.get("/embed/x")):
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("origins", [("https://wiki.example.org", "http://localhost:3000"), ("*",)])
def test_set_origins_may_frame_embeds_and_nothing_else(
    settings: Settings, services: Services, cast: Cast, origins: tuple[str, ...]
) -> None:
    app = create_app(settings.model_copy(update={"embed_origins": origins}))
    ben = visitor(app, "ben")
    link = link_to(ben, new_job(ben))
    for path in ("", "/parts"):
        headers = app.test_client().get(link + path).headers
        assert f"frame-ancestors {' '.join(origins)}" in headers["Content-Security-Policy"]
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "X-Frame-Options" not in headers
    for path in ("/", "/login", "/jobs/1", "/jobs/1/embeds/new"):
        headers = ben.get(path).headers
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Frame-Options"] == "DENY"
