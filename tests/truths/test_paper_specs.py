"""The specs of the attention papers: how many numbers they learn, what they cost, how long they
are; and that every numbered property of their layers has a test.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from torch.nn import functional as F

import dynattn
from dynattn.diagnostics.report import Source
from dynattn.interface import Spec
from dynattn.lower.certify import certify
from dynattn.present.summary import facts

PROJECT = Path(__file__).parents[2]
PAPERS = PROJECT / "benchmarks" / "papers" / "specs"
SPECS = PROJECT / "specs"
LENGTHS = {
    "oscillator_attention": 45, "kuramoto_attention": 45, "softmax_transformer": 45,
    "frustrated_synchronization": 45, "collective_modes": 45, "softmax_attention": 8,
}  # fmt: skip
TASKS = {
    "keywords", "agreement_softmax", "agreement_oscillator", "digits_softmax", "digits_oscillator",
}  # fmt: skip
"""Specs of whole tasks; the others are variants."""
DISTURBED = {"digits_disturbed": 13, "digits_turning": 11}
"""Lines of variants with laws of their own."""


def learned(path: Path, **settings: Any) -> int:
    spec = dynattn.load(path, **settings)
    return facts(spec.model, spec.network, spec.program)["parameter_count"]["learned"]


@pytest.mark.parametrize(
    ("softmax", "oscillator", "settings", "numbers", "anchors"),
    [
        ("keywords_softmax", "keywords", {}, 14_250, 196),
        ("agreement_softmax", "agreement_oscillator", {"T": 50}, 13_953, 100),
        (
            "../../../specs/softmax_attention",
            "../../../specs/oscillator_attention",
            {},
            2_966_032,
            800,
        ),
        ("tinystories_softmax", "tinystories", {}, 2_453_060, 2_048),
    ],
)
def test_they_learn_as_many_numbers_as_the_papers_models(
    softmax: str, oscillator: str, settings: dict[str, Any], numbers: int, anchors: int
) -> None:
    folder = SPECS if softmax == "softmax_attention" else PAPERS
    assert learned(folder / f"{softmax}.dyn", **settings) == numbers
    assert learned(folder / f"{oscillator}.dyn", **settings) == numbers + anchors


@pytest.mark.parametrize(("D", "more"), [(4, 1_600), (8, 3_200), (32, 12_800), (64, 25_600)])
def test_wider_oscillators_add_anchors_alone(D: int, more: int) -> None:
    assert learned(SPECS / "oscillator_attention.dyn", D=D) == 2_966_032 + more
    assert learned(PAPERS / "oscillator_free.dyn", D=D) == 2_966_032 + more


def test_the_baseline_has_as_many_numbers_as_the_torus() -> None:
    torus, baseline = (
        learned(SPECS / f"{name}.dyn") for name in ("kuramoto_attention", "softmax_transformer")
    )
    assert abs(baseline / torus - 1) < 0.005


@pytest.mark.parametrize(
    "path", [*(SPECS / f"{name}.dyn" for name in LENGTHS), *PAPERS.glob("*.dyn")],
    ids=lambda path: path.stem,
)  # fmt: skip
def test_a_spec_is_short(path: Path) -> None:
    lines = [line for line in path.read_text().splitlines() if line.strip()]
    most = 45 if path.stem in TASKS else {**LENGTHS, **DISTURBED}.get(path.stem, 8)
    assert len(lines) <= most
    assert dynattn.load(path).model


SMALL = {"V": 5, "d": 4, "H": 2}
TORUS = {"V": 5, "C": 4, "H": 2, "depth": 1, "M": 1}


@pytest.mark.parametrize(
    ("path", "settings"),
    [
        (SPECS / "softmax_transformer.dyn", {**SMALL, "depth": 1, "hidden": 4}),
        (SPECS / "frustrated_synchronization.dyn", {**TORUS, "delay": 0, "angles": 0, "place": 0}),
        (PAPERS / "collective_pinned.dyn", {**TORUS, "P": 3, "content": 0}),
        (PAPERS / "oscillator_free.dyn", {**SMALL, "p": 2, "L": 1}),
        (PAPERS / "oscillator_elu.dyn", {**SMALL, "L": 1}),
    ],
    ids=lambda value: getattr(value, "stem", ""),
)
def test_a_spec_computes_what_it_says(path: Path, settings: dict[str, Any]) -> None:
    certificate = certify(dynattn.load(path, **settings))
    certificate.raise_if_failed()
    assert certificate.components


@pytest.mark.parametrize("name", ["softmax_attention", "softmax_transformer"])
def test_the_baselines_never_hold_an_array_over_pairs_of_tokens(name: str) -> None:
    spec = dynattn.load(SPECS / f"{name}.dyn")
    nodes = [node for block in spec.program.blocks for node in block.nodes]
    assert "pairs" not in {node.type.place.kind for node in nodes}
    assert "attention" in {node.op for node in nodes}


def test_the_rotary_baseline_sees_distances_alone() -> None:
    """The weights of a text of one word twice are those of the formula of rotary positions."""
    spec = dynattn.load(SPECS / "softmax_transformer.dyn", V=8, d=8, H=2, depth=1, hidden=6)
    system = spec.build()
    named = {name: value.detach().numpy() for name, value in system.named_parameters()}
    text = torch.tensor([3, 1, 4, 1, 5])
    ((_, _, found),) = system.attention_weights(text=text)
    x = named["network.embed.weight" if "network.embed.weight" in named else "x.embed.weight"]
    x = x[text.numpy()]
    u = x / numpy.sqrt((x**2).mean(-1, keepdims=True) + 1e-6)
    turn = numpy.exp(1j * numpy.arange(5)[:, None] * numpy.tile([1.0, 0.01], 2))
    q, k = (
        (u @ named[f"attend.0.{w}_a.linear.weight"].T
         + 1j * (u @ named[f"attend.0.{w}_b.linear.weight"].T)) * turn
        for w in "qk"
    )  # fmt: skip
    for h in range(2):
        own = slice(2 * h, 2 * h + 2)
        scores = (q[:, own] @ k[:, own].conj().T).real / 2
        raw = numpy.exp(scores) * numpy.tri(5)
        expected = raw / raw.sum(-1, keepdims=True)
        numpy.testing.assert_allclose(found[h].detach().numpy(), expected, atol=1e-12)


def test_free_anchors_begin_on_the_sphere_and_may_leave_it() -> None:
    system = dynattn.load(PAPERS / "oscillator_free.dyn", V=9, d=8, H=2, D=3).build()
    named = dict(system.named_parameters())
    r = named["attend.0.anchor.r"]
    assert r.shape == (50, 2, 3)
    assert abs(r.detach().norm(dim=-1) - 1).max() < 1e-12
    system(torch.tensor([1, 2, 3])).square().sum().backward()
    assert r.grad is not None and (r.grad[:3] * r[:3]).sum(-1).abs().max() > 1e-9


SIZES = {"V": 9, "d": 8, "H": 2, "L": 1}


def logits_of(solution: str, longer: str = "0 .. 25", **settings: Any) -> numpy.ndarray:
    path = SPECS / "oscillator_attention.dyn"
    source = Source(str(path), path.read_text().replace("0 .. 25", longer))
    system = Spec(source, {**SIZES, "solution": solution, **settings}).build().eval()
    return system(torch.tensor([3, 1, 4, 1, 5])).detach().numpy()


def test_euler_steps_of_the_layer_come_to_what_the_closed_form_says() -> None:
    """P1-7, in the layer: steps of 0.05, put back onto the sphere."""
    rest, steps = logits_of("analytic"), logits_of("euler", "0 .. 100")
    numpy.testing.assert_allclose(steps, rest, atol=1e-6)


def test_one_word_says_how_the_layer_is_solved() -> None:
    """The words of the spec are the variants of the papers' folder; on the way they differ."""
    rest, steps = logits_of("analytic"), logits_of("euler", "0 .. 1")
    chosen = logits_of("adaptive", "0 .. 1")
    assert abs(steps - rest).max() > 1e-3 and 1e-7 < abs(chosen - steps).max() < 1e-2
    numpy.testing.assert_allclose(logits_of("adaptive", "0 .. 100"), rest, atol=1e-3)
    for name in ("euler", "adaptive"):
        variant = dynattn.load(PAPERS / f"oscillator_{name}.dyn", **SIZES)
        model = dynattn.load(SPECS / "oscillator_attention.dyn", **SIZES, solution=name).model
        assert variant.model.layers[0].evolution == model.layers[0].evolution


