"""The house rules that no linter holds."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PACKAGES = ("node", "inference", "training", "storage")
ROOT = {
    *PACKAGES,
    *("tests", "config", "pyproject.toml", "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE"),
    *("Makefile", "constraints.txt"),
}
LINES_PER_FILE = 400
LINES_PER_FUNCTION = 70


@cache
def _tracked() -> tuple[Path, ...]:
    """Files of the repository; where there is no git, those that stand in its folders."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    names = [name for name in listed.stdout.split("\0") if name]
    if not names:
        names = [str(path.relative_to(REPOSITORY)) for top in ROOT for path in (REPOSITORY / top).rglob("*")]
    return tuple(path for name in names if (path := REPOSITORY / name).is_file() and "__pycache__" not in path.parts)


def _sources(*tops: str) -> Iterator[Path]:
    return (path for path in _tracked() if path.suffix == ".py" and path.relative_to(REPOSITORY).parts[0] in tops)


def _name(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


def test_our_import_names_are_ours_alone() -> None:
    """Another distribution that owns `inference` would be imported in our place."""
    owners = packages_distributions()
    for package in PACKAGES:
        assert set(owners.get(package, [])) == {"wetread"}, f"{package} comes from {owners.get(package)}"


def test_every_folder_of_tests_is_a_package() -> None:
    """Else `tests/unit/node` is imported as `node` and hides the source."""
    folders = {parent for path in _sources("tests") for parent in path.parents if parent.is_relative_to(REPOSITORY / "tests")}
    assert [_name(folder) for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []


def test_config_holds_no_python() -> None:
    assert [_name(path) for path in _sources("config")] == []


def test_the_top_level_is_as_agreed() -> None:
    tops = {path.relative_to(REPOSITORY).parts[0] for path in _tracked()}
    assert {top for top in tops if not top.startswith(".")} <= ROOT


@pytest.mark.heavy
def test_no_process_of_the_node_imports_torch() -> None:
    roles = "node.cli, node.router, node.dispatch.process, node.deliverer"
    code = f"import sys, {roles}; print(sorted(m for m in ('torch', 'monai', 'highdicom', 'scipy') if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr


def test_files_stay_readable() -> None:
    sizes = {_name(path): len(path.read_text().splitlines()) for path in _sources(*PACKAGES, "tests")}
    assert {name: size for name, size in sizes.items() if size > LINES_PER_FILE} == {}


def _functions(path: Path) -> Iterator[tuple[str, int]]:
    """Functions of a file and their lines without the docstring."""
    waiting: list[ast.AST] = [ast.parse(path.read_text())]
    while waiting:  # of statements alone; ast.walk goes through every expression too, which takes far longer
        item = waiting.pop()
        waiting += [below for held in ("body", "orelse", "finalbody", "handlers", "cases") for below in getattr(item, held, ())]
        if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef):
            first = item.body[1] if ast.get_docstring(item) and len(item.body) > 1 else item.body[0]
            yield item.name, (item.end_lineno or 0) - first.lineno + 1


def test_functions_stay_short() -> None:
    sizes = {f"{_name(path)}: {name}": size for path in _sources(*PACKAGES, "tests") for name, size in _functions(path)}
    assert {name: size for name, size in sizes.items() if size > LINES_PER_FUNCTION} == {}


def test_the_project_speaks_of_itself_alone() -> None:
    words = re.compile(r"/(?:home|root)/\w|\bissue #?\d+\b|https?://[\w.]*(?:pypi|pytorch)", re.IGNORECASE)
    here = Path(__file__)
    texts = (path for path in _tracked() if path.suffix in {".py", ".md", ".toml", ".yaml", ".txt", ".json", ""} and path != here)
    found = [f"{_name(path)}: {hit[0]}" for path in texts if (hit := words.search(path.read_text(errors="ignore")))]
    assert found == []


def test_constraints_hold_versions_and_no_addresses() -> None:
    lines = [line for line in (REPOSITORY / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert [line for line in lines if not re.fullmatch(r"[a-z0-9-]+==[^ @/]+( ; .+)?", line)] == []
    assert not any(re.match(r"(torch|nvidia-|cuda-|triton)", line) for line in lines)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy so that nothing is left in the checkout."""
    tmp = tmp_path_factory.mktemp("wheel")
    for path in _tracked():
        copy = tmp / "source" / path.relative_to(REPOSITORY)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    command = ["-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp), str(tmp / "source")]
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return next(tmp.glob("wetread-*.whl"))


@pytest.mark.heavy
def test_the_wheel_holds_every_source_and_no_tests(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {_name(path) for path in _sources(*PACKAGES)} - names == set()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == set(PACKAGES)


@pytest.mark.heavy
def test_the_wheel_holds_the_data_that_the_program_reads(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    read = {".mako", ".safetensors", ".csv", ".json", ".yaml", ".sql", ".html"}
    data = {_name(p) for p in _tracked() if p.suffix in read and p.relative_to(REPOSITORY).parts[0] in PACKAGES}
    data |= {_name(p) for p in _tracked() if "bundles" in p.parts}
    assert data - names == set()


@pytest.mark.heavy
def test_the_wheel_works_away_from_the_checkout(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import node.cli, storage.database; print(node.cli.__file__)"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.startswith(str(tmp_path)), done.stderr
