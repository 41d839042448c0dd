"""Draws of ``repeat`` side by side: each is what it is alone, whatever stands beside it."""

from __future__ import annotations

import numpy as np
import pytest

from dynattn.diagnostics.report import NumericalError
from dynattn.run import systems
from dynattn.run.experiment import run_experiment
from dynattn.run.sweep import Sweep
from dynattn.run.systems import build_for, draws_side_by_side
from dynattn.solve import noise
from tests.run.specs import compiled

OSCILLATORS = """
model small
param K = 1 in 0 .. 4
param shift ~ normal(0, 0.1)
population osc[6] {{
  state theta on circle ~ vonmises(shift, 2)
  param omega ~ normal(shift, 0.5)
  param double = 2 * omega
  drift omega - 0.1 * double{noise}
}}
coupling pull: osc -> osc{over} {{ {own}kernel {weight}sin(theta[j] - theta[i]); strength K / 6 }}
observe r = order(theta)
"""
GRAPH = " over gnm_random_graph(n=6, m=20, seed=1, directed=true)"
ANEW = " over fast_gnp_random_graph(n=6, p=0.5, directed=true)"
W, WAIT = "param w ~ lognormal(0, 0.3); ", "param tau ~ uniform(0.3, 0.6); delay tau; "
FIXED = "t 0 .. 2 every 0.5; method rk4; step 0.1; record r, final(theta), average(r) after 1"


def oscillators(over: str = "", own: str = "", weight: str = "", noise: str = "") -> str:
    return OSCILLATORS.format(over=over, own=own, weight=weight, noise=noise)


COMPLEX = """
model waves
population p[3] { state z on complex ~ normal(0, 1); z' = -z + 0.5 * mean(z); noise 0.2 }
observe m = mean(z)
"""
SPHERES = """
model spheres
population p[4] { state x on sphere(3); param a ~ uniform(0.5, 1); noise 0.3 }
coupling pull: p -> p { kernel a[i] * x[j] }
observe r = order(x)
"""
MAPS = """
model maps
population p[3] { state x on real ~ uniform(0, 1); param a ~ uniform(3, 3.5); x <- a * x * (1 - x) }
observe m = mean(x)
"""
WEBS = """
model webs
population s[5] { state x on real ~ uniform(0.5, 1); param b ~ multinomial(20); x' = b/4 - x + eat }
coupling eat: s -> s { param w ~ paired_normal(0, 0.1, -0.5); kernel w * x[j] }
observe m = mean(x)
"""

NEIGHBOURS = """
model spheres
population p[5] { state x on sphere(3); param a ~ uniform(0.5, 1) }
coupling pull: p -> p over fast_gnp_random_graph(n=5, p=0.6) {
  kernel a[j] * x[j]; normalize degree
}
readout near: p -> p over watts_strogatz_graph(5, 2, 0.5) { kernel dot(x[i], x[j]) }
observe r = order(x)
observe m = mean(near)
"""
RINGS = """
model rings
population p[6] { state z on complex ~ normal(0, 1); z' = -z + pull }
coupling pull: p -> p over fast_gnp_random_graph(n=6, p=0.5) { kernel 0.5 * z[j] - z[i] }
"""

BY_DEGREE = oscillators(ANEW).replace("strength K / 6", "strength K; normalize degree")
P_AND_K = "param P = 0.5\nparam K"

CASES = {
    "nodes": (oscillators(), FIXED),
    "weights of pairs": (oscillators(own=W, weight="w * "), FIXED),
    "weights of edges": (oscillators(GRAPH, W, "w * "), FIXED),
    "graphs": (oscillators(ANEW), FIXED),
    "graphs, by degree": (BY_DEGREE, "K = [0.5, 1, 2]; " + FIXED),
    "graphs, own steps": (oscillators(ANEW), "t 0 .. 2 every 0.5; record r, final(theta)"),
    "graphs, noise": (oscillators(ANEW, noise="; noise 0.3"), FIXED.replace("rk4", "heun")),
    "graphs of other kinds": (oscillators(ANEW.replace("0.5", "P")).replace("param K", P_AND_K),
                              "P = [0, 0.5, 1]; " + FIXED),
    "graphs of vectors": (NEIGHBOURS, "t 0 .. 1; method rk4; step 0.1; record r, final(x), m"),
    "graphs of complex numbers": (RINGS, "t 0 .. 1; method rk4; step 0.1; record final(z)"),
    "grid": (oscillators(GRAPH, W, "w * "), "K = [0.5, 1, 2]; " + FIXED),
    "own steps": (oscillators(), "t 0 .. 2 every 0.5; record r, final(theta)"),
    "stiff": (oscillators(), "t 0 .. 2 every 1; method rodas5p; record r"),
    "until": (oscillators(), "t 0 .. 9 every 0.5; until r > 0.9; record r, time when r > 0.8"),
    "at rest": (oscillators(), "t 0 .. 60 every 2; K = [2, 3]; until equilibrium; record final(r)"),
    "from rest": (oscillators(), "start equilibrium at K = 4; " + FIXED),
    "previous": (oscillators(), "K = [0.5, 1, 2]; start previous; " + FIXED),
    "late": (oscillators(GRAPH, WAIT), "t 0 .. 2 every 0.5; record r"),
    "late, fixed steps": (oscillators(GRAPH, WAIT), "t 0 .. 2; method rk4; step 0.1; record r"),
    "noise": (oscillators(noise="; noise 0.3"), FIXED.replace("rk4", "heun")),
    "noise over a grid": (oscillators(noise="; noise 0.3"), "K = [1, 2]; "
                          + FIXED.replace("rk4", "euler")),
    "complex noise": (COMPLEX, "t 0 .. 1 every 0.5; method euler; step 0.1; record m, final(z)"),
    "noisy spheres": (SPHERES, "t 0 .. 1 every 0.5; method heun; step 0.05; record r, final(x)"),
    "maps": (MAPS, "steps 20; record final(x), average(m)"),
    "draws that belong together": (WEBS, "t 0 .. 2 every 1; method rk4; step 0.1; record final(x)"),
}  # fmt: skip


