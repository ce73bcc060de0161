"""A look at the values that a loss is given, for debugging: emitted files look at shapes and dtypes only."""

from __future__ import annotations

import inspect
import sys
from dataclasses import replace
from typing import Any

from metricloss.backend import get_backend
from metricloss.compiler import source_of
from metricloss.errors import InputError
from metricloss.loss import Loss, load
from metricloss.relaxation import z
from metricloss.variants import constant

#: How far a sum of probabilities may be from 1: half precisions are given, too.
_SLACK = 0.02
#: Scores that all lie in [0, 1] are no accident from so many on.
_MANY = 16


def check_inputs(loss: Loss, *arguments: Any, **options: Any) -> None:
    """Raise InputError where values cannot be meant: give it what the loss is given.

    Looks for scores that are not finite, probabilities where logits were declared and the other way round,
    labels outside [0, 1], class indices out of range, labels that do not add up to 1 over exclusive classes,
    and weights that are negative or not finite. Entries that take no part may hold anything. Copies all arrays
    to NumPy: for debugging, not for every step.

    Errors: InputError; those of the loss itself, for shapes and dtypes.

    >>> from metricloss import compile
    >>> check_inputs(compile("TP/P", "numpy"), [0, 1, 2], [-1.5, 0.5, 2.0])
    Traceback (most recent call last):
    metricloss.errors.InputError: y_true holds 2: labels are 0, 1 or between.
    """
    loss(*arguments, **options)  # raises for shapes and dtypes
    given = inspect.signature(loss.module.loss).bind(*arguments, **options).arguments
    names = loss.emitted.backend.arguments
    found = {role: None if given.get(name) is None else _array(given[name]) for role, name in names.items()}
    arrays = _laid_out(loss, found)
    _Inputs(loss, *arrays).check()


def _array(x: Any) -> Any:
    """An array of any library in NumPy, floating-point numbers as float64."""
    import numpy as np  # here, for the compiler needs none

    x = x.detach().cpu() if hasattr(x, "detach") else x
    x = x.double() if hasattr(x, "is_floating_point") and x.is_floating_point() else x
    array = np.asarray(x)
    return array if array.dtype.kind in "biu" else array.astype(float)


def _laid_out(loss: Loss, given: dict[str, Any]) -> tuple[Any, Any, Any]:
    """Scores, labels and weights as the NumPy loss of the same recipe lays them out."""
    recipe, skeleton = loss.emitted.recipe, loss.emitted.backend.skeleton
    task = recipe.task
    if task.name != "binary":
        axis: Any = constant("CLASS_AXIS", recipe, skeleton)
        ignored: Any = constant("IGNORE_INDEX", recipe, skeleton) if recipe.is_multiclass else None
        task = replace(task, class_axis=axis, ignore_index=ignored)
    module = load(source_of(replace(recipe, task=task), get_backend("numpy"))).module
    prepared = module.prepared(given["labels"], given["scores"], given["weights"], given["mask"])
    return tuple(prepared)


class _Inputs:
    """Scores, labels and weights, classes last, as NumPy arrays."""

    def __init__(self, loss: Loss, scores: Any, labels: Any, weights: Any) -> None:
        self.np = sys.modules["numpy"]
        self.names = loss.emitted.backend.arguments
        self.recipe = loss.emitted.recipe
        self.scores, self.labels = scores, labels
        self.weights: Any = self.np.ones(()) if weights is None else weights
        self.are_indices = self.recipe.is_multiclass and labels.shape != scores.shape
        self.ignored = constant("IGNORE_INDEX", self.recipe, loss.emitted.backend.skeleton)

    def check(self) -> None:
        wrong = (self.weights < 0) | ~self.np.isfinite(self.weights)
        self._fail_if("weights", wrong, self.weights, "weights are finite and not negative")
        takes_part: Any = self.np.broadcast_to(self.weights != 0, self.scores.shape)
        if self.recipe.is_multiclass:
            takes_part = takes_part.any(-1, keepdims=True)
        if self.are_indices:
            takes_part = takes_part & (self.labels != self.ignored)
        self._check_labels(takes_part)
        self._check_scores(self.np.broadcast_to(takes_part, self.scores.shape))

    def _check_labels(self, takes_part: Any) -> None:
        labels = self.labels
        if self.are_indices:
            classes = self.scores.shape[-1]
            wrong = takes_part & ((labels < 0) | (labels >= classes))
            self._fail_if("labels", wrong, labels, f"class indices go from 0 to {classes - 1}")
            return
        self._fail_if(
            "labels", takes_part & ~((labels >= 0) & (labels <= 1)), labels, "labels are 0, 1 or between"
        )
        if self.recipe.is_multiclass:
            self._check_sums("labels", labels, takes_part)

    def _check_scores(self, takes_part: Any) -> None:
        scores, kept = self.scores, self.scores[takes_part]
        # The logit of a class that is impossible may be -inf.
        is_impossible = (scores == -self.np.inf) & (self.recipe.is_multiclass and self.recipe.from_logits)
        self._fail_if(
            "scores", takes_part & ~self.np.isfinite(scores) & ~is_impossible, scores, "scores are finite"
        )
        if self.recipe.relaxation.variable == z:
            return
        are_probabilities = bool(((kept >= 0) & (kept <= 1)).all() and len(set(kept[:_MANY].ravel())) > 1)
        if not self.recipe.from_logits:
            outside = takes_part & ((scores < 0) | (scores > 1))
            self._fail_if("scores", outside, scores, "with from_logits=False they are probabilities")
            if self.recipe.is_multiclass:
                self._check_sums("scores", scores, takes_part)
        elif are_probabilities and self.recipe.is_multiclass and kept.size:
            sums = (scores * takes_part).sum(-1)[takes_part.any(-1)]
            if (self.np.abs(sums - 1) <= _SLACK).all():
                self._are_probabilities(" and adds up to 1 over the classes")
        elif are_probabilities and kept.size >= _MANY:
            self._are_probabilities("")

    def _check_sums(self, role: str, values: Any, takes_part: Any) -> None:
        sums = values.sum(-1, keepdims=True)
        wrong = takes_part.any(-1, keepdims=True) & (self.np.abs(sums - 1) > _SLACK)
        self._fail_if(
            role,
            wrong,
            sums,
            "over exclusive classes they add up to 1 (is the class axis right?)",
            "adds up to",
        )

    def _are_probabilities(self, how: str) -> None:
        raise InputError(
            f"all of {self.names['scores']} lies in [0, 1]{how}: these look like probabilities, and logits "
            "were declared\nSay from_logits=False, or give the scores before the sigmoid or softmax."
        )

    def _fail_if(self, role: str, wrong: Any, values: Any, rule: str, verb: str = "holds") -> None:
        if wrong.any():
            first = self.np.broadcast_to(values, wrong.shape)[wrong].ravel()[0]
            raise InputError(f"{self.names[role]} {verb} {first}: {rule}.")
