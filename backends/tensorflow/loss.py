"""F1 loss for TensorFlow, as it stands before the compiler fills its holes."""

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
AXES__micro = (0, 1, 2)
AXES__samples = (1, 2)
AXES__samples_by_class = (1,)
# What each class weighs in the mean.
CLASS_WEIGHT = (1.0,)
# The class index of entries that take no part.
IGNORE_INDEX = None
# Class indices are expanded for one of so many parts of the scores in one go; this many scores are one part.
PARTS = 8
SMALL = 2**16
# So many numbers are added in float32 in one go: XLA on a CPU adds one by one, and long sums lose digits.
RUN = 256
# So many parts of an array are added to one another before that: XLA then stores the one, not all of them.
FOLDS = 8
# Of every layer of the learned network, how many numbers it takes and how many it gives.
SHAPES = ((1, 1),)
# Its numbers, layer by layer: the weights, a row for each number that the layer takes, and what it adds.
WEIGHTS = "1.0 0.0"
NUMBERS = [float(number) for number in WEIGHTS.split()]


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


def loss__grouped(y_true, y_pred, sample_weight=None, mask=None):
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
    return narrow(valued(*counted(z, y, w)), z.dtype)


def of_entries__averaged(z, y, w):
    """The loss of what `prepared` returns."""
    totals = counted(z, y, w)
    return narrow(averaged(valued(*totals), totals, w), z.dtype)


@tf.function(autograph=False, reduce_retracing=True)
def in_one_graph(z, y, w):
    """The same for eager execution, which would spend more on each of many small steps than on a batch."""
    return of_entries(z, y, w)


@tf.function(autograph=False, reduce_retracing=True)
def in_one_graph__grouped(z, y, w, classes, label_classes):
    """The same for eager execution, traced for a number of classes and any number of samples."""
    return of_entries(
        tf.ensure_shape(z, [None, None, classes]), tf.ensure_shape(y, [None, None, label_classes]), w
    )


def score(y_true, y_pred, sample_weight=None, mask=None):
    """The hard metric of the same arguments, in float32 or wider."""
    return of_counts(metric, counts(y_true, y_pred, sample_weight, mask))[0]


def score__averaged(y_true, y_pred, sample_weight=None, mask=None):
    """The hard metric of the same arguments, averaged as the loss is, in float32 or wider."""
    z, y, w = prepared(y_true, y_pred, sample_weight, mask)
    totals = decided_counts(z, y, w)
    return averaged(of_counts(metric, totals)[0], totals, w)


def score__skip(y_true, y_pred, sample_weight=None, mask=None):
    """The hard metric of the same arguments, averaged as the loss is; NaN where there are no positives."""
    z, y, w = prepared(y_true, y_pred, sample_weight, mask)
    totals = decided_counts(z, y, w)
    exists = averaged(tf.ones_like(totals[0]), totals, w) > 0
    return tf.where(exists, averaged(of_counts(metric, totals)[0], totals, w), math.nan)


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


def relaxed_counts__multiclass(z, y, w):
    """The relaxed counts, part by part."""
    return added(part_by_part(lambda z, y, w: sums(y, w, *relax(probabilities(z))), z, y, w))


def decided_counts(z, y, w):
    """The hard counts."""
    z, y, w = widened(z, y, w)
    decided = tf.cast(decide(z), z.dtype)
    return sums(y, w, decided, 1 - decided)


def decided_counts__multiclass(z, y, w):
    """The hard counts, part by part."""
    return added(part_by_part(lambda z, y, w: sums(y, w, decide(z), 1 - decide(z)), z, y, w))


def gradient(z, y, w, positive, negative):
    """The gradient by the scores, from how the loss moves with the decision on a positive and on a negative."""
    dtype = z.dtype
    z, y, w = widened(z, y, w)
    _, _, slope = relax_and_slope(z)  # a graph that has counts and gradient makes this once
    by_scores = (y * positive + (1 - y) * negative) * slope
    return narrow(by_scores if w is None else by_scores * w, dtype)


