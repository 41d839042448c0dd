"""Declarations: parameters and settings, populations, couplings, laws, experiments, training."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source, SpecError, UsageError
from dynattn.model.parts import Draw
from dynattn.vocabulary.sizes import named
from tests.model.models import checked, refused, shape, written

SPECS = Path(__file__).parents[2] / "specs"


def shipped(name: str, **overrides):
    text = (SPECS / f"{name}.dyn").read_text(encoding="utf-8")
    return Compilation(Source(f"{name}.dyn", text), overrides).model


# ── parameters and settings ────────────────────────────────────────────────────────────────────

PARAMETERS = """param N = 10
param K = 2.0 in 0 .. 10 "coupling strength"
param L = K / 2
param w[N] ~ normal(0, K)
population p[N] { state x on real; drift K + L }
"""


def test_parameters_have_values_limits_and_docs() -> None:
    k = checked(PARAMETERS).parameter["K"]
    assert (k.limits, k.doc, k.learned, k.shape) == ((0, 10), "coupling strength", False, ())
    w = checked(PARAMETERS).parameter["w"].init
    assert isinstance(w, Draw)
    assert (w.distribution, [written(term) for term in w.arguments]) == (
        "normal", ["number 0", "parameter K"],
    )  # fmt: skip


def test_a_setting_takes_the_place_of_the_value() -> None:
    model = checked(PARAMETERS, K=4.0, N=20)
    assert written(model.parameter["K"].init) == "number 4.0"  # type: ignore[arg-type]
    assert written(model.parameter["L"].init) == "div(parameter K, number 2)"  # type: ignore[arg-type]
    assert model.sizes["N"] == 20
    assert model.sizes["L"] == 2  # K / 2 follows the setting


def test_a_setting_is_held_to_the_declared_range() -> None:
    assert refused(PARAMETERS, K=11.0) == [("E306", "K = 11 is outside its range 0 .. 10")]


def test_settings_may_be_numbers_of_numpy() -> None:
    model = checked(PARAMETERS, N=numpy.int64(20), K=numpy.float32(4.0))
    assert model.sizes["N"] == 20
    assert written(model.parameter["K"].init) == "number 4.0"  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["three", None, [1.0, 2.0], numpy.ones(2)])
def test_a_setting_that_is_no_number_is_wrong_usage(value: object) -> None:
    with pytest.raises(UsageError) as caught:
        checked(PARAMETERS, K=value)
    (item,) = caught.value.diagnostics
    assert item.code == "E702"
    assert item.message.startswith("the parameter 'K' is set to ")
    assert item.message.endswith(", which is no number")


@pytest.mark.parametrize("name", ["KK", "w", "p.x", "theta"])
def test_a_setting_of_an_unknown_name_is_wrong_usage(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        checked(PARAMETERS, **{name: 1.0})
    (item,) = caught.value.diagnostics
    assert (item.code, item.message) == ("E701", f"there is no parameter '{name}' to set")
    assert item.fix == ("did you mean 'K'?" if name == "KK" else "the parameters are N, K, L")


def test_only_the_wrong_number_is_complained_about() -> None:
    assert refused("param N = 1/0\npopulation p[N] { state x on real; drift N }\n") == [
        ("E309", "1/0 is no finite real number")
    ]


# ── populations ────────────────────────────────────────────────────────────────────────────────


def test_states_have_the_shape_of_their_axes_and_manifold() -> None:
    model = checked("""param D = 3, H = 2
population p[4] { state z[H] on sphere(D); state a on circle; state b[2] on real
  drift z: 0; drift a: 1; drift b: 1 }
