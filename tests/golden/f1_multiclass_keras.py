"""A loss for Keras: f1, multiclass, macro, relaxed by Soft().

Written by metricloss 0.1.0. The file needs Keras and nothing else, and may be copied into any
project, under any licence. To write it again:

    metricloss emit '2*TP/(FN + FP + 2*TP)' --name f1 --backend keras --task=multiclass --ignore-index=255

    d                 FN + FP + 2*TP
    f1                2*TP/d
    loss of a matrix  1 - f1
    slopes            -(2 - f1)/d on a positive,
                      f1/d on a negative: how the loss moves with the decision
    decision          h = p, p = softmax(z)

y_pred holds logits of N samples, of K exclusive classes along axis -1, with any other axes. y_true
holds class indices, integers of that shape without the axis of the classes (an entry with index
255 takes no part), or labels in [0, 1], one-hot or soft, of the shape of y_pred. An index that
names no class is not found out: it makes a negative of every class. sample_weight and mask have
the shape (N,), by sample, or that of y_pred with or without the axis of the classes; an axis of
size 1 is repeated.

Every class makes a confusion matrix, of all samples; the loss is the mean over the classes.

Counts are sums over the entries of a matrix, of weight · label · decision and their complements. A
quotient whose denominator is zero is 0, if nothing else is said above, with slope 0; an infinite
slope of a root or a logarithm is 0 too. Finite scores give a finite loss and a finite gradient.
"""

import math

import keras
from keras import ops

# What is computed, whatever it is called: a saved model keeps it.
COMPUTED = (
    "2*TP/(FN + FP + 2*TP), direction=maximize, zero_division=0, relaxation=p, from_logits=True, "
    "task=multiclass, ignore_index=255"
)
# A denominator, or the argument of a logarithm, this close to zero counts as zero.
TINY = 2.0**-64
# No slope is larger: it must survive a product with the scores' own slopes in float32.
HUGE = 2.0**100
# The largest numbers of the dtypes narrower than float32.
LARGEST = {"float16": 65504.0, "bfloat16": (2 - 2.0**-7) * 2.0**127}
# Where the scores have their classes.
CLASS_AXIS = -1
# What one confusion matrix sums over, where arrays are (samples, positions, classes).
AXES = (0, 1)
# The class index of entries that take no part.
IGNORE_INDEX = 255
# So many numbers are added in one go, and so many such sums then one to one, which no compiler undoes.
RUN = 256
FOLDS = 16


@keras.saving.register_keras_serializable(package="metricloss", name=COMPUTED)
def loss(y_true, y_pred, sample_weight=None, mask=None):
    """The loss, differentiable by the scores; the head of this file tells the shapes.

    An entry whose mask is False, or whose weight is 0, takes no part, whatever its score. All but the scores
    are constants, no gradient reaches them. Returns the scores' dtype; sums are taken in float32 or wider.
    Raises TypeError for scores of another dtype and ValueError for shapes that do not fit; how many axes an
    array has must be known when a graph is traced, and how many classes there are.
    """
    z, y, w = prepared(y_true, y_pred, sample_weight, mask)
    return narrow(of_entries(z, y, w), z.dtype)


def score(y_true, y_pred, sample_weight=None, mask=None):
    """The hard metric of the same arguments, averaged as the loss is, in float32 or wider."""
    z, y, w = prepared(y_true, y_pred, sample_weight, mask)
    return scored(decided_counts(z, y, w), w)


def counts(y_true, y_pred, sample_weight=None, mask=None):
    """The hard counts TP, FP, FN, TN of the same arguments, in float32 or wider."""
    return decided_counts(*prepared(y_true, y_pred, sample_weight, mask))


def soft_counts(y_true, y_pred, sample_weight=None, mask=None):
    """The relaxed counts TP, FP, FN, TN, from which the loss is made, in float32 or wider; differentiable."""
    return tuple(ops.unstack(counted(*prepared(y_true, y_pred, sample_weight, mask)), 4))


class Saved:
    """What a saved model keeps of an object, and how it comes back."""

    def get_config(self):
        """The arguments, what is computed, and the command that writes it."""
        kept = {"dtype": self.dtype, "computed": COMPUTED, "command": command()}
        return {**super().get_config(), **kept}

    @classmethod
    def from_config(cls, config):
        """What the model was saved with: of this class, or of that given for its name in `custom_objects`.

        Raises ValueError where that computes something else.
        """
        arguments = dict(config)
        computed, written_by = arguments.pop("computed", None), arguments.pop("command", None)
        if computed == COMPUTED:
            return cls(**arguments)
        given = keras.saving.get_registered_object(cls.__name__)
        if given not in (None, cls):
            return given.from_config(config)
        raise ValueError(
            f"the model was saved with the {cls.__name__} that `{written_by}` writes, and this is that of "
            f"`{command()}`: import the file of the former, or compile that loss again if it was compiled in "
            "memory, after any other of the same name and before the model is loaded"
        )


