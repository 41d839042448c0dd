"""Short ways to a tree and back, for the tests of this folder."""

from __future__ import annotations

from typing import Any

from dynattn.diagnostics.report import Source, SpecError
from dynattn.syntax.parse import parse
from dynattn.syntax.tree import SyntaxTree
from dynattn.syntax.unparse import unparse


def read(text: str) -> Any:
    """The tree of a text; not typed, as tests reach into it without asking for kinds."""
    return parse(Source("spec.dyn", text))


def only(text: str) -> Any:
    """The one declaration of a text."""
    (declaration,) = read(text).declarations
    return declaration


def again(tree: SyntaxTree) -> SyntaxTree:
    """The tree of the canonical text of ``tree``."""
    return parse(Source("again.dyn", unparse(tree)))


def codes(text: str) -> list[str]:
    """The codes a wrong text is refused with, in the order of the text."""
    try:
        read(text)
    except SpecError as error:
        return [item.code for item in error.diagnostics]
    return []
