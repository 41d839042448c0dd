"""Terms back into mathematics: as the language writes them, or with Greek letters and indices."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from dynattn.model.model import Model
from dynattn.model.parts import Coupling, Law
from dynattn.model.terms import Term

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
    sums: str
    pair: str
    """The index of an edge."""


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


def _indexed(name: str, index: str) -> str:
    return f"{name}[{index}]"


PLAIN = Style(_PLAIN, lambda name: name, _indexed, "sum_j", "i,j")
PRETTY = Style(
    _PRETTY,
    _greek,
    lambda name, index: f"{name}_{index}" if f"{name}{index}".isalnum() else _indexed(name, index),
    "Σ_j",
    "ij",
)


def short(name: str) -> str:
    """The name as the spec wrote it: ``attend.eta`` is ``eta``."""
    return name.rsplit(".", 1)[-1]


def short_names(model: Model) -> dict[str, str]:
    """Names of parameters and states without their place, where no two would become the same."""
    full = [*model.parameter, *model.states]
    count = Counter(map(short, full))
    return {name: short(name) if count[short(name)] == 1 else name for name in full}


def spell_term(
    term: Term, style: Style = PLAIN, *, index: str = "", names: Mapping[str, str] | None = None
) -> str:
    """The term as mathematics; definitions by their names.

    ``index``: what quantities of nodes carry outside a coupling's ends, such as ``i``. ``names``:
    what quantities are called, such as :func:`short_names`; what the spec wrote unless given.
    """
    return _Speller(style, names or {}).spell(term, index)


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
    names: Mapping[str, str] = field(default_factory=dict)

    def name(self, name: str) -> str:
        """A quantity's name in this style."""
        name = self.names.get(name, short(name))
        return f"{self.name(name[:-1])}'" if name.endswith("'") else self.style.name(name)

    def summed(self, name: str) -> str:
        """The name of a coupling's sum at node i."""
        return self.style.index(self.name(name), "i")

    def spell(self, term: Term, index: str, around: int = 0) -> str:
        """The term, in parentheses where it binds less than what is ``around`` it."""
        if term.op in ("receiver", "sender"):
            end = _END[term.op] + (f"+{term.payload}" if term.payload else "")
            return self.spell(term.args[0], end, around)
        if term.op in ("split", "spread", "column"):
            return self.spell(term.args[-1], index, around)
        if term.op not in _BINDING:
            return self._atom(term, index)
        if _is_pulse(term):
            ends = (term.args[0].args[0].args[1], term.args[0].args[1].args[1])
            return f"pulse(t, {self._list(ends, index)})"
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
            name = "index" if term.op == "index" else str(term.payload)
            return self._at(self.name(name), term, index)
        match term.op:
            case "number":
                text = self.style.name(spell_number(term.payload))
                return f"({text})" if text.startswith("-") else text
            case "size":
                text = str(term.payload)
                return f"({text})" if re.search(r"[-+*/ ]", text) else text
            case "pair_energy":
                return f"energy({self.name(term.payload)})"
            case "time":
                return "t"
            case "axis":
                return self.style.name(term.payload[0])
            case "entry":
                indices = ", ".join(self.style.name(str(item)) for item in term.payload[1])
                return f"{self.spell(term.args[0], index)}[{indices}]"
            case "rotary":
                return f"rotary({term.payload[0]}, heads={term.payload[1]})"
            case "array" | "concat":
                return f"[{self._list(term.args, index)}]"
            case "lookup":
                return f"embed({self.spell(term.args[1], index)})"
            case "linear":
                return self._linear(term, index)
        # What sums over all nodes belongs to none of them.
        index = index if term.type.place.kind == "nodes" else ""
        function = "√" if term.op == "sqrt" and self.style is PRETTY else term.op
        return f"{function}({self._list(term.args, index)})"

    def _at(self, name: str, term: Term, index: str) -> str:
        lives_at_nodes = term.type.place.kind == "nodes"
        if not (index and lives_at_nodes):
            return name
        return self.style.index(name.rstrip("'"), index) + "'" * name.count("'")

    def _linear(self, term: Term, index: str) -> str:
        x, weight = term.args[:2]
        if re.search(r"swiglu(_\d+)?\.down\.weight$", str(weight.payload)):
            gate = x.args[0].args[0]  # down(silu(gate(x)) * up(x))
            return f"swiglu({self.spell(gate.args[0], index)})"
        return f"linear({self.spell(x, index)})"

    def _list(self, terms: tuple[Term, ...], index: str) -> str:
        return ", ".join(self.spell(item, index) for item in terms)


def _is_pulse(term: Term) -> bool:
    """Whether a term is ``(t >= a and t < b) * 1``, which ``pulse(t, a, b)`` stands for."""
    if term.op != "mul" or term.args[0].op != "and" or term.args[0].span is not term.span:
        return False
    return term.args[1].op == "number" and term.args[0].args[0].args[0].op == "time"


_NAMED = frozenset(
    {"parameter", "state", "input", "variable", "output", "placeholder", "let", "edge", "coupling",
     "index", "counter"}
)  # fmt: skip


def spell_number(value: float) -> str:
    """The shortest text of a number; pi and e by name."""
    for name, constant in (("pi", math.pi), ("e", math.e)):
        if value == constant:
            return name
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(value)


