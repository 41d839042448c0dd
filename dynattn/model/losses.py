"""Losses: what training lowers."""

from __future__ import annotations

from dynattn.diagnostics.report import Span
from dynattn.model import typing
from dynattn.model.expressions import Context
from dynattn.model.terms import Term, Type


def cross_entropy(context: Context, logits: Term, target: Term, span: Span) -> Term:
    """Mean negative log-likelihood of the target, in nats."""
    if typing.is_unknown(logits, target):
        return typing.unknown(span)
    errors = context.draft.errors
    if target.type.classes is None or target.type.dtype != "integer":
        errors.add(
            "E310", "the target of cross_entropy is a class or a token", span,
            "write cross_entropy(logits, next(text))",
        )  # fmt: skip
        return typing.unknown(span)
    if logits.type.shape != (target.type.classes,):
        errors.add(
            "E301",
            f"the logits have {typing.spell_shape(logits.type.shape)} coordinates for "
            f"{target.type.classes} classes",
            span,
            f"let the output be linear(..., {target.type.classes})",
        )
        return typing.unknown(span)
    if typing.join_places(errors, [logits, target], span) is None:
        return typing.unknown(span)
    return Term("cross_entropy", (logits, target), Type(), span)
