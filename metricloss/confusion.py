"""The hard confusion matrix of 0/1 arrays of any array library, or of nested lists."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from typing import Any

from metricloss.errors import LabelError


def hard_counts(y_true: Any, y_pred: Any, sample_weight: Any = None) -> tuple[float, float, float, float]:
    """TP, FP, FN, TN, weighted if there are weights.

    y_true, y_pred: 0/1 or bool, arrays of one library and one shape, or lists. sample_weight: broadcasts to
    them.

    Errors: LabelError for values other than 0 and 1, or shapes that differ.

    >>> hard_counts([1, 1, 0, 0], [1, 0, 1, 0])
    (1.0, 1.0, 1.0, 1.0)
    """
    given = [y_true, y_pred] if sample_weight is None else [y_true, y_pred, sample_weight]
    if all(hasattr(array, "shape") for array in given):
        return _count_arrays(_summable(y_true), _summable(y_pred), _summable(sample_weight))
    return _count_lists(y_true, y_pred, sample_weight)


def _count_arrays(y_true: Any, y_pred: Any, weight: Any) -> tuple[float, float, float, float]:
    if tuple(y_true.shape) != tuple(y_pred.shape):
        raise LabelError(
            f"y_true has shape {tuple(y_true.shape)} and y_pred {tuple(y_pred.shape)}: give equal shapes."
        )
    if weight is not None and not _broadcasts(tuple(weight.shape), tuple(y_true.shape)):
        raise LabelError(
            f"sample_weight of shape {tuple(weight.shape)} does not broadcast to {tuple(y_true.shape)}."
        )
    for name, array in (("y_true", y_true), ("y_pred", y_pred)):
        if not bool(((array == 0) | (array == 1)).all()):
            raise LabelError(_other_values(name))
    on, off, yes, no = y_true == 1, y_true == 0, y_pred == 1, y_pred == 0
    cells = (on & yes, off & yes, on & no, off & no)
    tp, fp, fn, tn = (float((cell if weight is None else weight * cell).sum()) for cell in cells)
    return tp, fp, fn, tn


def _broadcasts(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    sizes = zip(reversed(shape), reversed(to), strict=False)
    return len(shape) <= len(to) and all(size in (1, target) for size, target in sizes)


def _count_lists(y_true: Any, y_pred: Any, weight: Any) -> tuple[float, float, float, float]:
    cells = dict.fromkeys([(1, 1), (0, 1), (1, 0), (0, 0)], 0.0)
    labels, decisions = list(_flat(y_true)), list(_flat(y_pred))
    weights = list(repeat(1.0, len(labels)) if weight is None else _flat(weight))
    if not len(labels) == len(decisions) == len(weights):
        raise LabelError(
            f"y_true has {len(labels)} entries, y_pred {len(decisions)} and sample_weight {len(weights)}: "
            "give equal shapes."
        )
    for label, decision, one_weight in zip(labels, decisions, weights, strict=True):
        if (label, decision) not in cells:
            raise LabelError(_other_values("y_pred" if label in (0, 1) else "y_true"))
        cells[label, decision] += one_weight
    return cells[1, 1], cells[0, 1], cells[1, 0], cells[0, 0]


def _other_values(name: str) -> str:
    advice = "decide first, for example y_score > 0.5" if name == "y_pred" else "labels are 0/1, and come first"
    return f"{name} holds values other than 0 and 1: {advice}."


def _summable(array: Any) -> Any:
    """The array itself, or its values in NumPy where its library has no sum of its own, as TensorFlow's."""
    return array.numpy() if hasattr(array, "numpy") and not hasattr(array, "sum") else array


def _flat(values: Any) -> Iterator[Any]:
    values = _summable(values)
    values = values.tolist() if hasattr(values, "tolist") else values
    if not hasattr(values, "__iter__"):
        yield values
        return
    for value in values:
        yield from _flat(value)
