"""The text of what networks compute, where it is not simply the name and the arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dynattn.model.terms import Term

if TYPE_CHECKING:
    from dynattn.network.spelling import Speller


def _first(speller: Speller, term: Term, index: str) -> str:
    """``layer_norm(x)``, its weights aside."""
    return speller.style.call(term.op, [speller.spell(term.args[0], index)])


def _dropout(speller: Speller, term: Term, index: str) -> str:
    share = speller.style.name(f"{term.payload:g}")
    return speller.style.call("dropout", [speller.spell(term.args[0], index), share])


def _sinusoidal(speller: Speller, term: Term, index: str) -> str:
    sizes = [speller.size(str(item).strip("[]")) for item in term.payload]
    return speller.style.call("sinusoidal", sizes)


def _at(speller: Speller, term: Term, index: str) -> str:
    which = speller.spell(term.args[1], index)
    return speller.style.entry(speller.spell(term.args[0], ""), [which])


def _called(name: str) -> Callable[[Any, Term, str], str]:
    """Under the name that the language has for it."""
    return lambda speller, term, index: speller.style.call(
        name, [speller.spell(arg, index) for arg in term.args]
    )


def _geometry(speller: Speller, term: Term, index: str) -> str:
    r"""``distance(x, y)``, ``expmap(x, v)``; in LaTeX ``\operatorname{Exp}_{x}(v)``."""
    parts = [speller.spell(arg, index) for arg in term.args[1:]]
    if speller.style.fraction and term.payload in ("expmap", "logmap"):
        return speller.style.call(f"{term.payload}_{parts[0]}", parts[1:])
    return speller.style.call(term.payload, parts)


FUNCTIONS: dict[str, Callable[[Any, Term, str], str]] = {
    "layer_norm": _first,
    "dropout": _dropout,
    "sinusoidal": _sinusoidal,
    "at": _at,
    "called": _geometry,
    "average": _called("mean"),
    "binary_accuracy": _called("accuracy"),
}
