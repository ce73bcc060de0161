"""A metric in scikit-learn's own tools: scorers, cross-validation, tuned thresholds."""

from __future__ import annotations

import numpy as np
import pytest

import metricloss as ml

pytest.importorskip("sklearn")
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    TunedThresholdClassifierCV,
    cross_validate,
)

F1 = ml.Metric("f1")


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 3))
    return x, (x[:, 0] + rng.normal(size=400) > 1.6).astype(int)


def test_a_scorer_is_that_of_scikit_learn(data):
    x, y = data
    model = LogisticRegression().fit(x, y)
    weights = np.random.default_rng(1).uniform(0.5, 2, len(y))
    for options in ({}, {"sample_weight": weights}):
        ours, theirs = (make_scorer(metric)(model, x, y, **options) for metric in (F1, f1_score))
        assert ours == pytest.approx(theirs, abs=1e-12)
    assert repr(make_scorer(F1)).startswith("make_scorer(f1")


def test_cross_validation(data):
    found = cross_validate(LogisticRegression(), *data, cv=4, scoring={"ours": make_scorer(F1), "theirs": "f1"})
    np.testing.assert_allclose(found["test_ours"], found["test_theirs"], rtol=1e-12)


def test_a_search_in_other_processes(data):
    """The scorer is pickled."""
    grid = {"C": [0.01, 1.0]}
    ours, theirs = (
        GridSearchCV(LogisticRegression(), grid, scoring=scoring, cv=3, n_jobs=2).fit(*data)
        for scoring in (make_scorer(F1), "f1")
    )
    np.testing.assert_allclose(ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"])


def test_a_threshold_is_tuned(data):
    ours, theirs = (
        TunedThresholdClassifierCV(LogisticRegression(), scoring=scoring, random_state=0).fit(*data)
        for scoring in (make_scorer(F1), "f1")
    )
    assert ours.best_threshold_ == theirs.best_threshold_
    assert ours.best_threshold_ < 0.45  # one in seven is positive: a half is too high


def test_less_is_better(data):
    error = ml.Metric("error_rate")
    scorer = make_scorer(error, greater_is_better=error.direction == "maximize")
    model = LogisticRegression().fit(*data)
    assert scorer(model, *data) == pytest.approx(model.score(*data) - 1)


def test_labels_of_another_kind_are_refused():
    with pytest.raises(ml.errors.LabelError, match="other than 0 and 1"):
        F1(np.array([-1, 1]), np.array([1, 1]))
