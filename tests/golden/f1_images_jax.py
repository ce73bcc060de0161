"""A loss for JAX: f1, multilabel, samples-macro, relaxed by Soft().

Written by metricloss 0.1.0. The file needs JAX and nothing else, and may be copied into any
project, under any licence. To write it again:

    metricloss emit '2*TP/(FN + FP + 2*TP)' --name f1 --backend jax --zero-division=skip --task=multilabel --average=samples-macro --class-weight=1.0,2.0

    d                 FN + FP + 2*TP
    f1                2*TP/d
    loss of a matrix  1 - f1
    slopes            -(2 - f1)/d on a positive,
                      f1/d on a negative: how the loss moves with the decision
    decision          h = p, p = sigmoid(z)

logits holds logits of N samples, of K independent classes along axis -1, with any other axes.
labels holds labels in [0, 1], of the same shape. weights and where have the shape (N,), by sample,
or that of logits with or without the axis of the classes; an axis of size 1 is repeated.

Every class of every sample makes a confusion matrix; the loss is the mean over the classes of a
sample with weights 1.0, 2.0, and then over the samples, each by the mean weight of its entries.
What has no positives is left out; where nothing is left, the loss is 0 and the score NaN.

Counts are sums over the entries of a matrix, of weight · label · decision and their complements. A
quotient whose denominator is zero is 0, if nothing else is said above, with slope 0; an infinite
slope of a root or a logarithm is 0 too. Finite scores give a finite loss and a finite gradient.
"""

import math
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array
from jax.custom_derivatives import SymbolicZero
from jax.typing import ArrayLike

# A denominator, or the argument of a logarithm, this close to zero counts as zero.
TINY = 2.0**-64
# No slope is larger: it must survive a product with the scores' own slopes in float32.
HUGE = 2.0**100
# Beyond this, scores and labels of weight 0 are cut off, so that 0 times what comes of them is 0.
FAR = 1e4
# Where the scores have their classes.
CLASS_AXIS = -1
# What one confusion matrix sums over, where arrays are (samples, positions, classes).
AXES = (1,)
# What each class weighs in the mean.
CLASS_WEIGHT = (1.0, 2.0)


def loss(
    logits: ArrayLike, labels: ArrayLike, *, weights: ArrayLike | None = None, where: ArrayLike | None = None
) -> Array:
    """The loss, differentiable in both modes any number of times; the head of this file tells the shapes.

    An entry whose mask is False, or whose weight is 0, takes no part, whatever its score. Returns the scores'
    dtype; sums are taken in float32 or wider.
    Raises TypeError for dtypes and ValueError for shapes that do not fit.
    """
    z, y, w = prepared(logits, labels, weights, where)
    return narrow(jax.jit(of_arrays)(z, y, w), z.dtype)


def score(
    logits: ArrayLike, labels: ArrayLike, *, weights: ArrayLike | None = None, where: ArrayLike | None = None
) -> Array:
    """The hard metric of the same arguments, averaged as the loss is; NaN where there are no positives."""
    z, y, w = prepared(logits, labels, weights, where)
    totals = decided_counts(z, y, w)
    exists = averaged(jnp.ones_like(totals[0]), totals, w) > 0
    return jnp.where(exists, averaged(of_counts(metric, totals)[0], totals, w), jnp.nan)


def counts(
    logits: ArrayLike, labels: ArrayLike, *, weights: ArrayLike | None = None, where: ArrayLike | None = None
) -> tuple[Array, ...]:
    """The hard counts TP, FP, FN, TN of the same arguments, in float32 or wider."""
    return decided_counts(*prepared(logits, labels, weights, where))


def soft_counts(
    logits: ArrayLike, labels: ArrayLike, *, weights: ArrayLike | None = None, where: ArrayLike | None = None
) -> tuple[Array, ...]:
    """The relaxed counts TP, FP, FN, TN, from which the loss is made, in float32 or wider."""
    return relaxed_counts(*prepared(logits, labels, weights, where))


@jax.custom_jvp
def of_arrays(z, y, w):
    """The loss, in float32 or wider, with the derived gradient."""
    return plain(z, y, w)


