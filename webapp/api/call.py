"""What a view of the API takes and gives, said once: requests are checked by it, and it is the API's description."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from types import UnionType
from typing import Any

from flask import Response, request
from flask_login import current_user
from pydantic import BaseModel, ValidationError
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest, Unauthorized, UnsupportedMediaType

from webapp.errors import JobError

FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
JSON = "application/json"
BYTES = "application/octet-stream"


@dataclass(frozen=True, kw_only=True)
class Call:
    """`events` of a stream by name, "" for unnamed ones, whether a ticket for one job opens it, and whether it
    `resumes` where a client was cut; `refuses` names statuses beyond those of every call.

    A view gets its checked `query` and `body` under these names, and may answer with a model.
    """

    summary: str
    group: str
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    takes: tuple[str, ...] = (*FORMS, JSON)
    file: bool = False
    answers: type[BaseModel] | UnionType | None = None
    media_type: str = JSON
    status: int = 200
    events: Mapping[str, type] = field(default_factory=dict)
    by_ticket: bool = True
    resumes: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)
    refuses: tuple[int, ...] = ()

    def __call__(self, view: Callable[..., Response | BaseModel]) -> Callable[..., Response]:
        @wraps(view)
        def checked(**values: Any) -> Response:
            if self.query or self.body:
                _refuse_strangers()
            if self.query:
                values["query"] = _validated(self.query, _plain(request.args))
            if self.body:
                values["body"] = _validated(self.body, self._sent())
            said = view(**values)
            return json_of(said, self.status) if isinstance(said, BaseModel) else said

        checked.call = self  # type: ignore[attr-defined]
        return checked

    def _sent(self) -> Mapping[str, Any]:
        """The fields of a form, of a JSON object, or of the query where there is no body. Raises BadRequest."""
        if request.mimetype not in (*self.takes, ""):
            raise UnsupportedMediaType(f"Send {' or '.join(self.takes)}.")
        if request.mimetype != JSON:
            return _plain(request.values)
        try:
            sent = json.loads(request.get_data())
        except (ValueError, RecursionError):
            raise BadRequest("The body is not JSON.") from None
        if not isinstance(sent, dict):
            raise BadRequest("The body should be a JSON object.")
        return sent


def json_of(said: BaseModel, status: int = 200) -> Response:
    return Response(json.dumps(said.model_dump(mode="json")) + "\n", status, mimetype=JSON)


def _refuse_strangers() -> None:
    """What is wrong with a request is told only to those who may ask. Views ask again, and closer."""
    if not current_user.is_authenticated and "token" not in request.args:
        raise Unauthorized("Send a login cookie, or a token as “Authorization: Bearer …”.")


def _plain(fields: MultiDict[str, str]) -> dict[str, Any]:
    return fields.to_dict()


def _validated(model: type[BaseModel], sent: Mapping[str, Any]) -> BaseModel:
    try:
        return model.model_validate(sent)
    except ValidationError as error:
        raise JobError.of_fields(error) from None
