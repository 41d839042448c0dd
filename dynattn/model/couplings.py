"""Couplings: who acts on whom, over which graph, with which kernel, weight and strength."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from dynattn.diagnostics.report import Span
from dynattn.diagnostics.suggest import did_you_mean
from dynattn.model import (
    averages,
    constants,
    delays,
    edge_items,
    energies,
    frustration,
    groups,
    harmonics,
    matrix_points,
    readouts,
    typing,
)
from dynattn.model.complex_numbers import is_complex, must_be_real, refuse
from dynattn.model.draft import Draft, head, value_of
from dynattn.model.endpoints import Endpoints, endpoints
from dynattn.model.expressions import Context, Ends, translate
from dynattn.model.functions import formula
from dynattn.model.parts import Coupling, State
from dynattn.model.summands import Summand
from dynattn.model.terms import Term
from dynattn.syntax import tree
from dynattn.vocabulary.forms import FORMS
from dynattn.vocabulary.manifolds import MANIFOLDS
from dynattn.vocabulary.sizes import Size

NORMALIZATIONS = ("none", "size", "degree")
FIT = {
    "kernel": "write one number per coordinate of the state",
    "weight": "use dot or norm to make one number of a vector",
    "strength": "let the sizes be the same formula, or make it a single number",
}
"""What to do about a clause of the wrong shape."""


def declare_coupling(context: Context, declaration: tree.Coupling) -> None:
    """One ``coupling`` or ``readout`` of the model or of a layer."""
    if readouts.declare_name(context, declaration):
        declare_sum(context, declaration)


def declare_sum(context: Context, declaration: tree.Coupling) -> None:
    """What a coupling or a readout sums, its name being known already."""
    name = readouts.full_name(context, declaration)
    context.draft.declaring.add(name)
    _declare_sum(context, declaration)
    context.draft.declaring.discard(name)


def _declare_sum(context: Context, declaration: tree.Coupling) -> None:
    draft, span = context.draft, head(declaration.span)
    clauses = _clauses(draft, declaration)
    ends = endpoints(context, declaration, span)
    full = readouts.full_name(context, declaration)
    if clauses is None or ends is None:
        return
    if not declaration.acts and not readouts.allows(draft, declaration, clauses):
        return
    heads = _heads(draft, clauses, ends.state)
    if heads is None and "heads" in clauses:
        return
    inside = _inside(context, full, ends, heads)
    before = len(draft.errors.found)
    edge_items.declare_items(inside, declaration, ends)
    if len(draft.errors.found) > before:
        return
    loops = harmonics.loops(inside, clauses, ends.graph)
    if loops is None:
        return
    shown = harmonics.shown(inside, loops, span)
    pair = _potential(inside, clauses, ends)
    if pair is None and "energy" in clauses:
        return
    shifted = _with_state_read(draft, ends, clauses)
    if shifted is None:
        return
    kernel, lag = (pair[1], None) if pair else _kernel(shown, clauses, shifted, span)
    adaptive, weight = _weight(inside, clauses)
    strength = _strength(shown, clauses)
    coupling = Coupling(
        full, ends.sender.name, ends.receiver.name, ends.state.name if ends.state else "",
        ends.graph, kernel, span,
        weight=weight, adaptive=adaptive, strength=strength,
        normalize=_normalize(draft, clauses), form=_form(draft, clauses), heads=heads,
        acts=declaration.acts,
        shape=ends.state.shape if ends.state else readouts.shape_of(kernel, weight, heads),
        layer=context.layer, frustration=lag, edge_weights="weight" not in clauses,
        counters=loops.counters, parts=_parts(inside, loops, clauses, shifted, span),
        moves=groups.states_of(draft, ends.state) if ends.state else (),
        states=edge_items.states_of(draft, full), reads=edge_items.reads(draft, full),
    )  # fmt: skip
    if pair is not None:
        coupling = replace(coupling, energy=pair[0])
        energies.check_factors(draft, weight, strength, coupling.normalize, span)
    if averages.is_spread(clauses):
        late = averages.averaged(inside, coupling, clauses, ends)
    else:
        late = delays.delayed(inside, coupling, clauses)
    if late is None or len(draft.errors.found) > before:
        return
    if _shapes_fit(draft, late, ends.state) and _is_of_one_manifold(draft, late, ends.state):
        draft.couplings[full] = late


def _with_state_read(
    draft: Draft, ends: Endpoints, clauses: Mapping[str, tree.Clause]
) -> Endpoints | None:
    """The ends with the state that frustration and harmonics are of: in a readout, the one that its
    kernel reads. None with a diagnostic.
    """
    clause = _shifting(clauses)
    if clause is None or ends.state is not None:
        return ends
    kernel = value_of(clauses["kernel"])
    state = frustration.state_read(draft, clause, kernel, ends.receiver)
    return None if state is None else replace(ends, state=state)


def _potential(
    context: Context, clauses: Mapping[str, tree.Clause], ends: Endpoints
) -> tuple[Term, Term] | None:
    """The pair potential of ``energy`` and the force on i; None without one, or refused."""
    if "energy" not in clauses or ends.state is None:
        return None
    return energies.pair_potential(context, clauses, ends.state)


def _parts(
    context: Context, loops: harmonics.Loops, clauses: Mapping[str, tree.Clause], ends: Endpoints,
    span: Span,
) -> tuple[Summand, ...]:  # fmt: skip
    """Kernel and strength for every value of the counters; none without counters."""
    if not loops.counters:
        return ()
    return tuple(
        Summand(_kernel(at, clauses, ends, span)[0], _strength(at, clauses), successor)
        for successor, at in harmonics.each(context, loops, span)
    )


def _inside(context: Context, full: str, ends: Endpoints, heads: Size | None) -> Context:
    names = Ends(full, ends.receiver.name, ends.sender.name, heads, ends.graph)
    scope = edge_items.scope_of(context, full)
    return replace(context, scope=scope, ends=names, owner=full, names_used=set())


def _clauses(draft: Draft, declaration: tree.Coupling) -> dict[str, tree.Clause] | None:
    found: dict[str, tree.Clause] = {}
    refused = False
    for item in declaration.body:
        if edge_items.is_item(item) and not (isinstance(item, tree.Clause) and item.drawn):
            continue
        assert isinstance(item, tree.Clause), "what an inherited coupling drops is merged"
        if item.word in found:
            earlier = (found[item.word].span, "first given here")
            text = f"{item.word} is given twice"
            draft.errors.add("E402", text, item.span, "keep one of the two", [earlier])
            refused = True
        else:
            found[item.word] = item
    return None if refused else found


# ── clauses ────────────────────────────────────────────────────────────────────────────────────


def _kernel(
    context: Context, clauses: Mapping[str, tree.Clause], ends: Endpoints, span: Span
) -> tuple[Term, Term | None]:
    draft = context.draft
    lag = None
    if "frustration" in clauses:
        lag = translate(context, value_of(clauses["frustration"]))
    if "kernel" in clauses:
        expr = value_of(clauses["kernel"])
        shifted = _with_lag(context, lag)
        clause = _shifting(clauses)
        if clause is not None and ends.state is not None:
            if _turns(clause, ends.state) and lag is not None:
                return _turned(shifted, expr, lag, ends.state, expr.span), lag
            expr = frustration.delayed(shifted, expr, clause, ends.state)
        return translate(shifted, expr), lag
    assert ends.state is not None, "a readout writes its kernel"
    manifold = MANIFOLDS[ends.state.manifold.name]
    if ends.sender.name != ends.receiver.name:
        draft.errors.add(
            "E403", "between two populations the kernel must be written", span,
            "write kernel EXPR in the receiver's x[i] and the sender's y[j]",
        )  # fmt: skip
        return typing.unknown(span), lag
    if manifold.kernel is None:
        bare = ends.state.name.rsplit(".", 1)[-1]
        fix = f"write one, such as kernel {bare}[j]"
        draft.errors.add("E403", f"{manifold.name} has no kernel of its own", span, fix)
        return typing.unknown(span), lag
    return _default_kernel(context, manifold.kernel, _shifting(clauses), ends, span, lag), lag


def _turns(clause: tree.Clause | None, state: State) -> bool:
    """Whether the frustration is a matrix that turns the sender's point."""
    turned = state.manifold.name in matrix_points.TURNED
    return clause is not None and clause.word == "frustration" and turned


