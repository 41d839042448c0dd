"""What moves in a layer: its own populations, couplings, drifts and equations, and the model's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from dynattn.diagnostics.report import Span
from dynattn.model import groups
from dynattn.model.couplings import declare_coupling
from dynattn.model.energies import declare_energies
from dynattn.model.expressions import Context, find
from dynattn.model.laws import (
    declare_equation_of,
    declare_equations,
    declare_velocities,
    laws_of,
)
from dynattn.model.parts import Draw, Law, State
from dynattn.model.populations import declare_drifts, declare_let, declare_population, drift
from dynattn.model.quantities import declare_parameter
from dynattn.model.terms import Term
from dynattn.syntax import tree


@dataclass
class Dynamics:
    """The body of a layer while it is read."""

    context: Context
    acts: bool
    """Whether it acts on the model's populations: a layer without arguments does."""
    drifts: dict[str, Term] = field(default_factory=dict)
    equations: dict[str, tuple[Term, tree.Equation]] = field(default_factory=dict)
    noises: dict[str, Term] = field(default_factory=dict)
    couplings: tuple[str, ...] = ()
    """Its own, readouts too, by full name."""

    def declare(self, declaration: tree.Layer) -> None:
        """Everything in the body but its output; laws come when all names are known."""
        draft, context = self.context.draft, self.context
        before = set(draft.couplings)
        for item in declaration.body:
            self._declare(item)
        for symbol in draft.definitions:
            symbol.value.term()
        populations = [item for item in declaration.body if isinstance(item, tree.Population)]
        for population in populations:
            declare_drifts(context, population)
            declare_energies(context, population)
            declare_equations(context, population)
        self.couplings = tuple(full for full in draft.couplings if full not in before)
        for item in declaration.body:
            if isinstance(item, tree.Equation):
                self._declare_equation(item)
        self._refuse_unnamed()
        self._refuse_noise_twice()

    def _declare(self, item: tree.Item) -> None:
        context = self.context
        match item:
            case tree.Quantities(keyword="param" | "learn" as keyword):
                for entry in item.entries:
                    declare_parameter(context, entry, keyword == "learn")
            case tree.Let():
                owner = f"{context.owner}.{item.name}"
                declare_let(replace(context, owner=owner, names_used=set()), item)
            case tree.Population():
                declare_population(context, item)
                declare_velocities(context, item)
            case tree.Coupling():
                declare_coupling(context, item)
            case tree.Clause(word="drift" | "noise" as word):
                found = drift(context, item, None)
                if found is not None:
                    self._take(word, *found)
            case tree.Output() if self.acts:
                text = "an output of a layer without arguments"
                fix = "give it arguments, or leave the output out"
                context.draft.not_yet(text, item.span, fix)
            case tree.Evolve() | tree.Output() | tree.Equation():
                pass  # in their turn
            case tree.Clause():
                context.draft.not_yet(f"'{item.word}' in a layer", item.span)

    def _take(self, word: str, state: str, term: Term) -> None:
        """The drift or the noise that the layer gives a state."""
        known = self.drifts if word == "drift" else self.noises
        if state in known:
            self._twice(f"the {word} of '{state}'", term.span, known[state].span)
        known.setdefault(state, term)

    def _refuse_noise_twice(self) -> None:
        """Noise of a state whose population says what its noise is."""
        for state, term in self.noises.items():
            other = self.context.draft.parts.get(state, {}).get("noise")
            if other is not None:
                self._twice(f"the noise of '{state}'", term.span, other.span)

    def _twice(self, what: str, span: Span, first: Span) -> None:
        notes = [(first, "first given here")]
        errors = self.context.draft.errors
        errors.add("E402", f"{what} is given twice", span, "keep one of the two", notes)

    def _declare_equation(self, item: tree.Equation) -> None:
        """``h <- tanh(mix)`` for a state of the model."""
        context, draft = self.context, self.context.draft
        symbol = find(context, item.state, item.span)
        state = draft.states.get(symbol.name) if symbol is not None else None
        inside = replace(context, population=state.population) if state else context
        owner = f"{context.owner}.{item.state}"
        inside = replace(inside, owner=owner, names_used=set())
        if symbol is not None:
            declare_equation_of(inside, item, symbol, self._seen(), self.equations)

    def _refuse_unnamed(self) -> None:
        """A coupling of the layer into a state whose own equation cannot name it."""
        draft = self.context.draft
        for name in self.couplings:
            coupling = draft.couplings[name]
            for state in coupling.moves:
                found = draft.equations.get(state)
                if found is None or draft.states[state] in self.own:
                    continue
                bare = state.rsplit(".", 1)[-1]
                draft.errors.add(
                    "E423", f"coupling '{name}' acts on '{bare}', whose equation does not name it",
                    coupling.span, f"write the equation of '{bare}' in the layer",
                    [(found[1].span, "the equation")],
                )  # fmt: skip

    # ── what moves ─────────────────────────────────────────────────────────────────────────────

    def _seen(self) -> list[State]:
        """The states an expression of the layer may be about, without velocities."""
        return [s for s in self.context.draft.states_seen(self.context.layer) if not s.velocity_of]

    @property
    def own(self) -> list[State]:
        """The states of its own populations and of its couplings' edges, velocities too."""
        draft, layer = self.context.draft, self.context.layer
        return [s for s in draft.states_seen(layer) if draft.layer_of(s) == layer]

    def moved(self) -> list[State]:
        """The states that have a law while the layer evolves, without velocities."""
        draft = self.context.draft
        inside = {state for name in self.couplings for state in draft.couplings[name].moves}
        inside |= {*self.drifts, *self.equations, *self.noises}
        others = [c for c in draft.couplings.values() if c.layer is None]
        outer = {state for c in others for state in c.moves}
        outer |= {*draft.drifts, *draft.equations, *draft.parts}
        own = {state.name for state in self.own}
        found = [s for s in self._seen() if s.name in inside | outer]
        return [s for s in found if s.name in inside | own or self.acts]

    def laws(self) -> tuple[Law, ...]:
        """The laws of all of them; diagnostics for own states that nothing moves."""
        draft, moved = self.context.draft, self.moved()
        for state in self.own:
            if state not in moved and not state.velocity_of and state.name not in draft.moved:
                bare = state.name.rsplit(".", 1)[-1]
                text = f"nothing moves the state '{bare}'"
                draft.errors.add("E405", text, state.span, "give it a drift or a coupling")
        for state in moved:
            if not self.acts and state not in self.own:
                text = "a layer with arguments moves its own states, and this is the model's: "
                fix = "move it in a layer without arguments"
                draft.errors.add("E447", f"{text}{state.name}", self._span_of(state), fix)
        return tuple(law for state in moved for law in self.laws_of(state))

    def _span_of(self, state: State) -> Span:
        draft = self.context.draft
        acting = [draft.couplings[n].span for n in self.couplings
                  if state.name in draft.couplings[n].moves]  # fmt: skip
        terms = [d[state.name].span for d in (self.drifts,) if state.name in d]
        items = [self.equations[state.name][1].span] if state.name in self.equations else []
        return (*acting, *terms, *items, state.span)[0]

    def laws_of(self, state: State) -> tuple[Law, ...]:
        """The laws of one state, and of its velocity."""
        own = self.couplings
        return layer_laws(self.context, state, own, self.drifts, self.equations, self.noises)

    def forces(self, state: State) -> list[Term]:
        """What its law adds up: drifts, energies and couplings; an equation's value alone."""
        written = {**self.context.draft.equations, **self.equations}
        if state.name in written:
            return [written[state.name][0]]
        return forces_on(self.context, state, self.couplings, self.drifts)


