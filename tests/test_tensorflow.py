"""The promises that are TensorFlow's own: eager, graphs, XLA, unknown shapes, mixed precision, nested tapes."""

from __future__ import annotations

import numpy as np
import pytest

from tests.frameworks import TENSORFLOW
from tests.metrics import METRIC, RELAXATION, compiled

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
            r"sample_weight of shape \(5,\) does not broadcast to \(12,\)",
        ),
        (
            lambda z, y, w: (z, y, w[:, None]),
            ValueError,
            r"sample_weight of shape \(12, 1\) does not broadcast",
        ),
    ],
)
@pytest.mark.parametrize("function", ["loss", "score", "counts", "soft_counts"])
def test_clear_errors(problem, function, change, error, message):
    z, y, w = change(*problem)
    with pytest.raises(error, match=message):
        getattr(compiled("mcc", "tensorflow").module, function)(y, z, w)
