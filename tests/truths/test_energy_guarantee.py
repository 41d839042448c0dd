"""What explain says of the energy is true: measured along trajectories, with energies written here
a second time; and where it says that nothing is certain, the energy does rise.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.network.guarantee import Guarantee, guarantee
from dynattn.run.experiment import run_experiment
from dynattn.run.simulate import Trajectory

SPEC = """model m
param N = 6, K = 1.5, g = 0.5
param s[m in 1 .. 2] = [1.0, -0.6]
population p[N] {{ {state}; {own} }}
{couplings}
simulate {{ t 0 .. 6 every 0.1; method dopri5; rtol 1e-9; {experiment} }}
"""
W = np.abs(np.subtract.outer(range(6), range(6)))
SIGNED = np.where(W == 1, 2.0, np.where(W == 2, -0.7, 0.0))


def compiled(state: str, own: str, couplings: str, experiment: str = "", **set_to) -> Compilation:
    text = SPEC.format(state=state, own=own, couplings=couplings, experiment=experiment)
    return Compilation(Source("m.dyn", text), set_to)


def told(spec: Compilation) -> Guarantee:
    found = guarantee(spec.model, spec.network)
    assert found is not None
    return found


def run(spec: Compilation) -> Trajectory:
    found = run_experiment(spec)
    assert isinstance(found, Trajectory)
    return found


def pairs(x: np.ndarray, value: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """value(x_j - x_i) for all pairs: [time, i, j, ..]."""
    return value(x[:, None] - x[:, :, None])


def phases(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return -0.5 * (weights * pairs(x, np.cos)).sum((1, 2))


CIRCLE = "state x on circle ~ uniform(-pi, pi)"
EDGES = ", ".join(f"{b} -> {a}: {SIGNED[a, b]}" for a in range(6) for b in range(6) if SIGNED[a, b])
ATTRACTIONS = {
    "circle, everyone": (
        CIRCLE, "coupling c: p -> p { strength K; normalize size }",
        lambda x: phases(x, np.full((6, 6), 1.5 / 6)),
    ),
    "circle, weights of both signs": (
        CIRCLE, f"coupling c: p -> p over edges [{EDGES}]",
        lambda x: phases(x, SIGNED),
    ),
    "two harmonics": (
        CIRCLE, "coupling c: p -> p { harmonics m in 1 .. 2; strength s[m] }",
        lambda x: phases(x, np.ones((6, 6))) + 0.5 * 0.6 * pairs(2 * x, np.cos).sum((1, 2)) / 2,
    ),
    "equal degrees": (
        CIRCLE, "coupling c: p -> p over ring(N) { normalize degree }",
        lambda x: phases(x, (W % 4 == 1) / 2),
    ),
    "torus": (
        "state x on torus(2)", "coupling c: p -> p { strength K }",
        lambda x: -0.75 * pairs(x, np.cos).sum((1, 2, 3)),
    ),
    "sphere": (
        "state x on sphere(3)", "coupling c: p -> p { strength -K }",
        lambda x: 0.75 * (x.sum(1) ** 2).sum(-1),
    ),
    "real": (
        "state x on real ~ normal(0, 1)", "coupling c: p -> p over ring(N) { strength K }",
        lambda x: 0.75 * (((W % 4 == 1) * pairs(x, np.square)) / 2).sum((1, 2)),
    ),
    "complex": (
        "state x on complex ~ normal(0, 1)", "coupling c: p -> p { strength 0.1 }",
        lambda x: 0.05 * (pairs(x, np.abs) ** 2 / 2).sum((1, 2)),
    ),
    "rotations": (
        "state x on SO(3)", "coupling c: p -> p { strength 0.3 }",
        lambda x: -0.15 * (x.sum(1) ** 2).sum((-1, -2)),
    ),
    "unitary matrices": (
        "state x on SU(2)", "coupling c: p -> p { strength 0.3 }",
        lambda x: -0.15 * (abs(x.sum(1)) ** 2).sum((-1, -2)),
    ),
    "vectors": (
        "state x on real(2) ~ normal(0, 1)", "coupling c: p -> p { strength 0.1 }",
        lambda x: 0.05 * (pairs(x, np.square) / 2).sum((1, 2, 3)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ATTRACTIONS)
def test_the_energy_of_an_attraction_never_rises(case: str) -> None:
    state, couplings, energy = ATTRACTIONS[case]
    spec = compiled(state, "", couplings)
    if "matrices" in case or "rotations" in case:
        text = spec.source.text.replace("method dopri5; rtol 1e-9;", "method rk4; step 0.02")
        spec = Compilation(Source("m.dyn", text))
    assert told(spec).verdict == "falls"
    measured = energy(run(spec)["p.x"])
    assert np.all(np.diff(measured) < 1e-7)
    assert measured[0] - measured[-1] > 0.1


OWN = "energy -0.3*cos(x)"
PAIR = "coupling c: p -> p { strength K; energy -cos(x[j] - x[i]) }\nobserve E = total_energy()"


@pytest.mark.parametrize(
    ("law", "verdict"),
    [
        ("", "falls"),
        ("dissipation 2", "falls"),
        ("inertia 1.3", "falls"),
        ("inertia 1.3; dissipation 0.4", "falls"),
        ("inertia 1.3; dissipation 0", "conserved"),
    ],
)
def test_declared_energies(law: str, verdict: str) -> None:
    spec = compiled(CIRCLE, f"{OWN}; {law}", PAIR)
    assert (told(spec).verdict, told(spec).provided) == (verdict, ())
    measured = run(spec)["E"]
    if verdict == "falls":
        assert np.all(np.diff(measured) < 1e-7)
        assert measured[0] - measured[-1] > 0.1
    else:
        assert np.ptp(measured) < 1e-6


def test_a_dissipation_of_open_sign_is_a_condition() -> None:
    body = (CIRCLE, f"{OWN}; inertia 1; dissipation g", PAIR)
    assert told(compiled(*body)).provided == ("the dissipation g of p.x is not negative",)
    assert np.all(np.diff(run(compiled(*body))["E"]) < 1e-7)
    assert np.all(np.diff(run(compiled(*body, g=-0.5))["E"]) > 0)


def test_the_energy_said_is_the_one_that_is_computed() -> None:
    spec = compiled(CIRCLE, f"{OWN}; inertia 1.3; dissipation 0.4", PAIR)
    assert told(spec).parts == (
        "1/2 sum_i (1.3) * (x[i]')^2",
        "sum_i (-0.3 * cos(x[i]))",
        "1/2 sum_i K * sum_j (-cos(x[j] - x[i]))",
    )


BROKEN = {
    "drift": ("drift 6*(index - 2)", "coupling c: p -> p",
              ["drift of p.x: a force without a potential"]),
    "noise": ("noise 1", "coupling c: p -> p", ["noise of p.x: it feeds energy in"]),
    "equation": ("x' = c + 1 - index", "coupling c: p -> p",
                 ["the equation of p.x: a law of its own"]),
    "frustration": ("", "coupling c: p -> p { frustration 1.2 }", ["c: its frustration"]),
    "direction": (
        "", "coupling c: p -> p over edges [0 -> 1: 3, 2 -> 0: -3, 1 -> 2: 3, 0 -> 3, 3 -> 4: -2]",
        ["c: an edge of this graph has none the other way"],
    ),
    "weights": ("", "coupling c: p -> p over edges [0 -> 1: -3, 1 -> 0: 2, 1 -> 2: 2, 2 -> 1: -3]",
                ["c: 'weight' differs between the two directions"]),
    "kernel": ("", "coupling c: p -> p { kernel cos(x[j] - x[i]) }",
               ["c: its kernel, of which no pair potential is known"]),
    "degree": ("energy 2*cos(x - index)",
               "coupling c: p -> p over star_graph(n=5) { strength 3; normalize degree }",
               ["c: normalize degree, with nodes of different degree"]),
    "strength": ("param k = index - 2", "coupling c: p -> p { strength k[i] }",
                 ["c: its strength is not the same for all nodes"]),
    "softmax": ("energy 2*cos(x - index)",
                "coupling c: p -> p { strength 4; weight softmax(4*sin(x[i] - x[j])) }",
                ["c: its weights are not those of pairs"]),
    "weight of the receiver": ("param k = index - 2", "coupling c: p -> p { weight k[i] }",
                               ["c: its weights are not those of pairs"]),
    "delay": ("", "coupling c: p -> p { strength 3; delay 1 }", ["c: its delay"]),
    "time": ("energy 3*sin(2*t)*cos(x)", "coupling c: p -> p",
             ["energy of p: it depends on time"]),
    "coupling in time": ("", "coupling c: p -> p { strength sin(3*t) }", ["c: it depends on time"]),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_what_breaks_the_guarantee_is_named_and_does_break_it(case: str) -> None:
    own, couplings, reasons = BROKEN[case]
    methods = {"noise": "method euler; step 0.01", "delay": "method rk4; step 0.05"}
    experiment = methods.get(case, "")
    body = (CIRCLE, own, couplings, experiment)
    spec = compiled(*body)
    if experiment:
        spec = Compilation(
            Source("m.dyn", spec.source.text.replace("method dopri5; rtol 1e-9;", ""))
        )
    found = told(spec)
    assert (found.verdict, list(found.broken_by)) == ("", reasons)
    trajectory = run(spec)
    x, times = trajectory["p.x"], np.asarray(trajectory.times)
    measured = _energy_of(case, x, times, spec)
    assert np.diff(measured).max() > 1e-3


def _energy_of(case: str, x: np.ndarray, times: np.ndarray, spec: Compilation) -> np.ndarray:
    """The energy of the same model with symmetric weights and without the part that breaks it."""
    edges = spec.network.connections["c"]
    weights = np.ones((6, 6))
    if edges.receivers is not None:
        assert edges.senders is not None
        weights = np.zeros((6, 6))
        weights[edges.receivers, edges.senders] = edges.attributes.get("weight", 1.0)
        weights = (weights + weights.T) / 2
    if case == "degree":
        weights *= 3
    total = phases(x, weights)
    if case in ("degree", "softmax"):
        total = total + 2 * np.cos(x - np.arange(6)).sum(1)
    if case == "time":
        total = total + 3 * np.sin(2 * times) * np.cos(x).sum(1)
    if case == "coupling in time":
        total = total * np.sin(3 * times)
    return total


def test_two_populations() -> None:
    text = """model m
    population a[4] { state x on circle }
    population b[4] { state x on circle }
    coupling c: a -> b { kernel sin(x[j] - x[i]) }
    coupling d: b -> a { strength -1; kernel sin(x[j] - x[i]) }
    simulate { t 0 .. 6 every 0.1 }
    """
    spec = Compilation(Source("m.dyn", text))
    assert told(spec).broken_by == (
        "c: it acts on b, not back on a",
        "d: it acts on a, not back on b",
    )
    found = run(spec)
    a, b = found["a.x"], found["b.x"]
    energy = -np.cos(a[:, None] - b[:, :, None]).sum((1, 2))
    assert np.diff(energy).max() > 1e-3 or np.diff(-energy).max() > 1e-3


def test_a_switched_off_drift_breaks_nothing() -> None:
    text = """model m
    param moves = 0 in 0 .. 1
    population p[6] { state x on circle; drift moves * 1.5 }
    coupling c: p -> p
    """
    spec = Compilation(Source("m.dyn", text))
    assert told(spec).verdict == "falls"
    assert told(Compilation(Source("m.dyn", text), {"moves": 1})).verdict == ""


def test_a_model_whose_laws_stand_in_layers_has_none() -> None:
    text = """model m
    dim T
    input text: token(5)[T]
    population p[T] { state x on torus(2) }
    layer step { coupling c: p -> p over causal(T); evolve { steps 1 } }
    network { x = embed(text); step; output y = linear([cos(x), sin(x)], 5) }
    """
    spec = Compilation(Source("m.dyn", text))
    assert guarantee(spec.model, spec.network) is None


@pytest.mark.parametrize(
    ("state", "own", "energy"),
    [
        (
            "state n on positive ~ uniform(0.5, 3)",
            "(n - 2)^2 + 1/n",
            lambda n: (n - 2) ** 2 + 1 / n,
        ),
        ("state n on simplex(3) ~ uniform", "dot(n, n)", lambda n: (n * n).sum(-1)),
        ("state n on sphere(3)", "2*dot(n, [1, 0, 0])^2", lambda n: 2 * n[..., 0] ** 2),
    ],
)
def test_own_potentials_on_other_manifolds(state: str, own: str, energy) -> None:
    spec = compiled(state, f"energy {own}", "")
    assert told(spec).verdict == "falls"
    measured = energy(run(spec)["p.n"]).sum(1)
    assert np.all(np.diff(measured) < 1e-7)
    assert measured[0] - measured[-1] > 0.1


def test_an_attribute_that_is_not_read_breaks_nothing(tmp_path) -> None:
    import networkx as nx

    graph = nx.cycle_graph(5, create_using=nx.DiGraph)
    graph.add_edges_from([(b, a) for a, b in graph.edges])
    for a, b in graph.edges:
        graph.edges[a, b].update(weight=1.0 + a * b, length=float(a))
    nx.write_graphml(graph, tmp_path / "net.graphml")
    text = """model m
    graph net = file("net.graphml")
    population p[net] {{ state x on circle }}
    coupling c: p -> p over net {clauses}
    simulate {{ t 0 .. 5 every 0.1; rtol 1e-9 }}
    """

    def spec(clauses: str) -> Compilation:
        return Compilation(Source(str(tmp_path / "m.dyn"), text.format(clauses=clauses)))

    assert told(spec("")).verdict == "falls"
    x = run(spec(""))["p.x"]
    weights = nx.to_numpy_array(graph)
    measured = -0.5 * (weights * pairs(x, np.cos)).sum((1, 2))
    assert np.all(np.diff(measured) < 1e-7)
    broken = told(spec("{ weight length }")).broken_by
    assert broken == ("c: 'length' differs between the two directions",)


@pytest.mark.parametrize(
    ("own", "clause", "reason"),
    [
        ("", "strength 1 + 2i", "c: its weights or strength are complex"),
        ("dissipation 0.1 + 1i", "", "dissipation of p.x: a complex number"),
    ],
)
def test_a_complex_factor_turns_the_force(own: str, clause: str, reason: str) -> None:
    body = ("state x on complex ~ normal(0, 1)", own, f"coupling c: p -> p {{ {clause} }}")
    found = told(compiled(*body))
    assert (found.verdict, found.broken_by) == ("", (reason,))


def test_couplings_that_total_energy_leaves_out_are_named():
    spec = Compilation(Source("t.dyn", """model t
population p[4] { state x on circle; inertia 1; dissipation 0 }
coupling pull: p -> p { strength 0.5 }
coupling push: p -> p { energy 1 - cos(x[j] - x[i]) }
observe E = total_energy()
simulate { t 0 .. 1 every 0.1; rtol 1e-10 }
"""))  # fmt: skip
    found = guarantee(spec.model, spec.network)
    assert found is not None
    assert (found.verdict, found.attractions) == ("conserved", ("pull",))
    result = run(spec)
    x, v = result.states["p.x"], result.states["p.x'"]
    apart = np.cos(x[:, :, None] - x[:, None, :])
    kept = (v**2).sum(1) / 2 - 0.25 * apart.sum((1, 2)) + (1 - apart).sum((1, 2)) / 2
    assert np.ptp(kept) < 1e-7
    alone = (v**2).sum(1) / 2 + (1 - apart).sum((1, 2)) / 2
    np.testing.assert_allclose(result.observables["E"], alone, atol=1e-9)
    assert np.ptp(alone) > 1e-3
