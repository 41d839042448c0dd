"""Sums whose weights are computed or drawn per edge, inner products as weights, and windows."""

from __future__ import annotations

import numpy
import pytest
import torch

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.lower.certify import certify
from dynattn.lower.sum_kernels import window_nodes
from dynattn.network.connections import Connections
from dynattn.present.summary import chosen_forms
from dynattn.program.nodes import EDGES
from tests.lower.programs import COUNT, RNG, Hand, context, routine_of, sparse


def dense_of(edges, weights):
    """[.., receivers, senders]"""
    matrix = numpy.zeros((*weights.shape[:-1], COUNT, COUNT))
    matrix[..., edges.receivers, edges.senders] = weights
    return matrix


def summed(form):
    """sum_j w_ij a_j of a number x and a vector y per node, the weights a state of the edges."""
    edges = sparse()
    assert edges.edge_count is not None
    hand = Hand(edges)
    weights = hand.state("w", place=hand.edge_place)
    features = (hand.state("x"), hand.state("y", 2))
    sums = hand.op("graph_sum", *features, weights, payload=("c", form, EDGES), dtype="tuple")
    picked = [routine_of(hand.op("pick", sums, payload=k), context(edges)) for k in range(2)]
    return (
        edges,
        edges.edge_count,
        lambda **a: [
            routine({f"state {n}": v for n, v in a.items()})["result"] for routine in picked
        ],
    )


@pytest.mark.parametrize("form", ["csr", "dense"])
@pytest.mark.parametrize("batch", [(), (3,), (2, 3)])
@pytest.mark.parametrize("own", [True, False])
def test_weights_of_edges(form, batch, own):
    """``own``: whether each point of a batch has weights of its own."""
    edges, edge_count, sums = summed(form)
    w = RNG.standard_normal((*(batch if own else ()), edge_count))
    x, y = RNG.standard_normal((*batch, COUNT)), RNG.standard_normal((*batch, COUNT, 2))
    matrix = dense_of(edges, w)
    found = sums(w=torch.from_numpy(w), x=torch.from_numpy(x), y=torch.from_numpy(y))
    numpy.testing.assert_allclose(found[0], (matrix @ x[..., None])[..., 0], rtol=1e-12, atol=1e-13)
    numpy.testing.assert_allclose(found[1], matrix @ y, rtol=1e-12, atol=1e-13)


@pytest.mark.filterwarnings("ignore:`torch.jit.script:DeprecationWarning")
@pytest.mark.parametrize("form", ["csr", "dense"])
def test_slopes_along_weights_and_features_by_every_transform(form):
    edges, edge_count, sums = summed(form)
    w = torch.randn(edge_count, dtype=torch.float64)
    x, y = torch.randn(COUNT, dtype=w.dtype), torch.randn(COUNT, 2, dtype=w.dtype)

    def value(w, x):
        first, second = sums(w=w, x=x, y=y)
        return first * second.sum(-1)

    by_matrix = torch.as_tensor(dense_of(edges, w.numpy()))
    expected = torch.func.jacfwd(lambda x: (by_matrix @ x) * (by_matrix @ y).sum(-1))(x)
    for jacobian in (torch.func.jacrev, torch.func.jacfwd):
        torch.testing.assert_close(jacobian(value, 1)(w, x), expected)
    both = torch.func.jacrev(value)(w, x)
    torch.testing.assert_close(torch.func.jacfwd(value)(w, x), both)
    inputs = (w.requires_grad_(), x.requires_grad_())
    assert torch.autograd.gradcheck(value, inputs)
    assert torch.autograd.gradgradcheck(value, inputs)


@pytest.mark.parametrize(("first", "last"), [(-3, 3), (0, 4), (-2, 1)])
@pytest.mark.parametrize("include_self", [True, False])
def test_a_window_is_the_sum_of_its_nodes(first, last, include_self):
    x = torch.randn(2, 9, 2, dtype=torch.float64, requires_grad=True)
    steps = [s for s in range(first, last + 1) if s or include_self]
    expected = torch.stack([x.roll(-s, 1) for s in steps]).sum(0)
    found = window_nodes(x, 1, first, last, include_self)
    torch.testing.assert_close(found, expected)
    slopes = (
        torch.autograd.grad((found**2).sum(), x)[0],
        torch.autograd.grad((expected**2).sum(), x)[0],
    )
    torch.testing.assert_close(*slopes)
    single = window_nodes(x.float(), 1, first, last, include_self)
    assert single.dtype == torch.float32
    torch.testing.assert_close(single, expected.float())
    whole = torch.complex(x, 2 * x)
    torch.testing.assert_close(
        window_nodes(whole, 1, first, last, include_self),
        torch.complex(expected, 2 * expected),
    )


def test_a_long_window_keeps_its_digits_in_single_precision():
    x = torch.rand(200_000, dtype=torch.float64) + 1
    exact = window_nodes(x, 0, -50, 50, True)
    single = window_nodes(x.float(), 0, -50, 50, True)
    assert ((single - exact).abs() / exact).max() < 1e-6


