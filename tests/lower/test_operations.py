"""Every operation against plain numpy, entry by entry, with 0, 1 and 2 batch axes."""

from __future__ import annotations

import math

import numpy
import pytest
import torch

from dynattn.lower.operations import OPERATIONS
from dynattn.vocabulary.functions import ELEMENTWISE
from tests.lower.programs import (
    ALL,
    COUNT,
    GLOBAL,
    RNG,
    Hand,
    causal,
    complete,
    context,
    matrix_of,
    named,
    run,
    sparse,
)

BATCHES = [(), (3,), (2, 3)]


def close(actual, expected):
    numpy.testing.assert_allclose(actual.numpy(), expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise_entry(name):
    entry, hand = ELEMENTWISE[name], Hand()
    truths = name in ("and", "or", "not")
    arrays = [RNG.uniform(0.1, 0.9, (2, COUNT)) for _ in range(entry.arity)]
    arrays = [a > 0.5 for a in arrays] if truths else arrays
    kind = "truth" if truths else "real"
    states = [hand.state(f"a{k}", dtype=kind) for k in range(entry.arity)]
    result = "real" if entry.result == "same" else entry.result
    node = hand.op(name, *states, dtype=result)
    actual = run(node, context(), **{f"a{k}": a for k, a in enumerate(arrays)})
    kinds = {"truth": bool, "real": float, "complex": complex}
    expected = numpy.empty((2, COUNT), kinds[result])
    for place in numpy.ndindex(expected.shape):
        expected[place] = entry.value(numpy, *[a[place] for a in arrays])
    close(actual, expected)


@pytest.mark.parametrize("name", [n for n, e in ELEMENTWISE.items() if e.of_complex])
def test_elementwise_entry_of_complex_numbers(name):
    entry, hand = ELEMENTWISE[name], Hand()
    arrays = [RNG.standard_normal((2, COUNT, 2)) @ [1, 1j] for _ in range(entry.arity)]
    states = [hand.state(f"a{k}", dtype="complex") for k in range(entry.arity)]
    node = hand.op(name, *states, dtype=entry.of_complex)
    actual = run(node, context(), **{f"a{k}": a for k, a in enumerate(arrays)})
    expected = entry.value(numpy, *arrays)
    assert actual.is_complex() == numpy.iscomplexobj(expected)
    close(actual, expected)


def test_plain_numbers_are_folded_into_one():
    hand = Hand()
    root = hand.op("sqrt", hand.op("div", hand.number(2.0), hand.number(8.0)))
    node = hand.op("mul", hand.state("x"), root)
    x = RNG.standard_normal(COUNT)
    close(run(node, context(), x=x), x * 0.5)


def test_a_length_of_the_sample_is_a_number():
    hand, where = Hand(), context(size=named("T"))
    size = hand.op("size", payload=named("T"), shape=())
    node = hand.op("mul", hand.state("x"), hand.op("sqrt", size))
    x = RNG.standard_normal(5)
    close(run(node, where, {"T": 5}, x=x), x * math.sqrt(5))


@pytest.mark.parametrize("op", ["sub", "mul", "div"])
def test_truths_count_as_0_and_1(op):
    hand = Hand()
    low = hand.op("lt", hand.state("x"), hand.number(0.0), dtype="truth")
    node = hand.op(op, low, hand.state("y"))
    x, y = RNG.standard_normal((2, COUNT))
    expected = [ELEMENTWISE[op].value(numpy, float(a < 0), b) for a, b in zip(x, y, strict=True)]
    close(run(node, context(), x=x, y=y), expected)


def test_the_number_of_a_node_is_real_where_it_is_computed_with():
    hand = Hand()
    index = hand.op("index", payload="all", place=ALL, dtype="integer")
    half = hand.op("div", index, hand.number(4.0))
    result = run(hand.op("sin", half), context())
    assert result.dtype == torch.float64
    close(result, [math.sin(k / 4) for k in range(COUNT)])


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("op", ["sum", "mean", "std", "min", "max"])
def test_over_nodes(op, batch):
    hand = Hand()
    node = hand.op(f"node_{op}", hand.state("x", 2), payload=-2, place=GLOBAL)
    x = RNG.standard_normal((*batch, COUNT, 2))
    expected = numpy.empty((*batch, 2))
    for place in numpy.ndindex(*batch, 2):
        column = [x[(*place[:-1], k, place[-1])] for k in range(COUNT)]
        expected[place] = {"min": min, "max": max}.get(op, getattr(numpy, op))(column)
    close(run(node, context(), x=x), expected)


def test_nodes_where_a_condition_holds_are_counted():
    hand = Hand()
    condition = hand.op("gt", hand.state("x"), hand.number(0.0), dtype="truth")
    node = hand.op("node_sum", condition, payload=-1, place=GLOBAL)
    result = run(node, context(), x=numpy.array([1.0, -1, 2, 3, -4, 0]))
    assert result.dtype == torch.float64
    assert float(result) == 3.0


@pytest.mark.parametrize("batch", BATCHES)
def test_coordinates(batch):
    hand = Hand()
    a, b = hand.state("a", 3), hand.state("b", 3)
    x, y = RNG.standard_normal((2, *batch, COUNT, 3))
    where = context()
    arrays = {"a": x, "b": y}
    close(run(hand.op("dot", a, b, shape=()), where, **arrays), (x * y).sum(-1))
    close(run(hand.op("norm", a, shape=()), where, **arrays), numpy.sqrt((x * x).sum(-1)))
    both = numpy.concatenate([x, y], -1)
    joined = hand.op("concat", a, b, shape=(6,))
    close(run(joined, where, **arrays), both)
    halves = hand.op("parts", joined, payload=2, shape=(3,), dtype="tuple")
    close(run(hand.op("pick", halves, payload=1, shape=(3,)), where, **arrays), y)
    from dynattn.vocabulary.sizes import fixed

    split = hand.op("split", joined, payload=fixed(2), shape=(2, 3))
    close(run(split, where, **arrays), both.reshape(*batch, COUNT, 2, 3))
    close(run(hand.op("merge", split, shape=(6,)), where, **arrays), both)
    wide = hand.op("unsqueeze", a, payload=(-3, -1), shape=(1, 3, 1))
    close(run(wide, where, **arrays), x.reshape(*batch, COUNT, 1, 3, 1))


def test_single_numbers_stack_with_those_of_nodes():
    hand = Hand()
    node = hand.op("stack", hand.state("x"), hand.number(2.0), shape=(2,))
    x = RNG.standard_normal(COUNT)
    close(run(node, context(), x=x), [[value, 2.0] for value in x])


def test_a_global_vector_joins_those_of_nodes():
    hand = Hand()
    row = hand.nodes.make("constant", (), hand.op("norm", shape=(2,)).type, (1.0, 2.0))
    node = hand.op("concat", hand.state("x", 1), row, shape=(3,))
    x = RNG.standard_normal((4, COUNT, 1))
    expected = [[[value[0], 1.0, 2.0] for value in sample] for sample in x]
    close(run(node, context(), x=x), expected)


def test_rotary_frequencies_repeat_in_every_head():
    node = Hand().op("rotary", payload=(6, 2), shape=(6,))
    once = [10000.0 ** (-c / 3) for c in range(3)]
    close(run(node, context()), once + once)


def test_linear_and_lookup():
    hand = Hand()
    weight, bias = RNG.standard_normal((2, 3)), RNG.standard_normal(2)
    table, rows = RNG.standard_normal((9, 3)), RNG.integers(0, 9, (4, COUNT))
    node = hand.op(
        "linear", hand.state("x", 3), hand.state("w", 2, 3), hand.state("b", 2), shape=(2,)
    )
    x = RNG.standard_normal((4, COUNT, 3))
    expected = numpy.empty((4, COUNT, 2))
    for s, k, out in numpy.ndindex(expected.shape):
        expected[s, k, out] = bias[out] + sum(weight[out, c] * x[s, k, c] for c in range(3))
    close(run(node, context(), x=x, w=weight, b=bias), expected)
    picked = hand.op(
        "lookup", hand.state("w", 9, 3, place=GLOBAL), hand.state("i", dtype="integer")
    )
    close(run(picked, context(), w=table, i=rows), table[rows])
    single = hand.op("lookup", hand.state("w", 9, place=GLOBAL), hand.state("i", dtype="integer"))
    close(run(single, context(), w=table[:, 0], i=rows), table[rows, 0])


def test_cross_entropy_of_the_next_element():
    hand = Hand()
    text = hand.state("text", dtype="integer")
    target = hand.op("next", text, dtype="integer")
    node = hand.op("cross_entropy", hand.state("logits", 5), target, place=GLOBAL, shape=())
    logits, words = RNG.standard_normal((2, COUNT, 5)), RNG.integers(0, 5, (2, COUNT))
    losses = []
    for sample in range(2):
        for k in range(COUNT - 1):
            row = logits[sample, k]
            losses.append(math.log(sum(map(math.exp, row))) - row[words[sample, k + 1]])
    close(run(node, context(), logits=logits, text=words), sum(losses) / len(losses))


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("edges", [sparse(), complete(), complete(True), causal(), causal(False)])
@pytest.mark.parametrize("op", ["edge_sum", "edge_softmax", "edge_normalize"])
def test_edges(op, edges, batch):
    """f(x_i, x_j) on every edge, then the operation over the senders of each receiver."""
    hand = Hand(edges)
    x = hand.state("x", 2)
    ends = [hand.op(end, x, payload="c", place=hand.edge_place) for end in ("receiver", "sender")]
    values = hand.op("add", hand.op("exp", ends[0]), hand.op("sin", ends[1]))
    node = hand.op(op, values, payload="c", place=ALL if op == "edge_sum" else None)
    total = node if op == "edge_sum" else hand.op(
        "edge_sum", hand.op("mul", node, ends[1]), payload="c", place=ALL)  # fmt: skip
    array = RNG.standard_normal((*batch, COUNT, 2))
    expected = numpy.zeros_like(array)
    matrix = matrix_of(edges)
    for place in numpy.ndindex(*batch, COUNT, 2):
        *sample, i, c = place
        own = array[(*sample, slice(None), c)]
        senders = [j for j in range(COUNT) if matrix[i, j]]
        value = [math.exp(own[i]) + math.sin(own[j]) for j in senders]
        if op != "edge_sum":
            exponential = [math.exp(v) if op == "edge_softmax" else v for v in value]
            value = [
                e / sum(exponential) * own[j] for e, j in zip(exponential, senders, strict=True)
            ]
        expected[place] = sum(value)
    close(run(total, context(edges), x=array), expected)


@pytest.mark.parametrize("edges", [sparse(), complete(), causal()])
def test_a_value_of_the_sender_alone_reaches_every_receiver(edges):
    hand = Hand(edges)
    sender = hand.op("sender", hand.state("x"), payload="c", place=hand.edge_place)
    node = hand.op("edge_sum", sender, payload="c", place=ALL)
    x = RNG.standard_normal(COUNT)
    close(run(node, context(edges), x=x), matrix_of(edges) @ x)


@pytest.mark.parametrize("edges", [sparse(), complete(), complete(True), causal(), causal(False)])
def test_degrees(edges):
    hand = Hand(edges)
    degree = hand.op("degree", payload="c", place=ALL)
    counts = matrix_of(edges).sum(1)
    close(run(degree, context(edges)), numpy.maximum(counts, 1))
    close(run(hand.op("total", payload=("c", None), place=ALL), context(edges)), counts)


@pytest.mark.parametrize("make", [complete, causal])
@pytest.mark.parametrize("include_self", [True, False])
def test_degrees_of_a_sample_of_its_own_length(make, include_self):
    edges, hand = make(include_self, None), Hand()
    where = context(edges, size=named("T"))
    counts = matrix_of(make(include_self, 4)).sum(1)
    degree = hand.op("degree", payload="c", place=ALL)
    close(run(degree, where, {"T": 4}), numpy.maximum(counts, 1))
    total = hand.op("total", payload=("c", None), place=ALL)
    close(run(total, where, {"T": 4}), counts)


def test_numbers_of_edges():
    edges = sparse()
    hand = Hand(edges)
    weight = hand.op("edge", payload=("c", "weight"), place=hand.edge_place)
    close(run(weight, context(edges)), edges.attributes["weight"])
    one = hand.op("edge", payload=("c", "one"), place=hand.edge_place)
    close(run(hand.op("edge_sum", one, payload="c", place=ALL), context(edges)),
          matrix_of(edges).sum(1))  # fmt: skip


def test_an_operation_without_an_entry_is_refused():
    with pytest.raises(ValueError, match="the operation convolve cannot be lowered"):
        run(Hand().op("convolve"), context())


def test_every_operation_of_the_program_has_an_entry():
    import re

    from dynattn.program import nodes

    leaves = {
        "parameter",
        "state",
        "delayed",
        "input",
        "variable",
        "output",
        "placeholder",
        "time",
        "draw",
    }
    rows = re.findall(r"^\| ([a-z_, ]+) \|", nodes.__doc__ or "", re.MULTILINE)[1:]
    listed = {name for row in rows for name in re.split(r"[, ]+", row)}
    assert len(listed) > 30
    assert listed - leaves == set(OPERATIONS) - set(ELEMENTWISE)
