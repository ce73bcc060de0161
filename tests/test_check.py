"""check finds every wrong gradient, in every backend, and has no false alarm."""

from __future__ import annotations

import dataclasses
import math
import shutil

import pytest

import metricloss as ml
import metricloss.check
from metricloss.backend import Backend, all_backends, get_backend
from metricloss.check import TOLERANCES, Report, Row, check, load_trial, relative_error
from metricloss.cli import main
from metricloss.compiler import source_of
from metricloss.errors import BackendError, MissingFrameworkError

F1 = "2*TP/(2*TP + FP + FN)"
MCC = "(TP*TN - FP*FN)/sqrt(PP*P*N*PN)"
INSTALLED = [backend.name for backend in all_backends() if backend.is_installed]

_SLOPES = """
correct = slopes
def slopes(*counts):
    positive, negative = correct(*counts)
    return {}
"""
#: Where there are both functions, a loss computes with the first.
_CHAIN = """
if "relax_and_slope" in globals():
    both = relax_and_slope
    def relax_and_slope(score):
        decided, rejected, slope = both(score)
        return decided, rejected, slope * 1.001
else:
    correct = relax_slope
    def relax_slope(score): return correct(score) * 1.001
"""
#: What goes at the end of an emitted file, and which column it must be seen in.
FAULTS = {
    "slope": (_SLOPES.format("1.001 * positive, negative"), "differences"),
    "sign": (_SLOPES.format("positive, -negative"), "differences"),
    "nan": (_SLOPES.format("positive * float('nan'), negative"), "differences"),
    "chain": (_CHAIN, "differences"),
    "value": ("correct = metric\ndef metric(*counts): return correct(*counts) + 0.001", "formula"),
}


@pytest.fixture
def broken(monkeypatch):
    """A function that puts a fault into what is emitted for one backend."""

    def broken(fault: str, name: str) -> None:
        def emitted(recipe, backend):
            source = source_of(recipe, backend)
            wrong = f"{source.text}\n\n{FAULTS[fault][0]}"
            return dataclasses.replace(source, text=wrong) if source.backend.name == name else source

        monkeypatch.setattr(metricloss.check, "source_of", emitted)

    return broken


@pytest.mark.parametrize(
    "options",
    [
        {"task": "multiclass"},
        {"task": "multiclass", "average": "micro", "from_logits": False},
        {"task": "multilabel", "average": "samples-macro", "class_axis": 0, "class_weight": (1, 2, 0)},
        {"task": "multilabel", "average": None, "relaxation": "AnyLoss(10)"},
        {"average": "samples"},
    ],
    ids=repr,
)
def test_every_task_passes(options):
    metric = ml.Metric("2*TP/(2*TP + FP + FN)", zero_division="skip")
    report = check(metric, **options)
    assert report.ok, str(report)
    assert all(set(row.errors) >= {"formula", "differences"} for row in report.rows if not row.note)


def test_every_backend_passes():
    report = check(MCC)
    assert report.ok
    assert [row.backend for row in report.rows if row.errors] == INSTALLED
    for row in report.rows:
        if row.backend in ("torch", "jax", "tensorflow", "keras") and row.errors:
            assert "autodiff" in row.errors


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", INSTALLED)
def test_a_fault_is_found(broken, fault, name):
    broken(fault, name)
    row = check(F1, backends=[name]).rows[0]
    assert not row.ok
    assert not row.errors[FAULTS[fault][1]] <= TOLERANCES[FAULTS[fault][1]]
    if fault != "value" and "autodiff" in row.errors:
        assert row.errors["autodiff"] > 1e-4


def test_the_one_that_differs_is_the_one_that_fails(broken, capsys):
    if len(INSTALLED) < 3:
        pytest.skip("a median needs three backends")
    broken("slope", INSTALLED[1])
    words = [word for name in INSTALLED[:3] for word in ("--backend", name)]
    assert main(["check", F1, *words]) == 1
    results = {line.split()[0]: line.split()[-1] for line in capsys.readouterr().out.splitlines()[2:5]}
    assert results == {INSTALLED[0]: "ok", INSTALLED[1]: "FAIL", INSTALLED[2]: "ok"}