@keras.saving.register_keras_serializable(package="metricloss")
class F1Loss(Saved, keras.losses.Loss):
    """The loss as `model.compile(loss=F1Loss())` takes it.

    Weights that `fit` is given, and masks of the model's layers, enter the counts; they do not multiply the
    loss. What y_pred holds, logits or probabilities, is settled: see "decision" at the head of this file.
    Keras' own losses take probabilities unless told. A model that is saved with the loss is loaded where this
    file has been imported.

    reduction: of a vector of losses, one for each class; a scalar is what it is.
    """

    def __init__(self, name="f1_loss", reduction="sum_over_batch_size", dtype=None):
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def __call__(self, y_true, y_pred, sample_weight=None):
        """The loss of labels, scores and weights, and of the mask that Keras keeps with the scores."""
        values = self.call(y_true, y_pred, sample_weight, mask_of(y_pred))
        if self.reduction in (None, "none"):
            return values
        return ops.sum(values) if self.reduction == "sum" else ops.mean(values)

    def call(self, y_true, y_pred, sample_weight=None, mask=None):
        """The same before the reduction, with the mask stated."""
        return loss(y_true, ops.cast(scores_of(y_pred), self.dtype), sample_weight, mask)


@keras.saving.register_keras_serializable(package="metricloss")
class F1Score(Saved, keras.metrics.Metric):
    """The hard metric for `model.compile(metrics=[F1Score()])`: of all batches of an epoch together."""

    def __init__(self, name="f1_score", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.totals = None  # how many classes there are is seen in the first batch

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add the counts of a batch."""
        totals = ops.stack(counts(y_true, y_pred, sample_weight, mask_of(y_pred)))
        if self.totals is None:
            self.totals = self.add_variable(totals.shape, "zeros", name="totals")
        self.totals.assign(self.totals + ops.cast(totals, self.totals.dtype))

    def result(self):
        """The metric of the counts so far, averaged as the loss is."""
        return 0.0 if self.totals is None else scored(ops.unstack(ops.convert_to_tensor(self.totals), 4), None)


def mask_of(y_pred):
    """The mask that a model's layers left with the scores, or None.

    Keras has no public function for it, and in JAX the attribute `_keras_mask` of the scores is not all.
    """
    return keras.src.backend.get_keras_mask(y_pred)


def command():
    """The command that writes this file."""
    return "metricloss emit '2*TP/(FN + FP + 2*TP)' --name f1 --backend keras --task=multiclass --ignore-index=255"


def of_entries(z, y, w):
    """The loss of what `prepared` returns."""
    totals = counted(z, y, w)
    return averaged(valued(totals), ops.unstack(totals, 4), w)


def scored(totals, w):
    """The metric of the counts, averaged as the loss is."""
    return averaged(of_counts(metric, totals)[0], totals, w)


def with_gradient(function, gradient):
    """A function of an array, with the gradient that another makes of the array and of what is upstream."""

    @ops.custom_gradient
    def differentiable(x):
        def pull_back(*arguments, upstream=None):
            # Keras hands over the array again and names the rest in torch, and gives that alone elsewhere.
            return gradient(x, *arguments) if upstream is None else gradient(*arguments, upstream)

        return function(x), pull_back

    return differentiable


def counted(z, y, w):
    """The relaxed counts as one array, with their derived gradient by the scores."""

    def by_scores(z, upstream):
        by_tp, by_fp, by_fn, by_tn = ops.unstack(upstream, 4)
        return gradient(z, y, w, by_tp - by_fn, by_fp - by_tn)

    return with_gradient(lambda z: ops.stack(relaxed_counts(z, y, w)), by_scores)(z)


def valued(totals):
    """The loss of each matrix, with its derived slopes; TP + FN and FP + TN are constants."""

    def by_counts(totals, upstream):
        positive, negative = of_counts(slopes, ops.unstack(totals, 4))
        constant = ops.zeros_like(upstream)
        return ops.stack([upstream * positive, upstream * negative, constant, constant])

    return with_gradient(lambda totals: of_counts(objective, ops.unstack(totals, 4))[0], by_counts)(totals)


def relaxed_counts(z, y, w):
    """The relaxed counts."""
    z, y, w = widened(z, y, w)
    return sums(y, w, *relax(probabilities(z)))


def decided_counts(z, y, w):
    """The hard counts."""
    z, y, w = widened(z, y, w)
    decided = ops.cast(decide(z), z.dtype)
    return sums(y, w, decided, 1 - decided)


def gradient(z, y, w, positive, negative):
    """The gradient by the scores, from how the loss moves with the decision on a positive and on a negative."""
    dtype, positive, negative = z.dtype, along(positive, z), along(negative, z)
    z, y, w = widened(z, y, w)
    p = probabilities(z)
    by_p = (y * positive + (1 - y) * negative) * relax_slope(p)
    return narrow(gradient_by_scores(by_p if w is None else by_p * w, p), dtype)


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
    return one_hot(ops.argmax(z, axis=-1, keepdims=True), z)


def probabilities(z):
    """The softmax."""
    powers = ops.exp(z - ops.stop_gradient(highest(z)))
    return powers / ops.sum(powers, axis=-1, keepdims=True)


def complement(p):
    """1 - p: of the one probability above a half, if there is one, the sum of the others, no difference."""
    large = ops.where(p > 0.5, p, 0)
    of_others = ops.sum(p - large, axis=-1, keepdims=True)
    return (ops.sum(large, axis=-1, keepdims=True) - p) + of_others


def gradient_by_scores(by_p, p):
    """The gradient by the scores; that by the likeliest class is taken off first, for it would cost digits."""
    first = likeliest(p)
    of_first = ops.sum(by_p * first, axis=-1, keepdims=True)
    by_p = by_p - of_first / ops.sum(first, axis=-1, keepdims=True)
    return p * (by_p - ops.sum(by_p * p, axis=-1, keepdims=True))


def likeliest(p):
    """1 for the likeliest class, or for several as likely, 0 for others."""
    return ops.cast(p == highest(p), p.dtype)


def highest(x):
    """The largest number among the classes; where there are no entries, Keras asks for one to begin with."""
    return ops.max(x, axis=-1, keepdims=True, initial=-math.inf)


def averaged(values, totals, w):
    """The mean of the values."""
    return ops.sum(values * shares(totals, w))


def shares(totals, w):
    """What each class counts for in the mean: all the same."""
    return ops.ones_like(totals[0]) / max(totals[0].shape[-1], 1)


def prepared(y_true, y_pred, sample_weight, mask):
    """Scores, labels and weights as (samples, positions, classes); what is to be ignored weighs 0."""
    scores = scores_of(y_pred)
    z = classes_last(scores)
    y, w = flat(class_labels(constant(y_true), scores, z)), entry_weights(sample_weight, mask, z)
    if y.shape[-1] == 1:
        kept = y != IGNORE_INDEX
        w = kept if w is None else ops.where(kept, w, ops.zeros_like(w))
    return flat(z), y, w


def class_labels(y, scores, z):
    """The labels with their classes last, or class indices with an axis of one; z: the scores so.

    Indices may be whole floating-point numbers, as Keras' own losses take them.
    """
    if z.shape[-1] is None or z.shape[-1] < 2:
        raise ValueError(
            f"y_pred has shape {tuple(scores.shape)}: of exclusive classes there are at least two, and a graph "
            "is traced for a number of them"
        )
    if agree(y.shape, scores.shape):
        return classes_last(y)
    is_bool = keras.backend.standardize_dtype(y.dtype) == "bool"
    indices = y[..., None] if len(y.shape) < len(z.shape) else classes_last(y)
    if agree(indices.shape, (*z.shape[:-1], 1)) and not is_bool:
        return ops.cast(indices, "int32")
    raise ValueError(
        f"y_pred has shape {tuple(scores.shape)} and y_true {tuple(y.shape)}, of "
        f"{keras.backend.standardize_dtype(y.dtype)}: give class indices, integers of shape "
        f"{tuple(z.shape[:-1])}, or labels of the scores' shape"
    )


def scores_of(y_pred):
    """The scores as a tensor of a floating dtype."""
    z = ops.convert_to_tensor(y_pred)
    dtype = keras.backend.standardize_dtype(z.dtype)
    if "float" not in dtype:
        raise TypeError(f"y_pred has dtype {dtype}, but scores are floating-point numbers")
    return z


def constant(x):
    """Labels, weights or a mask as a tensor that no gradient reaches."""
    return ops.stop_gradient(ops.convert_to_tensor(x))


def agree(shape, other):
    """Whether two shapes are the same, as far as they are known."""
    return len(shape) == len(other) and all(a == b or None in (a, b) for a, b in zip(shape, other, strict=True))


def classes_last(x):
    """A tensor with its classes in the last axis."""
    rank = len(x.shape)
    if rank < 2 or not -rank <= CLASS_AXIS < rank:
        raise ValueError(f"y_pred has shape {tuple(x.shape)}, but axis {CLASS_AXIS} is to hold its classes")
    return ops.moveaxis(x, CLASS_AXIS, -1)


def flat(x):
    """A tensor as (1, samples and positions, classes): all samples make the same matrices."""
    *positions, classes = ops.shape(x)
    return ops.reshape(x, (1, math.prod(positions), classes))


def entry_weights(sample_weight, mask, z):
    """What every entry weighs, 0 where the mask is False, for scores z; None where all weigh 1."""
    w = None if sample_weight is None else fitted(constant(sample_weight), "sample_weight", z)
    m = None if mask is None else ops.cast(fitted(constant(mask), "mask", z), "bool")
    return w if m is None else m if w is None else ops.where(m, w, ops.zeros_like(w))


def fitted(x, name, z):
    """A weight or mask as flat as the scores, for scores with classes last; axes that it lacks are the last."""
    lacking = len(z.shape) - len(x.shape)
    fits = classes_last(x) if lacking == 0 else x[(..., *[None] * lacking)]
    if not broadcasts(fits.shape, z.shape):
        raise ValueError(
            f"{name} has shape {tuple(x.shape)}: give {tuple(z.shape[:1])}, by sample, {tuple(z.shape[:-1])}, "
            "by entry, or the scores' shape; an axis of size 1 is repeated"
        )
    return flat(ops.broadcast_to(fits, (*ops.shape(z)[:-1], ops.shape(fits)[-1])))


def broadcasts(shape, to):
    """Whether an array of a shape can be repeated to fill another of as many axes, as far as they are known."""
    return len(shape) == len(to) and all(a in (1, b) or None in (a, b) for a, b in zip(shape, to, strict=True))


def along(slope, z):
    """A slope for each matrix as a tensor that broadcasts to the scores."""
    return ops.reshape(slope, [1 if axis in AXES else size for axis, size in enumerate(ops.shape(z))])


def widened(z, y, w):
    """Scores, labels of each class and weights in float32 or wider, and 0 for scores and labels of weight 0."""
    dtype = wide(z)
    y, z = ops.cast(one_hot(y, z) if y.shape[-1] == 1 else y, dtype), ops.cast(z, dtype)
    if w is None:
        return z, y, None
    w = ops.cast(w, dtype)
    # A class may weigh 0, and is a rival of the others all the same.
    takes_part = ops.any(w != 0, axis=-1, keepdims=True)
    return ops.where(takes_part, z, 0), ops.where(takes_part, y, 0), w


def one_hot(indices, z):
    """Whether each class of the scores is the one with the index."""
    return ops.equal(indices, ops.arange(z.shape[-1], dtype=indices.dtype))


def wide(x):
    """float32, or float64 where that is the dtype."""
    return "float64" if is_double(x) else "float32"


def is_double(x):
    """Whether the dtype is float64."""
    return keras.backend.standardize_dtype(x.dtype) == "float64"


def sums(y, w, decided, rejected):
    """TP, FP, FN, TN, each a sum of its own: a difference of large sums would cancel."""
    on, off = (y, 1 - y) if w is None else (w * y, w * (1 - y))
    return total(on * decided), total(off * decided), total(on * rejected), total(off * rejected)


def total(x):
    """The sum of each matrix."""
    return ops.sum(in_runs(x), axis=AXES)


def in_runs(x):
    """An array (samples, positions, classes) with sums of positions: one long sum in float32 loses digits."""
    samples, positions, classes = ops.shape(x)
    if isinstance(positions, int) and positions <= RUN * FOLDS:
        return x
    run = RUN if isinstance(positions, int) else ops.clip(-(-positions // FOLDS), 1, RUN)
    number = -(-positions // (FOLDS * run))
    padded = ops.pad(x, [[0, 0], [0, FOLDS * number * run - positions], [0, 0]])
    runs = ops.sum(ops.reshape(padded, (samples, FOLDS, number, run, classes)), axis=3)
    return sum(ops.unstack(runs, FOLDS, axis=1))


def of_counts(function, totals):
    """The results of a function of counts: finite where the counts are, NaN where these are."""
    results = function(*totals)
    results = results if isinstance(results, tuple) else (results,)
    return tuple(ops.where(ops.isnan(x), 0 * sum(totals), ops.clip(x, -HUGE, HUGE)) for x in results)


def narrow(x, dtype):
    """x in a dtype, at the nearest finite number where it does not fit."""
    largest = LARGEST.get(keras.backend.standardize_dtype(dtype))
    return ops.cast(x if largest is None else ops.clip(x, -largest, largest), dtype)


def divide(numerator, denominator, otherwise=0.0):
    """The quotient, and `otherwise` where the denominator is zero."""
    zero = ops.abs(denominator) <= TINY
    return ops.where(zero, otherwise, numerator / ops.where(zero, 1, denominator))