def gradient__grouped(z, y, w, positive, negative):
    """The gradient by the scores, from how the loss moves with the decision on a positive and on a negative."""
    dtype = z.dtype
    positive, negative = along(positive, z), along(negative, z)
    z, y, w = widened(z, y, w)
    _, _, slope = relax_and_slope(z)  # a graph that has counts and gradient makes this once
    by_scores = (y * positive + (1 - y) * negative) * slope
    return narrow(by_scores if w is None else by_scores * w, dtype)


def gradient__multiclass(z, y, w, positive, negative):
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


def relax(z):
    """The relaxed decision and its complement, each without cancellation."""
    return sigmoids(z)


def relax_slope(z):
    """The derivative of the relaxed decision by the score."""
    p, q = sigmoids(z)
    return p * q


def relax_and_slope(z):
    """The relaxed decision, its complement and its derivative by the score."""
    p, q = sigmoids(z)
    return p, q, p * q


def relax__multiclass(p):
    """The relaxed decision on a class and its complement, from the class's probability."""
    q = complement(p)
    return p, q


def relax_slope__multiclass(p):
    """The derivative of the relaxed decision on a class by its probability."""
    return 1


def decide(z):
    """The hard decision."""
    return z > 0.0


def decide__multiclass(z):
    """The hard decision: the likeliest class, of equals the first."""
    return tf.one_hot(tf.argmax(z, axis=-1), z.shape[-1], dtype=z.dtype)


def probabilities(z):
    """The softmax."""
    powers = tf.exp(z - tf.stop_gradient(tf.reduce_max(z, axis=-1, keepdims=True)))
    return powers / tf.reduce_sum(powers, axis=-1, keepdims=True)


def probabilities__given(z):
    """The probabilities, which are what the scores are."""
    return z


def complement(p):
    """1 - p: of the one probability above a half, if there is one, the sum of the others, no difference."""
    large = tf.where(p > 0.5, p, 0)
    of_others = tf.reduce_sum(p - large, axis=-1, keepdims=True)
    return (tf.reduce_sum(large, axis=-1, keepdims=True) - p) + of_others


def complement__given(p):
    """1 - p."""
    return 1 - p


def gradient_by_scores(by_p, p):
    """The gradient by the scores; that by the likeliest class is taken off first, for it would cost digits."""
    first = likeliest(p)
    of_first = tf.reduce_sum(by_p * first, axis=-1, keepdims=True)
    by_p = by_p - of_first / tf.reduce_sum(first, axis=-1, keepdims=True)
    return p * (by_p - tf.reduce_sum(by_p * p, axis=-1, keepdims=True))


def gradient_by_scores__given(by_p, p):
    """The gradient by the scores, which are the probabilities."""
    return by_p


def likeliest(p):
    """1 for the likeliest class, or for several as likely, 0 for others."""
    return tf.cast(p == tf.reduce_max(p, axis=-1, keepdims=True), p.dtype)


def averaged(values, totals, w):
    """The mean of the values."""
    return tf.reduce_sum(values * shares(totals, w))


def averaged__each_skip(values, totals, w):
    """The values, 0 for a matrix without positives."""
    return values * shares(totals, w)


def shares(totals, w):
    """What each class counts for in the mean: all the same."""
    return tf.ones_like(totals[0]) / tf.cast(tf.maximum(tf.size(totals[0]), 1), totals[0].dtype)


def shares__weighted(totals, w):
    """What each class counts for in the mean: together 1, or all 0."""
    weights = importance(totals)
    return divide(weights, tf.reduce_sum(weights))


def shares__each_skip(totals, w):
    """1 for the value of a matrix with positives, 0 for others."""
    return present(totals)


def shares__samples(totals, w):
    """What each sample counts for in the mean: together 1, or all 0."""
    weights = importance(totals) * sample_weights(totals, w)
    return divide(weights, tf.reduce_sum(weights))


def shares__samples_by_class(totals, w):
    """What each class of each sample counts for in the mean over classes, then over samples."""
    weights = importance(totals)
    of_sample = divide(weights, tf.reduce_sum(weights, axis=-1, keepdims=True))
    samples = tf.reduce_sum(of_sample, axis=-1) * sample_weights(totals, w)
    return of_sample * divide(samples, tf.reduce_sum(samples))[:, tf.newaxis]


