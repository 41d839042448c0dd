"""Definitions: ``let q = EXPR``, translated when something reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dynattn.model import typing
from dynattn.model.terms import Term
from dynattn.syntax import tree

if TYPE_CHECKING:
    from dynattn.model.expressions import Context


@dataclass
class Definition:
    """The value of a ``let``, translated when it is first read."""

    context: Context
    item: tree.Let
    found: Term | None = None
    started: bool = False

    def term(self) -> Term:
        """The named Term; with a diagnostic where it depends on itself."""
        if self.found is None:
            self.found = self._refused() if self.started else self._translated()
        return self.found

    def _translated(self) -> Term:
        from dynattn.model.expressions import translate

        self.started = True
        term, item = translate(self.context, self.item.value), self.item
        return self.found or Term("let", (term,), term.type, item.span, item.name)

    def _refused(self) -> Term:
        name, span = self.item.name, self.item.span
        fix = "write it in numbers, states and definitions that do not need it"
        self.context.draft.errors.add("E434", f"'{name}' is defined by itself", span, fix)
        return typing.unknown(span)
