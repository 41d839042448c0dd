"""Training with noise, of a layer or of weights: one seed gives one run, also one cut short."""

from __future__ import annotations

import pytest

from dynattn.lower.module import System
from tests.learn.small import small
from tests.learn.test_train import Interrupt, losses, run

NOISY = (
    ("x = dropout(embed(text, C), 0.1)", "x = stir(embed(text, C))"),
    (
        "network {",
        """layer stir(x: real[T, C]) {
  population cell[T] { state h on real(C) = x; drift -h; noise 0.3 }
  evolve { t 0 .. 1; method euler; step 0.5 }
  output h
}

network {""",
    ),
)


WEIGHTS = (
    ("x = dropout(embed(text, C), 0.1)", "x = embed(text, C)"),
    ("linear(x, V)", "linear(x, V, noise=0.1, bits=5)"),
)


@pytest.mark.parametrize("noisy", [NOISY, WEIGHTS], ids=["layer", "weights"])
def test_the_same_seed_gives_the_same_run(tmp_path, noisy):
    spec = small(tmp_path, *noisy)
    for name, found in (("one", spec), ("two", spec), ("three", small(tmp_path, *noisy, seed=4))):
        run(tmp_path, name, compilation=found)
    assert losses(tmp_path / "one") == losses(tmp_path / "two") != losses(tmp_path / "three")


@pytest.mark.parametrize(("noisy", "after"), [(NOISY, 3), (NOISY, 12), (WEIGHTS, 3)])
def test_an_interrupted_run_goes_on_with_the_noise_it_would_have_had(tmp_path, noisy, after):
    spec = small(tmp_path, *noisy)
    whole = run(tmp_path, "whole", compilation=spec)
    run(tmp_path, "cut", compilation=spec, progress=Interrupt(after))
    resumed = run(tmp_path, "cut", compilation=spec, resume=True)
    assert losses(tmp_path / "cut") == losses(tmp_path / "whole")
    assert resumed.final == whole.final
    assert isinstance(resumed.system, System)
    assert resumed.system.white.call == whole.system.white.call > 12
