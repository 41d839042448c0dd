"""What the energy of a model does along its trajectories, and which parts leave nothing certain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from dynattn.model.differentiate import NoDerivative
from dynattn.model.draft import Draft
from dynattn.model.energies import is_symmetric, states_in
from dynattn.model.model import Model
from dynattn.model.parts import Coupling
from dynattn.model.structure import has_straight_balance, is_zero
from dynattn.model.terms import GLOBAL, Term, Type, walk
from dynattn.network.build import Network
from dynattn.network.connections import Connections
from dynattn.network.equations import spell_coupling
from dynattn.network.spelling import short, short_names, spell_term
from dynattn.network.structure import used_attributes
from dynattn.network.styles import PLAIN, Style
from dynattn.network.symmetry import asymmetry
from dynattn.vocabulary.manifolds import MANIFOLDS


@dataclass(frozen=True)
class Guarantee:
    """What is certain about the energy."""

    verdict: str
    """``falls``, ``conserved``, or '' where nothing is certain."""
    parts: tuple[str, ...]
    """What the energy adds up, as mathematics; empty where nothing is certain."""
    broken_by: tuple[str, ...]
    """The parts of the spec that leave nothing certain, and why."""
    provided: tuple[str, ...] = ()
    """What must hold besides."""
    attractions: tuple[str, ...] = ()
    """Couplings counted by the potential of their attraction, which total_energy() leaves out."""
    methods: tuple[str, ...] = ()
    """Those with which the verdict holds for the steps too."""

    @property
    def advice(self) -> str:
        """Which method to take, in a sentence; '' where none is better than others."""
        if self.verdict == "falls":
            return "with method avf it falls at every step, however long" if self.methods else ""
        known = {
            "leapfrog": "with method leapfrog it stays near its value over any time",
            "avf": "with avf it stays to rounding",
        }
        return ", ".join(known[name] for name in self.methods if name in known)

    @property
    def text(self) -> str:
        """The verdict in a sentence."""
        if not self.verdict:
            return "nothing is guaranteed"
        says = {"falls": "never rises along a trajectory", "conserved": "is conserved"}
        return says[self.verdict] + "".join(f", while {item}" for item in self.provided)


def guarantee(model: Model, network: Network, style: Style = PLAIN) -> Guarantee | None:
    """What the energy of the model's own laws does; None where every law stands in a layer."""
    if not model.laws:
        return None
    broken = tuple(
        dict.fromkeys([*_broken_by_states(model), *_broken_by_couplings(model, network)])
    )
    if broken:
        return Guarantee("", (), broken)
    lossless = all(_is_lossless(model, state) for state in model.clauses)
    provided = tuple(_conditions(model, style))
    verdict, parts = "conserved" if lossless else "falls", tuple(_parts(model, network, style))
    attractions = tuple(c.name for c in _counted(model) if c.energy is None)
    keeping = ("leapfrog", "blanes_moan4") if lossless else ()
    methods = (*keeping, "avf") if has_straight_balance(model) else keeping
    return Guarantee(verdict, parts, (), provided, attractions, methods)


# ── what breaks it ─────────────────────────────────────────────────────────────────────────────


def _broken_by_states(model: Model) -> Iterator[str]:
    for law in model.laws:
        state = model.states.get(law.state)
        name = law.state if state is None or state.velocity_of is None else state.velocity_of
        if name not in model.clauses:
            yield f"the state {name} is part of no energy"
            continue
        clauses = model.clauses[name]
        for word in ("drift", "noise"):
            if word in clauses and not is_zero(clauses[word]):
                yield f"{word} of {name}: {_why(word)}"
        if "equation" in clauses:
            yield f"the equation of {name}: a law of its own"
        if "dissipation" in clauses and clauses["dissipation"].type.dtype == "complex":
            yield f"dissipation of {name}: a complex number"
        mass = clauses.get("inertia")
        if mass is not None and not _is_constant(mass):
            yield f"inertia of {name}: it changes"
    for population, energy in model.energies:
        if _changes_with_time(energy):
            yield f"energy of {population}: it depends on time"
        if _reads_sums(energy):
            yield f"energy of {population}: it reads a sum over other nodes"


def _why(word: str) -> str:
    return {"drift": "a force without a potential", "noise": "it feeds energy in"}[word]


def _broken_by_couplings(model: Model, network: Network) -> Iterator[str]:
    for coupling in model.couplings:
        laws = [model.clauses[name] for name in coupling.moves if name in model.clauses]
        if coupling.layer is None and any("equation" not in clauses for clauses in laws):
            for reason in _reasons(model, network, coupling):
                yield f"{coupling.name}: {reason}"


def _reasons(model: Model, network: Network, coupling: Coupling) -> Iterator[str]:
    edges = network.connections[coupling.name]
    if coupling.delay is not None:
        yield "its delay"
    if coupling.frustration is not None:
        yield "its frustration"
    elif coupling.delay is None and potential(model, coupling) is None:
        yield "its kernel, of which no pair potential is known"
    if coupling.sender != coupling.receiver:
        yield f"it acts on {coupling.receiver}, not back on {coupling.sender}"
    else:
        problem = asymmetry(_as_used(coupling, edges))
        if problem:
            yield problem
    if coupling.adaptive or not _is_even(model, coupling.weight):
        yield "its weights are not those of pairs"
    strength = coupling.strength
    if strength is not None and (strength.type.place != GLOBAL or states_in(strength)):
        yield "its strength is not the same for all nodes"
    if coupling.normalize == "degree" and len(set(edges.degree().tolist())) > 1:
        yield "normalize degree, with nodes of different degree"
    factors = [part for part in (coupling.kernel, coupling.weight, strength) if part is not None]
    if any(part.type.dtype == "complex" for part in factors if part is not coupling.kernel):
        yield "its weights or strength are complex"
    if any(map(_changes_with_time, factors)):
        yield "it depends on time"
    if any(map(_reads_sums, factors)):
        yield "it reads a sum over other nodes"


