"""Equilibria, their eigenvalues and their gradients against closed forms and against SciPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.linalg
import scipy.optimize
import scipy.sparse
import torch

from dynattn.analyse.equilibria import equilibria
from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source, SpecError
from dynattn.solve.equilibria import newton, with_gradients
from dynattn.solve.packing import packing_of
from dynattn.solve.rest_problem import rest_problem


def built(text: str, **overrides):
    text = f"model m\n{text}\nsimulate {{ t 0 .. 10 every 1 }}"
    return Compilation(Source("m.dyn", text), overrides).build()


def found(text: str, **options):
    return equilibria(built(text), **{"starts": 8, **options})


def values(result, name, digits=9):
    """The states of all equilibria as rounded tuples."""
    return sorted(tuple(np.round(item.states[name].ravel(), digits) + 0.0) for item in result)


PITCHFORK = "param r = {}\npopulation p[1] {{ state x on real ~ normal(0, 1); drift r*x - x^3 }}"


def test_pitchfork():
    below = found(PITCHFORK.format(-0.5))
    assert [item.stability.verdict for item in below] == ["stable"]
    above = found(PITCHFORK.format(0.25))
    assert values(above, "p.x") == [(-0.5,), (0.0,), (0.5,)]
    assert sorted(item.eigenvalues[0].real for item in above) == pytest.approx([-0.5, -0.5, 0.25])
    at = found(PITCHFORK.format(0.0))
    assert [item.stability.verdict for item in at] == ["undecided"]


def test_cusp():
    """x' = a + b x - x^3: three equilibria where 4 b^3 > 27 a^2, one elsewhere."""
    text = "param a = {}\npopulation p[1] {{ state x on real; drift a + 1.5*x - x^3 }}"
    edge = math.sqrt(4 * 1.5**3 / 27)
    for a, count in ((0.99 * edge, 3), (1.01 * edge, 1)):
        result = found(text.format(a))
        roots = np.roots([-1, 0, 1.5, a])
        real = sorted(roots.real[np.abs(roots.imag) < 1e-9])
        assert len(result) == count
        assert [v[0] for v in values(result, "p.x")] == pytest.approx(real, abs=1e-9)


def test_two_oscillators_lock():
    """Difference arcsin(dw/K) at rest, drift the mean; eigenvalue -K cos, and +K cos beside it."""
    result = found(
        """param K = 1.0
population osc[2] { state theta on circle; param w = 0.7 + 0.6*index; drift w }
coupling pull: osc -> osc { strength K; normalize size }"""
    )
    assert result.symmetries == ("shift osc.theta",)
    assert [item.stability.verdict for item in result] == ["stable", "unstable"]
    gap, slope = math.asin(0.6), math.sqrt(1 - 0.6**2)
    for item, angle, rate in zip(result, (gap, math.pi - gap), (-slope, slope), strict=True):
        theta = item.states["osc.theta"]
        assert math.cos(theta[1] - theta[0] - angle) == pytest.approx(1, abs=1e-12)
        assert item.drift["shift osc.theta"] == pytest.approx(1.0, abs=1e-12)
        assert item.eigenvalues == pytest.approx([rate], abs=1e-9)
        assert item.stability.symmetric == 1


def test_identical_oscillators_have_the_eigenvalue_minus_K():
    result = found(
        """population osc[4] { state theta on circle; drift 0.3 }
coupling pull: osc -> osc { strength 2; normalize size }""",
        deflate=False,
    )
    # The sum over j != i divided by N - 1 senders gives -K N/(N - 1); the size is N.
    assert result[0].eigenvalues == pytest.approx([-2.0] * 3)
    assert result[0].drift["shift osc.theta"] == pytest.approx(0.3)


def test_inertia_keeps_the_drift():
    result = found(
        """population osc[3] { state theta on circle; inertia 2; dissipation 0.5; drift 0.1*index }
coupling pull: osc -> osc { strength 2; normalize size }""",
        deflate=False,
    )
    assert result[0].stable
    assert result[0].drift["shift osc.theta"] == pytest.approx(0.1 / 0.5, abs=1e-10)


def test_stuart_landau():
    """Two identical oscillators in phase: |z| = 1, and -2, -2k and -2 - 2k beside the turn."""
    result = found(
        """population osc[2] { state z on complex; z' = z*(1 - abs(z)^2) + 1.5i*z + pull }
coupling pull: osc -> osc { kernel 0.5*(z[j] - z[i]) }"""
    )
    best = result[0]
    assert best.stable and best.drift["turn osc.z"] == pytest.approx(1.5)
    assert np.abs(best.states["osc.z"]) == pytest.approx([1, 1])
    assert sorted(np.real(best.eigenvalues)) == pytest.approx([-3, -2, -1], abs=1e-8)


