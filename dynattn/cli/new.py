"""``dynattn new``: a spec that ships, copied as a start for one's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from dynattn.diagnostics.report import Diagnostic, UsageError
from dynattn.syntax.shipped import shipped_specs


@click.command(
    epilog="""\b
Examples
  dynattn new --list
  dynattn new kuramoto
  dynattn new kuramoto_attention -o my_layer.dyn
"""
)
@click.argument("name", required=False)
@click.option("--list", "listing", is_flag=True, help="List the specs that ship with dynattn.")
@click.option("-o", "--output", metavar="FILE", help="Where to write it; NAME.dyn unless given.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object to stdout.")
def new(name: str | None, listing: bool, output: str | None, as_json: bool) -> None:
    """Start a spec of your own from one that ships."""
    from dynattn.cli.screen import print_json, print_line

    specs = shipped_specs()
    if listing or name is None:
        show(specs, as_json)
        return
    if name not in specs:
        raise UsageError(unknown_spec(name, tuple(specs)))
    target = Path(output or f"{name}.dyn")
    copy_spec(specs[name], target)
    if as_json:
        print_json({"ok": True, "file": str(target)})
    else:
        print_line(f"wrote {target}; next: dynattn check {target}")


def unknown_spec(name: str, known: tuple[str, ...]) -> Diagnostic:
    """The diagnostic for a name that no shipped spec has."""
    from dynattn.diagnostics.suggest import did_you_mean

    fix = did_you_mean(name, known, f"there are {', '.join(known)}")
    return Diagnostic("E707", f"no spec called '{name}' ships with dynattn", fix=fix)


def copy_spec(source: Path, target: Path) -> None:
    """Copy a spec to a place where nothing stands yet; UsageError E704 where something does."""
    from dynattn.diagnostics.files import write_whole

    if target.exists() or target.is_symlink():
        kind = "folder" if target.is_dir() else "file"
        message = f"{target} is there already, as a {kind}"
        raise UsageError(Diagnostic("E704", message, fix="choose another name with -o"))
    write_whole(target, source.read_bytes())


def show(specs: Mapping[str, Path], as_json: bool) -> None:
    """List the shipped specs, those of a kind together."""
    from dynattn.cli.screen import print_heading, print_json, print_table
    from dynattn.cli.shelf import KINDS, entries

    found = entries(specs)
    if as_json:
        titles = {name: entry.about for name, entry in found.items()}
        kinds = {name: entry.kind for name, entry in found.items()}
        print_json({"ok": True, "specs": titles, "kinds": kinds})
        return
    width = max(map(len, found))
    for kind in KINDS:
        rows = [(n.ljust(width), entry.about) for n, entry in found.items() if entry.kind == kind]
        if rows:
            print_heading(kind)
            print_table(("spec", "about"), rows)
