"""Every metric that has a name, on every framework: gradients, corners, and the score."""

from __future__ import annotations

from functools import cache, partial

import numpy as np
import pytest

import metricloss as ml
from tests.frameworks import FRAMEWORKS, Framework
from tests.metrics import CATALOGUE, CONSTANT, RELAXATION, loss_of
from tests.problems import CORNERS, arrays, assert_finite, close, hard_counts, judged, sample

CASE = {case.name: case for case in CATALOGUE}
# Keras' file is that of TensorFlow in other words, and slow without a graph: the short list is enough for it.
frameworks = pytest.mark.parametrize(
    "framework",
    [each for each in FRAMEWORKS if each.name != "keras"],
    indirect=True,
    ids=lambda each: each.name,
)
metrics = pytest.mark.parametrize("metric", CASE)

_OTHERS = [name for name in RELAXATION if name != "Soft"]
#: Beside Soft, each metric is tried with one other relaxation, by turns.
OTHER = {name: _OTHERS[place % len(_OTHERS)] for place, name in enumerate(CASE)}


def sign(metric: str) -> int:
    return -1 if CASE[metric].direction == "minimize" else 1


@cache
def expected(metric: str, relaxation: str) -> tuple[float, np.ndarray]:
    """Loss and gradient of the plain formula, by the autodiff of one framework."""
    case = CASE[metric]
    value, gradient = FRAMEWORKS[0].plain_value_and_grad(
        case.plain_metric, RELAXATION[relaxation].plain, *sample(weighted=True)
    )
    return sign(metric) * (best(metric) - value), -sign(metric) * gradient


def best(metric: str) -> float:
    """The value at a perfect prediction; 0 if that is infinite or has no value."""
    _, y, w = sample(weighted=True)
    try:
        return CASE[metric].at(float(w @ y), 0.0, 0.0, float(w @ (1 - y)))
    except (ZeroDivisionError, ValueError):
        return 0.0


@cache
def found(framework: Framework, metric: str, relaxation: str) -> tuple[float, np.ndarray]:
    loss = loss_of(CASE[metric], framework.name, relaxation)
    value, gradient = framework.value_and_grad(loss, *arrays(framework, sample(weighted=True)))
    return float(value), framework.numpy(gradient)


@frameworks
@metrics
def test_gradient(framework: Framework, metric: str) -> None:
    """That of the plain formula, and of the other frameworks."""
    for relaxation in ("Soft", OTHER[metric]):
        value, gradient = found(framework, metric, relaxation)
        plain_value, plain_gradient = expected(metric, relaxation)
        assert value == pytest.approx(plain_value, rel=1e-12, abs=1e-12), relaxation
        close(gradient, plain_gradient, 1e-10)
        reference_value, reference = found(FRAMEWORKS[0], metric, relaxation)
        assert value == pytest.approx(reference_value, rel=1e-12, abs=1e-12), relaxation
        close(gradient, reference, 1e-12)


@metrics
def test_finite_differences(metric: str) -> None:
    """One framework is enough: the gradients of all agree."""
    numpy, step = FRAMEWORKS[0], 1e-5
    z, y, w = sample(weighted=True)
    along = np.random.default_rng(1).normal(size=z.size)
    for relaxation in ("Soft", OTHER[metric]):
        gradient = found(numpy, metric, relaxation)[1]
        loss = loss_of(CASE[metric], "numpy", relaxation)
        above, below = (numpy.call(loss, z + way * along, y, w) for way in (step, -step))
        tolerance = 1e-7 * np.abs(gradient).max() * np.abs(along).sum()
        assert gradient @ along == pytest.approx((above - below) / (2 * step), rel=0, abs=tolerance)


@frameworks
@metrics
def test_finite_at_every_corner(framework: Framework, metric: str) -> None:
    assert_finite(framework, loss_of(CASE[metric], framework.name), CORNERS, "float32")


@frameworks
@metrics
def test_score_is_the_metric_of_the_hard_decisions(framework: Framework, metric: str) -> None:
    loss, problem = loss_of(CASE[metric], framework.name), judged(weighted=True)
    score = framework.call(loss.score, *arrays(framework, problem))
    assert float(score) == pytest.approx(CASE[metric].at(*hard_counts(problem, 0)), rel=1e-12, abs=1e-14)


@frameworks
@metrics
def test_score_at_the_corners(framework: Framework, metric: str) -> None:
    """Of 0/0, of infinite values and the like, every framework has the view of Metric.at."""
    loss = loss_of(CASE[metric], framework.name)
    given = [arrays(framework, problem) for problem in CORNERS.values()]
    scores = framework.each(partial(framework.call, loss.score), given)
    for (where, problem), score in zip(CORNERS.items(), scores, strict=True):
        by_hand = loss.metric.at(*hard_counts(problem, 0))
        assert float(score) == pytest.approx(by_hand, rel=1e-12, abs=1e-7), where


@frameworks
def test_what_the_labels_alone_determine_is_no_loss(framework: Framework) -> None:
    with pytest.raises(ml.errors.ConstantMetricError):
        ml.compile(CONSTANT, framework.name)


def test_no_name_is_left_out() -> None:
    assert {case.entry for case in CATALOGUE} == {*ml.catalogue} - {CONSTANT}
    assert {entry.name for entry in map(ml.catalogue.entry, ml.catalogue) if entry.parameters} == {
        case.entry for case in CATALOGUE if case.name != case.entry
    }


@frameworks
@pytest.mark.parametrize("metric", ["mcc", "expected_cost_otherwise"])
def test_one_plan_for_all_frameworks_is_what_compile_makes(framework: Framework, metric: str) -> None:
    case = CASE[metric]
    compiled = ml.compile(case.metric, framework.name, relaxation=RELAXATION["SigmoidF1"].make())
    assert loss_of(case, framework.name, "SigmoidF1").source == compiled.source
