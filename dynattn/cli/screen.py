"""Output: tables and colour on a terminal, plain aligned lines where piped, JSON where asked."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from dynattn.diagnostics.launch import is_first
from dynattn.diagnostics.report import Diagnostic


def on_terminal() -> bool:
    """Whether a person watches stdout."""
    return sys.stdout.isatty()


def shows_mathematics() -> bool:
    """Whether stdout is a terminal that has Greek letters and the signs of formulas."""
    try:
        "θ₀ Σ √ ≤ \N{MINUS SIGN}".encode(sys.stdout.encoding or "ascii")
    except (UnicodeError, LookupError):
        return False
    return on_terminal()


def print_json(value: Mapping[str, Any]) -> None:
    """One JSON object on stdout; numbers that are not finite become null."""
    print(json.dumps(_plain(value), ensure_ascii=False, allow_nan=False))


def _plain(value: Any) -> Any:
    import math

    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, str | bool | int | float):
        return value
    return _plain(value.item()) if hasattr(value, "item") else str(value)


def print_line(text: str = "") -> None:
    """One line, as it is: never read as markup."""
    print(text)


def print_generated(text: str) -> None:
    """Text a model wrote: on a terminal without the control characters that would steer it."""
    if on_terminal():
        text = "".join(
            c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text
        )
    print(text)


def note(message: str) -> None:
    """Say on stderr what differs from what one would expect."""
    if is_first():
        print(f"note: {message}", file=sys.stderr)


def print_heading(text: str) -> None:
    """A title over what follows."""
    if not on_terminal():
        print(f"\n{text}")
        return
    from rich.console import Console
    from rich.text import Text

    Console().print(Text(f"\n{text}", style="bold"))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows under their column names; columns of numbers stand to the right."""
    right = [all(_numeric(row[k]) for row in rows) for k in range(len(columns))]
    if on_terminal():
        _print_rich_table(columns, rows, right)
    else:
        print("\n".join(plain_table(columns, rows, right)))


def plain_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool]
) -> list[str]:
    """The lines of a table in plain text: columns aligned, two blanks apart, none at the end."""
    widths = [max(len(row[k]) for row in (columns, *rows)) for k in range(len(columns))]
    return [
        "  " + "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in (columns, *rows)
    ]  # fmt: skip


def _print_rich_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool]
) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=True)
    for name, to_right in zip(columns, right, strict=True):
        table.add_column(Text(name), justify="right" if to_right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)


def _numeric(cell: str) -> bool:
    return bool(cell) and cell[0] in "0123456789-+." and cell[-1] in "0123456789%"


def print_diagnostics(diagnostics: Sequence[Diagnostic], as_json: bool) -> None:
    """Every mistake with its frame on stderr, or as one JSON object on stdout."""
    if as_json:
        print_json({"ok": False, "diagnostics": [diagnostic_facts(d) for d in diagnostics]})
        return
    from dynattn.diagnostics import frame

    if sys.stderr.isatty():
        from rich.console import Console

        Console(stderr=True).print(frame.styled(diagnostics), soft_wrap=True)
    else:
        print(frame.render_all(diagnostics), file=sys.stderr)


def diagnostic_facts(diagnostic: Diagnostic) -> dict[str, Any]:
    """A diagnostic as a JSON object."""
    facts: dict[str, Any] = {
        "code": diagnostic.code,
        "message": diagnostic.message,
        "fix": diagnostic.fix,
        "notes": [
            {"message": text, "file": span.source.path, "line": span.line, "column": span.column}
            for span, text in diagnostic.notes
        ],
    }
    if diagnostic.span is not None:
        facts |= {
            "file": diagnostic.span.source.path,
            "line": diagnostic.span.line,
            "column": diagnostic.span.column,
            "end_line": diagnostic.span.end_line,
            "end_column": diagnostic.span.end_column,
        }
    return facts
