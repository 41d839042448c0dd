"""Losses and measures of training: each one number, a mean over what is there."""

from __future__ import annotations

from dataclasses import replace

from dynattn.diagnostics.report import Span
from dynattn.model import constants, typing
from dynattn.model.arguments import Arguments
from dynattn.model.draft import Draft
from dynattn.model.expressions import Context
from dynattn.model.terms import GLOBAL, Term, Type
from dynattn.syntax import tree
from dynattn.vocabulary.sizes import ONE

REDUCING = ("cross_entropy", "binary_cross_entropy", "accuracy", "binary_accuracy", "average")
"""Operations whose result is one number for all samples, places and coordinates."""
SAMPLED = ("input", "output", "variable", "state")
"""What each sample has of its own."""


def cross_entropy(context: Context, expr: tree.Call, arguments: Arguments) -> Term:
    """Mean negative log-likelihood of the target, in nats."""
    logits, target, span = arguments.term("logits"), arguments.term("target"), expr.span
    if typing.is_unknown(logits, target):
        return typing.unknown(span)
    return _of_classes(context, "cross_entropy", logits, target, span)


def accuracy(context: Context, expr: tree.Call, arguments: Arguments) -> Term:
    """The share of targets with the largest logit; of two classes one logit is enough."""
    logits, target, span = arguments.term("logits"), arguments.term("target"), expr.span
    if typing.is_unknown(logits, target):
        return typing.unknown(span)
    if logits.type.shape in ((), (ONE,)):
        return _binary(context, "accuracy", logits, target, span)
    return _of_classes(context, "accuracy", logits, target, span)


def binary_cross_entropy(context: Context, expr: tree.Call, arguments: Arguments) -> Term:
    """Mean of log(1 + e^x) - y x, in nats, of logits x and targets y, 0 or 1."""
    logit, target, span = arguments.term("logit"), arguments.term("target"), expr.span
    if typing.is_unknown(logit, target):
        return typing.unknown(span)
    return _binary(context, "binary_cross_entropy", logit, target, span)


def _of_classes(context: Context, name: str, logits: Term, target: Term, span: Span) -> Term:
    """A loss or measure of one logit per class of the target."""
    fits = (
        _classes(context, name, target, span)
        and _scores(context, logits, target, span)
        and _together(context, logits, target, span)
    )
    return Term(name, (logits, target), Type(), span) if fits else typing.unknown(span)


def _binary(context: Context, name: str, logit: Term, target: Term, span: Span) -> Term:
    """A loss or measure of one logit per sample or place, for a target of two classes."""
    errors = context.draft.errors
    if logit.type.shape not in ((), (ONE,)):
        text = f"{name} takes one logit, and this is {typing.spell_shape(logit.type.shape)}"
        errors.add("E301", text, span, "let the output be linear(..., 1)")
        return typing.unknown(span)
    two = target.type.classes is not None and constants.count(context.draft, target.type.classes)
    if target.type.shape or (target.type.classes is not None and two != 2):
        text = f"{name} of one logit needs a target of two classes"
        errors.add("E310", text, span, "declare it: input label: class(2)")
        return typing.unknown(span)
    if not _together(context, logit, target, span):
        return typing.unknown(span)
    if logit.type.shape:
        logit = Term("entry", (logit,), replace(logit.type, shape=()), span, ((0,), (0,)))
    op = "binary_accuracy" if name == "accuracy" else name
    return Term(op, (logit, target), Type(), span)


def _classes(context: Context, name: str, target: Term, span: Span) -> bool:
    if target.type.classes is not None and target.type.dtype == "integer":
        return True
    context.draft.errors.add(
        "E310", f"the target of {name} is a class or a token", span,
        f"write {name}(logits, next(text))",
    )  # fmt: skip
    return False


def _scores(context: Context, logits: Term, target: Term, span: Span) -> bool:
    """Whether there is one logit per class; else a diagnostic."""
    classes = target.type.classes
    assert classes is not None
    if logits.type.shape == (classes,):
        return True
    context.draft.errors.add(
        "E301",
        f"the logits have {typing.spell_shape(logits.type.shape)} coordinates for "
        f"{classes} classes",
        span,
        f"let the output be linear(..., {classes})",
    )
    return False


def _together(context: Context, logits: Term, target: Term, span: Span) -> bool:
    """Whether both stand at the same places; else a diagnostic."""
    places = [logits.type.place, target.type.place]
    if places[0] == places[1]:
        return True
    if GLOBAL not in places:
        typing.join_places(context.draft.errors, [logits, target], span)
        return False
    where = typing.describe(next(place for place in places if place != GLOBAL))
    text = f"there are logits at each node, {where}, and one target"
    if places[0] == GLOBAL:
        text = f"there is a target at each node, {where}, and one set of logits"
    context.draft.errors.add("E305", text, span, "let both be per node, or take mean(..) of one")
    return False


# ── one number of anything ─────────────────────────────────────────────────────────────────────


def averaged(draft: Draft, term: Term) -> Term:
    """The mean over all samples, nodes and coordinates of what is not one number already."""
    if not term.type.shape and term.type.place == GLOBAL and not _per_sample(draft, term):
        return term
    return Term("average", (term,), Type(), term.span)


def _per_sample(draft: Draft, term: Term) -> bool:
    """Whether samples may differ in it, by what they are or by how long they are."""
    stack, seen = [term], set[int]()
    while stack:
        item = stack.pop()
        if item.op in SAMPLED or _has_own_length(draft, item):
            return True
        if item.op not in REDUCING and id(item) not in seen:
            stack.extend(item.args)
        seen.add(id(item))
    return False


def _has_own_length(draft: Draft, term: Term) -> bool:
    if term.op == "size":
        return bool(term.payload.names & set(draft.dims))
    place = term.type.place
    population = (draft.seen_from(None) | draft.places).get(place.name)
    return place.kind == "nodes" and population is not None and bool(
        population.size.names & set(draft.dims)
    )  # fmt: skip


RULES = {
    "cross_entropy": (("logits", "target"), cross_entropy),
    "binary_cross_entropy": (("logit", "target"), binary_cross_entropy),
    "accuracy": (("logits", "target"), accuracy),
}
"""Names of the arguments and typing rule of each."""