def run(text: str, clauses: str, repeat: int = 5, **options) -> Sweep:
    found = run_experiment(
        compiled(text + f"sweep s {{ repeat {repeat}; {clauses} }}\n"), "s", **options
    )
    assert isinstance(found, Sweep)
    return found


def farthest(one: Sweep, other: Sweep) -> float:
    assert [*one.labelled.variables] == [*other.labelled.variables]
    gaps = []
    for name in one.labelled.variables:
        assert np.array_equal(np.isnan(one[name]), np.isnan(other[name]))
        gaps.append(float(np.nanmax(np.abs(one[name] - other[name]))))
    return max(gaps)


@pytest.mark.parametrize("case", CASES)
def test_a_draw_is_what_it_is_alone(case, monkeypatch):
    together = run(*CASES[case])
    monkeypatch.setattr(systems, "draws_side_by_side", lambda *arguments: False)
    apart = run(*CASES[case])
    # Alone, step sizes are chosen in the same way; what is late meets other kinks' rounding.
    assert farthest(together, apart) <= (1e-6 if case == "late" else 1e-11)
    first = next(iter(together.labelled.variables))
    draws = np.moveaxis(together[first], together.labelled.variables[first].axes.index("repeat"), 0)
    assert len(np.unique(draws.reshape(5, -1), axis=0)) == 5


@pytest.mark.parametrize(
    "case", ["nodes", "grid", "own steps", "late", "noise over a grid", "graphs, by degree"]
)
def test_the_division_of_draws_changes_nothing(case, monkeypatch):
    whole = run(*CASES[case])
    monkeypatch.setattr(systems, "MOST", 2)
    assert farthest(whole, run(*CASES[case])) <= 1e-12


def test_noise_drawn_ahead_is_the_same(monkeypatch):
    whole = run(*CASES["noise"])
    monkeypatch.setattr(noise, "AHEAD", 3)
    assert farthest(whole, run(*CASES["noise"])) == 0


def test_draws_side_by_side_where_it_pays():
    def pays(text: str, points: int = 1, repeat: int = 5) -> bool:
        compilation = compiled(text + f"sweep s {{ repeat {repeat}; t 0 .. 1 }}\n")
        return draws_side_by_side(compilation, compilation.model.simulations[0], points)

    assert pays(oscillators(), 1000)
    assert not pays(oscillators(), repeat=1)
    assert pays(oscillators(ANEW), 8) and not pays(oscillators(ANEW), 9)
    assert all(pays(CASES[name][0]) for name in CASES if name.startswith("graphs"))
    assert not pays(oscillators(ANEW, W, "w * "))  # numbers on the edges of a graph for each
    assert not pays(oscillators(ANEW, WAIT))
    weighed = oscillators(own=W, weight="w * ")
    assert pays(weighed, 8) and not pays(weighed, 9)
    assert not pays(weighed.replace("osc[6]", "osc[600]"))


def test_a_draw_that_fails_is_told_alone():
    text = "model m\npopulation p[2] { state x on real = 1; param a ~ uniform(0, 1); x' = a*x^2 }\n"
    with pytest.raises(NumericalError) as caught:
        run(text, "t 0 .. 1.5 every 0.5; record final(x)", repeat=6, seed=1)
    found = caught.value.partial
    assert isinstance(found, Sweep)
    slopes = [build_for(compiled(text), seed=1, repeat=k).get_buffer("p.a") for k in range(6)]
    expected = [bool((slope < 1 / 1.5).all()) for slope in slopes]
    assert found.done.tolist() == expected and 0 < sum(expected) < 6
    assert [item.point[0] for item in found.failures] == list(np.flatnonzero(~found.done))
    exact = np.array([(1 / (1 - 1.5 * s)).numpy() for s in slopes])
    assert found["final(x)"][found.done] == pytest.approx(exact[found.done], rel=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("case", ["nodes", "grid", "noise"])
def test_equal_draws_for_any_number_of_workers(case, monkeypatch, tmp_path):
    monkeypatch.setattr(systems, "MOST", 2)
    one = run(*CASES[case], workers=1)
    assert farthest(one, run(*CASES[case], workers=2, folder=tmp_path / "two")) == 0
