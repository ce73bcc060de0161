"""A learned loss for JAX, before the compiler sets its constants; the rest is that of loss.py."""

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

# The logits at which it counts, and how sharply.
THRESHOLDS = (0.0,)
SLOPE = 4.0


def loss(
    logits: ArrayLike, labels: ArrayLike, *, weights: ArrayLike | None = None, where: ArrayLike | None = None
) -> Array:
    """The learned loss of all entries together, differentiable in both modes any number of times.

    logits: of any shape, of a floating dtype. labels: 0/1, or soft ones in [0, 1], of the same shape and any
    dtype. weights: multiply the counts; a number for each sample, of shape (N,), or an array with as many axes
    as the scores, those of size 1 repeated. where: a mask of the same shapes. An entry whose mask is False, or
    whose weight is 0, takes no part, whatever its score. Returns a scalar of the scores' dtype; sums are taken
    in float32 or wider.
    Raises TypeError for scores of another dtype and ValueError for shapes that do not fit.
    """
    z, y, w = prepared(logits, labels, weights, where)
    return narrow(jax.jit(of_batch)(z, y, w), z.dtype)


def features(
    logits: ArrayLike, labels: ArrayLike, *, weights: ArrayLike | None = None, where: ArrayLike | None = None
) -> Array:
    """What the network is given of the same arguments, in float32 or wider.

    The soft share of positives above each threshold, then that of negatives, and then the share of positives.
    """
    return jax.jit(rates)(*prepared(logits, labels, weights, where))


def of_batch(z, y, w):
    """The loss, in float32 or wider."""
    return network(rates(z, y, w)[None])[0]


def rates(z, y, w):
    """The features."""
    z, y, w = widened(z, y, w)
    on, off = (y, 1 - y) if w is None else (w * y, w * (1 - y))
    positives, negatives = jnp.sum(on), jnp.sum(off)
    decided = jax.nn.sigmoid(SLOPE * (z.ravel() - jnp.array(THRESHOLDS, z.dtype)[:, None]))
    of_positives = decided * (on * divide(1.0, positives)).ravel()
    of_negatives = decided * (off * divide(1.0, negatives)).ravel()
    share = divide(positives, positives + negatives)
    return jnp.concatenate([of_positives.sum(1), of_negatives.sum(1), share[None]])
