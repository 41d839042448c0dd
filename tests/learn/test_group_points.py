"""Learned matrices of groups and algebras: steps along them, and training that stays on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.linalg import expm

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.learn.folder import new_run
from dynattn.learn.retraction import RETRACTIONS
from dynattn.learn.train import train
from dynattn.lower.certify import certify
from dynattn.vocabulary import matrix_groups
from dynattn.vocabulary.manifolds import MANIFOLDS

TEXT = """model turned "A class from vectors that learned matrices turn"
param d = 3
input image: real[d]
input label: class(2)
layer turn(h: real[d]) {
  learn R on SO(d), U[2] on SU(2), W on so(d), A on su(2) ~ normal(0, 0.1)
  output R @ (h + W @ h) + re(trace(U[0] @ expm(A) @ U[1]))
}
network {
  h = turn(image)
  output logits = linear(h, 2)
}
train {
  data arrays("points.npz")
  loss cross_entropy(logits, label)
  optimizer adamw(lr=0.05, weight_decay=0.5); batch 16; steps 25
}
"""


def points(name: str, count: int = 5) -> np.ndarray:
    return MANIFOLDS[name].sample(np.random.default_rng(1), (count, 3, 3))


@pytest.mark.parametrize("name", ["SO", "SU"])
def test_a_step_on_a_group_is_one_along_its_geodesic(name: str) -> None:
    """X exp(A): A is the skew part of X^+ v, without trace on SU; SciPy's expm as oracle."""
    x, v = points(name), 0.3 * MANIFOLDS[name.lower()].sample(np.random.default_rng(2), (5, 3, 3))
    v = v + 0.2 * np.ones((3, 3))
    found = RETRACTIONS[name](torch.from_numpy(x), torch.from_numpy(v)).numpy()
    turn = matrix_groups.adjoint(x) @ v
    turn = (turn - matrix_groups.adjoint(turn)) / 2
    turn = turn - np.trace(turn, axis1=-2, axis2=-1)[:, None, None] / 3 * np.eye(3)
    np.testing.assert_allclose(found, x @ expm(turn), atol=1e-13)
    assert abs(found - x).max() > 0.1


@pytest.mark.parametrize("name", ["SO", "SU", "so", "su"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_rounding_errors_do_not_add_up(name: str, dtype: torch.dtype) -> None:
    kind = dtype.to_complex() if MANIFOLDS[name].of_complex else dtype
    x = torch.from_numpy(points(name)).to(kind)
    generator = torch.Generator().manual_seed(0)
    for _ in range(1000):
        x = RETRACTIONS[name](x, 0.1 * torch.randn(x.shape, dtype=kind, generator=generator))
    eps, one = torch.finfo(dtype).eps, torch.eye(3, dtype=kind)
    off = x @ x.mH - one if name.isupper() else (x + x.mH) / x.abs().max()
    assert off.abs().max() < 30 * eps
    if name == "SU":
        assert (torch.linalg.det(x) - 1).abs().max() < 30 * eps


def test_training_moves_learned_matrices_and_leaves_them_where_they_lie(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images = rng.standard_normal((64, 3))
    labels = (images @ [1, -2, 0.5] > 0).astype(np.int64)
    np.savez(tmp_path / "points.npz", image=images, label=labels)
    (tmp_path / "turned.dyn").write_text(TEXT)
    spec = Compilation(Source(str(tmp_path / "turned.dyn"), TEXT))
    assert certify(spec).passed
    before = {n: p.detach().numpy() for n, p in spec.build().named_parameters()}
    result = train(spec, new_run("w", tmp_path / "w"), device="cpu", threads=1)
    import dynattn

    system = dynattn.load(result.folder).build()
    after = {name: value.detach().numpy() for name, value in system.named_parameters()}
    for name, group in {"R": "SO", "U": "SU", "W": "so", "A": "su"}.items():
        (full,) = (n for n in after if n.startswith("turn.") and n.endswith(f".{name}"))
        moved = after[full].astype(complex)
        assert abs(moved - before[full]).max() > 1e-2
        off = moved @ matrix_groups.adjoint(moved) - np.eye(moved.shape[-1])
        if group.islower():
            off = moved + matrix_groups.adjoint(moved)
        assert abs(off).max() < 1e-6, name
