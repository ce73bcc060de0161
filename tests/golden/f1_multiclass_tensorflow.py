"""A loss for TensorFlow: f1, multiclass, macro, relaxed by Soft().

Written by metricloss 0.1.0. The file needs TensorFlow and nothing else, and may be copied into any
project, under any licence. To write it again:

    metricloss emit '2*TP/(FN + FP + 2*TP)' --name f1 --backend tensorflow --task=multiclass --ignore-index=255

    d                 FN + FP + 2*TP
    f1                2*TP/d
    loss of a matrix  1 - f1
    slopes            -(2 - f1)/d on a positive,
                      f1/d on a negative: how the loss moves with the decision
    decision          h = p, p = softmax(z)

y_pred holds logits of N samples, of K exclusive classes along axis -1, with any other axes. y_true
holds class indices, integers of that shape without the axis of the classes (an entry with index
255 takes no part), or labels in [0, 1], one-hot or soft, of the shape of y_pred. An index that
names no class is not found out: it makes a negative of every class. sample_weight and mask have
the shape (N,), by sample, or that of y_pred with or without the axis of the classes; an axis of
size 1 is repeated.

Every class makes a confusion matrix, of all samples; the loss is the mean over the classes.

Counts are sums over the entries of a matrix, of weight · label · decision and their complements. A
quotient whose denominator is zero is 0, if nothing else is said above, with slope 0; an infinite
slope of a root or a logarithm is 0 too. Finite scores give a finite loss and a finite gradient.
"""

import math

import tensorflow as tf

# A denominator, or the argument of a logarithm, this close to zero counts as zero.
TINY = 2.0**-64
# No slope is larger: it must survive a product with the scores' own slopes in float32.
HUGE = 2.0**100
# Where the scores have their classes.
CLASS_AXIS = -1
# What one confusion matrix sums over, where arrays are (samples, positions, classes).
AXES = (0, 1)
# The class index of entries that take no part.
IGNORE_INDEX = 255
# Class indices are expanded for one of so many parts of the scores in one go; this many scores are one part.
PARTS = 8
SMALL = 2**16
# So many numbers are added in float32 in one go: XLA on a CPU adds one by one, and long sums lose digits.
RUN = 256


def loss(y_true, y_pred, sample_weight=None, mask=None):
    """The loss, differentiable by the scores any number of times; the head of this file tells the shapes.

    An entry whose mask is False, or whose weight is 0, takes no part, whatever its score. All but the scores
    are constants, no gradient reaches them. Returns the scores' dtype; sums are taken in float32 or wider.
    Raises TypeError for scores of another dtype and ValueError for shapes that do not fit; how many axes an
    array has must be known when a graph is traced, and of exclusive classes also how many there are.
    """
    z, y, w = prepared(y_true, y_pred, sample_weight, mask)
    return in_one_graph(z, y, w, z.shape[-1], y.shape[-1]) if tf.executing_eagerly() else of_entries(z, y, w)


def of_entries(z, y, w):
    """The loss of what `prepared` returns."""
    totals = counted(z, y, w)
    return narrow(averaged(valued(*totals), totals, w), z.dtype)


@tf.function(autograph=False, reduce_retracing=True)
def in_one_graph(z, y, w, classes, label_classes):
    """The same for eager execution, traced for a number of classes and any number of samples."""
    return of_entries(
        tf.ensure_shape(z, [None, None, classes]), tf.ensure_shape(y, [None, None, label_classes]), w
    )


def score(y_true, y_pred, sample_weight=None, mask=None):
    """The hard metric of the same arguments, averaged as the loss is, in float32 or wider."""
    z, y, w = prepared(y_true, y_pred, sample_weight, mask)
    totals = decided_counts(z, y, w)
    return averaged(of_counts(metric, totals)[0], totals, w)


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
    """The relaxed counts, part by part."""
    return added(part_by_part(lambda z, y, w: sums(y, w, *relax(probabilities(z))), z, y, w))


def decided_counts(z, y, w):
    """The hard counts, part by part."""
    return added(part_by_part(lambda z, y, w: sums(y, w, decide(z), 1 - decide(z)), z, y, w))


def gradient(z, y, w, positive, negative):
    """The gradient by the scores, from how the loss moves with the decision on a positive and on a negative."""
    dtype, positive, negative = z.dtype, along(positive, z), along(negative, z)

    def of_part(z, y, w):
        p = probabilities(z)
        by_p = (y * positive + (1 - y) * negative) * relax_slope(p)
        return narrow(gradient_by_scores(by_p if w is None else by_p * w, p), dtype)

    return tf.concat(part_by_part(of_part, z, y, w), axis=1)


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


def relax(p):
    """The relaxed decision on a class and its complement, from the class's probability."""
    q = complement(p)
    return p, q


def relax_slope(p):
    """The derivative of the relaxed decision on a class by its probability."""
    return 1