def test_lohe_on_the_sphere():
    """All at one point: -K with multiplicity (N - 1)(D - 1); the D - 1 rotations are symmetric."""
    result = found(
        """population p[4] { state x on sphere(3) }
coupling pull: p -> p { strength 2; normalize size }""",
        deflate=False,
    )
    best = result[0]
    assert best.stable and best.stability.symmetric == 2
    assert best.eigenvalues == pytest.approx([-2.0] * 6)
    assert np.ptp(best.states["p.x"], axis=0).max() < 1e-8


LV = """param a = 0.4 in 0 .. 2
population s[4] { state x on positive ~ uniform(0.5, 1); param r = 1 + 0.05*index; drift r - x }
coupling fight: s -> s { kernel -a*x[j] }"""


def lotka_volterra(a):
    matrix = a * np.ones((4, 4)) + (1 - a) * np.eye(4)
    return matrix, 1 + 0.05 * np.arange(4)


def test_lotka_volterra_and_its_subsets():
    """At each equilibrium those that are there solve A x = r; the others grow by r - A x."""
    result = found(LV, starts=16)
    matrix, rates = lotka_volterra(0.4)
    inside = [item for item in result if item.stable]
    assert len(inside) == 1 and inside[0].saturated
    assert inside[0].states["s.x"] == pytest.approx(np.linalg.solve(matrix, rates), abs=1e-11)
    assert len(result) > 3
    for item in result:
        x = item.states["s.x"]
        there = x > 0
        part = np.linalg.solve(matrix[np.ix_(there, there)], rates[there])
        assert x[there] == pytest.approx(part, abs=1e-10)
        growth = (rates - matrix @ x)[~there]
        assert item.growth["s.x"][~there] == pytest.approx(growth, abs=1e-10)


def test_replicator_of_rock_paper_scissors():
    """The centre is neutral, the corners and no edge are at rest."""
    result = found(
        """population p[1] { state q on simplex(3)
  drift [q[1] - q[2], q[2] - q[0], q[0] - q[1]] }""",
        starts=16,
    )
    assert len(result) == 4
    verdicts = sorted(item.stability.verdict for item in result)
    assert verdicts == ["undecided", "unstable", "unstable", "unstable"]
    centre = next(item for item in result if item.stability.verdict == "undecided")
    assert centre.states["p.q"].ravel() == pytest.approx([1 / 3] * 3)
    assert np.imag(centre.eigenvalues) == pytest.approx([3**-0.5, -(3**-0.5)])


def test_what_is_conserved_stays():
    """Exchange between two: the equilibrium has the sum of the start, and one symmetric zero."""
    result = found(
        """population a[1] { state x on real = 3; x' = flow }
population b[1] { state y on real = 1; y' = back }
coupling flow: b -> a { kernel 2*y[j] - x[i] }
coupling back: a -> b { kernel x[j] - 2*y[i] }""",
        starts=1,
    )
    (item,) = result
    states = item.states
    assert (states["a.x"][0], states["b.y"][0]) == pytest.approx((8 / 3, 4 / 3))
    assert item.stability.symmetric == 1 and item.eigenvalues == pytest.approx([-3])


WILSON_COWAN = """param P = 1.0
population e[1] { state u on real; u' = -u + 1/(1 + exp(-(12*u - back + P - 4))) }
population q[1] { state v on real; v' = (-v + 1/(1 + exp(-(up - 3.5)))) / 2 }
coupling back: q -> e { kernel 10*v[j] }
coupling up: e -> q { kernel 10*u[j] }"""


def test_wilson_cowan_against_scipy():
    def rates(x, P=1.0):
        u, v = x
        return [-u + 1 / (1 + np.exp(-(12 * u - 10 * v + P - 4))),
                (-v + 1 / (1 + np.exp(-(10 * u - 3.5)))) / 2]  # fmt: skip

    roots = set()
    for start in np.random.default_rng(0).uniform(-0.2, 1.2, (60, 2)):
        root = scipy.optimize.root(rates, start, tol=1e-13)
        if np.abs(rates(root.x)).max() < 1e-10:
            roots.add(tuple(np.round(root.x, 8) + 0.0))
    result = found(WILSON_COWAN, starts=12)
    ours = {(round(float(i.states["e.u"][0]), 8), round(float(i.states["q.v"][0]), 8))
            for i in result}  # fmt: skip
    assert ours == roots
    for item in result:
        point = np.array([item.states["e.u"][0], item.states["q.v"][0]])
        slopes = np.asarray(scipy.optimize.approx_fprime(point, rates, 1e-7))
        want = np.sort_complex(np.linalg.eigvals(slopes))
        assert np.sort_complex(item.eigenvalues) == pytest.approx(want, abs=1e-5)


