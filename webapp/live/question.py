"""Questions to a worker: the vector of a search, which a web process has no model to make.

A call over two lists in Redis: the question goes to whichever worker is free to take it, the answer
to a key that only the asker knows.
"""

from __future__ import annotations

import base64
import json
import logging
import uuid
from collections.abc import Callable

from redis import Redis

from webapp.live.client import PREFIX, LiveUnavailable, translated

QUESTIONS = PREFIX + "questions"
LIFETIME = 10

log = logging.getLogger(__name__)


def ask(redis: Redis, text: str, *, timeout: float = 3.0) -> bytes | None:
    """The vector of a text, or None if no worker answered within `timeout` seconds.

    `redis` must be a client whose calls may block for longer than that.
    """
    answer_key = f"{PREFIX}answer:{uuid.uuid4().hex}"
    try:
        with translated():
            pipeline = redis.pipeline(transaction=False)
            pipeline.lpush(QUESTIONS, json.dumps({"text": text, "answer": answer_key}))
            pipeline.expire(QUESTIONS, LIFETIME)
            pipeline.execute()
            answer = redis.blpop([answer_key], timeout=timeout)
    except LiveUnavailable as error:
        log.warning("a question could not be asked: %s", error)
        return None
    return base64.b64decode(answer[1]) if answer else None


def answer_one(redis: Redis, embed: Callable[[str], bytes], *, timeout: float = 1.0) -> bool:
    """Wait for a question and answer it; False if none came. Raises LiveUnavailable."""
    with translated():
        taken = redis.brpop([QUESTIONS], timeout=timeout)
    if not taken:
        return False
    question = json.loads(taken[1])
    answer = base64.b64encode(embed(question["text"]))
    with translated():
        pipeline = redis.pipeline(transaction=False)
        pipeline.lpush(question["answer"], answer)
        pipeline.expire(question["answer"], LIFETIME)
        pipeline.execute()
    return True
