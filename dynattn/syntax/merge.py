"""``extends``: one tree and what another changes in it, as one tree.

Declarations are merged by kind and name, bodies clause by clause: what is said again replaces,
what is new is added, ``drop`` removes; a network is replaced whole. Every span keeps pointing into
the file it comes from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from dynattn.diagnostics.report import Collector, Span
from dynattn.diagnostics.suggest import did_you_mean
from dynattn.syntax import tree as t
from dynattn.syntax.spell import spell
from dynattn.syntax.walk import parts_of

Key = tuple[str, str]

_ALTERNATIVES: Mapping[str, str] = {
    "kernel": "energy", "energy": "kernel", "steps": "epochs", "epochs": "steps",
}  # fmt: skip
"""Clauses of which one stands for the other: saying one replaces the inherited other."""

_KINDS: Mapping[type, str] = {
    t.Let: "quantity", t.Graph: "graph", t.Population: "population", t.TypeDeclaration: "type",
    t.Group: "group", t.Coupling: "coupling", t.Input: "input", t.Layer: "layer",
    t.Observe: "observe",
}  # fmt: skip


def merge(base: Sequence[Any], changes: Sequence[Any], errors: Collector) -> list[Any]:
    """The declarations or clauses of ``base`` as ``changes`` leave them."""
    inherited = _without(_apart(base), changes, errors)
    own = [item for item in _apart(changes) if not isinstance(item, t.Drop)]
    known: dict[Key, Any] = {}
    for item in inherited:
        known.setdefault(key_of(item), item)
    said: dict[Key, list[Any]] = {}
    for item in own:
        key = key_of(item)
        first = None if key in said else known.get(key)
        said.setdefault(key, []).append(_changed(first, item, errors))
    found: list[Any] = []
    for item in inherited:
        key = key_of(item)
        if known[key] is item and key in said:
            found += said[key]
        elif not _replaced(item, key, said):
            found.append(item)
    return _in_order(
        [*found, *(i for key, items in said.items() if key not in known for i in items)]
    )


def _replaced(item: Any, key: Key, said: Mapping[Key, list[Any]]) -> bool:
    """Whether an inherited clause, or what may stand in its place, is said now."""
    other = _ALTERNATIVES.get(key[0].removeprefix("clause "))
    return isinstance(item, t.Clause) and (key in said or (f"clause {other}", key[1]) in said)


def key_of(item: Any) -> Key:
    """Kind and name: two items of one key are the same declaration, said twice."""
    match item:
        case t.Quantities(keyword="state", entries=(entry, *_)):
            return ("state" + "'" * entry.prime, entry.name)
        case t.Quantities(entries=(entry, *_)):
            return "quantity", entry.name
        case t.Clause(word=word, target=target):
            return f"clause {word}", target or ""
        case t.Equation(state=state):
            return "equation", state
        case t.Setting(name=name):
            return "setting", spell(name)
        case t.Experiment(kind=kind, name=name):
            return kind, name or ""
        case t.Output(name=name):
            return "output", name or ""
        case t.Evolve(name=name):
            return "evolve", name or ""
    named = getattr(item, "name", "") if type(item) in _KINDS else ""
    return _KINDS.get(type(item), type(item).__name__.lower()), named


def called(item: Any) -> str:
    """The name by which ``drop`` finds a declaration: its own, or the word it begins with."""
    kind, name = key_of(item)
    return name or kind.removeprefix("clause ")


def _apart(items: Iterable[Any]) -> list[Any]:
    """Every entry of ``param a = 1, b = 2`` as a declaration of its own."""
    found: list[Any] = []
    for item in items:
        if isinstance(item, t.Quantities) and len(item.entries) > 1:
            found += [t.Quantities(e.span, item.keyword, (e,)) for e in item.entries]
        else:
            found.append(item)
    return found


# ── drop ───────────────────────────────────────────────────────────────────────────────────────


def _without(base: Sequence[Any], changes: Sequence[Any], errors: Collector) -> list[Any]:
    kept = list(base)
    for name in (n for item in changes if isinstance(item, t.Drop) for n in item.names):
        left = [item for item in kept if name.name not in _called(item)]
        if len(left) == len(kept):
            names = list(dict.fromkeys(called(item) for item in base))
            text = f"there is no inherited '{name.name}' to drop here"
            fix = did_you_mean(name.name, names, _choices(names))
            errors.add("E415", text, name.span, fix)
        kept = left
    return kept


def _called(item: Any) -> tuple[str, ...]:
    """The names by which ``drop`` finds it: all ways in which a layer evolves are called evolve."""
    return (called(item), "evolve") if isinstance(item, t.Evolve) else (called(item),)


def _choices(names: Sequence[str]) -> str:
    return f"inherited here: {', '.join(names)}" if names else "nothing is inherited here"


# ── one declaration, changed ───────────────────────────────────────────────────────────────────


def _changed(old: Any, new: Any, errors: Collector) -> Any:
    """A declaration as it is after what the extending spec says of it."""
    match new:
        case t.Population() if new.instance is not None or (old and old.instance is not None):
            return _instance_changed(old, new, errors)
        case t.Population() | t.Coupling() | t.Layer() | t.TypeDeclaration():
            body = tuple(merge(old.body if old else (), new.body, errors))
            return replace(_with_head(old, new, errors), body=body)
        case t.Evolve() | t.Experiment():
            clauses = tuple(merge(old.clauses if old else (), new.clauses, errors))
            return replace(new, clauses=clauses)
    return new


def _instance_changed(old: t.Population | None, new: t.Population, errors: Collector) -> Any:
    """A population with a type: its body says what differs from the type's, ``drop`` included."""
    body = new.body
    if old is not None and (new.size is None or old.instance == new.instance):
        again = {key_of(item) for item in _apart(new.body)}
        body = (*(item for item in _apart(old.body) if key_of(item) not in again), *new.body)
    return replace(_with_head(old, new, errors), body=tuple(body))


