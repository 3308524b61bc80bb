"""Random secrets that are handed out once and kept only as a digest."""

from __future__ import annotations

import hashlib
import secrets


def new_secret(prefix: str = "") -> str:
    return prefix + secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """SHA-256 is enough here: the secret is 256 random bits, so there is nothing to guess at."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
