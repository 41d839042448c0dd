"""The shipped specs as a list, by what they are about: the manifolds of their states."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from dynattn.diagnostics.report import Source
from dynattn.syntax import tree as t

LEARNING, PHASES, POINTS, SHARES, NUMBERS = KINDS = (
    "networks that learn",
    "phases",
    "points on other manifolds",
    "abundances and shares",
    "numbers: opinions, activities, amplitudes",
)

MANIFOLDS = {
    "circle": PHASES, "torus": PHASES, "positive": SHARES, "simplex": SHARES,
    "real": NUMBERS, "complex": NUMBERS,
}  # fmt: skip
"""Where a spec belongs by the manifold of its first state; all others hold points."""


class Entry(NamedTuple):
    """A shipped spec: what it says of itself, and which of KINDS it is."""

    about: str
    kind: str


def entries(specs: Mapping[str, Path]) -> dict[str, Entry]:
    """What is told of every spec, with all that it inherits."""
    from dynattn.syntax.inherit import parse_whole

    found = {}
    for name, path in specs.items():
        tree = parse_whole(Source(str(path), path.read_text(encoding="utf-8")))
        found[name] = Entry(_about(tree), _kind(tree))
    return found


def _about(tree: t.SyntaxTree) -> str:
    headers = (item for item in tree.declarations if isinstance(item, t.ModelHeader))
    return next((header.doc or "" for header in headers), "")


def _kind(tree: t.SyntaxTree) -> str:
    if any(isinstance(item, t.Network) for item in tree.declarations):
        return LEARNING
    word = next(_manifolds(tree), "")
    return MANIFOLDS.get(word, POINTS)


def _manifolds(tree: t.SyntaxTree) -> Iterator[str]:
    """The words behind ``on`` in the states of populations and types."""
    kinds = (t.Population, t.TypeDeclaration)
    bodies = (item.body for item in tree.declarations if isinstance(item, kinds))
    for item in (item for body in bodies for item in body):
        if isinstance(item, t.Quantities) and item.keyword == "state":
            yield from (_word(entry.manifold) for entry in item.entries if entry.manifold)


def _word(manifold: t.Expr) -> str:
    match manifold:
        case t.Name(name=word) | t.Call(function=t.Name(name=word)):
            return word
    return ""
