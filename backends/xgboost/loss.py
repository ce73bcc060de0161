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
    curvature, of the shape of predt. Raises ValueError for labels, weights and margins that do not fit.
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
    """The log-odds of the weighted share of positives: a margin to begin with, as log-loss does.

    Raises ValueError for labels and weights that are none, and where no row weighs anything.
    """
    z, y, w = prepared(*fitting(y_true, np.zeros(np.shape(y_true)), sample_weight), None)
    on, off = log_shares(np.array([side.sum() for side in sides(y, w, z)]))
    return float(on - off)


def initial_margin__multiclass(
    y_true: ArrayLike, sample_weight: ArrayLike | None = None, *, num_class: int
) -> np.ndarray:
    """The logarithms of the weighted shares of num_class classes: margins to begin with, as log-loss does.

    Raises ValueError for labels and weights that are none, and where no row weighs anything.
    """
    z, y, w = prepared(*fitting(y_true, np.zeros((*np.shape(y_true), num_class)), sample_weight), None)
    return log_shares(sides(y, w, z)[0].sum((0, 1)))


def log_shares(weights):
    """The logarithms of shares, of what weighs so much; that of nothing is of TINY."""
    if not weights.sum() > 0:
        raise ValueError("there is nothing to begin from: no row has a label and a weight above 0")
    return np.log(np.maximum(weights / weights.sum(), TINY))


def gradient_and_curvature(y_true, margins, weights):
    """The gradient of the loss by the margins and, as its curvature, the size of that gradient.

    The loss is no sum over rows, and its own curvature is negative for those on the wrong side. The gradient is
    exact at the margins of each round; with its size for a curvature no leaf asks for a longer step than 1.
    Both are multiplied by the weight of all rows: else leaves would be too light to be split.
    """
    y, z, w = fitting(y_true, margins, weights)
    total = len(z) if w is None else float(w.sum())
    by_margins = total * value_and_grad(y, z, sample_weight=w)[1]
    return by_margins, np.maximum(np.abs(by_margins), TINY)


def hard_loss(y_true, margins, weights):
    """The loss, best - metric or metric - best, of the hard decisions."""
    totals = decided_counts(*prepared(*fitting(y_true, margins, weights), None))
    return float(of_counts(objective, totals)[0])


def hard_loss__averaged(y_true, margins, weights):
    """The loss, best - metric or metric - best, of the hard decisions."""
    z, y, w = prepared(*fitting(y_true, margins, weights), None)
    totals = decided_counts(z, y, w)
    return float(averaged(of_counts(objective, totals)[0], totals, w))


def fitting(y_true, margins, weights):
    """Labels, margins and weights; a look at values, for a booster does not tell what they were."""
    z = np.asarray(margins)
    y = one_a_row("labels", y_true, z)
    if z.ndim > 1:
        raise ValueError(
            f"there are margins of shape {z.shape}, of several classes, and this is the loss of binary labels: "
            "compile it with task='multiclass', or train without num_class"
        )
    require("labels are 0 or 1: encode others, and leave out rows without one", y, (y >= 0) & (y <= 1))
    return y, z, weighing(weights, z)


def fitting__multiclass(y_true, margins, weights):
    """Labels as integers, margins and weights; a look at values, for a booster does not tell what they were."""
    z = np.asarray(margins)
    y = one_a_row("labels", y_true, z)
    if z.ndim < 2:
        raise ValueError(
            f"there are margins of shape {z.shape}, of one class, and this is the loss of several: "
            "train with num_class, or compile without task='multiclass'"
        )
    last = z.shape[-1] - 1
    taken = (y >= 0) & (y <= last) & (y == np.floor(y)) | (y == IGNORE_INDEX)
    require(f"labels are 0 to {last}: encode others, and leave out rows without one", y, taken)
    return y.astype(np.int64), z, weighing(weights, z)


def weighing(weights, margins):
    """The weights of rows, where there are any."""
    if weights is None:
        return None
    w = one_a_row("weights", weights, margins)
    require("weights are finite and not negative: 0 is for rows left out", w, (w >= 0) & (w < np.inf))
    return w


def one_a_row(what, values, margins):
    """Labels or weights as numbers, one for each row that has margins."""
    try:
        x = np.asarray(values)
        x = x if x.dtype.kind in "biuf" else x.astype(np.float64)
    except (TypeError, ValueError) as problem:
        raise ValueError(f"give {what} as numbers: {problem}") from problem
    if x.shape != margins.shape[:1]:
        raise ValueError(f"{what} have shape {x.shape}: give one for each row, of shape {margins.shape[:1]}")
    return x


def require(what, values, taken):
    """Raise ValueError where not all values are taken, and tell the first that is not."""
    if not taken.all():
        row = taken.argmin()
        raise ValueError(f"row {row} has {values[row]}, and {what}")


def given(weights):
    """The weights of a DMatrix; None where it has none."""
    return weights if weights.size else None
