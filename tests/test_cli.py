"""The command line, as a user types it: what is printed, what is written, exit codes and error texts."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import metricloss
from metricloss.backend import Backend, backend_names
from metricloss.cli import main

F1 = "2*TP/(2*TP + FP + FN)"
COMMANDS = ("show", "emit", "check", "report", "learn", "list", "demo")


@pytest.fixture
def run(capsys) -> Callable[..., tuple[int, str, str]]:
    """Exit code, stdout and stderr of a command line."""

    def run(*words: str) -> tuple[int, str, str]:
        try:
            code = main(words)
        except SystemExit as leaving:
            code = leaving.code
        return code, *capsys.readouterr()

    return run


def shell(line: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """A line of a shell script in which `metricloss` is `python -m metricloss`, wherever it is installed."""
    where = {"PYTHONPATH": str(Path(metricloss.__file__).parents[1])}
    script = f'metricloss() {{ {shlex.quote(sys.executable)} -m metricloss "$@"; }}\n{line}'
    return subprocess.run(
        ["bash", "-c", script], capture_output=True, env=os.environ | where | environment, timeout=60
    )


def test_show(run):
    code, out, err = run("show", F1, "--name", "f1")
    assert (code, err) == (0, "")
    assert out.startswith(
        """\
f1 = 2*TP/(FN + FP + 2*TP)
more is better; loss = 1 - f1

analysis
  range            from 0 to 1
  best value       1, at a perfect prediction (FP = FN = 0 < P, N)
  direction        rises with TP; falls with FP, FN; does not depend on TN
  trivial optimum  none: no constant prediction reaches its best value
  homogeneity      of degree 0: the number of entries does not matter
  smoothness       smooth wherever it is defined
  undefined        if TP = FP = FN = 0: it is then 0
  class swap       not symmetric: with the classes exchanged it is negative_f1
  prevalence       matters: at recall 0.8, specificity 0.9 it is 0.842 at 0.5,
                   0.593 at 0.1, 0.137 at 0.01
  equal to         f1 = van_der_maarel/2 + 1/2 = 1 - bray_curtis

gradient
  df1/dTP = 2*(FN + FP)/(FN + FP + 2*TP)**2
  df1/dFP = -2*TP/(FN + FP + 2*TP)**2
  df1/dFN = -2*TP/(FN + FP + 2*TP)**2
  df1/dTN = 0

slopes
  d = FN + FP + 2*TP
  f1 = 2*TP/d
  on a positive: (2 - f1)/d
  on a negative: -f1/d

derivation
  1. score z → probability p
"""
    )
    assert "dloss/df1 = -1" in out


def test_a_name_of_the_catalogue_is_an_expression(run):
    code, out, err = run("show", "Hamming loss")
    assert (code, err) == (0, "")
    assert out.startswith("error_rate = (FN + FP)/(FN + FP + TN + TP)\nless is better; loss = error_rate\n")


def test_emit_warns_of_the_metric_in_one_line(run):
    code, _, err = run("emit", "sensitivity", "--backend", "torch")
    assert code == 0
    assert err == "metricloss: note: recall: predicting everything positive reaches its best value\n"


def test_list_has_the_catalogue(run):
    out = run("list")[1]
    families = re.findall(r"^metrics: .* \(--family (\w+), (\d+)\)$", out, flags=re.M)
    assert sum(int(number) for _, number in families) == len(metricloss.catalogue) >= 150
    for name in metricloss.catalogue:
        assert re.search(rf"^  {name}: ", out, flags=re.M), name
    assert max(map(len, out.splitlines())) <= 80


def test_list_of_a_family(run):
    code, out, _ = run("list", "--family", "agreement")
    assert code == 0
    assert out.startswith("metrics: correlation and agreement beyond chance (--family agreement, ")
    assert "  mcc: Matthews correlation coefficient, " in out
    assert "\n  f1:" not in out
    assert "backends" not in out
    assert run("list", "--family", "none")[0] == 2


def test_show_takes_every_option(run):
    code, out, _ = run(
        *("show", "(FP + miss*FN)/n", "--param", "miss=5/2", "--name", "cost", "--direction", "minimize"),
        *("--relaxation", "AnyLoss(10)", "--probabilities", "--zero-division", "1"),
    )
    assert code == 0
    assert out.startswith("cost = (5*FN/2 + FP)/(FN + FP + TN + TP)\nless is better; loss = cost\n")
    assert "by AnyLoss(10)" in out
    assert "dp/dz" not in out


def test_an_expression_may_begin_with_a_minus(run):
    assert run("show", "--name", "miss", "--", "-FN/P")[1].startswith("miss = -FN/(FN + TP)\n")
    code, _, err = run("show", "-FN/P")
    assert code == 2
    assert "EXPR" in err


def test_list(run):
    code, out, err = run("list")
    assert (code, err) == (0, "")
    for word in (
        *backend_names(),
        "ScoreOriented(mean=0.5, width=0.1)",
        "PP = FP + TP",
        "atan",
        "samples-macro",
    ):
        assert word in out
    assert max(map(len, out.splitlines())) <= 80


def test_list_says_what_to_install(run, monkeypatch):
    monkeypatch.setattr(Backend, "is_installed", property(lambda backend: backend.name != "jax"))
    out = run("list")[1]
    assert re.search(r"^  jax +no ", out, flags=re.M)
    assert "jax is not installed: pip install" in out


@pytest.mark.parametrize("backend", backend_names())
def test_emit_prints_or_writes_the_same(run, tmp_path, backend):
    path = tmp_path / "f1_loss.py"
    arguments = ("emit", F1, "--name", "f1", "--backend", backend)
    code, printed, err = run(*arguments)
    assert (code, err) == (0, "")
    compile(printed, "f1_loss.py", "exec")
    code, out, err = run(*arguments, "-o", str(path))
    assert (code, out) == (0, "")
    assert err.startswith(f"wrote {path}: f1 for ")
    assert path.read_text("utf-8") == printed


def test_emit_needs_no_framework(run, monkeypatch):
    monkeypatch.setattr(Backend, "is_installed", False)
    assert run("emit", F1, "--backend", "torch")[1].startswith('"""A loss for PyTorch')


