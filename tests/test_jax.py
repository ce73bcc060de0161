"""The promises that are JAX's own: every transformation, of any order, with and without 64 bits."""

from __future__ import annotations

import numpy as np
import pytest

import metricloss as ml
from tests.frameworks import JAX
from tests.metrics import METRIC, RELAXATION, compiled

F1 = "2*TP/(2*TP + FP + FN)"


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
        (lambda z, y, w: (z, y, w[:5]), ValueError, r"weights of shape \(5,\): give \(12,\), by sample"),
        (lambda z, y, w: (z, y, w[:, None]), ValueError, r"weights of shape \(12, 1\): give"),
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


def of_task(task, average, from_logits=True, **options):
    """A soft F1 of a task, and its plain formula for labels of all classes, the last axis."""
    loss = ml.compile(F1, "jax", task=task, average=average, from_logits=from_logits, **options)

    def formula(z, y, weights=1.0):
        link = JAX.lib.nn.softmax if task == "multiclass" else JAX.lib.nn.sigmoid
        p = link(z) if from_logits else z
        tp, wrong = ((weights * cell).sum((0, 1)) for cell in (y * p, y * (1 - p) + (1 - y) * p))
        values = 1 - 2 * tp / (2 * tp + wrong)
        if average == "weighted":
            return values @ (weights * y).sum((0, 1)) / (weights * y).sum()
        return values if average is None else values.mean()

    return loss, formula


def classified(jax, shape=(2, 4, 3), seed=1):
    """Scores, class indices, these as labels of all classes, and a weight for each entry."""
    rng = np.random.default_rng(seed)
    z, indices, w = (
        rng.normal(size=shape),
        rng.integers(0, shape[-1], shape[:-1]),
        rng.uniform(0.5, 2, shape[:-1]),
    )
    indices.ravel()[: shape[-1]] = range(shape[-1])
    return jax.numpy.asarray(2 * z), jax.numpy.asarray(indices), jax.nn.one_hot(indices, shape[-1]), w


@pytest.mark.parametrize("average", ["macro", "weighted", None])
@pytest.mark.parametrize("task", ["multilabel", "multiclass"])
def test_transformations_of_a_task(jax, task, average):
    loss, formula = of_task(task, average)
    z, indices, dense, w = classified(jax)
    labels = indices if task == "multiclass" else dense

    def ours(z):
        return loss(z, labels, weights=w)

    def expected(z):
        return formula(z, dense, w[..., None])

    close(jax.jit(ours)(z), expected(z), 1e-14)
    close(jax.jacrev(ours)(z), jax.jacrev(expected)(z))
    first, second = jax.jit(lambda z: (jax.jacrev(expected)(z), jax.hessian(expected)(z)))(z)
    for transform in (jax.jacrev, jax.jacfwd):
        close(jax.jit(transform(ours))(z), first)
    for transform in (jax.hessian, lambda f: jax.jacrev(jax.jacrev(f))):
        close(jax.jit(transform(ours))(z), second)
    direction = jax.numpy.linspace(-1, 1, z.size).reshape(z.shape)
    close(jax.jvp(ours, (z,), (direction,))[1], jax.jvp(expected, (z,), (direction,))[1])
    many = jax.numpy.stack([z, -z, z / 2])
    close(jax.vmap(ours)(many), jax.vmap(expected)(many), 1e-14)
    close(jax.jit(jax.vmap(jax.jacrev(ours)))(many), jax.vmap(jax.jacrev(expected))(many))


@pytest.mark.parametrize("average", ["macro", None])
@pytest.mark.parametrize("task", ["multilabel", "multiclass", "given"])
def test_a_weighted_sum_of_the_values(jax, task, average):
    loss, formula = (
        of_task("multiclass", average, from_logits=False) if task == "given" else of_task(task, average)
    )
    z, _, dense, _ = classified(jax)
    z = jax.nn.softmax(z) if task == "given" else z
    factors = jax.numpy.asarray([0.5, -2, 3])
    found = jax.grad(lambda z: (factors * loss(z, dense)).sum())(z)
    close(found, jax.grad(lambda z: (factors * formula(z, dense)).sum())(z))


