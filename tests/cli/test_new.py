"""dynattn new: copies a shipped spec, and replaces nothing."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import SPECS


def test_a_spec_is_copied(dynattn, tmp_path):
    done = dynattn("new", "kuramoto")
    assert (done.code, done.err) == (0, "")
    assert done.out == "wrote kuramoto.dyn; next: dynattn check kuramoto.dyn\n"
    assert (tmp_path / "kuramoto.dyn").read_text() == (SPECS / "kuramoto.dyn").read_text()


def test_another_name(dynattn, tmp_path):
    assert dynattn("new", "kuramoto", "-o", "mine.dyn").code == 0
    assert (tmp_path / "mine.dyn").exists()


def test_every_shipped_spec_is_listed_with_those_of_its_kind(dynattn):
    blocks = dynattn("new", "--list").out.strip().split("\n\n")
    names = {b.splitlines()[0]: [line.split()[0] for line in b.splitlines()[2:]] for b in blocks}
    assert sorted(name for kind in names.values() for name in kind) == sorted(
        p.stem for p in SPECS.glob("*.dyn")
    )
    assert "winfree" in names["phases"]
    assert "may_leonard" in names["abundances and shares"]
    assert "frustrated_synchronization" in names["networks that learn"]  # by what it inherits
    facts = json.loads(dynattn("new", "--list", "--json").out)
    assert facts["specs"]["synchronization"].startswith("The same attraction on any manifold")
    assert {name for name, kind in facts["kinds"].items() if kind == "phases"} == set(
        names["phases"]
    )


@pytest.mark.parametrize("name", sorted(p.stem for p in SPECS.glob("*.dyn")))
def test_a_copy_finds_the_data_that_ship(dynattn, name):
    """In a folder that holds nothing else."""
    assert dynattn("new", name).code == 0
    done = dynattn("check", f"{name}.dyn")
    assert (done.code, done.err) == (0, "")


@pytest.mark.parametrize("name", ["echo_state", "swing", "wilson_cowan"])
def test_a_copy_that_reads_data_runs(dynattn, name):
    assert dynattn("new", name).code == 0
    assert dynattn("run", f"{name}.dyn", "-o", "out", "--plot", "none").code == 0


def test_an_unknown_name(dynattn):
    done = dynattn("new", "kuramotto")
    assert done.code == 2
    assert done.err == (
        "error[E707]: no spec called 'kuramotto' ships with dynattn\n"
        "  = fix: did you mean 'kuramoto'?\n\n1 error\n"
    )


def test_what_is_there_stays(dynattn, tmp_path):
    (tmp_path / "kuramoto.dyn").write_text("mine")
    done = dynattn("new", "kuramoto")
    assert done.code == 2
    assert done.err == (
        "error[E704]: kuramoto.dyn is there already, as a file\n"
        "  = fix: choose another name with -o\n\n1 error\n"
    )
    assert (tmp_path / "kuramoto.dyn").read_text() == "mine"


def test_a_folder_in_the_way(dynattn, tmp_path):
    (tmp_path / "place").mkdir()
    done = dynattn("new", "kuramoto", "-o", "place")
    assert (done.code, done.err.splitlines()[0]) == (
        2, "error[E704]: place is there already, as a folder",
    )  # fmt: skip


def test_a_folder_that_is_missing_is_made(dynattn, tmp_path):
    assert dynattn("new", "kuramoto", "-o", "new/place.dyn").code == 0
    assert dynattn("check", tmp_path / "new" / "place.dyn").code == 0
