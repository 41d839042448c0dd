"""Graphs in a spec: from files, written out, put together; and conditions on nodes."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import SpecError
from dynattn.lower.certify import certify
from dynattn.model.constants import NotConstant
from dynattn.model.draft import Draft
from dynattn.model.graph_sources import node_condition
from dynattn.network.diagram import spell_graph
from dynattn.syntax import tree
from dynattn.syntax.parse import parse
from dynattn.syntax.read import Source, read_source
from dynattn.vocabulary.node_selection import Attribute, Condition

WEIGHTS = numpy.array(
    [[0, 2, 0, 1], [0.5, 0, 0, 0], [0, 1.5, 0, 0], [1, 0, 3, 0]],
    dtype=float,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    numpy.savetxt(tmp_path / "w.csv", WEIGHTS, delimiter=",")
    numpy.savetxt(tmp_path / "l.csv", 10 + WEIGHTS, delimiter=",")
    rows = [f"{j} {i} {WEIGHTS[i, j]}" for i, j in zip(*numpy.nonzero(WEIGHTS), strict=True)]
    (tmp_path / "net.edges").write_text("\n".join(rows))
    return tmp_path


def compiled(folder: Path, graph: str, clauses: str = "") -> Compilation:
    path = folder / "spec.dyn"
    path.write_text(f"""model m "a graph"
param N = 4, M = 2, k = 0.5
graph net = file("net.edges")
graph rnd = gnp_random_graph(n=N, p=0.5)
population unit[N] {{ state x on real ~ normal(0, 1) }}
coupling c: unit -> unit over {graph} {{ kernel x[j] {clauses} }}
simulate {{ t 0 .. 1 every 0.1 }}
""")
    return Compilation(read_source(path))


def matrix_of(compilation: Compilation) -> numpy.ndarray:
    found = compilation.network.connections["c"]
    matrix = numpy.zeros((4, 4))
    if found.kind == "complete":
        return 1 - numpy.eye(4) * (not found.include_self)
    matrix[found.receivers, found.senders] = found.attributes.get("weight", 1.0)
    return matrix


RING = numpy.roll(numpy.eye(4), 1, 0) + numpy.roll(numpy.eye(4), -1, 0)
GRAPHS = [
    ('file("net.edges")', WEIGHTS),
    ("net", WEIGHTS),
    ('file("net.edges", directed=false)', WEIGHTS + WEIGHTS.T),
    ('file("w.csv")', WEIGHTS),
    ('matrix("w.csv")', WEIGHTS),
    ('matrix("w.csv", length=matrix("l.csv"))', WEIGHTS),
    ("edges [0 -> 1: 0.5, 1 -> 2]", [[0, 0, 0, 0], [0.5, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]),
    ("edges [M -> M + 1: k/2]", numpy.outer(numpy.eye(4)[3], numpy.eye(4)[2]) / 4),
    ("edges [north -> east, east -> south, south -> west: 2]", numpy.diag([1.0, 1, 2], -1)),
    ("net + ring(N)", WEIGHTS + RING),
    ("net * ring(N)", WEIGHTS * RING),
    ("(net + everyone(N)) without self", WEIGHTS + 1 - numpy.eye(4)),
    ("net + causal(N) * ring(N)", WEIGHTS + numpy.tril(RING)),
    ("ring_of_modules(M, M, inside=k, between=2)",
     [[0, 0.5, 2, 0], [0.5, 0, 0, 2], [2, 0, 0, 0.5], [0, 2, 0.5, 0]]),
]  # fmt: skip


@pytest.mark.parametrize(("graph", "expected"), GRAPHS)
def test_a_graph_has_the_edges_of_its_matrix_and_is_certified(folder, graph, expected):
    compilation = compiled(folder, graph)
    assert (matrix_of(compilation) == numpy.array(expected)).all()
    assert certify(compilation).passed


@pytest.mark.parametrize("graph", [graph for graph, _ in GRAPHS if graph != "net"])
def test_a_graph_is_spelled_as_it_was_written(folder, graph):
    found = spell_graph(compiled(folder, graph).model.coupling["c"].graph)
    numbers = graph.replace("M + 1", "3").replace("k/2", "0.25").replace("M ->", "2 ->")
    for written, spelled in (
        ("ring(N)", "ring(N, reach=1)"), ("inside=k", "inside=0.5"),
        ("(net + everyone(N))", "net + everyone(N)"),
    ):  # fmt: skip
        numbers = numbers.replace(written, spelled)
    assert found == numbers


def test_paths_count_from_the_folder_of_the_spec(folder, monkeypatch, tmp_path_factory):
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert (matrix_of(compiled(folder, "net")) == WEIGHTS).all()


def test_a_check_reads_no_file(folder):
    compilation = compiled(folder, "net")
    (folder / "net.edges").write_text("0 1 x")
    assert compilation.model.coupling["c"].graph.source == "file"
    with pytest.raises(SpecError, match=r"E456: 'net\.edges' is broken: the weight in line 1"):
        _ = compilation.network


def test_a_sum_with_a_drawn_graph_is_drawn_anew_for_each_seed(folder):
    from dynattn.run.systems import build_for

    compilation = compiled(folder, "net + rnd")
    rates = set()
    for repeat in range(6):
        system = build_for(compilation, seed=0, repeat=repeat)
        import torch

        found = system.rates(torch.zeros(()), {"unit.x": torch.ones(4, dtype=torch.float64)})
        rates.add(tuple(found["unit.x"].tolist()))
    assert len(rates) > 1


# ── conditions ─────────────────────────────────────────────────────────────────────────────────


def condition_of(text: str) -> Condition:
    spec = parse(Source("c.dyn", f'model m ""\npopulation p[g where {text}] {{ }}\n'))
    population = next(d for d in spec.declarations if isinstance(d, tree.Population))
    draft = Draft({}, values={"low": 2.0})
    assert population.condition is not None
    return node_condition(draft, population.condition, ("kind", "M"))


KIND, INERTIA = Attribute("kind"), Attribute("M")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('kind == "load"', Condition("==", (KIND, "load"))),
        ("M > low", Condition(">", (INERTIA, 2.0))),
        ('not kind == "load"', Condition("not", (Condition("==", (KIND, "load")),))),
        ('kind != "load" and 2*low <= M',
         Condition("and", (Condition("!=", (KIND, "load")), Condition("<=", (4.0, INERTIA))))),
    ],
)  # fmt: skip
def test_a_condition_on_nodes(text, expected):
    assert condition_of(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("M", "this is no condition on the nodes of a graph"),
        ("m > 2", "unknown name 'm'"),
    ],
)
def test_what_is_no_condition(text, message):
    with pytest.raises(NotConstant) as caught:
        condition_of(text)
    assert caught.value.reason == message
