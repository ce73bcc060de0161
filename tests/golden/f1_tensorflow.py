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

Counts are sums over the entries of a matrix, of weight · label · decision and their complements. A
quotient whose denominator is zero is 0, if nothing else is said above, with slope 0; an infinite
slope of a root or a logarithm is 0 too. Finite scores give a finite loss and a finite gradient.
"""

import tensorflow as tf

# A denominator, or the argument of a logarithm, this close to zero counts as zero.
TINY = 2.0**-64
# No slope is larger: it must survive a product with the scores' own slopes in float32.
HUGE = 2.0**100
# So many numbers are added in float32 in one go: XLA on a CPU adds one by one, and long sums lose digits.
RUN = 256
# So many parts of an array are added to one another before that: XLA then stores the one, not all of them.
FOLDS = 8


def loss(y_true, y_pred, sample_weight=None, mask=None):
    """The loss of all entries together, differentiable by the scores any number of times.

    y_true: labels 0/1, or soft ones in [0, 1], of any shape and dtype. y_pred: scores of the same shape, of a
    floating dtype. sample_weight: multiplies the counts; a number for each sample, of shape (N,), or an array
    with as many axes as the scores, those of size 1 repeated. mask: of the same shapes. An entry whose mask is
    False, or whose weight is 0, takes no part, whatever its score. All but the scores are constants, no
    gradient reaches them. Returns a scalar of the scores' dtype; sums are taken in float32 or wider.
    Raises TypeError for scores of another dtype and ValueError for shapes that do not fit.
    """
    z, y, w = prepared(y_true, y_pred, sample_weight, mask)
    return in_one_graph(z, y, w) if tf.executing_eagerly() else of_entries(z, y, w)


def of_entries(z, y, w):
    """The loss of what `prepared` returns."""
    return narrow(valued(*counted(z, y, w)), z.dtype)


@tf.function(autograph=False, reduce_retracing=True)
def in_one_graph(z, y, w):
    """The same for eager execution, which would spend more on each of many small steps than on a batch."""
    return of_entries(z, y, w)


def score(y_true, y_pred, sample_weight=None, mask=None):
    """The hard metric of the same arguments, in float32 or wider."""
    return of_counts(metric, counts(y_true, y_pred, sample_weight, mask))[0]


def counts(y_true, y_pred, sample_weight=None, mask=None):
    """The hard counts TP, FP, FN, TN of the same arguments, in float32 or wider."""
    return decided_counts(*prepared(y_true, y_pred, sample_weight, mask))


def soft_counts(y_true, y_pred, sample_weight=None, mask=None):
    """The relaxed counts TP, FP, FN, TN, from which the loss is made, in float32 or wider; differentiable."""
    return counted(*prepared(y_true, y_pred, sample_weight, mask))


def counted(z, y, w):
    """The relaxed counts, with their derived gradient by the scores."""

    @tf.custom_gradient
    def of_scores(z):
        def by_scores(by_tp, by_fp, by_fn, by_tn):
            return gradient(z, y, w, by_tp - by_fn, by_fp - by_tn)

        # No tape is to keep what these are made from: the gradient is made from the scores and the counts.
        return relaxed_counts(tf.stop_gradient(z), y, w), by_scores

    return of_scores(z)


@tf.custom_gradient
def valued(tp, fp, fn, tn):
    """The loss of each matrix, with its derived slopes; TP + FN and FP + TN are constants."""

    def by_counts(upstream):
        positive, negative = of_counts(slopes, (tp, fp, fn, tn))
        return upstream * positive, upstream * negative, tf.zeros_like(fn), tf.zeros_like(tn)

    return of_counts(objective, (tp, fp, fn, tn))[0], by_counts


def relaxed_counts(z, y, w):
    """The relaxed counts."""
    z, y, w = widened(z, y, w)
    decided, rejected, _ = relax_and_slope(z)
    return sums(y, w, decided, rejected)


def decided_counts(z, y, w):
    """The hard counts."""
    z, y, w = widened(z, y, w)
    decided = tf.cast(decide(z), z.dtype)
    return sums(y, w, decided, 1 - decided)


def gradient(z, y, w, positive, negative):
    """The gradient by the scores, from how the loss moves with the decision on a positive and on a negative."""
    dtype = z.dtype
    z, y, w = widened(z, y, w)
    _, _, slope = relax_and_slope(z)  # a graph that has counts and gradient makes this once
    by_scores = (y * positive + (1 - y) * negative) * slope
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


def relax_and_slope(z):
    """The relaxed decision, its complement and its derivative by the score."""
    p, q = sigmoids(z)
    return p, q, p * q


def decide(z):
    """The hard decision."""
    return z > 0.0


def prepared(y_true, y_pred, sample_weight, mask):
    """Scores, labels and the weights of all entries; shapes and dtypes are looked at, values are not."""
    z = scores_of(y_pred)
    y = alike(tf.convert_to_tensor(y_true), z)
    return z, y, entry_weights(sample_weight, mask, z)


def scores_of(y_pred):
    """The scores as a tensor of a floating dtype."""
    z = tf.convert_to_tensor(y_pred)
    if not z.dtype.is_floating:
        raise TypeError(f"y_pred has dtype {z.dtype.name}, but scores are floating-point numbers")
    return z


def alike(y, z):
    """The labels, which have the scores' shape; the run checks what a trace cannot."""
    if not y.shape.is_compatible_with(z.shape):
        raise ValueError(f"y_true has shape {y.shape} and y_pred {z.shape}: give equal shapes")
    if not (y.shape.is_fully_defined() and z.shape.is_fully_defined()):
        tf.debugging.assert_equal(tf.rank(y), tf.rank(z), "y_true and y_pred differ in rank")
        tf.debugging.assert_equal(tf.shape(y), tf.shape(z), "y_true and y_pred differ in shape")
    return tf.ensure_shape(y, z.shape)


