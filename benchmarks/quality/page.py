"""Results as a page of markdown tables; the documentation shows those that stand between comments."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from scipy.stats import rankdata
from tabulate import tabulate

from benchmarks.quality.cases import (
    BATCHES,
    BCE,
    EXTRAS,
    LOSSES,
    MAIN,
    METRICS,
    NETS,
    RATES,
    SOFT,
    TUNED,
    WEIGHTED,
)
from benchmarks.quality.records import Records
from benchmarks.quality.sign_test import ROPE, sign_test, wins_ties_losses
from benchmarks.quality.summary import Summary

#: Means of 102 other sets in a later comparison by AnyLoss's authors: an MLP of two units, rate 0.01.
THEIRS = {
    BCE: {"f1": 0.543, "g_mean": 0.589, "balanced_accuracy": 0.737},
    WEIGHTED: {"f1": 0.656, "g_mean": 0.812, "balanced_accuracy": 0.816},
    SOFT: {"f1": 0.662, "g_mean": 0.807, "balanced_accuracy": 0.815},
    "AnyLoss(30)": {"f1": 0.666, "g_mean": 0.812, "balanced_accuracy": 0.813},
}
TITLES = list(METRICS.values())


def page(records: Records) -> str:
    """All of it."""
    main, extras, batches = (Summary.of(records, cases) for cases in (MAIN, EXTRAS, BATCHES))
    parts = [
        HEAD.format(sets=len(main.sets), rope=ROPE, all_rates=", ".join(map(str, RATES)), **records.settings)
    ]
    if main.sets:
        parts += ["## Means", MEANS, *marked("means", per_net(lambda net: means(main, net)))]
        parts += ["![Metric against L](quality_metric.svg)"]
        parts += ["## Over metrics and rates", OVERALL, *marked("overall", [overall(main)])]
        parts += ["## Beside the authors' means", THEIR_MEANS, *marked("theirs", [beside_theirs(main)])]
        for other in (BCE, WEIGHTED, TUNED, SOFT):
            tables = per_net(lambda net, other=other: against(main, other, net))
            parts += [f"## Against {other}", AGAINST, *marked(f"against {other}", tables)]
        parts += ["## Collapse", COLLAPSE, *marked("collapse", per_net(lambda net: collapses(main, net)))]
        parts += ["![Collapse against L](quality_collapse.svg)"]
    if batches.sets:
        parts += ["## Batches", BATCH.format(sets=len(batches.sets))]
        parts += marked("batches", per_net(lambda net: of_batches(batches, net)))
    plain = main.on(extras.sets)
    extras = extras.on(plain.sets)
    if extras.sets:
        parts += ["## Variants", VARIANTS.format(sets=len(extras.sets))]
        parts += marked("variants", per_net(lambda net: variants(plain, extras, net)))
    if main.sets:
        parts += ["## Every rate"]
        for metric, title in METRICS.items():
            parts += [f"### {title}", *per_net(lambda net, metric=metric: by_rate(main, metric, net))]
        parts += ["## The sets", ", ".join(sorted(main.sets))]
    return "\n\n".join(parts) + "\n"


def per_net(table: Callable[[str], str]) -> list[str]:
    return [part for net in NETS for part in (f"*{net}*", table(net))]


def marked(name: str, parts: Iterable[str]) -> list[str]:
    """Parts between comments, by which the documentation finds them."""
    return [f"<!-- {name} -->", *parts, f"<!-- end of {name} -->"]


def markdown(heads: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    return tabulate(list(rows), headers=list(heads), tablefmt="github", disable_numparse=True)


def means(main: Summary, net: str) -> str:
    """By loss and metric, at the best rate, which stands behind; the largest of a metric in bold."""
    largest = {metric: max(main.at_best(loss, metric, net).mean() for loss in LOSSES) for metric in METRICS}

    def cell(loss: str, metric: str) -> str:
        mean = main.at_best(loss, metric, net).mean()
        text = f"**{mean:.3f}**" if mean == largest[metric] else f"{mean:.3f}"
        return f"{text} ({RATES[main.best_rate(loss, metric, net)]})"

    return markdown(["loss", *TITLES], [[loss, *(cell(loss, metric) for metric in METRICS)] for loss in LOSSES])


def short(records: Records) -> str:
    """For the README: means of the MLP, of the losses that one would choose from."""
    main = Summary.of(records, MAIN)
    rows = [
        [loss, *(f"{main.at_best(loss, metric, 'MLP').mean():.3f}" for metric in METRICS)]
        for loss in (BCE, WEIGHTED, TUNED, SOFT, "AnyLoss(10)")
    ]
    return markdown(["trained on", *TITLES], rows)


def overall(main: Summary) -> str:
    """By loss: means over metrics and nets, at the best rate, any and the worst, and the mean rank."""
    pairs = [(metric, net) for metric in METRICS for net in NETS]
    ranks = np.mean([
        rankdata([-main.at_best(loss, *pair) for loss in LOSSES], axis=0).mean(1) for pair in pairs
    ], 0)  # fmt: skip

    def row(loss: str, rank: float) -> list[str]:
        by_rate = np.array([np.sort(main.values[loss, *pair].mean(0)) for pair in pairs]).mean(0)
        collapse = np.mean([main.collapse(loss, *pair) for pair in pairs])
        return [
            loss,
            *(f"{x:.3f}" for x in (by_rate[-1], by_rate.mean(), by_rate[0])),
            f"{rank:.1f}",
            f"{collapse:.1%}",
        ]

    heads = ["loss", "at the best rate", "mean of the rates", "at the worst rate", "mean rank", "collapsed"]
    return markdown(heads, [row(loss, rank) for loss, rank in zip(LOSSES, ranks, strict=True)])


def beside_theirs(main: Summary) -> str:
    rows = [
        [
            METRICS[metric],
            loss,
            f"{of[metric]:.3f}",
            *(f"{main.at_best(loss, metric, net).mean():.3f}" for net in NETS),
        ]
        for metric in THEIRS[BCE]
        for loss, of in THEIRS.items()
    ]
    return markdown(["metric", "loss", "theirs", *NETS], rows)


def against(main: Summary, other: str, net: str) -> str:
    """Wins, ties and losses, and the sign test's probabilities of the same."""

    def cell(loss: str, metric: str) -> str:
        gains = main.at_best(loss, metric, net) - main.at_best(other, metric, net)
        counted = "/".join(map(str, wins_ties_losses(gains)))
        return f"{gains.mean():+.3f}; {counted}; {'/'.join(f'{x:.2f}' for x in sign_test(gains))}"

    rows = [[loss, *(cell(loss, metric) for metric in METRICS)] for loss in LOSSES if loss != other]
    return markdown(["loss", *TITLES], rows)


