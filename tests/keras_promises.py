"""What a loss for Keras promises, on the backend that KERAS_BACKEND names; test_keras.py runs this for each.

Keras has one backend in a process, so this is no test file that pytest collects by itself.
"""

from __future__ import annotations

import copy
import itertools
import json
import os
import subprocess
import sys
from contextlib import nullcontext
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import metricloss as ml
from metricloss.backend import get_backend
from metricloss.check import load_trial
from tests.metrics import compiled
from tests.problems import ALL, CORNERS, EXACT, HALF, close, sample
from tests.tasks import Arrays, Case

if "WITHOUT_TENSORFLOW" in os.environ:
    sys.modules["tensorflow"] = None
keras = pytest.importorskip("keras")  # pytest imports it too, to look for examples in docstrings
ops = keras.ops

BACKEND = keras.backend.backend()
TRIAL = load_trial(get_backend("keras"))
F1 = "2*TP/(2*TP + FP + FN)"

#: A few of each kind: averages, absence, class weights, ignored indices, probabilities, where the classes are.
TASKS = {
    "by sample, skipping": Case("binary", "samples", "skip"),
    "tags": Case("multilabel", "macro"),
    "tags micro": Case("multilabel", "micro", "skip"),
    "tags by sample": Case("multilabel", "samples", 1),
    "tags by sample and class": Case("multilabel", "samples-macro", "skip", (1.0, 2.0, 0.5, 1.0)),
    "tags each": Case("multilabel", None, from_logits=False),
    "classes": Case("multiclass", "macro"),
    "classes weighted": Case("multiclass", "weighted", "skip"),
    "classes by sample": Case("multiclass", "samples-weighted", from_logits=False),
    "classes but one": Case("multiclass", "micro", options={"ignore_index": 1}),
    "classes first": Case("multiclass", "macro", options={"class_axis": 1}),
}
each_task = pytest.mark.parametrize("task", TASKS)


def test_it_runs_on_the_backend_that_was_asked_for():
    assert os.environ["KERAS_BACKEND"] == BACKEND


# ---- functions: values and gradients, those of NumPy's backend, which other tests compare with oracles


def numbers(x: Any) -> np.ndarray:
    dtype = keras.backend.standardize_dtype(x.dtype)
    return ops.convert_to_numpy(x if dtype in ("float32", "float64") else ops.cast(x, "float32"))


def fast(function: Any) -> Any:
    """The function, compiled in JAX: op by op, as the tests of the loss as an object have it, takes it long."""
    if BACKEND != "jax":
        return function
    import jax

    return jax.jit(function)


@cache
def step(loss: Any) -> Any:
    """The value of the emitted function, of a vector all of it, and the gradient of its sum."""
    return fast(
        lambda y, z, w, mask: (
            loss(y, z, w, mask), TRIAL.gradient(lambda z: ops.sum(loss(y, z, w, mask)), z),
        )
    )  # fmt: skip


def value_and_gradient(loss: Any, y: Any, z: Any, w: Any = None, mask: Any = None, dtype: str = "float64"):
    """Value, of a vector all of it, and the gradient of its sum by Keras' backend."""
    with TRIAL.in_double() if dtype == "float64" else nullcontext():
        y, z, w, mask = (None if x is None else ops.convert_to_tensor(np.array(x)) for x in (y, z, w, mask))
        value, gradient = step(loss.module.loss)(y, ops.cast(z, dtype), w, mask)
        assert keras.backend.standardize_dtype(value.dtype) == dtype
        assert keras.backend.standardize_dtype(gradient.dtype) == dtype
        return numbers(value), numbers(gradient)


#: Of the list of all backends, which Keras on TensorFlow is tried on, one of each kind.
SOME = ("f1", "mcc", "digby", "mutual_information", "sine_recall", "angle", "lambda_r", "focal_tversky")


@pytest.mark.parametrize("metric", SOME)
def test_value_and_gradient(metric):
    z, y, w = sample(weighted=True)
    mask = np.arange(z.size) % 4 > 0
    value, gradient = value_and_gradient(compiled(metric, "keras"), y, np.where(mask, z, np.nan), w, mask)
    expected = compiled(metric, "numpy").value_and_grad(y, z, sample_weight=w, mask=mask)
    # In JAX, Keras takes a sine or arc tangent of float64 in float32.
    digits = 1e6 if BACKEND == "jax" and metric in ("sine_recall", "angle") else 1
    assert value == pytest.approx(expected[0], rel=1e-12 * digits, abs=1e-13)
    close(gradient, expected[1], 1e-11 * digits)


