"""The documents keep their promises: every spec in them compiles, and links lead somewhere."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from dynattn.diagnostics.catalogue import CODES
from dynattn.diagnostics.report import Source
from dynattn.interface import Spec, load
from dynattn.lower.past import at_rest
from dynattn.present.pictures import PICTURES
from dynattn.present.wanted import read_wanted
from dynattn.run.experiment import find_experiment, run_experiment
from dynattn.syntax.format import format_source
from dynattn.vocabulary.distributions import DISTRIBUTIONS
from dynattn.vocabulary.functions import FUNCTION_NAMES
from dynattn.vocabulary.graphs import SOURCES
from dynattn.vocabulary.manifolds import MANIFOLDS
from dynattn.vocabulary.solvers import OWN_METHODS

PROJECT = Path(__file__).parents[1]
PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]
LANGUAGE = (PROJECT / "docs" / "language.md").read_text()


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: Path
    line: int
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.stem}-{self.line}"


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, with the line that each begins on."""
    text = page.read_text()
    found = re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [Block(page, text.count("\n", 0, m.start()) + 1, m[1], m[2]) for m in found]


BLOCKS = [block for page in PAGES for block in blocks(page)]
SPECS = [b for b in BLOCKS if b.kind == "dyn" and b.page.stem != "gallery"]
"""Those of the gallery are the files of specs/, which other tests compile and run."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Where the specs of the pages stand, with the files that they read."""
    import networkx as nx
    import numpy as np

    made = tmp_path_factory.mktemp("docs")
    graph = nx.watts_strogatz_graph(12, 4, 0.2, seed=1)
    for node, facts in graph.nodes(data=True):
        facts |= {"kind": "load" if node % 3 else "generator", "M": 1.0, "D": 0.5, "P": 1.0}
    for _, _, facts in graph.edges(data=True):
        facts |= {"b": 2.0, "length": 1.5}
    nx.write_graphml(graph, made / "net.graphml")
    weights = np.abs(np.random.default_rng(0).normal(size=(8, 8))) * (1 - np.eye(8))
    for name, values in (("weights", weights), ("lengths", 3 * weights)):
        np.savetxt(made / f"{name}.csv", values, delimiter=",")
    (made / "drive.csv").write_text("t, drive\n0, 0\n5, 2\n20, -1\n")
    for block in SPECS:
        (made / f"{block.text.split()[1]}.dyn").write_text(block.text)
    return made


@pytest.mark.parametrize("block", SPECS, ids=str)
def test_every_spec_compiles_and_computes(block: Block, folder: Path):
    spec = Spec(Source(str(folder / "page.dyn"), block.text))
    system = spec.build()
    if not spec.model.network and spec.model.inputs:  # signals: samples are read when it is run
        assert run_experiment(spec)
    elif not spec.model.network:
        states = system.initial_states()
        past = {"past": at_rest(system, states)} if system.late else {}
        rates = system.rates(0.0, states, **past)
        assert rates
        assert all(
            torch.isfinite(torch.view_as_real(x) if x.is_complex() else x).all()
            for x in rates.values()
        )


@pytest.mark.parametrize("block", SPECS, ids=str)
def test_every_spec_is_in_canonical_layout(block: Block):
    assert format_source(Source("page.dyn", block.text)) == block.text


def test_there_are_specs_to_compile():
    assert len([block for block in SPECS if block.page.stem == "language"]) >= 15


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_fences_are_of_a_known_kind_and_closed(page: Path):
    text = page.read_text()
    kinds = {block.kind for block in blocks(page)}
    assert kinds <= {"dyn", "text", "sh", "python", "console", ""}
    assert 2 * len(blocks(page)) == len(re.findall(r"^```", text, re.MULTILINE))