def _turned(context: Context, expr: tree.Expr, lag: Term, state: State, span: Span) -> Term:
    found = matrix_points.turned_kernel(context, expr, lag, frustration.LAG, state, span)
    return typing.unknown(span) if found is None else found


def _with_lag(context: Context, lag: Term | None) -> Context:
    return replace(context, holes={**context.holes, frustration.LAG: lag}) if lag else context


def _shifting(clauses: Mapping[str, tree.Clause]) -> tree.Clause | None:
    """The clause that changes phase differences, where there is one."""
    return clauses.get("frustration") or clauses.get("harmonics")


def _default_kernel(
    context: Context, text: str, clause: tree.Clause | None, ends: Endpoints, span: Span,
    lag: Term | None,
) -> Term:  # fmt: skip
    assert ends.state is not None, "a readout writes its kernel"
    point = groups.point_of(context, ends.state, span)
    if clause is None:
        return formula(context, text, {"x": point}, span)
    if _turns(clause, ends.state) and lag is not None:
        expr = matrix_points.default_kernel(ends.state)
        inside = replace(_with_lag(context, lag), population=ends.state.population)
        return _turned(inside, expr, lag, ends.state, span)
    if not MANIFOLDS[ends.state.manifold.name].phase:
        frustration.refuse(context.draft, clause, ends.state)
        return typing.unknown(span)
    holes, difference = {"x": point}, "x[j] - x[i]"
    if frustration.HARMONIC in context.holes:
        holes["m"], difference = context.holes[frustration.HARMONIC], "m * (x[j] - x[i])"
    if lag is not None:
        holes["lag"], difference = lag, f"{difference} - lag"
    return formula(context, f"sin({difference})", holes, span)


