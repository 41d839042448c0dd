"""Terms back into mathematics: as the language writes them, or with Greek letters and indices."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from dynattn.model.model import Coupling, Law, Model
from dynattn.model.terms import Term
from dynattn.vocabulary.manifolds import MANIFOLDS

# How tightly an operator binds: what binds less than its surroundings stands in parentheses.
_BINDING = {
    "or": 1, "and": 2, "not": 3, "lt": 4, "le": 4, "gt": 4, "ge": 4, "eq": 4, "ne": 4,
    "add": 5, "sub": 5, "mul": 6, "div": 6, "neg": 7, "pow": 8,
}  # fmt: skip
MINUS = "\N{MINUS SIGN}"
_PLAIN = {
    "or": " or ", "and": " and ", "not": "not ", "lt": " < ", "le": " <= ", "gt": " > ",
    "ge": " >= ", "eq": " == ", "ne": " != ", "add": " + ", "sub": " - ", "mul": " * ",
    "div": "/", "neg": "-", "pow": "^",
}  # fmt: skip
_PRETTY = _PLAIN | {
    "le": " ≤ ", "ge": " ≥ ", "eq": " = ", "ne": " ≠ ", "sub": f" {MINUS} ", "mul": " ",
    "neg": MINUS,
}  # fmt: skip
_GREEK = frozenset({
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda",
    "mu", "nu", "xi", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega",
})  # fmt: skip
_END = {"receiver": "i", "sender": "j"}


@dataclass(frozen=True)
class Style:
    """How names, indices and operators are written."""

    operators: dict[str, str]
    name: Callable[[str], str]
    index: Callable[[str, str], str]
    """index(name, i)."""


def _greek(name: str) -> str:
    """The letter that a name such as ``theta``, ``Omega`` or ``mu2`` stands for, else the name."""
    found = re.fullmatch(r"([a-zA-Z]+?)_?(\d*)", name)
    if not found or found[1].lower() not in _GREEK:
        return name
    # Unicode's own name of the letter is LAMDA.
    word = found[1].upper().replace("LAMBDA", "LAMDA")
    case = "CAPITAL" if found[1][0].isupper() else "SMALL"
    letter = unicodedata.lookup(f"GREEK {case} LETTER {word}")
    return letter + found[2].translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))


PLAIN = Style(_PLAIN, lambda name: name, lambda name, index: f"{name}[{index}]")
PRETTY = Style(
    _PRETTY, _greek, lambda name, index: f"{name}[{index}]" if "_" in name else f"{name}_{index}"
)


def short(name: str) -> str:
    """The name as the spec wrote it: ``attend.eta`` is ``eta``."""
    return name.rsplit(".", 1)[-1]


def spell_term(term: Term, style: Style = PLAIN, *, index: str = "") -> str:
    """The term as mathematics; definitions by their names.

    ``index``: what quantities of nodes carry outside a coupling's ends, such as ``i``.
    """
    return _Speller(style).spell(term, index)


def definitions(*terms: Term) -> dict[str, Term]:
    """What the definitions met in the terms stand for, by name, those used by others first."""
    found: dict[str, Term] = {}
    seen: set[int] = set()

    def visit(term: Term) -> None:
        if id(term) in seen:
            return
        seen.add(id(term))
        for argument in term.args:
            visit(argument)
        if term.op == "let":
            found.setdefault(short(term.payload), term.args[0])

    for term in terms:
        visit(term)
    return found


@dataclass(frozen=True)
class _Speller:
    style: Style

    def spell(self, term: Term, index: str, around: int = 0) -> str:
        """The term, in parentheses where it binds less than what is ``around`` it."""
        if term.op in ("receiver", "sender"):
            return self.spell(term.args[0], _END[term.op], around)
        if term.op in ("split", "project", "spread"):
            return self.spell(term.args[-1], index, around)
        if term.op not in _BINDING:
            return self._atom(term, index)
        binding = _BINDING[term.op]
        text = self._operation(term, index, binding)
        return f"({text})" if binding < around else text

    def _operation(self, term: Term, index: str, binding: int) -> str:
        sign = self.style.operators[term.op]
        if len(term.args) == 1:
            return sign + self.spell(term.args[0], index, binding)
        left, right = term.args
        # Powers group to the right, all others to the left; comparisons do not chain.
        tighter = (binding + 1, binding) if term.op == "pow" else (binding, binding + 1)
        if term.op in ("lt", "le", "gt", "ge", "eq", "ne"):
            tighter = (binding + 1, binding + 1)
        if term.op == "add" or (term.op == "mul" and right.op == "mul"):
            tighter = (binding, binding)
        return self.spell(left, index, tighter[0]) + sign + self.spell(right, index, tighter[1])

    def _atom(self, term: Term, index: str) -> str:
        if term.op in _NAMED:
            name = "index" if term.op == "index" else short(str(term.payload))
            return self._at(self.style.name(name), term, index)
        match term.op:
            case "number":
                text = self.style.name(spell_number(term.payload))
                return f"({text})" if text.startswith("-") else text
            case "size":
                text = str(term.payload)
                return f"({text})" if re.search(r"[-+*/ ]", text) else text
            case "time":
                return "t"
            case "rotary":
                return f"rotary({term.payload[0]}, heads={term.payload[1]})"
            case "array" | "concat":
                return f"[{self._list(term.args, index)}]"
            case "lookup":
                return f"embed({self.spell(term.args[1], index)})"
            case "linear":
                return self._linear(term, index)
        function = "√" if term.op == "sqrt" and self.style is PRETTY else term.op
        return f"{function}({self._list(term.args, index)})"

    def _at(self, name: str, term: Term, index: str) -> str:
        lives_at_nodes = term.type.place.kind == "nodes"
        return self.style.index(name, index) if index and lives_at_nodes else name

    def _linear(self, term: Term, index: str) -> str:
        x, weight = term.args[:2]
        if re.search(r"swiglu(_\d+)?\.down\.weight$", str(weight.payload)):
            gate = x.args[0].args[0]  # down(silu(gate(x)) * up(x))
            return f"swiglu({self.spell(gate.args[0], index)})"
        return f"linear({self.spell(x, index)})"

    def _list(self, terms: tuple[Term, ...], index: str) -> str:
        return ", ".join(self.spell(item, index) for item in terms)


_NAMED = frozenset(
    {"parameter", "state", "input", "variable", "output", "placeholder", "let", "edge", "coupling",
     "index"}
)  # fmt: skip


def spell_number(value: float) -> str:
    """The shortest text of a number; pi and e by name."""
    for name, constant in (("pi", math.pi), ("e", math.e)):
        if value == constant:
            return name
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(value)


def spell_equation(
    model: Model, law: Law, style: Style = PLAIN, *, weighted: Collection[str] = ()
) -> str:
    """The law of a state: ``theta' = omega + pull``; the pretty style writes couplings out.

    ``weighted``: the couplings whose graph has edge weights of its own.
    """
    name = style.name(short(law.state))
    rate, project = _unprojected(law.rate)
    if style is not PRETTY:
        text = spell_term(rate, style)
        return f"{name}' = P({text})" if project else f"{name}' = {text}"
    parts = [_summand(model, term, weighted) for term in summands(rate)]
    text = "".join(parts).removeprefix(" + ").strip() or "0"
    point = style.index(name, "i")
    equation = f"{point}' = P_{point}({text})" if project else f"{point}' = {text}"
    deeper = [name for t in summands(rate) if t.op != "coupling" for name in named_couplings(t)]
    where = [
        f"{style.index(style.name(short(name)), 'i')} = {_written_out(model, name, weighted)}"
        for name in dict.fromkeys(deeper)
    ]
    return ", with ".join([equation, *where])


def _unprojected(rate: Term) -> tuple[Term, bool]:
    """The rate before projection, and whether the projection changes anything."""
    if rate.op != "project":
        return rate, False
    return rate.args[1], MANIFOLDS[rate.payload.name].projection != "F"


def summands(term: Term) -> Iterator[Term]:
    """The terms that a sum adds up, zeros left out."""
    if term.op == "add":
        for part in term.args:
            yield from summands(part)
    elif not (term.op == "number" and term.payload == 0):
        yield term


def _summand(model: Model, term: Term, weighted: Collection[str]) -> str:
    if term.op == "coupling":
        return f" + {_written_out(model, term.payload, weighted)}"
    text = spell_term(term, PRETTY, index="i")
    return f" {MINUS} {text[1:]}" if text.startswith(MINUS) else f" + {text}"


def named_couplings(term: Term) -> tuple[str, ...]:
    """The names of the couplings that stand in a term."""
    found = [term.payload] if term.op == "coupling" else []
    inner = (name for argument in term.args for name in named_couplings(argument))
    return tuple(dict.fromkeys([*found, *inner]))


def _written_out(model: Model, name: str, weighted: Collection[str]) -> str:
    return spell_coupling(model, model.coupling[name], weighted=name in weighted)


def spell_coupling(
    model: Model, coupling: Coupling, style: Style = PRETTY, *, weighted: bool = False
) -> str:
    """The sum S_i written out: ``(K/deg_i) Σ_j sin(θ_j - θ_i)``."""
    speller = _Speller(style)
    below = _divisor(model, coupling)
    around = _BINDING["mul"]
    factor = speller.spell(coupling.strength, "i", around) if coupling.strength else ""
    if below:
        factor = f"({factor or '1'}/{below})"
    times = style.operators["mul"]
    kernel = speller.spell(coupling.kernel, "", around)
    weight = _weight(speller, coupling, weighted)
    inside = times.join(part for part in (weight, kernel) if part)
    sums = "Σ_j " if style is PRETTY else "sum_j "
    return f"{factor}{times if factor else ''}{sums}{inside}"


def _divisor(model: Model, coupling: Coupling) -> str:
    if coupling.normalize == "degree":
        return "deg_i"
    if coupling.normalize == "size":
        size = str(model.population[coupling.sender].size)
        return f"({size})" if re.search(r"[-+*/ ]", size) else size
    return ""


def _weight(speller: _Speller, coupling: Coupling, weighted: bool) -> str:
    if coupling.weight is None:
        return "w_ij" if weighted and coupling.edge_weights else ""
    text = speller.spell(coupling.weight, "", 0 if coupling.adaptive else _BINDING["mul"])
    return f"{coupling.adaptive}_j({text})" if coupling.adaptive else text
