"""The plain formulas: for frameworks that differentiate, and in NumPy with the gradient derived by hand.

Nothing here comes from metricloss. In float64 the NumPy one is what every contestant has to agree with, and it
agrees with the frameworks' autodiff of the others.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks.cases import FN_WEIGHT, FP_WEIGHT, SLOPE, Case


def f1(tp: Any, fp: Any, fn: Any) -> Any:
    return 2 * tp / (2 * tp + fp + fn)


def tversky(tp: Any, fp: Any, fn: Any) -> Any:
    return tp / (tp + FP_WEIGHT * fp + FN_WEIGHT * fn)


def mcc(tp: Any, fp: Any, fn: Any, tn: Any) -> Any:
    return (tp * tn - fp * fn) / ((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)) ** 0.5


def g_mean(tp: Any, fp: Any, fn: Any, tn: Any) -> Any:
    return (tp / (tp + fn) * (tn / (tn + fp))) ** 0.5


PLAIN_METRICS = {"F1": f1, "Tversky": tversky, "MCC": mcc, "G-mean": g_mean}
COUNTS = {
    "tp": lambda a, y: a * y,
    "fp": lambda a, y: a * (1 - y),
    "fn": lambda a, y: (1 - a) * y,
    "tn": lambda a, y: (1 - a) * (1 - y),
}


def plain_loss(ops: SimpleNamespace, case: Case, metric: str, relaxation: str) -> Callable[[Any, Any], Any]:
    """As one writes it by hand, with the counts that the metric needs; ops are a framework's functions."""
    formula = PLAIN_METRICS[metric]
    counts = [COUNTS[name] for name in inspect.signature(formula).parameters]
    first = 0 if case.average == "macro" else 1
    axes = None if case.is_binary else tuple(ops.positions(first, len(case.shape)))

    def loss(z: Any, y: Any) -> Any:
        a = ops.sigmoid(z) if case.is_binary else ops.softmax(z)
        if relaxation != "Soft":
            a = ops.sigmoid(SLOPE * (a - 0.5))
        y = ops.floats(y) if case.is_binary else ops.one_hot(y, case.shape[1])
        return 1 - ops.mean(formula(*(ops.sum(count(a, y), axes) for count in counts)))

    return loss


def slopes(metric: str, tp: Any, fp: Any, fn: Any, tn: Any = None) -> tuple[Any, Any, Any]:
    """The metric, and how it moves with the decision on a positive and on a negative, derived by hand."""
    if metric == "F1":
        value, d = f1(tp, fp, fn), 2 * tp + fp + fn
        return value, (2 - value) / d, -value / d
    if metric == "Tversky":
        value, d = tversky(tp, fp, fn), tp + FP_WEIGHT * fp + FN_WEIGHT * fn
        return value, (1 - (1 - FN_WEIGHT) * value) / d, -FP_WEIGHT * value / d
    if metric == "MCC":
        predicted, actual, rest, others = tp + fp, tp + fn, tn + fn, tn + fp
        value, root = mcc(tp, fp, fn, tn), (predicted * actual * others * rest) ** 0.5
        common = value / 2 * (1 / predicted - 1 / rest)
        return value, others / root - common, -actual / root - common
    value = g_mean(tp, fp, fn, tn)
    return value, value / (2 * tp), -value / (2 * tn)


def numpy_loss(case: Case, metric: str, relaxation: str) -> Callable[[Any, Any], tuple[Any, Any]]:
    """Value and gradient, classes last, in the dtype of the scores: straightforward NumPy."""
    needed = {name: COUNTS[name] for name in inspect.signature(PLAIN_METRICS[metric]).parameters}

    def of_binary(z: np.ndarray, y: np.ndarray) -> tuple[Any, np.ndarray]:
        y = y.astype(z.dtype, copy=False)
        p = 1 / (1 + np.exp(-z))
        a, slope = p, p * (1 - p)
        if relaxation != "Soft":
            a = 1 / (1 + np.exp(-SLOPE * (p - 0.5)))
            slope = SLOPE * a * (1 - a) * slope
        value, on, off = slopes(metric, **{name: count(a, y).sum() for name, count in needed.items()})
        return 1 - value, -(y * on + (1 - y) * off) * slope

    def of_classes(z: np.ndarray, labels: np.ndarray) -> tuple[Any, np.ndarray]:
        powers = np.exp(z - z.max(-1, keepdims=True))
        p = powers / powers.sum(-1, keepdims=True)
        y = (labels[..., None] == np.arange(z.shape[-1])).astype(z.dtype)
        axes = tuple(range(0 if case.average == "macro" else 1, z.ndim - 1))
        counts = {name: count(p, y).sum(axes, keepdims=True) for name, count in needed.items()}
        value, on, off = slopes(metric, **counts)
        by_p = -(y * on + (1 - y) * off) / value.size
        return 1 - value.mean(), p * (by_p - (by_p * p).sum(-1, keepdims=True))

    return of_binary if case.is_binary else of_classes


def numpy_cross_entropy(z: np.ndarray, y: np.ndarray) -> tuple[Any, np.ndarray]:
    """Value and gradient of the mean cross-entropy, of scores with classes last or binary ones."""
    if z.shape == y.shape:
        y = y.astype(z.dtype, copy=False)
        value = np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))
        return value.mean(), (1 / (1 + np.exp(-z)) - y) / z.size
    powers = np.exp(z - z.max(-1, keepdims=True))
    gradient = powers / powers.sum(-1, keepdims=True)
    at = y[..., None]
    chosen = np.take_along_axis(gradient, at, -1)
    np.put_along_axis(gradient, at, chosen - 1, -1)
    return -np.log(chosen).mean(), gradient / y.size
