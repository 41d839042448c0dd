"""Eigenvalues of equilibria in the complex plane."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dynattn.present.figure import GRID, add_legend, new_figure, save_figure, style
from dynattn.present.palette import MUTED_TEXT, series_colour

if TYPE_CHECKING:
    from dynattn.run.equilibria import RestResult
    from dynattn.run.searches import SearchResult

MARKS = {"stable": "o", "undecided": "s", "unstable": "x"}


def draw_spectra(result: RestResult, path: Path) -> Path:
    """The figure of the eigenvalues, in a file."""
    return save_figure(spectra_figure(result), path)


def spectra_figure(result: RestResult | SearchResult) -> Any:
    """Every eigenvalue of every equilibrium, by verdict; what is right of the line grows, or, of
    the multipliers of a map, what is outside of the circle.
    """
    import numpy

    discrete = result.equilibria.discrete
    with style():
        figure = new_figure(5.6, 4.4)
        axes = figure.subplots()
        if discrete:
            angle = numpy.linspace(0, 2 * numpy.pi, 200)
            axes.plot(numpy.cos(angle), numpy.sin(angle), color=MUTED_TEXT, linewidth=1.0)
            axes.set_aspect("equal")
        else:
            axes.axvline(0.0, color=MUTED_TEXT, linewidth=1.0, linestyle=(0, (5, 4)))
        for number, (verdict, mark) in enumerate(MARKS.items()):
            parts = [i.eigenvalues for i in result.equilibria if i.stability.verdict == verdict]
            if parts:
                values = numpy.concatenate(parts)
                label = f"{verdict} ({len(parts)})"
                axes.plot(numpy.real(values), numpy.imag(values), mark, color=series_colour(number),
                          markersize=4, label=label, linestyle="")  # fmt: skip
        axes.set(xlabel="real part", ylabel="imaginary part")
        axes.set_title(f"{result.settings['model']}: eigenvalues", parse_math=False)
        axes.grid(**GRID)
        if axes.get_legend_handles_labels()[0]:
            add_legend(axes)
        return figure
