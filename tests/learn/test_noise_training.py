"""Training with noise in a layer: the same seed gives the same run, also when it was cut short."""

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


def test_the_same_seed_gives_the_same_run(tmp_path):
    spec = small(tmp_path, *NOISY)
    for name, found in (("one", spec), ("two", spec), ("three", small(tmp_path, *NOISY, seed=4))):
        run(tmp_path, name, compilation=found)
    assert losses(tmp_path / "one") == losses(tmp_path / "two") != losses(tmp_path / "three")


@pytest.mark.parametrize("after", [3, 12])
def test_an_interrupted_run_goes_on_with_the_noise_it_would_have_had(tmp_path, after):
    spec = small(tmp_path, *NOISY)
    whole = run(tmp_path, "whole", compilation=spec)
    run(tmp_path, "cut", compilation=spec, progress=Interrupt(after))
    resumed = run(tmp_path, "cut", compilation=spec, resume=True)
    assert losses(tmp_path / "cut") == losses(tmp_path / "whole")
    assert resumed.final == whole.final
    assert isinstance(resumed.system, System)
    assert resumed.system.white.call == whole.system.white.call > 12
