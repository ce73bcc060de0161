"""What was learned, as values that can be saved: no framework is needed to use it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from metricloss.network import Network
from metricloss.network_relaxation import NetworkRelaxation
from metricloss.relaxation import Relaxation
from metricloss.saving import save


@dataclass(frozen=True)
class LearnedRelaxation:
    """A relaxation h learned for a metric: a network, and a closed form that is close to it.

    Both compile: ``relaxation=learned.closed_form`` costs a few sigmoids, ``learned.network_form`` a network.

    h(p) is 1/2 + (f(p) - f(1 - p))/2 of the network f if `is_odd`, as for binary scores, else f(p); f is 0 at 0
    and 1 at 1.

    name: of the metric. closed_form: what `compile` takes. error: the largest distance of the closed form from
    h. spearman: the rank correlation of the negated loss with the metric on held-out batches, with h, and
    spearman_closed_form with the closed form; baselines: those of losses that are not learned, on the same
    batches. history: that of h on other batches, before learning and after
    each epoch.
    """

    name: str
    network: Network = field(repr=False)
    is_odd: bool
    closed_form: Relaxation
    error: float
    spearman: float
    spearman_closed_form: float
    baselines: tuple[tuple[str, float], ...] = field(repr=False)
    history: tuple[float, ...] = field(repr=False)

    def __call__(self, p: float) -> float:
        """h at a probability."""
        here = self.network([p])
        return 0.5 + (here - self.network([1 - p])) / 2 if self.is_odd else here

    @property
    def network_form(self) -> Relaxation:
        """h itself: a file that is emitted with it holds the network's numbers."""
        return NetworkRelaxation(self.network, self.is_odd)

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write it as JSON, for `learn.load`; OutputExistsError where a file stands already, unless `force`."""
        written = {"network": self.network.layers, "closed_form": str(self.closed_form.expression)}
        return save("relaxation", vars(self) | written, path, force=force)
