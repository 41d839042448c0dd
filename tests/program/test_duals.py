"""Dual numbers: every slope against central differences, every rule by itself."""

from __future__ import annotations

import numpy
import pytest

from dynattn.program import duals
from dynattn.vocabulary.functions import ELEMENTWISE

INSIDE = {"asin", "acos"}
POSITIVE = {"log", "sqrt", "pow"}


def arguments_of(name, rng):
    low = 0.2 if name in POSITIVE else -0.9
    high = 0.9 if name in INSIDE else 1.9
    # kept off whole numbers, where floor, sign and relu jump
    draws = [rng.uniform(low, high, (3, 2)) for _ in ELEMENTWISE[name].slopes]
    return [numpy.where(abs(a - a.round()) < 0.01, a + 0.05, a) for a in draws]


def difference(function, values, which, step=1e-6):
    up, down = list(values), list(values)
    up[which], down[which] = values[which] + step, values[which] - step
    return (function(up) - function(down)) / (2 * step)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_slopes_agree_with_finite_differences(name):
    values = arguments_of(name, numpy.random.default_rng(3))

    def value_of(arrays):
        return duals.apply(name, *(duals.plain(a) for a in arrays)).value

    for which, value in enumerate(values):
        mixed = [duals.plain(a) for a in values]
        mixed[which] = duals.independent(value, 0, value.size)
        result = duals.apply(name, *mixed)
        slope = duals.jacobian(result, value.size).reshape(value.size, value.size)
        expected = numpy.diag(difference(value_of, values, which).ravel())
        numpy.testing.assert_allclose(slope, expected, rtol=1e-7, atol=1e-8)
        numpy.testing.assert_array_equal(result.value, value_of(values))


def test_every_elementwise_function_gives_numbers_in_double_precision():
    rng = numpy.random.default_rng(0)
    for name in ELEMENTWISE:
        result = duals.apply(name, *(duals.plain(a) for a in arguments_of(name, rng)))
        assert result.value.dtype == (complex if name == "cis" else float), name


@pytest.mark.parametrize("name", [n for n, e in ELEMENTWISE.items() if e.of_complex])
def test_slopes_along_both_parts_of_complex_numbers(name):
    rng = numpy.random.default_rng(5)
    values = [rng.uniform(0.3, 0.9, (4, 2)) @ [1, 1j] for _ in ELEMENTWISE[name].slopes]
    leaves = [duals.independent(v, 8 * k, 8 * len(values)) for k, v in enumerate(values)]
    found = duals.jacobian(duals.apply(name, *leaves), 8 * len(values))
    for which, k, part in numpy.ndindex(len(values), 4, 2):
        step = numpy.zeros(4, complex)
        step[k] = 1e-6 * (1, 1j)[part]
        ends = [
            duals.apply(name, *(
                duals.plain(v + sign * step if n == which else v) for n, v in enumerate(values)
            )).value * 1.0
            for sign in (1, -1)
        ]  # fmt: skip
        slope = (ends[0] - ends[1]) / 2e-6
        numpy.testing.assert_allclose(found[:, 8 * which + 2 * k + part], slope, atol=1e-8)


def jacobian_by_differences(function, *arrays):
    columns = []
    for which, array in enumerate(arrays):
        for place in numpy.ndindex(array.shape):
            up, down = [a.copy() for a in arrays], [a.copy() for a in arrays]
            up[which][place] += 1e-6
            down[which][place] -= 1e-6
            columns.append((function(*up) - function(*down)) / 2e-6)
    return numpy.stack(columns, axis=-1)


def check_rule(rule, *shapes):
    """``rule`` on Duals has the value it has on plain numbers, and their central differences."""
    rng = numpy.random.default_rng(7)
    arrays = [rng.standard_normal(shape) for shape in shapes]
    inputs = sum(a.size for a in arrays)
    offsets = numpy.cumsum([0, *(a.size for a in arrays)])
    leaves = [
        duals.independent(a, int(o), inputs) for a, o in zip(arrays, offsets[:-1], strict=True)
    ]
    result = rule(*leaves)
    expected = jacobian_by_differences(
        lambda *at: rule(*(duals.plain(a) for a in at)).value, *arrays
    )
    assert result.tangent.shape == (*result.shape, inputs)
    numpy.testing.assert_allclose(result.tangent, expected, atol=1e-8)
    return arrays, result.value


def test_dot_and_norm_act_on_the_last_axis():
    (a, b), value = check_rule(duals.dot, (4, 3), (4, 3))
    numpy.testing.assert_allclose(value, (a * b).sum(-1))
    (a,), value = check_rule(duals.norm, (4, 3))
    numpy.testing.assert_allclose(value, numpy.linalg.norm(a, axis=-1))


def test_linear_is_weight_times_x_plus_bias():
    (x, w, b), value = check_rule(duals.linear, (3,), (2, 3), (2,))
    numpy.testing.assert_allclose(value, w @ x + b)
    (x, w), value = check_rule(duals.linear, (4, 3), (2, 3))
    numpy.testing.assert_allclose(value, x @ w.T)


def test_concat_takes_single_numbers_as_one_entry():
    (a, b), value = check_rule(lambda a, b: duals.concat([a, b]), (), (2,))
    numpy.testing.assert_array_equal(value, [a, *b])


def test_stack_reshape_broadcast_and_indexing_move_tangents_along():
    check_rule(lambda a, b: duals.stack([a, b]), (2, 3), (2, 3))
    check_rule(lambda a: duals.reshape(a, (2, 3)), (6,))
    check_rule(lambda a: duals.broadcast(a, (4, 3)), (3,))
    (a,), value = check_rule(lambda a: a[1], (3, 2))
    numpy.testing.assert_array_equal(value, a[1])


def test_alignment_is_at_the_last_axes():
    check_rule(lambda a, b: duals.apply("mul", a, b), (2, 3), (3,))
    check_rule(lambda a, b: duals.apply("sub", a, b), (), (2, 3))


def test_extremes_take_the_slope_of_the_entry_they_took():
    (a, b), value = check_rule(lambda a, b: duals.extreme([a, b], largest=True), (5,), (5,))
    numpy.testing.assert_array_equal(value, numpy.maximum(a, b))
    (a, b), value = check_rule(lambda a, b: duals.extreme([a, b], largest=False), (5,), (5,))
    numpy.testing.assert_array_equal(value, numpy.minimum(a, b))


def test_numbers_that_depend_on_nothing_have_no_tangent():
    assert duals.add(duals.plain(1.0), duals.plain(2.0)).tangent is None
    assert duals.jacobian(duals.plain([1.0, 2.0]), 3).shape == (2, 3)


def test_broadcast_constant_does_not_hide_the_tangent_of_the_other():
    leaf = duals.independent([1.0, 2.0], 0, 2)
    result = duals.concat([duals.plain(5.0), leaf])
    numpy.testing.assert_array_equal(result.tangent, [[0, 0], [1, 0], [0, 1]])
