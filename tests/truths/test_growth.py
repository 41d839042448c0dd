"""States on positive and simplex against SciPy and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import expm

from dynattn.diagnostics.report import SpecError
from dynattn.lower.certify import certify
from dynattn.lower.emit import emit
from dynattn.solve.solve import solve
from tests.truths.solved import compiled, run, solved

LOGISTIC = """
model logistic
param r = 0.7, K = 3.0
population yeast[1] { state n on positive = 0.02; drift r * (1 - n / K) }
simulate { t 0 .. 20 every 1; METHOD }
"""


def logistic(t: np.ndarray) -> np.ndarray:
    return 3.0 / (1 + (3.0 / 0.02 - 1) * np.exp(-0.7 * t))


@pytest.mark.parametrize(
    "method", ["rtol 1e-9", "method rk4; step 0.05", "method torchdiffeq.rk4; step 0.05"]
)
def test_logistic_growth(method: str) -> None:
    found = run(LOGISTIC.replace("METHOD", method))
    np.testing.assert_allclose(found["yeast.n"][:, 0], logistic(found.times), rtol=1e-6)


@pytest.mark.parametrize(("method", "order"), [("euler", 1), ("heun", 2), ("rk4", 4)])
def test_the_retraction_keeps_the_order_of_every_method(method: str, order: int) -> None:
    system = compiled(LOGISTIC.replace("METHOD", "rtol 1e-9")).build()
    states = system.initial_states()
    exact = logistic(np.array([4.0]))[0]
    errors = [
        abs(float(solve(system, states, [0.0, 4.0], method=method, step=h).states["yeast.n"][-1])
            - exact) for h in (0.2, 0.1)
    ]  # fmt: skip
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.5)


PREDATORS = """
model predators
population prey[1]     { state x on positive = 1; drift 1 }
population predator[1] { state y on positive = 0.5; drift -1 }
coupling eaten: predator -> prey { kernel -y[j] }
coupling fed:   prey -> predator { kernel x[j] }
observe energy = mean(x - log(x)) + mean(y - log(y))
simulate { t 0 .. 30 every 0.5; rtol 1e-10 }
"""


def test_lotka_volterra_and_its_conserved_quantity() -> None:
    found = run(PREDATORS)
    expected = solved(lambda t, z: [z[0] * (1 - z[1]), z[1] * (z[0] - 1)], [1.0, 0.5], found.times)
    np.testing.assert_allclose(found["prey.x"][:, 0], expected[:, 0], rtol=1e-7)
    np.testing.assert_allclose(found["predator.y"][:, 0], expected[:, 1], rtol=1e-7)
    assert np.ptp(found["energy"]) < 1e-7


RARE = """
model rare
population a[1] { state x on positive = 1; drift 40 * cos(t) }
simulate { t 0 .. 12 every 0.5; METHOD }
"""


@pytest.mark.parametrize("method", ["rtol 1e-6", "method rk4; step 0.002"])
def test_what_is_rare_comes_back(method: str) -> None:
    """x = exp(40 sin t) falls to 4e-18, far below any tolerance, and is never lost."""
    found = run(RARE.replace("METHOD", method))
    np.testing.assert_allclose(np.log(found["a.x"][:, 0]), 40 * np.sin(found.times), atol=2e-3)


def test_what_dies_out_stays_above_zero_and_finite() -> None:
    text = RARE.replace("40 * cos(t)", "4000 * pulse(t, 6, 20) - 2000")
    by_log = run(text.replace("METHOD", "rtol 1e-6"))["a.x"][:, 0]
    assert (by_log >= 0).all()
    assert by_log[-1] == pytest.approx(1, rel=1e-2)
    by_step = run(text.replace("METHOD", "method euler; step 0.01"))["a.x"][:, 0]
    assert (by_step >= 0).all() and np.isfinite(by_step).all()


GAME = """
model game
population play[2] {
  param weak ~ uniform(0.5, 1)
  state x on simplex(3) = [0.5, 0.3, 0.2]
  drift rock*[0, -1, 1] + paper*[weak, 0, -1] + [-1, 1, 0]*(1 - rock - paper)
  let rock = dot(x, [1, 0, 0])
  let paper = dot(x, [0, 1, 0])
}
observe least = min(dot(log(x), [1, 1, 1]))
simulate { t 0 .. 20 every 1; METHOD; seed 3 }
"""


def replicator(t: float, x: np.ndarray, weak: float) -> np.ndarray:
    payoff = np.array([[0, weak, -1], [-1, 0, 1], [1, -1, 0]]) @ x
    return x * (payoff - x @ payoff)


@pytest.mark.parametrize("method", ["rtol 1e-9", "method rk4; step 0.02"])
def test_replicator_equation(method: str) -> None:
    text = GAME.replace("METHOD", method)
    found = run(text)
    for node in range(2):
        weak = float(compiled(text).build().play.weak[node])  # type: ignore[union-attr]
        expected = solved(lambda t, x, w=weak: replicator(t, x, w), [0.5, 0.3, 0.2], found.times)
        np.testing.assert_allclose(found["play.x"][:, node], expected, atol=1e-6)
    np.testing.assert_allclose(found["play.x"].sum(-1), 1, atol=1e-13)


def test_the_product_of_shares_is_conserved_in_a_fair_game() -> None:
    text = GAME.replace("uniform(0.5, 1)", "uniform(1, 1)").replace("METHOD", "rtol 1e-10")
    assert np.ptp(run(text)["least"]) < 1e-8


MUTATION = """
model mutation
population pool[1] {
  state x on simplex(2)
  x' = [0.3, 0.1]
}
population other[1] { state n on positive; n' = 2 - n }
simulate { t 0 .. 2 every 0.5; METHOD }
"""


@pytest.mark.parametrize("method", ["rtol 1e-9", "method rk4; step 0.05"])
def test_an_equation_stands_as_it_is_but_for_its_normal_part(method: str) -> None:
    found = run(MUTATION.replace("METHOD", method))
    t = found.times
    np.testing.assert_allclose(found["pool.x"][:, 0, 0], 0.5 + 0.1 * t, atol=1e-7)
    np.testing.assert_allclose(found["other.n"][:, 0], 2 - np.exp(-t), atol=1e-6)


NOISE = """
model noisy
param s = 0.4, K = 8.0
population p[4000] { state x on positive = 2; drift -0.3; noise s }
population q[2000] { state y on simplex(2); drift [0, 0]; noise 0.5 }
observe logs = mean(log(x))
observe spread = std(log(x))
observe odds = std(log(dot(y, [1, 0])) - log(dot(y, [0, 1])))
simulate { t 0 .. 2 every 1; method heun; step 0.02; seed 1 }
"""


def test_noise_is_per_capita_in_the_sense_of_stratonovich() -> None:
    """log x = log 2 - 0.3 t + s W, and the log odds of two shares are 0.5 (W_1 - W_2)."""
    found = run(NOISE)
    assert found["logs"][-1] == pytest.approx(np.log(2) - 0.6, abs=0.03)
    assert found["spread"][-1] == pytest.approx(0.4 * 2**0.5, rel=0.04)
    assert found["odds"][-1] == pytest.approx(0.5 * 2, rel=0.05)
    with pytest.raises(SpecError, match="Stratonovich"):
        run(NOISE.replace("heun", "euler"))


@pytest.mark.parametrize("text", [PREDATORS, GAME.replace("METHOD", "rtol 1e-6"), NOISE])
def test_the_forms_agree_with_the_reference(text: str) -> None:
    small = text.replace("[4000]", "[3]").replace("[2000]", "[3]")
    assert certify(compiled(small)).passed


def test_an_emitted_file_takes_only_steps_that_stay_above_zero() -> None:
    found = compiled(LOGISTIC.replace("METHOD", "rtol 1e-6"))
    with pytest.raises(SpecError) as caught:
        emit(found.model, found.network, found.program)
    assert [(d.code, d.fix) for d in caught.value.diagnostics] == [("E401", "use 'method rk4'")]


def test_a_start_that_is_no_point_of_the_manifold_is_refused_before_it_runs() -> None:
    text = LOGISTIC.replace("0.02", "K - 3").replace("METHOD", "rtol 1e-6")
    with pytest.raises(SpecError) as caught:
        run(text)
    assert [d.code for d in caught.value.diagnostics] == ["E313"]


def test_linear_shares_follow_the_matrix_exponential() -> None:
    """Constant fitness: shares are those of exp(F t)."""
    text = "model m\npopulation p[1] { state x on simplex(3) = [0.2, 0.3, 0.5]; drift [1, 2, 0] }\n"
    found = run(text + "simulate { t 0 .. 3 every 1; rtol 1e-10 }")
    for t, x in zip(found.times, found["p.x"][:, 0], strict=True):
        grown = expm(np.diag([1.0, 2.0, 0.0]) * t) @ [0.2, 0.3, 0.5]
        np.testing.assert_allclose(x, grown / grown.sum(), atol=1e-8)


HOPFIELD = """
model hopfield
param P = 7, n = 5, beta = 4.0
population memory[P] { param m[n] ~ normal(0, 1) }
population query[3]  { state x on real(n) ~ normal(0, 1); x <- retrieve }
coupling retrieve: memory -> query { weight softmax(beta * dot(x[i], m[j])); kernel m[j] }
simulate { steps 2; record x; seed 4 }
"""


def test_a_population_without_a_state_sends_its_parameters() -> None:
    """Retrieval by softmax, computed a second time."""
    found = run(HOPFIELD)["x"]
    memory = compiled(HOPFIELD).build(seed=4).memory.m.numpy()  # type: ignore[union-attr]
    for step in range(2):
        score = np.exp(4.0 * found[step] @ memory.T)
        expected = score / score.sum(-1, keepdims=True) @ memory
        np.testing.assert_allclose(found[step + 1], expected, rtol=1e-10)
    assert certify(compiled(HOPFIELD)).passed
