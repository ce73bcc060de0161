"""Metrics and relaxations that every backend must carry, each with its plain formula.

METRICS is a short list, for tests that cost much: something of each kind, and every function of the language.
CATALOGUE is everything that has a name.

The plain formula of a metric is its text, evaluated by Python on a framework's own numbers; that of a
relaxation is written by hand below. Neither passes through SymPy or metricloss, so they can serve as oracles.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, cached_property
from types import SimpleNamespace
from typing import Any

import metricloss as ml
from metricloss.backend import get_backend
from metricloss.compiler import plan_of
from metricloss.entries import entries
from metricloss.header import header
from metricloss.loss import load
from metricloss.plan import Plan
from metricloss.recipe import Recipe, recipe_of
from metricloss.source import Source, fill

FUNCTIONS = ("sqrt", "exp", "log", "sin", "cos", "tan", "asin", "acos", "atan", "tanh", "Abs")


@dataclass(frozen=True)
class Case:
    """A metric as text; `best`, worked out by hand, is its value at a perfect prediction.

    entry: its name in the catalogue, if it is made from that.
    """

    name: str
    text: str
    best: str = "1"
    direction: str = "maximize"
    parameters: dict[str, float] = field(default_factory=dict, hash=False)
    entry: str = ""

    @cached_property
    def metric(self) -> ml.Metric:
        if self.entry:
            return ml.Metric(self.entry, self.name, **self.parameters)
        return ml.Metric(self.text, name=self.name, direction=self.direction, **self.parameters)

    def plain_metric(self, ops: Any, tp: Any, fp: Any, fn: Any, tn: Any) -> Any:
        """The metric over four of a framework's numbers, by Python's own arithmetic."""
        sums = {"P": tp + fn, "N": fp + tn, "PP": tp + fp, "PN": fn + tn, "n": tp + fp + fn + tn}
        counts = {"TP": tp, "FP": fp, "FN": fn, "TN": tn}
        return eval(self.text, {"pi": math.pi, **functions(ops), **sums, **counts, **self.parameters})

    def at(self, tp: float, fp: float, fn: float, tn: float) -> float:
        """The metric of four numbers."""
        return self.plain_metric(NUMBERS, tp, fp, fn, tn)

    def plain_loss(self, ops: Any, tp: Any, fp: Any, fn: Any, tn: Any) -> Any:
        best = eval(self.best, {"P": tp + fn, "N": fp + tn, **functions(ops)})
        value = self.plain_metric(ops, tp, fp, fn, tn)
        return best - value if self.direction == "maximize" else value - best


#: The functions of a plain formula on Python's own numbers.
NUMBERS = SimpleNamespace(
    **{name.lower(): getattr(math, name.lower().replace("abs", "fabs")) for name in FUNCTIONS},
    minimum=min, maximum=max,
)  # fmt: skip


def functions(ops: Any) -> dict[str, Callable[..., Any]]:
    """The functions of the text language, on plain numbers and on those of a framework."""
    known = {name: _of_either(getattr(math, name.lower().replace("abs", "fabs")), getattr(ops, name.lower()))
             for name in FUNCTIONS}  # fmt: skip
    log = known["log"]
    return known | {
        "log2": lambda x: log(x) / math.log(2),
        "log10": lambda x: log(x) / math.log(10),
        "Min": ops.minimum,
        "Max": ops.maximum,
    }


def _of_either(of_number: Callable[..., Any], of_array: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x: of_number(x) if isinstance(x, int | float) else of_array(x)


_AGREEMENT = "(TP*log2(n*TP/(PP*P))+FP*log2(n*FP/(PP*N))+FN*log2(n*FN/(PN*P))+TN*log2(n*TN/(PN*N)))/n"

METRICS = (
    # Rational
    Case("f1", "2*TP/(2*TP+FP+FN)"),
    Case("f2", "(1+beta**2)*TP/((1+beta**2)*TP+beta**2*FN+FP)", parameters={"beta": 2}),
    Case("jaccard", "TP/(TP+FP+FN)"),
    Case("tversky", "TP/(TP+fp_weight*FP+fn_weight*FN)", parameters={"fp_weight": 0.3, "fn_weight": 0.7}),
    Case("recall", "TP/P"),
    Case("precision", "TP/PP"),
    Case("balanced_accuracy", "(TP/P+TN/N)/2"),
    Case("kappa", "2*(TP*TN-FP*FN)/(PP*N+P*PN)"),
    Case("scott_pi", "((TP+TN)/n-((PP+P)/(2*n))**2-((PN+N)/(2*n))**2)/(1-((PP+P)/(2*n))**2-((PN+N)/(2*n))**2)"),
    Case("lift", "n*TP/(PP*P)", best="(P+N)/P"),
    # Roots and powers
    Case("mcc", "(TP*TN-FP*FN)/sqrt(PP*P*N*PN)"),
    Case("g_mean", "sqrt(TP/P*TN/N)"),
    Case("yule_y", "(sqrt(TP*TN)-sqrt(FP*FN))/(sqrt(TP*TN)+sqrt(FP*FN))"),
    Case("digby", "((TP*TN)**(3/4)-(FP*FN)**(3/4))/((TP*TN)**(3/4)+(FP*FN)**(3/4))"),
    Case("hellinger", "2*sqrt(1-TP/sqrt(PP*P))", "0", "minimize"),
    # Logarithms, exponentials, trigonometry
    Case("mutual_information", _AGREEMENT, best="0"),
    Case("log_recall", "log(1+TP/P)", best="log(2)"),
    Case("sine_recall", "sin(pi*TP/(2*P))*cos(FP/N)", best="1"),
    Case("damped_recall", "TP/P*exp(-3*FP/N)"),
    Case("tanh_precision", "tanh(3*TP/PP)*tan(TP/P)/tan(1)", best="tanh(3)"),
    Case("angle", "atan(TP/PP)+acos(TN/n)/3", best="atan(1)+acos(N/(P+N))/3"),
    # Min, Max, Abs
    Case("overlap", "TP/Min(PP,P)"),
    Case("optimized_precision", "(TP+TN)/n-Abs(TN/N-TP/P)/(TP/P+TN/N)"),
    Case("lambda_r", "(TP+TN-(Max(PP,PN)+Max(P,N))/2)/(n-(Max(PP,PN)+Max(P,N))/2)"),
    # Less is better, and what depends on the number of entries
    Case("focal_tversky", "(1-TP/(TP+0.3*FP+0.7*FN))**gamma", "0", "minimize", {"gamma": 1.5}),
    Case("root_errors", "sqrt(FP+FN)", "0", "minimize"),
)
METRIC = {case.name: case for case in METRICS}

#: Values of parameters other than those that the catalogue states.
OTHER_VALUES = {
    "weighted_balanced_accuracy": {"w": 0.3},
    "iba_alpha": {"alpha": 0.5},
    "fbeta": {"beta": 2},
    "tversky": {"fp_weight": 0.8, "fn_weight": 0.5},
    "focal_tversky": {"fp_weight": 0.6, "fn_weight": 0.4, "gamma": 1.5},
    "expected_cost": {"c_fp": 1, "c_fn": 5, "c_tp": -0.5, "c_tn": 0.25},
    "weighted_error": {"r": 3},
    "net_benefit": {"w": 0.25},
}
#: Of no use as a loss: the labels alone determine it.
CONSTANT = "prevalence"


def _named(name: str, of: str, parameters: dict[str, float]) -> Case:
    entry = entries()[of]
    direction = "minimize" if entry.direction == "minimize" else "maximize"
    return Case(name, entry.expression, "", direction, dict(entry.parameters) | parameters, of)


CATALOGUE = (
    *(_named(name, name, {}) for name in entries() if name != CONSTANT),
    *(_named(f"{name}_otherwise", name, values) for name, values in OTHER_VALUES.items()),
)


@dataclass(frozen=True)
class Smooth:
    """A relaxation as a user states it, and its plain formula over a framework's scores."""

    name: str
    make: Callable[[], Any]
    plain: Callable[[Any, Any], Any]


