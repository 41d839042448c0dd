"""Nothing is ignored: a name that nothing uses is a mistake."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from dynattn.diagnostics.report import Diagnostic, Span
from dynattn.model.words import WAY, words_of
from dynattn.syntax import tree as syntax
from dynattn.syntax.walk import parts_of

Declared = tuple[str, str, Span]
"""What a name stands for, in words; the name; where it is declared."""

SETTING = ("free", "detect")
"""Clauses of experiments that set names and do not use them."""


def unused_names(tree: syntax.SyntaxTree) -> tuple[Diagnostic, ...]:
    """E420 for every name of a spec that stands nowhere but where it is declared.

    Of a spec that is right otherwise: where a name is misspelt, that is the mistake to be told.
    """
    ways = (name for name, word in words_of(tree).items() if word.kind == WAY)
    used = {*names_used(tree.declarations), *ways}
    declared = list(declared_in(tree.declarations))
    found = [item for item in declared if item[1] not in used]
    return tuple(
        Diagnostic("E420", f"nothing uses the {kind} '{name}'", span, _fix(name))
        for kind, name, span in found
    )


def _fix(name: str) -> str:
    return f"use it, or delete it; what is inherited goes with drop {name}"


def declared_in(items: Iterable[Any]) -> Iterator[Declared]:
    """What a spec declares for use elsewhere, in bodies too."""
    words = {"param": "parameter", "learn": "learned parameter", "dim": "dim"}
    for item in items:
        match item:
            case syntax.Quantities(keyword="param" | "learn" | "dim" as word, entries=entries):
                yield from ((words[word], entry.name, entry.name_span) for entry in entries)
            case syntax.Let(name=name, span=span):
                yield "definition", name, span
            case syntax.Graph(name=name, span=span):
                yield "graph", name, span
            case syntax.Group(name=name, span=span):
                yield "group", name, span
            case syntax.Input(name=name, span=span):
                yield "input", name, span
            case syntax.Layer(arguments=arguments, body=body):
                for argument in arguments or ():
                    yield "argument", argument.name, argument.span
                yield from declared_in(body)
            case (
                syntax.Population(body=body)
                | syntax.Coupling(body=body)
                | syntax.TypeDeclaration(body=body)
            ):
                yield from declared_in(body)


def names_used(node: Any) -> Iterator[str]:
    """Every name that stands in an expression; those that experiments set are not used there."""
    match node:
        case syntax.Name(name=name) | syntax.Apply(name=name):
            yield name
        case syntax.Attribute(value=value, name=name):
            yield name
            yield from names_used(value)
        case syntax.Setting(value=value):
            yield from names_used(value)
        case syntax.Clause(word=word) if word in SETTING:
            return
        case _:
            for part in parts_of(node):
                yield from names_used(part)
