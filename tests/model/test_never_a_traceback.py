"""Specs with accidents: a model or diagnostics with code, fact, place and fix; nothing else."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from dynattn.cli.check import mistakes_beside
from dynattn.compilation import Compilation
from dynattn.diagnostics.frame import render_all
from dynattn.diagnostics.report import Diagnostic, Source, SpecError
from tests.model.damage import corpus, damaged

TEXTS = corpus()
MUTANTS = 30
"""Of each seed; some thousand are worth a look by hand after a change of the language."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Where the specs stand that others extend, with the files beside them."""
    made = tmp_path_factory.mktemp("accidents")
    for place in {place for place, _ in TEXTS}:
        for path in place.iterdir():
            if path.is_file():
                shutil.copy(path, made)
    return made


@pytest.mark.parametrize("seed", range(4))
def test_a_damaged_spec_is_refused_or_compiled(seed: int, folder: Path) -> None:
    rng = random.Random(seed)
    for _ in range(MUTANTS):
        source = Source(str(folder / "damaged.dyn"), damaged(rng, TEXTS))
        try:
            assert Compilation(source).program is not None
        except SpecError as error:
            for item in (*error.diagnostics, *mistakes_beside(source, error.diagnostics)):
                _is_whole(item)
            assert render_all(error.diagnostics)


def _is_whole(item: Diagnostic) -> None:
    assert item.code and item.message and item.fix, item
    assert item.span is not None, item
    lines = item.span.source.lines
    assert 1 <= item.span.line <= item.span.end_line <= len(lines) + 1, item
    assert 1 <= item.span.column <= len(lines[item.span.line - 1]) + 1, item
