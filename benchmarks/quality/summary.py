"""Raw results as arrays over the sets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from benchmarks.quality.cases import Case
from benchmarks.quality.records import Records


@dataclass(frozen=True)
class Summary:
    """What was found of some cases, on the sets that have all: by label, metric and net, (sets, rates)."""

    sets: tuple[str, ...]
    values: Mapping[tuple[str, str, str], np.ndarray]
    collapsed: Mapping[tuple[str, str, str], np.ndarray]

    @classmethod
    def of(cls, records: Records, cases: Iterable[Case]) -> Summary:
        cases = list(cases)
        names = dict.fromkeys(name for _, name in records.found)
        sets = tuple(name for name in names if all((str(case), name) in records.found for case in cases))
        found: dict[tuple[str, str, str], list[list[list[float]]]] = {}
        for name in sets:
            for case in cases:
                for loss, metrics in records.found[str(case), name].items():
                    for metric, nets in metrics.items():
                        if metric in case.metrics:
                            for net, of_rates in nets.items():
                                found.setdefault((label(loss, case), metric, net), []).append(of_rates)
        arrays = {key: np.array(of_sets) for key, of_sets in found.items()}
        return cls(sets, {k: v[..., 0] for k, v in arrays.items()}, {k: v[..., 1] for k, v in arrays.items()})

    def on(self, sets: tuple[str, ...]) -> Summary:
        """The same on fewer sets, in their order; those that are not here are left out."""
        kept = [self.sets.index(name) for name in sets if name in self.sets]
        parts = ({key: found[kept] for key, found in of.items()} for of in (self.values, self.collapsed))
        return Summary(tuple(self.sets[i] for i in kept), *parts)

    def best_rate(self, *key: str) -> int:
        """Which rate has the largest mean over all sets."""
        return int(np.argmax(self.values[key].mean(0)))

    def at_best(self, *key: str) -> np.ndarray:
        """By set, the metric at that rate."""
        return self.values[key][:, self.best_rate(*key)]

    def collapse(self, *key: str) -> float:
        """The share of nets at that rate that give all rows of a test fold one label."""
        return float(self.collapsed[key][:, self.best_rate(*key)].mean())


def label(loss: str, case: Case) -> str:
    """How a row is called."""
    return f"{loss}, {case.variant}" if case.variant else loss
