"""Pictures, by matplotlib: isometrics over the ROC plane, a relaxation, and the gradient of a loss.

Functions of numbers go in, figures come out. Figures are made without pyplot: nothing is shown or kept, and no
display is needed. A notebook shows them, `figure.savefig` writes them, `svg` is for pages.
"""

from __future__ import annotations

import importlib.util
import io
import math
import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from html import escape
from statistics import NormalDist
from typing import TYPE_CHECKING

from metricloss.errors import MissingFrameworkError, OptionError
from metricloss.plan import Plan

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Curve = Callable[[float], float]
Results = Callable[..., tuple[float, ...]]

#: Colours that stand out from white and from black alike, and apart for the colour-blind.
BLUE, ORANGE = "#3b82c4", "#c8691c"
#: Points along a side of the ROC plane, and along a curve.
_SIDE, _ALONG = 61, 401
#: How far from its edges the plane is looked at: on them a quotient may be 0/0.
_EDGE = 0.002
_LARGEST = 1e100  #: beyond which differences of contours overflow
_WIDE, _HIGH = 4.2, 3.6
#: A number with more digits than a screen shows, within a tag; what is text between tags keeps its digits.
_COORDINATE = r"-?\d+\.\d{3,}(?!\d|[^<>]*</)"


def isometrics(results: Results, titles: Sequence[str], prevalence: float, n: float) -> Figure:
    """A panel for each result of a function of the four counts: its contours over the ROC plane.

    results: of (tp, fp, fn, tn). prevalence: the share of positives among n entries.
    Errors: OptionError for a prevalence outside (0, 1) or n not above 0; MissingFrameworkError.

    >>> figure = isometrics(lambda tp, fp, fn, tn: (tp / (tp + fn),), ["recall"], prevalence=0.5, n=100)
    >>> [axes.get_title() for axes in figure.axes]
    ['recall']

    Source: P. Flach, The geometry of ROC space, ICML 2003.
    """
    check_batch(prevalence, n)
    figure = _figure(len(titles))
    rates = _between(_EDGE, 1 - _EDGE, _SIDE)
    positives, negatives = prevalence * n, (1 - prevalence) * n
    planes = [
        [
            results(tpr * positives, fpr * negatives, (1 - tpr) * positives, (1 - fpr) * negatives)
            for fpr in rates
        ]
        for tpr in rates
    ]
    for number, (axes, title) in enumerate(zip(figure.axes, titles, strict=True)):
        _contours(axes, rates, [[values[number] for values in row] for row in planes])
        axes.plot([0, 1], [0, 1], linestyle=(0, (4, 4)), linewidth=1, color="black", alpha=0.6)
        axes.plot([0], [1], "o", color=ORANGE, clip_on=False, zorder=5)
        axes.set(title=title, xlabel="false positive rate", ylabel="true positive rate")
        axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    return figure


def relaxation(h: Curve, slope: Curve, variable: str, threshold: float) -> Figure:
    """h and h′ against the probability p, or against the score z about its threshold.

    Errors: MissingFrameworkError.

    >>> figure = relaxation(lambda p: p, lambda p: 1.0, "p", 0.5)
    >>> [axes.get_title() for axes in figure.axes]
    ['h(p)', 'h′(p)']
    """
    figure = _figure(2)
    low, high = (0.0, 1.0) if variable == "p" else _span(h, threshold)
    points = _between(low, high)
    for axes, curve, title in zip(figure.axes, (h, slope), ("h", "h′"), strict=True):
        axes.plot(points, [curve(point) for point in points], color=BLUE, linewidth=2)
        axes.axvline(threshold, linestyle=(0, (4, 4)), linewidth=1, color="black", alpha=0.6)
        axes.set(title=f"{title}({variable})", xlabel=_SCORES[variable], xlim=(low, high))
    figure.axes[1].set_ylim(bottom=0)
    figure.axes[0].axhline(0.5, linestyle=(0, (1, 3)), linewidth=1, color="black", alpha=0.6)
    return figure


_SCORES = {"z": "score z", "p": "probability p"}


