"""Groups: ``group bus = generator + load``, populations that couplings address as one.

A group is a place of its own: its nodes are those of its members, one after the other, and it has
what all members have. A coupling into a group is one sum over all its nodes; each member's law
takes its own part of it.
"""

from __future__ import annotations

from dataclasses import replace

from dynattn.diagnostics.report import Span
from dynattn.diagnostics.suggest import did_you_mean
from dynattn.model import typing
from dynattn.model.complex_numbers import is_complex
from dynattn.model.draft import Draft
from dynattn.model.expressions import Context, read
from dynattn.model.parts import Coupling, Population, State
from dynattn.model.scope import Scope, Symbol
from dynattn.model.terms import Place, Term, Type
from dynattn.syntax import tree


def declare_group(draft: Draft, declaration: tree.Group) -> None:
    """The name of a group, and its size; members that are groups bring their own members."""
    if not draft.scope.declare(Symbol("group", declaration.name, declaration.span), draft.errors):
        return
    members = [name for item in declaration.members for name in _members(draft, item)]
    known = dict.fromkeys(members)
    if len(known) < len(members):
        twice = next(name for name in known if members.count(name) > 1)
        text = f"the population '{twice}' stands twice in the group '{declaration.name}'"
        fix = "name each population once: its nodes are counted once"
        draft.errors.add("E462", text, declaration.span, fix)
    found = [draft.populations[name] for name in known if name in draft.populations]
    if len(known) < len(members) or len(found) < len(known) or not found:
        draft.groups_refused.add(declaration.name)
        return
    _declare(draft, declaration, found)


def _members(draft: Draft, item: tree.Name) -> tuple[str, ...]:
    if item.name in draft.groups:
        return draft.groups[item.name].members
    symbol = draft.scope.find(item.name)
    if symbol is None or symbol.kind not in ("population", "group"):
        known = [*draft.populations, *draft.groups]
        fix = did_you_mean(item.name, known, "declare it: population p[N] { ... }")
        draft.errors.add("E210", f"there is no population '{item.name}'", item.span, fix)
    return (item.name,)


def _declare(draft: Draft, declaration: tree.Group, members: list[Population]) -> None:
    name, span = declaration.name, declaration.span
    over_dims = [p for p in members if p.size.names & set(draft.dims)]
    if over_dims:
        text = f"the population '{over_dims[0].name}' has as many nodes as each sample brings"
        fix = "couple it by itself: a group has a fixed number of nodes"
        draft.errors.add("E465", text, span, fix, [(over_dims[0].span, "declared here")])
        draft.groups_refused.add(name)
        return
    size = members[0].size
    for member in members[1:]:
        size = size + member.size
    names = tuple(member.name for member in members)
    if any(name in draft.unsized for name in names):
        draft.unsized.add(name)
    draft.groups[name] = Population(name, size, _shared(draft, name, names, span), span,
                                    members=names)  # fmt: skip
    draft.population_scopes[name] = Scope(f"group '{name}'", draft.scope)


def _shared(draft: Draft, name: str, members: tuple[str, ...], span: Span) -> tuple[State, ...]:
    """The states that all members have, on one manifold."""
    found = []
    for state in draft.populations[members[0]].states:
        bare = state.name.rsplit(".", 1)[-1]
        others = [draft.states.get(f"{member}.{bare}") for member in members]
        kinds = {(s.manifold, s.axes) if s is not None else None for s in others}
        if len(kinds) == 1:
            of = f"{name}.{bare[:-1]}" if state.velocity_of else None
            full = f"{name}.{bare}"
            found.append(replace(state, name=full, population=name, velocity_of=of, span=span))
    return tuple(found)


# ── what the members share ─────────────────────────────────────────────────────────────────────


def find_shared(context: Context, group: str, name: str, span: Span) -> Symbol | None:
    """What all members of a group have under this name; None where no member has it.

    With a diagnostic, and no value, where only some have it or they have different things.
    """
    draft, members = context.draft, members_of(context.draft, group)
    missing = [member for member in members if not _has(context, member, name, span)]
    if len(missing) == len(members):
        return None
    symbol = Symbol("quantity", f"{group}.{name}", span, typing.unknown(span))
    if missing:
        there = next(member for member in members if member not in missing)
        text = f"the members of '{group}' do not share '{name}': '{missing[0]}' has none"
        fix = f"declare it there too, or name the population that has it: {there}.{name}"
        draft.errors.add("E463", text, span, fix)
        return symbol
    parts = [_read(context, member, name, span) for member in members]
    return replace(symbol, value=joined(context, group, name, parts, span))


