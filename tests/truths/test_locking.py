"""Phase locking: two oscillators in closed form, clusters, noise, and what it is asked of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dynattn.analyse.locking import clusters, locking_values
from dynattn.diagnostics.report import SpecError
from dynattn.run.experiment import run_experiment
from tests.run.specs import compiled

PAIR = """
model pair
param K = 1.0
population osc[2] {
  state theta on circle = index
  drift 2 + 1.2*index
}
coupling pull: osc -> osc { strength K/2 }
locking along { t 0 .. 200 every 0.25; after 100; K = [0, 0.5, 1, 1.1, 1.3, 2]; rtol 1e-8 }
"""


def measured(text: str, name: str | None = None) -> Any:
    return run_experiment(compiled(text), name)


def test_two_oscillators_beat_and_lock_as_the_closed_form_has_it() -> None:
    found = measured(PAIR)
    strength = found.axes["K"]
    beat = np.sqrt(np.maximum(1.2**2 - strength**2, 0.0))  # locked from K = 1.2 on
    # Over 100 units a last beat that is not whole is off by a turn at most.
    assert found["spread"] == pytest.approx(beat, abs=2 * np.pi / 100)
    assert found["spread"][-2:] == pytest.approx([0, 0], abs=1e-6)
    assert found["frequencies"].mean(-1) == pytest.approx(np.full(6, 2.6), abs=1e-6)
    assert found["clusters"].tolist() == [2, 2, 2, 2, 1, 1]
    assert found["largest share"].tolist() == [0.5] * 4 + [1, 1]
    # The mean of e^{i phi} of a beat has the length (w - sqrt(w^2 - K^2)) / K.
    known = [(1.2 - b) / k if k else 0 for k, b in zip(strength[:4], beat[:4], strict=True)]
    assert found["mean locking"][:4] == pytest.approx(known, abs=0.04)
    assert found["mean locking"][4:] == pytest.approx([1, 1], abs=1e-6)
    assert found["locking"].shape == (6, 2, 2)


def test_modules_with_frequencies_of_their_own_are_clusters() -> None:
    text = """
    model modules
    population osc[9] {
      state theta on circle ~ uniform
      state other on circle = 0
      let module = floor(index / 4)
      drift theta: 0.5*module + 0.05*sin(7*index)
      drift other: 1
    }
    coupling pull: osc -> osc.theta {
      weight floor(index[i] / 4) == floor(index[j] / 4)
      kernel sin(theta[j] - theta[i])
    }
    locking { t 0 .. 120 every 1; of theta }
    """
    found = measured(text)
    assert found["cluster"].tolist() in ([0] * 4 + [1] * 4 + [2], [1] * 4 + [0] * 4 + [2])
    assert found["clusters"] == 3 and found["largest share"] == pytest.approx(4 / 9)
    assert found["frequencies"][8] == pytest.approx(1 + 0.05 * np.sin(56), abs=1e-5)


def test_noise_loosens_the_lock_as_its_distribution_has_it() -> None:
    from scipy.special import i0, i1

    text = """
    model noisy
    population osc[2] { state theta on circle = 0; drift 0; noise 0.5 }
    coupling pull: osc -> osc { strength 0.5 }
    locking { t 0 .. 1500 every 0.5; after 20; method euler; step 0.05 }
    """
    found = measured(text)
    # phi' = -sin(phi) + sqrt(2) 0.5 xi: von Mises with kappa = 1 / 0.25.
    assert found["mean locking"] == pytest.approx(i1(4) / i0(4), abs=0.03)


def test_measures_of_phases_of_any_origin() -> None:
    t = np.arange(1000) * 0.1
    phases = np.stack([t, t + 1, 2 * t], axis=1)
    values = locking_values(phases)
    assert values[0, 1] == pytest.approx(1) and values[0, 2] < 0.02
    assert clusters([0, 1, 1.01, 5], 100.0).tolist() == [1, 0, 0, 2]


def test_what_is_not_measured() -> None:
    with pytest.raises(SpecError) as caught:
        measured(PAIR.replace("after 100", "after 300"))
    assert [item.code for item in caught.value.diagnostics] == ["E606"]
