"""States of edges in layers: against the same system without a network, and plain numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dynattn.lower.certify import certify
from tests.lower.test_emit import close, executed, write
from tests.truths.solved import compiled, run

SYSTEM = """
model adaptive "Phase oscillators with adaptive couplings"
param N = 6, sigma = 1.5, alpha = 0.3, beta = 0.7
graph net = watts_strogatz_graph(n=N, k=4, p=0.5, seed=2)
"""
NODES = """
  population osc[N] {
    state phi on circle = 0.7 * index
    drift sin(index)
  }
  coupling pull: osc -> osc OVER {
    state kappa on real = 0.5
    kappa'    = -EPS * (kappa + sin(phi[i] - phi[j] + beta))
    weight    kappa
    strength  -sigma / N
    kernel    sin(phi[i] - phi[j] + alpha)
  }
"""
ALONE = (
    SYSTEM
    + NODES.replace("EPS", "0.2")
    + """
observe middle = mean(pull.kappa)
simulate { t 0 .. 2 every 2; method rk4; step 0.05 }
"""
)
LAYERED = (
    SYSTEM
    + """
input x: real[1]
layer settle(y: real[1]) {
  learn eps = 0.2
"""
    + NODES.replace("EPS", "eps")
    + """
  evolve { t 0 .. 2; method rk4; step 0.05 }
  output [[norm(y) * mean(pull.kappa)], flatten(cos(phi)), flatten(sin(phi))]
}
network { output z = settle(x) }
train { data arrays("a.npz"); loss mean(z^2); steps 1 }
"""
)
GRAPHS = ["", "over net", "over causal(N)", "over ring(N, reach=2)"]
ONE = torch.ones(1, dtype=torch.float64)


@pytest.mark.parametrize("over", GRAPHS)
def test_a_layer_moves_them_as_a_simulation_does(over: str) -> None:
    expected = run(ALONE.replace("OVER", over))
    found = compiled(LAYERED.replace("OVER", over)).build()(ONE).detach().numpy()
    np.testing.assert_allclose(found[0], expected["middle"][-1], atol=1e-10)
    phi = expected["osc.phi"][-1]
    np.testing.assert_allclose(found[1:], [*np.cos(phi), *np.sin(phi)], atol=1e-10)


@pytest.mark.parametrize("over", ["", "over net"])
def test_slopes_are_those_of_finite_differences(over: str) -> None:
    system = compiled(LAYERED.replace("OVER", over)).build()
    (eps,) = system.parameters()

    def loss(value: float) -> torch.Tensor:
        eps.data.fill_(value)
        return system.loss(x=ONE)["loss"]

    loss(0.2).backward()
    slope = float(loss(0.2 + 1e-5).detach() - loss(0.2 - 1e-5).detach()) / 2e-5
    assert eps.grad is not None
    assert float(eps.grad) == pytest.approx(slope, rel=1e-7) != 0


@pytest.mark.parametrize("over", GRAPHS)
def test_the_module_agrees_with_the_reference(over: str) -> None:
    text = LAYERED.replace("OVER", over).replace("t 0 .. 2", "t 0 .. 0.1")
    assert certify(compiled(text, N=5)).passed


SEQUENCES = """
model sequences
param V = 5, d = 3
dim T <= 4
input text: token(V)[T]
population unit[T] { state s on real(d) }
layer mix {
  learn eps = 0.3
  coupling pass: unit -> unit OVER {
    state w on real START
    w' = eps * (tanh(dot(s[i], s[j])) - w)
    weight w
    kernel s[j]
  }
  evolve { steps 2 }
}
network { s = embed(text, d); repeat 2 { mix }; output y = s }
"""


def mixed(values: dict[str, np.ndarray], tokens: list[int], mask: np.ndarray) -> np.ndarray:
    s = values["s.embed.weight"][tokens]
    for copy in range(2):
        w = np.ones((len(s), len(s)))  # anew at each use
        for _ in range(2):
            rate = values[f"mix.{copy}.eps"] * (np.tanh(s @ s.T) - w)
            s, w = s + (mask * w) @ s, w + rate
    return s


@pytest.mark.parametrize(
    ("over", "mask"),
    [
        ("over causal(T)", lambda n: np.tri(n)),
        ("over everyone(T)", lambda n: np.ones((n, n))),
        ("", lambda n: 1 - np.eye(n)),
    ],
)
def test_pairs_of_a_sample_have_states_of_its_own(over: str, mask) -> None:
    """As many as its length asks for, and other ones in each sample of a batch."""
    system = compiled(SEQUENCES.replace("OVER", over).replace("START", "= 1")).build()
    values = {name: value.detach().numpy() for name, value in system.named_parameters()}
    for samples in ([[3, 1, 4], [0, 2, 2]], [[1]], [[4, 3, 2, 1]]):
        found = system(torch.tensor(samples)).detach().numpy()
        for row, tokens in zip(found, samples, strict=True):
            np.testing.assert_allclose(row, mixed(values, tokens, mask(len(tokens))), atol=1e-12)


@pytest.mark.parametrize(
    ("over", "start"),
    [
        ("over causal(T)", ""),
        ("over causal(T)", "~ normal(0, 1)"),
        ("", "~ paired_normal(0, 1, 0.5)"),
    ],
)
def test_starts_may_be_drawn(over: str, start: str) -> None:
    compilation = compiled(SEQUENCES.replace("OVER", over).replace("START", start))
    system, tokens = compilation.build(), torch.tensor([[3, 1, 4]])
    assert torch.equal(system(tokens).detach(), system(tokens).detach())
    assert certify(compilation).passed
    assert set(system.own_starts(T=3)) == (
        {f"mix.{copy}.pass.w" for copy in range(2)} if start else set()
    )


def test_an_emitted_file_moves_the_same_states(tmp_path) -> None:
    compilation = compiled(SEQUENCES.replace("OVER", "over causal(T)").replace("START", "= 1"))
    tokens = torch.tensor([[1, 2, 3], [4, 0, 3]])
    found, _ = executed(write(tmp_path, compilation), "Sequences", "network", tokens)
    close(found["result"], compilation.build()(tokens))


MANY = """
model many
param d = 4, H = 2
dim T <= 4
input text: token(4)[T]
layer mix(x: real[T, d]) {
  let q = linear(x, d)
  population cell[T] { state h on real(d) = x }
  coupling pass: cell -> cell over everyone(T) {
    state w[H] on real = 1
    state v on sphere(3)
    state z on complex = 1
    state m on real = dot(q[i], x[j])
    drift w: dot(v, [1, 2, 3]) * near
    let near = tanh(dot(x[i], x[j]))
    drift v: [dot(h[i], h[j]), 1, m]
    drift z: -z * z
    drift m: -m
    inertia w: 2
    dissipation w: 0.3
    noise w: 0.5
    noise v: 0.2
    heads H
    weight w * abs(z)
    kernel h[j]
    normalize size
  }
  evolve { t 0 .. 1; method heun; step 0.5 }
  output h + dot(sum(pass.v), mean(pass.v)) + norm(mean(pass.w)) * sum(pass.m)
}
network { x = embed(text, d); repeat 2 tied { x = mix(x) }; output y = x }
"""


def test_manifolds_inertia_noise_heads_and_what_is_read_outside() -> None:
    assert certify(compiled(MANY)).passed


TWO = """
model two
param d = 2
dim T <= 4
input text: token(4)[T]
population unit[T] { state s on torus(d) }
coupling own: unit -> unit over causal(T) { state w on real = 1; w <- w / 2; weight w }
layer a {
  drift s: cos(s)
  coupling p: unit -> unit over causal(T) { state w on real; drift norm(cos(s[i])); weight w }
  evolve { steps 1 }
}
layer b {
  drift s: sin(s)
  coupling p: unit -> unit over causal(T) { state w on real; drift 1 - w; weight w }
  evolve { steps 2 }
}
network { s = embed(text); a; repeat 2 tied { b }; output y = s }
"""


def test_layers_have_states_of_their_own_and_those_of_the_model_last() -> None:
    """``own.w`` halves in each of five steps, whichever layer evolves."""
    compilation = compiled(TWO)
    assert certify(compilation).passed
    system = compilation.build()
    (table,) = (value.detach().numpy() for value in system.parameters())
    s, lower = table[[3, 1, 2]], np.tri(3)[..., None]

    def pull(weight: np.ndarray | float) -> np.ndarray:
        return (lower * weight * np.sin(s[None] - s[:, None])).sum(1)

    s = s + np.cos(s) + pull(1.0)
    w = 0.5
    for _ in range(2):
        s = s + np.sin(s) + pull(w)
        s = s + np.sin(s) + pull(1.0 + w / 2)
        w = w / 4
    found = system(torch.tensor([3, 1, 2])).detach().numpy()
    np.testing.assert_allclose(np.sin(found - s), 0, atol=1e-12)
