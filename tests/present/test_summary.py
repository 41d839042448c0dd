"""The summary of a compilation: equations as they would be written, counts that add up."""

from __future__ import annotations

from pathlib import Path

import pytest

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.network.styles import PRETTY
from dynattn.present.summary import facts, laws, parameter_count, summary

SPECS = Path(__file__).parents[2] / "specs"


def compiled(body: str) -> Compilation:
    return Compilation(Source("m.dyn", f"model m\nparam N = 6\n{body}\n"))


def lines(body: str) -> list[str]:
    spec = compiled(body)
    return [equation for _, equation in laws(spec.model, spec.network).rows]


@pytest.mark.parametrize(
    ("drift", "shown"),
    [
        ("1 - (2 - 3)", "1 - (2 - 3)"),
        ("(1 - x) - x", "1 - x[i] - x[i]"),
        ("x / (x * 2)", "x[i]/(x[i] * 2)"),
        ("(x / 2) * x", "x[i]/2 * x[i]"),
        ("-x^2", "-x[i]^2"),
        ("(-x)^2", "(-x[i])^2"),
        ("2^3^x", "2^3^x[i]"),
        ("(2^3)^x", "(2^3)^x[i]"),
        ("-(x + 1)", "-(x[i] + 1)"),
        ("sin(x) * (1 + t)", "sin(x[i]) * (1 + t)"),
        ("(x > 0) * x", "(x[i] > 0) * x[i]"),
        ("1 + -x", "1 - x[i]"),
        ("-x + 1", "-x[i] + 1"),
        ("1 + (x > 0)", "1 + (x[i] > 0)"),
        ("x - mean(x)", "x[i] - mean(x)"),
    ],
)
def test_brackets_stand_where_they_are_needed(drift, shown):
    body = f"population p[N] {{ state x on real; drift {drift} }}"
    assert lines(body) == [f"x[i]' = {shown}"]


def test_sums_show_all_of_their_factors():
    body = """param w = 2
    graph g = path_graph(n=N)
    population p[N] { state x on circle; param o = 1; drift o }
    coupling a: p -> p over ring(N, reach=2) { weight exp(-distance); strength w; normalize size }
    coupling b: p -> p over g { kernel sin(2*(x[j] - x[i])); normalize degree }"""
    assert lines(body) == [
        "x[i]' = o[i] + (w/N) * sum_j exp(-distance[i,j]) * sin(x[j] - x[i])"
        " + (1/deg[i]) * sum_j sin(2 * (x[j] - x[i]))"
    ]


def test_names_that_would_meet_keep_their_place():
    body = """population a[N] { state x on real; drift x }
    population b[N] { state x on real; drift -x }"""
    assert lines(body) == ["a.x[i]' = a.x[i]", "b.x[i]' = -b.x[i]"]


def test_definitions_follow_the_equations():
    body = "let two = 1 + 1\npopulation p[N] { state x on real; drift two * x }"
    assert lines(body) == ["x[i]' = two * x[i]", "two = 1 + 1"]


@pytest.mark.parametrize("path", sorted(SPECS.glob("*.dyn")), ids=lambda path: path.stem)
def test_learned_numbers_are_those_of_the_module(path):
    spec = Compilation(Source(str(path), path.read_text()))
    count = sum(x.numel() * (1 + x.is_complex()) for x in spec.build().parameters())
    assert parameter_count(spec.model, spec.network)["learned"] == count


FORMS = [
    ("over everyone(N)", 36, "mean field", "O(N): 2 sums over 6 nodes"),
    ("over ring(N)", 12, "shifted copies", "O(E): 2 shifted sums over 12 edges"),
    ("{ kernel tanh(sin(x[j] - x[i])) }", 30, "pair by pair", "O(N^2): 30 kernels"),
    ("over ring(N) { kernel tanh(sin(x[j] - x[i])) }", 12, "edge by edge", "O(E): 12 kernels"),
]


@pytest.mark.parametrize(("clause", "edges", "form", "cost"), FORMS)
def test_forms_and_their_cost(clause, edges, form, cost):
    body = f"population p[N] {{ state x on circle; drift 1 }}\ncoupling c: p -> p {clause}"
    spec = compiled(body)
    found = facts(spec.model, spec.network, spec.program)
    assert found["couplings"][0]["edges"] == edges
    told = {"sum of": "c", "computed as": form, "cost of one right-hand side": cost}
    assert [{key: row[key] for key in told} for row in found["forms"]] == [told]


def test_equations_on_a_terminal_are_mathematics():
    spec = compiled("population p[N] { state theta on circle; param omega = 1; drift omega }")
    sections = summary(spec.model, spec.network, spec.program, PRETTY)
    assert sections[-1].rows == (("model", "θ_i' = ω_i"),)


def test_nothing_is_listed_where_there_is_nothing():
    spec = compiled("population p[N] { state x on real; drift x }")
    titles = [section.title for section in summary(spec.model, spec.network, spec.program)]
    assert titles == ["populations", "parameters", "equations"]


def test_what_is_learned_on_a_manifold_says_so():
    spec = Compilation(Source("f.dyn", (SPECS / "frustrated_synchronization.dyn").read_text()))
    shapes = {
        row["parameter"]: row["shape"]
        for row in facts(spec.model, spec.network, spec.program)["parameters"]
    }
    assert shapes["attend.alpha"] == "3 x 2 x 96 on circle"
    assert shapes["attend.kappa"] == "3 x 2 x 96"
