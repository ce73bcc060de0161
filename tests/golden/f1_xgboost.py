"""A loss for XGBoost: f1, relaxed by Soft().

Written by metricloss 0.1.0. The file needs NumPy and nothing else, and may be copied into any
project, under any licence. To write it again:

    metricloss emit f1 --backend xgboost

    d         FN + FP + 2*TP
    f1        2*TP/d
              Dice 1945; van Rijsbergen 1979, ch. 7
    loss      1 - f1
    slopes    -(2 - f1)/d on a positive,
              f1/d on a negative: how the loss moves with the decision
    decision  h = p, p = sigmoid(z)

Counts are sums over the entries of a matrix, of weight · label · decision and their complements. A
quotient whose denominator is zero is 0, if nothing else is said above, with slope 0; an infinite
slope of a root or a logarithm is 0 too. Finite scores give a finite loss and a finite gradient.
"""

import numpy as np
from numpy.typing import ArrayLike

# A denominator, or the argument of a logarithm, this close to zero counts as zero.
TINY = 2.0**-64
# No slope is larger: it must survive a product with the scores' own slopes in float32.
HUGE = 2.0**100
# Scores are worked on in blocks of so many, which stay in a processor's cache.
BLOCK = 2**15
# Products of so many are added in their own dtype, and what comes of these in float64.
ROW = 2**9

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


def loss(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    mask: ArrayLike | None = None,
) -> np.floating:
    """The loss of all entries together.

    y_true: labels 0/1, or soft ones in [0, 1], of any shape and dtype. y_score: scores of the same shape, of a
    floating dtype. sample_weight: multiplies the counts; a number for each sample, of shape (N,), or an array
    with as many axes as the scores, those of size 1 repeated. mask: of the same shapes. An entry whose mask is
    False, or whose weight is 0, takes no part, whatever its score. Returns a scalar of the scores' dtype; long
    sums are taken in float64.
    Raises TypeError for scores of another dtype and ValueError for shapes that do not fit.
    """
    z, y, w = prepared(y_true, y_score, sample_weight, mask)
    return narrow(of_counts(objective, relaxed_counts(z, y, w))[0], z.dtype)


def value_and_grad(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    mask: ArrayLike | None = None,
) -> tuple[np.floating, np.ndarray]:
    """The loss and its gradient by the scores, both of the scores' dtype; arguments as for the loss."""
    z, y, w = prepared(y_true, y_score, sample_weight, mask)
    totals, kept = relaxed(z, y, w)
    by_scores = gradient(kept, y, w, *of_counts(slopes, totals))
    value = of_counts(objective, totals)[0]
    return narrow(value, z.dtype), narrow(by_scores, z.dtype).reshape(np.shape(y_score))


def score(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    mask: ArrayLike | None = None,
) -> np.floating:
    """The hard metric of the same arguments, in float64."""
    return of_counts(metric, decided_counts(*prepared(y_true, y_score, sample_weight, mask)))[0]


def counts(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    mask: ArrayLike | None = None,
) -> tuple[np.floating, ...]:
    """The hard counts TP, FP, FN, TN of the same arguments, in float64."""
    return tuple(decided_counts(*prepared(y_true, y_score, sample_weight, mask)))


def soft_counts(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    mask: ArrayLike | None = None,
) -> tuple[np.floating, ...]:
    """The relaxed counts TP, FP, FN, TN, from which the loss is made, in float64."""
    return tuple(relaxed_counts(*prepared(y_true, y_score, sample_weight, mask)))


def relaxed_counts(z, y, w):
    """The relaxed counts, block by block."""
    of_blocks = ((widened(z, w), y, w) for z, y, w in blocks(z, y, w))
    return added(z, (sums(*sides(y, w, z), *relax(z)) for z, y, w in of_blocks))


def relaxed(z, y, w):
    """The relaxed counts, and what the gradient is made of: the derivatives of the relaxed decisions."""
    derivative = np.empty_like(z, dtype=np.promote_types(z.dtype, np.float32))
    return added(z, (relaxed_block(*block) for block in blocks(derivative, z, y, w))), derivative


def relaxed_block(derivative, z, y, w):
    """The relaxed counts of a block; the derivatives of its decisions are written down."""
    z = widened(z, w)
    decided, rejected, derivative[...] = relax_and_slope(z)
    return sums(*sides(y, w, z), decided, rejected)


def decided_counts(z, y, w):
    """The hard counts, block by block; their terms are in float64."""
    of_blocks = ((decide(widened(z, w)).astype(np.float64), y, w) for z, y, w in blocks(z, y, w))
    return added(z, (sums(*sides(y, w, decided), decided, 1 - decided) for decided, y, w in of_blocks))


def gradient(derivative, y, w, positive, negative):
    """The gradient by the scores, in place of the decisions' derivatives.

    positive, negative: how the loss moves with the decision on a positive, and on a negative.
    """
    positive, negative = positive.astype(derivative.dtype), negative.astype(derivative.dtype)
    for of_block, *y_and_w in blocks(derivative, y, w):
        on, off = sides(*y_and_w, of_block)
        of_block *= on * positive + off * negative
    return derivative


def metric(tp, fp, fn, tn):
    """The metric over the four counts."""
    d = 2 * tp + fp + fn
    return divide(2 * tp, d)


def objective(tp, fp, fn, tn):
    """The loss over the four counts."""
    return 1 - metric(tp, fp, fn, tn)