@pytest.mark.parametrize("average", ["macro", "weighted", None])
def test_weights_may_move_beside_class_indices(jax, average):
    """Those that are 0 too, and the mean's own weights with them; indices have no tangent."""
    loss, formula = of_task("multiclass", average)
    z, indices, dense, w = classified(jax)
    w = jax.numpy.asarray(w).at[0, -1].set(0)

    def ours(z, w):
        return loss(z, indices, weights=w)

    def expected(z, w):
        return formula(z, dense, w[..., None])

    def mixed(f):
        return jax.jacfwd(jax.jacrev(f), 1)

    close(jax.jacrev(ours, 1)(z, w), jax.jacrev(expected, 1)(z, w))
    for transform in (lambda f: jax.jacrev(f, (0, 1)), lambda f: jax.jacfwd(f, (0, 1)), mixed):
        jax.tree.map(close, jax.jit(transform(ours))(z, w), jax.jit(transform(expected))(z, w))


def test_soft_labels_of_classes_may_move(jax):
    loss, formula = of_task("multiclass", "macro")
    z, _, dense, _ = classified(jax)
    dense = 0.8 * dense + 0.1
    close(jax.grad(loss, 1)(z, dense), jax.grad(formula, 1)(z, dense))


def test_by_a_weight_of_0(jax, problem):
    """An entry that does not count yet has a slope, unless it is masked."""
    z, y, w = problem
    w = w.at[:4].set(0)
    close(jax.grad(lambda w: compiled("f1", "jax")(z, y, weights=w))(w), jax.grad(plain("f1"), 2)(z, y, w))
    z = z.at[0].set(np.nan)
    slopes = jax.grad(lambda w: compiled("f1", "jax")(z, y, weights=w, where=~jax.numpy.isnan(z)))(w)
    assert slopes[0] == 0
    assert np.isfinite(slopes).all()


@pytest.mark.parametrize("task", ["binary", "multilabel", "multiclass"])
def test_where(jax, task):
    """What is masked might as well not be there, for every derivative; so what weighs 0."""
    loss = of_task(task, {"binary": "binary", "multilabel": None, "multiclass": "macro"}[task])[0]
    z, _, y, _ = classified(jax)
    mask = np.ones(z.shape, bool)
    mask[0, 2] = False
    kept = [np.delete(x.reshape(1, 8, 3), 2, axis=1) for x in (z, y)]
    value, gradient = loss(*kept), jax.jacrev(loss)(*kept).squeeze()
    score, soft_counts = loss.score(*kept), loss.soft_counts(*kept)

    def shaped(derivative):
        return np.delete(derivative.reshape(-1, 8, 3), 2, axis=1).squeeze()

    poisons = (np.nan, np.inf, 1e300)
    for hidden in ({"where": mask}, {"weights": mask * 1.0}, {"where": mask, "weights": np.ones(z.shape)}):
        slopes = jax.jit(jax.jacrev(lambda z, hidden=hidden: loss(z, y, **hidden)))
        for spoiled in (z.at[0, 2].set(poison) for poison in poisons):
            close(loss(spoiled, y, **hidden), value, 1e-14)
            found = slopes(spoiled)
            assert not found[..., 0, 2, :].any()
            close(shaped(found), gradient)
            close(loss.score(spoiled, y, **hidden), score, 1e-14)
            close(loss.soft_counts(spoiled, y, **hidden), soft_counts, 1e-14)
    curvature = jax.jit(jax.hessian(lambda z: loss(z, y, where=mask)))
    for poison in poisons:
        assert np.isfinite(curvature(z.at[0, 2].set(poison))).all()


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.int64, np.uint32])
def test_ignored_class_indices(jax, dtype):
    ignored = 255 if np.dtype(dtype).kind == "u" else -100
    loss, _ = of_task("multiclass", "macro", ignore_index=ignored)
    z, indices, _, w = classified(jax)
    labels = np.array(indices, dtype)
    labels[0, 0] = np.array(ignored, dtype)
    kept = (indices != -1) & (np.arange(8).reshape(2, 4) > 0)
    for options in ({}, {"weights": w}, {"where": np.ones((2, 4), bool)}):
        masked = options | {"where": kept}
        close(loss(z.at[0, 0].set(np.nan), labels, **options), loss(z, indices, **masked), 1e-14)


