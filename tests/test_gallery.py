"""The gallery shows the specs as they ship, with pictures; test_classics holds its numbers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.gallery import page
from benchmarks.gallery.pictures import PICTURES, classic

SECTIONS = page.sections(page.PAGE.read_text(encoding="utf-8"))
NAMES = sorted(path.stem for path in page.SPECS.glob("*.dyn"))
MOST = 3_000_000
"""Bytes of all pictures."""


def test_there_is_a_section_for_each_spec_and_no_other():
    assert sorted(SECTIONS) == NAMES, "python -m benchmarks.gallery NAME writes a section"
    assert set(PICTURES) | set(page.TESTED) <= set(NAMES)
    assert page.whole(SECTIONS) == page.PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_shows_the_spec_as_it_ships(name: str):
    section = SECTIONS[name]
    (text,) = re.findall(r"^```dyn\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
    assert text == page.text_of(name)
    assert page.escaped(page.doc(name)) in section
    (place,) = re.findall(r"!\[.*?\]\((.*?)\)", section)
    assert Path(place).stem == name
    assert (page.DOCS / place).stat().st_size > 1000


@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_says_what_is_known(name: str):
    if classic(name) is None:
        assert page.quantities(SECTIONS[name]) == []
        test = page.DOCS.parent / "tests" / page.TESTED[name]
        assert f'"{name}' in test.read_text() or f"{name}.dyn" in test.read_text()
    else:
        assert page.quantities(SECTIONS[name])


def test_no_picture_is_left_over_and_all_are_small():
    files = list(page.FOLDER.iterdir())
    shown = re.findall(r"!\[.*?\]\(gallery/(.*?)\)", page.PAGE.read_text(encoding="utf-8"))
    assert sorted(shown) == sorted(path.name for path in files)
    assert sum(path.stat().st_size for path in files) < MOST
