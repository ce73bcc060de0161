"""A loss for PyTorch: f1, multiclass, macro, relaxed by Soft().

Written by metricloss 0.1.0. The file needs PyTorch and nothing else, and may be copied into any
project, under any licence. To write it again:

    metricloss emit '2*TP/(FN + FP + 2*TP)' --name f1 --backend torch --task=multiclass --ignore-index=255

    d                 FN + FP + 2*TP
    f1                2*TP/d
    loss of a matrix  1 - f1
    slopes            -(2 - f1)/d on a positive,
                      f1/d on a negative: how the loss moves with the decision
    decision          h = p, p = softmax(z)

input holds logits of N samples, of K exclusive classes along axis 1, with any other axes. target
holds class indices, integers of that shape without the axis of the classes (an entry with index
255 takes no part), or labels in [0, 1], one-hot or soft, of the shape of input. An index that
names no class is not found out: it makes a negative of every class. weight and mask have the shape
(N,), by sample, or that of input with or without the axis of the classes; an axis of size 1 is
repeated.

Every class makes a confusion matrix, of all samples; the loss is the mean over the classes.

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
FORMULA = "2*TP/(FN + FP + 2*TP), multiclass, macro, relaxed by Soft()"
# Where the scores have their classes.
CLASS_AXIS = 1
# What one confusion matrix sums over, where arrays are (samples, classes, positions).
AXES = (0, 2)
# The class index of entries that take no part.
IGNORE_INDEX = 255
# Entries that the cache of one processor core holds, with what is computed of them.
BLOCK = 2**18


def loss(
    input: Tensor, target: Tensor, weight: Tensor | None = None, mask: Tensor | None = None
) -> Tensor:
    """The loss, differentiable by the scores any number of times; the head of this file tells the shapes.

    An entry whose mask is False, or whose weight is 0, takes no part, whatever its score. All but the scores
    are constants. Returns the scores' dtype; sums are taken in float32 or wider.
    Raises TypeError for dtypes and ValueError for shapes that do not fit, and for a target, weight or mask that
    requires a gradient.
    """
    z, y, w = prepared(input, target, weight, mask)
    # A compiler fuses whole arrays itself, and other devices have no cache of this kind.
    in_blocks = type(z) is Tensor and z.is_cpu and not torch.compiler.is_compiling()
    return (LossInBlocks if in_blocks else Loss).apply(z, y, w)[0]


class F1Loss(torch.nn.Module):
    """The loss as a module, for those who take one."""

    def forward(
        self, input: Tensor, target: Tensor, weight: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """The loss, of the same arguments as the function's."""
        return loss(input, target, weight, mask)

    def extra_repr(self) -> str:
        """The metric's formula."""
        return FORMULA


def score(
    input: Tensor, target: Tensor, weight: Tensor | None = None, mask: Tensor | None = None
) -> Tensor:
    """The hard metric of the same arguments, averaged as the loss is, in float32 or wider."""
    z, y, w = prepared(input, target, weight, mask)
    totals = decided_counts(z, y, w)
    return averaged(of_counts(metric, totals)[0], totals, w)


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
    """The loss, from the counts of all matrices."""
    return averaged(of_counts(objective, totals)[0], totals, w)


def moves(totals, w, upstream):
    """How the loss moves with the decision on a positive, and on a negative, times what comes from outside."""
    share = shares(totals, w) * upstream
    return tuple(slope * share for slope in of_counts(slopes, totals))


def alone(x):
    """A tensor, None where vmap lets it stand for many."""
    try:
        x.sum().item()
    except RuntimeError:
        return None
    return x


def relaxed_in_blocks(z, y, w, kept=None):
    """The relaxed counts; where there is an array for it, what the gradient is made of is kept there."""
    return added(relaxed_block(*block) for block in blocks(z, y, w, kept))


def relaxed_block(z, y, w, kept):
    """The relaxed counts of a block; keeps the probabilities."""
    z, y, w = widened(z, y, unless_ones(w))
    p = probabilities(z)
    if kept is not None:
        kept.copy_(p)
    return sums_in_place(y, w, *relax(p))


def sums_in_place(y, w, decided, rejected):
    """TP, FP, FN, TN of each matrix, each a sum of its own, with one array for all products."""
    on, off = weighed(y, w)
    product = on * decided
    tp, fp = product.sum(AXES), torch.mul(off, decided, out=product).sum(AXES)
    return tp, fp, torch.mul(on, rejected, out=product).sum(AXES), off.mul_(rejected).sum(AXES)


def gradient_in_blocks(z, y, w, kept, positive, negative):
    """The gradient by the scores, written over what was kept for it."""
    for block in blocks(z, y, w, kept, along(positive, z), along(negative, z)):
        gradient_block(*block)
    return narrow(kept, z.dtype)


