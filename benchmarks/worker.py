"""The process of one framework: checks every contestant, measures it, writes what it found as JSON.

python -m benchmarks.worker FRAMEWORK PROGRAM OUTPUT.json time memory
"""

from __future__ import annotations

import gc
import importlib
import json
import logging
import os
import platform
import sys
import time
import warnings
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from benchmarks.cases import COPY, PROGRAMS, Case, Program
from benchmarks.formulas import numpy_cross_entropy, numpy_loss
from benchmarks.framework import Contestant, Framework, Missing
from benchmarks.measure import Step, cores, interleaved, no_collection, resident

#: The largest differences from float64: of the value, and of the gradient in its largest entry. What libraries
#: have built in as smoothing is below, and so is float32's rounding, but for some sums of 2**24 terms.
VALUE, GRADIENT = 1e-3, 1e-3
TIME, MEMORY = "time", "memory"
#: From so many scores on, memory can be told from what the process had, in pages.
PAGES = 2**20

Row = dict[str, Any]


def measured(framework: Framework, case: Case, mode: str, program: Program, what: set[str]) -> list[Row]:
    """A row for each contestant; those that are timed are timed together. what: TIME, MEMORY or both."""
    z, y = framework.arrays(case)
    truth = truth_of(case)
    head = {"mode": mode, "shape": case.shape, "labels": case.labels, "average": case.average}
    rows: list[Row] = []
    steps: dict[int, Step] = {}
    for found in everyone(framework, case):
        loss = found.metric and (found.metric, found.relaxation)
        if not program.has(case, mode, found.who, loss):
            continue
        row = head | {"who": found.who, "metric": found.metric, "relaxation": found.relaxation}
        if isinstance(found, Missing):
            row |= {"status": "missing", "note": found.why}
        else:
            step = framework.step(mode, found.loss, z, y)
            row |= verdict(framework, truth, found, step)
            if row["status"] == "timed":
                steps[len(rows)] = step
        rows.append(row)
    if not steps:
        return rows
    steps[len(rows)] = framework.copy(z)
    rows.append(head | {"who": COPY, "metric": None, "relaxation": None, "status": "timed"})
    steps[len(rows) - 1]()  # the others have been called
    with no_collection():
        if TIME in what:
            for index, times in interleaved(steps, program).items():
                rows[index]["seconds"] = times
        if MEMORY in what:
            for index, peak in framework.allocated(steps).items():
                rows[index]["allocated"] = peak
            if framework.frees and case.size >= PAGES:
                for index, step in steps.items():
                    rows[index]["resident"] = resident(step)
    return rows


def everyone(framework: Framework, case: Case) -> Iterator[Contestant | Missing]:
    """The contestants; peers only where the labels are as these want them."""
    yield from framework.contestants(case)
    if not case.is_binary or case.labels == "float32":
        for who in framework.peers:
            try:
                yield from framework.of_peer(who, case)
            except ImportError as error:
                yield Missing(who, str(error))


class Truth:
    """Value and gradient by the plain formula in float64, of the case's arrays; what was asked for is kept."""

    def __init__(self, case: Case) -> None:
        z, y = case.arrays(classes_last=True)
        self.case, self.z = case, z.astype(np.float64)
        self.y = y.astype(np.float64) if case.is_binary else y
        self.known: dict[Any, tuple[float, np.ndarray]] = {}

    def of(self, metric: str | None, relaxation: str | None) -> tuple[float, np.ndarray]:
        asked = metric, relaxation
        if asked not in self.known:
            loss = numpy_loss(self.case, metric, relaxation) if metric else numpy_cross_entropy
            value, gradient = loss(self.z, self.y)
            self.known[asked] = float(value), gradient.astype(np.float32)
        return self.known[asked]


@lru_cache(maxsize=1)
def truth_of(case: Case) -> Truth:
    """Kept for all modes of a case."""
    return Truth(case)


def verdict(framework: Framework, truth: Truth, contestant: Contestant, step: Any) -> Row:
    """Whether a contestant runs and computes what it is said to, the first call included that compiles."""
    try:
        begin = time.perf_counter()
        result = step()
        first = time.perf_counter() - begin
    except Exception as error:  # whatever goes wrong in a library is its result
        return {"status": "failed", "note": f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"}
    found = framework.numbers(result)
    value, gradient = differences(found, truth.of(contestant.metric, contestant.relaxation))
    agrees = value <= VALUE and gradient <= GRADIENT
    note = "" if agrees else f"value off by {value:.1e}, gradient by {gradient:.1e} of its largest entry"
    return {
        "status": "timed" if agrees else "refused",
        "note": note,
        "first": first,
        "value_off": value,
        "gradient_off": gradient,
    }


def differences(found: tuple[float, np.ndarray], truth: tuple[float, np.ndarray]) -> tuple[float, float]:
    """NaN and a gradient of another shape differ by infinity."""
    if found[1].shape != truth[1].shape:
        return np.inf, np.inf
    value = abs(found[0] - truth[0]) / max(1.0, abs(truth[0]))
    gradient = np.abs(found[1] - truth[1]).max() / np.abs(truth[1]).max()
    return tuple(float(np.nan_to_num(x, nan=np.inf)) for x in (value, gradient))


def machine() -> dict[str, Any]:
    info = Path("/proc/cpuinfo")
    names = (
        [line.partition(": ")[2] for line in info.read_text().splitlines() if line.startswith("model name")]
        if info.exists()
        else []
    )
    return {
        "cpu": names[0] if names else platform.processor(),
        "cores": cores(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "date": str(date.today()),
    }


def everything(framework: Framework, program: Program, what: set[str]) -> list[Row]:
    """The rows of all cases and modes."""
    rows: list[Row] = []
    title = f"{framework.name}, {' and '.join(sorted(what))}"
    with tqdm(
        total=len(program.cases) * len(framework.modes), desc=title, unit="group", file=sys.stderr
    ) as bar:
        for case, mode in product(program.cases, framework.modes):
            rows += measured(framework, case, mode, program, what)
            framework.reset()
            bar.update()
    return rows


def main(name: str, program: str, output: str, *what: str) -> None:
    """Writes the result; what: TIME, MEMORY or both."""
    os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "KINETO_LOG_LEVEL": "99"}  # what is told at start-up
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    framework = importlib.import_module(f"benchmarks.of_{name}").FRAMEWORK()
    gc.freeze()  # what is imported is no garbage, and takes long to look through
    rows = everything(framework, PROGRAMS[program], set(what))
    result = {"framework": name, "program": program, "machine": machine(), "versions": framework.versions()}
    result |= {"threads": framework.threads(), "rows": rows}
    Path(output).write_text(json.dumps(result, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
