"""The promises that are TensorFlow's own: eager, graphs, XLA, unknown shapes, mixed precision, nested tapes."""

from __future__ import annotations

import numpy as np
import pytest

from tests.frameworks import TENSORFLOW
from tests.metrics import METRIC, RELAXATION, compiled
from tests.tasks import Case

F1 = "2*TP/(2*TP + FP + FN)"
MACRO, EACH = Case("multiclass", "macro"), Case("multilabel", None)

modes = pytest.mark.parametrize("mode", ["eager", "graph", "xla"])


def in_mode(tf, function, mode, signature=None):
    if mode == "eager":
        return function
    return tf.function(function, jit_compile=mode == "xla", input_signature=signature)


@pytest.fixture
def problem(tf):
    """Scores, labels and weights, twelve of each, in float64."""
    rng = np.random.default_rng(2)
    z, w = tf.constant(rng.normal(size=12)), tf.constant(rng.uniform(0.5, 2, 12))
    return z, tf.constant(rng.random(12) < 0.4), w


def plain(tf, metric, relaxation="Soft"):
    """The plain formula with TensorFlow's argument order."""

    def loss(y, z, w=None):
        a, y = RELAXATION[relaxation].plain(TENSORFLOW.ops, z), tf.cast(y, z.dtype)
        on, off = (y, 1 - y) if w is None else (w * y, w * (1 - y))
        cells = map(tf.reduce_sum, (on * a, off * a, on * (1 - a), off * (1 - a)))
        return METRIC[metric].plain_loss(TENSORFLOW.ops, *cells)

    return loss


def first(tf, loss):
    def gradient(z, y, w):
        with tf.GradientTape() as tape:
            tape.watch(z)
            value = loss(y, z, w)
        return tape.gradient(value, z)

    return gradient


def second(tf, loss):
    """The gradient of sin of the gradient, by nested tapes."""

    def gradient(z, y, w):
        with tf.GradientTape() as outer:
            outer.watch(z)
            inner = tf.reduce_sum(tf.sin(20 * first(tf, loss)(z, y, w)))
        return outer.gradient(inner, z)

    return gradient


def close(found, expected, relative=1e-10):
    found, expected = np.asarray(found), np.asarray(expected)
    np.testing.assert_allclose(found, expected, rtol=0, atol=relative * np.abs(expected).max())


@modes
@pytest.mark.parametrize("metric", ["f1", "mcc", "digby", "mutual_information", "lambda_r"])
def test_gradient(tf, problem, metric, mode):
    found = in_mode(tf, first(tf, compiled(metric, "tensorflow")), mode)(*problem)
    close(found, first(tf, plain(tf, metric))(*problem))


@modes
@pytest.mark.parametrize(
    ("metric", "relaxation"), [("f1", "Soft"), ("mcc", "AnyLoss"), ("mutual_information", "ScoreOriented")]
)
def test_second_derivative_by_nested_tapes(tf, problem, metric, relaxation, mode):
    found = in_mode(tf, second(tf, compiled(metric, "tensorflow", relaxation)), mode)(*problem)
    close(found, second(tf, plain(tf, metric, relaxation))(*problem), 1e-9)


@pytest.mark.parametrize("metric", METRIC)
def test_second_derivative_of_every_metric(tf, problem, metric):
    found = second(tf, compiled(metric, "tensorflow"))(*problem)
    close(found, second(tf, plain(tf, metric))(*problem), 1e-9)


@pytest.mark.parametrize("mode", ["eager", "graph"])
def test_hessian_by_the_jacobian_of_a_tape(tf, problem, mode):
    def hessian(loss):
        def matrix(z, y, w):
            with tf.GradientTape() as tape:
                tape.watch(z)
                gradient = first(tf, loss)(z, y, w)
            return tape.jacobian(gradient, z)

        return matrix

    found = in_mode(tf, hessian(compiled("mcc", "tensorflow")), mode)(*problem)
    close(found, hessian(plain(tf, "mcc"))(*problem))


def test_third_derivative(tf, problem):
    def third(loss):
        z, y, w = problem
        with tf.GradientTape() as tape:
            tape.watch(z)
            inner = tf.reduce_sum(tf.sin(second(tf, loss)(z, y, w)))
        return tape.gradient(inner, z)

    close(third(compiled("mcc", "tensorflow")), third(plain(tf, "mcc")), 1e-9)


