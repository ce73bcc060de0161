"""A loss for Keras: f1, multilabel, samples-macro, relaxed by Soft().

Written by metricloss 0.1.0. The file needs Keras and nothing else, and may be copied into any
project, under any licence. To write it again:

    metricloss emit '2*TP/(FN + FP + 2*TP)' --name f1 --backend keras --zero-division=skip --task=multilabel --average=samples-macro --class-weight=1.0,2.0

    d                 FN + FP + 2*TP
    f1                2*TP/d
    loss of a matrix  1 - f1
    slopes            -(2 - f1)/d on a positive,
                      f1/d on a negative: how the loss moves with the decision
    decision          h = p, p = sigmoid(z)

y_pred holds logits of N samples, of K independent classes along axis -1, with any other axes.
y_true holds labels in [0, 1], of the same shape. sample_weight and mask have the shape (N,), by
sample, or that of y_pred with or without the axis of the classes; an axis of size 1 is repeated.

Every class of every sample makes a confusion matrix; the loss is the mean over the classes of a
sample with weights 1.0, 2.0, and then over the samples, each by the mean weight of its entries.
What has no positives is left out; where nothing is left, the loss is 0 and the score NaN.

Counts are sums over the entries of a matrix, of weight · label · decision and their complements. A
quotient whose denominator is zero is 0, if nothing else is said above, with slope 0; an infinite
slope of a root or a logarithm is 0 too. Finite scores give a finite loss and a finite gradient.
"""

import math

import keras
from keras import ops

