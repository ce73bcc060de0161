"""Hard scores equal scikit-learn's, for every average that it has, on random and on degenerate labels."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import pytest

import metricloss as ml
from tests.frameworks import FRAMEWORKS
from tests.tasks import Case, averaged, one_hot

sklearn = pytest.importorskip("sklearn")
metrics = pytest.importorskip("sklearn.metrics")

HERE = [pytest.param(framework, id=framework.name) for framework in FRAMEWORKS if framework.is_installed]

#: Metrics that scikit-learn averages itself, with a zero_division of 0, 1 or NaN.
OF_CLASSES: dict[str, tuple[str, Callable[..., Any]]] = {
    "f2": ("5*TP/(5*TP + 4*FN + FP)", partial(metrics.fbeta_score, beta=2)),
    "precision": ("TP/PP", metrics.precision_score),
    "recall": ("TP/P", metrics.recall_score),
    "jaccard": ("TP/(TP + FP + FN)", metrics.jaccard_score),
}


def kappa(y: Any, p: Any, zero_division: float, **options: Any) -> float:
    return metrics.cohen_kappa_score(y, p, labels=[0, 1], replace_undefined_by=zero_division, **options)


def mcc(y: Any, p: Any, zero_division: float, **options: Any) -> float:
    return metrics.matthews_corrcoef(y, p, **options)


def balanced_accuracy(y: Any, p: Any, zero_division: float, **options: Any) -> float:
    """The mean of the two recalls; without one of them, balanced_accuracy_score is the other."""
    return metrics.recall_score(y, p, labels=[0, 1], average="macro", zero_division=zero_division, **options)


#: Metrics that scikit-learn has of two classes only, or that mean something else of several, with the values of
#: zero_division that it can have: where MCC is undefined, it is 0.
OF_TWO: dict[str, tuple[str, Callable[..., float], tuple[float | str, ...]]] = {
    "mcc": ("(TP*TN - FP*FN)/sqrt(PP*P*N*PN)", mcc, (0, "skip")),
    "kappa": ("2*(TP*TN - FP*FN)/(PP*N + P*PN)", kappa, (0, 1)),
    "balanced_accuracy": ("(TP/P + TN/N)/2", balanced_accuracy, (0, 1)),
}


@dataclass
class Labels:
    """Labels and predictions as one-hots (samples, classes), weights of samples, and scores that decide so."""

    true: np.ndarray
    predicted: np.ndarray
    weights: np.ndarray | None
    scores: np.ndarray

    @classmethod
    def drawn(cls, rng: np.random.Generator, task: str, weighted: bool, samples: int = 9) -> Labels:
        """Labels whose classes are often absent from targets, predictions or both, or are all there is."""
        classes = {"binary": 1, "multilabel": 4, "multiclass": 4}[task]
        if task == "multiclass":
            true, predicted = (
                one_hot(rng.choice(some_of(rng, classes), samples), classes).astype(int) for _ in range(2)
            )
            scores = rng.normal(size=(samples, classes))
            scores += predicted * (scores.max(-1, keepdims=True) - scores + rng.uniform(0, 2, (samples, 1)))
        else:
            rates = rng.choice([0, 0.2, 0.5, 1], (2, 1, classes)) * rng.choice([0, 1, 1, 1], (2, 1, 1))
            true, predicted = (rng.random((2, samples, classes)) < rates).astype(int)
            scores = np.where(predicted, 1, -1) * rng.exponential(size=(samples, classes))
        # Few binary digits: scikit-learn's sums of weights must be exact, lest it miss that they are equal.
        weights = rng.integers(0, 9, samples) / 4 if weighted else None
        if weights is not None:
            weights[0] = 1.0
        return cls(true, predicted, weights, scores)

    @classmethod
    def several(cls, seed: int, task: str, *, draws: int = 6) -> Iterator[Labels]:
        rng = np.random.default_rng(seed)
        for number in range(draws):
            yield cls.drawn(rng, task, number % 2 == 1)

    def for_sklearn(self, task: str) -> tuple[np.ndarray, np.ndarray]:
        if task == "multiclass":
            return self.true.argmax(-1), self.predicted.argmax(-1)
        return (self.true[:, 0], self.predicted[:, 0]) if task == "binary" else (self.true, self.predicted)

    def score(self, task: str, loss: ml.Loss, indices: bool = False) -> Any:
        """The score of NumPy's loss, of multiclass labels from one-hots or indices."""
        true, scores = (self.true, self.scores)
        if task == "binary":
            true, scores = true[:, 0], scores[:, 0]
        return loss.score(true.argmax(-1) if indices else true, scores, sample_weight=self.weights)


def some_of(rng: np.random.Generator, classes: int) -> np.ndarray:
    return rng.permutation(classes)[: rng.integers(1, classes + 1)]


def averages(task: str) -> tuple[str | None, ...]:
    """Those of scikit-learn."""
    of_classes = ("micro", "macro", "weighted", None)
    return {"binary": ("binary",), "multilabel": (*of_classes, "samples"), "multiclass": of_classes}[task]


