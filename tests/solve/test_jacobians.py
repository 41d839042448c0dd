"""Jacobians of packed fields against torch's own, taken row by row."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.autograd.functional import jacobian as by_rows

from dynattn.run.systems import build_for
from dynattn.solve import copies, jacobians
from dynattn.solve.failures import Scene
from dynattn.solve.packed import PackedField
from dynattn.solve.packing import packing_of
from tests.truths.solved import compiled

SPECS = Path(__file__).parents[2] / "specs"
SIZES = {
    "fitzhugh_nagumo": {"N": 8}, "lohe_sphere": {"N": 5}, "lohe_su2": {"N": 5},
    "lotka_volterra": {}, "replicator": {}, "stuart_landau": {"N": 7}, "winfree": {"N": 6},
}  # fmt: skip
T = torch.tensor(0.3, dtype=torch.float64)


def packed(name: str) -> tuple[PackedField, torch.Tensor]:
    system = compiled((SPECS / f"{name}.dyn").read_text(), **SIZES[name]).build()
    states = system.initial_states()
    field = PackedField(Scene(system, packing_of(states, 0), None, None))
    return field, field.packing.pack(states)


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize("width", [jacobians.WIDTH, 1])
def test_it_is_the_jacobian(name: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jacobians, "WIDTH", width)
    field, y = packed(name)
    with torch.inference_mode():
        rates, slopes, _ = jacobians.linearized(field.rates, T.clone(), y * 1.0)
    torch.testing.assert_close(rates, field.rates(T, y))
    expected = by_rows(lambda there: field.rates(T, there), y)
    torch.testing.assert_close(slopes, expected, rtol=1e-12, atol=1e-12)


def test_it_knows_time_and_the_points_of_a_batch() -> None:
    t = torch.tensor([0.2, 1.3], dtype=torch.float64)
    y = torch.tensor([[1.0, 2.0, 0.5], [3.0, -1.0, 0.2]], dtype=torch.float64)

    def rates(t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return y.square() * torch.sin(t)[..., None] + y.sum(-1, keepdim=True)

    found, slopes, clock = jacobians.linearized(rates, t, y)
    torch.testing.assert_close(found, rates(t, y))
    torch.testing.assert_close(clock, y.square() * torch.cos(t)[:, None])
    expected = torch.diag_embed(2 * y * torch.sin(t)[:, None]) + 1
    torch.testing.assert_close(slopes, expected)


def test_it_can_be_differentiated() -> None:
    y = torch.tensor([0.3, 0.7], dtype=torch.float64, requires_grad=True)

    def trace(y: torch.Tensor) -> torch.Tensor:
        return jacobians.jacobian(lambda y: y.sin() * y.sum(), y)[1].trace()

    assert torch.autograd.gradcheck(trace, (y,))


# ── by copies ──────────────────────────────────────────────────────────────────────────────────

MANY = """model many
param k = 1
population p[5] {
  state x on real ~ normal(0, 1)
  state v on real(2) ~ normal(0, 1)
  param a ~ normal(1, 0.2)
  x' = k*a*sin(t) + c - x^3
  v' = -v + x*[1, t]
}
coupling c: p -> p.x over watts_strogatz_graph(5, 2, 0.2, seed=1) {
  param w ~ normal(1, 0.2)
  kernel w * sin(x[j] - k*x[i])
}
simulate { t 0 .. 1 }
"""
BATCHES = {"k": [3], "p.a": [3, 5], "c.w": [3, 10], "": []}


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize("width", [copies.WIDTH, 1])
def test_copies_give_the_same(name: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "WIDTH", width)
    field, y = packed(name)
    found = copies.Copies(field).linearized(T, y)
    for one, other in zip(found, jacobians.linearized(field.rates, T, y), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", BATCHES)
def test_copies_of_points_with_parameters_of_their_own(name: str) -> None:
    draws = torch.Generator().manual_seed(1)
    some = torch.rand(BATCHES[name], generator=draws, dtype=torch.float64)
    system = build_for(compiled(MANY), seed=0, values={name: some} if name else {})
    front = (3,)
    states = {n: x.expand(*front, *x.shape[-r:]) for (n, x), r in zip(
        system.initial_states().items(), (1, 2), strict=True)}  # fmt: skip
    field = PackedField(Scene(system, packing_of(states, 1), None, None))
    y = field.packing.pack(states) + torch.rand(3, 15, generator=draws, dtype=torch.float64)
    t = torch.tensor([0.1, 0.5, 2.0], dtype=torch.float64)
    found = copies.Copies(field).linearized(t, y)
    assert found[1].abs().max() > 0.1 and found[2].abs().max() > 0.1
    for one, other in zip(found, jacobians.linearized(field.rates, t, y), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def test_copies_stand_back_for_what_differentiates_the_solve() -> None:
    field, y = packed("winfree")
    states = field.packing.unpack(y)
    with torch.inference_mode():
        assert copies.copies_of(field, states, 0) is not None
    wanted = {n: x.clone().requires_grad_() for n, x in states.items()}
    assert copies.copies_of(field, wanted, 0) is None
    with torch.no_grad():
        assert copies.copies_of(field, wanted, 0) is not None

    def looks(x: torch.Tensor) -> torch.Tensor:
        assert copies.copies_of(field, {"osc.theta": x}, 0) is None
        return x

    torch.func.vmap(looks)(states["osc.theta"].expand(2, -1))
