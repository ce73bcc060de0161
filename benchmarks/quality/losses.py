"""The losses as functions of columns of scores and labels: each the sum over columns."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

import metricloss as ml
from benchmarks.quality.cases import BCE, FOCAL, WEIGHTED, Case

#: Of focal loss.
GAMMA = 2
ColumnLoss = Callable[[Tensor, Tensor], Tensor]


@cache
def compiled(metric: str, relaxation: str, zero_division: int = 0) -> ml.Loss:
    """Compiled once a process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ml.MetricLossWarning)  # on saturation, which is what is studied
        chosen = ml.Metric(metric, zero_division=zero_division)
        return ml.compile(chosen, "torch", relaxation=relaxation, task="multilabel", average="macro")


def phases(case: Case, prevalence: Tensor) -> tuple[ColumnLoss, ColumnLoss]:
    """The losses of the first half of the steps and of the second; prevalence: of each column's fold."""

    def entropy(z: Tensor, y: Tensor) -> Tensor:
        return binary_cross_entropy_with_logits(z, y, reduction="none").mean(0).sum()

    def weighted(z: Tensor, y: Tensor) -> Tensor:
        weight = torch.where(y > 0, 0.5 / prevalence, 0.5 / (1 - prevalence))
        return binary_cross_entropy_with_logits(z, y, weight, reduction="none").mean(0).sum()

    def focal(z: Tensor, y: Tensor) -> Tensor:
        each = binary_cross_entropy_with_logits(z, y, reduction="none")
        return ((1 - torch.exp(-each)) ** GAMMA * each).mean(0).sum()

    def ours(z: Tensor, y: Tensor) -> Tensor:
        seen = z.to(getattr(torch, case.scores))
        return compiled(case.metrics[0], case.loss, case.zero_division)(seen, y).to(z.dtype) * z.shape[1]

    def anchored(z: Tensor, y: Tensor) -> Tensor:
        return (ours(z, y) + weighted(z, y)) / 2

    later = {BCE: entropy, WEIGHTED: weighted, FOCAL: focal}.get(case.loss, anchored if case.anchor else ours)
    return entropy if case.warm else later, later
