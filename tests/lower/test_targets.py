"""Every spec of the whole language that has a meaning is certified, at small sizes."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dynattn.cli.main import run_command
from dynattn.compilation import Compilation
from dynattn.lower.certify import certify
from dynattn.present.summary import facts
from dynattn.syntax.read import read_source
from tests.model.test_target_specs import ACCEPTED, TEXTS, WITHOUT_FILES

SHIPPED = Path(__file__).parents[2] / "specs"
LAYERS = {"V": 8, "C": 8, "H": 2, "depth": 2}
SMALL: dict[str, dict[str, Any]] = {
    "chimera": {"N": 26},
    "collective_modes": {**LAYERS, "M": 2, "P": 6},
    "fitzhugh_nagumo": {"N": 12},
    "friedkin_johnsen": {"N": 20},
    "frustrated_synchronization": {**LAYERS, "M": 2},
    "fold_curve": {"M": 3, "n": 3},
    "kuramoto_attention_enwik8": LAYERS,
    "lohe_matrix": {"N": 6},
    "lotka_volterra": {"S": 12},
    "modern_hopfield": {"P": 6, "n": 4},
    "oscillator_attention": {"V": 50, "d": 16, "H": 4},
    "tidal": {"d": 8, "n": 6, "classes": 3},
    "uninformed": {"M": 3, "n": 3},
    "wilson_cowan": {"N": 8},
}
SHORTER = {"context=256": "context=8", "unit[200]": "unit[12]"}
PUBLISHED = ["lotka_volterra", "uninformed", "tidal", "kuramoto_general", "oscillator_attention"]
SLOW = {"collective_modes", "frustrated_synchronization", "kuramoto_attention_enwik8"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The specs with the files that their graphs are read from beside them."""
    import networkx as nx

    for path in [*TEXTS, TEXTS[0].parent / "grid.graphml"]:
        shutil.copy(path, tmp_path)
    nx.write_graphml(nx.watts_strogatz_graph(10, 4, 0.3, seed=1), tmp_path / "net.graphml")
    rng = np.random.default_rng(1)
    np.savetxt(
        tmp_path / "weights.csv", rng.uniform(0.1, 1, (8, 8)) * (1 - np.eye(8)), delimiter=","
    )
    np.savetxt(tmp_path / "lengths.csv", rng.uniform(2, 30, (8, 8)), delimiter=",")
    return tmp_path


def small(name: str, folder: Path) -> Compilation:
    """A spec at small sizes."""
    for path in folder.glob("*.dyn"):
        text = path.read_text(encoding="utf-8")
        for large, little in SHORTER.items():
            text = text.replace(large, little)
        path.write_text(text, encoding="utf-8")
    return Compilation(read_source(folder / f"{name}.dyn"), SMALL.get(name, {}))


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name in SLOW else ())
        for name in sorted(ACCEPTED | WITHOUT_FILES)
    ],
)
def test_a_spec_with_a_meaning_is_certified(name: str, folder: Path) -> None:
    certificate = certify(small(name, folder))
    certificate.raise_if_failed()
    assert certificate.passed
    assert certificate.components
    found = [item.relative for item in certificate.differences]
    # Rounding, far from what is allowed; an exact zero everywhere would compare nothing.
    assert 0 < max(found) < 1e-11


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_system_that_ships_is_certified(name: str) -> None:
    certificate = certify(Compilation(read_source(SHIPPED / f"{name}.dyn"), SMALL.get(name, {})))
    certificate.raise_if_failed()
    assert 0 < max(item.relative for item in certificate.differences) < 1e-11


def test_explain_counts_the_numbers_drawn_on_edges() -> None:
    compilation = Compilation(read_source(SHIPPED / "lotka_volterra.dyn"), {"S": 12})
    counted = facts(compilation.model, compilation.network, compilation.program)
    weight = next(row for row in counted["parameters"] if row["parameter"] == "web.weight")
    assert weight["numbers"] == 12 * 11
    assert counted["parameter_count"] == {"learned": 0, "set": 12 * 11 + 4}


def test_records_of_repeats_are_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (SHIPPED / "lotka_volterra.dyn").read_text(encoding="utf-8")
    spec = tmp_path / "lotka_volterra.dyn"
    spec.write_text(text.replace("repeat 50", "repeat 3"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert run_command(["run", str(spec), "--set", "S=8", "-o", "out"]) == 0
    (line,) = [x for x in capsys.readouterr().out.splitlines() if "final(extinct)" in x]
    with (tmp_path / "out" / "results.csv").open(encoding="utf-8") as file:
        extinct = [float(row["final(extinct)"]) for row in csv.DictReader(file)]
    assert len(extinct) == 3
    assert line.split()[1:] == [f"{np.mean(extinct):.4g}", f"{np.std(extinct):.4g}"]