def decide(z):
    """The hard decision: the likeliest class, of equals the first."""
    return tf.one_hot(tf.argmax(z, axis=-1), z.shape[-1], dtype=z.dtype)


def probabilities(z):
    """The softmax."""
    powers = tf.exp(z - tf.stop_gradient(tf.reduce_max(z, axis=-1, keepdims=True)))
    return powers / tf.reduce_sum(powers, axis=-1, keepdims=True)


def complement(p):
    """1 - p: of the one probability above a half, if there is one, the sum of the others, no difference."""
    large = tf.where(p > 0.5, p, 0)
    of_others = tf.reduce_sum(p - large, axis=-1, keepdims=True)
    return (tf.reduce_sum(large, axis=-1, keepdims=True) - p) + of_others


def gradient_by_scores(by_p, p):
    """The gradient by the scores; that by the likeliest class is taken off first, for it would cost digits."""
    first = likeliest(p)
    of_first = tf.reduce_sum(by_p * first, axis=-1, keepdims=True)
    by_p = by_p - of_first / tf.reduce_sum(first, axis=-1, keepdims=True)
    return p * (by_p - tf.reduce_sum(by_p * p, axis=-1, keepdims=True))


def likeliest(p):
    """1 for the likeliest class, or for several as likely, 0 for others."""
    return tf.cast(p == tf.reduce_max(p, axis=-1, keepdims=True), p.dtype)


def averaged(values, totals, w):
    """The mean of the values."""
    return tf.reduce_sum(values * shares(totals, w))


def shares(totals, w):
    """What each class counts for in the mean: all the same."""
    return tf.ones_like(totals[0]) / tf.cast(tf.maximum(tf.size(totals[0]), 1), totals[0].dtype)


def prepared(y_true, y_pred, sample_weight, mask):
    """Scores, labels and weights as (samples, positions, classes); what is to be ignored weighs 0."""
    scores = scores_of(y_pred)
    z = classes_last(scores)
    y = flat(class_labels(tf.convert_to_tensor(y_true), scores, z))
    w = entry_weights(sample_weight, mask, z)
    if y.shape[-1] == 1:
        kept = y != IGNORE_INDEX
        w = kept if w is None else tf.where(kept, w, tf.zeros_like(w))
    return flat(z), y, w


def class_labels(y, scores, z):
    """The labels with their classes last, or class indices with an axis of one; z: the scores so.

    Indices may be whole floating-point numbers: Keras makes these of any labels.
    """
    if z.shape[-1] is None or z.shape[-1] < 2:
        raise ValueError(
            f"y_pred has shape {scores.shape}: of exclusive classes there are at least two, and a graph is "
            "traced for a number of them"
        )
    if y.shape.rank == z.shape.rank and y.shape.is_compatible_with(scores.shape):
        return classes_last(alike(y, scores))
    if y.shape.rank is not None and y.shape.is_compatible_with(z.shape[:-1]) and y.dtype != tf.bool:
        if None in (*y.shape, *z.shape):
            tf.debugging.assert_equal(tf.shape(y), tf.shape(z)[:-1], "y_true and y_pred differ in shape")
        return tf.cast(y, tf.int64)[..., tf.newaxis]
    raise ValueError(
        f"y_pred has shape {scores.shape} and y_true {y.shape}, of {y.dtype.name}: give class indices, "
        f"integers of shape {z.shape[:-1]}, or labels of the scores' shape"
    )


def scores_of(y_pred):
    """The scores as a tensor of a floating dtype, with as many axes as the trace knows of."""
    z = tf.convert_to_tensor(y_pred)
    if not z.dtype.is_floating:
        raise TypeError(f"y_pred has dtype {z.dtype.name}, but scores are floating-point numbers")
    if z.shape.rank is None:
        raise ValueError("y_pred has an unknown number of axes: a graph is traced for a number of them")
    return z


def alike(y, z):
    """The labels, which have the scores' shape; the run checks what a trace cannot."""
    if not y.shape.is_compatible_with(z.shape):
        raise ValueError(f"y_true has shape {y.shape} and y_pred {z.shape}: give equal shapes")
    if not (y.shape.is_fully_defined() and z.shape.is_fully_defined()):
        tf.debugging.assert_equal(tf.rank(y), tf.rank(z), "y_true and y_pred differ in rank")
        tf.debugging.assert_equal(tf.shape(y), tf.shape(z), "y_true and y_pred differ in shape")
    return tf.ensure_shape(y, z.shape)


def classes_last(x):
    """A tensor with its classes in the last axis."""
    rank = x.shape.rank
    if rank < 2 or not -rank <= CLASS_AXIS < rank:
        raise ValueError(f"y_pred has shape {x.shape}, but axis {CLASS_AXIS} is to hold its classes")
    axis = CLASS_AXIS % rank
    return x if axis == rank - 1 else tf.transpose(x, [*range(axis), *range(axis + 1, rank), axis])


