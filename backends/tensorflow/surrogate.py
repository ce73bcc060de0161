"""A learned loss for TensorFlow, before the compiler sets its constants; the rest is that of loss.py."""

import tensorflow as tf

# The logits at which it counts, and how sharply.
THRESHOLDS = (0.0,)
SLOPE = 4.0


def features(y_true, y_pred, sample_weight=None, mask=None):
    """What the network is given of the arguments of the loss, in float32 or wider; differentiable.

    The soft share of positives above each threshold, then that of negatives, and then the share of positives.
    """
    return rates(*prepared(y_true, y_pred, sample_weight, mask))


def of_entries(z, y, w):
    """The loss of what `prepared` returns."""
    return narrow(network(rates(z, y, w)[tf.newaxis])[0], z.dtype)


def rates(z, y, w):
    """The features."""
    z, y, w = widened(z, y, w)
    on, off = map(tf.stop_gradient, (y, 1 - y) if w is None else (w * y, w * (1 - y)))
    positives, negatives = total(on), total(off)
    on, off = on * divide(1.0, positives), off * divide(1.0, negatives)
    decided = [tf.sigmoid(SLOPE * (z - threshold)) for threshold in THRESHOLDS]
    return tf.stack(
        [
            *(total(on * decision) for decision in decided),
            *(total(off * decision) for decision in decided),
            divide(positives, positives + negatives),
        ]
    )
