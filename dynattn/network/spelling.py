"""Terms back into mathematics, in one of the styles of ``network.styles``."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from dynattn.model.differentiate import is_number
from dynattn.model.model import Model
from dynattn.model.terms import Term
from dynattn.network.spelling_functions import FUNCTIONS
from dynattn.network.styles import PLAIN, Style

BINDING = {
    "or": 1, "and": 2, "not": 3, "lt": 4, "le": 4, "gt": 4, "ge": 4, "eq": 4, "ne": 4,
    "add": 5, "sub": 5, "mul": 6, "div": 6, "matmul": 6, "neg": 7, "pow": 8,
}  # fmt: skip
"""How tightly an operator binds: what binds less than its surroundings stands in parentheses."""
_END = {"receiver": "i", "sender": "j"}


def short(name: str) -> str:
    """The name as the spec wrote it: ``attend.eta`` is ``eta``."""
    return name.rsplit(".", 1)[-1]


def short_names(model: Model) -> dict[str, str]:
    """Names of parameters and states without their place, where no two would become the same."""
    full = [*model.parameter, *model.states]
    count = Counter(short(name) for name in full if not name.endswith("'"))
    return {name: short(name) if count[short(name).rstrip("'")] == 1 else name for name in full}


def spell_term(
    term: Term, style: Style = PLAIN, *, index: str = "", names: Mapping[str, str] | None = None
) -> str:
    """The term as mathematics; definitions by their names.

    ``index``: what quantities of nodes carry outside a coupling's ends, such as ``i``. ``names``:
    what quantities are called, such as :func:`short_names`; what the spec wrote unless given.
    """
    return Speller(style, names or {}).spell(term, index)


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
class Speller:
    """Spells terms in one style, with these names for quantities."""

    style: Style
    names: Mapping[str, str] = field(default_factory=dict)

    def name(self, name: str) -> str:
        """A quantity's name in this style."""
        return self.point(name, "")

    def point(self, name: str, index: str, order: int = 0) -> str:
        """A quantity at node i, ``order`` more times derived than its name says."""
        return self.style.rate(self._base(name), index, name.count("'") + order)

    def _base(self, name: str) -> str:
        return self.style.name(self.names.get(name, short(name)).rstrip("'"))

    def size(self, text: str) -> str:
        """The formula of a size."""
        named = re.sub(r"[A-Za-z_]\w*", lambda found: self.style.name(found[0]), text)
        return named.replace("*", self.style.operators["mul"]) if self.style.fraction else named

    def bracketed(self, text: str, needed: bool = True) -> str:
        """The text, in parentheses where they are needed."""
        return self.style.brackets(text) if needed else text

    def summed(self, name: str) -> str:
        """The name of a coupling's sum at node i."""
        return self.style.index(self.name(name), "i")

    def spell(self, term: Term, index: str, around: int = 0) -> str:
        """The term, in parentheses where it binds less than what is ``around`` it."""
        if term.op in ("receiver", "sender"):
            end = _END[term.op] + (f"+{term.payload}" if term.payload else "")
            return self.spell(term.args[0], end, around)
        if term.op in ("split", "merge", "spread", "column", "member", "aligned"):
            return self.spell(term.args[-1], index, around)
        if term.op not in BINDING:
            return self._atom(term, index)
        if (listed := _of_each_node(term)) is not None:
            return self.style.call("concat", self._each(listed, index))
        if _is_pulse(term):
            ends = (term.args[0].args[0].args[1], term.args[0].args[1].args[1])
            return self.style.call("pulse", ["t", *self._each(ends, index)])
        if _is_length_above_0(term):
            return self.spell(term.args[0], index, around)
        if term.op == "div" and self.style.fraction:
            text = self.style.fraction % tuple(self._each(term.args, index))
            return self.bracketed(text, around > BINDING["neg"])
        if term.op == "neg" and term.args[0].op in ("mul", "div"):
            text = self.style.operators["neg"] + self.spell(term.args[0], index, BINDING["mul"])
            return self.bracketed(text, around > BINDING["mul"])
        binding = BINDING[term.op]
        return self.bracketed(self._operation(term, index, binding), binding < around)

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
        if term.op == "pow":
            exponent = self.spell(right, index, 0 if self.style.fraction else tighter[1])
            return self.style.power % (self.spell(left, index, tighter[0]), exponent)
        after = self.spell(right, index, tighter[1])
        if term.op == "mul" and self.style.dot and after[0].isdigit():
            sign = self.style.dot
        return self.spell(left, index, tighter[0]) + sign + after

    def _atom(self, term: Term, index: str) -> str:
        if term.op == "delayed" or (term.op == "joined" and term.args[0].op == "delayed"):
            return self._delayed(term, index)
        if term.op in _NAMED:
            return self._named(term, index)
        if term.op in FUNCTIONS:
            return FUNCTIONS[term.op](self, term, index)
        match term.op:
            case "number":
                text = self.style.name(spell_number(term.payload))
                return self.bracketed(text, text.startswith("-"))
            case "size":
                text = self.size(str(term.payload))
                return self.bracketed(text, bool(re.search(r"[-+*/ ,]", text)))
            case "start":
                return self.style.call(self.name(term.payload), ["0"])
            case "pair_energy":
                return self.style.call("energy", [self.name(term.payload)])
            case "time":
                return "t"
            case "axis":
                return self.style.name(term.payload[0])
            case "entry":
                indices = [self.style.name(str(item)) for item in term.payload[1]]
                return self.style.entry(self.spell(term.args[0], index), indices)
            case "rotary":
                size, heads = (self.size(str(item)) for item in term.payload)
                return self.style.call("rotary", [size, f"{self.style.name('heads')}={heads}"])
            case "array" | "concat":
                return self.style.call("concat", self._each(term.args, index))
            case "lookup":
                return self.style.call("embed", [self.spell(term.args[1], index)])
            case "linear":
                return self._linear(term, index)
        # What sums over all nodes belongs to none of them.
        index = index if term.type.place.kind == "nodes" else ""
        return self.style.call(term.op, self._each(term.args, index))

    def _named(self, term: Term, index: str) -> str:
        at_nodes = term.type.place.kind == "nodes"
        if term.op == "index":
            implicit = self.style.implicit and index
            return index if implicit else self.point("index", index if at_nodes else "")
        if term.type.place.kind == "edges" and term.op in _OF_EDGES:
            return self.point(str(term.payload), self.style.pair)
        return self.point(str(term.payload), index if at_nodes else "")

    def _delayed(self, term: Term, index: str) -> str:
        """``theta[j](t - tau)``; in a mean over the nodes ``theta(t - tau)``."""
        index = "j" if term.type.place.kind == "edges" else index
        group = term.op == "joined"
        name = self.name(term.payload if group else term.payload[0])
        delay = term.args[0].args[0] if group else term.args[0]
        point = self.style.index(name.rstrip("'"), index) + "'" * name.count("'") if index else name
        late = self.spell(delay, "", BINDING["sub"] + 1)
        return f"{point}(t{self.style.operators['sub']}{late})"

    def _linear(self, term: Term, index: str) -> str:
        x, weight = term.args[:2]
        if re.search(r"swiglu(_\d+)?\.down\.weight$", str(weight.payload)):
            gate = x.args[0].args[0]  # down(silu(gate(x)) * up(x))
            return self.style.call("swiglu", [self.spell(gate.args[0], index)])
        if re.search(r"mlp(_\d+)?\.down\.weight$", str(weight.payload)):
            inside = x.args[0] if x.op == "dropout" else x
            up = inside.args[0]  # down(gelu(up(x)))
            return self.style.call("mlp", [self.spell(up.args[0], index)])
        return self.style.call("linear", [self.spell(x, index), *self._reading(weight)])

    def _reading(self, weight: Term) -> list[str]:
        """``noise=0.05``, ``bits=6``: how the weights of a linear map are read."""
        if weight.op == "disturbed":
            noise = f"{self.style.name('noise')}={weight.payload[0]:g}"
            return [noise, *self._reading(weight.args[0])]
        found = weight.op == "rounded"
        return [f"{self.style.name('bits')}={weight.payload}"] if found else []

    def _each(self, terms: tuple[Term, ...], index: str) -> list[str]:
        return [self.spell(item, index) for item in terms]


