"""Every spec, shipped or only planned, is read, and its canonical text says the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from dynattn.syntax.parse import parse
from dynattn.syntax.read import read_source
from dynattn.syntax.tree import ModelHeader
from dynattn.syntax.unparse import unparse
from tests.syntax.trees import again

HERE = Path(__file__).parent
SPECS = sorted([*HERE.glob("texts/*.dyn"), *HERE.parents[1].glob("specs/*.dyn")])


def test_there_are_specs_to_read() -> None:
    assert len(SPECS) >= 20


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_spec_is_one_model_and_its_canonical_text_the_same_tree(path: Path) -> None:
    tree = parse(read_source(path))
    headers = [item for item in tree.declarations if isinstance(item, ModelHeader)]
    assert [header.name for header in headers] == [path.stem]
    assert again(tree).declarations == tree.declarations
    assert unparse(again(tree)) == unparse(tree)


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_every_comment_is_kept(path: Path) -> None:
    tree = parse(read_source(path))
    for comment in tree.comments:
        assert comment.span.text == comment.text
    outside = [line for line in tree.source.lines if "#" in line]
    assert len(tree.comments) == len(outside)
