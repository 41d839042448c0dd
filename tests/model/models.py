"""Making Models from a few lines of text, and saying what Terms are."""

from __future__ import annotations

from typing import Any

import pytest

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source, SpecError
from dynattn.model.model import Model
from dynattn.model.terms import Term


def checked(body: str, **overrides: Any) -> Model:
    """The model of a spec without its first line."""
    return Compilation(Source("m.dyn", f"model m\n{body}"), overrides).model


def refused(body: str, **overrides: Any) -> list[tuple[str, str]]:
    """Code and message of every mistake."""
    with pytest.raises(SpecError) as caught:
        checked(body, **overrides)
    return [(item.code, item.message) for item in caught.value.diagnostics]


def written(term: Term) -> str:
    """A term as nested calls, lets opened: ``sub(state osc.theta, number 1)``."""
    if term.op == "let":
        return written(term.args[0])
    inside = f"({', '.join(written(arg) for arg in term.args)})" if term.args else ""
    return term.op + inside if term.payload is None else f"{term.op} {term.payload}{inside}"


def shape(term: Term) -> list[str]:
    return [str(size) for size in term.type.shape]


def place(term: Term) -> str:
    return f"{term.type.place.kind} {term.type.place.name}".strip()
