"""Terms as mathematics: the words of the spec come back, and mean the same."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynattn.diagnostics.report import Source
from dynattn.model.check import check
from dynattn.model.model import Model
from dynattn.model.parts import Law
from dynattn.model.terms import Term, Type
from dynattn.network.equations import spell_coupling, spell_law, spell_laws
from dynattn.network.spelling import definitions, spell_number, spell_term
from dynattn.network.styles import PRETTY
from dynattn.syntax.parse import parse
from dynattn.vocabulary.functions import ELEMENTWISE
from tests.network.small_models import SPAN

SPECS = Path(__file__).parents[2] / "specs"
SPEC = """model m
param N = 10, D = 3, a = 0.5, b = 2.0, alpha = 0.1, K = 1.0
graph net = cycle_graph(n=N)
population p[N] {{ state theta on circle; param omega = 1; drift omega }}
population q[N] {{ state x on sphere(D) }}
coupling c: p -> p over net {{ {coupling} }}
coupling d: q -> q {{ strength K; normalize size }}
observe r = {observe}
"""


def model(
    coupling: str = "kernel sin(theta[j] - theta[i])", observe: str = "order(theta)"
) -> Model:
    return check(parse(Source("m.dyn", SPEC.format(coupling=coupling, observe=observe))))


@pytest.mark.parametrize(
    "text",
    [
        "a + b - 1",
        "a - (b - 1)",
        "a - (b + 1)",
        "(a + b) * 2",
        "a/(b * 2)",
        "a * (b/2)",
        "-a^2",
        "(-a)^2",
        "a^b^2",
        "(a^b)^2",
        "-(a + b)",
        "2 * -a",
        "a < b and not a == b",
        "(a < b) + 1",
        "sqrt(a) * sin(pi * b)",
        "mean(theta)",
        "mean(omega * theta)",
        "count(theta > 0.25)",
        "norm(mean(x))",
        "N/2 + t",
    ],
)
def test_expressions_come_back_as_written(text):
    assert spell_term(model(observe=text).observables[0].value) == text


@pytest.mark.parametrize(
    "text",
    [
        "sin(theta[j] - theta[i])",
        "sin(theta[j] - theta[i] - alpha)",
        "omega[j] * cos(theta[i])^2",
        "-sin(theta[j])/(1 + a)",
    ],
)
def test_kernels_come_back_with_their_ends(text):
    assert spell_term(model(f"kernel {text}").couplings[0].kernel) == text


# ── meaning: the spelled text, read as Python, has the value of the term ───────────────────────

VALUES = {"a": 0.7, "b": 1.9, "c": 3.1}


def term(op: str, *args: Term, payload: object = None) -> Term:
    return Term(op, args, Type(), SPAN, payload)


leaves = st.one_of(
    st.sampled_from([-2.0, -0.5, 3.0, 0.25, 4]).map(lambda v: term("number", payload=v)),
    st.sampled_from(sorted(VALUES)).map(lambda name: term("parameter", payload=name)),
)
terms = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(
            term, st.sampled_from(["add", "sub", "mul", "div", "lt", "ge", "eq"]), inner, inner
        ),
        st.builds(term, st.sampled_from(["neg", "sin", "cos", "tanh"]), inner),
        st.builds(lambda x: term("pow", x, term("number", payload=2)), inner),
    ),
    max_leaves=8,
)


def evaluate(item: Term) -> float:
    if item.op == "number":
        return item.payload
    if item.op == "parameter":
        return VALUES[item.payload]
    return float(ELEMENTWISE[item.op].value(math, *map(evaluate, item.args)))


@given(terms)
def test_parentheses_stand_where_they_are_needed(item):
    text = spell_term(item).replace("^", "**")
    try:
        expected = evaluate(item)
    except (ZeroDivisionError, OverflowError):
        return
    scope = {**VALUES, "sin": math.sin, "cos": math.cos, "tanh": math.tanh}
    assert eval(text, scope) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("value", "text"),
    [(2.0, "2"), (math.pi, "pi"), (0.1, "0.1"), (1e-6, "1e-06"), (-3, "-3"), (1e20, "1e+20")],
)
def test_numbers_are_short(value, text):
    assert spell_number(value) == text


# ── equations ──────────────────────────────────────────────────────────────────────────────────


def pretty(text: str) -> str:
    """With a plain minus, as a reader types it."""
    return text.replace("\N{MINUS SIGN}", "-")


def lines(spec: Model, law: Law) -> list[str]:
    return [pretty(line) for line in spell_laws(spec, [law], PRETTY)]


def test_kuramoto_reads_like_the_paper():
    spec = model("kernel sin(theta[j] - theta[i]); frustration alpha; strength K; normalize degree")
    law = next(law for law in spec.laws if law.state == "p.theta")
    assert spell_law(spec, law) == "theta' = omega + c"
    assert spell_laws(spec, [law]) == (
        "theta[i]' = omega[i] + (K/deg[i]) * sum_j sin(theta[j] - theta[i] - alpha)",
    )
    written_out = "θ_i' = ω_i + (K/deg_i) Σ_j sin(θ_j - θ_i - \N{GREEK SMALL LETTER ALPHA})"
    assert lines(spec, law) == [written_out]
    (weighted,) = spell_laws(spec, [law], PRETTY, weighted={"c"})
    assert pretty(weighted) == written_out.replace("Σ_j sin", "Σ_j w_ij sin")
    (plain,) = spell_laws(spec, [law], weighted={"c"})
    assert "sum_j w[i,j] * sin(" in plain


def test_the_projection_of_a_sphere_is_shown():
    spec = model()
    law = next(law for law in spec.laws if law.state == "q.x")
    assert spell_law(spec, law) == "x' = d - dot(d, x) * x"
    assert lines(spec, law) == ["x_i' = d_i - dot(d_i, x_i) x_i", "d_i = (K/N) Σ_j x_j"]


def test_sums_keep_their_parentheses_in_a_product():
    spec = model("kernel omega[j] - omega[i]; strength a + b; normalize size")
    text = spell_coupling(spec, spec.coupling["c"])
    assert pretty(text) == "((a + b)/N) Σ_j (ω_j - ω_i)"


def test_attention_is_shown_by_its_definitions():
    text = (SPECS / "kuramoto_attention.dyn").read_text()
    spec = check(parse(Source("kuramoto_attention.dyn", text)))
    sync = spec.coupling["attend.sync"]
    assert sync.weight is not None
    assert spell_term(sync.weight) == "dot(gate_q[i] * gate_k[j], cos(psi[j] - psi[i]))/sqrt(C/H)"
    assert {name: spell_term(value) for name, value in definitions(sync.weight).items()} == {
        "gate_q": "2 * sigmoid(linear([cos(theta), sin(theta)]))",
        "gate_k": "2 * sigmoid(linear([cos(theta), sin(theta)]))",
        "psi": "theta + rotary(C, heads=H) * index",
    }
    mix = spell_law(spec, spec.layer["mix"].laws[0])
    assert mix == "theta' = swiglu([cos(theta), sin(theta)])"
    shown = lines(spec, spec.layer["attend"].laws[0])
    assert re.fullmatch(r"θ_i' = η Σ_j softmax_j\(.*\) sin\(θ_j - θ_i\)", shown[0])
    assert shown[1:] == [
        "gate_q[i] = 2 sigmoid(linear([cos(θ_i), sin(θ_i)]))",
        "gate_k[i] = 2 sigmoid(linear([cos(θ_i), sin(θ_i)]))",
        "ψ_i = θ_i + rotary(C, heads=H) i",
    ]


@pytest.mark.parametrize(
    ("text", "shown"),
    [("-(a * b)", "-a * b"), ("2 * -(a * b)", "2 * (-a * b)"), ("2 / -(a / b)", "2/(-a/b)")],
)
def test_minus_a_product_needs_no_parentheses_of_its_own(text, shown):
    assert spell_term(model(observe=text).observables[0].value) == shown


@pytest.mark.parametrize(
    ("name", "shown"), [("tau_e", "τ_e"), ("mu2", "μ₂"), ("Omega", "Ω"), ("gate_q", "gate_q")]
)
def test_greek_names(name, shown):
    assert PRETTY.name(name) == shown


def test_friction_is_one_of_the_terms_of_the_sum():
    text = """model m
param N = 4, g = 0.5
population p[N] { state x on circle; inertia 1; dissipation g }
coupling c: p -> p { strength -1; weight 2; kernel -sin(x[i] - x[j]) }
"""
    spec = check(parse(Source("m.dyn", text)))
    assert spell_laws(spec, spec.laws) == (
        "x[i]'' = -1 * sum_j 2 * (-sin(x[i] - x[j])) - g * x[i]'",
    )