def test_forward_mode_is_right_or_refused(tf, problem):
    z, y, w = problem
    direction = tf.ones_like(z)

    def slope(loss):
        with tf.autodiff.ForwardAccumulator(z, direction) as accumulator:
            value = loss(y, z, w)
        return accumulator.jvp(value)

    try:
        found = slope(compiled("mcc", "tensorflow"))
    except (TypeError, ValueError, NotImplementedError, LookupError):
        return
    assert found is not None
    close(found, slope(plain(tf, "mcc")))


@pytest.mark.parametrize("mode", ["graph", "xla"])
def test_unknown_shapes(tf, problem, mode):
    """One trace serves batches of any size, and of any rank outside XLA."""
    loss, traces = compiled("mcc", "tensorflow"), []

    def step(y, z, w):
        traces.append(1)
        return first(tf, loss)(z, y, w), loss(y, z, w), loss.score(y, z, w)

    signature = [
        tf.TensorSpec(None if mode == "graph" else [None], dtype) for dtype in (tf.bool, tf.float64, tf.float64)
    ]
    step = in_mode(tf, step, mode, signature)
    z, y, w = problem
    for part in (slice(12), slice(5), slice(0)):
        found = step(y[part], z[part], w[part])
        close(found[0], first(tf, loss)(z[part], y[part], w[part])) if part != slice(0) else None
        assert float(found[1]) == pytest.approx(float(loss(y[part], z[part], w[part])))
        assert float(found[2]) == pytest.approx(float(loss.score(y[part], z[part], w[part])))
    assert len(traces) == 1
    if mode == "graph":
        square = [tf.reshape(x, (3, 4)) for x in (y, z, w)]
        assert step(*square)[0].shape == (3, 4)


def test_shapes_that_differ_only_when_run(tf):
    """What a trace cannot know, the run refuses: nothing is broadcast in silence."""
    signature = [tf.TensorSpec(None, tf.bool), tf.TensorSpec(None, tf.float32)]
    step = tf.function(compiled("f1", "tensorflow").module.loss, input_signature=signature)
    with pytest.raises(tf.errors.InvalidArgumentError, match="y_true and y_pred differ in rank"):
        step(tf.constant([True, False, True]), tf.zeros([3, 1]))
    with pytest.raises(tf.errors.InvalidArgumentError, match="y_true and y_pred differ in shape"):
        step(tf.constant([True]), tf.zeros([3]))


def test_weights_that_do_not_fit_only_when_run(tf):
    signature = [tf.TensorSpec(None, dtype) for dtype in (tf.bool, tf.float32, tf.float32)]
    step = tf.function(compiled("f1", "tensorflow").module.loss, input_signature=signature)
    labels = tf.constant([True, False, True])
    assert float(step(labels, tf.zeros([3]), tf.ones([1]))) == pytest.approx(1 - 2 / (2 + 0.5 + 1))
    with pytest.raises(tf.errors.InvalidArgumentError):
        step(labels, tf.zeros([3]), tf.ones([2, 3]))


def test_a_loss_itself_can_be_traced(tf, problem):
    z, y, w = problem
    loss = compiled("mcc", "tensorflow")
    assert float(tf.function(loss)(y, z, w)) == pytest.approx(float(loss(y, z, w)))


@pytest.mark.parametrize("half", ["float16", "bfloat16"])
@modes
def test_mixed_precision(tf, problem, half, mode):
    z, y, _ = problem
    z = tf.cast(z, half)
    loss = compiled("mcc", "tensorflow")
    value, gradient = in_mode(tf, lambda z, y: TENSORFLOW.value_and_grad(loss, z, y), mode)(z, y)
    expected_value, expected = TENSORFLOW.value_and_grad(loss, tf.cast(z, "float64"), y)
    assert value.dtype.name == gradient.dtype.name == half
    digits = {"float16": 2e-3, "bfloat16": 2e-2}[half]
    assert float(value) == pytest.approx(float(expected_value), rel=digits)
    close(tf.cast(gradient, "float64"), expected, digits)


@pytest.mark.parametrize("dtype", ["bool", "int32", "uint8", "float16", "float64"])
def test_labels_of_any_dtype(tf, problem, dtype):
    z, y, _ = problem
    loss = compiled("mcc", "tensorflow")
    assert float(loss(tf.cast(y, dtype), z)) == float(loss(y, z))


def test_numpy_arrays_and_lists(tf, problem):
    z, y, w = (x.numpy() for x in problem)
    loss = compiled("mcc", "tensorflow")
    assert float(loss(y, z, w)) == float(loss(*(problem[place] for place in (1, 0, 2))))
    assert float(loss([1, 0], [0.5, -0.5])) == pytest.approx(
        float(loss(np.array([1, 0]), np.float32([0.5, -0.5])))
    )


