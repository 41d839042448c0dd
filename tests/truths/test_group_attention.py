"""One text of attention on any manifold: what is the same on two must come out the same."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.learn.folder import new_run
from dynattn.learn.metrics import read_metrics
from dynattn.learn.train import train
from dynattn.lower.certify import certify
from dynattn.vocabulary import matrix_groups
from dynattn.vocabulary.manifolds import MANIFOLDS

SPECS = Path(__file__).parents[2] / "specs"
SHIPPED = (SPECS / "group_attention.dyn").read_text()
TORUS = (SPECS / "kuramoto_attention.dyn").read_text()
ALL = ("torus(4)", "sphere(3)", "SO(3)", "SU(2)")
SMALL = {"V": 5, "H": 3, "hidden": 4, "depth": 2}
TOKENS = torch.tensor([3, 1, 4, 1, 0, 2, 2])


def on(manifold: str, text: str = SHIPPED, **settings: Any) -> Compilation:
    """The shipped text on a manifold, small."""
    given = {**SMALL, "M": manifold, **settings}
    return Compilation(Source(str(SPECS / "group_attention.dyn"), text), given)


@pytest.mark.parametrize("manifold", ALL)
def test_every_manifold_is_certified_and_fused(manifold: str) -> None:
    spec = on(manifold, V=3, H=2, depth=1, hidden=1)
    assert certify(spec).passed
    assert "op='attention'" in str(spec.program.steps)
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION):  # an error where it makes a T x T array
        spec.build()(torch.tensor([0, 2, 1]))


def off(x: torch.Tensor, name: str) -> float:
    """How far points are off their manifold."""
    array = x.detach().numpy().astype(complex if name == "SU" else float)
    if name in ("SO", "SU"):
        one = np.eye(array.shape[-1])
        return float(abs(array @ matrix_groups.adjoint(array) - one).max())
    return 0.0 if name == "torus" else float(abs(np.linalg.norm(array, axis=-1) - 1).max())


@pytest.mark.parametrize("manifold", ["sphere(3)", "SO(3)", "SU(2)"])
def test_points_stay_points_through_many_layers(manifold: str) -> None:
    text = SHIPPED[: SHIPPED.index("train {")]
    text = text.replace("output logits = linear(ambient(x), V)", "output y = x")
    system = on(manifold, text, depth=30).build()
    found, start = system(TOKENS), dict(system.named_parameters())["x.embed.weight"][TOKENS]
    assert off(found, manifold.split("(")[0]) < 1e-12
    assert abs(found - start).max() > 0.1


@pytest.mark.parametrize("manifold", ["torus(4)", "sphere(3)", "SO(3)", "SU(2)"])
def test_it_trains_on_the_shipped_text_and_its_points_stay_points(tmp_path, manifold) -> None:
    """The loss falls below that of guessing each byte by how often it occurs."""
    text = SHIPPED.replace("steps 400", "steps 40").replace("context=64", "context=16")
    spec = on(manifold, text.replace("lr=6e-3", "lr=3e-2"), V=256, depth=1, hidden=8)
    done = train(spec, new_run("w", tmp_path / "w"), device="cpu", threads=1)
    unigram = json.loads((tmp_path / "w" / "settings.json").read_text())["baselines"]["unigram"]
    rows = [r for r in read_metrics(tmp_path / "w" / "metrics.jsonl") if r["kind"] != "train"]
    assert rows[0]["bits_per_character"] > unigram + 1
    assert rows[-1]["bits_per_character"] < unigram - 0.1
    import dynattn

    table = dict(dynattn.load(done.folder).build().named_parameters())["x.embed.weight"]
    assert off(table, manifold.split("(")[0]) < 2e-6
    before = dict(spec.build().named_parameters())["x.embed.weight"]
    assert abs(table - before).max() > 0.05


# ── the same manifold in other words ───────────────────────────────────────────────────────────


def turns(theta: np.ndarray) -> np.ndarray:
    c, s = np.cos(theta), np.sin(theta)
    return np.stack([np.stack([c, -s], -1), np.stack([s, c], -1)], -2)


def arrows(theta: np.ndarray) -> np.ndarray:
    return np.stack([np.cos(theta), np.sin(theta)], -1)


QUATERNIONS = np.array(
    [np.eye(2), [[0, 1j], [1j, 0]], [[0, 1], [-1, 0]], [[1j, 0], [0, -1j]]]
)  # fmt: skip


def unitary(q: np.ndarray) -> np.ndarray:
    return np.tensordot(q, QUATERNIONS, 1)


def basis(points: np.ndarray, of: np.ndarray) -> np.ndarray:
    """The isometry E with ambient(image) = E ambient(point), by least squares over many points."""
    found = np.linalg.lstsq(of, points, rcond=None)[0].T
    np.testing.assert_allclose(found.T @ found, np.eye(found.shape[1]), atol=1e-12)
    return found


def rows(x: np.ndarray) -> np.ndarray:
    """Matrices as vectors of real numbers of length 1."""
    flat = x.reshape(*x.shape[:-2], -1) / np.sqrt(x.shape[-1])
    return np.concatenate([flat.real, flat.imag], -1) if np.iscomplexobj(x) else flat


def circle_as(manifold: str):
    theta = np.linspace(0, 6, 7)
    if manifold == "torus(1)":
        return np.eye(2), lambda x: x[..., None]
    if manifold == "sphere(2)":
        return np.eye(2), arrows
    return basis(rows(turns(theta)), arrows(theta)), turns


def sphere_as(manifold: str):
    q = MANIFOLDS["sphere"].sample(np.random.default_rng(5), (30, 4))
    assert manifold == "SU(2)"
    return basis(rows(unitary(q)), q), unitary


def carried(system: Any, other: Any, e: np.ndarray, image: Any) -> None:
    """The weights of one system, put into that of the other manifold."""
    whole = np.kron(np.eye(SMALL["H"]), e)
    given = dict(system.named_parameters())
    for name, value in other.named_parameters():
        array = given[name].detach().numpy()
        if name == "x.embed.weight":
            array = image(array)
        elif array.ndim == 2 and ".down." in name:
            array = whole @ array
        elif array.ndim == 2 and ".down." not in name:
            array = array @ whole.T
        value.data.copy_(torch.from_numpy(np.array(array)))


def slopes(system: Any, logits: torch.Tensor) -> dict[str, np.ndarray]:
    weights = torch.linspace(-1, 1, logits.numel(), dtype=torch.float64).reshape(logits.shape)
    (weights * logits).sum().backward()
    return {name: p.grad.numpy() for name, p in system.named_parameters()}


def tangent(x: np.ndarray, slope: np.ndarray, name: str) -> np.ndarray:
    """The part of a slope along the manifold."""
    if name == "sphere":
        return slope - (slope * x).sum(-1, keepdims=True) * x
    inside = matrix_groups.adjoint(x) @ slope
    return x @ (inside - matrix_groups.adjoint(inside)) / 2


def compare(first: str, second: str, e: np.ndarray, image: Any, push: Any) -> None:
    one, other = on(first).build(), on(second).build()
    carried(one, other, e, image)
    left, right = one(TOKENS), other(TOKENS)
    torch.testing.assert_close(left, right, rtol=0, atol=1e-12)
    whole = np.kron(np.eye(SMALL["H"]), e)
    slope, image_slope = slopes(one, left), slopes(other, right)
    for name, value in slope.items():
        there = image_slope[name]
        if name == "x.embed.weight":
            there = push(dict(one.named_parameters())[name].detach().numpy(), there)
            value = value if first == "circle" else tangent(
                dict(one.named_parameters())[name].detach().numpy(), value, "sphere"
            )  # fmt: skip
        elif value.ndim == 2:
            there = whole.T @ there if ".down." in name else there @ whole
        np.testing.assert_allclose(there, value, atol=1e-12, err_msg=name)
    assert max(abs(value).max() for value in slope.values()) > 0.1


@pytest.mark.parametrize("manifold", ["torus(1)", "sphere(2)", "SO(2)"])
def test_rotations_of_the_plane_are_the_torus(manifold: str) -> None:
    """Forward and backward: X = R(theta), x = (cos, sin)."""
    e, image = circle_as(manifold)

    def push(theta: np.ndarray, slope: np.ndarray) -> np.ndarray:
        if manifold == "torus(1)":
            return slope[..., 0]
        return (slope * image(theta + np.pi / 2)).sum(tuple(range(theta.ndim, slope.ndim)))

    compare("circle", manifold, e, image, push)


def test_unitary_matrices_are_the_sphere_in_four_dimensions() -> None:
    e, image = sphere_as("SU(2)")

    def push(q: np.ndarray, slope: np.ndarray) -> np.ndarray:
        return tangent(q, np.einsum("...ab,qab->...q", slope, QUATERNIONS.conj()).real, "sphere")

    compare("sphere(4)", "SU(2)", e, image, push)


# ── the torus layer that ships, and plain loops ────────────────────────────────────────────────


def changed(text: str, *pairs: tuple[str, str]) -> str:
    for before, after in pairs:
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    return text


GATES = [
    ("  let ask  = 1 + linear(ambient(x), H)             # how sharply a token asks\n",
     "  let ask  = 2*sigmoid(linear(ambient(x), H))\n"),
    ("  let tell = 3 + linear(ambient(x), H)             # how loudly it is heard\n",
     "  let tell = 2*sigmoid(linear(ambient(x), H))\n"),
    (", rate[H] ~ normal(0, 0.3)", ""), (" * cos(rate*(index[j] - index[i]))", ""),
    ("repeat depth { attend; mix }", "repeat depth { attend }"),
    ("layer mix {\n  drift x: toward(x, swiglu(ambient(x), hidden=hidden))\n"
     "  evolve { steps 1; method geodesic }\n}\n", ""), (", hidden = 64", ""),
]  # fmt: skip
PLACE = 'param place   = 1 in 0 .. 1        "rotary drift of the phases in the score, or none"\n'
PLAIN_TORUS = [
    ("theta + place * rotary(C, heads=H) * index", "theta"), (PLACE, ""),
    ("repeat depth { attend; mix }", "repeat depth { attend }"),
    ("layer mix {\n  drift theta: swiglu([cos(theta), sin(theta)], hidden=2*C, out=C)\n"
     "  evolve { steps 1 }\n}\n", ""),
]  # fmt: skip


@pytest.mark.parametrize("manifold", ["circle", "SO(2)"])
def test_it_is_the_torus_layer_that_ships(manifold: str) -> None:
    """kuramoto_attention, one coordinate per head, the places of tokens left out of both."""
    heads, v = SMALL["H"], SMALL["V"]
    text = changed(TORUS, *PLAIN_TORUS)
    torus = Compilation(Source(str(SPECS / "kuramoto_attention.dyn"), text),
                        {"V": v, "C": heads, "H": heads, "depth": 2}).build()  # fmt: skip
    text = changed(SHIPPED, *GATES)
    given = {"V": v, "H": heads, "M": manifold}
    group = Compilation(Source(str(SPECS / "group_attention.dyn"), text), given).build()
    e, image = circle_as("SO(2)") if manifold == "SO(2)" else (np.eye(2), lambda theta: theta)
    # ambient has cos and sin of each point together, the torus all cosines first
    order = np.arange(2 * heads).reshape(2, heads).T.ravel()
    names = {"gate_q": "ask", "gate_k": "tell", "theta": "x"}
    given = {}
    for name, value in torus.named_parameters():
        for old, new in names.items():
            name = name.replace(f"{old}.", f"{new}.")
        given[name.replace("ask.linear_2", "ask.linear")] = value.detach().numpy()
    whole = np.kron(np.eye(heads), e)
    for name, value in group.named_parameters():
        array = given[name]
        if name == "x.embed.weight":
            array = image(array)
        elif name.endswith("linear.weight"):
            array = array[:, order] @ whole.T
        elif name.endswith("eta"):
            array = array[0]
        value.data.copy_(torch.from_numpy(np.array(array)))
    torch.testing.assert_close(group(TOKENS), torus(TOKENS), rtol=0, atol=1e-12)


def test_the_layer_on_rotations_is_the_sum_of_sines_in_plain_loops() -> None:
    """One step on SO(2): theta_i + eta sum_j A_ij sin(theta_j - theta_i)."""
    text = changed(SHIPPED, ("repeat depth { attend; mix }", "attend"), GATES[5], GATES[6])
    text = text.replace("output logits = linear(ambient(x), V)", "output y = x")
    text = text[: text.index("train {")].replace(", depth = 2", "")
    system = Compilation(Source("g.dyn", text), {"V": 5, "H": 3, "M": "SO(2)"}).build()
    named = ((re.sub(r"\.\d+", "", n), value) for n, value in system.named_parameters())
    p = {name: value.detach().numpy() for name, value in named}
    p["attend.eta"][...] = 0.8
    x = p["x.embed.weight"][TOKENS.numpy()]
    theta = np.arctan2(x[..., 1, 0], x[..., 0, 0])
    flat = x.reshape(len(x), -1) / np.sqrt(2)
    ask = 1 + flat @ p["attend.ask.linear.weight"].T
    tell = 3 + flat @ p["attend.tell.linear.weight"].T
    expected = theta.copy()
    for i in range(len(x)):
        for h in range(3):
            places = np.cos(p["attend.rate"][h] * (np.arange(i + 1) - i))
            score = ask[i, h] * tell[: i + 1, h] * places * np.cos(theta[: i + 1, h] - theta[i, h])
            weight = np.exp(score) / np.exp(score).sum()
            expected[i, h] += 0.8 * (weight * np.sin(theta[: i + 1, h] - theta[i, h])).sum()
    found = system(TOKENS).detach().numpy()
    np.testing.assert_allclose(found, turns(expected), atol=1e-13)


def moved(name: str, x: np.ndarray) -> np.ndarray:
    """All points moved by one element of the group, or turned alike."""
    group = {"torus": "torus", "sphere": "SO"}.get(name, name)
    shape = x.shape[1:] if name != "sphere" else (x.shape[-1],) * 2
    g = MANIFOLDS[group].sample(np.random.default_rng(7), shape)
    return x + g if name == "torus" else x @ g.T if name == "sphere" else g @ x


@pytest.mark.parametrize("manifold", ["torus(3)", "sphere(3)", "SO(3)", "SU(2)"])
def test_the_score_is_invariant_and_the_kernel_leads_toward_the_vector(manifold: str) -> None:
    name = manifold.split("(")[0]
    own = "sin(x[j] - x[i])" if name == "torus" else "x[j]"
    text = f"""model score
population p[4] {{ state x on {manifold} }}
readout heard: p -> p over everyone(4) {{ kernel inner(x[i], x[j])^3 * (index[j] + 1) }}
coupling c: p -> p over causal(4) {{ kernel toward(x[i], ambient(x[j])) - {own} }}
observe score = heard
observe same  = inner(x, x)
observe long  = norm(ambient(x))
"""
    system = Compilation(Source("score.dyn", text)).build()
    states = system.initial_states()
    there = {"p.x": torch.from_numpy(moved(name, states["p.x"].numpy()))}
    here, after = (system.observe(0.0, s) for s in (states, there))
    torch.testing.assert_close(here["score"], after["score"], rtol=0, atol=1e-13)
    assert here["score"].std() > 0.1
    for one in ("same", "long"):
        torch.testing.assert_close(here[one], torch.ones_like(here[one]), rtol=0, atol=1e-14)
    assert system.rates(0.0, states)["p.x"].abs().max() < 1e-14