""")
    shapes = {name: [str(size) for size in state.shape] for name, state in model.states.items()}
    assert shapes == {"p.z": ["H", "D"], "p.a": [], "p.b": ["2"]}
    assert [type(state.init).__name__ for state in model.states.values()] == [
        "Draw",
        "Draw",
        "Term",
    ]


def test_the_projection_of_a_state_with_axes_acts_on_each_point() -> None:
    model = checked("population p[4] { state z[2] on sphere(3); drift z }\n")
    assert written(model.laws[0].rate) == (
        "sub(state p.z, mul(column(dot(state p.z, state p.z)), state p.z))"
    )
    assert shape(model.laws[0].rate) == ["2", "3"]


def test_the_law_is_drift_plus_couplings_projected() -> None:
    model = checked("""population p[4] { state x on real(2); drift -x }
coupling a: p -> p
coupling b: p -> p { kernel 2 * x[j] }
""")
    (law,) = model.laws
    assert written(law.rate) == "add(add(neg(state p.x), coupling a), coupling b)"
    assert written(law.retraction) == "add(placeholder x, placeholder v)"


# ── couplings ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("manifold", "kernel"),
    [
        ("circle", "sin(sub(sender(state p.x), receiver(state p.x)))"),
        ("torus(3)", "sin(sub(sender(state p.x), receiver(state p.x)))"),
        ("sphere(3)", "sender(state p.x)"),
        ("real", "sub(sender(state p.x), receiver(state p.x))"),
        ("real(3)", "sub(sender(state p.x), receiver(state p.x))"),
    ],
)
def test_the_default_kernel_is_the_manifolds(manifold: str, kernel: str) -> None:
    model = checked(f"population p[4] {{ state x on {manifold} }}\ncoupling c: p -> p\n")
    assert written(model.coupling["c"].kernel) == kernel
    assert model.coupling["c"].graph.source == "everyone"
    assert not model.coupling["c"].graph.include_self


CIRCLE = "population p[4] { state x on circle }\n"


def lagged(kernel: str) -> str:
    body = f"{CIRCLE}coupling c: p -> p {{ {kernel}frustration 0.2 }}\n"
    return written(checked(body).coupling["c"].kernel)


def test_frustration_is_taken_off_the_phase_difference() -> None:
    difference = "sub(sender(state p.x), receiver(state p.x))"
    reverse = "sub(receiver(state p.x), sender(state p.x))"
    assert lagged("") == f"sin(sub({difference}, number 0.2))"
    assert lagged("kernel sin(x[j] - x[i]); ") == f"sin(sub({difference}, number 0.2))"
    assert lagged("kernel sin(x[i] - x[j]); ") == f"sin(add({reverse}, number 0.2))"
    assert lagged("kernel 1 - cos(2 * (x[j] - x[i])); ") == (
        f"sub(number 1, cos(mul(number 2, sub({difference}, number 0.2))))"
    )


@pytest.mark.parametrize(
    "kernel", ["sin(x[j])", "sin(x[j] - x[i]) + x[i]", "1", "sin(x[j] + x[i])"]
)
def test_frustration_without_a_phase_difference_is_refused(kernel: str) -> None:
    body = f"{CIRCLE}coupling c: p -> p {{ kernel {kernel}; frustration 0.2 }}\n"
    assert [code for code, _ in refused(body)] == ["E406"]


def test_heads_split_what_the_coupling_reads() -> None:
    model = checked("""param C = 6, H = 2
population p[4] { state x on torus(C); param g[C] = 1 }
coupling c: p -> p over causal(4) {
  heads H; weight softmax(dot(g[i] * cos(x[i]), cos(x[j]))); strength g[i]
}
""")
    coupling = model.coupling["c"]
    assert coupling.heads == named("H") and coupling.adaptive == "softmax"
    assert coupling.weight is not None and coupling.strength is not None
    assert shape(coupling.weight) == ["H"]
    assert shape(coupling.kernel) == ["H", "C/H"]
    assert written(coupling.strength) == "split H(parameter p.g)"
    assert [str(size) for size in coupling.shape] == ["C"]


@pytest.mark.parametrize(("c", "h"), [(6, 4), (2, 4), (7, 2)])
def test_heads_must_divide_the_coordinates(c: int, h: int) -> None:
    body = "population p[4] { state x on torus(C) }\ncoupling c: p -> p { heads H }\n"
    found = refused(f"param C = {c}, H = {h}\n{body}")
    assert found == [("E307", f"{c} coordinates do not split into {h} equal heads")]


def test_two_populations_are_joined_by_a_written_kernel() -> None:
    model = checked(
        """population a[4] { state x on circle; drift 1 }
