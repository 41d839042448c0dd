"""Every form of a graph sum is the same sum, and carries the same gradient."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
import torch

from dynattn.lower import kernels, sparse_kernels
from dynattn.lower.sparse import SparseProduct, csr_product
from tests.lower.programs import (
    ALL,
    COUNT,
    RNG,
    Hand,
    causal,
    complete,
    context,
    matrix_of,
    routine_of,
    run,
    sparse,
)

BATCHES = [(), (3,), (2, 3)]
FORMS = [
    (complete(), "mean_field", None),
    (complete(True), "mean_field", None),
    (causal(), "prefix", None),
    (causal(False), "prefix", None),
    (complete(), "dense", None),
    (causal(), "dense", None),
    (sparse(), "dense", None),
    (sparse(), "dense", "weight"),
    (sparse(), "csr", None),
    (sparse(), "csr", "weight"),
]


def edge_form(hand, x, weight):
    values = hand.op("sender", x, payload="c", place=hand.edge_place)
    if weight:
        edge = hand.op("edge", payload=("c", weight), place=hand.edge_place, shape=())
        if x.type.shape:
            edge = hand.op("unsqueeze", edge, payload=(-1,), shape=(1,))
        values = hand.op("mul", edge, values, shape=[2] if x.type.shape else [])
    return hand.op("edge_sum", values, payload="c", place=ALL)


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize(("edges", "form", "weight"), FORMS)
def test_all_forms_are_one_sum(edges, form, weight, batch):
    """Two features, a number and a vector per node, summed together."""
    hand, where = Hand(edges), context(edges)
    x, y = hand.state("x"), hand.state("y", 2)
    sums = hand.op("graph_sum", x, y, payload=("c", form, weight), dtype="tuple")
    arrays = {
        "x": RNG.standard_normal((*batch, COUNT)),
        "y": RNG.standard_normal((*batch, COUNT, 2)),
    }
    matrix = matrix_of(edges, weight)
    for k, (state, name) in enumerate(((x, "x"), (y, "y"))):
        picked = run(hand.op("pick", sums, payload=k), where, **arrays)
        by_edges = run(edge_form(hand, state, weight), where, **arrays)
        columns = arrays[name].reshape(*batch, COUNT, -1)
        expected = (matrix @ columns).reshape(arrays[name].shape)
        numpy.testing.assert_allclose(picked, expected, rtol=1e-12, atol=1e-13)
        numpy.testing.assert_allclose(by_edges, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(("edges", "form", "weight"), FORMS)
def test_gradients_of_graph_sums(edges, form, weight):
    hand = Hand(edges)
    sums = hand.op("graph_sum", hand.state("x", 2), payload=("c", form, weight), dtype="tuple")
    routine = routine_of(hand.op("pick", sums, payload=0), context(edges))
    x = torch.randn(2, COUNT, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: routine({"state x": x})["result"], (x,))


@pytest.mark.parametrize("edges", [sparse(), complete(), causal()])
@pytest.mark.parametrize("op", ["edge_sum", "edge_softmax", "edge_normalize"])
def test_gradients_of_edges(op, edges):
    hand = Hand(edges)
    x = hand.state("x")
    ends = [hand.op(end, x, payload="c", place=hand.edge_place) for end in ("receiver", "sender")]
    value = hand.op("exp", hand.op("sub", ends[1], ends[0]))
    node = hand.op(op, value, payload="c", place=ALL if op == "edge_sum" else None)
    if op != "edge_sum":
        node = hand.op("edge_sum", hand.op("mul", node, ends[1]), payload="c", place=ALL)
    routine = routine_of(node, context(edges))
    array = torch.randn(2, COUNT, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: routine({"state x": x})["result"], (array,))


def sparse_parts(edges):
    hand = Hand(edges)
    sums = hand.op("graph_sum", hand.state("x"), payload=("c", "csr", "weight"), dtype="tuple")
    return routine_of(hand.op("pick", sums, payload=0), context(edges))


@pytest.mark.filterwarnings("ignore:`torch.jit.script:DeprecationWarning")
def test_sparse_sums_go_through_every_transform():
    edges = sparse()
    routine, matrix = sparse_parts(edges), torch.as_tensor(matrix_of(edges, "weight"))

    def value(x):
        return routine({"state x": x})["result"]

    x = torch.randn(COUNT, dtype=torch.float64)
    for jacobian in (torch.func.jacrev, torch.func.jacfwd):
        torch.testing.assert_close(jacobian(value)(x), matrix, rtol=1e-12, atol=1e-13)
    batch = torch.randn(4, COUNT, dtype=torch.float64)
    torch.testing.assert_close(torch.func.vmap(value)(batch), batch @ matrix.T)
    assert torch.autograd.gradgradcheck(lambda x: value(x) ** 2, (x.requires_grad_(),))
    copy.deepcopy(routine)


def test_a_sparse_sum_makes_nothing_of_size_n_squared():
    """A matrix of 30 000 x 30 000 would need 7 GB; forward and backward pass regardless."""
    count = 30_000
    rows = torch.arange(count + 1)
    columns = torch.arange(count).roll(1)
    ones = torch.ones(count, dtype=torch.float64)
    back = torch.arange(count).roll(-1)
    x = torch.randn(count, 1, dtype=torch.float64, requires_grad=True)
    result = SparseProduct.apply(rows, columns, ones, rows, back, ones, x)
    torch.testing.assert_close(result, x.detach().roll(1, 0))
    (gradient,) = torch.autograd.grad((result * torch.arange(count)[:, None]).sum(), x)
    torch.testing.assert_close(gradient[:, 0], torch.arange(count).double().roll(-1))


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("edges", [causal(), complete(True)])
@pytest.mark.parametrize("heads", [True, False])
def test_fused_attention_is_softmax_over_the_senders(edges, batch, heads):
    hand = Hand(edges)
    shape = (2, 3) if heads else (3,)
    q, k, v = (hand.state(name, *shape) for name in "qkv")
    node = hand.op("attention", q, k, v, payload="c")
    arrays = {name: RNG.standard_normal((*batch, COUNT, *shape)) for name in "qkv"}
    actual = run(node, context(edges), **arrays)
    full = {name: a.reshape(-1, COUNT, 2 if heads else 1, 3) for name, a in arrays.items()}
    expected = numpy.zeros_like(full["v"])
    matrix = matrix_of(edges)
    for s, i, h in numpy.ndindex(expected.shape[:3]):
        senders = [j for j in range(COUNT) if matrix[i, j]]
        weights = [numpy.exp(full["q"][s, i, h] @ full["k"][s, j, h]) for j in senders]
        for w, j in zip(weights, senders, strict=True):
            expected[s, i, h] += w / sum(weights) * full["v"][s, j, h]
    numpy.testing.assert_allclose(actual, expected.reshape(actual.shape), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(
    ("edges", "form"), [(sparse(), "mean_field"), (complete(), "prefix"), (causal(), "csr")]
)
def test_a_form_that_does_not_fit_is_refused(edges, form):
    hand = Hand(edges)
    node = hand.op("graph_sum", hand.state("x"), payload=("c", form, None), dtype="tuple")
    with pytest.raises(ValueError, match=f"the graph sum of c has no {form} form"):
        routine_of(node, context(edges))


def test_attention_needs_every_node_to_see_itself():
    hand = Hand(causal(False))
    node = hand.op("attention", *(hand.state(n, 3) for n in "qkv"), payload="c")
    with pytest.raises(ValueError, match="c is neither causal nor complete with itself"):
        routine_of(node, context(causal(False)))


def test_sparse_arrays_are_quiet():
    code = (
        "import torch; from dynattn.lower.sparse import SparseProduct as S; i = torch.tensor;"
        "a = i([0, 1]), i([0]), i([1.0]); print(S.apply(*a, *a, i([[2.0]])).item())"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True, text=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("2.0\n", "")


def test_a_sparse_product_without_gradients_is_the_same():
    """In inference mode it is taken apart from autograd; under vmap it must not be."""
    starts, columns = torch.tensor([0, 1, 2, 4]), torch.tensor([0, 1, 0, 1])
    back, rows = torch.tensor([0, 2, 4]), torch.tensor([0, 2, 1, 2])
    ones = torch.tensor([1.0, 2.0, 3.0, 4.0])
    matrix = (starts, columns, ones, back, rows, ones)
    x = torch.randn(5, 2, 3)
    plain = torch.stack([sparse_kernels.sparse_product(matrix, item) for item in x])
    with torch.inference_mode():
        alone = torch.stack([sparse_kernels.sparse_product(matrix, item) for item in x])
        mapped = torch.func.vmap(lambda item: sparse_kernels.sparse_product(matrix, item))(x)
    assert torch.equal(alone, plain)
    assert torch.equal(mapped, plain)


def test_features_of_one_shape_and_of_two_ranks():
    """[3, 3] is three points of three nodes, or three nodes of three coordinates."""
    dense = torch.tensor([[1.0, 0.0, 2.0], [0.0, 3.0, 0.0], [4.0, 0.0, 0.0]])
    csr, csc = dense.to_sparse_csr(), dense.mT.contiguous().to_sparse_csr()
    matrix = tuple(part for m in (csr, csc)
                   for part in (m.crow_indices(), m.col_indices(), m.values()))  # fmt: skip
    a, b = torch.randn(3, 3), torch.randn(3, 3)
    sparse = sparse_kernels.sparse_sums((a, b), matrix, (0, 1))
    whole = kernels.dense_sums((a, b), (dense,), (0, 1))
    for found in (sparse, whole):
        assert (found[0] - a @ dense.mT).abs().max() < 1e-6
        assert (found[1] - dense @ b).abs().max() < 1e-6


@pytest.mark.parametrize("batch", [(), (3,), (2, 3)])
def test_large_features_are_put_side_by_side_without_derivatives_as_with_them(batch):
    features = [torch.randn(*batch, 5000, 2) for _ in range(3)]
    with torch.no_grad():
        alone = sparse_kernels.beside(features, 1)
    recorded = sparse_kernels.beside([a.clone().requires_grad_() for a in features], 1)
    assert recorded.requires_grad and torch.equal(alone, recorded)
    mapped = torch.func.vmap(lambda a: sparse_kernels.beside((a, a), 1))(features[0][None])
    assert torch.equal(mapped[0], torch.stack((features[0], features[0]), -1).movedim(-3, 0))


def test_a_sparse_product_does_not_read_what_it_writes_over():
    """Rows without an entry are 0 also in memory that was full of NaN."""
    starts = torch.zeros(40_001, dtype=torch.int32)
    for count in (0, 1):
        starts[1:] = count
        columns, ones = torch.zeros(count, dtype=torch.int32), torch.ones(count)
        for _ in range(5):
            worthless = torch.full((40_000, 1), torch.nan)
            del worthless
            found = csr_product(starts, columns, ones, 3, torch.ones(3, 1))
            assert found[0] == count and not found[1:].any()
