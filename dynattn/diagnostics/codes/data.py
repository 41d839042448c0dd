"""Codes of files, data and training: E500 to E599."""

from __future__ import annotations

from dynattn.diagnostics.entry import Entry

_SOURCE = 'data text("tinyshakespeare.txt", context=128)'
_OPTIMIZER = "optimizer adamw(lr=3e-3)"
_COMPILE = "dynattn compile spec.dyn --train"

CODES: dict[str, Entry] = {
    "E501": Entry(
        "a data file is missing",
        "A path in `data` is relative to the folder of the spec, not to the folder you work in. "
        "Where nothing lies there, the files that ship with dynattn are tried by the same name.",
        'data text("tinyshakespear.txt", context=128)',
        _SOURCE,
    ),
    "E502": Entry(
        "a data file is empty",
        "There is a file, and nothing in it (or nothing in its packing).",
        'data text("empty.txt", context=128)',
        _SOURCE,
    ),
    "E503": Entry(
        "a data file is a folder",
        "`data` names one file.",
        'data text("data", context=128)',
        'data text("data/input.txt", context=128)',
    ),
    "E504": Entry(
        "a text is shorter than one context",
        "Training draws windows of `context` symbols from the training part, and measures on "
        "windows of the validation part: each part needs at least one.",
        'data text("short.txt", context=4096)',
        'data text("short.txt", context=64)',
    ),
    "E505": Entry(
        "a data file is cut short",
        "The file ends before it should: its xz packing goes on, a file that ships has lost "
        "bytes, or `split` asks for more symbols than there are. Fetch the file again.",
        'data text("enwik8.xz", context=256, split=[90000000, 50000000])',
        'data text("enwik8.xz", context=256, split=[90000000, 5000000])',
    ),
    "E506": Entry(
        "a data file has another checksum",
        "`checksum` is the sha256 of the file as it lies on disk (packed, where it is packed), "
        "as `sha256sum FILE` prints it. Files that ship with dynattn have a known one.",
        'data text("a.txt", context=128, checksum="sha256:00ff...")',
        'data text("a.txt", context=128, checksum="sha256:86c4...")',
    ),
    "E507": Entry(
        "an xz file is damaged",
        "A file whose name ends in .xz is unpacked; this one does not unpack.",
        'data text("plain.xz", context=128)   # not packed at all',
        'data text("plain.txt", context=128)',
    ),
    "E508": Entry(
        "the text has symbols the model does not know",
        "`input text: token(V)[T]` takes symbols below V. Bytes are below 256; with "
        "`symbols=characters` there are as many as different characters in the text.",
        "param V = 64",
        "param V = 256",
    ),
    "E509": Entry(
        "a data file cannot be read",
        "The operating system refused to read it.",
        'data text("/root/secret.txt", context=128)',
        _SOURCE,
    ),
    "E510": Entry(
        "unknown data source",
        "`data` names a source and what it reads: `text` for bytes or characters of one file, "
        "`words`, `arrays`, `table`, `images`, `audio`; `agreement` makes its samples.",
        'data txt("a.txt", context=128)',
        'data text("a.txt", context=128)',
    ),
    "E511": Entry(
        "unknown option",
        "Every data source, optimiser and schedule has its own options; none is ignored.",
        "optimizer adamw(learning_rate=3e-3)",
        _OPTIMIZER,
    ),
    "E512": Entry(
        "an option has a wrong value",
        "The value is of another kind, or out of the option's range.",
        "schedule cosine(floor=2)",
        "schedule cosine(floor=0.1)",
    ),
    "E513": Entry(
        "an option is missing",
        "Some options have no default, because none would be right.",
        'data text("a.txt")',
        'data text("a.txt", context=128)',
    ),
    "E514": Entry(
        "the data does not fill the inputs",
        "A data source fills inputs by name: `text` and `words` one input `text`, a sequence of "
        "tokens; `images` `image` and `label`; `audio` `frames` and `label`; `agreement` `text`, "
        "`verb` and `label`; `arrays` and `table` whatever the model has.",
        "input story: token(V)[T]",
        "input text: token(V)[T]",
    ),
    "E515": Entry(
        "the parts of a split do not fit",
        "`split` is a list of fractions that sum to 1 at most, or of whole numbers of symbols: "
        "training, validation, and test where there is one.",
        "split=[0.9, 0.2]",
        "split=[0.9, 0.1]",
    ),
    "E516": Entry(
        "the context does not fit the input",
        "`context` is the length of a window: within the limit of the dim it becomes, or the "
        "input's own length where that is fixed.",
        "dim T <= 50   # and context=128",
        "dim T <= 128",
    ),
    "E517": Entry(
        "a data file is not UTF-8",
        "Characters are read from UTF-8 text; any file can be read as bytes.",
        'data text("latin1.txt", context=128, symbols=characters)',
        'data text("latin1.txt", context=128)',
    ),
    "E519": Entry(
        "values that do not fit the inputs",
        "`arrays` takes an npz file with one array per input, by its name: one row per sample, in "
        "the shape of the input, whole numbers from 0 on for tokens and classes. `table` takes a "
        "column per input; `images` and `audio` name the arrays they read.",
        'numpy.savez("digits.npz", images=x, label=y)   # input image: real[d]',
        'numpy.savez("digits.npz", image=x, label=y)',
    ),
    "E520": Entry(
        "unknown optimizer",
        "There are `adamw`, `adam` and `sgd`.",
        "optimizer adamv(lr=3e-3)",
        _OPTIMIZER,
    ),
    "E521": Entry(
        "unknown schedule",
        "There are `constant`, `cosine` and `linear`.",
        "schedule cosin(warmup=0.03)",
        "schedule cosine(warmup=0.03)",
    ),
    "E522": Entry(
        "lengths of samples that do not fit",
        "Where `dim T` is a sample's own length, an npz file has the samples padded to the longest "
        "one, and their lengths as whole numbers in an array called T: from 1 on, within the "
        "dim's limit, none longer than the arrays. What lies past a sample's length is not read. "
        "Without that array all samples are as long as the arrays.",
        'numpy.savez("a.npz", frames=padded)   # two inputs of one dim, padded differently',
        'numpy.savez("a.npz", frames=padded, T=lengths)',
    ),
    "E523": Entry(
        "the spec has no train block",
        "Only a spec that says what data, loss and optimiser it is trained with can be trained.",
        "dynattn compile kuramoto.dyn --train",
        "dynattn compile kuramoto_attention.dyn --train",
    ),
    "E524": Entry(
        "more portions than samples",
        "`accumulate` says in how many portions the gradient of a batch is computed, one after the "
        "other; each has a sample at least.",
        "batch 4; accumulate 8",
        "batch 32; accumulate 8",
    ),
    "E525": Entry(
        "there is nothing to learn",
        "Training moves what `learn` declares and the weights of learned functions.",
        "param eta = 1",
        "learn eta = 1",
    ),
    "E526": Entry(
        "unknown precision",
        "There are `float32` and `bfloat16`: of the matrix products of linear maps and attention "
        "in a step of training. Everything else has float32 in any case.",
        "precision float16",
        "precision bfloat16",
    ),
    "E527": Entry(
        "a precision that changes nothing",
        "`precision bfloat16` is for the matrix products of linear maps and attention in a step of "
        "training, and this model has none.",
        "precision bfloat16",
        "precision float32",
    ),
    "E736": Entry(
        "the columns make no pairs",
        "A file of pairs has the columns `good` and `bad`; or `sentence_good` and `sentence_bad`; "
        "or `prefix`, `correct` and `wrong`; or `sentence`, `target_index` (from 0), `correct` and "
        "`wrong`. One more may say of which kind a pair is: `condition=` names it.",
        "right\twrong",
        "good\tbad",
    ),
    "E737": Entry(
        "a line makes no pair",
        "Every line has a cell for each column, or is one JSON object with the names that the "
        "first has; no sentence is empty, and `target_index` is a place of the sentence.",
        "the dogs bark",
        "the dogs bark\tthe dogs barks",
    ),
    "E738": Entry(
        "recordings do not fit one another",
        "All recordings have one rate: those of a folder, of the array `rate` of an npz file, what "
        "`rate=` says, and what a trained run is measured on. A folder of recordings has a folder "
        "of wav files per label, each of one channel. `labels=` names those that count; "
        "`validation_list.txt` and `testing_list.txt` name the recordings to measure on, one "
        "`yes/1.wav` a line.",
        "yes/1.wav at 16000 Hz, no/1.wav at 8000 Hz",
        "yes/1.wav at 16000 Hz, no/1.wav at 16000 Hz",
    ),
    "E528": Entry(
        "a series that is none of this model",
        "A series has a column t of ascending times, and columns named like states and observables "
        "of the model: theta[0], theta[1] .. of nodes, r of a number. Empty cells are measurements "
        "that are missing. There have to be more measurements than unknown numbers.",
        "t,theta0\n0,0.31\n0.1,0.35",
        "t,theta[0]\n0,0.31\n0.1,0.35",
    ),
    "E540": Entry(
        "there is no checkpoint",
        "A run writes its first checkpoint with its first measurement on validation data.",
        "dynattn sample runs/new-1",
        _COMPILE,
    ),
    "E541": Entry(
        "a checkpoint is damaged",
        "The file was cut short or changed after it was written, or it holds too little to go on "
        "from. dynattn itself replaces a checkpoint only as a whole.",
    ),
    "E542": Entry(
        "a checkpoint is of another spec",
        "The names and shapes of the parameters in a checkpoint have to be those of the spec. "
        "Each checkpoint holds the text it was trained with, and is read with that text alone.",
    ),
    "E543": Entry(
        "a run cannot go on with another spec",
        "`--resume` continues exactly, so the spec has to be the one the run began with, to the "
        "letter. The run folder keeps it as spec.dyn.",
        "dynattn compile changed.dyn --train --resume runs/model-1",
        _COMPILE,
    ),
    "E544": Entry(
        "a run cannot go on with other settings",
        "`--resume` continues exactly: the same `--set`, the same `--seed`, the same data.",
        "dynattn compile spec.dyn --train --set C=64 --resume runs/model-1",
        "dynattn compile spec.dyn --train --resume runs/model-1",
    ),
    "E545": Entry(
        "a folder is no run folder",
        "A run folder has settings.json, spec.dyn, metrics.jsonl and checkpoints/.",
        "dynattn compile spec.dyn --train --resume runs",
        "dynattn compile spec.dyn --train --resume runs/model-1",
    ),
    "E546": Entry(
        "a run is finished",
        "All its steps are done; there is nothing to go on with.",
        "dynattn compile spec.dyn --train --resume runs/model-1",
        _COMPILE,
    ),
    "E571": Entry(
        "a setting of sampling is out of range",
        "`temperature` is from 0 on (0 takes the likeliest symbol), `top_k` from 1 on, `length` "
        "from 0 on, `context` from 1 to the limit of the model's `dim T`, `stride` from 1 to the "
        "context.",
        "dynattn sample runs/model-1 --temperature -1",
        "dynattn sample runs/model-1 --temperature 0.8",
    ),
    "E572": Entry(
        "a prompt has symbols the model does not know",
        "A model knows the symbols it was trained with.",
    ),
    "E573": Entry(
        "a model cannot be sampled from",
        "Text is sampled from a model with one input `text: token(V)[T]` and one output that has a "
        "row of V logits for every token.",
        "output state = mean(theta)",
        "output logits = linear([cos(theta), sin(theta)], V)",
    ),
    "E580": Entry(
        "training diverged",
        "The loss, or the norm of its gradient, is no finite number any more. The usual cause is a "
        "learning rate that is too high; clipping gradients and a longer warm-up help too.",
        "optimizer adamw(lr=3)",
        _OPTIMIZER,
    ),
}
