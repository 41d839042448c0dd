"""dynattn compile --train and sample: a run folder, its pictures, its text; Ctrl-C and --resume."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.cli.conftest import PROJECT

LAYER = """model tiny "one layer on characters"
param V = 128, C = 8
dim T
input text: token(V)[T]
population token[T] { state theta on torus(C) }
layer attend {
  learn eta[C] = 1
  coupling sync: token -> token over causal(T) {
    weight   softmax(dot(cos(theta[i]), cos(theta[j])) + dot(sin(theta[i]), sin(theta[j])))
    kernel   sin(theta[j] - theta[i])
    strength eta
  }
  evolve { steps 1 }
}
network { theta = embed(text); attend; output logits = linear([cos(theta), sin(theta)], V) }
train {
  data      text("tinyshakespeare.txt", context=16, split=[0.02, 0.01, 0.97])
  loss      cross_entropy(logits, next(text))
  optimizer adamw(lr=1e-2)
  batch 4; steps STEPS
}
"""


@pytest.fixture
def layer(tmp_path):
    path = tmp_path / "tiny.dyn"
    path.write_text(LAYER.replace("STEPS", "8"))
    return path


def losses(folder):
    """Step and loss of every update of a run."""
    lines = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    return [(line["step"], line["loss"]) for line in lines if line["kind"] == "train"]


def test_a_training_and_its_text(dynattn, layer, tmp_path):
    done = dynattn("compile", layer, "--train")
    assert (done.code, done.err) == (0, "")
    folder = tmp_path / "runs" / "tiny-1"
    figures = {path.name for path in (folder / "figures").iterdir()}
    assert figures >= {"graph.svg", "loss.svg", "attention.png"}
    for words in ("unigram", "bigram", "a sample of its text", str(folder.relative_to(tmp_path))):
        assert words in done.out
    said = dynattn("sample", folder, "--prompt", "To be", "--length", 20, "--seed", 1)
    assert said.out.startswith("To be")
    assert len(said.out) >= 26
    assert dynattn("sample", folder, "--prompt", "To be", "--length", 20, "--seed", 1) == said


def test_a_run_folder_is_a_spec_too(dynattn, layer, tmp_path):
    assert dynattn("compile", layer, "--train", "-o", "out").code == 0
    assert dynattn("graph", "out", "--level", "attention", "-o", "net.svg").code == 0
    assert (tmp_path / "net.svg").exists()
    assert dynattn("compile", "out", "--emit", "model.py").code == 0
    done = dynattn("explain", "out", "--set", "C=4")
    assert (done.code, done.err.splitlines()[0]) == (
        2,
        "error[E708]: a run folder has its settings and its seed; --set and --seed are for specs",
    )
    from safetensors.torch import load_file

    weights = load_file(tmp_path / "out" / "checkpoints" / "best.safetensors")
    emitted = load_file(tmp_path / "model.safetensors")
    kept = [name for name in weights if "/" not in name]
    assert all((emitted[name] == weights[name].double()).all() for name in kept)


def test_the_facts_as_json(dynattn, layer, tmp_path):
    done = dynattn("compile", layer, "--train", "-o", "out", "--json")
    facts = json.loads(done.out)["trained"]
    assert (facts["folder"], facts["steps"]) == ("out", 8)
    assert set(facts["baselines"]) == {"unigram", "bigram"}
    assert all((tmp_path / place).exists() for place in facts["files"].values())


def test_an_output_place_that_is_a_file(dynattn, layer, tmp_path):
    (tmp_path / "out").write_text("mine")
    done = dynattn("compile", layer, "--train", "-o", "out")
    assert done.code == 1
    assert done.err.startswith("error[E704]: out cannot be made: out is a file")
    assert (tmp_path / "out").read_text() == "mine"


def test_a_resumed_training_is_described_as_it_was_started(dynattn, layer):
    assert dynattn("compile", layer, "--train", "--set", "C=4", "-o", "out").code == 0
    done = dynattn("compile", layer, "--train", "--resume", "out")
    assert done.err.startswith("error[E546]: the run in out is finished: 8 steps")
    assert "built a torch module on cpu: 1668 learned numbers" in done.out


def test_data_that_is_missing_leaves_no_folder(dynattn, layer, tmp_path):
    layer.write_text(layer.read_text().replace("tinyshakespeare.txt", "none.txt"))
    done = dynattn("compile", layer, "--train")
    assert done.code == 1
    assert "Traceback" not in done.err
    assert not (tmp_path / "runs").exists()


def test_a_number_that_is_none_is_told_with_step_line_and_layer(dynattn, layer, tmp_path):
    layer.write_text(
        LAYER.replace("STEPS", "9").replace("strength eta", "strength sqrt(eta - 0.96)")
    )
    done = dynattn("compile", layer, "--train", "-o", "out")
    assert done.code == 3
    assert "of 9 steps, first in layer attend\n" in done.err
    assert f"{layer}:11:14" in done.err and "out/checkpoints/last.safetensors" in done.err
    assert dynattn("sample", "out", "--length", 5).code == 0


def test_a_file_is_no_run(dynattn, layer):
    done = dynattn("sample", layer)
    assert done.code == 2
    assert done.err.startswith("error[E709]: ")


def test_a_folder_without_a_run(dynattn, tmp_path):
    done = dynattn("sample", tmp_path)
    assert done.code == 1
    assert done.err.startswith("error[E545]: ")


@pytest.mark.slow
def test_an_interrupted_training_goes_on_exactly(dynattn, layer, tmp_path):
    layer.write_text(LAYER.replace("STEPS", "400"))
    call = [sys.executable, "-c", "from dynattn.cli.main import main; main()"]
    process = subprocess.Popen(
        [*call, "compile", str(layer), "--train", "-o", "cut"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(PROJECT), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    metrics = tmp_path / "cut" / "metrics.jsonl"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (metrics.exists() and metrics.stat().st_size > 500):
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.strip() == "interrupted"
    assert "--train --resume cut" in out
    cut = losses(tmp_path / "cut")
    assert 0 < len(cut) < 400
    assert dynattn("compile", layer, "--train", "--resume", "cut").code == 0
    assert dynattn("compile", layer, "--train", "-o", "whole").code == 0
    assert losses(tmp_path / "cut") == losses(tmp_path / "whole")
