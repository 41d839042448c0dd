"""``dynattn compile``: builds a spec, says what it built, and emits, certifies or trains it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dynattn.cli.settings import DEVICE, FOLDER, JSON, SEED, SET, SPEC, open_spec, read_device
from dynattn.diagnostics.report import Diagnostic, UsageError
from dynattn.model.plans import PRECISIONS

if TYPE_CHECKING:
    from dynattn.compilation import Compilation
    from dynattn.solve.compiler import Compiler


@dataclass(frozen=True)
class Request:
    """What the command line asked of ``compile``."""

    spec: str
    settings: tuple[str, ...]
    seed: int | None
    device: str | None
    folder: str | None
    train: bool
    resume: str | None
    emit: str | None
    certify: bool
    compiled: bool
    accumulate: int | None
    precision: str | None
    as_json: bool


@click.command(
    "compile",
    epilog="""\b
Examples
  dynattn compile kuramoto.dyn
  dynattn compile kuramoto.dyn --set N=1000 --set K=3 --certify
  dynattn compile kuramoto.dyn --emit kuramoto_model.py
  dynattn compile kuramoto_attention.dyn --train -o runs/first
  dynattn compile kuramoto_attention.dyn --train --resume runs/first
  dynattn compile kuramoto_attention.dyn --train --compile --accumulate 4
