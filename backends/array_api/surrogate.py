"""A learned loss for the array API, before the compiler sets its constants; the rest is that of loss.py."""

from array_api_compat import array_namespace, device

# The logits at which it counts, and how sharply.
THRESHOLDS = (0.0,)
SLOPE = 4.0
# Scores are cut off at these, so that their product with the slope is a number.
FARTHEST = 2.0**100


def loss(y_true, y_score, *, sample_weight=None, mask=None):
    """The learned loss of all entries together.

    y_true: labels 0/1, or soft ones in [0, 1], of any shape and dtype. y_score: logits of the same shape, of a
    floating dtype. sample_weight: multiplies the counts; a number for each sample, of shape (N,), or an array
    with as many axes as the scores, those of size 1 repeated. mask: of the same shapes. An entry whose mask is
    False, or whose weight is 0, takes no part, whatever its score. All are arrays of one
    library; the result is a 0-d one of the scores' dtype, on their device. Sums are taken in float32 or wider.
    Raises TypeError for scores of another dtype and ValueError for shapes that do not fit.
    """
    x = features(y_true, y_score, sample_weight=sample_weight, mask=mask)
    return narrow(array_namespace(x).reshape(network(x[None, :]), ()), y_score.dtype)


def value_and_grad(y_true, y_score, *, sample_weight=None, mask=None):
    """The loss and its gradient by the scores, both of the scores' dtype; arguments as for the loss."""
    z, y, w = entries(*prepared(y_true, y_score, sample_weight, mask))
    decided, rejected = decisions(z)
    on, off, share = shares(y, w)
    x = rates(decided, on, off, share)[None, :]
    by_x, count = network_slopes(x)[:, None], len(THRESHOLDS)
    moves = by_x[:count, :] * on + by_x[count:-1, :] * off
    xp = array_namespace(z)
    by_scores = SLOPE * xp.sum(moves * decided * rejected, axis=0)
    value, by_scores = xp.reshape(network(x), ()), xp.reshape(by_scores, y_score.shape)
    return narrow(value, y_score.dtype), narrow(by_scores, y_score.dtype)


def features(y_true, y_score, *, sample_weight=None, mask=None):
    """What the network is given of the same arguments, in float32 or wider.

    The soft share of positives above each threshold, then that of negatives, and then the share of positives.
    """
    z, y, w = entries(*prepared(y_true, y_score, sample_weight, mask))
    return rates(decisions(z)[0], *shares(y, w))


def entries(z, y, w):
    """Scores, labels and weights of all entries in one row, in float32 or wider."""
    xp = array_namespace(z)
    shape = z.shape
    z, y, w = widened(z, y, w)
    w = xp.ones_like(z) if w is None else xp.broadcast_to(w, shape)
    return tuple(xp.reshape(x, (-1,)) for x in (z, y, w))


def rates(decided, on, off, share):
    """The features."""
    xp = array_namespace(decided)
    parts = xp.sum(decided * on, axis=1), xp.sum(decided * off, axis=1), xp.reshape(share, (1,))
    return xp.concat(parts)


def decisions(z):
    """The soft decisions at each threshold, and their complements."""
    xp = array_namespace(z)
    thresholds = xp.asarray(THRESHOLDS, dtype=z.dtype, device=device(z))
    return sigmoids(SLOPE * (xp.clip(z, -FARTHEST, FARTHEST) - thresholds[:, None]))


def shares(y, w):
    """What each entry is of all positives, and of all negatives, and what the positives are of both."""
    xp = array_namespace(y)
    on, off = w * y, w * (1 - y)
    positives, negatives = xp.sum(on), xp.sum(off)
    share = divide(positives, positives + negatives)
    return on * divide(1.0, positives), off * divide(1.0, negatives), share