def flat(x):
    """A tensor as (1, samples and positions, classes): all samples make the same matrices."""
    *positions, classes = sizes(x)
    return tf.reshape(x, [1, math.prod(positions), classes])


def sizes(x):
    """The size of each axis: a number, or where a trace does not know it, a tensor."""
    return [tf.shape(x)[axis] if size is None else size for axis, size in enumerate(x.shape)]


def entry_weights(sample_weight, mask, z):
    """What every entry weighs, 0 where the mask is False, for scores z; None where all weigh 1."""
    w = None if sample_weight is None else fitted(tf.convert_to_tensor(sample_weight), "sample_weight", z)
    m = None if mask is None else tf.cast(fitted(tf.convert_to_tensor(mask), "mask", z), tf.bool)
    return w if m is None else m if w is None else tf.where(m, w, tf.zeros_like(w))


def fitted(x, name, z):
    """A weight or mask as flat as the scores, for scores with classes last."""
    rank = z.shape.rank
    if x.shape.rank is None:
        raise ValueError(f"{name} has an unknown number of axes: a graph is traced for a number of them")
    fits = x
    if x.shape.rank < 2:
        fits = tf.reshape(x, [-1, *[1] * (rank - 1)])
    elif x.shape.rank == rank - 1:
        fits = x[..., tf.newaxis]
    elif x.shape.rank == rank:
        fits = classes_last(x)
    if fits.shape.rank != rank or not broadcasts(fits.shape, z.shape):
        raise ValueError(
            f"{name} has shape {x.shape}: give {z.shape[:1]}, by sample, {z.shape[:-1]}, by entry, or the "
            "scores' shape; an axis of size 1 is repeated"
        )
    return flat(tf.broadcast_to(fits, [*sizes(z)[:-1], sizes(fits)[-1]]))


def broadcasts(shape, to):
    """Whether an array of a shape can be repeated to fill another, as far as the two are known."""
    if None in (shape.rank, to.rank):
        return True
    pairs = zip(reversed(shape), reversed(to), strict=False)
    return shape.rank <= to.rank and all(a in (1, b) or None in (a, b) for a, b in pairs)


def part_by_part(function, z, y, w):
    """The results of a function of scores, labels and weights, one part of the positions after the other."""
    results = []
    for part in parts(z):
        with tf.control_dependencies(tf.nest.flatten(results[-1:])):  # a graph would take all parts at once
            cut = widened(z[:, part], y[:, part], None if w is None else w[:, part])
            results.append(function(*cut))
    return results


def parts(z):
    """The parts of the scores, as slices of their positions."""
    _, size, classes = sizes(z)
    step = size // PARTS + SMALL // classes + 1
    starts = range(0, max(size, 1), step) if isinstance(size, int) else [part * step for part in range(PARTS)]
    return [slice(start, start + step) for start in starts]


def along(slope, z):
    """A slope for each matrix as a tensor that broadcasts to the scores."""
    return tf.reshape(slope, [1 if axis in AXES else size for axis, size in enumerate(sizes(z))])


def added(of_parts):
    """The sums of the counts of parts."""
    return tuple(tf.add_n(count) for count in zip(*of_parts, strict=True))


def widened(z, y, w):
    """Scores, labels of each class and weights in float32 or wider, and 0 for scores and labels of weight 0."""
    wide = tf.float64 if z.dtype == tf.float64 else tf.float32
    y = tf.one_hot(y[..., 0], z.shape[-1], dtype=wide) if y.shape[-1] == 1 else tf.cast(y, wide)
    z = tf.cast(z, wide)
    if w is None:
        return z, y, None
    w = tf.cast(w, wide)
    # A class may weigh 0, and is a rival of the others all the same.
    takes_part = tf.reduce_any(w != 0, axis=-1, keepdims=True)
    return tf.where(takes_part, z, 0), tf.where(takes_part, y, 0), w


def sums(y, w, decided, rejected):
    """TP, FP, FN, TN, each a sum of its own: a difference of large sums would cancel."""
    on, off = (y, 1 - y) if w is None else (w * y, w * (1 - y))
    return total(on * decided), total(off * decided), total(on * rejected), total(off * rejected)


def total(x):
    """The sum of each matrix, by blocks; those are summed in float64, or XLA would make one sum of both."""
    samples, positions, classes = sizes(x)
    block = tf.clip_by_value(positions, 1, RUN)
    padded = tf.pad(x, [[0, 0], [0, -positions % block], [0, 0]])
    split = tf.reshape(padded, [samples, -(-positions // block), block, classes])
    blocks = tf.reduce_sum(split, axis=2)
    return tf.cast(tf.reduce_sum(tf.cast(blocks, tf.float64), axis=AXES), x.dtype)


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