def test_variables(tf, problem):
    z, y, w = problem
    variable = tf.Variable(z)
    loss = compiled("mcc", "tensorflow")
    with tf.GradientTape() as tape:
        value = loss(y, variable, w)
    close(tape.gradient(value, variable), first(tf, loss)(z, y, w))


def test_a_persistent_tape_can_be_asked_twice(tf, problem):
    z, y, w = problem
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(z)
        value = compiled("mcc", "tensorflow")(y, z, w)
    assert np.array_equal(tape.gradient(value, z), tape.gradient(value, z))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda z, y, w: (z[:5], y, w), ValueError, r"y_true has shape \(12,\) and y_pred \(5,\): give equal"),
        (lambda z, y, w: (z[:, None], y, w), ValueError, r"y_true has shape \(12,\) and y_pred \(12, 1\)"),
        (lambda z, y, w: (z > 0, y, w), TypeError, "y_pred has dtype bool, but scores are floating-point"),
        (lambda z, y, w: ([1, 2], [0, 1], None), TypeError, "y_pred has dtype int32, but scores are"),
        (
            lambda z, y, w: (z, y, w[:5]),
            ValueError,
            r"sample_weight has shape \(5,\): give \(12,\), by sample, or \(12,\), the scores'",
        ),
        (lambda z, y, w: (z, y, w[:, None]), ValueError, r"sample_weight has shape \(12, 1\): give \(12,\)"),
    ],
)
@pytest.mark.parametrize("function", ["loss", "score", "counts", "soft_counts"])
def test_clear_errors(problem, function, change, error, message):
    z, y, w = change(*problem)
    with pytest.raises(error, match=message):
        getattr(compiled("mcc", "tensorflow").module, function)(y, z, w)


@pytest.mark.parametrize("name", ["sample_weight", "mask"])
@pytest.mark.parametrize("function", ["loss", "score", "counts", "soft_counts"])
def test_errors_name_weights_and_mask(tf, problem, function, name):
    z, y, _ = problem
    with pytest.raises(ValueError, match=rf"{name} has shape \(2, 3\): give \(12,\), by sample"):
        getattr(compiled("f1", "tensorflow").module, function)(y, z, **{name: tf.ones((2, 3))})


def test_weights_by_sample(tf, problem):
    """(N,) is by sample, whatever the rank of the scores, and known or not when traced."""
    z, y, _ = (tf.reshape(x, (3, 4)) for x in problem)
    w = tf.constant([1.0, 0.0, 2.0])
    loss = compiled("f1", "tensorflow")
    expected = float(loss(y, z, w[:, None]))
    assert float(loss(y, z, w)) == expected
    signature = [tf.TensorSpec(None, x.dtype) for x in (y, z, w)]
    assert float(tf.function(loss.module.loss, input_signature=signature)(y, z, w)) == pytest.approx(expected)
    assert float(tf.function(loss.module.loss, jit_compile=True)(y, z, w)) == pytest.approx(expected)


def entries(tf, case, size=40):
    """Scores, labels (class indices where there are any) and weights by sample; the last class is absent."""
    rng = np.random.default_rng(3)
    z, w = tf.constant(rng.normal(size=(size, 4))), tf.constant(rng.uniform(0.5, 2, size))
    y = rng.integers(0, 3, size) if case is MACRO else (rng.random((size, 4)) < 0.4) * [1, 1, 1, 0]
    return z, tf.constant(y), w


def definition(tf, case):
    """The loss of a case written down without any care, with TensorFlow's argument order."""

    def loss(y, z, w):
        p, y = (tf.nn.softmax(z), tf.one_hot(y, 4)) if case is MACRO else (tf.sigmoid(z), y)
        y, w = tf.cast(y, z.dtype), w[:, None]
        tp, fp, fn = (tf.reduce_sum(w * cell, 0) for cell in (y * p, (1 - y) * p, y * (1 - p)))
        values = 1 - 2 * tp / (2 * tp + fp + fn)
        return tf.reduce_mean(values) if case is MACRO else values

    return loss


cases = pytest.mark.parametrize("case", [MACRO, EACH], ids=["multiclass macro", "multilabel each"])


@cases
@modes
def test_averages_in_every_mode(tf, case, mode):
    loss = case.compiled(F1, "tensorflow")
    z, y, w = entries(tf, case)
    close(in_mode(tf, loss.module.loss, mode)(y, z, w), definition(tf, case)(y, z, w), 1e-13)
    found = in_mode(tf, first(tf, loss), mode)(z, y, w)
    close(found, first(tf, definition(tf, case))(z, y, w), 1e-12)


