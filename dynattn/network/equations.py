"""The laws of a model as equations: sums written out, then what stands deeper inside by name."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from dynattn.model.model import Model
from dynattn.model.parts import Coupling, Law
from dynattn.model.terms import Term
from dynattn.network.spelling import BINDING, Speller, definitions, short, short_names, spell_term
from dynattn.network.styles import PLAIN, PRETTY, Style


def spell_law(model: Model, law: Law) -> str:
    """The law of a state in a few words: ``theta' = omega + pull``."""
    text = spell_term(law.rate)
    if law.noise is not None:
        text += f" + {spell_term(law.noise)}"
    left = short(law.state)
    if model.states[law.state].coupling:
        left = PLAIN.index(left, PLAIN.pair)
    return f"{left} <- {text}" if law.discrete else f"{left}' = {text}"


@dataclass(frozen=True)
class Equation:
    """One line: a left side, what stands between, and the terms that its right side adds up."""

    left: str
    between: str
    terms: tuple[str, ...]
    style: Style

    @property
    def right(self) -> str:
        """The terms as a sum."""
        return _added(self.terms, self.style) or "0"

    def __str__(self) -> str:
        return f"{self.left} {self.between} {self.right}"


def spell_laws(
    model: Model, laws: Iterable[Law], style: Style = PLAIN, *, weighted: Collection[str] = ()
) -> tuple[str, ...]:
    """The lines of :func:`equations` as text."""
    return tuple(str(line) for line in equations(model, laws, style, weighted=weighted))


def equations(
    model: Model, laws: Iterable[Law], style: Style = PLAIN, *, weighted: Collection[str] = ()
) -> tuple[Equation, ...]:
    """The laws of a place with their sums written out, then what stands deeper inside by name.

    ``weighted``: the couplings whose graph has edge weights of its own.
    """
    laws = tuple(law for law in laws if not law.is_velocity)
    speller = Speller(style, short_names(model))
    lines = [_equation(speller, model, law, weighted) for law in laws]
    for name in dict.fromkeys(name for law in laws for name in _deeper(model, law)):
        right = _written_out(speller, model, name, weighted)
        lines.append(Equation(speller.summed(name), "=", (right,), style))
    met = [law.rate for law in laws]
    sums = [
        model.coupling[name] for name in dict.fromkeys(n for t in met for n in named_couplings(t))
    ]
    met += [p for c in sums for p in (c.strength, c.weight, c.kernel, c.delay) if p is not None]
    for name, term in definitions(*met).items():
        index = {"nodes": "i", "edges": style.pair}.get(term.type.place.kind, "")
        right = speller.spell(term, index)
        lines.append(Equation(speller.point(name, index), "=", (right,), style))
    return tuple(lines)


def _equation(speller: Speller, model: Model, law: Law, weighted: Collection[str]) -> Equation:
    factor, rate, noise = _sides(model, law)
    terms = tuple(summands(rate))
    around = BINDING["add"] if len(terms) > 1 else 0
    parts = [
        _written_out(speller, model, term.payload, weighted)
        if _acts(model, term) and term.payload not in _deeper(model, law)
        else speller.spell(term, "i", around)
        for term in terms
    ]
    if noise is not None:
        parts.append(speller.spell(noise, "i", BINDING["add"]))
    index = speller.style.pair if model.states[law.state].coupling else "i"
    left = speller.point(law.state, index, 0 if law.discrete else 1)
    if factor is not None:
        times = speller.style.operators["mul"]
        left = f"{speller.spell(factor, 'i', BINDING['mul'])}{times}{left}"
    between = speller.style.becomes if law.discrete else "="
    return Equation(left, between, tuple(parts), speller.style)


