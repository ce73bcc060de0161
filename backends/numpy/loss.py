"""F1 loss for NumPy, as it stands before the compiler fills its holes."""

import math

import numpy as np
from numpy.typing import ArrayLike

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
# Scores are worked on in blocks of so many, which stay in a processor's cache.
BLOCK = 2**15
BLOCK__learned = 2**12
# Products of so many are added in their own dtype, and what comes of these in float64.
ROW = 2**9
# Of every layer of the learned network, how many numbers it takes and how many it gives.
SHAPES = ((1, 1),)
# Its numbers, layer by layer: the weights, a row for each number that the layer takes, and what it adds.
WEIGHTS = "1.0 0.0"
NUMBERS = np.array(WEIGHTS.split(), np.float64)


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


def loss__grouped(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    mask: ArrayLike | None = None,
) -> np.floating | np.ndarray:
    """The loss; the head of this file tells the shapes.

    An entry whose mask is False, or whose weight is 0, takes no part, whatever its score. Returns the scores'
    dtype; long sums are taken in float64.
    Raises TypeError for dtypes and ValueError for shapes that do not fit.
    """
    z, y, w = prepared(y_true, y_score, sample_weight, mask)
    return narrow(of_counts(objective, relaxed_counts(z, y, w))[0], z.dtype)


def loss__averaged(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    mask: ArrayLike | None = None,
) -> np.floating | np.ndarray:
    """The loss; the head of this file tells the shapes.

    An entry whose mask is False, or whose weight is 0, takes no part, whatever its score. Returns the scores'
    dtype; long sums are taken in float64.
    Raises TypeError for dtypes and ValueError for shapes that do not fit.
    """
    z, y, w = prepared(y_true, y_score, sample_weight, mask)
    totals = relaxed_counts(z, y, w)
    return narrow(averaged(of_counts(objective, totals)[0], totals, w), z.dtype)


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


def value_and_grad__grouped(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    mask: ArrayLike | None = None,
) -> tuple[np.floating | np.ndarray, np.ndarray]:
    """The loss and its gradient by the scores, of a vector that of its sum; arguments as for the loss."""
    z, y, w = prepared(y_true, y_score, sample_weight, mask)
    totals, kept = relaxed(z, y, w)
    by_scores = gradient(kept, y, w, *of_counts(slopes, totals))
    value = of_counts(objective, totals)[0]
    return narrow(value, z.dtype), restored(narrow(by_scores, z.dtype), np.asarray(y_score))


def value_and_grad__averaged(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    mask: ArrayLike | None = None,
) -> tuple[np.floating | np.ndarray, np.ndarray]:
    """The loss and its gradient by the scores, arguments as for the loss."""
    z, y, w = prepared(y_true, y_score, sample_weight, mask)
    totals, kept = relaxed(z, y, w)
    share = shares(totals, w)
    by_scores = gradient(kept, y, w, *(share * slope for slope in of_counts(slopes, totals)))
    value = averaged(of_counts(objective, totals)[0], totals, w)
    return narrow(value, z.dtype), restored(narrow(by_scores, z.dtype), np.asarray(y_score))


def score(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    mask: ArrayLike | None = None,
) -> np.floating:
    """The hard metric of the same arguments, in float64."""
    return of_counts(metric, decided_counts(*prepared(y_true, y_score, sample_weight, mask)))[0]


def score__averaged(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    mask: ArrayLike | None = None,
) -> np.floating:
    """The hard metric of the same arguments, averaged as the loss is, in float64."""
    z, y, w = prepared(y_true, y_score, sample_weight, mask)
    totals = decided_counts(z, y, w)
    return averaged(of_counts(metric, totals)[0], totals, w)


