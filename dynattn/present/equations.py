"""The law of every state as one would write it on paper: typed expressions to lines of text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeGuard

from dynattn.model.model import Coupling, Draw, Law, Model
from dynattn.model.terms import Term
from dynattn.vocabulary.functions import ELEMENTWISE

_INFIX = {
    "or": (" or ", 1), "and": (" and ", 2),
    "lt": (" < ", 4), "le": (" <= ", 4), "gt": (" > ", 4), "ge": (" >= ", 4),
    "eq": (" == ", 4), "ne": (" != ", 4),
    "add": (" + ", 5), "sub": (" - ", 5), "mul": ("*", 6), "div": ("/", 6), "pow": ("^", 8),
}  # fmt: skip
"""Operators of two operands: their sign, and how strongly they bind."""
_NEGATION, _ATOM = 7, 9


@dataclass(frozen=True)
class Equation:
    """One line, ``left = right``, under the place it belongs to (a layer, or '' for the model)."""

    left: str
    right: str
    place: str = ""

    def __str__(self) -> str:
        return f"{self.left} = {self.right}"


@dataclass
class Writer:
    """Writes terms with short names, and remembers the definitions that it met on the way."""

    names: Mapping[str, str]
    definitions: dict[str, Term] = field(default_factory=dict)

    def write(self, term: Term, at_least: int = 0) -> str:
        """The term as text, in brackets where it binds less than ``at_least``."""
        text, strength = self._written(term)
        return f"({text})" if strength < at_least else text

    def _written(self, term: Term) -> tuple[str, int]:
        match term.op:
            case "number":
                value = term.payload
                return f"{value:g}" if isinstance(value, float) else str(value), _ATOM
            case "size":
                text = str(term.payload)
                return text, _ATOM if text.isidentifier() else 5
            case "parameter" | "state" | "input" | "variable" | "output" | "placeholder" | "edge":
                return self.names.get(term.payload, str(term.payload)), _ATOM
            case "coupling":
                return term.payload.rsplit(".", 1)[-1], _ATOM
            case "time":
                return "t", _ATOM
            case "index":
                return "index", _ATOM
            case "let":
                self.definitions.setdefault(str(term.payload), term.args[0])
                return str(term.payload).rsplit(".", 1)[-1], _ATOM
            case "receiver" | "sender":
                node = "i" if term.op == "receiver" else "j"
                return f"{self.write(term.args[0], _ATOM)}[{node}]", _ATOM
            case "split":
                return self._written(term.args[0])
            case "array" | "concat":
                return f"[{self._listed(term.args)}]", _ATOM
            case "neg":
                return f"-{self.write(term.args[0], _NEGATION)}", _NEGATION
        if term.op in _INFIX and len(term.args) == 2:
            return self._infix(term)
        return self._called(term), _ATOM

    def _infix(self, term: Term) -> tuple[str, int]:
        sign, strength = _INFIX[term.op]
        tighter_right = term.op in ("sub", "div", "pow") or strength == 4
        left = self.write(term.args[0], strength + (term.op == "pow"))
        right = self.write(term.args[1], strength + (tighter_right and term.op != "pow"))
        return f"{left}{sign}{right}", strength

    def _called(self, term: Term) -> str:
        match term.op:
            case "linear":
                width = term.args[1].type.shape[0]
                return f"linear({self.write(term.args[0])}, {width})"
            case "lookup":
                return f"embed({self.write(term.args[1])})"
            case "rotary":
                size, heads = term.payload
                return f"rotary({size}, heads={heads})"
            case "project":
                return f"P_{self.write(term.args[0])}({self.write(term.args[1])})"
        return f"{term.op}({self._listed(term.args)})"

    def _listed(self, terms: Iterable[Term]) -> str:
        return ", ".join(self.write(term) for term in terms)


def equations(model: Model, weighted: Collection[str] = ()) -> tuple[Equation, ...]:
    """The law of every state, the sums that stand in it, and the definitions these use.

    ``weighted`` are the couplings whose graph has weights of its own.
    """
    outside = [coupling for coupling in model.couplings if coupling.layer is None]
    found = _system(model, "", model.laws, outside, weighted)
    for layer in model.layers:
        inner = [model.coupling[name] for name in layer.couplings]
        found += _system(model, layer.name, layer.laws, inner, weighted)
    return found


def _system(
    model: Model,
    place: str,
    laws: Iterable[Law],
    couplings: Iterable[Coupling],
    weighted: Collection[str],
) -> tuple[Equation, ...]:
    writer = Writer(short_names(model))
    lines = [Equation(f"{writer.names[law.state]}'", writer.write(law.rate), place) for law in laws]
    for coupling in couplings:
        text = coupling_sum(writer, coupling, model, coupling.name in weighted)
        lines.append(Equation(f"{coupling.name.rsplit('.', 1)[-1]}[i]", text, place))
    written: set[str] = set()
    while set(writer.definitions) - written:
        name = next(name for name in writer.definitions if name not in written)
        written.add(name)
        text = writer.write(writer.definitions[name])
        lines.append(Equation(name.rsplit(".", 1)[-1], text, place))
    return tuple(lines)


def coupling_sum(writer: Writer, coupling: Coupling, model: Model, weighted: bool) -> str:
    """strength / normalize * sum over j of weight * kernel."""
    nodes = model.population[coupling.sender].size
    under = {"none": "", "size": f"/{nodes}", "degree": "/degree[i]"}[coupling.normalize]
    strength = writer.write(coupling.strength, 6) if coupling.strength is not None else ""
    parts = [f"{strength or '1'}{under}" if under else strength, "Σ_j"]
    if weighted and coupling.edge_weights:
        parts.append("w[i,j]")
    if coupling.weight is not None and coupling.adaptive:
        parts.append(f"{coupling.adaptive}_j({writer.write(coupling.weight)})")
    elif coupling.weight is not None:
        parts.append(writer.write(coupling.weight, 6))
    parts.append(writer.write(coupling.kernel, 6))
    return " ".join(part for part in parts if part)


def short_names(model: Model) -> dict[str, str]:
    """Names of parameters and states without their place, where no two would become the same."""
    full = [*model.parameter, *model.states]
    last = Counter(name.rsplit(".", 1)[-1] for name in full)
    return {name: _short(name, last) for name in full}


def _short(name: str, last: Counter[str]) -> str:
    end = name.rsplit(".", 1)[-1]
    return end if last[end] == 1 else name


def init_text(init: Term | Draw, names: Mapping[str, str], sizes: Mapping[str, int]) -> str:
    """``= 0`` or ``~ normal(0, 0.5)``; what is fixed by numbers and sizes is computed."""
    writer = Writer(names)
    if isinstance(init, Draw):
        if init.distribution == "on_manifold":
            return "~ uniform"
        inside = ", ".join(_computed(writer, term, sizes) for term in init.arguments)
        return f"~ {init.distribution}({inside})"
    return f"= {_computed(writer, init, sizes)}"


def _computed(writer: Writer, term: Term, sizes: Mapping[str, int]) -> str:
    """The number a term is, or the term where it is none yet."""
    value = _number(term, sizes)
    return writer.write(term) if value is None else f"{value:.4g}"


def _number(term: Term, sizes: Mapping[str, int]) -> float | None:
    import numpy

    if term.op == "number":
        return term.payload
    if term.op == "size" and term.payload.names <= set(sizes):
        return term.payload.value(sizes)
    values = [_number(argument, sizes) for argument in term.args]
    if term.op not in ELEMENTWISE or any(value is None for value in values):
        return None
    return float(ELEMENTWISE[term.op].value(numpy, *map(float, filter(_known, values))))


def _known(value: float | None) -> TypeGuard[float]:
    return value is not None
