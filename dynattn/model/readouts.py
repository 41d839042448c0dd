"""Readouts: the sum of a coupling as a quantity of the receiving nodes, part of no law.

A readout of the model may be read before its own place in the text: its name is known from the
start, and what it sums is checked when it is first read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dynattn.diagnostics.report import Span
from dynattn.model import groups, typing
from dynattn.model.draft import Draft, head
from dynattn.model.expressions import Context
from dynattn.model.parts import Coupling
from dynattn.model.scope import Symbol
from dynattn.model.terms import Term, walk
from dynattn.syntax import tree
from dynattn.vocabulary.sizes import Size


def full_name(context: Context, declaration: tree.Coupling) -> str:
    """``attend.attended`` in a layer."""
    return f"{context.layer}.{declaration.name}" if context.layer else declaration.name


def announce(context: Context, declarations: Iterable[tree.Coupling]) -> None:
    """Make the names of the model's readouts known; what they sum is declared when it is needed."""
    for declaration in declarations:
        if not declaration.acts and declare_name(context, declaration):
            context.draft.waiting[declaration.name] = declaration


def declare_waiting(context: Context) -> None:
    """What the readouts sum that nothing has read so far."""
    while context.draft.waiting:
        _declare_sum(context, next(iter(context.draft.waiting)))


def _declare_sum(context: Context, name: str) -> None:
    from dynattn.model.couplings import declare_sum

    declare_sum(context, context.draft.waiting.pop(name))


def declare_name(context: Context, declaration: tree.Coupling) -> bool:
    """The name of a coupling or readout; False with a diagnostic where it is taken."""
    kind = "coupling" if declaration.acts else "readout"
    symbol = Symbol(kind, full_name(context, declaration), head(declaration.span))
    return context.scope.declare(symbol, context.draft.errors)


def read(context: Context, symbol: Symbol, span: Span) -> Term:
    """The sum of a readout, at the nodes that receive it."""
    draft = context.draft
    if symbol.name in draft.waiting:
        _declare_sum(Context(draft, draft.scope), symbol.name)
    found = draft.couplings.get(symbol.name)
    if found is not None:
        return groups.sum_at(draft, found, context.population or "", span)
    if symbol.name in draft.declaring:
        draft.errors.add(
            "E434", f"the readout '{symbol.name}' depends on itself", span,
            "read a state here: its law may depend on itself, a readout has no law",
            [(symbol.span, "declared here")],
        )  # fmt: skip
    return typing.unknown(span)


def allows(draft: Draft, declaration: tree.Coupling, clauses: Mapping[str, tree.Clause]) -> bool:
    """Whether a readout has what it needs and nothing that speaks of a state; else diagnostics."""
    before = len(draft.errors.found)
    if isinstance(declaration.receiver, tree.Attribute):
        draft.errors.add(
            "E435", "a readout acts on no state", declaration.receiver.span,
            "name the population alone",
        )  # fmt: skip
    if "energy" in clauses:
        draft.errors.add(
            "E435", "a readout acts on no state that its energy could be a potential of",
            clauses["energy"].span, "write what is summed as kernel",
        )  # fmt: skip
    if "kernel" not in clauses and len(draft.errors.found) == before:
        draft.errors.add(
            "E403", f"the readout '{declaration.name}' does not say what it sums",
            head(declaration.span), "write kernel EXPR",
        )  # fmt: skip
    return len(draft.errors.found) == before


def shape_of(kernel: Term, weight: Term | None, heads: Size | None) -> tuple[Size, ...]:
    """The shape of the sum per node: the kernel's; what heads split on the way is joined again."""
    shape = kernel.type.shape
    if heads is None:
        return shape
    if not shape:
        return () if weight is None else weight.type.shape
    split = any(term.op == "split" and term.payload == heads for term in walk(kernel))
    return (*shape[:-2], shape[-2] * shape[-1]) if split and len(shape) > 1 else shape


def kernels_allowed(coupling: Coupling, shape: tuple[Size, ...]) -> tuple[tuple[Size, ...], ...]:
    """Shapes that a kernel may have: any without heads, else one number or groups of them."""
    own = coupling.kernel.type.shape
    grouped = not own or coupling.heads in (own[0], *own[-2:-1])
    return (own,) if coupling.heads is None or grouped else (shape,)


def reads(term: Term) -> bool:
    """Whether the sum of a coupling or a readout stands in a term."""
    return any(item.op == "coupling" for item in walk(term))


# ── what is never read ─────────────────────────────────────────────────────────────────────────


def terms_of(coupling: Coupling) -> Iterable[Term]:
    """Everything that a coupling's sum is made from."""
    parts = [coupling.kernel, coupling.weight, coupling.strength, coupling.energy]
    for summand in coupling.parts:
        parts += [summand.kernel, summand.strength]
    return [part for part in parts if part is not None]


def reached(draft: Draft, roots: Iterable[Term], *couplings: str) -> list[Term]:
    """Every term that these are made from, those of the sums they read too."""
    met: dict[int, Term] = {}
    known: set[str] = set()
    names = set(couplings)
    terms = list(roots)
    while terms or names:
        known |= names
        terms += [term for name in sorted(names) for term in terms_of(draft.couplings[name])]
        met |= {id(term): term for term in walk(*terms)}
        names = {t.payload for t in met.values() if t.op == "coupling"} & draft.couplings.keys()
        names, terms = names - known, []
    return list(met.values())


def refuse_unread(draft: Draft, roots: Iterable[Term]) -> None:
    """Readouts that nothing reads; populations without a state that take part in nothing."""
    if draft.errors.found:
        return
    reached = {c.name: c for c in draft.couplings.values() if c.acts}
    terms = [*roots, *(term for c in reached.values() for term in terms_of(c))]
    places: set[str] = {item.type.place.name for item in draft.inputs.values()}
    while terms:
        met, terms = list(walk(*terms)), []
        places |= {item.type.place.name for item in met if item.type.place.kind == "nodes"}
        for name in {item.payload for item in met if item.op == "coupling"} - set(reached):
            reached[name] = draft.couplings[name]
            terms += terms_of(reached[name])
    for coupling in draft.couplings.values():
        if coupling.name not in reached:
            text = f"nothing reads the readout '{coupling.name}'"
            fix = "use its name, such as in observe or in a drift, or delete it"
            draft.errors.add("E436", text, coupling.span, fix)
    ends = {name for c in draft.couplings.values() for name in (c.sender, c.receiver)}
    places |= {member for name in ends for member in groups.members_of(draft, name)}
    for population in draft.populations.values():
        if not population.states and population.name not in places:
            text = f"population '{population.name}' has no state and takes part in nothing"
            draft.errors.add("E437", text, population.span, "couple it with others, or delete it")
