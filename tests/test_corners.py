"""Finite input gives a finite loss and gradient; the score is the metric of the hard decisions."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

import metricloss as ml
from tests.frameworks import FRAMEWORKS, JAX, Framework
from tests.metrics import METRICS, RELAXATIONS, compiled
from tests.problems import ALL, CORNERS, EXACT, HALF, SMALL, arrays, assert_finite, hard_counts, judged

_FRAMEWORK_DTYPES = [
    pytest.param(framework, dtype, id=f"{framework.name}-{dtype}")
    for framework in FRAMEWORKS
    for dtype in framework.dtypes
]
each_dtype = pytest.mark.parametrize(("framework", "dtype"), _FRAMEWORK_DTYPES, indirect=["framework"])
metrics = pytest.mark.parametrize("metric", [case.name for case in METRICS])


@metrics
@each_dtype
def test_every_metric_is_finite_at_every_corner(framework: Framework, dtype: str, metric: str) -> None:
    assert_finite(framework, compiled(metric, framework.name), CORNERS, dtype)


@pytest.mark.parametrize("metric", ["f1", "mcc", "yule_y", "mutual_information", "lambda_r"])
def test_empty_and_single(framework: Framework, metric: str) -> None:
    for where, problem in SMALL.items():
        assert_finite(framework, compiled(metric, framework.name), {where: problem}, "float32")


@pytest.mark.parametrize("metric", ["mcc", "mutual_information"])
@pytest.mark.parametrize("dtype", JAX.dtypes)
def test_every_corner_of_a_step_that_is_compiled(jax, dtype: str, metric: str) -> None:
    step = jax.jit(partial(JAX.value_and_grad, compiled(metric, "jax")))
    for where, problem in CORNERS.items():
        value, gradient = step(*arrays(JAX, problem, dtype))
        assert value.dtype == gradient.dtype == dtype
        assert np.isfinite(JAX.numpy(value)), where
        assert np.isfinite(JAX.numpy(gradient)).all(), where


@pytest.mark.parametrize("relaxation", [smooth.name for smooth in RELAXATIONS if smooth.name != "Soft"])
@each_dtype
def test_every_relaxation_is_finite_at_every_corner(framework: Framework, dtype: str, relaxation: str) -> None:
    assert_finite(framework, compiled("mcc", framework.name, relaxation), CORNERS, dtype)


@pytest.mark.parametrize("relaxation", ["Soft", "AnyLoss", "ScoreOriented", "smoothstep"])
@each_dtype
def test_probabilities_of_exactly_0_and_1(framework: Framework, dtype: str, relaxation: str) -> None:
    loss = compiled("mutual_information", framework.name, relaxation, from_logits=False)
    assert_finite(framework, loss, EXACT, dtype)


@pytest.mark.parametrize("metric", ["precision", "lift", "mutual_information", "digby"])
@each_dtype
def test_slopes_that_do_not_fit(framework: Framework, dtype: str, metric: str) -> None:
    """Probabilities just above 0: 1/PP is beyond float16, and has to stop at its largest number."""
    loss = compiled(metric, framework.name, from_logits=False)
    assert_finite(framework, loss, {"barely above 0": ([1e-7] * 4, HALF, ALL)}, dtype)


@each_dtype
def test_the_largest_scores(framework: Framework, dtype: str) -> None:
    largest = 3e4 if dtype == "float16" else 1e38
    problem = ([largest, -largest, largest, -largest], HALF, None)
    for smooth in RELAXATIONS:
        assert_finite(framework, compiled("mcc", framework.name, smooth.name), {smooth.name: problem}, dtype)


@pytest.mark.parametrize("metric", ["f1", "jaccard", "mcc", "kappa", "g_mean", "mutual_information", "overlap"])
@pytest.mark.parametrize("label", [0.0, 1.0])
def test_a_score_that_is_not_a_number_is_not_hidden(framework: Framework, label: float, metric: str) -> None:
    z, y = framework.array(np.array([0.5, np.nan, -1, 2])), framework.array(np.array([1, label, 0, 1]))
    value, gradient = framework.value_and_grad(compiled(metric, framework.name), z, y)
    assert np.isnan(framework.numpy(value))
    assert np.isnan(framework.numpy(gradient)[1])


@pytest.mark.parametrize("relaxation", ["Soft", "SigmoidF1"])
@metrics
def test_score_is_the_metric_of_the_hard_decisions(framework: Framework, metric: str, relaxation: str) -> None:
    loss = compiled(metric, framework.name, relaxation)
    problem = judged(weighted=True)
    counts = hard_counts(problem, loss.plan.threshold)
    arguments = [framework.array(x) for x in problem]
    found = [float(cell) for cell in framework.call(loss.counts, *arguments)]
    assert found == pytest.approx(counts, rel=1e-13)
    assert float(framework.call(loss.score, *arguments)) == pytest.approx(loss.metric.at(*counts), rel=1e-12)
    assert loss.plan.threshold == {"Soft": 0, "SigmoidF1": 0.5}[relaxation]


@metrics
def test_score_at_the_corners(framework: Framework, metric: str) -> None:
    """The guards of the emitted code are those of Metric.at; the root of a rounding error may differ."""
    loss = compiled(metric, framework.name)
    for group in (CORNERS, *({where: problem} for where, problem in SMALL.items())):
        given = [arrays(framework, problem) for problem in group.values()]
        scores = framework.each(partial(framework.call, loss.score), given)
        for (where, problem), found in zip(group.items(), scores, strict=True):
            expected = loss.metric.at(*hard_counts(problem, 0))
            assert float(found) == pytest.approx(expected, rel=1e-12, abs=1e-7), where


@pytest.mark.parametrize(
    "metric", ["f1", "f2", "mcc", "kappa", "balanced_accuracy", "jaccard", "precision", "recall"]
)
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_score_is_that_of_scikit_learn(framework: Framework, weighted: bool, metric: str) -> None:
    sklearn = pytest.importorskip("sklearn.metrics")
    functions = {
        "f1": sklearn.f1_score, "mcc": sklearn.matthews_corrcoef, "kappa": sklearn.cohen_kappa_score,
        "balanced_accuracy": sklearn.balanced_accuracy_score, "jaccard": sklearn.jaccard_score,
        "precision": sklearn.precision_score, "recall": sklearn.recall_score,
        "f2": lambda *arguments, **options: sklearn.fbeta_score(*arguments, beta=2, **options),
    }  # fmt: skip
    z, y, w = judged(weighted)
    loss = compiled(metric, framework.name)
    expected = functions[metric](y, z > 0, sample_weight=w)
    arguments = [None if x is None else framework.array(x) for x in (z, y, w)]
    assert float(framework.call(loss.score, *arguments)) == pytest.approx(expected, rel=1e-12)
    assert loss.metric(y, z > 0, w) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("zero_division", [0, 1])
def test_zero_division_is_that_of_scikit_learn(framework: Framework, zero_division: int) -> None:
    """Nothing is positive and nothing was said to be: 0/0, in the loss and in the score alike."""
    sklearn = pytest.importorskip("sklearn.metrics")
    f1 = ml.Metric("2*TP/(2*TP+FP+FN)", name="f1", zero_division=zero_division)
    loss = ml.compile(f1, framework.name)
    z, y = framework.array(np.full(4, -1e4)), framework.array(np.zeros(4))
    expected = sklearn.f1_score(np.zeros(4), np.zeros(4), zero_division=zero_division)
    assert float(framework.call(loss.score, z, y)) == expected == zero_division
    value, gradient = framework.value_and_grad(loss, z, y)
    assert float(value) == 1 - expected
    assert not framework.numpy(gradient).any()


@pytest.mark.parametrize("expression", ["TP/P", "(TP*TN-FP*FN)/sqrt(PP*P*N*PN)", "(TP/P+TN/N)/2"])
def test_zero_division_of_1_is_finite_too(framework: Framework, expression: str) -> None:
    loss = ml.compile(ml.Metric(expression, zero_division=1), framework.name)
    assert_finite(framework, loss, CORNERS, "float32")


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_sums_of_half_precision_are_wide(framework: Framework, dtype: str) -> None:
    """100 000 entries overflow float16, and 4096 stop bfloat16 from counting."""
    rng = np.random.default_rng(3)
    y = rng.random(100_000) < 0.5
    z = framework.array(rng.normal(size=y.size), dtype)
    wide = framework.array(framework.numpy(z).astype(np.float64))
    loss = compiled("f1", framework.name)
    labels = framework.array(y)
    expected = float(framework.call(loss, wide, labels))
    assert float(framework.call(loss, z, labels)) == pytest.approx(expected, rel=1e-3)
    assert float(framework.call(loss.soft_counts, z, labels)[0]) == pytest.approx(
        float(framework.call(loss.soft_counts, wide, labels)[0]), rel=1e-5
    )