@pytest.mark.parametrize("average", ["macro", None])
def test_blocks_change_nothing(jax, average, monkeypatch):
    """37 positions in blocks of two, and a rest."""
    loss, _ = of_task("multiclass", average)
    blocked, formula = of_task("multiclass", average)
    monkeypatch.setattr(blocked.module, "BLOCK", 8)
    z, indices, dense, w = classified(jax, (37, 3))
    close(blocked(z, indices), loss(z, indices), 1e-14)

    def expected(z):
        return formula(z[None], dense[None], w[None, :, None])

    for transform in (jax.jacrev, jax.hessian):
        close(jax.jit(transform(blocked))(z, indices, weights=w), jax.jit(transform(expected))(z))
    close(jax.jacrev(blocked)(z, indices, weights=w), jax.jacrev(loss)(z, indices, weights=w), 1e-13)
    for function in ("counts", "soft_counts"):
        found, expected = (getattr(each, function)(z, indices, weights=w) for each in (blocked, loss))
        close(found, expected, 1e-14)


@pytest.mark.parametrize("average", ["macro", None])
def test_class_indices_stay_indices(jax, average):
    """Beside the gradient, value_and_grad takes less memory than two copies of the scores, in float32."""
    loss, _ = of_task("multiclass", average)
    shape = (2, 64 * 64 * 16, 32)
    arrays = [jax.ShapeDtypeStruct(*each) for each in ((shape, "float32"), (shape[:-1], "int32"))]
    step = jax.jit(jax.value_and_grad(lambda z, y: loss(z, y).sum())).lower(*arrays).compile()
    assert step.memory_analysis().temp_size_in_bytes < 2 * 4 * np.prod(shape)


def test_counts_of_rare_classes(jax):
    """4 million rows in float32, a class of six and one that is never decided on."""
    rng = np.random.default_rng(0)
    z = (2 * rng.standard_normal((2**22, 4))).astype(np.float32)
    z[:, 3] -= 12
    indices = rng.integers(0, 3, len(z))
    indices[rng.integers(0, len(z), 6)] = 3
    loss, _ = of_task("multiclass", "macro")
    found = loss.soft_counts(z, indices)
    expected = loss.soft_counts(z.astype(np.float64), indices)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert found[0].dtype == "float32"


@pytest.mark.parametrize("average", ["macro", None])
def test_saturated_classes_keep_their_digits(jax, average):
    """At scores of ±20 the gradient is a product of small numbers, not a difference of large ones."""
    loss, _ = of_task("multiclass", average)
    rng = np.random.default_rng(0)
    z, indices = rng.choice([-20, -10, 0, 20], (40, 3)) + rng.random((40, 3)), rng.integers(0, 3, 40)
    factors = np.float32([1, 0.5, 2])

    def gradient(dtype):
        z_, factors_ = jax.numpy.asarray(z.astype(np.float32), dtype), jax.numpy.asarray(factors, dtype)
        return jax.grad(lambda z: (loss(z, indices) * factors_).sum())(z_)

    np.testing.assert_allclose(gradient("float32"), gradient("float64"), rtol=1e-4)


@pytest.mark.parametrize("task", ["multilabel", "multiclass"])
@pytest.mark.parametrize("average", ["macro", None])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_tasks_without_64_bits(jax, task, average, dtype):
    loss, _ = of_task(task, average)
    z, indices, dense, _ = classified(jax)
    labels = indices if task == "multiclass" else dense
    with jax.enable_x64(False):
        scores, y = jax.numpy.asarray(z, dtype), jax.numpy.asarray(np.asarray(labels))
        found, value = jax.jit(jax.jacrev(loss))(scores, y), loss(scores, y)
        assert found.dtype == value.dtype == dtype
        assert loss.score(scores, y).dtype == "float32"
    wide = jax.numpy.asarray(np.asarray(scores, np.float32), "float64")
    digits = {"float16": 2e-3, "bfloat16": 2e-2, "float32": 1e-5}[dtype]
    close(np.asarray(value, np.float32), loss(wide, labels), digits)
    close(np.asarray(found, np.float32), jax.jacrev(loss)(wide, labels), digits)


