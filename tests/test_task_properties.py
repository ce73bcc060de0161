"""What must hold of every task, whatever the arrays: laws about samples, classes, weights, axes and dtypes."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import metricloss as ml
from tests.frameworks import FRAMEWORKS, Framework
from tests.tasks import Arrays, Case, reference

pytest.importorskip("torch")

HERE = [pytest.param(framework, id=framework.name) for framework in FRAMEWORKS if framework.is_installed]
F1 = "2*TP/(2*TP + FP + FN)"
POOLED = ("micro", "macro", "weighted", None)
AVERAGES = (*POOLED, "samples", "samples-macro", "samples-weighted")
TASKS = ("multilabel", "multiclass")
every_framework = pytest.mark.parametrize("framework", HERE)


@cache
def compiled(case: Case, backend: str) -> ml.Loss:
    return case.compiled(F1, backend)


def examples(number: int) -> Any:
    return settings(max_examples=number)


def problem(
    draw: Any, tasks: tuple = TASKS, averages: tuple = AVERAGES
) -> tuple[Case, Arrays, np.random.Generator]:
    """A case and arrays for it, of a drawn shape."""
    case = Case(
        draw(st.sampled_from(tasks)), draw(st.sampled_from(averages)), draw(st.sampled_from([0, 1, "skip"]))
    )
    shape = draw(st.integers(1, 4)), draw(st.integers(1, 4)), draw(st.integers(2, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    labels, weights = draw(st.sampled_from(["index", "dense"])), draw(st.sampled_from(Arrays.WEIGHTS))
    return case, Arrays.drawn(rng, case, shape, labels, weights, masked=draw(st.booleans())), rng


def results(framework: Framework, case: Case, arrays: Arrays) -> tuple[np.ndarray, np.ndarray]:
    """Loss and gradient, this with its classes last."""
    given_ = [None if x is None else framework.array(x) for x in arrays.along(framework.class_axis)]
    value, gradient = framework.value_and_grad(compiled(case, framework.name), *given_)
    return framework.numpy(value), np.moveaxis(framework.numpy(gradient), framework.class_axis, -1)


def assert_same(found: Any, expected: Any) -> None:
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


@every_framework
@examples(8)
@given(data=st.data())
def test_gradients_against_autodiff(framework, data):
    case, arrays, _ = problem(data.draw)
    assert_same(results(framework, case, arrays), reference(case, arrays))


@every_framework
@examples(4)
@given(data=st.data())
def test_permuting_samples_permutes_the_gradient(framework, data):
    case, arrays, rng = problem(data.draw)
    order = rng.permutation(len(arrays.scores))
    value, gradient = results(framework, case, arrays)
    assert_same(results(framework, case, arrays.taken(order)), (value, gradient[order]))


@every_framework
@examples(4)
@given(data=st.data())
def test_permuting_classes_permutes_the_answer(framework, data):
    case, arrays, rng = problem(data.draw)
    order = rng.permutation(arrays.scores.shape[-1])
    value, gradient = results(framework, case, arrays)
    expected = value[order] if case.average is None else value, gradient[..., order]
    assert_same(results(framework, case, arrays.with_classes(order)), expected)


@every_framework
@examples(4)
@given(data=st.data())
def test_counts_of_two_batches_add_up(framework, data):
    case, arrays, _ = problem(data.draw, averages=POOLED)
    middle = len(arrays.scores) // 2
    loss = compiled(case, framework.name)
    for function in (loss.counts, loss.soft_counts):
        whole, head, tail = (
            np.array([framework.numpy(count) for count in counts(framework, function, part)])
            for part in (arrays, arrays.taken(slice(None, middle)), arrays.taken(slice(middle, None)))
        )
        np.testing.assert_allclose(head + tail, whole, rtol=1e-12, atol=1e-14)


def counts(framework: Framework, function: Any, arrays: Arrays) -> Any:
    return framework.call(
        function, *[None if x is None else framework.array(x) for x in arrays.along(framework.class_axis)]
    )


@every_framework
@examples(4)
@given(data=st.data())
def test_weight_2_is_the_row_twice_and_weight_0_the_row_gone(framework, data):
    case, arrays, rng = problem(data.draw)
    times = rng.integers(0, 3, len(arrays.scores))
    times[0] = 1  # a batch of nothing is another matter
    every = arrays.every_weight * times[:, None, None]
    weighted = Arrays(arrays.scores, arrays.labels, every, arrays.mask, arrays.dense, every)
    value, gradient = results(framework, case, weighted)
    repeated = arrays.taken(np.repeat(np.arange(len(times)), times))
    expected, rows = results(framework, case, repeated)
    sums = np.zeros_like(gradient)
    np.add.at(sums, np.repeat(np.arange(len(times)), times), rows)
    assert_same((value, gradient), (expected, sums))


@every_framework
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("average", ["macro", "samples-macro"])
def test_the_class_axis_can_be_set(framework, task, average):
    case = Case(task, average)
    arrays = Arrays.drawn(np.random.default_rng(1), case, (3, 4, 2), weights="all")
    value, gradient = results(framework, case, arrays)
    loss = ml.compile(F1, framework.name, task=task, average=average, class_axis=0)
    moved = [None if x is None else framework.array(x) for x in arrays.along(0)]
    found, by_scores = framework.value_and_grad(loss, *moved)
    assert_same((framework.numpy(found), np.moveaxis(framework.numpy(by_scores), 0, -1)), (value, gradient))


@every_framework
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("average", ["micro", "macro", "samples-weighted", None])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_narrow_dtypes(framework, task, average, dtype):
    """Sums are taken in float32: what is lost is the result's own rounding, and that of the scores."""
    if dtype not in framework.dtypes:
        pytest.skip(f"{framework.name} has no {dtype}")
    case = Case(task, average)
    arrays = Arrays.drawn(np.random.default_rng(2), case, (40, 25, 3), weights="entry", masked=True)
    scores, *others = arrays.along(framework.class_axis)
    scores = framework.array(scores, dtype)
    value, gradient = framework.value_and_grad(
        compiled(case, framework.name), scores, *[None if x is None else framework.array(x) for x in others]
    )
    assert framework.dtype_name(value) == framework.dtype_name(gradient) == dtype
    arrays.scores = np.moveaxis(framework.numpy(scores), framework.class_axis, -1).astype(float)
    expected, by_scores = reference(case, arrays)
    precision = {"float16": 2**-11, "bfloat16": 2**-8, "float32": 2**-21}[dtype]
    np.testing.assert_allclose(framework.numpy(value), expected, rtol=precision)
    found = np.moveaxis(framework.numpy(gradient), framework.class_axis, -1)
    # Classes compete: what one gains another loses, and what is left may be small beside either.
    scale = np.abs(by_scores).max(-1, keepdims=True)
    smallest = 2**-24 if dtype == "float16" else 0
    assert (np.abs(found - by_scores) <= 4 * precision * scale + smallest).all()


