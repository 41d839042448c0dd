"""Graphs in files of every kind, through a whole spec: the rates are those of the plain matrix."""

from __future__ import annotations

from pathlib import Path

import networkx
import numpy as np
import pytest
import scipy.io
import scipy.sparse
import torch

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.lower.certify import certify
from dynattn.program.nodes import Block

NODES = 7
PLACES = [(0, 1), (2, 1), (1, 3), (4, 0), (5, 4), (6, 2), (3, 6), (2, 5)]
WEIGHTS = [0.5, 1.25, 2.0, 0.75, 1.5, 3.0, 0.25, 1.0]
"""Edges sender -> receiver, and the weights of them."""


def matrix() -> np.ndarray:
    """Entry [a, b]: the effect of b on a."""
    found = np.zeros((NODES, NODES))
    for (sender, receiver), weight in zip(PLACES, WEIGHTS, strict=True):
        found[receiver, sender] = weight
    return found


def graph(weight: str) -> networkx.DiGraph:
    """The same with a power for every node, and its weight under this name."""
    found = networkx.DiGraph()
    found.add_nodes_from((n, {"power": 0.1 * n - 0.2}) for n in range(NODES))
    rows = zip(PLACES, WEIGHTS, strict=True)
    found.add_weighted_edges_from([(*ends, value) for ends, value in rows], weight)
    return found


def write_lines(path: Path, head: str, between: str) -> None:
    rows = [head] if head else []
    for (sender, receiver), weight in zip(PLACES, WEIGHTS, strict=True):
        rows.append(between.join([str(sender), str(receiver), str(weight)]))
    path.write_text("\n".join(rows) + "\n")


WRITERS = {
    "net.graphml": lambda path: networkx.write_graphml(graph("weight"), path),
    "net.gexf": lambda path: networkx.write_gexf(graph("weight"), path),
    "net.gml": lambda path: networkx.write_gml(graph("weight"), path),
    "net.edges": lambda path: write_lines(path, "", " "),
    "net.tsv": lambda path: write_lines(path, "source\ttarget\tweight", "\t"),
    "net.csv": lambda path: np.savetxt(path, matrix(), delimiter=","),
    "table.csv": lambda path: write_lines(path, "source,target,weight", ","),
    "net.mtx": lambda path: scipy.io.mmwrite(path, scipy.sparse.coo_array(matrix())),
    "net.npz": lambda path: np.savez(path, weights=matrix()),
    "sparse.npz": lambda path: scipy.sparse.save_npz(path, scipy.sparse.csr_array(matrix())),
}

SPEC = """
model filed
param K = 1.3
graph net = {kind}("{name}")
population osc[{size}] {{ state x on circle; drift {drift} }}
coupling pull: osc -> osc over net {{
  strength K
  kernel sin(x[j] - x[i]) + weight * cos(x[i])
}}
simulate {{ t 0 .. 1 every 0.5 }}
"""


def compilation(folder: Path, name: str, kind: str = "file", **changes: str) -> Compilation:
    filled = {"size": "net", "drift": "0.4"} | changes
    text = SPEC.format(kind=kind, name=name, **filled)
    return Compilation(Source(str(folder / "spec.dyn"), text))


def rates(spec: Compilation, x: np.ndarray) -> np.ndarray:
    system = spec.build()
    return system.rates(0.0, {"osc.x": torch.from_numpy(x)})["osc.x"].detach().numpy()


def expected(x: np.ndarray, drift: np.ndarray | float) -> np.ndarray:
    w = matrix()
    kernel = np.sin(x[None, :] - x[:, None]) + w * np.cos(x)[:, None]
    return drift + 1.3 * (w * kernel).sum(1)


@pytest.mark.parametrize("name", sorted(WRITERS))
def test_every_kind_of_file(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / name)
    spec = compilation(tmp_path, name)
    assert spec.model.population["osc"].size.value({}) == NODES
    x = np.random.default_rng(1).uniform(-3, 3, NODES)
    np.testing.assert_allclose(rates(spec, x), expected(x, 0.4), rtol=1e-13, atol=1e-13)
    assert certify(spec).passed


