"""The demo: on every framework, with scores that are scikit-learn's, and with claims that hold."""

from __future__ import annotations

import importlib.util
import statistics

import pytest

from metricloss import demo as demonstration
from metricloss.backend import Backend, all_backends, get_backend
from metricloss.check import load_trial
from metricloss.cli import main
from metricloss.compiler import compile
from metricloss.demo import JUDGED, TRAINED, demo, diabetes, halves, introduction, judged
from metricloss.errors import MissingFrameworkError

np = pytest.importorskip("numpy")
pytest.importorskip("sklearn")

INSTALLED = [backend.name for backend in all_backends() if backend.is_installed]


def mean_scores(features, labels, splits: int) -> dict[str, dict[str, float]]:
    results = judged(get_backend("numpy"), [halves(features, labels, seed) for seed in range(splits)], 300)
    return {
        row: dict(zip(JUDGED, map(statistics.mean, zip(*scores, strict=True)), strict=True))
        for row, scores in results.items()
    }


@pytest.mark.parametrize("backend", INSTALLED)
def test_it_runs(backend):
    lines = demo(backend, splits=2, steps=3).splitlines()
    assert lines[0].split() == ["trained", "with", *JUDGED]
    assert [line.partition("  ")[0] for line in lines[2:7]] == ["cross-entropy", "the same, tuned", *TRAINED]
    assert max(map(len, lines)) <= 100


def test_it_is_deterministic():
    assert demo(splits=2, steps=20) == demo(splits=2, steps=20)


@pytest.mark.parametrize("backend", [name for name in INSTALLED if name != "numpy"])
@pytest.mark.parametrize("metric", [None, *TRAINED])
def test_frameworks_train_alike(backend, metric):
    learned, _ = halves(*diabetes(), seed=0)

    def weights(name):
        module = compile(TRAINED[metric], name).module if metric else None
        train = load_trial(get_backend(name)).trainer(module, learned.features.shape[1], 0.03)
        train(learned.features, learned.labels, 2)  # a second training must not start where the first ended
        return train(learned.features, learned.labels, 20)

    # The bias begins with no gradient but rounding, which Adam blows up: hence no closer.
    np.testing.assert_allclose(weights(backend), weights("numpy"), atol=0.03)


def test_scores_are_those_of_scikit_learn():
    from sklearn import metrics

    _, test = halves(*diabetes(), seed=0)
    predicted = test.features[:, 3] > 0.5
    sensitivity = metrics.recall_score(test.labels, predicted)
    specificity = metrics.recall_score(test.labels, predicted, pos_label=0)
    expected = {
        "F1": metrics.f1_score(test.labels, predicted),
        "MCC": metrics.matthews_corrcoef(test.labels, predicted),
        "G-mean": (sensitivity * specificity) ** 0.5,
        "accuracy": metrics.accuracy_score(test.labels, predicted),
    }
    assert {name: metric(test.labels, predicted) for name, metric in JUDGED.items()} == pytest.approx(expected)


def test_the_halves():
    features, labels = diabetes()
    assert (features.shape, labels.sum()) == ((442, 10), 44)
    learned, test = halves(features, labels, seed=0)
    assert learned.features.shape == test.features.shape == (221, 11)
    assert learned.labels.sum() == test.labels.sum() == 22
    np.testing.assert_allclose(learned.features.mean(0), [1, *[0] * 10], atol=1e-12)
    np.testing.assert_allclose(learned.features.std(0), [0, *[1] * 10], atol=1e-12)
    assert abs(test.features.mean(0)[1:]).max() > 1e-3  # standardised by the other half
    assert (halves(features, labels, seed=1)[0].labels != learned.labels).any()


def test_training_on_a_metric_raises_it_where_classes_overlap():
    scores = mean_scores(*diabetes(), splits=6)
    for metric in TRAINED:
        assert scores[metric][metric] > scores["cross-entropy"][metric] + 0.05
        assert scores[metric][metric] > scores["the same, tuned"][metric] - 0.05
    assert max(scores, key=lambda row: scores[row]["accuracy"]) in ("cross-entropy", "the same, tuned")


def test_cross_entropy_is_no_worse_where_a_line_separates():
    from sklearn.datasets import load_digits

    digits = load_digits()
    scores = mean_scores(digits.data, (digits.target == 8).astype(int), splits=3)
    assert scores["cross-entropy"]["F1"] > scores["F1"]["F1"] - 0.01


@pytest.mark.parametrize("backend", INSTALLED)
def test_the_introduction_shows_the_filled_functions(backend):
    text = introduction(backend)
    assert "f1 = 2*TP/(FN + FP + 2*TP)" in text
    assert "on a negative: -f1/d" in text
    assert "    def slopes(tp, fp, fn, tn):\n" in text
    assert f"--name f1 --backend {backend}" in text


def test_the_command(monkeypatch, capsys):
    monkeypatch.setattr(demonstration, "SPLITS", 2)
    monkeypatch.setattr(demonstration, "STEPS", 3)
    assert main(["demo"]) == 0
    out, err = capsys.readouterr()
    assert out.index("Its slopes") < out.index("trained with")
    assert "in 3 full-batch steps" in out
    assert err == ""  # the bar is for terminals


def test_scikit_learn_is_asked_for(monkeypatch, capsys):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "sklearn" else found(name))
    assert main(["demo"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("metricloss: the demo trains on data that scikit-learn ships")
    assert 'pip install "metricloss[demo]"' in err


def test_the_framework_is_asked_for(monkeypatch):
    monkeypatch.setattr(Backend, "is_installed", False)
    with pytest.raises(MissingFrameworkError, match="pip install torch"):
        demo("torch")
