"""Sums of a function of a score times values, in blocks of pairs, against plain sums."""

from __future__ import annotations

from functools import partial
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from torch.nn import functional as F

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.lower import scored
from dynattn.lower.row_blocks import Work
from dynattn.program.scored import Scored

SPECS = Path(__file__).parents[2] / "specs"
FUNCTIONS = {"softplus": F.softplus, "relu": torch.relu, "elu": F.elu, "exp": torch.exp}
BEHIND = ((), (("add", 1.5),), (("mul", 0.5), ("add", 2.0), ("pow", 3.0)), (("pow", 2.0),))
GRAPHS = (("causal", True), ("causal", False), ("complete", True), ("complete", False))


def sum_of(bent: str, mean: bool, before: Any, behind: Any, graph: tuple[str, bool]) -> Any:
    kind = cast("Any", SimpleNamespace(kind=graph[0], include_self=graph[1]))
    nothing = cast("Any", None)
    parts = Scored(nothing, nothing, nothing, before, bent, behind, mean)
    return scored.Sum(parts, before, behind, kind)


def arrays(length: int, widths=(3, 5), batch=((2,), (2,), (2,)), heads: int = 2) -> Any:
    generator = torch.Generator().manual_seed(length)
    kinds = zip(batch, (widths[0], widths[0], widths[1]), strict=True)
    shapes = [(*some, length, heads, width) for some, width in kinds]
    made = [torch.randn(s, generator=generator, dtype=torch.float64) for s in shapes]
    return [a.requires_grad_() for a in made]


def stepped(x, steps):
    for op, number in steps:
        x = x + number if op == "add" else x * number if op == "mul" else x**number
    return x


def plain(given, bent, mean, before, behind, graph):
    a, b, v = given
    scores = torch.einsum("...ihc,...jhc->...hij", a, b)
    weights = stepped(FUNCTIONS[bent](stepped(scores, before)), behind)
    i, j = (torch.arange(a.shape[-3]).view(shape) for shape in ((-1, 1), (1, -1)))
    there = (j <= i) if graph[0] == "causal" else (j == j) & (i == i)
    weights = weights * (there if graph[1] else there & (j != i))
    total = torch.einsum("...hij,...jhc->...ihc", weights, v)
    return total / weights.sum(-1).transpose(-1, -2).unsqueeze(-1) if mean else total


def slopes(found, given, **options):
    generator = torch.Generator().manual_seed(1)
    push = torch.randn(found.shape, generator=generator, dtype=found.dtype)
    return torch.autograd.grad(found, given, push, **options)


def agree(found, expected, tolerance):
    for one, other in zip(found, expected, strict=True):
        size = float(other.detach().abs().max())
        torch.testing.assert_close(one, other, rtol=0, atol=tolerance * (1 + size))


@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.parametrize("bent", list(FUNCTIONS))
def test_values_and_slopes_are_those_of_plain_sums(bent, graph):
    before = (("mul", 0.7), ("add", 0.2))
    for length, behind, mean, keep in product((1, 40), BEHIND, (False, True), (False, True)):
        if mean and not (graph[1] and (behind[:1] == (("add", 1.5),) or bent == "exp")):
            continue  # the sum of weights may be 0
        given = arrays(length)
        found = scored.BlockSum.apply(sum_of(bent, mean, before, behind, graph), keep, *given)
        expected = plain(given, bent, mean, before, behind, graph)
        agree([found], [expected], 1e-12)
        agree(slopes(found, given), slopes(expected, given), 1e-11)


@pytest.mark.parametrize("batch", [((), (), ()), ((2, 3), (2, 3), ()), ((), (4,), (4,))])
def test_arrays_that_all_samples_share(batch, monkeypatch):
    monkeypatch.setattr(scored, "CACHED", 3 * scored.ROWS * 40)  # matrices in groups
    given = arrays(40, batch=batch)
    shape: Any = ("softplus", True, (), (), GRAPHS[0])
    found = scored.BlockSum.apply(sum_of(*shape), True, *given)
    expected = plain(given, *shape)
    agree([found], [expected], 1e-12)
    agree(slopes(found, given), slopes(expected, given), 1e-11)


def test_slopes_of_slopes_and_many_slopes_at_once():
    for bent, mean in product(("softplus", "elu", "exp"), (False, True)):
        made = sum_of(bent, mean, (), (("add", 1.5),), GRAPHS[0])
        given = arrays(4, heads=1)
        run = lambda *x, made=made: scored.BlockSum.apply(made, True, *x)  # noqa: E731
        assert torch.autograd.gradcheck(run, given)
        assert torch.autograd.gradgradcheck(run, given)
        found = run(*given)
        many = torch.eye(found.numel(), dtype=found.dtype).view(-1, *found.shape)[:7]
        pull = partial(torch.autograd.grad, found, given, retain_graph=True)
        for at_once in (pull(many, is_grads_batched=True), torch.func.vmap(pull)(many)):
            for k, push in enumerate(many):
                agree([x[k] for x in at_once], pull(push), 1e-12)


def test_slopes_are_the_same_when_they_are_asked_for_again():
    given = arrays(40)
    found = scored.BlockSum.apply(sum_of("softplus", True, (), (), GRAPHS[0]), True, *given)
    once = slopes(found, given, retain_graph=True)
    for one, other in zip(once, slopes(found, given), strict=True):
        assert (one == other).all()


BLOCK = """
model block extends oscillator_attention
dim T <= 80
input given: real[T, d]
network {{ x = given; x = attend(x); output moved = x }}
layer attend(x: real[T, d]) {{ coupling lock {{ weight {weight} }} }}
drop train, text, V, L, feed
"""
SCORE = "dot(q[i], k[j]) / sqrt(d/H)"


@pytest.mark.parametrize(
    "weight", [f"softplus({SCORE})", f"relu({SCORE}) + 1e-3", f"elu({SCORE}) + 1"]
)
@pytest.mark.parametrize("p", [1, 2, 4])
def test_oscillator_attention_is_computed_so(weight, p, monkeypatch):
    """Both of its sums are, with the numbers of blocks of rows."""
    source = Source(str(SPECS / "block.dyn"), BLOCK.format(weight=weight))
    module = Compilation(source, {"d": 8, "H": 2, "p": p}).build(dtype=torch.float64)
    x = torch.randn(3, 70, 8, dtype=torch.float64, requires_grad=True)
    learned = [x, *module.parameters()]
    sizes: list[int] = []
    apply = scored.BlockSum.apply
    count = lambda *given: sizes.append(given[2].shape[-3]) or apply(*given)  # noqa: E731
    monkeypatch.setattr(scored.BlockSum, "apply", count)
    found = module(given=x)
    ours = slopes(found, learned)
    assert sizes == [70, 70]
    monkeypatch.setattr(scored.WorkScored, "__call__", Work.__call__)
    expected = module(given=x)
    assert sizes == [70, 70]
    agree([found, *ours], [expected, *slopes(expected, learned)], 1e-11)
