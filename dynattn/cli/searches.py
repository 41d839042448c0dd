"""Words for ``equilibria`` experiments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dynattn.cli.equilibria import ROWS, rest_rows
from dynattn.cli.screen import note, print_line, print_table

if TYPE_CHECKING:
    from dynattn.run.searches import SearchResult


def tell_search(result: SearchResult) -> None:
    """Print a table of equilibria, or of the points of the settings."""
    if result.swept:
        _tell_points(result)
    elif len(result.equilibria):
        titles, rows = rest_rows(result.equilibria)
        print_table(titles, rows)
        if len(result.equilibria) > ROWS:
            print_line(f"  and {len(result.equilibria) - ROWS} more")
    facts = result.statistics
    count = "1 equilibrium" if facts["equilibria"] == 1 else f"{facts['equilibria']} equilibria"
    each = f" at {facts['points']} points" if facts["points"] > 1 else ""
    print_line(f"  {count}{each}, from {result.settings['starts']} starts")
    if facts["symmetries"]:
        print_line(f"  symmetries: {', '.join(facts['symmetries'])}")
    if facts["failed"]:
        tried = facts["points"] * result.settings["starts"]
        note(f"nothing was found from {facts['failed']} of {tried} starts")
    if not facts["complete"]:
        note("there are more: the last round still found some")


def _tell_points(result: SearchResult) -> None:
    """A row for each point: how many there are, and how many of them are stable."""
    from itertools import product

    grid = result.settings["grid"]
    points = list(product(*grid.values()))
    if len(points) > ROWS:
        return
    rows = []
    for point, found in zip(points, result.found, strict=True):
        stable = sum(item.stable for item in found)
        rows.append((*(f"{x:.6g}" for x in point), str(len(found)), str(stable)))
    print_table((*grid, "equilibria", "stable"), rows)


def search_facts(result: SearchResult) -> dict[str, Any]:
    """The equilibria as a JSON object; the arrays themselves are in the files."""
    from dynattn.cli.equilibria import rest_facts

    return {"points": [rest_facts(found) for found in result.found]}