def _heads(draft: Draft, clauses: Mapping[str, tree.Clause], state: State | None) -> Size | None:
    """The number of heads; None without the clause, or with a diagnostic."""
    if "heads" not in clauses:
        return None
    span = clauses["heads"].span
    if state is None:
        return constants.size(draft, value_of(clauses["heads"]))
    if not state.shape:
        text = f"the state '{state.name}' is a single number, with no coordinates to group in heads"
        fix = "leave heads out, or give the state coordinates: torus(C)"
        draft.errors.add("E301", text, span, fix)
        return None
    heads = constants.size(draft, value_of(clauses["heads"]))
    if heads is None or heads == state.shape[0]:
        return heads
    return heads if constants.divides(draft, state.shape[-1], heads, span) else None


def _weight(context: Context, clauses: Mapping[str, tree.Clause]) -> tuple[str | None, Term | None]:
    if "weight" not in clauses:
        return None, None
    if clauses["weight"].drawn:
        return None, edge_items.weight_of(context)
    expr = value_of(clauses["weight"])
    match expr:
        case tree.Call(
            function=tree.Name(name="softmax" | "normalized" as word), arguments=(inner,)
        ):
            score = translate(context, inner)
            if is_complex(score):
                refuse(context.draft.errors, word, inner.span)
            return word, score
    return None, translate(context, expr)


