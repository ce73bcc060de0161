"""The walk: an expression becomes a loss, one line a stage."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, overload

from sympy import Expr

from metricloss.backend import LEARNED, Backend, get_backend
from metricloss.errors import MetricWarning, OptionError
from metricloss.expression import Expression
from metricloss.functions import Complement, sigmoid
from metricloss.header import header
from metricloss.loss import Loss, load
from metricloss.metric import Metric, check_learnable
from metricloss.plan import COUNT_NAMES, VALUE, Body, Plan, lower, lower_counts
from metricloss.quotients import SUMS
from metricloss.recipe import Recipe, recipe_of
from metricloss.relaxation import Relaxation, p, q, z
from metricloss.source import Source, fill
from metricloss.surrogate import Surrogate
from metricloss.surrogate_loss import SurrogateLoss, SurrogateSource, load_surrogate, surrogate_source
from metricloss.task import Task


@overload
def compile(metric: Surrogate, backend: str | Path | Backend) -> SurrogateLoss: ...


@overload
def compile(
    metric: Metric | Expression,
    backend: str | Path | Backend,
    *,
    relaxation: Relaxation | Expr | str = "Soft()",
    from_logits: bool = True,
    task: Task | str = "binary",
    **task_options: Any,
) -> Loss: ...


def compile(
    metric: Metric | Expression | Surrogate,
    backend: str | Path | Backend,
    *,
    relaxation: Relaxation | Expr | str = "Soft()",
    from_logits: bool = True,
    task: Task | str = "binary",
    **task_options: Any,
) -> Loss | SurrogateLoss:
    """A loss for a framework, from a metric: loss = best - metric, or metric - best if less is better.

    metric: a Metric, or the expression of one; or a Surrogate, which was learned and takes no options. backend:
    its name, or the folder of one of your own.
    relaxation: what stands in for the hard decision. from_logits: scores are logits, else probabilities.
    task: "binary", "multilabel" or "multiclass", or a Task. task_options: `average`, `class_axis`,
    `class_weight` and `ignore_index`, as for a Task.

    Errors: those of Metric, Relaxation and Task; ConstantMetricError; UnknownBackendError;
    MissingFrameworkError; OptionError for a relaxation of the raw score on probabilities, or on exclusive
    classes, and for what the backend has no loss for. A MetricWarning tells of a metric whose value depends on
    the number of entries, that a constant prediction satisfies, or that points the wrong way.

    >>> import numpy as np
    >>> loss = compile("2*TP/(2*TP + FP + FN)", "numpy", from_logits=False)
    >>> print(loss(np.array([1, 1, 0, 0]), np.array([0.75, 0.25, 0.5, 0.5])))
    0.5
    >>> loss = compile("2*TP/(2*TP + FP + FN)", "numpy", task="multiclass", average="macro")
    >>> print(loss.score(np.array([0, 1, 2]), np.array([[9.0, 1, 0], [0, 3, 7], [0, 3, 7]])).round(3))
    0.556
    """
    target = get_backend(backend)
    target.require()
    if isinstance(metric, Surrogate):
        _require_defaults(relaxation, from_logits, task, task_options)
        return load_surrogate(surrogate_source(metric, target))
    # str | SymPy | callable -> Metric, with its relaxation and task
    recipe = recipe_of(metric, relaxation=relaxation, from_logits=from_logits, task=task, **task_options)
    source = source_of(recipe, target)
    _tell_concerns(recipe.metric)
    return load(source)


@overload
def emit(metric: Surrogate, backend: str | Path | Backend) -> SurrogateSource: ...


@overload
def emit(
    metric: Metric | Expression,
    backend: str | Path | Backend,
    *,
    relaxation: Relaxation | Expr | str = "Soft()",
    from_logits: bool = True,
    task: Task | str = "binary",
    **task_options: Any,
) -> Source: ...


def emit(
    metric: Metric | Expression | Surrogate,
    backend: str | Path | Backend,
    *,
    relaxation: Relaxation | Expr | str = "Soft()",
    from_logits: bool = True,
    task: Task | str = "binary",
    **task_options: Any,
) -> Source | SurrogateSource:
    """The source of a loss, for a framework that need not be installed; arguments as for `compile`.

    >>> print(emit("TP/P", "torch").text.splitlines()[0])
    \"""A loss for PyTorch: metric, relaxed by Soft().
    """
    if isinstance(metric, Surrogate):
        _require_defaults(relaxation, from_logits, task, task_options)
        return surrogate_source(metric, get_backend(backend))
    recipe = recipe_of(metric, relaxation=relaxation, from_logits=from_logits, task=task, **task_options)
    source = source_of(recipe, get_backend(backend))
    _tell_concerns(recipe.metric)
    return source