def test_a_map_is_stable_where_its_multipliers_are_below_1():
    """The logistic map: x = 1 - 1/r with multiplier 2 - r, and 0 with r."""
    result = found("population p[1] { state x on real = 0.4; x <- 3.2*x*(1 - x) }")
    assert values(result, "p.x") == [(0.0,), (0.6875,)]
    assert sorted(item.eigenvalues[0].real for item in result) == pytest.approx([-1.2, 3.2])
    assert {item.stability.verdict for item in result} == {"unstable"}


def test_participation_sums_to_one_and_finds_the_fast_variable():
    result = found(
        """population slow[1] { state x on real; x' = -0.1*x + 0*push }
population fast[1] { state y on real; drift -5*y }
coupling push: fast -> slow { kernel y[j] }"""
    )
    vectors, shares = result[0].stability.modes()
    assert result[0].eigenvalues == pytest.approx([-0.1, -5])
    assert shares == pytest.approx(np.eye(2)) and vectors.shape == (2, 2)


def test_what_is_never_at_rest_is_refused():
    noisy = "population p[2] { state x on real; drift -x; noise 0.1 }"
    late = """population p[2] { state x on real; drift -x }
coupling c: p -> p { kernel x[j]; delay 0.5 }"""
    driven = "population p[2] { state x on real; drift sin(t) - x }"
    for text, code in ((noisy, "E621"), (late, "E428"), (driven, "E636")):
        with pytest.raises(SpecError, match=code):
            found(text)


BRATU = """param C = 1.0
population u[{n}] {{ state x on real = 0; drift C*exp(x) - 2*(n + 1)^2*x }}
param n = {n}
coupling left: u -> u over chain {{ kernel (n + 1)^2*x[j] }}
graph chain = path_graph({n})"""


@pytest.mark.parametrize("n", [100, 2100])
def test_bratu(n):
    """u'' + C exp(u) = 0 between walls: u = 2 log(cosh a / cosh(a (1 - 2x))), a = sqrt(C/8) cosh a.
    The error of second differences is O(1/n^2); beyond 2 000 states the matrix is sparse."""
    result = found(BRATU.format(n=n), starts=1, deflate=False, relax=False)
    (item,) = result
    a = 0.379291149762689
    assert a == pytest.approx(math.sqrt(1 / 8) * math.cosh(a), abs=1e-14)
    x = np.arange(1, n + 1) / (n + 1)
    exact = 2 * np.log(math.cosh(a) / np.cosh(a * (1 - 2 * x)))
    assert np.abs(item.states["u.x"] - exact).max() < 0.1 / n**2
    assert item.stable and item.iterations < 8
    # The Jacobian is symmetric tridiagonal: its largest eigenvalue by LAPACK's own routine.
    diagonal = np.exp(item.states["u.x"]) - 2 * (n + 1) ** 2
    beside = np.full(n - 1, float((n + 1) ** 2))
    top = scipy.linalg.eigh_tridiagonal(diagonal, beside, eigvals_only=True,
                                        select="i", select_range=(n - 1, n - 1))  # fmt: skip
    assert item.eigenvalues[0] == pytest.approx(top[0], rel=1e-6)


# ── gradients ──────────────────────────────────────────────────────────────────────────────────


def at_rest(system, starts):
    packing = packing_of(starts, 1)
    problem = rest_problem(system, packing)
    return problem, newton(problem, packing.pack(starts))


def test_gradient_of_lotka_volterra_is_that_of_the_inverse():
    system = built(LV)
    a = system.get_buffer("a")
    a.requires_grad_()
    start = {"s.x": torch.ones(1, 4, dtype=torch.float64)}
    problem, rest = at_rest(system, start)
    states, _ = with_gradients(problem, rest)
    weights = torch.tensor([0.3, -1.0, 2.0, 0.5], dtype=torch.float64)
    (slope,) = torch.autograd.grad((states["s.x"] * weights).sum(), a)
    matrix, rates = lotka_volterra(0.4)
    x = np.linalg.solve(matrix, rates)
    by_a = -np.linalg.solve(matrix, (np.ones((4, 4)) - np.eye(4)) @ x)
    assert slope.item() == pytest.approx(float(weights.numpy() @ by_a), abs=1e-11)


