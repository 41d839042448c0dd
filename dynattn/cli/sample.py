"""``dynattn sample``: text from a trained model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dynattn.cli.settings import DEVICE, JSON, read_device
from dynattn.diagnostics.report import Diagnostic, UsageError

if TYPE_CHECKING:
    from dynattn.learn.text import Alphabet


@click.command(
    epilog="""\b
Examples
  dynattn sample runs/kuramoto_attention-1
  dynattn sample runs/kuramoto_attention-1 --prompt "ROMEO:" --length 500
  dynattn sample runs/kuramoto_attention-1 --temperature 0.7 --seed 3
"""
)
@click.argument("run", metavar="RUN")
@click.option("--prompt", default="\n", show_default="a line end", help="The text to go on with.")
@click.option("--length", default=400, show_default=True, help="Characters to write.")
@click.option("--temperature", default=1.0, show_default=True, help="0: the likeliest alone.")
@click.option("--top-k", type=int, help="Draw among the K likeliest characters alone.")
@click.option("--seed", default=0, show_default=True, help="Seed of the draws.")
@DEVICE
@JSON
def sample(
    run: str,
    prompt: str,
    length: int,
    temperature: float,
    top_k: int | None,
    seed: int,
    device: str,
    as_json: bool,
) -> None:
    """Write text with the best weights of a run folder."""
    from dynattn.cli.screen import print_generated, print_json

    path = Path(run)
    if path.is_file():
        message = f"'{run}' is a file, and sample needs the folder of a run"
        fix = "train first: dynattn compile SPEC --train"
        raise UsageError(Diagnostic("E709", message, fix=fix))
    device = read_device(device)
    from dynattn.interface import load_run
    from dynattn.learn import generate

    spec = load_run(path)
    alphabet, context = alphabet_of(path)
    import torch

    system = spec.build(dtype=torch.float32, device=device)
    made = generate.sample(
        system, prompt.encode(), length, context=context, temperature=temperature,
        top_k=top_k, seed=seed, alphabet=alphabet,
    ).decode("utf-8", "replace")  # fmt: skip
    if as_json:
        print_json({"ok": True, "prompt": prompt, "text": made})
    else:
        print_generated((prompt + made).lstrip("\n"))


def alphabet_of(path: Path) -> tuple[Alphabet, int]:
    """The symbols a run was trained with, and how many of them it sees at a time."""
    from dynattn.interface import load_run
    from dynattn.learn.folder import open_run, read_json
    from dynattn.learn.plan import make_plan
    from dynattn.learn.text import BYTES

    facts = read_json(open_run(path).settings)["data"]
    if facts["symbols"] == "bytes":
        return BYTES, facts["context"]
    return make_plan(load_run(path).model).data.alphabet, facts["context"]