STEEP = ("AnyLoss(73)", "ScoreOriented(0.3, 0.05)", "p**2*(3 - 2*p)")
OPTIONS = [
    ("SigmoidF1(100, 2)", True),
    *((relaxation, logits) for relaxation in STEEP for logits in (True, False)),
]


@pytest.mark.filterwarnings("ignore::metricloss.MetricLossWarning")
@pytest.mark.parametrize(("relaxation", "from_logits"), OPTIONS)
@pytest.mark.parametrize("metric", [F1, MCC, "sqrt(TP/P*TN/N)", "TP/Min(PP, P)", "log(1 + TP)/log(1 + n)"])
def test_no_false_alarm(metric, relaxation, from_logits):
    pytest.importorskip("numpy")
    report = check(metric, backends=["numpy"], relaxation=relaxation, from_logits=from_logits, seed=1)
    assert report.ok, report


def test_the_seed_decides():
    pytest.importorskip("numpy")
    assert check(F1, backends=["numpy"]) == check(F1, backends=["numpy"], seed=0)
    assert check(F1, backends=["numpy"]).rows != check(F1, backends=["numpy"], seed=1).rows


def test_jax_keeps_its_precision():
    jax = pytest.importorskip("jax")
    with load_trial(get_backend("jax")).enable_x64(False):
        assert check(F1, backends=["jax"]).ok
        assert jax.numpy.ones(1).dtype == "float32"


def test_what_is_not_installed_gets_a_row(monkeypatch, capsys):
    pytest.importorskip("numpy")
    monkeypatch.setattr(Backend, "is_installed", property(lambda backend: backend.name == "numpy"))
    assert main(["check", F1]) == 0
    out = capsys.readouterr().out
    assert "not installed: pip install torch" in out
    assert out.count("not installed") == len(list(all_backends())) - 1


def test_nothing_tried_is_no_success(monkeypatch, capsys):
    monkeypatch.setattr(Backend, "is_installed", False)
    assert main(["check", F1]) == 1
    assert "not installed: pip install numpy" in capsys.readouterr().out


def test_a_named_backend_must_be_there(monkeypatch, capsys):
    monkeypatch.setattr(Backend, "is_installed", False)
    assert main(["check", F1, "--backend", "torch"]) == 2
    assert capsys.readouterr().err.startswith("metricloss: PyTorch is not installed")


def test_a_folder_of_your_own(tmp_path):
    pytest.importorskip("numpy")
    mine = tmp_path / "mine"
    shutil.copytree(get_backend("numpy").folder, mine)
    assert check(F1, backends=[mine]).ok
    (mine / "trial.py").unlink()
    with pytest.raises(BackendError, match=r"mine has no trial\.py"):
        check(F1, backends=[mine])


def test_what_a_trial_needs_is_named(tmp_path):
    pytest.importorskip("numpy")
    mine = tmp_path / "mine"
    shutil.copytree(get_backend("numpy").folder, mine)
    (mine / "trial.py").write_text("import no_such_module\n")
    with pytest.raises(MissingFrameworkError, match="pip install no_such_module"):
        check(F1, backends=[mine])


def test_relative_errors():
    assert relative_error([0.0, 0.0], [0.0, 0.0]) == 0
    assert relative_error([1.0, math.nan], [1.0, 1.0]) == math.inf
    assert relative_error([math.inf], [math.inf]) == math.inf
    with pytest.raises(ValueError, match="zip"):
        relative_error([1.0], [1.0, 1.0])


def test_the_table():
    rows = (
        Row("numpy", {"formula": 0.0, "differences": 2e-9, "others": 1e-16}),
        Row("torch", {"formula": 0.0, "differences": 0.1, "autodiff": 0.1, "others": math.inf}),
        Row("zig", note="not installed: pip install zig"),
    )
    report = Report(rows, seed=3)
    assert not report.ok
    lines = str(report).splitlines()
    assert lines[2].split() == ["numpy", "0e+00", "2e-09", "-", "1e-16", "ok"]
    assert lines[3].split() == ["torch", "0e+00", "1e-01", "1e-01", "inf", "FAIL"]
    assert lines[4].endswith("not installed: pip install zig")
    assert "(seed 3)" in str(report)
    assert max(map(len, lines)) <= 100
