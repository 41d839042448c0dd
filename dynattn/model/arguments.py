"""The arguments of a call in the text, by name."""

from __future__ import annotations

from collections.abc import Sequence

from dynattn.model import constants
from dynattn.model.complex_numbers import is_complex, refuse
from dynattn.model.expressions import Context, translate
from dynattn.model.terms import Term
from dynattn.model.typing import unknown
from dynattn.syntax import tree
from dynattn.vocabulary.functions import TAKE_COMPLEX
from dynattn.vocabulary.sizes import Size


class Arguments:
    """The arguments of one call by name, each usable once as a Term, a size or a word."""

    def __init__(self, context: Context, call: tree.Call, names: Sequence[str]):
        self.context = context
        self.call = call
        self.expr: dict[str, tree.Expr] = dict(zip(names, call.arguments, strict=False))
        self.expr |= {keyword.name: keyword.value for keyword in call.keywords}

    def term(self, name: str) -> Term:
        """The argument as a quantity."""
        found = translate(self.context, self.expr[name])
        word = self.call.function.span.text
        if is_complex(found) and word not in TAKE_COMPLEX:
            refuse(self.context.draft.errors, word, found.span)
            return unknown(found.span)
        return found

    def size(self, name: str) -> Size | None:
        """The argument as a size; None with a diagnostic where it is none."""
        return constants.size(self.context.draft, self.expr[name])

    def truth(self, name: str, default: bool) -> bool:
        """The argument as ``true`` or ``false``."""
        expr = self.expr.get(name)
        if expr is None:
            return default
        if isinstance(expr, tree.Name) and expr.name in ("true", "false"):
            return expr.name == "true"
        fix = f"write {name}=true or {name}=false"
        self.context.draft.errors.add("E310", f"{name} is true or false", expr.span, fix)
        return default
