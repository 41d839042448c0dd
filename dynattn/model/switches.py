"""Switches thrown: what a parameter ``in 0 .. 1`` multiplies by 0 is no part of the model.

``content * a + (1 - content) * b`` with content = 1 is ``a``: b is never computed, and learned
parameters that only b reads do not exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from dynattn.model.composition import AssignStep, CallStep, OutputStep, RepeatStep, Step
from dynattn.model.model import Model
from dynattn.model.parts import Coupling, Law
from dynattn.model.plans import Continuation, Measurement, Placement, Record, Search, Simulation
from dynattn.model.terms import Term, walk


def throw_switches(model: Model) -> Model:
    """The model with its switches resolved, and without learned parameters that nothing reads."""
    if not model.switches:
        return model
    resolver = Resolver(model.switches)
    term = resolver.term
    training = model.training
    if training is not None:
        records = tuple(_record(r, resolver) for r in training.records)
        training = replace(training, loss=term(training.loss), records=records)
    changed = replace(
        model,
        laws=tuple(_law(law, resolver) for law in model.laws),
        layers=tuple(
            replace(
                item,
                laws=tuple(_law(law, resolver) for law in item.laws),
                output=resolver.term(item.output) if item.output else None,
            )
            for item in model.layers
        ),
        couplings=tuple(_coupling(item, resolver) for item in model.couplings),
        network=_steps(model.network, resolver),
        observables=tuple(replace(o, value=term(o.value)) for o in model.observables),
        simulations=tuple(_simulation(s, resolver) for s in model.simulations),
        continuations=tuple(_recording(c, resolver) for c in model.continuations),
        searches=tuple(_recording(s, resolver) for s in model.searches),
        placements=tuple(_recording(p, resolver) for p in model.placements),
        measurements=tuple(_recording(m, resolver) for m in model.measurements),
        training=training,
        clauses={
            state: {word: resolver.shown(item) for word, item in found.items()}
            for state, found in model.clauses.items()
        },
        energies=tuple((name, resolver.shown(item)) for name, item in model.energies),
        jumps=tuple(map(term, model.jumps)),
    )
    kept = tuple(p for p in model.parameters if not p.learned or p.name in resolver.read)
    return replace(changed, parameters=kept)


class Resolver:
    """Rewrites terms, each once, and remembers the parameters that stay."""

    def __init__(self, switches: Mapping[str, int]):
        self.switches = switches
        self.done: dict[int, Term] = {}
        self.originals: list[Term] = []

    @property
    def read(self) -> set[str]:
        """Parameters that the rewritten terms read."""
        return {term.payload for term in walk(*self.roots) if term.op == "parameter"}

    @property
    def roots(self) -> list[Term]:
        """The terms asked for from outside."""
        return [self.done[id(item)] for item in self.originals]

    def term(self, term: Term) -> Term:
        """The term with its switches resolved."""
        self.originals.append(term)
        return self._rewritten(term)

    def shown(self, term: Term) -> Term:
        """The same of a term that is told about and computes nothing; 0 where that is left."""
        if self._value(term) == 0:
            return Term("number", (), term.type, term.span, 0)
        return self._rewritten(term)

    def _rewritten(self, term: Term) -> Term:
        if id(term) not in self.done:
            self.done[id(term)] = self._fresh(term)
        return self.done[id(term)]

    def _fresh(self, term: Term) -> Term:
        args = tuple(self._rewritten(arg) for arg in term.args)
        same = all(a is b for a, b in zip(args, term.args, strict=True))
        term = term if same else replace(term, args=args)
        kept = self._kept_operand(term)
        return term if kept is None else as_wide_as(kept, term)

    def _kept_operand(self, term: Term) -> Term | None:
        """The operand that alone is left of a sum with 0 or a product with 1."""
        if term.op not in ("add", "sub", "mul"):
            return None
        a, b = term.args
        neutral = 1 if term.op == "mul" else 0
        if self._value(b) == neutral:
            return a
        if term.op != "sub" and self._value(a) == neutral:
            return b
        return None

    def _value(self, term: Term) -> complex | None:
        """The value of a term that switches decide; None for any other."""
        if term.op == "number":
            return term.payload
        if term.op == "parameter":
            return self.switches.get(term.payload)
        values = [self._value(arg) for arg in term.args]
        if term.op == "mul" and 0 in values:
            return 0
        if len(values) != 2 or None in values:
            return None
        a, b = values[0] or 0, values[1] or 0
        return {"add": a + b, "sub": a - b, "mul": a * b}.get(term.op)


def as_wide_as(kept: Term, term: Term) -> Term:
    """The kept operand in the place and shape of the whole expression."""
    if (kept.type.place, kept.type.shape) == (term.type.place, term.type.shape):
        return kept
    return Term("spread", (kept,), term.type, term.span)


def _law(law: Law, resolver: Resolver) -> Law:
    return replace(
        law,
        rate=resolver.term(law.rate),
        retraction=resolver.term(law.retraction),
        noise=resolver.term(law.noise) if law.noise else None,
    )


def _coupling(coupling: Coupling, resolver: Resolver) -> Coupling:
    return replace(
        coupling,
        kernel=resolver.term(coupling.kernel),
        weight=resolver.term(coupling.weight) if coupling.weight else None,
        strength=resolver.term(coupling.strength) if coupling.strength else None,
        parts=tuple(
            replace(
                part,
                kernel=resolver.term(part.kernel),
                strength=resolver.term(part.strength) if part.strength else None,
            )
            for part in coupling.parts
        ),
        frustration=resolver.shown(coupling.frustration) if coupling.frustration else None,
        energy=resolver.term(coupling.energy) if coupling.energy else None,
        delay=resolver.term(coupling.delay) if coupling.delay else None,
    )


def _record(record: Record, resolver: Resolver) -> Record:
    return replace(record, value=resolver.term(record.value))


def _simulation(simulation: Simulation, resolver: Resolver) -> Simulation:
    records = tuple(_record(r, resolver) for r in simulation.records)
    until = simulation.until
    if until is not None and until.condition is not None:
        until = replace(until, condition=resolver.term(until.condition))
    return replace(simulation, records=records, until=until)


Plan = TypeVar("Plan", Continuation, Search, Placement, Measurement)


def _recording(plan: Plan, resolver: Resolver) -> Plan:
    records = tuple(_record(r, resolver) for r in plan.records)
    return replace(plan, records=records)


def _steps(steps: tuple[Step, ...], resolver: Resolver) -> tuple[Step, ...]:
    found: list[Step] = []
    for step in steps:
        match step:
            case AssignStep() | OutputStep():
                found.append(replace(step, value=resolver.term(step.value)))
            case CallStep(arguments=arguments):
                terms = tuple((name, resolver.term(value)) for name, value in arguments)
                found.append(replace(step, arguments=terms))
            case RepeatStep():
                found.append(replace(step, steps=_steps(step.steps, resolver)))
            case _:
                found.append(step)
    return tuple(found)
