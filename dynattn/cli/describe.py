"""Prints what a compilation built."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from dynattn.cli.screen import print_heading, print_line, print_table, shows_mathematics

if TYPE_CHECKING:
    from dynattn.compilation import Compilation
    from dynattn.present.summary import Section


def describe(compilation: Compilation, quiet: bool = False) -> dict[str, Any]:
    """Print populations, couplings, parameters and equations; return them as facts for JSON."""
    from dynattn.network.spelling import PLAIN, PRETTY
    from dynattn.present import summary

    parts = (compilation.model, compilation.network, compilation.program)
    facts = summary.facts(*parts)
    if quiet:
        return facts
    model = compilation.model
    style = PRETTY if shows_mathematics() else PLAIN
    print_line(f"{model.name}: {model.doc}" if model.doc else model.name)
    for section in summary.summary(*parts, style):
        if section.title == "equations":
            print_equations(section)
        else:
            print_heading(section.title)
            print_table(section.columns, section.rows)
        if section.title == "parameters":
            count = facts["parameter_count"]
            print_line(f"  {count['learned']} numbers learned, {count['set']} set")
    return facts


def print_equations(section: Section) -> None:
    """The laws, one a line, under the layer they stand in."""
    print_heading("equations")
    for place, rows in groupby(section.rows, key=lambda row: row[0]):
        if place != "model":
            print_line(f"  in layer {place}")
        for _, equation in rows:
            print_line(f"    {equation}")
