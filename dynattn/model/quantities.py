"""Declared numbers: param, learn and dim, with axes, limits and initial values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from dynattn.diagnostics import habits
from dynattn.diagnostics.report import Span
from dynattn.diagnostics.suggest import did_you_mean
from dynattn.model import constants, matrix_points, membership, typing
from dynattn.model.axes import axes_of, with_counters
from dynattn.model.complex_numbers import (
    draws_fit,
    fits_kind,
    is_complex,
    may_be_complex,
)
from dynattn.model.composition import Dim
from dynattn.model.draft import Draft
from dynattn.model.expressions import Context, translate
from dynattn.model.node_values import of_nodes
from dynattn.model.parts import Draw, Parameter
from dynattn.model.ranges import check_range
from dynattn.model.scope import Symbol
from dynattn.model.terms import GLOBAL, ManifoldUse, Place, Term, Type
from dynattn.syntax import tree
from dynattn.vocabulary.distributions import DISTRIBUTIONS, Distribution
from dynattn.vocabulary.manifolds import MANIFOLDS, OPTIONAL_SIZE
from dynattn.vocabulary.sizes import Size


def declare_dims(draft: Draft, declaration: tree.Quantities) -> None:
    """``dim T <= 50``."""
    for entry in declaration.entries:
        limit = None
        if entry.limits is not None:
            value = constants.number_or_none(draft, entry.limits)
            limit = int(value) if value is not None else None
        if draft.scope.declare(Symbol("dim", entry.name, entry.name_span), draft.errors):
            draft.dims[entry.name] = Dim(entry.name, limit, entry.name_span)


def declare_values(draft: Draft, declaration: tree.Quantities) -> None:
    """First pass over the model's ``param``: the values of plain numbers, settings applied."""
    for entry in declaration.entries:
        if entry.axes or entry.init is None or entry.init.drawn:
            continue
        value = draft.overrides.get(entry.name)
        if value is None:
            arrays = isinstance(entry.init.value, tree.ListOf)
            if arrays or may_be_complex(entry, draft.complex_names):
                draft.complex_names.add(entry.name)
                continue
            value = constants.number_or_none(draft, entry.init.value)
        if value is None:
            draft.valueless.add(entry.name)
        else:
            draft.values[entry.name] = value
            _check_limits(draft, entry, value)


def limits(draft: Draft, entry: tree.Quantity) -> tuple[float, float] | None:
    """The declared range ``in low .. high``."""
    if not isinstance(entry.limits, tree.Range):
        return None
    low = constants.number_or_none(draft, entry.limits.first)
    high = constants.number_or_none(draft, entry.limits.last)
    if low is None or high is None:
        return None
    if low > high:
        text = f"the range {low:g} .. {high:g} of {entry.name} runs backwards"
        fix = f"write in {high:g} .. {low:g}"
        draft.errors.add("E306", text, entry.limits.span, fix)
        return None
    return low, high


def _check_limits(draft: Draft, entry: tree.Quantity, value: float) -> None:
    allowed = limits(draft, entry)
    if allowed is None or allowed[0] <= value <= allowed[1]:
        return
    span = entry.init.value.span if entry.init and entry.name not in draft.overrides else entry.span
    draft.errors.add(
        "E306",
        f"{entry.name} = {value:g} is outside its range {allowed[0]:g} .. {allowed[1]:g}",
        span,
        "choose a value inside, or widen the range",
    )


