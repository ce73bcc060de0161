"""A learned loss for NumPy, before the compiler sets its constants; the rest is that of loss.py."""

import numpy as np
from numpy.typing import ArrayLike

# The logits at which it counts, and how sharply.
THRESHOLDS = (0.0,)
SLOPE = 4.0
# Scores are cut off at these, so that their product with the slope is a number.
FARTHEST = 2.0**100


def loss(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    mask: ArrayLike | None = None,
) -> np.floating:
    """The learned loss of all entries together.

    y_true: labels 0/1, or soft ones in [0, 1], of any shape and dtype. y_score: logits of the same shape, of a
    floating dtype. sample_weight: multiplies the counts; a number for each sample, of shape (N,), or an array
    with as many axes as the scores, those of size 1 repeated. mask: of the same shapes. An entry whose mask is
    False, or whose weight is 0, takes no part, whatever its score. Returns a scalar of the scores' dtype; sums
    are taken in float64.
    Raises TypeError for scores of another dtype and ValueError for shapes that do not fit.
    """
    z, y, w = prepared(y_true, y_score, sample_weight, mask)
    x = rates(decisions(widened(z, w))[0], *shares(z, y, w))
    return narrow(network(x[np.newaxis])[0], z.dtype)


def value_and_grad(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    mask: ArrayLike | None = None,
) -> tuple[np.floating, np.ndarray]:
    """The loss and its gradient by the scores, both of the scores' dtype; arguments as for the loss."""
    z, y, w = prepared(y_true, y_score, sample_weight, mask)
    decided, rejected = decisions(widened(z, w))
    on, off, share = shares(z, y, w)
    x = rates(decided, on, off, share)[np.newaxis]
    by_on, by_off = np.split(network_slopes(x)[:-1, np.newaxis], 2)
    by_scores = SLOPE * ((by_on * on + by_off * off) * decided * rejected).sum(0)
    return narrow(network(x)[0], z.dtype), narrow(by_scores, z.dtype).reshape(np.shape(y_score))


def features(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    mask: ArrayLike | None = None,
) -> np.ndarray:
    """What the network is given of the same arguments, in float64.

    The soft share of positives above each threshold, then that of negatives, and then the share of positives.
    """
    z, y, w = prepared(y_true, y_score, sample_weight, mask)
    return rates(decisions(widened(z, w))[0], *shares(z, y, w))


def rates(decided, on, off, share):
    """The features."""
    return np.array([*(decided * on).sum(1), *(decided * off).sum(1), share])


def decisions(z):
    """The soft decisions at each threshold, and their complements."""
    thresholds = np.array(THRESHOLDS, z.dtype)[:, np.newaxis]
    return sigmoids(SLOPE * (np.clip(z, -FARTHEST, FARTHEST) - thresholds))


def shares(z, y, w):
    """What each entry is of all positives, and of all negatives, and what the positives are of both."""
    on, off = (side.astype(np.float64) for side in sides(y, w, widened(z, w)))
    positives, negatives = on.sum(), off.sum()
    share = divide(positives, positives + negatives)
    return on * divide(1.0, positives), off * divide(1.0, negatives), share
