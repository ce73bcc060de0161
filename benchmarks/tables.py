"""Results as a page of markdown tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from tabulate import tabulate

from benchmarks.cases import COPY, ENTROPY, OURS, PLAIN, RELAXATIONS
from benchmarks.results import BYTES, Results, Row, power
from benchmarks.targets import judged

HEAD = """# Speed and memory

Written by `make bench` from the JSON files beside it; `benchmarks/README.md` says how it is measured.
Ratios are the result: 1 is the framework's own cross-entropy in the same mode, forward and backward, on the
same arrays.
"""
#: From this difference on, who is timed is named.
FAR = 1e-4
TIME = "Time, in that of cross-entropy: median (fastest–slowest round)"
MEMORY = "Peak extra memory, in bytes of the scores"


def page(results: Results, pictures: Iterable[Path] = ()) -> str:
    """All of it; pictures beside it are shown."""
    parts = [HEAD, machine(results), "## Targets", targets(results), *shown(pictures)]
    titles = list(dict.fromkeys(row.title for row in results.rows))
    for title in titles:
        rows = [row for row in results.rows if row.title == title]
        parts += [f"## {title}"]
        for kind, is_binary in (("binary", True), ("several classes", False)):
            some = [row for row in rows if row.is_binary == is_binary]
            if some:
                parts += [f"{TIME}, {kind}:", table(some, lambda row: time(results, row))]
                parts += [f"{MEMORY}, {kind}:", table(some, lambda row: memory(row))]
    parts += ["## Left out, or imprecise", left_out(results)]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def short(results: Results) -> str:
    """For the README, at 2²⁰ scores if these were measured, else at the most: a line for each mode."""
    rows = [row for row in results.timed if row.is_binary and row.labels == "float32"]
    rows = [row for row in rows if row.framework != "numpy"]  # which has no cross-entropy of its own
    sizes = {row.size for row in rows}
    if not sizes:
        return "None of the frameworks that were measured has a cross-entropy of its own."
    size = 2**20 if 2**20 in sizes else max(sizes)
    rows = [row for row in rows if row.size == size]

    def cell(title: str, *wanted: str | None) -> str:
        ratios = [
            results.ratio(x) for x in rows if x.title == title and (x.who, x.metric, x.relaxation) == wanted
        ]
        return f"{ratios[0]:.2f}" if ratios else ""

    def others(title: str) -> str:
        ratios = [results.ratio(x) for x in rows if x.title == title and x.is_peer and x.metric == "F1"]
        return "–".join(f"{x:.2f}" for x in sorted({min(ratios), max(ratios)})) if ratios else ""

    steep = RELAXATIONS[1]
    lines = [
        [title, cell(title, OURS, "F1", "Soft"), cell(title, PLAIN, "F1", "Soft"), others(title),
         cell(title, OURS, "MCC", steep), cell(title, PLAIN, "MCC", steep), cell(title, COPY, None, None)]
        for title in dict.fromkeys(row.title for row in rows)
    ]  # fmt: skip
    mcc = f"MCC, {steep}"
    heads = [f"{power(size)} scores", "F1", "plain F1", "other libraries' F1", mcc, f"plain {mcc}", "copy"]
    return markdown(heads, lines)


def shown(pictures: Iterable[Path]) -> list[str]:
    return [f"![Time and memory against the number of scores: {path.stem}]({path.name})" for path in pictures]


def machine(results: Results) -> str:
    rows = []
    for framework, facts in results.facts.items():
        where, versions = facts["machine"], facts["versions"]
        here = {name: version for name, version in versions.items() if f"{name}-cpu" not in versions}
        named = ", ".join(f"{name} {version}" for name, version in here.items())
        rows.append([framework, where["cpu"], where["cores"], facts["threads"], where["date"], named])
    return markdown(["framework", "processor", "cores", "threads", "date", "versions"], rows)


def targets(results: Results) -> str:
    rows = [[one.what, one.target, one.measured, one.verdict] for one in judged(results)]
    return markdown(["what", "target", "measured", ""], rows)


def table(rows: list[Row], cell: Callable[[Row], str]) -> str:
    """A line for each contestant, a column for each case."""
    cases = list(dict.fromkeys(row.case for row in rows))
    cells: dict[str, dict[str, str]] = {}
    for row in rows:
        if row.status != "missing":
            cells.setdefault(row.name, {})[row.case] = cell(row) if row.status == "timed" else row.status
    return markdown(["", *cases], [[name, *(of.get(case, "") for case in cases)] for name, of in cells.items()])


def time(results: Results, row: Row) -> str:
    if row.who == ENTROPY:
        return f"1 = {duration(row.median)} ({duration(min(row.seconds))}–{duration(max(row.seconds))})"
    low, high = results.span(row)
    return f"{results.ratio(row):.2f} ({low:.2f}–{high:.2f})"


def duration(seconds: float) -> str:
    unit, scale = ("s", 1) if seconds >= 1 else ("ms", 1e3) if seconds >= 1e-3 else ("µs", 1e6)
    return f"{seconds * scale:.3g} {unit}"


def memory(row: Row) -> str:
    """By the framework's account, and as the system saw it, where each is known."""
    of = [x / (BYTES * row.size) for x in (row.allocated, row.resident) if x is not None]
    return " / ".join(f"{x:.2f}" for x in of)


def left_out(results: Results) -> str:
    """Who was not timed, and why; and who was, but is not close to float64."""
    lines = []
    for row in results.rows:
        if row.status == "missing":
            lines.append(f"- {row.who}: not installed ({row.note})")
        elif row.status != "timed":
            lines.append(f"- {row.title}, {row.case}, {row.name}: {row.status}, {row.note}")
        elif max(row.value_off or 0, row.gradient_off or 0) > FAR:
            off = f"value off by {row.value_off:.1e}, gradient by {row.gradient_off:.1e} of its largest entry"
            lines.append(f"- {row.title}, {row.case}, {row.name}: timed, with {off}")
    return (
        "\n".join(dict.fromkeys(lines))
        or "Nobody: every contestant is installed and agrees with the plain formula."
    )


def markdown(heads: list[str], rows: Iterable[list[object]]) -> str:
    return tabulate(list(rows), headers=heads, tablefmt="pipe", disable_numparse=True)
