"""Jacobians of packed fields against torch's own, taken row by row."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.autograd.functional import jacobian as by_rows

from dynattn.solve import jacobians
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
