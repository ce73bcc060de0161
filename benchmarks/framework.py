"""What a process that measures one framework needs of it; of_torch.py and its siblings fill it in."""

from __future__ import annotations

import importlib.metadata
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np

import metricloss as ml
from benchmarks.cases import ENTROPY, METRICS, OURS, PLAIN, SLOPE, Case
from benchmarks.formulas import plain_loss
from benchmarks.measure import Step

Loss = Callable[[Any, Any], Any]
#: The losses that a library has for a case, by metric. ImportError: it is not installed.
Peer = Callable[[Case], dict[str, Loss]]


@dataclass(frozen=True)
class Contestant:
    """A loss of a framework's scores and labels. metric: what it computes, None for cross-entropy."""

    who: str
    metric: str | None
    relaxation: str | None
    loss: Loss


@dataclass(frozen=True)
class Missing:
    """A peer that cannot be imported, and why."""

    who: str
    why: str
    metric = relaxation = None


class Framework(ABC):
    """Arrays, losses, and steps in each of the framework's modes.

    packages: whose versions count. peers: by name. class_axis: where scores of several classes have these.
    """

    name: str
    packages: tuple[str, ...]
    modes: tuple[str, ...]
    peers: ClassVar[dict[str, Peer]] = {}
    class_axis = -1

    #: Whether what it frees goes back to the system, so that the process's own peak tells what a step took.
    frees = False
    #: The functions of a plain formula.
    ops: SimpleNamespace

    @abstractmethod
    def arrays(self, case: Case) -> tuple[Any, Any]:
        """Scores and labels."""

    @abstractmethod
    def cross_entropy(self, case: Case) -> Loss:
        """The framework's own."""

    @abstractmethod
    def step(self, mode: str, loss: Loss, z: Any, y: Any) -> Step:
        """Forward and backward, until the results are there: value and gradient."""

    @abstractmethod
    def copy(self, z: Any) -> Step:
        """A copy of the scores, by the framework, the same in every mode."""

    @abstractmethod
    def threads(self) -> str:
        """How many compute."""

    def allocated(self, steps: dict[int, Step]) -> dict[int, int]:
        """The most each allocated at once, in bytes, by the framework's own account, where it has one."""
        return {}

    def reset(self) -> None:  # noqa: B027  most have nothing to forget
        """Forgets what was compiled for a case."""

    def contestants(self, case: Case) -> Iterator[Contestant]:
        """Everyone but the peers."""
        yield Contestant(ENTROPY, None, None, self.cross_entropy(case))
        for metric, relaxation in case.losses:
            yield Contestant(OURS, metric, relaxation, self.ours(self.name, case, metric, relaxation))
            yield Contestant(PLAIN, metric, relaxation, self.plain(case, metric, relaxation))

    def ours(self, backend: str, case: Case, metric: str, relaxation: str) -> Loss:
        return compiled(backend, metric, relaxation, case.average, self.class_axis)

    def plain(self, case: Case, metric: str, relaxation: str) -> Loss:
        return plain_loss(self.ops, case, metric, relaxation)

    def of_peer(self, who: str, case: Case) -> Iterator[Contestant]:
        """The losses of a peer that the case has, soft ones. Raises ImportError if it is not installed."""
        metrics = {metric for metric, _ in case.losses}
        for metric, loss in self.peers[who](case).items():
            if metric in metrics:
                yield Contestant(who, metric, "Soft", loss)

    def numbers(self, result: tuple[Any, Any]) -> tuple[float, np.ndarray]:
        """Value and gradient, in NumPy, with the classes last."""
        value, gradient = (np.asarray(x) for x in result)
        return float(value), gradient

    def versions(self) -> dict[str, str]:
        found = {}
        for package in self.packages:
            try:
                found[package] = importlib.metadata.version(package)
            except importlib.metadata.PackageNotFoundError:
                found[package] = "not installed"
        return found


@cache
def compiled(backend: str, metric: str, relaxation: str, average: str, class_axis: int) -> ml.Loss:
    """Ours."""
    task = {} if average == "binary" else {"task": "multiclass", "average": average, "class_axis": class_axis}
    h = ml.Soft() if relaxation == "Soft" else ml.AnyLoss(SLOPE)
    return ml.compile(ml.Metric(METRICS[metric], name=metric), backend, relaxation=h, **task)


def labels_first(loss: Loss) -> Loss:
    """A loss of labels and scores, called with scores and labels."""
    return lambda z, y: loss(y, z)
