"""The canonical layout: what it looks like, and that it keeps tree and comments of any program."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dynattn.diagnostics.report import Source, SpecError
from dynattn.syntax import format as formatter
from dynattn.syntax import tree as t
from dynattn.syntax.format import FormatFault, format_source
from dynattn.syntax.layout import CONTINUING
from dynattn.syntax.parse import parse
from dynattn.syntax.read import read_source
from dynattn.syntax.script import Script, read_script
from dynattn.syntax.spacing import between
from dynattn.syntax.unparse import unparse
from tests.syntax.test_round_trip import SOURCE, declarations, several

HERE = Path(__file__).parent
SHIPPED = sorted(HERE.parents[1].glob("specs/*.dyn"))
TEXTS = sorted(HERE.glob("texts/*.dyn"))
EXAMPLES = 50


def formatted(text: str) -> str:
    return format_source(Source("spec.dyn", text))


def comments(text: str) -> list[str]:
    return [item.text.rstrip() for item in parse(Source("spec.dyn", text)).comments]


def holds(text: str, result: str) -> None:
    """The result says what the text says, and is laid out."""
    before, after = (parse(Source("spec.dyn", one)) for one in (text, result))
    assert after.declarations == before.declarations
    assert comments(result) == comments(text)
    assert formatted(result) == result
    assert not any(line != line.rstrip() for line in result.split("\n"))
    assert "\n\n\n" not in result and result[0] != "\n" and result[-2] != "\n"


# ── the specs ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_shipped_specs_are_in_canonical_layout(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert formatted(text) == text


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_a_spec_keeps_tree_and_comments(path: Path) -> None:
    text = read_source(path).text
    holds(text, formatted(text))


@pytest.mark.parametrize("path", [*SHIPPED, *TEXTS], ids=lambda path: path.stem)
def test_blanks_at_the_start_and_end_of_lines_do_not_matter(path: Path) -> None:
    text = read_source(path).text
    noisy = "".join(f"\t{line.lstrip()}  \n" if line else "\n\n" for line in text.split("\n"))
    result = formatted(noisy)
    holds(noisy, result)
    without = [[line.split("#")[0].rstrip() for line in one.split("\n")] for one in (text, result)]
    assert formatted("\n".join(without[0])) == formatted("\n".join(without[1]))


# ── what it looks like ─────────────────────────────────────────────────────────────────────────

LOOKS = {
    "clauses stand in a column": (
        "coupling c: a->b{\nkernel x[j]\n frustration alpha  #lag\n\n\n\nheads   H\n}",
        "coupling c: a -> b {\n  kernel      x[j]\n  frustration alpha  #lag\n\n  heads H\n}\n",
    ),
    "values and descriptions of param lines": (
        'param N=500\nparam alpha=-0.5*x in -pi..pi "lag"\nparam K=2.0 in 0..10   "strength"',
        "param N     = 500\n"
        'param alpha = -0.5*x in -pi .. pi  "lag"\n'
        'param K     = 2.0 in 0 .. 10       "strength"\n',
    ),
    "a line of several quantities follows the writer": (
        "param a = 1, b = 2\nparam longer = 3\nparam x      = 4, y = 5",
        "param a = 1, b = 2\nparam longer = 3\nparam x      = 4, y = 5\n",
    ),
    "a line of several clauses stays one": (
        "simulate{t 0..1 every 0.1;step 0.1 ; until equilibrium;}",
        "simulate { t 0 .. 1 every 0.1; step 0.1; until equilibrium }\n",
    ),
    "blocks below each other": (
        "simulate { t 0 .. 1 }\nsweep edge { K = 0 .. 1 }",
        "simulate   { t 0 .. 1 }\nsweep edge { K = 0 .. 1 }\n",
    ),
    "a block that is too long is opened, a line for each": (
        f"population p[N] {{ state x on real; param {'a' * 60} = 1; drift {'a' * 20} }}  # why",
        "population p[N] {\n  state x on real\n"
        f"  param {'a' * 60} = 1\n  drift {'a' * 20}\n}}  # why\n",
    ),
    "comments stay above what they stand above": (
        "# one\n\n\n# two\nparam a = 1 # here\n    # third\nparam b = 2\n# the end",
        "# one\n\n# two\nparam a = 1  # here\n# third\nparam b = 2\n# the end\n",
    ),
    "comments below each other": (
        "param a = 1  # one\nparam b = 222 # two\n\nparam c = 3 # three",
        "param a = 1    # one\nparam b = 222  # two\n\nparam c = 3  # three\n",
    ),
    "a comment that goes on": (
        "param a = 1   # one,\n              # and more\nparam b = 2",
        "param a = 1   # one,\n              # and more\nparam b = 2\n",
    ),
    "comments in a block": (
        "population p[N] { # of the head\n# first\nstate x on real\n# last\n}",
        "population p[N] {  # of the head\n  # first\n  state x on real\n  # last\n}\n",
    ),
    "an empty block, and one with nothing but a comment": (
        "coupling c {\n}\ncoupling d {\n # nothing\n}",
        "coupling c { }\ncoupling d {\n  # nothing\n}\n",
    ),
    "broken lines stay broken, below the bracket": (
        "param A[2, 2] = [[0, 1], # up\n[1, 0]]\ngraph g = f(\nn=2,\n# why\np=1\n)",
        "param A[2, 2] = [[0, 1],  # up\n                 [1, 0]]\n"
        "graph g = f(\n  n=2,\n  # why\n  p=1\n)\n",
    ),
    "lines broken after a sign": (
        "let x = a +\nb\nparam a = 1,\n b = 2",
        "let x = a +\n    b\nparam a = 1,\n      b = 2\n",
    ),
    "signs": (
        "let a = - x^- 2 * ( y [ i , j ] + z' )/b @c\nlet b = not(a<1)and b==f (n = 2, x = - 1)",
        "let a = -x^-2 * (y[i, j] + z')/b @ c\nlet b = not (a < 1) and b == f(n=2, x=-1)\n",
    ),
    "clauses with a bracket": (
        "graph g = edges[a->b:0.5]\ntrain { record(a); start[1]; step -1 }",
        "graph g = edges [a -> b: 0.5]\ntrain { record (a); start [1]; step -1 }\n",
    ),
    "products with brackets": (
        "let a = 2*(m-1)*[1, 2]*f(x)+2 * (m-1)",
        "let a = 2*(m - 1)*[1, 2]*f(x) + 2 * (m - 1)\n",
    ),
    "the head of a type": (
        "type cell(a = 1,b){state x on real}\npopulation p [N] is cell (b = 2){drift -x}",
        "type cell(a=1, b) { state x on real }\npopulation p[N] is cell(b=2) { drift -x }\n",
    ),
    "the writer's products and numbers": (
        "let a = 2*pi/M * (m - 1e-06)",
        "let a = 2*pi/M * (m - 1e-06)\n",
    ),
}


@pytest.mark.parametrize("name", LOOKS)
def test_what_it_looks_like(name: str) -> None:
    text, expected = LOOKS[name]
    assert formatted(text) == expected
    holds(text, expected)


def test_a_wrong_text_is_refused_with_its_mistakes() -> None:
    with pytest.raises(SpecError) as caught:
        formatted("param = 1\nlet x 2\n")
    assert len(caught.value.diagnostics) == 2


@pytest.mark.parametrize(
    ("wrong", "message"),
    [("param a = 2  # why\n", "meaning"), ("param a = 1  # how\n", "comments")],
)
def test_a_result_that_says_something_else_is_a_fault(wrong, message, monkeypatch) -> None:
    monkeypatch.setattr(formatter, "commented", lambda lines: wrong.splitlines())
    with pytest.raises(FormatFault, match=f"^spec.dyn: the layout would change the {message}$"):
        formatted("param a = 1  # why\n")


# ── any program, however it is laid out ────────────────────────────────────────────────────────


def disarrayed(script: Script, random: Random) -> str:
    """The tokens of a script with blanks, line ends, separators and comments anywhere."""
    gaps = [gap(script, k, random) for k in range(1, len(script.tokens))]
    head, tail = random.choice(["", "\n\n", "# top\n", "\n # top\n\n"]), remark(random)
    inner = "".join(space + token for space, token in zip(gaps, script.tokens[1:], strict=True))
    return head + script.tokens[0] + inner + tail


def gap(script: Script, k: int, random: Random) -> str:
    """Something that may stand between a token and the one before it."""
    before, after = script.tokens[k - 1], script.tokens[k]
    if before == "{" or after == "}":
        choices = ["", " ", " ;", ";\n\n", "\n", remark(random)]
        return random.choice(choices)
    if k - 1 in script.separated:
        return random.choice(["; ", ";", " ;; ", "\n", "\n\n\n", "\n \t ", remark(random)])
    bracket = script.brackets[1][k]
    free = before in CONTINUING or (bracket is not None and script.tokens[bracket] != "{")
    blanks = ["", ""] if between(script, k) == "" else []
    broken = ["\n", " \n\n   ", remark(random)] if free and random.random() < 0.3 else []
    return random.choice([*blanks, " ", " ", "   ", "\t", *broken])


def remark(random: Random) -> str:
    """A comment at the end of a line, comments on lines of their own, or both."""
    blanks = " " * random.randint(0, 9)
    return random.choice(
        [
            f"{blanks}# a{blanks}\n",
            f"\n{blanks}# ünder {{ ; \"\n",
            f"#\n\n{blanks}#c\n{blanks}# d\n\n\n",
        ]
    )  # fmt: skip


inputs: set[str] = set()


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
)
@given(several(declarations, most=4), st.integers(0, 2**32))
def kept(items: tuple[t.Declaration, ...], seed: int) -> None:
    script = read_script(Source("generated.dyn", unparse(t.SyntaxTree(SOURCE, items))))
    text = disarrayed(script, Random(seed))
    inputs.add(text)
    assert parse(Source("noisy.dyn", text)).declarations == items, text
    holds(text, formatted(text))


def test_any_program_keeps_tree_and_comments_and_is_laid_out_once() -> None:
    inputs.clear()
    kept()
    assert len(inputs) >= EXAMPLES * 4 // 5
    assert sum(text.count("#") for text in inputs) > 3 * len(inputs)
    assert sum(formatted(text) != text for text in inputs) >= EXAMPLES * 4 // 5
