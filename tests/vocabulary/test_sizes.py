"""Sizes: arithmetic that means the same as arithmetic with numbers, and one form per meaning."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynattn.vocabulary.sizes import ONE, Size, SizeError, fixed, named

NAMES = ("C", "H", "T")
numbers = st.integers(-5, 9).map(fixed)
names = st.sampled_from(NAMES).map(named)
sizes = st.recursive(
    st.one_of(numbers, names),
    lambda inner: st.one_of(
        st.builds(lambda a, b: a + b, inner, inner),
        st.builds(lambda a, b: a - b, inner, inner),
        st.builds(lambda a, b: a * b, inner, inner),
        st.builds(lambda a, b: a / b, inner, names),
    ),
    max_leaves=6,
)
values = st.fixed_dictionaries({name: st.integers(1, 12) for name in NAMES})


def evaluate(size: Size, at: dict[str, int]) -> Fraction:
    """The value, whole or not: times a common multiple it is whole."""
    many = 12**6
    for name in NAMES:
        many *= at[name] ** 6
    return Fraction((size * fixed(many)).value(at), many)


@given(sizes, sizes, values)
def test_arithmetic_is_that_of_the_values(a, b, at):
    assert evaluate(a + b, at) == evaluate(a, at) + evaluate(b, at)
    assert evaluate(a - b, at) == evaluate(a, at) - evaluate(b, at)
    assert evaluate(a * b, at) == evaluate(a, at) * evaluate(b, at)


@given(sizes, sizes, sizes)
def test_equal_meaning_is_equal_form(a, b, c):
    assert a + b == b + a
    assert a * b == b * a
    assert a * (b + c) == a * b + a * c
    assert (a - a) == fixed(0)
    assert a * ONE == a
    assert hash(a + b) == hash(b + a)


@given(sizes, st.sampled_from(NAMES))
def test_division_undoes_multiplication(a, name):
    assert a * named(name) / named(name) == a


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (named("C"), "C"),
        (fixed(2) * named("C"), "2*C"),
        (named("C") / named("H"), "C/H"),
        (named("T") - ONE, "T - 1"),
        (named("C") * named("C"), "C^2"),
        (fixed(0), "0"),
        (-named("C"), "-C"),
        (named("C") / fixed(2), "C/2"),
    ],
)
def test_spelling(size, text):
    assert str(size) == text


def test_what_has_no_value_says_so():
    with pytest.raises(SizeError, match="the size T has no value"):
        named("T").value({})
    with pytest.raises(SizeError, match=r"C/H is 2\.5, not a whole number"):
        (named("C") / named("H")).value({"C": 5, "H": 2})
    with pytest.raises(SizeError, match="C/H divides by H = 0"):
        (named("C") / named("H")).value({"C": 5, "H": 0})
    with pytest.raises(SizeError, match=r"a size cannot be divided by C \+ 1"):
        _ = named("H") / (named("C") + ONE)


def test_number_is_the_value_of_what_needs_no_name():
    assert (fixed(6) / fixed(2)).number == 3
    assert named("C").number is None
    assert (named("C") - named("C")).number == 0