def _raised_cosine(ops: Any, z: Any) -> Any:
    t = 2 * ops.sigmoid(z) - 1
    return (1 + t + ops.sin(math.pi * t) / math.pi) / 2


def _smoothstep(ops: Any, z: Any) -> Any:
    p = ops.sigmoid(z)
    return p * p * (3 - 2 * p)


#: As learned ones are: a mean of simple ones, written as text.
MIXTURE = "p**3/5 + p*(2 - p)/10 + 3*p/10 + 2*sigmoid(24*p - 18)/5"


def _mixture(ops: Any, z: Any) -> Any:
    p, q = ops.sigmoid(z), ops.sigmoid(-z)
    return 0.2 * p**3 + 0.1 * p * (1 + q) + 0.3 * p + 0.4 * ops.sigmoid(24 * (p - 0.75))


RELAXATIONS = (
    Smooth("Soft", ml.Soft, lambda ops, z: ops.sigmoid(z)),
    Smooth("AnyLoss", lambda: ml.AnyLoss(10), lambda ops, z: ops.sigmoid(10 * (ops.sigmoid(z) - 0.5))),
    Smooth("ScoreOriented", lambda: ml.ScoreOriented(0.5, 0.5), _raised_cosine),
    Smooth("SigmoidF1", lambda: ml.SigmoidF1(2, -0.5), lambda ops, z: ops.sigmoid(2 * (z - 0.5))),
    Smooth("smoothstep", lambda: "p**2*(3 - 2*p)", _smoothstep),
    Smooth("mixture", lambda: MIXTURE, _mixture),
)
RELAXATION = {smooth.name: smooth for smooth in RELAXATIONS}


@cache
def loss_of(case: Case, backend: str, relaxation: str = "Soft", from_logits: bool = True) -> ml.Loss:
    """What ml.compile makes, once a session, and with one plan for all backends."""
    return load_planned(*_planned(case, relaxation, from_logits), backend)


def load_planned(recipe: Recipe, plan: Plan, backend: str) -> ml.Loss:
    """The last steps of ml.compile."""
    target = get_backend(backend)
    return load(Source(fill(target, recipe, plan, header(recipe, target)), recipe, plan, target))


@cache
def _planned(case: Case, relaxation: str, from_logits: bool) -> tuple[Recipe, Plan]:
    recipe = recipe_of(case.metric, relaxation=RELAXATION[relaxation].make(), from_logits=from_logits)
    return recipe, plan_of(recipe)


def compiled(metric: str, backend: str, relaxation: str = "Soft", from_logits: bool = True) -> ml.Loss:
    """The loss of one of the short list."""
    return loss_of(METRIC[metric], backend, relaxation, from_logits)
