"""NumPy, for which there are no other libraries: its formulas have gradients derived by hand."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from benchmarks.cases import OURS, Case
from benchmarks.formulas import numpy_cross_entropy, numpy_loss
from benchmarks.framework import Contestant, Framework, Loss, labels_first
from benchmarks.measure import Step, traced


class NumPy(Framework):
    """Losses here return their gradient as well."""

    name = "numpy"
    packages = ("numpy", "array-api-compat")
    modes = ("numpy",)
    frees = True

    def arrays(self, case: Case) -> tuple[Any, Any]:
        return case.arrays(classes_last=True)

    def contestants(self, case: Case) -> Iterator[Contestant]:
        yield from super().contestants(case)
        for metric, relaxation in case.losses:
            loss = self.ours("array_api", case, metric, relaxation)
            yield Contestant(f"{OURS}, array_api", metric, relaxation, loss)

    def cross_entropy(self, case: Case) -> Loss:
        return numpy_cross_entropy

    def ours(self, backend: str, case: Case, metric: str, relaxation: str) -> Loss:
        return labels_first(super().ours(backend, case, metric, relaxation).value_and_grad)

    def plain(self, case: Case, metric: str, relaxation: str) -> Loss:
        return numpy_loss(case, metric, relaxation)

    def step(self, mode: str, loss: Loss, z: Any, y: Any) -> Step:
        return partial(loss, z, y)

    def copy(self, z: Any) -> Step:
        return partial(np.copy, z)

    def threads(self) -> str:
        return (
            f"1, and those of BLAS in products (OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', 'not set')})"
        )

    def allocated(self, steps: dict[int, Step]) -> dict[int, int]:
        """By tracemalloc."""
        return {index: traced(step) for index, step in steps.items()}


FRAMEWORK = NumPy
