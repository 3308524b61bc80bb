"""The stream writer on sockets of its own: what it writes, when it waits, and what it lets go."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.serving import eventually
from webapp.records.credential import Credential
from webapp.stream.epoll import Connection, EpollWriter
from webapp.stream.names import Topic
from webapp.stream.update import Update
from webapp.stream.watcher import PENDING_BYTES, Asked
from webapp.stream.writer import Timing

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"
JOB = Asked(Credential(1, "member"), "::1", Topic("job", 1))


class Stage:
    """A writer whose thread runs, its connections, and the clients at their other ends."""

    def __init__(self, timing: Timing) -> None:
        self.left: list[Connection] = []
        self.writer = EpollWriter(timing, lambda function, *arguments: function(*arguments), self.left.append)
        self.writer.start()
        self.stack = ExitStack()

    def connect(self, **options: float) -> tuple[Connection, socket.socket]:
        ours, theirs = socket.socketpair()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        theirs.settimeout(10)
        self.stack.enter_context(theirs)
        connection = Connection(JOB, self.writer, heartbeat=b":\n\n", ends_at=options.get("ends_at", 1e9))
        self.writer.adopt(connection, ours.detach(), HEAD)
        self.writer.flush()
        return connection, theirs


@contextmanager
def stage_with(**timing: float) -> Iterator[Stage]:
    stage = Stage(Timing(**timing))
    with stage.stack:
        yield stage


@pytest.fixture
def stage() -> Iterator[Stage]:
    with stage_with() as stage:
        yield stage


def received(client: socket.socket, mark: bytes) -> bytes:
    data = b""
    while mark not in data:
        piece = client.recv(65536)
        assert piece, data
        data += piece
    return data


def part(text: bytes, key: str = "part") -> Update:
    return Update.of({key: text})


def test_watchers_share_the_bytes(stage: Stage) -> None:
    some = [stage.connect() for _ in range(20)]
    stage.writer.deliver([connection for connection, _ in some], part(b"all"))
    stage.writer.flush()
    assert {received(client, b"all") for _, client in some} == {HEAD + b"all"}
    assert [connection.events for connection, _ in some] == [1] * 20


def test_what_came_before_the_socket_did_is_not_lost(stage: Stage) -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        connection = Connection(JOB, stage.writer, heartbeat=b"", ends_at=1e9)
        stage.writer.deliver([connection], part(b"early"))
        stage.writer.flush()
        stage.writer.adopt(connection, ours.detach(), HEAD)
        stage.writer.flush()
        assert received(theirs, b"early") == HEAD + b"early"


def test_who_is_behind_gets_what_was_cut_and_then_the_newest_and_every_line(stage: Stage) -> None:
    connection, client = stage.connect()
    received(client, HEAD)
    first = b"x" * 300_000 + b"first"
    stage.writer.deliver([connection], part(first))
    for n in range(50):
        stage.writer.deliver([connection], Update.of({"part": b"<%d>" % n}, b"line %d\n" % n))
    stage.writer.flush()
    data = received(client, b"<49>")
    assert data == first + b"".join(b"line %d\n" % n for n in range(50)) + b"<49>"


def test_who_does_not_take_what_can_not_be_dropped_is_cut(stage: Stage) -> None:
    connection, _ = stage.connect()
    for _ in range(3):
        stage.writer.deliver([connection], Update.of({}, b"x" * PENDING_BYTES))
        stage.writer.flush()
    eventually(lambda: stage.left == [connection])


def test_who_leaves_is_let_go_at_once_and_nothing_more_is_tried(stage: Stage) -> None:
    connection, client = stage.connect()
    received(client, HEAD)
    client.close()
    eventually(lambda: stage.left == [connection])
    assert connection.fd == -1
    stage.writer.deliver([connection], part(b"late"))
    stage.writer.finish([connection])
    stage.writer.flush()
    other, its_client = stage.connect()
    stage.writer.deliver([other], part(b"on"))
    stage.writer.flush()
    received(its_client, b"on")
    assert stage.left == [connection]


def test_the_end_comes_after_everything_else(stage: Stage) -> None:
    connection, client = stage.connect()
    stage.writer.deliver([connection], part(b"y" * 200_000))
    stage.writer.finish([connection], b"bye")
    stage.writer.deliver([connection], part(b"more"))
    stage.writer.flush()
    data = b""
    while piece := client.recv(65536):
        data += piece
    assert data == HEAD + b"y" * 200_000 + b"bye"
    eventually(lambda: stage.left == [connection])


def test_what_a_client_said_does_not_cost_it_the_last_bytes(stage: Stage) -> None:
    connection, client = stage.connect()
    client.send(b"GET / HTTP/1.1\r\n\r\n")
    stage.writer.deliver([connection], part(b"all"))
    stage.writer.finish([connection])
    stage.writer.flush()
    client.send(b"and more")
    assert received(client, b"all")
    assert client.recv(10) == b""


def test_signs_of_life_go_only_where_it_is_quiet() -> None:
    with stage_with(heartbeat=0.4) as stage:
        (quiet, quiet_client), (busy, busy_client) = stage.connect(), stage.connect()
        for client in (quiet_client, busy_client):
            received(client, HEAD)
        stop = threading.Event()

        def talk() -> None:
            while not stop.wait(0.05):
                stage.writer.deliver([busy], part(b"."))
                stage.writer.flush()

        talking = threading.Thread(target=talk)
        talking.start()
        # Before the first event it does not end one.
        assert received(quiet_client, b":\n").count(b"\n") == 1
        stop.set()
        talking.join()
        assert b":" not in busy_client.recv(65536)
        assert quiet.events == 0


def test_who_takes_nothing_for_long_is_cut() -> None:
    with stage_with(stalled_after=0.3) as stage:
        connection, _ = stage.connect()
        stage.writer.deliver([connection], part(b"x" * 1_000_000))
        stage.writer.flush()
        eventually(lambda: stage.left == [connection])


def test_no_stream_lives_for_ever() -> None:
    with stage_with(heartbeat=0.2) as stage:
        connection, client = stage.connect(ends_at=0.0)
        assert received(client, HEAD) == HEAD
        assert client.recv(10) == b""
        eventually(lambda: stage.left == [connection])
