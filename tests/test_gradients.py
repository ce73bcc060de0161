"""Every metric under every relaxation, on every framework: the derived gradient against independent ones."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import metricloss as ml
from tests.frameworks import FRAMEWORKS, Framework, NumPy
from tests.metrics import METRIC, METRICS, RELAXATION, RELAXATIONS, compiled
from tests.problems import arrays, close, sample

frameworks = pytest.mark.parametrize("framework", FRAMEWORKS, indirect=True, ids=lambda each: each.name)
metrics = pytest.mark.parametrize("metric", [case.name for case in METRICS])
relaxations = pytest.mark.parametrize("relaxation", [smooth.name for smooth in RELAXATIONS])
weightings = pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])


#: PEERS: F1, F2, … of the seed that several libraries agree on.
REFERENCE = {
    "f1": 0.6956269832,
    "f2": 0.6073791947,
    "jaccard": 0.8204952977,
    "tversky": 0.6419798190,
    "mcc": 1.0037098981,
    "balanced_accuracy": 0.5022276904,
    "kappa": 1.0031220093,
}


@cache
def gradient(framework: Framework, metric: str, relaxation: str, weighted: bool) -> tuple[float, np.ndarray]:
    loss = compiled(metric, framework.name, relaxation)
    value, by_scores = framework.value_and_grad(loss, *arrays(framework, sample(weighted)))
    return float(value), framework.numpy(by_scores)


@frameworks
@relaxations
@metrics
def test_gradient(framework: Framework, metric: str, relaxation: str) -> None:
    """That of the plain formula by the framework's own autodiff, of finite differences, and of the others."""
    value, found = gradient(framework, metric, relaxation, weighted=True)
    expected_value, expected = plain_gradient(framework, metric, relaxation, weighted=True)
    assert value == pytest.approx(expected_value, rel=1e-12, abs=1e-13)
    close(found, expected, 1e-10)

    along, slope = finite_difference(framework, metric, relaxation)
    assert found @ along == pytest.approx(slope, rel=0, abs=1e-7 * np.abs(found).max() * np.abs(along).sum())

    reference_value, reference = gradient(FRAMEWORKS[0], metric, relaxation, weighted=True)
    assert value == pytest.approx(reference_value, rel=1e-12, abs=1e-13)
    close(found, reference, 1e-12)


@frameworks
@metrics
def test_gradient_without_weights(framework: Framework, metric: str) -> None:
    value, found = gradient(framework, metric, "Soft", weighted=False)
    expected_value, expected = plain_gradient(framework, metric, "Soft", weighted=False)
    assert value == pytest.approx(expected_value, rel=1e-12, abs=1e-13)
    close(found, expected, 1e-10)
    close(found, gradient(FRAMEWORKS[0], metric, "Soft", weighted=False)[1], 1e-12)


def plain_gradient(
    framework: Framework, metric: str, relaxation: str, weighted: bool
) -> tuple[float, np.ndarray]:
    formula, h = METRIC[metric].plain_loss, RELAXATION[relaxation].plain
    value, by_scores = framework.plain_value_and_grad(formula, h, *arrays(framework, sample(weighted)))
    return float(value), framework.numpy(by_scores)


def finite_difference(framework: Framework, metric: str, relaxation: str) -> tuple[np.ndarray, float]:
    """A random direction, and the loss's slope along it."""
    (z, y, w), step = sample(weighted=True), 1e-5
    along = np.random.default_rng(1).normal(size=z.size)
    loss = compiled(metric, framework.name, relaxation)
    above, below = (framework.call(loss, *arrays(framework, (z + way * along, y, w))) for way in (step, -step))
    return along, (float(above) - float(below)) / (2 * step)


@frameworks
@relaxations
@metrics
def test_float32_keeps_its_digits(framework: Framework, metric: str, relaxation: str) -> None:
    """Entry by entry for scores up to ±20, where 1 - p would have none left."""
    loss = compiled(metric, framework.name, relaxation)
    _, narrow = framework.value_and_grad(loss, *arrays(framework, far(), "float32"))
    np.testing.assert_allclose(framework.numpy(narrow), wide(metric, relaxation), rtol=1e-4)


@cache
def far() -> tuple[np.ndarray, np.ndarray, None]:
    """Scores up to ±20, both labels at each, and others that are right."""
    grid, right = np.linspace(-20, 20, 41), np.repeat([1.5, -2], [30, 50])
    z = np.concatenate([grid, grid, right]).astype(np.float32)
    return z, np.concatenate([0 * grid, 0 * grid + 1, right > 0]), None


@cache
def wide(metric: str, relaxation: str) -> np.ndarray:
    """The gradient there in NumPy's float64, in which all frameworks agree."""
    z, y, _ = far()
    return compiled(metric, "numpy", relaxation).value_and_grad(y, z.astype(float))[1]


@pytest.mark.parametrize(("metric", "expected"), REFERENCE.items(), ids=REFERENCE)
def test_values_that_other_libraries_agree_on(framework: Framework, metric: str, expected: float) -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(size=1000)
    y = rng.random(1000) < 0.2
    loss = compiled(metric, framework.name)
    assert float(framework.call(loss, *arrays(framework, (z, y, None)))) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("dtype", ["bool", "int32", "uint8", "int64", "float32"])
