"""Layers that evolve: own states, steps, time, equations and inertia, against plain numpy."""

from __future__ import annotations

import numpy
import pytest
import torch
from scipy.integrate import solve_ivp

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source, SpecError
from dynattn.lower.certify import certify
from tests.lower.test_emit import close, executed, write

HEAD = """model m
param V = 7, d = 3
dim T <= 9
input text: token(V)[T]
"""


def compiled(text: str) -> Compilation:
    return Compilation(Source("m.dyn", HEAD + text))


def arrays(system) -> dict[str, numpy.ndarray]:
    named = {**dict(system.named_parameters()), **dict(system.named_buffers())}
    return {name: value.detach().numpy() for name, value in named.items()}


def run(text: str, *tokens: int):
    system = compiled(text).build()
    result = system(torch.tensor(tokens))
    return arrays(system), result.detach().numpy()


FLOW = """
layer flow(x: real[T, d]) {
  let w = linear(x, d, bias=false)
  population cell[T] { state h on real(d) = w; learn a ~ uniform(0.5, 1.5); drift -a*h }
  coupling mix: cell -> cell over causal(T) { kernel tanh(h[j] - x[i]); normalize size }
  evolve { EVOLVE }
  readout total: cell -> cell over causal(T) { kernel h[j] }
  output x + total
}
network { x = embed(text, d); repeat 2 { x = flow(x) }; output y = x }
"""


def flow(values, x, copy, evolve):
    """The layer in numpy: ``evolve(rate, h)`` gives the states at the end."""
    n = len(x)
    a = values[f"flow.{copy}.cell.a"][:n, None]
    lower = numpy.tri(n)[..., None]

    def rate(t, h):
        return (lower * numpy.tanh(h[None] - x[:, None])).sum(1) / n - a * h

    h = evolve(rate, x @ values[f"flow.{copy}.w.linear.weight"].T)
    return x + numpy.cumsum(h, axis=0)


def euler(steps, size):
    def evolve(rate, h):
        for k in range(steps):
            h = h + size * rate(k * size, h)
        return h

    return evolve


def exact(stop):
    def evolve(rate, h):
        shape = h.shape
        found = solve_ivp(
            lambda t, y: rate(t, y.reshape(shape)).ravel(), (0, stop), h.ravel(),
            method="DOP853", rtol=1e-11, atol=1e-12,
        )  # fmt: skip
        return found.y[:, -1].reshape(shape)

    return evolve


@pytest.mark.parametrize(
    "words, evolve, tolerance",
    [
        ("steps 3", euler(3, 1.0), 1e-12),
        ("t 0 .. 0.6; method euler; step 0.2", euler(3, 0.2), 1e-12),
        ("t 0 .. 2; method rk4; step 0.05", exact(2), 1e-6),
        ("t 0 .. 2; method tsit5; step 0.1", exact(2), 1e-6),
    ],
)
def test_own_states_start_anew_at_each_use_and_move_so_far(words, evolve, tolerance):
    values, found = run(FLOW.replace("EVOLVE", words), 3, 1, 4, 4)
    x = values["x.embed.weight"][[3, 1, 4, 4]]
    for copy in range(2):
        x = flow(values, x, copy, evolve)
    assert found == pytest.approx(x, abs=tolerance)


@pytest.mark.parametrize("words", ["steps 2", "t 0.5 .. 1; method heun; step 0.25"])
def test_the_module_agrees_with_the_reference(words):
    certificate = certify(compiled(FLOW.replace("EVOLVE", words)))
    assert certificate.passed
    assert certificate.components == 64


TIMED = """
population cell[T] { state h on real(d); state v on circle; drift v: 0.3 }
layer run {
  h' = cos(t) * flow - h * sin(v)
  coupling flow: cell -> cell.h over causal(T) { kernel h[j] * exp(-t); normalize degree }
  evolve { t 1 .. 2; method rk4; step 0.05 }
}
network { h = embed(text, d); run; output y = h }
"""