def _strength(context: Context, clauses: Mapping[str, tree.Clause]) -> Term | None:
    if "strength" not in clauses or context.ends is None:
        return None
    outside = replace(context, ends=replace(context.ends, receiver_only=True))
    found = translate(outside, value_of(clauses["strength"]))
    if found.type.place.kind != "edges":
        return found
    context.draft.errors.add(
        "E304", "strength stands outside the sum, and this has a value per edge", found.span,
        "put it into weight or kernel",
    )  # fmt: skip
    return typing.unknown(found.span)


def _normalize(draft: Draft, clauses: Mapping[str, tree.Clause]) -> str:
    found = _word(clauses, "normalize", NORMALIZATIONS, "none")
    if isinstance(found, str):
        return found
    fix = did_you_mean(found.span.text, NORMALIZATIONS, "write none, size or degree")
    draft.errors.add("E213", "normalize is none, size or degree", found.span, fix)
    return "none"


def _form(draft: Draft, clauses: Mapping[str, tree.Clause]) -> str:
    found = _word(clauses, "form", FORMS, "")
    if isinstance(found, str):
        return found
    fix = did_you_mean(found.span.text, FORMS, f"the forms are {', '.join(FORMS)}")
    draft.errors.add("E345", f"no sum has the form '{found.span.text}'", found.span, fix)
    return ""


def _word(
    clauses: Mapping[str, tree.Clause], kind: str, known: Collection[str], default: str
) -> str | tree.Expr:
    """The word of a clause, or what stands there instead of a known one."""
    if kind not in clauses:
        return default
    expr = value_of(clauses[kind])
    return expr.name if isinstance(expr, tree.Name) and expr.name in known else expr


def _shapes_fit(draft: Draft, coupling: Coupling, state: State | None) -> bool:
    shape = coupling.shape
    if coupling.heads is not None and shape and shape[0] != coupling.heads:
        shape = (*shape[:-1], coupling.heads, shape[-1] / coupling.heads)
    kernels = (shape,) if state else readouts.kernels_allowed(coupling, shape)
    allowed: dict[str, tuple[tuple[Size, ...], ...]] = {
        "weight": ((), (coupling.heads,) if coupling.heads else ()),
        "kernel": kernels,
        "strength": tuple(shape[k:] for k in range(len(shape) + 1)),
    }
    for clause in ("kernel", "weight", "strength"):
        term = getattr(coupling, clause)
        if term is None or typing.is_unknown(term) or term.type.shape in allowed[clause]:
            continue
        wanted = typing.spell_shape(allowed[clause][0])
        draft.errors.add(
            "E301",
            f"the {clause} is {typing.spell_shape(term.type.shape)}; "
            f"coupling '{coupling.name}' needs {wanted}"
            + (" per edge" if clause == "weight" else _as_what(state)),
            term.span,
            FIT[clause] if state else "heads group coordinates that nodes have",
        )
        return False
    return state is None or state.manifold.dtype == "complex" or _is_real(draft, coupling, state)


def _is_of_one_manifold(draft: Draft, coupling: Coupling, state: State | None) -> bool:
    """Whether a kernel that is a point and nothing else is one of the receiver's manifold."""
    use = coupling.kernel.type.manifold
    if state is None or use in (None, state.manifold):
        return True
    if not all(typing.is_curved(m) or MANIFOLDS[m.name].phase for m in (use, state.manifold)):
        return True
    text = f"the kernel is a point of {use}, and acts on a point of {state.manifold}"
    fix = "multiply it by a matrix, or write what it does to the point it acts on"
    draft.errors.add("E325", text, coupling.kernel.span, fix)
    return False


def _is_real(draft: Draft, coupling: Coupling, state: State) -> bool:
    """Whether what acts on a real state is real; with a diagnostic."""
    terms = [coupling.kernel, coupling.weight, coupling.strength]
    what = f"what acts on '{state.name}'"
    return all(must_be_real(draft.errors, term, what) for term in terms if term is not None)


def _as_what(state: State | None) -> str:
    return " in its heads" if state is None else f", as the state '{state.name}'"
