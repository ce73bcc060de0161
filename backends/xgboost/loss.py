"""F1 objective for XGBoost, as it stands before the compiler fills its holes; the rest is NumPy's."""

import numpy as np
from numpy.typing import ArrayLike

# What the metric is called.
NAME = "f1"


def named(function):
    """The function under the name that XGBoost is to print."""
    function.__name__ = f"loss_{NAME}"
    return function


def train_objective(predt, dtrain) -> tuple[np.ndarray, np.ndarray]:
    """For xgb.train(..., obj=train_objective): what a tree of the next round is grown from.

    predt: the margins of the rows so far. dtrain: the DMatrix, with labels and weights. Returns gradient and
    curvature, of the shape of predt. Raises ValueError for labels and margins that do not fit together.
    """
    return sklearn_objective(dtrain.get_label(), predt, given(dtrain.get_weight()))


def train_metric(predt, dtrain) -> tuple[str, float]:
    """For xgb.train(..., custom_metric=train_metric): a name, and the loss of the hard decisions.

    It falls as the metric gets better, for XGBoost takes a custom metric for a cost.
    """
    return f"loss_{NAME}", hard_loss(dtrain.get_label(), predt, given(dtrain.get_weight()))


def sklearn_objective(
    y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """For XGBClassifier(objective=sklearn_objective): gradient and curvature, by the margins y_pred."""
    return gradient_and_curvature(y_true, y_pred, sample_weight)


@named
def sklearn_metric(y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """For XGBClassifier(eval_metric=sklearn_metric): the loss of the hard decisions, for XGBoost a cost."""
    return hard_loss(y_true, y_pred, sample_weight)


def initial_margin(y_true: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """The log-odds of the weighted share of positives: a margin to begin with, as log-loss does."""
    y = np.asarray(y_true, np.float64)
    share = np.average(y, weights=sample_weight)
    return float(np.log(max(share, TINY)) - np.log(max(1 - share, TINY)))


def initial_margin__multiclass(y_true: ArrayLike, sample_weight: ArrayLike | None = None) -> np.ndarray:
    """The logarithms of the classes' weighted shares, of labels 0, 1, ...: margins to begin with."""
    weights = np.bincount(np.asarray(y_true).astype(np.int64), sample_weight)
    return np.log(np.maximum(weights / weights.sum(), TINY))


def gradient_and_curvature(y_true, margins, weights):
    """The gradient of the loss by the margins and, as its curvature, the size of that gradient.

    The loss is no sum over rows, and its own curvature is negative for those on the wrong side. The gradient is
    exact at the margins of each round; with its size for a curvature no leaf asks for a longer step than 1.
    Both are multiplied by the weight of all rows: else leaves would be too light to be split.
    """
    y, z = fitting(y_true, margins)
    total = len(z) if weights is None else float(np.sum(weights))
    by_margins = total * value_and_grad(y, z, sample_weight=weights)[1]
    return by_margins, np.maximum(np.abs(by_margins), TINY)


def hard_loss(y_true, margins, weights):
    """The loss, best - metric or metric - best, of the hard decisions."""
    totals = decided_counts(*prepared(*fitting(y_true, margins), weights, None))
    return float(of_counts(objective, totals)[0])


def hard_loss__averaged(y_true, margins, weights):
    """The loss, best - metric or metric - best, of the hard decisions."""
    z, y, w = prepared(*fitting(y_true, margins), weights, None)
    totals = decided_counts(z, y, w)
    return float(averaged(of_counts(objective, totals)[0], totals, w))


def fitting(y_true, margins):
    """Labels and margins; a look at values, for a booster does not tell what it was given."""
    y, z = np.asarray(y_true), np.asarray(margins)
    if z.ndim > 1:
        raise ValueError(
            f"there are margins of shape {z.shape}, of several classes, and this is the loss of binary labels: "
            "compile it with task='multiclass', or train without num_class"
        )
    if not np.all((y >= 0) & (y <= 1)):
        raise ValueError(f"labels are 0 or 1, and there are some from {y.min()} to {y.max()}")
    return y, z


def fitting__multiclass(y_true, margins):
    """Labels as integers, and margins; a look at values, for a booster does not tell what it was given."""
    y, z = np.asarray(y_true), np.asarray(margins)
    if z.ndim < 2:
        raise ValueError(
            f"there are margins of shape {z.shape}, of one class, and this is the loss of several: "
            "train with num_class, or compile without task='multiclass'"
        )
    if not np.all((y >= 0) & (y < z.shape[-1]) & (y == np.floor(y)) | (y == IGNORE_INDEX)):
        raise ValueError(f"labels are 0 to {z.shape[-1] - 1}, and there are some from {y.min()} to {y.max()}")
    return y.astype(np.int64), z


def given(weights):
    """The weights of a DMatrix; None where it has none."""
    return weights if weights.size else None
