"""A loss for NumPy: f1, multiclass, macro, relaxed by Soft().

Written by metricloss 0.1.0. The file needs NumPy and nothing else, and may be copied into any
project, under any licence. To write it again:

    metricloss emit '2*TP/(FN + FP + 2*TP)' --name f1 --backend numpy --task=multiclass --ignore-index=255

    d                 FN + FP + 2*TP
    f1                2*TP/d
    loss of a matrix  1 - f1
    slopes            -(2 - f1)/d on a positive,
                      f1/d on a negative: how the loss moves with the decision
    decision          h = p, p = softmax(z)

y_score holds logits of N samples, of K exclusive classes along axis -1, with any other axes.
y_true holds class indices, integers of that shape without the axis of the classes (an entry with
index 255 takes no part), or labels in [0, 1], one-hot or soft, of the shape of y_score. An index
that names no class is not found out: it makes a negative of every class. sample_weight and mask
have the shape (N,), by sample, or that of y_score with or without the axis of the classes; an axis
of size 1 is repeated.

Every class makes a confusion matrix, of all samples; the loss is the mean over the classes.

Counts are sums over the entries of a matrix, of weight · label · decision and their complements. A
quotient whose denominator is zero is 0, if nothing else is said above, with slope 0; an infinite
slope of a root or a logarithm is 0 too. Finite scores give a finite loss and a finite gradient.
"""

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
# The class index of entries that take no part.
IGNORE_INDEX = 255
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
    """The hard metric of the same arguments, averaged as the loss is, in float64."""
    z, y, w = prepared(y_true, y_score, sample_weight, mask)
    totals = decided_counts(z, y, w)
    return averaged(of_counts(metric, totals)[0], totals, w)


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
    return added(z, (sums(*sides(y, w, z), *relax(probabilities(z))) for z, y, w in of_blocks))


def relaxed(z, y, w):
    """The relaxed counts, and what the gradient is made of: the scores, for probabilities are many."""
    return relaxed_counts(z, y, w), z


def decided_counts(z, y, w):
    """The hard counts, block by block; their terms are in float64."""
    of_blocks = ((decide(widened(z, w)).astype(np.float64), y, w) for z, y, w in blocks(z, y, w))
    return added(z, (sums(*sides(y, w, decided), decided, 1 - decided) for decided, y, w in of_blocks))


def gradient(z, y, w, positive, negative):
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


def relax(p):
    """The relaxed decision on a class and its complement, from the class's probability."""
    q = complement(p)
    return p, q


def relax_slope(p):
    """The derivative of the relaxed decision on a class by its probability."""
    return 1


def decide(z):
    """The hard decision: the likeliest class, of equals the first."""
    return np.arange(z.shape[-1]) == z.argmax(-1)[..., np.newaxis]


def probabilities(z):
    """The softmax."""
    powers = np.exp(z - z.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def complement(p):
    """1 - p: of the one probability above a half, if there is one, the sum of the others, no difference."""
    large = np.where(p > 0.5, p, 0)
    return (large.sum(-1, keepdims=True) - p) + (p - large).sum(-1, keepdims=True)


def gradient_by_scores(by_p, p):
    """The gradient by the scores; that by the likeliest class is taken off first, for it would cost digits."""
    first = likeliest(p)
    by_p = by_p - (by_p * first).sum(-1, keepdims=True) / first.sum(-1, keepdims=True)
    return p * (by_p - (by_p * p).sum(-1, keepdims=True))


def likeliest(p):
    """1 for the likeliest class, or for several as likely, 0 for others."""
    return (p == p.max(-1, keepdims=True)).astype(p.dtype)


def averaged(values, totals, w):
    """The mean of the values."""
    return np.sum(values * shares(totals, w))


def shares(totals, w):
    """What each class counts for in the mean: all the same."""
    return np.ones_like(totals[0]) / max(totals[0].size, 1)


def prepared(y_true, y_score, sample_weight, mask):
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


def flat(x):
    """An array as (1, samples and positions, classes): all samples make the same matrices."""
    return x.reshape(1, math.prod(x.shape[:-1]), x.shape[-1])


def restored(by_scores, scores):
    """The gradient with its axes as those of the scores."""
    return np.moveaxis(by_scores.reshape(classes_last(scores).shape), -1, CLASS_AXIS)


def entry_weights(sample_weight, mask, shape):
    """What every entry weighs, 0 where the mask is False, for scores of a shape; None where all weigh 1."""
    w = None if sample_weight is None else fitted(np.asarray(sample_weight), "sample_weight", shape)
    m = None if mask is None else fitted(np.asarray(mask), "mask", shape) != 0
    return w if m is None else m if w is None else np.where(m, w, 0)


def fitted(x, name, shape):
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
    """The sums of counts of blocks, for each matrix."""
    totals = np.zeros((4, *matrices(z)))
    for (samples, _, _), counts in zip(parts(z), of_blocks, strict=True):
        totals[:, samples] += counts
    return totals.squeeze(tuple(axis + 1 for axis in AXES))


def widened(z, w):
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
    """Labels of each class, from class indices too, in the dtype of an array like the scores."""
    y = y if y.shape == like.shape else y == np.arange(like.shape[-1])
    return y.astype(like.dtype, copy=False)


def sums(on, off, decided, rejected):
    """TP, FP, FN, TN of each matrix, each a sum of its own: a difference of large sums would cancel."""
    pairs = (on, decided), (off, decided), (on, rejected), (off, rejected)
    terms = [np.vecdot(*map(by_matrix, pair), axis=2) for pair in pairs]
    return np.array(terms).sum(2, dtype=np.float64, keepdims=True)


def by_matrix(x):
    """An array of (samples, rows, positions, classes) whose last axis is that of the matrices."""
    return x


def of_counts(function, totals):
    """The results of a function of counts."""
    with np.errstate(all="ignore"):
        results = function(*totals)
    return [finite(x, totals) for x in (results if isinstance(results, tuple) else (results,))]


def finite(x, totals):
    """x, cut off at ±HUGE; what is no number is 0 where the counts are numbers."""
    return np.where(np.isnan(x), 0 * sum(totals), np.clip(x, -HUGE, HUGE))[()]


def narrow(x, dtype):
    """x in a dtype, at the nearest finite number where it does not fit."""
    if x.dtype == dtype:
        return x
    largest = np.finfo(dtype).max
    return np.minimum(np.maximum(x, -largest), largest).astype(dtype)


def divide(numerator, denominator, otherwise=0.0):
    """The quotient, and `otherwise` where the denominator is zero."""
    zero = np.abs(denominator) <= TINY
    return np.where(zero, otherwise, numerator / np.where(zero, 1, denominator))