def gradient_block(z, y, w, p, positive, negative):
    """Makes a gradient by the scores of probabilities."""
    _, y, w = widened(z, y, unless_ones(w))
    on, off = weighed(y, w)
    by_p = (on * positive).add_(off.mul_(negative)).mul_(relax_slope(p))
    p.copy_(gradient_by_scores(by_p, p))


def unless_ones(w):
    """Weights, None for those of which each is 1 because it is no more than a mask."""
    return None if w is None or (w.dtype == torch.bool and w.all()) else w


def blocks(*arrays):
    """The arrays in parts along positions or samples, of BLOCK entries of the first."""
    return ([cut(x, *part) for x in arrays] for part in parts(arrays[0]))


def relaxed_counts(z, y, w):
    """The relaxed counts, block by block."""
    return added(sums(y, w, *relax(probabilities(z))) for z, y, w in starmap(widened, blocks(z, y, w)))


def decided_counts(z, y, w):
    """The hard counts, block by block."""
    decisions = ((y, w, decide(z)) for z, y, w in starmap(widened, blocks(z, y, w)))
    return added(sums(y, w, decided, ~decided) for y, w, decided in decisions)


def gradient(z, y, w, positive, negative):
    """The gradient by the scores, from how the loss moves with the decision on a positive and on a negative."""
    positive, negative = along(positive, z), along(negative, z)
    result = None
    for part, block in zip(parts(z), blocks(z, y, w), strict=True):
        scores, labels, weights = widened(*block)
        p = probabilities(scores)
        on, off = weighed(labels, weights)
        by_p = (on * positive + off * negative) * relax_slope(p)
        by_scores = narrow(gradient_by_scores(by_p, p), z.dtype)
        if result is None:  # made from a block, it is batched under vmap if any of the blocks will be
            result = by_scores.new_empty(z.shape)
        result.narrow(*part).copy_(by_scores)
    return result


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


def relax(p):
    """The relaxed decision on a class and its complement, from the class's probability."""
    q = complement(p)
    return p, q


def relax_slope(p):
    """The derivative of the relaxed decision on a class by its probability."""
    return 1


def decide(z):
    """The hard decision: the likeliest class, of equals the first."""
    return class_numbers(z) == z.argmax(1, keepdim=True)


def probabilities(z):
    """The softmax."""
    return torch.softmax(z, 1)


def complement(p):
    """1 - p: of the one probability above a half, if there is one, the sum of the others, no difference."""
    large = torch.nn.functional.hardshrink(p, 0.5)
    q = large.sum(1, keepdim=True) - p
    return q.sub_(large.sub_(p).sum(1, keepdim=True))


def gradient_by_scores(by_p, p):
    """The gradient by the scores; that by the likeliest class is taken off first, for it would cost digits."""
    first = likeliest(p)
    by_p = by_p - (by_p * first).sum(1, keepdim=True) / first.sum(1, keepdim=True)
    return p * (by_p - (by_p * p).sum(1, keepdim=True))


def likeliest(p):
    """1 for the likeliest class, or for several as likely, 0 for others."""
    return (p - p.amax(1, keepdim=True)).sign_().add_(1)  # a comparison takes longer


def averaged(values, totals, w):
    """The mean of the values."""
    return (values * shares(totals, w)).sum()


def shares(totals, w):
    """What each class counts for in the mean: all the same."""
    return torch.ones_like(totals[0]) / max(totals[0].numel(), 1)


def present(totals):
    """1 where there are positives, 0 where there are none."""
    return (actual(totals) > TINY).to(totals[0].dtype)


def actual(totals):
    """The weight of the positives, which no score can change."""
    return (totals[0] + totals[2]).detach()


def prepared(input, target, weight, mask):
    """Scores, labels and weights as (samples, classes, positions); what is to be ignored weighs 0."""
    check(input, target, weight, mask)
    z = classes_second(input)
    y, w = flat(class_labels(input, target, z)), entry_weights(weight, mask, z.shape)
    if y.shape[1] == 1:
        kept = y != IGNORE_INDEX
        w = kept if w is None else torch.where(kept, w, 0)
    return flat(z), y, w


def class_labels(input, target, z):
    """The labels with their classes second, or class indices with one class there."""
    if z.shape[1] < 2:
        raise ValueError(f"input has shape {tuple(input.shape)}: of exclusive classes there are at least two")
    if target.shape == input.shape:
        return classes_second(target)
    indices = (z.shape[0], *z.shape[2:])
    if target.shape == indices and not target.is_floating_point() and target.dtype != torch.bool:
        return target.long().unsqueeze(1)  # in a narrow dtype an index to be ignored could be that of a class
    raise ValueError(
        f"input has shape {tuple(input.shape)} and target {tuple(target.shape)}, of {target.dtype}: give class "
        f"indices, integers of shape {indices}, or labels of the input's shape"
    )


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


