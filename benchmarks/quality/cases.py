"""What is trained: the losses, and the studies that vary something beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

METRICS = {"f1": "F1", "f2": "F2", "g_mean": "G-mean", "balanced_accuracy": "balanced accuracy", "mcc": "MCC"}
RATES = (0.001, 0.003, 0.01, 0.03)
NETS = ("single layer", "MLP")
STEEPNESS = (5, 10, 30, 73)

#: Losses that know no metric: one training serves all of them.
BCE, WEIGHTED, FOCAL = "BCE", "weighted BCE", "focal"
#: BCE again, each metric with its own threshold.
TUNED = "BCE, tuned threshold"
SOFT, SCORE_ORIENTED, SIGMOID_F1 = "Soft()", "ScoreOriented(0.5, 0.1)", "SigmoidF1(10, 0)"
ANY_LOSS = tuple(f"AnyLoss({steepness})" for steepness in STEEPNESS)
RELAXATIONS = (SOFT, *ANY_LOSS, SCORE_ORIENTED, SIGMOID_F1)
LOSSES = (BCE, WEIGHTED, TUNED, FOCAL, *RELAXATIONS)


@dataclass(frozen=True)
class Case:
    """One thing to train: a loss, what is measured of it, and what differs from the main study.

    metrics: the one it is compiled from, or several for a loss that knows none. batch: this share of the
    training fold. least: of a batch. warm: BCE for the first half of the steps. anchor: the mean with weighted
    BCE. dtype: of everything; scores: of the scores that the loss sees.
    """

    loss: str
    metrics: tuple[str, ...]
    batch: float = 0.05
    least: int = 32
    warm: bool = False
    anchor: bool = False
    zero_division: int = 0
    dtype: str = "float32"
    scores: str = "float32"

    @property
    def variant(self) -> str:
        """What differs, in words."""
        words = {
            f"batches of {100 * self.batch:g} %, {self.least} or more": (self.batch, self.least) != (0.05, 32),
            "BCE first": self.warm,
            "anchored": self.anchor,
            f"zero_division={self.zero_division}": self.zero_division != 0,
            self.dtype: self.dtype != "float32",
            f"scores in {self.scores}": self.scores != self.dtype,
        }
        return ", ".join(word for word, applies in words.items() if applies)

    def __str__(self) -> str:
        metric = self.metrics[0] if self.loss in RELAXATIONS else "any metric"
        return " | ".join(filter(None, [self.loss, metric, self.variant]))


def plain(metrics: tuple[str, ...] = tuple(METRICS), **differs: Any) -> list[Case]:
    """The losses that know no metric."""
    return [Case(loss, metrics, **differs) for loss in (BCE, WEIGHTED, FOCAL)]


def compiled(losses: tuple[str, ...], metrics: tuple[str, ...] = tuple(METRICS), **differs: Any) -> list[Case]:
    """Losses of each metric."""
    return [Case(loss, (metric,), **differs) for metric in metrics for loss in losses]


MAIN = [*plain(), *compiled(RELAXATIONS)]

#: What the smaller studies vary.
SMOOTH = (SOFT, ANY_LOSS[1], ANY_LOSS[2])
EXTRAS = [
    *compiled(SMOOTH, warm=True),
    *compiled(SMOOTH, anchor=True),
    *compiled(SMOOTH, zero_division=1),
    *compiled(ANY_LOSS[1:], ("f1",), dtype="float64", scores="float64"),
    *compiled(ANY_LOSS[1:], ("f1",), scores="bfloat16"),
]
BATCHES = [
    case
    for share in (0.05, 0.2, 1.0)
    for case in (
        *plain(("f1", "mcc"), batch=share, least=4)[:2],
        *compiled(SMOOTH, ("f1", "mcc"), batch=share, least=4),
    )
]

#: Name: what is trained, and of which share of the sets.
STUDIES = {"main": (MAIN, 1.0), "extras": (EXTRAS, 0.25), "batches": (BATCHES, 0.25)}
