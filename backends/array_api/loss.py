"""F1 loss for the array API, as it stands before the compiler fills its holes."""

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
AXES__micro = (0, 1, 2)
AXES__samples = (1, 2)
AXES__samples_by_class = (1,)
# What each class weighs in the mean.
CLASS_WEIGHT = (1.0,)
# The class index of entries that take no part.
IGNORE_INDEX = None
# Class indices are expanded for no more scores than these in one go.
BLOCK = 2**16
# Of every layer of the learned network, how many numbers it takes and how many it gives.
SHAPES = ((1, 1),)
# Its numbers, layer by layer: the weights, a row for each number that the layer takes, and what it adds.
WEIGHTS = "1.0 0.0"
NUMBERS = [float(number) for number in WEIGHTS.split()]


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


def loss__grouped(y_true, y_score, *, sample_weight=None, mask=None):
    """The loss; the head of this file tells the shapes.

    An entry whose mask is False, or whose weight is 0, takes no part, whatever its score. All are arrays of
    one library; the result has the scores' dtype. Sums are taken in float32 or wider.
    Raises TypeError for dtypes and ValueError for shapes that do not fit.
    """
    z, y, w = prepared(y_true, y_score, sample_weight, mask)
    return narrow(of_counts(objective, relaxed_counts(z, y, w))[0], z.dtype)


def loss__averaged(y_true, y_score, *, sample_weight=None, mask=None):
    """The loss; the head of this file tells the shapes.

    An entry whose mask is False, or whose weight is 0, takes no part, whatever its score. All are arrays of
    one library; the result has the scores' dtype. Sums are taken in float32 or wider.
    Raises TypeError for dtypes and ValueError for shapes that do not fit.
    """
    z, y, w = prepared(y_true, y_score, sample_weight, mask)
    totals = relaxed_counts(z, y, w)
    return narrow(averaged(of_counts(objective, totals)[0], totals, w), z.dtype)


def value_and_grad(y_true, y_score, *, sample_weight=None, mask=None):
    """The loss and its gradient by the scores, both of the scores' dtype; arguments as for the loss."""
    z, y, w = prepared(y_true, y_score, sample_weight, mask)
    totals = relaxed_counts(z, y, w)
    by_scores = gradient(z, y, w, *of_counts(slopes, totals))
    return narrow(of_counts(objective, totals)[0], z.dtype), by_scores


def value_and_grad__grouped(y_true, y_score, *, sample_weight=None, mask=None):
    """The loss and its gradient by the scores, of a vector that of its sum; arguments as for the loss."""
    z, y, w = prepared(y_true, y_score, sample_weight, mask)
    totals = relaxed_counts(z, y, w)
    by_scores = gradient(z, y, w, *of_counts(slopes, totals))
    return narrow(of_counts(objective, totals)[0], z.dtype), restored(by_scores, y_score)


def value_and_grad__averaged(y_true, y_score, *, sample_weight=None, mask=None):
    """The loss and its gradient by the scores, arguments as for the loss."""
    z, y, w = prepared(y_true, y_score, sample_weight, mask)
    totals = relaxed_counts(z, y, w)
    share = shares(totals, w)
    by_scores = gradient(z, y, w, *(share * slope for slope in of_counts(slopes, totals)))
    value = averaged(of_counts(objective, totals)[0], totals, w)
    return narrow(value, z.dtype), restored(by_scores, y_score)


def score(y_true, y_score, *, sample_weight=None, mask=None):
    """The hard metric of the same arguments, in float32 or wider."""
    return of_counts(metric, counts(y_true, y_score, sample_weight=sample_weight, mask=mask))[0]


def score__averaged(y_true, y_score, *, sample_weight=None, mask=None):
    """The hard metric of the same arguments, averaged as the loss is, in float32 or wider."""
    z, y, w = prepared(y_true, y_score, sample_weight, mask)
    totals = decided_counts(z, y, w)
    return averaged(of_counts(metric, totals)[0], totals, w)


def score__skip(y_true, y_score, *, sample_weight=None, mask=None):
    """The hard metric of the same arguments, averaged as the loss is; NaN where there are no positives."""
    z, y, w = prepared(y_true, y_score, sample_weight, mask)
    totals = decided_counts(z, y, w)
    xp = array_namespace(*totals)
    exists = averaged(xp.ones_like(totals[0]), totals, w) > 0
    return xp.where(exists, averaged(of_counts(metric, totals)[0], totals, w), xp.nan)


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


def relaxed_counts__multiclass(z, y, w):
    """The relaxed counts, block by block."""
    return added(sums(y, w, *relax(probabilities(z))) for z, y, w in blocks(z, y, w))


def decided_counts(z, y, w):
    """The hard counts."""
    z, y, w = widened(z, y, w)
    decided = array_namespace(z).astype(decide(z), z.dtype)
    return sums(y, w, decided, 1 - decided)


