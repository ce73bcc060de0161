"""F1 loss for PyTorch, as it stands before the compiler fills its holes."""

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
FORMULA = "2*TP/(FN + FP + 2*TP), relaxed by Soft()"
# Where the scores have their classes.
CLASS_AXIS = 1
# What one confusion matrix sums over, where arrays are (samples, classes, positions).
AXES = (0, 2)
AXES__micro = (0, 1, 2)
AXES__samples = (1, 2)
AXES__samples_by_class = (2,)
# What each class weighs in the mean.
CLASS_WEIGHT = (1.0,)
# The class index of entries that take no part.
IGNORE_INDEX = -100
# Entries that the cache of one processor core holds, with what is computed of them.
BLOCK = 2**16
BLOCK__multiclass = 2**18
BLOCK__learned = 2**13
# Of every layer of the learned network, how many numbers it takes and how many it gives.
SHAPES = ((1, 1),)
# Its numbers, layer by layer: the weights, a row for each number that the layer takes, and what it adds.
WEIGHTS = "1.0 0.0"
NUMBERS = torch.tensor([float(number) for number in WEIGHTS.split()], dtype=torch.float64, device="cpu")


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


def loss__grouped(
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


class MetricLoss(torch.nn.Module):
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


def score__averaged(
    input: Tensor, target: Tensor, weight: Tensor | None = None, mask: Tensor | None = None
) -> Tensor:
    """The hard metric of the same arguments, averaged as the loss is, in float32 or wider."""
    z, y, w = prepared(input, target, weight, mask)
    totals = decided_counts(z, y, w)
    return averaged(of_counts(metric, totals)[0], totals, w)


def score__skip(
    input: Tensor, target: Tensor, weight: Tensor | None = None, mask: Tensor | None = None
) -> Tensor:
    """The hard metric of the same arguments, averaged as the loss is; NaN where there are no positives."""
    z, y, w = prepared(input, target, weight, mask)
    totals = decided_counts(z, y, w)
    exists = averaged(torch.ones_like(totals[0]), totals, w) > 0
    return torch.where(exists, averaged(of_counts(metric, totals)[0], totals, w), torch.nan)


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


def value_of__averaged(totals, w):
    """The loss, from the counts of all matrices."""
    return averaged(of_counts(objective, totals)[0], totals, w)


def moves(totals, w, upstream):
    """How the loss moves with the decision on a positive, and on a negative, times what comes from outside."""
    return tuple(slope * upstream for slope in of_counts(slopes, totals))


def moves__averaged(totals, w, upstream):
    """How the loss moves with the decision on a positive, and on a negative, times what comes from outside."""
    share = shares(totals, w) * upstream
    return tuple(slope * share for slope in of_counts(slopes, totals))


def alone(x):
    """The number that a tensor holds, None where vmap lets it stand for many."""
    try:
        return x.item()
    except RuntimeError:
        return None


def alone__grouped(x):
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
    """The relaxed counts of a block, as numbers; keeps the derivatives of the decisions."""
    z, y, w = widened(z, y, w)
    decided, rejected, slope = relax_and_slope(z)
    if kept is not None:
        kept.copy_(slope)
    on, off = (y, 1 - y) if w is None else (w * y, w * (1 - y))
    # Each a sum of its own: a difference of large sums would cancel.
    return tuple(label.dot(decision).item() for decision in (decided, rejected) for label in (on, off))


def relaxed_block__grouped(z, y, w, kept):
    """The relaxed counts of a block; keeps the derivatives of the decisions."""
    z, y, w = widened(z, y, unless_ones(w))
    decided, rejected, slope = relax_and_slope(z)
    if kept is not None:
        kept.copy_(slope)
    return sums_in_place(y, w, decided, rejected)


def relaxed_block__multiclass(z, y, w, kept):
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
    for block in blocks(z, y, w, kept):
        gradient_block(*block, positive, negative)
    return narrow(kept, z.dtype)


def gradient_in_blocks__grouped(z, y, w, kept, positive, negative):
    """The gradient by the scores, written over what was kept for it."""
    for block in blocks(z, y, w, kept, along(positive, z), along(negative, z)):
        gradient_block(*block)
    return narrow(kept, z.dtype)


def gradient_block(z, y, w, derivatives, positive, negative):
    """Multiplies derivatives by how the loss moves with the decisions, for labels 0 and 1 to rounding."""
    _, y, w = widened(z, y, w)
    if abs(positive) < abs(negative):  # the smaller would be lost in a difference
        y, positive, negative = 1 - y, negative, positive
    derivatives.mul_((y * (positive - negative)).add_(negative))
    if w is not None:
        derivatives.mul_(w)


def gradient_block__grouped(z, y, w, derivatives, positive, negative):
    """Multiplies derivatives by how the loss moves with the decisions."""
    _, y, w = widened(z, y, unless_ones(w))
    on, off = weighed(y, w)
    derivatives.mul_((on * positive).add_(off.mul_(negative)))


def gradient_block__multiclass(z, y, w, p, positive, negative):
    """Makes a gradient by the scores of probabilities."""
    _, y, w = widened(z, y, unless_ones(w))
    on, off = weighed(y, w)
    by_p = (on * positive).add_(off.mul_(negative)).mul_(relax_slope(p))
    p.copy_(gradient_by_scores(by_p, p))


def unless_ones(w):
    """Weights, None for those of which each is 1 because it is no more than a mask."""
    return None if w is None or (w.dtype == torch.bool and w.all()) else w


def blocks(*arrays):
    """The arrays, flat, in parts of BLOCK entries for each thread."""
    flat_arrays = [x if x is None else x.reshape(-1) for x in arrays]
    block = BLOCK * torch.get_num_threads()
    if flat_arrays[0].numel() <= block:
        return [flat_arrays]
    return zip(*(repeat(None) if x is None else x.split(block) for x in flat_arrays), strict=False)


def blocks__grouped(*arrays):
    """The arrays in parts along positions or samples, of BLOCK entries of the first."""
    return ([cut(x, *part) for x in arrays] for part in parts(arrays[0]))


def relaxed_counts(z, y, w):
    """The relaxed counts."""
    z, y, w = widened(z, y, w)
    return sums(y, w, *relax(z))


def relaxed_counts__multiclass(z, y, w):
    """The relaxed counts, block by block."""
    return added(sums(y, w, *relax(probabilities(z))) for z, y, w in starmap(widened, blocks(z, y, w)))


def decided_counts(z, y, w):
    """The hard counts."""
    z, y, w = widened(z, y, w)
    decided = decide(z)
    return sums(y, w, decided, ~decided)


def decided_counts__multiclass(z, y, w):
    """The hard counts, block by block."""
    decisions = ((y, w, decide(z)) for z, y, w in starmap(widened, blocks(z, y, w)))
    return added(sums(y, w, decided, ~decided) for y, w, decided in decisions)


def gradient(z, y, w, positive, negative):
    """The gradient by the scores, from how the loss moves with the decision on a positive and on a negative."""
    dtype = z.dtype
    z, y, w = widened(z, y, w)
    by_scores = (y * positive + (1 - y) * negative) * relax_slope(z)
    return narrow(by_scores if w is None else by_scores * w, dtype)


def gradient__grouped(z, y, w, positive, negative):
    """The gradient by the scores, from how the loss moves with the decision on a positive and on a negative."""
    dtype = z.dtype
    positive, negative = along(positive, z), along(negative, z)
    z, y, w = widened(z, y, w)
    by_scores = (y * positive + (1 - y) * negative) * relax_slope(z)
    return narrow(by_scores if w is None else by_scores * w, dtype)


def gradient__multiclass(z, y, w, positive, negative):
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


def relax(z):
    """The relaxed decision and its complement, each without cancellation."""
    return sigmoids(z)


def relax_slope(z):
    """The derivative of the relaxed decision by the score."""
    p, q = sigmoids(z)
    return p * q


def relax_and_slope(z):
    """The relaxed decision, its complement, and its derivative by the score."""
    p, q = sigmoids(z)
    return p, q, p * q


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
    return class_numbers(z) == z.argmax(1, keepdim=True)


def probabilities(z):
    """The softmax."""
    return torch.softmax(z, 1)


def probabilities__given(z):
    """The probabilities, which are what the scores are."""
    return z


def complement(p):
    """1 - p: of the one probability above a half, if there is one, the sum of the others, no difference."""
    large = torch.nn.functional.hardshrink(p, 0.5)
    q = large.sum(1, keepdim=True) - p
    return q.sub_(large.sub_(p).sum(1, keepdim=True))


def complement__given(p):
    """1 - p."""
    return 1 - p


def gradient_by_scores(by_p, p):
    """The gradient by the scores; that by the likeliest class is taken off first, for it would cost digits."""
    first = likeliest(p)
    by_p = by_p - (by_p * first).sum(1, keepdim=True) / first.sum(1, keepdim=True)
    return p * (by_p - (by_p * p).sum(1, keepdim=True))


def gradient_by_scores__given(by_p, p):
    """The gradient by the scores, which are the probabilities."""
    return by_p


def likeliest(p):
    """1 for the likeliest class, or for several as likely, 0 for others."""
    return (p - p.amax(1, keepdim=True)).sign_().add_(1)  # a comparison takes longer


def averaged(values, totals, w):
    """The mean of the values."""
    return (values * shares(totals, w)).sum()


def averaged__each_skip(values, totals, w):
    """The values, 0 for a matrix without positives."""
    return values * shares(totals, w)


def shares(totals, w):
    """What each class counts for in the mean: all the same."""
    return torch.ones_like(totals[0]) / max(totals[0].numel(), 1)


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
    of_sample = divide(weights, weights.sum(-1, keepdim=True))
    samples = of_sample.sum(-1) * sample_weights(totals, w)
    return of_sample * divide(samples, samples.sum())[:, None]


def sample_weights(totals, w):
    """What a sample weighs in the mean: as its entries do on average, of those that take part."""
    if w is None:
        return torch.ones_like(totals[0][:, 0] if totals[0].ndim == 2 else totals[0])
    return divide(w.to(totals[0].dtype).sum((1, 2)), (w != 0).sum((1, 2)))


def importance(totals):
    """What a class weighs in the mean: all the same."""
    return torch.ones_like(totals[0])


def importance__skip(totals):
    """What a class weighs in the mean: all the same, one without positives nothing."""
    return present(totals)


def importance__support(totals):
    """What a class weighs in the mean: its positives, or all the same where there are none."""
    support = actual(totals)
    return torch.where(support.sum(-1, keepdim=True) > TINY, support, 1)


def importance__support_skip(totals):
    """What a class weighs in the mean: its positives."""
    return actual(totals)


def importance__class_weight(totals):
    """What a class weighs in the mean."""
    return class_weights(totals).expand_as(totals[0])


def importance__class_weight_skip(totals):
    """What a class weighs in the mean; one without positives nothing."""
    return class_weights(totals) * present(totals)


def class_weights(totals):
    """The weights of the classes, of which there must be as many."""
    if totals[0].shape[-1] != len(CLASS_WEIGHT):
        raise ValueError(
            f"input has {totals[0].shape[-1]} classes, and class_weight has {len(CLASS_WEIGHT)} numbers"
        )
    return totals[0].new_tensor(CLASS_WEIGHT)


def present(totals):
    """1 where there are positives, 0 where there are none."""
    return (actual(totals) > TINY).to(totals[0].dtype)


def actual(totals):
    """The weight of the positives, which no score can change."""
    return (totals[0] + totals[2]).detach()


def prepared(input, target, weight, mask):
    """Scores, labels and the weights of all entries; shapes and dtypes are looked at, values are not."""
    check(input, target, weight, mask)
    if target.shape != input.shape:
        shapes = f"input has shape {tuple(input.shape)} and target {tuple(target.shape)}"
        raise ValueError(f"{shapes}: give equal shapes")
    return input, target, entry_weights(weight, mask, input.shape)


def prepared__grouped(input, target, weight, mask):
    """Scores, labels and weights as (samples, classes, positions); values are not looked at."""
    check(input, target, weight, mask)
    if target.shape != input.shape:
        shapes = f"input has shape {tuple(input.shape)} and target {tuple(target.shape)}"
        raise ValueError(f"{shapes}: give equal shapes")
    z, y = classes_second(input), classes_second(target)
    return flat(z), flat(y), entry_weights(weight, mask, z.shape)


def prepared__multiclass(input, target, weight, mask):
    """Scores, labels and weights as (samples, classes, positions); values are not looked at."""
    check(input, target, weight, mask)
    z = classes_second(input)
    return flat(z), flat(class_labels(input, target, z)), entry_weights(weight, mask, z.shape)


def prepared__ignore_index(input, target, weight, mask):
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


def classes_second__binary(x):
    """An array with an axis for its one class; a single score is one sample."""
    return x.reshape(x.shape or (1,)).unsqueeze(1)


def flat(x):
    """An array as (samples, classes, positions)."""
    return x.reshape(*x.shape[:2], math.prod(x.shape[2:]))


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


def fitted__grouped(x, name, shape):
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
    """Scores, labels and weights in float32 or wider, and 0 for scores and labels of weight 0."""
    z, y = z.to(wide(z.dtype)), y.to(wide(z.dtype))
    if w is None:
        return z, y, None
    return torch.where(w == 0, 0, z), torch.where(w == 0, 0, y), w.to(z.dtype)


def widened__multiclass(z, y, w):
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
    """TP, FP, FN, TN, each a sum of its own: a difference of large sums would cancel."""
    on, off = (y, 1 - y) if w is None else (w * y, w * (1 - y))
    return (on * decided).sum(), (off * decided).sum(), (on * rejected).sum(), (off * rejected).sum()


def sums__grouped(y, w, decided, rejected):
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


def sigmoid(x):
    """1 / (1 + exp(-x))."""
    return torch.sigmoid(x) if isinstance(x, Tensor) else 1 / (1 + exp(-x))


def sigmoids(x):
    """The sigmoids of x and -x, each with all its digits; where it is compiled, of one exponential."""
    if torch.compiler.is_compiling() or not isinstance(x, Tensor):
        e = exp(-x)
        p = 1 / (1 + e)
        return p, p * e
    return torch.sigmoid(x), (-x).sigmoid_()


def learned(x):
    """The learned network's value at every number of an array."""
    return network(x.reshape(-1, 1)).reshape(x.shape)


def learned_slope(x):
    """How the learned network's value moves, at every number of an array."""
    return network_slopes(x.reshape(-1, 1)).expand(x.numel()).reshape(x.shape)


def network(x):
    """The network's value of every row of numbers."""
    (weights, biases), *others = layers(x)
    values = multiplied(x, weights) + biases
    for weights, biases in others:
        values = multiplied(torch.nn.functional.elu(values), weights) + biases
    return values[:, 0]


def network_slopes(x):
    """How the network's value moves with every number, of rows of one number each."""
    (weights, biases), *others = layers(x)
    values, by_x = multiplied(x, weights) + biases, weights
    for weights, biases in others:
        by_x = multiplied(by_x * values.clamp(max=0).exp(), weights)
        values = multiplied(torch.nn.functional.elu(values), weights) + biases
    return by_x[:, 0]


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


def sqrt(x):
    """The square root, with slope 0 at 0."""
    if not isinstance(x, Tensor):
        return 0.0 if x <= 0 else math.sqrt(x)
    zero = x <= 0
    return torch.where(zero, 0, torch.sqrt(torch.where(zero, 1, x)))


def power(x, exponent):
    """A fractional power, with slope 0 at 0."""
    if not isinstance(x, Tensor):
        return 0.0 if x <= 0 else x**exponent
    zero = x <= 0
    return torch.where(zero, 0, torch.where(zero, 1, x) ** exponent)


def log(x):
    """The logarithm, of zero that of TINY."""
    return torch.log(x.clamp(min=TINY)) if isinstance(x, Tensor) else math.log(max(x, TINY))


def exp(x):
    """The exponential function, cut off before it overflows."""
    if not isinstance(x, Tensor):
        return math.exp(min(x, 600))
    return x.clamp(max=0.9 * math.log(torch.finfo(x.dtype).max)).exp_()


def sin(x):
    """The sine."""
    return torch.sin(x) if isinstance(x, Tensor) else math.sin(x)


def cos(x):
    """The cosine."""
    return torch.cos(x) if isinstance(x, Tensor) else math.cos(x)


def tan(x):
    """The tangent."""
    return torch.tan(x) if isinstance(x, Tensor) else math.tan(x)


def atan(x):
    """The arc tangent."""
    return torch.atan(x) if isinstance(x, Tensor) else math.atan(x)


def tanh(x):
    """The hyperbolic tangent."""
    return torch.tanh(x) if isinstance(x, Tensor) else math.tanh(x)


def sign(x):
    """-1, 0 or 1."""
    return torch.sign(x) if isinstance(x, Tensor) else float((x > 0) - (x < 0))


def asin(x):
    """The arc sine, of rounding errors beyond ±1 that of ±1."""
    return torch.asin(x.clamp(-1, 1)) if isinstance(x, Tensor) else math.asin(min(max(x, -1), 1))


def acos(x):
    """The arc cosine, of rounding errors beyond ±1 that of ±1."""
    return torch.acos(x.clamp(-1, 1)) if isinstance(x, Tensor) else math.acos(min(max(x, -1), 1))


def minimum(x, y):
    """The smaller of two, of which the second may be a number."""
    return x.clamp(max=y) if isinstance(x, Tensor) else min(x, y)


def maximum(x, y):
    """The larger of two, of which the second may be a number."""
    return x.clamp(min=y) if isinstance(x, Tensor) else max(x, y)