def _with_head(old: Any, new: Any, errors: Collector) -> Any:
    """The new declaration with what its head leaves to the inherited one."""
    match new:
        case t.Population(size=None, name=name, span=span):
            if old is None:
                _nothing_to_change(errors, "population", name, span, f"population {name}[N]")
                return new
            return replace(
                new, size=old.size, condition=old.condition, instance=old.instance, span=old.span
            )
        case t.Coupling(sender=None, name=name, span=span):
            if old is None:
                head = f"coupling {name}: SENDER -> RECEIVER"
                _nothing_to_change(errors, "coupling", name, span, head)
                return new
            return replace(
                new, sender=old.sender, receiver=old.receiver, over=old.over, span=old.span
            )
        case t.Layer(arguments=None) if old is not None:
            return replace(new, arguments=old.arguments)
    return new


def _nothing_to_change(errors: Collector, kind: str, name: str, span: Span, head: str) -> None:
    line = span.source.lines[span.line - 1][span.column - 1 :].split("{")[0].rstrip()
    short = Span(span.source, span.line, span.column, span.line, span.column + len(line))
    text = f"there is no inherited {kind} '{name}' whose body this could change"
    errors.add("E416", text, short, f"write its head in full: {head}")


# ── order ──────────────────────────────────────────────────────────────────────────────────────


def _in_order(items: Sequence[Any]) -> list[Any]:
    """The items with each after those whose names it uses; otherwise as they stand."""
    makers: dict[str, list[Any]] = {}
    for item in items:
        makers.setdefault(called(item), []).append(item)
    done: dict[int, Any] = {}
    started: set[int] = set()
    for item in items:
        _place(item, makers, started, done)
    return list(done.values())


def _place(
    item: Any, makers: Mapping[str, list[Any]], started: set[int], done: dict[int, Any]
) -> None:
    if id(item) in started:
        return
    started.add(id(item))
    users = t.Quantities | t.Let | t.Coupling | t.Graph | t.Clause | t.Layer | t.Network
    if isinstance(item, users):
        for name in names_in(item):
            for other in makers.get(name, ()):
                if isinstance(other, t.Quantities | t.Let | t.Graph | t.Input):
                    _place(other, makers, started, done)
    done[id(item)] = item


def names_in(node: Any) -> list[str]:
    """Every name that stands in a part of a tree, in the order of the text."""
    match node:
        case t.Name(name=name) | t.Apply(name=name):
            return [name]
    return [name for part in parts_of(node) for name in names_in(part)]
