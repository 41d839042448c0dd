"""``param M = SU(2)``, ``param act = relu``, ``param solution = exact``: what is named stands where
its name stands, and settings change it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy
import pytest
import torch

import dynattn
from dynattn.diagnostics.report import Source, SpecError, UsageError
from dynattn.interface import Spec
from dynattn.lower.certify import certify
from dynattn.model.unused import unused_names

TEXT = """model moved
param N = 4, n = 3, M = SO(n), K = 1
population unit[N] { state x[2] on M }
population other[N] { state y on M; state z on circle; drift z: K; drift y: 0 }
coupling pull: unit -> unit { normalize size }
observe r = order(x)
simulate { t 0 .. 5 every 1 }
"""


def manifolds(**settings: object) -> list[str]:
    model = Spec(Source("moved.dyn", TEXT), settings).model
    return [str(state.manifold) for state in model.states.values()]


def test_the_manifold_stands_where_its_name_stands() -> None:
    assert manifolds() == ["SO(n)", "SO(n)", "circle"]
    assert manifolds(M="circle") == ["circle", "circle", "circle"]
    assert manifolds(M="sphere(2*n)", N=3) == ["sphere(2*n)", "sphere(2*n)", "circle"]
    assert "M" not in Spec(Source("moved.dyn", TEXT)).model.parameter


def test_a_spec_that_extends_another_names_another(tmp_path: Path) -> None:
    (tmp_path / "moved.dyn").write_text(TEXT)
    (tmp_path / "there.dyn").write_text('model there extends moved "SU"\nparam M = SU(n)\n')
    found = dynattn.load(tmp_path / "there.dyn").model.states["unit.x"]
    assert str(found.manifold) == "SU(n)"


def test_a_run_remembers_the_setting(tmp_path: Path) -> None:
    (tmp_path / "moved.dyn").write_text(TEXT)
    spec = dynattn.load(tmp_path / "moved.dyn", M="torus(2)")
    assert spec.run()["unit.x"].shape == (6, 4, 2, 2)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"M": 3}, "'M' is a manifold, and it is set to 3"),
        ({"M": "sphere("}, "'M' is a manifold, and it is set to sphere("),
        ({"M": "K"}, "'M' is a manifold, and it is set to K"),
        ({"K": "SO(3)"}, "the parameter 'K' is set to 'SO(3)', which is no number"),
    ],
)
def test_settings_of_another_kind_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        manifolds(**settings)
    (found,) = caught.value.diagnostics
    assert (found.code, found.message) == ("E702", message)


def test_a_manifold_that_is_set_is_checked_as_one_that_is_written() -> None:
    with pytest.raises(SpecError) as caught:
        manifolds(M="sphere")
    found = caught.value.diagnostics[0]
    assert (found.code, found.message) == ("E302", "sphere takes 1 size, and this is given 0")
    assert found.span is not None and found.span.text == "sphere"


# ── functions, and ways in which a layer evolves ───────────────────────────────────────────────

CHOSEN = """model chosen
param act = tanh, solution = exact
input h: real[3]
population p[4] { state x on sphere(3) = [0.6, 0, 0.8] }
layer go {
  drift x: act(h)
  evolve exact { until equilibrium }
  evolve euler { t 0 .. 1; method euler; step 0.25 }
}
network { go; output y = mean(x) }
"""
H = numpy.array([0.3, -0.2, 0.9])


def went(**settings: object) -> numpy.ndarray:
    system = Spec(Source("chosen.dyn", CHOSEN), settings).build()
    return system(torch.tensor(H)).detach().numpy()


def by_hand(act: Callable[[numpy.ndarray], numpy.ndarray]) -> numpy.ndarray:
    x, h = numpy.array([0.6, 0, 0.8]), act(H)
    for _ in range(4):
        x = x + 0.25 * (h - x * (x @ h))
        x = x / numpy.linalg.norm(x)
    return x


def test_a_word_says_which_function_is_meant_and_how_a_layer_evolves() -> None:
    rest = numpy.tanh(H) / numpy.linalg.norm(numpy.tanh(H))
    numpy.testing.assert_allclose(went(), rest, atol=1e-12)
    numpy.testing.assert_allclose(went(solution="euler"), by_hand(numpy.tanh), atol=1e-12)
    sines = went(solution="euler", act="sin")
    numpy.testing.assert_allclose(sines, by_hand(numpy.sin), atol=1e-12)
    spec = Spec(Source("chosen.dyn", CHOSEN), {"solution": "euler"})
    assert certify(spec).passed
    assert unused_names(spec.tree) == ()


def test_a_word_may_be_the_other_in_a_spec_that_extends(tmp_path: Path) -> None:
    (tmp_path / "chosen.dyn").write_text(CHOSEN)
    changes = {
        "param solution = euler": by_hand(numpy.tanh),
        "param solution = euler, act = sin": by_hand(numpy.sin),
        "drop solution; layer go { drop evolve; evolve { steps 0 + 1 } }": None,
        "param solution = short; layer go { evolve short { steps 1 } }": None,
        "layer go { evolve exact { drop until; t 0 .. 1; method euler; step 0.25 } }":
            by_hand(numpy.tanh),
    }  # fmt: skip
    x = numpy.array([0.6, 0, 0.8])
    one = x + numpy.tanh(H) - x * (x @ numpy.tanh(H))
    for text, expected in changes.items():
        (tmp_path / "mine.dyn").write_text(f"model mine extends chosen\n{text}\n")
        found = dynattn.load(tmp_path / "mine.dyn").build()(torch.tensor(H)).detach().numpy()
        wanted = one / numpy.linalg.norm(one) if expected is None else expected
        numpy.testing.assert_allclose(found, wanted, atol=1e-12, err_msg=text)


@pytest.mark.parametrize(
    ("settings", "message", "fix"),
    [
        ({"act": "rlu"}, "'act' is a function, and it is set to rlu", "did you mean 'relu'?"),
        ({"act": "dot"}, "'act' is a function, and it is set to dot", "name one of one number"),
        ({"act": 2}, "'act' is a function, and it is set to 2", "name one of one number"),
        ({"solution": "eulr"}, "'solution' is a way to evolve, and it is set to eulr",
         "did you mean 'euler'?"),
        ({"solution": 1}, "'solution' is a way to evolve, and it is set to 1",
         "there are exact, euler"),
        ({"solutio": "euler"}, "there is no parameter 'solutio' to set",
         "did you mean 'solution'?"),
    ],
)  # fmt: skip
def test_words_that_are_none_are_refused(
    settings: dict[str, object], message: str, fix: str
) -> None:
    with pytest.raises(UsageError) as caught:
        went(**settings)
    (found,) = caught.value.diagnostics
    assert found.message == message
    assert (found.fix or "").startswith(fix)
