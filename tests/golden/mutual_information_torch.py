"""A loss for PyTorch: mutual_information, relaxed by SigmoidF1(2, -0.5).

Written by metricloss 0.1.0. The file needs PyTorch and nothing else, and may be copied into any
project, under any licence. To write it again:

    metricloss emit '(FN*log(FN*n/(P*PN))/log(2) + FP*log(FP*n/(N*PP))/log(2) + TN*log(TN*n/(N*PN))/log(2) + TP*log(TP*n/(P*PP))/log(2))/n' --name mutual_information --backend torch --relaxation 'SigmoidF1(2, -0.5)'

    P                   FN + TP
    N                   FP + TN
    PP                  FP + TP
    PN                  FN + TN
    n                   FN + FP + TN + TP
    d                   P*PN
    ratio               FN*n/d
    d_2                 N*PP
    ratio_2             FP*n/d_2
    d_3                 N*PN
    ratio_3             TN*n/d_3
    d_4                 P*PP
    ratio_4             TP*n/d_4
    mutual_information  (FN*log(ratio)/log(2) + FP*log(ratio_2)/log(2) + TN*log(ratio_3)/log(2) + TP*log(ratio_4)/log(2))/n
    loss                -mutual_information
    slopes              -(FN*(-n/d + ratio/PN)/(ratio*log(2)) - FP/(PP*log(2)) + TP*(n/d_4 - ratio_4/PP)/(ratio_4*log(2)) - log(ratio)/log(2) + log(ratio_4)/log(2) + TN/(PN*log(2)))/n on a positive,
                        -(FN/(PN*log(2)) + FP*(n/d_2 - ratio_2/PP)/(ratio_2*log(2)) + TN*(-n/d_3 + ratio_3/PN)/(ratio_3*log(2)) + log(ratio_2)/log(2) - log(ratio_3)/log(2) - TP/(PP*log(2)))/n on a negative: how the loss moves with the decision
    decision            h = sigmoid(2*z - 1) of the score z
                        Bénédict et al., sigmoidF1, arXiv 2108.10566 (2022)

Counts are sums over the entries of a matrix, of weight · label · decision and their complements. A
quotient whose denominator is zero is 0, if nothing else is said above, with slope 0; an infinite
slope of a root or a logarithm is 0 too. Finite scores give a finite loss and a finite gradient.
"""

import functools
import math
import operator
from itertools import repeat, starmap

import torch
from torch import Tensor

# A denominator, or the argument of a logarithm, this close to zero counts as zero.
TINY = 2.0**-64
# No slope is larger: it must survive a product with the scores' own slopes in float32.
HUGE = 2.0**100
# The metric, as the module shows it.
FORMULA = (
    "(FN*log(FN*(FN + FP + TN + TP)/((FN + TN)*(FN + TP)))/log(2) + FP*log(FP*(FN + FP + TN + TP)/((FP + "
    "TN)*(FP + TP)))/log(2) + TN*log(TN*(FN + FP + TN + TP)/((FN + TN)*(FP + TN)))/log(2) + TP*log(TP*(FN + "
    "FP + TN + TP)/((FN + TP)*(FP + TP)))/log(2))/(FN + FP + TN + TP), relaxed by SigmoidF1(2, -0.5)"
)
# Entries that the cache of one processor core holds, with what is computed of them.
BLOCK = 2**16


