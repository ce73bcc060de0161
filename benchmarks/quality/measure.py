"""What trained nets are worth on the test folds: the metric, and whether they say the same of every row."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from benchmarks.imbalanced import Array, best_threshold
from benchmarks.quality.cases import BCE, NETS, RATES, SOFT, TUNED, Case
from benchmarks.quality.folds import Folds
from benchmarks.quality.losses import compiled
from benchmarks.quality.nets import Nets, repeated, scores, train

#: By loss, metric and net: of each rate the mean metric of the folds, and the share of collapsed ones.
Found = dict[str, dict[str, dict[str, list[list[float]]]]]


def measure(case: Case, sets: Sequence[str], size: int, steps: int) -> dict[str, Found]:
    """By set what training finds; BCE also with tuned thresholds."""
    folds = Folds(sets, getattr(torch, case.dtype))
    nets = train(case, folds, size, steps)
    with torch.no_grad():
        z, y, rows = scores(nets, folds.x_test), repeated(folds.y_test), repeated(folds.is_test)
        if not z.isfinite().all():
            raise FloatingPointError(f"{case} on {', '.join(sets)}: scores are not finite")
        found: dict[str, Found] = {name: {} for name in dict.fromkeys(sets)}
        for metric in case.metrics:
            put(found, case.loss, metric, folds, *judged(metric, z, y, rows))
            if case.loss == BCE:
                put(found, TUNED, metric, folds, *judged(metric, z - thresholds(metric, nets, folds), y, rows))
    return found


def judged(metric: str, z: Tensor, y: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Of each column the metric of its decisions, and whether there is only one decision."""
    counts = compiled(metric, SOFT).counts(z, y, mask=rows)
    called, all_rows = counts[0] + counts[1], rows.sum(0)
    return metric_of(metric, *counts), (called == 0) | (called == all_rows)


def metric_of(metric: str, *counts: Tensor) -> Tensor:
    """The metric of many confusion matrices, by the emitted file."""
    module = compiled(metric, SOFT).module
    return module.of_counts(module.metric, counts)[0]


def thresholds(metric: str, nets: list[Nets], folds: Folds) -> Tensor:
    """Of each column, the best on its training fold."""
    parts = (part.T.numpy() for part in (scores(nets, folds.x), repeated(folds.y), repeated(folds.is_row)))
    cuts = [best_threshold(y[rows], z[rows], on_arrays(metric)) for z, y, rows in zip(*parts, strict=True)]
    return torch.tensor(cuts, dtype=folds.x.dtype)


def on_arrays(metric: str) -> Callable[..., Array]:
    """The metric of arrays of counts."""
    return lambda *counts: metric_of(metric, *map(torch.as_tensor, counts)).numpy()


def put(
    found: dict[str, Found], loss: str, metric: str, folds: Folds, value: Tensor, collapsed: Tensor
) -> None:
    """Writes the means over the folds of each set."""
    both = torch.stack([value.double(), collapsed.double()], -1).reshape(len(RATES), len(folds), len(NETS), 2)
    for name, into in found.items():
        of_set = both[:, np.array(folds.sets) == name].mean(1)
        nets = {net: of_set[:, i].numpy().round(4).tolist() for i, net in enumerate(NETS)}
        into.setdefault(loss, {})[metric] = nets
