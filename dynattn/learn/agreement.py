"""A made task: does the verb agree with its subject, whatever noun stands between them?

As in arXiv 2606.12059: "the N V ." or "the N prep the N2 V .", between a start and an end mark.
The words are our own, as many as there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dynattn.learn.fitting import facts_of, fitted, refused
from dynattn.learn.made import called
from dynattn.learn.parts import Part, SamplesData
from dynattn.model.composition import InputUse
from dynattn.model.model import Model
from dynattn.model.plans import Choice

if TYPE_CHECKING:
    from random import Random

NOUNS = (
    "author authors|baker bakers|bird birds|boy boys|captain captains|cat cats|chef chefs|"
    "child children|cow cows|dancer dancers|deer deer|doctor doctors|dog dogs|driver drivers|"
    "farmer farmers|fish fish|fly flies|fox foxes|friend friends|girl girls|goose geese|"
    "guard guards|horse horses|judge judges|king kings|lawyer lawyers|lion lions|man men|"
    "mouse mice|nurse nurses|painter painters|pilot pilots|player players|poet poets|"
    "queen queens|rabbit rabbits|runner runners|sailor sailors|singer singers|soldier soldiers|"
    "student students|tailor tailors|teacher teachers|tiger tigers|visitor visitors|"
    "waiter waiters|wolf wolves|woman women|worker workers|writer writers"
)  # fmt: skip
"""Singular and plural; of two both are one word, and one pair are verbs too."""
VERBS = (
    "arrives arrive|asks ask|calls call|climbs climb|cries cry|dances dance|dreams dream|"
    "eats eat|falls fall|flies fly|grows grow|hides hide|jumps jump|knows know|laughs laugh|"
    "leaves leave|listens listen|moves move|rests rest|reads read|runs run|sings sing|"
    "sleeps sleep|smiles smile|speaks speak|swims swim|thinks think|waits wait|walks walk|"
    "works work"
)  # fmt: skip
PREPOSITIONS = "above|behind|beside|near|under|with|by"
MARKS = ("<pad>", "<bos>", "<eos>", "<unk>", "the", ".")
PAD, LONGEST = 0, 9
"""What fills up sentences of a fixed length, and how many words the longest has."""
BETWEEN = 0.6
"""How often a noun stands between."""


def vocabulary() -> tuple[str, ...]:
    """The words, 169 of them; a word's place is its number."""
    pairs = (word for part in (NOUNS, VERBS) for pair in part.split("|") for word in pair.split())
    return tuple(dict.fromkeys((*MARKS, *pairs, *PREPOSITIONS.split("|"))))


def check_agreement(choice: Choice, options: Mapping[str, Any], model: Model) -> InputUse:
    """The input of the words; SpecError E514 for other inputs, E508 for too few words."""
    uses = {use.name: use for use in model.inputs}
    kinds = [use for use in uses.values() if use.type.classes is not None]
    axes = {name: len(use.axes) for name, use in uses.items() if name != "hard"}
    hard = uses.get("hard")
    scalar = hard is None or not hard.axes
    if axes != {"text": 1, "verb": 0, "label": 0} or len(kinds) != len(uses) or not scalar:
        message = "agreement fills the inputs 'text', 'verb', its place, 'label' and 'hard', 1 or 0"
        fix = (
            "declare dim T; input text: token(169)[T]; input verb: class(T); input label: class(2)"
        )
        raise refused("E514", message, choice, fix)
    text = uses["text"]
    _check_length(text, choice, model)
    assert text.type.classes is not None
    size, count = text.type.classes.value(model.sizes), len(vocabulary())
    if size < count:
        named = f"{text.type.classes} = " if text.type.classes.names else ""
        message = f"the sentences have {count} words, more than {named}{size}"
        raise refused("E508", message, choice, f"set {text.type.classes} to {count}")
    return text


def _check_length(text: InputUse, choice: Choice, model: Model) -> None:
    """SpecError E514 for a text that has no room for the longest sentence."""
    limits = {dim.name: dim.limit for dim in model.dims}
    axis = text.axes[0]
    room = limits[str(axis)] if str(axis) in limits else axis.value(model.sizes)
    if room is not None and room < LONGEST:
        message = f"sentences have 6 or {LONGEST} words, and 'text' has {axis}"
        fix = "declare dim T; input text: token(169)[T]; or [9], filled up by <pad>, word 0"
        raise refused("E514", message, choice, fix)


def load_agreement(choice: Choice, options: Mapping[str, Any], model: Model) -> SamplesData:
    """Sentences by Python's ``random.Random``: training of the seed, validation of the next one,
    test of the one after it.
    """
    from random import Random

    text = check_agreement(choice, options, model)
    seed = options["seed"]
    measured = seed + (2 if options["measure"] == "test" else 1)
    counts = {seed: options["samples"], measured: options["validation"]}
    parts = [_part(Random(s), count, text, choice, model) for s, count in counts.items()]
    content = b"".join(array.tobytes() for part in parts for array in part.arrays.values())
    facts = {
        "source": "agreement", "path": called(choice, options), "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(), "measure": options["measure"],
        **facts_of(*parts),
    }  # fmt: skip
    return SamplesData(parts[0], parts[1], facts, mixed=True)


def _part(rng: Random, count: int, text: InputUse, choice: Choice, model: Model) -> Part:
    """So many sentences, each of its own length, or filled up to that of the input."""
    import numpy

    arrays, lengths = sentences(rng, count)
    names = {use.name for use in model.inputs}
    axis = str(text.axes[0])
    ragged = axis in {dim.name for dim in model.dims}
    if not ragged:
        room = text.axes[0].value(model.sizes) - LONGEST
        arrays["text"] = numpy.pad(arrays["text"], ((0, 0), (0, room)), constant_values=PAD)
    own = {name: array for name, array in arrays.items() if name in names}
    return fitted(own, {axis: lengths} if ragged else {}, model, choice)


def sentences(rng: Random, count: int) -> tuple[dict[str, Any], Any]:
    """Words ``text`` [count, 9], the place of the ``verb``, ``label``: whether it agrees with the
    subject, ``hard``: whether a noun of the other number stands between; and the lengths.
    """
    import numpy

    place = {word: number for number, word in enumerate(vocabulary())}
    nouns, verbs, prepositions = (
        [[place[word] for word in item.split()] for item in part.split("|")]
        for part in (NOUNS, VERBS, PREPOSITIONS)
    )
    bos, the, stop, eos = (place[word] for word in ("<bos>", "the", ".", "<eos>"))
    rows = []
    for _ in range(count):
        between, plural, agrees = rng.random() < BETWEEN, rng.random() < 0.5, rng.random() < 0.5
        words, hard = [bos, the, rng.choice(nouns)[plural]], False
        if between:
            hard = rng.random() < 0.5
            words += [*rng.choice(prepositions), the, rng.choice(nouns)[plural ^ hard]]
        words += [rng.choice(verbs)[plural ^ (not agrees)], stop, eos]
        filled = [*words, *[PAD] * (LONGEST - len(words))]
        rows.append([*filled, len(words) - 3, agrees, hard, len(words)])
    table = numpy.array(rows, numpy.int64)
    verb, label, hard, lengths = table[:, LONGEST:].T
    return {"text": table[:, :LONGEST], "verb": verb, "label": label, "hard": hard}, lengths
