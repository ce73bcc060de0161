"""The same file on every array library, and differentiable by those that can differentiate."""

from __future__ import annotations

import numpy as np
import pytest

from tests import test_network, test_surrogate
from tests.metrics import METRIC, RELAXATION, compiled

LIBRARIES = ("numpy", "array_api_strict", "torch", "jax.numpy", "dask.array")
libraries = pytest.mark.parametrize("library", LIBRARIES, indirect=True)

differentiated = pytest.mark.parametrize(
    ("metric", "relaxation"),
    [(metric, "Soft") for metric in ("f1", "mutual_information", "digby", "lambda_r")]
    + [("mcc", relaxation) for relaxation in RELAXATION],
)


@pytest.fixture
def library(request):
    if request.param == "jax.numpy":
        request.getfixturevalue("jax")  # sets float64
    pytest.importorskip("array_api_compat", reason="array-api-compat is not installed")
    return pytest.importorskip(request.param, reason=f"{request.param} is not installed")


@pytest.fixture
def problem():
    """Scores, two of them 0, labels and weights, twelve of each."""
    rng = np.random.default_rng(2)
    z, w = rng.normal(size=12), rng.uniform(0.5, 2, 12)
    z[3] = z[8] = 0
    return z, (rng.random(12) < 0.4).astype(float), w


def as_arrays(library, values):
    return [library.asarray(np.array(x)) for x in values]


@libraries
@pytest.mark.parametrize(
    ("metric", "relaxation"), [(metric, "Soft") for metric in METRIC] + [("mcc", name) for name in RELAXATION]
)
def test_every_library_gives_what_numpy_gives(library, problem, metric, relaxation):
    loss, reference = compiled(metric, "array_api", relaxation), compiled(metric, "numpy", relaxation)
    z, y, w = as_arrays(library, problem)
    value, gradient = loss.value_and_grad(y, z, sample_weight=w)
    expected_value, expected = reference.value_and_grad(problem[1], problem[0], sample_weight=problem[2])
    assert type(value) is type(gradient) is type(z)
    assert float(value) == pytest.approx(float(expected_value), rel=1e-12)
    np.testing.assert_allclose(np.asarray(gradient), expected, rtol=0, atol=1e-12 * np.abs(expected).max())


@libraries
@pytest.mark.parametrize("learned", [test_network.compiled, test_surrogate.compiled], ids=["h", "surrogate"])
def test_every_library_gives_what_numpy_gives_of_what_was_learned(library, problem, learned):
    z, y, w = as_arrays(library, problem)
    value, gradient = learned("array_api").value_and_grad(y, z, sample_weight=w)
    expected_value, expected = learned("numpy").value_and_grad(problem[1], problem[0], sample_weight=problem[2])
    assert type(value) is type(gradient) is type(z)
    assert float(value) == pytest.approx(float(expected_value), rel=1e-12)
    np.testing.assert_allclose(np.asarray(gradient), expected, rtol=0, atol=1e-12 * np.abs(expected).max())


@libraries
def test_score_and_counts(library, problem):
    loss, reference = compiled("mcc", "array_api"), compiled("mcc", "numpy")
    z, y, w = as_arrays(library, problem)
    for name in ("score", "counts", "soft_counts"):
        found = getattr(loss, name)(y, z, sample_weight=w)
        expected = getattr(reference, name)(problem[1], problem[0], sample_weight=problem[2])
        np.testing.assert_allclose(
            np.asarray([float(x) for x in np.atleast_1d(found)]), np.atleast_1d(expected)
        )


