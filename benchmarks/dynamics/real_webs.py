"""Who eats and who serves whom: the shape of measured webs, with interactions drawn on their links.

Food webs (New Zealand streams) and webs of mutualists (Web of Life), as EcologicalNetworks.jl ships
them, MIT: ``ecology_nz_stream.zip`` and ``ecology_weboflife.zip``. What one species gains by a
link, the other loses in a food web (gamma = -1); among mutualists both gain or lose alike (1).
"""

from __future__ import annotations

import csv
import hashlib
import io
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.classics.truth import SPECS
from dynattn.diagnostics.report import Source
from dynattn.interface import Spec

Array = NDArray[np.float64]

SUMS = {
    "ecology_nz_stream.zip": "63060d03fee5cc51816857dd020ab195c488ca4a3b640056fd392ba2e8a62041",
    "ecology_weboflife.zip": "1f1cae5f6a374db394126806871cd8886ccc6b09f5f524295f8458eecc54fbe5",
}
"""sha256 of the files."""

COUNTS = ("Numbers of flowers", "Frequency of occurrences")
"""A row and a column that are no species, in M_PL_063."""

TEXT = """model real_web extends lotka_volterra
drop simulate, communities, edge, S
param k = 1.0 "links of a species, on average"
graph links = file("{file}")
population species[links] {{ state n on {manifold} ~ uniform(0.5, 1.5); drift 1 - n }}
coupling web: species -> species over links {{
  weight ~ paired_normal(mu/k, sigma/sqrt(k), gamma)
  kernel n[j]
}}
observe extinct = count(n <= 0)
simulate webs {{
  t 0 .. 100; start {start}; until equilibrium; repeat {repeat}; record final(n), final(extinct)
}}
"""


@dataclass(frozen=True)
class Web:
    """A measured web."""

    name: str
    kind: str
    """``food`` or ``mutualists``."""
    links: Any
    """networkx.Graph."""

    @property
    def gamma(self) -> float:
        return -1.0 if self.kind == "food" else 1.0

    @property
    def links_of_each(self) -> float:
        return 2 * self.links.number_of_edges() / len(self.links)


@dataclass(frozen=True)
class Measured:
    """What draws of the interactions on one web gave."""

    web: Web
    sigma: float
    eta: float
    """mean / sqrt(2 variance) of the fixed points, over species and draws."""
    below: float
    """The share of them below 0."""
    extinct: float
    """The share extinct in the saturated equilibria."""


def measured(web: Web, sigma: float, repeat: int) -> Measured:
    """Fixed points and saturated equilibria of the same draws."""
    import networkx as nx

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "web.graphml"
        nx.write_graphml(web.links, place)
        fixed, saturated = (
            _run(place, web, sigma, manifold=manifold, start=start, repeat=repeat)
            for manifold, start in (("real", "equilibrium"), ("positive", "saturated"))
        )
    n, size = fixed["final(n)"], len(web.links)
    eta = float(n.mean() / np.sqrt(2 * n.var()))
    lost = (float(found["final(extinct)"].mean()) / size for found in (fixed, saturated))
    return Measured(web, sigma, eta, *lost)


def _run(place: Path, web: Web, sigma: float, **choices: Any) -> Any:
    text = TEXT.format(file=place.as_posix(), **choices)
    settings = {"sigma": sigma, "gamma": web.gamma, "k": web.links_of_each}
    return Spec(Source(str(SPECS / "real_web.dyn"), text), settings).run("webs", seed=0)


def read_webs(folder: Path, fewest: int = 80, most: int = 120) -> list[Web]:
    """The webs of both files with so many species; SystemExit where a file is another one."""
    found = [*_food(_opened(folder, "ecology_nz_stream.zip")),
             *_mutualists(_opened(folder, "ecology_weboflife.zip"))]  # fmt: skip
    return [web for web in found if fewest <= len(web.links) <= most]


def _opened(folder: Path, name: str) -> zipfile.ZipFile:
    data = (folder / name).read_bytes()
    if hashlib.sha256(data).hexdigest() != SUMS[name]:
        raise SystemExit(f"{folder / name} is not the file that this was made for")
    return zipfile.ZipFile(io.BytesIO(data))


def _tables(archive: zipfile.ZipFile, begins: tuple[str, ...]) -> Iterator[tuple[str, Array]]:
    """Names and matrices of the tables, whose first row and column are names."""
    for name in sorted(archive.namelist()):
        if name.endswith(".csv") and name.startswith(begins):
            rows = list(csv.reader(io.StringIO(archive.read(name).decode("utf-8", "replace"))))
            kept = [k for k, title in enumerate(rows[0]) if k and title not in COUNTS]
            lines = [row for row in rows[1:] if row[0] not in COUNTS]
            yield name[:-4], np.array([[float(row[k] or 0) for k in kept] for row in lines])


def _food(archive: zipfile.ZipFile) -> Iterator[Web]:
    import networkx as nx

    for name, eaten in _tables(archive, ("",)):
        links = (eaten + eaten.T > 0).astype(float)
        np.fill_diagonal(links, 0)
        yield Web(name, "food", _largest(nx.from_numpy_array(links)))


def _mutualists(archive: zipfile.ZipFile) -> Iterator[Web]:
    import networkx as nx

    for name, visits in _tables(archive, ("M_PL", "M_SD")):
        rows, columns = visits.shape
        links = np.zeros((rows + columns, rows + columns))
        links[:rows, rows:] = visits > 0
        yield Web(name, "mutualists", _largest(nx.from_numpy_array(links + links.T)))


def rewired(web: Web, how: str) -> Web:
    """As many species and links, drawn at random: ``swapped`` keeps how many links each species
    has, ``random`` only their number. Of a part that comes apart the largest.
    """
    import networkx as nx

    count = web.links.number_of_edges()
    if how == "swapped":
        drawn = nx.Graph(web.links)
        nx.double_edge_swap(drawn, nswap=5 * count, max_tries=1000 * count, seed=1)
    else:
        drawn = nx.gnm_random_graph(len(web.links), count, seed=1)
    return replace(web, links=_largest(drawn))


def _largest(graph: Any) -> Any:
    """The largest connected part, without the numbers that stood at the links."""
    import networkx as nx

    part = graph.subgraph(max(nx.connected_components(graph), key=len))
    bare = nx.Graph()
    bare.add_nodes_from(sorted(part))
    bare.add_edges_from(sorted(part.edges()))
    return bare