@cases
@modes
def test_second_derivative_of_averages(tf, case, mode):
    problem = entries(tf, case)
    found = in_mode(tf, second(tf, case.compiled(F1, "tensorflow")), mode)(*problem)
    close(found, second(tf, definition(tf, case))(*problem), 1e-9)


@cases
def test_hessian_of_averages_by_the_jacobian_of_a_tape(tf, case):
    def hessian(loss):
        z, y, w = entries(tf, case, 5)
        with tf.GradientTape() as tape:
            tape.watch(z)
            gradient = first(tf, loss)(z, y, w)
        return tape.jacobian(gradient, z)

    close(hessian(case.compiled(F1, "tensorflow")), hessian(definition(tf, case)))


def test_upstream_gradient_of_a_vector(tf):
    z, y, w = entries(tf, EACH)

    def weighed(loss):
        return first(tf, lambda y, z, w: tf.reduce_sum(loss(y, z, w) * [1, -2, 0, 3]))

    loss, plain = EACH.compiled(F1, "tensorflow"), definition(tf, EACH)
    close(weighed(loss)(z, y, w), weighed(plain)(z, y, w))


@cases
@pytest.mark.parametrize("mode", ["graph", "xla"])
def test_averages_of_an_unknown_batch(tf, case, mode, monkeypatch):
    """One trace serves batches of any size, in several parts too."""
    loss, traces = case.compiled(F1, "tensorflow"), []
    problem = entries(tf, case)

    def step(y, z, w):
        traces.append(1)
        return first(tf, loss)(z, y, w), loss(y, z, w), loss.score(y, z, w, mask=w > 1)

    signature = [tf.TensorSpec([None, *x.shape[1:]], x.dtype) for x in (problem[1], problem[0], problem[2])]
    step = in_mode(tf, step, mode, signature)
    if case is MACRO:
        monkeypatch.setattr(loss.module, "SMALL", 8)
    for size in (40, 3, 1, 0):
        z, y, w = (x[:size] for x in problem)
        gradient, value, score = step(y, z, w)
        assert gradient.shape == z.shape
        np.testing.assert_allclose(gradient, first(tf, loss)(z, y, w), rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(value, loss(y, z, w), rtol=1e-13)
        np.testing.assert_allclose(score, loss.score(y, z, w, mask=w > 1), rtol=1e-13)
    assert len(traces) == 1


@modes
@pytest.mark.parametrize("ignore_index", [None, 2, -100])
def test_parts_make_one_sum(tf, mode, ignore_index, monkeypatch):
    """The same in one part and in many, of which the last is shorter."""
    loss = Case("multiclass", "macro", options={"ignore_index": ignore_index}).compiled(F1, "tensorflow")
    z, y, w = entries(tf, MACRO)
    y = tf.where(w > 1.5, tf.constant(-100, y.dtype), y)
    expected = first(tf, loss)(z, y, w), *loss.counts(y, z, w)
    monkeypatch.setattr(loss.module, "SMALL", 8)
    assert len(loss.module.parts(z[tf.newaxis])) == 5
    found = in_mode(tf, lambda z, y, w: (first(tf, loss)(z, y, w), *loss.counts(y, z, w)), mode)(z, y, w)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)


@modes
@pytest.mark.parametrize("case", [Case("binary", "binary"), MACRO, EACH], ids=["binary", "macro", "each"])
def test_what_is_masked_may_be_anything(tf, case, mode):
    """Value and derivatives are those of the entries that take part, and 0 for others."""
    loss = case.compiled(F1, "tensorflow")
    z, y, w = entries(tf, case)
    mask = tf.constant(np.arange(40) % 3 > 0)
    poisoned = tf.where(mask[:, None], z, [np.nan, np.inf, -np.inf, 0])

    def masked(y, z, w):
        return loss(y, z, w, mask=mask)

    close(in_mode(tf, masked, mode)(y, poisoned, w), loss(y[mask], z[mask], w[mask]), 1e-13)
    for derivative in (first, second):
        found = in_mode(tf, derivative(tf, masked), mode)(poisoned, y, w)
        close(found[mask], derivative(tf, loss)(z[mask], y[mask], w[mask]), 1e-11)
        assert not np.any(found[~mask])


