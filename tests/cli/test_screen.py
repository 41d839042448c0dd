"""Output: plain aligned lines where piped, JSON without what JSON has not, text never markup."""

from __future__ import annotations

import json

from dynattn.cli.screen import plain_table, print_diagnostics, print_json, print_table
from dynattn.diagnostics.report import Diagnostic, Source, Span


def test_columns_are_aligned():
    rows = [("osc", "500"), ("b[red]", "2")]
    assert plain_table(("population", "nodes"), rows, (False, True)) == [
        "  population  nodes",
        "  osc           500",
        "  b[red]          2",
    ]


def test_numbers_stand_to_the_right(capsys):
    print_table(("name", "value"), [("a", "1.5"), ("b", "12.25")])
    assert capsys.readouterr().out == "  name  value\n  a       1.5\n  b     12.25\n"


def test_json_has_no_nan(capsys):
    print_json({"a": float("nan"), "b": (1, 2.5), "c": None, "d": "π"})
    assert capsys.readouterr().out == '{"a": null, "b": [1, 2.5], "c": null, "d": "π"}\n'


def test_a_diagnostic_as_json(capsys):
    source = Source("a.dyn", "model m\nparam K = x\n")
    found = Diagnostic("E201", "unknown name 'x'", Span(source, 2, 11, 2, 12), "declare it")
    print_diagnostics([found], as_json=True)
    (item,) = json.loads(capsys.readouterr().out)["diagnostics"]
    assert item == {
        "code": "E201", "message": "unknown name 'x'", "fix": "declare it", "notes": [],
        "file": "a.dyn", "line": 2, "column": 11, "end_line": 2, "end_column": 12,
    }  # fmt: skip


def test_spec_text_is_never_markup(capsys):
    source = Source("a.dyn", "let b = B[red] + [/red]\n")
    found = Diagnostic("E201", "unknown name '[red]'", Span(source, 1, 9, 1, 15))
    print_diagnostics([found], as_json=False)
    error = capsys.readouterr().err
    assert "unknown name '[red]'" in error
    assert "let b = B[red] + [/red]" in error
