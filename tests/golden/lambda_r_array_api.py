"""A loss for the array API: lambda_r, relaxed by ScoreOriented(0.5, 0.5).

Written by metricloss 0.1.0. The file needs the array API and nothing else, and may be copied into
any project, under any licence. To write it again:

    metricloss emit '2*(TN + TP - Max(N, P)/2 - Max(PN, PP)/2)/(2*FN + 2*FP + 2*TN + 2*TP - Max(N, P) - Max(PN, PP))' --name lambda_r --backend array_api --relaxation 'ScoreOriented(0.5, 0.5)'

    P         FN + TP
    N         FP + TN
    PP        FP + TP
    PN        FN + TN
    d         2*FN + 2*FP + 2*TN + 2*TP - Max(N, P) - Max(PN, PP)
    lambda_r  (2*TN + 2*TP - Max(N, P) - Max(PN, PP))/d
    loss      1 - lambda_r
    slopes    -(-lambda_r*(-Heaviside(-PN + PP) + Heaviside(PN - PP)) - Heaviside(-PN + PP) + Heaviside(PN - PP) + 2)/d on a positive,
              -(-lambda_r*(-Heaviside(-PN + PP) + Heaviside(PN - PP)) - Heaviside(-PN + PP) + Heaviside(PN - PP) - 2)/d on a negative: how the loss moves with the decision
    decision  h = sin(pi*Max(-1, Min(1, 2*p - 1)))/(2*pi) + Max(-1, Min(1, 2*p - 1))/2 + 1/2, p = sigmoid(z)
              Marchetti et al., Score-oriented loss functions, Pattern Recognition 132, 108913 (2022)

Counts are sums over all entries, of weight · label · decision and their complements. A quotient
whose denominator is zero is 0, if nothing else is said above, with slope 0; an infinite slope of a
root or a logarithm is 0 too. Finite scores give a finite loss and a finite gradient.
"""

from array_api_compat import array_namespace

# A denominator, or the argument of a logarithm, this close to zero counts as zero.
TINY = 2.0**-64
# No slope is larger: it must survive a product with the scores' own slopes in float32.
HUGE = 2.0**100


def loss(y_true, y_score, *, sample_weight=None):
    """The loss of all entries together, as a 0-d array on the scores' device.

    y_true: labels 0/1, or soft ones in [0, 1], of any shape and dtype; constants. y_score: scores of the same
    shape, of a real floating dtype. sample_weight: multiplies the counts, of any shape that broadcasts to that
    of the scores. All are arrays of one library. Returns an array of the scores' dtype; sums are taken in
    float32 or wider.
    Raises TypeError for scores of another dtype and ValueError for shapes that do not fit.
    """
    z, y, w, dtype = prepared(y_true, y_score, sample_weight)
    return narrow(of_counts(objective, sums(y, w, *relax(z)))[0], dtype)


def value_and_grad(y_true, y_score, *, sample_weight=None):
    """The loss and its gradient by the scores, both of the scores' dtype; arguments as for the loss."""
    z, y, w, dtype = prepared(y_true, y_score, sample_weight)
    totals = sums(y, w, *relax(z))
    positive, negative = of_counts(slopes, totals)
    gradient = (y * positive + (1 - y) * negative) * relax_slope(z)
    if w is not None:
        gradient = gradient * w
    return narrow(of_counts(objective, totals)[0], dtype), narrow(gradient, dtype)


def score(y_true, y_score, *, sample_weight=None):
    """The hard metric of the same arguments, in float32 or wider."""
    return of_counts(metric, counts(y_true, y_score, sample_weight=sample_weight))[0]


def counts(y_true, y_score, *, sample_weight=None):
    """The hard counts TP, FP, FN, TN of the same arguments, in float32 or wider."""
    z, y, w, _ = prepared(y_true, y_score, sample_weight)
    decided = array_namespace(z).astype(decide(z), z.dtype)
    return sums(y, w, decided, 1 - decided)


def soft_counts(y_true, y_score, *, sample_weight=None):
    """The relaxed counts TP, FP, FN, TN, from which the loss is made, in float32 or wider."""
    z, y, w, _ = prepared(y_true, y_score, sample_weight)
    return sums(y, w, *relax(z))


def metric(tp, fp, fn, tn):
    """The metric over the four counts."""
    actual = tp + fn
    actual_negative = fp + tn
    predicted = tp + fp
    predicted_negative = fn + tn
    t1 = -maximum(actual, actual_negative)
    t2 = -maximum(predicted, predicted_negative)
    d = 2 * tp + 2 * fp + 2 * fn + 2 * tn + t1 + t2
    return divide(2 * tp + 2 * tn + t1 + t2, d)


def objective(tp, fp, fn, tn):
    """The loss over the four counts."""
    return 1 - metric(tp, fp, fn, tn)


