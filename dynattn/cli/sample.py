"""``dynattn sample``: text from a trained model."""

from __future__ import annotations

from pathlib import Path

import click

from dynattn.cli.settings import DEVICE, JSON, read_device
from dynattn.diagnostics.report import Diagnostic, UsageError


@click.command(
    epilog="""\b
Examples
  dynattn sample runs/kuramoto_attention-1
  dynattn sample runs/kuramoto_attention-1 --prompt "ROMEO:" --length 500
  dynattn sample runs/kuramoto_attention-1 --temperature 0.7 --seed 3
  dynattn sample runs/kuramoto_attention-1 --length 2000 --stride 32
"""
)
@click.argument("run", metavar="RUN")
@click.option("--prompt", default="\n", show_default="a line end", help="The text to go on with.")
@click.option("--length", default=400, show_default=True, help="Characters or words to write.")
@click.option("--temperature", default=1.0, show_default=True, help="0: the likeliest alone.")
@click.option("--top-k", type=int, help="Draw among the K likeliest alone.")
@click.option("--context", type=int, help="Symbols seen at most.  [default: as in training]")
@click.option(
    "--stride",
    default=1,
    show_default=True,
    help="Where there are more symbols than are seen, forget so many of the oldest at once.",
)
@click.option("--seed", default=0, show_default=True, help="Seed of the draws.")
@DEVICE
@JSON
def sample(
    run: str,
    prompt: str,
    length: int,
    temperature: float,
    top_k: int | None,
    context: int | None,
    stride: int,
    seed: int,
    device: str | None,
    as_json: bool,
) -> None:
    """Write text with the best weights of a run folder."""
    from dynattn.cli.screen import note, print_generated, print_json

    path = Path(run)
    if path.is_file():
        message = f"'{run}' is a file, and sample needs the folder of a run"
        fix = "train first: dynattn compile SPEC --train"
        raise UsageError(Diagnostic("E709", message, fix=fix))
    device = read_device(device or "cpu")
    import torch

    from dynattn.interface import load_run
    from dynattn.learn import generate
    from dynattn.learn.folder import open_run, read_json
    from dynattn.learn.text import Alphabet
    from dynattn.learn.words import Words
    from dynattn.run.threads import threads_set

    spec = load_run(path)
    data = read_json(open_run(path).settings)["data"]
    if "context" not in data:
        message = f"the run in {path} was not trained on running text, so it writes none"
        raise UsageError(Diagnostic("E709", message, fix="name a run that was"))
    words = data.get("words")
    alphabet = Alphabet(data["characters"]) if words is None else Words(tuple(words))
    notes: list[str] = []
    with threads_set():
        system = spec.build(dtype=torch.float32, device=device)
        made = generate.sample(
            system, prompt.encode(), length, temperature=temperature, top_k=top_k, seed=seed,
            context=data["context"] if context is None else context, stride=stride,
            alphabet=alphabet, told=notes.append,
        ).decode("utf-8", "replace")  # fmt: skip
    if as_json:
        print_json({"ok": True, "prompt": prompt, "text": made, "notes": notes})
        return
    for text in notes:
        note(text)
    between = " " if words is not None and prompt[-1:].strip() else ""
    print_generated((prompt + between + made).lstrip("\n"))
