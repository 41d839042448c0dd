"""Which pictures an experiment gets: known, and refused, before it runs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Diagnostic, SpecError, UsageError
from dynattn.diagnostics.suggest import did_you_mean
from dynattn.model.model import Model
from dynattn.model.plans import Continuation, Fit, Measurement, Placement, Plan, Search, Simulation
from dynattn.present.coordinates import plane_states
from dynattn.present.figure import PICTURES as ENDINGS
from dynattn.present.pictures import PICTURES, lacking_kept, over_time
from dynattn.present.scene import Kept, kept_by
from dynattn.present.width import LEAST, MOST
from dynattn.vocabulary.measurements import MEASUREMENTS
from dynattn.vocabulary.sizes import SizeError

GROUPS = ("default", "all", "none")
"""Words for several pictures."""


@dataclass(frozen=True)
class Asked:
    """A picture, what of it is shown, and the ending of its file."""

    kind: str
    names: tuple[str, ...] = ()
    """As they were written; none: what the picture shows of itself."""
    suffix: str = ".svg"

    @property
    def file(self) -> str:
        """``states.svg``; ``portrait-v-w.pdf``."""
        words = [re.sub(r"[^\w.]+", "_", name).strip("_.") for name in self.names]
        return "-".join([self.kind, *words]) + self.suffix


WORD = re.compile(r"(?P<kind>[^(.]*)(?:\((?P<names>.*)\))?(?P<ending>\.[^)]*)?$")
"""``states``, ``states.pdf``, ``portrait(v, w).pdf``."""


def read_word(word: str) -> Asked:
    """What ``--plot`` and ``plot`` are given; commas outside of brackets separate its names.

    UsageError E710 where it is no such word.
    """
    read = WORD.match(word.strip())
    if read is None:
        raise UsageError(Diagnostic("E710", f"there is no picture '{word}'"))
    names, depth = [""], 0
    for sign in read["names"] or "":
        depth += (sign in "([") - (sign in ")]")
        if sign == "," and not depth:
            names.append("")
        else:
            names[-1] += sign
    ending = (read["ending"] or ".svg").lower()
    return Asked(read["kind"], tuple(name.strip() for name in names if name.strip()), ending)


def kind_of(simulation: Plan) -> str:
    """``simulation``, ``repeats``, ``sweep``, ``branch``, ``equilibria``, ``training``, ``fit``, or
    the kind of a measurement.
    """
    if isinstance(simulation, Fit):
        return "fit"
    if isinstance(simulation, Measurement):
        return simulation.kind
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
    if isinstance(simulation, Search | Placement | Measurement | Fit):
        return _able(compilation, simulation, (kind_of(simulation),))
    if isinstance(simulation, Continuation):
        return ("bifurcation",)
    found = _able(compilation, simulation, ("series", "sweep", "states"))
    if plane_states(compilation.model):
        found += _able(compilation, simulation, ("portrait",))
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


def refusal(
    compilation: Compilation, simulation: Plan, kind: str, names: Sequence[str] = ()
) -> Diagnostic | None:
    """Why an experiment has no such picture (E713 to E716); None where it has."""
    picture, own = PICTURES[kind], kind_of(simulation)
    if own not in picture.of:
        return _of_another_kind(simulation, f"no picture '{kind}'", own)
    lacking = picture.lacking(compilation, simulation)
    if lacking is not None or not names:
        return lacking
    found = picture.named(compilation, simulation, names)
    return found if isinstance(found, Diagnostic) else None


KINDS = {
    "sweep": "a sweep", "branch": "a continuation", "equilibria": "a search for equilibria",
    "training": "a training", "fit": "a fit",
    **dict.fromkeys(MEASUREMENTS, "a measurement"),
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


def read_wanted(
    compilation: Compilation, simulation: Plan, words: Iterable[str]
) -> tuple[Asked, ...]:
    """Pictures for words such as ``states``, ``states.pdf``, ``all.png``, ``portrait(v, w)``; the
    same one asked for twice is drawn as it was asked for last.

    Raises UsageError E710 (unknown picture), E711 (unknown ending), E713; SpecError E714 to E716.
    """
    wanted: dict[tuple[str, tuple[str, ...]], Asked] = {}
    for asked in map(read_word, words):
        check_kind(asked.kind, (*PICTURES, *(() if asked.names else GROUPS)))
        check_ending(asked.suffix, ENDINGS)
        kinds: Iterable[str] = (asked.kind,)
        if asked.kind in GROUPS:
            kinds = _of_group(compilation, simulation, asked.kind)
        else:
            refuse(refusal(compilation, simulation, asked.kind, asked.names))
        wanted |= {(kind, asked.names): replace(asked, kind=kind) for kind in kinds}
    return tuple(wanted.values())


def _of_group(compilation: Compilation, simulation: Plan, group: str) -> tuple[str, ...]:
    if group == "default":
        return default_pictures(compilation, simulation)
    return _able(compilation, simulation, PICTURES) if group == "all" else ()


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


def read_width(word: str | None) -> float | None:
    """Inches, of ``3.4``, ``3.4in``, ``86mm`` or ``8.6cm``; UsageError E789 where it is none."""
    if word is None:
        return None
    read = re.fullmatch(r"\s*(\d+\.?\d*|\.\d+)\s*(in|cm|mm)?\s*", word)
    if read is None:
        fact = f"'{word}' is no width of a picture"
        raise UsageError(Diagnostic("E789", fact, fix="write 3.4, in inches, or 86mm"))
    width = float(read[1]) / {"in": 1.0, None: 1.0, "cm": 2.54, "mm": 25.4}[read[2]]
    check_width(width, word)
    return width


def check_width(width: float | None, word: str = "") -> None:
    """UsageError E789 where no picture is so wide."""
    if width is not None and not LEAST <= width <= MOST:
        fact = f"a picture cannot be {word or format(width, 'g')} wide"
        fix = f"between {LEAST:g} and {MOST:g} inches: a column of a journal is about 3.4"
        raise UsageError(Diagnostic("E789", fact, fix=fix))


def refuse(found: Diagnostic | None) -> None:
    """Raise it, as a mistake in usage (E713) or in the spec; nothing for None."""
    if found is not None:
        raise (UsageError if found.code == "E713" else SpecError)(found)
