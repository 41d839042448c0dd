"""Energies: forces as minus their gradients, and the total of a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dynattn.diagnostics.report import Span
from dynattn.model import constants, readouts, trials, typing
from dynattn.model.complex_numbers import must_be_real
from dynattn.model.differentiate import NoDerivative, at_leaves, gradient, minus, plus, times
from dynattn.model.draft import Draft, value_of
from dynattn.model.expressions import Context, translate
from dynattn.model.functions import contract
from dynattn.model.parts import Draw, State
from dynattn.model.populations import inside
from dynattn.model.terms import GLOBAL, Place, Term, Type, walk
from dynattn.syntax import tree

BESIDE = ("kernel", "frustration", "heads", "harmonics", "successors", "delay")
"""Clauses of a coupling that an energy leaves no room for."""

TRIALS = 3

LEAVES = ("number", "size", "time", "edge", "parameter", "receiver", "sender")
"""What a trial draws, once for each quantity."""


def _refuse(draft: Draft, text: str, span: Span, fix: str) -> None:
    draft.errors.add("E424", text, span, fix)


def states_in(term: Term) -> set[str]:
    """Full names of the states that a term reads; of a group, those that its members share."""
    shared = {id(part): item for item in walk(term) if item.op == "joined" for part in item.args}
    read = [shared.get(id(item), item) for item in walk(term) if item.op == "state"]
    return {str(item.payload) for item in read}


# ── own potentials ─────────────────────────────────────────────────────────────────────────────


def declare_energies(outer: Context, declaration: tree.Population) -> None:
    """The forces of the ``energy`` clauses of a population."""
    context = inside(outer, declaration)
    for item in declaration.body if context is not None else ():
        if context is not None and isinstance(item, tree.Clause) and item.word == "energy":
            owner = f"{context.owner}.energy"
            _declare_energy(replace(context, owner=owner), item, context.owner)


def _declare_energy(context: Context, item: tree.Clause, population: str) -> None:
    draft, span = context.draft, value_of(item).span
    energy = translate(context, value_of(item))
    if typing.is_unknown(energy):
        states = draft.populations[population].states
        draft.moved |= {state.name for state in states}  # what it would move, nobody knows
        return
    read = states_in(energy)
    draft.moved |= read
    own = [s for s in draft.populations[population].states if s.name in read]
    targets = [s for s in own if item.target in (None, s.name.rsplit(".", 1)[-1])]
    alone = all(s.population == population for n in read for s in [draft.states[n]])
    if energy.type.shape or energy.type.place not in (GLOBAL, Place("nodes", population)):
        text = f"an energy is one number per node, and this is {typing.spell_value(energy)}"
        _refuse(draft, text, span, "use dot or norm to make one number of a vector")
    elif energy.type.dtype == "complex":
        must_be_real(draft.errors, energy, "an energy", span)
    elif readouts.reads(energy):
        text = "an energy that reads a sum over other nodes has no force of one node alone"
        _refuse(draft, text, span, "write it as the energy of a coupling")
    elif not targets or targets != own or not alone or any(s.velocity_of for s in own):
        text = "an energy is a function of the positions of its own nodes"
        _refuse(draft, text, span, "leave out velocities, other states and other populations")
    else:
        for state in targets:
            _add_force(context, state, energy, span)
        draft.energies.append((population, energy))


def _add_force(context: Context, state: State, energy: Term, span: Span) -> None:
    draft = context.draft
    force = _force(context, energy, lambda t: t.op == "state" and t.payload == state.name, span)
    if force is not None:
        parts = draft.parts.setdefault(state.name, {})
        parts["energy"] = plus(context, parts["energy"], force) if "energy" in parts else force


def _force(context: Context, energy: Term, leaf: Any, span: Span) -> Term | None:
    try:
        return minus(context, gradient(context, energy, leaf))
    except NoDerivative as found:
        _unknown_slope(context.draft, found, span)
        return None


def _unknown_slope(draft: Draft, found: NoDerivative, span: Span) -> None:
    text = f"the derivative of this energy is not known: {found.term.span.text}"
    fix = "use elementary functions, dot and norm, or write the force: drift, or kernel"
    _refuse(draft, text, span, fix)


# ── pair potentials ────────────────────────────────────────────────────────────────────────────


def pair_potential(
    context: Context, clauses: Mapping[str, tree.Clause], state: State
) -> tuple[Term, Term] | None:
    """The potential of a coupling's ``energy`` and its force on i; None with a diagnostic."""
    draft, clause, ends = context.draft, clauses["energy"], context.ends
    span = value_of(clause).span
    assert ends is not None
    for word in BESIDE:
        if word in clauses:
            text = f"an energy leaves no room for {word}"
            _refuse(draft, text, clauses[word].span, f"leave out {word}, or write the kernel")
            return None
    energy = translate(context, value_of(clause))
    if typing.is_unknown(energy):
        return None
    if not must_be_real(draft.errors, energy, "an energy", span):
        return None
    if ends.sender != ends.receiver or states_in(energy) != {state.name} or energy.type.shape:
        text = "a pair potential is one number made of the states that the coupling acts on"
        _refuse(draft, text, span, "couple one population with itself, or write the kernel")
        return None
    edges = Place("edges", ends.name)
    try:
        opened = at_leaves(energy, edges)
        symmetric = is_symmetric(draft, opened)
    except NoDerivative as found:
        _unknown_slope(draft, found, span)
        return None
    if not symmetric:
        text = "this energy is another with i and j exchanged"
        _refuse(draft, text, span, "make it a function of both alike, such as x[j] - x[i] squared")
        return None
    force = _force(
        context, opened, lambda t: t.op == "receiver" and t.args[0].payload == state.name, span
    )
    return None if force is None else (opened, force)


