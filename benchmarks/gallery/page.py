"""The page: a section for each spec, with its text, its picture and its truths."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from pathlib import Path

from benchmarks.classics.truth import SPECS, Truth
from benchmarks.gallery.pictures import caption, classic
from dynattn.diagnostics.report import Source
from dynattn.syntax.parse import parse
from dynattn.syntax.tree import ModelHeader

DOCS = Path(__file__).parents[2] / "docs"
PAGE, FOLDER = DOCS / "gallery.md", DOCS / "gallery"

HEAD = """# Gallery

Every spec that ships, with its picture and what is known of it: a closed form, a published value,
or independent SciPy code on the same numbers, beside what the spec computes, perhaps with fewer
nodes or shorter times. The test suite holds the two together. `dynattn new chimera` copies one to
start from, `dynattn run` draws pictures like these, and

    python -m benchmarks.gallery chimera winfree

draws and computes some anew, or all without a name, and writes this page.
"""

TESTED = {
    "collective_modes": "truths/test_collective_modes.py",
    "frustrated_synchronization": "truths/test_frustrated_synchronization.py",
    "group_attention": "truths/test_group_attention.py",
    "kuramoto": "truths/test_kuramoto.py",
    "kuramoto_attention": "truths/test_attention_properties.py",
    "kuramoto_general": "truths/test_delays.py",
    "lotka_volterra": "truths/test_ecology.py",
    "metronomes": "truths/test_fits.py",
    "oscillator_attention": "lower/test_targets.py",
    "softmax_attention": "truths/test_paper_specs.py",
    "softmax_transformer": "truths/test_paper_specs.py",
    "synchronization": "truths/test_any_manifold.py",
    "tidal": "truths/test_tidal.py",
    "uninformed": "truths/test_decisions.py",
}
"""Which of the tests holds the truth of a spec that is no classic."""

ROWS = "| quantity | known | computed | from |\n| --- | --- | --- | --- |\n"


def names() -> list[str]:
    """The specs that ship, those with a table of truths first."""
    return sorted(
        (path.stem for path in SPECS.glob("*.dyn")), key=lambda name: (classic(name) is None, name)
    )


def text_of(name: str) -> str:
    """The spec as it ships."""
    return (SPECS / f"{name}.dyn").read_text(encoding="utf-8")


def doc(name: str) -> str:
    """What the model says that it is."""
    tree = parse(Source(f"{name}.dyn", text_of(name)))
    (header,) = (item for item in tree.declarations if isinstance(item, ModelHeader))
    return header.doc or ""


def section(name: str, picture: Path, truths: Iterable[Truth]) -> str:
    """Everything about one spec."""
    table = "".join(map(row, truths))
    known = ROWS + table if table else f"Its truth is held by {_link(name)}.\n"
    return (
        f"## {name}\n\n{escaped(doc(name))}\n\n![{name}]({FOLDER.name}/{picture.name})\n\n"
        f"{caption(name)}\n\n{known}\n```dyn\n{text_of(name)}```\n"
    )


def _link(name: str) -> str:
    return f"[{TESTED[name]}](../tests/{TESTED[name]})"


def row(truth: Truth) -> str:
    """Both numbers to one digit more than they may differ by."""
    size = math.log10(truth.tolerance) if truth.tolerance else -10  # exact
    digits = max(2, min(10, 1 - math.floor(size)))
    numbers = [f"{number:.{digits}f}" for number in (truth.expected, truth.computed)]
    cells = [escaped(truth.quantity), *numbers, escaped(truth.source)]
    return f"| {' | '.join(cells)} |\n"


def escaped(text: str) -> str:
    """Words as they are, where Markdown would read signs into them."""
    return re.sub(r"([\\`*_<>\[\]|])", r"\\\1", text)


def sections(page: str) -> dict[str, str]:
    """The sections of a page by name, as they stand."""
    parts = re.split(r"^(?=## )", page, flags=re.MULTILINE)[1:]
    return {part.split(maxsplit=2)[1]: part.rstrip("\n") + "\n" for part in parts}


def quantities(section: str) -> list[str]:
    """What the table of a section tells of, as ``escaped`` writes it."""
    return re.findall(r"^\| (.*?) \| -?[\d.]+ \| -?[\d.]+ \| .* \|$", section, re.MULTILINE)


def whole(found: dict[str, str]) -> str:
    """The page of these sections."""
    kept = [name for name in names() if name in found]
    index = ", ".join(f"[{name}](#{name})" for name in kept)
    return "\n".join([HEAD, index + "\n", *(found[name] for name in kept)])