def sample_weights(totals, w):
    """What a sample weighs in the mean: as its entries do on average, of those that take part."""
    if w is None:
        return tf.ones(tf.shape(totals[0])[:1], totals[0].dtype)
    w = tf.cast(w, tf.float64)
    entries = tf.math.count_nonzero(w, axis=(1, 2), dtype=tf.float64)
    return tf.cast(divide(tf.reduce_sum(w, axis=(1, 2)), entries), totals[0].dtype)


def importance(totals):
    """What a class weighs in the mean: all the same."""
    return tf.ones_like(totals[0])


def importance__skip(totals):
    """What a class weighs in the mean: all the same, one without positives nothing."""
    return present(totals)


def importance__support(totals):
    """What a class weighs in the mean: its positives, or all the same where there are none."""
    support = actual(totals)
    return tf.where(tf.reduce_sum(support, axis=-1, keepdims=True) > TINY, support, tf.ones_like(support))


def importance__support_skip(totals):
    """What a class weighs in the mean: its positives."""
    return actual(totals)


def importance__class_weight(totals):
    """What a class weighs in the mean."""
    return class_weights(totals) * tf.ones_like(totals[0])


def importance__class_weight_skip(totals):
    """What a class weighs in the mean; one without positives nothing."""
    return class_weights(totals) * present(totals)


def class_weights(totals):
    """The weights of the classes, of which there must be as many."""
    if totals[0].shape[-1] != len(CLASS_WEIGHT):
        raise ValueError(
            f"y_pred has {totals[0].shape[-1]} classes, and class_weight has {len(CLASS_WEIGHT)} numbers"
        )
    return tf.constant(CLASS_WEIGHT, totals[0].dtype)


def present(totals):
    """1 where there are positives, 0 where there are none."""
    return tf.cast(actual(totals) > TINY, totals[0].dtype)


def actual(totals):
    """The weight of the positives, which no score can change."""
    return tf.stop_gradient(totals[0] + totals[2])


def prepared(y_true, y_pred, sample_weight, mask):
    """Scores, labels and the weights of all entries; shapes and dtypes are looked at, values are not."""
    z = scores_of(y_pred)
    y = alike(tf.convert_to_tensor(y_true), z)
    return z, y, entry_weights(sample_weight, mask, z)


def prepared__grouped(y_true, y_pred, sample_weight, mask):
    """Scores, labels and weights as (samples, positions, classes); values are not looked at."""
    scores = scores_of(y_pred)
    z, y = classes_last(scores), classes_last(alike(tf.convert_to_tensor(y_true), scores))
    return flat(z), flat(y), entry_weights(sample_weight, mask, z)


def prepared__multiclass(y_true, y_pred, sample_weight, mask):
    """Scores, labels and weights as (samples, positions, classes); values are not looked at."""
    scores = scores_of(y_pred)
    z = classes_last(scores)
    y = class_labels(tf.convert_to_tensor(y_true), scores, z)
    return flat(z), flat(y), entry_weights(sample_weight, mask, z)


def prepared__ignore_index(y_true, y_pred, sample_weight, mask):
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
    """The scores as a tensor of a floating dtype."""
    z = tf.convert_to_tensor(y_pred)
    if not z.dtype.is_floating:
        raise TypeError(f"y_pred has dtype {z.dtype.name}, but scores are floating-point numbers")
    return z


def scores_of__grouped(y_pred):
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


def classes_last__binary(x):
    """A tensor with an axis for its one class."""
    return x[..., tf.newaxis]


def flat(x):
    """A tensor as (1, samples and positions, classes): all samples make the same matrices."""
    *positions, classes = sizes(x)
    return tf.reshape(x, [1, math.prod(positions), classes])


def flat__by_sample(x):
    """A tensor as (samples, positions, classes)."""
    shape = sizes(x)
    return tf.reshape(x, [shape[0], math.prod(shape[1:-1]), shape[-1]])