def decided_counts__multiclass(z, y, w):
    """The hard counts, block by block."""
    decisions = ((y, w, array_namespace(z).astype(decide(z), z.dtype)) for z, y, w in blocks(z, y, w))
    return added(sums(y, w, decided, 1 - decided) for y, w, decided in decisions)


def gradient(z, y, w, positive, negative):
    """The gradient by the scores, from how the loss moves with the decision on a positive and on a negative."""
    dtype = z.dtype
    z, y, w = widened(z, y, w)
    by_scores = (y * positive + (1 - y) * negative) * relax_slope(z)
    return narrow(by_scores if w is None else by_scores * w, dtype)


def gradient__grouped(z, y, w, positive, negative):
    """The gradient by the scores, from how the loss moves with the decision on a positive and on a negative."""
    dtype = z.dtype
    positive, negative = along(positive, z), along(negative, z)
    z, y, w = widened(z, y, w)
    by_scores = (y * positive + (1 - y) * negative) * relax_slope(z)
    return narrow(by_scores if w is None else by_scores * w, dtype)


def gradient__multiclass(z, y, w, positive, negative):
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


def relax(z):
    """The relaxed decision and its complement, each without cancellation."""
    return sigmoids(z)


def relax_slope(z):
    """The derivative of the relaxed decision by the score."""
    p, q = sigmoids(z)
    return p * q


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
    return class_numbers(z) == array_namespace(z).argmax(z, axis=-1, keepdims=True)


def probabilities(z):
    """The softmax."""
    xp = array_namespace(z)
    powers = xp.exp(z - xp.max(z, axis=-1, keepdims=True))
    return powers / xp.sum(powers, axis=-1, keepdims=True)


def probabilities__given(z):
    """The probabilities, which are what the scores are."""
    return z


def complement(p):
    """1 - p: of the one probability above a half, if there is one, the sum of the others, no difference."""
    xp = array_namespace(p)
    large = p * xp.astype(p > 0.5, p.dtype)
    return (xp.sum(large, axis=-1, keepdims=True) - p) + xp.sum(p - large, axis=-1, keepdims=True)


def complement__given(p):
    """1 - p."""
    return 1 - p


def gradient_by_scores(by_p, p):
    """The gradient by the scores; that by the likeliest class is taken off first, for it would cost digits."""
    xp = array_namespace(p)
    first = likeliest(p)
    by_p = by_p - xp.sum(by_p * first, axis=-1, keepdims=True) / xp.sum(first, axis=-1, keepdims=True)
    return p * (by_p - xp.sum(by_p * p, axis=-1, keepdims=True))


def gradient_by_scores__given(by_p, p):
    """The gradient by the scores, which are the probabilities."""
    return by_p


def likeliest(p):
    """1 for the likeliest class, or for several as likely, 0 for others."""
    xp = array_namespace(p)
    return xp.astype(p == xp.max(p, axis=-1, keepdims=True), p.dtype)


def averaged(values, totals, w):
    """The mean of the values."""
    return array_namespace(values).sum(values * shares(totals, w))


def averaged__each_skip(values, totals, w):
    """The values, 0 for a matrix without positives."""
    return values * shares(totals, w)


def shares(totals, w):
    """What each class counts for in the mean: all the same."""
    return array_namespace(*totals).ones_like(totals[0]) / max(math.prod(totals[0].shape), 1)


def shares__weighted(totals, w):
    """What each class counts for in the mean: together 1, or all 0."""
    xp = array_namespace(*totals)
    weights = importance(totals)
    return divide(weights, xp.sum(weights))


def shares__each_skip(totals, w):
    """1 for the value of a matrix with positives, 0 for others."""
    return present(totals)


def shares__samples(totals, w):
    """What each sample counts for in the mean: together 1, or all 0."""
    xp = array_namespace(*totals)
    weights = importance(totals) * sample_weights(totals, w)
    return divide(weights, xp.sum(weights))


def shares__samples_by_class(totals, w):
    """What each class of each sample counts for in the mean over classes, then over samples."""
    xp = array_namespace(*totals)
    weights = importance(totals)
    of_sample = divide(weights, xp.sum(weights, axis=-1, keepdims=True))
    samples = xp.sum(of_sample, axis=-1) * sample_weights(totals, w)
    return of_sample * divide(samples, xp.sum(samples))[:, None]


def sample_weights(totals, w):
    """What a sample weighs in the mean: as its entries do on average, of those that take part."""
    xp, dtype = array_namespace(*totals), totals[0].dtype
    if w is None:
        return xp.ones(totals[0].shape[0], dtype=dtype, device=device(totals[0]))
    entries = xp.sum(xp.astype(w != 0, dtype), axis=(1, 2))
    return divide(xp.sum(xp.astype(w, dtype), axis=(1, 2)), entries)


