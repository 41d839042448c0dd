"""The words of the language, read off the grammar: what may begin a line, and where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lark import Lark

PLACES = {
    "declaration": "at the top level of a spec",
    "population_item": "in a population",
    "coupling_item": "in a coupling",
    "layer_item": "in a layer",
    "statement": "in a network",
    "experiment_item": "in an experiment",
}
"""The rules for what stands in a block, and the block in plain words."""


@dataclass(frozen=True, slots=True)
class Block:
    """A kind of block: its rule in the grammar, and the words that begin a line in it."""

    rule: str
    words: frozenset[str]

    @property
    def place(self) -> str:
        return PLACES[self.rule]


class Words:
    """The keywords of a parser. ``types`` gives the terminal of a word, ``signs`` of a terminal
    the text it stands for."""

    def __init__(self, parser: Lark, table: Mapping[Any, Mapping[str, Any]]):
        self.table = table
        fixed = [item for item in parser.terminals if item.pattern.type == "str"]
        self.signs = {item.name: item.pattern.value for item in fixed}
        self.signs |= {"AND": "and", "OR": "or", "NOT": "not"}
        self.types = {text: name for name, text in self.signs.items() if text.isidentifier()}

    def block(self, state: Any) -> Block | None:
        """The block whose lines begin in a parser state; None elsewhere."""
        row = self.table[state]
        for rule in PLACES:
            if rule in row:
                return Block(rule, self.accepted(row))
        return None

    def accepted(self, names: Any) -> frozenset[str]:
        """The words among terminals."""
        return frozenset(word for word, type_ in self.types.items() if type_ in names)

    def homes(self, word: str) -> list[str]:
        """The blocks, in plain words, in which a line may begin with ``word``."""
        type_ = self.types.get(word)
        rows = [row for row in self.table.values() if type_ in row]
        return [place for rule, place in PLACES.items() if any(rule in row for row in rows)]
