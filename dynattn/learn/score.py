"""A trained run measured on its own data, on other data of the kind, or on pairs of sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import torch

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Diagnostic, Span, SpecError, UsageError
from dynattn.learn.checkpoint import read_checkpoint
from dynattn.learn.data import load_data
from dynattn.learn.devices import choose_device
from dynattn.learn.evaluate import measure
from dynattn.learn.folder import RunFolder, open_run, read_json, write_json
from dynattn.learn.other_data import ON_TEXT, PAIRS, load_other, other_choice
from dynattn.learn.pairs import Pair, load_pairs
from dynattn.learn.parts import SamplesData
from dynattn.learn.sentences import PairScores, score_pairs
from dynattn.learn.text import Alphabet, TextData
from dynattn.learn.words import BEGIN, END, Words
from dynattn.model.composition import InputUse
from dynattn.model.model import Model
from dynattn.model.plans import Choice

PARTS = ("validation", "test")
CHECKPOINTS = ("best", "last")


@dataclass(frozen=True)
class Score:
    """What a checkpoint gives on data. ``pairs`` in place of ``loss`` for pairs of sentences."""

    model: str
    checkpoint: str
    step: int
    data: str
    part: str
    samples: int
    loss: float | None = None
    bits_per_character: float | None = None
    records: Mapping[str, float] = field(default_factory=dict)
    pairs: PairScores | None = None
    remark: str = ""


def score(
    compilation: Compilation,
    folder: RunFolder,
    *,
    checkpoint: str = "best",
    part: str = "validation",
    data: str | None = None,
    device: str = "cpu",
) -> Score:
    """Measure a run and keep it in its ``eval.json``; the compilation is that of the run.

    ``data``: a source as in ``train``, or a path; None: the run's own. SpecError for data that does
    not fit the run (E727 to E730), NumericalError for none.
    """
    settings = read_json(open_run(folder.path).settings)
    model = compilation.model
    assert model.training is not None
    place = getattr(folder, checkpoint)
    stored = read_checkpoint(place)
    where = choose_device(device)

    def built() -> Any:
        made = replace(compilation, values=stored.weights)
        return made.build(dtype=torch.float32, device=where)

    found = Score(model.name, checkpoint, int(stored.state["step"]), data or "", part, 0)
    choice = None if data is None else other_choice(data, model.training.data)
    if choice is not None and choice.name == PAIRS:
        found = _of_pairs(found, choice, model, settings["data"], built)
    else:
        samples, remark = _data(choice, part, model, settings["data"])
        measured = measure(built(), model.training, samples, where)
        path = str(samples.facts["path"])
        found = replace(
            found, data=path, part="all" if data else part, samples=measured.samples,
            loss=measured.loss, bits_per_character=measured.bits_per_character,
            records=measured.records, remark=remark,
        )  # fmt: skip
    _keep(folder, found)
    return found


def _data(
    choice: Choice | None, part: str, model: Model, facts: Mapping[str, Any]
) -> tuple[Any, str]:
    """What is measured on, as the validation part of some data; and what is to be said of it."""
    assert model.training is not None
    own = model.training.data
    if choice is not None:
        return load_other(choice, model, facts)
    loaded = load_data(own, model)
    if loaded.facts["sha256"] != facts["sha256"]:
        before, now = facts["sha256"], loaded.facts["sha256"]
        message = f"the data of the run has changed: sha256 {before}, now {now}"
        fix = "put back the data it was trained on, or name this as --data FILE"
        raise SpecError(Diagnostic("E544", message, own.span, fix))
    return (_test_part(loaded, own.span) if part == "test" else loaded), ""


def _test_part(data: TextData | SamplesData, span: Span) -> TextData:
    """The third part of a text as the one to measure on."""
    test = data.test if isinstance(data, TextData) else None
    if not isinstance(data, TextData) or test is None or len(test) < data.context:
        message = "the run's own data has no test part to measure on"
        fix = "a text has one by three shares: split=[0.9, 0.05, 0.05]; other data is --data FILE"
        raise UsageError(Diagnostic("E727", message, span, fix))
    return replace(data, validation=test)


def _of_pairs(
    found: Score, choice: Choice, model: Model, facts: Mapping[str, Any], built: Any
) -> Score:
    """The scores of a table of pairs; SpecError E730 where the model gives no such scores."""
    longest = _longest(model, facts, choice.span)
    table = load_pairs(choice)
    words = facts.get("words")
    known = Words(tuple(words)) if words is not None else Alphabet(facts["characters"])
    start = (f"{END} " if words is not None else "\n") if "context" in facts else ""
    start = f"{BEGIN} " if "pieces" in facts else start

    def encode(sentence: str) -> Any:
        if isinstance(known, Words):
            return known.numbers((start + sentence).split())
        return known.encode((start + sentence).encode())

    _check_known(table.pairs, known, model, choice)
    scored = score_pairs(built(), table.pairs, encode, longest)
    if not scored.count:
        why = "; ".join(f"{count} that {text}" for text, count in scored.left_out.items())
        message = f"no pair can be scored: {why}"
        fix = "score a run that knows the words, or write them as the training text does"
        raise SpecError(Diagnostic("E729", message, choice.span, fix))
    path = str(table.facts["path"])
    return replace(found, data=path, part="pairs", samples=scored.count, pairs=scored)


def _longest(model: Model, facts: Mapping[str, Any], span: Span) -> int | None:
    """How many symbols the model reads at most; SpecError E730 where it is no language model that
    reads sentences of any length.
    """
    assert model.training is not None
    loss, use = model.training.loss, model.inputs[0]
    dims = {dim.name: dim.limit for dim in model.dims}
    foretells = loss.op == "cross_entropy" and loss.args[1].op == "next"
    if (
        facts["source"] not in ON_TEXT
        or not foretells
        or loss.args[0].op != "output"
        or _axis(use) not in dims
    ):
        message = f"'{model.name}' gives no probabilities of sentences of any length"
        fix = (
            "declare dim T; input text: token(V)[T], one output, loss cross_entropy(y, next(text))"
        )
        raise SpecError(Diagnostic("E730", message, span, fix))
    limits = [n for n in (facts.get("context"), dims[_axis(use)]) if n is not None]
    return min(limits) if limits else None


def _axis(use: InputUse) -> str:
    return str(use.axes[0]) if use.axes else ""


def _check_known(
    pairs: tuple[Pair, ...], known: Alphabet | Words, model: Model, choice: Choice
) -> None:
    """SpecError E729 for a symbol that the model has none for."""
    if isinstance(known, Words):
        return
    (use,) = model.inputs
    assert use.type.classes is not None
    size = use.type.classes.value(model.sizes)
    for pair in pairs:
        for sentence in (pair.good, pair.bad):
            try:
                highest = max(map(int, known.encode(sentence.encode())))
            except ValueError as error:
                what, fix = repr(error.args[0]), "train on bytes: symbols=bytes"
            else:
                if highest < size:
                    continue
                what, fix = f"byte {highest}", f"train with {use.type.classes} above it"
            message = f"'{sentence}' has {what}, which the run has no symbol for"
            raise SpecError(Diagnostic("E729", message, choice.span, f"leave it out, or {fix}"))


def _keep(folder: RunFolder, found: Score) -> None:
    """Add a score to ``eval.json``; an earlier one of the same checkpoint and data is replaced."""
    kept = read_json(folder.scores)["scores"] if folder.scores.exists() else []
    facts = asdict(found)
    same = ("checkpoint", "data", "part")
    kept = [item for item in kept if any(item[name] != facts[name] for name in same)]
    write_json(folder.scores, {"scores": [*kept, facts]})