def importance(totals):
    """What a class weighs in the mean: all the same."""
    return array_namespace(*totals).ones_like(totals[0])


def importance__skip(totals):
    """What a class weighs in the mean: all the same, one without positives nothing."""
    return present(totals)


def importance__support(totals):
    """What a class weighs in the mean: its positives, or all the same where there are none."""
    xp = array_namespace(*totals)
    support = actual(totals)
    return xp.where(xp.sum(support, axis=-1, keepdims=True) > TINY, support, 1.0)


def importance__support_skip(totals):
    """What a class weighs in the mean: its positives."""
    return actual(totals)


def importance__class_weight(totals):
    """What a class weighs in the mean."""
    return class_weights(totals) * array_namespace(*totals).ones_like(totals[0])


def importance__class_weight_skip(totals):
    """What a class weighs in the mean; one without positives nothing."""
    return class_weights(totals) * present(totals)


def class_weights(totals):
    """The weights of the classes, of which there must be as many."""
    tp = totals[0]
    if tp.shape[-1] != len(CLASS_WEIGHT):
        raise ValueError(
            f"y_score has {tp.shape[-1]} classes, and class_weight has {len(CLASS_WEIGHT)} numbers"
        )
    return array_namespace(tp).asarray(CLASS_WEIGHT, dtype=tp.dtype, device=device(tp))


def present(totals):
    """1 where there are positives, 0 where there are none."""
    return array_namespace(*totals).astype(actual(totals) > TINY, totals[0].dtype)


def actual(totals):
    """The weight of the positives."""
    return totals[0] + totals[2]


def prepared(y_true, y_score, sample_weight, mask):
    """Scores, labels and the weights of all entries; shapes and dtypes are looked at, values are not."""
    check(y_true, y_score, sample_weight, mask)
    if tuple(y_true.shape) != tuple(y_score.shape):
        raise ValueError(f"y_true has shape {y_true.shape} and y_score {y_score.shape}: give equal shapes")
    return y_score, y_true, entry_weights(sample_weight, mask, y_score)


def prepared__grouped(y_true, y_score, sample_weight, mask):
    """Scores, labels and weights as (samples, positions, classes); values are not looked at."""
    check(y_true, y_score, sample_weight, mask)
    if tuple(y_true.shape) != tuple(y_score.shape):
        raise ValueError(f"y_true has shape {y_true.shape} and y_score {y_score.shape}: give equal shapes")
    z = classes_last(y_score)
    return flat(z), flat(classes_last(y_true)), entry_weights(sample_weight, mask, z)


def prepared__multiclass(y_true, y_score, sample_weight, mask):
    """Scores, labels and weights as (samples, positions, classes); values are not looked at."""
    check(y_true, y_score, sample_weight, mask)
    z = classes_last(y_score)
    return flat(z), flat(class_labels(y_true, y_score, z)), entry_weights(sample_weight, mask, z)


def prepared__ignore_index(y_true, y_score, sample_weight, mask):
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


def classes_last__binary(x):
    """An array with an axis for its one class."""
    return x[..., None]


def flat(x):
    """An array as (1, samples and positions, classes): all samples make the same matrices."""
    return array_namespace(x).reshape(x, (1, math.prod(x.shape[:-1]), x.shape[-1]))


def flat__by_sample(x):
    """An array as (samples, positions, classes)."""
    return array_namespace(x).reshape(x, (x.shape[0], math.prod(x.shape[1:-1]), x.shape[-1]))


def restored(by_scores, scores):
    """The gradient with its axes as those of the scores."""
    xp = array_namespace(scores)
    return xp.moveaxis(xp.reshape(by_scores, classes_last(scores).shape), -1, CLASS_AXIS)


def restored__binary(by_scores, scores):
    """The gradient with its axes as those of the scores."""
    return array_namespace(scores).reshape(by_scores, scores.shape)


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


def fitted__grouped(x, name, shape):
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
    """Scores, labels and weights in float32 or wider, and 0 for scores and labels of weight 0."""
    xp = array_namespace(z)
    wide = xp.result_type(z.dtype, xp.float32)
    z, y = xp.astype(z, wide), xp.astype(y, wide)
    if w is None:
        return z, y, None
    return xp.where(w == 0, 0.0, z), xp.where(w == 0, 0.0, y), w


def widened__multiclass(z, y, w):
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
    """TP, FP, FN, TN, each a sum of its own: a difference of large sums would cancel."""
    xp = array_namespace(y)
    on, off = (y, 1 - y) if w is None else (w * y, w * (1 - y))
    return xp.sum(on * decided), xp.sum(off * decided), xp.sum(on * rejected), xp.sum(off * rejected)


def sums__grouped(y, w, decided, rejected):
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