@pytest.mark.parametrize("half", ["float16", "bfloat16"])
@cases
def test_mixed_precision_of_averages(tf, case, half):
    z, y, w = entries(tf, case)
    loss = case.compiled(F1, "tensorflow")
    z = tf.cast(z, half)
    value, gradient = TENSORFLOW.value_and_grad(loss, z, y, w)
    assert value.dtype.name == gradient.dtype.name == half
    assert {cell.dtype.name for cell in loss.soft_counts(y, z, w)} == {"float32"}
    digits = {"float16": 2e-3, "bfloat16": 2e-2}[half]
    close(tf.cast(gradient, "float64"), first(tf, loss)(tf.cast(z, "float64"), y, w), digits)


@modes
def test_many_entries_keep_their_digits(tf, mode):
    """A million entries of which some classes have few; summed one by one, float32 would lose three digits."""
    rng = np.random.default_rng(0)
    y = tf.constant(rng.choice(4, 2**20, p=[0.989, 0.01, 0.00099, 0.00001]))
    z = tf.constant(rng.normal(size=(2**20, 4)) - [0, 3, 6, 9], tf.float32)
    loss = MACRO.compiled(F1, "tensorflow")
    found = in_mode(tf, loss.module.soft_counts, mode)(y, z)
    np.testing.assert_allclose(found, loss.soft_counts(y, tf.cast(z, tf.float64)), rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            lambda z, y: {"y_true": y[:3]},
            ValueError,
            r"y_pred has shape \(40, 4\) and y_true \(3,\), of int64: give",
        ),
        (
            lambda z, y: {"y_true": z[:, 0] > 0},
            ValueError,
            r"y_true \(40,\), of bool: give class indices, integers",
        ),
        (
            lambda z, y: {"y_pred": z[:, :1]},
            ValueError,
            "y_pred has shape .40, 1.: of exclusive classes there are",
        ),
        (lambda z, y: {"y_pred": z[:, 0]}, ValueError, r"y_pred has shape \(40,\), but axis -1 is to hold"),
        (lambda z, y: {"y_pred": z > 0}, TypeError, "y_pred has dtype bool"),
        (lambda z, y: {"sample_weight": z[:3, 0]}, ValueError, r"sample_weight has shape \(3,\): give \(40,\)"),
        (lambda z, y: {"mask": z[:, :2]}, ValueError, r"mask has shape \(40, 2\): give \(40,\), by sample"),
    ],
)
def test_clear_errors_of_averages(tf, change, error, message):
    z, y, _ = entries(tf, MACRO)
    arguments = {"y_true": y, "y_pred": z} | change(z, y)
    for mode in ("eager", "graph"):
        with pytest.raises(error, match=message):
            in_mode(tf, MACRO.compiled(F1, "tensorflow").module.loss, mode)(**arguments)


def test_class_weights_are_as_many_as_classes(tf):
    z, y, _ = entries(tf, MACRO)
    loss = Case("multiclass", "macro", class_weight=(1.0, 2.0)).compiled(F1, "tensorflow")
    with pytest.raises(ValueError, match="y_pred has 4 classes, and class_weight has 2 numbers"):
        loss(y, z)


@pytest.mark.parametrize(
    ("case", "shapes", "message"),
    [
        (MACRO, ([None], [None, None], [None]), "y_pred has shape .None, None.: of exclusive classes"),
        (MACRO, (None, [None, 4], [None]), "y_pred has shape .None, 4. and y_true <unknown>"),
        (EACH, (None, None, None), "y_pred has an unknown number of axes"),
        (EACH, ([None, 4], [None, 4], None), "sample_weight has an unknown number of axes"),
    ],
)
def test_what_a_trace_has_to_know(tf, case, shapes, message):
    dtypes = tf.int64, tf.float32, tf.float32
    signature = [tf.TensorSpec(*pair) for pair in zip(shapes, dtypes, strict=True)]
    with pytest.raises(ValueError, match=message):
        tf.function(
            case.compiled(F1, "tensorflow").module.loss, input_signature=signature
        ).get_concrete_function()


@cases
def test_labels_that_do_not_fit_only_when_run(tf, case):
    z, y, w = entries(tf, case)
    signature = [tf.TensorSpec([None, *x.shape[1:]], x.dtype) for x in (y, z, w)]
    step = tf.function(case.compiled(F1, "tensorflow").module.loss, input_signature=signature)
    with pytest.raises(tf.errors.InvalidArgumentError, match="y_true and y_pred differ in shape"):
        step(y[:1], z, w)
    with pytest.raises(tf.errors.InvalidArgumentError):
        step(y, z, w[:3])