@pytest.mark.parametrize(
    ("act", "floor", "coupling"),
    [
        ("softplus", 0, F.softplus),
        ("relu", 1e-3, lambda x: F.relu(x) + 1e-3),
        ("elu", 1, lambda x: F.elu(x) + 1),
    ],
)
def test_one_word_says_what_a_coupling_is(act: str, floor: float, coupling: Any) -> None:
    """The model in torch, from the built system's own numbers."""
    path, text = SPECS / "oscillator_attention.dyn", torch.tensor([3, 1, 4, 1, 5])
    system = dynattn.load(path, **SIZES, D=3, p=2, act=act, floor=floor).build().eval()
    named = dict(system.named_parameters())

    def normed(x: torch.Tensor, name: str) -> torch.Tensor:
        weight, bias = (named[f"{name}.layer_norm.{w}"] for w in ("weight", "bias"))
        return F.layer_norm(x, (8,), weight, bias)

    angles = torch.arange(5.0)[:, None].double() / 10_000 ** (torch.arange(0, 8, 2).double() / 8)
    x = named["x.embed.weight"][text] + torch.stack([angles.sin(), angles.cos()], -1).flatten(1)
    u = normed(x, "attend.0.u")
    q, k, v = ((u @ named[f"attend.0.{w}.linear.weight"].T).view(5, 2, 4) for w in "qkv")
    anchors, causal = named["attend.0.anchor.r"][:5], torch.ones(5, 5).tril().double()
    weights = coupling(torch.einsum("ihc,jhc->hij", q, k) / 2) * causal
    z = F.normalize(torch.einsum("hij,jhc->ihc", weights, anchors), dim=-1)
    shares = (1 + torch.einsum("ihc,jhc->hij", z, anchors)) ** 2 * causal
    heads = torch.einsum("hij,jhc->ihc", shares / shares.sum(-1, keepdim=True), v).flatten(1)
    x = x + F.linear(heads, named["attend.0.linear.weight"], named["attend.0.linear.bias"])
    up, down = (
        [named[f"feed.0.mlp.{way}.{w}"] for w in ("weight", "bias")] for way in ("up", "down")
    )
    x = x + F.linear(F.gelu(F.linear(normed(x, "feed.0"), *up)), *down)
    expected = F.linear(
        normed(x, "logits"), named["logits.linear.weight"], named["logits.linear.bias"]
    )
    torch.testing.assert_close(system(text), expected, atol=1e-10, rtol=0)


