"""Random metrics on every target: a clear error, or a loss whose gradient is right.

The suite tries 500 expressions; ``make fuzz N=10000`` tries more. The oracle shares no code with the compiler:
the derivative of the expression as it was written, by differences in 40 digits.
"""

import os

import mpmath
import numpy as np
import pytest
import sympy
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import metricloss as ml
from metricloss.compiler import plan_of
from metricloss.recipe import recipe_of
from metricloss.symbols import COUNTS
from tests.frameworks import FRAMEWORKS
from tests.metrics import load_planned

EXAMPLES = int(os.environ.get("FUZZ", "500"))
NAMES = ("TP", "FP", "FN", "TN", "P", "N", "PP", "PN", "n")

leaves = st.sampled_from(NAMES) | st.sampled_from(("1", "2", "1/2", "0.3", "5", "1e-3", "pi"))


UNARY = ("sqrt", "exp", "log", "log2", "sin", "cos", "asin", "atan", "tanh", "abs", "-", "1/", "1-")
POWERS = ("2", "3", "(1/2)", "(3/4)", "(-1)", "(-1/2)")


def _grown(inner):
    return st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(" ".join).map("({})".format),
        st.tuples(st.sampled_from(UNARY), inner).map(lambda parts: "{}({})".format(*parts)),
        st.tuples(inner, st.sampled_from(POWERS)).map(lambda parts: "({}**{})".format(*parts)),
        st.tuples(st.sampled_from(("Min", "Max")), inner, inner).map(lambda parts: "{}({}, {})".format(*parts)),
    )


expressions = st.recursive(leaves, _grown, max_leaves=8)
#: Logits and labels of a batch in no special position.
SCORES = np.array([-1.3, 0.4, 2.1, -0.2, 0.9, -2.2, 0.05, 1.7])
LABELS = np.array([0, 1, 1, 0, 1, 1, 0, 1])


def _soft_counts():
    p, y = 1 / (1 + np.exp(-SCORES)), LABELS
    return [float(np.sum(cell)) for cell in (y * p, (1 - y) * p, y * (1 - p), (1 - y) * (1 - p))]


def _difference(function, at, direction, step):
    moved = [count + step * move for count, move in zip(at, direction, strict=True)]
    return (function(*moved) - function(*at)) / step


def _slope(function, at, direction):
    """The derivative in a direction, or None where the function has a kink or a pole."""
    with mpmath.workdps(40):
        step = mpmath.mpf(10) ** -18
        try:
            ahead, behind = (_difference(function, at, direction, sign * step) for sign in (1, -1))
        except (ZeroDivisionError, ValueError, TypeError):
            return None
        if abs(mpmath.im(ahead)) > 1e-12 or abs(ahead - behind) > 1e-9 * (1 + abs(ahead)):
            return None
        return float(mpmath.re(ahead + behind) / 2)


@pytest.fixture(scope="module")
def frameworks():
    return [framework for framework in FRAMEWORKS if framework.is_installed and framework.lib]


@settings(
    max_examples=EXAMPLES, deadline=None, derandomize=EXAMPLES == 500,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)  # fmt: skip
@given(expressions)
def test_an_error_or_the_right_gradient(frameworks, text):
    try:
        metric = ml.Metric(text)
        recipe = recipe_of(metric)
        plan = plan_of(recipe)
        losses = [(framework, load_planned(recipe, plan, framework.name)) for framework in frameworks]
    except ml.MetricLossError:
        return
    function = sympy.lambdify(COUNTS, metric.expression, "mpmath")
    counts = [mpmath.mpf(count) for count in _soft_counts()]
    on_positive = _slope(function, counts, (1, 0, -1, 0))
    on_negative = _slope(function, counts, (0, 1, 0, -1))
    assume(on_positive is not None and on_negative is not None)
    assume(max(abs(on_positive), abs(on_negative)) < 1e12)
    p = 1 / (1 + np.exp(-SCORES))
    expected = -np.where(LABELS == 1, on_positive, on_negative) * p * (1 - p)
    with mpmath.workdps(40):
        size = float(abs(function(*counts)))
    tolerance = 1e-6 * np.abs(expected).max() + 1e-9 * size + 1e-12
    for framework, loss in losses:
        with framework.uncompiled():  # to compile it takes JAX longer than the rest takes together
            _, gradient = framework.value_and_grad(loss, framework.array(SCORES), framework.array(LABELS))
        assert np.abs(framework.numpy(gradient) - expected).max() <= tolerance, framework.name