def declare_parameter(
    context: Context, entry: tree.Quantity, learned: bool, place: Place = GLOBAL
) -> None:
    """One entry of ``param`` or ``learn``: its name becomes known in the context's scope."""
    draft = context.draft
    full = f"{context.owner}.{entry.name}" if context.owner else entry.name
    use = _manifold_of(draft, entry)
    named = axes_of(draft, entry.axes)
    if entry.manifold is not None and use is None:
        named = None  # refused already: how many numbers there are is not known
    shape = None if named is None else (*(a.size for a in named), *(use.shape if use else ()))
    if shape is not None and not _has_rows(draft, entry, shape, place):
        shape = None
    inside = with_counters(context, entry.axes, named, shape) if named and shape else context
    init = at_start(draft, _initial(inside, entry, learned, shape, use), entry.name)
    init = membership.checked(draft, use, fits_kind(draft.errors, entry, use, init))
    if named:
        draft.axes[full] = named
    kind = "learned parameter" if learned else "parameter"
    type_ = typing.UNKNOWN
    if shape is not None:
        type_ = replace(use.points(place, shape) if use else Type(place, shape), manifold=None)
        if isinstance(init, Term) and is_complex(init):
            type_ = replace(type_, dtype="complex")
        elif isinstance(draft.values.get(full), int):
            type_ = replace(type_, dtype="integer")
    term = Term("parameter", (), type_, entry.name_span, full)
    if not context.scope.declare(Symbol(kind, full, entry.name_span, term), draft.errors):
        return
    if shape is None or init is None:
        return
    check_range(draft, entry, init, learned, inner=bool(context.owner))
    draft.parameters[full] = Parameter(
        full, place, shape, init, entry.name_span, learned=learned, manifold=use,
        limits=limits(draft, entry), doc=entry.doc or "", layer=context.layer,
        dtype="complex" if type_.dtype == "complex" else "real",
    )  # fmt: skip


def _has_rows(draft: Draft, entry: tree.Quantity, shape: tuple[Size, ...], place: Place) -> bool:
    """Whether it is known how many numbers there are: at most as many as the dims allow."""
    sized = {name for size in shape for name in size.names} & draft.dims.keys()
    for name in sorted(sized):
        draft.errors.add(
            "E439", f"'{entry.name}' has an axis of length {name}, which every sample sets anew",
            entry.span, f"leave {name} out, and declare it in a population of {name} nodes",
        )  # fmt: skip
    rows = draft.populations[place.name].size.names if place.kind == "nodes" else frozenset()
    endless = [name for name in rows if name in draft.dims and draft.dims[name].limit is None]
    for name in endless:
        draft.errors.add(
            "E438", f"'{entry.name}' has a value for each of {name} nodes, and {name} has no limit",
            entry.name_span, f"write dim {name} <= 50, or as long as a sample may be",
            [(draft.dims[name].span, "declared here")],
        )  # fmt: skip
    return not sized and not endless


def axes(draft: Draft, declared: tuple[tree.Axis, ...]) -> tuple[Size, ...] | None:
    """The sizes of declared axes; None with diagnostics."""
    found = axes_of(draft, declared)
    return None if found is None else tuple(axis.size for axis in found)


def _manifold_of(draft: Draft, entry: tree.Quantity) -> ManifoldUse | None:
    """The manifold of a parameter: one that plain numbers can be points of."""
    if entry.manifold is None:
        return None
    use = manifold(draft, entry.manifold)
    return use if use is not None and may_be_learned(draft, use, entry.manifold.span) else None


def may_be_learned(draft: Draft, use: ManifoldUse, span: Span) -> bool:
    """Whether an optimiser can move a point of the manifold; with a diagnostic."""
    movable = use.name in ("sphere", "positive") or matrix_points.is_matrix(use)
    if movable or MANIFOLDS[use.name].retraction == "x + v":
        return True
    draft.not_yet(f"a parameter on {use}", span)
    return False


def _initial(
    context: Context, entry: tree.Quantity, learned: bool, shape: tuple[Size, ...] | None,
    use: ManifoldUse | None,
) -> Term | Draw | None:  # fmt: skip
    draft = context.draft
    if not context.owner and entry.name in draft.overrides:
        return typing.number(draft.overrides[entry.name], entry.span)
    if entry.init is None:
        if learned and use is not None and MANIFOLDS[use.name].default == "uniform":
            return Draw("on_manifold", (), entry.span)
        if learned:
            start = 1.0 if use is not None and use.name == "positive" else 0.0
            return typing.number(start, entry.span)
        draft.errors.add(
            "E403", f"the parameter '{entry.name}' has no value", entry.name_span,
            f"write {entry.name} = 1.0, or draw it: {entry.name} ~ normal(0, 1)",
        )  # fmt: skip
        return None
    if entry.init.drawn:
        if use is not None and _is_uniform(entry.init.value):
            return Draw("on_manifold", (), entry.init.span)
        of_complex = use is not None and use.dtype == "complex"
        found = drawn(context, entry.init.value, of_complex=of_complex)
        return _on(draft, found, use, entry.init.span)
    if not context.owner and entry.name in draft.valueless:
        return None
    if shape is not None:
        read = partial(_row, context, learned=learned, shape=shape, use=use)
        listed = of_nodes(context, entry, shape, read)
        if listed is not None:
            return listed[0]
    term = translate(context, entry.init.value)
    if typing.is_unknown(term):
        return None
    return _on(draft, fits(draft, term, entry, shape), use, entry.init.span)