def score__skip(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    mask: ArrayLike | None = None,
) -> np.floating | np.ndarray:
    """The hard metric of the same arguments, averaged as the loss is; NaN where there are no positives."""
    z, y, w = prepared(y_true, y_score, sample_weight, mask)
    totals = decided_counts(z, y, w)
    exists = averaged(np.ones_like(totals[0]), totals, w) > 0
    return np.where(exists, averaged(of_counts(metric, totals)[0], totals, w), np.nan)[()]


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


def relaxed_counts__multiclass(z, y, w):
    """The relaxed counts, block by block."""
    of_blocks = ((widened(z, w), y, w) for z, y, w in blocks(z, y, w))
    return added(z, (sums(*sides(y, w, z), *relax(probabilities(z))) for z, y, w in of_blocks))


def relaxed(z, y, w):
    """The relaxed counts, and what the gradient is made of: the derivatives of the relaxed decisions."""
    derivative = np.empty_like(z, dtype=np.promote_types(z.dtype, np.float32))
    return added(z, (relaxed_block(*block) for block in blocks(derivative, z, y, w))), derivative


def relaxed_block(derivative, z, y, w):
    """The relaxed counts of a block; the derivatives of its decisions are written down."""
    z = widened(z, w)
    decided, rejected, derivative[...] = relax_and_slope(z)
    return sums(*sides(y, w, z), decided, rejected)


def relaxed__multiclass(z, y, w):
    """The relaxed counts, and what the gradient is made of: the scores, for probabilities are many."""
    return relaxed_counts(z, y, w), z


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


def gradient__grouped(derivative, y, w, positive, negative):
    """The gradient by the scores, in place of the decisions' derivatives.

    positive, negative: how the loss moves with the decision on a positive, and on a negative, for each matrix.
    """
    positive, negative = along(positive, derivative), along(negative, derivative)
    for of_block, *y_and_w, by_on, by_off in blocks(derivative, y, w, positive, negative):
        on, off = sides(*y_and_w, of_block)
        of_block *= on * by_on + off * by_off
    return derivative


def gradient__multiclass(z, y, w, positive, negative):
    """The gradient by the scores.

    positive, negative: how the loss moves with the decision on a positive, and on a negative, for each matrix.
    """
    by_scores = np.empty_like(z, dtype=np.promote_types(z.dtype, np.float32))
    positive, negative = along(positive, by_scores), along(negative, by_scores)
    for of_block, scores, *y_and_w, by_on, by_off in blocks(by_scores, z, y, w, positive, negative):
        p = probabilities(widened(scores, y_and_w[1]))
        on, off = sides(*y_and_w, p)
        of_block[...] = gradient_by_scores((on * by_on + off * by_off) * relax_slope(p), p)
    return by_scores


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
    """The relaxed decision, its complement, and its derivative by the score."""
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
    return np.arange(z.shape[-1]) == z.argmax(-1)[..., np.newaxis]


