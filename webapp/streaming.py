"""The stream engine in a web process: one hub, started at its first use, and how views answer with it."""

from __future__ import annotations

import logging
import math
import socket
import threading
from collections.abc import Collection, Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from flask import Flask, Response, after_this_request, current_app, request
from flask_login import current_user
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import ServiceUnavailable, TooManyRequests

from webapp.current import services
from webapp.live.client import connect
from webapp.login import Identity
from webapp.records.credential import Credential, still_good
from webapp.services import Services
from webapp.stream import transport
from webapp.stream.generator import Generator
from webapp.stream.html import HtmlRenderings
from webapp.stream.hub import IDLE, Hub
from webapp.stream.limits import Limits, TooManyStreams
from webapp.stream.load import load
from webapp.stream.moving import move_on
from webapp.stream.names import SYSTEM, Topic, position_in
from webapp.stream.rendering import Rendering
from webapp.stream.state import State
from webapp.stream.unsaid import unsaid
from webapp.stream.watcher import Asked
from webapp.stream.writer import HEADERS, USUAL, Timing, Writer, shut_ears
from webapp.system import SystemState, load_system

if TYPE_CHECKING:
    from webapp.stream.handoff import HandOff

log = logging.getLogger(__name__)


class Streaming:
    def __init__(self, app: Flask, services: Services, timing: Timing) -> None:
        settings = services.settings
        limits = Limits(
            per_user=settings.max_streams_per_user,
            per_address=settings.max_streams_per_address,
            per_process=settings.max_streams,
            connects_a_minute=settings.max_stream_connects,
        )
        self.renderings = HtmlRenderings.of(app.jinja_env)
        self.hub = Hub(
            self.load,
            limits,
            move_on=partial(move_on, services),
            unsaid=partial(unsaid, services),
            still_good=self._still_good,
            idle=min(timing.stalled_after / 2, IDLE),
        )
        self._generator = Generator(self.hub, timing)
        self._handoff: HandOff | None = None
        self._timing = timing
        self._services = services
        self._app = app
        self._redis_url = settings.effective_redis_url
        self._starting = threading.Lock()
        self._started = False
        self._closed = False

    def load(self, topic: Topic, before: State | None = None) -> State | None:
        """What a topic is like now; None if there is no such thing."""
        if topic == SYSTEM:
            return load_system(self._services, before if isinstance(before, SystemState) else None, len(self.hub))
        return load(self._services, topic, before)

    def take_over(self) -> None:
        """From now on have streams leave the web server, whose worker must let them go; after its fork."""
        # Here, not above: gevent is not for processes that it does not run.
        from webapp.stream.handoff import HandOff

        self._handoff = handoff = HandOff(self.hub, self._timing)
        self._app.teardown_request(lambda _error: handoff.forget_unanswered())

    def writer(self) -> Writer:
        """Who answers the present request, if it asks for a stream."""
        connection, protocol = request.environ.get("gunicorn.socket"), request.environ["SERVER_PROTOCOL"]
        takes = self._handoff and self._handoff.can_take(connection, protocol)
        return self._handoff if self._handoff and takes else self._generator

    def start(self) -> None:
        """Begin to hear of changes. Not before the first stream: a server may fork after loading us."""
        with self._starting:
            if not self._started:
                self._started = True
                threading.Thread(target=self._run_hub, name="hub", daemon=True).start()
                threading.Thread(target=self._listen, name="transport", daemon=True).start()

    def close(self, within: float = 0.0) -> None:
        """End all streams, so that the server can stop; many of them over so many seconds."""
        self.hub.drain(within)
        self._closed = True

    def _run_hub(self) -> None:
        # Partials make URLs; outside a request Flask can't.
        with self._app.test_request_context():
            self.hub.run()

    def _listen(self) -> None:
        transport.listen(connect(self._redis_url, timeout=None, protocol=2), self.hub, lambda: self._closed)

    def _still_good(self, credentials: Collection[Credential]) -> set[Credential]:
        try:
            with self._services.database.reading() as session:
                return still_good(session, credentials)
        except OperationalError as error:
            # Asked again soon; a database that is away for a moment must not end every stream.
            log.warning("who may stay could not be asked: %s", error)
            return set(credentials)


def init_app(app: Flask, services: Services, timing: Timing = USUAL) -> None:
    app.extensions["streaming"] = Streaming(app, services, timing)


def renderings() -> HtmlRenderings:
    streaming: Streaming = current_app.extensions["streaming"]
    return streaming.renderings


def system_state() -> SystemState:
    streaming: Streaming = current_app.extensions["streaming"]
    return load_system(services(), None, len(streaming.hub))


def respond(
    topic: Topic,
    rendering: Rendering,
    *,
    name: str,
    also: Sequence[tuple[Topic, Rendering]] = (),
    after: int | None = None,
    who: Identity | None = None,
    at_most: float = math.inf,
) -> Response:
    """Answer with the stream of a topic, and of others beside it.

    `name` is the first half of its event ids; `after` how far the page itself had come before its first
    stream; `who` asks, if that is not the person who is logged in; `at_most` is how many seconds it may last.
    """
    if request.method == "HEAD":
        return Response(iter(()), headers=HEADERS)
    streaming: Streaming = current_app.extensions["streaming"]
    identity: Identity = who or current_user._get_current_object()
    resumed = position_in(name, request.headers.get("Last-Event-ID"))
    position = after if resumed is None else resumed
    asked = _kept_once(Asked(identity.credential, request.remote_addr or "", topic, position))
    streaming.start()
    try:
        return streaming.writer().open(
            asked,
            [(topic, rendering), *also],
            heartbeat=rendering.heartbeat,
            at_most=at_most,
            connection=request.environ.get("gunicorn.socket"),
        )
    except TooManyStreams as refusal:
        after_this_request(_hang_up)
        error = ServiceUnavailable if refusal.busy else TooManyRequests
        raise error(str(refusal), retry_after=refusal.retry_after) from None


def _hang_up(response: Response) -> Response:
    """Have the server wait for no more requests on this connection: the refused would hold the places of others."""
    connection: socket.socket | None = request.environ.get("gunicorn.socket")
    if connection:
        response.call_on_close(lambda: shut_ears(connection))
    return response


@lru_cache(maxsize=4096)
def _kept_once(asked: Asked) -> Asked:
    """Those who ask alike share it: a third of what a watcher takes."""
    return asked
