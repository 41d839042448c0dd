"""Expressions: what Terms come out, where they live, and their shapes."""

from __future__ import annotations

import pytest

from tests.model.models import checked, place, refused, shape, written

NODES = """param N = 5, C = 6, H = 2
population p[N] {
  state x on torus(C); state y on real
  param w[C] ~ normal(0, 1)
  drift x: w; drift y: 1
}
"""


def observed(expression: str, before: str = NODES):
    return checked(f"{before}observe q = {expression}\n").observables[0].value


@pytest.mark.parametrize(
    ("expression", "where", "axes", "dtype"),
    [
        ("2 * N", "global", [], "integer"),
        ("N / 2", "global", [], "real"),
        ("x", "nodes p", ["C"], "real"),
        ("x + y", "nodes p", ["C"], "real"),
        ("y > 1", "nodes p", [], "truth"),
        ("index", "nodes p", [], "integer"),
        ("index + 0.5", "nodes p", [], "real"),
        ("dot(x, w)", "nodes p", [], "real"),
        ("norm(y)", "nodes p", [], "real"),
        ("mean(x)", "global", ["C"], "real"),
        ("count(y > 0)", "global", [], "real"),
        ("order(x)", "global", [], "real"),
        ("[x, w]", "nodes p", ["2*C"], "real"),
        ("[y, 1]", "nodes p", ["2"], "real"),
        ("[[1, 2, 3], [4, 5, 6]]", "global", ["2", "3"], "real"),
        ("rotary(C, heads=H)", "global", ["C"], "real"),
        ("linear([x, x], C/H)", "nodes p", ["C/H"], "real"),
        ("swiglu(x, hidden=2*C, out=3)", "nodes p", ["3"], "real"),
        ("t", "global", [], "real"),
        ("pi", "global", [], "real"),
    ],
)
def test_where_a_value_lives_and_its_shape(expression, where, axes, dtype) -> None:
    term = observed(expression)
    assert (place(term), shape(term), term.type.dtype) == (where, axes, dtype)


def test_operators_bind_as_in_mathematics() -> None:
    assert written(observed("1 - 2 * y ^ 2")) == (
        "sub(number 1, mul(number 2, pow(state p.y, number 2)))"
    )
    assert written(observed("-y ^ 2")) == "neg(pow(state p.y, number 2))"
    assert written(observed("2 ^ 3 ^ y")) == "pow(number 2, pow(number 3, state p.y))"
    assert written(observed("y > 0 and not y > 2 or y == 1")) == (
        "or(and(gt(state p.y, number 0), not(gt(state p.y, number 2))), eq(state p.y, number 1))"
    )


def test_a_definition_keeps_its_name_and_its_value() -> None:
    model = checked(f"{NODES}let twice = 2 * N\nobserve q = twice + 1\n")
    term = model.observables[0].value.args[0]
    assert (term.op, term.payload) == ("let", "twice")
    assert written(term.args[0]) == "mul(number 2, parameter N)"


# ── named sizes ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("width", ["2*C", "C + C", "C*2", "4*C/2", "3*C - C"])
def test_sizes_fit_where_they_are_the_same_formula(width: str) -> None:
    assert shape(observed(f"[x, x] + linear(x, {width})")) == ["2*C"]


@pytest.mark.parametrize("width", ["12", "C + 6", "C*H", "N + 7"])
def test_sizes_that_only_happen_to_be_equal_do_not_fit(width: str) -> None:
    body = f"{NODES}observe q = [x, x] + linear(x, {width})\n"
    ((code, message),) = refused(body)
    assert code == "E301"
    assert "[2*C]" in message


def test_the_literal_96_is_not_c_even_where_c_is_96() -> None:
    body = """param N = 3, C = 96
population p[N] { state x on torus(C) }
layer l { learn g[96] = 1; drift g * sin(x); evolve { steps 1 } }
network { l }
"""
    assert refused(body) == [("E301", "the shapes [C] and [96] do not fit")]
    assert checked(body.replace("[96]", "[C]")).layer["l"].laws[0].state == "p.x"


