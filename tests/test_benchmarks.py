"""The benchmarks run, say who takes part, and time nobody who computes something else. Nothing about speed."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.checkout

ROOT = Path(__file__).resolve().parents[1]
SPEED = ROOT / "benchmarks" / "speed.py"
#: Who is to be there, in the first mode of each framework, with what is done in the smallest program.
EVERYONE = {"metricloss", "plain formula", "cross-entropy", "copy"}
PEERS = {
    "torch": {"MONAI", "segmentation-models-pytorch", "kornia", "pytorch_optimizer"},
    "jax": {"optax"},
    "tensorflow": {"Keras"},
    "numpy": {"metricloss, array_api"},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("results")


def run(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, SPEED, *words], check=True, text=True, capture_output=True)


@pytest.mark.parametrize("name", PEERS)
def test_a_framework_is_measured(folder, name):
    pytest.importorskip(name)
    run("--program", "tiny", "--only", name, "--output", folder)
    rows = json.loads((folder / f"{name}.json").read_text("utf-8"))["rows"]
    left_out = {row["who"]: row["status"] for row in rows if row["status"] != "timed"}
    assert set(left_out.values()) <= {"missing"}
    assert {row["who"] for row in rows} == EVERYONE | PEERS[name]
    assert {row["average"] for row in rows} == {"binary", "samples-macro"}
    for row in rows:
        if row["status"] == "timed":
            assert len(row["seconds"]) == 2
            assert min(row["seconds"]) > 0
            assert row["allocated"] > 0
    page = (folder / "results.md").read_text("utf-8")
    lines = {line.split("|")[1].strip() for line in page.splitlines() if line.startswith("|")}
    expected = {who if metric is None else f"{who}: {metric}" for who, metric in named(rows)}
    assert expected - lines == set()
    assert all(f"- {who}: not installed" in page for who in left_out)


def named(rows: list[dict]) -> set[tuple[str, str | None]]:
    timed = (row for row in rows if row["status"] == "timed" and row["relaxation"] in (None, "Soft"))
    return {(row["who"], row["metric"]) for row in timed}


def numpy_rows(loss) -> list[dict]:
    """What the process of NumPy says, if our loss is replaced by a function of it."""
    from benchmarks import of_numpy
    from benchmarks.cases import OURS, TINY
    from benchmarks.worker import TIME, measured

    class Planted(of_numpy.NumPy):
        def contestants(self, case):
            for contestant in super().contestants(case):
                is_ours = contestant.who == OURS and contestant.metric == "F1"
                yield replace(contestant, loss=loss(contestant.loss)) if is_ours else contestant

    rows = measured(Planted(), TINY.cases[0], "numpy", TINY, {TIME})
    return [row for row in rows if row["who"] == OURS and row["metric"] == "F1"]


def changed(value, gradient):
    """A loss of which value and gradient are changed."""
    return lambda loss: lambda z, y: tuple(f(x) for f, x in zip((value, gradient), loss(z, y), strict=True))


def same(x):
    return x


@pytest.mark.parametrize(
    ("plant", "status", "note"),
    [
        (same, "timed", ""),
        (changed(same, lambda g: 1.01 * g), "refused", "gradient by 1.0e-02"),
        (changed(lambda v: v + 0.01, same), "refused", "value off by 1.0e-02"),
        (changed(same, lambda g: g[::-1]), "refused", "gradient by"),
        (changed(same, lambda g: g[:-1]), "refused", "gradient by inf"),
        (changed(same, lambda g: np.full_like(g, np.nan)), "refused", "gradient by inf"),
        (lambda loss: lambda z, y: 1 / 0, "failed", "ZeroDivisionError: division by zero"),
    ],
)
def test_who_computes_something_else_is_not_timed(plant, status, note):
    (row,) = numpy_rows(plant)
    assert row["status"] == status
    assert note in row["note"]
    assert ("seconds" in row) == (status == "timed")


def test_a_peer_that_is_not_installed_is_said_to_be_missing(tmp_path):
    from benchmarks.cases import TINY
    from benchmarks.of_numpy import NumPy
    from benchmarks.results import Results
    from benchmarks.tables import left_out
    from benchmarks.worker import TIME, measured

    def absent(case):
        raise ModuleNotFoundError("No module named 'absent'")

    class Lonely(NumPy):
        peers = {"Absent": absent}  # noqa: RUF012  it lives for this test

    rows = measured(Lonely(), TINY.cases[0], "numpy", TINY, {TIME})
    (tmp_path / "numpy.json").write_text(json.dumps({"rows": rows}), "utf-8")
    assert left_out(Results.read(tmp_path)) == "- Absent: not installed (No module named 'absent')"


def test_targets_are_judged_by_the_worst(tmp_path):
    """By medians, where ours takes 0.3 and 0.6 of the time of cross-entropy."""
    from benchmarks.results import Results
    from benchmarks.targets import judged

    head = {"mode": "eager", "shape": [2**24], "labels": "float32", "average": "binary", "status": "timed"}
    entropy = head | {"who": "cross-entropy", "metric": None, "relaxation": None, "seconds": [1, 1, 9]}
    ours = head | {"who": "metricloss", "relaxation": "Soft", "allocated": 4 * 2**24}
    rows = [
        entropy,
        ours | {"metric": "F1", "seconds": [0.6, 0.3, 0.2]},
        ours | {"metric": "MCC", "seconds": [0.6]},
        ours | {"metric": "G-mean", "seconds": [], "status": "refused", "note": "value off by 0.5"},
    ]
    (tmp_path / "torch.json").write_text(json.dumps({"rows": rows}), "utf-8")
    found = [(one.target, one.measured, one.verdict) for one in judged(Results.read(tmp_path))]
    assert found == [
        ("all", "2 of 3", "missed"),
        ("≤ 1.0", "0.30 to 0.60 (MCC at 2²⁴)", "met"),
        ("≤ 0.5", "0.30 to 0.60 (MCC at 2²⁴)", "missed"),
        ("≤ 1.1", "1.00 to 1.00 (F1 at 2²⁴)", "met"),
    ]


def test_the_command_tells_its_options():
    told = run("--help").stdout
    assert all(option in told for option in ("--quick", "--only", "--output", "--redraw", "--short"))


@pytest.mark.parametrize("what", ["--redraw", "--short"])
def test_a_folder_without_results_is_named(tmp_path, what):
    with pytest.raises(subprocess.CalledProcessError) as failed:
        run(what, "--output", tmp_path / "typo")
    assert "typo holds no results" in failed.value.stderr
    assert not (tmp_path / "typo").exists()
