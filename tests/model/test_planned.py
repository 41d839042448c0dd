"""Specs of the whole language have a meaning, or are refused by E401 alone, without errors that
only follow from it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from dynattn.diagnostics.report import SpecError
from dynattn.model.check import check
from dynattn.syntax.inherit import parse_whole
from dynattn.syntax.read import read_source

TEXTS = sorted((Path(__file__).parents[1] / "syntax" / "texts").glob("*.dyn"))
ACCEPTED = {
    "agreement", "keywords", "oscillator_attention",
    "chimera", "collective_modes", "fitzhugh_nagumo", "fold_curve", "friedkin_johnsen",
    "frustrated_synchronization", "kuramoto_attention_enwik8", "lohe_matrix", "lotka_volterra",
    "modern_hopfield", "replicator", "swing", "tidal", "uninformed",
}  # fmt: skip
"""Specs of which every construct has a meaning."""
WITHOUT_FILES = {"kuramoto_general", "wilson_cowan"}
"""Specs that have a meaning, but for files that do not stand beside these texts."""
PLANNED = [path for path in TEXTS if path.stem not in ACCEPTED | WITHOUT_FILES]


@pytest.mark.parametrize("name", sorted(ACCEPTED))
def test_a_spec_with_a_meaning_is_accepted(name: str) -> None:
    path = next(path for path in TEXTS if path.stem == name)
    assert check(parse_whole(read_source(path))).name == name


@pytest.mark.parametrize("name", sorted(WITHOUT_FILES))
def test_a_spec_that_lacks_its_files_alone_says_so(name: str) -> None:
    path = next(path for path in TEXTS if path.stem == name)
    with pytest.raises(SpecError) as caught:
        check(parse_whole(read_source(path)))
    assert {item.code for item in caught.value.diagnostics} == {"E454"}


@pytest.mark.parametrize("path", PLANNED, ids=lambda path: path.stem)
def test_a_planned_spec_is_refused_by_e401_and_nothing_else(path: Path) -> None:
    tree = parse_whole(read_source(path))
    with pytest.raises(SpecError) as caught:
        check(tree)
    # The files that their graphs are read from do not stand beside these texts.
    assert {item.code for item in caught.value.diagnostics} - {"E454"} == {"E401"}
    assert all(item.span is not None and item.fix for item in caught.value.diagnostics)
