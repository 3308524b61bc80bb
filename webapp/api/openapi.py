"""The API's description (OpenAPI 3.1), made from the views themselves: what they say is what they check."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from types import UnionType
from typing import Any, Literal, get_args

from flask import Flask, url_for
from pydantic import TypeAdapter
from werkzeug.routing import Rule

from webapp.api.call import BYTES, JSON, Call
from webapp.problems import Problem

Mode = Literal["validation", "serialization"]
Refs = Mapping[type, dict[str, Any]]

REF = "#/components/schemas/{model}"
PROBLEM = "application/problem+json"
STREAM = "text/event-stream"
# Of any call, beside what it says itself.
ALWAYS = (401, 429)
ABOUT = (
    "Headway runs jobs and says how they go. Show an API token as `Authorization: Bearer …`; what it may see is what "
    "its owner may. Members see their own jobs, admins all."
)
STREAM_SAYS = "Begins with the present state."
RESUMES = "Ends after the last. Come back with the `id` of the last event as `Last-Event-ID`."
TICKET = {
    "name": "token",
    "in": "query",
    "description": "A stream ticket, for clients that can’t send headers.",
    "schema": {"type": "string"},
}
LAST_EVENT_ID = {
    "name": "Last-Event-ID",
    "in": "header",
    "description": "The `id` of the last event that was heard.",
    "schema": {"type": "string"},
}
SECURITY = {
    "token": {"type": "http", "scheme": "bearer"},
    "login": {"type": "apiKey", "in": "cookie", "name": "headway"},
}


def description(app: Flask) -> dict[str, Any]:
    """The whole of it, as JSON."""
    routes = list(_routes(app))
    refs, schemas = _schemas([call for _, _, call, _ in routes])
    paths: dict[str, dict[str, Any]] = {}
    for rule, method, call, words in routes:
        operation = {"operationId": _operation_id(rule), **_operation(rule, call, words, refs)}
        paths.setdefault(_path(rule), {})[method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "Headway", "version": "1", "description": ABOUT, "license": {"name": "MIT"}},
        "servers": [{"url": url_for("jobs.index").rstrip("/") or "/"}],
        "security": [{name: []} for name in SECURITY],
        "tags": [{"name": group} for group in dict.fromkeys(call.group for _, _, call, _ in routes)],
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": SECURITY},
    }


def _routes(app: Flask) -> Iterator[tuple[Rule, str, Call, str]]:
    """Each described view, in the order in which the parts stand."""
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        call = getattr(view, "call", None)
        if call:
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield rule, method, call, view.__doc__ or ""


def _path(rule: Rule) -> str:
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)


def _operation_id(rule: Rule) -> str:
    return rule.endpoint.removeprefix("api.").removeprefix("api_").replace(".", "_")


def _schemas(calls: list[Call]) -> tuple[Refs, dict[str, Any]]:
    """What stands for each model, and the definitions of all."""
    wanted: dict[tuple[type, Mode], None] = {(Problem, "serialization"): None}
    for call in calls:
        wanted |= {(model, "validation"): None for model in (call.body,) if model}
        wanted |= {(model, "serialization"): None for model in (*_models(call.answers), *call.events.values())}
    shapes: list[tuple[type, Mode, TypeAdapter[Any]]] = [(model, mode, TypeAdapter(model)) for model, mode in wanted]
    refs, definitions = TypeAdapter.json_schemas(shapes, ref_template=REF)
    return {model: refs[model, mode] for model, mode in wanted}, _without_empty_defaults(definitions["$defs"])


def _without_empty_defaults(schema: Any) -> Any:
    """An empty default only says that a field need not be sent; it is no value of it."""
    if isinstance(schema, list):
        return [_without_empty_defaults(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _without_empty_defaults(part)
        for key, part in schema.items()
        if not (key == "default" and part in ("", None, {}))
    }


def _models(answers: type | UnionType | None) -> tuple[type, ...]:
    if isinstance(answers, UnionType):
        return get_args(answers)
    return (answers,) if answers else ()


def _operation(rule: Rule, call: Call, words: str, refs: Refs) -> dict[str, Any]:
    operation: dict[str, Any] = {"tags": [call.group], "summary": call.summary}
    if words:
        operation["description"] = " ".join(words.split())
    if parameters := _parameters(rule, call):
        operation["parameters"] = parameters
    if call.body:
        operation["requestBody"] = _request_body(call, refs)
    operation["responses"] = _responses(call, refs)
    return operation


def _parameters(rule: Rule, call: Call) -> list[dict[str, Any]]:
    text = {"type": "string"}
    parameters = [{"name": name, "in": "path", "required": True, "schema": text} for name in sorted(rule.arguments)]
    if call.query:
        schema = _without_empty_defaults(call.query.model_json_schema(ref_template=REF))
        required = schema.get("required", [])
        parameters += [_of_query(name, field, name in required) for name, field in schema["properties"].items()]
    for name, words in call.headers.items():
        parameters.append({"name": name, "in": "header", "description": words, "schema": text})
    tickets = [TICKET] if call.events and call.by_ticket else []
    return parameters + tickets + ([LAST_EVENT_ID] if call.events and call.resumes else [])


def _of_query(name: str, field: dict[str, Any], required: bool) -> dict[str, Any]:
    words = {"description": field["description"]} if "description" in field else {}
    # A query can't say null: such a field is left out.
    given, *_ = field.get("anyOf", [{}])
    schema = {key: value for key, value in field.items() if key not in ("anyOf", "description", "title")} | given
    return {"name": name, "in": "query", "required": required, **words, "schema": schema}


def _request_body(call: Call, refs: Refs) -> dict[str, Any]:
    assert call.body
    model = refs[call.body]
    file = {"type": "object", "properties": {"file": {"type": "string", "contentMediaType": BYTES}}}
    with_file = {"allOf": [model, file]} if call.file else model
    forms = {media_type: with_file if media_type.startswith("multipart") else model for media_type in call.takes}
    return {"required": call.file, "content": {media_type: {"schema": schema} for media_type, schema in forms.items()}}


def _responses(call: Call, refs: Refs) -> dict[str, Any]:
    refused = {*ALWAYS, *call.refuses}
    refused |= {422} if call.query or call.body else set()
    refused |= {400, 415} if call.body else set()
    refused |= {503} if call.events else set()
    responses = {str(call.status): _success(call, refs)}
    problem = {PROBLEM: {"schema": refs[Problem]}}
    return responses | {
        str(status): {"description": HTTPStatus(status).phrase, "content": problem} for status in sorted(refused)
    }


def _success(call: Call, refs: Refs) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if models := _models(call.answers):
        content[JSON] = {"schema": _one_of([refs[model] for model in models])}
    if call.events:
        content[STREAM] = {"schema": _one_of([_event(name, refs[model]) for name, model in call.events.items()])}
    if call.media_type != JSON:
        content[call.media_type] = {"schema": {"type": "string", "contentMediaType": call.media_type}}
    words = HTTPStatus(call.status).phrase
    if call.events:
        words = f"{STREAM_SAYS} {RESUMES}" if call.resumes else STREAM_SAYS
    return {"description": words, **({"content": content} if content else {})}


def _event(name: str, ref: dict[str, Any]) -> dict[str, Any]:
    """One event of a stream. Its data is JSON in text: 2020-12 has words for that."""
    data = {"type": "string", "contentMediaType": JSON, "contentSchema": ref}
    properties: dict[str, Any] = {"id": {"type": "string"}, "data": data}
    required = ["data"]
    if name:
        properties, required = {"event": {"const": name}, **properties}, ["event", "data"]
    return {"type": "object", "properties": properties, "required": required}


def _one_of(schemas: list[dict[str, Any]]) -> dict[str, Any]:
    return schemas[0] if len(schemas) == 1 else {"oneOf": schemas}
