"""Layers that run until they are at rest: where they are, and their gradients, against scipy."""

from __future__ import annotations

import numpy
import pytest
import torch
from scipy.optimize import fsolve

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import NumericalError, Source, SpecError
from dynattn.lower.certify import certify
from tests.lower.test_emit import write

HEAD = """model m
param V = 5, d = 2
dim T <= 9
input text: token(V)[T]
"""
BODY = """
layer settle(x: real[T, d]) {
  population cell[T] { STATE }
  coupling mix: cell -> cell over causal(T) { COUPLING }
  evolve { EVOLVE }
  output OUTPUT
}
network { x = embed(text, d); output y = settle(x) }
"""
HOPFIELD = ("state h on real(d); drift 2*x - h", "kernel 0.9*tanh(h[j]); normalize size", "h")
PHASES = (
    "state h on torus(d); drift 0.2*x + sin(x - h)",
    "kernel 0.3*sin(h[j] - h[i]); normalize size", "cos(h)",
)  # fmt: skip
MAP = ("state h on real(d); h <- tanh(2*x + mix)", "kernel 0.7*h[j]; normalize size", "h")


def spec(state: str, coupling: str, output: str, evolve: str = "until equilibrium") -> str:
    text = BODY.replace("STATE", state).replace("COUPLING", coupling)
    return HEAD + text.replace("OUTPUT", output).replace("EVOLVE", evolve)


def compiled(text: str) -> Compilation:
    return Compilation(Source("m.dyn", text))


def built(text: str, scale: float = 1.0):
    system = compiled(text).build(seed=3)
    with torch.no_grad():
        for parameter in system.parameters():
            parameter.mul_(scale)
    return system


def mean_before(values: numpy.ndarray) -> numpy.ndarray:
    """Over the causal senders, divided by the number of all nodes."""
    return numpy.cumsum(values, axis=0) / len(values)


def hopfield(h, x):
    return 2 * x - h + mean_before(0.9 * numpy.tanh(h))


def phases(h, x):
    pulls = numpy.tril(numpy.ones((len(h), len(h))))[..., None] * numpy.sin(h[None] - h[:, None])
    return 0.2 * x + numpy.sin(x - h) + 0.3 * pulls.sum(1) / len(h)


def updates(h, x):
    return numpy.tanh(2 * x + mean_before(0.7 * h)) - h


@pytest.mark.parametrize(
    "parts, rate, read",
    [(HOPFIELD, hopfield, numpy.array), (PHASES, phases, numpy.cos), (MAP, updates, numpy.array)],
)
def test_the_states_are_where_scipy_finds_the_rates_to_be_0(parts, rate, read):
    system = built(spec(*parts))
    tokens = torch.tensor([[3, 1, 4], [0, 0, 2]])
    found = system(tokens).detach().numpy()
    weight = dict(system.named_parameters())["x.embed.weight"].detach().numpy()
    for row, y in zip(tokens.numpy(), found, strict=True):
        x = weight[row]
        h = fsolve(lambda h, x=x: rate(h.reshape(x.shape), x).ravel(), x.ravel(), xtol=1e-13)
        assert y == pytest.approx(read(h).reshape(x.shape), abs=1e-9)


@pytest.mark.parametrize("parts", [HOPFIELD, PHASES, MAP])
def test_gradients_are_those_of_differences(parts):
    system = built(spec(*parts))
    tokens = torch.tensor([[3, 1, 4], [0, 0, 2]])
    (weight,) = system.parameters()
    (found,) = torch.autograd.grad(system(tokens).square().sum(), weight)
    expected = torch.zeros_like(weight)
    for index in numpy.ndindex(*weight.shape):
        ends = []
        for step in (1e-5, -1e-5):
            with torch.no_grad():
                weight[index] += step
                ends.append(system(tokens).square().sum())
                weight[index] -= step
        expected[index] = (ends[0] - ends[1]) / 2e-5
    assert found.numpy() == pytest.approx(expected.detach().numpy(), abs=1e-6)


def test_gradients_are_those_of_a_long_way_there():
    tokens = torch.tensor([[3, 1, 4]])
    found = []
    for evolve in ("until equilibrium", "t 0 .. 80; method rk4; step 0.2"):
        system = built(spec(*HOPFIELD, evolve))
        y = system(tokens)
        (slope,) = torch.autograd.grad(y.square().sum(), list(system.parameters()))
        found.append((y.detach().numpy(), slope.numpy()))
    assert found[0][0] == pytest.approx(found[1][0], abs=1e-12)
    assert found[0][1] == pytest.approx(found[1][1], abs=1e-11)


SPHERE = """
layer settle(x: real[T, d]) {
  population cell[T] { state z on sphere(d); drift 3*x }
  evolve { EVOLVE }
  output z
}
network { x = embed(text, d); output y = settle(x) }
"""


def test_on_a_sphere_it_is_the_closed_form():
    tokens, found = torch.tensor([3, 1, 4]), []
    for evolve in ("until equilibrium", "until equilibrium; rtol 1e-3"):
        system = built(HEAD + SPHERE.replace("EVOLVE", evolve))
        y = system(tokens)
        weights = torch.arange(6.0).reshape(3, 2)
        (slope,) = torch.autograd.grad((weights * y).sum(), list(system.parameters()))
        found.append((y.detach().numpy(), slope.numpy()))
    assert found[0][0] == pytest.approx(found[1][0], abs=1e-9)
    assert found[0][1] == pytest.approx(found[1][1], abs=1e-8)


