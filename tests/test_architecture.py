"""The architecture holds: import direction, import weight, size of files and functions."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
PACKAGE = PROJECT / "dynattn"
ROOMS = (
    "diagnostics", "vocabulary", "syntax", "model", "network", "program", "lower", "solve",
    "compilation", "analyse", "run", "learn", "present", "interface", "cli", "__main__",
)  # fmt: skip
"""A file imports only from its own room and from rooms before it."""
TORCH_FROM = ROOMS.index("lower")
FILES = sorted(PACKAGE.rglob("*.py"))
COMPILED = str(Path(tempfile.gettempdir()) / "dynattn-compiled")
"""Where Python keeps compiled files of the package for the commands that are timed."""


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_names(tree: ast.AST) -> Iterator[str]:
    """Every imported name, imports inside functions too; those for type checkers alone are not."""
    for node in ast.iter_child_nodes(tree):
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), orelse=rest):
                for statement in rest:
                    yield from imported_names(statement)
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module), names=names):
                yield from (f"{module}.{alias.name}" for alias in names)
            case _:
                yield from imported_names(node)


def backward_imports(path: Path, text: str) -> list[str]:
    """Imports of a room below the file's own in the table."""
    allowed = ROOMS[: ROOMS.index(room_of(path)) + 1]
    found = []
    for name in imported_names(ast.parse(text)):
        head, room, *_ = *name.split("."), ""
        if head == "dynattn" and room in ROOMS and room not in allowed:
            found.append(name)
    return found


def test_every_folder_is_a_room():
    assert {room_of(path) for path in FILES} - {"__init__"} == set(ROOMS)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_one_way(path):
    if path != PACKAGE / "__init__.py":  # the table of contents of the whole package
        assert backward_imports(path, path.read_text()) == []


def test_a_planted_backward_import_is_found():
    inside = "def f():\n    from dynattn.cli.main import main\n"
    assert backward_imports(PACKAGE / "model" / "x.py", inside) == ["dynattn.cli.main.main"]
    for_types = "if TYPE_CHECKING:\n    from dynattn.cli.main import main\n"
    assert backward_imports(PACKAGE / "model" / "x.py", for_types) == []


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_torch_begins_in_lower(path):
    if room_of(path) in ROOMS[:TORCH_FROM]:
        heads = {name.split(".")[0] for name in imported_names(ast.parse(path.read_text()))}
        assert not heads & {"torch", "torchdiffeq", "safetensors"}


def test_only_syntax_uses_lark():
    users = {
        room_of(path)
        for path in FILES
        if any(n.split(".")[0] == "lark" for n in imported_names(ast.parse(path.read_text())))
    }
    assert users == {"syntax"}


def test_room_files_stay_empty():
    full = [p for p in FILES if p.name == "__init__.py" and p.parent != PACKAGE and p.read_text()]
    assert full == []


def test_files_and_functions_stay_short():
    long = []
    for path in FILES:
        text = path.read_text()
        if text.count("\n") > 400:
            long.append(f"{path.name}: {text.count(chr(10))} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno >= 60:
                long.append(f"{path.name}: {node.name} has more than 60 lines")
    assert long == []


# ── import weight ──────────────────────────────────────────────────────────────────────────────

PROBE = """
import json, sys, time
from dynattn.cli.main import run_command
code = run_command(sys.argv[1:])
heavy = {"torch", "matplotlib", "sympy", "networkx", "numpy", "scipy", "torchdiffeq"}
print("\\n" + json.dumps([code, sorted(heavy & set(sys.modules)), time.process_time()]))
"""


def probe(*arguments: str) -> tuple[int, set[str], float]:
    """Exit code of a command, heavy packages it imported, its CPU seconds with Python's start."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "PYTHONPYCACHEPREFIX": COMPILED}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package is compiled
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments],
        capture_output=True, text=True, cwd=PROJECT, env=environment, check=True,
    )  # fmt: skip
    code, heavy, seconds = json.loads(done.stdout.splitlines()[-1])
    return code, set(heavy), seconds


def fastest(*arguments: str) -> float:
    """The least CPU seconds of four runs, the first of which may have to compile Python's files."""
    return min(probe(*arguments)[2] for _ in range(4))


def test_importing_dynattn_is_light():
    code = "import dynattn, sys; print({'torch', 'numpy', 'lark', 'click'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT, check=True
    )
    assert done.stdout == "set()\n"


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("check", "--help")])
def test_help_imports_nothing_heavy(arguments):
    code, heavy, _ = probe(*arguments)
    assert (code, heavy) == (0, set())


@pytest.mark.parametrize("spec", ["synchronization", "kuramoto_attention"])
def test_check_imports_nothing_heavy(spec):
    code, heavy, _ = probe("check", f"specs/{spec}.dyn")
    assert (code, heavy) == (0, set())


def test_check_with_a_generator_imports_no_more_than_networkx():
    code, heavy, _ = probe("check", "specs/kuramoto.dyn")
    assert code == 0
    assert heavy <= {"networkx", "numpy"}


def test_check_takes_a_moment():
    assert fastest("check", "specs/kuramoto_attention.dyn") <= 0.3
    assert fastest("check", "specs/kuramoto.dyn") <= 0.6
