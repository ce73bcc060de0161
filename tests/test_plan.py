"""The plan: what is guarded, what is named, and what a body computes."""

import math
import sys

import pytest
import sympy
from sympy import Max, Min, Rational, S, Symbol, sqrt

from metricloss import FN, FP, PN, PP, TN, TP, Metric, N, P
from metricloss.errors import UnsupportedFunctionError
from metricloss.evaluation import TINY
from metricloss.plan import lower, lower_counts
from metricloss.slopes import derive

x = Symbol("x", real=True)


def of_x(expression):
    return lower({x: "x"}, [expression])


@pytest.mark.parametrize(
    ("expression", "at", "value"),
    [
        (1 / x, 0.0, 0.0),
        (1 / x, TINY / 2, 0.0),
        (1 / x**2, -2.0, 0.25),
        (sqrt(x), -1.0, 0.0),
        (1 / sqrt(x), 0.0, 0.0),
        (x ** Rational(3, 4), 16.0, 8.0),
        (sympy.log(x), 0.0, math.log(TINY)),
        (sympy.asin(x), 1.0000001, math.pi / 2),
        (sympy.exp(x), 1000.0, math.exp(0.9 * math.log(sys.float_info.max))),
        (Max(x, 1, x**2), -3.0, 9.0),
        (Min(x, sqrt(2)), 3.0, math.sqrt(2)),
        (sympy.Heaviside(x), 0.0, 0.5),
        (sympy.sign(x) * abs(x), -2.5, -2.5),
        (2**x, 3.0, 8.0),
        (x / sympy.log(2), math.log(2), 1.0),
    ],
)
def test_values_and_their_guards(expression, at, value):
    assert of_x(expression)(at)[0] == pytest.approx(value, rel=1e-15)


def test_every_quotient_of_a_metric_keeps_its_own_zero():
    balanced = Metric((TP / P + TN / N) / 2, zero_division=1)
    assert balanced.at(0, 1, 0, 3) == (1 + 0.75) / 2
    assert balanced.at(3, 0, 1, 0) == (0.75 + 1) / 2


def test_slopes_are_zero_where_the_value_is_a_convention():
    mcc = derive((TP * TN - FP * FN) / sqrt(PP * P * N * PN), "mcc", S.One)
    body = lower_counts(mcc, [mcc.value, mcc.positive, mcc.negative])
    assert body(0.0, 0.0, 3.0, 5.0) == (1, 0, 0)  # nothing predicted
    assert body(0.0, 4.0, 0.0, 5.0) == (1, 0, 0)  # nothing positive


def test_what_is_used_twice_is_computed_once():
    body = of_x((x + 1) ** 2 + sqrt(x + 1))
    assert [name for names, _ in body.assignments for name in names] == ["t1"]


def test_mcc_needs_few_temporaries():
    mcc = derive((TP * TN - FP * FN) / sqrt(PP * P * N * PN), "mcc")
    body = lower_counts(mcc, [mcc.positive, mcc.negative])
    names = [name for names, _ in body.assignments for name in names]
    assert names == ["actual", "actual_negative", "predicted", "predicted_negative", "d", "mcc", "t1"]


def test_nothing_is_assigned_that_is_not_used():
    slopes = derive(TP / P, "recall")
    assert str(lower_counts(slopes, [slopes.negative])) == "return 0"


@pytest.mark.parametrize(
    "expression", [sympy.gamma(x), x**x, sympy.Piecewise((x, x > 0), (1, True)), sympy.erf(x)]
)
def test_functions_that_no_backend_spells(expression):
    with pytest.raises(UnsupportedFunctionError):
        of_x(expression)


def test_a_body_prints_as_it_runs():
    f1 = derive(2 * TP / (2 * TP + FP + FN), "f1")
    assert str(lower_counts(f1, [f1.negative])) == (
        "d = fn + fp + 2*tp\nf1 = Divide(2*tp, d, 0)\nreturn -Divide(f1, d, 0)"
    )
