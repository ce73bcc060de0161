"""One HTML page about a metric and its losses, that a browser shows without a network or files beside it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sympy import Symbol

from metricloss import plots
from metricloss.backend import all_backends
from metricloss.compiler import plan_of, source_of
from metricloss.derivation import derivation
from metricloss.display import formula, slopes_rows
from metricloss.recipe import Recipe
from metricloss.version import __version__

if TYPE_CHECKING:
    from markupsafe import Markup
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
    >>> page.startswith("<!doctype html>"), page.count("<svg"), "https://" in page
    (True, 6, False)
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


def _formulas(recipe: Recipe, prevalence: float) -> dict[str, list[Markup]]:
    metric = recipe.metric
    return {
        "metric": _marked([formula(metric.name, metric.expression)]),
        "loss": _marked([formula("loss", metric.loss_of(Symbol(metric.name)))]),
        "slopes": _marked(slopes_rows(metric.slopes)),
    }


def _facts(recipe: Recipe, prevalence: float) -> list[tuple[str, str]]:
    metric, relaxation, task = recipe.metric, recipe.relaxation, recipe.task
    scores = "logits" if recipe.from_logits else "probabilities"
    return [
        ("better is", "more" if metric.direction == "maximize" else "less"),
        (
            "where a quotient is 0/0",
            "no value without positives" if metric.skips else f"it is {metric.zero_division}",
        ),
        ("relaxed by", str(relaxation) + (f", {relaxation.reference}" if relaxation.reference else "")),
        ("scores", scores),
        (
            "task",
            task.name + ("" if task.average == "binary" else f", {task.average or 'a value for each class'}"),
        ),
    ]


def _figures(recipe: Recipe, prevalence: float) -> list[tuple[str, str, list[Markup]]]:
    """Title, caption, and the panels of each figure."""
    gradients = plots.gradients(plan_of(recipe), recipe.from_logits, prevalence, _ENTRIES)
    share = f"{prevalence:.3g}"
    return [
        (
            "The metric and its slopes over the ROC plane",
            f"Lines of equal value, at prevalence {share}. The dot is a perfect prediction; on the dashed line "
            "predictions know nothing of the labels.",
            _panels("isometrics", recipe.metric.plot(prevalence, _ENTRIES)),
        ),
        (
            "The relaxation and its slope",
            "What stands in for the hard decision. The dashed line is where that decision changes.",
            _panels("relaxation", recipe.relaxation.plot()),
        ),
        (
            "The gradient of the loss",
            f"By one score, of a positive and of a negative, in a batch of {_ENTRIES} entries of which a share "
            f"of {share} is positive, with logits spread normally about 1 and -1.",
            _panels("gradient", gradients),
        ),
    ]


def _panels(name: str, figure: Figure) -> list[Markup]:
    """The panels of a figure, each a picture of its own, so that on a phone they stand below each other."""
    import matplotlib

    pictures = []
    for number, shown in enumerate(figure.axes):
        for axes in figure.axes:
            axes.set_visible(axes is shown)
        with matplotlib.rc_context({"savefig.bbox": "tight"}):
            pictures.append(plots.svg(figure, f"{name}-{number}", shown.get_title()))
    return _marked(pictures)


def _sources(recipe: Recipe, prevalence: float) -> list[dict[str, Any]]:
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    lexer = PythonLexer(stripnl=False, ensurenl=False)
    sources = [source_of(recipe, backend) for backend in all_backends()]
    shown = _marked([highlight(source.text, lexer, HtmlFormatter(nowrap=True)) for source in sources])
    return [{"backend": source.backend, "code": code} for source, code in zip(sources, shown, strict=True)]


def _colours(recipe: Recipe, prevalence: float) -> dict[str, str]:
    """The style sheets of the sources, for light and for dark pages."""
    from pygments.formatters import HtmlFormatter

    return {
        scheme: HtmlFormatter(style=style).get_style_defs(".source")
        for scheme, style in (("light", "default"), ("dark", "github-dark"))
    }


def _marked(texts: Sequence[str]) -> list[Markup]:
    """Text that is HTML already, and was escaped where it was made."""
    from markupsafe import Markup

    return [Markup(text) for text in texts]


PARTS: dict[str, Callable[[Recipe, float], Any]] = {
    "formulas": _formulas,
    "facts": _facts,
    "steps": lambda recipe, _: derivation(recipe).steps,
    "analysis": lambda recipe, _: recipe.metric.analysis,
    "figures": _figures,
    "sources": _sources,
    "colours": _colours,
}
