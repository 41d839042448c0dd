"""Made tasks of memory: ``copy`` and ``induction``, strings of random symbols that come again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dynattn.learn.fitting import facts_of, fitted, refused
from dynattn.learn.made import called
from dynattn.learn.parts import Part, SamplesData
from dynattn.model.composition import InputUse
from dynattn.model.model import Model
from dynattn.model.plans import Choice
from dynattn.vocabulary.distributions import stream

if TYPE_CHECKING:
    import numpy

MARK = 0
"""What stands in ``copy`` between the string and its copy; no string has it."""


@dataclass(frozen=True)
class _Task:
    """``between``: how many symbols stand between a string and its copy."""

    name: str
    between: int


@dataclass(frozen=True)
class _Places:
    """The inputs that are filled. ``asked``: each sample ends where its ``label`` follows."""

    text: InputUse
    symbols: int
    asked: bool
    limit: int | None
    ragged: bool


def check_strings(task: _Task) -> Callable[[Choice, Mapping[str, Any], Model], object]:
    """What refuses a model whose inputs these strings do not fill."""
    return lambda choice, options, model: _places(task, choice, options, model)


def _places(task: _Task, choice: Choice, options: Mapping[str, Any], model: Model) -> _Places:
    uses = {use.name: use for use in model.inputs}
    axes = {name: len(use.axes) for name, use in uses.items()}
    asked = axes == {"text": 1, "last": 0, "label": 0}
    if (axes != {"text": 1} and not asked) or any(u.type.classes is None for u in uses.values()):
        message = f"{task.name} fills the input 'text', or 'text', 'last', its last place, and "
        message += "'label', what follows"
        fix = "declare dim T; input text: token(V)[T]; input last: class(T); input label: class(V)"
        raise refused("E514", message, choice, fix)
    text = uses["text"]
    dims = {dim.name: dim.limit for dim in model.dims}
    axis, ragged = str(text.axes[0]), str(text.axes[0]) in dims
    limit = dims[axis] if ragged else text.axes[0].value(model.sizes)
    assert text.type.classes is not None
    found = _Places(text, text.type.classes.value(model.sizes), asked, limit, ragged)
    _check_room(task, found, choice, options)
    return found


def _check_room(
    task: _Task, places: _Places, choice: Choice, options: Mapping[str, Any]
) -> None:  # fmt: skip
    """SpecError for strings too long for the text or for their symbols, or of no one length."""
    longest, shortest = options["length"], options["shortest"] or options["length"]
    if shortest > longest:
        message = f"shortest={shortest} is more than length={longest}"
        raise refused("E512", message, choice, f"write shortest={longest} or less")
    free = places.symbols - task.between
    if options["symbols"] == "distinct" and longest > free:
        message = f"a string of {longest} different symbols, of {free} that there are"
        fix = f"set {places.text.type.classes} to {longest + task.between}, or write symbols=any"
        raise refused("E508", message, choice, fix)
    if free < 2:
        message = f"strings of {places.symbols} symbols are all the same"
        raise refused("E508", message, choice, f"set {places.text.type.classes} to 8")
    whole = 2 * longest + task.between - places.asked
    if not places.ragged and (places.asked or shortest < longest or places.limit != whole):
        message = f"the samples differ in length, and 'text' has {places.text.axes[0]}"
        if not places.asked and shortest == longest:
            message = f"the samples have {whole} symbols, and 'text' has {places.text.axes[0]}"
        raise refused("E514", message, choice, "declare dim T; input text: token(V)[T]")
    if places.limit is not None and whole > places.limit:
        message = f"the samples have up to {whole} symbols, more than {places.limit}"
        raise refused("E516", message, choice, "raise the limit of the dim, or lower length=")


def load_strings(task: _Task) -> Callable[[Choice, Mapping[str, Any], Model], SamplesData]:
    """What makes the samples of one task."""

    def load(choice: Choice, options: Mapping[str, Any], model: Model) -> SamplesData:
        places, seed = _places(task, choice, options, model), options["seed"]
        parts = []
        for name, count in (("training", "samples"), (options["measure"], "validation")):
            rng = stream(seed, f"data.{task.name}.{name}")
            parts.append(_part(task, rng, options[count], places, choice, options, model))
        content = b"".join(array.tobytes() for part in parts for array in part.arrays.values())
        facts = {
            "source": task.name, "path": called(choice, options), "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(), **facts_of(*parts),
        }  # fmt: skip
        return SamplesData(parts[0], parts[1], facts, options["batches"] == "mixed")

    return load


def _part(
    task: _Task, rng: numpy.random.Generator, count: int, places: _Places, choice: Choice,
    options: Mapping[str, Any], model: Model,
) -> Part:  # fmt: skip
    """Samples of one part; those that are asked end at a random place of the second string."""
    import numpy

    longest, shortest = options["length"], options["shortest"] or options["length"]
    own = rng.integers(shortest, longest + 1, size=(count, 1))
    symbols = task.between + _symbols(rng, count, places.symbols - task.between, options)
    place = numpy.arange(2 * longest + task.between)
    second = place - own - task.between
    text = numpy.take_along_axis(
        symbols, numpy.clip(numpy.where(place < own, place, second), 0, longest - 1), 1
    )
    text[(place >= own) & (second < 0)] = MARK
    lengths = 2 * own[:, 0] + task.between
    arrays = {"text": text}
    if places.asked:
        # at least one symbol says where in the string the text is: the mark, or the first
        lengths = lengths - own[:, 0] + rng.integers(1 - task.between, own[:, 0])
        arrays |= {"last": lengths - 1, "label": text[numpy.arange(count), lengths]}
    axis = {str(places.text.axes[0]): lengths} if places.ragged else {}
    return fitted(arrays, axis, model, choice)


def _symbols(
    rng: numpy.random.Generator, count: int, kinds: int, options: Mapping[str, Any]
) -> Any:
    """[count, longest] of 0 .. kinds - 1; ``distinct``: none twice in a row."""
    if options["symbols"] == "any":
        return rng.integers(0, kinds, size=(count, options["length"]))
    return rng.random((count, kinds)).argsort(1)[:, : options["length"]]


COPY, INDUCTION = _Task("copy", 1), _Task("induction", 0)
