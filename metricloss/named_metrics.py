"""The catalogue: every metric that has a name, as a Metric."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from metricloss.entries import FAMILIES, Entry, entries, find, members, suggestion
from metricloss.metric import Metric


class Catalogue(Mapping[str, Metric]):
    """The metrics that have a name, each stored once and found by any of its names.

    The same names are expressions: ``compile("mcc", "torch")``, ``Metric("fbeta", beta=2)``. `entry` has a
    metric's record: aliases, family, direction, parameters, reference and remarks.

    Errors: KeyError, with the nearest name, for one that is not there.

    >>> catalogue["IoU"]
    Metric(TP/(FN + FP + TP), name='jaccard')
    >>> catalogue.entry("dice").reference
    'Dice 1945; van Rijsbergen 1979, ch. 7'
    >>> sorted(catalogue.family("cost"))
    ['count_difference', 'expected_cost', 'net_benefit', 'weighted_error']
    """

    def __getitem__(self, name: str) -> Metric:
        return _metric(self.entry(name).name)

    def __iter__(self) -> Iterator[str]:
        return iter(entries())

    def __len__(self) -> int:
        return len(entries())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and find(name) is not None

    def entry(self, name: str) -> Entry:
        """The record of a metric, by any of its names."""
        found = find(name)
        if found is None:
            raise KeyError(f"{name!r} is no metric of the catalogue{suggestion(name)}")
        return found

    def family(self, name: str) -> dict[str, Metric]:
        """The metrics of a family, by name; KeyError where there is none."""
        if name not in FAMILIES:
            raise KeyError(f"{name!r} is no family: there are {', '.join(FAMILIES)}")
        return {entry.name: self[entry.name] for entry in members(name)}

    def __repr__(self) -> str:
        return f"<catalogue of {len(self)} metrics in the families {', '.join(FAMILIES)}>"


@cache
def _metric(name: str) -> Metric:
    """Made once, so that its slopes and analysis are."""
    return Metric(name)


catalogue = Catalogue()