def gradients(plan: Plan, from_logits: bool, prevalence: float, n: int) -> Figure:
    """n times the gradient of a loss by one score, for a positive and for a negative of a reference batch.

    Of n entries the given share is positive. The logits of these are quantiles of a normal distribution about
    1, those of negatives about -1: what a classifier gives when it has learned something. Of exclusive classes
    the gradient is by the probability of one class, which is taken against the rest.
    Errors: OptionError as for `isometrics`; MissingFrameworkError.

    >>> from metricloss import emit
    >>> figure = gradients(emit("TP/P", "numpy").plan, True, prevalence=0.5, n=100)
    >>> [line.get_label() for line in figure.axes[0].get_lines()[:2]]
    ['positive', 'negative']
    """
    check_batch(prevalence, n)
    variable = "p" if plan.threshold is None or not from_logits else "z"
    slopes = plan.slopes(*_soft_counts(plan, *reference(variable, prevalence, n)))
    points = _between(0, 1) if variable == "p" else _between(-6, 6)
    figure = _figure(1, wide=6.4)
    (axes,) = figure.axes
    looks = (("positive", BLUE, "-"), ("negative", ORANGE, "--"))
    for slope, (label, color, style) in zip(slopes, looks, strict=True):
        values = [n * slope * plan.relax_slope(point)[0] for point in points]
        axes.plot(points, values, label=label, color=color, linestyle=style, linewidth=2)
    axes.axhline(0, linewidth=0.8, color="black", alpha=0.6)
    axes.set(
        title=f"gradient of the loss, {n} entries, {prevalence:.3g} of them positive",
        xlabel=_SCORES[variable] + (" of the class" if plan.threshold is None else ""),
        ylabel=f"n · dloss/d{variable}",
        xlim=(points[0], points[-1]),
    )
    axes.legend(frameon=False)
    return figure


def reference(variable: str, prevalence: float, n: int) -> tuple[list[float], list[float]]:
    """The scores of the reference batch of `gradients`, of its positives and of its negatives.

    >>> positives, negatives = reference("z", 0.25, 4)
    >>> positives, [round(score, 2) for score in negatives]
    ([1.0], [-1.97, -1.0, -0.03])
    """
    positives = min(max(1, round(prevalence * n)), max(1, n - 1))
    return _spread(1, positives, variable), _spread(-1, max(1, n - positives), variable)


def _spread(mean: float, number: int, variable: str) -> list[float]:
    logits = [NormalDist(mean).inv_cdf((place + 0.5) / number) for place in range(number)]
    return logits if variable == "z" else [1 / (1 + math.exp(-logit)) for logit in logits]


def _soft_counts(plan: Plan, positives: list[float], negatives: list[float]) -> tuple[float, ...]:
    """TP, FP, FN, TN."""
    (tp, fn), (fp, tn) = (
        map(math.fsum, zip(*map(plan.relax, scores), strict=True)) for scores in (positives, negatives)
    )
    return tp, fp, fn, tn


def check_batch(prevalence: float, n: float) -> None:
    """Raise OptionError unless both classes have entries.

    >>> check_batch(0.5, n=10)
    """
    if not 0 < prevalence < 1:
        raise OptionError(f"prevalence={prevalence!r}: give the share of positives, between 0 and 1, like 0.1.")
    if not 0 < n < math.inf:
        raise OptionError(f"n={n!r}: give the number of entries, like 1000.")


def svg(figure: Figure, name: str, description: str) -> str:
    """The figure as an element <svg> that takes its black from the page's text and its width from the page.

    The same figure gives the same text. name: begins every id in it. description: for who does not see it.

    >>> text = svg(relaxation(lambda p: p, lambda p: 1.0, "p", 0.5), "soft", "h and its slope")
    >>> text.startswith('<svg role="img" aria-label="h and its slope"'), "#000000" in text
    (True, False)
    """
    import matplotlib

    written = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with matplotlib.rc_context({"svg.hashsalt": "metricloss", "svg.fonttype": "none"}):
        figure.savefig(written, format="svg", transparent=True, metadata=nothing)
    text = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", written.getvalue(), count=1, flags=re.DOTALL)
    text = re.sub(r'( id="|url\(#|xlink:href="#)', rf"\g<1>{name}-", text.replace("#000000", "currentColor"))
    text = re.sub(_COORDINATE, lambda number: f"{float(number[0]):.2f}", text)
    _, box, inner = re.split(r"<svg[^>]*(viewBox=\"[^\"]*\")[^>]*>", text, maxsplit=1)
    about = f'role="img" aria-label="{escape(description)}"'
    return f'<svg {about} {box} fill="currentColor" stroke-linejoin="round">{inner}'


