"""Batches as data points: scores with labels, made up or drawn from a user's own."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from metricloss.errors import LearningError, MetricLossWarning

Array: TypeAlias = NDArray[Any]


@dataclass(frozen=True)
class Batches:
    """scores: logits, of shape (batches, size) or (batches, size, classes). labels: (batches, size), 0, 1, …"""

    scores: Array
    labels: Array


#: Of a random generator, a number of batches and their size.
Draw: TypeAlias = Callable[[np.random.Generator, int, int], Batches]


def generated(rng: np.random.Generator, count: int, size: int) -> Batches:
    """Binary batches of every kind: classes apart or not, large and small scores, off centre, rare positives.

    >>> generated(np.random.default_rng(0), 3, 128).scores.shape
    (3, 128)
    """
    prevalence = rng.uniform(0.05, 0.95, (count, 1))
    labels = (rng.random((count, size)) < prevalence).astype(int)
    apart = rng.uniform(0, 4, (count, 1)) * (labels - 0.5)
    spread = np.exp(rng.uniform(np.log(0.3), np.log(4), (count, 1)))
    scores = spread * (apart + rng.normal(0, 1, (count, 1)) + rng.normal(size=(count, size)))
    return Batches(scores, _with_both(_noisy(rng, labels, rng.random((count, 1)) < 0.5, prevalence)))


def given(scores: Any, targets: Any) -> tuple[tuple[Draw, Draw], bool]:
    """What draws batches from one half of a user's entries and from the other, and whether they are binary.

    Errors: LearningError for shapes that do not fit, labels that are none, and too few entries.
    """
    z, y = _checked(scores, targets)
    order = np.random.default_rng(0).permutation(len(z))
    first, second = np.array_split(order, 2)
    halves = partial(_resampled, z[first], y[first]), partial(_resampled, z[second], y[second])
    return halves, z.ndim == 1


def _resampled(scores: Array, targets: Array, rng: np.random.Generator, count: int, size: int) -> Batches:
    """Half of the batches as they are; of the others the labels are the decisions, random ones after a cut."""
    which = rng.integers(len(scores), size=(count, size))
    z, y = scores[which], targets[which]
    is_made = rng.random((count, 1)) < 0.5
    if z.ndim == 2:
        y = np.where(is_made, z > 0, y)
        return Batches(z, _with_both(_noisy(rng, y, is_made, rng.uniform(0.05, 0.95, (count, 1)))))
    y = np.where(is_made, z.argmax(-1), y)
    other = rng.integers(z.shape[-1], size=y.shape)
    return Batches(z, np.where(_after_a_cut(rng, is_made, size), other, y))


def _after_a_cut(rng: np.random.Generator, applies: Array, size: int) -> Array:
    cut = rng.uniform(0, size, applies.shape)
    return np.asarray(applies & (np.arange(size) >= cut))


def _noisy(rng: np.random.Generator, labels: Array, applies: Array, prevalence: Array) -> Array:
    """0/1 labels, random ones after a random cut where it applies: so the metric is spread over its range."""
    other = rng.random(labels.shape) < prevalence
    return np.where(_after_a_cut(rng, applies, labels.shape[1]), other, labels)


def _with_both(labels: Array) -> Array:
    """0/1 labels with a positive and a negative in each batch: many a metric has no value without."""
    labels = labels.astype(int)
    labels[:, 0] = np.where(labels.any(1), labels[:, 0], 1)
    labels[:, 0] = np.where(labels[:, 1:].all(1), 0, labels[:, 0])
    return labels


def _checked(scores: Any, targets: Any) -> tuple[Array, Array]:
    z, y = (np.asarray(x.detach().cpu() if hasattr(x, "detach") else x) for x in (scores, targets))
    shapes = f"scores of shape {z.shape} and targets of shape {y.shape}"
    if z.ndim not in (1, 2) or y.shape != z.shape[:1]:
        raise LearningError(f"{shapes}\nGive (entries,) or (entries, classes), and targets (entries,).")
    if z.ndim == 2 and z.shape[1] < 2:
        raise LearningError(f"{shapes}: one class\nGive scores of two classes or more, or of shape (entries,).")
    if len(z) < 16:
        raise LearningError(f"{shapes}: too few to draw batches from\nGive 16 entries at the least.")
    if z.dtype.kind not in "biuf" or not np.isfinite(z).all():
        raise LearningError("the scores are no finite numbers\nGive logits.")
    if z.min() >= 0 and z.max() <= 1:
        warnings.warn("all scores lie in [0, 1]: give logits", MetricLossWarning, stacklevel=5)
    classes = 2 if z.ndim == 1 else z.shape[1]
    is_label = y.dtype.kind in "biuf" and np.isin(y, np.arange(classes)).all()
    if not is_label:
        other = next(iter(y[~np.isin(y, np.arange(classes))].tolist()))
        raise LearningError(f"targets hold {other!r}\nGive whole numbers from 0 to {classes - 1}.")
    if len(np.unique(y)) < 2:
        raise LearningError(f"all targets are {y[0]}\nGive entries of two classes at the least.")
    return z.astype(float), y.astype(int)
