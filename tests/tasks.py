"""The losses of tasks and averages from their definitions, in torch's float64, which differentiates them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

import metricloss as ml


@dataclass(frozen=True)
class Case:
    """A task with its options, for a metric as a formula of four counts."""

    task: str
    average: str | None
    zero_division: float | str = 0
    class_weight: tuple[float, ...] = ()
    from_logits: bool = True
    options: dict[str, Any] = field(default_factory=dict, hash=False)

    def compiled(self, metric: str, backend: str, relaxation: Any = "Soft()") -> ml.Loss:
        return ml.compile(
            ml.Metric(metric, zero_division=self.zero_division),
            backend,
            relaxation=relaxation,
            from_logits=self.from_logits,
            task=self.task,
            average=self.average,
            class_weight=self.class_weight,
            **self.options,
        )


def one_hot(indices: np.ndarray, classes: int, axis: int = -1) -> np.ndarray:
    """Class indices as 0/1 labels, with the classes along an axis."""
    labels = (indices[..., None] == np.arange(classes)).astype(float)
    return np.moveaxis(labels, -1, axis)


def matrices(case: Case, decided: Any, y: Any, w: Any) -> list[Any]:
    """TP, FP, FN, TN of arrays (samples, classes, positions): for each sample or class, both, or all."""
    axes = {
        "binary": (0, 1, 2), "micro": (0, 1, 2), "macro": (0, 2), "weighted": (0, 2), None: (0, 2),
        "samples": (1, 2), "samples-macro": (2,), "samples-weighted": (2,),
    }[case.average]  # fmt: skip
    cells = w * y * decided, w * (1 - y) * decided, w * y * (1 - decided), w * (1 - y) * (1 - decided)
    return [cell.sum(axes) for cell in cells]


def averaged(case: Case, values: Any, positives: np.ndarray, weights: np.ndarray, nothing: float) -> Any:
    """The mean of values over their matrices, one by one as a reader of the definition would take it.

    positives: of each matrix. weights: of all entries, samples first.
    """
    skips = case.zero_division == "skip"
    if case.average in ("binary", "micro", None):
        pairs = zip(values.reshape(-1), positives.reshape(-1), strict=True)
        kept = [value if support > 0 or not skips else value * 0 + nothing for value, support in pairs]
        return kept[0] if case.average else kept
    by_class = case.average != "samples"
    by_sample = str(case.average).startswith("samples")
    # As rows of classes, one row for each sample or for all.
    shape = (len(values) if by_sample else 1, -1)
    values, positives = values.reshape(shape), positives.reshape(shape)
    weights = [row[row > 0].mean() if row.any() else 0.0 for row in weights.reshape(len(weights), -1)]
    total, parts = 0.0, 0.0 * values.sum()
    for value, support, weight in zip(values, positives, weights, strict=by_sample):
        importance = np.ones(len(support))
        if case.class_weight:
            importance = np.array(case.class_weight)
        elif by_class and str(case.average).endswith("weighted") and support.sum() > 0:
            importance = support
        if skips:
            importance = importance * (support > 0)
        row_weight = weight if by_sample else 1.0
        if importance.sum() > 0 and row_weight > 0:
            mean = sum(i * v for i, v in zip(importance, value, strict=True)) / importance.sum()
            parts, total = parts + row_weight * mean, total + row_weight
    return parts / total if total else parts + nothing


@dataclass
class Arrays:
    """Scores (samples, positions, classes), labels, weights and mask as users give them, or for all scores."""

    WEIGHTS = (None, "sample", "entry", "class", "all")

    scores: np.ndarray
    labels: np.ndarray
    weights: np.ndarray | None
    mask: np.ndarray | None
    dense: np.ndarray
    every_weight: np.ndarray

    @classmethod
    def drawn(
        cls,
        rng: np.random.Generator,
        case: Case,
        shape: tuple[int, int, int],
        labels: str = "index",
        weights: str | None = None,
        masked: bool = False,
        dtype: str = "float64",
    ) -> Arrays:
        """Random arrays for a case; of a mask, what it hides is poisoned."""
        n, s, k = shape
        scores = 2 * rng.normal(size=shape)
        if not case.from_logits:
            scores = softmax(scores) if case.task == "multiclass" else 1 / (1 + np.exp(-scores))
        indices = rng.integers(0, k - 1, (n, s))  # the last class is absent
        dense = one_hot(indices, k) if case.task == "multiclass" else rng.integers(0, 2, shape).astype(float)
        dense[..., k - 1] = 0
        if labels == "dense":
            dense = 0.8 * dense + 0.1 * rng.random(shape) * (dense.sum(axis=(0, 1)) > 0)
        given = indices if labels == "index" and case.task == "multiclass" else dense
        shapes = {None: (), "sample": (n, 1, 1), "entry": (n, s, 1), "class": (1, 1, k), "all": (n, s, k)}
        every = rng.uniform(0.5, 2, shapes[weights]) if weights else np.ones(())
        squeezed = {None: None, "sample": every.ravel(), "entry": every[..., 0] if weights else None}
        as_given = squeezed.get(weights, every)
        every = every * np.ones(shape)
        mask = None
        scores = scores.astype(dtype)
        if masked:
            mask = rng.random((n, s)) < 0.7
            every = every * mask[..., None]
            scores[~mask] = np.resize([np.nan, np.inf, -np.inf, 0], k)
        return cls(scores, given, as_given, mask, dense, every)

    def taken(self, samples: Any) -> Arrays:
        """The arrays of some samples, in some order."""
        parts = self.scores, self.labels, self.weights, self.mask, self.dense, self.every_weight
        is_by_class = self.weights is not None and self.weights.shape[0] == 1 and self.weights.ndim == 3
        kept = [
            x if x is None or (x is self.weights and is_by_class and len(self.scores) != 1) else x[samples]
            for x in parts
        ]
        return Arrays(*kept)

    def with_classes(self, order: Any) -> Arrays:
        """The arrays with their classes in another order."""
        indices = self.labels.ndim == 2
        labels = np.argsort(order)[self.labels] if indices else self.labels[..., order]
        weights = self.weights
        if weights is not None and weights.ndim == 3 and weights.shape[-1] > 1:
            weights = weights[..., order]
        scores, dense, every = (x[..., order] for x in (self.scores, self.dense, self.every_weight))
        return Arrays(scores, labels, weights, self.mask, dense, every)

    def along(self, axis: int) -> tuple[np.ndarray | None, ...]:
        """Scores, labels, weights and mask with the classes along an axis."""
        full = [
            x if x is None or x.ndim < 3 else np.moveaxis(x, -1, axis)
            for x in (self.scores, self.labels, self.weights)
        ]
        return *full, self.mask


def softmax(z: np.ndarray) -> np.ndarray:
    powers = np.exp(z - z.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def f1(tp: Any, fp: Any, fn: Any, tn: Any, zero_division: float) -> Any:
    import torch

    d = 2 * tp + fp + fn
    return torch.where(d > 0, 2 * tp / torch.where(d > 0, d, 1), zero_division)


def reference(
    case: Case, arrays: Arrays, formula: Any = f1, h: Any = lambda p: p
) -> tuple[np.ndarray, np.ndarray]:
    """The loss 1 - metric from its definition, and its gradient by torch's autodiff of that, in float64."""
    import torch

    masked = (arrays.every_weight == 0).all(-1, keepdims=True)
    z = torch.tensor(np.where(masked, 0, arrays.scores).astype("float64"), requires_grad=True)
    p = z
    if case.from_logits:
        p = torch.softmax(z, -1) if case.task == "multiclass" else torch.sigmoid(z)
    # Classes second, as `matrices` has them.
    y, w = (torch.tensor(np.moveaxis(x, -1, 1)) for x in (arrays.dense, arrays.every_weight))
    counts = matrices(case, h(p).movedim(-1, 1), y, w)
    otherwise = 0.0 if case.zero_division == "skip" else float(case.zero_division)
    values = 1 - formula(*counts, otherwise)
    loss = averaged(case, values, (counts[0] + counts[2]).detach().numpy(), arrays.every_weight, 0.0)
    loss = torch.stack(loss) if isinstance(loss, list) else loss
    return loss.detach().numpy(), torch.autograd.grad(loss.sum(), z)[0].numpy()
