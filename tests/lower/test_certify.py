"""Certification: the shipped specs pass, and every kind of fault in a module is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from dynattn.compilation import Compilation
from dynattn.diagnostics.catalogue import CODES
from dynattn.diagnostics.report import NumericalError, Source
from dynattn.lower import components
from dynattn.lower.certify import certify, shrunk
from dynattn.program.nodes import Block, Node

SPECS = Path(__file__).parents[2] / "specs"
FULL_SIZE = ("value at full size", "gradient at full size")


def source(name):
    return Source(f"{name}.dyn", (SPECS / f"{name}.dyn").read_text())


def small_attention():
    text = source("kuramoto_attention").text.replace("context=128", "context=12")
    return Source("a.dyn", text.replace("V = 256, C = 96", "V = 12, C = 16"))


def failures(certificate):
    """(check, quantity) of every row that is not ok."""
    return {row[:2] for row in certificate.rows() if row[-1] != "ok"}


@pytest.mark.parametrize("name", ["kuramoto", "synchronization", "kuramoto_attention"])
def test_shipped_specs_pass(name):
    certificate = certify(Compilation(source(name)))
    assert certificate.passed
    assert failures(certificate) == set()
    assert certificate.components == 64
    checks = {item.check for item in certificate.differences}
    assert {
        "value",
        "jacobian",
        "gradient",
        "value at full size",
        "gradient at full size",
    } <= checks
    # rounding, with room: an exact zero everywhere would mean that nothing was compared
    assert 0 < max(item.relative for item in certificate.differences) < 1e-12
    certificate.raise_if_failed()


@pytest.mark.parametrize("manifold", ["sphere(3)", "real", "torus(2)", "real(3)"])
def test_other_manifolds_pass(manifold):
    text = source("synchronization").text.replace("on circle", f"on {manifold}")
    assert certify(Compilation(Source("s.dyn", text), {"N": 20})).passed


@pytest.mark.parametrize("normalize", ["none", "size", "degree"])
@pytest.mark.parametrize("graph", ["ring(N, reach=3)", "everyone(N)", "causal(N)"])
def test_graphs_and_normalisations_pass(graph, normalize):
    text = source("synchronization").text.replace(
        "unit -> unit { strength K; normalize size }",
        f"unit -> unit over {graph} {{ strength K; normalize {normalize} }}",
    )
    assert certify(Compilation(Source("s.dyn", text), {"N": 20})).passed


def edited(block, change):
    return Block(block.name, tuple((name, change(node)) for name, node in block.outputs))


def negated(node):
    return Node("neg", (node,), node.type)


def enlarged(node):
    factor = Node("constant", (), replace(node.type, shape=(), batched=False), 1 + 1e-7)
    return Node("mul", (node, factor), node.type)


@dataclass(frozen=True, eq=False)
class BrokenProgram(Compilation):
    """A compilation whose field is changed, at every size or at sizes above ``above`` only."""

    change: Callable[[Node], Node] = negated
    above: int = 0

    @cached_property
    def program(self):
        right = Compilation(self.source, self.overrides, self.seed).program
        if self.model.sizes["N"] <= self.above:
            return right
        return replace(right, field=edited(right.field, self.change))


@pytest.mark.parametrize("change", [negated, enlarged])
def test_a_wrong_rate_is_found(change):
    certificate = certify(BrokenProgram(source("kuramoto"), change=change))
    assert not certificate.passed
    checks = ("value", "jacobian", "gradient", *FULL_SIZE)
    assert failures(certificate) == {(check, "rate osc.theta") for check in checks}


def test_a_fault_of_large_sizes_alone_is_found():
    certificate = certify(BrokenProgram(source("kuramoto"), above=12))
    assert failures(certificate) == {(check, "rate osc.theta") for check in FULL_SIZE}


@dataclass(frozen=True, eq=False)
class BrokenModule(Compilation):
    """A compilation whose module is changed after it was built."""

    change: Callable[[Any], None] | None = None

    def build(self, *arguments, **options):
        system = super().build(*arguments, **options)
        assert self.change is not None
        self.change(system)
        return system


def test_a_slope_that_is_lost_is_found_though_the_value_is_right():
    def forget_the_frequencies(system):
        whole = system.rates

        def rates(t, states, past):
            omega = system.get_buffer("osc.omega")
            return {n: x - omega + omega.detach() for n, x in whole(t, states, past).items()}

        system.rates = rates

    certificate = certify(BrokenModule(source("kuramoto"), change=forget_the_frequencies))
    checks = ("jacobian", "gradient", "gradient at full size")
    assert failures(certificate) == {(check, "rate osc.theta") for check in checks}


def test_samples_of_a_batch_that_mix_are_found():
    def mix_the_batch(system):
        alone = system.forward
        system.forward = lambda text: alone(text if text.dim() == 1 else text.flip(0))

    found = failures(certify(BrokenModule(small_attention(), change=mix_the_batch)))
    assert found == {("batch", "output logits")}


def test_layers_that_share_their_weights_are_found():
    def share_the_copies(system):
        system._runs[3] = system._runs[1]

    found = failures(certify(BrokenModule(small_attention(), change=share_the_copies)))
    assert ("value", "output logits") in found
    assert ("value", "loss") in found


def test_numbers_that_are_not_finite_in_the_module_are_found():
    def spoil(system):
        whole = system.observe
        system.observe = lambda t, states: {
            name: value * float("nan") for name, value in whole(t, states).items()
        }

    found = failures(certify(BrokenModule(source("kuramoto"), change=spoil)))
    assert ("value", "observe r") in found


def test_failed_certification_says_what_and_how_much():
    certificate = certify(BrokenProgram(source("kuramoto")))
    with pytest.raises(NumericalError) as caught:
        certificate.raise_if_failed()
    (diagnostic,) = caught.value.diagnostics
    worst = max(
        (d for d in certificate.differences if not d.within(1e-9)), key=lambda d: d.relative
    )
    assert diagnostic.code == "E650"
    assert diagnostic.message == (
        f"the {worst.check} of rate osc.theta differs from the reference by "
        f"{worst.absolute:.1e}, above 1e-09"
    )
    assert diagnostic.fix.startswith("please report it as a fault of dynattn; ")
    assert caught.value.exit_code == 3


def test_formulas_without_a_finite_value():
    text = """model s
