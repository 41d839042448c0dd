"""Training with a compiled loss: the same run, and what cannot be compiled."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

import dynattn
from dynattn.diagnostics.report import SpecError
from dynattn.learn.compiled import MOST_SHAPES, CompiledLoss
from dynattn.learn.evaluate import batch_loss
from dynattn.learn.folder import new_run
from dynattn.learn.metrics import read_metrics
from dynattn.learn.train import train
from dynattn.solve.compiler import Compiler
from tests.learn.small import small
from tests.truths.solved import compiled
from tests.truths.test_layer_noise import OU

SPECS = Path(__file__).parents[2] / "specs"


class Uncompiled(Compiler):
    """Compiles nothing."""

    def compiled(self, key: Any, step: Any, what: str, span: Any = None) -> Any:
        """The step as it is."""
        return step


def test_batches_of_many_shapes_are_refused(tmp_path):
    system = small(tmp_path).build(dtype=torch.float32)
    loss, text = CompiledLoss(system, Uncompiled()), torch.arange(40).view(2, 20)
    system.eval()
    for length in range(2, 2 + MOST_SHAPES):
        assert float(loss([{"text": text[:, :length]}]).detach()) > 0
    with pytest.raises(SpecError, match="E361: the batches have more than 8 different shapes"):
        loss([{"text": text}])


def test_a_layer_with_noise_is_not_compiled():
    system = compiled(OU.replace("EVOLVE", "steps 2")).build()
    with pytest.raises(SpecError, match="E359: the layer 'go' has noise"):
        CompiledLoss(system, Uncompiled())


def test_weights_with_noise_are_not_compiled(tmp_path):
    system = small(tmp_path, ("linear(x, V)", "linear(x, V, noise=0.1)")).build()
    with pytest.raises(SpecError, match="E359: weights have noise"):
        CompiledLoss(system, Uncompiled())


def test_a_layer_that_chooses_its_steps_is_not_compiled():
    text = OU.replace("EVOLVE", "t 0 .. 1; method tsit5").replace("; noise 0.7", "")
    with pytest.raises(SpecError, match="E359: the layer 'go' chooses its steps"):
        CompiledLoss(compiled(text).build(), Uncompiled())


def test_a_layer_that_comes_to_rest_is_not_compiled():
    system = compiled(OU.replace("EVOLVE", "until equilibrium").replace("; noise 0.7", "")).build()
    with pytest.raises(SpecError, match="E359: the layer 'go' runs until it is at rest"):
        CompiledLoss(system, Uncompiled())


@pytest.mark.slow
def test_sums_in_blocks_of_receivers_are_compiled_with_their_slopes():
    """At this size the pairs of oscillator_attention are taken in several blocks."""
    system = dynattn.load(str(SPECS / "oscillator_attention.dyn"), V=40, L=1).build(
        dtype=torch.float64
    )
    text = torch.randint(40, (64, 50), generator=torch.Generator().manual_seed(1))
    batch = [{use.name: text if use.axes else text[:, 0] % 2 for use in system.model.inputs}]
    results = []
    for loss in (partial(batch_loss, system.eval()), CompiledLoss(system, Compiler())):
        system.zero_grad(set_to_none=True)
        found = loss(batch)
        found.backward()
        results.append((found.detach(), [x.grad for x in system.parameters()]))
    torch.testing.assert_close(results[1], results[0], rtol=1e-7, atol=1e-11)


@pytest.mark.slow
def test_a_compiled_training_is_the_same(tmp_path):
    losses = []
    for name, wanted in (("plain", False), ("compiled", True)):
        folder = new_run("small", tmp_path / name)
        train(small(tmp_path), folder, device="cpu", compiled=wanted)
        losses.append([row["loss"] for row in read_metrics(folder.metrics) if "loss" in row])
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
