"""Rules that hold for the whole site, walked over all of its addresses."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from tests.conftest import Cast
from tests.views.test_jobs import failed
from tests.views.visiting import log_in, new_job, press, visitor
from webapp.records.document import Document
from webapp.records.schedule import Plan, Schedule
from webapp.recurrence import Recurrence
from webapp.security import HEADERS
from webapp.services import Services

PUBLIC = {"static", "sessions.new", "sessions.create", "health.live", "health.ready"}
# Whoever has a good link needs no login.
BY_LINK = {"embeds.show", "embeds.live", "embeds.parts"}
HTML = {"Accept": "text/html"}
DOCUMENT = "00000000-0000-0000-0000-000000000000"

pytestmark = pytest.mark.usefixtures("cast")


def address(app: Flask, rule: Rule, **values: object) -> str:
    """An address that the rule takes."""
    known = {"job_id": 1, "token_id": 1, "session_id": 1, "document_id": DOCUMENT, "filename": "css/base.css"}
    with app.test_request_context():
        adapter = app.url_map.bind("localhost")
        return adapter.build(rule.endpoint, {name: (known | values).get(name, 1) for name in rule.arguments})


def rules(app: Flask, method: str) -> Iterator[Rule]:
    return (rule for rule in app.url_map.iter_rules() if method in (rule.methods or ()))


def test_every_address_but_a_few_needs_a_login(app: Flask) -> None:
    client = app.test_client()
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        for rule in rules(app, method):
            answer = client.open(address(app, rule), method=method, headers=HTML)
            led_to_login = answer.status_code == 303 and answer.headers["Location"].startswith("/login")
            refused = answer.status_code == 401 or led_to_login
            assert refused or rule.endpoint in PUBLIC | BY_LINK, (method, rule)


def test_the_public_addresses_answer_without_a_login(app: Flask) -> None:
    client = app.test_client()
    for rule in rules(app, "GET"):
        if rule.endpoint in PUBLIC:
            assert client.get(address(app, rule)).status_code == 200, rule


def test_health_tells_no_data(app: Flask) -> None:
    assert {app.test_client().get(path).text for path in ("/healthz", "/readyz")} == {"ok\n"}


@pytest.mark.parametrize("headers", [{}, {"X-CSRFToken": "x"}, {"Referer": "https://evil.example"}])
def test_every_form_needs_the_token_of_a_page_of_this_site(app: Flask, headers: dict[str, str]) -> None:
    client = visitor(app, "ada")
    for rule in rules(app, "POST"):
        if not rule.rule.startswith("/api/"):
            answer = client.post(address(app, rule), headers=headers, data={"email": "ada@example.org"})
            assert answer.status_code == 400, rule
            assert "Reload the page and try again." in answer.text
    assert client.get("/").status_code == 200


def test_every_call_of_the_api_by_cookie_must_come_from_this_site(app: Flask) -> None:
    client = visitor(app, "ada")
    for rule in rules(app, "POST"):
        if rule.rule.startswith("/api/"):
            answer = client.post(address(app, rule), headers={"Origin": "https://evil.example"})
            assert answer.status_code == 400, rule
            assert answer.json["detail"] == "This request comes from another site."


def test_nothing_is_changed_by_looking(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        both = {"GET", "POST", "PATCH", "DELETE"} & (rule.methods or set())
        assert len(both) == 1, f"{rule} answers GET and more"


@pytest.fixture
def ada(app: Flask) -> FlaskClient:
    return visitor(app, "ada")


@pytest.fixture
def faulty(app: Flask) -> Flask:
    """With a view that breaks."""

    @app.get("/fault")
    def fault() -> str:
        raise RuntimeError("secret detail")

    return app


def test_every_kind_of_answer_carries_the_headers(faulty: Flask, app: Flask, ada: FlaskClient) -> None:
    job_id = new_job(ada)
    nobody = app.test_client()
    answers = {
        "page": ada.get("/"),
        "fragment": ada.get(f"/jobs/{job_id}/parts"),
        "redirect": nobody.get("/", headers=HTML),
        "401": nobody.get("/"),
        "404": ada.get("/nothing"),
        "405": ada.post("/search"),
        "400": ada.post("/logout"),
        "500": ada.get("/fault"),
        "static": nobody.get("/static/css/base.css"),
        "health": nobody.get("/healthz"),
        "file": ada.get(f"/jobs/{job_id}/file"),
        "stream": ada.head(f"/jobs/{job_id}/live"),
        "api": ada.head(f"/api/jobs/{job_id}/events"),
        "problem": ada.get("/api/nothing"),
        "options": nobody.options("/"),
    }
    for what, answer in answers.items():
        for name, value in HEADERS.items():
            assert answer.headers.get(name) == value, (what, name)
        assert "secret detail" not in answer.text
    for what in ("page", "404", "400", "500"):
        assert answers[what].headers["Cache-Control"] == "no-store", what
    assert [answers[name].status_code for name in ("400", "401", "404", "405", "500")] == [400, 401, 404, 405, 500]


def test_the_policy_allows_no_inline_code() -> None:
    policy = HEADERS["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert {"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"} <= set(
        policy.split("; ")
    )


class Inline(HTMLParser):
    """Collects what the policy would keep from working, or what would fetch from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attributes}
        if tag == "style" or (tag == "script" and not values.get("src")):
            self.found.append(f"<{tag}>")
        for name, value in values.items():
            foreign = value.strip().lower().startswith(("javascript:", "http:", "https:", "//", "data:text"))
            if name == "style" or name.startswith(("on", "hx-on")) or (name in ("href", "src", "action") and foreign):
                self.found.append(f'<{tag} {name}="{value}">')


