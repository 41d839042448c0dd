"""``dynattn eval``: a trained run, measured on its own or on other data."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dynattn.cli.settings import DEVICE, JSON, read_device
from dynattn.diagnostics.report import Diagnostic, UsageError

if TYPE_CHECKING:
    from dynattn.learn.score import Score

ROWS = 40
"""Conditions up to which they are told one by one."""


@click.command(
    "eval",
    epilog="""\b
Examples
  dynattn eval runs/kuramoto_attention-1
  dynattn eval runs/kuramoto_attention-1 --part test --checkpoint last
  dynattn eval runs/kuramoto_attention-1 --data other.txt
  dynattn eval runs/kuramoto_attention-1 --data 'text("other.txt", context=64)'
  dynattn eval runs/words-1 --data pairs.tsv
""",
)
@click.argument("run", metavar="RUN")
@click.option(
    "--data", metavar="DATA",
    help="Other data of the run's kind: a file, or a source as in `train`. A .csv, .tsv or .jsonl "
    "beside a run on text: pairs of sentences.",
)  # fmt: skip
@click.option("--part", type=click.Choice(("validation", "test")), help="Of the run's own data.")
@click.option("--checkpoint", type=click.Choice(("best", "last")), default="best",
              show_default=True, help="Which weights.")  # fmt: skip
@DEVICE
@JSON
def evaluate(
    run: str, data: str | None, part: str | None, checkpoint: str, device: str | None, as_json: bool
) -> None:
    """Measure a trained run on its validation data, or on other data."""
    if data is not None and part is not None:
        message = "--part is a part of the run's own data, and --data names other data"
        raise UsageError(Diagnostic("E708", message, fix="leave out one of the two"))
    if Path(run).is_file():
        message = f"'{run}' is a file, and eval needs the folder of a run"
        fix = "train first: dynattn compile SPEC --train"
        raise UsageError(Diagnostic("E709", message, fix=fix))
    device = read_device(device or "cpu")
    from dynattn.interface import evaluate as measured
    from dynattn.run.threads import threads_set

    with threads_set():
        found = measured(
            run, data=data, part=part or "validation", checkpoint=checkpoint, device=device
        )
    if as_json:
        from dynattn.cli.screen import print_json

        print_json({"ok": True, **asdict(found)})
    else:
        tell(found, run)


def tell(found: Score, run: str) -> None:
    """Print a score as tables."""
    from dynattn.cli.screen import note, print_line, print_table

    part = "" if found.part in ("all", "pairs") else f", {found.part} part"
    print_line(f"{found.model}, {found.checkpoint} checkpoint (step {found.step})")
    print_line(f"on {found.data}{part}: {found.samples:,} {_counted(found)}\n")
    if found.pairs is not None:
        tell_pairs(found)
    else:
        values = {} if found.loss is None else {"loss": found.loss}
        if found.bits_per_character is not None:
            values["bits per character"] = found.bits_per_character
        values |= {name: value for name, value in found.records.items() if name != "loss"}
        print_table(("measure", "value"), [(k, f"{v:.4f}") for k, v in values.items()])
    if found.remark:
        note(found.remark)
    print_line(f"\nkept in {Path(run) / 'eval.json'}")


def _counted(found: Score) -> str:
    return "pairs" if found.pairs is not None else "samples"


def tell_pairs(found: Score) -> None:
    """Print the accuracy over all pairs, and by what the table says of them."""
    from dynattn.cli.screen import note, print_heading, print_table

    pairs = found.pairs
    assert pairs is not None
    print_table(
        ("accuracy", "pairs", "mean log p(good) - log p(bad)"),
        [(f"{pairs.accuracy:.4f}", str(pairs.count), f"{pairs.margin:.4f}")],
    )
    if 1 < len(pairs.conditions) <= ROWS:
        print_heading("by condition")
        rows = [(name, f"{share:.4f}", str(n)) for name, (share, n) in pairs.conditions.items()]
        print_table(("condition", "accuracy", "pairs"), rows)
    for why, count in pairs.left_out.items():
        note(f"{count} pairs are left out: they {why}")
