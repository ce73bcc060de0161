"""The docstring at the head of an emitted file: what it is, from what, and what it promises."""

from __future__ import annotations

import shlex
import textwrap

from sympy import Expr, Symbol

from metricloss.backend import Backend
from metricloss.metric import Metric
from metricloss.relaxation import Relaxation
from metricloss.slopes import SUMS
from metricloss.version import __version__


def header(metric: Metric, relaxation: Relaxation, from_logits: bool, backend: Backend) -> str:
    """The text between the quotes, for one loss."""
    origin = (
        f"Written by metricloss {__version__}. The file needs {backend.title} and nothing else, and may be "
        "copied into any project, under any licence. To write it again:"
    )
    conventions = (
        "Counts are sums over all entries, of weight · label · decision and their complements. A quotient "
        "whose denominator is zero is 0, if nothing else is said above, with slope 0; an infinite slope of a "
        "root or a logarithm is 0 too. Finite scores give a finite loss and a finite gradient."
    )
    paragraphs = (
        f"A loss for {backend.title}: {metric.name}, relaxed by {relaxation}.",
        _wrapped(origin),
        "    " + command(metric, relaxation, from_logits, backend),
        _table(metric, relaxation, from_logits),
        _wrapped(conventions),
    )
    return "\n\n".join(paragraphs) + "\n"


def command(metric: Metric, relaxation: Relaxation, from_logits: bool, backend: Backend) -> str:
    """The command line that emits the same file."""
    expression = str(metric.expression.xreplace(SUMS))
    words = ["--name", metric.name, "--backend", backend.name]
    if metric.direction != "maximize":
        words += ["--direction", metric.direction]
    if metric.zero_division != 0:
        words += ["--zero-division", str(metric.zero_division)]
    if str(relaxation) != "Soft()":
        words += ["--relaxation", relaxation.text]
    if not from_logits:
        words += ["--probabilities"]
    words = [*words, "--", expression] if expression.startswith("-") else [expression, *words]
    return " ".join(map(shlex.quote, ["metricloss", "emit", *words]))


def _table(metric: Metric, relaxation: Relaxation, from_logits: bool) -> str:
    slopes = metric.slopes
    rows = [
        *[(str(line.name), f"{line.expression}{line.remark}") for line in slopes.equations],
        ("loss", objective_text(metric)),
        ("slopes", f"{slopes.positive} on a positive,"),
        ("", f"{slopes.negative} on a negative ({metric.name} by the decision)"),
        ("decision", f"h = {relaxation.expression}{_of(relaxation.variable, from_logits)}"),
    ]
    if relaxation.source:
        rows.append(("", relaxation.source))
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"    {name:{width}}  {text}".rstrip() for name, text in rows)


def objective_text(metric: Metric) -> str:
    """The loss in words: "1 - f1", "error - 0" without the zero.

    >>> objective_text(Metric("(FP + FN)/n", name="error", direction="minimize"))
    'error'
    """
    name = Symbol(metric.name)
    best: Expr = metric.best
    if metric.direction == "maximize":
        return f"{best} - {name}" if best else f"-{name}"
    return f"{name} - {best}" if best else str(name)


def _of(variable: Symbol, from_logits: bool) -> str:
    if not from_logits:
        return " of the probability p that is given"
    return ", p = sigmoid(score)" if str(variable) == "p" else " of the score z"


def _wrapped(text: str) -> str:
    return textwrap.fill(text, 99, break_long_words=False, break_on_hyphens=False)
