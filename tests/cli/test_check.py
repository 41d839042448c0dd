"""dynattn check: every mistake of every file, and never anything but a diagnostic."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import SPECS


def test_shipped_specs_have_no_mistakes(dynattn):
    paths = sorted(SPECS.glob("*.dyn"))
    done = dynattn("check", *paths)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [f"{path}: no mistakes" for path in paths]


def test_all_mistakes_of_all_files(dynattn, small, tmp_path):
    text = small.read_text()
    small.write_text(text.replace("drift omega", "drift omga").replace("strength K", "strength J"))
    other = tmp_path / "other.dyn"
    other.write_text(text.replace("order(theta)", "order(thta)"))
    done = dynattn("check", small, other, "--json")
    assert (done.code, done.err) == (1, "")
    facts = json.loads(done.out)
    assert facts["ok"] is False
    assert [(d["file"], d["line"]) for d in facts["diagnostics"]] == [
        (str(small), 3), (str(small), 4), (str(other), 5),
    ]  # fmt: skip


def test_a_good_file_beside_a_wrong_one(dynattn, small, tmp_path):
    done = dynattn("check", small, tmp_path / "none.dyn")
    assert (done.code, done.out) == (1, f"{small}: no mistakes\n")
    assert done.err.startswith("error[E120]: there is no file ")


HOPELESS = {
    "empty": (b"", "E123"),
    "latin": ('model m "caf\xe9"\n'.encode("latin-1"), "E122"),
    "large": (b"#" * 1_000_001, "E124"),
    "brackets": (b"model m\nlet a = " + b"(" * 10_000 + b"1" + b")" * 10_000 + b"\n", None),
    "open": (b"model m\npopulation p[3] {\n", None),
    "picture": (b"\x89PNG\r\n\x1a\n\x00\x00", "E122"),
}


@pytest.mark.parametrize("name", HOPELESS)
def test_no_file_ends_in_a_traceback(shell, tmp_path, name):
    content, code = HOPELESS[name]
    path = tmp_path / "spec.dyn"
    path.write_bytes(content)
    done = shell("check", path)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"error[{code or 'E'}")
    assert "Traceback" not in done.err


def test_a_folder(dynattn, tmp_path):
    done = dynattn("check", tmp_path)
    assert done.code == 1
    assert done.err.startswith("error[E121]")