def members_of(draft: Draft, place: str) -> tuple[str, ...]:
    """The populations of a group; of a population, itself."""
    return draft.groups[place].members if place in draft.groups else (place,)


def _has(context: Context, member: str, name: str, span: Span) -> bool:
    from dynattn.model.attributes import find_node

    scope = context.draft.population_scopes[member]
    return name in scope.symbols or find_node(context, member, name, span) is not None


def _read(context: Context, member: str, name: str, span: Span) -> Term:
    scope = context.draft.population_scopes[member]
    return read(replace(context, population=member, scope=scope, ends=None), name, span)


def joined(context: Context, group: str, name: str, parts: list[Term], span: Span) -> Term:
    """The members' quantities as one of the group's nodes; E463 where they are of two kinds."""
    if typing.is_unknown(*parts):
        return typing.unknown(span)
    shapes = {part.type.shape for part in parts}
    manifolds = {part.type.manifold for part in parts}
    if len(shapes) > 1 or len(manifolds - {None}) > 1:
        members = members_of(context.draft, group)
        pairs = zip(members, parts, strict=True)
        said = ", ".join(f"{_kind(part)} in '{member}'" for member, part in pairs)
        text = f"the members of '{group}' have different things called '{name}': {said}"
        fix = "give them one manifold and one shape, or name the population"
        context.draft.errors.add("E463", text, span, fix)
        return typing.unknown(span)
    first = parts[0].type
    manifold = first.manifold if len(manifolds) == 1 else None
    dtype = "complex" if is_complex(*parts) else "real"
    kind = Type(Place("nodes", group), first.shape, dtype, manifold, matrix=first.matrix)
    return Term("joined", tuple(parts), kind, span, f"{group}.{name}")


def _kind(part: Term) -> str:
    if part.type.manifold is not None:
        return f"a point of {part.type.manifold}"
    return typing.spell_shape(part.type.shape)


# ── couplings ──────────────────────────────────────────────────────────────────────────────────


def point_of(context: Context, state: State, span: Span) -> Term:
    """The state that a coupling acts on: a population's own, or what the members share."""
    if state.population in context.draft.groups:
        bare = state.name.rsplit(".", 1)[-1]
        symbol = find_shared(context, state.population, bare, span)
        assert symbol is not None, "the states of a group are shared"
        return replace(symbol.value, span=span)
    kind = state.manifold.points(Place("nodes", state.population), state.shape)
    return Term("state", (), kind, span, state.name)


def states_of(draft: Draft, state: State) -> tuple[str, ...]:
    """The states that are moved where a coupling acts on this one: in a group, every member's."""
    bare = state.name.rsplit(".", 1)[-1]
    return tuple(f"{member}.{bare}" for member in members_of(draft, state.population))


def sum_at(draft: Draft, coupling: Coupling, population: str, span: Span) -> Term:
    """The sum of a coupling at the nodes of one population: of a group's, the population's part."""
    kind = coupling.type
    total = Term("coupling", (), kind, span, coupling.name)
    if population not in members_of(draft, coupling.receiver) or coupling.receiver == population:
        return total
    own = replace(kind, place=Place("nodes", population))
    return Term("member", (total,), own, span, (coupling.receiver, population))


def refuse_overlap(draft: Draft, sender: Population, receiver: Population, span: Span) -> bool:
    """Whether the ends share nodes that 'everyone else' says nothing about; with a diagnostic."""
    both = set(members_of(draft, sender.name)) & set(members_of(draft, receiver.name))
    if sender.name == receiver.name or not both:
        return False
    text = f"the nodes of '{sorted(both)[0]}' belong to both '{sender.name}' and '{receiver.name}'"
    fix = "say over which graph, or couple the group with itself"
    draft.errors.add("E464", text, span, fix)
    return True
