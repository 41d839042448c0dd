"""distance, expmap and logmap: lowered, emitted, and as the reference evaluator has them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from dynattn.diagnostics.report import Source
from dynattn.interface import Spec
from dynattn.lower.certify import certify
from dynattn.lower.module import build_system
from tests.lower.test_emit import assert_clean, close, executed, write
from tests.vocabulary.geometries import axes_of, entry_of, start_of, texts


def seeking(text: str, several: int = 1) -> Spec:
    """Points that move along logarithms, in a drift, a kernel and observables."""
    start, extra = start_of(entry_of(text)), f"[{several}]" if several > 1 else ""
    axes = (*[several] * (several > 1), *axes_of(text))
    shape = f"[{', '.join(map(str, axes))}]" if axes else ""
    factor = "" if several > 1 else "distance(x[i], x[j]) * "
    return Spec(
        Source(
            "seeking.dyn",
            f"""model seeking
param N = 3, K = 0.3
population p[N] {{
  state x{extra} on {text} {start}
  state y{extra} on {text} {start}
  param v{shape} on {"complex" if entry_of(text).of_complex else "real"} ~ normal(0, 0.3)
  x' = logmap(x, y) + pull
  y' = logmap(y, expmap(x, v))
}}
coupling pull: p -> p.x {{ strength K; kernel {factor}logmap(x[i], x[j]) }}
observe far = mean(distance(x, y))
simulate {{ t 0 .. 1 every 0.5; method rk4; step 0.1 }}
""",
        )
    )


CASES = [
    pytest.param(text, 1, marks=pytest.mark.slow if text in ("SO(3)", "SU(3)") else ())
    for text in texts()
    if not text.endswith("(2)") or text in ("SO(2)", "SU(2)")
]


@pytest.mark.parametrize(("text", "several"), [*CASES, ("sphere(3)", 2)])
def test_the_geometry_means_what_the_reference_says(text: str, several: int) -> None:
    certify(seeking(text, several)).raise_if_failed()


@pytest.mark.parametrize("text", ["SO(3)", "sphere(3)"])
def test_an_emitted_file_carries_the_geometry(text: str, tmp_path: Path) -> None:
    spec = Spec(
        Source(
            "seeking.dyn",
            f"""model seeking
population p[4] {{ state x on {text}; x' = pull }}
coupling pull: p -> p {{ kernel logmap(x[i], expmap(x[j], 0.3 * x[i])) }}
observe far = mean(distance(x, expmap(x, pull)))
simulate {{ t 0 .. 1 every 0.5; method rk4; step 0.1 }}
""",
        )
    )
    path = write(tmp_path, spec)
    assert_clean(path)
    system = build_system(spec.model, spec.network, spec.program)
    x = system.initial_states()["p.x"]
    found, _ = executed(path, "Seeking", "field", x)
    close(found["rate"], system.rates(0.0, {"p.x": x})["p.x"])
    close(found["observe far"], system.observe(0.0, {"p.x": x})["far"])


def test_an_energy_of_distance_pulls_along_the_logarithm() -> None:
    """The force of half the squared distance is the logarithm, by the rules of differentiation."""
    for text in ("circle", "torus(3)", "sphere(3)", "real(3)", "positive", "simplex(3)"):
        head = f"model e\npopulation p[4] {{ state x on {text} {start_of(entry_of(text))} }}\n"
        tail = "simulate { t 0 .. 1 every 1; method rk4; step 0.1 }\n"
        energy = "coupling c: p -> p { energy distance(x[i], x[j])^2 / 2 }\n"
        first = Spec(Source("e.dyn", head + energy + tail))
        system = build_system(first.model, first.network, first.program, seed=2)
        states = system.initial_states()
        found, x = system.rates(0.0, states)["p.x"], states["p.x"]
        second = head.replace("}", "; x' = c }") + (
            "coupling c: p -> p { kernel logmap(x[i], x[j]) }\n" + tail)  # fmt: skip
        other = Spec(Source("l.dyn", second))
        pull = build_system(other.model, other.network, other.program).rates(0.0, {"p.x": x})["p.x"]
        torch.testing.assert_close(found, pull, rtol=1e-11, atol=1e-11)
