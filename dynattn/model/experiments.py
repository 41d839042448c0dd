"""Experiments: ``simulate``, ``sweep`` and ``continue``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from dynattn.diagnostics import habits
from dynattn.diagnostics.report import Span
from dynattn.diagnostics.suggest import did_you_mean
from dynattn.model import (
    branches,
    constants,
    fits,
    measurements,
    placements,
    searches,
    signals,
    swept,
)
from dynattn.model.branches import start
from dynattn.model.clauses import only_value, positive
from dynattn.model.draft import Draft, head
from dynattn.model.plans import (
    Awaited,
    Continuation,
    Fit,
    Measurement,
    Placement,
    Runs,
    Search,
    Simulation,
)
from dynattn.model.records import record, until
from dynattn.syntax import tree
from dynattn.syntax.unparse import spell
from dynattn.vocabulary.measurements import MEASUREMENTS
from dynattn.vocabulary.solvers import FIXED_STEPS, METHOD_NAMES, method_fix

HOMES = {word: "train" for word in ("free", "loss", "optimizer", "epochs", "batch")}
"""Words of other experiments."""

MOST_TIMES = 10**8
"""At which states are saved."""


def declare_simulation(
    draft: Draft, declaration: tree.Experiment, defaults: Simulation | None
) -> Simulation:
    """One experiment; what it does not say is as in the first ``simulate``."""
    span = head(declaration.span)
    name = declaration.name or declaration.kind
    found = Simulation(name, span)
    if defaults is not None:
        own = {"records": (), "settings": (), "awaited": (), "begins": None}
        found = replace(_other_clock(declaration, defaults), **own)
    found = replace(found, name=name, span=span)
    seen: dict[str, tree.Clause] = {}
    for clause in declaration.clauses:
        if isinstance(clause, tree.Setting):
            found = _setting(draft, clause, found)
        elif clause.word in seen and clause.word != "record":
            earlier = (seen[clause.word].span, "first given here")
            text = f"{clause.word} is given twice"
            draft.errors.add("E402", text, clause.span, "keep one of the two", [earlier])
        else:
            seen[clause.word] = clause
            found = _clause(draft, clause, found)
    if "steps" in seen:
        found = _updates(draft, seen, found)
    else:
        _check_tolerances(draft, seen, found)
    if "start" in seen:
        _check_start(draft, declaration, seen["start"], found)
    varies = any(isinstance(clause, tree.Setting) for clause in declaration.clauses)
    if declaration.kind == "sweep" and not varies and "repeat" not in seen:
        text = f"the sweep '{name}' varies nothing"
        draft.errors.add("E403", text, span, "write K = 0 .. 4 by 0.1, or repeat 20")
    if found.stop is None and found.steps is None and "t" not in seen:
        draft.errors.add(
            "E403", f"'{name}' does not say how long", span, "write t 0 .. 100 every 0.1"
        )
    return found


def _check_tolerances(draft: Draft, seen: dict[str, tree.Clause], found: Simulation) -> None:
    """A tolerance written beside fixed steps; ``until equilibrium`` reads it whatever the steps."""
    fixed = found.method in FIXED_STEPS or (found.method == "tsit5" and found.step is not None)
    resting = found.until is not None and found.until.condition is None
    for word in ("rtol", "atol"):
        if word in seen and fixed and not resting:
            text = f"steps of '{found.method}' are of fixed size, and {word} does nothing to them"
            fix = f"leave out {word} and set the accuracy with step"
            if found.method in ("tsit5", "rk4"):
                fix += ", or leave out step and write method tsit5"
            places = [(seen["step"].span, "the size")] if "step" in seen else []
            draft.errors.add("E634", text, seen[word].span, fix, places)


def _check_start(
    draft: Draft, declaration: tree.Experiment, clause: tree.Clause, found: Simulation
) -> None:
    if found.begins is None or found.begins.kind != "previous":
        return
    count = sum(isinstance(item, tree.Setting) for item in declaration.clauses)
    single = sum(len(values) == 1 for _, values in found.settings)
    if not count or count - single > 1:
        text = "start previous goes from point to point of a sweep over one parameter"
        text += f", and this has {count - single}"
        fix = "sweep one parameter, or leave the clause out"
        draft.errors.add("E322", text, clause.span, fix)


def _clause(draft: Draft, clause: tree.Clause, found: Simulation) -> Simulation:
    rule = CLAUSES.get(clause.word)
    if rule is not None:
        return rule(draft, clause, found)
    home = "continue" if clause.word in branches.CLAUSES else HOMES.get(clause.word)
    home = "equilibria" if clause.word in searches.CLAUSES else home
    home = home or next((k for k, kind in MEASUREMENTS.items() if clause.word in kind.words), None)
    if home is None:
        listed = f"there are {', '.join(CLAUSES)}"
        fix = did_you_mean(clause.word, CLAUSES, listed, habits.CLAUSES)
    else:
        fix = f"'{clause.word}' belongs to {home}"
    draft.errors.add("E216", f"unknown word '{clause.word}' in an experiment", clause.span, fix)
    return found


def _time(draft: Draft, clause: tree.Clause, found: Simulation) -> Simulation:
    value = clause.values[0].value if len(clause.values) == 1 else None
    words = [modifier.word for item in clause.values for modifier in item.modifiers]
    if not isinstance(value, tree.Range) or value.step is not None or words not in ([], ["every"]):
        draft.errors.add(
            "E309", "t takes a range of times", clause.span, "write t 0 .. 100 every 0.1"
        )
        return found
    start = constants.number_or_none(draft, value.first)
    stop = constants.number_or_none(draft, value.last)
    every = found.every
    for modifier in clause.values[0].modifiers:
        if modifier.word == "every" and not isinstance(modifier.value, tree.At):
            every = constants.number_or_none(draft, modifier.value)
    if start is None or stop is None:
        return found
    if stop <= start or (every is not None and (every <= 0 or every > stop - start)):
        text = f"from {start:g} to {stop:g}" + (f" every {every:g}" if every is not None else "")
        fix = "let time run forward, in steps above 0 and shorter than the whole"
        draft.errors.add("E306", f"this is no stretch of time: {text}", clause.span, fix)
    elif every is not None and (stop - start) / every > MOST_TIMES:
        text = f"{(stop - start) / every:.3g} saved times do not fit in memory"
        draft.errors.add("E306", text, clause.span, "save fewer: every 0.1, and step 0.001")
    return replace(found, start=start, stop=stop, every=every)


def _method(draft: Draft, clause: tree.Clause, found: Simulation) -> Simulation:
    value = only_value(draft, clause, "write method rk4, or another one")
    if value is None:
        return found
    name = spell(value)
    if name not in METHOD_NAMES:
        listing = "the methods are " + ", ".join(METHOD_NAMES)
        fix = method_fix(name) or listing
        draft.errors.add("E601", f"there is no method '{name}'", clause.span, fix)
    return replace(found, method=name)


def _positive(name: str, whole: bool) -> Callable[[Draft, tree.Clause, Simulation], Simulation]:
    def rule(draft: Draft, clause: tree.Clause, found: Simulation) -> Simulation:
        value = positive(draft, clause, whole, zero=name == "seed")
        if name == "repeat" and value is not None and value > swept.MAX_POINTS:
            text = f"{value:g} repetitions are over the {swept.MAX_POINTS:,} that one sweep has"
            draft.errors.add("E306", text, clause.span, "repeat fewer times")
        return found if value is None else replace(found, **{name: value})

    return rule


def _setting(draft: Draft, item: tree.Setting, found: Simulation) -> Simulation:
    setting = swept.setting(draft, item)
    if setting is None:
        return found
    name = setting.name if isinstance(setting, Awaited) else setting[0]
    names = {name for name, _ in found.settings} | {item.name for item in found.awaited}
    if name in names:
        fix = "write its values as one list"
        draft.errors.add("E402", f"{name} is set twice", item.span, fix)
    elif isinstance(setting, Awaited):
        return replace(found, awaited=(*found.awaited, setting))
    else:
        return replace(found, settings=(*found.settings, setting))
    return found


def _record(draft: Draft, clause: tree.Clause, found: Simulation) -> Simulation:
    records = [record(draft, item) for item in clause.values]
    return replace(found, records=(*found.records, *(r for r in records if r is not None)))


def _until(draft: Draft, clause: tree.Clause, found: Simulation) -> Simulation:
    return replace(found, until=until(draft, clause))


def _start(draft: Draft, clause: tree.Clause, found: Simulation) -> Simulation:
    return replace(found, begins=start(draft, clause))


CLAUSES: dict[str, Callable[[Draft, tree.Clause, Simulation], Simulation]] = {
    "t": _time,
    "method": _method,
    "record": _record,
    "until": _until,
    "start": _start,
    "data": signals.source,
    "step": _positive("step", whole=False),
    "steps": _positive("steps", whole=True),
    "rtol": _positive("rtol", whole=False),
    "atol": _positive("atol", whole=False),
    "seed": _positive("seed", whole=True),
    "repeat": _positive("repeat", whole=True),
}


def _other_clock(declaration: tree.Experiment, defaults: Simulation) -> Simulation:
    """The defaults for an experiment that has a clock of its own: updates, or time again."""
    words = {clause.word for clause in declaration.clauses if isinstance(clause, tree.Clause)}
    if "t" in words and defaults.steps is not None:
        plain = Simulation(defaults.name, defaults.span)
        return replace(defaults, steps=None, every=None, method=plain.method, step=None)
    return defaults


def _updates(draft: Draft, seen: dict[str, tree.Clause], found: Simulation) -> Simulation:
    """``steps n``: n updates of maps, n Euler steps of size 1 of flows."""
    for word in ("t", "method", "step", "rtol", "atol"):
        if word in seen:
            draft.errors.add(
                "E402", f"steps is the clock, and {word} says otherwise", seen[word].span,
                f"leave out {word}, or steps", [(seen["steps"].span, "the updates")],
            )  # fmt: skip
    count = found.steps or 1
    return replace(found, start=0.0, stop=float(count), every=1.0, method="euler", step=1.0)


def is_run(draft: Draft, declaration: tree.Experiment) -> bool:
    """Whether a ``train`` is run as an experiment: without samples, or on measured series."""
    return fits.is_fit(declaration) or placements.is_placement(draft, declaration)


def declare_experiments(draft: Draft, declarations: Sequence[tree.Experiment]) -> Runs:
    """Every experiment but ``train`` with samples, in the order of the text."""
    runs = [i for i in declarations if i.kind != "train" or is_run(draft, i)]
    branches.gather(draft, runs)
    searches.gather(draft, runs)
    first = next((item for item in runs if item.kind == "simulate"), None)
    defaults = None if first is None else declare_simulation(draft, first, None)
    simulations: list[Simulation] = []
    continuations: list[Continuation] = []
    sought: list[Search] = []
    placed: list[Placement] = []
    measured: list[Measurement] = []
    fitted: list[Fit] = []
    named: dict[str, Span] = {}
    for item in runs:
        if item.kind == "continue":
            found = branches.continuation(draft, item)
            continuations.append(found)
        elif item.kind == "equilibria":
            found = searches.search(draft, item)
            sought.append(found)
        elif item.kind == "train" and fits.is_fit(item):
            found = fits.fit(draft, item)
            fitted += [] if found is None else [found]
        elif item.kind == "train":
            found = placements.placement(draft, item)
            placed += [] if found is None else [found]
        elif item.kind in MEASUREMENTS:
            found = measurements.measurement(
                draft, item, lambda plain: declare_simulation(draft, plain, defaults)
            )
            measured.append(found)
        else:
            given = item is first and defaults is not None
            found = defaults if given else declare_simulation(draft, item, defaults)
            assert found is not None
            simulations.append(found)
        if found is None:
            continue
        if found.name in named:
            earlier = (named[found.name], "first declared here")
            text = f"two experiments are called '{found.name}'"
            fix = f"name one of them: {item.kind} NAME {{"
            draft.errors.add("E203", text, found.span, fix, [earlier])
        named.setdefault(found.name, found.span)
    return Runs(
        tuple(simulations), tuple(continuations), tuple(sought), tuple(placed), tuple(measured),
        tuple(fitted),
    )  # fmt: skip