def probabilities(z):
    """The softmax."""
    powers = np.exp(z - z.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def probabilities__given(z):
    """The probabilities, which are what the scores are."""
    return z


def complement(p):
    """1 - p: of the one probability above a half, if there is one, the sum of the others, no difference."""
    large = np.where(p > 0.5, p, 0)
    return (large.sum(-1, keepdims=True) - p) + (p - large).sum(-1, keepdims=True)


def complement__given(p):
    """1 - p."""
    return 1 - p


def gradient_by_scores(by_p, p):
    """The gradient by the scores; that by the likeliest class is taken off first, for it would cost digits."""
    first = likeliest(p)
    by_p = by_p - (by_p * first).sum(-1, keepdims=True) / first.sum(-1, keepdims=True)
    return p * (by_p - (by_p * p).sum(-1, keepdims=True))


def gradient_by_scores__given(by_p, p):
    """The gradient by the scores, which are the probabilities."""
    return by_p


def likeliest(p):
    """1 for the likeliest class, or for several as likely, 0 for others."""
    return (p == p.max(-1, keepdims=True)).astype(p.dtype)


def averaged(values, totals, w):
    """The mean of the values."""
    return np.sum(values * shares(totals, w))


def averaged__each_skip(values, totals, w):
    """The values, 0 for a matrix without positives."""
    return values * shares(totals, w)


def shares(totals, w):
    """What each class counts for in the mean: all the same."""
    return np.ones_like(totals[0]) / max(totals[0].size, 1)


def shares__weighted(totals, w):
    """What each class counts for in the mean: together 1, or all 0."""
    weights = importance(totals)
    return divide(weights, weights.sum())


def shares__each_skip(totals, w):
    """1 for the value of a matrix with positives, 0 for others."""
    return present(totals)


def shares__samples(totals, w):
    """What each sample counts for in the mean: together 1, or all 0."""
    weights = importance(totals) * sample_weights(totals, w)
    return divide(weights, weights.sum())


def shares__samples_by_class(totals, w):
    """What each class of each sample counts for in the mean over classes, then over samples."""
    weights = importance(totals)
    of_sample = divide(weights, weights.sum(-1, keepdims=True))
    samples = of_sample.sum(-1) * sample_weights(totals, w)
    return of_sample * divide(samples, samples.sum())[:, np.newaxis]


def sample_weights(totals, w):
    """What a sample weighs in the mean: as its entries do on average, of those that take part."""
    if w is None:
        return np.ones(totals[0].shape[0])
    return divide(w.sum((1, 2), dtype=np.float64), np.count_nonzero(w, (1, 2)))


def importance(totals):
    """What a class weighs in the mean: all the same."""
    return np.ones_like(totals[0])


def importance__skip(totals):
    """What a class weighs in the mean: all the same, one without positives nothing."""
    return present(totals)


def importance__support(totals):
    """What a class weighs in the mean: its positives, or all the same where there are none."""
    support = actual(totals)
    return np.where(support.sum(-1, keepdims=True) > TINY, support, 1)


def importance__support_skip(totals):
    """What a class weighs in the mean: its positives."""
    return actual(totals)


def importance__class_weight(totals):
    """What a class weighs in the mean."""
    return class_weights(totals) * np.ones_like(totals[0])


def importance__class_weight_skip(totals):
    """What a class weighs in the mean; one without positives nothing."""
    return class_weights(totals) * present(totals)


def class_weights(totals):
    """The weights of the classes, of which there must be as many."""
    if totals[0].shape[-1] != len(CLASS_WEIGHT):
        raise ValueError(
            f"y_score has {totals[0].shape[-1]} classes, and class_weight has {len(CLASS_WEIGHT)} numbers"
        )
    return np.array(CLASS_WEIGHT)


def present(totals):
    """1 where there are positives, 0 where there are none."""
    return (actual(totals) > TINY).astype(totals[0].dtype)


def actual(totals):
    """The weight of the positives."""
    return totals[0] + totals[2]


def prepared(y_true, y_score, sample_weight, mask):
    """Scores, labels and weights in one row; shapes and dtypes are looked at, values are not."""
    z, y = scores_of(y_score), np.asarray(y_true)
    if y.shape != z.shape:
        raise ValueError(f"y_true has shape {y.shape} and y_score {z.shape}: give equal shapes")
    return z.reshape(-1), y.reshape(-1), entry_weights(sample_weight, mask, z.shape)


def prepared__grouped(y_true, y_score, sample_weight, mask):
    """Scores, labels and weights as (samples, positions, classes); values are not looked at."""
    z, y = scores_of(y_score), np.asarray(y_true)
    if y.shape != z.shape:
        raise ValueError(f"y_true has shape {y.shape} and y_score {z.shape}: give equal shapes")
    z, y = classes_last(z), classes_last(y)
    return flat(z), flat(y), entry_weights(sample_weight, mask, z.shape)


def prepared__multiclass(y_true, y_score, sample_weight, mask):
    """Scores, labels and weights as (samples, positions, classes); values are not looked at."""
    z = classes_last(scores_of(y_score))
    y = class_labels(np.asarray(y_true), np.shape(y_score), z)
    return flat(z), flat(y), entry_weights(sample_weight, mask, z.shape)


def prepared__ignore_index(y_true, y_score, sample_weight, mask):
    """Scores, labels and weights as (samples, positions, classes); what is to be ignored weighs 0."""
    z = classes_last(scores_of(y_score))
    y, w = (
        flat(class_labels(np.asarray(y_true), np.shape(y_score), z)),
        entry_weights(sample_weight, mask, z.shape),
    )
    if y.shape[-1] == 1:
        kept = y != IGNORE_INDEX
        w = kept if w is None else np.where(kept, w, 0)
    return flat(z), y, w


def class_labels(y, shape, z):
    """The labels with their classes last, or class indices with one class there; the scores came in a shape."""
    if z.shape[-1] < 2:
        raise ValueError(f"y_score has shape {shape}: of exclusive classes there are at least two")
    if y.shape == shape:
        return classes_last(y)
    if y.shape == z.shape[:-1] and np.issubdtype(y.dtype, np.integer):
        return y[..., np.newaxis]
    raise ValueError(
        f"y_score has shape {shape} and y_true {y.shape}, of {y.dtype}: give class indices, integers of shape "
        f"{z.shape[:-1]}, or labels of the scores' shape"
    )


def scores_of(y_score):
    """The scores as an array of a floating dtype."""
    z = np.asarray(y_score)
    if z.dtype.kind != "f":
        raise TypeError(f"y_score has dtype {z.dtype}, but scores are floating-point numbers")
    return z


def classes_last(x):
    """An array with its classes in the last axis."""
    if not -x.ndim <= CLASS_AXIS < x.ndim or x.ndim < 2:
        raise ValueError(f"y_score has shape {x.shape}, but axis {CLASS_AXIS} is to hold its classes")
    return np.moveaxis(x, CLASS_AXIS, -1)


def classes_last__binary(x):
    """An array with an axis for its one class."""
    return x[..., np.newaxis]


def flat(x):
    """An array as (1, samples and positions, classes): all samples make the same matrices."""
    return x.reshape(1, math.prod(x.shape[:-1]), x.shape[-1])


def flat__by_sample(x):
    """An array as (samples, positions, classes)."""
    return x.reshape(x.shape[0], math.prod(x.shape[1:-1]), x.shape[-1])


def restored(by_scores, scores):
    """The gradient with its axes as those of the scores."""
    return np.moveaxis(by_scores.reshape(classes_last(scores).shape), -1, CLASS_AXIS)


def restored__binary(by_scores, scores):
    """The gradient with its axes as those of the scores."""
    return by_scores.reshape(scores.shape)


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


def fitted__grouped(x, name, shape):
    """A weight or mask as flat as the scores, for scores of a shape with classes last."""
    fits = x
    if x.ndim < 2:
        fits = x.reshape(-1, *[1] * (len(shape) - 1))
    elif x.ndim == len(shape) - 1:
        fits = x[..., np.newaxis]
    elif x.ndim == len(shape):
        fits = classes_last(x)
    if fits.ndim != len(shape) or not broadcasts(fits.shape, shape):
        raise ValueError(
            f"{name} has shape {x.shape}: give {shape[:1]}, by sample, {shape[:-1]}, by entry, or the scores' "
            "shape; an axis of size 1 is repeated"
        )
    return flat(np.broadcast_to(fits, (*shape[:-1], fits.shape[-1])))


def broadcasts(shape, to):
    """Whether an array of a shape can be repeated to fill another."""
    pairs = zip(reversed(shape), reversed(to), strict=False)
    return len(shape) <= len(to) and all(a in (1, b) for a, b in pairs)


def blocks(*arrays):
    """Arrays, or None, in blocks of rows."""
    for start, stop, row in spans(arrays[0].size, ROW, BLOCK):
        yield [x if x is None else x[start:stop].reshape(-1, row) for x in arrays]


def blocks__grouped(*arrays):
    """Arrays, or None, in blocks of (samples, rows, positions, classes)."""
    for samples, positions, row in parts(arrays[0]):
        yield [x if x is None else in_rows(x[samples, positions], row) for x in arrays]


def in_rows(x, row):
    """(samples, positions, classes) as (samples, rows, positions, classes)."""
    samples, size, classes = x.shape
    return x.reshape(samples, size // row, row, classes)


def parts(z):
    """The blocks of scores, as slices of their samples and positions, and how long their rows are."""
    count, size, classes = z.shape
    longest = max(min(BLOCK // max(classes, 1), ROW), 1)
    block = max(BLOCK // max(longest * classes, 1), 1) * longest
    for start, stop, row in spans(size, longest, block):
        step = max(BLOCK // max((stop - start) * classes, 1), 1)
        for first in range(0, count, step):
            yield slice(first, first + step), slice(start, stop), row


def spans(size, row, block):
    """Where blocks of whole rows start and stop, and how long these are; what is left is a row of its own."""
    whole = size - size % row
    for start in range(0, whole, block):
        yield start, min(start + block, whole), row
    if whole < size:
        yield whole, size, size - whole


def matrices(z):
    """The shape of an array with an entry for each confusion matrix, that broadcasts to the scores."""
    return [1 if axis in AXES else size for axis, size in enumerate(z.shape)]


def along(slope, z):
    """A slope for each matrix as an array like the scores."""
    return np.broadcast_to(slope.astype(z.dtype).reshape(matrices(z)), z.shape)


def added(z, of_blocks):
    """The sums of counts of blocks, in float64."""
    return np.concatenate([np.zeros((4, 0)), *of_blocks], axis=1).sum(axis=1)


def added__grouped(z, of_blocks):
    """The sums of counts of blocks, for each matrix."""
    totals = np.zeros((4, *matrices(z)))
    for (samples, _, _), counts in zip(parts(z), of_blocks, strict=True):
        totals[:, samples] += counts
    return totals.squeeze(tuple(axis + 1 for axis in AXES))


def widened(z, w):
    """Scores in float32 or wider, and 0 where the weight is 0."""
    z = z.astype(np.promote_types(z.dtype, np.float32), copy=False)
    return z if w is None else np.where(w == 0, 0, z)


def widened__multiclass(z, w):
    """Scores in float32 or wider, and 0 where all classes weigh 0: one that does is a rival all the same."""
    z = z.astype(np.promote_types(z.dtype, np.float32), copy=False)
    return z if w is None else np.where((w == 0).all(-1, keepdims=True), 0, z)


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


def labels__multiclass(y, like):
    """Labels of each class, from class indices too, in the dtype of an array like the scores."""
    y = y if y.shape == like.shape else y == np.arange(like.shape[-1])
    return y.astype(like.dtype, copy=False)


def sums(on, off, decided, rejected):
    """TP, FP, FN, TN of each row, each a sum of its own: a difference of large sums would cancel."""
    pairs = (on, decided), (off, decided), (on, rejected), (off, rejected)
    return np.array([np.vecdot(*pair) for pair in pairs])


def sums__grouped(on, off, decided, rejected):
    """TP, FP, FN, TN of each matrix, each a sum of its own: a difference of large sums would cancel."""
    pairs = (on, decided), (off, decided), (on, rejected), (off, rejected)
    terms = [np.vecdot(*map(by_matrix, pair), axis=2) for pair in pairs]
    return np.array(terms).sum(2, dtype=np.float64, keepdims=True)


def by_matrix(x):
    """An array of (samples, rows, positions, classes) whose last axis is that of the matrices."""
    return x


def by_matrix__micro(x):
    """An array of (samples, rows, entries, 1): all classes make the same matrix."""
    return x.reshape(*x.shape[:2], -1, 1)


def by_matrix__samples(x):
    """An array of (samples, rows, entries, 1): all classes make the same matrix."""
    return x.reshape(*x.shape[:2], -1, 1)


def by_matrix__samples_by_class(x):
    """An array of (samples, rows, positions, classes) whose last axis is that of the matrices."""
    return x


def of_counts(function, totals):
    """The results of a function of counts."""
    with np.errstate(all="ignore"):
        results = function(*totals)
    return [finite(x, totals) for x in (results if isinstance(results, tuple) else (results,))]


def finite(x, totals):
    """x, cut off at ±HUGE; what is no number is 0 where the counts are numbers."""
    return np.float64(min(max(x, -HUGE), HUGE) if x == x else 0 * totals.sum())


def finite__grouped(x, totals):
    """x, cut off at ±HUGE; what is no number is 0 where the counts are numbers."""
    return np.where(np.isnan(x), 0 * sum(totals), np.clip(x, -HUGE, HUGE))[()]


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


def learned(x):
    """The learned network's value at every number of an array."""
    return network(x.reshape(-1, 1)).reshape(x.shape)


def learned_slope(x):
    """How the learned network's value moves, at every number of an array."""
    return np.broadcast_to(network_slopes(x.reshape(-1, 1)), x.size).reshape(x.shape)


def network(x):
    """The network's value of every row of numbers; for `@` NumPy warns of what BLAS computes beside them."""
    (weights, biases), *others = layers(x)
    values = np.dot(x, weights) + biases
    for weights, biases in others:
        values = np.dot(elu(values), weights) + biases
    return values[:, 0]


def network_slopes(x):
    """How the network's value moves with every number: of rows of one number each, or of one row."""
    (weights, biases), *others = layers(x)
    values, by_x = np.dot(x, weights) + biases, weights
    for weights, biases in others:
        by_x = np.dot(by_x * np.exp(np.minimum(values, 0)), weights)
        values = np.dot(elu(values), weights) + biases
    return by_x[:, 0]


def elu(x):
    """x above 0, exp(x) - 1 below."""
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def layers(x):
    """The weights of every layer and what it adds, in the dtype of an array."""
    rest = NUMBERS.astype(x.dtype)
    for inputs, outputs in SHAPES:
        weights, biases, rest = np.split(rest, [inputs * outputs, (inputs + 1) * outputs])
        yield weights.reshape(inputs, outputs), biases


def divide(numerator, denominator, otherwise=0.0):
    """The quotient, and `otherwise` where the denominator is zero."""
    if isinstance(denominator, float):
        return np.float64(otherwise) if abs(denominator) <= TINY else numerator / denominator
    zero = np.abs(denominator) <= TINY
    return np.where(zero, otherwise, numerator / np.where(zero, 1, denominator))


def divide__grouped(numerator, denominator, otherwise=0.0):
    """The quotient, and `otherwise` where the denominator is zero."""
    zero = np.abs(denominator) <= TINY
    return np.where(zero, otherwise, numerator / np.where(zero, 1, denominator))


def sqrt(x):
    """The square root, of rounding errors below zero 0."""
    return np.sqrt(max(x, 0) if isinstance(x, float) else np.maximum(x, 0))


def sqrt__grouped(x):
    """The square root, of rounding errors below zero 0."""
    return np.sqrt(np.maximum(x, 0))


def power(x, exponent):
    """A fractional power, of rounding errors below zero 0."""
    return np.maximum(x, 0) ** exponent


def log(x):
    """The logarithm, of zero that of TINY."""
    return np.log(np.maximum(x, TINY))


def exp(x):
    """The exponential function, cut off before it overflows."""
    return np.exp(np.minimum(x, 0.9 * np.log(np.finfo(x.dtype).max)))


def asin(x):
    """The arc sine, of rounding errors beyond ±1 that of ±1."""
    return np.arcsin(np.clip(x, -1, 1))


def acos(x):
    """The arc cosine, of rounding errors beyond ±1 that of ±1."""
    return np.arccos(np.clip(x, -1, 1))
