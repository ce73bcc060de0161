"""A loss for NumPy: lambda_r, relaxed by ScoreOriented(0.5, 0.5).

Written by metricloss 0.1.0. The file needs NumPy and nothing else, and may be copied into any
project, under any licence. To write it again:

    metricloss emit '2*(TN + TP - Max(N, P)/2 - Max(PN, PP)/2)/(2*FN + 2*FP + 2*TN + 2*TP - Max(N, P) - Max(PN, PP))' --name lambda_r --backend numpy --relaxation 'ScoreOriented(0.5, 0.5)'

    P         FN + TP
    N         FP + TN
    PP        FP + TP
    PN        FN + TN
    d         2*FN + 2*FP + 2*TN + 2*TP - Max(N, P) - Max(PN, PP)
    lambda_r  (2*TN + 2*TP - Max(N, P) - Max(PN, PP))/d
    loss      1 - lambda_r
    slopes    -(-lambda_r*(-Heaviside(-PN + PP) + Heaviside(PN - PP)) - Heaviside(-PN + PP) + Heaviside(PN - PP) + 2)/d on a positive,
              -(-lambda_r*(-Heaviside(-PN + PP) + Heaviside(PN - PP)) - Heaviside(-PN + PP) + Heaviside(PN - PP) - 2)/d on a negative: how the loss moves with the decision
    decision  h = sin(pi*Max(-1, Min(1, 2*p - 1)))/(2*pi) + Max(-1, Min(1, 2*p - 1))/2 + 1/2, p = sigmoid(z)
              Marchetti et al., Score-oriented loss functions, Pattern Recognition 132, 108913 (2022)

Counts are sums over all entries, of weight · label · decision and their complements. A quotient
whose denominator is zero is 0, if nothing else is said above, with slope 0; an infinite slope of a
root or a logarithm is 0 too. Finite scores give a finite loss and a finite gradient.
"""

import numpy as np
from numpy.typing import ArrayLike

# A denominator, or the argument of a logarithm, this close to zero counts as zero.
TINY = 2.0**-64
# No slope is larger: it must survive a product with the scores' own slopes in float32.
HUGE = 2.0**100


def loss(y_true: ArrayLike, y_score: ArrayLike, *, sample_weight: ArrayLike | None = None) -> np.floating:
    """The loss of all entries together.

    y_true: labels 0/1, or soft ones in [0, 1], of any shape and dtype.
    y_score: scores of the same shape, of a floating dtype. sample_weight: multiplies the counts, of any shape
    that broadcasts to that of the scores. Returns a scalar of the scores' dtype; sums are taken in float64.
    Raises TypeError for scores of another dtype and ValueError for shapes that do not fit.
    """
    z, y, w, dtype = prepared(y_true, y_score, sample_weight)
    return narrow(of_counts(objective, sums(y, w, *relax(z)))[0], dtype)


def value_and_grad(
    y_true: ArrayLike, y_score: ArrayLike, *, sample_weight: ArrayLike | None = None
) -> tuple[np.floating, np.ndarray]:
    """The loss and its gradient by the scores, both of the scores' dtype; arguments as for the loss."""
    z, y, w, dtype = prepared(y_true, y_score, sample_weight)
    totals = sums(y, w, *relax(z))
    # Python floats, so that arrays in float32 stay in float32.
    positive, negative = map(float, of_counts(slopes, totals))
    gradient = (y * positive + (1 - y) * negative) * relax_slope(z)
    if w is not None:
        gradient = gradient * w
    return narrow(of_counts(objective, totals)[0], dtype), narrow(gradient, dtype)


def score(y_true: ArrayLike, y_score: ArrayLike, *, sample_weight: ArrayLike | None = None) -> np.floating:
    """The hard metric of the same arguments, in float64."""
    return of_counts(metric, counts(y_true, y_score, sample_weight=sample_weight))[0]


def counts(
    y_true: ArrayLike, y_score: ArrayLike, *, sample_weight: ArrayLike | None = None
) -> tuple[np.floating, ...]:
    """The hard counts TP, FP, FN, TN of the same arguments, in float64."""
    z, y, w, _ = prepared(y_true, y_score, sample_weight)
    decided = decide(z)
    return sums(y, w, decided, ~decided)


def soft_counts(
    y_true: ArrayLike, y_score: ArrayLike, *, sample_weight: ArrayLike | None = None
) -> tuple[np.floating, ...]:
    """The relaxed counts TP, FP, FN, TN, from which the loss is made, in float64."""
    z, y, w, _ = prepared(y_true, y_score, sample_weight)
    return sums(y, w, *relax(z))