def slopes(tp, fp, fn, tn):
    """How the loss moves with the decision on a positive, and on a negative."""
    actual = tp + fn
    actual_negative = fp + tn
    predicted = tp + fp
    predicted_negative = fn + tn
    t1 = -maximum(actual, actual_negative)
    t2 = -maximum(predicted, predicted_negative)
    d = 2 * tp + 2 * fp + 2 * fn + 2 * tn + t1 + t2
    lambda_r = divide(2 * tp + 2 * tn + t1 + t2, d)
    t3 = (1 + sign(predicted_negative - predicted)) / 2
    t4 = -t3
    t5 = (1 + sign(predicted - predicted_negative)) / 2
    t6 = lambda_r * (t3 - t5)
    return divide(t4 + t5 + t6 - 2, d), divide(t4 + t5 + t6 + 2, d)


def relax(z):
    """The relaxed decision and its complement, each without cancellation."""
    t1 = maximum(minimum(2 * sigmoid(z) - 1, 1), -1)
    t2 = sin(3.141592653589793 * t1)
    return t1 / 2 + 0.3183098861837907 * t2 / 2 + 0.5, 0.5 - t1 / 2 - 0.3183098861837907 * t2 / 2


def relax_slope(z):
    """The derivative of the relaxed decision by the score."""
    p = sigmoid(z)
    q = sigmoid(-z)
    return 2 * p * sin(3.141592653589793 * minimum(2 * p, 2 * q) / 2)**2 * q


def decide(z):
    """The hard decision."""
    return z > 0.0


def prepared(y_true, y_score, sample_weight):
    """Scores, labels and weights in float32 or wider, and the scores' own dtype; values are not looked at."""
    xp = array_namespace(y_true, y_score, sample_weight)
    if not xp.isdtype(y_score.dtype, "real floating"):
        raise TypeError(f"y_score has dtype {y_score.dtype}, but scores are floating-point numbers")
    if tuple(y_true.shape) != tuple(y_score.shape):
        raise ValueError(f"y_true has shape {y_true.shape} and y_score {y_score.shape}: give equal shapes")
    if sample_weight is not None and not broadcasts(sample_weight.shape, y_score.shape):
        raise ValueError(f"sample_weight of shape {sample_weight.shape} does not broadcast to {y_score.shape}")
    wide = xp.result_type(y_score.dtype, xp.float32)
    w = None if sample_weight is None else xp.astype(sample_weight, wide)
    return xp.astype(y_score, wide), xp.astype(y_true, wide), w, y_score.dtype


def broadcasts(shape, to):
    """Whether an array of a shape can be repeated to fill another."""
    pairs = zip(reversed(shape), reversed(to), strict=False)
    return len(shape) <= len(to) and all(a in (1, b) for a, b in pairs)


def sums(y, w, decided, rejected):
    """TP, FP, FN, TN, each a sum of its own: a difference of large sums would cancel."""
    xp = array_namespace(y)
    on, off = (y, 1 - y) if w is None else (w * y, w * (1 - y))
    return xp.sum(on * decided), xp.sum(off * decided), xp.sum(on * rejected), xp.sum(off * rejected)


def of_counts(function, totals):
    """The results of a function of counts: finite where the counts are, NaN where these are."""
    xp = array_namespace(*totals)
    results = function(*totals)
    results = results if isinstance(results, tuple) else (results,)
    return tuple(xp.where(xp.isnan(x), 0 * sum(totals), xp.clip(x, -HUGE, HUGE)) for x in results)


def narrow(x, dtype):
    """x in a dtype, at the nearest finite number where it does not fit."""
    xp = array_namespace(x)
    if x.dtype == dtype:
        return x
    return xp.astype(xp.clip(x, float(xp.finfo(dtype).min), float(xp.finfo(dtype).max)), dtype)


def sigmoid(x):
    """1 / (1 + exp(-x)) without overflow.

    The quotient is the same whatever `low` is, so its derivatives are right where that of `low` jumps, at 0.
    """
    xp = array_namespace(x)
    x = xp.clip(x, min=float(xp.finfo(x.dtype).min))
    low = xp.clip(x, max=0)
    up, down = xp.exp(low), xp.exp(low - x)
    return up / (up + down)


def divide(numerator, denominator, otherwise=0.0):
    """The quotient, and `otherwise` where the denominator is zero."""
    xp = array_namespace(denominator)
    zero = xp.abs(denominator) <= TINY
    return xp.where(zero, otherwise, numerator / xp.where(zero, 1.0, denominator))


def sin(x):
    """The sine."""
    return array_namespace(x).sin(x)


def sign(x):
    """-1, 0 or 1."""
    return array_namespace(x).sign(x)


def minimum(x, y):
    """The smaller of two, of which the second may be a number."""
    return array_namespace(x).clip(x, max=y)


def maximum(x, y):
    """The larger of two, of which the second may be a number."""
    return array_namespace(x).clip(x, min=y)
