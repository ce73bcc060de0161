"""The objective of learning: losses that rank batches as the metric does, with a gradient for every entry.

Source: Huang et al., Relational surrogate loss learning, ICLR 2022; Petersen et al., differentiable sorting
networks, ICLR 2022, for the soft ranks.
"""

from __future__ import annotations

import numpy as np
import torch
from diffsort import DiffSortNet
from scipy.stats import rankdata, spearmanr
from torch import Tensor

from metricloss.learn.batches import Array


class SoftSpearman(torch.nn.Module):  # type: ignore[misc]  # PyTorch's types are not read
    """Spearman's correlation of as many numbers as a power of two with given ranks, differentiable."""

    def __init__(self, points: int) -> None:
        super().__init__()
        # The interpolation stands here because its default has changed between versions of diffsort.
        self.sort = DiffSortNet("bitonic", points, steepness=5, interpolation_type="logistic_phi")
        self.places = torch.arange(float(points))

    def forward(self, numbers: Tensor, ranks: Tensor) -> Tensor:
        """The correlation of the soft ranks of numbers with ranks."""
        _, (is_at,) = self.sort(_standard(numbers)[None])
        return (_standard(is_at @ self.places) * _standard(ranks)).mean()


def _standard(x: Tensor) -> Tensor:
    return (x - x.mean()) / (x.std(correction=0) + 1e-10)


def ranks_of(values: Array) -> Tensor:
    """The ranks of a metric's values, equal ones sharing theirs."""
    return torch.from_numpy(rankdata(values)).float()


def spearman(losses: Array, values: Array) -> float:
    """Spearman's correlation of the negated losses with the metric's values; 0 where either is constant.

    >>> spearman(np.array([0.3, 0.2, 0.1]), np.array([0.5, 0.6, 0.9]))
    1.0
    """
    if np.ptp(losses) == 0 or np.ptp(values) == 0:
        return 0.0
    return float(spearmanr(-losses, values).statistic)


def unevenness(losses: Tensor, scores: Tensor) -> Tensor:
    """How unevenly the gradient by the scores is spread over the entries: 0 where all get as much, below 1.

    It is the mean of (c·|gradient| - 1)² at the best c: ranks do not feel the scale of a loss.
    """
    (by_scores,) = torch.autograd.grad(losses.sum(), scores, create_graph=True)
    squares = by_scores**2 if scores.ndim == 2 else (by_scores**2).sum(-1)
    sizes = (squares + 1e-20).sqrt()
    return 1 - sizes.mean() ** 2 / (squares + 1e-20).mean()
