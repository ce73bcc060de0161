"""A random batch for a check, and its loss as it was written, evaluated by SymPy entry by entry."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sympy import Float

from metricloss.recipe import Recipe
from metricloss.relaxation import p
from metricloss.symbols import COUNTS
from metricloss.task import Task

#: How many scores a batch has, and of how many classes, or entries, each sample has some.
SCORES, WIDTH = 64, 4


@dataclass(frozen=True)
class Batch:
    """Scores with labels 0/1 and a weight for each sample, as lists of numbers.

    width: how many scores a sample has. are_indices: labels are given as class indices.

    >>> from metricloss import Metric, Soft
    >>> len(Batch.drawn(Recipe(Metric("TP/P"), Soft()), seed=0).labels)
    64
    """

    width: int
    are_indices: bool
    scores: list[float]
    labels: list[int]
    weights: list[float]

    @classmethod
    def drawn(cls, recipe: Recipe, seed: int) -> Batch:
        """Random scores about a threshold, most of them close to it: a steep relaxation moves only there.

        Three decisions of four are right: where they tell nothing about the labels, many metrics vanish, and
        relative errors with them mean little.
        """
        draw = random.Random(seed)
        width = 1 if recipe.task.average == "binary" else len(recipe.task.class_weight) or WIDTH
        middle = 0.0 if recipe.is_multiclass else recipe.relaxation.on_scores().threshold
        offsets = [draw.gauss() * 10 ** draw.uniform(-2, 0.5) for _ in range(SCORES // width * width)]
        labels: list[int] = []
        for row in rows(offsets, width):
            if recipe.is_multiclass:
                best = row.index(max(row)) if draw.random() < 0.75 else draw.randrange(width)
                labels += [int(k == best) for k in range(width)]
            else:
                labels += [int((offset > 0) == (draw.random() < 0.75)) for offset in row]
        logits = [middle + offset for offset in offsets]
        scores = logits if recipe.from_logits else list(probabilities(recipe, logits, width))
        weights = [draw.uniform(0.5, 2) for _ in range(SCORES // width)]
        return cls(width, recipe.is_multiclass, scores, labels, weights)

    def moved(self, index: int, by: float) -> list[float]:
        """The scores with one of them moved."""
        return [*self.scores[:index], self.scores[index] + by, *self.scores[index + 1 :]]

    def arguments(self, scores: list[float]) -> tuple[list[Any], list[Any], list[float]]:
        """Scores, labels and weights as a loss takes them."""
        if self.width == 1:
            return scores, self.labels, self.weights
        labels = rows(self.labels, self.width)
        return (
            rows(scores, self.width),
            [row.index(1) for row in labels] if self.are_indices else labels,
            self.weights,
        )


def rows(entries: Sequence[Any], width: int) -> list[Any]:
    """The entries by sample.

    >>> rows([1, 2, 3, 4], 2)
    [[1, 2], [3, 4]]
    """
    return [list(entries[start : start + width]) for start in range(0, len(entries), width)]


def flat(nested: Any) -> list[float]:
    """The numbers of nested lists, in order.

    >>> flat([[1, 2], [3, 4]])
    [1, 2, 3, 4]
    """
    return [number for part in nested for number in flat(part)] if isinstance(nested, list) else [nested]


def probabilities(recipe: Recipe, logits: Sequence[float], width: int) -> Iterator[float]:
    """The softmax of every sample's logits, or the sigmoid of each.

    >>> from metricloss import Metric, Soft
    >>> list(probabilities(Recipe(Metric("TP/P"), Soft()), [0.0], 1))
    [0.5]
    """
    for row in rows(logits, width):
        powers = [math.exp(logit) for logit in row]
        yield from (power / (sum(powers) if recipe.is_multiclass else 1 + power) for power in powers)


def formula(recipe: Recipe, batch: Batch) -> float:
    """The loss as it was written, of a vector its sum; NaN where SymPy finds none.

    Decisions, counts, metric and mean are taken from their definitions, without slopes or plan.

    >>> from metricloss import Metric, Soft
    >>> batch = Batch(1, False, [0.25, 0.75], [0, 1], [1, 1])
    >>> formula(Recipe(Metric("TP/P"), Soft(), from_logits=False), batch)
    0.25
    """
    task = recipe.task
    known = batch.scores
    if recipe.relaxation.variable == p and recipe.from_logits:
        known = list(probabilities(recipe, batch.scores, batch.width))
    matrices: dict[tuple[int, int], list[Any]] = defaultdict(lambda: [Float(0)] * len(COUNTS))
    for index, (value, label) in enumerate(zip(known, batch.labels, strict=True)):
        sample, place = divmod(index, batch.width)
        matrix = matrices[sample if task.is_by_sample else 0, place if task.is_by_class else 0]
        decision = recipe.relaxation.expression.subs(recipe.relaxation.variable, value).evalf()
        weight = batch.weights[sample]
        matrix[0 if label else 1] += weight * decision
        matrix[2 if label else 3] += weight * (1 - decision)
    losses = {key: _loss(recipe, matrix) for key, matrix in matrices.items()}
    positives = {key: float(matrix[0] + matrix[2]) for key, matrix in matrices.items()}
    return _averaged(recipe, losses, positives, batch.weights)


def _loss(recipe: Recipe, matrix: Sequence[Any]) -> float:
    metric = recipe.metric
    # All at once: one after the other, TP/(TP + FN) would be 1 at FN = 0 before TP is known to be 0, too.
    value = metric.loss_of(metric.expression).xreplace(dict(zip(COUNTS, matrix, strict=True))).evalf()
    return float(value) if value.is_real and value.is_finite else math.nan


def _averaged(
    recipe: Recipe,
    losses: dict[tuple[int, int], float],
    positives: dict[tuple[int, int], float],
    of_samples: Sequence[float],
) -> float:
    """The mean over the classes of every sample, and then over the samples, or the sum of a vector."""
    kept = {key: loss for key, loss in losses.items() if positives[key] > 0 or not recipe.metric.skips}
    if not recipe.task.has_mean:
        return sum(kept.values())
    total = numerator = 0.0
    for sample in sorted({sample for sample, _ in kept}):
        keys = [key for key in kept if key[0] == sample]
        weights = [_importance(recipe.task, key[1], positives[key]) for key in keys]
        if sum(weights) == 0 and not recipe.task.class_weight:  # no positives anywhere
            weights = [1.0] * len(keys)
        if sum(weights) == 0:  # of what there is, nothing counts
            continue
        products = [weight * kept[key] for weight, key in zip(weights, keys, strict=True)]
        numerator += of_samples[sample] * sum(products) / sum(weights)
        total += of_samples[sample]
    return numerator / total if total else 0.0


def _importance(task: Task, place: int, positives: float) -> float:
    if task.class_weight:
        return task.class_weight[place]
    return positives if str(task.average).endswith("weighted") else 1.0
