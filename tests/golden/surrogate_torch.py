"""A loss for PyTorch, learned for average_precision.

Written by metricloss 0.1.0. The file needs PyTorch and nothing else, and may be copied into any
project, under any licence. No command writes it again: it was learned, and what was learned stands
below as THRESHOLDS, SLOPE, SHAPES and WEIGHTS.

    features  Σ w·y·a_k/P and Σ w·(1 - y)·a_k/N for each threshold t_k, and P/(P + N),
              with a_k = sigmoid(SLOPE·(z - t_k)), P = Σ w·y, N = Σ w·(1 - y)
    loss      a network of these 7 numbers, whose layers give 5, 4, 1,
              with ELU between them

On batches that were not learned from, the rank correlation of the negated loss with
average_precision was 0.975. The metric itself may be any function of scores and labels: the file
has no score.

Scores are logits, of binary labels. A quotient whose denominator is zero is 0. Finite scores give
a finite loss and a finite gradient.
"""

import torch
from torch import Tensor

# A denominator, or the argument of a logarithm, this close to zero counts as zero.
TINY = 2.0**-64
# The metric, as the module shows it.
FORMULA = "learned for average_precision"
# Of every layer of the learned network, how many numbers it takes and how many it gives.
SHAPES = ((7, 5), (5, 4), (4, 1))
# Its numbers, layer by layer: the weights, a row for each number that the layer takes, and what it adds.
WEIGHTS = (
    "0.040856 0.464865 -0.460898 0.352626 0.926171 0.411301 1.562064 -0.885076 0.06739 -0.705217 -0.783588 "
    "-0.183858 0.221283 0.418978 0.508136 2.233711 0.862561 -1.594528 0.204377 -0.623036 -0.515748 1.306226 "
    "-0.222938 -1.951281 0.310587 -0.291474 -1.174422 -0.921085 -0.625277 -0.023402 -0.426705 0.07147 1.83623"
    " -0.800253 -0.807443 -0.249173 1.095553 -0.706217 1.434284 -1.308112 -1.032343 -0.054357 -0.863443 "
    "-0.618358 0.451192 0.724178 0.113941 -0.274627 1.344154 0.40265 -0.23507 1.214311 -0.901412 0.164685 "
    "0.659639 -0.011279 -0.574506 0.350596 -0.540633 -0.595387 -1.022897 1.304592 -0.549337 1.154779 0.380503"
    " -0.26099 0.66762 0.272175 0.131506"
)
NUMBERS = torch.tensor([float(number) for number in WEIGHTS.split()], dtype=torch.float64, device="cpu")

# The logits at which it counts, and how sharply.
THRESHOLDS = (-1.0, 0.25, 2.0)
SLOPE = 3.0


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


class AveragePrecisionLoss(torch.nn.Module):
    """The loss as a module, for those who take one."""

    def forward(
        self, input: Tensor, target: Tensor, weight: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """The loss, of the same arguments as the function's."""
        return loss(input, target, weight, mask)

    def extra_repr(self) -> str:
        """The metric's formula."""
        return FORMULA


def prepared(input, target, weight, mask):
    """Scores, labels and the weights of all entries; shapes and dtypes are looked at, values are not."""
    check(input, target, weight, mask)
    if target.shape != input.shape:
        shapes = f"input has shape {tuple(input.shape)} and target {tuple(target.shape)}"
        raise ValueError(f"{shapes}: give equal shapes")
    return input, target, entry_weights(weight, mask, input.shape)


def check(input, target, weight, mask):
    """Raise for what is no tensor, scores of no floating dtype, and constants that require a gradient."""
    for name, x in (("input", input), ("target", target), ("weight", weight), ("mask", mask)):
        if not isinstance(x, Tensor) and (x is not None or name in ("input", "target")):
            raise TypeError(f"{name} is a {type(x).__name__}: give a tensor")
    if not input.is_floating_point():
        raise TypeError(f"input has dtype {input.dtype}, but scores are floating-point numbers")
    if any(x is not None and x.requires_grad for x in (target, weight, mask)):
        raise ValueError(
            "target, weight and mask are constants, and scores come first: detach() what requires grad"
        )


def entry_weights(weight, mask, shape):
    """What every entry weighs, 0 where the mask is False, for scores of a shape; None where all weigh 1."""
    w = None if weight is None else fitted(weight, "weight", shape)
    m = None if mask is None else fitted(mask, "mask", shape) != 0
    return w if m is None else m if w is None else torch.where(m, w, 0)


def fitted(x, name, shape):
    """A weight or mask as an array that broadcasts to the scores: one of shape (N,) is by sample."""
    fits = x.reshape(-1, *[1] * (len(shape) - 1)) if x.ndim == 1 else x
    if x.ndim not in (0, 1, len(shape)) or not broadcasts(fits.shape, shape):
        raise ValueError(
            f"{name} has shape {tuple(x.shape)}: give {tuple(shape[:1])}, by sample, or {tuple(shape)}, the "
            "input's; an axis of size 1 is repeated"
        )
    return fits


def broadcasts(shape, to):
    """Whether an array of a shape can be repeated to fill another."""
    pairs = zip(reversed(shape), reversed(to), strict=False)
    return len(shape) <= len(to) and all(a in (1, b) for a, b in pairs)


def widened(z, y, w):
    """Scores, labels and weights in float32 or wider, and 0 for scores and labels of weight 0."""
    z, y = z.to(wide(z.dtype)), y.to(wide(z.dtype))
    if w is None:
        return z, y, None
    return torch.where(w == 0, 0, z), torch.where(w == 0, 0, y), w.to(z.dtype)


def wide(dtype):
    """float32, or a wider dtype."""
    return torch.promote_types(dtype, torch.float32)


def weighed(y, w):
    """What each entry weighs as a positive, and as a negative."""
    return (y, 1 - y) if w is None else (w * y, w * (1 - y))


def narrow(x, dtype):
    """x in a dtype, at the nearest finite number where it does not fit."""
    if x.dtype == dtype:
        return x
    return x.clamp(torch.finfo(dtype).min, torch.finfo(dtype).max).to(dtype)


def network(x):
    """The network's value of every row of numbers."""
    (weights, biases), *others = layers(x)
    values = multiplied(x, weights) + biases
    for weights, biases in others:
        values = multiplied(torch.nn.functional.elu(values), weights) + biases
    return values[:, 0]


def multiplied(x, weights):
    """The product of matrices, which keeps its digits where autocast would make it one of half precision."""
    with torch.autocast(x.device.type, enabled=False):
        return x @ weights


def layers(x):
    """The weights of every layer and what it adds, in the dtype of an array and on its device."""
    rest = NUMBERS.to(x)
    for inputs, outputs in SHAPES:
        weights, biases, rest = rest.tensor_split([inputs * outputs, (inputs + 1) * outputs])
        yield weights.reshape(inputs, outputs), biases


def divide(numerator, denominator, otherwise=0.0):
    """The quotient, and `otherwise` where the denominator is zero."""
    if not isinstance(denominator, Tensor):
        return otherwise if abs(denominator) <= TINY else numerator / denominator
    zero = denominator.abs() <= TINY
    return torch.where(zero, otherwise, numerator / torch.where(zero, 1, denominator))

