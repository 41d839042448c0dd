"""The source ``text``: bytes or characters of one file, in windows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dynattn.diagnostics.report import Diagnostic, SpecError
from dynattn.learn.options import KNOWN, option_span
from dynattn.learn.reading import DataFile, find_data, read_data
from dynattn.learn.text import BYTES, Alphabet, TextData
from dynattn.model.composition import InputUse
from dynattn.model.model import Model
from dynattn.model.plans import Choice


def check_text(choice: Choice, options: Mapping[str, Any], model: Model) -> InputUse:
    """The input that the text fills; SpecError where it does not fit, or the file is missing."""
    use = text_input(choice, model, "text")
    check_context(choice, options["context"], use, model)
    find_data(options["path"], choice.span)
    return use


def load_text(choice: Choice, options: Mapping[str, Any], model: Model) -> TextData:
    """The windows of the file's symbols; SpecError where they do not fit the input."""
    use = check_text(choice, options, model)
    span = choice.span
    file = read_data(options["path"], span, options["checksum"])
    known = options.get(KNOWN)
    alphabet = _alphabet(file, choice, options["symbols"]) if known is None else (
        Alphabet(known["characters"])
    )  # fmt: skip
    symbols = _encoded(alphabet, file, choice)
    _check_symbols(symbols, alphabet, choice, use, model, known is not None)
    counts = split_text(len(symbols), options["split"], choice)
    training, validation = symbols[: counts[0]], symbols[counts[0] : counts[0] + counts[1]]
    test = symbols[sum(counts[:2]) :][: counts[2]] if len(counts) > 2 else None
    if options["split"] is None:
        validation = symbols
    check_lengths(training, validation, options, choice)
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
    return TextData(training, validation, options["context"], alphabet, facts, test=test)


def _encoded(alphabet: Alphabet, file: DataFile, choice: Choice) -> Any:
    """The symbols of a text; SpecError E729 for a character that is not in the alphabet."""
    try:
        return alphabet.encode(file.content)
    except UnicodeDecodeError as error:
        message = f"the data file '{file.path.name}' is not UTF-8: byte {error.start} is wrong"
        raise SpecError(Diagnostic("E517", message, choice.span, "save it as UTF-8")) from None
    except ValueError as error:
        what = repr(error.args[0])
        message = f"'{file.path.name}' has {what}, which the run has no symbol for"
        fix = "leave it out, or train on bytes: symbols=bytes"
        raise SpecError(Diagnostic("E729", message, choice.span, fix)) from None


def text_input(choice: Choice, model: Model, source: str) -> InputUse:
    """The model's one input, which a text fills; SpecError E514 where it has others."""
    if [use.name for use in model.inputs] != ["text"]:
        asked = ", ".join(f"'{use.name}'" for use in model.inputs) or "none"
        message = f"the data source '{source}' fills the input 'text'; the inputs are: {asked}"
        raise SpecError(Diagnostic("E514", message, choice.span, "declare input text: token(V)[T]"))
    use = model.inputs[0]
    if use.type.classes is None or len(use.axes) != 1:
        message = f"the input 'text' is no sequence of tokens, and '{source}' gives one"
        raise SpecError(Diagnostic("E514", message, use.span, "declare input text: token(V)[T]"))
    return use


def check_context(choice: Choice, context: int, use: InputUse, model: Model) -> None:
    """SpecError E516 for a window that is not as long as the input is, or may be."""
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
    symbols: Any, alphabet: Alphabet, choice: Choice, use: InputUse, model: Model, trained: bool
) -> None:
    """SpecError E508 for a symbol outside of the vocabulary; E729 where a run was trained on it."""
    assert use.type.classes is not None
    size, name = use.type.classes.value(model.sizes), str(use.type.classes)
    highest = int(symbols.max())
    if highest < size:
        return
    shown = f"{name} = {size}" if name != str(size) else name
    if not alphabet.characters:
        place = int((symbols >= size).argmax())
        message = f"byte {int(symbols[place])} at place {place} of the text is not below {shown}"
        fix = f"set {name} to 256, the number of bytes there are"
        if trained:
            fix = f"leave it out, or train a run with {name} = 256"
            raise SpecError(Diagnostic("E729", message + ", as the run has it", choice.span, fix))
    else:
        message = f"the text has {alphabet.size} different characters, more than {shown}"
        fix = f"set {name} to {alphabet.size}"
    raise SpecError(Diagnostic("E508", message, choice.span, fix))


def split_text(length: int, split: Any, choice: Choice) -> tuple[int, ...]:
    """Lengths of the parts: fractions of the text, or numbers of symbols; None: all in one."""
    if split is None:
        return length, 0
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
    if len(split) < 3:
        return first, second
    rest = length - first - second
    return first, second, rest if abs(sum(split) - 1) < 1e-9 else int(split[2] * length)


def check_lengths(
    training: Any, validation: Any, options: Mapping[str, Any], choice: Choice
) -> None:
    """SpecError E504 for a part that has no room for one window."""
    context, whole = options["context"], options["split"] is None
    for part, symbols in (("training", training), ("validation", validation)):
        if len(symbols) < context:
            what = "" if whole else f"the {part} part of "
            message = f"{what}'{options['path']}' has {len(symbols)} symbols, "
            message += f"fewer than one context of {context}"
            fix = "use a longer text or a shorter context=" + (
                "" if whole else ", or another split="
            )
            raise SpecError(Diagnostic("E504", message, choice.span, fix))
