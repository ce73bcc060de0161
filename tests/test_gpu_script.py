"""benchmarks/gpu.py runs on the CPU too, and notices a loss that is wrong."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "benchmarks" / "gpu.py"
QUICK = ["--device", "cpu", "--sizes", "300", "--rounds", "1"]

pytestmark = pytest.mark.checkout


@pytest.fixture
def gpu(monkeypatch):
    spec = importlib.util.spec_from_file_location("gpu", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "gpu", module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "TURN", 0)
    return module


def table(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_all_frameworks(gpu, monkeypatch, capsys):
    monkeypatch.setattr(gpu.Torch, "modes", ("eager", "CUDA graph"))  # torch.compile would take a minute
    assert gpu.main(QUICK) == 0
    text = capsys.readouterr().out
    for package in ("metricloss", "torch", "jax", "numpy"):
        assert f" {package} {gpu.version(package).split()[1]}" in text
    head, *rows = table(text)
    assert head == gpu.HEAD
    assert {len(row) for row in rows} == {len(head)}
    runs = ["copy", "cross-entropy"] + [f"{metric}, {relaxation}" for metric, relaxation in gpu.LOSSES]
    for place in (["PyTorch", "eager"], ["JAX", "jax.jit"], ["array API, numpy", "eager"]):
        of_place = [row for row in rows if row[:2] == place]
        assert [row[3] for row in of_place] == runs
        assert all(float(row[4]) > 0 and row[-1] == "" for row in of_place)
        assert all(float(row[8]) < gpu.VALUE and float(row[9]) < gpu.GRADIENT for row in of_place[2:])
    assert ["PyTorch", "CUDA graph", "300", *[""] * 7, "needs CUDA"] in rows


def off_in_value(step: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *arrays: (step(*arrays)[0] + 1e-4, step(*arrays)[1])


def off_in_gradient(step: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *arrays: (step(*arrays)[0], step(*arrays)[1] * 1.01)


def not_a_number(step: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *arrays: (step(*arrays)[0], step(*arrays)[1] * float("nan"))


def broken(step: Callable[..., Any]) -> Callable[..., Any]:
    def loss(*arrays: Any) -> Any:
        raise ZeroDivisionError("it is broken\nand says more")

    return loss


@pytest.mark.parametrize(
    ("spoilt", "note"),
    [
        (off_in_value, "WRONG"),
        (off_in_gradient, "WRONG"),
        (not_a_number, "WRONG"),
        (broken, "FAILED: ZeroDivisionError: it is broken"),
    ],
)
def test_a_wrong_loss_is_reported(gpu, monkeypatch, capsys, spoilt, note):
    compiled = gpu.ml.compile

    def planted(metric: str, backend: str, **options: Any) -> Any:
        loss = compiled(metric, backend, **options)
        return types.SimpleNamespace(value_and_grad=spoilt(loss.value_and_grad)) if metric == "mcc" else loss

    monkeypatch.setattr(gpu.ml, "compile", planted)
    assert gpu.main([*QUICK, "--frameworks", "cupy"]) == 1
    text = capsys.readouterr().out
    assert [row[-1] for row in table(text)[1:]] == ["", "", "", "", note, note]
    assert "2 losses are wrong or fail." in text


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPT, *words],
        capture_output=True,
        text=True,
        env=os.environ | {"CUDA_VISIBLE_DEVICES": ""},
        check=False,
    )


def test_without_a_gpu_it_says_so():
    found = run("--frameworks", "cupy", "--sizes", "300", "--rounds", "1")
    assert found.returncode == 0, found.stderr
    assert found.stdout.startswith("No GPU was found: this is the CPU, on small sizes")
    assert "array API, numpy" in found.stdout


def test_a_gpu_that_is_asked_for_must_be_there():
    found = run("--frameworks", "torch", "--device", "gpu")
    assert found.returncode == 1
    assert found.stderr == "torch is left out: it sees no GPU\nNothing can be run here.\n"


def test_help():
    found = run("--help")
    assert found.returncode == 0
    assert "--rounds" in found.stdout
    assert "float64" in found.stdout
