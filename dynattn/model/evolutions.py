"""``evolve { ... }``: so many steps, a stretch of time, or until the layer is at rest."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from dynattn.diagnostics import habits
from dynattn.diagnostics.suggest import did_you_mean
from dynattn.model import constants, noises
from dynattn.model.clauses import by_word, only_value, positive
from dynattn.model.composition import Adaptive, Evolution, Rest, Settling
from dynattn.model.draft import Draft, head
from dynattn.model.geodesics import names_it
from dynattn.model.gradients import gradient_of_layer
from dynattn.model.parts import Law
from dynattn.model.readouts import reached
from dynattn.model.resting import closed_form, refuse_restless
from dynattn.syntax import tree
from dynattn.vocabulary.sizes import fixed
from dynattn.vocabulary.tableaus import IN_LAYERS, PAIRS

if TYPE_CHECKING:
    from dynattn.model.layer_dynamics import Dynamics

WORDS = ("steps", "t", "until", "method", "step", "rtol", "atol", "gradient")
WAYS = "write steps 5, or until equilibrium, or t 0 .. 30; method tsit5"

RTOL = 1e-4
"""Of the way to rest, where nothing else is said: Newton's method makes the end exact."""

ACCURACY = 1e-6
"""The tolerance, relative and absolute, of steps that a method chooses."""

Found = tuple[Evolution | Adaptive | Settling | None, tuple[Rest, ...]]


def evolution_of(dynamics: Dynamics, declaration: tree.Layer, laws: Sequence[Law]) -> Found | None:
    """How the layer evolves, or where its states are at rest; None with diagnostics.

    The ways that are not chosen are checked too.
    """
    item = _only(dynamics.context.draft, declaration)
    ways = [part for part in declaration.body if isinstance(part, tree.Evolve) and part.name]
    for other in ways:
        _way(dynamics, other, laws)
    return None if item is None else _way(dynamics, item, laws)


def _way(dynamics: Dynamics, item: tree.Evolve, laws: Sequence[Law]) -> Found | None:
    draft = dynamics.context.draft
    clauses = _clauses(draft, item)
    if clauses is None:
        return None
    ways = [word for word in ("steps", "t", "until") if word in clauses]
    if len(ways) != 1:
        text = "evolve says in several ways how far" if ways else "evolve does not say how far"
        draft.errors.add("E446", text, head(item.span), WAYS)
        return None
    gradient = None
    if "gradient" in clauses:
        gradient = gradient_of_layer(draft, clauses["gradient"], ways[0], laws)
    if ways == ["until"]:
        return _at_rest(dynamics, clauses, laws)
    tolerances = [clauses[word] for word in ("rtol", "atol") if word in clauses]
    if tolerances and (ways == ["steps"] or "step" in clauses):
        text = "steps of a fixed size have no tolerance"
        draft.errors.add("E446", text, tolerances[0].span, "leave it out")
        return None
    if ways == ["t"]:
        found = _through_time(draft, clauses, laws)
    else:
        found = _by_steps(dynamics, clauses, laws)
    return None if found is None else (replace(found, gradient=gradient), ())


def _only(draft: Draft, declaration: tree.Layer) -> tree.Evolve | None:
    found = [item for item in declaration.body if isinstance(item, tree.Evolve) and not item.name]
    if len(found) == 1:
        return found[0]
    draft.errors.add(
        "E403" if not found else "E402",
        f"layer '{declaration.name}' "
        + ("does not say how it evolves" if not found else "says twice how it evolves"),
        head(found[1].span if found else declaration.span),
        "keep one of the two" if found else "write evolve { steps 1 }",
    )
    return None


def _clauses(draft: Draft, item: tree.Evolve) -> dict[str, tree.Clause] | None:
    def setting(clause: tree.Setting) -> None:
        text = "evolve sets no parameter: a layer evolves with those of the model"
        draft.errors.add("E446", text, clause.span, "set it where it is declared")

    before = len(draft.errors.found)
    found = by_word(
        draft, item.clauses, WORDS, "unknown word {} in evolve", setting, habits=habits.EVOLVE
    )
    return found if len(draft.errors.found) == before else None