def collapses(main: Summary, net: str) -> str:
    rows = [[loss, *(f"{main.collapse(loss, metric, net):.1%}" for metric in METRICS)] for loss in LOSSES]
    return markdown(["loss", *TITLES], rows)


def of_batches(batches: Summary, net: str) -> str:
    """By loss, a column for each metric and size: the mean, and how many collapse."""
    sizes = {case.variant: f"{100 * case.batch:g} %" for case in BATCHES}
    losses = dict.fromkeys(case.loss for case in BATCHES)
    metrics = list(dict.fromkeys(metric for case in BATCHES for metric in case.metrics))

    def cell(loss: str, metric: str, size: str) -> str:
        key = (f"{loss}, {size}", metric, net)
        return f"{batches.at_best(*key).mean():.3f} ({batches.collapse(*key):.0%})"

    heads = ["loss", *(f"{METRICS[metric]}, {share}" for metric in metrics for share in sizes.values())]
    return markdown(
        heads, [[loss, *(cell(loss, m, size) for m in metrics for size in sizes)] for loss in losses]
    )


def variants(plain: Summary, extras: Summary, net: str) -> str:
    """What a variant gains over the same loss without it, and how many collapse without and with."""
    metrics_of: dict[tuple[str, str], list[str]] = {}
    for case in EXTRAS:
        metrics_of.setdefault((case.loss, case.variant), []).extend(case.metrics)

    def cell(loss: str, variant: str, metric: str) -> str:
        gain = extras.at_best(f"{loss}, {variant}", metric, net) - plain.at_best(loss, metric, net)
        error = gain.std(ddof=1) / len(gain) ** 0.5 if len(gain) > 1 else np.nan
        return f"{gain.mean():+.3f} ± {error:.3f}"

    def row(loss: str, variant: str, metrics: list[str]) -> list[str]:
        without = np.mean([plain.collapse(loss, metric, net) for metric in metrics])
        with_it = np.mean([extras.collapse(f"{loss}, {variant}", metric, net) for metric in metrics])
        cells = [cell(loss, variant, metric) if metric in metrics else "" for metric in METRICS]
        return [f"{loss}, {variant}", *cells, f"{without:.1%} → {with_it:.1%}"]

    rows = [row(*which, metrics) for which, metrics in metrics_of.items()]
    return markdown(["loss", *TITLES, "collapsed"], rows)


