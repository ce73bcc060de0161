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
    actual_ = tp + fn
    actual_negative = fp + tn
    predicted = tp + fp
    predicted_negative = fn + tn
    t1 = -np.maximum(actual_, actual_negative)
    t2 = -np.maximum(predicted, predicted_negative)
    d = 2 * tp + 2 * fp + 2 * fn + 2 * tn + t1 + t2
    return divide(2 * tp + 2 * tn + t1 + t2, d)


def objective(tp, fp, fn, tn):
    """The loss over the four counts."""
    return 1 - metric(tp, fp, fn, tn)


def slopes(tp, fp, fn, tn):
    """How the loss moves with the decision on a positive, and on a negative."""
    actual_ = tp + fn
    actual_negative = fp + tn
    predicted = tp + fp
    predicted_negative = fn + tn
    t1 = -np.maximum(actual_, actual_negative)
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


def relax_and_slope(z):
    """The relaxed decision, its complement, and its derivative by the score."""
    p, q = sigmoids(z)
    t1 = np.maximum(np.minimum(2 * p - 1, 1), -1)
    t2 = np.sin(3.141592653589793 * t1)
    return t1 / 2 + 0.3183098861837907 * t2 / 2 + 0.5, 0.5 - t1 / 2 - 0.3183098861837907 * t2 / 2, 2 * p * np.sin(3.141592653589793 * np.minimum(2 * p, 2 * q) / 2)**2 * q


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


def sigmoid(x):
    """1 / (1 + exp(-x))."""
    return np.reciprocal(1 + exp(-x))


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