def loss(input: Tensor, target: Tensor, weight: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
    """The loss of all entries together, differentiable by the scores any number of times.

    input: scores of any shape, of a floating dtype. target: labels 0/1, or soft ones in [0, 1], of the same
    shape and any dtype. weight: multiplies the counts; a number for each sample, of shape (N,), or an array
    with as many axes as the scores, those of size 1 repeated. mask: of the same shapes. An entry whose mask is
    False, or whose weight is 0, takes no part, whatever its score. All but the scores are constants. Returns a
    scalar of the scores' dtype; sums are taken in float32 or wider.
    Raises TypeError for scores of another dtype and ValueError for shapes that do not fit or a target, weight
    or mask that requires a gradient.
    """
    z, y, w = prepared(input, target, weight, mask)
    # A compiler fuses whole arrays itself, and other devices have no cache of this kind.
    in_blocks = type(z) is Tensor and z.is_cpu and not torch.compiler.is_compiling()
    if in_blocks:
        return LossInBlocks.apply(z, y, w if w is None else w.expand(z.shape))[0]
    return Loss.apply(z, y, w)[0]


class MutualInformationLoss(torch.nn.Module):
    """The loss as a module, for those who take one."""

    def forward(
        self, input: Tensor, target: Tensor, weight: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """The loss, of the same arguments as the function's."""
        return loss(input, target, weight, mask)

    def extra_repr(self) -> str:
        """The metric's formula."""
        return FORMULA


def score(input: Tensor, target: Tensor, weight: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
    """The hard metric of the same arguments, in float32 or wider."""
    return of_counts(metric, counts(input, target, weight, mask))[0]


def counts(
    input: Tensor, target: Tensor, weight: Tensor | None = None, mask: Tensor | None = None
) -> tuple[Tensor, ...]:
    """The hard counts TP, FP, FN, TN of the same arguments, in float32 or wider."""
    return decided_counts(*prepared(input, target, weight, mask))


def soft_counts(
    input: Tensor, target: Tensor, weight: Tensor | None = None, mask: Tensor | None = None
) -> tuple[Tensor, ...]:
    """The relaxed counts TP, FP, FN, TN, from which the loss is made, in float32 or wider; differentiable."""
    return Loss.apply(*prepared(input, target, weight, mask))[1:]


class LossInBlocks(torch.autograd.Function):
    """The loss, computed in blocks, and what its gradient is made of; of binary scores in Python's numbers."""

    @staticmethod
    def forward(z, y, w):
        kept = [z.new_empty(z.shape, dtype=wide(z.dtype))] if z.requires_grad else []
        totals = relaxed_in_blocks(z, y, w, *kept)
        value = torch.as_tensor(value_of(totals, w), dtype=wide(z.dtype), device=z.device)
        return narrow(value, z.dtype), totals, kept

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)
        _, ctx.totals, ctx.kept = output

    @staticmethod
    def backward(ctx, grad_loss, *_):
        z, y, w = ctx.saved_tensors
        upstream = None if torch.is_grad_enabled() else alone(grad_loss)
        if upstream is None:  # the gradient is to be differentiated in its turn, or taken for many at once
            positive, negative = moves(Loss.apply(z, y, w)[1:], w, grad_loss)
            return gradient(z, y, w, positive, negative), None, None
        positive, negative = moves(ctx.totals, w, upstream)
        if not ctx.kept:  # it has become a gradient already
            ctx.kept.append(z.new_empty(z.shape, dtype=wide(z.dtype)))
            relaxed_in_blocks(z, y, w, *ctx.kept)
        return gradient_in_blocks(z, y, w, ctx.kept.pop(), positive, negative), None, None

    @staticmethod
    def vmap(info, in_dims, z, y, w):
        values, *totals = torch.vmap(Loss.apply, in_dims, randomness=info.randomness)(z, y, w)
        return (values, tuple(totals), []), (0, (0, 0, 0, 0), [])


class Loss(torch.autograd.Function):
    """The loss and the four counts that it is made from, with the derived gradient."""

    generate_vmap_rule = True

    @staticmethod
    def forward(z, y, w):
        totals = relaxed_counts(z, y, w)
        return narrow(value_of(totals, w), z.dtype), *totals

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs, *output[1:])

    @staticmethod
    def backward(ctx, grad_loss, grad_tp, grad_fp, grad_fn, grad_tn):
        z, y, w, *totals = ctx.saved_tensors
        positive, negative = moves(totals, w, grad_loss)
        # The counts are outputs too: a second derivative comes back through them.
        positive, negative = positive + grad_tp - grad_fn, negative + grad_fp - grad_tn
        return gradient(z, y, w, positive, negative), None, None


def value_of(totals, w):
    """The loss, from the counts."""
    return of_counts(objective, totals)[0]


def moves(totals, w, upstream):
    """How the loss moves with the decision on a positive, and on a negative, times what comes from outside."""
    return tuple(slope * upstream for slope in of_counts(slopes, totals))


def alone(x):
    """The number that a tensor holds, None where vmap lets it stand for many."""
    try:
        return x.item()
    except RuntimeError:
        return None


def relaxed_in_blocks(z, y, w, kept=None):
    """The relaxed counts; where there is an array for it, what the gradient is made of is kept there."""
    return added(relaxed_block(*block) for block in blocks(z, y, w, kept))


def relaxed_block(z, y, w, kept):
    """The relaxed counts of a block, as numbers; keeps the derivatives of the decisions."""
    z, y, w = widened(z, y, w)
    decided, rejected, slope = relax_and_slope(z)
    if kept is not None:
        kept.copy_(slope)
    on, off = (y, 1 - y) if w is None else (w * y, w * (1 - y))
    # Each a sum of its own: a difference of large sums would cancel.
    return tuple(label.dot(decision).item() for decision in (decided, rejected) for label in (on, off))


def gradient_in_blocks(z, y, w, kept, positive, negative):
    """The gradient by the scores, written over what was kept for it."""
    for block in blocks(z, y, w, kept):
        gradient_block(*block, positive, negative)
    return narrow(kept, z.dtype)


def gradient_block(z, y, w, derivatives, positive, negative):
    """Multiplies derivatives by how the loss moves with the decisions, for labels 0 and 1 to rounding."""
    _, y, w = widened(z, y, w)
    if abs(positive) < abs(negative):  # the smaller would be lost in a difference
        y, positive, negative = 1 - y, negative, positive
    derivatives.mul_((y * (positive - negative)).add_(negative))
    if w is not None:
        derivatives.mul_(w)


def blocks(*arrays):
    """The arrays, flat, in parts of BLOCK entries for each thread."""
    flat_arrays = [x if x is None else x.reshape(-1) for x in arrays]
    block = BLOCK * torch.get_num_threads()
    if flat_arrays[0].numel() <= block:
        return [flat_arrays]
    return zip(*(repeat(None) if x is None else x.split(block) for x in flat_arrays), strict=False)


def relaxed_counts(z, y, w):
    """The relaxed counts."""
    z, y, w = widened(z, y, w)
    return sums(y, w, *relax(z))


def decided_counts(z, y, w):
    """The hard counts."""
    z, y, w = widened(z, y, w)
    decided = decide(z)
    return sums(y, w, decided, ~decided)


def gradient(z, y, w, positive, negative):
    """The gradient by the scores, from how the loss moves with the decision on a positive and on a negative."""
    dtype = z.dtype
    z, y, w = widened(z, y, w)
    by_scores = (y * positive + (1 - y) * negative) * relax_slope(z)
    return narrow(by_scores if w is None else by_scores * w, dtype)


def metric(tp, fp, fn, tn):
    """The metric over the four counts."""
    actual_ = tp + fn
    actual_negative = fp + tn
    predicted = tp + fp
    predicted_negative = fn + tn
    total = tp + fp + fn + tn
    d = actual_ * predicted_negative
    ratio = divide(fn * total, d)
    d_2 = actual_negative * predicted
    ratio_2 = divide(fp * total, d_2)
    d_3 = actual_negative * predicted_negative
    ratio_3 = divide(tn * total, d_3)
    d_4 = actual_ * predicted
    ratio_4 = divide(tp * total, d_4)
    t1 = 1.4426950408889634 * tp * log(ratio_4) + 1.4426950408889634 * fp * log(ratio_2) + 1.4426950408889634 * fn * log(ratio) + 1.4426950408889634 * tn * log(ratio_3)
    return divide(t1, total)


def objective(tp, fp, fn, tn):
    """The loss over the four counts."""
    return -metric(tp, fp, fn, tn)


def slopes(tp, fp, fn, tn):
    """How the loss moves with the decision on a positive, and on a negative."""
    actual_ = tp + fn
    actual_negative = fp + tn
    predicted = tp + fp
    predicted_negative = fn + tn
    total = tp + fp + fn + tn
    d = actual_ * predicted_negative
    ratio = divide(fn * total, d)
    d_2 = actual_negative * predicted
    ratio_2 = divide(fp * total, d_2)
    d_3 = actual_negative * predicted_negative
    ratio_3 = divide(tn * total, d_3)
    d_4 = actual_ * predicted
    ratio_4 = divide(tp * total, d_4)
    t1 = 0.6931471805599453 * predicted_negative
    t2 = divide(fn * (divide(ratio, predicted_negative) - divide(total, d)), 0.6931471805599453 * ratio)
    t3 = divide(tp * (divide(total, d_4) - divide(ratio_4, predicted)), 0.6931471805599453 * ratio_4)
    t4 = 0.6931471805599453 * predicted
    t5 = divide(fp, t4) + 1.4426950408889634 * log(ratio) - divide(tn, t1) - 1.4426950408889634 * log(ratio_4) - t2 - t3
    t6 = divide(fp * (divide(total, d_2) - divide(ratio_2, predicted)), 0.6931471805599453 * ratio_2)
    t7 = divide(tn * (divide(ratio_3, predicted_negative) - divide(total, d_3)), 0.6931471805599453 * ratio_3)
    t8 = divide(tp, t4) + 1.4426950408889634 * log(ratio_3) - divide(fn, t1) - 1.4426950408889634 * log(ratio_2) - t6 - t7
    return divide(t5, total), divide(t8, total)


def relax(z):
    """The relaxed decision and its complement, each without cancellation."""
    return sigmoids(2 * z - 1)


def relax_slope(z):
    """The derivative of the relaxed decision by the score."""
    a, b = sigmoids(2 * z - 1)
    return 2 * a * b


def relax_and_slope(z):
    """The relaxed decision, its complement, and its derivative by the score."""
    a, b = sigmoids(2 * z - 1)
    return a, b, 2 * a * b


def decide(z):
    """The hard decision."""
    return z > 0.5


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


def added(of_blocks):
    """The sums of counts of blocks, each added at once: what lives through many blocks scatters the memory."""
    return functools.reduce(lambda totals, counts: tuple(map(operator.add, totals, counts)), of_blocks)


def widened(z, y, w):
    """Scores, labels and weights in float32 or wider, and 0 for scores and labels of weight 0."""
    z, y = z.to(wide(z.dtype)), y.to(wide(z.dtype))
    if w is None:
        return z, y, None
    return torch.where(w == 0, 0, z), torch.where(w == 0, 0, y), w.to(z.dtype)


def wide(dtype):
    """float32, or a wider dtype."""
    return torch.promote_types(dtype, torch.float32)


def sums(y, w, decided, rejected):
    """TP, FP, FN, TN, each a sum of its own: a difference of large sums would cancel."""
    on, off = (y, 1 - y) if w is None else (w * y, w * (1 - y))
    return (on * decided).sum(), (off * decided).sum(), (on * rejected).sum(), (off * rejected).sum()


def of_counts(function, totals):
    """The results of a function of counts, numbers or tensors: finite where these are, NaN where they are."""
    try:
        results = function(*totals)
    except (ArithmeticError, ValueError):  # numbers too large: as tensors they become infinite
        tensors = tuple(torch.tensor(total, dtype=torch.float64, device="cpu") for total in totals)
        return tuple(result.item() for result in of_counts(function, tensors))
    results = results if isinstance(results, tuple) else (results,)
    if not isinstance(totals[0], Tensor):
        return tuple(min(max(x, -HUGE), HUGE) if x == x else 0 * sum(totals) for x in results)
    return tuple(torch.where(x.isnan(), 0 * sum(totals), x.clamp(-HUGE, HUGE)) for x in results)


def narrow(x, dtype):
    """x in a dtype, at the nearest finite number where it does not fit."""
    if x.dtype == dtype:
        return x
    return x.clamp(torch.finfo(dtype).min, torch.finfo(dtype).max).to(dtype)


def sigmoids(x):
    """The sigmoids of x and -x, each with all its digits; where it is compiled, of one exponential."""
    if torch.compiler.is_compiling() or not isinstance(x, Tensor):
        e = exp(-x)
        p = 1 / (1 + e)
        return p, p * e
    return torch.sigmoid(x), (-x).sigmoid_()


def divide(numerator, denominator, otherwise=0.0):
    """The quotient, and `otherwise` where the denominator is zero."""
    if not isinstance(denominator, Tensor):
        return otherwise if abs(denominator) <= TINY else numerator / denominator
    zero = denominator.abs() <= TINY
    return torch.where(zero, otherwise, numerator / torch.where(zero, 1, denominator))


def log(x):
    """The logarithm, of zero that of TINY."""
    return torch.log(x.clamp(min=TINY)) if isinstance(x, Tensor) else math.log(max(x, TINY))


def exp(x):
    """The exponential function, cut off before it overflows."""
    if not isinstance(x, Tensor):
        return math.exp(min(x, 600))
    return x.clamp(max=0.9 * math.log(torch.finfo(x.dtype).max)).exp_()

