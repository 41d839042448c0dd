"""A coupling may ask for the form of its sum; what does not fit, or does not fit into memory, is
refused."""

from __future__ import annotations

import pytest

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source, SpecError
from dynattn.lower.certify import certify
from dynattn.present.summary import chosen_forms, forms
from dynattn.program.row_blocks import at_a_time


def compiled(over: str, form: str, more: str = "", size: int = 40) -> Compilation:
    text = f"""model m
param N = {size}
population p[N] {{ state theta on circle ~ uniform; param u ~ normal(0, 1); drift u }}
coupling c: p -> p {over} {{ form {form}; {more} }}
"""
    return Compilation(Source("m.dyn", text))


RING, NET = "over ring(N, reach=6)", "over gnp_random_graph(n=N, p=0.2, seed=1)"
SOFTMAX = "weight softmax(cos(theta[j] - theta[i]))"
FITTING = [
    ("", "mean_field", "", "mean_field"), ("", "dense", "", "dense"), ("", "edges", "", "pairs"),
    (RING, "window", "", "window"), (RING, "roll", "", "roll"), (RING, "fft", "", "fft"),
    (RING, "dense", "", "dense"), (RING, "sparse", "", "csr"), (RING, "edges", "", "edges"),
    (RING, "fft", "weight 1/distance", "fft"), (RING, "sparse", "weight ~ normal(0, 1)", "csr"),
    ("over causal(N)", "prefix", "", "prefix"), ("over causal(N)", "dense", "", "dense"),
    (NET, "dense", "", "dense"), (NET, "sparse", "", "csr"), (NET, "edges", "", "edges"),
    (NET, "sparse", "weight ~ normal(0, 1)", "csr"),
    ("over everyone(N)", "attention", SOFTMAX, "attention"),
    ("over everyone(N)", "dense", SOFTMAX, "weighted"),
    ("over everyone(N)", "edges", SOFTMAX, "pairs"),
]  # fmt: skip


@pytest.mark.parametrize(("over", "form", "more", "chosen"), FITTING)
def test_the_form_asked_for_is_taken_and_certified(over, form, more, chosen):
    compilation = compiled(over, form, more)
    assert chosen_forms(compilation.program)["c"].name == chosen
    assert certify(compilation).passed


UNFITTING = [
    ("", "sparse", "", "mean_field, dense or edges"),
    (NET, "fft", "", "dense, sparse or edges"),
    (NET, "mean_field", "", "dense, sparse or edges"),
    (NET, "attention", "", "dense, sparse or edges"),
    (RING, "prefix", "", "window, roll, fft, sparse, dense or edges"),
    (RING, "window", "weight 1 + u[i]*sin(u[i]*u[j])", "dense, sparse or edges"),
    ("", "dense", "kernel tanh(u[i]*sin(theta[j] - theta[i]))", "edges"),
    ("over everyone(N)", "fft", SOFTMAX, "dense or edges"),
]


@pytest.mark.parametrize(("over", "form", "more", "fitting"), UNFITTING)
def test_a_form_that_does_not_fit_is_refused_with_those_that_do(over, form, more, fitting):
    with pytest.raises(SpecError) as told:
        _ = compiled(over, form, more).program
    (diagnostic,) = told.value.diagnostics
    assert (diagnostic.code, diagnostic.fix) == ("E346", f"it may be {fitting}")
    assert diagnostic.message == f"the sum of coupling 'c' has no form {form}"


def test_a_matrix_larger_than_memory_is_refused_with_the_figure():
    compilation = compiled("", "dense", size=10_000_000)
    assert chosen_forms(compilation.program)  # explained all the same
    with pytest.raises(SpecError, match=r"E467: the sum of coupling 'c' needs .*[TP]B of memory"):
        compilation.build()


def test_what_is_computed_for_some_receivers_at_a_time_is_no_matter_of_memory():
    kernel = "kernel tanh(u[i]*sin(theta[j] - theta[i]))"
    compilation = compiled("", "edges", kernel, size=100_000)
    assert at_a_time(compilation.program, compilation.network.connections, {}) == {"c": 16}
    told = forms(compilation.model, compilation.network, compilation.program).rows
    assert [row[2] for row in told] == ["O(N^2): 9999900000 kernels, in blocks of 16 receivers"]
    compilation.build()


def test_many_harmonics_split_too():
    compilation = compiled("", "mean_field", "harmonics m in 1 .. 20")
    assert chosen_forms(compilation.program)["c"].features == 40
    assert certify(compilation).passed