population b[6] { state y on real(2) }
coupling c: a -> b { kernel [cos(x[j]), y[i] ^ 0] }
""".replace("[cos(x[j]), y[i] ^ 0]", "y[i] * cos(x[j])")
    )
    coupling = model.coupling["c"]
    assert (coupling.sender, coupling.receiver, coupling.state) == ("a", "b", "b.y")
    assert written(coupling.kernel) == "mul(receiver(state b.y), cos(sender(state a.x)))"


@pytest.mark.parametrize("declared", [True, False])
def test_without_self_holds_for_named_graphs_and_calls(declared: bool) -> None:
    graph = "graph g = everyone(4)\n" if declared else ""
    over = "g" if declared else "everyone(4)"
    body = "population p[4] {{ state x on real }}\ncoupling c: p -> p over {} {{ kernel x[j] }}\n"
    plain = checked(graph + body.format(over)).coupling["c"].graph
    without = checked(graph + body.format(f"{over} without self")).coupling["c"].graph
    assert plain.include_self and not without.include_self


def test_strength_stands_at_the_receiver() -> None:
    body = """population p[4] {{ state x on real; param k = 1 }}
coupling c: p -> p {{ strength k[{}] }}
"""
    strength = checked(body.format("i")).coupling["c"].strength
    assert strength is not None and written(strength) == "parameter p.k"
    assert refused(body.format("j")) == [
        ("E304", "strength stands outside the sum and knows no sender")
    ]


# ── layers, weights, switches ──────────────────────────────────────────────────────────────────

LAYERED = """param V = 8, C = 6, on = 1 in 0 .. 1
dim T
input text: token(V)[T]
population word[T] { state theta on torus(C) }
layer mix {
  learn b[C] = 0
  let q = on * linear(cos(theta), C) + (1 - on) * b
  let s = swiglu(sin(theta), hidden=4, out=C)
  drift theta: q + linear(sin(theta), C) + linear(cos(theta), C, bias=false) + s
  evolve { steps 1 }
}
network { theta = embed(text); mix; output logits = linear(cos(theta), V) }
"""


def learned(**overrides) -> dict[str, list[str]]:
    return {
        p.name: [str(size) for size in p.shape]
        for p in checked(LAYERED, **overrides).parameters
        if p.learned
    }


def test_weights_are_named_by_their_place() -> None:
    assert learned() == {
        "mix.q.linear.weight": ["C", "C"],
        "mix.q.linear.bias": ["C"],
        "mix.theta.linear.weight": ["C", "C"],
        "mix.theta.linear.bias": ["C"],
        "mix.theta.linear_2.weight": ["C", "C"],
        "mix.s.swiglu.gate.weight": ["4", "C"],
        "mix.s.swiglu.up.weight": ["4", "C"],
        "mix.s.swiglu.down.weight": ["C", "4"],
        "theta.embed.weight": ["V", "C"],
        "logits.linear.weight": ["V", "C"],
        "logits.linear.bias": ["V"],
    }


def test_a_switch_thrown_the_other_way_takes_other_weights() -> None:
    assert set(learned()) - set(learned(on=0)) == {"mix.q.linear.weight", "mix.q.linear.bias"}
    assert set(learned(on=0)) - set(learned()) == {"mix.b"}


def test_a_value_between_the_two_is_no_switch() -> None:
    assert set(learned(on=0.5)) == set(learned()) | set(learned(on=0))


def test_a_parameter_that_a_sweep_varies_is_no_switch() -> None:
    body = """param on = 1 in 0 .. 1
