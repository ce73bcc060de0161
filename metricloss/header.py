"""The docstring at the head of an emitted file: what it is, from what, and what it promises."""

from __future__ import annotations

import shlex
import textwrap

from sympy import Symbol

from metricloss.backend import Backend
from metricloss.conventions import conventions_of
from metricloss.metric import Metric
from metricloss.quotients import SUMS, TOTALS
from metricloss.recipe import Recipe
from metricloss.relaxation import p, z
from metricloss.task import Task
from metricloss.version import __version__


def header(recipe: Recipe, backend: Backend) -> str:
    """The text between the quotes, for one loss."""
    needed = backend.facts.get("needs", backend.title)
    origin = (
        f"Written by metricloss {__version__}. The file needs {needed} and nothing else, and may be "
        f"copied into any project, under any licence. {_again(recipe)}:"
    )
    conventions = (
        "Counts are sums over the entries of a matrix, of weight · label · decision and their complements. A "
        "quotient whose denominator is zero is 0, if nothing else is said above, with slope 0; an infinite "
        "slope of a root or a logarithm is 0 too. Finite scores give a finite loss and a finite gradient."
    )
    paragraphs = (
        f"A loss for {backend.title}: {_what(recipe)}, relaxed by {recipe.relaxation}.",
        wrapped(origin),
        "    " + command(recipe, backend),
        _table(recipe),
        *map(wrapped, conventions_of(recipe, backend)),
        wrapped(conventions),
    )
    return "\n\n".join(paragraphs) + "\n"


def command(recipe: Recipe, backend: Backend) -> str:
    """The command line that emits the same file; what Python is to be told, where that takes a network."""
    metric, relaxation = recipe.metric, recipe.relaxation
    if relaxation.network:
        given = {"from_logits": recipe.from_logits, "task": recipe.task}
        usual = {"from_logits": True, "task": Task()}
        options = "".join(f", {name}={value!r}" for name, value in given.items() if value != usual[name])
        return f"metricloss.emit({_in_python(metric)}, {backend.name!r}, relaxation={relaxation}{options})"
    entry = metric.entry
    expression = entry.name if entry else str(metric.expression.xreplace(SUMS))
    words = [] if entry and entry.name == metric.name else ["--name", metric.name]
    words += ["--backend", backend.name]
    if entry:
        words += [word for name, value in metric.parameters for word in ("--param", f"{name}={value}")]
    if metric.direction != (entry.usual_direction if entry else "maximize"):
        words += ["--direction", metric.direction]
    if metric.zero_division != 0:
        words += [f"--zero-division={metric.zero_division}"]
    if relaxation.expression != p:
        words += ["--relaxation", relaxation.text]
    if not recipe.from_logits:
        words += ["--probabilities"]
    words += [f"--{option.replace('_', '-')}={_word(value)}" for option, value in recipe.task.options.items()]
    words = [*words, "--", expression] if expression.startswith("-") else [expression, *words]
    return " ".join(map(shlex.quote, ["metricloss", "emit", *words]))


def _in_python(metric: Metric) -> str:
    """What makes the metric again: its name in the catalogue, if nothing else was said."""
    entry = metric.entry
    return repr(entry.name) if entry and metric == Metric(entry.name) else _quoted(metric)


def _quoted(metric: Metric) -> str:
    """The call that makes a metric, its expression as text, which is exact and needs no names of SymPy's."""
    expression = str(metric.expression)
    return repr(metric).replace(f"Metric({expression}", f"Metric({expression!r}", 1)


def _again(recipe: Recipe) -> str:
    if network := recipe.relaxation.network:
        return f"No command writes it again; Python does, with the Network that was learned as {network.name}"
    return "To write it again"


def _word(value: object) -> str:
    """The value of an option as it is written on a command line."""
    if isinstance(value, tuple):
        return ",".join(map(repr, value))
    return "none" if value is None else str(value)


def _what(recipe: Recipe) -> str:
    """The metric, with its task where that is not the usual one."""
    return ", ".join([recipe.metric.name, *recipe.task.words])


def _table(recipe: Recipe) -> str:
    metric, relaxation = recipe.metric, recipe.relaxation
    slopes, (on_positive, on_negative) = metric.slopes, metric.loss_slopes
    loss = metric.loss_of(Symbol(metric.name))
    shown = [*(line.expression for line in slopes.equations), loss, on_positive, on_negative]
    used = set[Symbol]().union(*(expression.free_symbols for expression in shown))
    rows = [
        *((str(name), str(total)) for name, total in TOTALS.items() if name in used),
        *((str(line.name), f"{line.expression}{line.remark}") for line in slopes.equations),
        *([("", metric.entry.reference)] if metric.entry else []),
        ("loss" if recipe.is_plain else "loss of a matrix", str(loss)),
        ("slopes", f"{on_positive} on a positive,"),
        ("", f"{on_negative} on a negative: how the loss moves with the decision"),
        ("decision", f"h = {relaxation.expression}{_of(recipe)}"),
        *([("", relaxation.reference)] if relaxation.reference else []),
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"    {name:{width}}  {text}" for name, text in rows)


def _of(recipe: Recipe) -> str:
    if recipe.relaxation.variable == z:
        return " of the score z"
    if not recipe.from_logits:
        return ", p the score itself"
    return ", p = softmax(z)" if recipe.is_multiclass else ", p = sigmoid(z)"


def wrapped(text: str) -> str:
    """A paragraph in lines of a page's width.

    >>> wrapped("A line.")
    'A line.'
    """
    return textwrap.fill(text, 99, break_long_words=False, break_on_hyphens=False)
