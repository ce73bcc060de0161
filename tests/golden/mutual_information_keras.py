"""A loss for Keras: mutual_information, relaxed by SigmoidF1(2, -0.5).

Written by metricloss 0.1.0. The file needs Keras and nothing else, and may be copied into any
project, under any licence. To write it again:

    metricloss emit '(FN*log(FN*n/(P*PN))/log(2) + FP*log(FP*n/(N*PP))/log(2) + TN*log(TN*n/(N*PN))/log(2) + TP*log(TP*n/(P*PP))/log(2))/n' --name mutual_information --backend keras --relaxation 'SigmoidF1(2, -0.5)'

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

import keras
from keras import ops

# What is computed, whatever it is called: a saved model keeps it.
COMPUTED = (
    "(FN*log(FN*(FN + FP + TN + TP)/((FN + TN)*(FN + TP)))/log(2) + FP*log(FP*(FN + FP + TN + TP)/((FP + "
    "TN)*(FP + TP)))/log(2) + TN*log(TN*(FN + FP + TN + TP)/((FN + TN)*(FP + TN)))/log(2) + TP*log(TP*(FN + "
    "FP + TN + TP)/((FN + TP)*(FP + TP)))/log(2))/(FN + FP + TN + TP), direction=maximize, zero_division=0, "
    "relaxation=sigmoid(2*z - 1), from_logits=True"
)
# A denominator, or the argument of a logarithm, this close to zero counts as zero.
TINY = 2.0**-64
# No slope is larger: it must survive a product with the scores' own slopes in float32.
HUGE = 2.0**100
# The largest numbers of the dtypes narrower than float32.
LARGEST = {"float16": 65504.0, "bfloat16": (2 - 2.0**-7) * 2.0**127}
# So many numbers are added in one go, and so many such sums then one to one, which no compiler undoes.
RUN = 256
FOLDS = 16


@keras.saving.register_keras_serializable(package="metricloss", name=COMPUTED)
def loss(y_true, y_pred, sample_weight=None, mask=None):
    """The loss of all entries together, differentiable by the scores.

    y_true: labels 0/1, or soft ones in [0, 1], of any shape and dtype. y_pred: scores of a floating dtype, of
    the same shape, or with a last axis of size 1 more or less. sample_weight: multiplies the counts; has the
    scores' shape, or less: axes of size 1 are repeated, and the last ones may be left out, so that shape (N,)
    is by sample. mask: of the same shapes. An entry whose mask is False, or whose weight is 0, takes no part,
    whatever its score. All but the scores are constants, no gradient reaches them. Returns a scalar of the
    scores' dtype; sums are taken in float32 or wider.
    Raises TypeError for scores of another dtype and ValueError for shapes that do not fit.
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
class MutualInformationLoss(Saved, keras.losses.Loss):
    """The loss as `model.compile(loss=MutualInformationLoss())` takes it.

    Weights that `fit` is given, and masks of the model's layers, enter the counts; they do not multiply the
    loss. What y_pred holds, logits or probabilities, is settled: see "decision" at the head of this file.
    Keras' own losses take probabilities unless told. A model that is saved with the loss is loaded where this
    file has been imported.

    reduction: of a vector of losses, one for each class; a scalar is what it is.
    """

    def __init__(self, name="mutual_information_loss", reduction="sum_over_batch_size", dtype=None):
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
class MutualInformationScore(Saved, keras.metrics.Metric):
    """The hard metric for `model.compile(metrics=[MutualInformationScore()])`: of all batches of an epoch together."""

    def __init__(self, name="mutual_information_score", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.totals = self.add_variable((4,), "zeros", name="totals")

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add the counts of a batch."""
        totals = ops.stack(counts(y_true, y_pred, sample_weight, mask_of(y_pred)))
        self.totals.assign(self.totals + ops.cast(totals, self.totals.dtype))

    def result(self):
        """The metric of the counts so far."""
        return scored(ops.unstack(ops.convert_to_tensor(self.totals), 4), None)


def mask_of(y_pred):
    """The mask that a model's layers left with the scores, or None.

    Keras has no public function for it, and in JAX the attribute `_keras_mask` of the scores is not all.
    """
    return keras.src.backend.get_keras_mask(y_pred)


def command():
    """The command that writes this file."""
    return "metricloss emit '(FN*log(FN*n/(P*PN))/log(2) + FP*log(FP*n/(N*PP))/log(2) + TN*log(TN*n/(N*PN))/log(2) + TP*log(TP*n/(P*PP))/log(2))/n' --name mutual_information --backend keras --relaxation 'SigmoidF1(2, -0.5)'"


def of_entries(z, y, w):
    """The loss of what `prepared` returns."""
    return valued(counted(z, y, w))


def scored(totals, w):
    """The metric of the counts."""
    return of_counts(metric, totals)[0]


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
    total_ = tp + fp + fn + tn
    d = actual_ * predicted_negative
    ratio = divide(fn * total_, d)
    d_2 = actual_negative * predicted
    ratio_2 = divide(fp * total_, d_2)
    d_3 = actual_negative * predicted_negative
    ratio_3 = divide(tn * total_, d_3)
    d_4 = actual_ * predicted
    ratio_4 = divide(tp * total_, d_4)
    t1 = 1.4426950408889634 * tp * log(ratio_4) + 1.4426950408889634 * fp * log(ratio_2) + 1.4426950408889634 * fn * log(ratio) + 1.4426950408889634 * tn * log(ratio_3)
    return divide(t1, total_)


def objective(tp, fp, fn, tn):
    """The loss over the four counts."""
    return -metric(tp, fp, fn, tn)


def slopes(tp, fp, fn, tn):
    """How the loss moves with the decision on a positive, and on a negative."""
    actual_ = tp + fn
    actual_negative = fp + tn
    predicted = tp + fp
    predicted_negative = fn + tn
    total_ = tp + fp + fn + tn
    d = actual_ * predicted_negative
    ratio = divide(fn * total_, d)
    d_2 = actual_negative * predicted
    ratio_2 = divide(fp * total_, d_2)
    d_3 = actual_negative * predicted_negative
    ratio_3 = divide(tn * total_, d_3)
    d_4 = actual_ * predicted
    ratio_4 = divide(tp * total_, d_4)
    t1 = 0.6931471805599453 * predicted_negative
    t2 = divide(fn * (divide(ratio, predicted_negative) - divide(total_, d)), 0.6931471805599453 * ratio)
    t3 = divide(tp * (divide(total_, d_4) - divide(ratio_4, predicted)), 0.6931471805599453 * ratio_4)
    t4 = 0.6931471805599453 * predicted
    t5 = divide(fp, t4) + 1.4426950408889634 * log(ratio) - divide(tn, t1) - 1.4426950408889634 * log(ratio_4) - t2 - t3
    t6 = divide(fp * (divide(total_, d_2) - divide(ratio_2, predicted)), 0.6931471805599453 * ratio_2)
    t7 = divide(tn * (divide(ratio_3, predicted_negative) - divide(total_, d_3)), 0.6931471805599453 * ratio_3)
    t8 = divide(tp, t4) + 1.4426950408889634 * log(ratio_3) - divide(fn, t1) - 1.4426950408889634 * log(ratio_2) - t6 - t7
    return divide(t5, total_), divide(t8, total_)


def relax(z):
    """The relaxed decision and its complement, each without cancellation."""
    return sigmoids(2 * z - 1)


def relax_slope(z):
    """The derivative of the relaxed decision by the score."""
    a, b = sigmoids(2 * z - 1)
    return 2 * a * b


def decide(z):
    """The hard decision."""
    return z > 0.5


def prepared(y_true, y_pred, sample_weight, mask):
    """Scores, labels and the weights of all entries; shapes and dtypes are looked at, values are not."""
    z = scores_of(y_pred)
    return z, alike(constant(y_true), z), entry_weights(sample_weight, mask, z)


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


def entry_weights(sample_weight, mask, z):
    """What every entry weighs, 0 where the mask is False, for scores z; None where all weigh 1."""
    w = None if sample_weight is None else fitted(constant(sample_weight), "sample_weight", z)
    m = None if mask is None else ops.cast(fitted(constant(mask), "mask", z), "bool")
    return w if m is None else m if w is None else ops.where(m, w, ops.zeros_like(w))


def fitted(x, name, z):
    """A weight or mask as a tensor that broadcasts to the scores: axes that it lacks are the last ones."""
    lacking = len(z.shape) - len(x.shape)
    fits = x[..., 0] if lacking == -1 and x.shape[-1] == 1 else x[(..., *[None] * lacking)]
    if not broadcasts(fits.shape, z.shape):
        raise ValueError(
            f"{name} has shape {tuple(x.shape)}: give {tuple(z.shape[:1])}, by sample, or {tuple(z.shape)}, "
            "the scores'; an axis of size 1 is repeated"
        )
    known = None not in (*fits.shape, *z.shape)
    return fits if known else ops.broadcast_to(fits, ops.shape(z))


def broadcasts(shape, to):
    """Whether an array of a shape can be repeated to fill another of as many axes, as far as they are known."""
    return len(shape) == len(to) and all(a in (1, b) or None in (a, b) for a, b in zip(shape, to, strict=True))


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
    """The sum over all entries."""
    return ops.sum(in_runs(ops.reshape(x, (1, -1, 1))))


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


def log(x):
    """The logarithm, of zero that of TINY."""
    return ops.log(maximum(x, TINY))


def maximum(x, y):
    """The larger of two, in the first one's dtype."""
    return ops.where(x < y, y, x)
