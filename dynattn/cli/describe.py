"""Prints what a compilation built."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from dynattn.cli.screen import print_heading, print_line, print_table, shows_mathematics

if TYPE_CHECKING:
    from dynattn.compilation import Compilation
    from dynattn.network.guarantee import Guarantee
    from dynattn.present.summary import Section


def describe(compilation: Compilation, quiet: bool = False) -> dict[str, Any]:
    """Print populations, couplings, parameters and equations; return them as facts for JSON."""
    from dynattn.network.styles import PLAIN, PRETTY
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


def describe_more(compilation: Compilation, quiet: bool = False) -> dict[str, Any]:
    """Print the graphs and the energy; return them and the law in LaTeX as facts for JSON."""
    from dynattn.network.guarantee import guarantee
    from dynattn.network.styles import PLAIN, PRETTY
    from dynattn.present.graph_facts import graphs, sentences
    from dynattn.present.latex import document, state_laws

    model, network = compilation.model, compilation.network
    style = PRETTY if shows_mathematics() and not quiet else PLAIN
    section, found = graphs(model, network), guarantee(model, network, style)
    if not quiet:
        if section.rows:
            print_heading(section.title)
            for line in sentences(section):
                print_line(f"    {line}")
        if found is not None:
            print_energy(found)
        return {}
    facts: dict[str, Any] = {"graphs": section.facts}
    if found is not None:
        facts["energy"] = {
            "verdict": found.verdict or None, "adds_up": found.parts,
            "while": found.provided, "broken_by": found.broken_by,
            "left_out_of_total_energy": found.attractions, "methods": found.methods,
        }  # fmt: skip
    facts["law"] = [
        {"in": law.place, "state": law.state, "lines": law.lines, "latex": law.latex}
        for law in state_laws(model, network)
    ]
    return {**facts, "latex": document(model, network)}


def print_energy(found: Guarantee) -> None:
    """What the energy adds up and what it does, or what leaves nothing certain."""
    print_heading("energy")
    if found.parts:
        print_line(f"    E = {' + '.join(found.parts)}")
        print_line(f"    {found.text}")
        if found.advice:
            print_line(f"    {found.advice}")
        for name in found.attractions:
            print_line(f"    total_energy() leaves out {name}, as it is written without 'energy'")
        return
    print_line(f"    {found.text}, because of")
    for part in found.broken_by:
        print_line(f"      {part}")


def print_equations(section: Section) -> None:
    """The laws, one a line, under the layer they stand in."""
    print_heading("equations")
    for place, rows in groupby(section.rows, key=lambda row: row[0]):
        if place != "model":
            print_line(f"  in layer {place}")
        for _, equation in rows:
            print_line(f"    {equation}")