def test_labels_of_any_dtype(framework: Framework, dtype: str) -> None:
    z, y, _ = arrays(framework, sample())
    loss = compiled("mcc", framework.name)
    value, found = framework.value_and_grad(loss, z, framework.array(sample()[1], dtype))
    expected_value, expected = framework.value_and_grad(loss, z, y)
    assert float(value) == float(expected_value)
    assert np.array_equal(framework.numpy(found), framework.numpy(expected))


@weightings
def test_soft_labels(framework: Framework, weighted: bool) -> None:
    problem = arrays(framework, sample(weighted, soft=True))
    value, found = framework.value_and_grad(compiled("mcc", framework.name), *problem)
    h = RELAXATION["Soft"].plain
    plain, expected = framework.plain_value_and_grad(METRIC["mcc"].plain_loss, h, *problem)
    assert float(value) == pytest.approx(float(plain), rel=1e-12)
    close(framework.numpy(found), framework.numpy(expected), 1e-10)


@pytest.mark.parametrize("relaxation", ["Soft", "AnyLoss", "ScoreOriented", "smoothstep"])
def test_probabilities(framework: Framework, relaxation: str) -> None:
    """from_logits=False: the chain rule with p' = p(1 - p) gives back the gradient by the logits."""
    z, y, w = sample(weighted=True)
    p = 1 / (1 + np.exp(-z))
    loss = compiled("mcc", framework.name, relaxation, from_logits=False)
    value, found = framework.value_and_grad(loss, *arrays(framework, (p, y, w)))
    expected_value, expected = gradient(framework, "mcc", relaxation, True)
    assert float(value) == pytest.approx(expected_value, rel=1e-12)
    close(framework.numpy(found) * p * (1 - p), expected, 1e-12)


@pytest.mark.parametrize("shape", [(3,), (1, 4, 1), ()])
def test_weights_broadcast(framework: Framework, shape: tuple[int, ...]) -> None:
    """Those of shape (N,) are by sample."""
    z, y, _ = (None if x is None else x.reshape(3, 4, 5) for x in sample())
    w = np.arange(1.0, 1.0 + np.prod(shape)).reshape(shape)
    loss = compiled("f1", framework.name)
    value, found = framework.value_and_grad(loss, *arrays(framework, (z, y, w)))
    everywhere = np.broadcast_to(w[:, None, None] if w.ndim == 1 else w, z.shape)
    expected_value, expected = framework.value_and_grad(loss, *arrays(framework, (z, y, everywhere)))
    assert float(value) == pytest.approx(float(expected_value), rel=1e-14)
    close(framework.numpy(found), framework.numpy(expected), 1e-14)


@pytest.mark.parametrize("shape", [(60, 1), (3, 4, 5), (1, 60), (2, 0, 3), (0,), ()])
def test_shapes(framework: Framework, shape: tuple[int, ...]) -> None:
    size = int(np.prod(shape))
    flat = [x if x is None else x[:size] for x in sample(weighted=True)]
    loss = compiled("mcc", framework.name)
    value, found = framework.value_and_grad(loss, *arrays(framework, [x.reshape(shape) for x in flat]))
    expected_value, expected = framework.value_and_grad(loss, *arrays(framework, flat))
    assert tuple(value.shape) == ()
    assert tuple(found.shape) == shape
    assert float(value) == pytest.approx(float(expected_value), rel=1e-14)
    np.testing.assert_allclose(framework.numpy(found).ravel(), framework.numpy(expected), rtol=1e-12)


def test_upstream_gradient(framework: Framework) -> None:
    if isinstance(framework, NumPy):
        pytest.skip("value_and_grad has no upstream")
    z, y, w = arrays(framework, sample(weighted=True))
    loss = compiled("mcc", framework.name)
    _, once = framework.gradient(lambda z: framework.call(loss, z, y, w), z)
    _, five = framework.gradient(lambda z: 5 * framework.call(loss, z, y, w), z)
    _, squared = framework.gradient(lambda z: framework.call(loss, z, y, w) ** 2, z)
    value = float(framework.call(loss, z, y, w))
    close(framework.numpy(five), 5 * framework.numpy(once), 1e-15)
    close(framework.numpy(squared), 2 * value * framework.numpy(once), 1e-14)


def test_soft_counts(framework: Framework) -> None:
    z, y, w = sample(weighted=True)
    p = 1 / (1 + np.exp(-z))
    expected = [
        (w * y * p).sum(),
        (w * (1 - y) * p).sum(),
        (w * y * (1 - p)).sum(),
        (w * (1 - y) * (1 - p)).sum(),
    ]
    loss = compiled("f1", framework.name)
    found = framework.call(loss.soft_counts, *arrays(framework, (z, y, w)))
    np.testing.assert_allclose([float(cell) for cell in found], expected, rtol=1e-13)


def test_callable_and_text_are_one_metric() -> None:
    written = ml.compile(lambda tp, fp, fn, tn: 2 * tp / (2 * tp + fp + fn), "numpy")
    z, y, _ = sample()
    assert written(y, z) == compiled("f1", "numpy")(y, z)


def test_the_list_is_as_long_as_promised() -> None:
    assert len(METRICS) >= 25
    assert len(RELAXATIONS) >= 5
