"""A look at values: what cannot be meant is found, and what can be is let through."""

from __future__ import annotations

import numpy as np
import pytest

import metricloss as ml
from metricloss.errors import InputError
from tests.frameworks import FRAMEWORKS

F1 = "2*TP/(2*TP + FP + FN)"
RNG = np.random.default_rng(0)
LOGITS = 3 * RNG.normal(size=(6, 4))
SOFTMAX = np.exp(LOGITS) / np.exp(LOGITS).sum(-1, keepdims=True)
INDICES = np.array([0, 1, 2, 3, 0, 1])
ONE_HOT = np.eye(4)[INDICES]
NAN = np.where(np.arange(6)[:, None] == 2, np.nan, LOGITS)
KEPT = np.arange(6) != 2


def loss(**options):
    return ml.compile(F1, "numpy", **{"task": "multiclass"} | options)


@pytest.mark.parametrize(
    ("options", "labels", "scores", "others", "words"),
    [
        ({}, np.array([0, 1, 4, 3, 0, 1]), LOGITS, {}, "y_true holds 4: class indices go from 0 to 3"),
        ({}, np.array([0, 1, -1, 3, 0, 1]), LOGITS, {}, "y_true holds -1"),
        ({}, INDICES, SOFTMAX, {}, "y_score lies in .* look like probabilities"),
        ({"from_logits": False}, INDICES, LOGITS, {}, "with from_logits=False they are probabilities"),
        ({"from_logits": False}, INDICES, 0.5 * SOFTMAX, {}, "y_score adds up to 0.5"),
        ({}, 2 * ONE_HOT, LOGITS, {}, "y_true holds 2"),
        ({}, np.ones((6, 4)), LOGITS, {}, "y_true adds up to 4.*class axis"),
        ({}, INDICES, NAN, {}, "y_score holds nan: scores are finite"),
        ({}, INDICES, LOGITS, {"sample_weight": np.array([1, 1, -2.0, 1, 1, 1])}, "sample_weight holds -2.0"),
        ({"task": "multilabel"}, ONE_HOT, SOFTMAX, {}, "look like probabilities"),
        ({"task": "binary"}, ONE_HOT - 1, LOGITS, {}, "y_true holds -1"),
    ],
)
def test_what_cannot_be_meant(options, labels, scores, others, words):
    with pytest.raises(InputError, match=words):
        ml.check_inputs(loss(**options), labels, scores, **others)


@pytest.mark.parametrize(
    ("options", "labels", "scores", "others"),
    [
        ({}, INDICES, LOGITS, {}),
        ({}, 0.9 * ONE_HOT + 0.025, LOGITS, {"sample_weight": np.ones(6)}),
        ({"from_logits": False}, INDICES, SOFTMAX, {}),
        ({}, INDICES, NAN, {"mask": KEPT}),
        ({"ignore_index": 9}, np.where(KEPT, INDICES, 9), NAN, {}),
        ({"task": "multilabel"}, ONE_HOT, LOGITS, {"sample_weight": np.ones((1, 4))}),
        ({"task": "binary", "average": "samples"}, ONE_HOT, LOGITS, {}),
        ({"task": "binary"}, np.array([0, 1]), np.array([0.5, 0.5]), {}),
        ({"task": "binary"}, np.ones(32), np.zeros(32), {}),
        ({"task": "binary", "relaxation": "sigmoid(2*z)"}, np.ones(32), np.linspace(0, 1, 32), {}),
        ({}, INDICES, np.where(np.arange(4) == 3, -np.inf, LOGITS), {}),
        ({"ignore_index": 9}, np.where(KEPT, INDICES, 9), LOGITS, {"sample_weight": np.where(KEPT, 1, np.nan)}),
        ({"class_axis": 0}, INDICES, LOGITS.T.copy(), {}),
    ],
)
def test_what_can_be_meant(options, labels, scores, others):
    ml.check_inputs(loss(**options), labels, scores, **others)


def test_shapes_are_the_losss_own_matter():
    with pytest.raises(ValueError, match="give class indices"):
        ml.check_inputs(loss(), INDICES[:3], LOGITS)


@pytest.mark.parametrize("name", [framework.name for framework in FRAMEWORKS if framework.is_installed])
def test_arrays_of_every_library(name):
    framework = next(framework for framework in FRAMEWORKS if framework.name == name)
    compiled = ml.compile(F1, name, task="multiclass")
    scores = framework.array(LOGITS, "float32")
    framework.call(lambda *args, **kw: ml.check_inputs(compiled, *args, **kw), scores, framework.array(INDICES))
    with pytest.raises(InputError, match=f"^{compiled.emitted.backend.arguments['labels']} holds 4"):
        framework.call(
            lambda *args, **kw: ml.check_inputs(compiled, *args, **kw), scores, framework.array(INDICES + 1)
        )
