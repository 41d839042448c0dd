"""The laws of a model in LaTeX: an ``align*`` environment per state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dynattn.model.model import Model
from dynattn.model.parts import Law
from dynattn.network.equations import Equation, equations, spell_coupling, spell_laws
from dynattn.network.guarantee import guarantee
from dynattn.network.spelling import short
from dynattn.network.styles import LATEX, PLAIN

if TYPE_CHECKING:
    from dynattn.network.build import Network

WIDTH = 120
"""From this many characters on a sum is broken, a term a line."""


@dataclass(frozen=True)
class StateLaw:
    """The law of one state, with the sums and definitions that it is the first to use."""

    place: str
    """``model``, or the layer."""
    state: str
    lines: tuple[str, ...]
    latex: str


def state_laws(model: Model, network: Network) -> tuple[StateLaw, ...]:
    """The laws of every place, state by state."""
    return tuple(
        StateLaw(place, law.state.rstrip("'"), tuple(lines), align(rows))
        for place, law, lines, rows in _by_state(model, network)
    )


def _by_state(
    model: Model, network: Network
) -> Iterator[tuple[str, Law, list[str], list[Equation]]]:
    places = [("model", model.laws), *((layer.name, layer.laws) for layer in model.layers)]
    for place, laws in places:
        told: set[str] = set()
        for law in laws:
            if law.is_velocity:
                continue
            found = equations(model, [law], LATEX, weighted=network.weighted)
            plain = spell_laws(model, [law], PLAIN, weighted=network.weighted)
            kept = [k for k, row in enumerate(found) if row.left not in told]
            told |= {row.left for row in found}
            yield place, law, [plain[k] for k in kept], [found[k] for k in kept]


def align(rows: list[Equation]) -> str:
    """Equations aligned at what stands between their sides."""
    lines = " \\\\\n".join("  " + "\n".join(_broken(row)) for row in rows)
    return f"\\begin{{align*}}\n{lines}\n\\end{{align*}}"


def _broken(row: Equation) -> Iterator[str]:
    """The lines of one equation: a long sum has a line for each term."""
    if len(row.right) <= WIDTH or len(row.terms) < 2:
        yield f"{row.left} &{row.between} {row.right}"
        return
    yield f"{row.left} &{row.between} {row.terms[0]}"
    for term in row.terms[1:]:
        sign = "-" if term.startswith("-") else "+"
        yield rf"  \\ &\quad {sign} {term.removeprefix('-')}"


def document(model: Model, network: Network) -> str:
    """All laws, each under a comment that names its state, then the energy where one is certain."""
    texts = []
    for law in state_laws(model, network):
        where = "" if law.place == "model" else f"in layer {law.place}: "
        texts.append(f"% {where}{law.state} on {model.states[law.state].manifold}\n{law.latex}")
    told = "\n".join(texts)
    for coupling in model.couplings:
        if not coupling.acts:
            name = LATEX.index(LATEX.name(short(coupling.name)), "i")
            sum_of = spell_coupling(
                model, coupling, LATEX, weighted=coupling.name in network.weighted
            )
            if f"{name} &=" not in told:
                rows = align([Equation(name, "=", (sum_of,), LATEX)])
                texts.append(f"% readout {coupling.name}\n{rows}")
    found = guarantee(model, network, LATEX)
    if found is not None and found.parts:
        texts.append(f"% energy: {found.verdict}\n{align([_energy(found.parts)])}")
    return "\n\n".join(texts) or f"% {model.name} has no state, and so no law"


def _energy(parts: tuple[str, ...]) -> Equation:
    return Equation("E", "=", parts, LATEX)
