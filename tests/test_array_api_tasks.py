"""The array API's losses of classes on every array library: the same numbers, on the arrays' device, lazily."""

from __future__ import annotations

import numpy as np
import pytest

from tests.tasks import Arrays, Case

F1 = "2*TP/(2*TP + FP + FN)"
CASES = [
    Case("multiclass", "macro"),
    Case("multiclass", "samples-weighted", "skip"),
    Case("multiclass", None, "skip", from_logits=False),
    Case("multilabel", "samples-macro", class_weight=(1.0, 2.0, 0.5)),
    Case("multilabel", "micro"),
]
cases = pytest.mark.parametrize("case", CASES, ids=repr)


@pytest.fixture(params=["numpy", "array_api_strict", "torch", "jax.numpy", "dask.array"])
def library(request):
    if request.param == "jax.numpy":
        request.getfixturevalue("jax")  # sets float64
    pytest.importorskip("array_api_compat", reason="array-api-compat is not installed")
    return pytest.importorskip(request.param, reason=f"{request.param} is not installed")


def drawn(case: Case) -> Arrays:
    return Arrays.drawn(np.random.default_rng(0), case, (3, 5, 3), weights="entry", masked=True)


def options(arrays: Arrays, as_array) -> tuple:
    scores, labels, weights, mask = arrays.along(-1)
    return (as_array(labels), as_array(scores)), {"sample_weight": as_array(weights), "mask": as_array(mask)}


@cases
def test_every_library_gives_what_numpy_gives(library, case):
    arrays = drawn(case)
    given, named = options(arrays, lambda x: library.asarray(np.array(x)))
    loss, reference = case.compiled(F1, "array_api"), case.compiled(F1, "numpy")
    value, gradient = loss.value_and_grad(*given, **named)
    assert isinstance(gradient, type(given[1]))
    expected, named = options(arrays, np.asarray)
    for found, exact in zip((value, gradient), reference.value_and_grad(*expected, **named), strict=True):
        np.testing.assert_allclose(np.asarray(found), exact, rtol=1e-11, atol=1e-13)
    found = np.asarray(loss.score(*given, **options(arrays, lambda x: library.asarray(np.array(x)))[1]))
    np.testing.assert_allclose(found, reference.score(*expected, **named))


@cases
def test_strict_without_what_is_optional_and_on_a_device(case):
    strict = pytest.importorskip("array_api_strict", reason="array-api-strict is not installed")
    device = strict.Device("device1")
    given, named = options(drawn(case), lambda x: strict.asarray(np.array(x), device=device))
    loss = case.compiled(F1, "array_api")
    flags = {"boolean_indexing": False, "data_dependent_shapes": False}
    with strict.ArrayAPIStrictFlags(**flags, enabled_extensions=()):
        value, gradient = loss.value_and_grad(*given, **named)
        assert value.device == gradient.device == loss.score(*given, **named).device == device


@cases
def test_dask_stays_lazy(case):
    dask = pytest.importorskip("dask.array", reason="dask is not installed")
    given, named = options(drawn(case), lambda x: dask.from_array(np.array(x), chunks=-1))

    def forbidden(block):
        raise AssertionError("computed")

    poisoned = given[1].map_blocks(forbidden, dtype=float)
    value, _ = case.compiled(F1, "array_api").value_and_grad(given[0], poisoned, **named)
    with pytest.raises(AssertionError, match="computed"):
        value.compute()


@cases
def test_torch_and_jax_differentiate_the_loss(torch, jax, case):
    arrays = drawn(case)
    loss = case.compiled(F1, "array_api")
    exact = loss.value_and_grad(*options(arrays, np.asarray)[0], **options(arrays, np.asarray)[1])[1]
    for as_array, grad in ((torch.tensor, torch.func.grad), (jax.numpy.asarray, jax.grad)):
        (y, z), named = options(arrays, lambda x, as_array=as_array: as_array(np.array(x)))
        found = grad(lambda z, y=y, named=named: loss(y, z, **named).sum())(z)
        np.testing.assert_allclose(np.asarray(found), exact, rtol=1e-9, atol=1e-12)
