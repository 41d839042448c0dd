"""dynattn export: a trained model where dynattn cannot be imported, and as a graph of torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import torch

from dynattn.cli.main import run_command
from dynattn.interface import load_run
from tests.cli.test_train import LAYER

ALONE = """
import sys


class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("dynattn", "safetensors", "numpy.random.mtrand"):
            raise ImportError(name)


sys.meta_path.insert(0, Absent())
sys.path.insert(0, sys.argv[1])
import json
import torch
import tiny

torch.set_num_threads(1)
model = tiny.load()
with torch.no_grad():
    logits = model(torch.tensor([tiny.encode("To be, or not")]))
wide = tiny.load(torch.float64)
print(json.dumps([logits.tolist(), tiny.sample(model, "To be", 40, seed=5),
                  tiny.sample(wide, "To be", 20, temperature=0), str(wide.attend[0].eta.dtype)]))
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a short training."""
    folder = tmp_path_factory.mktemp("export")
    (folder / "tiny.dyn").write_text(LAYER.replace("STEPS", "6"))
    path = folder / "run"
    assert run_command(["compile", str(folder / "tiny.dyn"), "--train", "-o", str(path)]) == 0
    return path


def test_a_model_and_its_text_without_dynattn(run, tmp_path, capsys):
    out = tmp_path / "model"
    assert run_command(["export", str(run), "-o", str(out), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    names = {"tiny.py", "tiny.safetensors", "tiny.dyn", "tiny.json"}
    assert {path.name for path in out.iterdir()} == names
    assert {os.path.basename(name) for name in said["files"]} == names
    found = subprocess.run(
        [sys.executable, "-c", ALONE, str(out)], capture_output=True, text=True, cwd=tmp_path,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    logits, text, likeliest, dtype = json.loads(found.stdout)
    system = load_run(run).build(dtype=torch.float32).eval()
    with torch.no_grad():
        ours = system(torch.tensor([list(b"To be, or not")]))
    torch.testing.assert_close(torch.tensor(logits), ours, rtol=1e-6, atol=1e-6)
    assert dtype == "torch.float64"
    for drawn, options in (
        (text, ["--length", "40", "--seed", "5"]),
        (likeliest, ["--length", "20", "--temperature", "0"]),
    ):
        assert run_command(["sample", str(run), "--prompt", "To be", "--json", *options]) == 0
        assert json.loads(capsys.readouterr().out)["text"] == drawn


def test_a_graph_of_operations(run, tmp_path, capsys):
    out = tmp_path / "model.pt2"
    command = ["export", str(run), "--format", "torch", "-o", str(out), "--json"]
    assert run_command(command) == 0
    axes = json.loads(capsys.readouterr().out)["axes"]
    assert axes == {"batch": [1, 65536], "T": [1, 65536]}
    extra = {"vocabulary.json": "", "model.dyn": ""}
    module = torch.export.load(out, extra_files=extra).module()
    assert json.loads(extra["vocabulary.json"])["kind"] == "bytes"
    assert extra["model.dyn"] == (run / "spec.dyn").read_text()
    system = load_run(run).build(dtype=torch.float32).eval()
    with torch.no_grad():
        for shape in ((1, 1), (2, 5), (4, 31)):
            text = torch.randint(0, 128, shape, generator=torch.Generator().manual_seed(2))
            torch.testing.assert_close(module(text), system(text), rtol=1e-6, atol=1e-6)


def test_a_folder_with_something_in_it_stays(run, tmp_path, capsys):
    (tmp_path / "notes").write_text("mine")
    assert run_command(["export", str(run), "-o", str(tmp_path)]) == 1
    assert "E704" in capsys.readouterr().err


def test_a_spec_is_no_run(tmp_path, capsys):
    spec = tmp_path / "tiny.dyn"
    spec.write_text(LAYER)
    assert run_command(["export", str(spec), "-o", "model"]) == 2
    assert "E709" in capsys.readouterr().err