def test_emit_overwrites_only_when_told(run, tmp_path):
    path = tmp_path / "loss.py"
    path.write_text("precious")
    arguments = ("emit", F1, "--backend", "numpy", "-o", str(path))
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"metricloss: {path} exists and was left as it is\n")
    assert "--force" in err
    assert path.read_text() == "precious"
    assert run(*arguments, "--force")[0] == 0
    assert path.read_text("utf-8").startswith('"""A loss for NumPy')


ROUND_TRIPS = [
    [F1, "--name", "f1"],
    ["(1 + b**2)*TP/((1 + b**2)*TP + b**2*FN + FP)", "--param", "b=0.1"],
    ["(FP + 5*FN)/n", "--direction", "minimize", "--name", "expected cost (5)"],
    ["TP/PP", "--zero-division", "1/2", "--probabilities"],
    ["(TP*TN - FP*FN)/sqrt(PP*P*N*PN)", "--zero-division", "-1", "--relaxation", "AnyLoss(30)"],
    ["log2(1 + TP/Max(PP, P)) + asin(0.3*TP/n)/pi", "--relaxation", "SigmoidF1(2, offset=-1/2)"],
    ["abs(TP/P - FP/N)", "--relaxation", "2*p - p**2"],
    ["TP/P - FP/N", "--relaxation", "1/(1 + exp(-10*(p - 0.3)))"],
    ["TP/P - FP/N", "--relaxation", "ScoreOriented(0.5, 0.5)"],
    ["--", "-FN/P"],
]


@pytest.mark.filterwarnings("ignore::metricloss.MetricLossWarning")
@pytest.mark.parametrize("options", ROUND_TRIPS, ids=" ".join)
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_the_command_in_the_file_writes_it_again(run, options, backend):
    first = run("emit", "--backend", backend, *options)[1]
    command = next(line for line in first.splitlines() if line.startswith("    metricloss emit "))
    code, second, _ = run(*shlex.split(command)[1:])
    assert code == 0
    assert second == first


