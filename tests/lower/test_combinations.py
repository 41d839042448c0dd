"""Features that were made apart, together: specs drawn from pieces, against the reference."""

from __future__ import annotations

import random

import networkx
import numpy
import pytest
import torch

from dynattn.diagnostics.report import Source
from dynattn.interface import Spec
from dynattn.lower.cases import module_arrays
from dynattn.lower.certify import certify
from dynattn.lower.past import landing, senders_of
from dynattn.model.delays import all_past, past_name
from dynattn.program.reference import Reference
from dynattn.run.systems import build_for

STEP, STEPS = 0.1, 3

MANIFOLDS = {
    # manifold with its start: (a direction at a point, a number of a pair, kernel, observable)
    "circle": ("1", "cos(x[j] - x[i])", "sin(x[j] - x[i] - 0.2)", "order(X)"),
    "torus(2)": ("sin(x)", "dot(cos(x[j]), cos(x[i]))", "sin(2*x[j] - x[i])", "order(X)"),
    "sphere(3)": ("[1, 0.5, 0.2]", "dot(x[j], x[i])", "dot(x[i], x[j])*x[j]", "order(X)"),
    "real ~ normal(0, 1)": ("1", "tanh(x[j]*x[i])", "tanh(x[j] - x[i])", "std(X)"),
    "real(2) ~ normal(0, 1)": ("[1, 0.5]", "dot(x[j], x[i])", "tanh(x[j])", "mean(norm(X))"),
    "complex ~ normal(0, 0.5)": (
        "(0.3 + 1i)", "re(conj(x[j])*x[i])", "x[j]*abs(x[i])", "abs(mean(X))"
    ),
    "SO(3)": ("x @ x", "trace(transpose(x[i]) @ x[j])", "x[j]", "norm(mean(X))"),
    "SU(2)": ("1i*x", "re(trace(transpose(x[i]) @ x[j]))", "x[j]", "norm(mean(X))"),
    "so(3) ~ normal(0, 0.5)": (
        "x", "0.1*trace(x[i] @ x[j])", "x[i] @ x[j] - x[j] @ x[i]", "order(X)"
    ),
    "positive ~ uniform(0.5, 1.5)": (
        "(1 - x)", "x[j]/(x[i] + x[j])", "log(x[j]/x[i])", "mean(log(X))"
    ),
    "simplex(3) = [0.5, 0.3, 0.2]": (
        "[0.1, 0.5, 0.2]", "dot(x[i], x[j])", "x[j] - x[i]", "mean(norm(X))"
    ),
}  # fmt: skip

GRAPHS = (
    "", "over ring(N, reach=1)", "over everyone(N)", "over causal(N)", "over one_to_one(N)",
    "over gnp_random_graph(n=N, p=0.5, directed=true)", "over everyone(N) without self",
    "over edges [0 -> 1: 0.5, 1 -> 2: 2, 2 -> 0: 0.7, 3 -> 0]",
)  # fmt: skip

WEIGHTS = (
    "", "weight 1 + 0.1*index[i] - 0.2*index[j]", "weight exp(0.3*PAIR)", "weight softmax(K*PAIR)",
    "weight normalized(exp(PAIR))", "weight ~ normal(0, sigma)",
    "weight ~ normal(0.1*index[i], sigma)", "param w ~ uniform(0.1, 0.9); weight K*w",
    "learn w ~ normal(0, 0.5); weight w*PAIR", "let gap = PAIR; weight 1 + gap^2",
    "state w on real ~ normal(0, 0.2); w' = K*(PAIR + sin(t) - w); weight w",
)  # fmt: skip

STRENGTHS = ("", "strength K", "strength K*(1 + 0.1*index[i])", "strength near[i]")
DELAYS = (
    "",
    "",
    "delay 0.15",
    "delay sigma/2",
    "delay 0.1*(1 + index[j])",
    "delay sigma*(1 + P[i])",
)
NORMS = ("", "normalize size", "normalize degree")


