"""Noise in layers: moments in closed form, where the draws come from, and their slopes."""

from __future__ import annotations

import math

import pytest
import torch

from dynattn.diagnostics.report import SpecError
from dynattn.lower.certify import certify
from tests.lower.test_emit import write
from tests.truths.solved import compiled

OU = """
model walkers
param N = 500, k = 1.5
input x: real[1]
population cell[N] { state h on real = 2; drift -k*h; noise 0.7 }
layer go { drift h: 0.3; evolve { EVOLVE } }
network { go; output y = h; output unused = x }
"""
MANY = torch.zeros(80, 1, dtype=torch.float64)


def walkers(evolve: str, samples: torch.Tensor = MANY) -> torch.Tensor:
    with torch.no_grad():
        return compiled(OU.replace("EVOLVE", evolve)).build()(samples)["y"]


@pytest.mark.parametrize("method", ["euler", "heun"])
def test_the_moments_of_an_ornstein_uhlenbeck_process(method: str) -> None:
    """h' = 0.3 - k h + s xi: mean a + (2 - a) e^-kt, variance s^2 (1 - e^-2kt) / 2k, a = 0.3/k."""
    found = walkers(f"t 0 .. 1; method {method}; step 0.01")
    mean = 0.2 + 1.8 * math.exp(-1.5)
    variance = 0.49 * (1 - math.exp(-3)) / 3
    assert float(found.mean()) == pytest.approx(mean, abs=0.008)
    assert float(found.var()) == pytest.approx(variance, rel=0.03)


def test_steps_are_euler_maruyama_steps_of_size_1() -> None:
    """h <- h + 0.3 - k h + s N(0, 1): the variance is s^2 (1 + (1 - k)^2 + (1 - k)^4)."""
    found = walkers("steps 3")
    assert float(found.mean()) == pytest.approx(0.2 + 1.8 * (-0.5) ** 3, abs=0.02)
    assert float(found.var()) == pytest.approx(0.49 * (1 + 1 / 4 + 1 / 16), rel=0.03)


def test_nodes_samples_calls_and_rounds_have_noise_of_their_own() -> None:
    text = """
model twice
param N = 500
input x: real[1]
population cell[N] { state h on real; state g on real; drift h: 0; noise h: 1 }
layer go { evolve { steps 1 } }
network { REST; output y = h; output z = g; output unused = x }
"""
    text = text.replace("drift h: 0; noise h: 1", "drift h: 0; noise h: 1; drift g: 0; noise g: 1")
    system = compiled(text.replace("REST", "go")).build()
    first, second = system(MANY[:20]), system(MANY[:20])
    flat = torch.stack([first["y"], first["z"], second["y"], second["z"]]).flatten(0, 1)
    apart = torch.corrcoef(flat) - torch.eye(80, dtype=torch.float64)
    assert float(apart.abs().max()) < 5.5 / math.sqrt(500)
    for rest in ("go; go", "repeat 2 { go }", "repeat 2 tied { go }"):
        again = compiled(text.replace("REST", rest)).build()(MANY)["y"]
        assert float(again.detach().var()) == pytest.approx(2, rel=0.03)


SPHERE = """
model ball
param N = 400
input x: real[1]
population cell[N] { state z on sphere(3) = [0, 0, 1]; noise 0.8 }
layer go { drift z: [0, 0, 0]; evolve { t 0 .. 1; method heun; step 0.02 } }
network { go; output y = z; output unused = x }
"""


def test_brownian_motion_stays_on_its_sphere() -> None:
    """Stratonovich's s P_z dW: the mean of z decays by e^(-s^2 (D - 1) t / 2)."""
    with torch.no_grad():
        z = compiled(SPHERE).build()(MANY[:50])["y"]
    assert float((z.norm(dim=-1) - 1).abs().max()) < 1e-12
    expected = torch.tensor([0, 0, math.exp(-0.64)], dtype=torch.float64)
    assert z.mean((0, 1)).tolist() == pytest.approx(expected.tolist(), abs=0.02)


