"""Uploads as people and scripts send them, and everything that can be wrong with one."""

from __future__ import annotations

import html
import io
import json
import os
import re
import sqlite3
import zipfile
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests import documents
from tests.serving import Server, eventually, form_token
from tests.streams import STATUS, RawConnection, cancel, events, ingest, start
from tests.valkey import Valkey, serving_with_valkey

LIMIT = 2_000_000
ZEROS = b"A" * 40_000_000
# A form whose one file goes on for as long as one likes.
FORM = "multipart/form-data; boundary=x"
HEAD = b'--x\r\nContent-Disposition: form-data; name="file"; filename="big.txt"\r\n\r\n'
FRAGMENT = {"X-Requested-With": "XMLHttpRequest"}


@pytest.fixture(scope="module")
def place() -> Iterator[tuple[Server, Valkey]]:
    with serving_with_valkey(HEADWAY_MAX_UPLOAD=str(LIMIT), HEADWAY_WORKERS="1", HEADWAY_LANES="1") as place:
        yield place


@pytest.fixture(scope="module")
def server(place: tuple[Server, Valkey]) -> Server:
    """In this module: one with a low limit, whose Redis can be stopped."""
    return place[0]


@pytest.fixture(scope="module")
def ada(server: Server) -> Iterator[httpx.Client]:
    with server.program() as program:
        yield program


@pytest.fixture(scope="module")
def browser(server: Server) -> Iterator[httpx.Client]:
    browser = server.browser()
    yield browser
    browser.close()


def send(
    browser: httpx.Client, name: str, data: bytes, kind: str = "ingest_document", **headers: str
) -> httpx.Response:
    """By the start page's form."""
    form = {"csrf_token": form_token(browser.get("/").text), "kind": kind}
    return browser.post("/jobs", data=form, files={"file": (name, data)}, headers=headers)


def problem(page: str) -> str:
    """The words beside what was tried."""
    found = re.search(r'<p class="problem" role="alert">.*?<span>(.*?)</span></p>', page, re.DOTALL)
    assert found, page
    return html.unescape(found[1])


def stored(server: Server) -> tuple[int, int, int]:
    """How many jobs and documents there are, and kept files; nothing may be left on its way in."""
    assert list((server.data_dir / "incoming").iterdir()) == []
    files = [path for path in (server.data_dir / "files").rglob("*") if path.is_file()]
    return rows(server, "jobs"), rows(server, "documents"), len(files)


def rows(server: Server, table: str, where: str = "1") -> int:
    with sqlite3.connect(f"file:{server.data_dir / 'headway.db'}?mode=ro", uri=True) as database:
        return database.execute(f"SELECT count(*) FROM {table} WHERE {where}").fetchone()[0]


