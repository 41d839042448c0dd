"""Layers whose method chooses its steps: closed forms, SciPy, equilibria, each sample by itself."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest
import torch
from scipy.integrate import solve_ivp

from dynattn.diagnostics.report import NumericalError, Source
from dynattn.interface import Spec, load
from dynattn.lower import chosen_steps
from dynattn.lower.certify import certify
from dynattn.lower.evolving import EvolveRun
from dynattn.model.composition import Adaptive

SPHERE = """
model s "a point of a sphere, drawn to h by Lohe's law"
input h: real[3]
population p[1] { state z on sphere(3) = [0.6, 0, 0.8] }
layer go { drift z: h; evolve { EVOLVE } }
network { z = expmap(z, 0*z); go; output y = z }
"""

DRIVEN = """
model d "x' = a*sin(t) - k*x"
param n = 2
input a: real[n]
population p[n] { state x on real = 1 }
layer go { learn k = 2; drift x: a*sin(t) - k*x; evolve { EVOLVE } }
network { x = 1 + 0*a; go; output y = x }
"""

WHEEL = """
model w "phases that pull at each other"
param n = 4
input omega: real[n]
input theta: real[n]
population p[n] { state x on circle }
layer go {
  coupling pull: p -> p over everyone(n) { kernel sin(x[j] - x[i]) }
  drift x: omega
  evolve { EVOLVE }
}
network { x = theta; go; output y = [cos(x), sin(x)] }
"""

GROWS = """
model g "x' = x^2"
input a: real[1]
population p[1] { state x on real }
layer go { drift x: x^2; evolve { t 0 .. 2; method tsit5 } }
network { x = a; go; output y = x }
"""


def built(text: str, evolve: str = ""):
    return Spec(Source("m.dyn", text.replace("EVOLVE", evolve)), {}, 0).build().eval()


METHODS = {"tsit5": 1e-8, "dopri5": 1e-8, "bosh3": 1e-6}


@pytest.mark.parametrize("method", METHODS)
def test_a_driven_decay(method):
    """x = c exp(-k t) + a (k sin t - cos t)/(k^2 + 1), with its slopes."""
    rtol, t, k = METHODS[method], 3.0, 2.0
    system = built(DRIVEN, f"t 0 .. {t}; method {method}; rtol {rtol}")
    a = torch.tensor([[1.0, -2.0], [40.0, 0.5]], dtype=torch.float64, requires_grad=True)
    decay = torch.tensor(-k * t, dtype=torch.float64).exp()
    by_a = (k * numpy.sin(t) - numpy.cos(t) + decay) / (k**2 + 1)
    found = system(a)
    torch.testing.assert_close(found, decay + a * by_a, rtol=0, atol=300 * rtol)
    found.sum().backward()
    torch.testing.assert_close(a.grad, by_a * torch.ones_like(a), rtol=0, atol=300 * rtol)


def test_samples_have_steps_of_their_own():
    system = built(DRIVEN, "t 0 .. 3; method tsit5")
    a = torch.tensor([[1.0, -2.0], [900.0, 0.5], [0.0, 0.0]], dtype=torch.float64)
    (run,) = (run for run in system._runs if isinstance(run, EvolveRun))
    assert isinstance(run.evolution, Adaptive)
    taken = []
    for rows in (a, a[:1], a[1:2]):
        environment = {"batch": rows.shape[:-1], "training": False, "input a": rows,
                       "state p.x": torch.ones_like(rows)}  # fmt: skip
        steps, _ = chosen_steps.choose(run, run.evolution, environment, lambda r, e: r(e))
        taken.append((torch.stack(steps.sizes) > 0).sum(0).tolist())
    (calm, driven, _), (alone,), (driven_alone,) = taken
    assert (calm, driven) == (alone, driven_alone)
    assert driven > calm
    together = system(a)
    one_by_one = torch.cat([system(row[None]) for row in a])
    torch.testing.assert_close(together, one_by_one, rtol=0, atol=1e-11)


def test_phases_as_scipy_has_them():
    system = built(WHEEL, "t 0 .. 4; method dopri5; rtol 1e-9")
    omega, theta = numpy.array([0.3, -1.0, 2.0, 0.1]), numpy.array([0.0, 1.0, 2.5, -2.0])

    def rate(_, x):
        return omega + numpy.sin(x[None, :] - x[:, None]).sum(1)

    expected = solve_ivp(rate, (0, 4), theta, rtol=1e-12, atol=1e-12).y[:, -1]
    found = system(torch.from_numpy(omega), torch.from_numpy(theta)).detach().numpy()
    expected = numpy.stack([numpy.cos(expected), numpy.sin(expected)], -1)
    numpy.testing.assert_allclose(found, expected, atol=2e-8)


def lohe(h, z, t):
    """(z + (sinh s + (cosh s - 1) c) u) / (cosh s + c sinh s), s = |h| t, u = h/|h|, c = <z, u>."""
    size = h.norm(dim=-1, keepdim=True)
    u, s = h / size, size * t
    c = (z * u).sum(-1, keepdim=True)
    return (z + (s.sinh() + (s.cosh() - 1) * c) * u) / (s.cosh() + c * s.sinh())


@pytest.mark.parametrize("method", METHODS)
def test_a_point_of_a_sphere_on_its_way(method):
    rtol, t = METHODS[method], 1.3
    system = built(SPHERE, f"t 0 .. {t}; method {method}; rtol {rtol}")
    h = torch.tensor([[1.0, 0.5, -0.3], [-4.0, 1.0, 2.0]], dtype=torch.float64, requires_grad=True)
    start = torch.tensor([0.6, 0.0, 0.8], dtype=torch.float64)
    found, expected = system(h).reshape(2, 3), lohe(h, start, t)
    torch.testing.assert_close(found, expected, rtol=0, atol=300 * rtol)
    direction = torch.tensor([0.3, -1.0, 2.0], dtype=torch.float64)
    slopes = [torch.autograd.grad((y @ direction).sum(), h)[0] for y in (found, expected)]
    torch.testing.assert_close(slopes[0], slopes[1], rtol=0, atol=1000 * rtol)


def oscillator(evolve: str):
    text = Path("specs/oscillator_attention.dyn").read_text()
    text = text.replace("evolve { until equilibrium }", f"evolve {{ {evolve} }}")
    text = text.replace("sphere(D)", "sphere(2)").replace("D = 2, ", "")
    text = text.replace("state z[H] on sphere(2)", "state z[H] on sphere(2) = [0.6, 0.8]")
    return Spec(Source("o.dyn", text), {"V": 30, "d": 8, "H": 2, "L": 1}, 0).build().eval()


@pytest.mark.parametrize("method", ["tsit5", "dopri5"])
def test_oscillator_attention_comes_to_its_equilibrium_with_its_slopes(method):
    """Long after the states stand still, slopes are still those of the equilibrium."""
    text = torch.tensor([[3, 1, 4, 1, 5], [2, 7, 1, 8, 2]])
    found = []
    for evolve in ("until equilibrium", f"t 0 .. 60; method {method}"):
        system = oscillator(evolve)
        y = system(text)
        y.square().sum().backward()
        found.append((y.detach(), {name: p.grad for name, p in system.named_parameters()}))
    (rest, slopes), (end, others) = found
    torch.testing.assert_close(end, rest, rtol=0, atol=1e-8)
    for name, slope in slopes.items():
        torch.testing.assert_close(others[name], slope, rtol=0, atol=1e-6)


def test_checkpoints_give_the_same_gradient():
    slopes = []
    for word in ("backpropagation", "checkpointed"):
        system = built(DRIVEN, f"t 0 .. 30; method tsit5; gradient {word}")
        a = torch.tensor([[1.0, -2.0]], dtype=torch.float64, requires_grad=True)
        system(a).sum().backward()
        slopes.append((a.grad, *(p.grad for p in system.parameters())))
    for one, other in zip(*slopes, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-13)


def test_a_spec_of_the_papers():
    spec = load("benchmarks/papers/specs/oscillator_adaptive.dyn", V=30, d=8, H=2, L=1)
    text = torch.tensor([[3, 1, 4, 1, 5]])
    with torch.no_grad():
        end = spec.build().eval()(text)
        rest = load("specs/oscillator_attention.dyn", V=30, d=8, H=2, L=1).build().eval()(text)
    torch.testing.assert_close(end, rest, rtol=0, atol=0.05)  # at t = 25, by rtol 1e-4


@pytest.mark.parametrize("text", [SPHERE, DRIVEN, WHEEL])
def test_formulas_are_certified(text):
    text = text.replace("EVOLVE", "t 0 .. 0.5; method bosh3")
    assert certify(Spec(Source("m.dyn", text), {}, 0)).passed


def test_what_grows_without_bound_is_told():
    with pytest.raises(NumericalError) as caught:
        built(GROWS)(torch.tensor([[-1.0], [1.0]], dtype=torch.float64))
    (found,) = caught.value.diagnostics
    assert found.code == "E603"
    assert found.message == "no step is small enough for layer 'go' at t = 1 in sample 1"


def test_too_many_steps_are_told(monkeypatch):
    monkeypatch.setattr(chosen_steps, "ATTEMPTS", 3)
    with pytest.raises(NumericalError) as caught:
        built(GROWS)(torch.tensor([0.4], dtype=torch.float64))
    (found,) = caught.value.diagnostics
    assert found.code == "E604"
    assert found.message.startswith("layer 'go' is at t = ")
    assert found.message.endswith(" after 3 steps")
