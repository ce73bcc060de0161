"""The promises that are JAX's own: every transformation, of any order, with and without 64 bits."""

from __future__ import annotations

import numpy as np
import pytest

from tests.frameworks import JAX
from tests.metrics import METRIC, RELAXATION, compiled


@pytest.fixture
def problem(jax):
    """Scores, one of them 0, labels and weights, twelve of each, in float64."""
    rng = np.random.default_rng(2)
    z, w = rng.normal(size=12), rng.uniform(0.5, 2, 12)
    z[3] = 0
    return jax.numpy.asarray(z), jax.numpy.asarray(rng.random(12) < 0.4), jax.numpy.asarray(w)


def plain(metric, relaxation="Soft"):
    """The plain formula as a function of scores, labels and weights."""

    def loss(z, y, weights=None):
        a, y = RELAXATION[relaxation].plain(JAX.ops, z), y.astype(z.dtype)
        on, off = (y, 1 - y) if weights is None else (weights * y, weights * (1 - y))
        cells = ((on * a).sum(), (off * a).sum(), (on * (1 - a)).sum(), (off * (1 - a)).sum())
        return METRIC[metric].plain_loss(JAX.ops, *cells)

    return loss


def close(found, expected, relative=1e-10):
    found, expected = np.asarray(found), np.asarray(expected)
    np.testing.assert_allclose(found, expected, rtol=0, atol=relative * np.abs(expected).max())


@pytest.mark.parametrize("metric", METRIC)
def test_hessian_is_that_of_the_plain_formula(jax, problem, metric):
    """At z = 0 too, where a sigmoid with a kink in its code would lose a term."""
    z, y, w = problem
    found = jax.hessian(compiled(metric, "jax"))(z, y, weights=w)
    close(found, jax.hessian(plain(metric))(z, y, weights=w))


@pytest.mark.parametrize("relaxation", RELAXATION)
def test_hessian_of_every_relaxation(jax, problem, relaxation):
    z, y, w = problem
    found = jax.hessian(compiled("mcc", "jax", relaxation))(z, y, weights=w)
    close(found, jax.hessian(plain("mcc", relaxation))(z, y, weights=w))


def test_both_modes_and_their_mixtures(jax, problem):
    z, y, w = problem
    loss, formula = compiled("mcc", "jax"), plain("mcc")
    for transform in (jax.grad, jax.jacfwd, jax.jacrev):
        close(transform(loss)(z, y, weights=w), jax.grad(formula)(z, y, weights=w))
    expected = jax.hessian(formula)(z, y, weights=w)
    for mode in (jax.jacfwd, jax.jacrev):
        close(mode(mode(loss))(z, y, weights=w), expected)
    close(jax.jacrev(jax.jacfwd(loss))(z, y, weights=w), expected)


def test_jvp(jax, problem):
    z, y, w = problem
    direction = jax.numpy.linspace(-1, 1, 12)
    loss, formula = compiled("mcc", "jax"), plain("mcc")
    value, slope = jax.jvp(lambda z: loss(z, y, weights=w), (z,), (direction,))
    expected_value, expected = jax.jvp(lambda z: formula(z, y, w), (z,), (direction,))
    assert value == pytest.approx(float(expected_value))
    assert slope == pytest.approx(float(expected))


def test_third_derivative(jax, problem):
    z, y, _ = problem

    def third(loss):
        return jax.jit(jax.jacfwd(jax.hessian(lambda z: loss(z, y))))(z)

    close(third(compiled("mcc", "jax")), third(plain("mcc")))


@pytest.mark.parametrize("metric", ["f1", "mcc"])
def test_labels_and_weights_may_move_too(jax, problem, metric):
    """They have no derived slopes: the plain formula is differentiated, alone and together with the scores."""
    z, y, w = problem
    y = 0.8 * y + 0.1
    loss, formula = compiled(metric, "jax"), plain(metric)

    def ours(z, y, w):
        return loss(z, y, weights=w)

    for moving in ((1,), (2,), (1, 2), (0, 1), (0, 1, 2)):
        for found, expected in zip(
            jax.grad(ours, moving)(z, y, w), jax.grad(formula, moving)(z, y, w), strict=True
        ):
            close(found, expected)
    close(jax.hessian(ours, 1)(z, y, w), jax.hessian(formula, 1)(z, y, w))
    close(jax.jacfwd(jax.grad(ours), 2)(z, y, w), jax.jacfwd(jax.grad(formula), 2)(z, y, w))