def check_factors(
    draft: Draft, weight: Term | None, strength: Term | None, normalize: str, span: Span
) -> None:
    """Strength, weight and normalization of an energy are those of its pairs; else E424."""
    if normalize == "degree":
        _refuse(draft, "each pair has one energy, and normalize degree makes two of it", span,
                "write normalize size, or none")  # fmt: skip
    for term, word in ((strength, "strength"), (weight, "weight")):
        if term is None or typing.is_unknown(term):
            continue
        once = word == "weight" or term.type.place == GLOBAL
        of_nodes = bool(states_in(term)) or readouts.reads(term)
        if not once or term.type.shape or of_nodes or not _known_symmetric(draft, term):
            text = f"the {word} of an energy is the same for both nodes of a pair"
            _refuse(draft, text, term.span, "put what depends on the nodes into the energy")


def _known_symmetric(draft: Draft, term: Term) -> bool:
    try:
        return is_symmetric(draft, term)
    except NoDerivative:
        return False


def is_symmetric(draft: Draft, term: Term) -> bool:
    """Whether a quantity of edges is the same with i and j exchanged, at random numbers.

    NoDerivative where it holds what no energy can be made of.
    """
    import numpy

    for trial in range(TRIALS):
        rng = numpy.random.default_rng(trial)
        drawn: dict[Any, Any] = {}
        values = [_value(draft, term, drawn, rng, swap) for swap in (False, True)]
        if not numpy.allclose(*values, rtol=1e-9, atol=1e-12, equal_nan=True):
            return False
    return True


def _value(draft: Draft, term: Term, drawn: dict[Any, Any], rng: Any, swap: bool) -> Any:
    """The value of a term, each quantity a random one of its own; ``swap``: i is j, j is i."""

    def leaf(part: Term) -> Any:
        return _drawn(draft, part, drawn, rng, swap) if part.op in LEAVES else None

    return trials.value(term, leaf)


def _drawn(draft: Draft, term: Term, drawn: dict[Any, Any], rng: Any, swap: bool) -> Any:
    if term.op == "number":
        return term.payload
    end, leaf = "", term
    if term.op in ("receiver", "sender"):
        end, leaf = term.op, term.args[0]
        single = not leaf.args or leaf.op == "joined"
        if leaf.type.place.kind != "nodes" or not single or leaf.op == "coupling":
            raise NoDerivative(leaf)
        if swap:
            end = "sender" if end == "receiver" else "receiver"
    elif leaf.type.place.kind == "edges" and swap and not _is_mutual(draft, leaf):
        end = "turned"
    key = (end, leaf.op, str(leaf.payload))
    if key not in drawn:
        sizes = {name: 3 for name in draft.dims} | {n: int(v) for n, v in draft.values.items()}
        shape = tuple(int(size.value(sizes)) for size in leaf.type.shape)
        drawn[key] = rng.uniform(0.5, 1.5, shape)
    return drawn[key]


def _is_mutual(draft: Draft, leaf: Term) -> bool:
    """Whether the quantity of an edge is that of the edge back too."""
    if leaf.op != "parameter":
        return True  # an attribute of the graph: compared when the graph is made
    init = draft.parameters[leaf.payload].init
    if not isinstance(init, Draw) or init.distribution != "paired_normal":
        return False
    of_the_model = all(argument.type.place == GLOBAL for argument in init.arguments)
    return of_the_model and constants.of_term(draft, init.arguments[2]) == 1


# ── the total ──────────────────────────────────────────────────────────────────────────────────


def total_energy(context: Context, span: Span) -> Term:
    """Kinetic energy, own potentials and pair potentials of the whole model."""
    draft = context.draft
    plain = replace(context, ends=None)
    parts = [_kinetic(plain, state, span) for state in draft.states.values() if state.velocity_of]
    parts += [Term("sum", (energy,), Type(), span) for _, energy in draft.energies]
    parts += [
        Term("pair_energy", (), Type(), span, coupling.name)
        for coupling in draft.couplings.values()
        if coupling.energy is not None and coupling.layer is None
    ]
    if not parts and draft.names_missing:
        return typing.unknown(span)
    if context.sums != "" or not parts:
        text = "total_energy() is that of a model with energies, in observe and record"
        _refuse(draft, text, span, "give a population or a coupling an energy, and observe it")
        return typing.unknown(span)
    total = parts[0]
    for part in parts[1:]:
        total = plus(plain, total, part)
    return total


def _kinetic(context: Context, velocity: State, span: Span) -> Term:
    v = Term("state", (), Type(velocity.place, velocity.shape), span, velocity.name)
    mass = context.draft.parts.get(str(velocity.velocity_of), {}).get("inertia")
    mass = typing.number(1.0, span) if mass is None else mass
    half = times(context, typing.number(0.5, span), mass)
    return in_all(context, times(context, half, times(context, v, v)), span)


def in_all(context: Context, product: Term, span: Span) -> Term:
    """The sum over coordinates and nodes."""
    found = product
    while found.type.shape:
        found = contract(context, "dot", [found, typing.number(1.0, span)], span)
    return Term("sum", (found,), Type(), span)