@pytest.mark.parametrize("relaxation", ["Soft", "AnyLoss", "SigmoidF1"])
def test_float32_keeps_its_digits(relaxation):
    """Entry by entry for scores up to ±20, where 1 - p would have none left."""
    grid, right = np.linspace(-20, 20, 41), np.repeat([1.5, -2], [30, 50])
    z = np.concatenate([grid, grid, right]).astype(np.float32)
    y = np.concatenate([0 * grid, 0 * grid + 1, right > 0])
    found = value_and_gradient(compiled("mcc", "keras", relaxation), y, z, dtype="float32")[1]
    expected = compiled("mcc", "numpy", relaxation).value_and_grad(y, z.astype(float))[1]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def drawn(case: Case, shape: tuple[int, int, int] = (4, 5, 4), **options: Any) -> tuple[Any, ...]:
    """Scores, labels, weights and mask; of a binary loss as of one with classes."""
    rng = np.random.default_rng(1)
    like = case if case.task == "multiclass" else Case("multilabel", None, from_logits=case.from_logits)
    return Arrays.drawn(rng, like, shape, **options).along(case.options.get("class_axis", -1))


KINDS = itertools.cycle([("index", "entry"), ("dense", "all"), ("index", "sample"), ("dense", "entry")])


@pytest.mark.parametrize(("task", "labels", "weights"), [(task, *next(KINDS)) for task in TASKS])
def test_tasks(task, labels, weights):
    case = TASKS[task]
    z, y, w, mask = drawn(case, labels=labels, weights=weights, masked=True)
    mask = mask[..., None] if case.task == "binary" else mask
    w = w[..., None] if case.task == "binary" and weights == "entry" else w
    value, gradient = value_and_gradient(case.compiled(F1, "keras"), y, z, w, mask)
    expected = case.compiled(F1, "numpy").value_and_grad(y, z, sample_weight=w, mask=mask)
    np.testing.assert_allclose(value, expected[0], rtol=1e-12, atol=1e-13)
    close(gradient, expected[1], 1e-11)


