"""One HTML page about a metric and its losses, that a browser shows without a network or files beside it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sympy import Symbol

from metricloss import plots
from metricloss.backend import all_backends
from metricloss.compiler import misfit, plan_of, source_of
from metricloss.derivation import derivation
from metricloss.display import formula, slopes_rows
from metricloss.mathml import math
from metricloss.recipe import Recipe
from metricloss.version import __version__

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NEEDED = ("matplotlib", "jinja2", "pygments")
#: The entries of the batch that gradients are shown for.
_ENTRIES = 1000


def report(recipe: Recipe, *, prevalence: float = 0.5, tick: Callable[[], object] = bool) -> str:
    """The text of a page: formula, loss, slopes, derivation, analysis, plots, and the source for each backend.

    recipe: what was chosen for the loss, see `recipe_of`. prevalence: the share of positives that the plots are
    for. tick: called after each of the PARTS, for a progress bar.

    Errors: OptionError for a prevalence outside (0, 1); ConstantMetricError; MissingFrameworkError where
    matplotlib, jinja2 or pygments is not installed.

    >>> from metricloss.recipe import recipe_of
    >>> page = report(recipe_of("2*TP/(2*TP + FP + FN)"), prevalence=0.1)
    >>> page.startswith("<!doctype html>"), page.count("<svg")
    (True, 6)
    """
    for package in _NEEDED:
        plots.require(package, "report")
    plots.check_batch(prevalence, _ENTRIES)
    contents = {}
    for name, part in PARTS.items():
        contents[name] = part(recipe, prevalence)
        tick()
    return _page(recipe=recipe, prevalence=prevalence, version=__version__, **contents)


def _page(**contents: Any) -> str:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["sha256"] = _sha256
    template = environment.from_string(Path(__file__).with_name("report.html").read_text("utf-8"))
    text: str = template.render(contents)
    return text


def _sha256(script: str) -> str:
    """What a Content-Security-Policy calls a script by."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _formulas(recipe: Recipe, prevalence: float) -> dict[str, list[str]]:
    metric = recipe.metric
    return {
        "metric": [formula(metric.name, metric.expression)],
        "loss": [formula("loss", metric.loss_of(Symbol(metric.name)))],
        "slopes": slopes_rows(metric.slopes),
    }


def _steps(recipe: Recipe, prevalence: float) -> list[tuple[str, list[str]]]:
    """The title of each step of the derivation, and its equations."""
    return [(step.title, [math(row) for row in step.mathml]) for step in derivation(recipe).steps]


def _facts(recipe: Recipe, prevalence: float) -> list[tuple[str, str]]:
    metric, relaxation, entry = recipe.metric, recipe.relaxation, recipe.metric.entry
    undefined = "0; without positives there is no value" if metric.skips else str(metric.zero_division)
    known = [("also called", ", ".join(entry.aliases)), ("source", entry.reference)] if entry else []
    remarks = [("remarks", entry.remarks)] if entry else []
    facts = [
        *known,
        ("better is", "more" if metric.direction == "maximize" else "less"),
        *((name, str(value)) for name, value in metric.parameters),
        ("0/0 is", undefined),
        ("relaxed by", ", ".join(filter(None, (str(relaxation), relaxation.reference)))),
        ("scores", "logits" if recipe.from_logits else "probabilities"),
        ("task", recipe.task.name),
        *((name.replace("_", " "), str(value)) for name, value in _task_options(recipe)),
        *remarks,
    ]
    return [(what, fact) for what, fact in facts if fact]


def _task_options(recipe: Recipe) -> list[tuple[str, object]]:
    options = recipe.task.options | {"average": recipe.task.average or "none: a value for each class"}
    return [(name, value) for name, value in options.items() if name != "task" and value != "binary"]


def _figures(recipe: Recipe, prevalence: float) -> list[tuple[str, str, list[str]]]:
    """Title, caption, and the panels of each figure."""
    gradients = plots.gradients(plan_of(recipe), recipe.from_logits, prevalence, _ENTRIES)
    score = "the probability of one class against the rest" if recipe.is_multiclass else "one score"
    return [
        (
            "The metric and its slopes over the ROC plane",
            f"Lines of equal value, at prevalence {prevalence:.3g}. The dot is a perfect prediction; on the "
            "dashed line predictions know nothing of the labels.",
            _panels("isometrics", recipe.metric.plot(prevalence, _ENTRIES)),
        ),
        (
            "The relaxation and its slope",
            "What stands in for the hard decision. The dashed line is where that decision changes.",
            _panels("relaxation", recipe.relaxation.plot()),
        ),
        (
            "The gradient of the loss",
            f"By {score}, of a positive and of a negative, in a batch whose logits are spread normally about 1 "
            "and about -1. The loss falls against it: a positive is pushed up where its gradient is negative.",
            _panels("gradient", gradients),
        ),
    ]


def _panels(name: str, figure: Figure) -> list[str]:
    """The panels of a figure, each a picture of its own, so that on a phone they stand below each other."""
    import matplotlib

    pictures = []
    for number, shown in enumerate(figure.axes):
        for axes in figure.axes:
            axes.set_visible(axes is shown)
        with matplotlib.rc_context({"savefig.bbox": "tight"}):
            pictures.append(plots.svg(figure, f"{name}-{number}", shown.get_title()))
    return pictures


def _sources(recipe: Recipe, prevalence: float) -> list[dict[str, Any]]:
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    lexer = PythonLexer(stripnl=False, ensurenl=False)
    sources = [source_of(recipe, backend) for backend in all_backends() if not misfit(recipe, backend)]
    return [
        {"backend": source.backend, "code": highlight(source.text, lexer, HtmlFormatter(nowrap=True))}
        for source in sources
    ]


def _colours(recipe: Recipe, prevalence: float) -> dict[str, str]:
    """The style sheets of the sources, for light and for dark pages."""
    from pygments.formatters import HtmlFormatter

    return {
        scheme: "\n".join(HtmlFormatter(style=style).get_token_style_defs(".source"))
        for scheme, style in (("light", "default"), ("dark", "github-dark"))
    }


PARTS: dict[str, Callable[[Recipe, float], Any]] = {
    "formulas": _formulas,
    "facts": _facts,
    "steps": _steps,
    "analysis": lambda recipe, _: recipe.metric.analysis,
    "figures": _figures,
    "sources": _sources,
    "colours": _colours,
}
