"""Shrinking: small sizes, all of them whole, wide where they were."""

from __future__ import annotations

from pathlib import Path

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.lower.certify import shrunk
from dynattn.program.shrink import sequence_length, shrink, shrinkings

SPECS = Path(__file__).parents[2] / "specs"


def compiled(text, **overrides):
    return Compilation(Source("test.dyn", text), overrides)


def shipped(name, **overrides):
    return compiled((SPECS / f"{name}.dyn").read_text(), **overrides)


def ring(reach, size=100):
    return f"""model r
param N = {size}, R = {reach}
population unit[N] {{ state x on circle }}
coupling pull: unit -> unit over ring(N, reach=R) {{ normalize degree }}
simulate {{ t 0 .. 1 every 0.1 }}
"""


def test_populations_shrink_to_twelve_nodes():
    assert shrink(shipped("kuramoto").model) == {"N": 12}


def test_small_sizes_stay():
    assert shrink(shipped("kuramoto", N=11).model) == {}


def test_widths_shrink_together_and_a_head_keeps_two_coordinates():
    assert shrink(shipped("kuramoto_attention").model) == {"V": 8, "C": 8}
    many_heads = shipped("kuramoto_attention", H=32, depth=12).model
    found = shrink(many_heads)
    assert found == {"V": 8, "C": 8, "H": 4, "depth": 3}


def test_sizes_that_do_not_divide_are_never_chosen():
    found = shrink(shipped("kuramoto_attention", C=21, H=3).model)
    assert found["C"] == 6 and "H" not in found


def test_the_length_of_a_sequence():
    assert sequence_length(shipped("kuramoto_attention").model) == 6
    short = (SPECS / "kuramoto_attention.dyn").read_text().replace("dim T", "dim T <= 4")
    assert sequence_length(compiled(short).model) == 4


def test_a_reach_shrinks_with_its_ring():
    spec = compiled(ring(reach=20))
    assert shrink(spec.model) == {"N": 12, "R": 2}
    assert shrunk(spec).network.connections["pull"].edge_count == 48


def test_refused_sizes_grow_until_the_spec_accepts_them():
    text = (
        ring(reach=3).replace("R = 3", "R = 3 in 3 .. 9").replace("N = 100", "N = 100 in 40 .. 900")
    )
    small = shrunk(compiled(text))
    assert small.model.sizes["N"] == 48
    assert small.model.sizes["R"] == 3


def test_the_last_resort_is_the_spec_itself():
    text = ring(reach=3).replace("N = 100", "N = 100 in 100 .. 900")
    spec = compiled(text)
    *_, (last, most) = shrinkings(spec.model)
    assert "N" not in last and most is None
    assert shrunk(spec).model.sizes["N"] == 100


def test_a_size_that_only_large_numbers_keep_whole_shrinks_to_the_least_of_those():
    text = """model far "A reach that is a share of the ring"
    param N = 256, M = 40
    population p[N] { state theta on circle }
    population q[M] { state phi on circle }
    coupling near: p -> p over ring(N, reach=N/32) { normalize size }
    coupling all:  q -> q { normalize size }
    simulate { t 0 .. 1 every 0.1 }"""
    assert shrink(compiled(text).model) == {"N": 32, "M": 12}
