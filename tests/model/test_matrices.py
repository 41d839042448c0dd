"""The matrix product and the functions of matrices: shapes, and what is computed of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.lower.certify import certify
from dynattn.run.experiment import run_experiment
from tests.model.models import checked, refused, shape

PRODUCTS = """param m = 2, n = 3, k = 4, H = 5
param A[m, n] = 1, B[n, k] = 1, C[H, m, n] = 1, S[n, n] = 1
population p[6] { state x on real(n); drift -x }
observe o = """


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("A @ x", ["m"]), ("x @ B", ["k"]), ("A @ B", ["m", "k"]), ("x @ x", []),
        ("C @ B", ["H", "m", "k"]), ("C @ x", ["H", "m"]), ("transpose(A)", ["n", "m"]),
        ("transpose(C)", ["H", "n", "m"]), ("trace(S)", []),
        ("det(S)", []), ("expm(S)", ["n", "n"]),
    ],
)  # fmt: skip
def test_shapes_of_products(text: str, sizes: list[str]) -> None:
    value = checked(PRODUCTS + text).observables[0].value
    assert shape(value) == sizes
    assert value.type.place.kind == ("nodes" if "x" in text.replace("expm", "") else "global")


def test_sizes_are_compared_as_they_are_written() -> None:
    assert [code for code, _ in refused(PRODUCTS.replace("n = 3", "n = 2") + "B @ x")] == ["E317"]


def compiled(text: str) -> Compilation:
    return Compilation(Source("m.dyn", text))


GAME = """model game
param A[3, 3] = [[0, -1, 1], [1, 0, -1], [-1, 1, 0]], K = 0.3
population p[4] {
  state x on real(3) ~ normal(0, 1)
  param W[3, 3] ~ normal(0, 0.3)
  drift A @ x - W @ transpose(W) @ x
}
coupling c: p -> p { kernel (A @ A) @ (x[j] - x[i]); strength K }
coupling d: p -> p over ring(4, reach=1) { kernel expm(W[i]) @ x[j] }
simulate { t 0 .. 2 every 0.5; rtol 1e-10 }
"""


def test_a_run_agrees_with_scipy() -> None:
    found = run_experiment(compiled(GAME))
    system = compiled(GAME).build()
    w, x0 = system.get_buffer("p.W").numpy(), found["p.x"][0]
    a = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]], float)
    from scipy.linalg import expm

    near = [[1, 3], [0, 2], [1, 3], [0, 2]]

    def rate(t: float, y: np.ndarray) -> np.ndarray:
        x = y.reshape(4, 3)
        rows = []
        for i in range(4):
            row = a @ x[i] - w[i] @ w[i].T @ x[i]
            row = row + 0.3 * sum(a @ a @ (x[j] - x[i]) for j in range(4))
            rows.append(row + expm(w[i]) @ (x[near[i][0]] + x[near[i][1]]))
        return np.concatenate(rows)

    end = solve_ivp(rate, (0, 2), x0.ravel(), rtol=1e-11, atol=1e-12, method="DOP853").y[:, -1]
    np.testing.assert_allclose(found["p.x"][-1].ravel(), end, rtol=1e-7, atol=1e-7)


def test_sums_of_products_are_mean_fields() -> None:
    block = compiled(GAME).program.field
    assert block is not None
    assert {"sender", "receiver", "edge_sum"} & {node.op for node in block.nodes} == set()


ALL = """model all
param N = 5, b = 0.5, B[2, 2] = [[b, 1], [2, 2*b]]
population p[N] {
  state y on real(2)
  param W[2, 2] ~ normal(0, 1)
  let q = expm(0.1*W) @ (inverse(B) @ (y + 1)) + polar(B + W) @ y * det(B + W)
  drift q + trace(W @ B) * [1, b] + y @ B
  energy y @ (B @ transpose(B) @ y)
}
coupling c: p -> p { kernel W[j] @ y[i]; normalize size }
coupling d: p -> p over ring(N, reach=1) { kernel W[i] @ (W[j] @ y[j]); weight 1/distance }
observe e = mean(y) @ (B @ mean(y))
"""


def test_every_function_of_matrices_is_certified() -> None:
    assert certify(compiled(ALL)).passed


def test_the_entries_of_a_written_matrix_stand_where_they_are_written() -> None:
    text = (
        "model m\nparam a = 2, A[2, 2] = [[1, a], [3*a, 4]]\npopulation p[1] { state x on real(2)"
    )
    system = compiled(text + "; drift A @ x }").build()
    assert system.get_buffer("A").tolist() == [[1, 2], [6, 4]]
