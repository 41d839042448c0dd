"""Codes of comparisons and of scores on other data: E720 to E735."""

from __future__ import annotations

from dynattn.diagnostics.entry import Entry

_COMPARE = "dynattn compare A.dyn B.dyn --seeds 5 --steps 1000"

CODES: dict[str, Entry] = {
    "E720": Entry(
        "a comparison without a seed",
        "Every spec is trained once with each of the seeds 0, 1, .., so one is needed at least; "
        "an interval for a difference needs two, and means little below five.",
        "dynattn compare A.dyn B.dyn --seeds 0",
        "dynattn compare A.dyn B.dyn --seeds 5",
    ),
    "E721": Entry(
        "the specs of a comparison",
        "A comparison is of two specs or more, each under a name of its own, which its folder has "
        "too: the name of the model, or of the file where two models share one. `NAME=SPEC` gives "
        "another, so that one file may take part with several settings. All are trained from their "
        "start, so a folder of a trained run is none of them.",
        "dynattn compare layer.dyn layer.dyn",
        "dynattn compare narrow=layer.dyn wide=layer.dyn --set wide:C=64",
    ),
    "E722": Entry(
        "specs that cannot be compared",
        "Numbers are compared that mean the same: the specs need the same data, in the same parts "
        "and windows, and the same loss. The names of outputs may differ, and so may anything "
        "else of the models and of their optimisers.",
        'data text("a.txt", context=64)   # and context=128 in the other spec',
        'data text("a.txt", context=64)   # in both',
    ),
    "E723": Entry(
        "the budget of a comparison",
        "All specs are trained on as many samples. Where their own `steps`, `epochs` and `batch` "
        "say otherwise, one of `--steps`, `--epochs`, `--samples` and `--tokens` gives the budget; "
        "`--tokens` is for windows of running text.",
        "dynattn compare A.dyn B.dyn --steps 100 --epochs 2",
        _COMPARE,
    ),
    "E724": Entry(
        "a folder with another comparison",
        "Runs that the folder holds are taken or gone on with, so they must be those of the same "
        "specs with the same settings, steps and data. More seeds and more specs may be added.",
        "dynattn compare A.dyn B.dyn -o runs/first --steps 500   # begun with --steps 300",
        "dynattn compare A.dyn B.dyn -o runs/second --steps 500",
    ),
    "E725": Entry(
        "an unknown measure",
        "What is measured is the loss, what `record` in `train` names, and the bits per character "
        "of a text; the first letters are enough where they are of one alone. A condition of "
        "`--fail` is a measure, one of < <= > >=, and a number.",
        'dynattn compare A.dyn B.dyn --fail "acuracy<0.85"',
        'dynattn compare A.dyn B.dyn --fail "accuracy<0.85"',
    ),
    "E726": Entry(
        "the process of a run ended before the run",
        "Each of several runs at a time has a process of its own, and one of them was killed, or "
        "found no memory. What it saved is whole: the same command goes on with it.",
        _COMPARE,
        _COMPARE + " --jobs 1",
    ),
    "E727": Entry(
        "data that a run cannot be measured on",
        "A run is measured on data of the kind that it was trained on, since its inputs are those: "
        "a text for a text, recordings for recordings. A file named alone is read with the options "
        "of the run's own data. A part for tests is there where a text has three shares.",
        "dynattn eval runs/text-1 --data 'audio(\"digits.npz\", features=logmel(40, 49))'",
        "dynattn eval runs/text-1 --data other.txt",
    ),
    "E728": Entry(
        "a width that cannot be matched",
        "`--match` chooses a whole number that a spec has as a parameter, a width, so that it "
        "learns as many numbers as the first spec, within 2 %. It is a parameter of every spec but "
        "the first, or of the one that is named before it.",
        "dynattn compare A.dyn B.dyn --match B:hiden",
        "dynattn compare A.dyn B.dyn --match B:hidden",
    ),
    "E729": Entry(
        "other data has what the run has no symbol for",
        "A run on characters knows those of its own text, and a run on words puts <unk> for what "
        "it does not know; of a pair of sentences that differ in such words alone neither is the "
        "likelier one.",
        "dynattn eval runs/characters-1 --data greek.txt",
        "dynattn eval runs/bytes-1 --data greek.txt",
    ),
    "E731": Entry(
        "pieces of a text whose length is not said",
        "`pieces=text` cuts a text, `pieces=lines` each line of it, into pieces of `context` "
        "symbols, the first of which is <bos>, and the last <eos>.",
        'data words("a.txt", pieces=text)',
        'data words("a.txt", pieces=text, context=50)',
    ),
    "E730": Entry(
        "the model gives no probabilities of sentences",
        "Pairs of sentences are scored by a model that was trained on running text, or on lines of "
        "words, to foretell what comes next: `cross_entropy(y, next(text))`, with `dim T`, so that "
        "it reads sentences of any length.",
        "dynattn eval runs/digits-1 --data 'pairs(\"blimp.jsonl\")'",
        "dynattn eval runs/words-1 --data 'pairs(\"blimp.jsonl\")'",
    ),
}