@pytest.mark.parametrize(
    ("offsets", "window"),
    [([1, 2, 8, 9], (-2, 2)), ([0, 1, 2], (0, 2)), ([2, 3], None), ([1, 2, 7, 9], None)],
)
def test_offsets_without_gaps_are_a_window(offsets, window):
    edges = Connections("edges", 10, 10, False, structure="circulant", offsets=numpy.array(offsets))
    assert edges.window == window


POPULATION = """population p[N] {
  state theta on circle ~ uniform; param u ~ normal(0, 1); param xi[3] ~ normal(0, 1)
  drift u + dot(xi, xi)
}"""
SPARSE = "over gnp_random_graph(n=N, p=0.08, seed=1, directed=true)"
SPECS = [
    (f"{SPARSE} {{ weight ~ normal(0, 0.1) }}", "csr", 2),
    (f"{SPARSE} {{ learn w ~ normal(0, 0.1); weight tanh(w) }}", "csr", 2),
    (f"{SPARSE} {{ state w on real ~ normal(0, 1); w' = -1*w; weight w*u[j] }}", "csr", 2),
    (f"{SPARSE} {{ param w ~ normal(0, 1); weight exp(1 + w)*(1 + u[i]) }}", "csr", 2),
    (f"{SPARSE} {{ weight tanh(u[i]*u[j]) }}", "csr", 2),
    ("over gnp_random_graph(n=N, p=0.5, seed=1) { weight ~ normal(0, 0.1) }", "dense", 2),
    ("{ weight (1 + 0.1*index[i])*(1 - 0.1*index[j]) }", "mean_field", 2),
    ("{ weight u[i]*u[j] }", "mean_field", 2),
    ("{ weight 1 + dot(xi[i], xi[j])/2 }", "mean_field", 4),
    ("{ weight 1 - dot(xi[i], xi[j])*u[j] }", "mean_field", 4),
    ("over causal(N) { weight dot(xi[i], xi[j]) }", "prefix", 2),
    (f"{SPARSE} {{ weight dot(xi[i], xi[j]) }}", "dense", 2),
    ("{ weight dot(xi[i], xi[j])^2 }", "weighted", 2),
    ("{ weight 1/(u[j] - u[i]); kernel cos(theta[j]) }", "weighted", 1),
    ("over everyone(N) { weight softmax(2*cos(theta[j] - theta[i]) + u[j]) }", "attention", 1),
    ("{ weight softmax(2*cos(theta[j] - theta[i])) }", "weighted", 2),
    ("{ kernel tanh(u[i]*sin(theta[j] - theta[i])) }", "pairs", 1),
]


@pytest.mark.parametrize(("coupling", "form", "features"), SPECS)
def test_a_spec_takes_the_form_and_is_certified(coupling, form, features):
    text = f"model m\nparam N = 40\n{POPULATION}\ncoupling c: p -> p {coupling}\n"
    compilation = Compilation(Source("m.dyn", text))
    chosen = chosen_forms(compilation.program)["c"]
    assert (chosen.name, chosen.features) == (form, features)
    assert certify(compilation).passed


VECTORS = [
    ("sphere(3)", "{ weight dot(xi[i], xi[j]) }", "weighted"),
    ("sphere(3)", "{ weight 1 - dot(xi[i], xi[j])/2 }", "weighted"),
    ("sphere(3)", "{ kernel x[j]*exp(-1*norm(x[j] - x[i])) }", "weighted"),
    ("real(2) ~ normal(0, 1)", "{ weight softmax(-1*norm(x[j] - x[i])) }", "weighted"),
    ("real(2) ~ normal(0, 1)", "{ weight exp(-1*norm(x[j] - x[i])^2) }", "pairs"),
    ("real(2) ~ normal(0, 1)", f"{SPARSE} {{ weight softmax(tanh(dot(x[j], x[i]))) }}", "csr"),
]


@pytest.mark.parametrize(("manifold", "coupling", "form"), VECTORS)
def test_weights_that_do_not_split_are_a_matrix_for_vectors(manifold, coupling, form):
    text = f"""model m
param N = 40
population p[N] {{ state x on {manifold}; param xi[3] ~ normal(0, 1); drift dot(xi, xi)*x }}
coupling c: p -> p {coupling}
"""
    compilation = Compilation(Source("m.dyn", text))
    assert chosen_forms(compilation.program)["c"].name == form
    assert certify(compilation).passed


@pytest.mark.parametrize("coupling", [SPECS[0][0], "over path_graph(n=N) { form sparse }"])
def test_an_emitted_file_computes_the_same(coupling, tmp_path):
    from tests.lower.test_emit import executed, write

    text = f"""model m
param N = 40
population osc[N] {{ state theta on circle ~ uniform }}
coupling c: osc -> osc {coupling}
observe r = order(theta)
simulate {{ t 0 .. 1 every 0.5 }}
"""
    compilation = Compilation(Source("m.dyn", text.replace("{ weight", "{ form sparse; weight")))
    theta = torch.rand(40, dtype=torch.float64)
    found, _ = executed(write(tmp_path, compilation), "M", "flow", theta)
    expected = compilation.build().rates(torch.zeros(()), {"osc.theta": theta})["osc.theta"]
    torch.testing.assert_close(found["rate"], expected, rtol=1e-12, atol=1e-12)
