"""``dynattn fmt``: specs in canonical layout."""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

import click

from dynattn.diagnostics.report import Diagnostic, Source, SpecError, UsageError

STDIN = "<stdin>"


@dataclass(frozen=True, slots=True)
class Formatted:
    """The text of one file before and after; ``diagnostics`` where it is no spec."""

    path: str
    before: str = ""
    after: str = ""
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def changes(self) -> bool:
        return self.before != self.after

    @property
    def diff(self) -> str:
        """The change as a unified diff, empty where there is none."""
        import difflib

        before, after = (text.splitlines(keepends=True) for text in (self.before, self.after))
        lines = difflib.unified_diff(before, after, self.path, self.path)
        return "".join(ended(line) for line in lines)


@click.command(
    epilog="""\b
Examples
  dynattn fmt kuramoto.dyn
  dynattn fmt specs/*.dyn --check
  dynattn fmt kuramoto.dyn --diff
  dynattn fmt --stdin < kuramoto.dyn
  dynattn fmt --flat mine.dyn > whole.dyn
"""
)
@click.argument("files", metavar="FILE...", nargs=-1)
@click.option("--check", is_flag=True, help="Write nothing; exit code 1 where a file would change.")
@click.option("--diff", is_flag=True, help="Write nothing; print what would change.")
@click.option("--stdin", is_flag=True, help="Read a spec from stdin, print it to stdout.")
@click.option(
    "--flat", is_flag=True, help="Write nothing; print one spec with all it extends and uses."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object to stdout.")
def fmt(
    files: tuple[str, ...], check: bool, diff: bool, stdin: bool, flat: bool, as_json: bool
) -> int:
    """Put specs into canonical layout; meaning and comments stay."""
    from dynattn.cli.screen import print_diagnostics, print_json

    refuse_both(files, stdin)
    if flat:
        refuse_flat(files, check or diff)
        return print_flat(files[0] if files else None, as_json)
    results = (formatted_stdin(),) if stdin else tuple(map(formatted_file, dict.fromkeys(files)))
    writes = not (check or diff or stdin)
    if writes:
        results = tuple(map(written, results))
    wrong = any(item.diagnostics for item in results)
    failed = wrong or (check and any(item.changes for item in results))
    if as_json:
        print_json({"ok": not failed, **facts_of(results, diff, stdin)})
        return int(failed)
    for item in results:
        if item.diagnostics:
            print_diagnostics(item.diagnostics, False)
        else:
            report(item, check, diff, stdin)
    return int(failed)


def refuse_both(files: tuple[str, ...], stdin: bool) -> None:
    """UsageError where there is nothing to read, or E708 where there are files beside --stdin."""
    if stdin and files:
        message = "--stdin reads one spec from stdin, and files were named too"
        raise UsageError(Diagnostic("E708", message, fix="leave out --stdin, or the files"))
    if not stdin and not files:
        raise click.UsageError("Missing argument 'FILE...'.", click.get_current_context())


def refuse_flat(files: tuple[str, ...], others: bool) -> None:
    """UsageError E708 where ``--flat`` is asked for with what does not go with it."""
    if others:
        message, fix = "--flat prints a text, and --check and --diff none", "leave one of them out"
    elif len(files) > 1:
        message, fix = "--flat prints one spec, and several were named", "name one file"
    else:
        return
    raise UsageError(Diagnostic("E708", message, fix=fix))


def print_flat(path: str | None, as_json: bool) -> int:
    """The merged text of one spec, of stdin for None; exit code 1 where it is none."""
    from dynattn.cli.screen import diagnostic_facts, print_diagnostics, print_json
    from dynattn.syntax.flat import flat_text
    from dynattn.syntax.read import read_source

    text, found = "", ()
    try:
        text = flat_text(source_of_stdin() if path is None else read_source(path))
    except SpecError as error:
        found = error.diagnostics
    if as_json:
        listed = [diagnostic_facts(one) for one in found]
        print_json({"ok": not found, "text": text, "diagnostics": listed})
    elif found:
        print_diagnostics(found, False)
    else:
        print(text, end="")
    return int(bool(found))


def report(item: Formatted, check: bool, diff: bool, stdin: bool) -> None:
    """Show what became of one file."""
    from dynattn.cli.screen import print_line

    if diff:
        print(item.diff, end="")
    elif check:
        print_line(f"{item.path}: {'would change' if item.changes else 'nothing to change'}")
    elif stdin:
        print(item.after, end="")
    else:
        print_line(f"{item.path}: {'changed' if item.changes else 'nothing to change'}")


def facts_of(results: tuple[Formatted, ...], diff: bool, stdin: bool) -> dict[str, object]:
    """What the JSON object tells beside ``ok``."""
    from dynattn.cli.screen import diagnostic_facts

    facts: dict[str, object] = {
        "files": [item.path for item in results],
        "changed": [item.path for item in results if item.changes],
        "diagnostics": [diagnostic_facts(one) for item in results for one in item.diagnostics],
    }
    if diff:
        facts["diff"] = {item.path: item.diff for item in results if item.changes}
    if stdin:
        facts["text"] = results[0].after
    return facts


# ── reading and writing ────────────────────────────────────────────────────────────────────────


def formatted_file(path: str) -> Formatted:
    """A file before and after."""
    from dynattn.syntax.read import read_source

    try:
        refuse_stream(path)
        return formatted(read_source(path), Path(path).read_bytes().decode())
    except SpecError as error:
        return Formatted(path, diagnostics=error.diagnostics)


def formatted_stdin() -> Formatted:
    """The spec on stdin, before and after."""
    try:
        content = content_of_stdin()
        return formatted(source_of(content), content.decode())
    except SpecError as error:
        return Formatted(STDIN, diagnostics=error.diagnostics)


def content_of_stdin() -> bytes:
    from dynattn.syntax.read import MAX_BYTES, too_large

    content = sys.stdin.buffer.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise too_large(Path(STDIN), len(content))
    return content


def source_of(content: bytes) -> Source:
    from dynattn.syntax.read import decoded

    return Source(STDIN, decoded(content, Path(STDIN)).replace("\r\n", "\n"))


def source_of_stdin() -> Source:
    return source_of(content_of_stdin())


def formatted(source: Source, before: str) -> Formatted:
    """``before`` is the text with its own line ends and byte order mark."""
    from dynattn.syntax.format import format_source

    return Formatted(source.path, before, format_source(source))


def refuse_stream(path: str) -> None:
    """SpecError E705 for what has a name but cannot be replaced, such as a pipe."""
    place = Path(path)
    if place.exists() and not (place.is_file() or place.is_dir()):
        message = f"{path} is not a file that can be written again"
        raise SpecError(Diagnostic("E705", message, fix="use --stdin"))


def written(item: Formatted) -> Formatted:
    """The result, its text put in place of the file where it changes something.

    A link stays a link, and the file keeps its permissions.
    """
    from dynattn.diagnostics.files import write_whole

    if item.diagnostics or not item.changes:
        return item
    place = Path(item.path).resolve()
    if not os.access(place, os.W_OK):
        message = f"{item.path} cannot be written: permission denied"
        denied = Diagnostic("E705", message, fix="make the file writable, or use --stdin")
        return Formatted(item.path, diagnostics=(denied,))
    mode = stat.S_IMODE(place.stat().st_mode)
    try:
        write_whole(place, item.after)
    except SpecError as error:
        return Formatted(item.path, diagnostics=error.diagnostics)
    place.chmod(mode)
    return item


def ended(line: str) -> str:
    """A line of a diff, said to have no end where it has none."""
    return line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
