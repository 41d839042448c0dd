"""Data sources: what ``data NAME(...)`` in ``train`` may name, each a table entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dynattn.diagnostics.report import Collector, Diagnostic, SpecError
from dynattn.learn.arrays import check_arrays, load_arrays
from dynattn.learn.options import Option, find_entry, option_span, read_options
from dynattn.learn.parts import SamplesData
from dynattn.learn.reading import DataFile, find_data, read_data
from dynattn.learn.text import BYTES, Alphabet, TextData
from dynattn.model.composition import InputUse
from dynattn.model.model import Model
from dynattn.model.plans import Choice


@dataclass(frozen=True)
class DataSource:
    """One source. ``load(choice, options, model)`` returns the data, or raises SpecError."""

    name: str
    options: tuple[Option, ...]
    positional: tuple[str, ...]
    check: Callable[[Choice, Mapping[str, Any], Model], object]
    """SpecError for what shows without reading the data."""
    load: Callable[[Choice, Mapping[str, Any], Model], TextData | SamplesData]


def load_data(choice: Choice, model: Model) -> TextData | SamplesData:
    """The data of ``train``; SpecError with every mistake of its options."""
    if choice.name in PLANNED:
        message = f"the data source '{choice.name}' is not built yet, so this cannot be trained"
        fix = 'give what it would: arrays("data.npz") takes every input by its name'
        raise SpecError(Diagnostic("E518", message, choice.span, fix))
    checked = check_data(choice, model)
    assert checked is not None
    source, options = checked
    return source.load(choice, options, model)


def check_data(choice: Choice, model: Model) -> tuple[DataSource, Mapping[str, Any]] | None:
    """The source and its options; SpecError for what shows without reading the data.

    None for a source of the language that is not built yet: its spec is right all the same.
    """
    if choice.name in PLANNED:
        return None
    found = Collector()
    source = find_entry(SOURCES, choice, "data source", "E510", found)
    options = read_options(choice, source.options, found, source.positional) if source else {}
    found.raise_if_any()
    assert source is not None
    source.check(choice, options, model)
    return source, options


def _check_text(choice: Choice, options: Mapping[str, Any], model: Model) -> InputUse:
    use = _text_input(choice, model)
    _check_context(choice, options["context"], use, model)
    find_data(options["path"], choice.span)
    return use


def _load_text(choice: Choice, options: Mapping[str, Any], model: Model) -> TextData:
    use = _check_text(choice, options, model)
    span = choice.span
    file = read_data(options["path"], span, options["checksum"])
    alphabet = _alphabet(file, choice, options["symbols"])
    symbols = alphabet.encode(file.content)
    _check_symbols(symbols, alphabet, choice, use, model)
    counts = _split(len(symbols), options["split"], choice)
    training, validation = symbols[: counts[0]], symbols[counts[0] : counts[0] + counts[1]]
    _check_lengths(training, validation, options, choice)
    facts = {
        "source": "text",
        "path": str(file.path),
        "bytes": file.size,
        "sha256": file.sha256,
        "symbols": options["symbols"],
        "characters": alphabet.characters,
        "context": options["context"],
        "training": len(training),
        "validation": len(validation),
    }
    return TextData(training, validation, options["context"], alphabet, facts)


def _text_input(choice: Choice, model: Model) -> InputUse:
    """The model's one input, which the text fills."""
    if [use.name for use in model.inputs] != ["text"]:
        asked = ", ".join(f"'{use.name}'" for use in model.inputs) or "none"
        message = f"the data source 'text' fills the input 'text'; the inputs are: {asked}"
        raise SpecError(Diagnostic("E514", message, choice.span, "declare input text: token(V)[T]"))
    use = model.inputs[0]
    if use.type.classes is None or len(use.axes) != 1:
        message = "the input 'text' is no sequence of tokens, and the data source 'text' gives one"
        raise SpecError(Diagnostic("E514", message, use.span, "declare input text: token(V)[T]"))
    return use