@each_task
def test_scores_and_counts(task):
    case = TASKS[task]
    z, y, *_ = drawn(case)
    ours, theirs = case.compiled(F1, "keras"), case.compiled(F1, "numpy")
    with TRIAL.in_double():
        found = fast(lambda y, z: (ours.score(y, z), *ours.counts(y, z), *ours.soft_counts(y, z)))(
            ops.convert_to_tensor(y), ops.convert_to_tensor(z, "float64")
        )
        found = [numbers(x) for x in found]
    expected = theirs.score(y, z), *theirs.counts(y, z), *theirs.soft_counts(y, z)
    for of_ours, of_theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(of_ours, of_theirs, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("metric", ["mcc", "mutual_information"])
def test_corners_are_finite(metric, dtype):
    for loss, problems in (
        (compiled(metric, "keras"), CORNERS),
        (compiled(metric, "keras", from_logits=False), EXACT | {"above 0": ([1e-7] * 4, HALF, ALL)}),
    ):
        for where, (z, y, w) in problems.items():
            value, gradient = value_and_gradient(loss, y, z, w, dtype=dtype)
            assert np.isfinite(value), where
            assert np.isfinite(gradient).all(), where


@pytest.mark.parametrize("task", ["classes", "by sample, skipping"])
def test_nothing_is_finite(task):
    case = TASKS[task]
    y = np.zeros((0, 3), int) if case.task == "multiclass" else np.zeros((0, 3, 4))
    value, gradient = value_and_gradient(case.compiled(F1, "keras"), y, np.zeros((0, 3, 4)), dtype="float32")
    assert np.isfinite(value)
    assert gradient.shape == (0, 3, 4)


@pytest.mark.parametrize("dtype", ["bool", "int32", "uint8", "float16", "float64"])
def test_labels_of_any_dtype(dtype):
    z, y, _ = sample()
    loss = compiled("mcc", "keras")
    assert float(loss(y.astype(dtype), z)) == float(loss(y, z))


def test_labels_in_the_shapes_that_keras_has():
    """(N,) beside (N, 1), and class indices as (N, 1) and as floating-point numbers."""
    z, y, w = sample(weighted=True)
    loss, expected = compiled("f1", "keras"), compiled("f1", "numpy")(y, z, sample_weight=w)
    for shapes in ((y, z[:, None], w), (y[:, None], z, w[:, None]), (y[:, None], z[:, None], w)):
        assert float(loss(*shapes)) == pytest.approx(expected, rel=1e-6)
    scores, indices = np.random.default_rng(0).normal(size=(9, 3)), np.arange(9) % 3
    classes = TASKS["classes"].compiled(F1, "keras")
    expected = TASKS["classes"].compiled(F1, "numpy")(indices, scores)
    for labels in (indices, indices[:, None], indices.astype("float32"), np.eye(3)[indices]):
        assert float(classes(labels, scores)) == pytest.approx(expected, rel=1e-6)


def hessian(function: Any, z: Any) -> np.ndarray:
    """By Keras' backend, reverse over reverse."""
    if BACKEND == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(z)
            gradient = TRIAL.gradient(function, z)
        return tape.jacobian(gradient, z).numpy()
    if BACKEND == "jax":
        import jax

        return np.asarray(jax.jit(jax.jacrev(jax.grad(function)))(z))
    import torch

    return torch.autograd.functional.hessian(function, z).numpy()


@pytest.mark.parametrize(("metric", "relaxation"), [("mcc", "Soft"), ("mutual_information", "AnyLoss")])
def test_second_derivatives(metric, relaxation):
    """Against differences of NumPy's gradient."""
    z, y, w = (x[:8] for x in sample(weighted=True))
    loss, numpy = (compiled(metric, backend, relaxation) for backend in ("keras", "numpy"))
    with TRIAL.in_double():
        found = hessian(lambda z: loss(y, z, w), ops.convert_to_tensor(z, "float64"))
    expected = [
        (
            numpy.value_and_grad(y, z + step, sample_weight=w)[1]
            - numpy.value_and_grad(y, z - step, sample_weight=w)[1]
        )
        / 2e-5
        for step in 1e-5 * np.eye(8)
    ]
    close(found, np.array(expected), 1e-6)


def test_second_derivatives_of_classes():
    z, y = np.random.default_rng(0).normal(size=(4, 3)), np.arange(4) % 3
    loss, numpy = (TASKS["classes"].compiled(F1, backend) for backend in ("keras", "numpy"))
    with TRIAL.in_double():
        found = hessian(lambda z: loss(y, z), ops.convert_to_tensor(z, "float64")).reshape(12, 12)
    steps = 1e-5 * np.eye(12).reshape(12, 4, 3)
    expected = [(numpy.value_and_grad(y, z + s)[1] - numpy.value_and_grad(y, z - s)[1]) / 2e-5 for s in steps]
    close(found, np.array(expected).reshape(12, 12), 1e-6)


def compiled_by_backend(function: Any) -> Any:
    if BACKEND == "tensorflow":
        import tensorflow as tf

        return tf.function(function, jit_compile=True)
    return fast(function)  # what torch.compile would take is minutes


@pytest.mark.parametrize("task", ["tags by sample and class", "classes", "classes but one"])
def test_gradients_under_a_compiler(task):
    case = TASKS[task]
    z, y, w, mask = drawn(case, weights="entry", masked=True)
    loss = case.compiled(F1, "keras")
    step = compiled_by_backend(lambda y, z, w, mask: TRIAL.gradient(lambda z: loss(y, z, w, mask), z))
    found = step(*(ops.convert_to_tensor(x) for x in (y, z.astype("float32"), w.astype("float32"), mask)))
    expected = case.compiled(F1, "numpy").value_and_grad(y, z, sample_weight=w, mask=mask)[1]
    close(numbers(found), expected, 1e-5)


# ---- the loss as an object


def test_weights_and_masks_enter_the_counts():
    z, y, w = sample(weighted=True)
    loss = compiled("f1", "keras").F1Loss()
    expected = compiled("f1", "numpy")(y, z, sample_weight=w)
    assert float(loss(y, z[:, None], w)) == pytest.approx(expected, rel=1e-6)
    assert float(loss(y, z)) * w.mean() != pytest.approx(expected, rel=1e-3)  # what Keras would make of it


def test_masks_of_layers_and_weights_of_steps():
    """As evaluate hands them on: a mask that Masking made, and a weight for each step of each sample."""
    rng = np.random.default_rng(0)
    x, y, w = rng.normal(size=(6, 7, 3)).astype("float32"), rng.random((6, 7)) < 0.4, rng.random((6, 7))
    mask = rng.random((6, 7)) < 0.6
    x[~mask] = 0
    inputs = keras.Input((7, 3))
    model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Masking()(inputs)))
    f1 = compiled("f1", "keras")
    model.compile(loss=f1.F1Loss(), metrics=[f1.F1Score()], weighted_metrics=[f1.F1Score(name="weighted")])
    found = model.evaluate(x, y.astype("float32"), sample_weight=w, verbose=0, return_dict=True)
    z, numpy = model.predict(x, verbose=0)[..., 0], compiled("f1", "numpy")
    assert found["loss"] == pytest.approx(numpy(y, z, sample_weight=w, mask=mask), rel=1e-5)
    assert found["f1_score"] == pytest.approx(numpy.score(y, z, mask=mask), rel=1e-5)
    assert found["weighted"] == pytest.approx(numpy.score(y, z, sample_weight=w, mask=mask), rel=1e-5)


