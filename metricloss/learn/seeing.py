"""A surrogate that is learned: a network of what a metric sees of a whole batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from metricloss.errors import LearningError
from metricloss.learn.batches import Draw
from metricloss.learn.judge import Judge
from metricloss.learn.relaxing import baselines
from metricloss.learn.training import Data, Learner, Options, as_network, data, layers, rank_correlation, train
from metricloss.surrogate import Surrogate

#: Thresholds at quantiles of the scores, where none are given, besides 0, at which decisions are made.
QUANTILES = 8


class Seen(Learner):
    """The loss that a network makes of soft counts at several thresholds."""

    def __init__(self, thresholds: Sequence[float], slope: float, hidden: int) -> None:
        super().__init__()
        self.thresholds, self.slope = torch.tensor(thresholds, dtype=torch.float32), slope
        self.network = layers(2 * len(thresholds) + 1, hidden)

    def forward(self, scores: Tensor, labels: Tensor) -> Tensor:
        seen: Tensor = self.network(features(scores, labels, self.thresholds, self.slope))[:, 0]
        return seen


def features(scores: Tensor, labels: Tensor, thresholds: Tensor, slope: float) -> Tensor:
    """What `Surrogate` says that its network is given, of each batch: of shape (batches, 2·thresholds + 1)."""
    y = labels.to(scores.dtype)
    a = torch.sigmoid(slope * (scores[..., None] - thresholds))
    of_class = [(label[..., None] * a).sum(1) / label.sum(1, keepdim=True).clamp(min=1) for label in (y, 1 - y)]
    return torch.cat([*of_class, y.mean(1, keepdim=True)], 1)


def learn_surrogate(
    judge: Judge,
    draws: tuple[Draw, Draw],
    thresholds: Sequence[float] | None,
    slope: float | None,
    options: Options,
) -> Surrogate:
    """Learn on batches that are drawn; the loss is 0 at its least and 1 at its most on those learned from."""
    judged = data(judge, draws, options)
    places = _spread_out(judged) if thresholds is None else thresholds
    steepness = _between(places) if slope is None else slope
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed)
        learner = Seen(places, steepness, options.hidden)
    train(learner, judged, options)
    with torch.no_grad():
        losses = torch.cat([learner(*each.tensors) for each in judged.learned]).double()
    least, most = float(losses.min()), float(losses.max())
    if least == most:
        raise LearningError(
            f"the network says {least:.3g} of every batch\nGive thresholds among the scores, or more epochs."
        )
    return Surrogate(
        name=judge.name,
        thresholds=tuple(map(float, places)),
        slope=float(steepness),
        network=as_network(learner.network, after=(1 / (most - least), -least)),
        spearman=rank_correlation(learner, judged.held_out),
        baselines=baselines(judge, judged.held_out),
    )


def _between(places: Sequence[float]) -> float:
    """A slope at which a score half-way between two thresholds is seen by both; 1 for a single one."""
    return 4 / float(np.median(np.diff(places))) if len(places) > 1 else 1.0


def _spread_out(judged: Data) -> list[float]:
    """Thresholds between which lie equally many scores, and 0."""
    scores = np.concatenate([each.batches.scores.ravel() for each in judged.learned])
    quantiles = np.quantile(scores, (np.arange(QUANTILES) + 0.5) / QUANTILES)
    return [float(threshold) for threshold in np.unique([0.0, *quantiles])]