def _row(
    context: Context, entry: tree.Quantity, learned: bool, shape: tuple[Size, ...],
    use: ManifoldUse | None,
) -> Term | Draw | None:  # fmt: skip
    """The value of one node; with a diagnostic where it is none."""
    value = membership.checked(context.draft, use, _initial(context, entry, learned, shape, use))
    if value is not None:
        check_range(context.draft, entry, value, learned, inner=True)
    return value


def _is_uniform(expr: tree.Expr) -> bool:
    return isinstance(expr, tree.Name) and expr.name == "uniform"


def _on(
    draft: Draft, init: Term | Draw | None, use: ManifoldUse | None, span: Span
) -> Term | Draw | None:
    """The initial value, where nothing keeps it off the manifold; else a diagnostic."""
    flat = use is None or MANIFOLDS[use.name].constraint is None
    if flat or init is None or (isinstance(init, Term) and init.type.shape):
        return init
    fix = "write ~ uniform: uniform on the manifold"
    draft.errors.add("E312", f"these numbers do not lie on {use}", span, fix)
    return None


def at_start(draft: Draft, value: Term | Draw | None, name: str) -> Term | Draw | None:
    """An initial value, if it reads only what is there before anything runs; else a diagnostic."""
    terms = value.arguments if isinstance(value, Draw) else () if value is None else (value,)
    stack = [(term, term.span) for term in terms]
    while stack:
        term, span = stack.pop()
        if term.op in ("state", "input", "output", "time", "coupling"):
            what = "the time" if term.op == "time" else f"the {term.op} '{term.payload}'"
            what = what.replace("the coupling", "the sum")
            text = f"the initial value of '{name}' reads {what}, which is known only later"
            fix = "write it in numbers, parameters and index"
            draft.errors.add("E309", text, span, fix)
            return None
        stack.extend((arg, span) for arg in term.args)
    return value


def fits(
    draft: Draft, term: Term, entry: tree.Quantity, shape: tuple[Size, ...] | None
) -> Term | None:
    """The value, if it has the declared shape or is a single number."""
    if shape is None:
        return None
    if term.type.shape and term.type.shape != shape:
        draft.errors.add(
            "E301",
            f"'{entry.name}' is declared {typing.spell_shape(shape)} and its value is "
            f"{typing.spell_shape(term.type.shape)}",
            term.span,
            "let the two agree"
            if shape
            else f"declare {entry.name}{typing.spell_shape(term.type.shape)}"
            ", or let a sweep take these values",
        )
        return None
    return term


def drawn(
    context: Context,
    expr: tree.Expr,
    table: Mapping[str, Distribution] = DISTRIBUTIONS,
    of_complex: bool = False,
) -> Draw | None:
    """``normal(0, 0.5)`` after ``~``; ``table``: the distributions there are to choose from."""
    name, given = "", ()
    match expr:
        case tree.Name(name=name):
            pass
        case tree.Call(function=tree.Name(name=name), arguments=given, keywords=()):
            pass
        case tree.Call(function=tree.Name(name=word)) if word in table:
            _refuse_keywords(context.draft, table[word], expr)
            return None
        case tree.Index(value=tree.Name(name=name)):
            pass
    draft = context.draft
    if name not in table or isinstance(expr, tree.Index):
        listed = f"the distributions are {', '.join(table)}"
        fix = did_you_mean(name, table, listed, habits.DISTRIBUTIONS)
        fix = f"write {table[name].signature}" if name in table else fix
        text = f"unknown distribution '{name or expr.span.text}'"
        text = f"the arguments of {name} stand in ( )" if name in table else text
        draft.errors.add("E208", text, expr.span, fix)
        return None
    entry = table[name]
    missing = len(entry.parameters) - len(given)
    if (missing < 0 and not entry.many) or missing > len(entry.defaults):
        count = len(entry.parameters)
        most = f"{'at least ' * entry.many}{count} argument{'s' * (count > 1)}"
        fact = f"{name} takes {most}, not {len(given)}"
        draft.errors.add("E302", fact, expr.span, f"write {entry.signature}")
        return None
    terms = [translate(context, argument) for argument in given]
    tail = entry.defaults[len(entry.defaults) - missing :] if missing > 0 else ()
    terms += [typing.number(value, expr.span) for value in tail]
    if typing.is_unknown(*terms) or not _in_place(context, entry, expr.span):
        return None
    draw = Draw(name, tuple(terms), expr.span)
    return _checked(draft, draw, entry) if draws_fit(draft.errors, draw, of_complex) else None