@pytest.mark.parametrize(("reduction", "reduce"), [("sum", np.sum), ("sum_over_batch_size", np.mean)])
def test_reductions_of_a_vector(reduction, reduce):
    case = TASKS["tags each"]
    z, y, *_ = drawn(case)
    loss, each = case.compiled(F1, "keras"), case.compiled(F1, "numpy")(y, z)
    assert float(loss.MetricLoss(reduction=reduction)(y, z)) == pytest.approx(reduce(each), rel=1e-5)
    np.testing.assert_allclose(numbers(loss.MetricLoss(reduction="none")(y, z)), each, rtol=1e-5)


def test_classes_are_named_after_the_metric():
    loss = ml.compile(ml.Metric("TP/P + TN/N", name="both_rates"), "keras")
    assert loss.emitted.entry_points[-2:] == ("BothRatesLoss", "BothRatesScore")
    assert (loss.BothRatesLoss().name, loss.BothRatesScore().name) == ("both_rates_loss", "both_rates_score")
    assert keras.saving.get_registered_name(loss.BothRatesLoss) == "metricloss>BothRatesLoss"


def test_configs_come_back():
    f1 = ml.compile("f1", "keras")
    loss = keras.losses.deserialize(keras.losses.serialize(f1.F1Loss(name="mine", reduction="sum")))
    assert (type(loss), loss.name, loss.reduction) == (f1.F1Loss, "mine", "sum")
    assert loss.get_config()["command"] == f1.module.command()
    assert f1.module.command() in f1.source
    score = keras.metrics.deserialize(keras.metrics.serialize(f1.F1Score(name="hard")))
    assert (type(score), score.name) == (f1.F1Score, "hard")
    assert copy.deepcopy(loss).get_config() == loss.get_config()


# ---- the metric as an object


@each_task
def test_the_score_of_an_epoch_is_that_of_all_its_batches(task):
    case = TASKS[task]
    z, y, w, _ = drawn(case, (20, 2, 4), weights="sample")
    loss = case.compiled(F1, "keras")
    metric = loss.MetricScore()
    assert float(ops.sum(metric.result())) == 0 or case.zero_division == "skip"
    for part in (slice(10), slice(10, None)):
        metric.update_state(y[part], z[part].astype("float32"), w[part])
    expected = case.compiled(F1, "numpy").score(y, z, sample_weight=w)
    np.testing.assert_allclose(numbers(metric.result()), expected, rtol=1e-5)
    metric.reset_state()
    metric.update_state(y[:10], z[:10].astype("float32"))
    expected = case.compiled(F1, "numpy").score(y[:10], z[:10])
    np.testing.assert_allclose(numbers(metric.result()), expected, rtol=1e-5)


# ---- training


def breast_cancer() -> tuple[np.ndarray, np.ndarray]:
    """All benign ones and every fifth malignant one, which is the positive here; standardised."""
    from sklearn.datasets import load_breast_cancer

    x, y = load_breast_cancer(return_X_y=True)
    kept = (y == 1) | (np.cumsum(y == 0) % 5 == 0)
    x, y = x[kept], 1 - y[kept]
    order = np.random.default_rng(0).permutation(len(y))
    return ((x - x.mean(0)) / x.std(0))[order].astype("float32"), y[order]


