"""Networks as graphs of torch operations: equal numbers for other batches and lengths."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from dynattn.diagnostics.report import Source, SpecError
from dynattn.interface import Spec, load
from dynattn.lower import tracing
from dynattn.lower.tracing import read_inputs, trace
from tests.lower.decoded import ROW_BY_ROW, layer

SHIPPED = sorted(
    str(path)
    for folder in ("specs", "benchmarks/papers/specs") for path in Path(folder).glob("*.dyn")
    if "network {" in path.read_text() or "extends" in path.read_text()
)  # fmt: skip
REFUSED = {
    "oscillator_euler": "begins with states that are drawn",
    "oscillator_adaptive": "takes as many steps as it needs",
    "digits_turning": "begins with states that are drawn",
}
"""Those with no such graph, and why."""


def built(text, **options):
    return Spec(Source("m.dyn", text), options, 0).build(dtype=torch.float64).eval()


def given(system, count, length):
    """Inputs of the network: so many samples of this length, where there is a length."""
    sizes, drawn = {**system.sizes}, torch.Generator().manual_seed(length)
    sizes = {**{dim.name: length for dim in system.model.dims}, **sizes}
    for item in read_inputs(system):
        shape = (count, *(size.value(sizes) for size in item.axes))
        if item.type.dtype != "integer":
            yield item.name, torch.randn(shape, generator=drawn).to(system.dtype)
            continue
        classes = item.type.classes.value(sizes) if item.type.classes is not None else 2
        yield item.name, torch.randint(0, classes, shape, generator=drawn)


def furthest(system, traced, count, length):
    inputs = dict(given(system, count, length))
    with torch.no_grad():
        ours, theirs = system(**inputs), traced.program.module()(*inputs.values())
    if torch.is_tensor(ours):
        ours, theirs = {"": ours}, {"": theirs}
    return max(float((ours[name] - theirs[name]).abs().max()) for name in ours)


@pytest.mark.parametrize("name", ["pairs", "memory", "steps"])
def test_other_batches_and_lengths(name):
    system = built(ROW_BY_ROW[name])
    traced = trace(system)
    least = traced.ranges["T"][0]
    for count, length in ((1, least), (2, 7), (5, 30)):
        assert furthest(system, traced, count, length) < 1e-12


def test_names_that_python_keeps_for_itself():
    text = ROW_BY_ROW["pairs"].replace("layer attend {", "layer pass {\n  learn lambda = 0.3")
    text = text.replace("attend;", "pass;").replace("strength 0.1", "strength lambda")
    system = built(text)
    traced = trace(system)
    assert "pass_0_lambda" in dict(traced.program.named_parameters())
    assert furthest(system, traced, 2, 7) < 1e-12


def test_what_is_more_than_operations_is_refused():
    for text, message in (
        (layer("kernel tanh(x[j] - x[i]) - x[i]", evolve="until equilibrium"),
         "layer attend takes as many steps as it needs"),
        (layer("kernel tanh(x[j] - x[i])", evolve="t 0 .. 1; method tsit5"),
         "layer attend takes as many steps as it needs"),
        (layer("kernel tanh(x[j] - x[i])", "  noise x: 0.1"),
         "the noise of layer attend is drawn anew each time"),
        ("model m\nparam N = 3\npopulation a[N] { state x on real; drift x: -x }\n",
         "m has no network: a solver takes its steps"),
    ):  # fmt: skip
        with pytest.raises(SpecError) as caught:
            trace(built(text))
        (found,) = caught.value.diagnostics
        assert (found.code, found.message) == ("E750", f"{message}, so no graph of operations does")


def test_what_torch_cannot_trace_is_told(monkeypatch):
    monkeypatch.setattr(tracing, "LONGEST", 10)  # the example is as long as 12
    with pytest.raises(SpecError) as caught:
        trace(built(ROW_BY_ROW["pairs"].replace("dim T <= 40", "dim T")))
    (found,) = caught.value.diagnostics
    assert found.code == "E751"
    assert found.message.startswith("torch finds no graph of operations in the network of m: ")


def test_lengths_of_which_one_token_has_a_successor_are_left_out():
    sine = "weight softmax(dot(x[i], x[j])); successors l in 0 .. 1; kernel sin(x[j] - x[i])"
    traced = trace(built(layer(sine)))
    assert traced.ranges["T"] == (3, 40)


@pytest.mark.slow
@pytest.mark.parametrize("path", SHIPPED)
def test_every_network_that_ships(path):
    spec = load(path)
    if not spec.model.network:
        pytest.skip("a field has no forward")
    small = {"V": 50} if spec.model.sizes.get("V", 0) > 1000 else {}
    system = load(path, **small).build(dtype=torch.float64).eval()
    if (why := REFUSED.get(Path(path).stem)) is not None:
        with pytest.raises(SpecError, match=why):
            trace(system)
        return
    traced = trace(system)
    for count, length in ((1, traced.ranges.get("T", (1, 1))[0]), (4, 31)):
        assert furthest(system, traced, count, length) < 1e-12
