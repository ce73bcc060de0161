"""A loss for TensorFlow: mutual_information, relaxed by SigmoidF1(2, -0.5).

Written by metricloss 0.1.0. The file needs TensorFlow and nothing else, and may be copied into any
project, under any licence. To write it again:

    metricloss emit '(FN*log(FN*n/(P*PN))/log(2) + FP*log(FP*n/(N*PP))/log(2) + TN*log(TN*n/(N*PN))/log(2) + TP*log(TP*n/(P*PP))/log(2))/n' --name mutual_information --backend tensorflow --relaxation 'SigmoidF1(2, -0.5)'

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

Counts are sums over all entries, of weight · label · decision and their complements. A quotient
whose denominator is zero is 0, if nothing else is said above, with slope 0; an infinite slope of a
root or a logarithm is 0 too. Finite scores give a finite loss and a finite gradient.
"""

import tensorflow as tf

# A denominator, or the argument of a logarithm, this close to zero counts as zero.
TINY = 2.0**-64
# No slope is larger: it must survive a product with the scores' own slopes in float32.
HUGE = 2.0**100
# Entries that are summed in float32 in one go: XLA on a CPU adds one by one, and long sums lose digits.
BLOCK = 256


def loss(y_true, y_pred, sample_weight=None):
    """The loss of all entries together, differentiable by the scores any number of times.

    y_true: labels 0/1, or soft ones in [0, 1], of any shape and dtype; constants, no gradient reaches them.
    y_pred: scores of the same shape, of a floating dtype. sample_weight: multiplies the counts, of any shape
    that broadcasts to that of the scores; constant. Returns a scalar of the scores' dtype; sums are taken in
    float32 or wider.
    Raises TypeError for scores of another dtype and ValueError for shapes that do not fit.
    """
    z, y, w, dtype = prepared(y_true, y_pred, sample_weight)

    @tf.custom_gradient
    def of_scores(scores):
        z = tf.cast(scores, y.dtype)
        totals = sums(y, w, *relax(z))

        def gradient_by_scores(upstream):
            positive, negative = of_counts(slopes, totals)
            gradient = upstream * (y * positive + (1 - y) * negative) * relax_slope(z)
            return narrow(gradient if w is None else gradient * w, dtype)

        return of_counts(objective, totals)[0], gradient_by_scores

    return narrow(of_scores(tf.cast(z, dtype)), dtype)


def score(y_true, y_pred, sample_weight=None):
    """The hard metric of the same arguments, in float32 or wider."""
    return of_counts(metric, counts(y_true, y_pred, sample_weight))[0]


def counts(y_true, y_pred, sample_weight=None):
    """The hard counts TP, FP, FN, TN of the same arguments, in float32 or wider."""
    z, y, w, _ = prepared(y_true, y_pred, sample_weight)
    decided = tf.cast(decide(z), z.dtype)
    return sums(y, w, decided, 1 - decided)


def soft_counts(y_true, y_pred, sample_weight=None):
    """The relaxed counts TP, FP, FN, TN, from which the loss is made, in float32 or wider; differentiable."""
    z, y, w, _ = prepared(y_true, y_pred, sample_weight)
    return sums(y, w, *relax(z))


def metric(tp, fp, fn, tn):
    """The metric over the four counts."""
    actual = tp + fn
    actual_negative = fp + tn
    predicted = tp + fp
    predicted_negative = fn + tn
    total_ = tp + fp + fn + tn
    d = actual * predicted_negative
    ratio = divide(fn * total_, d)
    d_2 = actual_negative * predicted
    ratio_2 = divide(fp * total_, d_2)
    d_3 = actual_negative * predicted_negative
    ratio_3 = divide(tn * total_, d_3)
    d_4 = actual * predicted
    ratio_4 = divide(tp * total_, d_4)
    t1 = 1.4426950408889634 * tp * log(ratio_4) + 1.4426950408889634 * fp * log(ratio_2) + 1.4426950408889634 * fn * log(ratio) + 1.4426950408889634 * tn * log(ratio_3)
    return divide(t1, total_)


def objective(tp, fp, fn, tn):
    """The loss over the four counts."""
    return -metric(tp, fp, fn, tn)