def sigmoid(x):
    """1 / (1 + exp(-x)) without overflow.

    The quotient is the same whatever `low` is, so its derivatives are right where that of `low` jumps, at 0.
    """
    xp = array_namespace(x)
    x = xp.clip(x, min=float(xp.finfo(x.dtype).min))
    low = xp.clip(x, max=0)
    up, down = xp.exp(low), xp.exp(low - x)
    return up / (up + down)


def sigmoids(x):
    """The sigmoids of x and -x, of one exponential, each with all its digits."""
    e = exp(-x)
    p = 1 / (1 + e)
    return p, p * e


def learned(x):
    """The learned network's value at every number of an array."""
    xp = array_namespace(x)
    return xp.reshape(network(xp.reshape(x, (-1, 1))), x.shape)


def learned_slope(x):
    """How the learned network's value moves, at every number of an array."""
    xp = array_namespace(x)
    by_x = network_slopes(xp.reshape(x, (-1, 1)))
    return xp.reshape(xp.broadcast_to(by_x, (math.prod(x.shape),)), x.shape)


def network(x):
    """The network's value of every row of numbers."""
    (weights, biases), *others = layers(x)
    values = multiplied(x, weights) + biases
    for weights, biases in others:
        values = multiplied(elu(values), weights) + biases
    return values[:, 0]


def network_slopes(x):
    """How the network's value moves with every number: of rows of one number each, or of one row."""
    xp = array_namespace(x)
    (weights, biases), *others = layers(x)
    values, by_x = multiplied(x, weights) + biases, weights
    for weights, biases in others:
        by_x = multiplied(by_x * xp.exp(xp.clip(values, max=0)), weights)
        values = multiplied(elu(values), weights) + biases
    return by_x[:, 0]


def multiplied(x, weights):
    """The product of matrices; not by `@`, which in NumPy warns of what BLAS computes beside their entries."""
    return array_namespace(x).tensordot(x, weights, axes=1)


def elu(x):
    """x above 0, exp(x) - 1 below."""
    xp = array_namespace(x)
    return xp.where(x > 0, x, xp.expm1(xp.clip(x, max=0)))


def layers(x):
    """The weights of every layer and what it adds, in the dtype of an array and on its device."""
    xp, start = array_namespace(x), 0
    for inputs, outputs in SHAPES:
        middle, end = start + inputs * outputs, start + (inputs + 1) * outputs
        weights, biases = (
            xp.asarray(part, dtype=x.dtype, device=device(x))
            for part in (NUMBERS[start:middle], NUMBERS[middle:end])
        )
        yield xp.reshape(weights, (inputs, outputs)), biases
        start = end


def divide(numerator, denominator, otherwise=0.0):
    """The quotient, and `otherwise` where the denominator is zero."""
    xp = array_namespace(denominator)
    zero = xp.abs(denominator) <= TINY
    return xp.where(zero, otherwise, numerator / xp.where(zero, 1.0, denominator))


def sqrt(x):
    """The square root, with slope 0 at 0."""
    xp = array_namespace(x)
    zero = x <= 0
    return xp.where(zero, 0.0, xp.sqrt(xp.where(zero, 1.0, x)))


def power(x, exponent):
    """A fractional power, with slope 0 at 0."""
    xp = array_namespace(x)
    zero = x <= 0
    return xp.where(zero, 0.0, xp.where(zero, 1.0, x) ** exponent)


def log(x):
    """The logarithm, of zero that of TINY."""
    xp = array_namespace(x)
    return xp.log(xp.clip(x, min=TINY))


def exp(x):
    """The exponential function, cut off before it overflows."""
    xp = array_namespace(x)
    return xp.exp(xp.clip(x, max=0.9 * math.log(xp.finfo(x.dtype).max)))


def sin(x):
    """The sine."""
    return array_namespace(x).sin(x)


def cos(x):
    """The cosine."""
    return array_namespace(x).cos(x)


def tan(x):
    """The tangent."""
    return array_namespace(x).tan(x)


def asin(x):
    """The arc sine, of rounding errors beyond ±1 that of ±1."""
    xp = array_namespace(x)
    return xp.asin(xp.clip(x, -1, 1))


def acos(x):
    """The arc cosine, of rounding errors beyond ±1 that of ±1."""
    xp = array_namespace(x)
    return xp.acos(xp.clip(x, -1, 1))


def atan(x):
    """The arc tangent."""
    return array_namespace(x).atan(x)


def tanh(x):
    """The hyperbolic tangent."""
    return array_namespace(x).tanh(x)


def sign(x):
    """-1, 0 or 1."""
    return array_namespace(x).sign(x)


def minimum(x, y):
    """The smaller of two, of which the second may be a number."""
    return array_namespace(x).clip(x, max=y)


def maximum(x, y):
    """The larger of two, of which the second may be a number."""
    return array_namespace(x).clip(x, min=y)
