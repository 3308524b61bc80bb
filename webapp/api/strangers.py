"""Calls without a good credential, bounded by where they come from: nobody guesses at tokens for long.

A token is looked at only while its network may still fail, so that a guess beyond that learns nothing. Those that were
good from there before are looked at all the same: what one program of a network does wrong keeps no other out.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from contextlib import suppress
from functools import lru_cache
from ipaddress import IPv4Address, ip_address, ip_network

from flask import Flask, Response, current_app, g, request
from flask_login import current_user
from werkzeug.exceptions import TooManyRequests, Unauthorized

from webapp.api import rate
from webapp.api.rate import Budget
from webapp.current import services
from webapp.login import BEARER
from webapp.problems import answer, wants_json

FAILURES = "failures"
# What one subscriber has of the addresses of IPv6.
THEIRS = 64
MOST_KNOWN = 10_000


class Known:
    """Credentials that were good when they were last shown, each from one network; in this process."""

    def __init__(self) -> None:
        self._shown: OrderedDict[tuple[str, bytes], None] = OrderedDict()

    def __contains__(self, shown: tuple[str, bytes]) -> bool:
        return shown in self._shown

    def note(self, shown: tuple[str, bytes], *, good: bool) -> None:
        self._shown.pop(shown, None)
        if good:
            self._shown[shown] = None
        while len(self._shown) > MOST_KNOWN:
            self._shown.popitem(last=False)


def init_app(app: Flask) -> None:
    """Before whatever else looks at credentials."""
    app.extensions["known"] = Known()
    app.before_request(_look_at_token)
    app.register_error_handler(Unauthorized, _refuse)


@lru_cache(maxsize=4096)
def network(address: str) -> str:
    """Whose calls are counted together: `192.0.2.7`, `2001:db8:1:2::/64`; what is no address is that itself."""
    with suppress(ValueError):
        parsed = ip_address(address)
        mapped = parsed if isinstance(parsed, IPv4Address) else parsed.ipv4_mapped
        return str(mapped or ip_network((parsed, THEIRS), strict=False))
    return address


def _look_at_token() -> Response | None:
    """Wherever it is shown: pages tell a good one from a bad one too."""
    header, calls = request.headers.get("Authorization", ""), services().settings.api_failures
    if not calls or header.partition(" ")[0].lower() != BEARER:
        return None
    known: Known = current_app.extensions["known"]
    shown = (network(request.remote_addr or ""), hashlib.sha256(header.encode("utf-8", "surrogatepass")).digest())
    if shown not in known:
        g.budget = rate.counting().present(FAILURES, shown[0], calls)
        if g.budget and not g.budget.left:
            return _turn_away(g.budget)
        g.budget = None
    known.note(shown, good=current_user.is_authenticated)
    if shown not in known:
        _count()
    return None


def _refuse(error: Unauthorized) -> Response:
    if not wants_json():
        return answer(error)
    budget = _count() if g.get("failure") is None else g.failure
    return _turn_away(budget) if budget and budget.exceeded else answer(error)


def _count() -> Budget | None:
    """Once in each request."""
    calls, who = services().settings.api_failures, network(request.remote_addr or "")
    g.failure = g.budget = rate.counting().count(FAILURES, who, calls) if calls else None
    return g.failure


def _turn_away(budget: Budget) -> Response:
    words = (
        "Too many calls without a good credential came from your network. "
        f"Wait for {budget.seconds} seconds, and check the token."
    )
    # Nothing in it may tell whether the token was good: no page, which greets who is logged in, and the
    # header that answers to them have.
    response = answer(TooManyRequests(words)) if wants_json() else Response(f"{words}\n", 429, mimetype="text/plain")
    response.headers["Retry-After"] = str(budget.seconds)
    response.headers["Cache-Control"] = "no-store"
    return response
