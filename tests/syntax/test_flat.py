"""``fmt --flat``: one text that says what a spec says with all that it rests on."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source, Span, SpecError
from dynattn.syntax import tree as t
from dynattn.syntax.flat import flat_text
from dynattn.syntax.format import format_source
from dynattn.syntax.inherit import parse_whole, relocated
from dynattn.syntax.parse import parse
from dynattn.syntax.read import read_source

HERE = Path(__file__).parent
TEXTS = sorted([*HERE.glob("texts/*.dyn"), *HERE.parents[1].glob("specs/*.dyn")])
RESTING = [path for path in TEXTS if "extends" in path.read_text().split("\n")[0]]

BASE = """\
# The base.
model base "Two kinds"   # its name

use "parts/types.dyn"
param N = 10, K = 2.0 in 0 .. 10 "strength"  # both
# how many kinds
param kinds = 2

graph net = matrix("pairs.csv")

population osc[net] is cell(a=K) {
  # faster
  drift -2*x  # than the type
}
coupling pull: osc -> osc over net {  # along the edges
  kernel x[j] - x[i]
  strength K   # said again below
  # that is all
}
observe m = mean(x)

simulate { t 0 .. 1 every 0.1; record m }  # short
"""
TYPES = """\
model types
# One cell.
type cell(a=1) { state x on real = a; drift -a*x }  # decays
type other { state y on real }
"""
MINE = """\
model mine extends base
# Of mine alone.
param b = 0.5  # new
# Weaker.
coupling pull {  # in part
  strength b*K
  # no more than that
}  # changed
drop kinds
# the end
"""
FLAT = """\
model mine "Two kinds"

# One cell.
type cell(a=1) { state x on real = a; drift -a*x }  # decays

param N = 10, K = 2.0 in 0 .. 10  "strength"  # both

graph net = matrix("pairs.csv")

population osc[net] is cell(a=K) {
  # faster
  drift -2*x  # than the type
}

# Of mine alone.
param b = 0.5  # new

# Weaker.
# in part
# changed
# no more than that
coupling pull: osc -> osc over net {  # along the edges
  kernel   x[j] - x[i]
  strength b*K
  # that is all
}
observe m = mean(x)

simulate { t 0 .. 1 every 0.1; record m }  # short
# the end
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "types.dyn").write_text(TYPES)
    (tmp_path / "pairs.csv").write_text("0,1,0\n1,0,1\n0,1,0\n")
    (tmp_path / "base.dyn").write_text(BASE)
    (tmp_path / "mine.dyn").write_text(MINE)
    return tmp_path


def same(a: Any, b: Any) -> bool:
    """Whether two values say the same, wherever they stand."""
    if isinstance(a, Span | Source):
        return isinstance(b, Span | Source)
    if type(a) is not type(b):
        return False
    if is_dataclass(a) and not isinstance(a, type):
        return all(same(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return a == b


def apart(items: tuple[Any, ...]) -> tuple[Any, ...]:
    """Declarations with a quantity each, in bodies too."""
    found: list[Any] = []
    for item in items:
        if isinstance(item, t.Quantities):
            found += [t.Quantities(e.span, item.keyword, (e,)) for e in item.entries]
        elif getattr(item, "body", None):
            found.append(replace(item, body=apart(item.body)))
        else:
            found.append(item)
    return tuple(found)


def test_the_parts_keep_their_words_and_their_comments(folder: Path) -> None:
    found = flat_text(read_source(folder / "mine.dyn"))
    assert found == FLAT


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_a_flat_text_says_the_same_and_rests_on_nothing(path: Path) -> None:
    source = read_source(path)
    flat = Source(str(path), flat_text(source))
    whole = relocated(parse_whole(source), path.parent)
    assert apart(parse(flat).declarations) == apart(whole.declarations)
    assert flat_text(flat) == flat.text == format_source(flat)
    assert not any(isinstance(item, t.Use | t.Drop) for item in parse(flat).declarations)
    if path not in RESTING:
        assert flat.text == format_source(source)


def test_a_flat_text_is_the_same_model(folder: Path) -> None:
    for path in (folder / "mine.dyn", folder / "base.dyn", HERE / "texts" / "fold_curve.dyn"):
        source = read_source(path)
        model = Compilation(source).model
        again = Compilation(Source(str(path), flat_text(source))).model
        assert model.laws and same(model, again)
        other = Compilation(Source(str(path), flat_text(source).replace("= 10", "= 11"))).model
        assert not same(model, other)


def test_a_wrong_part_is_refused(folder: Path) -> None:
    (folder / "base.dyn").write_text("model base\nparam = 1\n")
    with pytest.raises(SpecError):
        flat_text(read_source(folder / "mine.dyn"))