""",
)
@SPEC
@click.option("--train", is_flag=True, help="Train it as its `train` block says.")
@click.option(
    "--resume",
    metavar="[DIR]",
    is_flag=False,
    flag_value="",
    help="Go on with the training in DIR, or with the latest one of this spec.",
)
@click.option("--emit", metavar="FILE", help="Write the model as one PyTorch file.")
@click.option("--certify", is_flag=True, help="Compare it with the plain reference evaluator.")
@click.option(
    "--compile",
    "compiled",
    is_flag=True,
    help="With --train: make the step of training into machine code first, with torch.compile.",
)
@click.option(
    "--accumulate",
    metavar="N",
    type=int,
    help="With --train: compute each batch in N portions, one after the other, for less memory.",
)
@click.option(
    "--precision",
    type=click.Choice(PRECISIONS),
    help="With --train: of the matrix products of a step.",
)
@SET
@SEED
@DEVICE
@FOLDER
@JSON
def compile_spec(**options: Any) -> None:
    """Build a spec and print what was built."""
    request = Request(**options)
    check_options(request)
    if request.emit:
        from dynattn.diagnostics.files import refuse_folder

        refuse_folder(Path(request.emit))  # known now, not after a training
    device = read_device(request.device or ("auto" if request.train else "cpu"))
    compilation = open_spec(request.spec, request.settings, request.seed)
    if request.resume is not None:
        compilation = as_begun(compilation, request.resume or request.folder)
    facts = compile_request(request, compilation, device)
    if request.as_json:
        from dynattn.cli.screen import print_json

        print_json({"ok": True, **facts})


def check_options(request: Request) -> None:
    """UsageError E708 where options do not go together."""
    if request.resume is not None and not request.train:
        message = "--resume goes on with a training, and --train is missing"
        raise UsageError(Diagnostic("E708", message, fix="add --train"))
    if request.folder is not None and not request.train:
        message = "-o names the folder of a training, and --train is missing"
        raise UsageError(Diagnostic("E708", message, fix="add --train, or write --emit FILE"))
    if request.compiled and not request.train:
        message = "--compile compiles the step of a training, and --train is missing"
        raise UsageError(Diagnostic("E708", message, fix="add --train, or leave out --compile"))
    for name, given in (("accumulate", request.accumulate), ("precision", request.precision)):
        if given is not None and not request.train:
            message = f"--{name} says how a training computes its steps, and --train is missing"
            fix = f"add --train, or leave out --{name}"
            raise UsageError(Diagnostic("E708", message, fix=fix))
    fixed = [
        name
        for name, given in (("--set", request.settings), ("--seed", request.seed is not None))
        if given
    ]
    if request.resume is not None and fixed:
        message = f"a resumed training keeps its settings, and {' and '.join(fixed)} is given"
        raise UsageError(Diagnostic("E708", message, fix="leave it out, or train anew"))


def as_begun(compilation: Compilation, named: str | None) -> Compilation:
    """The spec with the settings and the seed of the training that it goes on with."""
    from dynattn.cli.fits import as_fit_begun, is_fitted
    from dynattn.cli.train import find_run

    if is_fitted(compilation):
        return as_fit_begun(compilation, named)
    run = find_run(compilation.model.name, named)
    from dynattn.learn.settings import as_started

    return as_started(compilation, run)


def compile_request(request: Request, compilation: Compilation, device: str) -> dict[str, Any]:
    """Everything that was asked for, one after the other; the facts for JSON."""
    from dynattn.cli.describe import describe

    quiet = request.as_json
    facts = describe(compilation, quiet=quiet)
    from dynattn.run.threads import threads_set

    with threads_set():
        return facts | compute(request, compilation, device, quiet)


def compute(request: Request, compilation: Compilation, device: str, quiet: bool) -> dict[str, Any]:
    """Build the module, and certify, train and emit it where that was asked for."""
    system = build(compilation, device, quiet)
    facts: dict[str, Any] = {}
    how: dict[str, Any]
    facts["learned"] = {name: list(value.shape) for name, value in system.named_parameters()}
    if request.certify:
        from dynattn.cli.certify import certify

        facts["certified"] = certify(compilation, quiet)
    from dynattn.cli.fits import is_fitted

    if request.train and is_fitted(compilation):
        from dynattn.cli.fits import train_fit

        refuse_steps(request)
        how = {"quiet": quiet, "device": device}
        system, facts["trained"] = train_fit(compilation, request.folder, request.resume, **how)
    elif request.train:
        from dynattn.cli.train import train

        folder, resume = request.folder, request.resume
        how = {"accumulate": request.accumulate, "precision": request.precision}
        how |= {"compiled": compiler_for(request.compiled), "device": device}
        system, facts["trained"] = train(compilation, folder, resume, quiet, **how)
    if request.emit:
        facts["emitted"] = emit(compilation, Path(request.emit), system, quiet)
    return facts


def refuse_steps(request: Request) -> None:
    """UsageError E708 for options of steps on batches, which a fit has none of."""
    asked = {"--compile": request.compiled, "--accumulate": request.accumulate is not None,
             "--precision": request.precision is not None}  # fmt: skip
    if given := [word for word, there in asked.items() if there]:
        message = f"{' and '.join(given)} is for a training on batches, and this one fits series"
        raise UsageError(Diagnostic("E708", message, fix=f"leave out {' and '.join(given)}"))


def compiler_for(wanted: bool) -> Compiler | bool:
    """What compiles steps, telling a person; UsageError E358 where it cannot. False: nothing."""
    if not wanted:
        return False
    from dynattn.cli.screen import note
    from dynattn.solve.compiler import Compiler

    return Compiler(note)


def build(compilation: Compilation, device: str, quiet: bool) -> Any:
    """Make the torch module, so that what cannot be made is known now."""
    import torch

    from dynattn.cli.screen import print_line
    from dynattn.lower.pairs import real_numbers

    # Apple's devices have no float64, and training is in float32 anyway.
    dtype = torch.float32 if device.startswith("mps") else None
    system = compilation.build(dtype=dtype, device=device)
    if not quiet:
        arrays = list(system.parameters())
        print_line(
            f"\nbuilt a torch module on {device}: {real_numbers(arrays)} learned numbers in "
            f"{len(arrays)} arrays"
        )
    return system


def emit(compilation: Compilation, path: Path, system: Any, quiet: bool) -> list[str]:
    """Write the model as one PyTorch file, with the arrays of ``system`` beside it."""
    from dynattn.cli.screen import print_line
    from dynattn.lower.emit import emit_files

    files = emit_files(
        path,
        compilation.model,
        compilation.network,
        compilation.program,
        seed=compilation.chosen_seed,
        tableau=own_tableau(compilation),
        weights=system.state_dict(),
    )
    if not quiet:
        print_line("\n".join(f"wrote {file}" for file in files) + f"\ntry: python {path}")
    return [str(file) for file in files]


def own_tableau(compilation: Compilation) -> Any:
    """The method of the first experiment where it is ours and takes fixed steps, else None."""
    from dynattn.solve.methods import find_method

    if not compilation.model.simulations:
        return None
    first = compilation.model.simulations[0]
    method = find_method(first.method)
    return None if method.chooses_steps(first.step) else method.tableau
