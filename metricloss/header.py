"""The docstring at the head of an emitted file: what it is, from what, and what it promises."""

from __future__ import annotations

import shlex
import textwrap

from sympy import Symbol

from metricloss.backend import Backend
from metricloss.metric import Metric
from metricloss.quotients import SUMS, TOTALS
from metricloss.relaxation import Relaxation, p, z
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
        words += [f"--zero-division={metric.zero_division}"]
    if relaxation.expression != p:
        words += ["--relaxation", relaxation.text]
    if not from_logits:
        words += ["--probabilities"]
    words = [*words, "--", expression] if expression.startswith("-") else [expression, *words]
    return " ".join(map(shlex.quote, ["metricloss", "emit", *words]))


def _table(metric: Metric, relaxation: Relaxation, from_logits: bool) -> str:
    slopes, (on_positive, on_negative) = metric.slopes, metric.loss_slopes
    loss = metric.loss_of(Symbol(metric.name))
    shown = [*(line.expression for line in slopes.equations), loss, on_positive, on_negative]
    used = set[Symbol]().union(*(expression.free_symbols for expression in shown))
    rows = [
        *((str(name), str(total)) for name, total in TOTALS.items() if name in used),
        *((str(line.name), f"{line.expression}{line.remark}") for line in slopes.equations),
        ("loss", str(loss)),
        ("slopes", f"{on_positive} on a positive,"),
        ("", f"{on_negative} on a negative: how the loss moves with the decision"),
        ("decision", f"h = {relaxation.expression}{_of(relaxation, from_logits)}"),
        *([("", relaxation.reference)] if relaxation.reference else []),
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"    {name:{width}}  {text}" for name, text in rows)


def _of(relaxation: Relaxation, from_logits: bool) -> str:
    if relaxation.variable == z:
        return " of the score z"
    return ", p = sigmoid(z)" if from_logits else " of the probability p"


def _wrapped(text: str) -> str:
    return textwrap.fill(text, 99, break_long_words=False, break_on_hyphens=False)
