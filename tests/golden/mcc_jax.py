"""A loss for JAX: mcc, relaxed by AnyLoss(10).

Written by metricloss 0.1.0. The file needs JAX and nothing else, and may be copied into any
project, under any licence. To write it again:

    metricloss emit '(-FN*FP + TN*TP)/(sqrt(N)*sqrt(P)*sqrt(PN)*sqrt(PP))' --name mcc --backend jax --relaxation 'AnyLoss(10)'

    P         FN + TP
    N         FP + TN
    PP        FP + TP
    PN        FN + TN
    d         sqrt(N)*sqrt(P)*sqrt(PN)*sqrt(PP)
    mcc       (-FN*FP + TN*TP)/d
    loss      1 - mcc
    slopes    -N/d + mcc*(1/(2*PP) - 1/(2*PN)) on a positive,
              P/d + mcc*(1/(2*PP) - 1/(2*PN)) on a negative: how the loss moves with the decision
    decision  h = sigmoid(10*p - 5), p = sigmoid(z)
              Han, Moniz, Chawla, AnyLoss, arXiv 2405.14745 (2024)

Counts are sums over the entries of a matrix, of weight · label · decision and their complements. A
quotient whose denominator is zero is 0, if nothing else is said above, with slope 0; an infinite
slope of a root or a logarithm is 0 too. Finite scores give a finite loss and a finite gradient.
"""

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
# Entries whose parts a CPU's cache holds. Of more it adds blocks of this size, or of one in SHARES if larger.
BLOCK = 2**13
SHARES = 64


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


def score(
    logits: ArrayLike, labels: ArrayLike, *, weights: ArrayLike | None = None, where: ArrayLike | None = None
) -> Array:
    """The hard metric of the same arguments, in float32 or wider."""
    return of_counts(metric, counts(logits, labels, weights=weights, where=where))[0]


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


def loss_slopes(totals, w):
    """How the loss moves with the decision on a positive, and on a negative."""
    return of_counts(slopes, totals)


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
    z, y, w = widened(z, y, w)
    gradient = (y * positive + (1 - y) * negative) * relax_slope(z)
    return jnp.sum(within(gradient if w is None else gradient * w, dtype) * z_dot)


def metric(tp, fp, fn, tn):
    """The metric over the four counts."""
    actual_ = tp + fn
    actual_negative = fp + tn
    predicted = tp + fp
    predicted_negative = fn + tn
    d = sqrt(actual_) * sqrt(actual_negative) * sqrt(predicted) * sqrt(predicted_negative)
    return divide(tp * tn - fp * fn, d)


def objective(tp, fp, fn, tn):
    """The loss over the four counts."""
    return 1 - metric(tp, fp, fn, tn)


def slopes(tp, fp, fn, tn):
    """How the loss moves with the decision on a positive, and on a negative."""
    actual_ = tp + fn
    actual_negative = fp + tn
    predicted = tp + fp
    predicted_negative = fn + tn
    d = sqrt(actual_) * sqrt(actual_negative) * sqrt(predicted) * sqrt(predicted_negative)
    mcc = divide(tp * tn - fp * fn, d)
    t1 = mcc * (divide(1, 2 * predicted) - divide(1, 2 * predicted_negative))
    return t1 - divide(actual_negative, d), divide(actual_, d) + t1


def relax(z):
    """The relaxed decision and its complement, each without cancellation."""
    return sigmoids(10 * jax.nn.sigmoid(z) - 5)


def relax_slope(z):
    """The derivative of the relaxed decision by the score."""
    p, q = sigmoids(z)
    a, b = sigmoids(10 * p - 5)
    return 10 * p * q * a * b


def decide(z):
    """The hard decision."""
    return z > 0.0


def prepared(logits, labels, weights, where):
    """Scores, labels and the weights of all entries; shapes and dtypes are looked at, values are not."""
    z, y = scores_of(logits), jnp.asarray(labels)
    if y.shape != z.shape:
        raise ValueError(f"logits have shape {z.shape} and labels {y.shape}: give equal shapes")
    return z, y, entry_weights(weights, where, z.shape)


def scores_of(logits):
    """The scores as an array of a floating dtype."""
    z = jnp.asarray(logits)
    if not jnp.issubdtype(z.dtype, jnp.floating):
        raise TypeError(f"logits have dtype {z.dtype}, but scores are floating-point numbers")
    return z


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


def broadcasts(shape, to):
    """Whether an array of a shape can be repeated to fill another."""
    pairs = zip(reversed(shape), reversed(to), strict=False)
    return len(shape) <= len(to) and all(a in (1, b) for a, b in pairs)


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
    """TP, FP, FN, TN: sums of the parts that a function makes of scores, labels and weights."""
    if z.size <= BLOCK:
        return tuple(jnp.stack(parts_of(z, y, w)).reshape(4, z.size).sum(1))
    return jax.jit(sums_of_many, static_argnums=0)(parts_of, z, y, w)


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


def divide(numerator, denominator, otherwise=0.0):
    """The quotient, and `otherwise` where the denominator is zero."""
    zero = jnp.abs(denominator) <= TINY
    return jnp.where(zero, otherwise, numerator / jnp.where(zero, 1, denominator))


def sqrt(x):
    """The square root, with slope 0 at 0."""
    zero = x <= 0
    return jnp.where(zero, 0, jnp.sqrt(jnp.where(zero, 1, x)))


def exp(x):
    """The exponential function, cut off before it overflows."""
    return jnp.exp(jnp.minimum(x, 0.9 * jnp.log(jnp.finfo(x.dtype).max)))

