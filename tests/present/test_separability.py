"""Why a kernel does not separate, in words that name the part which mixes both ends."""

from __future__ import annotations

import pytest

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.present.separability import reasons
from dynattn.present.summary import forms

SPEC = """
model m
param N = 9, K = 1.5
population osc[N] {
  state theta on circle ~ uniform
  param u ~ normal(0, 1), x[2] ~ normal(0, 1)
  drift u
}
coupling pull: osc -> osc { CLAUSES }
"""


def compiled(clauses: str) -> Compilation:
    return Compilation(Source("m.dyn", SPEC.replace("CLAUSES", clauses)))


def reason(clauses: str) -> str | None:
    found = compiled(clauses)
    return reasons(found.program, found.model).get("pull")


D = "theta[j] - theta[i]"
KERNELS = [
    (f"kernel tanh(u[i]*sin({D}))", f"tanh(u[i]*sin({D}))", "tanh of both"),
    (f"kernel sin(u[j] - u[i]) * exp(cos({D}))", f"exp(cos({D}))", "that cannot overflow"),
    ("kernel (u[j] - u[i])^2", "(u[j] - u[i])^2", "small difference of large numbers"),
    (f"kernel sin({D}) / norm(x[j] - x[i])", "norm(x[j] - x[i])", "a length of both"),
    (f"kernel cos({D}) / (2 + cos({D}))", f"cos({D}) / (2 + cos({D}))", "a quotient by both"),
    (f"kernel sin({D}) * abs(sin({D}))", f"abs(sin({D}))", "abs of both"),
]


@pytest.mark.parametrize(("clauses", "part", "why"), KERNELS)
def test_the_part_that_mixes_and_the_rule(clauses: str, part: str, why: str) -> None:
    told = reason(clauses)
    assert told is not None and told.startswith(f"{part} mixes i and j: ")
    assert why in told


SEPARABLE = [f"kernel sin({D})", "harmonics m in 1 .. 3; frustration K; strength u[i]",
             "kernel u[i]*u[j]*(u[j] - u[i])"]  # fmt: skip


@pytest.mark.parametrize("clauses", SEPARABLE)
def test_kernels_that_separate_need_no_reason(clauses: str) -> None:
    assert reason(clauses) is None
    found = compiled(clauses)
    assert "why" not in forms(found.model, found.network, found.program).columns


def test_a_form_asked_for_is_the_reason() -> None:
    assert reason(f"form edges; kernel sin({D})") == "the spec asks for it"


def test_it_stands_beside_the_form() -> None:
    found = compiled(f"kernel tanh(u[i]*sin({D}))")
    told = forms(found.model, found.network, found.program)
    assert told.columns[1] == "computed as" and told.columns[-1] == "why"
    assert told.facts[0]["computed as"] == "pair by pair"
    assert str(told.facts[0]["why"]).startswith("tanh(")