@libraries
@pytest.mark.parametrize("labels", ["bool", "int64", "float32"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtypes(library, problem, dtype, labels):
    z = library.asarray(problem[0].astype(dtype))
    y = library.asarray(problem[1].astype(labels))
    value, gradient = compiled("mcc", "array_api").value_and_grad(y, z)
    assert value.dtype == gradient.dtype == z.dtype
    expected = compiled("mcc", "numpy")(problem[1], problem[0])
    assert float(value) == pytest.approx(float(expected), rel=1e-6 if dtype == "float32" else 1e-14)


def test_strict_without_what_is_optional(problem):
    """Boolean indexing and shapes that depend on values are not used; nor is anything of a later standard."""
    strict = pytest.importorskip("array_api_strict")
    arrays = as_arrays(strict, problem)
    options = {"boolean_indexing": False, "data_dependent_shapes": False}
    with strict.ArrayAPIStrictFlags(**options, enabled_extensions=()):
        for metric in METRIC:
            compiled(metric, "array_api").value_and_grad(arrays[1], arrays[0], sample_weight=arrays[2])


def test_arrays_stay_on_their_device(problem):
    """array-api-strict has devices that refuse to mix, and NumPy cannot read any but the first."""
    strict = pytest.importorskip("array_api_strict")
    device = strict.Device("device1")
    z, y, w = (strict.asarray(x, device=device) for x in problem)
    loss = compiled("mutual_information", "array_api")
    value, gradient = loss.value_and_grad(y, z, sample_weight=w)
    assert value.device == gradient.device == loss.score(y, z).device == device


def test_dask_stays_lazy(problem):
    """Blocks are summed one by one; nothing is computed before it is asked for."""
    dask = pytest.importorskip("dask.array")
    z, y = (dask.from_array(np.tile(x, 10), chunks=30) for x in problem[:2])

    def forbidden(block):
        raise AssertionError("computed")

    value, gradient = compiled("mcc", "array_api").value_and_grad(y, z.map_blocks(forbidden, dtype=float))
    assert gradient.chunks == z.chunks
    expected = compiled("mcc", "numpy")(np.tile(problem[1], 10), np.tile(problem[0], 10))
    assert float(compiled("mcc", "array_api")(y, z)) == pytest.approx(float(expected))
    with pytest.raises(AssertionError, match="computed"):
        value.compute()


@differentiated
def test_torch_differentiates_the_loss(torch, problem, metric, relaxation):
    """Twice, and at scores of exactly 0 too."""
    z, y, w = map(torch.tensor, problem)
    loss, derived = compiled(metric, "array_api", relaxation), compiled(metric, "torch", relaxation)
    found = torch.func.grad(lambda z: loss(y, z, sample_weight=w))(z)
    torch.testing.assert_close(found, torch.func.grad(lambda z: derived(z, y, w))(z), rtol=1e-10, atol=1e-13)
    found = torch.func.jacrev(torch.func.grad(lambda z: loss(y, z, sample_weight=w)))(z)
    expected = torch.func.jacrev(torch.func.grad(lambda z: derived(z, y, w)))(z)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-11)


@differentiated
def test_jax_differentiates_the_loss(jax, problem, metric, relaxation):
    z, y, w = map(jax.numpy.asarray, problem)
    loss, derived = compiled(metric, "array_api", relaxation), compiled(metric, "jax", relaxation)

    def derivatives(function):
        return jax.jit(lambda z: (jax.hessian(function)(z), jax.grad(function)(z)))(z)

    found = derivatives(lambda z: loss(y, z, sample_weight=w))
    for ours, expected in zip(found, derivatives(lambda z: derived(z, y, weights=w)), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-10 * np.abs(expected).max())


def test_infinite_scores_are_saturated_ones(problem):
    pytest.importorskip("array_api_compat", reason="array-api-compat is not installed")
    loss = compiled("mcc", "array_api")
    z, y, _ = problem
    for end in (np.inf, -np.inf):
        z[0] = end
        assert loss(y, z) == pytest.approx(float(compiled("mcc", "numpy")(y, z)))


@libraries
@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda z, y, w: (z[:5], y, w), ValueError, r"y_true has shape .*12.* and y_score .*5.*: give equal"),
        (
            lambda z, y, w: (z.astype(int), y, w),
            TypeError,
            "y_score has dtype .*int64, but scores are floating",
        ),
        (lambda z, y, w: (z, y, w[:5]), ValueError, r"sample_weight has shape .*5.*: give .*12"),
    ],
)
@pytest.mark.parametrize("function", ["loss", "value_and_grad", "score", "counts", "soft_counts"])
def test_clear_errors(library, problem, function, change, error, message):
    z, y, w = as_arrays(library, change(*problem))
    with pytest.raises(error, match=message):
        getattr(compiled("mcc", "array_api").module, function)(y, z, sample_weight=w)
