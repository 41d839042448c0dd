"""Sums of couplings in every form against the reference evaluator, to ten digits, one thread.

Generated specs: graphs, weights and kernels put together by chance, a third of them with a form
asked for, half of them in blocks of receivers; values, Jacobians and gradients are compared.

    python benchmarks/forms_certify.py [--cases N] [--json]
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source, SpecError
from dynattn.lower.certify import certify
from dynattn.present.summary import chosen_forms
from dynattn.program import row_blocks
from dynattn.vocabulary.forms import FORMS

TOLERANCE = 1e-10

STATES = {
    "circle": (
        "", "kernel sin(x[j] - x[i] - 0.3)", "harmonics m in 1 .. 3; frustration 0.2",
        "kernel cos(2*x[j] + x[i]) - sin(x[i])", "kernel tanh(u[i]*sin(x[j] - x[i]))",
        "kernel sin(x[j] - x[i])*cos(x[j])",
    ),
    "real ~ normal(0, 1)": (
        "", "kernel x[j]", "kernel x[j]*u[i] + 1", "kernel x[i]*x[j] - exp(-x[j]^2)",
        "kernel tanh(x[j] - x[i])",
    ),
    "sphere(3)": ("", "kernel dot(x[i], x[j])*x[j]", "kernel (u[j] - u[i])*x[j]"),
    "real(2) ~ normal(0, 1)": ("", "kernel x[j]*norm(x[j])", "kernel x[j] - u[i]*x[i]"),
}  # fmt: skip
GRAPHS = (
    "", "over everyone(N)", "over causal(N)", "over ring(N, reach=1)", "over ring(N, reach=4)",
    "over circulant_graph(n=N, offsets=[1, 3])", "over path_graph(n=N)",
    "over gnp_random_graph(n=N, p=0.4, seed=3, directed=true)",
    "over gnp_random_graph(n=N, p=0.15, seed=3)",
    "over complete_multipartite_graph(3, 4, 5)", "over caveman_graph(l=4, k=3)",
    "over barbell_graph(m1=5, m2=2)", 'over matrix("data/thin.csv")',
)  # fmt: skip
MADE_FOR = {
    "prefix": "causal", "window": "ring", "roll": "ring", "fft": "ring", "low_rank": "matrix",
    "blocks": "_graph(", "sparse": "gnp", "attention": "(N)",
    "edges": "(N)",
}  # fmt: skip
"""By form: what stands in the graphs that can have it."""
WEIGHTS = (
    "", "", "weight ~ normal(0, 1)", "weight u[i]*u[j]", "weight 1 + 0.1*index[i] - u[j]",
    "weight dot(xi[i], xi[j])", "weight 1 - dot(xi[i], xi[j])*u[j]/2",
    "weight softmax(u[i]*u[j] + u[j])", "weight softmax(tanh(u[i]*u[j]))",
    "weight exp(-(u[i] - u[j])^2)", "learn w ~ normal(0, 0.5); weight tanh(w)*u[j]",
    "state w on real ~ normal(0, 0.3); w' = u[j] - w; weight w",
)  # fmt: skip


def generated(seed: int) -> Compilation:
    """The spec of a seed; every third asks for a form, the forms taking turns."""
    rng = random.Random(seed)
    form = [*FORMS][seed // 3 % len(FORMS)] if seed % 3 == 0 else ""
    while True:
        manifold = rng.choice([*STATES])
        over = rng.choice([graph for graph in GRAPHS if MADE_FOR.get(form, "") in graph])
        clauses = [
            rng.choice(STATES[manifold]), rng.choice(WEIGHTS),
            rng.choice(("", "strength 1/N", "normalize degree")), f"form {form}" if form else "",
        ]  # fmt: skip
        compilation = spec_of(manifold, over, clauses)
        try:
            _ = compilation.program
        except SpecError as error:
            if {item.code for item in error.diagnostics} != {"E346"}:
                raise
        else:
            return compilation


@contextmanager
def in_parts(seed: int) -> Iterator[None]:
    """Every second case sums over pairs and edges in blocks of a few receivers."""
    kept = row_blocks.SMALL, row_blocks.BUDGET
    if seed % 2:
        row_blocks.SMALL, row_blocks.BUDGET = -1, 1000
    try:
        yield
    finally:
        row_blocks.SMALL, row_blocks.BUDGET = kept


def form_of(compilation: Compilation) -> str:
    """The form of its sum, as the array program calls it; and whether in blocks of receivers."""
    program = compilation.program
    parts = row_blocks.at_a_time(program, compilation.network.connections, compilation.model.sizes)
    return chosen_forms(program)["c"].name + (", in parts" if parts else "")


def spec_of(manifold: str, over: str, clauses: list[str]) -> Compilation:
    """One population, one coupling."""
    text = f"""model generated
param N = 12
population p[N] {{
  state x on {manifold}
  param u ~ uniform(0.5, 1.5); param xi[3] ~ normal(0, 1)
  drift (u + dot(xi, xi)) * {"1" if "(" not in manifold.split("~")[0] else "x"}
}}
coupling c: p -> p {over} {{ {"; ".join(filter(None, clauses))} }}
"""
    return Compilation(Source(str(Path(__file__).with_name("generated.dyn")), text))


def rows(cases: int) -> list[dict[str, Any]]:
    """By form: how many cases took it, and how many of them differ."""
    torch.set_num_threads(1)
    taken: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for seed in range(cases):
        with in_parts(seed):
            compilation = generated(seed)
            form = form_of(compilation)
            taken[form] += 1
            failed[form] += not certify(compilation, tolerance=TOLERANCE).passed
    return [{"form": form, "cases": n, "differ": failed[form]} for form, n in taken.most_common()]


if __name__ == "__main__":
    from measure import options, show

    chosen = options(__doc__, cases=500)
    show(f"Generated couplings, relative tolerance {TOLERANCE:g}", rows(chosen.cases), chosen.json)