def _in_place(context: Context, entry: Distribution, span: Span) -> bool:
    """Whether a distribution of draws that belong together stands where they do; else E430."""
    ends = context.ends
    if entry.place == "edges" and (ends is None or ends.sender != ends.receiver):
        text = f"{entry.name} draws for the edges from i to j and from j to i together"
        fix = "draw it in a coupling of a population with itself"
    elif entry.place == "nodes" and (ends is not None or context.population is None):
        text = f"{entry.name} draws for all nodes of a population together"
        fix = "draw it in a population"
    else:
        return True
    context.draft.errors.add("E430", text, span, fix)
    return False


def _checked(draft: Draft, draw: Draw, entry: Distribution) -> Draw | None:
    values = [constants.of_term(draft, term) for term in draw.arguments]
    if any(value is None or not math.isfinite(value) for value in values):
        return draw
    problem = entry.check(*values)
    if problem:
        fixes = {
            "negative": "choose 0 or more", "lower": "write the lower end first",
            "outside": "choose a value inside", "whole": "choose a whole number",
        }  # fmt: skip
        fix = next(
            (fix for word, fix in fixes.items() if word in problem), "choose a value above 0"
        )
        draft.errors.add("E306", f"{draw.distribution}: {problem}", draw.span, fix)
    return draw


def _refuse_keywords(draft: Draft, entry: Distribution, expr: tree.Call) -> None:
    text = f"the arguments of {entry.name} have no names, but an order"
    draft.errors.add("E212", text, expr.keywords[0].span, f"write {entry.signature}")


def manifold(draft: Draft, expr: tree.Expr) -> ManifoldUse | None:
    """``circle``, ``sphere(3)``, ``torus(C)``."""
    name, given = "", ()
    match expr:
        case tree.Name(name=name):
            pass
        case tree.Call(function=tree.Name(name=name), arguments=given, keywords=()):
            pass
    if name not in MANIFOLDS:
        listed = f"the manifolds are {', '.join(MANIFOLDS)}"
        fix = did_you_mean(name, MANIFOLDS, listed, habits.MANIFOLDS)
        draft.errors.add("E207", f"unknown manifold '{name or expr.span.text}'", expr.span, fix)
        return None
    entry = MANIFOLDS[name]
    if len(given) != len(entry.parameters) and not (name in OPTIONAL_SIZE and not given):
        signature = f"{name}({', '.join(entry.parameters)})" if entry.parameters else name
        count = len(entry.parameters)
        fact = (
            f"{name} takes {count or 'no'} size{'s' * (count > 1)}, and this is given {len(given)}"
        )
        draft.errors.add("E302", fact, expr.span, f"write {signature}")
        return None
    found = [constants.size(draft, argument) for argument in given]
    sizes = tuple(size for size in found if size is not None)
    if len(sizes) != len(found):
        return None
    if given and (number := constants.count(draft, sizes[0])) is not None and number < entry.least:
        text = f"{name}({number}) is a single point, or two: nothing moves on it"
        draft.errors.add("E351", text, expr.span, f"write {name}({entry.least}), or more")
        return None
    shape = tuple(sizes[entry.parameters.index(axis)] for axis in entry.shape) if given else ()
    return ManifoldUse(name, sizes, shape)
