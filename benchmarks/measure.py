"""Time and memory of steps, a step being a call without arguments that computes a value and a gradient."""

from __future__ import annotations

import ctypes
import gc
import os
import statistics
import time
import tracemalloc
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.cases import Program

Step = Callable[[], Any]

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def interleaved(steps: dict[Hashable, Step], program: Program) -> dict[Hashable, list[float]]:
    """Seconds of a call, a figure a round: A B C, B C A, ..., so that what disturbs the machine disturbs all.

    The steps are warm. A turn repeats a fast step until it can be timed.
    """
    times: dict[Hashable, list[float]] = {key: [] for key in steps}
    calls = {key: max(1, round(program.turn / seconds(step, 1))) for key, step in steps.items()}
    begin = time.perf_counter()
    fewest, most = program.rounds
    for done in range(most):
        if done >= fewest and time.perf_counter() - begin > program.seconds:
            break
        turns = [*steps]
        for key in turns[done % len(turns) :] + turns[: done % len(turns)]:
            times[key].append(seconds(steps[key], calls[key]))
    return times


def seconds(step: Step, calls: int) -> float:
    """Of one call, when it is called so often without a pause."""
    begin = time.perf_counter()
    for _ in range(calls):
        step()
    return (time.perf_counter() - begin) / calls


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def no_collection() -> Iterator[None]:
    """Python's garbage is collected before, not meanwhile."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def resident(step: Step, repeats: int = 3) -> int | None:
    """The most memory a step had beyond what the process had before, in bytes, as Linux saw it; None elsewhere.

    Linux keeps the peak (VmHWM), which 5 written to clear_refs sets back. What the allocator holds back for
    later use is given to the system first: else a step could use it without being seen. Counted in pages.
    """
    try:
        return round(statistics.median(resident_once(step) for _ in range(repeats)))
    except (OSError, AttributeError):
        return None


def resident_once(step: Step) -> int:
    ctypes.CDLL(None).malloc_trim(0)
    RESET.write_text("5")
    before = memory("VmRSS")
    result = step()
    peak = memory("VmHWM")
    del result  # not before the peak is read
    return max(0, peak - before)


def memory(what: str) -> int:
    """A line of the process's status, in bytes."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(what))
    return 1024 * int(line.split()[1])


def traced(step: Step) -> int:
    """The most that Python and NumPy allocated at once in a step, to the byte."""
    tracemalloc.start()
    step()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak
