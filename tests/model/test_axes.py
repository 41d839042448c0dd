"""Axes: named ranges, indices that are their own values, and names of axes in initial values."""

from __future__ import annotations

import numpy
import pytest

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from tests.model.models import checked, refused, shape

ONE = "population osc[2] { state x on real; drift DRIFT }\nsimulate { t 0 .. 1 }\n"


def built(declared: str, drift: str = "1"):
    text = f"model m\n{declared}\n{ONE.replace('DRIFT', drift)}"
    return Compilation(Source("m.dyn", text)).build()


def number(declared: str, name: str) -> numpy.ndarray:
    return dict(built(declared).named_buffers())[name].numpy()


def rate(declared: str, drift: str) -> float:
    system = built(declared, drift)
    return float(system.rates(0.0, system.initial_states())["osc.x"][0])


def test_the_size_of_a_named_axis_is_that_of_its_range():
    declared = "param M = 4, K[m in 1 .. M, l in 0 .. 1, s in -2 .. 2, 3] = 0\n"
    model = checked(declared + ONE.replace("DRIFT", "1"))
    assert [str(size) for size in model.parameter["K"].shape] == ["M", "2", "5", "3"]


def test_a_list_gives_the_values_in_order_and_indices_count_from_the_first():
    declared = "param K[m in 1 .. 3] = [2.0, 0.5, 7], a[2] = [4, 5], z[s in -1 .. 0] = [8, 9]"
    assert [rate(declared, f"K[{m}]") for m in (1, 2, 3)] == [2.0, 0.5, 7.0]
    assert [rate(declared, f"a[{m}]") for m in (0, 1)] == [4.0, 5.0]
    assert [rate(declared, f"z[{m}]") for m in (-1, 0)] == [8.0, 9.0]


def test_an_index_may_be_a_parameter_and_leave_later_axes_out():
    declared = "param M = 2, K[m in 1 .. M, l in 0 .. 1] = 10*m + l"
    assert rate(declared, "K[M, 0]") == 20.0
    assert rate(declared, "norm(K[1])") == pytest.approx(numpy.hypot(10, 11))


def test_the_name_of_an_axis_is_its_value_in_the_initial_value():
    found = number("param M = 3, w[m in 1 .. M, 2, l in 0 .. 1] = m + 100*l", "w")
    m, _, n = numpy.indices((3, 2, 2))
    numpy.testing.assert_array_equal(found, m + 1 + 100 * n)


def test_a_truth_value_is_0_or_1_in_the_mean_of_a_draw():
    found = number("param w[m in 1 .. 3, l in 0 .. 1, 50] ~ normal(m == 1 and l == 0, 0.01)", "w")
    expected = numpy.zeros((3, 2))
    expected[0, 0] = 1
    numpy.testing.assert_allclose(found.mean(-1), expected, atol=0.01)
    assert 0.005 < (found - expected[:, :, None]).std() < 0.015


def test_a_parameter_on_the_circle_is_a_number_that_knows_it_is_an_angle():
    model = checked(
        "param a[2] on circle = 0, b on torus(3) ~ uniform\n" + ONE.replace("DRIFT", "cos(a[0])")
    )
    assert str(model.parameter["a"].manifold) == "circle"
    assert [str(size) for size in model.parameter["b"].shape] == ["3"]


def test_a_learned_angle_does_not_decay():
    from dynattn.learn.optimizers import decays

    declared = "learn a on circle = 0, b on real = 0, c = 0\n"
    model = checked(declared + ONE.replace("DRIFT", "sin(a) + b + c"))
    assert [decays(model.parameter[name], "all") for name in "abc"] == [False, True, True]


def test_an_index_is_refused_where_it_has_no_meaning():
    text = "param K[m in 1 .. 3] = 1\n" + ONE
    assert refused(text.replace("DRIFT", "K[x]"))[0][0] == "E309"
    assert refused(text.replace("DRIFT", "K[4]"))[0][0] == "E306"
    assert refused(text.replace("DRIFT", "x[1]"))[0][0] == "E310"
    assert shape(checked(text.replace("DRIFT", "K[3]")).laws[0].rate) in ([], ["1"])


@pytest.mark.parametrize("init", ["= 10*q + index", "~ normal(10*q + index, 0)"])
def test_the_axis_of_a_state_has_its_name_in_the_initial_value(init):
    text = f"""\
model m
population osc[3] {{ state x[q in -1 .. 1] on real(2) {init}; drift 1 }}
simulate {{ t 0 .. 1 }}
"""
    states = Compilation(Source("m.dyn", text)).build().initial_states()
    node, q, _ = numpy.indices((3, 3, 2))
    numpy.testing.assert_array_equal(states["osc.x"].numpy(), 10 * (q - 1) + node)