def metric(tp, fp, fn, tn):
    """The metric over the four counts."""
    actual = tp + fn
    actual_negative = fp + tn
    predicted = tp + fp
    predicted_negative = fn + tn
    t1 = -np.maximum(actual, actual_negative)
    t2 = -np.maximum(predicted, predicted_negative)
    d = 2 * tp + 2 * fp + 2 * fn + 2 * tn + t1 + t2
    return divide(2 * tp + 2 * tn + t1 + t2, d)


def objective(tp, fp, fn, tn):
    """The loss over the four counts."""
    return 1 - metric(tp, fp, fn, tn)


def slopes(tp, fp, fn, tn):
    """How the loss moves with the decision on a positive, and on a negative."""
    actual = tp + fn
    actual_negative = fp + tn
    predicted = tp + fp
    predicted_negative = fn + tn
    t1 = -np.maximum(actual, actual_negative)
    t2 = -np.maximum(predicted, predicted_negative)
    d = 2 * tp + 2 * fp + 2 * fn + 2 * tn + t1 + t2
    lambda_r = divide(2 * tp + 2 * tn + t1 + t2, d)
    t3 = (1 + np.sign(predicted_negative - predicted)) / 2
    t4 = -t3
    t5 = (1 + np.sign(predicted - predicted_negative)) / 2
    t6 = lambda_r * (t3 - t5)
    return divide(t4 + t5 + t6 - 2, d), divide(t4 + t5 + t6 + 2, d)


def relax(z):
    """The relaxed decision and its complement, each without cancellation."""
    t1 = np.maximum(np.minimum(2 * sigmoid(z) - 1, 1), -1)
    t2 = np.sin(3.141592653589793 * t1)
    return t1 / 2 + 0.3183098861837907 * t2 / 2 + 0.5, 0.5 - t1 / 2 - 0.3183098861837907 * t2 / 2


def relax_slope(z):
    """The derivative of the relaxed decision by the score."""
    p = sigmoid(z)
    q = sigmoid(-z)
    return 2 * p * np.sin(3.141592653589793 * np.minimum(2 * p, 2 * q) / 2)**2 * q


def decide(z):
    """The hard decision."""
    return z > 0.0


def prepared(y_true, y_score, sample_weight):
    """Scores, labels and weights in float32 or wider, and the scores' own dtype."""
    z, y = np.asarray(y_score), np.asarray(y_true)
    if not np.issubdtype(z.dtype, np.floating):
        raise TypeError(f"y_score has dtype {z.dtype}, but scores are floating-point numbers")
    if y.shape != z.shape:
        raise ValueError(f"y_true has shape {y.shape} and y_score {z.shape}: give equal shapes")
    wide = np.result_type(z.dtype, np.float32)
    w = None if sample_weight is None else np.asarray(sample_weight, wide)
    if w is not None and not broadcasts(w.shape, z.shape):
        raise ValueError(f"sample_weight of shape {w.shape} does not broadcast to {z.shape}")
    return z.astype(wide, copy=False), y.astype(wide, copy=False), w, z.dtype


def broadcasts(shape, to):
    """Whether an array of a shape can be repeated to fill another."""
    pairs = zip(reversed(shape), reversed(to), strict=False)
    return len(shape) <= len(to) and all(a in (1, b) for a, b in pairs)


def sums(y, w, decided, rejected):
    """TP, FP, FN, TN, each a sum of its own: a difference of large sums would cancel."""
    on, off = (y, 1 - y) if w is None else (w * y, w * (1 - y))
    terms = on * decided, off * decided, on * rejected, off * rejected
    return tuple(np.sum(term, dtype=np.float64) for term in terms)


def of_counts(function, totals):
    """The results of a function of counts: finite where the counts are, NaN where these are."""
    with np.errstate(all="ignore"):
        results = function(*totals)
        results = results if isinstance(results, tuple) else (results,)
        return tuple(np.where(np.isnan(x), 0 * sum(totals), np.clip(x, -HUGE, HUGE))[()] for x in results)


def narrow(x, dtype):
    """x in a dtype, at the nearest finite number where it does not fit."""
    if x.dtype == dtype:
        return x
    return np.clip(x, np.finfo(dtype).min, np.finfo(dtype).max).astype(dtype)


def sigmoid(x):
    """1 / (1 + exp(-x)) without overflow."""
    small = np.exp(-np.abs(x))
    return np.where(x < 0, small, 1) / (1 + small)


def divide(numerator, denominator, otherwise=0.0):
    """The quotient, and `otherwise` where the denominator is zero."""
    zero = np.abs(denominator) <= TINY
    return np.where(zero, otherwise, numerator / np.where(zero, 1, denominator))
