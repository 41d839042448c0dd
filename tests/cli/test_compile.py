"""dynattn compile: says what it built, emits a file that runs, certifies."""

from __future__ import annotations

import json
import subprocess
import sys
from math import prod

import pytest

from tests.cli.conftest import SPECS

SMALL_OUT = """small: two oscillators

populations
  population  nodes  state  manifold  start
  osc             2  theta  circle    ~ uniform

couplings
  coupling  from -> to  graph          edges  kernel
  pull      osc -> osc  everyone else      2  sin(theta[j] - theta[i])

forms
  sum of  computed as  cost of one right-hand side
  pull    mean field   O(N): 2 sums over 2 nodes

parameters
  parameter  shape   copies  numbers  how  start
  N          number       1        1  set  = 2
  K          number       1        1  set  = 1
  osc.omega  2            1        2  set  ~ normal(0, 1)
  0 numbers learned, 4 set

equations
    theta[i]' = omega[i] + (K/N) * sum_j sin(theta[j] - theta[i])

built a torch module on cpu: 0 learned numbers in 0 arrays
"""


def test_what_was_built(dynattn, small):
    done = dynattn("compile", small)
    assert (done.code, done.out, done.err) == (0, SMALL_OUT, "")


def test_settings_change_it(dynattn, small):
    facts = json.loads(dynattn("compile", small, "--set", "N=30", "--json").out)
    assert facts["populations"][0]["nodes"] == 30
    assert facts["couplings"][0]["edges"] == 870
    assert facts["parameter_count"] == {"learned": 0, "set": 32}


def test_the_attention_layer(dynattn):
    facts = json.loads(dynattn("compile", SPECS / "kuramoto_attention.dyn", "--json").out)
    assert facts["forms"][0]["computed as"] == "fused attention"
    assert facts["parameter_count"]["learned"] == sum(map(prod, facts["learned"].values()))
    assert facts["learned"]["attend.2.eta"] == [96]
    equations = [item["equation"] for item in facts["equations"]]
    assert "psi[i] = theta[i] + rotary(C, heads=H) * index[i]" in equations
    assert "theta[i]' = swiglu([cos(theta[i]), sin(theta[i])])" in equations


def test_certify(dynattn, small):
    done = dynattn("compile", small, "--certify", "--json")
    certified = json.loads(done.out)["certified"]
    assert certified["passed"]
    assert {item["check"] for item in certified["differences"]} >= {"value", "jacobian", "gradient"}


def test_a_failed_certification_is_code_3(dynattn, small, monkeypatch):
    from dynattn.lower.module import System

    right = System.rates

    def wrong(self, t, states, past):
        return {k: v * (1 + 1e-6) for k, v in right(self, t, states, past).items()}

    monkeypatch.setattr(System, "rates", wrong)
    done = dynattn("compile", small, "--certify")
    assert done.code == 3
    assert "FAILED" in done.out
    assert done.err.startswith("error[E650]")


def test_the_emitted_file_runs_alone(dynattn, small, tmp_path):
    done = dynattn("compile", small, "--emit", "model.py")
    assert done.code == 0
    assert "wrote model.py" in done.out
    alone = subprocess.run(
        [sys.executable, "-I", "model.py"], capture_output=True, text=True, cwd=tmp_path
    )
    assert (alone.returncode, alone.stderr) == (0, "")
    assert "dynattn." not in (tmp_path / "model.py").read_text()


def test_a_folder_where_the_file_should_be(dynattn, small, tmp_path):
    (tmp_path / "model.py").mkdir()
    done = dynattn("compile", small, "--emit", "model.py")
    assert done.code == 1
    assert done.err.startswith("error[E704]: model.py is a folder")


def test_resume_belongs_to_train(dynattn, small):
    done = dynattn("compile", small, "--resume")
    assert done.code == 2
    assert done.err == (
        "error[E708]: --resume goes on with a training, and --train is missing\n"
        "  = fix: add --train\n\n1 error\n"
    )


def test_a_folder_belongs_to_train(dynattn, small):
    done = dynattn("compile", small, "-o", "out")
    assert done.code == 2
    assert done.err == (
        "error[E708]: -o names the folder of a training, and --train is missing\n"
        "  = fix: add --train, or write --emit FILE\n\n1 error\n"
    )


@pytest.mark.parametrize("option", [("--set", "K=2"), ("--seed", "1")])
def test_a_resumed_training_keeps_its_settings(dynattn, small, option):
    done = dynattn("compile", small, "--train", "--resume", "runs/a", *option)
    assert done.code == 2
    assert done.err.splitlines()[0] == (
        f"error[E708]: a resumed training keeps its settings, and {option[0]} is given"
    )


def test_nothing_to_train(dynattn, small, tmp_path):
    done = dynattn("compile", small, "--train")
    assert done.code == 1
    assert done.err.startswith("error[E523]: the model 'small' has no train block")
    assert not (tmp_path / "runs").exists()


def test_no_run_to_go_on_with(dynattn):
    done = dynattn("compile", SPECS / "kuramoto_attention.dyn", "--train", "--resume")
    assert done.code == 2
    assert done.err.startswith(
        "error[E709]: there is no run of 'kuramoto_attention' in runs to go on with\n"
    )


def test_compiling_the_step_is_for_training(dynattn):
    ending = dynattn("compile", SPECS / "kuramoto.dyn", "--compile")
    assert ending.code == 2
    assert "error[E708]: --compile compiles the step of a training, and --train" in ending.err