@partial(of_arrays.defjvp, symbolic_zeros=True)
def of_arrays_jvp(primals, tangents):
    """The loss, and how it moves with the scores by the derived slopes.

    Labels and weights have no derived slopes: where they move, JAX differentiates the plain formula.
    """
    (z, y, w), (z_dot, *dots) = primals, tangents
    totals = relaxed_counts(z, y, w)
    value = loss_of(totals, w)
    value_dot = jnp.zeros_like(value)
    if not isinstance(z_dot, SymbolicZero):
        value_dot += moved(value, z, y, w, z_dot.astype(value.dtype), *loss_slopes(totals, w))
    moving = {x: dot for x, dot in zip("yw", dots, strict=True) if not isinstance(dot, SymbolicZero | None)}
    if moving:
        given = {"y": y, "w": w}
        start = {x: given[x] for x in moving}
        value_dot += jax.jvp(lambda arrays: plain(z, **(given | arrays)), (start,), (moving,))[1]
    return value, value_dot


def plain(z, y, w):
    """The loss as a plain formula."""
    return loss_of(relaxed_counts(z, y, w), w)


def loss_of(totals, w):
    """The loss, from the relaxed counts."""
    return averaged(of_counts(objective, totals)[0], totals, w)


def loss_slopes(totals, w):
    """How the loss moves with the decision on a positive, and on a negative, of each matrix."""
    return tuple(slope * shares(totals, w) for slope in of_counts(slopes, totals))


def relaxed_counts(z, y, w):
    """The relaxed counts."""
    return sums(relaxed_parts, z, y, w)


def decided_counts(z, y, w):
    """The hard counts."""
    return sums(decided_parts, z, y, w)


def relaxed_parts(z, y, w):
    """What each entry adds to the relaxed counts."""
    z, y, w = widened(z, y, w)
    return parts(y, w, *relax(z))


def decided_parts(z, y, w):
    """What each entry adds to the hard counts."""
    z, y, w = widened(z, y, w)
    decided = decide(z)
    return parts(y, w, decided, ~decided)


def moved(value, z, y, w, z_dot, positive, negative):
    """How the loss moves with the scores, given how it does with the decision on a positive and a negative."""
    dtype = z.dtype
    positive, negative = along(positive, z), along(negative, z)
    z, y, w = widened(z, y, w)
    gradient = (y * positive + (1 - y) * negative) * relax_slope(z)
    return jnp.sum(within(gradient if w is None else gradient * w, dtype) * z_dot, AXES if value.ndim else None)


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


def decide(z):
    """The hard decision."""
    return z > 0.0


def averaged(values, totals, w):
    """The mean of the values."""
    return jnp.sum(values * shares(totals, w))


def shares(totals, w):
    """What each class of each sample counts for in the mean over classes, then over samples."""
    weights = importance(totals)
    of_sample = divide(weights, weights.sum(-1, keepdims=True))
    samples = of_sample.sum(-1) * sample_weights(totals, w)
    return of_sample * divide(samples, samples.sum())[:, None]


def sample_weights(totals, w):
    """What a sample weighs in the mean: as its entries do on average, of those that take part."""
    if w is None:
        return jnp.ones(totals[0].shape[0], totals[0].dtype)
    return divide(w.sum((1, 2), totals[0].dtype), jnp.count_nonzero(w, (1, 2)))


def importance(totals):
    """What a class weighs in the mean; one without positives nothing."""
    return class_weights(totals) * present(totals)


def class_weights(totals):
    """The weights of the classes, of which there must be as many."""
    if totals[0].shape[-1] != len(CLASS_WEIGHT):
        raise ValueError(
            f"logits have {totals[0].shape[-1]} classes, and class_weight has {len(CLASS_WEIGHT)} numbers"
        )
    return jnp.array(CLASS_WEIGHT, totals[0].dtype)


def present(totals):
    """1 where there are positives, 0 where there are none."""
    return (actual(totals) > TINY).astype(totals[0].dtype)


def actual(totals):
    """The weight of the positives."""
    return totals[0] + totals[2]


def prepared(logits, labels, weights, where):
    """Scores, labels and weights as (samples, positions, classes); values are not looked at."""
    z, y = scores_of(logits), jnp.asarray(labels)
    if y.shape != z.shape:
        raise ValueError(f"logits have shape {z.shape} and labels {y.shape}: give equal shapes")
    z, y = classes_last(z), classes_last(y)
    return flat(z), flat(y), entry_weights(weights, where, z.shape)


def scores_of(logits):
    """The scores as an array of a floating dtype."""
    z = jnp.asarray(logits)
    if not jnp.issubdtype(z.dtype, jnp.floating):
        raise TypeError(f"logits have dtype {z.dtype}, but scores are floating-point numbers")
    return z