population unit[4] { state x on real ~ normal(0, 1); drift sqrt(-1 - x^2) }
simulate { t 0 .. 1 every 0.1 }
"""
    with pytest.raises(NumericalError) as caught:
        certify(Compilation(Source("s.dyn", text)))
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "E651"
    assert diagnostic.message == (
        "the formulas of this spec gave no finite numbers at any of 10 random states"
    )
    assert diagnostic.fix == "declare the ranges of the parameters: param a = 1.0 in 0.1 .. 5"


def test_a_spec_without_law_and_network():
    spec = Compilation(source("kuramoto"))
    bare = replace(spec.model, laws=(), network=())
    spec.__dict__["model"] = bare
    with pytest.raises(NumericalError) as caught:
        certify(spec)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "E652"
    assert diagnostic.message == "this spec has no law and no network"
    assert diagnostic.fix == "give a state a drift or a coupling"


def test_every_code_has_an_entry():
    assert {"E650", "E651", "E652"} <= CODES.keys()


def test_fewer_components_where_the_edges_are_too_many(monkeypatch):
    monkeypatch.setattr(components, "EDGE_LIMIT", 1000)
    certificate = certify(Compilation(source("synchronization")))
    assert certificate.components == 5
    assert certificate.passed
    assert certificate.notes == (
        "3 random states and parameter sets at N = 12",
        "5 of 64 components at full size (N = 200), 1000 edge evaluations",
    )


def test_many_parameters_move_along_random_directions(monkeypatch):
    from dynattn.lower import certify as room

    monkeypatch.setattr(room, "MOST_ENTRIES", 10)
    assert certify(Compilation(source("kuramoto"))).passed
    certificate = certify(BrokenProgram(source("kuramoto"), change=enlarged))
    assert ("jacobian", "rate osc.theta") in failures(certificate)


def test_the_same_seed_gives_the_same_certificate():
    first, second = (certify(Compilation(source("kuramoto")), seed=3) for _ in range(2))
    assert first == second


def test_settings_of_the_user_are_kept_when_sizes_shrink():
    small = shrunk(Compilation(source("kuramoto"), {"K": 3.5}))
    assert small.overrides == {"K": 3.5, "N": 12}
