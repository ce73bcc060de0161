"""F1 loss for JAX, as it stands before the compiler fills its holes."""

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
AXES = (0, 1)
AXES__micro = (0, 1, 2)
AXES__samples = (1, 2)
AXES__samples_by_class = (1,)
# What each class weighs in the mean.
CLASS_WEIGHT = (1.0,)
# The class index of entries that take no part.
IGNORE_INDEX = None
# Entries whose parts a CPU's cache holds. Of more it adds blocks of this size, or of one in SHARES if larger.
BLOCK = 2**13
SHARES = 64
# Where class indices are expanded, an accelerator takes blocks of so many scores, or of one in SHARES.
LARGE = 2**21
# Of every layer of the learned network, how many numbers it takes and how many it gives.
SHAPES = ((1, 1),)
# Its numbers, layer by layer: the weights, a row for each number that the layer takes, and what it adds.
WEIGHTS = "1.0 0.0"
NUMBERS = [float(number) for number in WEIGHTS.split()]


def loss(
    logits: ArrayLike, labels: ArrayLike, *, weights: ArrayLike | None = None, where: ArrayLike | None = None
) -> Array:
    """The loss of all entries together, differentiable in both modes any number of times.

    logits: scores of any shape, of a floating dtype. labels: 0/1, or soft ones in [0, 1], of the same shape and
    any dtype. weights: multiply the counts; a number for each sample, of shape (N,), or an array with as many
    axes as the scores, those of size 1 repeated. where: a mask of the same shapes. An entry whose mask is
    False, or whose weight is 0, takes no part, whatever its score. Returns a scalar of the scores' dtype; sums
    are taken in float32 or wider.
    Raises TypeError for scores of another dtype and ValueError for shapes that do not fit.
    """
    z, y, w = prepared(logits, labels, weights, where)
    return narrow(of_arrays(z, y, w), z.dtype)


