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
    """For LGBMClassifier(objective=sklearn_objective): gradient and curvature, by the margins y_pred."""
    return gradient_and_curvature(y_true, y_pred, weight)


def sklearn_metric(
    y_true: ArrayLike, y_pred: ArrayLike, weight: ArrayLike | None = None
) -> tuple[str, float, bool]:
    """For LGBMClassifier().fit(..., eval_metric=sklearn_metric): name, value, whether more is better."""
    return NAME, hard_score(y_true, y_pred, weight), HIGHER_IS_BETTER


def hard_score(y_true, margins, weights):
    """The metric, of the hard decisions."""
    return float(score(*fitting(y_true, margins), sample_weight=weights))
