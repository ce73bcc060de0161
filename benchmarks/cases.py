"""What is measured: problems, losses and relaxations; and arrays for them, the same in every framework."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

PREVALENCE = 0.2
FP_WEIGHT, FN_WEIGHT = 0.3, 0.7

#: The metrics as text for the compiler; the loss is 1 - metric of each.
METRICS = {
    "F1": "2*TP/(2*TP + FP + FN)",
    "Tversky": f"TP/(TP + {FP_WEIGHT}*FP + {FN_WEIGHT}*FN)",
    "MCC": "(TP*TN - FP*FN)/sqrt(PP*P*N*PN)",
    "G-mean": "sqrt(TP/P*(TN/N))",
}
SLOPE = 30
RELAXATIONS = ("Soft", f"AnyLoss({SLOPE})")
EVERY_LOSS = tuple((metric, relaxation) for metric in METRICS for relaxation in RELAXATIONS)

OURS, PLAIN, ENTROPY, COPY = "metricloss", "plain formula", "cross-entropy", "copy"


@dataclass(frozen=True)
class Case:
    """Arrays to be measured. shape: of the scores with classes in axis 1, or of binary scores (n,).

    labels: float32 or int64. average: what one matrix is made of, for several classes.
    """

    shape: tuple[int, ...]
    labels: str = "float32"
    average: str = "binary"

    @property
    def is_binary(self) -> bool:
        return self.average == "binary"

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))

    @property
    def losses(self) -> list[tuple[str, str]]:
        """Of several classes, the losses that segmentation is trained with; by sample that of kornia alone."""
        if self.is_binary:
            return [*EVERY_LOSS]
        metrics = ("F1", "Tversky", "MCC") if self.average == "macro" else ("F1", "Tversky")
        return [(metric, "Soft") for metric in metrics]

    def arrays(self, *, classes_last: bool) -> tuple[np.ndarray, np.ndarray]:
        """Scores and labels, of some skill; labels of several classes are indices."""
        rng = np.random.default_rng(0)
        if self.is_binary:
            labels = rng.random(self.shape, np.float32) < PREVALENCE
            scores = 2 * rng.standard_normal(self.shape, np.float32) + 2 * labels - 1
            return scores.astype(np.float32), labels.astype(self.labels)
        samples, classes, *positions = self.shape
        rates = 0.7 ** np.arange(classes)
        labels = rng.choice(classes, (samples, *positions), p=rates / rates.sum())
        scores = rng.standard_normal((samples, *positions, classes), np.float32)
        scores += 2 * (labels[..., None] == np.arange(classes))
        if not classes_last:
            scores = np.ascontiguousarray(np.moveaxis(scores, -1, 1))
        return scores.astype(np.float32), labels


def binary(exponent: int, labels: str = "float32") -> Case:
    return Case((2**exponent,), labels)


SEGMENTATION = ((8, 4, 256, 256), (2, 19, 256, 512))


@dataclass(frozen=True)
class Program:
    """What a run measures, and for how long.

    losses: in full, or those that differ most. slow: modes that compile for seconds, and who takes part there,
    with few losses; slow_labels: with which labels. rounds: of a group at least and at most, within these as
    many as there are seconds for. turn: seconds for which a fast step is repeated.
    """

    cases: tuple[Case, ...]
    losses: tuple[tuple[str, str], ...]
    slow: Mapping[str, tuple[str, ...]]
    slow_labels: tuple[str, ...]
    rounds: tuple[int, int]
    seconds: float
    turn: float

    def has(self, case: Case, mode: str, who: str, loss: tuple[str, str] | None) -> bool:
        if loss and loss not in self.losses:
            return False
        if mode not in self.slow:
            return True
        is_one_of_few = loss is None or loss in FEW_LOSSES
        return who in self.slow[mode] and is_one_of_few and case.labels in self.slow_labels


FEW = dict.fromkeys(("torch.compile", "tf.function", "XLA"), (OURS, ENTROPY))
FEW_LOSSES = (("F1", "Soft"), ("Tversky", "Soft"), ("MCC", "Soft"), ("MCC", RELAXATIONS[1]))
FULL = Program(
    cases=(
        *(binary(exponent) for exponent in (8, 12, 16, 20, 24)),
        binary(20, "int64"),
        *(Case(shape, "int64", "macro") for shape in SEGMENTATION),
        Case(SEGMENTATION[0], "int64", "samples-macro"),
    ),
    losses=EVERY_LOSS,
    slow={"torch.compile": (OURS, PLAIN, ENTROPY)}, slow_labels=("float32", "int64"),
    rounds=(5, 40), seconds=2.0, turn=1e-3,
)  # fmt: skip
QUICK = Program(
    cases=(binary(8), binary(16), Case((2, 4, 32, 32), "int64", "macro")),
    losses=FEW_LOSSES, slow=FEW, slow_labels=("float32",), rounds=(3, 5), seconds=0.5, turn=3e-4,
)  # fmt: skip
#: For the tests: every kind of case, none of which takes time.
TINY = Program(
    cases=(binary(8), binary(7, "int64"), Case((2, 3, 8, 8), "int64", "samples-macro")),
    losses=FEW_LOSSES[::3], slow=FEW, slow_labels=("float32",), rounds=(2, 2), seconds=0.0, turn=0.0,
)  # fmt: skip
PROGRAMS = {"full": FULL, "quick": QUICK, "tiny": TINY}
