"""The shell scripts, on a small project of their own: real virtual environments, nothing to download."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from webapp.settings import PROJECT

SHOWS_WHERE_IT_RUNS = "import os, sys\nprint(os.getcwd(), sys.argv[1:], sys.prefix)\n"
TOOLS = ("sh", "cat", "dirname", "id", "mkdir", "readlink", "rm", "sha256sum", "tail", "touch")


class Project:
    """A checkout whose packages are none."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def run(self, *command: str, **options) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(command or [self.headway], capture_output=True, text=True, timeout=120, **options)

    @property
    def headway(self) -> str:
        return str(self.root / "bin/headway")

    @property
    def setup_log(self) -> str:
        return (self.root / ".venv/setup.log").read_text()


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, "subprocess.CompletedProcess[str]"]:
    """A project and what its very first start said."""
    project = Project(tmp_path_factory.mktemp("first") / "check out")
    shutil.copytree(PROJECT / "bin", project.root / "bin")
    (project.root / "webapp/cli").mkdir(parents=True)
    (project.root / "webapp/cli/__main__.py").write_text(SHOWS_WHERE_IT_RUNS)
    for lock in ("requirements.txt", "requirements-test.txt"):
        (project.root / lock).write_text("")
    return project, project.run()


@pytest.fixture
def project(first: tuple[Project, object], tmp_path: Path) -> Project:
    """A copy of the project after its first start."""
    return Project(shutil.copytree(first[0].root, tmp_path / "project", symlinks=True))


@pytest.fixture
def tools(tmp_path: Path) -> Iterator[Path]:
    """A machine's programs, without any Python."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for tool in TOOLS:
        (folder / tool).symlink_to(str(shutil.which(tool)))
    return folder


def test_the_first_start_sets_up_with_one_notice(first):
    project, said = first
    assert said.returncode == 0, said.stderr
    assert said.stderr == "Setting up (first start only, about a minute) …\n"
    assert said.stdout.endswith(f" [] {project.root}/.venv\n")


def test_a_later_start_installs_nothing_and_says_nothing(project: Project):
    before = project.setup_log
    said = project.run()
    assert (said.returncode, said.stderr) == (0, "")
    assert project.setup_log == before


def test_it_runs_in_the_callers_folder_through_a_link_and_takes_no_module_from_there(project: Project, tmp_path: Path):
    elsewhere = tmp_path / "else where"
    (elsewhere / "webapp").mkdir(parents=True)
    (elsewhere / "webapp/__init__.py").write_text("raise SystemExit('the wrong one')")
    (elsewhere / "hw").symlink_to(project.headway)
    said = project.run("./hw", "a b", cwd=elsewhere)
    assert said.stdout == f"{elsewhere} ['a b'] {project.root}/.venv\n"


def test_a_changed_lock_is_installed(project: Project):
    (project.root / "requirements.txt").write_text("# something else\n")
    assert project.run().stderr == "Bringing the installed packages up to date …\n"
    assert project.run().stderr == ""


def test_an_environment_whose_python_is_gone_is_made_anew(project: Project):
    (project.root / ".venv/bin/python").unlink()
    said = project.run()
    assert (said.returncode, said.stderr) == (0, "Setting up (first start only, about a minute) …\n")


def test_an_install_that_fails_says_so_and_the_next_start_begins_anew(project: Project):
    (project.root / "requirements.txt").write_text("./no-such.whl\n")
    said = project.run()
    assert said.returncode == 1
    assert "no-such.whl" in said.stderr
    assert f"all of them are in {project.root}/.venv/setup.log" in said.stderr
    (project.root / "requirements.txt").write_text("")
    said = project.run()
    assert (said.returncode, said.stderr) == (0, "Setting up (first start only, about a minute) …\n")


def test_two_starts_at_the_same_time_set_up_once(project: Project):
    (project.root / "requirements.txt").write_text("# something else\n")
    both = [subprocess.Popen([project.headway], stderr=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(2)]
    said = sorted(process.communicate(timeout=120)[1].decode() for process in both)
    assert said == ["", "Bringing the installed packages up to date …\n"]
    assert [process.returncode for process in both] == [0, 0]


def test_without_python_it_says_what_to_install(project: Project, tools: Path):
    shutil.rmtree(project.root / ".venv")
    said = project.run(env={"PATH": str(tools)})
    assert said.returncode == 1
    assert said.stderr.startswith("Headway needs Python 3.11 or newer.")
    assert "apt-get install python3 python3-venv" in said.stderr


def test_an_old_python_does_not_count(project: Project, tools: Path):
    shutil.rmtree(project.root / ".venv")
    (tools / "python3").write_text("#!/bin/sh\nexit 1\n")
    os.chmod(tools / "python3", 0o755)
    assert project.run(env={"PATH": str(tools)}).stderr.startswith("Headway needs Python 3.11 or newer.")


def test_without_ensurepip_it_says_what_to_install(project: Project, tools: Path):
    shutil.rmtree(project.root / ".venv")
    python = tools / "python3.12"
    python.write_text('#!/bin/sh\ncase "$2" in *ensurepip*) exit 1;; *print*) echo 3.12;; esac\n')
    python.chmod(0o755)
    said = project.run(env={"PATH": str(tools)})
    assert said.returncode == 1
    assert "apt-get install python3.12-venv" in said.stderr


def test_every_script_is_valid_and_executable():
    for script in [*sorted((PROJECT / "bin").iterdir()), PROJECT / ".ci/run"]:
        assert subprocess.run(["sh", "-n", script], check=False).returncode == 0
        assert os.access(script, os.X_OK) or script.name == "_venv"


def test_the_locks_name_no_address_and_no_folder_of_a_machine():
    for lock in PROJECT.glob("requirements*.txt"):
        lines = [line for line in lock.read_text().splitlines() if not line.lstrip().startswith("#")]
        assert not [line for line in lines if "://" in line or line.startswith(("-", "/"))]
        assert all(" @ " not in line for line in lines)
