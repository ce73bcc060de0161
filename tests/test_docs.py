"""The documentation site: what its extensions make of the sources, and that its checks can fail.

The site itself is built, strictly, by `make docs`.
"""

from __future__ import annotations

import importlib
import inspect
import math
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest

import metricloss as ml
from metricloss.entries import FAMILIES, Entry, entries
from metricloss.findings import Finding
from tests.test_imports import public

pytestmark = pytest.mark.checkout
DOCS = Path(__file__).parents[1] / "docs"
PAGES = [
    path
    for suffix in ("md", "rst")
    for path in sorted(DOCS.rglob(f"*.{suffix}"))
    if not {"_build", "catalogue"} & set(path.parts)
]


def extension(name: str) -> ModuleType:
    """One of docs/_ext, which stands on the path of Sphinx only."""
    pytest.importorskip("sphinx")
    folder = str(DOCS / "_ext")
    sys.path.insert(0, folder)
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(folder)


# ---- what is public is documented


def test_the_public_names_that_the_site_looks_for_are_those_of_the_package():
    names = extension("public_names").public_names()
    assert {name for name in names if "." not in name} == public().keys()
    assert "errors.OptionError" in names


def built(folder: Path, names: list[str]) -> subprocess.CompletedProcess[str]:
    """A site of one page, on which stand these names, built as strictly as ours."""
    folder.mkdir()
    lines = ["Names", "=====", "", *(f".. py:data:: metricloss.{name}\n" for name in names)]
    (folder / "index.rst").write_text("\n".join(lines))
    paths = [str(DOCS / "_ext"), str(DOCS.parent)]
    (folder / "conf.py").write_text(f"import sys\nsys.path[:0] = {paths}\nextensions = ['public_names']\n")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-n", "-b", "dummy", ".", "out"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_a_name_that_is_not_documented_fails_the_build(tmp_path: Path):
    names = extension("public_names").public_names()
    assert built(tmp_path / "all", names).returncode == 0
    names.remove("check_inputs")
    failed = built(tmp_path / "less", names)
    assert failed.returncode != 0
    assert "metricloss.check_inputs is public and on no page of the reference" in failed.stderr


# ---- docstrings


@pytest.mark.parametrize(
    ("text", "arguments", "expected"),
    [
        ("Cubes x**3.", [], r"Cubes x\*\*3."),
        ("Of `x` and ``y``.", [], "Of ``x`` and ``y``."),
        ("x: a number.\ny: none, or x: y.", ["x", "y"], ":param x: a number.\n:param y: none, or x: y."),
        ("x: one. Returns two.", ["x"], ":param x: one.\n:returns: two."),
        ("Sums x: a number.", ["x"], "Sums x: a number."),
        ("Line.\nErrors: OptionError.", [], "Line.\n\n:Errors: :exc:`~metricloss.errors.OptionError`."),
        ("x: one. Errors: none.", ["x"], ":param x: one.\n\n:Errors: none."),
        ("Raises TypeError for x_.", [], r":Errors: TypeError for x\_."),
        ("Source: Dice 1945.", [], ":Source: Dice 1945."),
        (">>> 2**3\n8", [], ">>> 2**3\n8"),
    ],
)
def test_docstrings_are_laid_out(text: str, arguments: list[str], expected: str):
    assert extension("docstrings").laid_out(text, arguments) == expected


def test_every_argument_of_compile_is_described():
    lines = (inspect.getdoc(ml.compile) or "").splitlines()
    extension("docstrings")._process(None, "function", "compile", ml.compile, None, lines)
    described = re.findall(r"^:param (\w+):", "\n".join(lines), re.MULTILINE)
    assert described == ["metric", "backend", "relaxation", "from_logits", "task", "task_options"]


# ---- commands, emitted functions, formulas


def test_the_page_of_the_command_line_has_every_command():
    command_line = extension("command_line")
    assert {"show", "emit", "check", "list", "demo"} <= set(command_line.commands())
    assert command_line.help_of("emit").startswith("usage: metricloss emit [-h]")


def test_the_emitted_functions_are_described():
    emitted = extension("emitted_functions")
    backend = ml.backend.get_backend("torch")
    loss, *others = map(emitted.described, emitted.functions_of(backend))
    assert loss.startswith(".. py:function:: loss(input, target, weight=None, mask=None)\n   :no-index:")
    assert "   :param target: labels 0/1, or soft ones" in loss
    assert others[0].startswith(".. py:class:: F1Loss()\n   :no-index:\n\n   The loss as a module")
    assert len([loss, *others]) == len(backend.entry_points)
    assert "class indices" in emitted.shapes_of(backend, "multiclass")


def test_emitted_classes_are_described():
    emitted = extension("emitted_functions")
    *_, loss, score = map(emitted.described, emitted.functions_of(ml.backend.get_backend("keras")))
    assert loss.startswith(
        ".. py:class:: F1Loss(name='f1_loss', reduction='sum_over_batch_size', dtype=None)\n"
    )
    assert "   :param reduction: of a vector of losses" in loss
    assert score.startswith(".. py:class:: F1Score(name='f1_score', dtype=None)\n")