def require(package: str, extra: str) -> None:
    """Raise MissingFrameworkError where a package that only an extra brings is not installed.

    >>> require("matplotlib", "report")
    """
    if importlib.util.find_spec(package) is None:
        raise MissingFrameworkError(
            f"{package} is not installed\nInstall it: pip install 'metricloss[{extra}]'"
        )


def _figure(panels: int, wide: float = _WIDE) -> Figure:
    """A figure with panels side by side, which a notebook shows as PNG."""
    require("matplotlib", "report")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(panels * wide, _HIGH), layout="constrained")
    for axes in figure.subplots(1, panels, squeeze=False).flat:
        axes.spines[["top", "right"]].set_visible(False)
    # Jupyter shows figures of pyplot only, but whatever has this method.
    vars(figure)["_repr_png_"] = partial(_png, figure)
    return figure


def _png(figure: Figure) -> bytes:
    written = io.BytesIO()
    figure.savefig(written, format="png", dpi=150)
    return written.getvalue()


def _contours(axes: Axes, rates: list[float], rows: list[list[float]]) -> None:
    """Labelled lines of equal value; a value that is the same everywhere is written instead."""
    from matplotlib.colors import BoundaryNorm

    finite = sorted(value for row in rows for value in row if math.isfinite(value))
    if not finite or finite[-1] - finite[0] <= 1e-9 * max(map(abs, (finite[0], finite[-1]))):
        text = f"{finite[0]:.4g} everywhere" if finite else "infinite everywhere"
        axes.text(0.62, 0.3, text, ha="center")
        return
    if max(abs(finite[0]), abs(finite[-1])) > _LARGEST:
        axes.text(0.5, 0.3, f"values up to {finite[-1]:.1e}", ha="center")
        return
    levels = _levels(finite)
    steps = BoundaryNorm(levels, 256, extend="both")  # as far apart in colour, however far in value
    axes.contourf(rates, rates, rows, levels, norm=steps, cmap="viridis", alpha=0.4, extend="both")
    lines = axes.contour(rates, rates, rows, levels, colors="black", linewidths=0.8, alpha=0.8)
    axes.clabel(lines, fmt="%.4g", fontsize=8)


def _levels(ordered: list[float]) -> list[float]:
    """Round numbers between the extremes, or, where most of these would stand in one corner, at quantiles."""
    from matplotlib.ticker import MaxNLocator

    low, high = (_quantile(ordered, share) for share in (0.02, 0.98))
    levels = _inside(MaxNLocator(9).tick_values(low, high), ordered)
    if sum(_quantile(ordered, 0.1) <= level <= _quantile(ordered, 0.9) for level in levels) >= 4:
        return levels
    levels = _inside((f"{_quantile(ordered, tenth / 10):.2g}" for tenth in range(1, 10)), ordered)
    return levels if len(levels) > 1 else _between(ordered[0], ordered[-1], 11)[1:-1]


def _inside(levels: Iterable[float | str], ordered: list[float]) -> list[float]:
    return [level for level in sorted(set(map(float, levels))) if ordered[0] < level < ordered[-1]]


def _quantile(ordered: list[float], share: float) -> float:
    return ordered[round(share * (len(ordered) - 1))]


def _between(low: float, high: float, number: int = _ALONG) -> list[float]:
    return [low + (high - low) * step / (number - 1) for step in range(number)]


def _span(h: Curve, threshold: float) -> tuple[float, float]:
    """Scores about the threshold at which h has all but reached 0 and 1."""
    reach = 2.0**-10
    while reach < 1e4 and (h(threshold - reach) > 0.005 or h(threshold + reach) < 0.995):
        reach *= 2
    return threshold - reach, threshold + reach