def test_vmap(jax):
    loss = compiled("mcc", "jax")
    rng = np.random.default_rng(4)
    z, w = jax.numpy.asarray(rng.normal(size=(5, 12))), jax.numpy.asarray(rng.uniform(0.5, 2, 12))
    y = jax.numpy.asarray(rng.random((5, 12)) < 0.5)
    values = jax.vmap(lambda z, y: loss(z, y, weights=w))(z, y)
    close(values, [loss(*one, weights=w) for one in zip(z, y, strict=True)], 1e-14)
    gradients = jax.jit(jax.vmap(jax.grad(loss)))(z, y)
    close(gradients, [jax.grad(loss)(*one) for one in zip(z, y, strict=True)], 1e-12)
    close(jax.vmap(loss.score)(z, y), [loss.score(*one) for one in zip(z, y, strict=True)], 1e-14)


def test_scan_and_remat(jax, problem):
    """Gradient descent under lax.scan, with the loss checkpointed, and the derivative of the whole descent."""
    z, y, _ = problem

    def descent(loss):
        step = jax.checkpoint(lambda z: loss(z, y))

        def end(start):
            def move(z, _):
                value, gradient = jax.value_and_grad(step)(z)
                return z - 0.5 * gradient, value

            return jax.lax.scan(move, start, length=5)[1][-1]

        return jax.jit(jax.value_and_grad(end))(z)

    found, expected = descent(compiled("mcc", "jax")), descent(plain("mcc"))
    assert float(found[0]) == pytest.approx(float(expected[0]))
    close(found[1], expected[1])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_without_64_bits(jax, dtype):
    """JAX as it comes: no float64 anywhere, which would warn."""
    rng = np.random.default_rng(6)
    values, truth = rng.normal(size=40), rng.random(40) < 0.4
    loss = compiled("mcc", "jax")
    with jax.enable_x64(False):
        z, y = jax.numpy.asarray(values, dtype), jax.numpy.asarray(truth)
        value, gradient = jax.jit(jax.value_and_grad(loss))(z, y)
        assert value.dtype == gradient.dtype == z.dtype
        wide = np.asarray(z, np.float32).astype(np.float64)
        assert loss.score(z, y).dtype == "float32"
        assert jax.jit(jax.hessian(loss))(z, y).dtype == z.dtype
    expected_value, expected = jax.value_and_grad(loss)(jax.numpy.asarray(wide), truth)
    digits = {"float16": 2e-3, "bfloat16": 2e-2, "float32": 1e-5}[dtype]
    assert float(value) == pytest.approx(float(expected_value), rel=digits)
    close(np.asarray(gradient, np.float32), expected, digits)


def test_gradient_has_the_dtype_of_the_scores(jax, problem):
    _, y, w = problem
    for dtype in ("float16", "bfloat16", "float32", "float64"):
        z = problem[0].astype(dtype)
        assert jax.grad(compiled("mcc", "jax"))(z, y, weights=w).dtype == dtype


def test_lists_and_numpy_arrays(jax, problem):
    z, y, _ = problem
    loss = compiled("mcc", "jax")
    assert loss(np.asarray(z), np.asarray(y)) == loss(z, y)


def test_jit_leaves_no_constant_behind(jax, problem):
    """One compilation serves every input of a shape."""
    loss, traces = compiled("mcc", "jax"), []

    @jax.jit
    def step(z, y, w):
        traces.append(1)
        return loss(z, y, weights=w)

    z, y, w = problem
    assert step(z, y, w) == pytest.approx(float(loss(z, y, weights=w)))
    assert step(-z, ~y, w) == pytest.approx(float(loss(-z, ~y, weights=w)))
    assert len(traces) == 1


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda z, y, w: (z[:5], y, w), ValueError, r"logits have shape \(5,\) and labels \(12,\): give equal"),
        (lambda z, y, w: (z[:, None], y, w), ValueError, r"logits have shape \(12, 1\) and labels \(12,\)"),
        (lambda z, y, w: (z.astype(int), y, w), TypeError, "logits have dtype int64, but scores are floating"),
        (lambda z, y, w: (z, y, w[:5]), ValueError, r"weights of shape \(5,\) do not broadcast to \(12,\)"),
        (lambda z, y, w: (z, y, w[:, None]), ValueError, r"weights of shape \(12, 1\) do not broadcast"),
    ],
)
@pytest.mark.parametrize("function", ["loss", "score", "counts", "soft_counts"])
def test_clear_errors(problem, function, change, error, message):
    z, y, w = change(*problem)
    with pytest.raises(error, match=message):
        getattr(compiled("mcc", "jax").module, function)(z, y, weights=w)


def test_a_loss_itself_can_be_jitted(jax, problem):
    z, y, w = problem
    loss = compiled("mcc", "jax")
    assert jax.jit(loss)(z, y, weights=w) == pytest.approx(float(loss(z, y, weights=w)))
