"""rodas5p with sparse Jacobians: the same steps as with dense ones, and far larger systems."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source, SpecError
from dynattn.solve import rosenbrock, sparse_rosenbrock, sparsity
from dynattn.solve.jacobians import jacobian
from dynattn.solve.packing import packing_of
from dynattn.solve.solve import solve

HEAT = """
model heat
param N = 300, D = 1e4
population rod[N] { state u on real = sin(2*pi*index/N) + 0.3*cos(8*pi*index/N) }
coupling flow: rod -> rod over ring(N) { strength D }
simulate { t 0 .. 1 }
"""

MIXED = """
model mixed
param N = 120
graph net = random_regular_graph(3, N, seed=2)
population cell[N] {
  state v on real ~ uniform(-1, 1)
  state x on sphere(3)
  state n on positive = 1 + 0.1*index/N
  drift v: 100 * (v - v^3 - n) + sin(t)
  drift x: [v, n, 1]
  drift n: 1 - n + 0.1*near
}
population hub[N] { state h on circle ~ uniform; h' = 1 + sin(up) }
group all = cell
readout near: cell -> cell over ring(N, reach=2) { kernel tanh(n[j] - v[i]) }
coupling gap: all -> cell.v over net { kernel 20 * sin(v[j] - v[i]) }
coupling up: cell -> hub over one_to_one(N) { kernel v[j] }
simulate { t 0 .. 1 }
"""


def built(text: str, **overrides: Any) -> Any:
    return Compilation(Source("sparse.dyn", text), overrides).build()


def ends(system: Any, sparse: bool, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Any:
    with monkeypatch.context() as patch, torch.no_grad():
        patch.setattr(sparsity, "FEWEST", 2 if sparse else 10**9)
        patch.setattr(sparsity, "SHARE", 1.0)
        start = system.initial_states()
        options = {"rtol": 1e-6, "method": "rodas5p"} | options
        return solve(system, start, [0.0, 0.01, 0.3], **options)


def test_a_pattern_holds_every_entry() -> None:
    system = built(MIXED)
    states = system.initial_states()
    packing = packing_of(states, 0)
    pattern = sparsity.pattern_of(system, packing)
    assert pattern is not None and pattern.size == 120 * (5 + 1)
    y = packing.pack(states)
    t = torch.tensor(0.3, dtype=torch.float64)

    def rates(y: torch.Tensor) -> torch.Tensor:
        return packing.pack(system.rates(t, packing.unpack(y)))

    exact = jacobian(rates, y)[1].detach().numpy()
    rows, columns = pattern.entries
    missing = exact.copy()
    missing[rows, columns] = 0
    assert not missing.any()
    # No two columns of one direction meet in a row.
    read = np.zeros((pattern.count, pattern.size), int)
    np.add.at(read, (pattern.directions[columns], rows), 1)
    assert read.max() == 1 and pattern.count < 130


@pytest.mark.parametrize("whole", [True, False])
def test_steps_are_those_of_dense_jacobians(monkeypatch: pytest.MonkeyPatch, whole: bool) -> None:
    if not whole:
        monkeypatch.setattr(sparse_rosenbrock, "FILLED", 0)
    system = built(MIXED)
    dense = ends(system, False, monkeypatch)
    sparse = ends(system, True, monkeypatch)
    assert sparse.statistics["steps"] == dense.statistics["steps"]
    for name, x in sparse.states.items():
        assert torch.allclose(x, dense.states[name], rtol=1e-8, atol=1e-9), name


def test_points_of_a_batch_have_steps_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    text = HEAT.replace("sin(2*pi", "a * sin(2*pi").replace("N = 300", "N = 40, a = 1.0")
    text += "sweep s { a = [0, 1, 3]; t 0 .. 0.3 every 0.1; method rodas5p; record u }\n"
    from dynattn.run.experiment import run_experiment

    found: Any = []
    for fewest in (2, 10**9):
        monkeypatch.setattr(sparsity, "FEWEST", fewest)
        monkeypatch.setattr(sparsity, "SHARE", 1.0)
        found.append(run_experiment(Compilation(Source("s.dyn", text)), "s"))
    assert found[0]["u"] == pytest.approx(found[1]["u"], abs=1e-9)
    assert found[0].statistics["steps"] == found[1].statistics["steps"]


def test_a_long_rod_against_its_modes() -> None:
    """20 000 states: what a dense Jacobian would need 3 GB for."""
    n, rate = 20_000, 1e7
    system = built(HEAT, N=n, D=rate)
    with torch.no_grad():
        found = solve(system, system.initial_states(), [0.0, 1.0], method="rodas5p", rtol=1e-6)
    k = np.arange(n)
    decay = [np.exp(-2 * rate * (1 - np.cos(2 * np.pi * m / n))) for m in (1, 4)]
    exact = decay[0] * np.sin(2 * np.pi * k / n) + 0.3 * decay[1] * np.cos(8 * np.pi * k / n)
    assert decay[0] < 0.5 and found.states["rod.u"][-1].numpy() == pytest.approx(exact, abs=1e-5)
    assert found.statistics["steps"] < 60  # tsit5 would need 10 million


def test_what_joins_all_nodes_is_dense_and_too_large_is_refused() -> None:
    text = HEAT.replace("over ring(N) ", "")
    system = built(text, N=20_000)
    assert sparsity.pattern_of(system, packing_of(system.initial_states(), 0)) is None
    with pytest.raises(SpecError) as caught, torch.no_grad():
        solve(system, system.initial_states(), [0.0, 1.0], method="rodas5p")
    assert [item.code for item in caught.value.diagnostics] == ["E632"]
    assert "graphs with few edges" in str(caught.value.diagnostics[0].fix)


def test_entries_that_no_graph_tells_of_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mean over all nodes: the sparse steps are given up, and the numbers are the dense ones."""
    text = HEAT.replace("0.3*cos(8*pi*index/N) }", "0.3; drift -50*mean(u^3) }")
    text = text.replace("300", "30")
    given_up = []
    plain = sparse_rosenbrock.SparseRun._slopes_of

    def watched(self: Any, times: Any) -> Any:
        try:
            return plain(self, times)
        except sparse_rosenbrock.MissingEntries:
            given_up.append(self.pattern)
            raise

    monkeypatch.setattr(sparse_rosenbrock.SparseRun, "_slopes_of", watched)
    system = built(text)
    dense, sparse = (ends(system, way, monkeypatch) for way in (False, True))
    assert given_up and torch.equal(dense.states["rod.u"], sparse.states["rod.u"])


def test_gradients_take_dense_jacobians() -> None:
    system = built(HEAT, N=500)
    start = {n: x.requires_grad_() for n, x in system.initial_states().items()}
    end = solve(system, start, [0.0, 1e-5], method="rodas5p", rtol=1e-3).states["rod.u"][-1]
    (slope,) = torch.autograd.grad(end.sum(), start["rod.u"])
    assert slope == pytest.approx(np.ones(500), abs=1e-6)  # heat is conserved
    assert rosenbrock.MOST == 2**30