# ── names ──────────────────────────────────────────────────────────────────────────────────────

TWO = """param N = 4
population left[N] { state x on real; param a = 1; drift a * x }
population right[N] { state x on real; param b = 2; drift b * x }
"""


def test_a_population_finds_its_own_names_first() -> None:
    laws = {law.state: written(law.rate) for law in checked(TWO).laws}
    assert laws == {
        "left.x": "mul(parameter left.a, state left.x)",
        "right.x": "mul(parameter right.b, state right.x)",
    }


def test_outside_a_name_of_one_population_is_enough_and_of_two_is_not() -> None:
    assert written(checked(f"{TWO}observe m = mean(a)\n").observables[0].value) == (
        "mean(parameter left.a)"
    )
    member = checked(f"{TWO}observe m = mean(right.x)\n").observables[0].value
    assert written(member) == "mean(state right.x)"
    assert refused(f"{TWO}observe m = mean(x)\n") == [("E211", "'x' stands in several populations")]


def test_hiding_an_outer_name_is_refused_in_populations_and_layers() -> None:
    hidden = "param N = 4, a = 1\npopulation p[N] { state x on real; param a = 1; drift 1 }\n"
    assert refused(hidden) == [
        ("E204", "'a' in population 'p' hides the parameter of the same name")
    ]
    layer = (
        f"{NODES}layer l {{ learn N[C] = 1; drift x: 1; evolve {{ steps 1 }} }}\nnetwork {{ l }}\n"
    )
    assert refused(layer) == [("E204", "'N' in layer 'l' hides the parameter of the same name")]


def test_definitions_stand_in_any_order_and_parameters_after_what_they_are_made_from() -> None:
    model = checked(f"{NODES}let a = b\nlet b = x * 2\nobserve o = a\n")
    assert written(model.observables[0].value) == "mul(state p.x, number 2)"
    assert refused(f"{NODES}param b = a\nparam a = 1\n")[0][0] == "E309"


def test_in_a_coupling_names_need_an_end_and_stand_at_the_edge() -> None:
    model = checked(f"{NODES}coupling c: p -> p.y {{ kernel N * sin(y[j] - y[i]) }}\n")
    kernel = model.coupling["c"].kernel
    assert place(kernel) == "edges c"
    assert written(kernel) == ("mul(parameter N, sin(sub(sender(state p.y), receiver(state p.y))))")


def test_an_index_takes_the_whole_expression_in_front_of_it() -> None:
    model = checked(f"{NODES}let s = y * 2\ncoupling c: p -> p.y {{ kernel s[j] }}\n")
    assert written(model.coupling["c"].kernel) == "sender(mul(state p.y, number 2))"


def test_edge_attributes_are_names_of_their_graph() -> None:
    model = checked(
        f"{NODES}coupling c: p -> p.y over ring(N, reach=2) {{ weight exp(-distance) }}\n"
    )
    weight = model.coupling["c"].weight
    assert weight is not None and written(weight) == "exp(neg(edge distance))"
    other = f"{NODES}coupling c: p -> p.y over everyone(N) {{ weight exp(-distance) }}\n"
    assert refused(other)[0] == ("E201", "unknown name 'distance' in coupling 'c'")


# ── initial values ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("value", ["~ normal(0, x)", "= x", "~ uniform(0, t)", "= 2 * sin(s)"])
def test_an_initial_value_does_not_read_what_comes_later(value: str) -> None:
    body = f"let s = 3 * p.x\npopulation p[4] {{ state x on real; param a {value}; drift a }}\n"
    if "s)" not in value:
        body = body.split("\n", 1)[1]
        assert [code for code, _ in refused(body)] == ["E309"]
    else:
        assert {code for code, _ in refused(body)} <= {"E201", "E309"}


def test_an_initial_value_reads_parameters_and_the_index() -> None:
    model = checked("param K = 2\npopulation p[4] { state x on real = K * index; drift 1 }\n")
    init = model.states["p.x"].init
    assert written(init) == "mul(parameter K, index p)"  # type: ignore[arg-type]
