"""Specs of the whole language have a meaning, every construct of each."""

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


def test_every_spec_is_one_of_these() -> None:
    assert {path.stem for path in TEXTS} == ACCEPTED | WITHOUT_FILES
