"""Weights rounded to levels and read with noise, against plain formulas and their statistics."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch

import dynattn
from dynattn.diagnostics.report import Source, SpecError
from dynattn.lower.certify import certify
from dynattn.lower.decoding import Decoder, NotIncremental
from dynattn.lower.emit import emit_files
from dynattn.lower.tracing import trace
from dynattn.network.spelling import spell_term
from tests.truths.test_frustrated_synchronization import randomised

HEAD = """model reads "Weights as physical networks have them"
param d = 4, n = 3, sigma = 0.1, depth = 3
input image: real[d]
"""


def compiled(body: str, **options: Any) -> Any:
    return dynattn.Compilation(Source("reads.dyn", HEAD + body), **options)


def built(body: str, **options: Any) -> Any:
    return randomised(compiled(body, **options).build(), 5)


def array(system: Any, name: str) -> torch.Tensor:
    return dict(system.named_parameters())[name].detach()


def unit(d: int = 4) -> torch.Tensor:
    return torch.eye(d, dtype=torch.float64)


# ── levels ─────────────────────────────────────────────────────────────────────────────────────


def levels(weight: numpy.ndarray, bits: int) -> numpy.ndarray:
    """The nearest of all levels, looked for one by one."""
    known = numpy.linspace(-abs(weight).max(), abs(weight).max(), 2**bits)
    return known[abs(weight[..., None] - known).argmin(-1)]


@pytest.mark.parametrize("bits", [1, 2, 3, 8])
def test_the_nearest_level_of_each_array_by_itself(bits: int) -> None:
    system = built(f"network {{ output y = linear(image, n, bits={bits}) }}")
    weight, bias = (array(system, f"y.linear.{part}").numpy() for part in ("weight", "bias"))
    expected = levels(weight, bits).T + levels(bias, bits)
    numpy.testing.assert_allclose(system(unit()).detach().numpy(), expected, atol=1e-15)


def test_many_levels_and_none_are_the_weights_themselves() -> None:
    plain, none, many = (
        built(f"network {{ output y = linear(image, n{option}) }}")
        for option in ("", ", bits=0, noise=0", ", bits=32")
    )
    assert torch.equal(plain(unit()), none(unit()))
    torch.testing.assert_close(many(unit()), plain(unit()), rtol=0, atol=2e-9)
    assert not torch.equal(many(unit()), plain(unit()))


def test_equal_weights_and_zeros_stay() -> None:
    system = compiled("network { output y = linear(image, n, bits=2, init=normal(0, 0)) }").build()
    assert torch.equal(system(unit()), torch.zeros(4, 3, dtype=torch.float64))


def test_gradients_go_straight_through() -> None:
    """Those of the plain map whose weights are the levels."""
    rounded = built("network { output y = tanh(linear(image, n, bits=depth)) }")
    plain = built("network { output y = tanh(linear(image, n)) }")
    with torch.no_grad():
        for value in plain.parameters():
            value.copy_(torch.from_numpy(levels(value.numpy(), 3)))
    for system in (rounded, plain):
        system(unit()).square().sum().backward()
    for one, other in zip(rounded.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-12, atol=1e-14)


# ── noise ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("training", [True, False])
def test_noise_is_normal_in_units_of_the_largest_weight(training: bool) -> None:
    system = built("network { output y = linear(image, n, noise=sigma, bias=false) }")
    weight = array(system, "y.linear.weight")
    with torch.no_grad():
        calls = torch.stack([system.train(training)(unit()).T for _ in range(2000)])
    moved = (calls - weight) / (0.1 * weight.abs().max())
    assert moved.numel() == 24000
    assert float(moved.mean()) == pytest.approx(0, abs=5 / 24000**0.5)
    assert float(moved.square().mean()) == pytest.approx(1, abs=5 * (2 / 24000) ** 0.5)
    assert float(moved.pow(4).mean()) == pytest.approx(3, abs=5 * (96 / 24000) ** 0.5)
    apart = torch.corrcoef(moved.flatten(1).T) - torch.eye(12)
    assert float(apart.abs().max()) < 5 / 2000**0.5


def test_each_pass_of_a_reused_layer_draws_anew() -> None:
    """The sum of two passes has the variance of two draws, not that of one taken twice."""
    system = built("""layer f(h: real[d], s: real[n]) { output s + linear(h, n, noise=sigma) }