def zipped(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


# What is refused at once

REFUSED = [
    ("empty.pdf", b"", "“empty.pdf” is empty."),
    ("notes.exe", b"MZ" + bytes(100), "“notes.exe” is not of a type that can be read here. Choose one of these: "),
    ("README", b"words", "“README” is not of a type"),
    ("fake.pdf", b"<html>no</html>", "“fake.pdf” is not a PDF: it looks like text."),
    ("photo.pdf", b"\x89PNG\r\n\x1a\n" + bytes(50), "“photo.pdf” is not a PDF: it looks like a PNG image."),
    ("sheet.docx", documents.xlsx([["a"]]), "it looks like a spreadsheet"),
    ("any.docx", zipped({"a.txt": b"hi"}), "“any.docx” is not a Word document: it looks like a ZIP archive."),
    ("old.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "an old or password-protected Office file"),
    ("torn.docx", documents.docx(["Words."])[:-60], "damaged"),
    ("binary.txt", bytes(range(256)), "“binary.txt” is not a text file"),
    ("<script>alert(1)<.exe", b"x", "“<script>alert(1)<.exe” is not of a type"),
]


@pytest.mark.parametrize(("name", "data", "words"), REFUSED, ids=[name for name, _, _ in REFUSED])
def test_what_can_be_told_at_once_is_refused_where_the_person_looks(
    server: Server, browser: httpx.Client, name: str, data: bytes, words: str
) -> None:
    before = stored(server)
    by_script, by_form = send(browser, name, data, **FRAGMENT), send(browser, name, data)
    assert (by_script.status_code, by_form.status_code) == (422, 422)
    assert words in problem(by_script.text)
    assert words in problem(by_form.text)
    assert "<script>alert" not in by_script.text + by_form.text
    # The form is still there, to try again.
    assert 'id="upload"' in by_form.text
    assert stored(server) == before


def test_no_file_at_all_is_said_to_be_missing(browser: httpx.Client) -> None:
    form = {"csrf_token": form_token(browser.get("/").text), "kind": "ingest_document"}
    assert problem(browser.post("/jobs", data=form).text) == "Choose a file first."
    # What a browser sends where none was chosen.
    assert problem(browser.post("/jobs", data=form, files={"file": ("", b"")}).text) == "Choose a file first."


def test_a_parameter_that_makes_no_sense_is_refused_with_its_name(browser: httpx.Client) -> None:
    form = {"csrf_token": form_token(browser.get("/").text), "kind": "checksum", "bytes_per_second": "fast"}
    assert "bytes_per_second" in problem(browser.post("/jobs", data=form, files={"file": ("a", b"a")}).text)


def test_a_good_file_beside_a_bad_one_is_taken(server: Server, browser: httpx.Client) -> None:
    jobs, papers, files = stored(server)
    form = {"csrf_token": form_token(browser.get("/").text), "kind": "ingest_document"}
    answer = browser.post("/jobs", data=form, files=[("file", ("a.txt", b"Words.")), ("file", ("b.exe", b"x"))])
    assert "“b.exe” is not of a type" in problem(answer.text)
    assert stored(server) == (jobs + 2, papers + 1, files + 1), "a job, and the batch it is in"


# What only reading it shows

BAD = [
    ("locked.pdf", documents.pdf(["Secret."], password="sesame"), "password"),
    ("torn.pdf", documents.pdf(["Words of a page."] * 30)[:400], "damaged"),
    ("garbage.pdf", b"%PDF-1.7\n" + os.urandom(5000), "damaged"),
    ("scan.pdf", documents.pdf(["", ""], images=1), "scan"),
    ("blank.pdf", documents.pdf([""]), "No text was found"),
    ("no-pages.pdf", documents.pdf([]), "no pages"),
    ("blank.txt", b" \n \n", "No text was found"),
    ("bomb.docx", documents.docx([ZEROS.decode()]), "unpacks to far more"),
    ("bomb.xlsx", documents.xlsx([[ZEROS.decode()]]), "unpacks to far more"),
    ("media.docx", documents.docx(["Words."], media=[ZEROS]), "unpacks to far more"),
]


@pytest.mark.parametrize(("name", "data", "words"), BAD, ids=[name for name, _, _ in BAD])
def test_what_only_reading_shows_fails_in_words_and_leaves_nothing_half_stored(
    server: Server, ada: httpx.Client, browser: httpx.Client, name: str, data: bytes, words: str
) -> None:
    assert len(data) <= LIMIT
    job_id = ingest(ada, data, name)
    last = events(ada, STATUS.format(job_id))[-1].json()
    assert last["status"] == "failed"
    assert words in last["error"]
    page = browser.get(f"/jobs/{job_id}").text
    assert html.escape(last["error"]).replace("&#x27;", "&#39;") in page
    assert "Traceback" not in page
    unfinished = "document_id IN (SELECT id FROM documents WHERE ingested_at IS NULL)"
    assert [rows(server, table, unfinished) for table in ("pages", "entities", "relations")] == [0, 0, 0]


def test_the_worker_lives_through_all_of_them(ada: httpx.Client) -> None:
    for name, data, _ in BAD[:3]:
        ingest(ada, data, name)
    job_id = ingest(ada, b"Ada Lovelace lived in London.", "good.txt")
    assert events(ada, STATUS.format(job_id))[-1].json()["status"] == "completed"


def test_five_thousand_pages_are_taken(ada: httpx.Client, browser: httpx.Client) -> None:
    texts = ["Page one of a very long report about London."] + [""] * 4998 + ["The last page of it."]
    job_id = ingest(ada, documents.pdf(texts), "long.pdf")
    assert events(ada, STATUS.format(job_id))[-1].json()["status"] == "completed"
    assert "5 000" in browser.get(f"/jobs/{job_id}").text.replace("\u202f", " ").replace("\u00a0", " ")


# Names

NAMES = [
    ("../../etc/passwd.txt", "passwd.txt"),
    ("C:\\Users\\ada\\notes.txt", "notes.txt"),
    ("a\u202egnp.txt", "agnp.txt"),
    ("tab\there.txt", "tab here.txt"),
    ("bell\x07.txt", "bell.txt"),
    ("x" * 300 + ".txt", "x" * 251 + ".txt"),
    ("é" * 300 + ".txt", "é" * 125 + ".txt"),
    ("<b>\"&'.txt", "<b>\"&'.txt"),
    ("שלום.txt", "שלום.txt"),
    ("....txt", "....txt"),
]


def named(program: httpx.Client, name: str) -> int:
    """A job whose file's name goes over the wire as it is: libraries would escape the worst of it."""
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    kind = b'--x\r\nContent-Disposition: form-data; name="kind"\r\n\r\nchecksum\r\n'
    file = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{quoted}"\r\n\r\nwords\r\n--x--\r\n'
    answer = program.post("/api/v1/jobs", content=kind + file.encode(), headers={"Content-Type": FORM})
    return int(answer.json()["job_id"])


@pytest.mark.parametrize(("sent", "kept"), NAMES)
def test_a_name_of_any_kind_is_made_harmless(
    server: Server, ada: httpx.Client, browser: httpx.Client, sent: str, kept: str
) -> None:
    job_id = named(ada, sent)
    assert rows(server, "jobs", f"id = {job_id} AND file_name = '{kept.replace(chr(39), chr(39) * 2)}'") == 1
    page = browser.get(f"/jobs/{job_id}").text
    assert html.escape(kept).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in page
    assert '<b>"' not in page
    download = browser.get(f"/jobs/{job_id}/file")
    assert download.content == b"words"
    assert download.headers["Content-Disposition"].startswith("attachment;")
    assert download.headers["Content-Type"] == "application/octet-stream"


# Too large

TOO_LARGE = "The file is too large: at most 2.0 MB may be uploaded."


def test_a_file_over_the_limit_is_refused_in_words(server: Server, browser: httpx.Client) -> None:
    before = stored(server)
    data = b"a" * (LIMIT + 1)
    for answer in (send(browser, "big.txt", data), send(browser, "big.txt", data, **FRAGMENT)):
        assert answer.status_code == 413
        assert TOO_LARGE in answer.text
    assert stored(server) == before


def test_a_file_just_within_the_limit_is_taken(ada: httpx.Client) -> None:
    assert start(ada, b"a" * LIMIT)


@pytest.mark.parametrize("how", ["close", "keep-alive"])
def test_a_declared_size_over_the_limit_is_refused_before_it_comes(server: Server, ada: httpx.Client, how: str) -> None:
    with RawConnection(server.url) as connection:
        connection.send_head(
            "POST /api/documents", Content_Length="10000000000", Content_Type=FORM, Connection=how, **credential(ada)
        )
        answer = connection.answer()
    assert answer.status == 413
    assert json.loads(answer.body)["detail"] == TOO_LARGE


def credential(program: httpx.Client) -> dict[str, str]:
    return {"Authorization": program.headers["Authorization"]}


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def test_an_undeclared_size_is_refused_while_it_streams(server: Server, ada: httpx.Client) -> None:
    before = stored(server)
    with RawConnection(server.url) as connection:
        connection.send_head("POST /api/documents", Transfer_Encoding="chunked", Content_Type=FORM, **credential(ada))
        connection.send(chunk(HEAD))
        for _ in range(LIMIT // 100_000 + 3):
            connection.send(chunk(b"a" * 100_000))
        # Nobody has said that this is the end.
        assert connection.answer().status == 413
        assert stored(server) == before


@pytest.mark.parametrize("how", ["close", "keep-alive"])
@pytest.mark.parametrize("declared", [True, False])
def test_who_goes_on_sending_gets_to_read_why_it_was_refused(
    server: Server, ada: httpx.Client, how: str, declared: bool
) -> None:
    """Twenty times the limit: a server that closed on it would reset the connection, and lose its answer."""
    size = 20 * LIMIT
    with RawConnection(server.url) as connection:
        length = {"Content_Length": str(size)} if declared else {"Transfer_Encoding": "chunked"}
        connection.send_head("POST /api/documents", Content_Type=FORM, Connection=how, **length, **credential(ada))
        framed = (lambda data: data) if declared else chunk
        connection.send(framed(HEAD))
        for _ in range(size // 100_000 - 1):
            connection.send(framed(b"a" * 100_000))
        assert json.loads(connection.answer().body)["detail"] == TOO_LARGE


def test_who_is_not_logged_in_gets_to_read_that(server: Server) -> None:
    with RawConnection(server.url) as connection:
        connection.send_head("POST /jobs", Content_Type=FORM, Content_Length=str(LIMIT), Connection="close")
        connection.send(HEAD + b"a" * (LIMIT - len(HEAD)))
        answer = connection.answer()
    assert answer.status == 401
    assert b"Log in first." in answer.body


def test_other_forms_may_not_be_that_large(server: Server, browser: httpx.Client) -> None:
    answer = browser.post("/login", data={"password": "x" * 1_000_000})
    assert answer.status_code == 413
    assert "file" not in re.sub(r"<[^>]*>", "", answer.text.partition("<main")[2])


# Broken off

BROKEN: list[dict[str, Any]] = [{"Content_Length": "1000000"}, {"Transfer_Encoding": "chunked"}]


@pytest.mark.parametrize("length", BROKEN)
def test_a_client_that_hangs_up_in_the_middle_leaves_nothing(
    server: Server, ada: httpx.Client, length: dict[str, str]
) -> None:
    before = stored(server)
    incoming = server.data_dir / "incoming"
    with RawConnection(server.url) as connection:
        connection.send_head("POST /api/documents", Content_Type=FORM, **length, **credential(ada))
        data = HEAD + b"a" * 300_000
        connection.send(chunk(data) if "Transfer_Encoding" in length else data)
        eventually(lambda: list(incoming.iterdir()))
    eventually(lambda: not list(incoming.iterdir()))
    assert stored(server) == before


@pytest.mark.parametrize("body", [b"zz\r\n", b"5\r\nabcdefgh\r\n", b"-1\r\n", b"\0"])
def test_a_body_that_is_no_body_is_the_client_s_fault(server: Server, ada: httpx.Client, body: bytes) -> None:
    before = stored(server)
    with RawConnection(server.url) as connection:
        connection.send_head("POST /api/documents", Transfer_Encoding="chunked", Content_Type=FORM, **credential(ada))
        connection.send(chunk(HEAD) + body + b"0\r\n\r\n")
        assert connection.answer().status == 400
    assert stored(server) == before


# Without Redis


def test_without_redis_an_upload_is_accepted_says_so_and_runs_later(
    place: tuple[Server, Valkey], ada: httpx.Client, browser: httpx.Client
) -> None:
    _, valkey = place
    valkey.stop()
    answer = send(browser, "patient.txt", b"Words that can wait.", **FRAGMENT)
    assert answer.status_code == 201
    assert "The queue can’t be reached just now." in answer.text
    job_id = int(re.findall(r'id="job-(\d+)-card"', answer.text)[0])
    assert "The queue can’t be reached just now." in browser.get(f"/jobs/{job_id}").text
    valkey.start()
    assert events(ada, STATUS.format(job_id))[-1].json()["status"] == "completed"


def test_without_redis_one_can_log_in_and_cancel(place: tuple[Server, Valkey]) -> None:
    server, valkey = place
    valkey.stop()
    with server.program() as program:
        job_id = start(program)
    cancel(server.browser(), job_id)
    assert rows(server, "jobs", f"id = {job_id} AND state = 'cancelled'") == 1
    assert httpx.get(f"{server.url}/readyz").status_code == 503
    assert httpx.get(f"{server.url}/healthz").status_code == 200
    valkey.start()
    eventually(lambda: httpx.get(f"{server.url}/readyz").status_code == 200)