def test_a_page_of_the_catalogue_has_every_part():
    pytest.importorskip("matplotlib")
    text = extension("catalogue_pages").page(entries()["tversky"])
    titles = [
        "# Tversky index",
        "## Formula",
        "## Slopes",
        "## What the compiler finds",
        "## Over the ROC plane",
    ]
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        *titles,
        "## Remarks",
        "## Reference",
    ]
    assert 'ml.Metric("tversky", fp_weight=0.3, fn_weight=0.7)' in text
    assert text.count("<math") >= 5
    assert text.count("<svg") == 1
    assert len(text) < 100_000
    assert "- **range**: from 0 to 1" in text
    assert entries()["tversky"].reference in text


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("f1", 'loss = ml.compile("f1", "torch")\n```\n\nMore is better.'),
        ("error_rate", 'loss = ml.compile("error_rate", "torch")\n```\n\nLess is better.'),
        ("prevalence", 'metric = ml.catalogue["prevalence"]\n```'),
        ("frequency_bias", "Neither more nor less is better of itself."),
    ],
)
def test_a_page_says_how_the_metric_is_used(name: str, expected: str):
    assert expected in extension("catalogue_pages")._call(entries()[name], ml.catalogue[name])


def test_findings_say_what_was_sampled_and_link_to_other_metrics():
    pages, entry = extension("catalogue_pages"), entries()["f1"]
    assert pages._finding(entry, Finding("equal to", "f1 = 1 - bray_curtis", (), True)) == (
        "- **equal to**: 1 - [`bray_curtis`](bray_curtis.md)"
    )
    assert pages._finding(entry, Finding("direction", "rises with recall", {}, False, True)) == (
        "- ⚠ **direction**: rises with recall *(sampled, not proved)*"
    )


def test_what_means_something_to_sphinx_is_escaped():
    entry = Entry("x", "A*B_C", "rates", "TP/P", "maximize", "Somebody <1900>", ("a|b",))
    text = extension("catalogue_pages").family_page("rates", [entry])
    assert r"| [A\*B\_C](x.md) | `TP/P` | a\|b |" in text


def test_every_metric_is_on_the_pages_of_the_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pages = extension("catalogue_pages")
    monkeypatch.setattr(pages, "_write_metric_pages", lambda folder, names: None)
    (tmp_path / "forgotten.md").write_text("of a metric that is no more")
    pages.write_pages(tmp_path, entries())
    assert {path.stem for path in tmp_path.iterdir()} == {"index", *(f"family-{family}" for family in FAMILIES)}
    index = (tmp_path / "index.md").read_text()
    families = "".join(path.read_text() for path in tmp_path.glob("family-*.md"))
    for name in entries():
        assert f"]({name}.md)" in index, name
        assert f"]({name}.md) |" in families, name


def test_a_page_is_written_again_when_the_compiler_changes(tmp_path: Path):
    pages = extension("catalogue_pages")
    (tmp_path / "f1.md").write_text("% abc\n\n# F1\n")
    assert pages._is_current(tmp_path / "f1.md", "abc")
    assert not pages._is_current(tmp_path / "f1.md", "abd")
    assert not pages._is_current(tmp_path / "mcc.md", "abc")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("M 0.123456 1 L 5 1 L 9 1 L 9 7 z", "M0.1 1L9 1L9 7z"),
        ("M 0 0 L 0 3.5", "M0 0L0 3.5"),
        ("M 0 0 \nL 5 0 \nL 0 0 \nz\nM 1 1 L 2 2", "M0 0L5 0L0 0zM1 1L2 2"),
        ("M 0 0 L 10 0.2 L 20 0", "M0 0L10 0.2L20 0"),
        ("M 0 0 Q 1 1 2 0", "M 0 0 Q 1 1 2 0"),
    ],
)
def test_paths_are_made_shorter_and_not_other(path: str, expected: str):
    assert extension("pictures").shrunk(f'<path d="{path}"/>') == f'<path d="{expected}"/>'


def test_a_curve_stays_where_it_is():
    arc = [(100 * math.cos(step / 50), 100 * math.sin(step / 50)) for step in range(78)]
    drawn = extension("pictures").shrunk(f'<path d="M {" L ".join(f"{x} {y}" for x, y in arc)}"/>')
    kept = [tuple(map(float, point.split())) for point in drawn[10:-3].split("L")]
    assert 5 < len(kept) < 40
    for before, after in pairwise(kept):
        assert math.hypot(*(sum(pair) / 2 for pair in zip(before, after, strict=True))) > 99.7


# ---- nothing comes from the network


@pytest.mark.parametrize(
    "page",
    [
        '<script src="https://cdn.example/x.js"></script>',
        '<link rel="stylesheet" href="//cdn.example/x.css">',
        "<img alt='x' src=http://x.example/x.png>",
        "<style>@import 'https://fonts.example/x';</style>",
        "body { background: url(https://x.example/x.png) }",
    ],
)
def test_what_a_browser_would_fetch_is_found(page: str, tmp_path: Path):
    (tmp_path / "page.html").write_text(f"<p>{page}</p>")
    assert len(list(extension("offline").fetched_by(tmp_path))) == 1


def test_links_and_names_are_not_fetched():
    page = '<a href="https://x.example">x</a> <svg xmlns="http://www.w3.org/2000/svg"></svg> <img src="x.png">'
    assert extension("offline").fetched(page) == []


# ---- the pages as text


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_code_on_a_page_is_run(path: Path):
    """Python stands in cells or doctests, which are executed; or in blocks of the shell, which are few."""
    languages = re.findall(r"^```(\S+)", path.read_text("utf-8"), re.MULTILINE)
    assert not {"python", "py", "{code-block}"} & set(languages)


def test_the_number_of_metrics_on_the_first_page_is_right():
    for page, words in (
        (DOCS / "index.md", r"The (\d+) metrics"),
        (DOCS.parent / "README.md", r"# (\d+) metrics"),
    ):
        said = re.search(words, page.read_text("utf-8"))
        assert said, page
        assert int(said[1]) == len(ml.catalogue)
