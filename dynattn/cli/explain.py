"""``dynattn explain``: what a spec means and how it is computed, or what an error code means."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from dynattn.cli.settings import JSON, SEED, SET, open_spec
from dynattn.diagnostics.report import Diagnostic, UsageError

if TYPE_CHECKING:
    from dynattn.compilation import Compilation


@click.command(
    epilog="""\b
Examples
  dynattn explain kuramoto.dyn
  dynattn explain kuramoto.dyn --set N=50 --program
  dynattn explain kuramoto.dyn --latex > law.tex
  dynattn explain E201
"""
)
@click.argument("what", metavar="SPEC|CODE")
@click.option("--program", "show_program", is_flag=True, help="Print the array program too.")
@click.option("--latex", is_flag=True, help="Print the law alone, in LaTeX (amsmath).")
@SET
@SEED
@JSON
def explain(
    what: str,
    show_program: bool,
    latex: bool,
    settings: tuple[str, ...],
    seed: int | None,
    as_json: bool,
) -> None:
    """Tell more about a spec or an error code. Of a spec: its equations, energy, graphs, forms and
    their cost, and parameters.
    """
    if re.fullmatch(r"[Ee]\d{3}", what):
        explain_code(what.upper(), as_json)
    else:
        compilation = open_spec(what, settings, seed)
        if latex and not as_json:
            print_latex(compilation)
        else:
            explain_spec(compilation, show_program, as_json)


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


def print_latex(compilation: Compilation) -> None:
    """The law of every state, and the energy where one is certain."""
    from dynattn.cli.screen import print_line
    from dynattn.present.latex import document

    print_line(document(compilation.model, compilation.network))


def explain_spec(compilation: Compilation, show_program: bool, as_json: bool) -> None:
    """What ``compile`` prints, the graphs, the energy, and the array program if asked for."""
    from dynattn.cli.describe import describe, describe_more
    from dynattn.cli.screen import print_heading, print_json, print_line
    from dynattn.program.text import text

    facts = describe(compilation, quiet=as_json)
    facts |= describe_more(compilation, quiet=as_json)
    program = text(compilation.program) if show_program else ""
    if as_json:
        print_json({"ok": True, **facts, **({"program": program} if show_program else {})})
    elif show_program:
        print_heading("program")
        print_line(program)
