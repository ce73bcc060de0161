"""What compiling costs, in units of `import sympy` in the same process.

    python benchmarks/compile_cost.py [PROCESSES]

A process imports, compiles one metric and ends: nothing is cached, and each metric pays for what SymPy sets
up on first use; a slow or busy machine slows both sides of a ratio. The table has medians over processes.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

#: A metric, and the ratio that compiling it is to stay within.
METRICS = {
    "F1": ("2*TP/(2*TP + FP + FN)", 0.15),
    "MCC": ("(TP*TN - FP*FN)/sqrt((TP + FP)*(TP + FN)*(TN + FP)*(TN + FN))", 0.6),
}
IMPORT_TARGET = 0.15

PROCESS = """
import json, sys, time
sys.path.insert(0, sys.argv[1])
times = [time.perf_counter()]
import sympy
times.append(time.perf_counter())
import metricloss
times.append(time.perf_counter())
metricloss.emit(sys.argv[2], "torch")
times.append(time.perf_counter())
print(json.dumps([after - before for before, after in zip(times, times[1:])]))
"""


def seconds(expression: str) -> list[float]:
    """Of importing SymPy, of importing metricloss after it, and of compiling, in a process of their own."""
    words = [sys.executable, "-c", PROCESS, str(ROOT), expression]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    run = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    return json.loads(run.stdout)


def row(what: str, runs: list[list[float]], step: int, target: float) -> str:
    ratio = statistics.median(run[step] / run[0] for run in runs)
    median = statistics.median(run[step] for run in runs)
    return f"{what:18}{median:9.3f} s{ratio:8.3f}{target:8.2f}{'' if ratio <= target else '  exceeded'}"


def main(processes: int) -> None:
    seconds("TP/P")  # so that every file is in the cache, compiled
    runs = {name: [seconds(expression) for _ in range(processes)] for name, (expression, _) in METRICS.items()}
    everything = [run for of_metric in runs.values() for run in of_metric]
    print(f"{'':18}{'time':>11}{'ratio':>8}{'target':>8}")
    print(f"{'import sympy':18}{statistics.median(run[0] for run in everything):9.3f} s{1:8.3f}")
    print(row("import metricloss", everything, 1, IMPORT_TARGET))
    for name, (_, target) in METRICS.items():
        print(row(f"emit {name}", runs[name], 2, target))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