GRADIENTS = {
    "phases": ("""param K = 2.0
population osc[4] { state theta on circle ~ normal(0, 0.1); param w = 0.2*index^2; drift w }
coupling pull: osc -> osc { strength K; normalize size; frustration 0.3 }""", "osc.theta"),
    "sphere": ("""param K = 2.0
population p[3] { state x on sphere(3) ~ uniform; param h[3] ~ normal(0, 1); drift h }
coupling pull: p -> p { strength K; normalize size }""", "p.x"),
}  # fmt: skip


@pytest.mark.parametrize("case", GRADIENTS)
def test_gradients_against_differences(case):
    text, name = GRADIENTS[case]

    def measured(K, slope=False):
        system = built(text, K=K)
        strength = system.get_buffer("K").requires_grad_(slope)
        torch.manual_seed(0)
        start = {name: system.initial_states()[name][None].detach()}
        problem, rest = at_rest(system, start)
        assert bool(rest.found.all())
        states, drift = with_gradients(problem, rest)
        x = states[name][0]
        # What no symmetry changes: differences of phases and the drift, all of the sphere's.
        value = (x[1:] - x[0]).sin().sum() + 3 * drift.sum() if case == "phases" else x[0].sum()
        return (torch.autograd.grad(value, strength)[0] if slope else value.detach()).item()

    difference = (measured(2.0 + 1e-5) - measured(2.0 - 1e-5)) / 2e-5
    assert measured(2.0, slope=True) == pytest.approx(difference, abs=1e-6)
    assert abs(difference) > 1e-3


def test_large_systems_have_the_same_steps_and_gradients():
    """Sparse where couplings are few, by GMRES where they are not: against the dense matrix."""
    from dynattn.solve import large_steps

    ring = "over watts_strogatz_graph(n=N, k=2, p=0, seed=1) {"
    for over in ("{", ring):
        system = built(f"""param N = 60, K = 2.0
population osc[N] {{ state theta on circle ~ normal(0, 0.1); param w = 0.01*sin(index); drift w }}
coupling pull: osc -> osc {over} strength K; normalize degree }}""")
        strength = system.get_buffer("K").requires_grad_()
        problem, rest = at_rest(system, {"osc.theta": system.initial_states()["osc.theta"][None]})
        assert bool(rest.found.all())
        alone = problem.alone(())
        local, drift = alone.at(rest.y[0]), rest.drift[0]
        jacobian = large_steps.jacobian_of(local, drift)
        assert scipy.sparse.issparse(jacobian) == (over == ring)
        right = torch.cos(torch.arange(60, dtype=torch.float64))
        whole = local.border().around(local.jacobian(drift)).detach()
        sides = torch.cat([right, torch.zeros(1, dtype=torch.float64)])
        step = large_steps.bordered_solve(local, jacobian, right)
        assert step == pytest.approx(torch.linalg.solve(whole, sides)[:-1], abs=1e-6)
        back = large_steps.adjoint_solve(local, drift, sides)
        assert back == pytest.approx(torch.linalg.solve(whole.mT, sides)[:-1], abs=1e-8)
        assert strength.grad is None


def test_parameters_are_unknowns_too():
    """A tangent of the branch: J dx + df/dK dK = 0, against equilibria on both sides."""
    from dynattn.solve.parameters import parameters_set, slopes_by

    text, name = GRADIENTS["phases"]
    system = built(text)
    problem, rest = at_rest(system, {name: system.initial_states()[name][None]})
    (by_K, by_w) = slopes_by(problem, rest.y, ["K", "osc.w"])
    assert by_w == pytest.approx(torch.ones(1, 4, dtype=torch.float64))
    local = problem.at(rest.y)
    matrix = local.border().around(local.jacobian(rest.drift))
    sides = torch.cat([-local.bases.drop(by_K), torch.zeros(1, 1, dtype=torch.float64)], -1)
    tangent = torch.linalg.solve(matrix, sides)[..., :4]
    ends = []
    for K in (2 - 1e-5, 2 + 1e-5):
        with parameters_set(system, {"K": K}):
            ends.append(newton(problem, rest.y).y)
    moved = (ends[1] - ends[0]) / 2e-5
    assert moved - moved.mean() == pytest.approx(tangent - tangent.mean(), abs=1e-7)
    assert system.get_buffer("K").item() == 2.0
