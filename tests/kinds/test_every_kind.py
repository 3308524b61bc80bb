"""The contract that every registered kind keeps."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest
from flask import Flask

from webapp import kinds
from webapp.kinds import KINDS
from webapp.kinds.base import Input, Kind

EVERY_KIND = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
SLUG = re.compile(r"[a-z]+(-[a-z]+)*")
FORBIDDEN = {"flask", "redis", "huey"}


@EVERY_KIND
def test_it_has_a_name_and_words_for_people(kind: Kind) -> None:
    assert KINDS[kind.name] is kind
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", kind.name)
    assert kind.label[0].isupper()
    assert kind.description.endswith(".")


@EVERY_KIND
def test_it_declares_its_stages(kind: Kind) -> None:
    names = [stage.name for stage in kind.stages]
    assert names
    assert len(set(names)) == len(names)
    assert all(SLUG.fullmatch(name) for name in names)
    assert all(stage.weight > 0 for stage in kind.stages)


@EVERY_KIND
def test_its_input_has_defaults_and_refuses_what_it_does_not_know(kind: Kind) -> None:
    assert issubclass(kind.Input, Input)
    kind.Input()
    with pytest.raises(ValueError, match="unknown_parameter"):
        kind.Input.model_validate({"unknown_parameter": 1})


@EVERY_KIND
def test_it_imports_neither_flask_nor_redis_nor_huey(kind: Kind) -> None:
    tree = ast.parse(Path(inspect.getfile(type(kind))).read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not {name.partition(".")[0] for name in imported} & FORBIDDEN


@EVERY_KIND
def test_its_form_and_result_have_templates(kind: Kind, app: Flask) -> None:
    for part in ("_form", "_result"):
        app.jinja_env.select_template([f"kinds/{kind.name}/{part}.html", f"kinds/{part}.html"])


def test_the_registry_lists_every_kind_that_has_a_file() -> None:
    folder = Path(inspect.getfile(kinds)).parent
    assert {path.stem for path in folder.glob("*.py")} == {"__init__", "base", *KINDS}
