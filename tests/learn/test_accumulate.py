"""Gradients of a batch computed in portions: those of the whole batch."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source, UsageError
from dynattn.learn.compiled import CompiledLoss
from dynattn.learn.evaluate import batch_loss
from dynattn.learn.folder import new_run
from dynattn.learn.gradients import PortionedGradient, WholeGradient, plain_sums
from dynattn.learn.metrics import read_metrics
from dynattn.learn.plan import make_plan
from dynattn.learn.portions import portions
from dynattn.learn.train import train
from tests.learn.small import small
from tests.learn.test_compiled_training import Uncompiled

RAGGED = """model ragged "Samples of their own lengths"
param V = 11, d = 6
dim T <= 12
input text: token(V)[T]
input label: class(3)
learn W[d, 3] ~ normal(0, 0.5)
network {
  x = embed(text, d)
  output next_logits = linear(x, V)
  output logits = mean(x) @ W
}
train { data table("none.csv"); loss LOSS; batch 6; steps 1 }
"""
LOSSES = [
    "cross_entropy(next_logits, next(text))",  # the samples of one symbol predict nothing
    "exp(0.5 * cross_entropy(logits, label))",
    "cross_entropy(next_logits, next(text)) + 0.3 * cross_entropy(logits, label)",
    "cross_entropy(next_logits, next(text)) * cross_entropy(logits, label) + 0.1 * mean(W^2)",
    "mean((logits - mean(logits))^2) / mean(logits^2)",
]


def ragged(loss: str) -> tuple[Any, Any]:
    """The system, and a batch of seven samples of five lengths."""
    text = RAGGED.replace("LOSS", loss)
    system = Compilation(Source("ragged.dyn", text), {}, 0).build(dtype=torch.float64)
    rng = torch.Generator().manual_seed(5)
    groups = [
        {
            "text": torch.randint(11, (count, length), generator=rng),
            "label": torch.randint(3, (count,), generator=rng),
        }
        for length, count in ((1, 1), (2, 1), (5, 2), (7, 1), (12, 2))
    ]
    return system, groups


def found(gradient: Any, system: Any, groups: Any) -> tuple[float, dict[str, torch.Tensor]]:
    loss = gradient(groups)
    return loss, {
        name: torch.zeros_like(x) if x.grad is None else x.grad.clone()
        for name, x in system.named_parameters()
    }


def test_portions_are_all_samples_in_their_order():
    batch = [{"x": torch.arange(3)}, {"x": torch.arange(3, 10)}]
    cut = [[group["x"].tolist() for group in part] for part in portions(batch, 4)]
    assert cut == [[[0, 1]], [[2], [3, 4]], [[5, 6]], [[7, 8, 9]]]


@pytest.mark.parametrize("count", [2, 3, 7])
@pytest.mark.parametrize("loss", LOSSES)
def test_portions_give_the_gradient_of_the_whole_batch(loss, count):
    system, groups = ragged(loss)
    whole = found(WholeGradient(system, lambda g: batch_loss(system, g)), system, groups)
    parted = found(PortionedGradient(system, plain_sums(system), count), system, groups)
    assert parted[0] == pytest.approx(whole[0], rel=1e-13)
    for name, expected in whole[1].items():
        torch.testing.assert_close(parted[1][name], expected, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("loss", LOSSES[:3])
def test_the_sums_that_are_compiled_are_the_plain_ones(loss):
    system, groups = ragged(loss)
    plain = found(PortionedGradient(system, plain_sums(system), 2), system, groups)
    sums = CompiledLoss(system, Uncompiled()).sums
    compiled = found(PortionedGradient(system, sums, 2), system, groups)
    assert compiled[0] == plain[0]
    assert all(torch.equal(compiled[1][name], x) for name, x in plain[1].items())


def test_portions_are_computed_again_with_the_same_random_numbers(tmp_path):
    """Two means of one dropped-out network: their ratio is 1 only where both passes agree."""
    twice = ("cross_entropy(logits, next(text))",
             "cross_entropy(logits, next(text)) + mean(logits^2)")  # fmt: skip
    system = small(tmp_path, twice, ("0.1)", "0.5)")).build(dtype=torch.float64)
    system.train()
    batch = [{"text": torch.arange(40).view(4, 10)}]
    torch.manual_seed(1)
    loss, grads = found(PortionedGradient(system, plain_sums(system), 2), system, batch)
    torch.manual_seed(1)
    halves = [batch_loss(system, part) for part in portions(batch, 2)]
    mean = torch.stack(halves).mean()
    assert loss == pytest.approx(float(mean.detach()), rel=1e-13)
    expected = torch.autograd.grad(mean, list(system.parameters()))
    for mine, theirs in zip(grads.values(), expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-11, atol=1e-15)


# ── runs ───────────────────────────────────────────────────────────────────────────────────────


def losses(folder: Any) -> list[float]:
    return [line["loss"] for line in read_metrics(folder.metrics)]


def test_a_run_in_portions_is_the_run(tmp_path):
    steady = ("dropout(embed(text, C), 0.1)", "embed(text, C)")
    runs = []
    cases: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
        ("whole", (), {}),
        ("block", (("batch 4", "batch 4; accumulate 3"),), {}),
        ("option", (), {"accumulate": 2}),
    ]
    for name, changes, options in cases:
        folder = new_run("small", tmp_path / name)
        train(small(tmp_path, steady, *changes), folder, device="cpu", **options)
        runs.append(losses(folder))
    assert runs[1] == pytest.approx(runs[0], rel=2e-6)
    assert runs[2] == pytest.approx(runs[0], rel=2e-6)


def test_going_on_keeps_the_portions(tmp_path):
    whole, cut = (new_run("small", tmp_path / name) for name in ("whole", "cut"))
    train(small(tmp_path), whole, device="cpu", threads=1, accumulate=2)
    asked = iter([False, False, True])
    train(small(tmp_path), cut, device="cpu", threads=1, accumulate=2, stops=lambda: next(asked))
    train(small(tmp_path), cut, device="cpu", threads=1, resume=True)
    assert losses(cut) == losses(whole)


@pytest.mark.parametrize("count", [0, 5])
def test_more_portions_than_samples(tmp_path, count):
    with pytest.raises(
        UsageError, match=f"E524: --accumulate {count}: a batch of 4 has from 1 to 4"
    ):
        make_plan(small(tmp_path).model, accumulate=count)


def test_the_memory_of_a_batch_is_that_of_a_portion(tmp_path):
    """What autograd keeps for the backward pass, counted in bytes."""
    system = small(tmp_path, ("dropout(embed(text, C), 0.1)", "embed(text, C)")).build()
    batch = [{"text": torch.randint(128, (64, 16))}]
    kept = []
    for gradient in (
        WholeGradient(system, lambda g: batch_loss(system, g)),
        PortionedGradient(system, plain_sums(system), 8),
    ):
        held, most = 0, 0

        def keep(x: torch.Tensor) -> torch.Tensor:
            nonlocal held, most
            held += x.nbytes
            most = max(most, held)
            return x

        def give(x: torch.Tensor) -> torch.Tensor:
            nonlocal held
            held -= x.nbytes
            return x

        with torch.autograd.graph.saved_tensors_hooks(keep, give):
            gradient(batch)
        kept.append(most)
    assert kept[1] < kept[0] / 4