MISTAKES = {
    "show 2*TPP/n": """\
TPP means nothing here; did you mean TP?
    2*TPP/n
      ^^^
""",
    "show '2*TP +'": """\
a value is missing after +
    2*TP +
          ^
""",
    "show b*TP/n --param b": "--param b has no value\nGive one: --param b=2\n",
    "show b*TP/n --param b=9**9**9": "9**9 is too large an exponent\n    9**9**9\n       ^^^^\n",
    "show b*TP/n --param b=1e999999999": "1e999999999 has too many digits\n",
    "show b*TP/n --param b=TP": "TP means nothing here",
    "show TP/n --param b=2": "b=2 has no place in ",
    "show TP*name/n --param name=2": "a parameter cannot be called name: rename it in the expression\n",
    "show TP/n --zero-division x": "zero_division='x'",
    "show TP/n --zero-division skp": "zero_division='skp'; did you mean skip?",
    "show TP/n --task multi": "task='multi'; did you mean multi",
    "show TP/n --task multiclass --average binary": "average='binary' is for a binary task",
    "show TP/n --average macro": "average='macro' is an average over classes",
    "show TP/n --task multilabel --ignore-index 3": "ignore_index=3: a multilabel task has no class indices",
    "show TP/n --task multiclass --class-weight 1,x": "class_weight=",
    "show TP/n --task multiclass --average micro --class-weight 1,2": "class_weight makes a weighted mean",
    "show TP/P --relaxation 1-p": "Relaxation(1 - p) decreases between ",
    "show TP/P --relaxation 'AnyLoss(30, 2)'": "'AnyLoss(30, 2)' is no call of AnyLoss",
    "emit P/n --backend numpy": "",
    "emit TP/P --backend pytroch": "no backend 'pytroch'; did you mean torch?\n",
    "emit f1 --backend numpy -o no/such/folder.py": "no/such/folder.py: No such file or directory\n",
    "check TP/P --backend numpi": "no backend 'numpi'; did you mean numpy?\n",
    "demo --backend numpi": "no backend 'numpi'; did you mean numpy?\n",
}


@pytest.mark.parametrize("line", MISTAKES)
def test_mistakes_are_told_on_stderr(run, line):
    code, out, err = run(*shlex.split(line))
    assert (code, out) == (2, "")
    assert err.startswith(f"metricloss: {MISTAKES[line]}")
    assert "Traceback" not in err


MISUSES = (
    "",
    "shw TP/P",
    "show",
    "emit TP/P",
    "show TP/P --direction up",
    "show TP/P --nam x",
    "check n --seed x",
)


@pytest.mark.parametrize("line", MISUSES)
def test_misuse_prints_the_usage(run, line):
    code, out, err = run(*shlex.split(line))
    assert (code, out) == (2, "")
    assert err.startswith("usage: metricloss")


def test_a_warning_is_one_line(run):
    code, out, err = run("emit", F1, "--backend", "numpy", "--relaxation", "AnyLoss(50)")
    assert code == 0
    assert out.startswith('"""')
    assert err.count("\n") == 1
    assert err.startswith("metricloss: note: AnyLoss(L=50): h(1) rounds to exactly 1 in float32")


def test_an_interruption_is_quiet(run, monkeypatch):
    def interrupted(options):
        raise KeyboardInterrupt

    monkeypatch.setattr("metricloss.commands._metric", interrupted)
    assert run("show", F1) == (130, "", "")


def test_the_help_of_all(run):
    code, out, _ = run("--help")
    assert code == 0
    assert all(re.search(rf"^    {name} ", out, flags=re.M) for name in COMMANDS)
    assert "exit codes:\n  0    done\n  1    check found a wrong gradient\n  2 " in out
    assert run("--version")[1] == f"metricloss {metricloss.__version__}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_examples_of_the_help_run(run, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = run(name, "--help")
    lines = re.findall(rf"^  (metricloss {name}.*)", out, flags=re.M)
    assert code == 0
    assert lines
    assert "exit codes:" in out
    for line in lines if name in ("show", "emit", "list") else ():
        words = shlex.split(line.partition(" > ")[0])
        assert run(*words[1:])[0] == 0, line


def test_as_a_program():
    ran = shell("metricloss --version && metricloss show TPP/n")
    assert ran.stdout.decode() == f"metricloss {metricloss.__version__}\n"
    assert ran.returncode == 2
    assert ran.stderr.decode().startswith("metricloss: TPP means nothing here")


def test_redirected_it_writes_utf_8_whatever_the_locale(tmp_path):
    emit = "metricloss emit TP/P --backend numpy"
    ran = shell(f"cd {tmp_path} && {emit} > a.py && {emit} -o b.py", PYTHONIOENCODING="ascii", LC_ALL="C")
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "a.py").read_bytes() == (tmp_path / "b.py").read_bytes()
    assert "·" in (tmp_path / "a.py").read_text("utf-8")


def test_a_closed_pipe_is_quiet():
    ran = shell("metricloss show TP/P | true; echo ${PIPESTATUS[0]}")
    assert ran.stderr == b""
    assert ran.stdout in (b"141\n", b"0\n")  # 0 where everything was in the pipe before its end closed