def _as_used(coupling: Coupling, edges: Connections) -> Connections:
    """The edges with those of their attributes that the coupling reads."""
    used = used_attributes(coupling)
    return replace(edges, listed={n: values for n, values in edges.listed.items() if n in used})


def _is_even(model: Model, weight: Term | None) -> bool:
    """Whether a weight is a number of the pair, the same for both of its nodes."""
    if weight is None:
        return True
    if any(item.op == "parameter" and item.type.place.kind == "edges" for item in walk(weight)):
        return False  # one number per directed edge
    sizes = Draft({}, dims={dim.name: dim for dim in model.dims}, values=dict(model.sizes))
    try:
        return not states_in(weight) and is_symmetric(sizes, weight)
    except NoDerivative:
        return False


def _changes_with_time(term: Term) -> bool:
    return any(item.op in ("time", "input") for item in walk(term))


def _reads_sums(term: Term) -> bool:
    return any(item.op == "coupling" for item in walk(term))


def _is_constant(term: Term) -> bool:
    return not (_changes_with_time(term) or _reads_sums(term) or states_in(term))


# ── what holds ─────────────────────────────────────────────────────────────────────────────────


def _is_lossless(model: Model, state: str) -> bool:
    clauses = model.clauses[state]
    return "inertia" in clauses and "dissipation" in clauses and is_zero(clauses["dissipation"])


def _conditions(model: Model, style: Style) -> Iterator[str]:
    """Dissipations whose sign the spec leaves open."""
    for state, clauses in model.clauses.items():
        term = clauses.get("dissipation")
        if term is None or (term.op == "number" and term.payload >= 0):
            continue
        limits = model.parameter[term.payload].limits if term.op == "parameter" else None
        if limits is None or limits[0] < 0:
            text = spell_term(term, style, index="i", names=short_names(model))
            least = "is above 0" if "inertia" not in clauses else "is not negative"
            yield f"the dissipation {text} of {state} {least}"


def _parts(model: Model, network: Network, style: Style) -> Iterator[str]:
    """Kinetic energies, own potentials, and the potential of every pair once."""
    names = short_names(model)
    half = style.fraction % ("1", "2") if style.fraction else "1/2"
    times = style.operators["mul"]
    over = style.sums("i")
    for state, clauses in model.clauses.items():
        if "inertia" in clauses:
            mass = spell_term(clauses["inertia"], style, index="i", names=names)
            point = style.rate(style.name(names.get(state, state)), "i", 1)
            square = style.power % (style.brackets(point), "2")
            factor = "" if mass == "1" else f"{style.brackets(mass)}{times}"
            yield f"{half} {over} {factor}{square}"
    for _, energy in model.energies:
        text = spell_term(energy, style, index="i", names=names)
        yield f"{over} {style.brackets(text)}"
    for coupling in _counted(model):
        shown = replace(coupling, kernel=potential(model, coupling))
        weighted = coupling.name in network.weighted
        yield f"{half} {over} {spell_coupling(model, shown, style, weighted=weighted)}"


def _counted(model: Model) -> Iterator[Coupling]:
    """The couplings of which a potential is known."""
    for coupling in model.couplings:
        if coupling.layer is None and coupling.acts and potential(model, coupling) is not None:
            yield coupling


# ── pair potentials ────────────────────────────────────────────────────────────────────────────


def potential(model: Model, coupling: Coupling) -> Term | None:
    """The potential that a kernel is minus the gradient of: as declared, or the attraction's own.

    With counters it is that of each of their values.
    """
    if coupling.energy is not None:
        return coupling.energy
    state = model.states[coupling.moves[0]]
    name, manifold = short(coupling.state), MANIFOLDS[state.manifold.name]
    if manifold.kernel is None or any(part.successor for part in coupling.parts):
        return None
    own = manifold.kernel.replace("x[", f"{name}[")
    several = [own.replace("(", f"({c.name} * (", 1) + ")" for c in coupling.counters]
    if spell_term(coupling.kernel) not in (several if manifold.phase and several else [own]):
        return None
    return _integrated(coupling.kernel, state.axes != (), manifold.phase)


def _integrated(kernel: Term, several: bool, phase: bool) -> Term | None:
    """The potential of an attraction: of phases, of vectors, of numbers."""

    def made(op: str, *args: Term) -> Term:
        return Term(op, args, Type(kernel.type.place), kernel.span)

    if several:
        return None
    if phase:
        angle = kernel.args[0]
        found = made("neg", made("cos", angle))
        found = made("sum", found) if kernel.type.shape else found
        return made("div", found, angle.args[0]) if angle.op == "mul" else found
    two = Term("number", (), Type(), kernel.span, 2)
    if kernel.op == "sub":
        size = "norm" if kernel.type.shape else "abs"
        real = kernel.type.dtype != "complex" and not kernel.type.shape
        length = kernel if real else made(size, kernel)
        return made("div", made("pow", length, two), two)
    if kernel.op == "sender":
        receiver = replace(kernel, op="receiver", payload=None)
        return made("neg", made("dot", receiver, kernel))
    return None
