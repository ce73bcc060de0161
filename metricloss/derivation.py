"""The chain from score to loss, written out with the derivative of every step."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from sympy import Expr, Symbol

from metricloss.algebra import latex
from metricloss.functions import sigmoid
from metricloss.mathml import equation, typed
from metricloss.metric import Metric
from metricloss.recipe import Recipe
from metricloss.relaxation import Relaxation, p, z

_COUNTS = "TP = Σ w·y·a,  FP = Σ w·(1-y)·a,  FN = Σ w·y·(1-a),  TN = Σ w·(1-y)·(1-a)"
_COUNTS_LATEX = (
    r"TP = \sum w y a,\quad FP = \sum w (1-y) a,\quad FN = \sum w y (1-a),\quad TN = \sum w (1-y)(1-a)"
)


@dataclass(frozen=True)
class Step:
    """One link: what it computes and how that moves, in plain text, in LaTeX, and as rows of MathML.

    >>> Step("score to p", ("p = z",), ("p = z",), ("<mi>p</mi><mo>=</mo><mi>z</mi>",)).title
    'score to p'
    """

    title: str
    lines: tuple[str, ...]
    latex: tuple[str, ...]
    mathml: tuple[str, ...]


class _Equation(NamedTuple):
    text: str
    latex: str
    mathml: tuple[str, ...]


@dataclass(frozen=True)
class Derivation:
    """The steps in order; prints as text, and as LaTeX in a notebook.

    >>> from metricloss import compile
    >>> len(compile("TP/P", "numpy").derivation.steps)
    6
    """

    steps: tuple[Step, ...]

    def __str__(self) -> str:
        blocks = [
            "\n".join([f"{number}. {step.title}", *(f"     {line}" for line in step.lines)])
            for number, step in enumerate(self.steps, 1)
        ]
        return "\n".join(blocks)

    def _repr_latex_(self) -> str:
        rows = [
            row
            for step in self.steps
            for row in (rf"\textbf{{{step.title}}} &", *(rf"&\quad {line}" for line in step.latex))
        ]
        return r"$\begin{aligned}" + r" \\ ".join(rows) + r"\end{aligned}$"


def derivation(recipe: Recipe) -> Derivation:
    """The derivation of a loss.

    >>> from metricloss.relaxations import Soft
    >>> print(derivation(Recipe(Metric("TP/P", name="recall"), Soft())).steps[0].lines[1])
    dp/dz = sigmoid(-z)*sigmoid(z)
    """
    metric, relaxation = recipe.metric, recipe.relaxation
    steps = [_decision(relaxation), _counts(), _metric(metric), _loss(metric), *_average(recipe)]
    if relaxation.variable == p and recipe.from_logits:
        steps.insert(0, _softmax() if recipe.is_multiclass else _probability())
    return Derivation((*steps, _gradient(recipe)))


def _equation(left: str, left_latex: str, right: Expr, remark: str = "") -> _Equation:
    return _Equation(
        f"{left} = {right}{remark}",
        rf"{left_latex} = {latex(right)}\text{{{remark}}}",
        (equation(left, right, remark),),
    )


def _typed(text: str, latex: str) -> _Equation:
    """An equation, or several with wide blanks between them."""
    return _Equation(text, latex, tuple(map(typed, re.split("[,;]  ", text))))


def _step(title: str, *equations: _Equation) -> Step:
    return Step(
        title,
        tuple(line.text for line in equations),
        tuple(line.latex for line in equations),
        tuple(row for line in equations for row in line.mathml),
    )


def _probability() -> Step:
    p_of_z = sigmoid(z)
    return _step(
        "score z → probability p",
        _equation("p", "p", p_of_z),
        _equation("dp/dz", r"\frac{dp}{dz}", p_of_z.diff(z)),
    )


def _softmax() -> Step:
    return _step(
        "scores z → probabilities p, over the classes j, k",
        _typed("p_k = exp(z_k)/Σ_j exp(z_j)", r"p_k = \frac{e^{z_k}}{\sum_j e^{z_j}}"),
        _typed("dp_j/dz_k = p_k*((j = k) - p_j)", r"\frac{dp_j}{dz_k} = p_k\,(\delta_{jk} - p_j)"),
    )


def _decision(relaxation: Relaxation) -> Step:
    variable = relaxation.variable
    what = "probability p" if variable == p else "score z"
    return _step(
        f"{what} → relaxed decision a, by {relaxation}".replace("_", r" "),
        _equation("a", "a", relaxation.expression),
        _equation(f"da/d{variable}", rf"\frac{{da}}{{d{variable}}}", relaxation.slope),
    )


def _counts() -> Step:
    moves = _typed(
        "dTP = w·da, dFN = -w·da on a positive;  dFP = w·da, dTN = -w·da on a negative",
        r"dTP = w\,da,\; dFN = -w\,da \text{ on a positive;}\quad "
        r"dFP = w\,da,\; dTN = -w\,da \text{ on a negative}",
    )
    return _step("decision a → counts, with label y and weight w", _typed(_COUNTS, _COUNTS_LATEX), moves)


def _metric(metric: Metric) -> Step:
    slopes = metric.slopes
    equations = [
        _equation(str(line.name), latex(line.name), line.expression, line.remark) for line in slopes.equations
    ]
    name = metric.name
    return _step(
        f"counts → metric {name}".replace("_", " "),
        *equations,
        _equation(f"d{name}/da on a positive", r"\text{slope on a positive}", slopes.positive),
        _equation(f"d{name}/da on a negative", r"\text{slope on a negative}", slopes.negative),
    )


def _loss(metric: Metric) -> Step:
    name = Symbol(metric.name)
    loss = metric.loss_of(name)
    return _step(
        "metric → loss",
        _equation("loss", r"\text{loss}", loss),
        _equation(f"dloss/d{name}", r"\frac{d\,\text{loss}}{d\,\text{metric}}", loss.diff(name)),
    )


_SHARES = {
    "macro": "1, or the class_weight",
    "weighted": "P of the class",
    "samples": "the mean weight of the sample's entries",
    "samples-macro": "1, or the class_weight, in a sample; the mean weight of entries among samples",
    "samples-weighted": "P of the class in a sample; the mean weight of entries among samples",
}


def _average(recipe: Recipe) -> list[Step]:
    """How the losses of several confusion matrices become one."""
    if not recipe.task.has_mean:
        return []
    share = _SHARES[str(recipe.task.average)]
    equations = [
        _typed("loss = Σ s·(loss of a matrix)", r"\text{loss} = \sum s\,\text{loss}_m"),
        _typed(f"s ∝ {share};  Σ s = 1", rf"s \propto \text{{{share.replace('_', ' ')}}},\quad \sum s = 1"),
    ]
    if recipe.metric.skips:
        equations.append(_typed("s = 0 where P = 0", r"s = 0 \text{ where } P = 0"))
    return [_step("losses of all matrices → their mean", *equations)]


def _gradient(recipe: Recipe) -> Step:
    sign = "-" if recipe.metric.sign > 0 else ""
    share, share_latex = ("s·", r"s\,") if recipe.task.has_mean else ("", "")
    slopes = f"{sign}{share}w·(y·[slope on a positive] + (1-y)·[slope on a negative])"
    slopes_latex = rf"{sign}{share_latex}w\,(y\,s_+ + (1-y)\,s_-)"
    if recipe.is_multiclass and recipe.from_logits:
        return _step(
            "all together",
            _typed(f"g_k = dloss/dp_k = {slopes}·da/dp_k", rf"g_k = {slopes_latex}\,\frac{{da}}{{dp_k}}"),
            _typed(
                "dloss/dz_k = p_k·(g_k - Σ_j g_j·p_j)",
                r"\frac{d\,\text{loss}}{dz_k} = p_k\,(g_k - \sum_j g_j p_j)",
            ),
        )
    by = "z" if recipe.from_logits else "p"
    return _step(
        "all together",
        _typed(
            f"dloss/d{by} = {slopes}·da/d{by}",
            rf"\frac{{d\,\text{{loss}}}}{{d{by}}} = {slopes_latex}\,\frac{{da}}{{d{by}}}",
        ),
    )