network { s = linear(image, n); repeat 2 tied { s = f(image, s) }; output y = s }""")
    x = torch.tensor([1.0, 0, 0, 0], dtype=torch.float64)
    with torch.no_grad():
        found = torch.stack([system(x) for _ in range(3000)])
    weight, bias = array(system, "f.0.linear.weight"), array(system, "f.0.linear.bias")
    once = 0.01 * (weight.abs().max() ** 2 + bias.abs().max() ** 2)
    assert float(found.var(0).mean() / once) == pytest.approx(2, abs=0.2)


def test_one_draw_for_all_samples_and_nodes_of_a_call() -> None:
    system = built("network { output y = linear(image, n, noise=sigma) }")
    first, second = system(unit().expand(3, 4, 4)), system(unit())
    assert torch.equal(first[0], first[2]) and not torch.equal(first[0], second)


def test_noise_is_added_to_the_levels_and_the_seed_fixes_it() -> None:
    body = "network { output y = linear(image, n, noise=0.001, bits=2, bias=false) }"
    calls = [[system(unit()) for _ in range(2)] for system in (built(body), built(body))]
    assert torch.equal(calls[0][0], calls[1][0]) and torch.equal(calls[0][1], calls[1][1])
    assert not torch.equal(calls[0][0], calls[0][1])
    assert not torch.equal(built(body, seed=8)(unit()), calls[0][0])
    weight = levels(array(built(body), "y.linear.weight").numpy(), 2)
    gap = abs(calls[0][0].detach().numpy().T - weight)
    assert 0 < gap.max() < 0.005 * abs(weight).max()


def test_the_slope_of_noise_is_that_of_the_weight() -> None:
    system = built("network { output y = linear(image, n, noise=sigma) }")
    system(unit()).sum().backward()
    for value in system.parameters():
        torch.testing.assert_close(value.grad, torch.full_like(value, 4 if value.dim() < 2 else 1))


# ── everywhere ─────────────────────────────────────────────────────────────────────────────────

SPECS = {
    "reused": """layer pass(h: real[n]) { output h + tanh(linear(h, n, noise=sigma, bits=depth)) }
network { h = linear(image, n, bits=1); repeat 3 tied { repeat 2 { h = pass(h) } }; output y = h }
""",
    "at_nodes": """param V = 5
dim T <= 6
input text: token(V)[T]
layer feed(x: real[T, n]) { output x + tanh(linear(x, n, noise=sigma)) }
network { x = embed(text, n); x = feed(x); output y = linear(x, V, bits=depth) + linear(image, V) }
""",
    "by_steps": """layer turn(h: real[n]) {
  population unit[2] { state v on real(n) = h; v' = tanh(linear(v, n, noise=sigma)) - v }
  evolve { steps 3 }
  output mean(v)
}
network { output y = turn(linear(image, n)) }
""",
}


@pytest.mark.parametrize("name", SPECS)
def test_the_reference_evaluator_agrees(name: str) -> None:
    found = certify(compiled(SPECS[name]))
    assert found.passed and {item.check for item in found.differences} >= {"value", "gradient"}


def test_an_emitted_file_rounds_alike_and_draws_its_own_noise(tmp_path: Path) -> None:
    spec = compiled(SPECS["reused"])
    emit_files(tmp_path / "reused.py", spec.model, spec.network, spec.program, seed=3)
    loader = importlib.util.spec_from_file_location("reused", tmp_path / "reused.py")
    assert loader is not None and loader.loader is not None
    module = importlib.util.module_from_spec(loader)
    loader.loader.exec_module(module)
    emitted, quiet = module.Reads(), compiled(SPECS["reused"], overrides={"sigma": 0}).build()
    quiet.load_state_dict(emitted.state_dict())
    with torch.no_grad():
        found = torch.stack([emitted(unit()) for _ in range(400)])
        expected = quiet(unit())
    assert 0 < float(found.std(0).max()) < 1
    assert float((found.mean(0) - expected).abs().max()) < 0.2


def test_what_cannot_draw_on_the_way_says_so() -> None:
    noisy = built(SPECS["at_nodes"])
    with pytest.raises(NotIncremental, match="layer feed: its weights have noise"):
        Decoder(noisy)
    with pytest.raises(SpecError, match="E750: the noise of weights is drawn anew each time"):
        trace(noisy)


def test_explain_says_how_weights_are_read() -> None:
    spec = compiled(SPECS["reused"])
    output = spec.model.layer["pass"].output
    assert output is not None
    assert "linear(h, noise=0.1, bits=3)" in spell_term(output)