LEARNING = """
model learning
dim T <= 4
input text: token(5)[T]
layer stir(x: real[T, 3]) {
  learn s ~ uniform(0.2, 0.5)
  population cell[T] {
    state h on real(3) = x
    state v on sphere(3) = [0, 0, 1]
    drift h: -h
    inertia h: 2
    drift v: x
    noise v: s
  }
  noise h: s * cos(t)
  coupling mix: cell -> cell.h over causal(T) { kernel dot(v[j], h[i]) * h[j] }
  evolve { t 0 .. 1; method heun; step 0.25 }
  output h * dot(v, [1, 2, 3])
}
network { x = embed(text, 3); repeat 2 tied { x = stir(x) }; y = stir(x); output z = y }
train { data text("words.txt"); loss mean(z^2); steps 1 }
"""
TOKENS = torch.tensor([[3, 1, 4, 4], [0, 2, 2, 1]])


def learning(seed: int = 0):
    return compiled(LEARNING).build(seed=seed)


def test_a_seed_repeats_its_numbers_and_another_has_others() -> None:
    first, again, other = learning(1), learning(1), learning(2)
    values = [system(TOKENS).detach() for system in (first, again, first, again)]
    assert torch.equal(values[0], values[1]) and torch.equal(values[2], values[3])
    assert not torch.equal(values[0], values[2])
    other.load_state_dict(first.state_dict())
    assert not torch.equal(other(TOKENS).detach(), values[0])
    assert torch.equal(learning(1).eval()(TOKENS).detach(), values[0])


def test_slopes_are_those_of_finite_differences_with_the_noise_fixed() -> None:
    system = learning()

    def loss() -> torch.Tensor:
        system.white.call = 0  # the first call once more
        return system.loss(text=TOKENS)["loss"]

    loss().backward()
    for name, value in system.named_parameters():
        assert value.grad is not None, name
        entry, grad = value.data.view(-1), value.grad.view(-1)
        number = int(grad.abs().argmax())
        at = float(entry[number])
        ends = []
        for step in (1e-5, -1e-5):
            entry[number] = at + step
            ends.append(float(loss().detach()))
        entry[number] = at
        assert float(grad[number]) == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-6), name
        assert float(grad[number]) != 0, name


EVERYWHERE = """
model everywhere
param N = 4, k = 1.5
input x: real[1]
population cell[N] {
  state h on real(2) = [1, 2]
  state z on sphere(3)
  state c on complex = 1
  state p on positive
  state R on SO(3)
  drift h: -k*h
  noise h: 0.7
  noise z: 0.5 * dot(h, h)
  drift z: [1, 0, 0]
  drift c: -c
  dissipation c: 2
  noise c: 0.3
  drift p: 1 - p
  noise p: 0.3 * p
  drift R: 0 * R
  noise R: 0.2
}
layer go { learn s = 0.4; drift h: 0.2*s; evolve { EVOLVE } }
network {
  go
  repeat 2 tied { go }
  output y = [h, z]; output w = abs(c) + p; output r = R; output unused = x
}
"""


@pytest.mark.parametrize("evolve", ["steps 2", "t 0 .. 1; method heun; step 0.5"])
def test_the_module_agrees_with_the_reference(evolve: str) -> None:
    assert certify(compiled(EVERYWHERE.replace("EVOLVE", evolve))).passed


def test_the_same_with_lengths_of_samples() -> None:
    assert certify(compiled(LEARNING)).passed


def test_a_map_may_have_noise() -> None:
    text = OU.replace("drift -k*h; noise 0.7", "h <- h / 2; noise 0.7").replace(
        "drift h: 0.3; ", ""
    )
    found = compiled(text.replace("EVOLVE", "steps 2")).build()(MANY)["y"].detach()
    assert float(found.mean()) == pytest.approx(0.5, abs=0.02)
    assert float(found.var()) == pytest.approx(0.49 * 1.25, rel=0.03)


def test_an_emitted_file_holds_no_noise(tmp_path) -> None:
    with pytest.raises(SpecError, match="noise in an emitted file"):
        write(tmp_path, compiled(OU.replace("EVOLVE", "steps 1")))
