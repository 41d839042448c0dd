"""build_system: names, draws, settings, batches, and the torch module it makes."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy
import pytest
import torch

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.lower.module import build_system
from dynattn.vocabulary.distributions import stream

SPECS = Path(__file__).parents[2] / "specs"

LAYERS = """
model layers "tied and untied"
param n = 4, depth = 2
dim T
input a: token(3)[T]
population p[T] { state x on real(n) }
layer push { learn w[n] ~ normal(0, 1)
  drift x: w * x
  evolve { steps 2 } }
network {
  x = embed(a)
  push
  repeat depth { push; push }
  repeat 3 tied { push }
  output y = linear(x, 2, bias=false)
}
"""

DERIVED = """
model derived "settings"
param K = 2.0, slope = K / 2
param s ~ normal(0, K)
population p[6] {
  state x on real(2) ~ normal(K, 1)
  param w = 3 * K
  drift -slope * w * x + s
}
observe m = mean(x)
simulate { t 0 .. 1 every 0.5 }
"""


def shipped(name, **settings):
    path = SPECS / f"{name}.dyn"
    return Compilation(Source(str(path), path.read_text()), settings)


def written(text, **settings):
    return Compilation(Source("t.dyn", text), settings)


def built(compilation, **options):
    return build_system(compilation.model, compilation.network, compilation.program, **options)


def test_parameters_are_named_as_in_the_spec():
    system = built(shipped("kuramoto_attention", depth=2))
    names = {name for name, _ in system.named_parameters()}
    assert {
        "attend.0.eta", "attend.1.eta", "attend.0.gate_q.linear.weight", "theta.embed.weight",
        "logits.linear.bias", "mix.1.theta.swiglu.gate.weight", "mix.0.theta.swiglu.down.weight",
    } <= names  # fmt: skip
    assert not any(name.startswith("attend.2") for name in names)
    assert set(system.state_dict()) == names
    assert system.get_parameter("attend.0.gate_q.linear.weight").shape == (96, 192)


def test_fixed_parameters_are_buffers_outside_the_state_dict():
    system = built(shipped("kuramoto"))
    assert dict(system.named_parameters()) == {}
    assert system.state_dict() == {}
    assert float(system.get_buffer("K")) == 2.0
    assert system.get_buffer("osc.omega").shape == (500,)


def test_draws_come_from_the_stream_of_the_full_name():
    system = built(shipped("kuramoto"), seed=5, repeat=2)
    omega = 0.5 * stream(5, "osc.omega", 2).standard_normal(500)
    numpy.testing.assert_array_equal(system.get_buffer("osc.omega"), omega)
    theta = -numpy.pi + 2 * numpy.pi * stream(5, "osc.theta", 2).random(500)
    numpy.testing.assert_allclose(system.initial_states()["osc.theta"], theta, rtol=1e-15)
    layers = built(written(LAYERS), seed=1)
    drawn = stream(1, "push.3.w", 0).standard_normal(4)
    numpy.testing.assert_array_equal(layers.get_parameter("push.3.w").detach(), drawn)


def test_points_start_on_their_manifold():
    text = (SPECS / "synchronization.dyn").read_text().replace("on circle", "on sphere(3)")
    x = built(written(text)).initial_states()["unit.x"]
    assert x.shape == (200, 3)
    torch.testing.assert_close(x.norm(dim=-1), torch.ones(200, dtype=torch.float64))


def test_each_use_of_a_layer_has_its_copy_and_tied_rounds_share_one():
    """One use, two rounds of two, three tied rounds: six copies, eight times two Euler steps."""
    system = built(written(LAYERS))
    copies = [f"push.{k}.w" for k in range(6)]
    names = [name for name, _ in system.named_parameters()]
    assert sorted(names) == [*copies, "x.embed.weight", "y.linear.weight"]
    a = torch.tensor([2, 0, 0, 1])
    x = system.get_parameter("x.embed.weight")[a]
    order = [0, 1, 2, 3, 4, 5, 5, 5]
    for k in order:
        x = x * (1 + system.get_parameter(f"push.{k}.w")) ** 2
    expected = x @ system.get_parameter("y.linear.weight").T
    torch.testing.assert_close(system(a), expected, rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(system(a=a), system(a))


def test_a_network_refuses_inputs_it_does_not_have():
    system = built(written(LAYERS))
    with pytest.raises(TypeError, match="this network takes the inputs a"):
        system(b=torch.zeros(4))


def test_settings_reach_what_is_computed_from_them():
    system = built(written(DERIVED), values={"K": 4.0})
    assert float(system.get_buffer("slope")) == 2.0
    assert system.get_buffer("p.w").tolist() == [12.0] * 6
    unit = stream(0, "s", 0).standard_normal(())
    assert float(system.get_buffer("s")) == pytest.approx(4.0 * unit, rel=1e-15)


@pytest.mark.parametrize("make", [lambda: written(DERIVED), lambda: shipped("kuramoto", N=40)])
def test_a_batch_of_settings_is_each_setting_by_itself(make):
    compilation, values = make(), [0.5, 1.0, 3.0]
    together = built(compilation, values={"K": torch.tensor(values)})
    states = together.initial_states()
    rates, seen = together.rates(0.0, states), together.observe(0.0, states)
    assert together.batch_shape == (3,)
    for k, value in enumerate(values):
        alone = built(compilation, values={"K": value})
        own = alone.initial_states()
        for name, state in own.items():
            torch.testing.assert_close(states[name][k], state, rtol=1e-12, atol=1e-13)
            torch.testing.assert_close(
                rates[name][k], alone.rates(0.0, own)[name], rtol=1e-12, atol=1e-13
            )
        for name, item in alone.observe(0.0, own).items():
            torch.testing.assert_close(seen[name][k], item, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"Q": 1.0}, "Q is no parameter of kuramoto"),
        ({"N": 10}, "N is a size of kuramoto: set it where the spec is loaded"),
        ({"osc.omega": numpy.ones(7)}, r"osc.omega has the shape \[500\], the value given \[7\]"),
    ],
)
def test_values_that_do_not_fit_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        built(shipped("kuramoto"), values=values)


def test_batches_of_states_are_independent():
    system = built(shipped("kuramoto", N=30))
    theta = torch.randn(2, 3, 30, dtype=torch.float64)
    rates = system(torch.tensor(0.0), theta)
    torch.testing.assert_close(rates[1, 2], system(0.0, theta[1, 2]), rtol=1e-12, atol=1e-13)


def test_samples_of_any_length_and_batch():
    system = built(shipped("kuramoto_attention", depth=1), dtype=torch.float64)
    text = torch.randint(256, (2, 3, 7))
    logits = system(text)
    torch.testing.assert_close(logits[1, 2], system(text[1, 2]), rtol=1e-10, atol=1e-12)
    shorter = system(text[..., :4])
    torch.testing.assert_close(shorter, logits[..., :4, :], rtol=1e-10, atol=1e-12)
    losses = system.loss(text=text)
    assert losses["loss"].shape == ()
    expected = torch.nn.functional.cross_entropy(
        logits[..., :-1, :].flatten(0, -2), text[..., 1:].flatten()
    )
    torch.testing.assert_close(losses["loss"], expected, rtol=1e-12, atol=1e-13)


def test_gradients_reach_every_learned_array():
    system = built(shipped("kuramoto_attention", depth=1))
    system.loss(text=torch.randint(256, (2, 9)))["loss"].backward()
    read = {leaf.name for run in system._runs for leaf in _leaves(run) if leaf.kind == "parameter"}
    for name, parameter in system.named_parameters():
        reached = parameter.grad is not None and bool(parameter.grad.any())
        assert reached == (name.replace(".0.", ".", 1) in read), name


def _leaves(run):
    routines = [run.routine] if hasattr(run, "routine") else [run.rate, run.retraction]
    return [leaf for routine in routines for leaf in routine.plan.leaves]


@pytest.mark.filterwarnings("ignore:`torch.jit.script:DeprecationWarning")
def test_a_system_compiles_in_one_graph_and_transforms():
    system = built(shipped("synchronization", N=12))
    theta = system.initial_states()["unit.x"]
    whole = torch.compile(system, fullgraph=True, backend="eager")
    torch.testing.assert_close(whole(torch.tensor(0.0), theta), system(0.0, theta))
    reverse = torch.func.jacrev(lambda x: system(0.0, x))(theta)
    torch.testing.assert_close(reverse, torch.func.jacfwd(lambda x: system(0.0, x))(theta))
    at_rest = torch.func.functional_call(system, {"K": torch.tensor(0.0)}, (0.0, theta))
    assert not at_rest.any()


def test_a_copy_is_a_system_of_its_own():
    system = built(shipped("kuramoto_attention", depth=1))
    text = torch.randint(256, (1, 5))
    before = system(text)
    other = copy.deepcopy(system)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.zero_()
    torch.testing.assert_close(system(text), before)
    assert not other(text).any()


def test_the_dtype_follows_the_module():
    system = built(shipped("kuramoto", N=30), dtype=torch.float32)
    theta = system.initial_states()["osc.theta"]
    assert theta.dtype == system.rates(0.0, {"osc.theta": theta})["osc.theta"].dtype
    assert system.double()(0.0, theta.double()).dtype == torch.float64


def test_a_value_that_is_not_finite_names_its_place():
    text = DERIVED.replace("-slope * w * x + s", "-log(x) + s")
    system = built(written(text))
    node = system.trace_nan(0.0, {"p.x": torch.full((6, 2), -1.0, dtype=torch.float64)})
    assert node is not None and node.span is not None
    assert (node.op, node.span.text) == ("log", "log(x)")
    assert system.trace_nan(0.0, {"p.x": torch.ones(6, 2, dtype=torch.float64)}) is None


@pytest.mark.parametrize("rewrite", [True, False])
def test_attention_weights_are_shares_of_the_past(rewrite):
    from dynattn.program.build import build_program

    made = shipped("kuramoto_attention", depth=2)
    program = build_program(made.model, made.network, rewrite)
    system = build_system(made.model, made.network, program)
    text = torch.randint(256, (2, 6), generator=torch.Generator().manual_seed(0))
    found = system.attention_weights(text=text)
    assert [item[:2] for item in found] == [
        ("attend.0", "attend.sync"),
        ("attend.1", "attend.sync"),
    ]
    for _, _, weights in found:
        assert weights.shape == (2, 4, 6, 6)
        torch.testing.assert_close(weights.sum(-1), torch.ones(2, 4, 6, dtype=torch.float64))
        assert not weights.triu(1).any()


def test_names_of_methods_may_be_names_of_parameters():
    text = (
        DERIVED.replace("slope", "loss").replace("param w", "param train").replace("* w", "* train")
    )
    system = built(written(text))
    assert dict(system.named_buffers())["loss"].item() == 1.0
    assert system.rates(0.0, system.initial_states())["p.x"].shape == (6, 2)
