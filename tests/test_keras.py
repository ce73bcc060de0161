"""Keras on each of its backends, of which a process has one: keras_promises.py, run for each in its own."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROMISES = Path(__file__).with_name("keras_promises.py")


def run(backend: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", *arguments]
    environment = os.environ | {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    if backend != "tensorflow":
        environment["WITHOUT_TENSORFLOW"] = "true"  # saving a model would import it, for seconds
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_promises(backend: str) -> None:
    for module in ("keras", backend):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    finished = run(backend, str(PROMISES))
    assert finished.returncode == 0, finished.stdout[-8000:] + finished.stderr[-2000:]
    assert " passed" in finished.stdout
