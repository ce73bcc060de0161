"""A learned loss of whole batches: a network over soft counts at several thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from metricloss.errors import OptionError
from metricloss.network import LARGEST, Network
from metricloss.saving import save


@dataclass(frozen=True)
class Surrogate:
    """A loss learned for a metric: a network over what the metric sees of a batch of binary scores.

    With a_k = σ(slope·(z - t_k)) for logits z and thresholds t_1 < … < t_K, the network is given the 2K + 1
    numbers Σ w·y·a_k/P for each k, then Σ w·(1 - y)·a_k/N for each k, then P/(P + N), where P = Σ w·y and
    N = Σ w·(1 - y); a quotient whose denominator is zero is 0.

    name: of the metric. thresholds: logits, rising. slope: how sharp a_k is. network: over the 2K + 1 numbers.
    spearman: the rank correlation of the negated loss with the metric on held-out batches; baselines: those of
    losses that are not learned, on the same batches.

    Errors: OptionError where the network does not take 2K + 1 numbers, the thresholds do not rise, the slope is
    not above 0, or a number is not finite.

    >>> youden = Network(((((-1.0,), (1.0,), (0.0,)), (1.0,)),))
    >>> Surrogate("youden", (0.0,), 4.0, youden, 1.0)
    Surrogate(name='youden', thresholds=(0.0,), slope=4.0, spearman=1.0, baselines=())
    """

    name: str
    thresholds: tuple[float, ...]
    slope: float
    network: Network = field(repr=False)
    spearman: float
    baselines: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        if not all(abs(number) <= LARGEST for number in (*self.thresholds, self.slope)):
            raise OptionError(f"thresholds {self.thresholds} and slope {self.slope} are to be finite numbers")
        if not rise(self.thresholds):
            raise OptionError(
                f"thresholds={self.thresholds} do not rise\nGive logits, each larger than the last."
            )
        if self.slope <= 0:
            raise OptionError(f"slope={self.slope}: give a number above 0.")
        features = 2 * len(self.thresholds) + 1
        if self.network.inputs != features:
            raise OptionError(
                f"the network takes {self.network.inputs} numbers, and of {len(self.thresholds)} thresholds "
                f"there are {features} features"
            )

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write it as JSON, for `learn.load`; OutputExistsError where a file stands already, unless `force`."""
        return save("surrogate", vars(self) | {"network": self.network.layers}, path, force=force)


def rise(thresholds: Sequence[float]) -> bool:
    """Whether there are thresholds, each larger than the last.

    >>> rise([0.0, 1.0]), rise([1.0, 1.0]), rise([])
    (True, False, False)
    """
    return bool(thresholds) and list(thresholds) == sorted(set(thresholds))
