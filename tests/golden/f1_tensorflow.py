"""A loss for TensorFlow: f1, relaxed by Soft().

Written by metricloss 0.1.0. The file needs TensorFlow and nothing else, and may be copied into any
project, under any licence. To write it again:

    metricloss emit '2*TP/(FN + FP + 2*TP)' --name f1 --backend tensorflow

    d         FN + FP + 2*TP
    f1        2*TP/d
    loss      1 - f1
    slopes    -(2 - f1)/d on a positive,
              f1/d on a negative: how the loss moves with the decision
    decision  h = p, p = sigmoid(z)

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
    return tf.sigmoid(z), tf.sigmoid(-z)


def relax_slope(z):
    """The derivative of the relaxed decision by the score."""
    return tf.sigmoid(-z) * tf.sigmoid(z)


def decide(z):
    """The hard decision."""
    return z > 0.0


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