def classes_second(x):
    """An array with its classes in axis 1, after the samples."""
    if not -x.ndim <= CLASS_AXIS < x.ndim or x.ndim < 2:
        raise ValueError(f"input has shape {tuple(x.shape)}, but axis {CLASS_AXIS} is to hold its classes")
    return x.movedim(CLASS_AXIS, 1)


def flat(x):
    """An array as (samples, classes, positions)."""
    return x.reshape(*x.shape[:2], math.prod(x.shape[2:]))


def entry_weights(weight, mask, shape):
    """What every entry weighs, 0 where the mask is False, for scores of a shape; None where all weigh 1."""
    w = None if weight is None else fitted(weight, "weight", shape)
    m = None if mask is None else fitted(mask, "mask", shape) != 0
    return w if m is None else m if w is None else torch.where(m, w, 0)


def fitted(x, name, shape):
    """A weight or mask as (samples, classes or 1, positions), for scores of a shape with classes second."""
    fits = x
    if x.ndim < 2:
        fits = x.reshape(-1, *[1] * (len(shape) - 1))
    elif x.ndim == len(shape) - 1:
        fits = x.unsqueeze(1)
    elif x.ndim == len(shape):
        fits = classes_second(x)
    if fits.ndim != len(shape) or not broadcasts(fits.shape, shape):
        raise ValueError(
            f"{name} has shape {tuple(x.shape)}: give {tuple(shape[:1])}, by sample, "
            f"{(shape[0], *shape[2:])}, by entry, or the input's shape; an axis of size 1 is repeated"
        )
    return flat(fits.expand(shape[0], -1, *shape[2:]))


def broadcasts(shape, to):
    """Whether an array of a shape can be repeated to fill another."""
    pairs = zip(reversed(shape), reversed(to), strict=False)
    return len(shape) <= len(to) and all(a in (1, b) for a, b in pairs)


def parts(z):
    """The blocks of the scores, along positions or samples: axis, start and length of each."""
    axis = 2 if 0 not in AXES or z.shape[2] > z.shape[0] else 0
    size = z.shape[axis]
    step = size if torch.compiler.is_compiling() else BLOCK * size // max(z.numel(), 1)
    return [(axis, start, min(max(step, 1), size - start)) for start in range(0, max(size, 1), max(step, 1))]


def cut(x, axis, start, length):
    """A part of an array along an axis, all of it where it has one entry there for all."""
    return x if x is None or x.shape[axis] == 1 else x.narrow(axis, start, length)


def along(slope, z):
    """A slope for each matrix as an array that broadcasts to the scores."""
    return slope.reshape([1 if axis in AXES else size for axis, size in enumerate(z.shape)])


def added(of_blocks):
    """The sums of counts of blocks, each added at once: what lives through many blocks scatters the memory."""
    return functools.reduce(lambda totals, counts: tuple(map(operator.add, totals, counts)), of_blocks)


def class_numbers(z):
    """0, 1, 2 and so on, along the classes."""
    return torch.arange(z.shape[1], device=z.device).reshape(1, -1, 1)


def widened(z, y, w):
    """Scores, labels of each class and weights in float32 or wider, and 0 for scores and labels of weight 0."""
    dtype = wide(z.dtype)
    if w is not None:
        present = w.any(1, keepdim=True)  # a class may weigh 0, and is a rival of the others all the same
        z, w = torch.where(present, z, 0), w.to(dtype)
        y = torch.where(present, y, 0) if y.shape == z.shape else y
    return z.to(dtype), y.to(dtype) if y.shape == z.shape else one_hot(y.to(dtype), z), w


def one_hot(y, z):
    """Class indices, in a floating dtype, as labels of each class."""
    distances = (y - class_numbers(z).to(y.dtype)).abs_()
    return (1 - distances).relu_()  # a comparison takes longer


def wide(dtype):
    """float32, or a wider dtype."""
    return torch.promote_types(dtype, torch.float32)


def sums(y, w, decided, rejected):
    """TP, FP, FN, TN of each matrix, each a sum of its own: a difference of large sums would cancel."""
    on, off = weighed(y, w)
    return tuple((label * decision).sum(AXES) for decision in (decided, rejected) for label in (on, off))


def weighed(y, w):
    """What each entry weighs as a positive, and as a negative."""
    return (y, 1 - y) if w is None else (w * y, w * (1 - y))


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


def divide(numerator, denominator, otherwise=0.0):
    """The quotient, and `otherwise` where the denominator is zero."""
    if not isinstance(denominator, Tensor):
        return otherwise if abs(denominator) <= TINY else numerator / denominator
    zero = denominator.abs() <= TINY
    return torch.where(zero, otherwise, numerator / torch.where(zero, 1, denominator))

