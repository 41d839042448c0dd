"""Graphviz, wherever it is: ``dot`` on the path, else the one bundled with the pygraphviz wheel.

It runs in a process of its own, which keeps its warnings off the terminal and lets it be told
which fonts to use: a machine without any would get a picture of empty boxes instead of letters.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dynattn.diagnostics.report import Diagnostic, SpecError

FONTS = "DejaVu Sans,Verdana,sans-serif"
TIME_LIMIT = 120.0
"""Seconds for one picture."""

_BUNDLED = """
import sys
sys.path[:] = [folder for folder in sys.path if folder]
import pygraphviz
drawn = pygraphviz.AGraph(string=sys.stdin.buffer.read().decode()).draw(
    format=sys.argv[2], prog=sys.argv[1])
sys.stdout.buffer.write(drawn)
"""

_FONT_SETTINGS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>{folders}<cachedir prefix="xdg">fontconfig</cachedir></fontconfig>
"""


@dataclass(frozen=True)
class Engine:
    """One Graphviz: how it is called, and what it is called by a person."""

    name: str
    command: tuple[str, ...]
    bundled: bool

    def render(self, text: str, form: str, program: str = "dot") -> bytes:
        """Draw DOT ``text`` as ``form`` (svg, png, pdf, plain) with the layout ``program``.

        Raises SpecError E566 where Graphviz stops with an error or takes over TIME_LIMIT seconds.
        """
        flags = (program, form) if self.bundled else (f"-K{program}", f"-T{form}")
        with tempfile.TemporaryDirectory(prefix="dynattn-fonts-") as folder:
            return self._run([*self.command, *flags], text, _with_fonts(Path(folder)))

    def _run(self, command: list[str], text: str, environment: Mapping[str, str]) -> bytes:
        try:
            done = subprocess.run(
                command,
                input=text.encode(),
                capture_output=True,
                env=dict(environment),
                timeout=TIME_LIMIT,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise self._failed(str(error)) from error
        if done.returncode or not done.stdout:
            lines = done.stderr.decode(errors="replace").strip().splitlines()
            raise self._failed(lines[-1] if lines else f"exit code {done.returncode}")
        return done.stdout

    def _failed(self, reason: str) -> SpecError:
        return SpecError(
            Diagnostic(
                "E566",
                f"{self.name} could not draw the graph: {reason}",
                fix="write a .dot file instead, or install another Graphviz",
            )
        )


def find_engine() -> Engine | None:
    """The Graphviz to draw with, or None where there is none."""
    import importlib.util

    found = shutil.which("dot")
    if found:
        return Engine(f"Graphviz ({found})", (found,), bundled=False)
    if importlib.util.find_spec("pygraphviz"):
        return Engine("Graphviz (of pygraphviz)", (sys.executable, "-c", _BUNDLED), bundled=True)
    return None


def _with_fonts(folder: Path) -> dict[str, str]:
    """The environment with a font list: matplotlib's own DejaVu first, then the machine's."""
    import os

    places = [*_matplotlib_fonts(), "/usr/share/fonts", "/usr/local/share/fonts"]
    folders = "".join(f"<dir>{place}</dir>" for place in places)
    settings = folder / "fonts.conf"
    settings.write_text(_FONT_SETTINGS.format(folders=folders + '<dir prefix="xdg">fonts</dir>'))
    return {**os.environ, "FONTCONFIG_FILE": str(settings)}


def _matplotlib_fonts() -> list[str]:
    """The folder of the fonts that come with matplotlib, found without importing it."""
    import importlib.util
    from xml.sax.saxutils import escape

    spec = importlib.util.find_spec("matplotlib")
    if spec is None or spec.origin is None:
        return []
    return [escape(str(Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf"))]
