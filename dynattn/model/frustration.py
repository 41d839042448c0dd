"""Frustration and harmonics: the phase difference d = x[j] - x[i] of a kernel becomes m*d - lag."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from dynattn.model.draft import Draft
from dynattn.model.expressions import Context
from dynattn.model.parts import Population, State
from dynattn.syntax import tree
from dynattn.syntax.walk import parts_of
from dynattn.vocabulary.manifolds import MANIFOLDS

LAG = "(lag)"
"""The name under which the lag stands in the kernel: no name of a spec can have it."""


HARMONIC = "(m)"
"""The name under which the number of the harmonic stands in the kernel."""


def delayed(context: Context, kernel: tree.Expr, clause: tree.Clause, state: State) -> tree.Expr:
    """The kernel with every phase difference d of the state as m*d - lag, of which the context
    holds what there is.
    """
    if not MANIFOLDS[state.manifold.name].phase:
        refuse(context.draft, clause, state)
        return kernel
    bare = state.name.rsplit(".", 1)[-1]
    found, seen = _shift(kernel, bare, frozenset(context.holes) & {LAG, HARMONIC})
    if not found or seen:
        shifts = "harmonics multiply" if clause.word == "harmonics" else "frustration shifts"
        context.draft.errors.add(
            "E406",
            f"{shifts} the phase difference {bare}[j] - {bare}[i], and this kernel "
            + (f"uses {bare} outside of one" if seen else "has none"),
            kernel.span,
            f"write the kernel in {bare}[j] - {bare}[i], or leave out {clause.word}",
            [(clause.span, f"the {clause.word}")],
        )
    return found or kernel


def state_read(
    draft: Draft, clause: tree.Clause, kernel: tree.Expr, of: Population
) -> State | None:
    """In a readout: the state whose differences the clause shifts, which is the one of the
    receivers that the kernel reads. None with a diagnostic.
    """
    read = set(_indexed(kernel))
    own = {s.name.rsplit(".", 1)[-1]: s for s in of.states if s.velocity_of is None}
    meant = [name for name in own if name in read]
    if len(meant) == 1:
        return own[meant[0]]
    which = " and ".join(meant) or f"no state of '{of.name}'"
    does = "harmonics multiply" if clause.word == "harmonics" else "frustration shifts"
    text = f"{does} the differences of one state, and this kernel reads {which}"
    fix = "write the kernel in x[j] - x[i] of one state, or the shift into the kernel"
    known = [(clause.span, f"the {clause.word}")]
    draft.errors.add("E435", text, kernel.span, fix, known)
    return None


def _indexed(node: Any) -> Iterator[str]:
    """The names that stand with an index."""
    if isinstance(node, tree.Index) and isinstance(node.value, tree.Name):
        yield node.value.name
    for part in parts_of(node):
        yield from _indexed(part)


def refuse(draft: Draft, clause: tree.Clause, state: State) -> None:
    """A frustration, or harmonics, on a manifold whose points are no angles."""
    entry = MANIFOLDS[state.manifold.name]
    if clause.word == "harmonics":
        text = f"harmonics multiply angles, and a point of {state.manifold} is none"
        fix = "leave harmonics out, or put the state on circle or torus(d)"
    else:
        text = f"frustration has no meaning on {state.manifold}"
        fix = "leave it out, or write the kernel"
        fix += ": cis(-alpha) * x[j] - x[i]" if entry.of_complex and not entry.shape else ""
    draft.errors.add("E352", text, clause.span, fix)


def _shift(expr: tree.Expr, bare: str, what: frozenset[str]) -> tuple[tree.Expr | None, bool]:
    """The shifted expression (None where no difference stands in it), and whether x stands
    alone.
    """
    sign = _difference(expr, bare)
    if sign:
        if HARMONIC in what:
            expr = tree.Binary(expr.span, "*", tree.Name(expr.span, HARMONIC), expr)
        if LAG in what:
            expr = tree.Binary(expr.span, sign, expr, tree.Name(expr.span, LAG))
        return expr, False
    match expr:
        case tree.Index(value=tree.Name(name=name)) if name == bare:
            return None, True
        case tree.Binary(left=left, right=right):
            (a, x), (b, y) = _shift(left, bare, what), _shift(right, bare, what)
            changed = replace(expr, left=a or left, right=b or right) if a or b else None
            return changed, x or y
        case tree.Unary(operand=operand):
            inner, alone = _shift(operand, bare, what)
            return (replace(expr, operand=inner) if inner else None), alone
        case tree.Call(arguments=arguments):
            parts = [_shift(argument, bare, what) for argument in arguments]
            new = tuple(p or a for (p, _), a in zip(parts, arguments, strict=True))
            changed = replace(expr, arguments=new) if any(p for p, _ in parts) else None
            return changed, any(alone for _, alone in parts)
        case tree.ListOf(items=items):
            parts = [_shift(item, bare, what) for item in items]
            new = tuple(p or a for (p, _), a in zip(parts, items, strict=True))
            changed = replace(expr, items=new) if any(p for p, _ in parts) else None
            return changed, any(alone for _, alone in parts)
    return None, False


def _difference(expr: tree.Expr, bare: str) -> str:
    """``-`` for x[j] - x[i], ``+`` for x[i] - x[j], '' otherwise."""
    match expr:
        case tree.Binary(
            operator="-",
            left=tree.Index(value=tree.Name(name=a), items=(tree.Name(name=p),)),
            right=tree.Index(value=tree.Name(name=b), items=(tree.Name(name=q),)),
        ) if a == b == bare:
            return {("j", "i"): "-", ("i", "j"): "+"}.get((p, q), "")
    return ""
