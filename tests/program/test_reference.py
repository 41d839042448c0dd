"""The reference evaluator against small cases computed by hand or by independent numpy."""

from __future__ import annotations

from dataclasses import replace

import numpy
import pytest

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.network.build import Network
from dynattn.network.connections import Connections
from dynattn.program import duals
from dynattn.program.copies import layer_uses, parameter_arrays
from dynattn.program.reference import Reference, TooManyEdges


def compiled(text, **overrides):
    return Compilation(Source("test.dyn", text), overrides)


def triangle(normalize="none", extra=""):
    """Three phases: 1 -> 0 with weight 2, 2 -> 0 with weight -0.5, 0 -> 2 with weight 3."""
    spec = compiled(f"""model three
population osc[3] {{ state theta on circle; param omega = 0.5; drift omega }}
coupling pull: osc -> osc {{
  kernel sin(theta[j] - theta[i]); strength 1.5; normalize {normalize} {extra}
}}
observe r = order(theta)
simulate {{ t 0 .. 1 every 0.1 }}
""")
    edges = Connections(
        "edges", 3, 3, False,
        numpy.array([0, 0, 2]), numpy.array([1, 2, 0]),
        {"weight": numpy.array([2.0, -0.5, 3.0])}, "sparse",
    )  # fmt: skip
    return spec.model, Network(spec.model, {"pull": edges})


THETA = numpy.array([0.3, 1.1, -0.7])
OMEGA = numpy.array([0.1, 0.2, 0.3])


def triangle_rates(normalize="none", extra=""):
    model, network = triangle(normalize, extra)
    found = Reference(model, network, {"osc.omega": OMEGA}, states={"osc.theta": THETA})
    return found.rates()["osc.theta"].value


def test_weighted_directed_graph_by_hand():
    expected = [
        0.1 + 1.5 * (2.0 * numpy.sin(1.1 - 0.3) - 0.5 * numpy.sin(-0.7 - 0.3)),
        0.2,
        0.3 + 1.5 * 3.0 * numpy.sin(0.3 + 0.7),
    ]
    numpy.testing.assert_allclose(triangle_rates(), expected, rtol=1e-15)


@pytest.mark.parametrize(("normalize", "divisors"), [("size", [3, 3, 3]), ("degree", [2, 1, 1])])
def test_normalize_divides_by_senders_in_all_or_by_those_of_the_receiver(normalize, divisors):
    expected = OMEGA + (triangle_rates() - OMEGA) / divisors
    numpy.testing.assert_allclose(triangle_rates(normalize), expected, rtol=1e-15)


def test_frustration_is_taken_from_the_phase_difference():
    lag = 0.4
    expected = 0.3 + 1.5 * 3.0 * numpy.sin(0.3 + 0.7 - lag)
    numpy.testing.assert_allclose(triangle_rates(extra="; frustration 0.4")[2], expected)


def test_a_written_weight_replaces_that_of_the_graph():
    expected = 0.3 + 1.5 * 0.25 * numpy.sin(0.3 + 0.7)
    numpy.testing.assert_allclose(triangle_rates(extra="; weight 0.25")[2], expected)


def test_jacobian_of_the_weighted_graph_by_hand():
    model, network = triangle()
    wrt = ("osc.theta", "osc.omega")
    reference = Reference(
        model, network, {"osc.omega": OMEGA}, states={"osc.theta": THETA}, wrt=wrt
    )
    slope = 4.5 * numpy.cos(1.0)
    expected = [slope, 0.0, -slope, 0.0, 0.0, 1.0]
    found = duals.jacobian(reference.rate("osc.theta", 2), 6)
    numpy.testing.assert_allclose(found, expected)


def test_order_parameter_of_three_phases():
    model, network = triangle()
    found = Reference(model, network, {"osc.omega": OMEGA}, states={"osc.theta": THETA})
    expected = abs(numpy.exp(1j * THETA).mean())
    numpy.testing.assert_allclose(found.observe("r").value, expected, rtol=1e-14)


def test_only_the_edges_that_are_asked_for_are_visited():
    model, network = triangle()
    found = Reference(model, network, {"osc.omega": OMEGA}, states={"osc.theta": THETA})
    found.rate("osc.theta", 2)
    assert found.edges == 1
    found.rate("osc.theta", 2)
    assert found.edges == 1
    found.rate("osc.theta", 0)
    assert found.edges == 3


def test_the_limit_on_edge_evaluations_is_kept():
    model, network = triangle()
    values, states = {"osc.omega": OMEGA}, {"osc.theta": THETA}
    with pytest.raises(TooManyEdges):
        Reference(model, network, values, states=states, edge_limit=2).rates()


def test_everyone_without_self_and_mean_field_of_all_pairs():
    text = """model s
param N = 5, K = 0.7
population unit[N] { state x on circle }
coupling pull: unit -> unit { strength K; normalize size }
simulate { t 0 .. 1 every 0.1 }
"""
    spec = compiled(text)
    x = numpy.random.default_rng(0).uniform(-3, 3, 5)
    found = Reference(spec.model, spec.network, {"K": 0.7}, states={"unit.x": x}).rates()
    expected = 0.7 / 5 * numpy.sin(x[None, :] - x[:, None]).sum(axis=1)
    numpy.testing.assert_allclose(found["unit.x"].value, expected, atol=1e-15)


