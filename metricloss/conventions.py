"""What an emitted file says of its arguments' shapes, its confusion matrices, and their average."""

from __future__ import annotations

from collections.abc import Iterator

from metricloss.backend import Backend
from metricloss.recipe import Recipe
from metricloss.task import Task
from metricloss.variants import constant


def conventions_of(recipe: Recipe, backend: Backend) -> tuple[str, ...]:
    """Two paragraphs, on the arguments and on the value; none for a plain binary loss.

    >>> from metricloss import Metric, Soft
    >>> from metricloss.backend import get_backend
    >>> from metricloss.task import Task
    >>> recipe = Recipe(Metric("TP/P"), Soft(), task=Task("multilabel", average="micro"))
    >>> print(conventions_of(recipe, get_backend("torch"))[1])
    All classes of all samples make one confusion matrix.
    """
    if recipe.is_plain:
        return ()
    task = recipe.task
    value = f"{_MATRICES[task.average]}{_mean(task)}.{_skipped(recipe)}"
    return " ".join(_arguments(recipe, backend)), value


_MATRICES = {
    "binary": "All entries make one confusion matrix",
    "micro": "All classes of all samples make one confusion matrix",
    "samples": "Every sample makes a confusion matrix, of all its entries",
    "samples-macro": "Every class of every sample makes a confusion matrix",
    "samples-weighted": "Every class of every sample makes a confusion matrix",
    "macro": "Every class makes a confusion matrix, of all samples",
    "weighted": "Every class makes a confusion matrix, of all samples",
    None: "Every class makes a confusion matrix, of all samples; the loss is a vector, a number for each class",
}


def _skipped(recipe: Recipe) -> str:
    if not recipe.metric.skips:
        return ""
    if not recipe.task.has_mean:
        return " A matrix without positives has loss 0 and score NaN."
    return " What has no positives is left out; where nothing is left, the loss is 0 and the score NaN."


def _arguments(recipe: Recipe, backend: Backend) -> Iterator[str]:
    scores, labels, weights, mask = (
        backend.arguments[role] for role in ("scores", "labels", "weights", "mask")
    )
    kind = "logits" if recipe.from_logits else "probabilities"
    if recipe.task.name == "binary":
        yield f"{scores} holds {kind} of shape (N, ...), of N samples, and {labels} labels in [0, 1]."
        yield f"{weights} and {mask} have the shape (N,), by sample, or that of {scores};"
    else:
        axis = constant("CLASS_AXIS", recipe, backend.skeleton)
        what = "exclusive" if recipe.is_multiclass else "independent"
        yield f"{scores} holds {kind} of N samples, of K {what} classes along axis {axis}, with any other axes."
        yield from _labels(recipe, backend)
        yield f"{weights} and {mask} have the shape (N,), by sample, or that of {scores} with or without the"
        yield "axis of the classes;"
    yield "an axis of size 1 is repeated."


def _labels(recipe: Recipe, backend: Backend) -> Iterator[str]:
    labels, scores = backend.arguments["labels"], backend.arguments["scores"]
    if not recipe.is_multiclass:
        yield f"{labels} holds labels in [0, 1], of the same shape."
        return
    ignored = constant("IGNORE_INDEX", recipe, backend.skeleton)
    exception = "" if ignored is None else f" (an entry with index {ignored} takes no part)"
    yield f"{labels} holds class indices, integers of that shape without the axis of the classes{exception},"
    yield f"or labels in [0, 1], one-hot or soft, of the shape of {scores}. An index that names no class is not"
    yield "found out: it makes a negative of every class."


def _mean(task: Task) -> str:
    if not task.has_mean:
        return ""
    if not task.is_by_class:
        return "; the loss is the mean over the samples, each by the mean weight of its entries"
    if not task.is_by_sample:
        return f"; the loss is the mean over the classes{_weighed(task)}"
    then = ", and then over the samples, each by the mean weight of its entries"
    return f"; the loss is the mean over the classes of a sample{_weighed(task)}{then}"


def _weighed(task: Task) -> str:
    if task.class_weight:
        return f" with weights {', '.join(map(repr, task.class_weight))}"
    return " by the weight of their positives" if str(task.average).endswith("weighted") else ""
