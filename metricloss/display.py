"""What a notebook shows of a metric and of a loss: formula, slopes and analysis, as HTML with MathML."""

from __future__ import annotations

from html import escape

from sympy import Expr

from metricloss.analysis import Analysis
from metricloss.mathml import equation, math
from metricloss.slopes import Slopes

_CELL = 'style="text-align: left; vertical-align: top"'


def formula(name: str, expression: Expr) -> str:
    """name = expression.

    >>> from sympy.abc import x
    >>> formula("y", x)
    '<math display="block"><mrow><mi>y</mi><mo>=</mo><mi>x</mi></mrow></math>'
    """
    return math(equation(name, expression))


def slopes_rows(slopes: Slopes) -> list[str]:
    """An element <math> for each line of the slopes."""
    lines = [equation(str(line.name), line.expression, line.remark) for line in slopes.equations]
    lines += [
        equation("slope on a positive", slopes.positive),
        equation("slope on a negative", slopes.negative),
    ]
    return [math(line) for line in lines]


def analysis_table(analysis: Analysis) -> str:
    """A row for each finding: topic, text, and whether it is proved or sampled."""
    rows = [
        f"<tr><th {_CELL}>{escape(finding.topic)}</th>"
        f"<td {_CELL}>{'⚠ ' * finding.is_warning}{escape(finding.text)}</td>"
        f"<td {_CELL}>{'proved' if finding.is_proved else 'sampled'}</td></tr>"
        for finding in analysis
    ]
    return f"<table>{''.join(rows)}</table>"


def metric_html(name: str, expression: Expr, loss: Expr, slopes: Slopes, analysis: Analysis) -> str:
    """A metric: its formula, the loss, its slopes, and what is known about it.

    >>> from metricloss import Metric
    >>> Metric("TP/P", name="recall")._repr_html_().count("<math")
    5
    """
    formulas = [formula(name, expression), formula("loss", loss), *slopes_rows(slopes)]
    rows = "".join(f'<div style="margin: 0.6em 0">{row}</div>' for row in formulas)
    return f"<div>{rows}{analysis_table(analysis)}</div>"
