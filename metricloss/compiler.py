"""The walk: an expression becomes a loss, one line a stage."""

from __future__ import annotations

import math
from pathlib import Path

from sympy import Expr

from metricloss.backend import Backend, get_backend
from metricloss.errors import OptionError
from metricloss.functions import sigmoid
from metricloss.header import header
from metricloss.loss import Loss, load
from metricloss.metric import Expression, Metric, check_learnable
from metricloss.plan import VALUE, Body, Plan, lower, lower_counts
from metricloss.relaxation import Relaxation, p, z
from metricloss.relaxations import Soft, as_relaxation
from metricloss.slopes import SUMS
from metricloss.source import Source, fill


def compile(
    metric: Metric | Expression,
    backend: str | Path | Backend,
    *,
    relaxation: Relaxation | Expr | str | None = None,
    from_logits: bool = True,
) -> Loss:
    """A loss for a framework, from a metric: loss = best - metric, or metric - best if less is better.

    metric: a Metric, or the expression of one. backend: its name, or the folder of one of your own.
    relaxation: what stands in for the hard decision; Soft() unless given. from_logits: scores are logits, else
    probabilities.

    Errors: those of Metric and Relaxation; ConstantMetricError; UnknownBackendError; MissingFrameworkError;
    OptionError for a relaxation of the raw score on probabilities.

    >>> import numpy as np
    >>> loss = compile("2*TP/(2*TP + FP + FN)", "numpy", from_logits=False)
    >>> print(loss(np.array([1, 1, 0, 0]), np.array([0.75, 0.25, 0.5, 0.5])))
    0.5
    """
    target = get_backend(backend)
    target.require()
    return load(emit(metric, target, relaxation=relaxation, from_logits=from_logits))


def emit(
    metric: Metric | Expression,
    backend: str | Path | Backend,
    *,
    relaxation: Relaxation | Expr | str | None = None,
    from_logits: bool = True,
) -> Source:
    """The source of a loss, for a framework that need not be installed; arguments as for `compile`.

    >>> print(emit("TP/P", "torch").text.splitlines()[0])
    \"""A loss for PyTorch: metric, relaxed by Soft().
    """
    # str | SymPy | callable -> Metric
    checked = metric if isinstance(metric, Metric) else Metric(metric)
    chosen = Soft() if relaxation is None else as_relaxation(relaxation)
    # Metric -> Slopes -> Plan
    plan = plan_of(checked, chosen, from_logits)
    # Plan + Backend -> Source
    target = get_backend(backend)
    text = fill(target, plan, header(checked, chosen, from_logits, target))
    return Source(text, checked, chosen, from_logits, plan, target)


def plan_of(metric: Metric, relaxation: Relaxation, from_logits: bool = True) -> Plan:
    """What the functions of the emitted file compute.

    >>> print(plan_of(Metric("TP/P", name="recall"), Soft()).slopes)
    actual = fn + tp
    return -Divide(1, actual, 0), 0
    """
    check_learnable(metric)
    slopes = metric.slopes
    sign = 1 if metric.direction == "maximize" else -1
    best = metric.best.xreplace(SUMS)
    relax, relax_slope = _relaxed(relaxation, from_logits)
    return Plan(
        metric=lower_counts(slopes, [slopes.value]),
        objective=lower_counts(slopes, [sign * (best - VALUE)]),
        slopes=lower_counts(slopes, [-sign * slopes.positive, -sign * slopes.negative]),
        relax=relax,
        relax_slope=relax_slope,
        threshold=_threshold(relaxation, from_logits),
    )


def _relaxed(relaxation: Relaxation, from_logits: bool) -> tuple[Body, Body]:
    """The relaxed decision with its complement, and its derivative, as functions of the score."""
    if relaxation.variable == z and not from_logits:
        raise OptionError(
            f"{relaxation} is made for raw scores and from_logits=False says that there are none\n"
            "Give logits, or a relaxation in p."
        )
    decision, complement = relaxation.expression, relaxation.complement
    if relaxation.variable == p and from_logits:
        of_score = {p: sigmoid(z), 1 - p: sigmoid(-z), p - 1: -sigmoid(-z)}
        decision, complement = decision.xreplace(of_score), complement.xreplace(of_score)
    score = z if from_logits else p
    names = {sigmoid(z): "p", sigmoid(-z): "q"}
    return (
        lower({score: "score"}, [decision, complement], names=names),
        lower({score: "score"}, [decision.diff(score)], names=names),
    )


def _threshold(relaxation: Relaxation, from_logits: bool) -> float:
    """The score above which the hard decision is positive."""
    threshold = relaxation.threshold
    if relaxation.variable == p and from_logits:
        return math.log(threshold / (1 - threshold))
    return threshold