def inline_in(page: str) -> list[str]:
    parser = Inline()
    parser.feed(page)
    return parser.found


@pytest.fixture
def pages(app: Flask, ada: FlaskClient, services: Services, cast: Cast) -> dict[str, str]:
    """Every page there is, in each of its states."""
    waiting, broken = new_job(ada, "waiting.bin"), new_job(ada, "broken.bin")
    failed(services, broken, "It broke.")
    with services.database.transaction() as session:
        hourly = Plan("hourly", Recurrence("0 * * * *", "UTC"))
        Schedule.create(session, hourly, owner_id=cast.ada.id, kind="checksum", params={}, file=None)
        document = Document.accept(
            session, owner_id=cast.ada.id, sha256="a" * 64, name="a.txt", media_type="text/plain", size=1
        )
    seen = {}
    for rule in rules(app, "GET"):
        if rule.rule.startswith("/api/") or rule.endpoint.endswith(".live") or rule.endpoint == "static":
            continue
        for job_id in (waiting, broken):
            path = address(app, rule, job_id=job_id, document_id=document.id)
            seen[path] = ada.get(path).text
    seen |= {f"tab {tab}": ada.get(f"/documents/{document.id}?tab={tab}").text for tab in ("chunks", "entities")}
    seen["login"] = app.test_client().get("/login").text
    seen["wrong login"] = log_in(app.test_client(), "x", "y").text
    seen["not found"] = ada.get("/nothing").text
    seen["stale form"] = ada.post("/logout").text
    seen["refused upload"] = press(ada, "/jobs", kind="checksum").text
    seen["new token"] = press(ada, "/account/tokens", name="t").text
    return seen


def test_no_page_has_inline_code_or_style_or_loads_from_elsewhere(pages: dict[str, str]) -> None:
    assert len(pages) > 15
    assert {name: found for name, page in pages.items() if (found := inline_in(page))} == {}


def test_no_page_that_may_be_shared_holds_a_token(ada: FlaskClient) -> None:
    job_id = new_job(ada)
    for path in (f"/jobs/{job_id}/parts", "/jobs/parts"):
        assert "csrf_token" not in ada.get(path).text


def test_no_host_name_is_a_fault(ada: FlaskClient) -> None:
    for host in ("x" * 500, "x..y", "[", "\u0661", "evil.example", "a b"):
        for path in ("/", "/nothing", "/api/nothing", "/login"):
            answer = ada.get(path, headers={"Host": host})
            assert answer.status_code < 500
            assert host not in answer.headers.get("Location", "")
