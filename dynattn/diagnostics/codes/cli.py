"""Codes of the command line and of the files that dynattn writes: E700 to E799."""

from __future__ import annotations

from dynattn.diagnostics.entry import Entry

CODES: dict[str, Entry] = {
    "E701": Entry(
        "--set names nothing in the spec",
        "`--set NAME=VALUE` reaches every `param` of the model that is one number. What differs "
        "from node to node is drawn or computed in the spec; what is trained (`learn`) is not set.",
        "dynattn compile kuramoto.dyn --set strength=3",
        "dynattn compile kuramoto.dyn --set K=3",
    ),
    "E702": Entry(
        "--set has a value that cannot be read",
        "A value is a number, such as 3, -0.5 or 1e-3; where the spec has a manifold, a function "
        "or a way to evolve under a name, another one, such as SO(3), relu or euler. It is not an "
        "expression: what is computed belongs into the spec.",
        "dynattn compile kuramoto.dyn --set alpha=pi/4",
        "dynattn compile kuramoto.dyn --set alpha=0.785398",
    ),
    "E703": Entry(
        "unknown device",
        "A device is `cpu`, `cuda`, `cuda:0`, `cuda:1`, ... or `mps`, and must be there on this "
        "machine. `auto` takes the first of cuda, mps, cpu that is there.",
        "dynattn compile spec.dyn --train --device gpu",
        "dynattn compile spec.dyn --train --device cuda",
    ),
    "E704": Entry(
        "a place for output is taken",
        "What dynattn writes never replaces something else: a folder is not made where a file "
        "stands, a file is not written where a folder stands, `-o DIR` never writes into a folder "
        "that has something in it (`--resume DIR` goes on with an unfinished training), and `new` "
        "replaces nothing at all.",
        "dynattn new kuramoto -o kuramoto.dyn   # kuramoto.dyn exists",
        "dynattn new kuramoto -o kuramoto2.dyn",
    ),
    "E705": Entry(
        "a file cannot be written",
        "The operating system refused to write: the disk is full, the place is read-only, or it "
        "belongs to someone else. Files are first written under another name and then renamed, so "
        "whatever was there before is still whole, and a training goes on with `--resume`.",
        "dynattn graph kuramoto.dyn -o /kuramoto.svg",
        "dynattn graph kuramoto.dyn -o figures/kuramoto.svg",
    ),
    "E706": Entry(
        "the spec has no such experiment",
        "`dynattn run SPEC NAME` runs the `simulate` or `sweep` of that name. Without a name it "
        "runs the first one of the spec.",
        "dynattn run kuramoto.dyn transit",
        "dynattn run kuramoto.dyn transition",
    ),
    "E707": Entry(
        "an unknown name of something that ships",
        "`dynattn new NAME` copies a spec that ships with dynattn, and `dynattn explain CODE` "
        "tells about an error code; `dynattn new --list` shows the specs.",
        "dynattn new kuramotto",
        "dynattn new kuramoto",
    ),
    "E708": Entry(
        "two options do not go together",
        "Some options only make sense with another one: `--resume` continues a training, so it "
        "belongs to `--train`; a resumed training keeps the settings it was started with.",
        "dynattn compile spec.dyn --resume",
        "dynattn compile spec.dyn --train --resume",
    ),
    "E709": Entry(
        "a run folder was needed",
        "`sample` and `export` need a trained model: give them the folder that `compile --train` "
        "wrote.",
        "dynattn sample kuramoto_attention.dyn",
        "dynattn sample runs/kuramoto_attention",
    ),
    "E746": Entry(
        "processes without a device each",
        "Processes that torchrun starts to train together have a device of CUDA each, or share the "
        "CPU.",
        "torchrun --nproc_per_node 8 -m dynattn compile spec.dyn --train   # on two GPUs",
        "torchrun --nproc_per_node 2 -m dynattn compile spec.dyn --train",
    ),
    "E747": Entry(
        "a process of a training is gone",
        "Processes that train together need one another for every update. The one that ended first "
        "says why; the last checkpoint is whole.",
        "torchrun --nproc_per_node 2 -m dynattn compile spec.dyn --train",
        "torchrun --nproc_per_node 2 -m dynattn compile spec.dyn --train --resume runs/spec-1",
    ),
    "E748": Entry(
        "several processes for something that is not shared",
        "torchrun starts several processes, and only a training has a share for each of them.",
        "torchrun --nproc_per_node 2 -m dynattn run spec.dyn",
        "dynattn run spec.dyn",
    ),
}
