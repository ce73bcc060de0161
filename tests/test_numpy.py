"""The promises that are NumPy's own: float64 sums, lists, scalars, and no warnings."""

from __future__ import annotations

import numpy as np
import pytest

from tests.metrics import METRIC, compiled


@pytest.fixture
def problem():
    rng = np.random.default_rng(2)
    return rng.normal(size=12), rng.random(12) < 0.4, rng.uniform(0.5, 2, 12)


def test_lists(problem):
    z, y, w = problem
    loss = compiled("mcc", "numpy")
    assert loss(y.tolist(), z.tolist(), sample_weight=w.tolist()) == loss(y, z, sample_weight=w)
    nested = [x.reshape(3, 4).tolist() for x in (y, z)]
    assert loss(*nested) == pytest.approx(loss(y, z))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_results_are_scalars_of_the_scores_dtype(problem, dtype):
    z, y, _ = problem
    loss = compiled("mcc", "numpy")
    value, gradient = loss.value_and_grad(y, z.astype(dtype))
    assert type(loss(y, z.astype(dtype))) is type(value) is dtype
    assert type(gradient) is np.ndarray
    assert gradient.dtype == dtype
    assert type(loss.score(y, z.astype(dtype))) is np.float64
    for counts in (loss.counts, loss.soft_counts):
        assert [type(cell) for cell in counts(y, z.astype(dtype))] == [np.float64] * 4


def test_sums_are_in_float64():
    """One after the other: in float32 a sum of ones that starts at 2**24 stays there."""
    z = np.full(2**24 + 64, 30, np.float32)
    assert compiled("f1", "numpy").soft_counts(z > 0, z)[0] == 2**24 + 64
    rows = np.full((2**12, 2**12), 0.1, np.float32).T
    assert compiled("f1", "numpy").counts(rows, rows)[0] == pytest.approx(
        float(np.float32(0.1)) * 2**24, rel=1e-12
    )


def test_float32_stays_float32(problem):
    """The gradient of large arrays takes no more memory than it must."""
    z, y, w = problem
    _, gradient = compiled("f1", "numpy").value_and_grad(y, z.astype(np.float32), sample_weight=w)
    assert gradient.dtype == np.float32


@pytest.mark.parametrize("metric", METRIC)
def test_nothing_warns(metric):
    """Divisions by zero are guarded; NumPy's own error state is left as the user set it."""
    loss = compiled(metric, "numpy")
    with np.errstate(all="raise", under="ignore"):
        for z, y in (([], []), ([-1e4, 1e4], [1, 0]), ([-1e4, -1e4], [0, 0]), ([1e4], [1])):
            value, gradient = loss.value_and_grad(y, np.array(z, float))
            assert np.isfinite(value)
            assert np.isfinite(gradient).all()
            assert np.isfinite(loss.score(y, np.array(z, float)))
        with pytest.raises(FloatingPointError):
            np.log(np.zeros(1))


def test_value_and_grad_is_the_loss(problem):
    z, y, w = problem
    for metric in ("f1", "mcc", "mutual_information"):
        loss = compiled(metric, "numpy")
        assert loss.value_and_grad(y, z, sample_weight=w)[0] == loss(y, z, sample_weight=w)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            lambda z, y, w: (z[:5], y, w),
            ValueError,
            r"y_true has shape \(12,\) and y_score \(5,\): give equal shapes",
        ),
        (lambda z, y, w: (z[:, None], y, w), ValueError, r"y_true has shape \(12,\) and y_score \(12, 1\)"),
        (
            lambda z, y, w: (z.astype(int), y, w),
            TypeError,
            "y_score has dtype int64, but scores are floating-point",
        ),
        (
            lambda z, y, w: (z > 0, y, w),
            TypeError,
            "y_score has dtype bool, but scores are floating-point numbers",
        ),
        (
            lambda z, y, w: (z, y, w[:5]),
            ValueError,
            r"sample_weight has shape \(5,\): give \(12,\)",
        ),
        (
            lambda z, y, w: (z, y, w[:, None]),
            ValueError,
            r"sample_weight has shape \(12, 1\): give \(12,\)",
        ),
    ],
)
@pytest.mark.parametrize("function", ["loss", "value_and_grad", "score", "counts", "soft_counts"])
def test_clear_errors(problem, function, change, error, message):
    z, y, w = change(*problem)
    with pytest.raises(error, match=message):
        getattr(compiled("mcc", "numpy").module, function)(y, z, sample_weight=w)


def test_a_weight_that_is_no_number_makes_a_score_that_is_none():
    loss = compiled("f1", "numpy")
    arguments, weight = ([1, 0], [1.0, 2.0]), [np.nan, 1.0]
    assert np.isnan(loss(*arguments, sample_weight=weight))
    assert np.isnan(loss.score(*arguments, sample_weight=weight))