def _require_defaults(*options: object) -> None:
    """Raise OptionError for an option with a Surrogate."""
    if options != ("Soft()", True, "binary", {}):
        raise OptionError(
            "a Surrogate takes no options: it was learned for the logits of binary labels\nLeave them out."
        )


def source_of(recipe: Recipe, backend: Backend) -> Source:
    """The source of a loss, from everything that was chosen for it.

    Errors: OptionError where the backend has no such loss.

    >>> source_of(recipe_of("TP/P"), get_backend("jax")).backend.title
    'JAX'
    """
    if reason := misfit(recipe, backend):
        raise OptionError(reason)
    # Metric -> Slopes -> Plan
    plan = plan_of(recipe)
    # Plan + Backend -> Source
    return Source(fill(backend, recipe, plan, header(recipe, backend)), recipe, plan, backend)


def misfit(recipe: Recipe, backend: Backend) -> str:
    """Why a backend has no loss of a recipe; empty where it has one.

    >>> print(misfit(recipe_of("TP/P", from_logits=False), get_backend("xgboost")))
    from_logits=False is not for XGBoost: a booster adds up margins, which are logits
    Give True.
    """
    if recipe.relaxation.network and not set(LEARNED) <= backend.functions.keys():
        return (
            f"relaxation={recipe.relaxation}: {backend.title} has no networks\n"
            f"backends/{backend.name} is to spell {' and '.join(LEARNED)}; backends/README.md tells more."
        )
    limits = backend.facts.get("options", {})
    for option, value in {"from_logits": recipe.from_logits, **recipe.task.options}.items():
        if option in limits and value not in limits[option]["only"]:
            allowed = " or ".join(map(repr, limits[option]["only"]))
            return (
                f"{option}={value!r} is not for {backend.title}: {limits[option]['because']}\nGive {allowed}."
            )
    return ""


def _tell_concerns(metric: Metric) -> None:
    """Warn the caller of `compile` or `emit`, in one line, of what may spoil a training."""
    if metric.concerns:
        warnings.warn(f"{metric.name}: {'; '.join(metric.concerns)}", MetricWarning, stacklevel=3)


def plan_of(recipe: Recipe) -> Plan:
    """What the functions of the emitted file compute.

    >>> print(plan_of(recipe_of(Metric("TP/P", name="recall"))).slopes)
    actual = fn + tp
    return -Divide(1, actual, 0), 0
    """
    metric = recipe.metric
    check_learnable(metric)
    (h, complement, slope), threshold, over = _decision(recipe)
    return Plan(
        metric=lower_counts(metric.slopes, [metric.slopes.value]),
        objective=lower_counts(
            metric.slopes, [metric.loss_of(VALUE).xreplace(SUMS)], COUNT_NAMES | {VALUE: "value"}
        ),
        slopes=lower_counts(metric.slopes, metric.loss_slopes),
        relax=over([h, complement]),
        relax_slope=over([slope]),
        relax_and_slope=over([h, complement, slope]),
        threshold=threshold,
    )


def _decision(
    recipe: Recipe,
) -> tuple[tuple[Expr, Expr, Expr], float | None, Callable[[list[Expr]], Body]]:
    """The relaxed decision, its complement and slope; the threshold of the hard one; what makes functions."""
    if recipe.is_multiclass:
        over_p = partial(lower, {p: "p"}, definitions={q: Complement(p)}, names={q: "q"})
        return recipe.relaxation.over_p_and_q, None, over_p
    decision = recipe.relaxation.on_scores(recipe.from_logits)
    relaxed = decision.h, decision.complement, decision.slope
    return relaxed, decision.threshold, partial(lower, {z: "z"}, names={sigmoid(z): "p", sigmoid(-z): "q"})