def test_sphere_rate_is_projected_and_the_retraction_normalises():
    text = """model s
param N = 4, K = 0.7
population unit[N] { state x on sphere(3) }
coupling pull: unit -> unit { strength K }
simulate { t 0 .. 1 every 0.1 }
"""
    spec = compiled(text)
    x = numpy.random.default_rng(1).standard_normal((4, 3))
    x /= numpy.linalg.norm(x, axis=1, keepdims=True)
    found = Reference(spec.model, spec.network, {"K": 0.7}, states={"unit.x": x})
    for node in range(4):
        force = 0.7 * (x.sum(axis=0) - x[node])
        tangent = force - (force @ x[node]) * x[node]
        numpy.testing.assert_allclose(found.rate("unit.x", node).value, tangent, atol=1e-15)
        moved = found.retract("unit.x", node, tangent).value
        expected = (x[node] + tangent) / numpy.linalg.norm(x[node] + tangent)
        numpy.testing.assert_allclose(moved, expected, rtol=1e-15)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("sum(x)", lambda x: x.sum()),
        ("mean(x)", lambda x: x.mean()),
        ("std(x)", lambda x: x.std()),
        ("min(x)", lambda x: x.min()),
        ("max(x)", lambda x: x.max()),
        ("count(x > 0.5)", lambda x: (x > 0.5).sum()),
        ("sum(index * x)", lambda x: (numpy.arange(6) * x).sum()),
        ("max(x) * t", lambda x: x.max() * 0.25),
    ],
)
def test_functions_over_the_nodes(call, expected):
    text = f"""model s
population unit[6] {{ state x on real ~ normal(0, 1); drift -x }}
observe q = {call}
simulate {{ t 0 .. 1 every 0.1 }}
"""
    spec = compiled(text)
    x = numpy.random.default_rng(4).standard_normal(6)
    found = Reference(spec.model, spec.network, {}, states={"unit.x": x}, time=0.25)
    numpy.testing.assert_allclose(found.observe("q").value, expected(x), rtol=1e-14)


ATTENTION = """model small
param V = 7, C = 4, H = 2, depth = 2
dim T
input text: token(V)[T]
population token[T] { state theta on torus(C) }
layer attend {
  learn eta[C] = 1
  let gate = sigmoid(linear([cos(theta), sin(theta)], C))
  let psi  = theta + rotary(C, heads=H) * index
  coupling sync: token -> token over causal(T) {
    heads    H
    weight   softmax(dot(gate[i] * gate[j], cos(psi[j] - psi[i])) / sqrt(C/H))
    kernel   sin(theta[j] - theta[i])
    strength eta
  }
  evolve { steps 1 }
}
network {
  theta = embed(text)
  repeat depth REPEAT { attend }
  output logits = linear([cos(theta), sin(theta)], V)
}
train {
  data text("tinyshakespeare.txt", context=16)
  loss cross_entropy(logits, next(text))
  record loss / log(2)
  optimizer adamw(lr=3e-3)
  batch 2; steps 10; seed 0
}
"""
TEXT = numpy.array([3, 0, 6, 6, 2])


def attention(tied):
    spec = compiled(ATTENTION.replace("REPEAT", "tied" if tied else ""))
    rng = numpy.random.default_rng(5)
    values = {}
    for name, parameter in parameter_arrays(spec.model).items():
        if name not in spec.model.sizes:
            shape = tuple(size.value(spec.model.sizes) for size in parameter.shape)
            values[name] = rng.standard_normal(shape)
    return spec, values


def softmax_attention_step(theta, values, copy):
    """One layer with matrices, written independently of the evaluator."""
    count, width, heads = len(theta), 4, 2
    features = numpy.concatenate([numpy.cos(theta), numpy.sin(theta)], axis=1)
    weight = values[f"attend.{copy}.gate.linear.weight"]
    gate = 1 / (1 + numpy.exp(-(features @ weight.T + values[f"attend.{copy}.gate.linear.bias"])))
    frequencies = numpy.tile(10000.0 ** (-numpy.arange(2) / 2), 2)
    psi = theta + frequencies * numpy.arange(count)[:, None]
    rate = numpy.zeros((count, width))
    for h in range(heads):
        part = slice(2 * h, 2 * h + 2)
        q, p = gate[:, part], psi[:, part]
        score = (q[:, None] * q[None, :] * numpy.cos(p[None, :] - p[:, None])).sum(-1)
        score = numpy.where(numpy.tri(count, dtype=bool), score / numpy.sqrt(2), -numpy.inf)
        share = numpy.exp(score) / numpy.exp(score).sum(axis=1, keepdims=True)
        pull = numpy.sin(theta[None, :, part] - theta[:, None, part])
        rate[:, part] = (share[:, :, None] * pull).sum(axis=1)
    return theta + values[f"attend.{copy}.eta"] * rate


def logits_by_matrices(values, copies):
    theta = values["theta.embed.weight"][TEXT]
    for copy in copies:
        theta = softmax_attention_step(theta, values, copy)
    features = numpy.concatenate([numpy.cos(theta), numpy.sin(theta)], axis=1)
    return features @ values["logits.linear.weight"].T + values["logits.linear.bias"]


@pytest.mark.parametrize(("tied", "copies"), [(False, (0, 1)), (True, (0, 0))])
def test_softmax_attention_with_heads_and_layer_copies(tied, copies):
    spec, values = attention(tied)
    assert layer_uses(spec.model.network, spec.model.sizes) == {"attend": len(set(copies))}
    found = Reference(spec.model, spec.network, values, inputs={"text": TEXT}, sizes={"T": 5})
    expected = logits_by_matrices(values, copies)
    numpy.testing.assert_allclose(found.output("logits").value, expected, rtol=1e-12, atol=1e-12)
    surprise = numpy.log(numpy.exp(expected[:-1]).sum(1)) - expected[range(4), TEXT[1:]]
    loss = found.loss()
    assert spec.model.training is not None
    (label,) = (record.label for record in spec.model.training.records)
    numpy.testing.assert_allclose(loss["loss"].value, surprise.mean(), rtol=1e-12)
    numpy.testing.assert_allclose(loss[label].value, surprise.mean() / numpy.log(2))


def test_gradient_of_the_loss_by_central_differences():
    spec, values = attention(tied=False)
    wrt = tuple(values)
    inputs, sizes = {"text": TEXT}, {"T": 5}
    exact = Reference(spec.model, spec.network, values, inputs=inputs, sizes=sizes, wrt=wrt)
    slopes = exact.loss()["loss"].tangent
    rng = numpy.random.default_rng(8)
    way = {name: rng.standard_normal(array.shape) for name, array in values.items()}

    def loss(step):
        moved = {name: values[name] + step * way[name] for name in values}
        return Reference(spec.model, spec.network, moved, inputs=inputs, sizes=sizes).loss()["loss"]

    difference = (loss(1e-6).value - loss(-1e-6).value) / 2e-6
    along = numpy.concatenate([way[name].ravel() for name in wrt])
    numpy.testing.assert_allclose(slopes @ along, difference, rtol=1e-8)


def test_the_first_token_of_a_causal_sequence_needs_one_edge_per_layer():
    spec, values = attention(tied=False)
    found = Reference(spec.model, spec.network, values, inputs={"text": TEXT}, sizes={"T": 5})
    found.output_at("logits", 0)
    assert found.edges == 2


def test_normalized_weights_divide_by_their_sum():
    text = """model n
population unit[3] { state x on real ~ normal(0, 1) }
coupling c: unit -> unit { kernel x[j] - x[i]; weight normalized(1 + x[j]^2) }
simulate { t 0 .. 1 every 0.1 }
"""
    spec = compiled(text)
    x = numpy.array([0.5, -1.0, 2.0])
    found = Reference(spec.model, spec.network, {}, states={"unit.x": x}).rate("unit.x", 0)
    w1, w2 = 1 + 1.0, 1 + 4.0
    expected = (w1 * (-1.0 - 0.5) + w2 * (2.0 - 0.5)) / (w1 + w2)
    numpy.testing.assert_allclose(found.value, expected, rtol=1e-15)


def test_a_hundred_layer_steps_do_not_exhaust_the_stack():
    text = ATTENTION.replace("steps 1 }", "steps 100 }", 1).replace("REPEAT", "")
    spec = compiled(text)
    _, values = attention(tied=False)
    found = Reference(spec.model, spec.network, values, inputs={"text": TEXT[:2]}, sizes={"T": 2})
    assert numpy.isfinite(found.output("logits").value).all()
    assert found.edges == 2 * 100 * 3


def test_values_that_are_missing_are_an_error():
    model, network = triangle()
    with pytest.raises(KeyError):
        Reference(model, network, {}, states={"osc.theta": THETA}).rate("osc.theta", 0)


def test_projection_of_points_along_an_extra_axis():
    from dynattn.model.terms import ManifoldUse
    from dynattn.vocabulary.sizes import fixed
    from tests.program.formulas import project

    use = ManifoldUse("sphere", (fixed(3),), (fixed(3),))
    rng = numpy.random.default_rng(2)
    x, force = rng.standard_normal((2, 3)), rng.standard_normal((2, 3))
    x /= numpy.linalg.norm(x, axis=1, keepdims=True)
    found = project(use, duals.plain(x), duals.plain(force), {}).value
    expected = force - (force * x).sum(1, keepdims=True) * x
    numpy.testing.assert_allclose(found, expected, rtol=1e-14)


def test_edge_sums_of_an_empty_neighbourhood_are_zero():
    model, network = triangle("degree")
    lonely = replace(network.connections["pull"], listed_receivers=numpy.array([2, 2, 2]))
    alone = Network(model, {"pull": lonely})
    found = Reference(model, alone, {"osc.omega": OMEGA}, states={"osc.theta": THETA})
    numpy.testing.assert_array_equal(found.rate("osc.theta", 0).value, 0.1)