def _is_length_above_0(term: Term) -> bool:
    """Whether this is a length, and 1 in place of 0: what the slope of a length is divided by."""
    if term.op != "add" or term.args[0].op != "norm" or term.args[1].op != "eq":
        return False
    return term.args[1].args[0] is term.args[0] and is_number(term.args[1].args[1], 0)


def _is_pulse(term: Term) -> bool:
    """Whether a term is ``(t >= a and t < b) * 1``, which ``pulse(t, a, b)`` stands for."""
    if term.op != "mul" or term.args[0].op != "and" or term.args[0].span is not term.span:
        return False
    return term.args[1].op == "number" and term.args[0].args[0].args[0].op == "time"


def _of_each_node(term: Term) -> tuple[Term, ...] | None:
    """What was written out for each node, ``(index == 0) * a + (index == 1) * b``, as a list."""
    if term.op == "add" and term.args[0].span is term.span is term.args[1].span:
        left, right = _of_each_node(term.args[0]), _of_each_node(term.args[1])
        return None if left is None or right is None else left + right
    if term.op != "mul" or term.args[0].op != "eq" or term.args[0].span is not term.span:
        return None
    return term.args[1:] if term.args[0].args[0].op == "index" else None


_NAMED = frozenset(
    {"parameter", "state", "input", "variable", "output", "placeholder", "let", "edge", "coupling",
     "index", "counter", "node", "joined"}
)  # fmt: skip


def spell_number(value: complex) -> str:
    """The shortest text of a number; pi and e by name, 2i as it is written."""
    if isinstance(value, complex):
        return f"{spell_number(value.imag)}i"
    for name, constant in (("pi", math.pi), ("e", math.e)):
        if value == constant:
            return name
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(value)


_OF_EDGES = frozenset({"parameter", "state", "let", "edge", "placeholder"})
"""What an edge may have itself, and is written with its two nodes."""
