"""The demonstration: classifiers trained on metrics and judged by them, on data that scikit-learn ships."""

from __future__ import annotations

import ast
import importlib.util
import statistics
import textwrap
from dataclasses import dataclass
from typing import Any

from metricloss.backend import HOLES, Backend, get_backend
from metricloss.check import load_trial
from metricloss.compiler import emit
from metricloss.errors import MissingFrameworkError
from metricloss.header import command
from metricloss.loss import load
from metricloss.metric import Metric
from metricloss.source import Source
from metricloss.symbols import FN, FP, TN, TP

SPLITS, STEPS, RATE = 20, 300, 0.03

#: What is trained on: a SymPy expression, a callable, and text as a configuration file may hold it.
TRAINED = {
    "F1": Metric(2 * TP / (2 * TP + FP + FN), name="f1"),
    "MCC": Metric(
        lambda tp, fp, fn, tn: (tp * tn - fp * fn) / ((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)) ** 0.5,
        name="mcc",
    ),
    "G-mean": Metric("sqrt(TP/P*TN/N)", name="g_mean"),
}
#: What is judged by.
JUDGED = TRAINED | {"accuracy": Metric((TP + TN) / (TP + TN + FP + FN), name="accuracy")}

_DONE = """\
Held-out scores, mean ± standard error over {splits} stratified splits into halves.
The data are scikit-learn's on diabetes: ten measurements of each of {patients} patients, from which
to find the {positives} whose disease progressed most in a year. Every classifier is linear and was
trained in {steps} full-batch steps of Adam, from zero, at rate {rate}; it decides at probability 1/2.
"the same, tuned" decides at the threshold that was best on the training half for the metric
in question. The classes overlap here. Where a line separates them, as in scikit-learn's
digits, cross-entropy does as well or better.
"""


def demo(backend: str = "numpy", *, splits: int | None = None, steps: int | None = None) -> str:
    """Train on metrics with a backend, and return the table of held-out scores with what was done.

    Errors: MissingFrameworkError for the backend's framework, NumPy or scikit-learn; UnknownBackendError.

    >>> print(demo(splits=2, steps=3).splitlines()[0].split())
    ['trained', 'with', 'F1', 'MCC', 'G-mean', 'accuracy']
    """
    target = _required(backend)
    splits, steps = splits or SPLITS, steps or STEPS
    features, labels = diabetes()
    results = judged(target, [halves(features, labels, seed) for seed in range(splits)], steps)
    done = _DONE.format(splits=splits, patients=len(labels), positives=labels.sum(), steps=steps, rate=RATE)
    return f"{_table(results)}\n\n{done}"


def introduction(backend: str = "numpy") -> str:
    """F1, its slopes, and what they become in the backend's file.

    >>> print(introduction().splitlines()[2])
        f1 = 2*TP/(FN + FP + 2*TP)
    """
    source = emit(TRAINED["F1"], _required(backend))
    metric, target = source.recipe.metric, source.backend
    emitting = command(source.recipe, target)
    sections = {
        "A metric": f"{metric.name} = {metric.expression}",
        "Its slopes, by the decision on one entry": str(metric.slopes),
        f"What the compiler wrote into the loss for {target.title}": _filled(source),
        "The whole file, which needs nothing else": emitting,
    }
    return "\n\n".join(f"{title}:\n\n{textwrap.indent(text, '    ')}" for title, text in sections.items())


def _required(name: str) -> Backend:
    backend = get_backend(name)
    backend.require()
    if importlib.util.find_spec("sklearn") is None:
        raise MissingFrameworkError(
            "the demo trains on data that scikit-learn ships, and scikit-learn is not installed\n"
            'Install it: pip install "metricloss[demo]"'
        )
    return backend


def _filled(source: Source) -> str:
    """The functions of a file that the compiler has filled."""
    functions = [node for node in ast.parse(source.text).body if getattr(node, "name", "") in HOLES]
    return "\n\n".join(ast.get_source_segment(source.text, node) or "" for node in functions)


@dataclass(frozen=True)
class Half:
    """One half of the data: features with a column of ones, labels 0/1."""

    features: Any
    labels: Any


def diabetes() -> tuple[Any, Any]:
    """Ten features of each patient, and 1 for the tenth of them whose disease progressed most.

    >>> diabetes()[0].shape
    (442, 10)
    """
    from sklearn.datasets import load_diabetes

    features, progress = load_diabetes(return_X_y=True)
    worst = sorted(progress)[-round(len(progress) / 10) :]
    return features, (progress >= worst[0]).astype(int)


def halves(features: Any, labels: Any, seed: int) -> tuple[Half, Half]:
    """A stratified split into halves, both standardised by the first."""
    from sklearn.model_selection import train_test_split
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    train, test, y_train, y_test = train_test_split(
        features, labels, test_size=0.5, stratify=labels, random_state=seed
    )
    scale = make_pipeline(StandardScaler(), PolynomialFeatures(1))  # degree 1: a column of ones for the bias
    return Half(scale.fit_transform(train), y_train), Half(scale.transform(test), y_test)


def judged(backend: Backend, splits: list[tuple[Half, Half]], steps: int) -> dict[str, list[list[float]]]:
    """For each loss, and the tuned threshold, the held-out scores of every split."""
    from tqdm import tqdm

    trial = load_trial(backend)
    modules = {"cross-entropy": None} | {
        name: load(emit(metric, backend)).module for name, metric in TRAINED.items()
    }
    results: dict[str, list[list[float]]] = {"cross-entropy": [], "the same, tuned": []}
    with tqdm(total=len(modules) * len(splits), unit="training", leave=False, disable=None) as bar:
        for name, module in modules.items():
            bar.set_description(name)
            train = trial.trainer(module, splits[0][0].features.shape[1], RATE)
            weights = []
            for learned, _ in splits:
                weights.append(train(learned.features, learned.labels, steps))
                bar.update()
            results[name] = [_scores(test, w) for (_, test), w in zip(splits, weights, strict=True)]
            if module is None:
                results["the same, tuned"] = [
                    _tuned_scores(*split, w) for split, w in zip(splits, weights, strict=True)
                ]
    return results


def _scores(test: Half, weights: Any) -> list[float]:
    return [metric(test.labels, test.features @ weights > 0) for metric in JUDGED.values()]


def _tuned_scores(learned: Half, test: Half, weights: Any) -> list[float]:
    known = learned.features @ weights

    def tuned(metric: Metric) -> float:
        threshold = max(known, key=lambda score: metric(learned.labels, known > score))
        return metric(test.labels, test.features @ weights > threshold)

    return [tuned(metric) for metric in JUDGED.values()]


def _table(results: dict[str, list[list[float]]]) -> str:
    from tabulate import tabulate

    rows = [[name, *map(_mean, zip(*scores, strict=True))] for name, scores in results.items()]
    return tabulate(rows, headers=["trained with", *JUDGED], disable_numparse=True)


def _mean(values: tuple[float, ...]) -> str:
    error = statistics.stdev(values) / len(values) ** 0.5
    return f"{statistics.mean(values):.2f} ± {error:.2f}"
