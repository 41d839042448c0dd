"""Exported files of Python: the numbers of the model, for every language model that ships."""

from __future__ import annotations

import importlib.util
import sys

import pytest
import torch

from dynattn.diagnostics.report import Source, SpecError
from dynattn.interface import Spec, load
from dynattn.learn.exporting import export_python, vocabulary_of
from tests.lower.decoded import layer
from tests.lower.test_decoding import LANGUAGE_MODELS


def imported(path):
    """The module of an exported file."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules.pop(path.stem, None)
    return module


@pytest.mark.parametrize("name", LANGUAGE_MODELS)
def test_every_language_model_that_ships(name, tmp_path):
    spec = load(f"specs/{name}.dyn", **LANGUAGE_MODELS[name])
    vocabulary = {"kind": "bytes", "context": 20, "size": 50, "symbols": []}
    files = export_python(spec, tmp_path / name, vocabulary)
    exported = imported(files[0])
    text = torch.randint(0, 50, (2, 12), generator=torch.Generator().manual_seed(0))
    for dtype, apart in ((torch.float32, 2e-5), (torch.float64, 1e-5)):
        system = spec.build(dtype=dtype).eval()
        with torch.no_grad():
            ours, theirs = system(text), exported.load(dtype)(text)
        assert theirs.dtype == dtype
        assert float((ours - theirs).abs().max()) < apart
    assert len(exported.sample(exported.load(), "!!", 3).encode()) >= 3


def test_symbols_of_each_kind(tmp_path):
    spec = load("specs/softmax_transformer.dyn", V=8, depth=1)
    for k, (facts, text, symbols, back) in enumerate((
        ({"characters": "abc"}, "cab", [2, 0, 1], "cab"),
        ({"characters": ""}, "a\n", [97, 10], "a\n"),
        ({"words": ["<unk>", "<eos>", "to"], "characters": ""}, "to\n", [2, 1], "to \n"),
    )):  # fmt: skip
        vocabulary = vocabulary_of({"context": 4, **facts})
        exported = imported(export_python(spec, tmp_path / str(k), vocabulary)[0])
        assert exported.encode(text) == symbols
        assert exported.decode(symbols) == back
    assert vocabulary_of({"characters": "abc"}) is None
    assert vocabulary_of({"context": 3}) is None


@pytest.mark.parametrize(
    ("evolve", "what"),
    [("until equilibrium", "runs until it is at rest"),
     ("t 0 .. 1; method dopri5", "chooses its steps")],
)  # fmt: skip
def test_what_no_file_of_python_holds(tmp_path, evolve, what):
    text = layer("kernel tanh(x[j] - x[i]) - x[i]", evolve=evolve)
    with pytest.raises(SpecError) as caught:
        export_python(Spec(Source("m.dyn", text), {}, 0), tmp_path / "out", None)
    (found,) = caught.value.diagnostics
    message = f"a layer that {what} cannot be written as a file of Python"
    assert (found.code, found.message) == ("E752", message)
    assert not (tmp_path / "out").exists()