@every_framework
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("average", ["micro", "macro", None])
def test_saturated_scores_keep_their_gradients(framework, task, average):
    """At scores up to 20 float32 gives every entry's gradient to 1e-4 of it."""
    case = Case(task, average)
    arrays = Arrays.drawn(np.random.default_rng(3), case, (64, 1, 4))
    arrays.scores = np.random.default_rng(4).uniform(-20, 20, arrays.scores.shape).astype("float32")
    _, gradient = results(framework, case, arrays)
    arrays.scores = arrays.scores.astype(float)
    exact = results(framework, case, arrays)[1]
    np.testing.assert_allclose(gradient, exact, rtol=1e-4)


@every_framework
@pytest.mark.parametrize("relaxation", ["AnyLoss(10)", "ScoreOriented(0.5, 0.5)", "p**2*(3 - 2*p)"])
@pytest.mark.parametrize("average", ["micro", "macro"])
def test_saturated_scores_under_a_relaxation(framework, relaxation, average):
    """To 1e-5 of the largest: where classes compete and would gain the same, little is left of either."""
    loss = Case("multiclass", average).compiled(F1, framework.name, relaxation)
    rng = np.random.default_rng(9)
    scores, labels = rng.uniform(-20, 20, (64, 4)), framework.array(rng.integers(0, 4, 64))
    scores = scores.astype("float32")
    found, exact = (
        framework.numpy(framework.value_and_grad(loss, framework.array(scores, dtype), labels)[1])
        for dtype in ("float32", "float64")
    )
    assert np.abs(found - exact).max() <= 1e-5 * np.abs(exact).max()


@every_framework
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize("zero_division", [0, "skip"])
def test_nothing_to_count_is_finite(framework, task, average, zero_division):
    """No entries at all, all of them masked, or labels without positives."""
    case = Case(task, average, zero_division)
    for shape, hidden in (((0, 2, 3), False), ((2, 2, 3), True), ((2, 2, 3), False)):
        arrays = Arrays.drawn(np.random.default_rng(5), case, shape, labels="dense")
        arrays.labels = 0 * arrays.labels
        arrays.mask = np.full(shape[:2], not hidden) if shape[0] else None
        value, gradient = results(framework, case, arrays)
        assert np.isfinite(value).all()
        assert np.isfinite(gradient).all()
        score = framework.numpy(counts(framework, compiled(case, framework.name).score, arrays))
        assert np.isnan(score).all() if zero_division == "skip" else np.isfinite(score).all()


