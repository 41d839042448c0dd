"""``dynattn equilibria``: the table, JSON, the folder, the picture, and what it refuses."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dynattn.run.results import read_results

SPEC = """model pitchfork
param r = 1.0 in -2 .. 2
population p[1] { state x on real = 0.5; drift r*x - x^3 }
observe size = mean(abs(x))
simulate { t 0 .. 1 }
"""


@pytest.fixture
def spec(tmp_path):
    (tmp_path / "pitchfork.dyn").write_text(SPEC)
    return "pitchfork.dyn"


def test_table(dynattn, spec):
    done = dynattn("equilibria", spec, "--starts", "6")
    assert done.code == 0
    assert "pitchfork: 3 equilibria from 6 starts" in done.out
    rows = [line.split() for line in done.out.splitlines() if "stable" in line]
    assert [row[1] for row in rows[-3:]] == ["stable", "stable", "unstable"]
    assert [row[-1] for row in rows[-3:]] == ["-2", "-2", "1"]


def test_json_folder_and_picture(dynattn, spec, tmp_path):
    words = ["--set", "r=0.25", "--json", "-o", "rest", "--plot", "eigenvalues.svg"]
    done = dynattn("equilibria", spec, "--starts", "6", *words)
    told = json.loads(done.out)
    assert told["ok"] and [item["verdict"] for item in told["equilibria"]][-1] == "unstable"
    assert told["statistics"]["complete"] and told["settings"]["overrides"] == {"r": 0.25}
    assert (tmp_path / "eigenvalues.svg").read_text().count("<svg") == 1
    data = read_results(tmp_path / "rest")
    assert sorted(data["p.x"].ravel()) == pytest.approx([-0.5, 0, 0.5], abs=1e-9)
    assert data["size"] == pytest.approx(np.abs(data["p.x"][:, 0]))
    assert data["eigenvalues"].shape == (3, 1) and data["stable"].tolist() == [1, 1, 0]
    assert (tmp_path / "rest" / "results.csv").read_text().startswith("equilibrium,")


def test_what_is_refused(dynattn, spec, tmp_path):
    (tmp_path / "noisy.dyn").write_text(SPEC.replace("- x^3 ", "- x^3; noise 0.1 "))
    for words, code in (
        (("noisy.dyn",), "E621"),
        ((spec, "--plot", "e.bmp"), "E711"),
    ):
        done = dynattn("equilibria", *words)
        assert done.code in (1, 2) and code in done.err
