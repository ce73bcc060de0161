"""Multilabel and multiclass losses on every backend, against their definitions and the autodiff of these."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from tests.frameworks import FRAMEWORKS, Framework
from tests.tasks import Arrays, Case, reference

torch = pytest.importorskip("torch")

HERE = [pytest.param(framework, id=framework.name) for framework in FRAMEWORKS if framework.is_installed]
AVERAGES = ("micro", "macro", "weighted", "samples", "samples-macro", "samples-weighted", None)
F1 = "2*TP/(2*TP + FP + FN)"


def cases(task: str) -> list[Case]:
    """Every average with every policy, and class weights where they can be, by turns of logits or not."""
    found = [Case(task, average, policy) for average in AVERAGES for policy in (0, 1, "skip")]
    weights = (1.0, 2.0, 0.5, 0.0)
    found += [
        Case(task, average, policy, weights) for average in ("macro", "samples-macro") for policy in (1, "skip")
    ]
    found += [Case(task, average, 1, from_logits=False) for average in ("macro", "samples")]
    return found


def arguments(framework: Framework, arrays: Arrays) -> list[Any]:
    """Scores, labels, weights and mask as a framework has them, the class axis where it expects it."""
    return [None if x is None else framework.array(x) for x in arrays.along(framework.class_axis)]


@pytest.mark.parametrize("framework", HERE)
@pytest.mark.parametrize("task", ["multilabel", "multiclass"])
def test_value_and_gradient_are_those_of_the_definition(framework, task):
    """JAX runs what it would compile: 54 cases to compile take long, and test_task_properties.py does that."""
    rng = np.random.default_rng(0)
    kinds = itertools.cycle(itertools.product(["index", "dense"], Arrays.WEIGHTS, [False, True]))
    for case in cases(task):
        loss = case.compiled(F1, framework.name)
        for _ in range(2):
            labels, weights, masked = next(kinds)
            arrays = Arrays.drawn(rng, case, (3, 5, 4), labels=labels, weights=weights, masked=masked)
            with framework.uncompiled():
                value, gradient = framework.value_and_grad(loss, *arguments(framework, arrays))
            expected_value, expected_gradient = reference(case, arrays)
            gradient = np.moveaxis(framework.numpy(gradient), framework.class_axis, -1)
            np.testing.assert_allclose(
                framework.numpy(value), expected_value, rtol=1e-12, atol=1e-14, err_msg=repr(case)
            )
            np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-9, atol=1e-13, err_msg=repr(case))