def slopes(tp, fp, fn, tn):
    """How the loss moves with the decision on a positive, and on a negative."""
    d = 2 * tp + fp + fn
    f1 = divide(2 * tp, d)
    return divide(f1 - 2, d), divide(f1, d)


def relax(z):
    """The relaxed decision and its complement, each without cancellation."""
    return sigmoids(z)


def relax_and_slope(z):
    """The relaxed decision, its complement, and its derivative by the score."""
    p, q = sigmoids(z)
    return p, q, p * q


def decide(z):
    """The hard decision."""
    return z > 0.0


def prepared(y_true, y_score, sample_weight, mask):
    """Scores, labels and weights in one row; shapes and dtypes are looked at, values are not."""
    z, y = scores_of(y_score), np.asarray(y_true)
    if y.shape != z.shape:
        raise ValueError(f"y_true has shape {y.shape} and y_score {z.shape}: give equal shapes")
    return z.reshape(-1), y.reshape(-1), entry_weights(sample_weight, mask, z.shape)


def scores_of(y_score):
    """The scores as an array of a floating dtype."""
    z = np.asarray(y_score)
    if z.dtype.kind != "f":
        raise TypeError(f"y_score has dtype {z.dtype}, but scores are floating-point numbers")
    return z


def entry_weights(sample_weight, mask, shape):
    """What every entry weighs, 0 where the mask is False, for scores of a shape; None where all weigh 1."""
    w = None if sample_weight is None else fitted(np.asarray(sample_weight), "sample_weight", shape)
    m = None if mask is None else fitted(np.asarray(mask), "mask", shape) != 0
    return w if m is None else m if w is None else np.where(m, w, 0)


def fitted(x, name, shape):
    """A weight or mask of every entry, in one row, for scores of a shape: one of shape (N,) is by sample."""
    fits = x.reshape(-1, *[1] * (len(shape) - 1)) if x.ndim == 1 else x
    if x.ndim not in (0, 1, len(shape)) or not broadcasts(fits.shape, shape):
        raise ValueError(
            f"{name} has shape {x.shape}: give {shape[:1]}, by sample, or {shape}, the scores'; "
            "an axis of size 1 is repeated"
        )
    return np.broadcast_to(fits, shape).reshape(-1)


def broadcasts(shape, to):
    """Whether an array of a shape can be repeated to fill another."""
    pairs = zip(reversed(shape), reversed(to), strict=False)
    return len(shape) <= len(to) and all(a in (1, b) for a, b in pairs)


def blocks(*arrays):
    """Arrays, or None, in blocks of rows."""
    for start, stop, row in spans(arrays[0].size, ROW, BLOCK):
        yield [x if x is None else x[start:stop].reshape(-1, row) for x in arrays]


def spans(size, row, block):
    """Where blocks of whole rows start and stop, and how long these are; what is left is a row of its own."""
    whole = size - size % row
    for start in range(0, whole, block):
        yield start, min(start + block, whole), row
    if whole < size:
        yield whole, size, size - whole


def added(z, of_blocks):
    """The sums of counts of blocks, in float64."""
    return np.concatenate([np.zeros((4, 0)), *of_blocks], axis=1).sum(axis=1)


def widened(z, w):
    """Scores in float32 or wider, and 0 where the weight is 0."""
    z = z.astype(np.promote_types(z.dtype, np.float32), copy=False)
    return z if w is None else np.where(w == 0, 0, z)


def sides(y, w, like):
    """What every entry weighs as a positive, and as a negative, in the dtype of an array like the scores."""
    y = labels(y, like)
    if w is None:
        return y, 1 - y
    y, w = np.where(w == 0, 0, y), w.astype(like.dtype, copy=False)
    return w * y, w * (1 - y)


def labels(y, like):
    """Labels in the dtype of an array like the scores."""
    return y.astype(like.dtype, copy=False)


def sums(on, off, decided, rejected):
    """TP, FP, FN, TN of each row, each a sum of its own: a difference of large sums would cancel."""
    pairs = (on, decided), (off, decided), (on, rejected), (off, rejected)
    return np.array([np.vecdot(*pair) for pair in pairs])


def of_counts(function, totals):
    """The results of a function of counts."""
    with np.errstate(all="ignore"):
        results = function(*totals)
    return [finite(x, totals) for x in (results if isinstance(results, tuple) else (results,))]


def finite(x, totals):
    """x, cut off at ±HUGE; what is no number is 0 where the counts are numbers."""
    return np.float64(min(max(x, -HUGE), HUGE) if x == x else 0 * totals.sum())


def narrow(x, dtype):
    """x in a dtype, at the nearest finite number where it does not fit."""
    if x.dtype == dtype:
        return x
    largest = np.finfo(dtype).max
    return np.minimum(np.maximum(x, -largest), largest).astype(dtype)


def sigmoids(x):
    """The sigmoids of x and -x, of one exponential, each with all its digits."""
    q = exp(-x)
    p = np.reciprocal(1 + q)
    q *= p
    return p, q


def divide(numerator, denominator, otherwise=0.0):
    """The quotient, and `otherwise` where the denominator is zero."""
    if isinstance(denominator, float):
        return np.float64(otherwise) if abs(denominator) <= TINY else numerator / denominator
    zero = np.abs(denominator) <= TINY
    return np.where(zero, otherwise, numerator / np.where(zero, 1, denominator))


def exp(x):
    """The exponential function, cut off before it overflows."""
    return np.exp(np.minimum(x, 0.9 * np.log(np.finfo(x.dtype).max)))

