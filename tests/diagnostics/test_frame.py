"""The caret stands under the right character, whatever the line is made of."""

from __future__ import annotations

import pytest

from dynattn.diagnostics.frame import MAX_COLUMNS, columns_of, render, render_all, styled
from dynattn.diagnostics.report import Diagnostic, Source, Span


def at(text: str, line: int, column: int, end_line: int, end_column: int) -> Diagnostic:
    span = Span(Source("a.dyn", text), line, column, end_line, end_column)
    return Diagnostic("E999", "a fact", span, "a fix")


def underlined(text: str, column: int, end_column: int) -> tuple[str, str]:
    """The line as shown and the line of carets, both from the bar on."""
    shown = render(at(text, 1, column, 1, end_column)).split("\n")
    return shown[3].partition("| ")[2], shown[4].partition("| ")[2]


def test_the_whole_frame() -> None:
    source = Source("a.dyn", "\n" * 8 + "one\n  two three\n")
    here, there = Span(source, 10, 7, 10, 12), Span(source, 9, 1, 9, 4)
    diagnostic = Diagnostic("E201", "a fact", here, "a fix", ((there, "declared here"),))
    assert render(diagnostic) == (
        "error[E201]: a fact\n"
        "  --> a.dyn:10:7\n"
        "   |\n"
        "10 |   two three\n"
        "   |       ^^^^^\n"
        "   = note: declared here\n"
        "  --> a.dyn:9:1\n"
        "   |\n"
        " 9 | one\n"
        "   | ^^^\n"
        "   = fix: a fix"
    )


@pytest.mark.parametrize("before", ["", "abc ", "\t", "ab\t", "界 ", "e\u0301 ", "👩 ", "\u202e"])
def test_carets_stand_under_their_text(before: str) -> None:
    line, carets = underlined(f"{before}target after", len(before) + 1, len(before) + 7)
    start = columns_of(line[: line.index("target")])
    assert carets == " " * start + "^" * 6
    assert "\t" not in line and "\u202e" not in line


def test_wide_characters_take_two_carets() -> None:
    assert underlined("x = 界界", 5, 7) == ("x = 界界", "    ^^^^")


def test_a_span_over_lines_underlines_the_first() -> None:
    shown = render(at("  one two\nthree\n", 1, 7, 2, 4)).split("\n")
    assert shown[3:5] == ["1 |   one two", "  |       ^^^"]


def test_the_end_of_a_line_and_of_the_text() -> None:
    assert underlined("abc", 4, 5) == ("abc", "   ^")
    assert render(at("abc\n", 2, 1, 2, 2)).split("\n")[3:5] == ["2 | ", "  | ^"]


@pytest.mark.parametrize("column", [1, 60, 500, 994])
def test_long_lines_are_excerpts(column: int) -> None:
    text = "-" * (column - 1) + "target" + "-" * (1000 - column - 5)
    line, carets = underlined(text, column, column + 6)
    assert len(line) <= MAX_COLUMNS
    assert carets == " " * line.index("target") + "^" * 6
    assert line.startswith("...") == (column > 50)
    assert line.endswith("...") == (column < 900)


def test_a_long_span_in_a_long_line_is_seen_from_its_start() -> None:
    line, carets = underlined("a" * 300 + "b" * 700, 301, 1001)
    assert len(line) <= MAX_COLUMNS
    assert carets.lstrip() == "^" * len(carets.lstrip()) and len(carets) <= MAX_COLUMNS
    assert carets.index("^") == line.index("b")


def test_what_has_no_place_has_no_frame() -> None:
    assert render(Diagnostic("E501", "no file")) == "error[E501]: no file"


def test_errors_are_counted() -> None:
    one = Diagnostic("E501", "a fact")
    assert render_all([one]) == "error[E501]: a fact\n\n1 error"
    assert render_all([one, one]).endswith("\n\n2 errors")


def test_spec_text_is_no_markup() -> None:
    diagnostic = at("let B[red] = [bold]x[/bold]", 1, 5, 1, 11)
    text = styled([diagnostic])
    assert text.plain == render_all([diagnostic])
    assert "B[red]" in text.plain


def test_the_like_of_one_place_shows_it_once() -> None:
    span = Span(Source("a.dyn", "sweep { a = 1 .. 3 }"), 1, 9, 1, 10)
    found = [Diagnostic("E603", f"failed at a = {a}", span, "smaller steps") for a in (2, 3)]
    lines = render_all([*found, Diagnostic("E603", "failed at last")]).splitlines()
    first = render(found[0]).splitlines()
    assert lines[: len(first)] == first
    assert lines[len(first) :] == [
        "error[E603]: failed at a = 3",
        "",
        "error[E603]: failed at last",
        "",
        "3 errors",
    ]