def anchors(page: Path) -> set[str]:
    """What a link with # may name, as GitHub makes it of headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path):
    for target, anchor in re.findall(r"\]\(([^)#:\s]*)(?:#([^)]*))?\)", page.read_text()):
        aim = (page.parent / target).resolve() if target else page
        assert aim.exists(), target
        assert not anchor or anchor in anchors(aim), anchor


# ── the reference names everything there is ────────────────────────────────────────────────────


NAMES = {
    "manifold": [*MANIFOLDS],
    "function": [*FUNCTION_NAMES],
    "distribution": [*DISTRIBUTIONS],
    "graph source": [*SOURCES, "file", "matrix", "edges"],
    "method": [*OWN_METHODS, "dopri5"],
}


@pytest.mark.parametrize(
    ("family", "name"), [(family, name) for family, names in NAMES.items() for name in names]
)
def test_the_reference_names_it(family: str, name: str):
    spelled = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]*)`", LANGUAGE))))
    assert name in spelled, f"docs/language.md does not tell of the {family} {name}"


def test_codes_named_in_the_pages_exist():
    for page in PAGES:
        assert set(re.findall(r"\bE\d{3}\b", page.read_text())) <= set(CODES)


def test_the_commands_of_the_gallery_of_pictures_draw_what_is_shown(tmp_path, monkeypatch):
    """Each is accepted, for an experiment that is there, and stands above a picture that is."""
    page = PROJECT / "docs" / "pictures.md"
    said = re.findall(r"^`dynattn run (.*)`\n\n!\[.+\]\((.*)\)$", page.read_text(), re.MULTILINE)
    assert {place for _, place in said} == {f"pictures/{p.name}" for p in drawings()}
    (tmp_path / "specs").symlink_to(PROJECT / "specs")
    text = next(block.text for block in blocks(page) if "model brusselator" in block.text)
    (tmp_path / "brusselator.dyn").write_text(text)
    monkeypatch.chdir(tmp_path)
    for command, _ in said:
        words = shlex.split(command)
        options = {name: words.pop(words.index(name) + 1) for name in words if name[0] == "-"}
        spec, *experiment = [word for word in words if word[0] != "-"]
        changed = dict([options.pop("--set").split("=")]) if "--set" in options else {}
        compilation = load(spec, **{name: int(value) for name, value in changed.items()})
        plan = find_experiment(compilation.model, *(experiment or [None]))
        assert read_wanted(compilation, plan, [options.pop("--plot", "default")])
        assert not options


def drawings() -> list[Path]:
    """The files that the page of pictures shows, none of them large."""
    found = sorted((PROJECT / "docs" / "pictures").iterdir())
    assert all(1000 < file.stat().st_size < 350_000 for file in found)
    return found


def test_the_page_of_pictures_names_each_and_its_python_draws(tmp_path, monkeypatch):
    page = PROJECT / "docs" / "pictures.md"
    of = "(?:simulations|sweeps|continuations|searches|trainings|measurements|fits)"
    kinds = rf"^\| `(\w+)` \|.* \| {of}(?:, {of})* \|$"
    named = set(re.findall(kinds, page.read_text(), re.MULTILINE))
    assert named == set(PICTURES)
    monkeypatch.chdir(tmp_path)
    code = {block.kind: block.text for block in blocks(page)}
    (tmp_path / "waves.dyn").write_text(code["dyn"])
    names: dict[str, Any] = {}
    exec(code["python"], names)
    assert names["figure"].axes
    assert (tmp_path / "raster.pdf").read_bytes()[:4] == b"%PDF"
    assert (tmp_path / "waves.gif").read_bytes()[:3] == b"GIF"


# ── sizes ──────────────────────────────────────────────────────────────────────────────────────


def lines_of(text: str) -> int:
    """Lines of a spec; blank ones do not count."""
    return sum(bool(line.strip()) for line in text.splitlines())


def told(name: str) -> int:
    """Lines of a spec that the tutorial says to save."""
    model = name.removesuffix(".dyn")
    (text,) = [b.text for b in SPECS if b.text.startswith(f"model {model} ")]
    return lines_of(text)


def test_the_sizes_told_are_those_of_the_specs():
    rows = re.findall(r"^\| .*\[(\w+\.dyn)\]\(.*\| (\d+) \|$", LANGUAGE, re.MULTILINE)
    assert rows
    assert {name: int(count) for name, count in rows} == {name: told(name) for name, _ in rows}


@pytest.mark.parametrize(("name", "limit"), [("first.dyn", 12), ("second.dyn", 18)])
def test_a_model_is_short(name: str, limit: int):
    assert told(name) <= limit


def test_every_spec_that_ships_is_short():
    for path in (PROJECT / "specs").glob("*.dyn"):
        assert lines_of(path.read_text()) <= 45
