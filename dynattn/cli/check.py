"""``dynattn check``: every mistake of a spec at once, in a moment."""

from __future__ import annotations

import click

from dynattn.diagnostics.report import Diagnostic, SpecError


@click.command(
    epilog="""\b
Examples
  dynattn check kuramoto.dyn
  dynattn check specs/*.dyn
  dynattn check kuramoto.dyn --json
"""
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object to stdout.")
def check(files: tuple[str, ...], as_json: bool) -> int:
    """Report every mistake in the files; exit code 1 where there is one."""
    from dynattn.cli.screen import diagnostic_facts, print_diagnostics, print_json, print_line

    found = {path: mistakes_in(path) for path in files}
    if as_json:
        listed = [diagnostic_facts(item) for items in found.values() for item in items]
        print_json({"ok": not listed, "files": list(files), "diagnostics": listed})
    else:
        for path, items in found.items():
            if items:
                print_diagnostics(items, False)
            else:
                print_line(f"{path}: no mistakes")
    return 1 if any(found.values()) else 0


def mistakes_in(path: str) -> tuple[Diagnostic, ...]:
    """Everything that is wrong with one file, in the order of its text."""
    from dynattn.cli.settings import open_spec

    try:
        _ = open_spec(path).model
    except SpecError as error:
        return error.diagnostics
    return ()
