"""Every example, run as a user types it: it ends well, and has learned something."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
EXAMPLES = {"torch_loop": "torch", "lightning_module": "pytorch_lightning", "flax_optax": "flax"}

pytestmark = pytest.mark.checkout  # they are not in the wheel


def test_every_example_is_run():
    assert {path.stem for path in (ROOT / "examples").glob("*.py")} == {*EXAMPLES, "data"}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_learns(name: str):
    if importlib.util.find_spec(EXAMPLES[name]) is None:
        pytest.skip(f"{EXAMPLES[name]} is not installed")
    command = [sys.executable, f"examples/{name}.py"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    *_, last = re.findall(r"F1 on held-out data (\S+)", done.stdout)
    assert float(last) > 0.75  # to call everything malignant gives 0.3
