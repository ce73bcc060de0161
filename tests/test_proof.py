"""Proofs about expressions in the counts: never of what is false, and found where they should be."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from metricloss import FN, FP, TN, TP
from metricloss.proof import is_nonnegative, is_zero, normal, sign, swapped, vanishing_sets
from metricloss.symbols import COUNTS, PN, PP, N, P

NUMBERS = [Fraction(0), Fraction(1), Fraction(2), Fraction(7, 2), Fraction(1, 9), Fraction(100)]
GRID = [
    dict(zip(COUNTS, map(sympy.Rational, values), strict=True)) for values in product(NUMBERS[:5], repeat=4)
]

leaves = st.sampled_from([*COUNTS, sympy.Integer(1), sympy.Integer(-1), sympy.Rational(1, 2)])
expressions = st.recursive(
    leaves,
    lambda parts: st.one_of(
        st.tuples(parts, parts).map(lambda pair: pair[0] + pair[1]),
        st.tuples(parts, parts).map(lambda pair: pair[0] * pair[1]),
        st.tuples(parts, parts).map(lambda pair: pair[0] - pair[1]),
        parts.map(lambda part: part**2),
        st.tuples(parts, parts).map(lambda pair: sympy.Max(*pair)),
        st.tuples(parts, parts).map(lambda pair: sympy.Min(*pair)),
        parts.map(lambda part: sympy.sqrt(1 + part**2)),
        parts.map(abs),
        st.tuples(parts, parts).map(
            lambda pair: pair[0] / (pair[0] - sympy.sqrt(pair[1] ** 2) + sympy.Rational(1, 7))
        ),
        st.tuples(parts, parts).map(lambda pair: pair[0] / (1 + pair[1] ** 2)),
    ),
    max_leaves=6,
)


@settings(max_examples=150)
@given(expressions)
def test_what_is_proved_is_true(expression: sympy.Expr) -> None:
    for question, holds in (
        (is_nonnegative(expression), lambda x: x >= 0),
        (is_nonnegative(-expression), lambda x: x <= 0),
        (is_zero(expression), lambda x: x == 0),
    ):
        if question:
            found = [expression.xreplace(values) for values in GRID[::7]]
            assert all(holds(value) for value in found if value.is_finite)


@settings(max_examples=100)
@given(expressions)
def test_normal_is_the_same_expression(expression: sympy.Expr) -> None:
    form = normal(expression)
    for values in GRID[1::61]:
        assert abs(float(form.xreplace(values)) - float(expression.xreplace(values))) < 1e-9


D = TP * TN - FP * FN
PROVABLE = [
    (TP - FP) ** 2,
    TP**2 - TP * FP + FP**2,
    1 - D / sympy.sqrt(PP * P * N * PN),
    1 + D / sympy.sqrt(PP * P * N * PN),
    1 - sympy.sqrt(TP / P * TN / N),
    sympy.Max(TP, FP) - TP,
    abs(TP - FP) - TP + FP,
    sympy.log(1 + TP),
    1 - 2 * D / (PP * N + P * PN),
    TP + FP - 2 * sympy.sqrt(TP * FP),
]


@pytest.mark.parametrize("expression", PROVABLE, ids=str)
def test_proofs_are_found(expression: sympy.Expr) -> None:
    assert is_nonnegative(normal(expression))


@pytest.mark.parametrize(
    "expression",
    [TP - FP, -TP, 1 - D, sympy.sqrt(TP) - TP, TP**2 - 3 * TP * FP + FP**2, FN + TP / (TP - sympy.sqrt(FP))],
    ids=str,
)
def test_what_is_false_is_not_proved(expression: sympy.Expr) -> None:
    assert not is_nonnegative(expression)
    assert sign(expression) in (None, -1)


def test_signs() -> None:
    assert [sign(x) for x in (TP / P, -TP / P, TP - TP, TP - FN)] == [1, -1, 0, None]


def test_zero_of_a_sum_of_quotients() -> None:
    assert is_zero(2 * TP / (2 * TP + FP + FN) - 2 / (1 / (TP / PP) + 1 / (TP / P)))
    assert not is_zero(TP / P - TP / PP)


def test_vanishing_sets_are_the_smallest() -> None:
    assert vanishing_sets(2 * TP + FP + FN) == [frozenset({TP, FP, FN})]
    assert vanishing_sets(PP * TN) == [frozenset({TN}), frozenset({TP, FP})]
    assert vanishing_sets(TP + 1) == []


def test_swapping_twice_changes_nothing() -> None:
    assert swapped(swapped(TP / (TP + 2 * FP))) == TP / (TP + 2 * FP)
