"""What has no meaning yet is refused by E401 alone, without errors that only follow from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dynattn.diagnostics.report import SpecError
from dynattn.model.check import check
from dynattn.syntax.parse import parse
from dynattn.syntax.read import read_source

TEXTS = sorted((Path(__file__).parents[1] / "syntax" / "texts").glob("*.dyn"))


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_a_planned_spec_is_refused_by_e401_and_nothing_else(path: Path) -> None:
    tree = parse(read_source(path))
    with pytest.raises(SpecError) as caught:
        check(tree)
    # The files that their graphs are read from do not stand beside these texts.
    assert {item.code for item in caught.value.diagnostics} - {"E454"} == {"E401"}
    assert all(item.span is not None and item.fix for item in caught.value.diagnostics)