def sizes(x):
    """The size of each axis: a number, or where a trace does not know it, a tensor."""
    return [tf.shape(x)[axis] if size is None else size for axis, size in enumerate(x.shape)]


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


def fitted__grouped(x, name, z):
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
    """Scores, labels and weights in float32 or wider, and 0 for scores and labels of weight 0."""
    wide = tf.float64 if z.dtype == tf.float64 else tf.float32
    z, y = tf.cast(z, wide), tf.cast(y, wide)
    if w is None:
        return z, y, None
    w = tf.cast(w, wide)
    return tf.where(w != 0, z, 0), tf.where(w != 0, y, 0), w


def widened__multiclass(z, y, w):
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
    """The sum over all entries, by blocks; those are summed in float64, or XLA would make one sum of both."""
    padded = tf.pad(tf.reshape(x, [-1]), [[0, -tf.size(x) % (FOLDS * RUN)]])
    folded = tf.add_n(tf.split(padded, FOLDS))
    blocks = tf.reduce_sum(tf.reshape(folded, [-1, RUN]), axis=1)
    return tf.cast(tf.reduce_sum(tf.cast(blocks, tf.float64)), x.dtype)


def total__grouped(x):
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


def sigmoids(x):
    """The sigmoids of x and -x, each with all its digits.

    Not of one exponential: a graph may square one's small part before it multiplies by the other's large one.
    """
    return tf.sigmoid(x), tf.sigmoid(-x)


def learned(x):
    """The learned network's value at every number of an array."""
    return tf.reshape(network(tf.reshape(x, [-1, 1])), tf.shape(x))


def learned_slope(x):
    """How the learned network's value moves, at every number of an array."""
    by_x = network_slopes(tf.reshape(x, [-1, 1]))
    return tf.reshape(tf.broadcast_to(by_x, [tf.size(x)]), tf.shape(x))


def network(x):
    """The network's value of every row of numbers."""
    (weights, biases), *others = layers(x)
    values = x @ weights + biases
    for weights, biases in others:
        values = tf.nn.elu(values) @ weights + biases
    return values[:, 0]


def network_slopes(x):
    """How the network's value moves with every number, of rows of one number each."""
    (weights, biases), *others = layers(x)
    values, by_x = x @ weights + biases, weights
    for weights, biases in others:
        by_x = (by_x * tf.exp(tf.minimum(values, 0))) @ weights
        values = tf.nn.elu(values) @ weights + biases
    return by_x[:, 0]


def layers(x):
    """The weights of every layer and what it adds, in the dtype of an array."""
    rest = tf.constant(NUMBERS, x.dtype)
    for inputs, outputs in SHAPES:
        weights, biases, rest = tf.split(rest, [inputs * outputs, outputs, -1])
        yield tf.reshape(weights, [inputs, outputs]), biases


def divide(numerator, denominator, otherwise=0.0):
    """The quotient, and `otherwise` where the denominator is zero."""
    zero = tf.abs(denominator) <= TINY
    safe = tf.where(zero, tf.ones_like(denominator), denominator)
    return tf.where(zero, tf.cast(otherwise, safe.dtype), numerator / safe)


def sqrt(x):
    """The square root, with slope 0 at 0."""
    zero = x <= 0
    return tf.where(zero, tf.zeros_like(x), tf.sqrt(tf.where(zero, tf.ones_like(x), x)))


def power(x, exponent):
    """A fractional power, with slope 0 at 0."""
    zero = x <= 0
    return tf.where(zero, tf.zeros_like(x), tf.where(zero, tf.ones_like(x), x) ** exponent)


def log(x):
    """The logarithm, of zero that of TINY."""
    return tf.math.log(tf.maximum(x, TINY))


def exp(x):
    """The exponential function, cut off before it overflows."""
    return tf.exp(tf.minimum(x, 0.9 * math.log(x.dtype.max)))


def asin(x):
    """The arc sine, of rounding errors beyond ±1 that of ±1."""
    return tf.asin(tf.clip_by_value(x, -1, 1))


def acos(x):
    """The arc cosine, of rounding errors beyond ±1 that of ±1."""
    return tf.acos(tf.clip_by_value(x, -1, 1))
