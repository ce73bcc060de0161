"""At n = 2**24 in float32, and with classes as rare as 1e-6, sums do not cancel or stall."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

import metricloss as ml
from tests.frameworks import JAX, TENSORFLOW, Framework
from tests.metrics import METRIC, compiled

SIZE, BLOCK = 2**24, 2**20

#: MCC everywhere, as it is the most delicate; F1 and κ at both ends.
PROBLEMS = [("mcc", 10.0**-power) for power in range(1, 7)]
PROBLEMS += [(metric, prevalence) for metric in ("f1", "kappa") for prevalence in (1e-1, 1e-6)] + [("f1", 0.5)]


class Numbers:
    """NumPy's functions of complex numbers, for the complex-step derivative of a plain formula."""

    sqrt, log, exp, sin, cos, tan, tanh = np.sqrt, np.log, np.exp, np.sin, np.cos, np.tan, np.tanh
    asin, acos, atan, abs, minimum, maximum = np.arcsin, np.arccos, np.arctan, np.abs, np.minimum, np.maximum


@cache
def scores() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores of a classifier that rejects most, an order in which labels are given, and p in float64."""
    rng = np.random.default_rng(0)
    z = 2 * rng.standard_normal(SIZE, dtype=np.float32) - 4
    order = rng.random(SIZE, dtype=np.float32)
    p = 1 / (1 + np.exp(-z.astype(np.float64)))
    return z, order, p


@cache
def slopes() -> np.ndarray:
    """p(1 - p) in float64."""
    p = scores()[2]
    return p * (1 - p)


@cache
def lengths(prevalence: float) -> tuple[float, float]:
    """The squares of those slopes, added up over positives and over negatives."""
    squares = np.square(slopes())
    on = squares[labels(prevalence)].sum()
    return on, squares.sum() - on


@cache
def labels(prevalence: float) -> np.ndarray:
    return scores()[1] < prevalence


@cache
def cells(prevalence: float) -> tuple[float, ...]:
    """The soft counts in float64."""
    p, y = scores()[2], labels(prevalence)
    return p[y].sum(), p[~y].sum(), (1 - p[y]).sum(), (1 - p[~y]).sum()


@cache
def reference(metric: str, prevalence: float) -> tuple[float, float, float]:
    """The loss and its two slopes in float64, the slopes by a complex step."""

    def moved(along: tuple[int, int, int, int]) -> complex:
        arguments = (
            np.complex128(cell + 1e-30j * way) for cell, way in zip(cells(prevalence), along, strict=True)
        )
        return METRIC[metric].plain_loss(Numbers, *arguments)

    positive, negative = (moved(along).imag / 1e-30 for along in ((1, 0, -1, 0), (0, 1, 0, -1)))
    return moved((0, 0, 0, 0)).real, positive, negative


def check(value: Any, gradient: np.ndarray, metric: str, prevalence: float) -> None:
    expected, positive, negative = reference(metric, prevalence)
    assert float(value) == pytest.approx(expected, rel=1e-5)
    y, by_p, off = labels(prevalence), slopes(), 0.0
    for start in range(0, SIZE, BLOCK):
        part = slice(start, start + BLOCK)
        exact = np.where(y[part], positive, negative) * by_p[part]
        off += np.square(gradient[part] - exact).sum()
    on_positives, on_negatives = lengths(prevalence)
    assert np.sqrt(off / (positive**2 * on_positives + negative**2 * on_negatives)) < 1e-4


@pytest.mark.parametrize("prevalence", [1e-1, 1e-6])
def test_counts(framework: Framework, prevalence: float) -> None:
    """Each of the four, however rare, since a metric may rest on any of them."""
    loss = compiled("mcc", framework.name)
    found = framework.call(loss.soft_counts, *problem(framework, prevalence))
    assert [float(cell) for cell in found] == pytest.approx(cells(prevalence), rel=1e-5)


def problem(framework: Framework, prevalence: float) -> tuple[Any, Any]:
    return framework.array(scores()[0]), framework.array(labels(prevalence))


@pytest.mark.parametrize(("metric", "prevalence"), PROBLEMS)
def test_large(framework: Framework, metric: str, prevalence: float) -> None:
    loss = compiled(metric, framework.name)
    value, gradient = framework.value_and_grad(loss, *problem(framework, prevalence))
    check(value, framework.numpy(gradient), metric, prevalence)


@pytest.mark.parametrize(("metric", "prevalence"), PROBLEMS[-5:])
@pytest.mark.parametrize("framework", [JAX, TENSORFLOW], indirect=True, ids=lambda framework: framework.name)
def test_large_under_xla(framework: Framework, metric: str, prevalence: float) -> None:
    """Fused by XLA, which on a CPU adds one by one."""
    loss = compiled(metric, framework.name)

    def step(z: Any, y: Any) -> tuple[Any, Any, Any]:
        return *framework.value_and_grad(loss, z, y), framework.call(loss.soft_counts, z, y)

    value, gradient, counts = under_xla(framework, step)(*problem(framework, prevalence))
    assert [float(cell) for cell in counts] == pytest.approx(cells(prevalence), rel=1e-5)
    check(value, framework.numpy(gradient), metric, prevalence)


def under_xla(framework: Framework, step: Callable[..., Any]) -> Callable[..., Any]:
    return framework.lib.jit(step) if framework is JAX else framework.lib.function(step, jit_compile=True)


@cache
def classes() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores of four classes, the rarest with a prevalence of 1e-5; class indices, and one-hots of these."""
    rng = np.random.default_rng(0)
    prevalence = np.array([1 - 0.10101, 0.1, 1e-3, 1e-5])
    indices = rng.choice(4, size=2**20, p=prevalence)
    scores = rng.standard_normal((2**20, 4), dtype=np.float32) + np.log(prevalence).astype(np.float32)
    return scores, indices, indices[:, None] == np.arange(4)


@pytest.mark.parametrize("task", ["multilabel", "multiclass"])
def test_counts_of_classes(framework: Framework, task: str) -> None:
    z, indices, labels = classes()
    powers = np.exp(z.astype(np.float64))
    p = powers / (powers.sum(1, keepdims=True) if task == "multiclass" else 1 + powers)
    expected = [(on * a).sum(0) for a in (p, 1 - p) for on in (labels, ~labels)]
    loss = ml.compile(METRIC["f1"].text, framework.name, task=task, average=None)
    target = indices if task == "multiclass" else labels
    found = framework.call(loss.soft_counts, framework.array(z), framework.array(target))
    for cell, exact in zip(found, expected, strict=True):
        np.testing.assert_allclose(framework.numpy(cell), exact, rtol=1e-5)
