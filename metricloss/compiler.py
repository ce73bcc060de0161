"""The walk: an expression becomes a loss, one line a stage."""

from __future__ import annotations

from pathlib import Path

from sympy import Expr

from metricloss.backend import Backend, get_backend
from metricloss.expression import Expression
from metricloss.functions import sigmoid
from metricloss.header import header
from metricloss.loss import Loss, load
from metricloss.metric import Metric, check_learnable
from metricloss.plan import COUNT_NAMES, VALUE, Plan, lower, lower_counts
from metricloss.quotients import SUMS
from metricloss.relaxation import Relaxation, z
from metricloss.relaxations import as_relaxation
from metricloss.source import Source, fill


def compile(
    metric: Metric | Expression,
    backend: str | Path | Backend,
    *,
    relaxation: Relaxation | Expr | str = "Soft()",
    from_logits: bool = True,
) -> Loss:
    """A loss for a framework, from a metric: loss = best - metric, or metric - best if less is better.

    metric: a Metric, or the expression of one. backend: its name, or the folder of one of your own.
    relaxation: what stands in for the hard decision. from_logits: scores are logits, else probabilities.

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
    relaxation: Relaxation | Expr | str = "Soft()",
    from_logits: bool = True,
) -> Source:
    """The source of a loss, for a framework that need not be installed; arguments as for `compile`.

    >>> print(emit("TP/P", "torch").text.splitlines()[0])
    \"""A loss for PyTorch: metric, relaxed by Soft().
    """
    # str | SymPy | callable -> Metric
    checked = metric if isinstance(metric, Metric) else Metric(metric)
    chosen = as_relaxation(relaxation)
    # Metric -> Slopes -> Plan
    plan = plan_of(checked, chosen, from_logits)
    # Plan + Backend -> Source
    target = get_backend(backend)
    text = fill(target, plan, header(checked, chosen, from_logits, target))
    return Source(text, checked, chosen, from_logits, plan, target)


def plan_of(metric: Metric, relaxation: Relaxation, from_logits: bool = True) -> Plan:
    """What the functions of the emitted file compute.

    >>> print(plan_of(Metric("TP/P", name="recall"), as_relaxation("Soft()")).slopes)
    actual = fn + tp
    return -Divide(1, actual, 0), 0
    """
    check_learnable(metric)
    slopes, decision = metric.slopes, relaxation.on_scores(from_logits)
    loss = metric.loss_of(VALUE).xreplace(SUMS)
    by_score = {z: "z"}
    names = {sigmoid(z): "p", sigmoid(-z): "q"}
    return Plan(
        metric=lower_counts(slopes, [slopes.value]),
        objective=lower_counts(slopes, [loss], COUNT_NAMES | {VALUE: "value"}),
        slopes=lower_counts(slopes, metric.loss_slopes),
        relax=lower(by_score, [decision.h, decision.complement], names=names),
        relax_slope=lower(by_score, [decision.slope], names=names),
        threshold=decision.threshold,
    )
