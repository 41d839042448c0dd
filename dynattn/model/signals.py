"""Signals: inputs that are functions of time, and the files that their samples come from.

``input drive: signal`` is one number, ``signal[3]`` three, ``signal[N]`` one per node of the
population of N nodes. ``data table("drive.csv")`` in an experiment gives their samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dynattn.diagnostics.report import Span
from dynattn.diagnostics.suggest import did_you_mean
from dynattn.model.draft import Draft
from dynattn.model.plans import Choice, Simulation
from dynattn.model.training import choice
from dynattn.syntax import tree
from dynattn.vocabulary.shipped_data import beside_or_shipped
from dynattn.vocabulary.sizes import Size

SOURCES = {"table": ".csv", "arrays": ".npz"}
"""What samples come from, and how the names of such files end."""

SPELLED = 'write data table("drive.csv"), or data arrays("drive.npz")'


def _refuse(draft: Draft, text: str, span: Span, fix: str) -> None:
    draft.errors.add("E429", text, span, fix)


def has_fixed_axes(draft: Draft, kind: tree.TypeRef, axes: Sequence[Size]) -> bool:
    """Whether every sample of a signal has one shape; with a diagnostic."""
    dims = sorted(name for size in axes for name in size.names & set(draft.dims))
    if dims:
        text = f"the length '{dims[0]}' is a sample's own, and a signal is a function of time"
        _refuse(draft, text, kind.span, "write signal[n] with a number, or a param, for n")
    return not dims


def refuse_argument(draft: Draft, kind: tree.TypeRef) -> None:
    """A layer knows no time, so none of its arguments is a signal."""
    text = "a signal is a function of time, and a layer has none"
    _refuse(draft, text, kind.span, "write real[T, d] for a sequence, real[d] for a vector")


def refuse_signals_in_network(draft: Draft) -> None:
    """The same holds of a model with a network."""
    for item in draft.inputs.values():
        if item.signal:
            text = "a signal is a function of time, and a network has none"
            _refuse(draft, text, item.span, "write real[T, d] for a sequence")


def source(draft: Draft, clause: tree.Clause, found: Simulation) -> Simulation:
    """``data table("drive.csv")`` of a simulation."""
    chosen = choice(draft, clause)
    if chosen is None:
        return found
    signals = [item.name for item in draft.inputs.values() if item.signal]
    path = chosen.arguments[0] if len(chosen.arguments) == 1 and not chosen.options else None
    if chosen.name not in SOURCES:
        text = f"samples of signals do not come from '{chosen.name}'"
        _refuse(draft, text, clause.span, did_you_mean(chosen.name, SOURCES, SPELLED))
    elif not isinstance(path, str):
        _refuse(draft, f"{chosen.name} takes the name of one file", clause.span, SPELLED)
    elif not signals and not draft.names_missing:
        text = "no input is a signal, so nothing reads this data"
        _refuse(draft, text, clause.span, "declare input drive: signal, or leave data out")
    elif _is_there(draft, chosen, path):
        return replace(found, data=chosen)
    return found


def _is_there(draft: Draft, chosen: Choice, name: str) -> bool:
    path = beside_or_shipped(Path(chosen.span.source.path).parent, name)
    ending = SOURCES[chosen.name]
    if path.suffix.lower() != ending:
        text = f"{chosen.name} reads files that end in {ending}, and this is '{name}'"
        other = next((word for word, end in SOURCES.items() if end == path.suffix.lower()), None)
        _refuse(draft, text, chosen.span, f'write {other}("{name}")' if other else SPELLED)
        return False
    if path.is_file():
        return True
    beside = path.parent.iterdir() if path.parent.is_dir() else ()
    near = [item.name for item in beside if item.suffix.lower() == ending]
    otherwise = "a path counts from the folder of the spec"
    fix = did_you_mean(path.name, near, otherwise)
    _refuse(draft, f"there is no file '{name}'", chosen.span, fix)
    return False
