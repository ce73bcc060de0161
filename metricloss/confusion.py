"""The hard confusion matrix of 0/1 arrays of any array library, on the host."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from metricloss.errors import LabelError


def hard_counts(y_true: Any, y_pred: Any, sample_weight: Any = None) -> tuple[float, float, float, float]:
    """TP, FP, FN, TN, weighted if there are weights.

    Errors: LabelError for values other than 0 and 1, or shapes that differ.

    >>> hard_counts([1, 1, 0, 0], [1, 0, 1, 0])
    (1.0, 1.0, 1.0, 1.0)
    """
    if not hasattr(y_true, "shape") or not hasattr(y_pred, "shape"):
        y_true, y_pred = _Vector(y_true), _Vector(y_pred)
        sample_weight = None if sample_weight is None else _Vector(sample_weight)
    if tuple(y_true.shape) != tuple(y_pred.shape):
        raise LabelError(f"y_true has shape {tuple(y_true.shape)} and y_pred {tuple(y_pred.shape)}: give equal ones.")
    positive, predicted = y_true == 1, y_pred == 1
    negative, rejected = y_true == 0, y_pred == 0
    size = _total(positive | ~positive)
    for name, known in (("y_true", positive | negative), ("y_pred", predicted | rejected)):
        if _total(known) != size:
            raise LabelError(f"{name} holds values other than 0 and 1: decide first, for example y_score > 0.5.")
    cells = (positive & predicted, negative & predicted, positive & rejected, negative & rejected)
    tp, fp, fn, tn = (_total(cell if sample_weight is None else sample_weight * cell) for cell in cells)
    return tp, fp, fn, tn


def _total(array: Any) -> float:
    return float((array if hasattr(array, "sum") else array.numpy()).sum())


class _Vector(list[float]):
    """Numbers of nested lists with the few operations of an array that counting needs."""

    def __init__(self, values: Any) -> None:
        super().__init__(_flat(values))

    @property
    def shape(self) -> tuple[int]:
        return (len(self),)

    def sum(self) -> float:
        return sum(self)

    def __eq__(self, other: object) -> _Vector:  # type: ignore[override]  an array compares element by element
        return _Vector(float(value == other) for value in self)

    def __and__(self, other: _Vector) -> _Vector:
        return _Vector(a * b for a, b in zip(self, other, strict=True))

    __mul__ = __and__  # type: ignore[assignment]  of two vectors, not a repetition

    def __or__(self, other: _Vector) -> _Vector:
        return _Vector(max(a, b) for a, b in zip(self, other, strict=True))

    def __invert__(self) -> _Vector:
        return _Vector(1 - value for value in self)


def _flat(values: Any) -> Iterator[float]:
    for value in values:
        if hasattr(value, "__iter__"):
            yield from _flat(value)
        else:
            yield value