def _by_steps(
    dynamics: Dynamics, clauses: Mapping[str, tree.Clause], laws: Sequence[Law]
) -> Evolution | None:
    draft = dynamics.context.draft
    for word in ("method", "step"):
        if word in clauses and not (word == "method" and names_it(clauses[word])):
            text = f"steps are Euler steps of size 1, and {word} says something else"
            fix = "leave it out, write method geodesic, or write t 0 .. 5"
            draft.errors.add("E446", text, clauses[word].span, fix)
    count = only_value(draft, clauses["steps"], "write steps 5")
    steps = None if count is None else constants.size(draft, count)
    for term in reached(draft, [term for law in laws for term in law.terms]):
        if term.op == "time":
            text = "steps have an order and no time: t has no value in them"
            noisy = any(law.noise is not None for law in laws)
            method = noises.METHODS[0] if noisy else "rk4"
            fix = f"write evolve {{ t 0 .. 1; method {method}; step 0.1 }}"
            draft.errors.add("E446", text, term.span, fix)
    return None if steps is None else Evolution(steps)


# ── time ───────────────────────────────────────────────────────────────────────────────────────


def _through_time(
    draft: Draft, clauses: Mapping[str, tree.Clause], laws: Sequence[Law]
) -> Evolution | Adaptive | None:
    if _reads_noise(draft, laws):
        return None
    times, step = _times(draft, clauses["t"]), None
    method = _method(draft, clauses)
    if "step" in clauses:
        step = positive(draft, clauses["step"], whole=False)
    elif method in PAIRS:
        return _adaptively(draft, clauses, laws, method, times)
    else:
        text = "a stretch of time needs the size of its steps: nothing guesses one"
        draft.errors.add(
            "E446", text, clauses["t"].span, "write step 0.1, or a method that chooses: tsit5"
        )
    _refuse_maps(draft, laws)
    if method is not None:
        _refuse_noise(draft, clauses["method"], method, laws)
    if times is None or method is None or step is None:
        return None
    count = max(1, math.ceil((times[1] - times[0]) / step * (1 - 1e-9)))
    size = (times[1] - times[0]) / count
    return Evolution(fixed(count), method, times[0], size, has_time=True)


def _refuse_maps(draft: Draft, laws: Sequence[Law]) -> None:
    for law in laws:
        if law.discrete:
            text = f"'{law.state}' is a map: it has steps and no time"
            draft.errors.add("E446", text, law.rate.span, "write evolve { steps 5 }")


def _reads_noise(draft: Draft, laws: Sequence[Law]) -> bool:
    """Whether a law through time has weight noise, with a diagnostic: how fine the steps are would
    say how much noise there is.
    """
    for term in reached(draft, [term for law in laws for term in law.terms]):
        if term.op == "disturbed":
            text = "weight noise is drawn once a use, and a law through time has no single use"
            fix = "compute it before, and give the layer what comes out as an argument"
            draft.errors.add("E446", text, term.span, fix)
            return True
    return False


def _adaptively(
    draft: Draft, clauses: Mapping[str, tree.Clause], laws: Sequence[Law], method: str,
    times: tuple[float, float] | None,
) -> Adaptive | None:  # fmt: skip
    """Steps that the method chooses, each sample its own."""
    before = len(draft.errors.found)
    rtol = positive(draft, clauses["rtol"], whole=False) if "rtol" in clauses else ACCURACY
    atol = positive(draft, clauses["atol"], whole=False) if "atol" in clauses else rtol
    _refuse_maps(draft, laws)
    for law in laws:
        problem = _not_chosen(draft, law)
        if problem:
            text = f"'{method}' cannot choose its steps: {problem}"
            other = noises.method_for(draft.states[law.state].manifold)
            fix = f"give them a size: write method {other}; step 0.1"
            draft.errors.add("E446", text, clauses["method"].span, fix)
    if times is None or rtol is None or atol is None or len(draft.errors.found) > before:
        return None
    return Adaptive(method, *times, float(rtol), float(atol), clauses["t"].span)


