"""The pages of the catalogue, one a metric, written while building by asking the compiler about each.

Metrics are analysed and drawn in several processes. A page begins with a checksum of everything that it was
made from and is left alone while that is the same, so that a second build is quick.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import re
import warnings
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pictures
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.display import status_iterator
from sympy import Heaviside, Symbol

import metricloss as ml
from metricloss import display, plots
from metricloss.backend import backends_folder
from metricloss.entries import FAMILIES, Entry, entries
from metricloss.findings import Finding

#: Of the plots: rare enough that the metrics differ, and not so rare that nothing is to be seen.
PREVALENCE = 0.2


def page(entry: Entry) -> str:
    """The page of a metric, in MyST."""
    metric = ml.catalogue[entry.name]
    return "\n\n".join(
        part
        for part in (
            f"# {_kept(entry.title)}",
            _names(entry),
            _call(entry, metric),
            f"## Formula\n\n{_formula(metric)}",
            _parameters(entry),
            f"## Slopes\n\n{_slopes(metric)}",
            f"## What the compiler finds\n\n{_findings(entry, metric)}",
            f"## Over the ROC plane\n\n{_picture(entry, metric)}",
            entry.remarks and f"## Remarks\n\n{_kept(entry.remarks)}",
            f"## Reference\n\n{_kept(entry.reference)}",
        )
        if part
    )


def family_page(family: str, members: Iterable[Entry]) -> str:
    """The table of a family, in MyST."""
    members = list(members)
    rows = [
        f"| [{_kept(entry.title)}]({entry.name}.md) | `{entry.expression}` | {_aliases(entry)} |"
        for entry in members
    ]
    toctree = "\n".join(["```{toctree}", ":hidden:", "", *(entry.name for entry in members), "```"])
    table = "\n".join(["| metric | formula | also called |", "|---|---|---|", *rows])
    return f"# {FAMILIES[family].capitalize()}\n\n{{.catalogue}}\n{table}\n\n{toctree}"


def index_page(all_entries: Iterable[Entry]) -> str:
    """All families with their metrics, in MyST."""
    families = _by_family(all_entries)
    blocks = [
        f"[{FAMILIES[family].capitalize()}](family-{family}.md)\n"
        f": {', '.join(f'[{_kept(entry.title)}]({entry.name}.md)' for entry in members)}"
        for family, members in families.items()
    ]
    toctree = "\n".join(["```{toctree}", ":hidden:", "", *(f"family-{family}" for family in families), "```"])
    number = sum(map(len, families.values()))
    return f"# Catalogue\n\n{_ABOUT.format(number=number)}\n\n" + "\n\n".join([*blocks, toctree])


_ABOUT = """\
{number} metrics that have a name. Each is stored once, under all its names, and any of these can stand where
an expression can: `ml.compile("mcc", "torch")`, `ml.Metric("dice")`, `metricloss show youden`. Case, blanks
and hyphens do not matter. Every page shows the formula, the two slopes that its loss is made of, and what
the compiler finds when it looks at the metric. `metricloss list --family overlap` prints a family."""


def _names(entry: Entry) -> str:
    family = f"[{FAMILIES[entry.family]}](family-{entry.family}.md)"
    aliases = f" Also called {_aliases(entry)}." if _aliases(entry) else ""
    return f"`{entry.name}`, of the family {family}.{aliases}"


_BETTER = {
    "maximize": "More is better.",
    "minimize": "Less is better.",
    "neither": "Neither more nor less is better of itself. The loss takes more as better, unless you say "
    '`direction="minimize"`.',
}


def _call(entry: Entry, metric: ml.Metric) -> str:
    if metric.slopes.positive == metric.slopes.negative == 0:
        return f'```python\nmetric = ml.catalogue["{entry.name}"]\n```'
    arguments = ", ".join(f"{name}={value}" for name, value in entry.parameters.items())
    expression = f'ml.Metric("{entry.name}", {arguments})' if arguments else f'"{entry.name}"'
    return f'```python\nloss = ml.compile({expression}, "torch")\n```\n\n{_BETTER[entry.direction]}'


def _formula(metric: ml.Metric) -> str:
    loss = metric.loss_of(Symbol(metric.name))
    return _math(display.formula(metric.name, metric.expression), display.formula("loss", loss))


def _parameters(entry: Entry) -> str:
    if not entry.parameters:
        return ""
    other = {ours: theirs for theirs, ours in entry.parameter_aliases.items()}
    said = [
        f"`{name}` = {value}" + (f", also written `{other[name]}`" if name in other else "")
        for name, value in entry.parameters.items()
    ]
    return f"The formula is shown with the default parameters: {'; '.join(said)}."


def _slopes(metric: ml.Metric) -> str:
    slopes = metric.slopes
    about = "How the metric moves with the decision on one entry."
    if slopes.positive.has(Heaviside) or slopes.negative.has(Heaviside):
        about += " Θ is the step function: 0 below 0, 1 above, ½ at 0."
    return f"{about}\n\n{_math(*display.slopes_rows(slopes))}"


def _findings(entry: Entry, metric: ml.Metric) -> str:
    return "\n".join(_finding(entry, finding) for finding in metric.analysis if finding.text != entry.name)


def _finding(entry: Entry, finding: Finding) -> str:
    text = _kept(finding.text.removeprefix(f"{entry.name} = "))
    if finding.topic in ("equal to", "class swap"):
        text = re.sub(r"(?:\w|\\_)+", _linked, text)
    sampled = "" if finding.is_proved else " *(sampled, not proved)*"
    sign = "⚠ " if finding.is_warning else ""
    return f"- {sign}**{finding.topic}**: {text}{sampled}"


def _linked(match: re.Match[str]) -> str:
    """A name of the catalogue as a link to its page, any other word as it is."""
    name = match.group().replace("\\", "")
    return f"[`{name}`]({name}.md)" if name in entries() else match.group()


def _picture(entry: Entry, metric: ml.Metric) -> str:
    description = f"Contours of {entry.title} and of its two slopes over the ROC plane"
    drawn = pictures.shrunk(plots.svg(metric.plot(prevalence=PREVALENCE), entry.name, description))
    about = (
        f"Lines of equal value for each false and true positive rate, where {PREVALENCE:.0%} are positive. "
        "The dot is the perfect classifier, the dashed line is guessing."
    )
    return f"{about}\n\n{_raw(drawn, 'plot')}"


def _math(*rows: str) -> str:
    return _raw("\n".join(rows), "math")


def _raw(html: str, css_class: str) -> str:
    fence = "`" * 3
    return f'{fence}{{raw}} html\n<div class="{css_class}">\n{html}\n</div>\n{fence}'


def _kept(text: str) -> str:
    """Plain text whose signs mean nothing in MyST."""
    return "".join(f"\\{sign}" if sign in "\\`*_[]<>|$#{}" else sign for sign in text)


def _aliases(entry: Entry) -> str:
    """The other names, but for those that differ from the title in case only."""
    return ", ".join(_kept(name) for name in entry.aliases if name.lower() != entry.title.lower())


def _by_family(all_entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    families: dict[str, list[Entry]] = {family: [] for family in FAMILIES}
    for entry in all_entries:
        families[entry.family].append(entry)
    return families


def write_pages(folder: Path, records: Mapping[str, Entry]) -> None:
    """Write the pages that are not up to date, and remove those that nothing stands for."""
    folder.mkdir(exist_ok=True)
    tables = {"index": index_page(records.values())}
    for family, members in _by_family(records.values()).items():
        tables[f"family-{family}"] = family_page(family, members)
    for name, text in tables.items():
        _write(folder / f"{name}.md", text)
    _write_metric_pages(folder, records)
    for stale in {path.stem for path in folder.glob("*.md")} - {*tables, *records}:
        (folder / f"{stale}.md").unlink()


def _write_metric_pages(folder: Path, names: Iterable[str]) -> None:
    made_from = checksum()
    old = [name for name in names if not _is_current(folder / f"{name}.md", made_from)]
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn")) as pool:
        made = pool.map(_page_of, old, chunksize=4)
        told = status_iterator(made, "asking about metrics... ", length=len(old), stringify_func=_title)
        for name, text in zip(old, told, strict=True):
            _write(folder / f"{name}.md", f"% {made_from}\n\n{text}")


def _page_of(name: str) -> str:
    warnings.simplefilter("ignore", ml.MetricLossWarning)  # what these say stands on the page
    try:
        return page(entries()[name])
    except Exception as error:
        raise ExtensionError(f"the catalogue's page of {name} cannot be made: {error!r}") from error


def _title(page: str) -> str:
    return page.partition("\n")[0].lstrip("# ")


def checksum() -> str:
    """Of the compiler, the catalogue, the backends and this folder: of everything that pages are made from."""
    folders = (Path(ml.__file__).parent, backends_folder())
    files = {path for folder in folders for suffix in ("py", "toml") for path in folder.rglob(f"*.{suffix}")}
    own = sorted(Path(__file__).parent.glob("*.py"))
    texts = [path.read_bytes() for path in (*sorted(files), *own)]
    return hashlib.sha256(b"".join(texts)).hexdigest()[:16]


def _is_current(path: Path, made_from: str) -> bool:
    return path.exists() and path.read_text("utf-8").startswith(f"% {made_from}\n")


def _write(path: Path, text: str) -> None:
    text += "\n"
    if not path.exists() or path.read_text("utf-8") != text:  # or Sphinx would read it again
        path.write_text(text, "utf-8")


def _generate(app: Sphinx) -> None:
    write_pages(Path(app.srcdir) / "catalogue", entries())


def setup(app: Sphinx) -> dict[str, object]:
    """Write the pages before Sphinx looks for them."""
    app.connect("builder-inited", _generate)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