@cache
def metric_of(text: str, zero_division: float | str) -> ml.Metric:
    return ml.Metric(text, zero_division=zero_division)


def compiled(text: str, case: Case, backend: str = "numpy") -> ml.Loss:
    return ml.compile(metric_of(text, case.zero_division), backend, task=case.task, average=case.average)


def quietly(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """A result of scikit-learn without its warnings that it is undefined, or that there is one class only."""
    with warnings.catch_warnings(), sklearn.config_context(skip_parameter_validation=True, assume_finite=True):
        warnings.simplefilter("ignore")
        return function(*arguments, **options)


def assert_equal(found: Any, expected: Any, *context: Any) -> None:
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13, err_msg=repr(context))


def matrices(labels: Labels, averages: tuple[str | None, ...]) -> list[tuple[np.ndarray, ...]]:
    """Labels, predictions and weights of each confusion matrix of averages that have the same ones."""
    weights = np.ones(len(labels.true)) if labels.weights is None else labels.weights
    every = np.broadcast_to(weights[:, None], labels.true.shape)
    arrays = labels.true, labels.predicted, every
    if averages in (("binary",), ("micro",)):
        return [tuple(x.ravel() for x in arrays)]
    rows = arrays if averages == ("samples",) else (x.T for x in arrays)
    return list(zip(*rows, strict=True))


@pytest.mark.parametrize("zero_division", [0, 1])
@pytest.mark.parametrize("task", ["binary", "multilabel", "multiclass"])
@pytest.mark.parametrize("name", OF_CLASSES)
def test_scores_of_classes(name, task, zero_division):
    text, by_sklearn = OF_CLASSES[name]
    for seed, average in enumerate(averages(task)):
        loss = compiled(text, Case(task, average, zero_division))
        for labels in Labels.several(seed, task):
            given = {"labels": range(labels.true.shape[-1])} if task == "multiclass" else {}
            options = {"average": average, "zero_division": zero_division, "sample_weight": labels.weights}
            expected = quietly(by_sklearn, *labels.for_sklearn(task), **options, **given)
            for indices in [False, True] if task == "multiclass" else [False]:
                assert_equal(labels.score(task, loss, indices), expected, average, labels)


@pytest.mark.parametrize(
    ("task", "averages"),
    [
        ("binary", ("binary",)),
        ("multilabel", ("micro",)),
        ("multilabel", ("macro", "weighted", None)),
        ("multilabel", ("samples",)),
        ("multiclass", ("micro",)),
        ("multiclass", ("macro", "weighted", None)),
    ],
)
@pytest.mark.parametrize("name", OF_TWO)
def test_scores_of_two_classes(name, task, averages):
    """scikit-learn's of each confusion matrix, averaged as the definition of the average says."""
    text, by_sklearn, policies = OF_TWO[name]
    losses = {
        case: compiled(text, case)
        for case in itertools.starmap(partial(Case, task), itertools.product(averages, policies))
    }
    for labels in Labels.several(0, task):
        groups = matrices(labels, averages)
        support = np.array([y @ w for y, _, w in groups])
        every = np.ones(len(labels.true)) if labels.weights is None else labels.weights
        for policy in policies:
            otherwise = 0 if policy == "skip" else policy
            values = np.array(
                [
                    quietly(by_sklearn, y, p, otherwise, sample_weight=w)
                    if w.any()
                    else np.nan_to_num(otherwise)
                    for y, p, w in groups
                ]
            )
            for average in averages:
                case = Case(task, average, policy)
                assert_equal(
                    labels.score(task, losses[case]),
                    averaged(case, values, support, every, np.nan),
                    case,
                    labels,
                )


@pytest.mark.parametrize("task", ["binary", "multilabel", "multiclass"])
def test_classes_without_positives_are_skipped(task):
    """As with scikit-learn's zero_division=NaN for recall, where a class is undefined if it has no positives.

    Its F1 is undefined only without positives among the predictions, too, and its precision only without these:
    NaN skips other classes there. "skip" leaves out the same classes whatever the metric.
    """
    for seed, average in enumerate(averages(task)):
        loss = compiled("TP/P", Case(task, average, "skip"))
        for labels in Labels.several(seed, task, draws=12):
            given = {"labels": range(labels.true.shape[-1])} if task == "multiclass" else {}
            options = {"average": average, "zero_division": np.nan, "sample_weight": labels.weights}
            expected = quietly(metrics.recall_score, *labels.for_sklearn(task), **options, **given)
            assert_equal(labels.score(task, loss), expected, average, labels)


def test_balanced_accuracy_of_classes_is_mean_recall():
    loss = compiled("TP/P", Case("multiclass", "macro", "skip"))
    for labels in Labels.several(0, "multiclass", draws=40):
        expected = quietly(
            metrics.balanced_accuracy_score, *labels.for_sklearn("multiclass"), sample_weight=labels.weights
        )
        assert_equal(labels.score("multiclass", loss), expected, labels)