#: Of the rows above: of one shape each, for which Keras compiles once.
SIZE, BATCH = 400, 100


def classifier(loss: ml.Loss, outputs: int = 1, **options: Any) -> Any:
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.Input((30,)), keras.layers.Dense(outputs)])
    model.compile(keras.optimizers.Adam(0.1), loss=loss.F1Loss(), metrics=[loss.F1Score()], **options)
    return model


def test_training_on_f1_raises_f1():
    x, y = breast_cancer()
    loss = compiled("f1", "keras")
    model = classifier(loss)
    stop = keras.callbacks.EarlyStopping("val_f1_score", mode="max", patience=20)
    data = {"validation_data": (x[300:SIZE], y[300:SIZE]), "callbacks": [stop]}
    history = model.fit(x[:300], y[:300], batch_size=BATCH, epochs=20, verbose=0, **data).history
    assert history["f1_score"][-1] > max(0.9, history["f1_score"][0] + 0.2)
    assert history["loss"][-1] < history["loss"][0] - 0.2
    z = model.predict(x[300:SIZE], batch_size=BATCH, verbose=0)[:, 0]
    expected = compiled("f1", "numpy").score(y[300:SIZE], z)
    assert history["val_f1_score"][-1] == pytest.approx(expected, rel=1e-5)


def test_weights_of_fit_are_those_of_the_counts():
    """A weight of 2 is two entries: one full-batch step of SGD ends where it ends on rows that stand twice."""
    x, y = breast_cancer()
    twice, ends = np.concatenate([[0], np.flatnonzero(y)]), []
    for given in (
        {"x": x, "y": y, "sample_weight": 1.0 + np.isin(np.arange(len(y)), twice)},
        {"x": np.concatenate([x, x[twice]]), "y": np.concatenate([y, y[twice]])},
    ):
        model = classifier(compiled("f1", "keras"))
        model.compile(keras.optimizers.SGD(1.0), loss=compiled("f1", "keras").F1Loss())
        model.fit(**given, batch_size=1000, verbose=0)
        ends.append(model.get_weights()[0])
    np.testing.assert_allclose(*ends, rtol=1e-4, atol=1e-6)


def test_masks_of_layers_are_those_of_the_counts_in_fit():
    """One step on masked entries ends where it ends without them; in JAX the scores have no `_keras_mask`."""
    rng, ends = np.random.default_rng(0), []
    x, y = rng.normal(size=(6, 7, 3)).astype("float32"), rng.random((6, 7)) < 0.4
    x[:, 5:] = 0
    for steps in (7, 5):
        inputs = keras.Input((steps, 3))
        dense = keras.layers.Dense(1, kernel_initializer="ones")
        model = keras.Model(inputs, dense(keras.layers.Masking()(inputs)))
        model.compile(keras.optimizers.SGD(1.0), loss=compiled("f1", "keras").F1Loss())
        model.fit(x[:, :steps], y[:, :steps], verbose=0)
        ends.append(np.concatenate([weights.ravel() for weights in model.get_weights()]))
    np.testing.assert_allclose(*ends, rtol=1e-5)


def test_exclusive_classes_are_learnt():
    x, y = breast_cancer()
    loss = ml.compile("f1", "keras", task="multiclass")
    model = classifier(loss, outputs=2)
    history = model.fit(x[:SIZE], y[:SIZE], batch_size=BATCH, epochs=12, verbose=0).history
    assert history["f1_score"][-1] > max(0.9, history["f1_score"][0] + 0.1)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="it is the loss for TensorFlow that is tried")
def test_a_loss_for_tensorflow_trains_on_class_indices():
    """Keras makes floating-point numbers of them."""
    loss = TASKS["classes"].compiled(F1, "tensorflow")
    x, y = np.eye(3, dtype="float32").repeat(4, 0), np.arange(3).repeat(4)
    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(3)])
    model.compile(keras.optimizers.SGD(5.0), loss=loss.module.loss)
    losses = model.fit(x, y, epochs=10, batch_size=12, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]
    assert float(loss(y.astype("float32"), x)) == float(loss(y, x))


