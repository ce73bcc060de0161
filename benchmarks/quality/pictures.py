"""Plots over L, with the other losses as lines: the metric, and how many nets collapse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter, ScalarFormatter

from benchmarks.quality.cases import (
    ANY_LOSS,
    BCE,
    FOCAL,
    METRICS,
    NETS,
    SCORE_ORIENTED,
    SIGMOID_F1,
    SOFT,
    STEEPNESS,
    TUNED,
    WEIGHTED,
)
from benchmarks.quality.summary import Summary

LINES = {
    BCE: {"color": "black", "ls": "-"},
    TUNED: {"color": "black", "ls": "--"},
    WEIGHTED: {"color": "C0", "ls": "-"},
    FOCAL: {"color": "grey", "ls": ":"},
    SOFT: {"color": "C2", "ls": "-"},
    SCORE_ORIENTED: {"color": "C1", "ls": "--"},
    SIGMOID_F1: {"color": "C4", "ls": "-."},
}


def draw(main: Summary, folder: Path) -> list[Path]:
    """Writes both; a row of plots for each net, a column for each metric."""
    metric = figure_of(lambda *key: float(main.at_best(*key).mean()), "mean metric")
    collapse = figure_of(main.collapse, "share collapsed")
    for plot in collapse.axes:
        plot.yaxis.set_major_formatter(PercentFormatter(1))
        plot.set_ylim(bottom=0)
    written = {folder / "quality_metric.svg": metric, folder / "quality_collapse.svg": collapse}
    for path, figure in written.items():
        with rc_context({"svg.fonttype": "none", "svg.hashsalt": path.stem}):
            figure.savefig(path, metadata={"Date": None})
    return list(written)


def figure_of(value: Callable[..., float], title: str) -> Figure:
    """A value of every loss, metric and net, at the best rate, over L."""
    figure = Figure(figsize=(11, 5.2), layout="constrained")
    axes = figure.subplots(len(NETS), len(METRICS), squeeze=False)
    for net, row in zip(NETS, axes, strict=True):
        for metric, plot in zip(METRICS, row, strict=True):
            for loss, style in LINES.items():
                plot.axhline(value(loss, metric, net), label=loss, lw=1.4, **style)
            plot.plot(
                STEEPNESS, [value(loss, metric, net) for loss in ANY_LOSS], "C3o-", lw=2, label="AnyLoss(L)"
            )
            plot.set(xscale="log", xticks=STEEPNESS)
            plot.xaxis.set_major_formatter(ScalarFormatter())
            plot.minorticks_off()
            plot.grid(alpha=0.3)
        row[0].set_ylabel(f"{net}: {title}")
    for top, bottom, name in zip(axes[0], axes[-1], METRICS.values(), strict=True):
        top.set_title(name)
        bottom.set_xlabel("L")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    return figure