def test_balanced_accuracy_where_both_classes_are():
    loss, compared = compiled("(TP/P + TN/N)/2", Case("binary", "binary")), 0
    for labels in Labels.several(0, "binary", draws=60):
        weights = 1 if labels.weights is None else labels.weights
        if min((weights * y).sum() for y in (labels.true[:, 0], 1 - labels.true[:, 0])) > 0:
            expected = metrics.balanced_accuracy_score(
                *labels.for_sklearn("binary"), sample_weight=labels.weights
            )
            assert_equal(labels.score("binary", loss), expected, labels)
            compared += 1
    assert compared >= 15


@pytest.mark.parametrize("framework", HERE)
def test_every_backend_on_images(framework):
    """Arrays (samples, positions, classes), with the classes where the framework has them, of float64."""
    rng = np.random.default_rng(0)
    n, s, k = 3, 7, 4
    f1 = partial(metrics.f1_score, labels=range(k))
    recall = partial(metrics.recall_score, labels=range(k))
    averages = ("macro", None, "samples-macro", "samples-weighted")
    plan = [("2*TP/(2*TP + FP + FN)", f1, average, number % 2) for number, average in enumerate(averages)]
    plan += [("TP/P", recall, average, "skip") for average in ("macro", "samples-macro")]
    for text, by_sklearn, average, zero_division in plan:
        loss = compiled(text, Case("multiclass", average, zero_division), framework.name)
        for weighted in (False, True):
            labels = Labels.drawn(rng, "multiclass", weighted, samples=n * s)
            y, p = (x.reshape(n, s) for x in labels.for_sklearn("multiclass"))
            scores = np.moveaxis(labels.scores.reshape(n, s, k), -1, framework.class_axis)
            w = None if labels.weights is None else labels.weights.reshape(n, s) + 0.25
            given = [None if x is None else framework.array(x) for x in (scores, y, w)]
            otherwise = np.nan if zero_division == "skip" else zero_division
            expected = partial(quietly, by_sklearn, zero_division=otherwise)
            if (of_sample := str(average).removeprefix("samples-")) != str(average):
                every = w if weighted else [None] * n
                rows = zip(y, p, every, strict=True)
                values = [expected(a, b, sample_weight=c, average=of_sample) for a, b, c in rows]
                importance = np.ones(n) if w is None else w.mean(1)
                value = np.average(np.nan_to_num(values), weights=importance * np.isfinite(values))
            else:
                flat = None if w is None else w.ravel()
                value = expected(y.ravel(), p.ravel(), sample_weight=flat, average=average)
            assert_equal(framework.numpy(framework.call(loss.score, *given)), value, average, labels)


@pytest.mark.parametrize("framework", HERE)
def test_every_backend_on_labels(framework):
    """Independent labels (samples, classes), where scikit-learn has samples of its own."""
    rng = np.random.default_rng(0)
    for number, average in enumerate(averages("multilabel")):
        options = {"average": average, "zero_division": number % 2}
        loss = compiled(OF_CLASSES["f2"][0], Case("multilabel", *options.values()), framework.name)
        for _ in range(3):
            labels = Labels.drawn(rng, "multilabel", weighted=False)
            expected = quietly(metrics.fbeta_score, labels.true, labels.predicted, beta=2, **options)
            given = [framework.array(x) for x in (labels.scores, labels.true)]
            assert_equal(framework.numpy(framework.call(loss.score, *given)), expected, average, labels)


@pytest.mark.parametrize("framework", HERE)
def test_positions_of_a_binary_sample_are_its_labels(framework):
    """What scikit-learn calls multilabel samples are, without classes, samples of several entries."""
    rng = np.random.default_rng(0)
    for zero_division in (0, 1):
        case = Case("binary", "samples", zero_division)
        loss = compiled(OF_CLASSES["jaccard"][0], case, framework.name)
        for _ in range(3):
            labels = Labels.drawn(rng, "multilabel", weighted=False)
            options = {"average": "samples", "zero_division": zero_division}
            expected = quietly(metrics.jaccard_score, labels.true, labels.predicted, **options)
            given = [framework.array(x) for x in (labels.scores, labels.true)]
            assert_equal(framework.numpy(framework.call(loss.score, *given)), expected, labels)


def test_small_batches_are_biased():
    """The figures in Task's docstring: the mean loss of batches, and how many of them have no positives."""
    rng = np.random.default_rng(0)
    y = np.zeros(2**18)
    y[: round(0.02 * y.size)] = 1
    rng.shuffle(y)
    z = rng.normal(size=y.size) - 2.45 + 2.04 * y
    of_batches = ml.compile("2*TP/(2*TP + FP + FN)", "numpy", task="binary", average="samples")
    for size, loss, empty in [(8, 0.944, 0.85), (32, 0.904, 0.52), (128, 0.886, 0.07), (1024, 0.879, 0)]:
        batches = y.reshape(-1, size)
        assert of_batches(batches, z.reshape(-1, size)) == pytest.approx(loss, abs=2e-3)
        assert np.mean(batches.sum(1) == 0) == pytest.approx(empty, abs=0.01)
    assert of_batches(y[None], z[None]) == pytest.approx(0.878, abs=2e-3)
