"""A learned loss for PyTorch, before the compiler sets its constants; the rest is that of loss.py."""

import torch
from torch import Tensor

# The logits at which it counts, and how sharply.
THRESHOLDS = (0.0,)
SLOPE = 4.0


def loss(input: Tensor, target: Tensor, weight: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
    """The learned loss of all entries together, differentiable by the scores any number of times.

    input: logits of any shape, of a floating dtype. target: labels 0/1, or soft ones in [0, 1], of the same
    shape and any dtype. weight: multiplies the counts; a number for each sample, of shape (N,), or an array
    with as many axes as the scores, those of size 1 repeated. mask: of the same shapes. An entry whose mask is
    False, or whose weight is 0, takes no part, whatever its score. All but the scores are constants. Returns a
    scalar of the scores' dtype; sums are taken in float32 or wider.
    Raises TypeError for scores of another dtype and ValueError for shapes that do not fit or a target, weight
    or mask that requires a gradient.
    """
    return narrow(network(features(input, target, weight, mask)[None])[0], input.dtype)


def features(input: Tensor, target: Tensor, weight: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
    """What the network is given of the same arguments, in float32 or wider; differentiable.

    The soft share of positives above each threshold, then that of negatives, and then the share of positives.
    """
    z, y, w = widened(*prepared(input, target, weight, mask))
    on, off = weighed(y, w)
    positives, negatives = on.sum(), off.sum()
    decided = torch.sigmoid(SLOPE * (z.reshape(-1) - z.new_tensor(THRESHOLDS)[:, None]))
    of_positives = decided * (on * divide(1.0, positives)).reshape(-1)
    of_negatives = decided * (off * divide(1.0, negatives)).reshape(-1)
    share = divide(positives, positives + negatives)
    return torch.cat([of_positives.sum(1), of_negatives.sum(1), share[None]])