@pytest.mark.parametrize("name", ["net.graphml", "net.gexf", "net.gml"])
def test_what_the_nodes_of_a_file_have_are_names(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / name)
    spec = compilation(tmp_path, name, drift="power^2 - power")
    x = np.random.default_rng(2).uniform(-3, 3, NODES)
    power = 0.1 * np.arange(NODES) - 0.2
    np.testing.assert_allclose(
        rates(spec, x), expected(x, power**2 - power), rtol=1e-13, atol=1e-13
    )


def test_further_matrices_are_edge_attributes(tmp_path: Path) -> None:
    np.save(tmp_path / "w.npy", matrix())
    np.savetxt(tmp_path / "l.csv", 2 * matrix() + 1, delimiter=",")
    text = """
model filed
graph net = matrix("w.npy", length=matrix("l.csv"))
population osc[net] { state x on real; drift -x }
coupling pull: osc -> osc over net { weight exp(-length); kernel x[j] }
coupling push: osc -> osc over net { kernel length * x[j] }
"""
    spec = Compilation(Source(str(tmp_path / "spec.dyn"), text))
    x = np.random.default_rng(3).standard_normal(NODES)
    w, length = matrix(), 2 * matrix() + 1
    plain = -x + ((w != 0) * np.exp(-length)) @ x + (w * length) @ x
    np.testing.assert_allclose(rates(spec, x), plain, rtol=1e-13, atol=1e-13)


# ── nodes of generated graphs ──────────────────────────────────────────────────────────────────


def test_attributes_of_a_generator_are_known_when_they_are_named() -> None:
    text = """
model blocks
param N = 12, p = 0.7
graph net = planted_partition_graph(l=3, k=4, p_in=p, p_out=0.2, seed=4)
population osc[net] { state x on circle; param bias = block - 1; drift bias }
coupling pull: osc -> osc over net { weight 1 + block[j] }
"""
    spec = Compilation(Source("blocks.dyn", text))
    plain = networkx.planted_partition_graph(l=3, k=4, p_in=0.7, p_out=0.2, seed=4)
    block = np.array([plain.nodes[n]["block"] for n in range(12)], float)
    w = networkx.to_numpy_array(plain) * (1 + block)[None, :]
    x = np.random.default_rng(5).uniform(-3, 3, 12)
    direct = block - 1 + (w * np.sin(x[None, :] - x[:, None])).sum(1)
    np.testing.assert_allclose(rates(spec, x), direct, rtol=1e-13, atol=1e-13)
    assert certify(spec).passed


def test_a_population_of_n_nodes_follows_n() -> None:
    text = """
model small_world
param N = 500
graph net = watts_strogatz_graph(n=N, k=6, p=0.2)
population osc[net] { state x on circle; drift 1 }
coupling pull: osc -> osc over net
"""
    spec = Compilation(Source("small_world.dyn", text))
    assert str(spec.model.population["osc"].size) == "N"
    assert certify(spec).passed
    larger = Compilation(Source("small_world.dyn", text), {"N": 600})
    assert larger.network.connections["pull"].receivers_count == 600


def test_the_program_does_not_grow_with_the_file(tmp_path: Path) -> None:
    counts = []
    for nodes in (20, 2000):
        networkx.write_graphml(networkx.circulant_graph(nodes, [1, 3]), tmp_path / "net.graphml")
        text = SPEC.format(kind="file", name="net.graphml", size="net", drift="0.1")
        spec = Compilation(Source(str(tmp_path / "spec.dyn"), text.replace("weight *", "")))
        blocks: tuple[Block, ...] = spec.program.blocks
        counts.append([len(block.nodes) for block in blocks])
    assert counts[0] == counts[1]


def test_a_large_file_is_certified_by_a_few_of_its_nodes(tmp_path: Path) -> None:
    large = networkx.barabasi_albert_graph(900, 3, seed=1)
    for n in large:
        large.nodes[n]["power"] = 0.001 * n
    networkx.write_graphml(large, tmp_path / "net.graphml")
    spec = compilation(tmp_path, "net.graphml", drift="power")
    text = spec.source.text.replace("weight *", "")
    certificate = certify(Compilation(Source(spec.source.path, text)))
    assert certificate.passed and certificate.edges > 0