def by_rate(main: Summary, metric: str, net: str) -> str:
    rows = [[loss, *(f"{x:.3f}" for x in main.values[loss, metric, net].mean(0))] for loss in LOSSES]
    return markdown(["loss", *map(str, RATES)], rows)


HEAD = """\
# Does it train better?

The experiment of AnyLoss (Han, Moniz, Chawla 2024) with compiled losses, on {sets} of KEEL's 100
imbalanced sets with their published halves: nets are trained on one and tested on the other. Written by
`make quality` from `quality.json` beside it.

- Features are standardised by the training half. The nets are a single layer, which is logistic
  regression, and an MLP with one hidden layer of {hidden} units, relu. Each trains {repeats} times on
  each half, from fresh weights; these and the batches are the same for every loss.
- Adam, {steps} steps: the 50 epochs of batches of 5 % of the training half. A batch has the nearest power
  of two rows, and at least 32: of most sets 5 % are fewer, and small sets are gone through more often
  than 50 times.
- A compiled loss is trained on the metric that it is judged by. Weighted BCE gives the classes of the
  training half equal weight in all; focal loss has gamma 2 and no weights. A tuned threshold is the best
  for the metric on the training half; else it is ½.
- Rates: {all_rates}. Each loss has for each metric and net the one with the best mean over all sets; this
  choice is the only one that looks at test halves, and every loss has it.
- Better and worse begin with a difference of {rope}. The probabilities are a Bayesian sign test's
  (Benavoli et al. 2017), that on further sets better, equal or worse is the most frequent outcome.
  Several sets are variants of one another, so that these are too sure."""
MEANS = "Of the metric on the test halves, at the best rate, which stands in brackets."
OVERALL = """\
Means over the five metrics and both nets, each loss trained on its metric. The rate is the best, none in
particular, or the worst for the loss. A rank is among all losses on a set, from 1."""
THEIR_MEANS = """\
The authors compared later, more cleanly than in the paper, on 102 other sets in 5 folds: an MLP of two
hidden units, rate 0.01. Levels differ with the sets; the question is whether the distances do."""
AGAINST = """\
Mean difference; sets on which it is better, equal and worse; the sign test's probabilities of these."""
COLLAPSE = "The share of nets, at the best rate, that give all rows of a test half the same label."
BATCH = """\
On {sets} sets, as many steps with each size: the mean at the best rate and, in brackets, the share that
collapses. Sizes are powers of two, from 4 on, but for 100 %, which is all rows."""
VARIANTS = """\
On {sets} sets: the mean gain over the same loss as it is ± its standard error over the sets, and the
share of all these nets that collapses without → with. "BCE first": for half of the steps. "anchored": the
mean of the loss and weighted BCE. Losses are computed in float32 and with zero_division=0 if nothing else
is said."""
