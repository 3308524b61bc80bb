import importlib
import subprocess
import sys

from tests.cli.conftest import Headway
from webapp.cli.__main__ import COMMANDS


def test_help_lists_every_command_without_loading_any(headway: Headway):
    output = headway("--help").output
    assert all(f"  {name} " in output for name in COMMANDS)


def test_every_command_in_the_table_is_there():
    for name in COMMANDS:
        assert importlib.import_module(f"webapp.cli.{name}").command.name == name


def test_an_unknown_command_is_refused(headway: Headway):
    assert headway("fly").exit_code == 2


def test_light_commands_load_no_heavy_library():
    code = "import sys, webapp.cli.__main__, webapp.cli.settings; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not {"flask", "sqlalchemy", "redis", "huey", "numpy", "spacy"} & set(loaded)


def test_commands_on_records_load_neither_the_web_nor_the_models():
    code = "import sys, webapp.cli.users, webapp.cli.tokens, webapp.cli.jobs; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not {"flask", "gevent", "huey", "numpy", "spacy", "onnxruntime"} & set(loaded)