@pytest.mark.parametrize("parts", [MAP, HOPFIELD])
def test_the_module_agrees_with_the_reference(parts):
    small = (
        spec(*parts).replace("d = 2", "d = 1").replace("V = 5", "V = 2").replace("T <= 9", "T <= 2")
    )
    certificate = certify(compiled(small))
    assert certificate.passed
    assert certificate.components


def test_what_rests_at_some_numbers_alone_is_certified_there():
    restless = spec("state h on torus(d) = x; drift 0.5*x - sin(h)", "kernel 0 * x[j]", "cos(h)")
    small = restless.replace("d = 2", "d = 1").replace("V = 5", "V = 2").replace("<= 9", "<= 2")
    assert certify(compiled(small)).passed


def test_a_start_beside_a_saddle_does_not_end_there():
    text = spec("state h on real(d) = 1e-6*x; drift h - h^3", "kernel 0 * h[j]", "h")
    y = built(text)(torch.tensor([[1, 2], [3, 0]]))
    assert y.detach().abs().numpy() == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("dtype, close", [(torch.float64, 1e-9), (torch.float32, 1e-4)])
def test_a_stiff_layer_of_complex_numbers(dtype, close):
    text = spec(
        "state z on complex = 0.1; drift 300*((1 + 0.3i) - z*(1 + abs(z)^2))",
        "weight 0 * dot(x[i], x[j]); kernel z[j]", "x * abs(z)^2",
    )  # fmt: skip
    system = compiled(text).build(dtype=dtype)
    found = system(torch.tensor([0, 1])).detach()
    x = dict(system.named_parameters())["x.embed.weight"].detach()[[0, 1]]
    size = fsolve(lambda r: r * (1 + r**2) - abs(1 + 0.3j), 1.0)[0]
    assert (found / x).numpy() == pytest.approx(size**2, abs=close)


TRAINED = (
    HEAD
    + """
layer attend(x: real[T, d]) {
  learn a[d] = 1
  let q = linear(x, d, bias=false)
  population cell[T] { state h on torus(d) = x; drift a * sin(x - h) }
  coupling sync: cell -> cell over causal(T) {
    weight softmax(dot(q[i], q[j]))
    kernel 0.5*sin(h[j] - h[i])
  }
  evolve { until equilibrium }
  output [cos(h), sin(h)]
}
network { x = embed(text, d); output logits = linear(attend(x), V) }
"""
)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_it_trains(dtype):
    system = compiled(TRAINED).build(seed=0, dtype=dtype)
    tokens = torch.tensor([[0, 1, 2, 3, 4, 0], [2, 3, 4, 0, 1, 2]])
    optimizer = torch.optim.Adam(system.parameters(), lr=0.05)
    losses = []
    for _ in range(12):
        logits = system(tokens[:, :-1])
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.6 * losses[0]


# ── what goes wrong ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "state, text",
    [
        ("state h on torus(d) = x; drift 1 + 0.1 * x", "does not come to rest in sample 0: at t"),
        ("state h on real(d) = x; h <- 0.2 * x - h", "in sample 0: after 10000 updates"),
        ("state h on real(d) = x; drift 1 + h^2", "are lost on the way to rest in sample 0"),
        ("state h on real(d) = 9 + x; h <- h^3", "are lost on the way to rest in sample 0"),
    ],
)
def test_what_does_not_come_to_rest_is_told(state, text):
    coupling = "kernel 0 * x[j]"
    if "<-" in state:
        state, coupling = state + " + mix", coupling
    system = built(spec(state, coupling, "x * cos(h)"))
    with pytest.raises(NumericalError, match="E638") as caught:
        system(torch.tensor([[1, 2], [3, 0]]))
    assert text in caught.value.diagnostics[0].message


FREE = (
    HEAD
    + """
layer settle(x: real[T, d]) {
  population cell[T] { state h on torus(d) = 0.3*x }
  coupling mix: cell -> cell over everyone(T) { kernel sin(h[j] - h[i] + x[i] - x[j]) }
  coupling heard: cell -> cell over everyone(T) { kernel cos(h[j] - h[i]); normalize size }
  evolve { until equilibrium }
  READ
}
network { x = embed(text, d); output y = settle(x) }
"""
)


def test_a_gradient_along_a_symmetry_is_refused():
    text = FREE.replace("READ", "output x + cos(h)")
    text = text.replace("  coupling heard", "  readout heard").replace("cos(h)", "cos(h) + heard")
    y = built(text)(torch.tensor([1, 2, 3]))
    with pytest.raises(NumericalError, match="E639"):
        y.sum().backward()


def test_a_gradient_that_no_symmetry_touches_is_found():
    text = FREE.replace("READ", "output heard").replace("  coupling heard", "  readout heard")
    system = built(text)
    y = system(torch.tensor([1, 2, 3]))
    weights = torch.arange(6.0).reshape(3, 2)
    (weight,) = system.parameters()
    (slope,) = torch.autograd.grad((weights * y).sum(), weight)
    x = weight.detach()[[1, 2, 3]].requires_grad_()
    # At rest h_i - h_j is x_i - x_j where that is small: sums of cos(x_j - x_i) / 3.
    expected = torch.cos(x[None] - x[:, None]).mean(1)
    assert y.detach().numpy() == pytest.approx(expected.detach().numpy(), abs=1e-9)
    (push,) = torch.autograd.grad((weights * expected).sum(), x)
    assert slope[[1, 2, 3]].numpy() == pytest.approx(push.numpy(), abs=1e-8)


def test_an_emitted_file_holds_none(tmp_path):
    with pytest.raises(SpecError, match="runs until it is at rest"):
        write(tmp_path, compiled(spec(*HOPFIELD)))
