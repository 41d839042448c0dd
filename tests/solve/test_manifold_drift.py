"""A thousand steps of every own method leave no state off its manifold by more than rounding."""

from __future__ import annotations

import pytest
import torch

from dynattn.diagnostics.report import Source
from dynattn.interface import Spec
from dynattn.lower.module import System, build_system
from dynattn.solve.fixed import integrate
from dynattn.vocabulary import matrix_groups
from dynattn.vocabulary.manifolds import MANIFOLDS
from dynattn.vocabulary.tableaus import TABLEAUS
from tests.vocabulary.geometries import axes_of, entry_of, start_of

STEPS, STEP = 1000, 0.05
TEXTS = [f"{name}(3)" if entry.parameters else name for name, entry in MANIFOLDS.items()]
BOUND = [text for text in TEXTS if entry_of(text).constraint or len(axes_of(text)) == 2
         or entry_of(text).logarithmic]  # fmt: skip
"""Where a point may be off; on the others every array of numbers is one."""

SLOW = ("SO(3)", "SU(3)")
CASES = [
    pytest.param(text, method, marks=pytest.mark.slow if text in SLOW and stages > 2 else ())
    for text in BOUND
    for method, stages in ((name, len(tableau.weights)) for name, tableau in TABLEAUS.items())
]


def system_of(text: str) -> System:
    """Two points driven by a force that turns in time, and by each other."""
    entry, shape = entry_of(text), axes_of(text)
    axes = f"[{', '.join(map(str, shape))}]" if shape else ""
    kernel = "" if entry.kernel else "kernel -x[j]; "
    spec = Spec(
        Source(
            "drift.dyn",
            f"""model drift
population p[2] {{
  state x on {text} {start_of(entry)}
  param w{axes} on {"complex" if entry.of_complex else "real"} ~ normal(0, 0.7)
  drift w * (0.3 + cos(3*t))
}}
coupling c: p -> p {{ {kernel}strength 0.4 + 0.3*sin(t) }}
simulate {{ t 0 .. 1 every 1; method rk4; step 0.1 }}
""",
        )
    )
    return build_system(spec.model, spec.network, spec.program, seed=1)


def defect(name: str, x: torch.Tensor) -> float:
    """How far the farthest point is off: the manifold's equations, written out once more."""
    if name in ("SO", "SU", "so", "su"):
        one, other = torch.eye(3, dtype=x.dtype), torch.as_tensor(matrix_groups.adjoint(x.numpy()))
        if name in ("so", "su"):
            parts = [x + other, x.diagonal(dim1=-2, dim2=-1).sum(-1)]
        else:
            parts = [other @ x - one, torch.linalg.det(x) - 1]
        return max(part.abs().max().item() for part in parts)
    if name == "sphere":
        return (x.square().sum(-1) - 1).abs().max().item()
    assert name in ("positive", "simplex"), f"say what a point of {name} satisfies"
    assert x.min() > 0
    return (x.sum(-1) - 1).abs().max().item() if name == "simplex" else 0.0


@pytest.mark.parametrize(("text", "method"), CASES)
def test_no_state_drifts_off(text: str, method: str) -> None:
    system = system_of(text)
    times = [STEP * k for k in range(STEPS + 1)]
    with torch.no_grad():
        path = integrate(system, system.initial_states(), times, method=method, step=STEP)["p.x"]
    assert torch.isfinite(path).all()
    assert (path[1:] - path[:-1]).abs().amax(dim=tuple(range(1, path.dim()))).min() > 0, "it moves"
    assert defect(text.split("(")[0], path) < 1e-12