def text_of(seed, manifold):
    """A spec of pieces: two populations from a graph with attributes, or one; all that it names."""
    rng = random.Random(seed)
    direction, pair, kernel, observed = MANIFOLDS[manifold]
    kind = ("group", "graph", "size")[seed % 3]
    end = "bus" if kind == "group" else "p"
    own = "param P = 0.1*index, D = 0.5 + 0.1*index; " if kind == "size" else ""
    body = (
        f"{own}state x on {manifold}; param a ~ normal(0, 0.5); let b = a + P; dissipation D\n"
        f"  drift (b + K*near + switch*sin(t)) * {direction}"
    )
    if kind == "group":
        lines = [f'population {n}[net where kind == "{n}"] {{ {body} }}' for n in ("gen", "load")]
        lines.append("group bus = gen + load")
    else:
        lines = [f"population p[{'net' if kind == 'graph' else 'N'}] {{ {body} }}"]
    graphs = GRAPHS if kind == "size" else ("", "over net", "over net")
    for name in ("c", "d"):
        delays = DELAYS[:4] if kind == "group" else DELAYS  # nodes of groups share one delay
        clauses = [rng.choice(pieces) for pieces in (WEIGHTS, STRENGTHS, delays, NORMS)]
        graph = rng.choice(graphs)
        inside = "; ".join([f"kernel {kernel}", *filter(None, clauses)])
        lines.append(f"coupling {name}: {end} -> {end} {graph} {{ {inside} }}")
    near = rng.choice(graphs)
    lines.append(f"readout near: {end} -> {end} {near} {{ kernel PAIR; normalize size }}")
    lines.append("observe r = " + observed.replace("X", "bus.x" if kind == "group" else "x"))
    text = "\n".join(lines).replace("PAIR", pair)
    size = "N = 4, " if kind == "size" else ""
    sigma = "sigma = 0.4, " if "sigma" in text else ""
    net = "" if kind == "size" else 'graph net = file("net.graphml")'
    return f"""model mixed
param {size}{sigma}K = 0.7, switch = {seed // 2 % 2} in 0 .. 1
{net}
{text}
simulate {{ t 0 .. {STEP * STEPS:g} every {STEP}; method euler; step {STEP} }}
sweep some {{ {"sigma" if sigma else "K"} = [0.4, 0.7]; repeat 2; record r, final(r) }}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("mixed")
    graph = networkx.DiGraph()
    for k in range(4):
        kind = "load" if k % 3 else "gen"
        graph.add_node(f"n{k}", kind=kind, P=0.1 * k, D=0.5 + 0.1 * k)
    ends = [(0, 1), (1, 0), (1, 2), (2, 3), (3, 0), (3, 2)]
    for k, (a, b) in enumerate(ends):
        graph.add_edge(f"n{a}", f"n{b}", weight=0.3 + 0.1 * k)
    networkx.write_graphml(graph, place / "net.graphml")
    return place


def euler(spec):
    """States after each step: rates, retractions and delays of the reference, the past by hand."""
    model, system = spec.model, build_for(spec, seed=spec.chosen_seed)
    values = {n: a.detach().numpy() for n, a in module_arrays(system).items()}
    values = {n: a for n, a in values.items() if not n.startswith("_fixed")}
    states = [{n: a.numpy() for n, a in system.initial_states().items()}]
    rest = Reference(model, spec.network, values, states=states[0])
    delays = {name: numpy.asarray(found.value) for name, found in rest.delays().items()}
    for k in range(STEPS):
        past = {
            past_name(term.payload): seen(system, states, delays, *term.payload)
            for term in all_past(model)
        }
        now = Reference(
            model, spec.network, values, states=states[-1], past=past, time=k * STEP
        )  # fmt: skip
        rates = {n: numpy.asarray(found.value) for n, found in now.rates().items()}
        moved = {n: now.retractions(n, STEP * rate).value for n, rate in rates.items()}
        states.append({n: numpy.asarray(a) for n, a in moved.items()})
    return states


def seen(system, states, delays, state, name):
    """What a coupling with a delay sees now, every node or edge by itself."""
    coupling = system.model.coupling[name]
    senders, receivers = senders_of(system, coupling)

    def at(node, late):
        place = max(len(states) - 1 - float(late) / STEP, 0.0)
        first = min(int(place + 1e-9), len(states) - 1)
        last, part = min(first + 1, len(states) - 1), max(place - first, 0.0)
        return (1 - part) * states[first][state][node] + part * states[last][state][node]

    tau = delays[name]
    if tau.ndim == 0:
        found = numpy.stack([at(node, tau) for node in range(len(states[0][state]))])
    elif receivers is None:
        found = numpy.stack([at(n, late) for n, late in zip(senders.tolist(), tau, strict=True)])
    else:
        found = numpy.stack(
            [[at(n, tau[i, n]) for n in senders.tolist()] for i in range(receivers)]
        )
    return landing(system, state)(torch.from_numpy(found)).numpy()


def close(found, expected):
    numpy.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


CASES = [(k, manifold) for k, manifold in enumerate([*MANIFOLDS, *list(MANIFOLDS)[:5]])]


@pytest.mark.parametrize(("seed", "manifold"), CASES)
def test_pieces_together_mean_what_they_mean_alone(folder, seed, manifold):
    source = Source(str(folder / "mixed.dyn"), text_of(seed, manifold))
    spec = Spec(source)
    certify(spec).raise_if_failed()
    run = spec.run()
    expected = euler(spec)
    for name, state in spec.model.states.items():
        if state.coupling is None:
            close(run.states[name], numpy.stack([states[name] for states in expected]))
    sweep = spec.run("some")
    ((name, values),) = dict(spec.model.simulations[1].settings).items()
    for k, value in enumerate(values):
        alone = Spec(source, {name: value}).run()
        close(sweep["r"][k, 0], alone.observables["r"])
        close(sweep["final(r)"][k, 0], alone.observables["r"][-1])


def in_text(text):
    return Spec(Source("t.dyn", f"model t\n{text}\nsimulate {{ t 0 .. 1 every 0.5 }}\n"))


def test_a_switch_beside_complex_numbers():
    text = """param on = {on} in 0 .. 1
