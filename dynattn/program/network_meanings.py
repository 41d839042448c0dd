"""What the functions of networks mean at one node: rules of the reference evaluator.

Dropout is what it is outside training: nothing happens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy

from dynattn.model.terms import Term
from dynattn.program import duals
from dynattn.program.duals import Dual
from dynattn.program.increments import weight_noise
from dynattn.program.moments import PastTheEnd, View


def evaluate(term: Term, view: View) -> Dual:
    """The value of a term, by the rules of ``meanings``."""
    from dynattn.program import meanings

    return meanings.evaluate(term, view)


def _coordinates(value: Dual) -> Dual:
    """The mean over all coordinates."""
    row = duals.reshape(value, (value.value.size,))
    return duals.dot(row, duals.plain(numpy.full(row.shape, 1.0 / row.value.size)))


def _layer_norm(term: Term, view: View) -> Dual:
    x, gain, bias = (evaluate(arg, view) for arg in term.args)
    rows = duals.reshape(x, (-1, x.shape[-1])) if x.value.ndim > 1 else duals.stack([x])
    normed = [_normed(rows[k]) for k in range(rows.shape[0])]
    found = duals.reshape(duals.stack(normed), x.shape)
    return duals.add(duals.multiply(found, gain), bias)


def _normed(row: Dual) -> Dual:
    away = duals.apply("sub", row, _coordinates(row))
    variance = _coordinates(duals.multiply(away, away))
    spread = duals.apply("sqrt", duals.add(variance, duals.plain(1e-5)))
    return duals.divide(away, spread)


def _rounded(term: Term, view: View) -> Dual:
    """As if it were the weight itself, but for its value."""
    weight = evaluate(term.args[0], view)
    largest, count = numpy.abs(weight.value).max(), 2**term.payload
    if largest == 0:
        return weight
    step = 2 * largest / (count - 1)
    return Dual(numpy.rint((weight.value + largest) / step) * step - largest, weight.tangent)


def _disturbed(term: Term, view: View) -> Dual:
    weight, reference = evaluate(term.args[0], view), view.moment.reference
    size, name = term.payload
    full = reference.full_name(reference.model.parameter[name], view.moment.copies)
    numbers = reference.increments.first(weight_noise(full), weight.shape)
    largest = numpy.abs(weight.value).max()
    return Dual(weight.value + size * largest * numbers, weight.tangent)


def _sinusoidal(term: Term, view: View) -> Dual:
    assert view.node is not None
    width = term.payload[1].value(view.moment.reference.sizes)
    found = []
    for k in range(width):
        angle = view.node / 10000.0 ** (2 * (k // 2) / width)
        found.append(numpy.cos(angle) if k % 2 else numpy.sin(angle))
    return duals.plain(found)


def _flatten(term: Term, view: View) -> Dual:
    parts = [duals.reshape(value, (value.value.size,)) for value in _everywhere(term.args[0], view)]
    return duals.concat(parts)


def _at(term: Term, view: View) -> Dual:
    value, which = term.args
    number = int(evaluate(which, view).value)
    return evaluate(value, view.moment.node(number))


def _everywhere(value: Term, view: View) -> list[Dual]:
    """The value at every node, or the one there is."""
    if value.type.place.kind != "nodes":
        return [evaluate(value, view)]
    nodes = range(view.moment.reference.count(value.type.place.name))
    return [evaluate(value, view.moment.node(number)) for number in nodes]


def _average(term: Term, view: View) -> Dual:
    return duals.mean([_coordinates(value) for value in _everywhere(term.args[0], view)])


# ── losses and measures ────────────────────────────────────────────────────────────────────────


def _over_targets(one: Callable[[Dual, Dual], Dual]) -> Callable[[Term, View], Dual]:
    """The mean of ``one(prediction, target)`` over the places that have a target."""

    def rule(term: Term, view: View) -> Dual:
        return duals.mean([one(guess, wanted) for guess, wanted in _pairs(term, view)])

    return rule


def _pairs(term: Term, view: View) -> Iterator[tuple[Dual, Dual]]:
    guess, target = term.args
    if target.type.place.kind != "nodes":
        yield evaluate(guess, view), evaluate(target, view)
        return
    for number in range(view.moment.reference.count(target.type.place.name)):
        here = view.moment.node(number)
        try:
            wanted = evaluate(target, here)
        except PastTheEnd:
            continue
        yield evaluate(guess, here), wanted


def _surprise(logits: Dual, target: Dual) -> Dual:
    """log(sum(exp(logits))) - logits[target], in nats."""
    largest = duals.plain(logits.value.max())
    above = duals.apply("sub", logits, largest)
    total = duals.dot(duals.apply("exp", above), duals.plain(numpy.ones(logits.shape)))
    return duals.apply("sub", duals.apply("log", total), above[int(target.value)])


def _binary_surprise(logit: Dual, target: Dual) -> Dual:
    """log(1 + exp(logit)) - target * logit, in nats."""
    return duals.apply("sub", duals.apply("softplus", logit), duals.multiply(target, logit))


def _is_right(logits: Dual, target: Dual) -> Dual:
    return duals.plain(float(logits.value.argmax() == int(target.value)))


def _is_right_of_two(logit: Dual, target: Dual) -> Dual:
    return duals.plain(float((logit.value > 0) == (target.value > 0.5)))


RULES: dict[str, Callable[[Term, View], Dual]] = {
    "layer_norm": _layer_norm,
    "dropout": lambda term, view: evaluate(term.args[0], view),
    "rounded": _rounded,
    "disturbed": _disturbed,
    "sinusoidal": _sinusoidal,
    "flatten": _flatten,
    "at": _at,
    "average": _average,
    "cross_entropy": _over_targets(_surprise),
    "binary_cross_entropy": _over_targets(_binary_surprise),
    "accuracy": _over_targets(_is_right),
    "binary_accuracy": _over_targets(_is_right_of_two),
}