def slopes(tp, fp, fn, tn):
    """How the loss moves with the decision on a positive, and on a negative."""
    actual = tp + fn
    actual_negative = fp + tn
    predicted = tp + fp
    predicted_negative = fn + tn
    total_ = tp + fp + fn + tn
    d = actual * predicted_negative
    ratio = divide(fn * total_, d)
    d_2 = actual_negative * predicted
    ratio_2 = divide(fp * total_, d_2)
    d_3 = actual_negative * predicted_negative
    ratio_3 = divide(tn * total_, d_3)
    d_4 = actual * predicted
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
    return tf.sigmoid(2 * z - 1), tf.sigmoid(1 - 2 * z)


def relax_slope(z):
    """The derivative of the relaxed decision by the score."""
    return 2 * tf.sigmoid(1 - 2 * z) * tf.sigmoid(2 * z - 1)


def decide(z):
    """The hard decision."""
    return z > 0.5


def prepared(y_true, y_pred, sample_weight):
    """Scores, labels and weights in float32 or wider, and the scores' own dtype; values are not looked at."""
    z, y = tf.convert_to_tensor(y_pred), tf.convert_to_tensor(y_true)
    if not z.dtype.is_floating:
        raise TypeError(f"y_pred has dtype {z.dtype.name}, but scores are floating-point numbers")
    if not y.shape.is_compatible_with(z.shape):
        raise ValueError(f"y_true has shape {y.shape} and y_pred {z.shape}: give equal shapes")
    wide = tf.float64 if z.dtype == tf.float64 else tf.float32
    w = None if sample_weight is None else tf.cast(tf.convert_to_tensor(sample_weight), wide)
    if w is not None and not broadcasts(w.shape, z.shape):
        raise ValueError(f"sample_weight of shape {w.shape} does not broadcast to {z.shape}")
    if not (y.shape.is_fully_defined() and z.shape.is_fully_defined()):  # the run checks what a trace cannot
        tf.debugging.assert_equal(tf.rank(y), tf.rank(z), "y_true and y_pred differ in rank")
        tf.debugging.assert_equal(tf.shape(y), tf.shape(z), "y_true and y_pred differ in shape")
        w = None if w is None else tf.broadcast_to(w, tf.shape(z))
    return tf.cast(z, wide), tf.cast(y, wide), w, z.dtype


def broadcasts(shape, to):
    """Whether an array of a shape can be repeated to fill another, as far as the two are known."""
    if None in (shape.rank, to.rank):
        return True
    pairs = zip(reversed(shape), reversed(to), strict=False)
    return shape.rank <= to.rank and all(a in (1, b) or None in (a, b) for a, b in pairs)


def sums(y, w, decided, rejected):
    """TP, FP, FN, TN, each a sum of its own: a difference of large sums would cancel."""
    on, off = (y, 1 - y) if w is None else (w * y, w * (1 - y))
    return total(on * decided), total(off * decided), total(on * rejected), total(off * rejected)


def total(x):
    """The sum over all entries, by blocks; those are summed in float64, or XLA would make one sum of both."""
    flat = tf.reshape(x, [-1])
    padded = tf.pad(flat, [[0, -tf.size(flat) % BLOCK]])
    blocks = tf.reduce_sum(tf.reshape(padded, [-1, BLOCK]), axis=1)
    return tf.cast(tf.reduce_sum(tf.cast(blocks, tf.float64)), x.dtype)


def of_counts(function, totals):
    """The results of a function of counts: finite where the counts are, NaN where these are."""
    results = function(*totals)
    results = results if isinstance(results, tuple) else (results,)
    return tuple(
        tf.where(tf.math.is_nan(x), 0 * sum(totals), tf.clip_by_value(x, -HUGE, HUGE)) for x in results
    )


def narrow(x, dtype):
    """x in a dtype, at the nearest finite number where it does not fit."""
    return x if x.dtype == dtype else tf.cast(tf.clip_by_value(x, dtype.min, dtype.max), dtype)


def divide(numerator, denominator, otherwise=0.0):
    """The quotient, and `otherwise` where the denominator is zero."""
    zero = tf.abs(denominator) <= TINY
    safe = tf.where(zero, tf.ones_like(denominator), denominator)
    return tf.where(zero, tf.cast(otherwise, safe.dtype), numerator / safe)


def log(x):
    """The logarithm, of zero that of TINY."""
    return tf.math.log(tf.maximum(x, TINY))
