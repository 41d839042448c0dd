"""``dynattn compare``: specs trained over the same seeds under one budget, in one table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dynattn.cli.settings import DEVICE, FOLDER, JSON, open_spec, read_device
from dynattn.diagnostics.report import Collector, Diagnostic, UsageError
from dynattn.diagnostics.suggest import did_you_mean

if TYPE_CHECKING:
    from dynattn.compilation import Compilation
    from dynattn.learn.comparison import Comparison

UNITS = ("steps", "epochs", "samples", "tokens")


@click.command(
    epilog="""\b
Examples
  dynattn compare attention.dyn softmax.dyn
  dynattn compare attention.dyn softmax.dyn --seeds 10 --steps 2000 -o runs/first
  dynattn compare attention.dyn softmax.dyn --fail "accuracy<0.85"
  dynattn compare small=layer.dyn wide=layer.dyn --set wide:C=64
  dynattn compare attention.dyn softmax.dyn --match hidden
\b
The same command again takes the runs that are done and goes on with the others.
"""
)
@click.argument("specs", metavar="[NAME=]SPEC...", nargs=-1, required=True)
@click.option("--seeds", type=int, default=5, show_default=True, help="How many: 0, 1, ..")
@click.option("--steps", type=float, help="Updates of each run, not what the specs say.")
@click.option("--epochs", type=float, help="Or how often the data is gone through.")
@click.option("--samples", type=float, help="Or how many samples each run sees.")
@click.option("--tokens", type=float, help="Or how many tokens of running text.")
@click.option(
    "--set", "settings", metavar="[NAME:]PARAM=VALUE", multiple=True,
    help="Set a parameter of every spec, or of one. May be given several times.",
)  # fmt: skip
@click.option("--jobs", type=click.IntRange(min=1), help="Runs at a time; cores unless given.")
@click.option(
    "--fail", metavar="CONDITION", multiple=True,
    help="Count runs as failed, as in --fail \"accuracy<0.85\"; those with NaN always are.",
)  # fmt: skip
@click.option(
    "--match", metavar="[NAME:]PARAM", multiple=True,
    help="Choose this width of the others so that all learn as many numbers as the first spec.",
)  # fmt: skip
@click.option("--measure", help="What the picture shows; the first measure unless given.")
@DEVICE
@FOLDER
@JSON
def compare(specs: tuple[str, ...], folder: str | None, as_json: bool, **options: Any) -> None:
    """Train specs over the same seeds under one budget, and tell how they differ."""
    device = read_device(options["device"] or "auto")
    named = named_specs(specs, options["settings"])
    from dynattn.interface import compare as compared
    from dynattn.present.contest_progress import contest_progress
    from dynattn.run.threads import threads_set

    budget = {unit: options[unit] for unit in UNITS}
    with threads_set():
        result = compared(
            named, options["seeds"], **budget, folder=folder, jobs=options["jobs"], device=device,
            fail=options["fail"], measure=options["measure"], match=options["match"],
            watcher=None if as_json else contest_progress(),
        )  # fmt: skip
    if as_json:
        from dynattn.cli.screen import print_json

        print_json({"ok": not result.interrupted, **result.facts()})
    else:
        tell(result)
    if result.interrupted:
        raise KeyboardInterrupt


def named_specs(specs: Sequence[str], settings: Sequence[str]) -> dict[str, Compilation]:
    """The specs by name, each with the settings that are for all or for it.

    UsageError E721 for a name given twice, E702 for a setting of a spec that is not there.
    """
    from dynattn import interface

    pairs = [_named(text) for text in specs]
    plain = all(name is None for name, _ in pairs)
    opened = [open_spec(path) for _, path in pairs]
    if plain:
        names = list(interface.named_specs(opened))
    else:
        names = [name or spec.model.name for (name, _), spec in zip(pairs, opened, strict=True)]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        message = f"two of the specs are called '{twice}'"
        raise UsageError(Diagnostic("E721", message, fix="give each a name of its own: NAME=SPEC"))
    own = _settings(settings, names)
    return {
        name: open_spec(path, own[name]) if own[name] else spec
        for name, (_, path), spec in zip(names, pairs, opened, strict=True)
    }


def _named(text: str) -> tuple[str | None, str]:
    """``NAME=SPEC``, or a spec alone; a file that has '=' in its name is one."""
    name, equals, path = text.partition("=")
    return (name, path) if equals and not Path(text).exists() else (None, text)


def _settings(settings: Sequence[str], names: Sequence[str]) -> dict[str, list[str]]:
    """``PARAM=VALUE`` texts by spec."""
    found: dict[str, list[str]] = {name: [] for name in names}
    errors = Collector()
    for text in settings:
        label, colon, rest = text.partition("=")[0].partition(":")
        if not colon:
            for own in found.values():
                own.append(text)
        elif label in found:
            found[label].append(rest + text[len(label) + 1 + len(rest) :])
        else:
            fix = did_you_mean(label, names, f"there are: {', '.join(names)}")
            errors.add("E702", f"--set {text}: there is no spec '{label}'", fix=fix)
    errors.raise_if_any(UsageError)
    return found


def tell(result: Comparison) -> None:
    """Print a table for every measure, what is not matched, and where everything is."""
    from dynattn.cli.screen import note, print_heading, print_line, print_table

    for measure in result.measures:
        rows = [result.cells(row) for row in result.rows if row.measure == measure]
        print_heading(measure)
        print_table(result.columns, rows)
    for text in result.remarks:
        note(text)
    left = sum(run.state == "unfinished" for run in result.runs)
    if left:
        print_line(f"\n{left} of {len(result.runs)} runs are not done; the same command goes on")
    print_heading("files")
    files = ("comparison.md", "comparison.csv", "comparison.json", "comparison.svg")
    places = [str(result.folder / name) for name in files if (result.folder / name).exists()]
    for place in places:
        print_line(f"  {place}")