def spell_law(model: Model, law: Law) -> str:
    """The law of a state in a few words: ``theta' = omega + pull``."""
    text = spell_term(law.rate)
    if law.noise is not None:
        text += f" + {spell_term(law.noise)}"
    if law.discrete:
        return f"{short(law.state)} <- {text}"
    return f"{short(law.state)}' = {text}"


def spell_laws(
    model: Model, laws: Iterable[Law], style: Style = PLAIN, *, weighted: Collection[str] = ()
) -> tuple[str, ...]:
    """The laws of a place with their sums written out, then what stands deeper inside by name.

    ``weighted``: the couplings whose graph has edge weights of its own.
    """
    laws = tuple(law for law in laws if not law.is_velocity)
    speller = _Speller(style, short_names(model))
    lines = [_equation(speller, model, law, weighted) for law in laws]
    deeper = [
        name
        for law in laws
        for term in summands(law.rate)
        if not _acts(model, term)
        for name in named_couplings(term)
    ]
    for name in dict.fromkeys(deeper):
        lines.append(f"{speller.summed(name)} = {_written_out(speller, model, name, weighted)}")
    met = [law.rate for law in laws]
    sums = [
        model.coupling[name] for name in dict.fromkeys(n for t in met for n in named_couplings(t))
    ]
    met += [part for c in sums for part in (c.strength, c.weight, c.kernel) if part is not None]
    for name, term in definitions(*met).items():
        index = "i" if term.type.place.kind == "nodes" else ""
        left = style.index(speller.name(name), index) if index else speller.name(name)
        lines.append(f"{left} = {speller.spell(term, index)}")
    return tuple(lines)


def _equation(speller: _Speller, model: Model, law: Law, weighted: Collection[str]) -> str:
    terms = tuple(summands(law.rate))
    around = _BINDING["add"] if len(terms) > 1 else 0
    parts = [
        _written_out(speller, model, term.payload, weighted)
        if _acts(model, term)
        else speller.spell(term, "i", around)
        for term in terms
    ]
    if law.noise is not None:
        parts.append(speller.spell(law.noise, "i", _BINDING["add"]))
    text = _added(parts, speller.style) or "0"
    name = speller.name(law.state)
    point = speller.style.index(name.rstrip("'"), "i") + "'" * name.count("'")
    if law.discrete:
        return f"{point} {'←' if speller.style is PRETTY else '<-'} {text}"
    return f"{point}' = {text}"


def _acts(model: Model, term: Term) -> bool:
    """Whether a summand is the sum of a coupling; that of a readout is told by its name."""
    return term.op == "coupling" and model.coupling[term.payload].acts


def _added(parts: list[str], style: Style) -> str:
    """The parts as a sum; one that begins with a minus is taken off."""
    text, minus = "".join(parts[:1]), style.operators["neg"]
    for part in parts[1:]:
        sign = style.operators["sub" if part.startswith(minus) else "add"]
        text += sign + part.removeprefix(minus)
    return text


def summands(term: Term) -> Iterator[Term]:
    """The terms that a sum adds up, zeros left out."""
    if term.op == "add":
        for part in term.args:
            yield from summands(part)
    elif not (term.op == "number" and term.payload == 0):
        yield term


def named_couplings(term: Term) -> tuple[str, ...]:
    """The names of the couplings that stand in a term."""
    found = [term.payload] if term.op == "coupling" else []
    inner = (name for argument in term.args for name in named_couplings(argument))
    return tuple(dict.fromkeys([*found, *inner]))


def _written_out(speller: _Speller, model: Model, name: str, weighted: Collection[str]) -> str:
    return _coupling(speller, model, model.coupling[name], name in weighted)


def spell_coupling(
    model: Model, coupling: Coupling, style: Style = PRETTY, *, weighted: bool = False
) -> str:
    """The sum S_i written out: ``(K/deg_i) Σ_j sin(θ_j - θ_i)``."""
    return _coupling(_Speller(style, short_names(model)), model, coupling, weighted)


def _coupling(speller: _Speller, model: Model, coupling: Coupling, weighted: bool) -> str:
    below = _divisor(speller, model, coupling)
    around = _BINDING["mul"]
    factor = speller.spell(coupling.strength, "i", around) if coupling.strength else ""
    if below:
        factor = f"({factor or '1'}/{below})"
    times = speller.style.operators["mul"]
    kernel = speller.spell(coupling.kernel, "", around)
    weight = _weight(speller, coupling, weighted)
    inside = times.join(part for part in (weight, kernel) if part)
    over = "".join(f"{speller.style.sums.replace('j', c.name)} " for c in coupling.counters)
    return f"{over}{factor}{times if factor else ''}{speller.style.sums} {inside}"


def _divisor(speller: _Speller, model: Model, coupling: Coupling) -> str:
    if coupling.normalize == "degree":
        return speller.style.index("deg", "i")
    if coupling.normalize == "size":
        size = str(model.population[coupling.sender].size)
        return f"({size})" if re.search(r"[-+*/ ]", size) else size
    return ""


def _weight(speller: _Speller, coupling: Coupling, weighted: bool) -> str:
    if coupling.weight is None:
        pair = speller.style.index("w", speller.style.pair)
        return pair if weighted and coupling.edge_weights else ""
    text = speller.spell(coupling.weight, "", 0 if coupling.adaptive else _BINDING["mul"])
    return f"{coupling.adaptive}_j({text})" if coupling.adaptive else text
