"""``dynattn explain``: what a spec means and how it is computed, or what an error code means."""

from __future__ import annotations

import re

import click

from dynattn.cli.settings import JSON, SEED, SET, open_spec
from dynattn.diagnostics.report import Diagnostic, UsageError


@click.command(
    epilog="""\b
Examples
  dynattn explain kuramoto.dyn
  dynattn explain kuramoto.dyn --set N=50 --program
  dynattn explain E201
"""
)
@click.argument("what", metavar="SPEC|CODE")
@click.option("--program", "show_program", is_flag=True, help="Print the array program too.")
@SET
@SEED
@JSON
def explain(
    what: str, show_program: bool, settings: tuple[str, ...], seed: int | None, as_json: bool
) -> None:
    """Tell more: about a spec (equations, graph, form, parameters, cost) or an error code."""
    if re.fullmatch(r"[Ee]\d{3}", what):
        explain_code(what.upper(), as_json)
    else:
        explain_spec(what, settings, seed, show_program, as_json)


def explain_code(code: str, as_json: bool) -> None:
    """Title, reasons, and a wrong and a right example of an error code."""
    from dynattn.cli.screen import print_json, print_line
    from dynattn.diagnostics.catalogue import CODES

    if code not in CODES:
        from dynattn.diagnostics.suggest import did_you_mean

        fix = did_you_mean(code, CODES, f"codes run from {min(CODES)} to {max(CODES)}")
        raise UsageError(Diagnostic("E707", f"there is no error code {code}", fix=fix))
    entry = CODES[code]
    if as_json:
        facts = {"title": entry.title, "text": entry.text, "wrong": entry.wrong}
        print_json({"ok": True, "code": code, **facts, "right": entry.right})
        return
    print_line(f"{code}: {entry.title}\n")
    print_line(wrapped(entry.text))
    for title, example in (("Wrong", entry.wrong), ("Right", entry.right)):
        if example:
            lines = "\n".join(f"    {line}" for line in example.splitlines())
            print_line(f"\n{title}:\n{lines}")


def wrapped(text: str) -> str:
    """A text in lines of at most 92 characters."""
    import textwrap

    return "\n".join(textwrap.fill(part, 92) for part in text.split("\n"))


def explain_spec(
    path: str, settings: tuple[str, ...], seed: int | None, show_program: bool, as_json: bool
) -> None:
    """What ``compile`` prints, and the array program where it is asked for."""
    from dynattn.cli.describe import describe
    from dynattn.cli.screen import print_heading, print_json, print_line
    from dynattn.program.text import text

    compilation = open_spec(path, settings, seed)
    facts = describe(compilation, quiet=as_json)
    program = text(compilation.program) if show_program else ""
    if as_json:
        print_json({"ok": True, **facts, **({"program": program} if show_program else {})})
    elif show_program:
        print_heading("program")
        print_line(program)
