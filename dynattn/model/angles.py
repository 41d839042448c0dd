"""Angles are no plain numbers: what drives a state does not jump where an angle ends its turn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dynattn.model.composition import AssignStep, CallStep, OutputStep, RepeatStep, Step
from dynattn.model.draft import Draft
from dynattn.model.parts import Coupling
from dynattn.model.terms import Term, walk
from dynattn.model.turns import Fault, Turns
from dynattn.vocabulary.functions import STRUCTURAL
from dynattn.vocabulary.manifolds import MANIFOLDS

RATE = {"drift": "the drift of", "<-": "the new value of", "'": "the rate of"}
"""What a clause is called beside the name of its state."""

LONGEST = 40
"""Characters of the spec that a message repeats."""


@dataclass(frozen=True)
class Use:
    """A term of the model that has to be a plain number, or may be an angle too."""

    what: str
    term: Term
    angle: bool = False


def refuse_jumps(draft: Draft, steps: Sequence[Step]) -> None:
    """E329 for everything that jumps where an angle ends its turn; what is observed is free."""
    variables: dict[str, bool] = {}
    for use in [*_network(draft, steps, variables), *_laws(draft)]:
        _refuse(draft, use, variables)
    _refuse_energies(draft)


# ── what is judged ─────────────────────────────────────────────────────────────────────────────


def _laws(draft: Draft) -> Iterator[Use]:
    for word, state, term in draft.rates:
        bare = state.name.rsplit(".", 1)[-1]
        what = RATE.get(word, f"the {word} of") + f" '{bare}'"
        yield Use(what, term, word == "<-" and MANIFOLDS[state.manifold.name].phase)
    for coupling in draft.couplings.values():
        if coupling.acts:
            yield from _clauses(coupling)


def _clauses(coupling: Coupling) -> Iterator[Use]:
    bare = coupling.name.rsplit(".", 1)[-1]
    words = ("weight", "strength") if coupling.energy is not None else (
        "kernel", "weight", "strength")  # fmt: skip
    for word in words:
        term = getattr(coupling, word)
        if term is not None:
            yield Use(f"the {word} of coupling '{bare}'", term)


def _network(draft: Draft, steps: Sequence[Step], variables: dict[str, bool]) -> Iterator[Use]:
    """The values of a network in their order; which of its variables hold angles."""
    for step in steps:
        match step:
            case AssignStep(name=name, value=value, is_state=False):
                yield Use(f"'{name}'", value, angle=True)
                variables[name] = Turns(draft, variables).of(value).angle
            case AssignStep(name=name, value=value):
                phase = MANIFOLDS[draft.states[name].manifold.name].phase
                yield Use(f"'{name.rsplit('.', 1)[-1]}'", value, phase)
            case OutputStep(name=name, value=value):
                yield Use(f"the output '{name}'", value, angle=True)
            case RepeatStep(steps=inner):
                for _ in range(2):  # what a round leaves is what the next one begins with
                    yield from _network(draft, inner, variables)
            case CallStep():
                yield from _call(draft, step, variables)


def _call(draft: Draft, step: CallStep, variables: dict[str, bool]) -> Iterator[Use]:
    for name, value in step.arguments:
        yield Use(f"this argument of layer '{step.layer}'", value, angle=True)
        angle = Turns(draft, variables).of(value).angle
        variables[name] = variables.get(name, False) or angle
    output = draft.layers[step.layer].output
    if output is not None:
        yield Use(f"the output of layer '{step.layer}'", output, angle=True)
        variables[step.target] = Turns(draft, variables).of(output).angle


# ── what is told ───────────────────────────────────────────────────────────────────────────────


def _refuse(draft: Draft, use: Use, variables: dict[str, bool]) -> None:
    turns = Turns(draft, variables)
    kind = turns.of(use.term)
    wrong = kind.angle and not use.angle
    if (kind.faults or wrong) and turns.jumps(use.term, use.angle):
        for fault in _guilty(turns, use.term):
            _tell(turns, use, fault)
        if wrong:
            _tell_angle(turns, use)
    for name, span in turns.whole.items():
        draft.whole.setdefault(name, span)


def _refuse_energies(draft: Draft) -> None:
    """Of energies the forces count: that of a tilted potential does not jump."""
    turns = Turns(draft, {})
    for population, energy in draft.energies:
        states = [s.name for s in draft.states.values() if s.population == population]
        parts = [draft.parts.get(name, {}) for name in states]
        if any("energy" in part and _has_jump(turns, part["energy"]) for part in parts):
            for fault in _guilty(turns, energy, of_energy=True):
                _tell(turns, Use("the force of this energy", energy), fault)
    for coupling in draft.couplings.values():
        if coupling.energy is not None and _has_jump(turns, coupling.kernel):
            for fault in _guilty(turns, coupling.energy, of_energy=True):
                _tell(
                    turns, Use(f"the force of coupling '{coupling.name}'", coupling.energy), fault
                )


def _has_jump(turns: Turns, term: Term) -> bool:
    kind = turns.of(term)
    return bool(kind.angle or kind.faults) and turns.jumps(term, angle=False)


def _guilty(turns: Turns, term: Term, of_energy: bool = False) -> tuple[Fault, ...]:
    """The faults of those summands that jump: of two in one sum only one may."""
    parts = [part for part in _summands(turns, term) if turns.jumps(part, angle=True)]
    parts = [part for part in parts if not (of_energy and _is_tilt(turns, part))]
    return tuple(fault for part in parts for fault in turns.of(part).faults)


def _summands(turns: Turns, term: Term) -> Iterator[Term]:
    if term.op in ("add", "sub", "neg", "let"):
        for part in term.args:
            yield from _summands(turns, part)
    elif turns.of(term).faults:
        yield term


def _is_tilt(turns: Turns, term: Term) -> bool:
    """Whether a potential is an angle times what stays as it is: its force is no angle."""
    while not turns.of(term).angle:
        if term.op not in ("mul", "div", "neg", "let"):
            return False
        moving = [part for part in term.args if any(item.op == "state" for item in walk(part))]
        if len(moving) != 1 or (term.op == "div" and moving[0] is term.args[1]):
            return False
        term = moving[0]
    return True


def _tell(turns: Turns, use: Use, fault: Fault) -> None:
    """A function that takes an angle for a number."""
    what = use.what
    if fault.term is fault.argument:
        name = _spelled(fault.term)
        text = f"{what} reads the sum of {name}, which jumps by 2 pi where the angle ends its turn"
        fix = f"let the readout sum {_with_sine(turns, fault.term)}, or cis of it"
    else:
        angle = _spelled(fault.argument)
        text = f"{what} jumps: after a whole turn {angle} is the same angle, and "
        text += f"{_spelled(fault.term, 'this')} another number"
        fix = _mended(turns, fault, use.angle)
    turns.draft.errors.add("E329", text, fault.term.span, fix)


def _tell_angle(turns: Turns, use: Use) -> None:
    """An angle where a number is needed."""
    core = _core(turns, use.term)
    text = f"{use.what} is an angle, and jumps by 2 pi where {_spelled(core)} ends its turn"
    turns.draft.errors.add("E329", text, use.term.span, f"write {_with_sine(turns, use.term)}")


def _mended(turns: Turns, fault: Fault, angle_wanted: bool) -> str:
    """What to write in place of a fault."""
    term, angle = fault.term, _spelled(fault.argument, "x")
    if (fault.inside or angle_wanted) and term.op in ("mul", "div"):
        twice = f"2*{angle}" if angle.isidentifier() else f"2*({angle})"
        twice = f"{fault.inside}({twice})" if fault.inside else twice
        return f"multiply angles by whole numbers alone, such as {twice}"
    if term.op in ("lt", "le", "gt", "ge", "eq", "ne"):
        return f"compare its sine or cosine, such as cos({angle}) > 0"
    if term.op == "abs" or (term.op == "pow" and term.args[1].payload == 2):
        parts = fault.argument.args if fault.argument.op == "sub" else (fault.argument,)
        ends = ", ".join([_spelled(part, "x") for part in parts] + ["0"] * (len(parts) == 1))
        square = f"2 - 2*cos({angle}), or distance({ends})^2"
        what = f"distance({ends})" if term.op == "abs" else square
        return f"write {what}, which is the same near 0"
    known = STRUCTURAL.get(term.op)
    if known is not None and known.kind != "nodes":
        return f"give it sines and cosines: [cos({angle}), sin({angle})]"
    return f"write {_with_sine(turns, term)}, or cos in place of sin"


def _with_sine(turns: Turns, term: Term) -> str:
    """The text of a term with the sine of the angle in it in the angle's place."""
    core = _core(turns, term)
    text, place, inner = _spelled(term, ""), term.span, core.span
    angle = _spelled(core, "x")
    inside = place.source is inner.source and place.line == inner.line and text
    start = inner.column - place.column
    if not inside or start < 0 or text[start : start + len(angle)] != angle:
        return f"sin({angle}) in place of {angle}"
    before, after = text[:start], text[start + len(angle) :]
    closed = before.endswith("(") and after.startswith(")")
    return f"{before[:-1]}{_call_of(before, angle)}{after[1:]}" if closed else (
        f"{before}sin({angle}){after}")  # fmt: skip


def _call_of(before: str, angle: str) -> str:
    named = len(before) > 1 and (before[-2].isalnum() or before[-2] == "_")
    return f"(sin({angle}))" if named else f"sin({angle})"


def _core(turns: Turns, term: Term) -> Term:
    """The angle that a term is made of: a difference of two with what is added to it, or one."""
    angles = [part for part in term.args if turns.of(part).angle]
    if (
        len(angles) != 1
        or term.op in ("let", "receiver", "sender", "entry")
        or turns.is_phase(term)
    ):
        return term
    core = _core(turns, angles[0])
    return term if term.op in ("add", "sub") and core.op in ("add", "sub") else core


def _spelled(term: Term, otherwise: str = "the angle") -> str:
    """The words of the spec for a term."""
    if term.op == "let":
        return str(term.payload)
    end = {"receiver": "[i]", "sender": "[j]"}.get(term.op, "")
    if end and not term.span.text.endswith("]"):
        return f"{_spelled(term.args[0], otherwise)}{end}"
    short = term.span.line == term.span.end_line and len(term.span.text) <= LONGEST
    return term.span.text if short else otherwise