population p[3] { state x on complex ~ normal(0, 1); drift on * (1i*x) + (1 - on) * (0.5 + 1i) }"""
    for on, rate in ((0, lambda x: 0 * x + 0.5 + 1j), (1, lambda x: 1j * x)):
        spec = in_text(text.replace("{on}", str(on)))
        certify(spec).raise_if_failed()
        states = spec.build().initial_states()
        close(spec.build().rates(0.0, states)["p.x"], rate(states["p.x"]))


def test_a_signal_of_one_number_is_certified():
    spec = in_text("input drive: signal\npopulation p[3] { state x on real = 1; drift drive - x }")
    certify(spec).raise_if_failed()


def test_slopes_where_nodes_agree_are_those_of_a_length_at_its_tip():
    spec = in_text("""population p[3] { state x on so(2) ~ normal(0, 1); drift -1*x }
observe r = order(x)
observe s = norm(std(x))""")
    certify(spec).raise_if_failed()


def test_delays_of_no_edges_are_certified():
    spec = in_text("""population p[4] { state x on circle; drift 1 + index }
coupling c: p -> p over empty_graph(n=4) { delay 0.1*(1 + index[j]) }
simulate short { t 0 .. 0.4 every 0.1; method rk4; step 0.1 }""")
    certify(spec).raise_if_failed()
    assert numpy.isfinite(spec.run("short").states["p.x"]).all()


def test_sums_over_no_edges_are_0():
    spec = in_text("""population p[4] { state x on circle }
coupling c: p -> p over empty_graph(n=4) { let gap = x[j] - x[i]; kernel sin(gap) }
observe s = sum(c.gap)
observe n = count(c.gap > 0)""")
    certify(spec).raise_if_failed()
    assert not spec.run().observables["s"].any()


@pytest.mark.parametrize("graph", ["", "over everyone(4)", "over ring(4, reach=1)"])
def test_energies_of_lengths_have_slopes_where_the_length_is_0(graph):
    spec = in_text(f"""population p[4] {{ state x on real(2)
  energy norm(x)^2 + norm(x) }}
coupling c: p -> p {graph} {{ energy norm(x[j] - x[i])^2 + (norm(x[j] - x[i]) - 1)^2 }}
observe E = total_energy()""")
    certify(spec).raise_if_failed()
    states = spec.build().initial_states()
    assert not states["p.x"].any()
    close(spec.build().rates(0.0, states)["p.x"], 0 * states["p.x"])
    states = {"p.x": states["p.x"] + torch.tensor([3.0, 4.0], dtype=torch.float64)}
    close(spec.build().rates(0.0, states)["p.x"][0], [-6.6, -8.8])


def test_a_sweep_where_some_edges_are_late_and_some_are_not():
    text = """param K = 1.0
population p[4] { state x on real = index }
coupling c: p -> p over ring(4, reach=1) { delay 0.2*(index[j] > 1); strength K }
observe m = max(x)
sweep s { K = [0.5, 1, 2]; method rk4; step 0.1; record m }"""
    spec = in_text(text)
    found = spec.run("s")["m"]
    for k, value in enumerate((0.5, 1.0, 2.0)):
        alone = Spec(spec.source, {"K": value}).run("s")["m"]
        close(found[k], alone[k])
    assert not numpy.allclose(found[0], found[2])
