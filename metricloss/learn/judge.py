"""The metric that is learned: its hard values on batches, and the algebra of its soft ones."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from sympy import Expr

from metricloss.backend import get_backend
from metricloss.compiler import source_of
from metricloss.errors import LearningError, OptionError
from metricloss.expression import identifier
from metricloss.learn.batches import Array, Batches
from metricloss.loss import load
from metricloss.metric import Metric
from metricloss.recipe import recipe_of

#: A number of the scores and the targets of a batch.
Scorer: TypeAlias = Callable[[Any, Any], float]


@dataclass(frozen=True)
class Judge:
    """name: of the metric. values: of batches, more being better. objective: the loss over four counts, which
    are tensors. is_pooled: of exclusive classes the counts are added up, instead of averaging the losses.
    """

    name: str
    values: Callable[[Batches], Array]
    objective: Callable[..., Any]
    is_pooled: bool


def judge_of(
    metric: Metric | Expr | str | Scorer, direction: str | None = None, is_binary: bool = True
) -> Judge:
    """What judges batches by a metric, or by a callable of scores and targets.

    Nothing being known of a callable, its loss is the mean of 1 - h of the true class's probability: of binary
    scores that is the accuracy's, of exclusive classes that of the pooled recall.

    Errors: those of Metric; OptionError for a direction of a Metric, which has its own.
    """
    if isinstance(metric, Metric | Expr | str):
        return _of_metric(metric, direction)
    if not callable(metric):
        raise TypeError(f"a metric is a Metric, an expression, text or a callable, not {type(metric).__name__}")
    if direction not in (None, "maximize", "minimize"):
        raise OptionError(f"direction={direction!r}: say 'maximize' (more is better) or 'minimize'.")
    sign = -1 if direction == "minimize" else 1
    name = identifier(getattr(metric, "__name__", type(metric).__name__))

    def values(batches: Batches) -> Array:
        pairs = zip(batches.scores, batches.labels, strict=True)
        return np.array([sign * _number(metric, name, scores, labels) for scores, labels in pairs])

    algebra = _loss_over_counts(Metric("accuracy" if is_binary else "recall"))
    return Judge(name, values, algebra.objective, is_pooled=True)


def _of_metric(metric: Metric | Expr | str, direction: str | None) -> Judge:
    if isinstance(metric, Metric) and direction not in (None, metric.direction):
        raise OptionError(f"direction={direction!r}: {metric!r} has a direction of its own\nLeave it out.")
    ours = metric if isinstance(metric, Metric) else Metric(metric, direction=direction)
    module = _loss_over_counts(ours)

    def values(batches: Batches) -> Array:
        import torch

        counts = (torch.from_numpy(cell) for cell in hard_counts(batches))
        found = np.asarray(module.metric(*counts))
        return ours.sign * (found if found.ndim == 1 else found.mean(-1))

    return Judge(ours.name, values, module.objective, is_pooled=False)


def _loss_over_counts(metric: Metric) -> Any:
    """The module of the metric's loss for PyTorch, of which the functions over counts are used."""
    return load(source_of(recipe_of(metric), get_backend("torch"))).module


def hard_counts(batches: Batches) -> tuple[Array, Array, Array, Array]:
    """TP, FP, FN, TN of each batch; of each class too where there are several.

    >>> batches = Batches(np.array([[3.0, 1, -2, -1]]), np.array([[1, 0, 1, 0]]))
    >>> [cell.tolist() for cell in hard_counts(batches)]
    [[1.0], [1.0], [1.0], [1.0]]
    """
    scores, labels = batches.scores, batches.labels
    if scores.ndim == 2:
        on, yes = labels == 1, scores > 0
    else:
        classes = np.arange(scores.shape[-1])
        on, yes = labels[..., None] == classes, scores.argmax(-1)[..., None] == classes
    cells = (on & yes, ~on & yes, on & ~yes, ~on & ~yes)
    tp, fp, fn, tn = (cell.sum(1).astype(float) for cell in cells)
    return tp, fp, fn, tn


def check_varied(judge: Judge, batches: Batches) -> None:
    """Raise LearningError where a metric is the same for batches of every kind."""
    values = judge.values(batches)
    if np.ptp(values) <= 1e-12 * np.abs(values).max():
        raise LearningError(
            f"{judge.name} is {values[0]:g} on {len(values)} batches of every kind: nothing can be learned "
            "from a constant."
        )


def _number(function: Scorer, name: str, scores: Array, labels: Array) -> float:
    """What a callable gives for a batch, found to be a finite number."""
    where = f"of {len(labels)} entries, scores {scores.shape} and targets {labels.shape}"
    try:
        given = function(scores.copy(), labels.copy())
    except Exception as error:  # whatever a stranger's function may raise
        raise LearningError(
            f"{name}(scores, targets) raised {type(error).__name__}: {error}\non a batch {where}. A formula of "
            "four counts is given as Metric(formula)."
        ) from error
    try:
        value = float(given)
    except (TypeError, ValueError, OverflowError):
        raise LearningError(
            f"{name}(scores, targets) gave {str(given)[:80]!r} on a batch {where}\nIt must give one number."
        ) from None
    if not math.isfinite(value):
        raise LearningError(f"{name}(scores, targets) gave {value} on a batch {where}\nGive it a value there.")
    return value