population p[3] { state x on real; learn k = 2; drift on + (1 - on) * k }
simulate { t 0 .. 1 }
"""
    assert checked(body).switches == {"on": 1}
    assert "p.k" not in checked(body).parameter
    varied = checked(body + "sweep { on = [0, 1] }\n")
    assert varied.switches == {} and "p.k" in varied.parameter


def test_roles_of_weights_decide_their_decay() -> None:
    roles = {p.name: p.role for p in checked(LAYERED).parameters if p.learned}
    assert roles["mix.q.linear.weight"] == "matrix"
    assert roles["mix.q.linear.bias"] == "bias"
    assert roles["theta.embed.weight"] == "table"
    assert {p.layer for p in checked(LAYERED).parameters if p.name.startswith("mix.")} == {"mix"}


# ── experiments ────────────────────────────────────────────────────────────────────────────────

RUNS = """param N = 4, K = 1 in 0 .. 5
population p[N] { state x on circle; drift K }
observe r = order(x)
simulate first { t 1 .. 10 every 0.5; method rk4; step 0.25; seed 7 }
simulate second { t 0 .. 2 }
sweep grid { K = 0 .. 0.3 by 0.1; N = [4, 8]; repeat 3; record r, average(r) after 5, final(x) }
"""


def test_the_first_simulation_holds_the_defaults_of_the_others() -> None:
    first, second, grid = checked(RUNS).simulations
    assert (first.start, first.stop, first.every, first.method) == (1, 10, 0.5, "rk4")
    assert (second.start, second.stop, second.every, second.step, second.seed) == (
        0,
        2,
        0.5,
        0.25,
        7,
    )
    assert (grid.start, grid.stop, grid.seed, grid.repeat) == (1, 10, 7, 3)
    assert (first.name, second.name, grid.name) == ("first", "second", "grid")


def test_ranges_hold_both_ends() -> None:
    settings = dict(checked(RUNS).simulations[2].settings)
    assert settings["K"] == pytest.approx((0, 0.1, 0.2, 0.3))
    assert settings["N"] == (4, 8)


def test_records_say_what_is_kept() -> None:
    records = checked(RUNS).simulations[2].records
    assert [(r.kind, r.label, r.after) for r in records] == [
        ("series", "r", None), ("average", "average(r) after 5", 5), ("final", "final(x)", None),
    ]  # fmt: skip
    assert written(records[0].value) == written(checked(RUNS).observables[0].value)


def test_kuramotos_sweep_has_forty_one_values() -> None:
    sweep = shipped("kuramoto").simulations[1]
    assert (len(sweep.settings[0][1]), sweep.settings[0][1][-1]) == (41, pytest.approx(4))


# ── training ───────────────────────────────────────────────────────────────────────────────────


def test_the_training_of_the_shipped_layer() -> None:
    training = shipped("kuramoto_attention").training
    assert training is not None
    assert (training.data.name, training.data.options) == ("text", {"context": 128})
    assert training.optimizer.options["betas"] == (0.9, 0.95)
    assert training.optimizer.options["decay"] == "matrices"
    assert (training.batch, training.seed, training.epochs) == (32, 0, None)
    assert written(training.loss) == "cross_entropy(output logits, next(input text))"
    (record,) = training.records
    assert (record.kind, record.label) == ("value", "loss/log(2)")


def test_what_training_does_not_say() -> None:
    body = (
        LAYERED + 'train { data text("a.txt"); loss cross_entropy(logits, next(text)); epochs 2 }\n'
    )
    training = checked(body).training
    assert training is not None
    assert (training.optimizer.name, training.schedule, training.clip) == ("adamw", None, None)
    assert (training.batch, training.steps, training.epochs, training.seed) == (32, None, 2, 0)


def test_every_mistake_of_a_file_is_told_at_once() -> None:
    with pytest.raises(SpecError) as caught:
        checked("param N = 2.5\nparam N = 3\npopulation p[N] { state x on cirle; drift omga }\n")
    assert [item.code for item in caught.value.diagnostics] == ["E203", "E207", "E201"]