# What is computed, whatever it is called: a saved model keeps it.
COMPUTED = (
    "2*TP/(FN + FP + 2*TP), direction=maximize, zero_division=skip, relaxation=p, from_logits=True, "
    "task=multilabel, average=samples-macro, class_weight=(1.0, 2.0)"
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
AXES = (1,)
# The mean of no samples.
NOTHING = math.nan
# What each class weighs in the mean.
CLASS_WEIGHT = (1.0, 2.0)
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
        self.total = self.add_variable((), "zeros", name="total")
        self.weight = self.add_variable((), "zeros", name="weight")

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add the samples of a batch."""
        mask = mask_of(y_pred)
        z, y, w = prepared(y_true, y_pred, sample_weight, mask)
        totals = decided_counts(z, y, w)
        weight = ops.cast(ops.sum(samples_in_mean(totals, w)), self.weight.dtype)
        value = ops.cast(averaged(of_counts(metric, totals)[0], totals, w), self.total.dtype)
        self.total.assign(self.total + weight * value)
        self.weight.assign(self.weight + weight)

    def result(self):
        """The mean of the samples so far."""
        return divide(ops.convert_to_tensor(self.total), ops.convert_to_tensor(self.weight), NOTHING)


def mask_of(y_pred):
    """The mask that a model's layers left with the scores, or None.

    Keras has no public function for it, and in JAX the attribute `_keras_mask` of the scores is not all.
    """
    return keras.src.backend.get_keras_mask(y_pred)


def command():
    """The command that writes this file."""
    return "metricloss emit '2*TP/(FN + FP + 2*TP)' --name f1 --backend keras --zero-division=skip --task=multilabel --average=samples-macro --class-weight=1.0,2.0"


def of_entries(z, y, w):
    """The loss of what `prepared` returns."""
    totals = counted(z, y, w)
    return averaged(valued(totals), ops.unstack(totals, 4), w)


def scored(totals, w):
    """The metric of the counts, averaged as the loss is; NaN where there are no positives."""
    exists = averaged(ops.ones_like(totals[0]), totals, w) > 0
    return ops.where(exists, averaged(of_counts(metric, totals)[0], totals, w), math.nan)


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
    return sums(y, w, *relax(z))


def decided_counts(z, y, w):
    """The hard counts."""
    z, y, w = widened(z, y, w)
    decided = ops.cast(decide(z), z.dtype)
    return sums(y, w, decided, 1 - decided)


def gradient(z, y, w, positive, negative):
    """The gradient by the scores, from how the loss moves with the decision on a positive and on a negative."""
    dtype, positive, negative = z.dtype, along(positive, z), along(negative, z)
    z, y, w = widened(z, y, w)
    by_scores = (y * positive + (1 - y) * negative) * relax_slope(z)
    return narrow(by_scores if w is None else by_scores * w, dtype)


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


def decide(z):
    """The hard decision."""
    return z > 0.0


def averaged(values, totals, w):
    """The mean of the values."""
    return ops.sum(values * shares(totals, w))


def shares(totals, w):
    """What each class of each sample counts for in the mean over classes, then over samples."""
    samples = samples_in_mean(totals, w)
    return classes_in_mean(totals) * divide(samples, ops.sum(samples))[:, None]


def classes_in_mean(totals):
    """What each class of a sample counts for in the mean over its classes: together 1, or all 0."""
    weights = importance(totals)
    return divide(weights, ops.sum(weights, axis=-1, keepdims=True))


def samples_in_mean(totals, w):
    """What each sample weighs in the mean."""
    return ops.sum(classes_in_mean(totals), axis=-1) * sample_weights(totals, w)


def sample_weights(totals, w):
    """What a sample weighs in the mean: as its entries do on average, of those that take part."""
    dtype = totals[0].dtype
    if w is None:
        return ops.ones(ops.shape(totals[0])[:1], dtype)
    w = ops.cast(w, dtype)
    return divide(ops.sum(w, axis=(1, 2)), ops.sum(ops.cast(w != 0, dtype), axis=(1, 2)))


def importance(totals):
    """What a class weighs in the mean; one without positives nothing."""
    return class_weights(totals) * present(totals)


def class_weights(totals):
    """The weights of the classes, of which there must be as many."""
    if totals[0].shape[-1] != len(CLASS_WEIGHT):
        raise ValueError(
            f"y_pred has {totals[0].shape[-1]} classes, and class_weight has {len(CLASS_WEIGHT)} numbers"
        )
    return ops.convert_to_tensor(CLASS_WEIGHT, totals[0].dtype)


def present(totals):
    """1 where there are positives, 0 where there are none."""
    return ops.cast(actual(totals) > TINY, totals[0].dtype)


def actual(totals):
    """The weight of the positives, which no score can change."""
    return ops.stop_gradient(totals[0] + totals[2])


def prepared(y_true, y_pred, sample_weight, mask):
    """Scores, labels and weights as (samples, positions, classes); values are not looked at."""
    scores = scores_of(y_pred)
    z, y = classes_last(scores), classes_last(alike(constant(y_true), scores))
    return flat(z), flat(y), entry_weights(sample_weight, mask, z)


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


def alike(y, z):
    """The labels in the scores' shape; a last axis of size 1 may be in one of the two only."""
    shape, to = tuple(y.shape), tuple(z.shape)
    if agree(shape, to):
        return y if None not in (*shape, *to) else ops.reshape(y, ops.shape(z))
    if agree((*shape, 1), to) or agree(shape, (*to, 1)):
        return ops.reshape(y, ops.shape(z))
    raise ValueError(f"y_true has shape {shape} and y_pred {to}: give equal shapes")


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
    """A tensor as (samples, positions, classes)."""
    samples, *positions, classes = ops.shape(x)
    return ops.reshape(x, (samples, math.prod(positions), classes))


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
    """Scores, labels and weights in float32 or wider, and 0 for scores and labels of weight 0."""
    dtype = wide(z)
    z, y = ops.cast(z, dtype), ops.cast(y, dtype)
    if w is None:
        return z, y, None
    w = ops.cast(w, dtype)
    return ops.where(w != 0, z, 0), ops.where(w != 0, y, 0), w


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


def sigmoids(x):
    """The sigmoids of x and -x, each with all its digits."""
    return ops.sigmoid(x), ops.sigmoid(-x)


def divide(numerator, denominator, otherwise=0.0):
    """The quotient, and `otherwise` where the denominator is zero."""
    zero = ops.abs(denominator) <= TINY
    return ops.where(zero, otherwise, numerator / ops.where(zero, 1, denominator))

