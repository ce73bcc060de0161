"""What the README says is true: its code runs, its commands exist, its excerpt and table are the real ones.

``python tests/test_readme.py`` (or ``make readme``) writes the generated parts again.
"""

from __future__ import annotations

import ast
import re
import shlex
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"

pytestmark = pytest.mark.checkout


def excerpt() -> str:
    """The head of the file that the README's first example prints."""
    import metricloss as ml

    text = ml.emit(ml.Metric("2*TP/(2*TP + FP + FN)", name="f1"), "torch").text
    head = ast.parse(text).body[0]
    return "\n".join(["```py", *text.splitlines()[: head.end_lineno], "```"])


def backends_table() -> str:
    """One row for each backend.toml."""
    from metricloss.backend import all_backends

    lines = ["| backend | call | gradient | sums |", "|---|---|---|---|"]
    for backend in all_backends():
        facts = backend.facts
        lines.append(
            f"| {backend.title}, `{backend.name}` | `{backend.call}` | {facts['gradient']} | {facts['sums']} |"
        )
    return "\n".join(lines)


def analysis() -> str:
    """What the example prints."""
    import metricloss as ml

    return "\n".join(["```text", str(ml.catalogue["recall"].analysis), "```"])


def speed() -> str:
    """The short table of the recorded benchmarks."""
    from benchmarks.results import Results
    from benchmarks.tables import short

    return short(Results.read(ROOT / "benchmarks" / "results"))


def quality() -> str:
    """The short table of what trains better."""
    from benchmarks.quality.page import short
    from benchmarks.quality.records import Records

    return short(Records.read(ROOT / "benchmarks" / "results" / "quality.json"))


PARTS = {
    "excerpt": excerpt,
    "backends": backends_table,
    "analysis": analysis,
    "speed": speed,
    "quality": quality,
}


def refreshed(text: str) -> str:
    """The README with its generated parts made again."""
    for name, made in ((name, make()) for name, make in PARTS.items()):
        before, begin, rest = text.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition("<!-- end -->\n")
        assert end, f"README.md has no place for {name}"
        text = f"{before}{begin}{made}\n{end}{after}"
    return text


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README.read_text("utf-8"), flags=re.S | re.M)


def test_the_generated_parts_are_fresh():
    text = README.read_text("utf-8")
    assert text == refreshed(text), "run: make readme"


def test_the_code_runs(capsys):
    import metricloss as ml

    torch = pytest.importorskip("torch")
    target = torch.tensor([1, 0, 0, 1])
    known = {"logits": torch.zeros(4, requires_grad=True), "target": target}
    code = blocks("python")
    assert len(code) == 4
    for block in code:
        exec(compile(block, "README.md", "exec"), known)
    assert known["logits"].grad.abs().sum() > 0
    assert capsys.readouterr().out == f"{known['loss'].source}\n{ml.catalogue['recall'].analysis}\n"
    assert known["phi"].metric == ml.catalogue["Matthews correlation"]
    assert known["f2"].at(1, 0, 1, 0) == pytest.approx(5 / 9)
    assert known["cost"].at(1, 1, 1, 1) == 1.5
    assert known["mcc"].at(2, 0, 0, 2) == pytest.approx(1)
    scores, labels = torch.randn(2, 3, 4, 4), torch.randint(0, 2, (2, 4, 4))
    assert known["tags"](scores, torch.ones(2, 3, 4, 4)).shape == known["image"](scores, labels).shape == ()
    labels[0, 0] = 255
    assert known["dice"](scores, labels).isfinite()


def test_the_relaxations_of_the_table_are_relaxations():
    import metricloss as ml

    rows = re.findall(r"^\| `(ml\.\w+|\")", README.read_text("utf-8"), flags=re.M)
    names = {row.removeprefix("ml.") for row in rows} - {'"'}
    from metricloss.relaxations import NAMED

    assert names == set(NAMED)
    assert ml.Relaxation("p**2*(3 - 2*p)").threshold == 0.5


def test_the_command_line_runs(tmp_path, monkeypatch, capsys):
    from metricloss.cli import main

    monkeypatch.chdir(tmp_path)
    lines = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("metricloss ")]
    assert {shlex.split(line)[1] for line in lines} == {"show", "emit", "check", "list", "report"}
    for line in lines:
        assert not main(shlex.split(line, comments=True)[1:]), line
        assert any(capsys.readouterr()), line
    assert (tmp_path / "f1_loss.py").read_text("utf-8").startswith('"""A loss for PyTorch')


def test_the_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in re.findall(r"(?:^|`)make (\w+)", README.read_text("utf-8"), flags=re.M):
        assert re.search(rf"^{target}:", makefile, flags=re.M), target


def test_links_lead_somewhere():
    for link in re.findall(r"\]\(([^)]+)\)", README.read_text("utf-8")):
        assert (ROOT / link).exists(), link


def test_it_is_short():
    assert len(README.read_text("utf-8").splitlines()) <= 220


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    README.write_text(refreshed(README.read_text("utf-8")), encoding="utf-8")