def loss__grouped(
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
    """The hard metric of the same arguments, in float32 or wider."""
    return of_counts(metric, counts(logits, labels, weights=weights, where=where))[0]


def score__averaged(
    logits: ArrayLike, labels: ArrayLike, *, weights: ArrayLike | None = None, where: ArrayLike | None = None
) -> Array:
    """The hard metric of the same arguments, averaged as the loss is, in float32 or wider."""
    z, y, w = prepared(logits, labels, weights, where)
    totals = decided_counts(z, y, w)
    return averaged(of_counts(metric, totals)[0], totals, w)


def score__skip(
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
    return of_counts(objective, totals)[0]


def loss_of__averaged(totals, w):
    """The loss, from the relaxed counts."""
    return averaged(of_counts(objective, totals)[0], totals, w)


def loss_slopes(totals, w):
    """How the loss moves with the decision on a positive, and on a negative."""
    return of_counts(slopes, totals)


def loss_slopes__averaged(totals, w):
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


def relaxed_parts__multiclass(z, y, w):
    """What each entry adds to the relaxed counts."""
    z, y, w = widened(z, y, w)
    return parts(y, w, *relax(probabilities(z)))


def decided_parts(z, y, w):
    """What each entry adds to the hard counts."""
    z, y, w = widened(z, y, w)
    decided = decide(z)
    return parts(y, w, decided, ~decided)


def moved(value, z, y, w, z_dot, positive, negative):
    """How the loss moves with the scores, given how it does with the decision on a positive and a negative."""
    dtype = z.dtype
    z, y, w = widened(z, y, w)
    gradient = (y * positive + (1 - y) * negative) * relax_slope(z)
    return jnp.sum(within(gradient if w is None else gradient * w, dtype) * z_dot)


def moved__grouped(value, z, y, w, z_dot, positive, negative):
    """How the loss moves with the scores, given how it does with the decision on a positive and a negative."""
    dtype = z.dtype
    positive, negative = along(positive, z), along(negative, z)
    z, y, w = widened(z, y, w)
    gradient = (y * positive + (1 - y) * negative) * relax_slope(z)
    return jnp.sum(within(gradient if w is None else gradient * w, dtype) * z_dot, AXES if value.ndim else None)


def moved__multiclass(value, z, y, w, z_dot, positive, negative):
    """How the loss moves with the scores, given how it does with the decision on a positive and a negative."""
    dtype = z.dtype
    positive, negative = (classes_first(along(slope, z)) for slope in (positive, negative))

    def of_block(z, y, w, z_dot):
        z, y, w = widened(z, y, w)
        p = probabilities(z)
        first = likeliest(z)
        by_p = (y * positive + (1 - y) * negative) * relax_slope(p)
        by_p = by_p if w is None else by_p * w
        if value.ndim == 0:
            return jnp.sum(within(gradient_by_scores(by_p, p, first), dtype) * z_dot)
        # Every score moves the values of all classes: z_dot takes the way of a gradient, from its end.
        p_dot = jax.linear_transpose(lambda by_p: gradient_by_scores(by_p, p, first), p)(z_dot)[0]
        limit = jnp.finfo(dtype).max / (4 * p.shape[1] * jax.lax.stop_gradient(p))
        return total(jnp.clip(by_p, -limit, limit) * p_dot)

    return over_blocks(of_block, z, y, w, z_dot)


def moved__given(value, z, y, w, z_dot, positive, negative):
    """How the loss moves with the scores, given how it does with the decision on a positive and a negative."""
    dtype = z.dtype
    positive, negative = (classes_first(along(slope, z)) for slope in (positive, negative))

    def of_block(z, y, w, z_dot):
        z, y, w = widened(z, y, w)
        gradient = (y * positive + (1 - y) * negative) * relax_slope(probabilities(z))
        products = within(gradient if w is None else gradient * w, dtype) * z_dot
        return total(products) if value.ndim else jnp.sum(products)

    return over_blocks(of_block, z, y, w, z_dot)


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
    return jnp.arange(z.shape[1])[:, None] == z.argmax(1, keepdims=True)


def probabilities(z):
    """The softmax."""
    powers = jnp.exp(z - jax.lax.stop_gradient(z.max(1, keepdims=True)))
    return powers / powers.sum(1, keepdims=True)


def probabilities__given(z):
    """The probabilities, which are what the scores are."""
    return z


def complement(p):
    """1 - p: of the one probability above a half, if there is one, the sum of the others, no difference."""
    large = jnp.where(p > 0.5, p, 0)
    return (large.sum(1, keepdims=True) - p) + (p - large).sum(1, keepdims=True)


def complement__given(p):
    """1 - p."""
    return 1 - p


def gradient_by_scores(by_p, p, first):
    """The gradient by the scores; that by the likeliest class is taken off first, for it would cost digits."""
    by_p = by_p - (by_p * first).sum(1, keepdims=True) / first.sum(1, keepdims=True)
    return p * (by_p - (by_p * p).sum(1, keepdims=True))


def likeliest(z):
    """1 for the likeliest class, or for several as likely, 0 for others."""
    return (z == z.max(1, keepdims=True)).astype(z.dtype)


def averaged(values, totals, w):
    """The mean of the values."""
    return jnp.sum(values * shares(totals, w))


def averaged__each_skip(values, totals, w):
    """The values, 0 for a matrix without positives."""
    return values * shares(totals, w)


def shares(totals, w):
    """What each class counts for in the mean: all the same."""
    return jnp.ones_like(totals[0]) / max(totals[0].size, 1)


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
    return of_sample * divide(samples, samples.sum())[:, None]


def sample_weights(totals, w):
    """What a sample weighs in the mean: as its entries do on average, of those that take part."""
    if w is None:
        return jnp.ones(totals[0].shape[0], totals[0].dtype)
    return divide(w.sum((1, 2), totals[0].dtype), jnp.count_nonzero(w, (1, 2)))


def importance(totals):
    """What a class weighs in the mean: all the same."""
    return jnp.ones_like(totals[0])


def importance__skip(totals):
    """What a class weighs in the mean: all the same, one without positives nothing."""
    return present(totals)


def importance__support(totals):
    """What a class weighs in the mean: its positives, or all the same where there are none."""
    support = actual(totals)
    return jnp.where(support.sum(-1, keepdims=True) > TINY, support, 1)


def importance__support_skip(totals):
    """What a class weighs in the mean: its positives."""
    return actual(totals)


def importance__class_weight(totals):
    """What a class weighs in the mean."""
    return class_weights(totals) * jnp.ones_like(totals[0])


def importance__class_weight_skip(totals):
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
    """Scores, labels and the weights of all entries; shapes and dtypes are looked at, values are not."""
    z, y = scores_of(logits), jnp.asarray(labels)
    if y.shape != z.shape:
        raise ValueError(f"logits have shape {z.shape} and labels {y.shape}: give equal shapes")
    return z, y, entry_weights(weights, where, z.shape)


def prepared__grouped(logits, labels, weights, where):
    """Scores, labels and weights as (samples, positions, classes); values are not looked at."""
    z, y = scores_of(logits), jnp.asarray(labels)
    if y.shape != z.shape:
        raise ValueError(f"logits have shape {z.shape} and labels {y.shape}: give equal shapes")
    z, y = classes_last(z), classes_last(y)
    return flat(z), flat(y), entry_weights(weights, where, z.shape)


def prepared__multiclass(logits, labels, weights, where):
    """Scores, labels and weights as (samples, positions, classes); values are not looked at."""
    z = classes_last(scores_of(logits))
    y = class_labels(jnp.asarray(labels), jnp.shape(logits), z)
    return flat(z), flat(y), entry_weights(weights, where, z.shape)


def prepared__ignore_index(logits, labels, weights, where):
    """Scores, labels and weights as (samples, positions, classes); what is to be ignored weighs 0."""
    z = classes_last(scores_of(logits))
    y = flat(class_labels(jnp.asarray(labels), jnp.shape(logits), z))
    w = entry_weights(weights, where, z.shape)
    if y.shape[-1] == 1:
        kept = y != IGNORE_INDEX
        w = kept if w is None else jnp.where(kept, w, 0)
    return flat(z), y, w


def class_labels(y, shape, z):
    """The labels with their classes last, or class indices with one class there; the scores came in a shape."""
    if z.shape[-1] < 2:
        raise ValueError(f"logits have shape {shape}: of exclusive classes there are at least two")
    if y.shape == shape:
        return classes_last(y)
    if y.shape == z.shape[:-1] and jnp.issubdtype(y.dtype, jnp.integer):
        return y[..., None].astype(jnp.int32)
    raise ValueError(
        f"logits have shape {shape} and labels {y.shape}, of {y.dtype}: give class indices, integers of shape "
        f"{z.shape[:-1]}, or labels of the scores' shape"
    )


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


def classes_last__binary(x):
    """An array with an axis for its one class."""
    return x[..., None]


def flat(x):
    """An array as (1, samples and positions, classes): all samples make the same matrices."""
    return x.reshape(1, math.prod(x.shape[:-1]), x.shape[-1])


def flat__by_sample(x):
    """An array as (samples, positions, classes)."""
    return x.reshape(x.shape[0], math.prod(x.shape[1:-1]), x.shape[-1])


def entry_weights(weights, where, shape):
    """What every entry weighs, 0 where the mask is False, for scores of a shape; None where all weigh 1."""
    w = None if weights is None else fitted(jnp.asarray(weights), "weights", shape)
    m = None if where is None else fitted(jnp.asarray(where), "where", shape) != 0
    return w if m is None else m if w is None else jnp.where(m, w, 0)


def fitted(x, name, shape):
    """A weight or mask as an array that broadcasts to the scores: one of shape (N,) is by sample."""
    fits = x.reshape(-1, *[1] * (len(shape) - 1)) if x.ndim == 1 else x
    if x.ndim not in (0, 1, len(shape)) or not broadcasts(fits.shape, shape):
        raise ValueError(
            f"{name} of shape {x.shape}: give {shape[:1]}, by sample, or {shape}, the scores'; "
            "an axis of size 1 is repeated"
        )
    return fits


def fitted__grouped(x, name, shape):
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


def over_blocks(function, *arrays):
    """The sums of what a function returns for blocks of positions; what it is given has the classes first."""
    on_cpu = partial(over_blocks_of, BLOCK, function)
    elsewhere = partial(over_blocks_of, max(LARGE, arrays[0].size // SHARES), function)
    return jax.lax.platform_dependent(*arrays, cpu=on_cpu, default=elsewhere)


def over_blocks_of(most, function, *arrays):
    """The sums over blocks of at most so many scores, and over the rest."""
    samples, positions, classes = arrays[0].shape
    size = 2 ** (most // max(samples * classes, 1)).bit_length() // 2 or 1  # powers of 2 rarely leave a rest
    steps = positions // size

    def of_block(start, size):
        block = jax.tree.map(lambda x: jax.lax.dynamic_slice_in_dim(x, start, size, 1), arrays)
        return function(*jax.tree.map(classes_first, block))

    rest = of_block(steps * size, positions - steps * size)
    if steps == 0:
        return rest
    blocks = jax.lax.map(jax.checkpoint(lambda step: of_block(step * size, size)), jnp.arange(steps))
    return jax.tree.map(lambda last, each: last + each.sum(0), rest, blocks)


def classes_first(x):
    """An array of (samples, positions, classes) as one of (samples, classes, positions), or back."""
    return jnp.swapaxes(x, 1, 2)


def total(x):
    """The sum over every matrix, of an array with classes first."""
    return jnp.sum(classes_first(x), AXES)


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


def widened__multiclass(z, y, w):
    """Scores, labels of each class and weights in float32 or wider; finite what has weight 0."""
    wide = jnp.promote_types(z.dtype, jnp.float32)
    y = y if y.shape == z.shape else y == jnp.arange(z.shape[1])[:, None]
    z, y = z.astype(wide), y.astype(wide)
    if w is None:
        return z, y, None
    absent = (w == 0).all(1, keepdims=True)  # a class may weigh 0, and is a rival of the others all the same
    return jnp.where(absent, near(z), z), jnp.where(w == 0, near(y), y), w.astype(wide)


def near(x):
    """Numbers cut off at ±FAR, and 0 for NaN; what comes of them still gives the slope by their weight."""
    return jnp.nan_to_num(jnp.clip(x, -FAR, FAR))


def parts(y, w, decided, rejected):
    """What each entry adds to TP, FP, FN, TN: four sums, for a difference of large ones would cancel."""
    on, off = (y, 1 - y) if w is None else (w * y, w * (1 - y))
    return on * decided, off * decided, on * rejected, off * rejected


def sums(parts_of, z, y, w):
    """TP, FP, FN, TN: sums of the parts that a function makes of scores, labels and weights."""
    if z.size <= BLOCK:
        return tuple(jnp.stack(parts_of(z, y, w)).reshape(4, z.size).sum(1))
    return jax.jit(sums_of_many, static_argnums=0)(parts_of, z, y, w)


def sums__grouped(parts_of, z, y, w):
    """TP, FP, FN, TN of each matrix: sums of the parts that a function makes of scores, labels and weights."""
    return tuple(jnp.sum(part, AXES) for part in parts_of(z, y, w))


def sums__multiclass(parts_of, z, y, w):
    """TP, FP, FN, TN of each matrix: sums of the parts that a function makes of scores, labels and weights."""
    return jax.jit(sums_of_many, static_argnums=0)(parts_of, z, y, w)


def sums_of_many__multiclass(parts_of, z, y, w):
    """The sums, block by block."""
    return over_blocks(lambda *block: tuple(map(total, parts_of(*block))), z, y, w)


def sums_of_many(parts_of, z, y, w):
    """The sums: on an accelerator of all entries in one pass, on a CPU of block after block."""
    w = None if w is None else jnp.broadcast_to(w, z.shape)
    on_cpu = sums_by_block if z.size < 2**31 else sums_at_once  # positions are numbers of 32 bits
    return jax.lax.platform_dependent(
        z, y, w, cpu=partial(on_cpu, parts_of), default=partial(sums_at_once, parts_of)
    )


def sums_at_once(parts_of, z, y, w):
    """The sums of all entries."""
    return tuple(map(jnp.sum, parts_of(z, y, w)))


def sums_by_block(parts_of, *arrays):
    """The sums of blocks added entry by entry: one pass, where the parts of all entries would go to memory."""
    arrays = jax.tree.map(jnp.ravel, arrays)
    size = arrays[0].size
    block = max(BLOCK, size // SHARES)
    steps = size // block

    def parts_from(start, size):
        return parts_of(*jax.tree.map(lambda x: jax.lax.dynamic_slice_in_dim(x, start, size), arrays))

    def add(step, totals):
        return tuple(map(jnp.add, totals, parts_from(step * block, block)))

    rest = jnp.stack(parts_from(steps * block, size - steps * block))
    totals = jax.lax.fori_loop(0, steps, add, (jnp.zeros(block, rest.dtype),) * 4)
    return tuple(jnp.stack(totals).sum(1) + rest.sum(1))


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


def learned(x):
    """The learned network's value at every number of an array."""
    return jax.jit(network)(x.reshape(-1, 1)).reshape(x.shape)


def learned_slope(x):
    """How the learned network's value moves, at every number of an array."""
    return jnp.broadcast_to(jax.jit(network_slopes)(x.reshape(-1, 1)), x.size).reshape(x.shape)


def network(x):
    """The network's value of every row of numbers."""
    (weights, biases), *others = layers(x)
    values = multiplied(x, weights) + biases
    for weights, biases in others:
        values = multiplied(jax.nn.elu(values), weights) + biases
    return values[:, 0]


def network_slopes(x):
    """How the network's value moves with every number, of rows of one number each."""
    (weights, biases), *others = layers(x)
    values, by_x = multiplied(x, weights) + biases, weights
    for weights, biases in others:
        by_x = multiplied(by_x * jnp.exp(jnp.minimum(values, 0)), weights)
        values = multiplied(jax.nn.elu(values), weights) + biases
    return by_x[:, 0]


def multiplied(x, weights):
    """The product of matrices, with all digits on accelerators too."""
    return jnp.matmul(x, weights, precision="highest")


def layers(x):
    """The weights of every layer and what it adds, in the dtype of an array."""
    rest = jnp.array(NUMBERS, x.dtype)
    for inputs, outputs in SHAPES:
        weights, biases, rest = jnp.split(rest, [inputs * outputs, (inputs + 1) * outputs])
        yield weights.reshape(inputs, outputs), biases


def divide(numerator, denominator, otherwise=0.0):
    """The quotient, and `otherwise` where the denominator is zero."""
    zero = jnp.abs(denominator) <= TINY
    return jnp.where(zero, otherwise, numerator / jnp.where(zero, 1, denominator))


def sqrt(x):
    """The square root, with slope 0 at 0."""
    zero = x <= 0
    return jnp.where(zero, 0, jnp.sqrt(jnp.where(zero, 1, x)))


def power(x, exponent):
    """A fractional power, with slope 0 at 0."""
    zero = x <= 0
    return jnp.where(zero, 0, jnp.where(zero, 1, x) ** exponent)


def log(x):
    """The logarithm, of zero that of TINY."""
    return jnp.log(jnp.maximum(x, TINY))


def exp(x):
    """The exponential function, cut off before it overflows."""
    return jnp.exp(jnp.minimum(x, 0.9 * jnp.log(jnp.finfo(x.dtype).max)))


def asin(x):
    """The arc sine, of rounding errors beyond ±1 that of ±1."""
    return jnp.arcsin(jnp.clip(x, -1, 1))


def acos(x):
    """The arc cosine, of rounding errors beyond ±1 that of ±1."""
    return jnp.arccos(jnp.clip(x, -1, 1))