def classes_last(x):
    """An array with its classes in the last axis."""
    if not -x.ndim <= CLASS_AXIS < x.ndim or x.ndim < 2:
        raise ValueError(f"logits have shape {x.shape}, but axis {CLASS_AXIS} is to hold their classes")
    return jnp.moveaxis(x, CLASS_AXIS, -1)


def flat(x):
    """An array as (samples, positions, classes)."""
    return x.reshape(x.shape[0], math.prod(x.shape[1:-1]), x.shape[-1])


def entry_weights(weights, where, shape):
    """What every entry weighs, 0 where the mask is False, for scores of a shape; None where all weigh 1."""
    w = None if weights is None else fitted(jnp.asarray(weights), "weights", shape)
    m = None if where is None else fitted(jnp.asarray(where), "where", shape) != 0
    return w if m is None else m if w is None else jnp.where(m, w, 0)


def fitted(x, name, shape):
    """A weight or mask as flat as the scores, for scores of a shape with classes last."""
    fits = x
    if x.ndim < 2:
        fits = x.reshape(-1, *[1] * (len(shape) - 1))
    elif x.ndim == len(shape) - 1:
        fits = x[..., None]
    elif x.ndim == len(shape):
        fits = classes_last(x)
    if fits.ndim != len(shape) or not broadcasts(fits.shape, shape):
        raise ValueError(
            f"{name} of shape {x.shape}: give {shape[:1]}, by sample, {shape[:-1]}, by entry, or the scores' "
            "shape; an axis of size 1 is repeated"
        )
    return flat(jnp.broadcast_to(fits, (*shape[:-1], fits.shape[-1])))


def broadcasts(shape, to):
    """Whether an array of a shape can be repeated to fill another."""
    pairs = zip(reversed(shape), reversed(to), strict=False)
    return len(shape) <= len(to) and all(a in (1, b) for a, b in pairs)


def along(slope, z):
    """A slope for each matrix as an array that broadcasts to the scores."""
    return slope.reshape([1 if axis in AXES else size for axis, size in enumerate(z.shape)])


def widened(z, y, w):
    """Scores, labels and weights in float32 or wider; finite what has weight 0."""
    wide = jnp.promote_types(z.dtype, jnp.float32)
    z, y = z.astype(wide), y.astype(wide)
    if w is None:
        return z, y, None
    return jnp.where(w == 0, near(z), z), jnp.where(w == 0, near(y), y), w.astype(wide)


def near(x):
    """Numbers cut off at ±FAR, and 0 for NaN; what comes of them still gives the slope by their weight."""
    return jnp.nan_to_num(jnp.clip(x, -FAR, FAR))


def parts(y, w, decided, rejected):
    """What each entry adds to TP, FP, FN, TN: four sums, for a difference of large ones would cancel."""
    on, off = (y, 1 - y) if w is None else (w * y, w * (1 - y))
    return on * decided, off * decided, on * rejected, off * rejected


def sums(parts_of, z, y, w):
    """TP, FP, FN, TN of each matrix: sums of the parts that a function makes of scores, labels and weights."""
    return tuple(jnp.sum(part, AXES) for part in parts_of(z, y, w))


def of_counts(function, totals):
    """The results of a function of counts: finite where the counts are, NaN where these are."""
    results = function(*totals)
    results = results if isinstance(results, tuple) else (results,)
    return tuple(jnp.where(jnp.isnan(x), 0 * sum(totals), jnp.clip(x, -HUGE, HUGE)) for x in results)


def narrow(x, dtype):
    """x in a dtype, at the nearest finite number where it does not fit."""
    return within(x, dtype).astype(dtype)


def within(x, dtype):
    """x, at the nearest finite number of a dtype where it does not fit that."""
    return x if x.dtype == dtype else jnp.clip(x, jnp.finfo(dtype).min, jnp.finfo(dtype).max)


def sigmoids(x):
    """The sigmoids of x and -x, of one exponential, each with all its digits."""
    e = exp(-x)
    p = 1 / (1 + e)
    return p, p * e


def divide(numerator, denominator, otherwise=0.0):
    """The quotient, and `otherwise` where the denominator is zero."""
    zero = jnp.abs(denominator) <= TINY
    return jnp.where(zero, otherwise, numerator / jnp.where(zero, 1, denominator))


def exp(x):
    """The exponential function, cut off before it overflows."""
    return jnp.exp(jnp.minimum(x, 0.9 * jnp.log(jnp.finfo(x.dtype).max)))