def _sides(model: Model, law: Law) -> tuple[Term | None, Term, Term | None]:
    """Inertia or dissipation, where the rate is divided by it; what is divided; the noise."""
    word = "inertia" if law.state.endswith("'") else "dissipation"
    factor = model.clauses.get(law.state.rstrip("'"), {}).get(word)
    if factor is None or law.rate.op != "div" or law.rate.args[1] is not factor:
        return None, law.rate, law.noise
    return factor, law.rate.args[0], None if law.noise is None else law.noise.args[0]


def _deeper(model: Model, law: Law) -> tuple[str, ...]:
    """The couplings that stand in a law as more than a part of a sum."""
    terms = (term for term in summands(_sides(model, law)[1]) if not _acts(model, term))
    return tuple(name for term in terms for name in named_couplings(term))


def _acts(model: Model, term: Term) -> bool:
    """Whether a summand is the sum of a coupling; that of a readout is told by its name."""
    return term.op == "coupling" and model.coupling[term.payload].acts


def _added(parts: Sequence[str], style: Style) -> str:
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
    elif term.op == "member":
        yield from summands(term.args[0])
    elif term.op == "sub" and _sums_up(term.args[0]):
        yield from summands(term.args[0])
        yield replace(term, op="neg", args=term.args[1:])
    elif not (term.op == "number" and term.payload == 0):
        yield term


def _sums_up(term: Term) -> bool:
    """Whether the sum of a coupling is one of the parts that a term adds up."""
    inner = term.op in ("add", "sub", "member") and any(map(_sums_up, term.args))
    return term.op == "coupling" or inner


def named_couplings(term: Term) -> tuple[str, ...]:
    """The names of the couplings that stand in a term."""
    found = [term.payload] if term.op == "coupling" else []
    inner = (name for argument in term.args for name in named_couplings(argument))
    return tuple(dict.fromkeys([*found, *inner]))


def _written_out(speller: Speller, model: Model, name: str, weighted: Collection[str]) -> str:
    return _coupling(speller, model, model.coupling[name], name in weighted)


def spell_coupling(
    model: Model, coupling: Coupling, style: Style = PRETTY, *, weighted: bool = False
) -> str:
    """The sum S_i written out: ``(K/deg_i) Σ_j sin(θ_j - θ_i)``."""
    return _coupling(Speller(style, short_names(model)), model, coupling, weighted)


def _coupling(speller: Speller, model: Model, coupling: Coupling, weighted: bool) -> str:
    below = _divisor(speller, model, coupling)
    around = BINDING["mul"]
    factor = ""
    if coupling.strength:
        factor = speller.spell(
            coupling.strength, "i", 0 if below and speller.style.fraction else around
        )
    if below:
        factor = speller.style.fraction_part % (factor or "1", below)
    style = speller.style
    kernel = speller.spell(coupling.kernel, "", around)
    weight = _weight(speller, coupling, weighted)
    kernel = speller.bracketed(kernel, kernel.startswith(style.operators["neg"]))
    inside = style.operators["mul"].join(part for part in (weight, kernel) if part)
    over = "".join(f"{style.sums(c.name)} " for c in coupling.counters)
    return f"{over}{factor}{style.operators['mul'] if factor else ''}{style.sums('j')} {inside}"


def _divisor(speller: Speller, model: Model, coupling: Coupling) -> str:
    if coupling.normalize == "degree":
        return speller.point("deg", "i")
    if coupling.normalize == "size":
        size = str(model.population[coupling.sender].size)
        compound = bool(re.search(r"[-+*/ ]", size)) and not speller.style.fraction
        return speller.bracketed(speller.size(size), compound)
    return ""


def _weight(speller: Speller, coupling: Coupling, weighted: bool) -> str:
    if coupling.weight is None:
        pair = speller.style.index("w", speller.style.pair)
        return pair if weighted and coupling.edge_weights else ""
    text = speller.spell(coupling.weight, "", 0 if coupling.adaptive else BINDING["mul"])
    return speller.style.call(f"{coupling.adaptive}_j", [text]) if coupling.adaptive else text
