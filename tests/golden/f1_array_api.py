"""A loss for the array API: f1, relaxed by Soft().

Written by metricloss 0.1.0. The file needs the array API and nothing else, and may be copied into
any project, under any licence. To write it again:

    metricloss emit '2*TP/(FN + FP + 2*TP)' --name f1 --backend array_api

    d         FN + FP + 2*TP
    f1        2*TP/d
    loss      1 - f1
    slopes    -(2 - f1)/d on a positive,
              f1/d on a negative: how the loss moves with the decision
    decision  h = p, p = sigmoid(z)

Counts are sums over the entries of a matrix, of weight · label · decision and their complements. A
quotient whose denominator is zero is 0, if nothing else is said above, with slope 0; an infinite
slope of a root or a logarithm is 0 too. Finite scores give a finite loss and a finite gradient.
"""

import math

from array_api_compat import array_namespace, device

# A denominator, or the argument of a logarithm, this close to zero counts as zero.
TINY = 2.0**-64
# No slope is larger: it must survive a product with the scores' own slopes in float32.
HUGE = 2.0**100


def loss(y_true, y_score, *, sample_weight=None, mask=None):
    """The loss of all entries together.

    y_true: labels 0/1, or soft ones in [0, 1], of any shape and dtype. y_score: scores of the same shape, of a
    floating dtype. sample_weight: multiplies the counts; a number for each sample, of shape (N,), or an array
    with as many axes as the scores, those of size 1 repeated. mask: of the same shapes. An entry whose mask is
    False, or whose weight is 0, takes no part, whatever its score. All are arrays of one
    library; the result is a 0-d one of the scores' dtype, on their device. Sums are taken in float32 or wider.
    Raises TypeError for scores of another dtype and ValueError for shapes that do not fit.
    """
    z, y, w = prepared(y_true, y_score, sample_weight, mask)
    return narrow(of_counts(objective, relaxed_counts(z, y, w))[0], z.dtype)


def value_and_grad(y_true, y_score, *, sample_weight=None, mask=None):
    """The loss and its gradient by the scores, both of the scores' dtype; arguments as for the loss."""
    z, y, w = prepared(y_true, y_score, sample_weight, mask)
    totals = relaxed_counts(z, y, w)
    by_scores = gradient(z, y, w, *of_counts(slopes, totals))
    return narrow(of_counts(objective, totals)[0], z.dtype), by_scores


def score(y_true, y_score, *, sample_weight=None, mask=None):
    """The hard metric of the same arguments, in float32 or wider."""
    return of_counts(metric, counts(y_true, y_score, sample_weight=sample_weight, mask=mask))[0]


def counts(y_true, y_score, *, sample_weight=None, mask=None):
    """The hard counts TP, FP, FN, TN of the same arguments, in float32 or wider."""
    return decided_counts(*prepared(y_true, y_score, sample_weight, mask))


def soft_counts(y_true, y_score, *, sample_weight=None, mask=None):
    """The relaxed counts TP, FP, FN, TN, from which the loss is made, in float32 or wider."""
    return relaxed_counts(*prepared(y_true, y_score, sample_weight, mask))


def relaxed_counts(z, y, w):
    """The relaxed counts."""
    z, y, w = widened(z, y, w)
    return sums(y, w, *relax(z))


def decided_counts(z, y, w):
    """The hard counts."""
    z, y, w = widened(z, y, w)
    decided = array_namespace(z).astype(decide(z), z.dtype)
    return sums(y, w, decided, 1 - decided)


def gradient(z, y, w, positive, negative):
    """The gradient by the scores, from how the loss moves with the decision on a positive and on a negative."""
    dtype = z.dtype
    z, y, w = widened(z, y, w)
    by_scores = (y * positive + (1 - y) * negative) * relax_slope(z)
    return narrow(by_scores if w is None else by_scores * w, dtype)


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


def relax_slope(z):
    """The derivative of the relaxed decision by the score."""
    p, q = sigmoids(z)
    return p * q


def decide(z):
    """The hard decision."""
    return z > 0.0