def entry_weights(sample_weight, mask, z):
    """What every entry weighs, 0 where the mask is False, for scores z; None where all weigh 1."""
    w = None if sample_weight is None else fitted(tf.convert_to_tensor(sample_weight), "sample_weight", z)
    m = None if mask is None else tf.cast(fitted(tf.convert_to_tensor(mask), "mask", z), tf.bool)
    return w if m is None else m if w is None else tf.where(m, w, tf.zeros_like(w))


def fitted(x, name, z):
    """A weight or mask as a tensor that broadcasts to the scores: one of shape (N,) is by sample."""
    fits = x
    if x.shape.rank in (1, None) and z.shape.rank != 1:  # as many ones behind N as the scores have axes there
        axes = tf.where(tf.rank(x) == 1, tf.maximum(tf.rank(z), 1) - 1, 0)
        fits = tf.reshape(x, tf.concat([tf.shape(x), tf.ones([axes], tf.int32)], axis=0))
    fit = z.shape.rank is None or x.shape.rank in (None, 0, 1, z.shape.rank)
    if not (fit and broadcasts(fits.shape, z.shape)):
        raise ValueError(
            f"{name} has shape {x.shape}: give {z.shape[:1]}, by sample, or {z.shape}, the scores'; "
            "an axis of size 1 is repeated"
        )
    known = fits.shape.is_fully_defined() and z.shape.is_fully_defined()
    return fits if known else tf.broadcast_to(fits, tf.shape(z))


def broadcasts(shape, to):
    """Whether an array of a shape can be repeated to fill another, as far as the two are known."""
    if None in (shape.rank, to.rank):
        return True
    pairs = zip(reversed(shape), reversed(to), strict=False)
    return shape.rank <= to.rank and all(a in (1, b) or None in (a, b) for a, b in pairs)


def widened(z, y, w):
    """Scores, labels and weights in float32 or wider, and 0 for scores and labels of weight 0."""
    wide = tf.float64 if z.dtype == tf.float64 else tf.float32
    z, y = tf.cast(z, wide), tf.cast(y, wide)
    if w is None:
        return z, y, None
    w = tf.cast(w, wide)
    return tf.where(w != 0, z, 0), tf.where(w != 0, y, 0), w


def sums(y, w, decided, rejected):
    """TP, FP, FN, TN, each a sum of its own: a difference of large sums would cancel."""
    on, off = (y, 1 - y) if w is None else (w * y, w * (1 - y))
    return total(on * decided), total(off * decided), total(on * rejected), total(off * rejected)


def total(x):
    """The sum over all entries, by blocks; those are summed in float64, or XLA would make one sum of both."""
    padded = tf.pad(tf.reshape(x, [-1]), [[0, -tf.size(x) % (FOLDS * RUN)]])
    folded = tf.add_n(tf.split(padded, FOLDS))
    blocks = tf.reduce_sum(tf.reshape(folded, [-1, RUN]), axis=1)
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


def sigmoids(x):
    """The sigmoids of x and -x, each with all its digits.

    Not of one exponential: a graph may square one's small part before it multiplies by the other's large one.
    """
    return tf.sigmoid(x), tf.sigmoid(-x)


def divide(numerator, denominator, otherwise=0.0):
    """The quotient, and `otherwise` where the denominator is zero."""
    zero = tf.abs(denominator) <= TINY
    safe = tf.where(zero, tf.ones_like(denominator), denominator)
    return tf.where(zero, tf.cast(otherwise, safe.dtype), numerator / safe)

