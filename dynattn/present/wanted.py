"""Which pictures an experiment gets: known, and refused, before it runs."""

from __future__ import annotations

from collections.abc import Iterable

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Diagnostic, SpecError, UsageError
from dynattn.diagnostics.suggest import did_you_mean
from dynattn.model.model import Model
from dynattn.model.plans import Continuation, Placement, Search, Simulation
from dynattn.present.figure import PICTURES as ENDINGS
from dynattn.present.pictures import PICTURES, lacking_kept, over_time
from dynattn.present.scene import Kept, kept_by
from dynattn.vocabulary.sizes import SizeError

GROUPS = ("default", "all", "none")
"""Words for several pictures."""


Plan = Simulation | Continuation | Search | Placement


def kind_of(simulation: Plan) -> str:
    """``simulation``, ``repeats``, ``sweep``, ``branch``, ``equilibria`` or ``training``."""
    if isinstance(simulation, Placement):
        return "training"
    if isinstance(simulation, Search):
        return "equilibria"
    if isinstance(simulation, Continuation):
        return "branch"
    if simulation.settings or simulation.awaited:
        return "sweep"
    return "repeats" if simulation.repeat > 1 else "simulation"


def default_pictures(compilation: Compilation, simulation: Plan) -> tuple[str, ...]:
    """Series and states; a raster of what is recorded by name, and of observables of nodes, where
    there are more than FEW_ROWS of them. Of a branch its diagram, of equilibria theirs.
    """
    if isinstance(simulation, Search | Placement):
        return _able(compilation, simulation, (kind_of(simulation),))
    if isinstance(simulation, Continuation):
        return ("bifurcation",)
    found = _able(compilation, simulation, ("series", "sweep", "states"))
    kept = kept_by(compilation.model, simulation)
    rows = [k for k in kept if k.kind == "series" and (k.named or not k.state)]
    if any(_is_many(compilation.model, item) for item in rows):
        found += _able(compilation, simulation, ("raster",))
    return found


FEW_ROWS = 8
"""Nodes up to which the picture of the states tells as much as a raster."""


def _is_many(model: Model, item: Kept) -> bool:
    """Whether a thing lives on many nodes; edges are, and nodes of unknown number."""
    place = item.type.place
    try:
        return (
            place.kind == "edges" or model.population[place.name].size.value(model.sizes) > FEW_ROWS
        )
    except SizeError:
        return True


def _able(compilation: Compilation, simulation: Plan, kinds: Iterable[str]) -> tuple[str, ...]:
    return tuple(kind for kind in kinds if refusal(compilation, simulation, kind) is None)


def refusal(compilation: Compilation, simulation: Plan, kind: str) -> Diagnostic | None:
    """Why an experiment has no such picture (E713 to E715); None where it has."""
    picture, own = PICTURES[kind], kind_of(simulation)
    if own not in picture.of:
        return _of_another_kind(simulation, f"no picture '{kind}'", own)
    if isinstance(simulation, Continuation):
        return None
    return picture.lacking(compilation, simulation)


KINDS = {
    "sweep": "a sweep", "branch": "a continuation", "equilibria": "a search for equilibria",
    "training": "a training",
}  # fmt: skip


def _of_another_kind(simulation: Plan, what: str, own: str) -> Diagnostic:
    kind = KINDS.get(own, "a simulation")
    fact = f"'{simulation.name}' is {kind}, which has {what}"
    has = [name for name, picture in PICTURES.items() if own in picture.of]
    return Diagnostic("E713", fact, simulation.span, f"it has {', '.join(has)}")


def animation_refusal(compilation: Compilation, simulation: Plan) -> Diagnostic | None:
    """Why an experiment has no moving picture (E713, E714); None where it has."""
    own = kind_of(simulation)
    if own == "sweep" or not isinstance(simulation, Simulation):
        return _of_another_kind(simulation, "no moving picture", own)
    return lacking_kept(compilation.model, simulation, over_time)


def read_wanted(compilation: Compilation, simulation: Plan, words: Iterable[str]) -> dict[str, str]:
    """Endings by kind of picture for words such as ``states``, ``states.pdf``, ``all.png``.

    Raises UsageError E710 (unknown picture), E711 (unknown ending), E713; SpecError E714, E715.
    """
    wanted: dict[str, str] = {}
    for word in words:
        kind, dot, ending = word.partition(".")
        suffix = f".{ending.lower()}" if dot else ".svg"
        _check_word(kind, suffix)
        if kind == "default":
            wanted |= dict.fromkeys(default_pictures(compilation, simulation), suffix)
        elif kind == "all":
            wanted |= dict.fromkeys(_able(compilation, simulation, PICTURES), suffix)
        elif kind != "none":
            refuse(refusal(compilation, simulation, kind))
            wanted[kind] = suffix
    return wanted


def _check_word(kind: str, suffix: str) -> None:
    check_kind(kind, (*PICTURES, *GROUPS))
    check_ending(suffix, ENDINGS)


def check_kind(kind: str, known: Iterable[str] = tuple(PICTURES)) -> None:
    """UsageError E710 where there is no such kind of picture."""
    if kind not in known:
        fix = did_you_mean(kind, known, f"there are {', '.join(known)}")
        raise UsageError(Diagnostic("E710", f"there is no picture '{kind}'", fix=fix))


def check_ending(suffix: str, known: Iterable[str]) -> None:
    """UsageError E711 where the ending is none of those known."""
    if suffix not in known:
        named = f"'{suffix}'" if suffix.strip(".") else "a name without an ending"
        fix = f"use one of {', '.join(known)}"
        raise UsageError(Diagnostic("E711", f"{named} is no format for this picture", fix=fix))


def refuse(found: Diagnostic | None) -> None:
    """Raise it, as a mistake in usage (E713) or in the spec; nothing for None."""
    if found is not None:
        raise (UsageError if found.code == "E713" else SpecError)(found)