def prepared(y_true, y_score, sample_weight, mask):
    """Scores, labels and the weights of all entries; shapes and dtypes are looked at, values are not."""
    check(y_true, y_score, sample_weight, mask)
    if tuple(y_true.shape) != tuple(y_score.shape):
        raise ValueError(f"y_true has shape {y_true.shape} and y_score {y_score.shape}: give equal shapes")
    return y_score, y_true, entry_weights(sample_weight, mask, y_score)


def check(*arrays):
    """The namespace of the arguments, of which the second are the scores, of a floating dtype."""
    xp, y_score = array_namespace(*arrays), arrays[1]
    if not xp.isdtype(y_score.dtype, "real floating"):
        raise TypeError(f"y_score has dtype {y_score.dtype}, but scores are floating-point numbers")
    return xp


def entry_weights(sample_weight, mask, z):
    """What every entry weighs, 0 where the mask is False; None where all weigh 1."""
    xp = array_namespace(z)
    wide = xp.result_type(z.dtype, xp.float32)
    w = None if sample_weight is None else xp.astype(fitted(sample_weight, "sample_weight", z.shape), wide)
    m = None if mask is None else xp.astype(fitted(mask, "mask", z.shape), xp.bool)
    return w if m is None else xp.astype(m, wide) if w is None else xp.where(m, w, 0.0)


def fitted(x, name, shape):
    """A weight or mask as an array that broadcasts to the scores: one of shape (N,) is by sample."""
    fits = array_namespace(x).reshape(x, (-1, *[1] * (len(shape) - 1))) if x.ndim == 1 else x
    if x.ndim not in (0, 1, len(shape)) or not broadcasts(fits.shape, shape):
        raise ValueError(
            f"{name} has shape {x.shape}: give {tuple(shape[:1])}, by sample, or {tuple(shape)}, the scores'; "
            "an axis of size 1 is repeated"
        )
    return fits


def broadcasts(shape, to):
    """Whether an array of a shape can be repeated to fill another."""
    pairs = zip(reversed(shape), reversed(to), strict=False)
    return len(shape) <= len(to) and all(a in (1, b) for a, b in pairs)


def widened(z, y, w):
    """Scores, labels and weights in float32 or wider, and 0 for scores and labels of weight 0."""
    xp = array_namespace(z)
    wide = xp.result_type(z.dtype, xp.float32)
    z, y = xp.astype(z, wide), xp.astype(y, wide)
    if w is None:
        return z, y, None
    return xp.where(w == 0, 0.0, z), xp.where(w == 0, 0.0, y), w


def sums(y, w, decided, rejected):
    """TP, FP, FN, TN, each a sum of its own: a difference of large sums would cancel."""
    xp = array_namespace(y)
    on, off = (y, 1 - y) if w is None else (w * y, w * (1 - y))
    return xp.sum(on * decided), xp.sum(off * decided), xp.sum(on * rejected), xp.sum(off * rejected)


def of_counts(function, totals):
    """The results of a function of counts: finite where the counts are, NaN where these are."""
    xp = array_namespace(*totals)
    results = function(*totals)
    results = results if isinstance(results, tuple) else (results,)
    return tuple(xp.where(xp.isnan(x), 0 * sum(totals), xp.clip(x, -HUGE, HUGE)) for x in results)


def narrow(x, dtype):
    """x in a dtype, at the nearest finite number where it does not fit."""
    xp = array_namespace(x)
    if x.dtype == dtype:
        return x
    return xp.astype(xp.clip(x, float(xp.finfo(dtype).min), float(xp.finfo(dtype).max)), dtype)


def sigmoids(x):
    """The sigmoids of x and -x, of one exponential, each with all its digits."""
    e = exp(-x)
    p = 1 / (1 + e)
    return p, p * e


def divide(numerator, denominator, otherwise=0.0):
    """The quotient, and `otherwise` where the denominator is zero."""
    xp = array_namespace(denominator)
    zero = xp.abs(denominator) <= TINY
    return xp.where(zero, otherwise, numerator / xp.where(zero, 1.0, denominator))


def exp(x):
    """The exponential function, cut off before it overflows."""
    xp = array_namespace(x)
    return xp.exp(xp.clip(x, max=0.9 * math.log(xp.finfo(x.dtype).max)))