def _not_chosen(draft: Draft, law: Law) -> str:
    """Why steps of a law cannot be chosen by their error, or ''."""
    name = law.state.rsplit(".", 1)[-1]
    if law.noise is not None:
        return f"the law of '{name}' has noise"
    if any(term.op == "dropout" for term in reached(draft, law.terms)):
        return f"the law of '{name}' has dropout, which is another at each try"
    return ""


def _times(draft: Draft, clause: tree.Clause) -> tuple[float, float] | None:
    value = clause.values[0].value if len(clause.values) == 1 else None
    if not isinstance(value, tree.Range) or clause.values[0].modifiers or value.step is not None:
        draft.errors.add("E446", "t takes a range of times", clause.span, "write t 0 .. 30")
        return None
    first = constants.number_or_none(draft, value.first)
    last = constants.number_or_none(draft, value.last)
    if first is None or last is None:
        return None
    if last <= first:
        text = f"this is no stretch of time: from {first:g} to {last:g}"
        draft.errors.add("E306", text, clause.span, "let time run forward")
        return None
    return float(first), float(last)


def _method(draft: Draft, clauses: Mapping[str, tree.Clause]) -> str | None:
    if "method" not in clauses:
        text = "a stretch of time needs a method"
        draft.errors.add("E446", text, clauses["t"].span, "write method tsit5")
        return None
    value = only_value(draft, clauses["method"], "write method rk4")
    name = value.name if isinstance(value, tree.Name) else ""
    if name in IN_LAYERS:
        return name
    text = f"a layer has no method '{name}'"
    fix = did_you_mean(name, IN_LAYERS, f"the methods are {', '.join(IN_LAYERS)}")
    draft.errors.add("E446", text, clauses["method"].span, fix)
    return None


def _refuse_noise(
    draft: Draft, clause: tree.Clause, method: str, laws: Sequence[Law]
) -> None:  # fmt: skip
    """Diagnostics for the laws whose noise the method does not integrate."""
    for law in laws:
        if law.noise is None or law.discrete:
            continue
        manifold = draft.states[law.state].manifold
        text = f"the method '{method}' takes no noise, and '{law.state}' has noise"
        if method in noises.METHODS:
            text = noises.sense_problem(method, law, manifold)
        if text:
            notes = [(law.noise.span, "the noise")]
            fix = f"write method {noises.method_for(manifold)}"
            draft.errors.add("E333", text, clause.span, fix, notes)


# ── equilibrium ────────────────────────────────────────────────────────────────────────────────


def _at_rest(
    dynamics: Dynamics, clauses: Mapping[str, tree.Clause], laws: Sequence[Law]
) -> Found | None:
    """In closed form where one is known and no tolerance is given."""
    draft, clause = dynamics.context.draft, clauses["until"]
    value = only_value(draft, clause, "write until equilibrium")
    if not isinstance(value, tree.Name) or value.name != "equilibrium":
        if value is not None:
            text, fix = "a layer evolves until equilibrium, or so far", WAYS
            draft.errors.add("E446", text, clause.span, fix)
        return None
    before = len(draft.errors.found)
    for word in ("method", "step", "atol"):
        if word in clauses:
            text = f"an equilibrium does not depend on the way there: {word} says nothing about it"
            fix = "leave it out; rtol tells how closely the way there is followed"
            draft.errors.add("E446", text, clauses[word].span, fix)
    rtol = positive(draft, clauses["rtol"], whole=False) if "rtol" in clauses else RTOL
    moved = dynamics.moved()
    rests = [closed_form(dynamics, state, moved, clause.span) for state in moved]
    found = tuple(rest for rest in rests if rest is not None)
    if "rtol" not in clauses and len(found) == len(rests):
        return (None, found) if len(draft.errors.found) == before else None
    refuse_restless(dynamics, laws, clause.span)
    if rtol is None or len(draft.errors.found) > before:
        return None
    return Settling(float(rtol), clause.span), ()