def _check_context(choice: Choice, context: int, use: InputUse, model: Model) -> None:
    axis = use.axes[0]
    span = option_span(choice, "context")
    limits = {dim.name: dim.limit for dim in model.dims}
    if str(axis) in limits:
        limit = limits[str(axis)]
        if limit is not None and context > limit:
            message = f"context={context} is longer than dim {axis} <= {limit}"
            fix = f"write context={limit} or less, or raise the limit"
            raise SpecError(Diagnostic("E516", message, span, fix))
        return
    if not axis.names - set(model.sizes) and axis.value(model.sizes) != context:
        length = axis.value(model.sizes)
        message = f"context={context} does not fit the input 'text', which has {axis} = {length}"
        raise SpecError(Diagnostic("E516", message, span, f"write context={length}"))


def _alphabet(file: DataFile, choice: Choice, symbols: str) -> Alphabet:
    if symbols == "bytes":
        return BYTES
    try:
        return Alphabet("".join(sorted(set(file.content.decode("utf-8")))))
    except UnicodeDecodeError as error:
        message = f"the data file '{file.path.name}' is not UTF-8: byte {error.start} is wrong"
        fix = "read it as bytes: symbols=bytes"
        raise SpecError(Diagnostic("E517", message, choice.span, fix)) from None


def _check_symbols(
    symbols: Any, alphabet: Alphabet, choice: Choice, use: InputUse, model: Model
) -> None:
    assert use.type.classes is not None
    size, name = use.type.classes.value(model.sizes), str(use.type.classes)
    highest = int(symbols.max())
    if highest < size:
        return
    shown = f"{name} = {size}" if name != str(size) else name
    if alphabet is BYTES:
        place = int((symbols >= size).argmax())
        message = f"byte {int(symbols[place])} at place {place} of the text is not below {shown}"
        fix = f"set {name} to 256, the number of bytes there are"
    else:
        message = f"the text has {alphabet.size} different characters, more than {shown}"
        fix = f"set {name} to {alphabet.size}"
    raise SpecError(Diagnostic("E508", message, choice.span, fix))


def _split(length: int, split: Any, choice: Choice) -> tuple[int, ...]:
    """Lengths of the parts: fractions of the text, or numbers of symbols."""
    span = option_span(choice, "split")
    if all(isinstance(part, int) for part in split):
        if sum(split) > length:
            message = f"the text has {length} symbols, and split= asks for {sum(split)}"
            fix = "the file is cut short, or split= is for another file"
            raise SpecError(Diagnostic("E505", message, span, fix))
        return tuple(split)
    if sum(split) > 1 + 1e-9:
        message = f"the parts of split= sum to {sum(split):g}, more than the whole text"
        fix = "write fractions that sum to 1, split=[0.9, 0.1], or whole numbers of symbols"
        raise SpecError(Diagnostic("E515", message, span, fix))
    first = int(split[0] * length)
    second = length - first if abs(sum(split[:2]) - 1) < 1e-9 else int(split[1] * length)
    return first, second


def _check_lengths(
    training: Any, validation: Any, options: Mapping[str, Any], choice: Choice
) -> None:
    context = options["context"]
    for part, symbols in (("training", training), ("validation", validation)):
        if len(symbols) < context:
            message = (
                f"the {part} part of '{options['path']}' has {len(symbols)} symbols, "
                f"fewer than one context of {context}"
            )
            fix = "use a longer text, a shorter context= or another split="
            raise SpecError(Diagnostic("E504", message, choice.span, fix))


_OF_SAMPLES = (
    Option("split", "numbers", (0.9, 0.1), low=0, above=True, length=(2,)),
    Option("checksum", "text", None),
    Option("batches", "word", "similar", words=("similar", "mixed")),
)
"""Options of sources whose samples may have different lengths."""

_ENTRIES = (
    DataSource(
        "text",
        (
            Option("path", "text"),
            Option("context", "whole", low=2),
            Option("split", "numbers", (0.9, 0.1), low=0, above=True, length=(2, 3)),
            Option("checksum", "text", None),
            Option("symbols", "word", "bytes", words=("bytes", "characters")),
        ),
        ("path",),
        _check_text,
        _load_text,
    ),
    DataSource(
        "arrays",
        (
            Option("path", "text"),
            *_OF_SAMPLES,
        ),
        ("path",),
        check_arrays,
        load_arrays,
    ),
)

SOURCES: dict[str, DataSource] = {entry.name: entry for entry in _ENTRIES}

PLANNED = ("words", "images", "audio", "agreement")
"""Sources of the language that cannot be read yet."""
