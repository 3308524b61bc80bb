"""Smaller answers. Never a stream: an event must not wait in a compressor.

And watchers share their bytes uncompressed: a compressor of its own would cost each 100 KiB where it has less
than 1, and as long for an event as its write takes.
"""

from __future__ import annotations

from flask import Flask
from flask_compress import Compress

TYPES = ["text/html", "text/css", "text/javascript", "application/json", "application/problem+json", "image/svg+xml"]


def init_app(app: Flask) -> None:
    app.config.update(
        COMPRESS_ALGORITHM=["br", "gzip"],
        COMPRESS_MIMETYPES=TYPES,
        COMPRESS_BR_LEVEL=5,
        COMPRESS_LEVEL=9,
        COMPRESS_DEFLATE_LEVEL=9,
        # Static files come as streams of blocks too; event streams are kept out by their type. The library
        # has no gzip for blocks, and browsers take Brotli over https only.
        COMPRESS_STREAMS=True,
        COMPRESS_ALGORITHM_STREAMING=["br", "deflate"],
    )
    Compress(app)