def test_mixed_precision():
    x, y = breast_cancer()
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = classifier(compiled("f1", "keras"))
        history = model.fit(x[:SIZE], y[:SIZE], batch_size=BATCH, epochs=5, verbose=0).history
    finally:
        keras.config.set_dtype_policy(before)
    assert np.isfinite(history["loss"]).all()
    assert history["f1_score"][-1] > history["f1_score"][0]


# ---- saving


def saved(loss: Any, path: Path) -> Path:
    """The path of a small compiled model that is saved there."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", loss=loss)
    model.optimizer.build(model.trainable_variables)
    model.save(path)
    return path


#: In a fresh process: load and go on, with the file alone.
GO_ON = """
import json, os, sys
if os.environ["KERAS_BACKEND"] != "tensorflow":
    sys.modules["tensorflow"] = None
import f1_loss, keras, numpy as np

data = np.load("data.npz")
keras.utils.set_random_seed(0)
model = keras.models.load_model("model.keras")
history = model.fit(data["x"], data["y"], batch_size=128, epochs=2, verbose=0, shuffle=False).history
assert "metricloss" not in sys.modules
print(json.dumps(history))
"""


def test_a_saved_model_is_loaded_and_goes_on(tmp_path: Path):
    x, y = breast_cancer()
    loss = ml.compile("f1", "keras")
    model = classifier(loss)
    model.fit(x, y, batch_size=128, epochs=2, verbose=0)
    model.save(tmp_path / "model.keras")
    loss.save(tmp_path / "f1_loss.py")
    np.savez(tmp_path / "data.npz", x=x, y=y)
    expected = model.fit(x, y, batch_size=128, epochs=2, verbose=0, shuffle=False).history
    path = os.pathsep.join([str(tmp_path), str(Path(ml.__file__).parents[1])])
    environment = os.environ | {"PYTHONPATH": path}
    command = [sys.executable, "-c", GO_ON]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment, check=False)
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout.splitlines()[-1])
    assert found.keys() == expected.keys() == {"loss", "f1_score"}
    for name, values in expected.items():
        assert found[name] == pytest.approx(values, rel=1e-4), name


def test_a_saved_model_is_loaded_where_its_loss_is_compiled_again(tmp_path: Path):
    """And not where it is not, which a fresh process is like: nothing is registered there."""
    path = saved(ml.compile("f1", "keras").F1Loss(), tmp_path / "model.keras")
    keras.saving.get_custom_objects().clear()
    with pytest.raises((TypeError, ValueError), match="Could not locate class 'F1Loss'"):
        keras.models.load_model(path)
    ml.compile("f1", "keras")
    assert keras.models.load_model(path).loss.name == "f1_loss"


def test_a_loss_of_another_file_is_refused(tmp_path: Path):
    """Two losses of one name: the one made last is found, and says which the model wants, and what to do."""
    path = saved(ml.compile("f1", "keras").F1Loss(), tmp_path / "model.keras")
    message = (
        r"saved with the F1Loss that `metricloss emit f1 --backend keras` writes, .* of `metricloss emit f1 "
        r"--backend keras --relaxation 'AnyLoss\(10\)'`: .* compile that loss again if it was compiled in"
    )
    ml.compile("f1", "keras", relaxation="AnyLoss(10)")
    with pytest.raises(ValueError, match=message):
        keras.models.load_model(path)
    ml.compile("f1", "keras")
    assert keras.models.load_model(path).loss.name == "f1_loss"


#: Another loss of the same name and backend, by what differs.
OTHERS = {
    "expression": (ml.Metric("TP/(TP + FP + FN)", name="f1"), {}),
    "direction": (ml.Metric(F1, name="f1", direction="minimize"), {}),
    "zero_division": (ml.Metric(F1, name="f1", zero_division=1), {}),
    "relaxation": (ml.Metric(F1, name="f1"), {"relaxation": "AnyLoss(10)"}),
    "from_logits": (ml.Metric(F1, name="f1"), {"from_logits": False}),
    "task": (ml.Metric(F1, name="f1"), {"task": "multilabel"}),
}


def test_a_loss_is_the_same_by_its_name_and_by_its_formula():
    """Either loads what the other saved, and what computes something else does not."""
    by_name, by_formula = ml.compile("f1", "keras"), ml.compile(ml.Metric(F1, name="f1"), "keras")
    for kind in ("F1Loss", "F1Score"):
        config = getattr(by_name, kind)(name="mine").get_config()
        assert getattr(by_formula, kind).from_config(config).name == "mine"
        for metric, options in OTHERS.values():
            other = getattr(ml.compile(metric, "keras", **options), kind)
            with pytest.raises(ValueError, match=f"saved with the {kind} that `metricloss emit f1 --backend"):
                other.from_config(config)


@pytest.mark.parametrize("scoped", [True, False])
def test_custom_objects_are_taken(tmp_path: Path, scoped: bool):
    """Also where another loss of the same name was compiled last, which is then the one that Keras finds."""
    loss = ml.compile("f1", "keras")
    path = saved(loss.F1Loss(), tmp_path / "model.keras")
    ml.compile("f1", "keras", relaxation="AnyLoss(10)")
    given = {"F1Loss": loss.F1Loss}
    with keras.saving.custom_object_scope(given if scoped else {}):
        model = keras.models.load_model(path, custom_objects=None if scoped else given)
    assert type(model.loss) is loss.F1Loss


def test_a_function_is_saved_and_loaded(tmp_path: Path):
    """The one that computes the same, although all functions have one name."""
    loss, other = ml.compile("f1", "keras"), ml.compile("f1", "keras", relaxation="AnyLoss(10)")
    path = saved(loss.loss, tmp_path / "model.keras")
    z, y, _ = sample()
    assert float(loss(y, z)) != pytest.approx(float(other(y, z)), rel=0.01)
    found = keras.models.load_model(path).loss
    assert float(found(y, z)) == pytest.approx(float(loss(y, z)), rel=1e-6)


# ---- wrong use


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"y_true": np.zeros(5)}, ValueError, r"y_true has shape \(5,\) and y_pred \(4,\): give equal shapes"),
        ({"y_true": np.zeros((4, 4))}, ValueError, r"y_true has shape \(4, 4\) and y_pred \(4,\): give equal"),
        ({"y_pred": np.zeros(4, int)}, TypeError, r"y_pred has dtype int\d\d, but scores are floating-point"),
        ({"sample_weight": np.ones(3)}, ValueError, r"sample_weight has shape \(3,\): give \(4,\), by sample"),
        ({"mask": np.ones((4, 2))}, ValueError, r"mask has shape \(4, 2\): give \(4,\), by sample, or \(4,\)"),
    ],
)
def test_clear_errors(change, error, message):
    arguments = {"y_true": np.zeros(4), "y_pred": np.zeros(4, "float32")} | change
    module = compiled("f1", "keras").module
    for function in (module.loss, module.score, module.counts, module.soft_counts):
        with pytest.raises(error, match=message):
            function(**arguments)


@pytest.mark.parametrize(
    ("shape", "labels", "message"),
    [
        (
            (4, 3),
            np.zeros(3, int),
            r"y_pred has shape \(4, 3\) and y_true \(3,\), of int\d\d: give class",
        ),
        ((4, 3), np.zeros(4, bool), r"y_true \(4,\), of bool: give class indices, integers of shape \(4,\)"),
        ((4, 1), np.zeros(4, int), r"y_pred has shape \(4, 1\): of exclusive classes there are at least two"),
        ((4,), np.zeros(4, int), r"y_pred has shape \(4,\), but axis -1 is to hold its classes"),
    ],
)
def test_clear_errors_of_classes(shape, labels, message):
    with pytest.raises(ValueError, match=message):
        TASKS["classes"].compiled(F1, "keras")(labels, np.zeros(shape, "float32"))


def test_class_weights_are_as_many_as_classes():
    loss = Case("multilabel", "macro", class_weight=(1.0, 2.0)).compiled(F1, "keras")
    with pytest.raises(ValueError, match="y_pred has 3 classes, and class_weight has 2 numbers"):
        loss(np.zeros((4, 3)), np.zeros((4, 3), "float32"))


def test_fit_tells_what_is_wrong():
    x, y = breast_cancer()
    model = classifier(compiled("f1", "keras"), outputs=2)
    with pytest.raises(ValueError, match=r"y_true has shape .* and y_pred .*: give equal shapes"):
        model.fit(x, y, verbose=0)
