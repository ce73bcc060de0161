"""A loss for the array API: f1, multiclass, macro, relaxed by Soft().

Written by metricloss 0.1.0. The file needs the array API and nothing else, and may be copied into
any project, under any licence. To write it again:

    metricloss emit '2*TP/(FN + FP + 2*TP)' --name f1 --backend array_api --task=multiclass --ignore-index=255

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

from array_api_compat import array_namespace, device

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
# Class indices are expanded for no more scores than these in one go.
BLOCK = 2**16


def loss(y_true, y_score, *, sample_weight=None, mask=None):
    """The loss; the head of this file tells the shapes.

    An entry whose mask is False, or whose weight is 0, takes no part, whatever its score. All are arrays of
    one library; the result has the scores' dtype. Sums are taken in float32 or wider.
    Raises TypeError for dtypes and ValueError for shapes that do not fit.
    """
    z, y, w = prepared(y_true, y_score, sample_weight, mask)
    totals = relaxed_counts(z, y, w)
    return narrow(averaged(of_counts(objective, totals)[0], totals, w), z.dtype)


def value_and_grad(y_true, y_score, *, sample_weight=None, mask=None):
    """The loss and its gradient by the scores, arguments as for the loss."""
    z, y, w = prepared(y_true, y_score, sample_weight, mask)
    totals = relaxed_counts(z, y, w)
    share = shares(totals, w)
    by_scores = gradient(z, y, w, *(share * slope for slope in of_counts(slopes, totals)))
    value = averaged(of_counts(objective, totals)[0], totals, w)
    return narrow(value, z.dtype), restored(by_scores, y_score)


def score(y_true, y_score, *, sample_weight=None, mask=None):
    """The hard metric of the same arguments, averaged as the loss is, in float32 or wider."""
    z, y, w = prepared(y_true, y_score, sample_weight, mask)
    totals = decided_counts(z, y, w)
    return averaged(of_counts(metric, totals)[0], totals, w)


def counts(y_true, y_score, *, sample_weight=None, mask=None):
    """The hard counts TP, FP, FN, TN of the same arguments, in float32 or wider."""
    return decided_counts(*prepared(y_true, y_score, sample_weight, mask))


def soft_counts(y_true, y_score, *, sample_weight=None, mask=None):
    """The relaxed counts TP, FP, FN, TN, from which the loss is made, in float32 or wider."""
    return relaxed_counts(*prepared(y_true, y_score, sample_weight, mask))


def relaxed_counts(z, y, w):
    """The relaxed counts, block by block."""
    return added(sums(y, w, *relax(probabilities(z))) for z, y, w in blocks(z, y, w))


def decided_counts(z, y, w):
    """The hard counts, block by block."""
    decisions = ((y, w, array_namespace(z).astype(decide(z), z.dtype)) for z, y, w in blocks(z, y, w))
    return added(sums(y, w, decided, 1 - decided) for y, w, decided in decisions)


def gradient(z, y, w, positive, negative):
    """The gradient by the scores, from how the loss moves with the decision on a positive and on a negative."""
    positive, negative = along(positive, z), along(negative, z)
    results = []
    for block, labels, weights in blocks(z, y, w):
        p = probabilities(block)
        by_p = (labels * positive + (1 - labels) * negative) * relax_slope(p)
        results.append(narrow(gradient_by_scores(by_p if weights is None else by_p * weights, p), z.dtype))
    return array_namespace(z).concat(results, axis=1)


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
    return class_numbers(z) == array_namespace(z).argmax(z, axis=-1, keepdims=True)


def probabilities(z):
    """The softmax."""
    xp = array_namespace(z)
    powers = xp.exp(z - xp.max(z, axis=-1, keepdims=True))
    return powers / xp.sum(powers, axis=-1, keepdims=True)


def complement(p):
    """1 - p: of the one probability above a half, if there is one, the sum of the others, no difference."""
    xp = array_namespace(p)
    large = p * xp.astype(p > 0.5, p.dtype)
    return (xp.sum(large, axis=-1, keepdims=True) - p) + xp.sum(p - large, axis=-1, keepdims=True)


def gradient_by_scores(by_p, p):
    """The gradient by the scores; that by the likeliest class is taken off first, for it would cost digits."""
    xp = array_namespace(p)
    first = likeliest(p)
    by_p = by_p - xp.sum(by_p * first, axis=-1, keepdims=True) / xp.sum(first, axis=-1, keepdims=True)
    return p * (by_p - xp.sum(by_p * p, axis=-1, keepdims=True))


def likeliest(p):
    """1 for the likeliest class, or for several as likely, 0 for others."""
    xp = array_namespace(p)
    return xp.astype(p == xp.max(p, axis=-1, keepdims=True), p.dtype)


def averaged(values, totals, w):
    """The mean of the values."""
    return array_namespace(values).sum(values * shares(totals, w))


def shares(totals, w):
    """What each class counts for in the mean: all the same."""
    return array_namespace(*totals).ones_like(totals[0]) / max(math.prod(totals[0].shape), 1)


def prepared(y_true, y_score, sample_weight, mask):
    """Scores, labels and weights as (samples, positions, classes); what is to be ignored weighs 0."""
    xp = check(y_true, y_score, sample_weight, mask)
    z = classes_last(y_score)
    y, w = flat(class_labels(y_true, y_score, z)), entry_weights(sample_weight, mask, z)
    if y.shape[-1] == 1:
        kept = y != IGNORE_INDEX
        ones = xp.astype(kept, xp.result_type(z.dtype, xp.float32))
        w = ones if w is None else xp.where(kept, w, 0.0)
    return flat(z), y, w


def class_labels(y_true, y_score, z):
    """The labels with their classes last, or class indices with one class there."""
    if z.shape[-1] < 2:
        raise ValueError(f"y_score has shape {y_score.shape}: of exclusive classes there are at least two")
    if tuple(y_true.shape) == tuple(y_score.shape):
        return classes_last(y_true)
    is_integer = array_namespace(z).isdtype(y_true.dtype, "integral")
    if tuple(y_true.shape) == tuple(z.shape[:-1]) and is_integer:
        return array_namespace(z).astype(y_true[..., None], array_namespace(z).int64)
    raise ValueError(
        f"y_score has shape {y_score.shape} and y_true {y_true.shape}, of {y_true.dtype}: give class indices, "
        f"integers of shape {tuple(z.shape[:-1])}, or labels of the scores' shape"
    )


def check(*arrays):
    """The namespace of the arguments, of which the second are the scores, of a floating dtype."""
    xp, y_score = array_namespace(*arrays), arrays[1]
    if not xp.isdtype(y_score.dtype, "real floating"):
        raise TypeError(f"y_score has dtype {y_score.dtype}, but scores are floating-point numbers")
    return xp


def classes_last(x):
    """An array with its classes in the last axis."""
    if not -x.ndim <= CLASS_AXIS < x.ndim or x.ndim < 2:
        raise ValueError(f"y_score has shape {x.shape}, but axis {CLASS_AXIS} is to hold its classes")
    return array_namespace(x).moveaxis(x, CLASS_AXIS, -1)


def flat(x):
    """An array as (1, samples and positions, classes): all samples make the same matrices."""
    return array_namespace(x).reshape(x, (1, math.prod(x.shape[:-1]), x.shape[-1]))


def restored(by_scores, scores):
    """The gradient with its axes as those of the scores."""
    xp = array_namespace(scores)
    return xp.moveaxis(xp.reshape(by_scores, classes_last(scores).shape), -1, CLASS_AXIS)


def entry_weights(sample_weight, mask, z):
    """What every entry weighs, 0 where the mask is False; None where all weigh 1."""
    xp = array_namespace(z)
    wide = xp.result_type(z.dtype, xp.float32)
    w = None if sample_weight is None else xp.astype(fitted(sample_weight, "sample_weight", z.shape), wide)
    m = None if mask is None else xp.astype(fitted(mask, "mask", z.shape), xp.bool)
    return w if m is None else xp.astype(m, wide) if w is None else xp.where(m, w, 0.0)


def fitted(x, name, shape):
    """A weight or mask as flat as the scores, for scores of a shape with classes last."""
    xp, fits = array_namespace(x), x
    if x.ndim < 2:
        fits = xp.reshape(x, (-1, *[1] * (len(shape) - 1)))
    elif x.ndim == len(shape) - 1:
        fits = x[..., None]
    elif x.ndim == len(shape):
        fits = classes_last(x)
    if fits.ndim != len(shape) or not broadcasts(fits.shape, shape):
        raise ValueError(
            f"{name} has shape {x.shape}: give {tuple(shape[:1])}, by sample, {tuple(shape[:-1])}, by entry, "
            "or the scores' shape; an axis of size 1 is repeated"
        )
    return flat(xp.broadcast_to(fits, (*shape[:-1], fits.shape[-1])))


def broadcasts(shape, to):
    """Whether an array of a shape can be repeated to fill another."""
    pairs = zip(reversed(shape), reversed(to), strict=False)
    return len(shape) <= len(to) and all(a in (1, b) for a, b in pairs)


def blocks(z, y, w):
    """Scores, labels and weights in blocks of positions."""
    step = max(BLOCK * z.shape[1] // max(math.prod(z.shape), 1), 1)
    for part in (slice(start, min(start + step, z.shape[1])) for start in range(0, max(z.shape[1], 1), step)):
        yield widened(z[:, part, :], y[:, part, :], None if w is None else w[:, part, :])


def along(slope, z):
    """A slope for each matrix as an array that broadcasts to the scores."""
    return array_namespace(z).reshape(
        slope, tuple(1 if axis in AXES else size for axis, size in enumerate(z.shape))
    )


def added(of_blocks):
    """The sums of counts of blocks."""
    return tuple(sum(count) for count in zip(*of_blocks, strict=True))


def class_numbers(z):
    """0, 1, 2 and so on, along the classes."""
    return array_namespace(z).arange(z.shape[-1], device=device(z))


def widened(z, y, w):
    """Scores, labels of each class and weights in float32 or wider, and 0 for scores and labels of weight 0."""
    xp = array_namespace(z)
    wide = xp.result_type(z.dtype, xp.float32)
    y = y if y.shape == z.shape else xp.astype(y, xp.int64) == class_numbers(z)
    z, y = xp.astype(z, wide), xp.astype(y, wide)
    if w is None:
        return z, y, None
    # A class may weigh 0, and is a rival of the others all the same.
    absent = xp.all(w == 0, axis=-1, keepdims=True)
    return xp.where(absent, 0.0, z), xp.where(absent, 0.0, y), xp.astype(w, wide)


def sums(y, w, decided, rejected):
    """TP, FP, FN, TN of each matrix, each a sum of its own: a difference of large sums would cancel."""
    on, off = (y, 1 - y) if w is None else (w * y, w * (1 - y))
    return total(on * decided), total(off * decided), total(on * rejected), total(off * rejected)


def total(x):
    """The sum for each matrix, over the positions sixteen at a time: a library may add many one by one."""
    xp = array_namespace(x)
    while blocks := x.shape[1] // 16:
        whole = xp.reshape(x[:, : 16 * blocks, :], (x.shape[0], blocks, 16, x.shape[2]))
        x = xp.concat([xp.sum(whole, axis=2), x[:, 16 * blocks :, :]], axis=1)
    return xp.sum(x, axis=AXES)


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


def divide(numerator, denominator, otherwise=0.0):
    """The quotient, and `otherwise` where the denominator is zero."""
    xp = array_namespace(denominator)
    zero = xp.abs(denominator) <= TINY
    return xp.where(zero, otherwise, numerator / xp.where(zero, 1.0, denominator))

