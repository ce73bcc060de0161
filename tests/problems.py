"""Scores, labels and weights that losses are tried on, and what is asked of the results."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial
from typing import Any

import numpy as np

from tests.frameworks import Framework, read_only

#: Scores, labels, weights or None.
Problem = tuple[Any, Any, Any]

MIXED, HALF, ALL = [0.5, -1.0, 2.0, -0.25], [1.0, 1.0, 0.0, 0.0], [1.0] * 4

#: Scores, labels, weights; all of one shape, as `Framework.each` takes them.
CORNERS: dict[str, Problem] = {
    "all negative": (MIXED, [0.0] * 4, ALL),
    "all positive": (MIXED, [1.0] * 4, ALL),
    "saturated and right": ([1e4, 1e4, -1e4, -1e4], HALF, ALL),
    "saturated and wrong": ([-1e4, -1e4, 1e4, 1e4], HALF, ALL),
    "all decided positive": ([1e4] * 4, HALF, ALL),
    "all decided negative": ([-1e4] * 4, HALF, ALL),
    "all negative and right": ([-1e4] * 4, [0.0] * 4, ALL),
    "all positive and wrong": ([-1e4] * 4, [1.0] * 4, ALL),
    "at the threshold": ([0.0] * 4, HALF, ALL),
    "no weight": (MIXED, HALF, [0.0] * 4),
    "no weight on positives": (MIXED, HALF, [0.0, 0.0, 1.0, 1.0]),
    "one positive": (MIXED, HALF, [1.0, 0.0, 0.0, 0.0]),
    "one negative": (MIXED, HALF, [0.0, 0.0, 0.0, 1.0]),
}
SMALL: dict[str, Problem] = {
    "empty": ([], [], None),
    "one positive": ([0.3], [1.0], None),
    "one negative": ([-0.3], [0.0], None),
    "one saturated": ([-1e4], [1.0], None),
}
EXACT: dict[str, Problem] = {
    "right": ([1.0, 1.0, 0.0, 0.0], HALF, ALL),
    "wrong": ([0.0, 0.0, 1.0, 1.0], HALF, ALL),
    "all 0": ([0.0] * 4, HALF, ALL),
    "all 1": ([1.0] * 4, HALF, ALL),
    "all 0, all negative": ([0.0] * 4, [0.0] * 4, ALL),
    "all 1, all negative": ([1.0] * 4, [0.0] * 4, ALL),
    "all 0, all positive": ([0.0] * 4, [1.0] * 4, ALL),
}


@cache
def sample(weighted: bool = False, soft: bool = False) -> Problem:
    """Sixty scores, some of them right, labels 0/1 or soft, and weights in sixteenths, whose sums are exact."""
    rng = np.random.default_rng(5)
    y = (rng.random(60) < 0.3).astype(float)
    z = rng.normal(size=60) + 1.5 * y - 0.6
    if soft:
        y = 0.8 * y + 0.1 * rng.random(60)
    return read_only(z), read_only(y), read_only(rng.integers(3, 48, 60) / 16) if weighted else None


@cache
def judged(weighted: bool) -> Problem:
    """Three hundred scores, with labels that follow them."""
    rng = np.random.default_rng(11)
    z = rng.normal(size=300)
    return z, (z + rng.normal(size=300) > 0.8).astype(int), rng.uniform(0.5, 2, 300) if weighted else None


def hard_counts(problem: Problem, threshold: float) -> list[float]:
    """TP, FP, FN, TN of the hard decisions."""
    z, y, w = (np.asarray(1.0 if x is None else x, float) for x in problem)
    decided = z > threshold
    return [
        float((w * cell).sum()) for cell in (decided * y, decided * (1 - y), ~decided * y, ~decided * (1 - y))
    ]


def arrays(framework: Framework, problem: Problem, dtype: str = "float64") -> list[Any]:
    """The problem as arrays of a framework."""
    return [None if x is None else framework.array(np.asarray(x, float), dtype) for x in problem]


def close(found: np.ndarray, expected: np.ndarray, relative: float) -> None:
    """Equal to within a share of the largest entry."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=relative * np.abs(expected).max())


def assert_finite(framework: Framework, loss: Any, problems: Mapping[str, Problem], dtype: str) -> None:
    """Loss and gradient of problems of one shape."""
    given = [arrays(framework, problem, dtype) for problem in problems.values()]
    results = framework.each(partial(framework.value_and_grad, loss), given)
    for where, (z, *_), (value, gradient) in zip(problems, given, results, strict=True):
        assert (framework.dtype_name(value), framework.dtype_name(gradient)) == (dtype, dtype), where
        assert np.isfinite(framework.numpy(value)), (where, value)
        assert np.isfinite(framework.numpy(gradient)).all(), (where, gradient)
        assert tuple(gradient.shape) == tuple(z.shape), where
