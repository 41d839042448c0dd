"""Types: ``population left[10] is agent(a=1)`` becomes a population with a body of its own.

The arguments stand where the parameters stood, so that an argument may be a size, a number, a name
of the model or of another population; the spans keep pointing at the texts they come from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dynattn.diagnostics.report import Span
from dynattn.diagnostics.suggest import did_you_mean, nearest
from dynattn.model.draft import Draft, head
from dynattn.model.scope import Scope, Symbol
from dynattn.syntax import tree as syntax
from dynattn.syntax.merge import called, merge, names_in
from dynattn.syntax.walk import mapped

Arguments = Mapping[str, syntax.Expr]


def expand(draft: Draft, tree: syntax.SyntaxTree) -> syntax.SyntaxTree:
    """The tree with the body of its type in every population that has one, and no types."""
    types = _declared_types(draft, tree)
    found: list[Any] = []
    used: set[str] = set()
    for item in tree.declarations:
        if isinstance(item, syntax.Population) and item.instance is not None:
            assert isinstance(item.instance.function, syntax.Name), "the grammar: a name"
            used.add(item.instance.function.name)
            found += _instance(draft, item, item.instance, types)
        elif not isinstance(item, syntax.TypeDeclaration):
            found.append(item)
    for item in types.values():
        if item.name not in used:
            text = f"the type '{item.name}' is never used, so nothing in it is checked"
            fix = f"write population p[N] is {item.name}, or delete it"
            draft.errors.add("E419", text, head(item.span), fix)
    return replace(tree, declarations=tuple(found)) if types or used else tree


def _declared_types(draft: Draft, tree: syntax.SyntaxTree) -> dict[str, syntax.TypeDeclaration]:
    around = Scope("the model")
    for item in tree.declarations:
        for name, span in _names_of(item):
            around.symbols.setdefault(name, Symbol(_kind(item), name, span))
    found: dict[str, syntax.TypeDeclaration] = {}
    for item in tree.declarations:
        if isinstance(item, syntax.TypeDeclaration):
            symbol = Symbol("type", item.name, head(item.span))
            if draft.scope.declare(symbol, draft.errors):
                found[item.name] = item
            _check_parameters(draft, item, around)
            _check_used(draft, item)
    return found


def _check_parameters(draft: Draft, item: syntax.TypeDeclaration, around: Scope) -> None:
    """The parameters of a type are names of its body: none twice, none that hides another."""
    scope = Scope(f"type '{item.name}'", around)
    for parameter in item.parameters:
        symbol = Symbol("parameter of the type", parameter.name, parameter.span)
        scope.declare(symbol, draft.errors)
    for name, span in (pair for part in item.body for pair in _names_of(part)):
        if name in scope.symbols:
            scope.declare(Symbol("", name, span), draft.errors)


def _check_used(draft: Draft, item: syntax.TypeDeclaration) -> None:
    defaults = [p.default for p in item.parameters if p.default is not None]
    words = names_in((*item.body, *defaults))
    for parameter in item.parameters:
        if parameter.name not in words:
            text = f"'{parameter.name}' stands nowhere in the type '{item.name}'"
            near = nearest(parameter.name, words)
            fix = f"write {parameter.name} for {near}" if near else "use it, or delete it"
            draft.errors.add("E419", text, parameter.span, fix)


def _names_of(item: Any) -> list[tuple[str, Span]]:
    """What a declaration declares, and where."""
    if isinstance(item, syntax.Quantities):
        return [(entry.name, entry.name_span) for entry in item.entries if not entry.prime]
    named = isinstance(item, syntax.Declaration) and not isinstance(
        item, syntax.ModelHeader | syntax.Drop | syntax.Use | syntax.Network | syntax.Experiment
    )
    return [(called(item), head(item.span))] if named else []


def _kind(item: Any) -> str:
    if isinstance(item, syntax.Quantities):
        return item.keyword
    words = {syntax.Let: "definition", syntax.Observe: "observable"}
    return words.get(type(item), type(item).__name__.removesuffix("Declaration").lower())


# ── one population of a type ───────────────────────────────────────────────────────────────────


def _instance(
    draft: Draft, item: syntax.Population, instance: syntax.Call,
    types: Mapping[str, syntax.TypeDeclaration],
) -> list[syntax.Population]:  # fmt: skip
    name = instance.function
    assert isinstance(name, syntax.Name), "the grammar: a name"
    if name.name not in types:
        fix = did_you_mean(name.name, types, f"declare it: type {name.name}(a=1) {{ ... }}")
        draft.errors.add("E417", f"there is no type '{name.name}'", name.span, fix)
        draft.names_missing = True  # those of the population's body
        return []
    declared = types[name.name]
    given = _arguments(draft, instance, declared)
    own = {found for part in (*declared.body, *item.body) for found, _ in _names_of(part)}
    for parameter, value in given.items():
        for word in dict.fromkeys(names_in(value)):
            if word in own:
                text = f"'{word}' in the argument '{parameter}' is declared in the population"
                fix = "an argument stands in the model: rename one of the two"
                draft.errors.add("E418", text, value.span, fix)
    body = tuple(merge(_replaced(declared.body, given), item.body, draft.errors))
    body = body if item.body else _replaced(declared.body, given)
    return [replace(item, instance=None, body=body)]


def _arguments(
    draft: Draft, instance: syntax.Call, declared: syntax.TypeDeclaration
) -> dict[str, syntax.Expr]:
    """The value of every parameter; with a diagnostic where one is missing or makes no sense."""
    names = [parameter.name for parameter in declared.parameters]
    takes = f"the type takes {', '.join(names)}" if names else "the type takes no arguments"
    note = [(head(declared.span), "the type")]
    errors, given = draft.errors, dict(zip(names, instance.arguments, strict=False))
    for extra in instance.arguments[len(names) :]:
        errors.add("E418", "one argument too many", extra.span, takes, note)
    for keyword in instance.keywords:
        if keyword.name not in names:
            text = f"the type '{declared.name}' has no parameter '{keyword.name}'"
            fix = did_you_mean(keyword.name, names, takes)
            errors.add("E418", text, keyword.span, fix, note)
        elif keyword.name in given:
            text = f"the argument '{keyword.name}' is given twice"
            errors.add("E418", text, keyword.span, "keep one of the two", note)
        else:
            given[keyword.name] = keyword.value
    return _completed(draft, instance, declared, given)


def _completed(
    draft: Draft, instance: syntax.Call, declared: syntax.TypeDeclaration,
    given: dict[str, syntax.Expr],
) -> dict[str, syntax.Expr]:  # fmt: skip
    """With the defaults, which may name the parameters before them."""
    found: dict[str, syntax.Expr] = {}
    for parameter in declared.parameters:
        value = given.get(parameter.name)
        if value is None and parameter.default is not None:
            value = _replaced(parameter.default, found)
        if value is None:
            text = f"the type '{declared.name}' needs a value for '{parameter.name}'"
            fix = f"write {declared.name}({parameter.name}=1)"
            note = [(parameter.span, "it has no default")]
            draft.errors.add("E418", text, instance.span, fix, note)
            value = syntax.Number(instance.span, 1)  # what follows from it is no news
        found[parameter.name] = value
    return found


def _replaced(node: Any, given: Arguments) -> Any:
    """A part of a tree with values in place of the names of parameters."""
    match node:
        case syntax.Name(name=name):
            return given.get(name, node)
        case syntax.Call(function=syntax.Name()):
            return replace(
                node,
                arguments=_replaced(node.arguments, given),
                keywords=_replaced(node.keywords, given),
            )
    return mapped(node, lambda part: _replaced(part, given))
