"""Plots of time and memory against the number of scores, one picture for each framework."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter

from benchmarks.cases import COPY, ENTROPY, OURS, PLAIN, RELAXATIONS
from benchmarks.results import BYTES, Results, Row

#: What is drawn, and how: ours in full colour, others thinner, the limits in grey and black.
STYLES = {
    (OURS, "F1", "Soft"): {"color": "C3", "lw": 2.2, "marker": "o"},
    (OURS, "MCC", "Soft"): {"color": "C1", "lw": 2.2, "marker": "o"},
    (OURS, "MCC", RELAXATIONS[1]): {"color": "C6", "lw": 2.2, "marker": "o"},
    (PLAIN, "F1", "Soft"): {"color": "C0", "ls": "--"},
    (PLAIN, "MCC", RELAXATIONS[1]): {"color": "C9", "ls": "--"},
    ("MONAI", "F1", "Soft"): {"color": "C2", "ls": ":", "marker": "s"},
    ("segmentation-models-pytorch", "F1", "Soft"): {"color": "C4", "ls": ":", "marker": "^"},
    ("kornia", "F1", "Soft"): {"color": "C5", "ls": ":", "marker": "v"},
    ("pytorch_optimizer", "F1", "Soft"): {"color": "C8", "ls": ":", "marker": "D"},
    ("optax", "F1", "Soft"): {"color": "C2", "ls": ":", "marker": "s"},
    ("Keras", "F1", "Soft"): {"color": "C2", "ls": ":", "marker": "s"},
    (ENTROPY, None, None): {"color": "black", "lw": 1.8},
    (COPY, None, None): {"color": "grey", "lw": 1.2},
}


def draw(results: Results, folder: Path) -> list[Path]:
    """Writes NAME.svg of each framework with more than one size; a row of plots for each mode."""
    written = []
    for framework in results.facts:
        rows = [row for row in results.timed if row.framework == framework and row.is_binary]
        rows = [row for row in rows if row.labels == "float32"]
        if len({row.size for row in rows}) > 1:
            written.append(folder / f"{framework}.svg")
            with rc_context({"svg.fonttype": "none", "svg.hashsalt": framework}):
                figure_of(rows).savefig(written[-1], metadata={"Date": None})
    return written


def figure_of(rows: list[Row]) -> Any:
    """A row for each mode: time, of ours and of cross-entropy with all rounds as a band, and memory.

    Of a score: what grows with their number is level, and lines stay apart.
    """
    titles = list(dict.fromkeys(row.title for row in rows))
    figure = Figure(figsize=(10, 0.9 + 3.6 * len(titles)), layout="constrained")
    axes = figure.subplots(len(titles), 2, squeeze=False, sharey="col")
    for title, (time, memory) in zip(titles, axes, strict=True):
        some = [row for row in rows if row.title == title]
        time.set(title=f"{title}: time of forward and backward", ylabel="nanoseconds a score")
        memory.set(title=f"{title}: peak extra memory", ylabel="bytes a score")
        for name, style in STYLES.items():
            line = sorted((x for x in some if (x.who, x.metric, x.relaxation) == name), key=lambda x: x.size)
            if not line:
                continue
            sizes, style = [row.size for row in line], {"ms": 4, "label": line[0].name} | style
            time.plot(sizes, [1e9 * row.median / row.size for row in line], **style)
            if name[0] in (OURS, ENTROPY):
                spans = ([1e9 * of(row.seconds) / row.size for row in line] for of in (min, max))
                time.fill_between(sizes, *spans, color=style["color"], alpha=0.15, lw=0)
            memory.plot(sizes, [BYTES * (row.memory or np.nan) for row in line], **style)
        time.set_yscale("log")
        memory.set_yscale("log", base=2)
        memory.yaxis.set_major_formatter(ScalarFormatter())
        for plot in (time, memory):
            plot.set_xscale("log", base=2)
            plot.set_xlabel("scores")
            plot.grid(alpha=0.3)
    handles = {
        label: handle
        for plot in axes[:, 0]
        for handle, label in zip(*plot.get_legend_handles_labels(), strict=True)
    }
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=3, frameon=False)
    return figure
