"""What was aimed at, and whether it was met: the worst case of each target."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from benchmarks.cases import PLAIN
from benchmarks.results import Results, Row

COMPILED = ("torch.compile", "jax.jit", "XLA")


@dataclass(frozen=True)
class Judged:
    what: str
    target: str
    measured: str
    verdict: str


def judged(results: Results) -> list[Judged]:
    """A line for each target and mode for which there are figures."""
    return [
        line
        for target in (right, entropy, small, peers, numpy, memory, growth, metrics)
        for line in target(results)
    ]


def right(results: Results) -> Iterator[Judged]:
    """What of ours was refused, or fails, has no time to be judged by."""
    rows = [row for row in results.rows if row.is_ours]
    timed = [row for row in rows if row.status == "timed"]
    verdict = "met" if len(timed) == len(rows) else "missed"
    yield Judged("ours agrees with float64, and is timed", "all", f"{len(timed)} of {len(rows)}", verdict)


def entropy(results: Results) -> Iterator[Judged]:
    for title, rows in by_title(row for row in ours(results) if row.is_binary and row.size >= 2**16):
        if title != "numpy":  # which has no cross-entropy of its own
            yield judge(f"any metric, n ≥ 2¹⁶, to cross-entropy: {title}", 1.0, rows, results.ratio)
        if title == "torch eager":
            rows = [row for row in rows if row.size == 2**24]
            yield from some(f"the same at 2²⁴: {title}", 0.5, rows, results.ratio)


def small(results: Results) -> Iterator[Judged]:
    rows = [row for row in ours(results) if row.size == 2**8 and fastest(results, row)]
    for title, of in by_title(rows):
        yield judge(f"2⁸, to the fastest peer: {title}", 1.0, of, lambda row: to_peer(results, row))


def peers(results: Results) -> Iterator[Judged]:
    rows = [row for row in ours(results) if (row.size == 2**20 or not row.is_binary) and fastest(results, row)]
    for title, of in by_title(rows):
        what = f"2²⁰ and several classes, to the fastest peer: {title}"
        yield judge(what, 0.5, of, lambda row: to_peer(results, row))


def numpy(results: Results) -> Iterator[Judged]:
    def to_plain(row: Row) -> float | None:
        plain = next((other for other in results.same_loss(row) if other.who == PLAIN), None)
        return plain and row.median / plain.median

    rows = [row for row in ours(results) if row.title == "numpy" and row.size == 2**24 and row.is_binary]
    yield from some("2²⁴, to the straightforward formula: numpy", 0.5, rows, to_plain)


def memory(results: Results) -> Iterator[Judged]:
    rows = [row for row in ours(results) if row.title == "torch eager" and row.size == 2**24 and row.is_binary]
    yield from some(
        "peak extra memory at 2²⁴, in bytes of the scores: torch eager", 1.1, rows, lambda row: row.memory
    )


def growth(results: Results) -> Iterator[Judged]:
    before = {(row.title, row.name): row for row in ours(results) if row.case == "2²⁰"}
    rows = [row for row in ours(results) if row.case == "2²⁴" and (row.title, row.name) in before]

    def to_linear(row: Row) -> float:
        return row.median / (16 * before[row.title, row.name].median)

    for title, of in by_title(rows):
        yield judge(f"time at 2²⁴ in 16 times that at 2²⁰: {title}", 1.1, of, to_linear)


def metrics(results: Results) -> Iterator[Judged]:
    def to_f1(row: Row) -> float | None:
        wanted = row.group, row.relaxation, "F1"
        f1 = next((x for x in ours(results) if (x.group, x.relaxation, x.metric) == wanted), None)
        return f1 and row.median / f1.median

    rows = [row for row in ours(results) if row.metric == "MCC" and row.is_binary and row.mode in COMPILED]
    for title, of in by_title(row for row in rows if row.size >= 2**16 and row.relaxation == "Soft"):
        yield judge(f"MCC to F1, n ≥ 2¹⁶: {title}", 1.05, of, to_f1)


def judge(what: str, limit: float, rows: list[Row], figure: Callable[[Row], float | None]) -> Judged:
    """By the worst of the rows."""
    figures = [(x, row) for row in rows if (x := figure(row)) is not None and x == x]
    if not figures:
        return Judged(what, f"≤ {limit}", "not measured", "")
    worst, where = max(figures, key=lambda pair: pair[0])
    best = min(x for x, _ in figures)
    measured = f"{best:.2f} to {worst:.2f} ({where.loss} at {where.case})"
    return Judged(what, f"≤ {limit}", measured, "met" if worst <= limit else "missed")


def some(what: str, limit: float, rows: list[Row], figure: Callable[[Row], float | None]) -> list[Judged]:
    return [judge(what, limit, rows, figure)] if rows else []


def ours(results: Results) -> list[Row]:
    return [row for row in results.timed if row.is_ours]


def by_title(rows: Iterable[Row]) -> list[tuple[str, list[Row]]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.title, []).append(row)
    return [*found.items()]


def fastest(results: Results, row: Row) -> Row | None:
    """The fastest peer that computes the same."""
    return min((x for x in results.same_loss(row) if x.is_peer), key=lambda x: x.median, default=None)


def to_peer(results: Results, row: Row) -> float:
    return row.median / fastest(results, row).median