@every_framework
@pytest.mark.parametrize("average", ["micro", "macro", "samples", None])
def test_ignored_indices_are_masked_entries(framework, average):
    case, ignoring = Case("multiclass", average), Case("multiclass", average, options={"ignore_index": 7})
    arrays = Arrays.drawn(np.random.default_rng(6), case, (3, 5, 4), weights="sample", masked=True)
    weights = np.where(arrays.mask, arrays.weights[:, None], np.nan)
    ignored = Arrays(
        arrays.scores, np.where(arrays.mask, arrays.labels, 7), weights, None, arrays.dense, arrays.dense
    )
    loss = ignoring.compiled(F1, framework.name)
    given_ = [None if x is None else framework.array(x) for x in ignored.along(framework.class_axis)]
    value, gradient = framework.value_and_grad(loss, *given_)
    found = framework.numpy(value), np.moveaxis(framework.numpy(gradient), framework.class_axis, -1)
    assert_same(found, results(framework, case, arrays))


@every_framework
@pytest.mark.parametrize("zero_division", [0, "skip"])
def test_binary_by_sample(framework, zero_division):
    """Dice per image: one confusion matrix for each sample, whatever axes it has."""
    loss = ml.compile(ml.Metric(F1, zero_division=zero_division), framework.name, average="samples")
    pooled = ml.compile(F1, framework.name)
    rng = np.random.default_rng(7)
    z, y = rng.normal(size=(4, 3, 2)), rng.random((4, 3, 2)) < 0.5
    y[1] = False
    images = [
        [framework.numpy(part) for part in framework.value_and_grad(pooled, *map(framework.array, image))]
        for image in zip(z, y, strict=True)
    ]
    if zero_division == "skip":
        images[1] = [0.0, 0 * images[1][1]]
    number = 3 if zero_division == "skip" else 4
    value, gradient = framework.value_and_grad(loss, framework.array(z), framework.array(y))
    assert_same(
        (framework.numpy(value), framework.numpy(gradient)),
        (sum(v for v, _ in images) / number, np.stack([g for _, g in images]) / number),
    )


@every_framework
@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "uint16", "int32", "int64"])
def test_indices_of_any_integer_dtype(framework, dtype):
    """Class 100 of 120: in uint8 an index of -100 to be ignored could be taken for class 156."""
    scores, labels = np.zeros((1, 120)), np.array([100])
    if dtype in ("uint8", "uint16"):
        scores, labels = np.zeros((1, 200)), np.array([156])
    loss = ml.compile("TP/P", framework.name, task="multiclass", average="micro")
    for ignore in (-100, 255 + 157):
        loss = ml.compile("TP/P", framework.name, task="multiclass", average="micro", ignore_index=ignore)
        found = framework.call(loss.counts, framework.array(scores), framework.array(labels.astype(dtype)))
        assert [float(framework.numpy(count)) for count in found] == [0, 1, 1, scores.size - 2]


def test_half_weights_do_not_overflow():
    loss = ml.compile(F1, "numpy", task="multiclass", average="samples")
    labels, scores = np.zeros((1, 70_000), int), np.zeros((1, 70_000, 2))
    assert loss(labels, scores, sample_weight=np.ones((1, 70_000), np.float16)) == loss(labels, scores)


ERRORS = [
    (lambda a, axis: {"labels": a["labels"][:1]}, "labels", "shape"),
    (lambda a, axis: {"labels": a["labels"] > 0}, "labels", "class indices"),
    (lambda a, axis: {"weights": np.ones(7)}, "weights", "by sample"),
    (lambda a, axis: {"mask": np.ones((3, 9), bool)}, "mask", "by entry"),
    (lambda a, axis: {"scores": np.moveaxis(a["scores"], axis, -2 if axis == -1 else 0)}, "labels", "shape"),
    (lambda a, axis: {"scores": a["scores"].ravel()}, "scores", "axis"),
]


@every_framework
@pytest.mark.parametrize(("spoilt", "role", "word"), ERRORS)
def test_errors_name_the_argument_and_the_shape(framework, spoilt, role, word):
    loss = ml.compile(F1, framework.name, task="multiclass")
    arrays = Arrays.drawn(np.random.default_rng(8), Case("multiclass", "macro"), (3, 5, 4))
    scores, labels, _, _ = arrays.along(framework.class_axis)
    good = {"scores": scores, "labels": labels, "weights": None, "mask": None}
    bad = good | spoilt(good, framework.class_axis)
    given_ = [None if x is None else framework.array(x) for x in bad.values()]
    name = loss.emitted.backend.arguments[role]
    for function in (loss, loss.score, loss.counts, loss.soft_counts):
        with pytest.raises(ValueError, match=rf"\b{name}\b.*\b{word}"):
            framework.call(function, *given_)
