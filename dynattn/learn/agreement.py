"""A made task: does the verb agree with its subject, whatever noun stands between them?

As in arXiv 2606.12059: "the N V ." or "the N prep the N2 V .", between a start and an end mark.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dynattn.learn.fitting import facts_of, fitted, refused
from dynattn.learn.parts import SamplesData
from dynattn.model.model import Model
from dynattn.model.plans import Choice
from dynattn.vocabulary.distributions import stream

if TYPE_CHECKING:
    import numpy

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
BETWEEN = 0.6
"""How often a noun stands between."""


def vocabulary() -> tuple[str, ...]:
    """The words, 169 of them; a word's place is its number."""
    pairs = (word for part in (NOUNS, VERBS) for pair in part.split("|") for word in pair.split())
    return tuple(dict.fromkeys((*MARKS, *pairs, *PREPOSITIONS.split("|"))))


def check_agreement(choice: Choice, options: Mapping[str, Any], model: Model) -> object:
    """SpecError E514 for other inputs, E508 for too few words."""
    uses = {use.name: use for use in model.inputs}
    kinds = [str(use.type.classes) for use in uses.values() if use.type.classes is not None]
    axes = {name: len(use.axes) for name, use in uses.items()}
    if axes != {"text": 1, "verb": 0, "label": 0} or len(kinds) != 3:
        message = "agreement fills the inputs 'text', 'verb', its place, and 'label', 1 or 0"
        fix = (
            "declare dim T; input text: token(169)[T]; input verb: class(T); input label: class(2)"
        )
        raise refused("E514", message, choice, fix)
    text = uses["text"]
    assert text.type.classes is not None
    if str(text.axes[0]) not in {dim.name for dim in model.dims}:
        message = f"sentences have 6 or 9 words, and 'text' has {text.axes[0]}"
        raise refused("E514", message, choice, "declare dim T; input text: token(169)[T]")
    size, count = text.type.classes.value(model.sizes), len(vocabulary())
    if size < count:
        named = f"{text.type.classes} = " if text.type.classes.names else ""
        message = f"the sentences have {count} words, more than {named}{size}"
        raise refused("E508", message, choice, f"set {text.type.classes} to {count}")
    return None


def load_agreement(choice: Choice, options: Mapping[str, Any], model: Model) -> SamplesData:
    """Sentences made from the seed, those to measure on from a stream of their own."""
    check_agreement(choice, options, model)
    seed, counts = options["seed"], (options["samples"], options["validation"])
    (dim,) = (str(use.axes[0]) for use in model.inputs if use.name == "text")
    parts = []
    for name, count in zip(("training", "validation"), counts, strict=True):
        text, verb, label, lengths = sentences(stream(seed, f"data.agreement.{name}"), count)
        arrays = {"text": text, "verb": verb, "label": label}
        parts.append(fitted(arrays, {dim: lengths}, model, choice))
    content = b"".join(array.tobytes() for part in parts for array in part.arrays.values())
    facts = {
        "source": "agreement", "path": f"agreement(seed={seed})", "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(), **facts_of(*parts),
    }  # fmt: skip
    return SamplesData(parts[0], parts[1], facts, mixed=True)


def sentences(rng: numpy.random.Generator, count: int) -> tuple[Any, Any, Any, Any]:
    """Words [count, 9], the place of the verb, whether it agrees with the subject, the length.

    Subject, agreement and the number of the noun between are each one or the other by even odds.
    """
    import numpy

    place = {word: number for number, word in enumerate(vocabulary())}
    nouns, verbs = (
        numpy.array([[place[word] for word in pair.split()] for pair in part.split("|")])
        for part in (NOUNS, VERBS)
    )
    prepositions = numpy.array([place[word] for word in PREPOSITIONS.split("|")])
    between = rng.random(count) < BETWEEN
    plural, agrees, other = (rng.integers(0, 2, count) for _ in range(3))
    text = numpy.zeros((count, 9), numpy.int64)
    text[:, 0], text[:, 1] = place["<bos>"], place["the"]
    text[:, 2] = nouns[rng.integers(0, len(nouns), count), plural]
    text[:, 3] = prepositions[rng.integers(0, len(prepositions), count)]
    text[:, 4] = place["the"]
    text[:, 5] = nouns[rng.integers(0, len(nouns), count), plural ^ other]
    verb = numpy.where(between, 6, 3)
    rows = numpy.arange(count)
    text[rows, verb] = verbs[rng.integers(0, len(verbs), count), plural ^ 1 ^ agrees]
    text[rows, verb + 1], text[rows, verb + 2] = place["."], place["<eos>"]
    return text, verb, agrees, verb + 3
