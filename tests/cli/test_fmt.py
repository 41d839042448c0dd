"""dynattn fmt: specs in canonical layout, written only where something changes."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from dynattn.syntax import format as formatter
from tests.cli.conftest import PROJECT, SPECS

LOOSE = "param a=1 # why\nsimulate{t 0..1}\n"
NEAT = "param a = 1  # why\nsimulate { t 0 .. 1 }\n"
DIFF = (
    "--- loose.dyn\n+++ loose.dyn\n@@ -1,2 +1,2 @@\n"
    "-param a=1 # why\n-simulate{t 0..1}\n+param a = 1  # why\n+simulate { t 0 .. 1 }\n"
)


@pytest.fixture
def loose(tmp_path):
    path = tmp_path / "loose.dyn"
    path.write_text(LOOSE)
    return path


@pytest.fixture
def neat(tmp_path):
    path = tmp_path / "neat.dyn"
    path.write_text(NEAT)
    return path


def test_a_file_is_laid_out_once(dynattn, loose):
    done = dynattn("fmt", "loose.dyn")
    assert (done.code, done.out, done.err) == (0, "loose.dyn: changed\n", "")
    assert loose.read_text() == NEAT
    assert dynattn("fmt", "loose.dyn").out == "loose.dyn: nothing to change\n"


def test_a_file_that_does_not_change_is_not_written(dynattn, neat):
    before = neat.stat()
    assert dynattn("fmt", "neat.dyn").code == 0
    assert (neat.stat().st_ino, neat.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_the_shipped_specs_stay(dynattn):
    specs = sorted(SPECS.glob("*.dyn"))
    done = dynattn("fmt", "--check", *specs)
    assert done.code == 0
    assert done.out == "".join(f"{path}: nothing to change\n" for path in specs)


def test_check_writes_nothing(dynattn, loose, neat):
    done = dynattn("fmt", "--check", "neat.dyn", "loose.dyn")
    assert (done.code, done.err) == (1, "")
    assert done.out == "neat.dyn: nothing to change\nloose.dyn: would change\n"
    assert loose.read_text() == LOOSE
    assert dynattn("fmt", "--check", "neat.dyn").code == 0


def test_diff_prints_and_writes_nothing(dynattn, loose, neat):
    done = dynattn("fmt", "--diff", "neat.dyn", "loose.dyn")
    assert (done.code, done.out) == (0, DIFF)
    assert loose.read_text() == LOOSE
    assert dynattn("fmt", "--diff", "--check", "loose.dyn").code == 1


def test_the_diff_of_a_file_without_a_last_line_end(dynattn, neat):
    neat.write_text(NEAT[:-1])
    assert dynattn("fmt", "--diff", "neat.dyn").out.splitlines()[-3:] == [
        "-simulate { t 0 .. 1 }", "\\ No newline at end of file", "+simulate { t 0 .. 1 }",
    ]  # fmt: skip


def test_a_file_with_mistakes_stays_and_the_others_are_laid_out(dynattn, tmp_path, loose):
    wrong = tmp_path / "wrong.dyn"
    wrong.write_text("param  = 1\n")
    done = dynattn("fmt", "wrong.dyn", "loose.dyn", "missing.dyn")
    assert (done.code, done.out) == (1, "loose.dyn: changed\n")
    assert wrong.read_text() == "param  = 1\n"
    assert [line for line in done.err.splitlines() if line.startswith("error")] == [
        "error[E102]: unexpected '=' after 'param'",
        "error[E120]: there is no file 'missing.dyn'",
    ]


def test_json(dynattn, tmp_path, loose, neat):
    (tmp_path / "wrong.dyn").write_text("param  = 1\n")
    facts = json.loads(dynattn("fmt", "--json", "--diff", "loose.dyn", "neat.dyn").out)
    assert facts == {
        "ok": True, "files": ["loose.dyn", "neat.dyn"], "changed": ["loose.dyn"],
        "diagnostics": [], "diff": {"loose.dyn": DIFF},
    }  # fmt: skip
    done = dynattn("fmt", "--json", "--check", "loose.dyn")
    assert (done.code, json.loads(done.out)["ok"]) == (1, False)
    done = dynattn("fmt", "--json", "wrong.dyn")
    assert (done.code, done.err) == (1, "")
    assert [item["file"] for item in json.loads(done.out)["diagnostics"]] == ["wrong.dyn"]


def from_stdin(content: bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    call = "from dynattn.cli.main import main; main()"
    return subprocess.run(
        [sys.executable, "-c", call, "fmt", "--stdin", *arguments],
        input=content, capture_output=True, env={**os.environ, "PYTHONPATH": str(PROJECT)},
    )  # fmt: skip


def test_stdin():
    done = from_stdin(LOOSE.encode())
    assert (done.returncode, done.stdout, done.stderr) == (0, NEAT.encode(), b"")
    done = from_stdin(LOOSE.encode(), "--check")
    assert (done.returncode, done.stdout) == (1, b"<stdin>: would change\n")
    done = from_stdin(b"param = 1\n")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"error[E102]: unexpected '=' after 'param'\n --> <stdin>:1:7\n")
    done = from_stdin(b"\xff")
    assert done.stderr.startswith(b"error[E122]: '<stdin>' is not UTF-8: byte 0xFF in line 1\n")


def test_files_beside_stdin_and_nothing_at_all(dynattn, neat):
    done = dynattn("fmt", "--stdin", "neat.dyn")
    assert done.code == 2
    assert done.err == (
        "error[E708]: --stdin reads one spec from stdin, and files were named too\n"
        "  = fix: leave out --stdin, or the files\n\n1 error\n"
    )
    done = dynattn("fmt")
    assert done.code == 2
    assert done.err.endswith("Error: Missing argument 'FILE...'.\n")


def test_line_ends_and_a_byte_order_mark_are_put_right(dynattn, neat):
    neat.write_bytes(b"\xef\xbb\xbf" + NEAT.replace("\n", "\r\n").encode())
    assert dynattn("fmt", "neat.dyn").out == "neat.dyn: changed\n"
    assert neat.read_bytes() == NEAT.encode()


def test_a_link_stays_a_link_and_permissions_stay(dynattn, tmp_path, loose):
    loose.chmod(0o640)
    link = tmp_path / "link.dyn"
    link.symlink_to(loose)
    assert dynattn("fmt", "link.dyn").code == 0
    assert link.is_symlink()
    assert loose.read_text() == NEAT
    assert loose.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.dyn", "loose.dyn"]


def test_a_file_that_may_not_be_written(dynattn, loose, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    done = dynattn("fmt", "loose.dyn")
    assert done.code == 1
    assert done.err == (
        "error[E705]: loose.dyn cannot be written: permission denied\n"
        "  = fix: make the file writable, or use --stdin\n\n1 error\n"
    )
    assert loose.read_text() == LOOSE


def test_a_pipe(dynattn, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    done = dynattn("fmt", "pipe")
    assert done.code == 1
    assert done.err.startswith("error[E705]: pipe is not a file that can be written again\n")


def test_a_fault_of_the_formatter_leaves_every_file_alone(dynattn, loose, neat, monkeypatch):
    neat.write_text("param b = 2  # why\n")
    monkeypatch.setattr(formatter, "commented", lambda lines: ["param b = 2  # why"])
    done = dynattn("fmt", "neat.dyn", "loose.dyn")
    assert done.code == 70
    assert "loose.dyn: the layout would change the meaning" in done.err
    assert loose.read_text() == LOOSE


def test_flat_prints_the_merged_text_and_writes_nothing(dynattn, tmp_path):
    (tmp_path / "base.dyn").write_text("model base\nparam a = 1  # one\nlet b = a\n")
    mine = tmp_path / "mine.dyn"
    mine.write_text("model mine extends base\nparam a = 2\n")
    done = dynattn("fmt", "--flat", "mine.dyn")
    assert (done.code, done.err) == (0, "")
    assert done.out == "model mine\nparam a = 2\n\nlet b = a\n"
    assert mine.read_text() == "model mine extends base\nparam a = 2\n"
    as_json = json.loads(dynattn("fmt", "--flat", "--json", "mine.dyn").out)
    assert as_json == {"ok": True, "text": done.out, "diagnostics": []}


def test_flat_refuses_what_does_not_go_with_it(dynattn, neat, loose):
    assert "E708" in dynattn("fmt", "--flat", "--check", "neat.dyn").err
    assert "E708" in dynattn("fmt", "--flat", "neat.dyn", "loose.dyn").err
    (loose.parent / "wrong.dyn").write_text("model wrong extends nothing\n")
    done = dynattn("fmt", "--flat", "wrong.dyn")
    assert done.code == 1 and "E411" in done.err
