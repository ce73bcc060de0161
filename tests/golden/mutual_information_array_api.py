"""A loss for the array API: mutual_information, relaxed by SigmoidF1(2, -0.5).

Written by metricloss 0.1.0. The file needs the array API and nothing else, and may be copied into
any project, under any licence. To write it again:

    metricloss emit '(FN*log(FN*n/(P*PN))/log(2) + FP*log(FP*n/(N*PP))/log(2) + TN*log(TN*n/(N*PN))/log(2) + TP*log(TP*n/(P*PP))/log(2))/n' --name mutual_information --backend array_api --relaxation 'SigmoidF1(2, -0.5)'

    P                   FN + TP
    N                   FP + TN
    PP                  FP + TP
    PN                  FN + TN
    n                   FN + FP + TN + TP
    d                   P*PN
    ratio               FN*n/d
    d_2                 N*PP
    ratio_2             FP*n/d_2
    d_3                 N*PN
    ratio_3             TN*n/d_3
    d_4                 P*PP
    ratio_4             TP*n/d_4
    mutual_information  (FN*log(ratio)/log(2) + FP*log(ratio_2)/log(2) + TN*log(ratio_3)/log(2) + TP*log(ratio_4)/log(2))/n
    loss                -mutual_information
    slopes              -(FN*(-n/d + ratio/PN)/(ratio*log(2)) - FP/(PP*log(2)) + TP*(n/d_4 - ratio_4/PP)/(ratio_4*log(2)) - log(ratio)/log(2) + log(ratio_4)/log(2) + TN/(PN*log(2)))/n on a positive,
                        -(FN/(PN*log(2)) + FP*(n/d_2 - ratio_2/PP)/(ratio_2*log(2)) + TN*(-n/d_3 + ratio_3/PN)/(ratio_3*log(2)) + log(ratio_2)/log(2) - log(ratio_3)/log(2) - TP/(PP*log(2)))/n on a negative: how the loss moves with the decision
    decision            h = sigmoid(2*z - 1) of the score z
                        Bénédict et al., sigmoidF1, arXiv 2108.10566 (2022)

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
    actual_ = tp + fn
    actual_negative = fp + tn
    predicted = tp + fp
    predicted_negative = fn + tn
    total_ = tp + fp + fn + tn
    d = actual_ * predicted_negative
    ratio = divide(fn * total_, d)
    d_2 = actual_negative * predicted
    ratio_2 = divide(fp * total_, d_2)
    d_3 = actual_negative * predicted_negative
    ratio_3 = divide(tn * total_, d_3)
    d_4 = actual_ * predicted
    ratio_4 = divide(tp * total_, d_4)
    t1 = 1.4426950408889634 * tp * log(ratio_4) + 1.4426950408889634 * fp * log(ratio_2) + 1.4426950408889634 * fn * log(ratio) + 1.4426950408889634 * tn * log(ratio_3)
    return divide(t1, total_)


def objective(tp, fp, fn, tn):
    """The loss over the four counts."""
    return -metric(tp, fp, fn, tn)


def slopes(tp, fp, fn, tn):
    """How the loss moves with the decision on a positive, and on a negative."""
    actual_ = tp + fn
    actual_negative = fp + tn
    predicted = tp + fp
    predicted_negative = fn + tn
    total_ = tp + fp + fn + tn
    d = actual_ * predicted_negative
    ratio = divide(fn * total_, d)
    d_2 = actual_negative * predicted
    ratio_2 = divide(fp * total_, d_2)
    d_3 = actual_negative * predicted_negative
    ratio_3 = divide(tn * total_, d_3)
    d_4 = actual_ * predicted
    ratio_4 = divide(tp * total_, d_4)
    t1 = 0.6931471805599453 * predicted_negative
    t2 = divide(fn * (divide(ratio, predicted_negative) - divide(total_, d)), 0.6931471805599453 * ratio)
    t3 = divide(tp * (divide(total_, d_4) - divide(ratio_4, predicted)), 0.6931471805599453 * ratio_4)
    t4 = 0.6931471805599453 * predicted
    t5 = divide(fp, t4) + 1.4426950408889634 * log(ratio) - divide(tn, t1) - 1.4426950408889634 * log(ratio_4) - t2 - t3
    t6 = divide(fp * (divide(total_, d_2) - divide(ratio_2, predicted)), 0.6931471805599453 * ratio_2)
    t7 = divide(tn * (divide(ratio_3, predicted_negative) - divide(total_, d_3)), 0.6931471805599453 * ratio_3)
    t8 = divide(tp, t4) + 1.4426950408889634 * log(ratio_3) - divide(fn, t1) - 1.4426950408889634 * log(ratio_2) - t6 - t7
    return divide(t5, total_), divide(t8, total_)


def relax(z):
    """The relaxed decision and its complement, each without cancellation."""
    return sigmoids(2 * z - 1)


def relax_slope(z):
    """The derivative of the relaxed decision by the score."""
    a, b = sigmoids(2 * z - 1)
    return 2 * a * b


def decide(z):
    """The hard decision."""
    return z > 0.5


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


def log(x):
    """The logarithm, of zero that of TINY."""
    xp = array_namespace(x)
    return xp.log(xp.clip(x, min=TINY))


def exp(x):
    """The exponential function, cut off before it overflows."""
    xp = array_namespace(x)
    return xp.exp(xp.clip(x, max=0.9 * math.log(xp.finfo(x.dtype).max)))

