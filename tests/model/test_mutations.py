"""Shipped specs with words lost or replaced: a diagnostic or a program, never another exception."""

from __future__ import annotations

import random
import re
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from dynattn.compilation import Compilation
from dynattn.diagnostics.frame import render_all
from dynattn.diagnostics.report import Source, SpecError

SPECS = sorted((Path(__file__).parents[2] / "specs").glob("*.dyn"))
WORD = re.compile(r"\"[^\"\n]*\"|#[^\n]*|[A-Za-z_]\w*|\d+\.?\d*(?:e-?\d+)?|\.\.|->|[<>=!]=|\s+|.")
RICH = """model rich
param N = 12, M = 6, K = 1.5 in 0 .. 10, H = 2
param on = 1 in 0 .. 1, table[3] = [1, 2, 3]
graph net = watts_strogatz_graph(n=N, k=4, p=0.1, seed=1)
population osc[N] {
  state theta on circle ~ uniform(-pi, pi)
  param omega ~ lognormal(0, 0.5)
  drift omega + 0.1 * sin(theta) + index / N
}
population unit[N] {
  state x on sphere(3); state z[H] on torus(2) ~ uniform
  drift x: table * on + (1 - on) * x
}
population few[M] { state u on real(3) = [1, 2, 3]; drift -u + mean(unit.x) }
coupling a: osc -> osc over net without self { frustration 0.1; strength K * osc.omega[i] }
coupling b: osc -> unit.x over ring(N, reach=2) { kernel table * theta[j]; weight exp(-distance) }
coupling c: unit -> unit.z over everyone(N) { heads H; weight softmax(dot(z[i], z[j])) }
coupling d: few -> few over complete_graph(M) { strength [1, 2, 3]; normalize degree }
observe r = order(theta)
observe s = std(theta) + count(theta > 0)
simulate { t 0 .. 10 every 0.1; record r, average(s) after 5 }
sweep grid { K = 0 .. 4 by 0.5; repeat 2; record final(r) }
"""
TEXTS = [*(path.read_text(encoding="utf-8") for path in SPECS), RICH]
PIECES = [
    "0", "1", "2.5", "1e9", "t", "index", "i", "true", "[1, 2]", "[]", "1/0", "(0 - 1)^0.5",
    "10^400", "x[i]", "theta[j]", "[theta, theta]", "theta == 1", "linear(theta, 3)", "C/H",
    "order(theta)", "next(text)", "osc.theta", "net", "osc", "2i", "\"text\"", "f(x)(y)", "a.b",
    "everyone(N) without self", "ring(N, reach=3)", "sin(x=1)", "softmax(1)", "rotary(C)", "-theta",
]  # fmt: skip


def damaged(seed: int) -> str:
    """A spec with one to three of its words taken out, swapped or replaced."""
    rng = random.Random(seed)
    words = WORD.findall(rng.choice(TEXTS))
    places = [k for k, word in enumerate(words) if not word.isspace() and word[0] != "#"]
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        here, there = rng.sample(places, 2)
        match rng.choice(["delete", "swap", "other", "piece", "piece", "piece"]):
            case "delete":
                words[here] = ""
            case "swap":
                words[here], words[there] = words[there], words[here]
            case "other":
                words[here] = words[there]
            case _:
                named = [k for k in places if words[k][:1].isalnum()]
                words[rng.choice(named)] = rng.choice(PIECES)
    return "".join(words)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32))
def test_a_damaged_spec_is_refused_or_compiled(seed: int) -> None:
    spec = Compilation(Source("damaged.dyn", damaged(seed)))
    try:
        assert spec.program.blocks
    except SpecError as error:
        assert render_all(error.diagnostics)
        assert all(item.code and item.message for item in error.diagnostics)