@pytest.mark.parametrize("floor", [0, 0.5])
def test_a_floor_of_0_costs_nothing(floor: float) -> None:
    spec = dynattn.load(SPECS / "oscillator_attention.dyn", floor=floor)
    nodes = [node for block in spec.program.blocks for node in block.nodes]
    assert any(node.payload == "floor" for node in nodes) == (floor > 0)


# ── the list of properties ─────────────────────────────────────────────────────────────────────

NUMBERED = {
    *(f"P1-{k}" for k in range(1, 18)),
    *(f"P2-{k}" for k in range(1, 14)),
    *(f"P3-{k}" for k in range(1, 13)),
}


def properties_in(folder: Path) -> set[str]:
    """The properties that the docstrings of tests name."""
    found: set[str] = set()
    for path in folder.glob("test_*.py"):
        for item in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(item, ast.FunctionDef) and item.name.startswith("test_"):
                found |= set(re.findall(r"P[123]-\d+", ast.get_docstring(item) or ""))
    return found


def test_every_numbered_property_has_a_test() -> None:
    measured = re.findall(r"P3-9\b", (PAPERS.parent / "induction.py").read_text(encoding="utf-8"))
    assert measured, "the induction experiment is a measurement, benchmarks/papers/induction.py"
    assert NUMBERED - properties_in(Path(__file__).parent) == {"P3-9"}


def test_the_page_names_the_test_of_every_property() -> None:
    page = (PAPERS.parents[2] / "docs" / "papers.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (P[123]-\d+) \|.*\| (.*) \|$", page, re.MULTILINE)
    assert {name for name, _ in rows} == NUMBERED
    for name, cell in rows:
        for part in [] if name == "P3-9" else cell.split("; "):
            place, tests = part.split(": ")
            text = (Path(__file__).parent / f"test_{place}.py").read_text(encoding="utf-8")
            assert all(f"def test_{test}(" in text for test in re.findall(r"`(\w+)`", tests))