def starts(states: Sequence[State]) -> Iterator[Term]:
    """What the initial values of states are made from."""
    for state in states:
        yield from state.init.arguments if isinstance(state.init, Draw) else (state.init,)


def layer_laws(
    context: Context, state: State, couplings: Sequence[str], drifts: dict[str, Term],
    equations: dict[str, tuple[Term, tree.Equation]] | None = None,
    noises: dict[str, Term] | None = None,
) -> tuple[Law, ...]:  # fmt: skip
    """The laws of one state, and of its velocity, while a layer evolves.

    Its own and the model's drifts, couplings and equations act.
    """
    forces = forces_on(context, state, couplings, drifts)
    return laws_of(context, state, forces, equations, noises)


def forces_on(
    context: Context, state: State, couplings: Sequence[str], drifts: dict[str, Term]
) -> list[Term]:
    """What moves a state: the model's own, and these of a layer."""
    draft = context.draft
    acting = [
        c for c in draft.couplings.values()
        if state.name in c.moves and (c.layer is None or c.name in couplings)
    ]  # fmt: skip
    forces = [d[state.name] for d in (draft.drifts, drifts) if state.name in d]
    forces += [p["energy"] for p in [draft.parts.get(state.name, {})] if "energy" in p]
    return forces + [groups.sum_at(draft, c, state.population, c.span) for c in acting]
