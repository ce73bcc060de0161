"""F1 objective for LightGBM, as it stands before the compiler fills its holes; the rest is XGBoost's."""

import numpy as np
from numpy.typing import ArrayLike

# Whether more of the metric is better.
HIGHER_IS_BETTER = True


def train_objective(preds, train_data) -> tuple[np.ndarray, np.ndarray]:
    """For lgb.train({"objective": train_objective, ...}): what a tree of the next round is grown from.

    preds: the margins of the rows so far. train_data: the Dataset, with labels and weights. Returns gradient
    and curvature, of the shape of preds. Raises ValueError for labels and margins that do not fit together.
    """
    return sklearn_objective(train_data.get_label(), preds, train_data.get_weight())


def train_metric(preds, eval_data) -> tuple[str, float, bool]:
    """For lgb.train(..., feval=train_metric): the metric's name, its value, and whether more is better."""
    return sklearn_metric(eval_data.get_label(), preds, eval_data.get_weight())


def sklearn_objective(
    y_true: ArrayLike, y_pred: ArrayLike, weight: ArrayLike | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """For LGBMClassifier(objective=sklearn_objective, metric="None"): gradient and curvature, by the margins.

    Where the gradient has one sign everywhere, as that of recall has, no split gains anything: LightGBM grows
    no tree then, and its margins stay 0.
    """
    return gradient_and_curvature(y_true, y_pred, weight)


def sklearn_metric(
    y_true: ArrayLike, y_pred: ArrayLike, weight: ArrayLike | None = None
) -> tuple[str, float, bool]:
    """For LGBMClassifier(metric="None").fit(..., eval_metric=sklearn_metric): name, value, is more better.

    Without metric="None" LightGBM adds a log-loss of its own, and early stopping may stop on that.
    """
    return NAME, hard_score(y_true, y_pred, weight), HIGHER_IS_BETTER


def hard_score(y_true, margins, weights):
    """The metric, of the hard decisions."""
    y, z, w = fitting(y_true, margins, weights)
    return float(score(y, z, sample_weight=w))