def test_time_has_a_value_while_a_layer_evolves_through_it():
    text = TIMED.replace("embed(text, d)", "linear(embed(text, d), d)")
    values, found = run(text, 3, 1, 4)
    x = values["h.embed.weight"][[3, 1, 4]] @ values["h.linear.weight"].T + values["h.linear.bias"]
    v = compiled(text).build().initial_states(T=3)["cell.v"].numpy()
    means = numpy.tri(3) / numpy.arange(1, 4)[:, None]

    def rate(t, y):
        h = y.reshape(3, 3)
        angle = v + 0.3 * (t - 1)
        return (numpy.cos(t) * numpy.exp(-t) * means @ h - h * numpy.sin(angle)[:, None]).ravel()

    end = solve_ivp(rate, (1, 2), x.ravel(), method="DOP853", rtol=1e-11, atol=1e-12).y[:, -1]
    assert found == pytest.approx(end.reshape(3, 3), abs=1e-7)
    assert certify(compiled(text)).passed


LAWS = """
param c[d] ~ normal(0, 1)
population cell[T] {
  state h on real(d)
  state q on torus(d)
  state g on real(d) = 1
  g' = -g / 4
  inertia q: 2
  dissipation q: 0.5
  energy q: dot(c, 1 - cos(q))
}
coupling spring: cell -> cell.q over everyone(T) { kernel sin(q[j] - q[i]) }
layer settle {
  learn b[d] ~ normal(0, 1)
  h <- tanh(mix + b)
  coupling mix: cell -> cell.h over causal(T) { kernel h[j] }
  evolve { steps 3 }
}
network {
  h = linear(embed(text, d), d)
  q = h
  repeat 2 tied { settle }
  output y = [h, q, g]
}
"""


def test_maps_inertia_energies_and_equations_step_together():
    text = LAWS
    system = compiled(text).build()
    values = arrays(system)
    found = system(torch.tensor([3, 1, 4])).detach().numpy()
    h = values["h.embed.weight"][[3, 1, 4]] @ values["h.linear.weight"].T + values["h.linear.bias"]
    q, v, g = h.copy(), numpy.zeros((3, 3)), numpy.ones((3, 3))
    along = values["c"]
    for _ in range(6):
        force = numpy.sin(q[None] - q[:, None]).sum(1) - along * numpy.sin(q)
        new = numpy.tanh(numpy.cumsum(h, 0) + values["settle.0.b"])
        h, q, v, g = new, q + v, v + (force - 0.5 * v) / 2, g - g / 4
    assert found == pytest.approx(numpy.concatenate([h, q, g], -1), abs=1e-11)
    assert certify(compiled(text)).passed


def test_what_is_drawn_is_drawn_for_each_copy_and_the_same_at_every_call():
    text = """
layer noise(x: real[T, d]) {
  population cell[T] { state z on sphere(d); drift x }
  evolve { steps 1 }
  output z
}
network { x = embed(text, d); a = noise(x); b = noise(x); output y = [a, b] }
"""
    system = compiled(text).build()
    tokens = torch.tensor([1, 2, 3, 4])
    first, second = system(tokens).detach().split(3, -1)
    starts = system.own_starts(T=4)
    assert set(starts) == {"noise.0.cell.z", "noise.1.cell.z"}
    x = arrays(system)["x.embed.weight"][[1, 2, 3, 4]]
    for found, copy in ((first, 0), (second, 1)):
        z = starts[f"noise.{copy}.cell.z"].numpy()
        moved = z + x - (x * z).sum(-1, keepdims=True) * z
        moved = moved / numpy.linalg.norm(moved, axis=-1, keepdims=True)
        assert found.numpy() == pytest.approx(moved, abs=1e-12)
    assert not torch.allclose(first, second)
    assert torch.equal(system(tokens).detach(), torch.cat([first, second], -1))
    assert certify(compiled(text)).passed


def test_an_emitted_file_moves_the_same_states(tmp_path):
    compilation = compiled(FLOW.replace("EVOLVE", "steps 2"))
    tokens = torch.tensor([[1, 2, 3], [4, 5, 6]])
    found, _ = executed(write(tmp_path, compilation), "M", "network", tokens)
    close(found["result"], compilation.build()(tokens))


@pytest.mark.parametrize("words", ["t 0 .. 1; method rk4; step 0.5"])
def test_what_no_file_holds_is_refused(tmp_path, words):
    with pytest.raises(SpecError, match="through time"):
        write(tmp_path, compiled(FLOW.replace("EVOLVE", words)))
