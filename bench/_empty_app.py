"""The least that Flask answers with, for bench.streams: faster than this, no stream of such a server can be opened."""

from __future__ import annotations

from flask import Flask, Response

app = Flask(__name__)


@app.get("/<path:_path>")
def show(_path: str) -> Response:
    # An event to those who count them.
    return Response("\ndata: {}\n\n", headers={"Connection": "close"})