def test_a_loss_that_is_scaled_keeps_small_slopes(jax):
    """Of 100 000 entries, each moves the loss less than float16 can tell, unless the loss is scaled first."""
    rng = np.random.default_rng(3)
    z, y = jax.numpy.asarray(rng.normal(size=100_000), "float16"), rng.random(100_000) < 0.5
    found = jax.grad(lambda z: 1024 * compiled("f1", "jax")(z, y))(z)
    expected = 1024 * jax.grad(lambda z: compiled("f1", "jax")(z, y))(z.astype("float64"))
    close(np.asarray(found, float), expected, 2e-3)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda z, y: ((z[0, 0], y), {}), ValueError, r"logits have shape \(3,\), but axis -1 is to hold"),
        (
            lambda z, y: ((z[..., :1], y), {}),
            ValueError,
            r"logits have shape \(2, 4, 1\): of exclusive classes",
        ),
        (lambda z, y: ((z, y[:1]), {}), ValueError, r"labels \(1, 4\), of int64: give class indices, integers"),
        (lambda z, y: ((z, y * 1.0), {}), ValueError, r"labels \(2, 4\), of float64: give class indices"),
        (lambda z, y: ((z.astype(int), y), {}), TypeError, "logits have dtype int64, but scores are floating"),
        (lambda z, y: ((z, y), {"weights": z[0, 0]}), ValueError, r"weights of shape \(3,\): give \(2,\), by"),
        (
            lambda z, y: ((z, y), {"where": z[0, :3] > 0}),
            ValueError,
            r"where of shape \(3, 3\): give \(2,\), by",
        ),
        (lambda z, y: ((z, y), {"where": z[None] > 0}), ValueError, r"where of shape \(1, 2, 4, 3\): give"),
    ],
)
@pytest.mark.parametrize("function", ["loss", "score", "counts", "soft_counts"])
def test_clear_errors_of_classes(jax, function, change, error, message):
    z, indices, _, _ = classified(jax)
    loss, _ = of_task("multiclass", "macro")
    arrays, options = change(z, indices)
    with pytest.raises(error, match=message):
        getattr(loss.module, function)(*arrays, **options)


def test_as_many_class_weights_as_classes(jax):
    z, indices, _, _ = classified(jax)
    loss, _ = of_task("multiclass", "macro", class_weight=(1, 2))
    with pytest.raises(ValueError, match="logits have 3 classes, and class_weight has 2 numbers"):
        loss(z, indices)


@pytest.mark.parametrize("size", [2**13 + 5, 3 * 2**13, 2**20 + 7])
@pytest.mark.parametrize("by_sample", [False, True])
def test_many_entries_are_summed_in_blocks(jax, size, by_sample):
    """Sizes with and without a rest; integer labels, half-precise scores, and weights of each shape."""
    rng = np.random.default_rng(size)
    z, y = rng.normal(size=(size, 1)).astype("float16"), rng.random((size, 1)) < 0.3
    w = rng.uniform(0.5, 2, size if by_sample else (size, 1)) * (
        rng.random(size if by_sample else (size, 1)) < 0.9
    )
    z[w.reshape(z.shape) == 0] = np.nan
    arrays = [jax.numpy.asarray(x) for x in (z, y, w.astype("float32"))]
    loss, exact = compiled("mcc", "jax"), compiled("mcc", "numpy")
    expected = exact.soft_counts(y, z.astype(float), sample_weight=w)
    for function in (loss.soft_counts, jax.jit(loss.soft_counts)):
        close(function(*arrays[:2], weights=arrays[2]), expected, 1e-5)
    close(loss.counts(*arrays[:2], weights=arrays[2]), exact.counts(y, z.astype(float), sample_weight=w), 1e-5)


def test_blocks_can_be_differentiated_and_batched(jax):
    """A second derivative along a line, labels that move, and several problems at a time."""
    rng = np.random.default_rng(0)
    z, along = (jax.numpy.asarray(rng.normal(size=(2, 2**13 + 5))) for _ in range(2))
    y = jax.numpy.asarray(rng.random(z.shape))
    loss, formula = compiled("mcc", "jax"), plain("mcc")

    def curvature(loss):
        def slope(z, y, along):
            return jax.jvp(lambda z: jax.grad(loss, (0, 1))(z, y), (z,), (along,))[1]

        return jax.vmap(slope)(z, y, along)

    for found, expected in zip(curvature(loss), curvature(formula), strict=True):
        close(found, expected, 1e-8)
