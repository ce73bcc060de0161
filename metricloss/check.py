"""A loss tried on this machine: against finite differences, autodiff, the formula and the other backends."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from metricloss.backend import Backend, all_backends, get_backend
from metricloss.batch import SCORES, Batch, flat, formula
from metricloss.compiler import misfit, source_of
from metricloss.errors import BackendError, MissingFrameworkError
from metricloss.expression import Expression
from metricloss.loss import load, load_text
from metricloss.metric import Metric
from metricloss.recipe import Recipe, recipe_of
from metricloss.source import Source

#: The largest relative error that passes. Finite differences are themselves no better than this.
TOLERANCES = {"formula": 1e-10, "differences": 1e-5, "autodiff": 1e-10, "others": 1e-10}
#: Of finite differences.
STEP = 1e-6


@dataclass(frozen=True)
class Row:
    """What was found for one backend: relative errors, or why there are none."""

    backend: str
    errors: dict[str, float] = field(default_factory=dict)
    note: str = ""

    @property
    def ok(self) -> bool:
        """Whether no error is too large; NaN is."""
        return all(error <= TOLERANCES[what] for what, error in self.errors.items())

    @property
    def cells(self) -> list[str]:
        """The row of the table."""
        shown = [f"{self.errors[what]:.0e}" if what in self.errors else "-" for what in TOLERANCES]
        return [self.backend, *shown, self.note or ("ok" if self.ok else "FAIL")]


@dataclass(frozen=True)
class Report:
    """The rows of a check; prints as a table."""

    rows: tuple[Row, ...]
    seed: int

    @property
    def ok(self) -> bool:
        """Whether something was tried, and nothing failed."""
        return any(row.errors for row in self.rows) and all(row.ok for row in self.rows)

    def __str__(self) -> str:
        from tabulate import tabulate

        allowed = ["allowed", *(f"{tolerance:.0e}" for tolerance in TOLERANCES.values()), ""]
        table = tabulate(
            [*(row.cells for row in self.rows), allowed],
            headers=["backend", *TOLERANCES, "result"],
            disable_numparse=True,
        )
        return f"{table}\n\n{_LEGEND.format(scores=SCORES, seed=self.seed)}"


_LEGEND = """\
Relative errors in float64, on {scores} random scores with labels and weights (seed {seed}):
  formula      the loss against the metric's formula, evaluated by SymPy
  differences  the derived gradient against central finite differences of the loss
  autodiff     the derived gradient against the framework's own, of the plain formula
  others       the derived gradient against the median of all backends here"""


@dataclass(frozen=True)
class _Result:
    value: float
    derived: list[float]
    autodiff: list[float] | None
    differences: list[float]


def check(
    metric: Metric | Expression,
    *,
    backends: Iterable[str | Path | Backend] = (),
    seed: int = 0,
    tick: Callable[[], object] = lambda: None,
    **options: Any,
) -> Report:
    """Try the losses of a metric on this machine, of every installed backend that has them or those named.

    options: those of `compile`, relaxation, from_logits, task and so on. Classes are tried where the framework
    has them, whatever the class_axis; masks and ignored labels are not tried. tick is called after each
    backend. Errors: as for `compile`; MissingFrameworkError for a backend that is named and not installed.

    >>> check("TP/P", backends=["numpy"]).ok
    True
    """
    recipe = recipe_of(metric, **options)
    recipe = replace(recipe, task=replace(recipe.task, class_axis=None))
    sources = [source_of(recipe, backend) for backend in _wanted(backends, recipe)]
    batch = Batch.drawn(recipe, seed)
    results: dict[str, _Result] = {}
    for source in sources:
        if source.backend.is_installed:
            results[source.backend.name] = _tried(source, batch)
        tick()
    truth = formula(recipe, batch)
    return Report(tuple(_row(source.backend, results, truth) for source in sources), seed)


def _wanted(backends: Iterable[str | Path | Backend], recipe: Recipe) -> list[Backend]:
    """The backends that are named, each of which must be there, or else all that have such a loss."""
    named = [get_backend(backend) for backend in backends]
    for backend in named:
        backend.require()
    return named or [backend for backend in all_backends() if not misfit(recipe, backend)]


def load_trial(backend: Backend) -> ModuleType:
    """The backend's trial.py: how it evaluates, differentiates and trains.

    Errors: BackendError where its folder has none; MissingFrameworkError where it needs more than is installed.

    >>> load_trial(get_backend("numpy")).cross_entropy.__doc__
    'The mean cross-entropy and its gradient by the logits.'
    """
    if not backend.trial:
        raise BackendError(f"backends/{backend.name} has no trial.py, which check and demo need")
    try:
        return load_text(backend.trial, f"metricloss_trial_{backend.name}")
    except ModuleNotFoundError as problem:
        raise MissingFrameworkError(
            f"to try a loss for {backend.title}, {problem.name} is needed and not installed\n"
            f"Install it: pip install {problem.name}"
        ) from problem


def _tried(source: Source, batch: Batch) -> _Result:
    trial, module = load_trial(source.backend), load(source).module

    def value(scores: list[float]) -> float:
        return float(trial.value(module, *batch.arguments(scores)))

    differences = [
        (value(batch.moved(index, STEP)) - value(batch.moved(index, -STEP))) / (2 * STEP)
        for index in range(len(batch.scores))
    ]
    derived, autodiff = trial.gradients(module, *batch.arguments(batch.scores))
    return _Result(value(batch.scores), flat(derived), autodiff and flat(autodiff), differences)


def _row(backend: Backend, results: dict[str, _Result], truth: float) -> Row:
    if backend.name not in results:
        return Row(backend.name, note=f"not installed: {backend.install}")
    result = results[backend.name]
    errors = {"differences": relative_error(result.derived, result.differences)}
    if not math.isnan(truth):
        errors["formula"] = relative_error([result.value], [truth])
    if result.autodiff is not None:
        errors["autodiff"] = relative_error(result.derived, result.autodiff)
    if len(results) > 1:
        columns = zip(*(each.derived for each in results.values()), strict=True)
        errors["others"] = relative_error(result.derived, [statistics.median(column) for column in columns])
    return Row(backend.name, errors)


def relative_error(found: Sequence[float], expected: Sequence[float]) -> float:
    """The largest difference over the largest number; infinite where something is not finite.

    >>> relative_error([1.0, 4.0], [1.0, 5.0])
    0.2
    """
    differences = [abs(a - b) for a, b in zip(found, expected, strict=True)]
    if not all(map(math.isfinite, differences)):
        return math.inf
    scale = max(map(abs, (*found, *expected)))
    return max(differences) / scale if scale else 0.0
