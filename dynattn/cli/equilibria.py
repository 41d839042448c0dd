"""``dynattn equilibria``: where a model is at rest, and how stable it is there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dynattn.cli.settings import DEVICE, FOLDER, JSON, SEED, SET, SPEC, open_spec, read_device

if TYPE_CHECKING:
    from dynattn.analyse.equilibria import Equilibria
    from dynattn.run.equilibria import RestResult

ROWS = 30
"""Equilibria up to which all are printed."""

VALUES = 3
"""Eigenvalues that are printed of each, pairs of conjugate ones as one."""

ROUNDING = 1e-10


@click.command(
    epilog="""\b
Examples
  dynattn equilibria uninformed.dyn
  dynattn equilibria kuramoto.dyn --set N=12 --set K=3 --starts 50
  dynattn equilibria lotka_volterra.dyn --plot eigenvalues.svg -o runs/rest
"""
)
@SPEC
@SET
@SEED
@DEVICE
@click.option(
    "--starts",
    type=click.IntRange(1, 100_000),
    default=20,
    show_default=True,
    help="How many starts: the initial states, then draws.",
)
@click.option(
    "--spread",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    help="Standard deviation of the numbers that are drawn.",
)
@click.option("--plot", "picture", metavar="FILE", help="Draw all eigenvalues; svg, png or pdf.")
@FOLDER
@JSON
def equilibria(
    spec: str,
    settings: tuple[str, ...],
    seed: int | None,
    device: str | None,
    starts: int,
    spread: float,
    picture: str | None,
    folder: str | None,
    as_json: bool,
) -> None:
    """Find the equilibria of a model: Newton from many starts, stability, symmetries."""
    device = read_device(device or "cpu")
    compilation = open_spec(spec, settings, seed)
    if picture is not None:
        from dynattn.present.figure import PICTURES
        from dynattn.present.wanted import check_ending

        check_ending(Path(picture).suffix.lower(), PICTURES)
    from dynattn.run.equilibria import find_equilibria

    result = find_equilibria(
        compilation, starts=starts, spread=spread, device=device, folder=folder
    )
    files = [] if folder is None else [Path(folder) / "results.nc", Path(folder) / "results.csv"]
    if picture is not None:
        from dynattn.present.spectrum import draw_spectra

        files.append(draw_spectra(result, Path(picture)))
    if as_json:
        from dynattn.cli.screen import print_json

        print_json({"ok": True, **facts(result), "files": [str(path) for path in files]})
    else:
        tell(result, files)


def facts(result: RestResult) -> dict[str, object]:
    """The result as a JSON object."""
    return {
        "settings": dict(result.settings),
        "seed": result.seed,
        "statistics": dict(result.statistics),
        "equilibria": rest_facts(result.equilibria),
    }


def rest_facts(found: Equilibria) -> list[dict[str, object]]:
    """Each of them as a JSON object."""
    return [
        {
            "verdict": item.stability.verdict,
            "unstable": item.stability.unstable,
            "neutral": item.stability.neutral,
            "symmetric": item.stability.symmetric,
            "residual": item.residual,
            "starts": item.starts,
            "drift": dict(item.drift),
            "saturated": item.saturated,
            "eigenvalues": [[value.real, value.imag] for value in item.eigenvalues.tolist()],
        }
        for item in found
    ]


def tell(result: RestResult, files: list[Path]) -> None:
    """Print a table, what the symmetries are, and where the files are."""
    from dynattn.cli.screen import note, print_heading, print_line, print_table

    found = result.equilibria
    count = "1 equilibrium" if len(found) == 1 else f"{len(found)} equilibria"
    print_heading(f"{result.settings['model']}: {count} from {found.starts} starts")
    if len(found):
        print_table(*rest_rows(found))
    if len(found) > ROWS:
        print_line(f"  and {len(found) - ROWS} more")
    if found.symmetries:
        print_line(f"  symmetries: {', '.join(found.symmetries)}")
    if found.failed:
        note(f"nothing was found from {found.failed} of {found.starts} starts")
    if not found.complete:
        note("there are more: the last round still found some")
    if files:
        print_heading("files")
    for path in files:
        print_line(f"  {path}")


def rest_rows(found: Equilibria) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """(titles, a row for each of the first equilibria)."""
    rows = []
    for number, item in enumerate(found.found[:ROWS]):
        leading = [value for value in item.eigenvalues if value.imag >= -ROUNDING][:VALUES]
        values = ", ".join(shown_value(value) for value in leading)
        drifts = [f"{item.drift[label]:.6g}" for label in found.symmetries[:2]]
        stability = item.stability
        rows.append((str(number), stability.verdict, str(stability.unstable),
                     f"{item.residual:.1g}", str(item.starts), values, *drifts))  # fmt: skip
    titles = ("", "stability", "growing", "residual", "starts", "leading eigenvalues")
    return (*titles, *(f"drift, {label}" for label in found.symmetries[:2])), rows


def shown_value(value: complex) -> str:
    """A real number, or a pair of conjugate ones."""
    if abs(value.imag) <= ROUNDING:
        return f"{value.real:.4g}"
    return f"{value.real:.4g}±{value.imag:.4g}i"
