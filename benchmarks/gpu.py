"""Our losses on a GPU: are they right, and how near do they come to the memory's limit?

python benchmarks/gpu.py > gpu.md

Needs metricloss, NumPy and what is installed of torch, jax and cupy (this with array-api-compat). Every loss is
first compared with plain formulas in float64 on the CPU, then timed, forward and backward, in turns with binary
cross-entropy in the same mode and with a copy of the scores on the device. What is wrong is marked, and the
exit code is 1. Without a GPU all of it runs on the CPU, on small sizes, which tries the script and no more.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import metadata
from itertools import product
from typing import Any

import numpy as np

import metricloss as ml

Step = Callable[[], tuple[Any, Any]]

SIZES = {"gpu": [2**16, 2**20, 2**24, 2**26], "cpu": [2**10, 2**16]}
LOSSES = [(metric, relaxation) for metric in ("f1", "mcc") for relaxation in ("Soft()", "AnyLoss(30)")]
#: The largest error of a value, and of any entry of a gradient relative to that entry.
VALUE, GRADIENT = 1e-5, 1e-3
#: Float32 scores and labels are read twice, the gradient is written once; a copy reads and writes.
LOSS_BYTES, COPY_BYTES = 5 * 4, 2 * 4
#: A turn repeats a fast step for so many seconds.
TURN = 0.02


class NotHereError(Exception):
    """A framework, or a way to run it, that this machine does not have."""


# The reference: plain formulas in float64.


def f1(tp: complex, fp: complex, fn: complex, tn: complex) -> complex:
    return 1 - 2 * tp / (2 * tp + fp + fn)


def mcc(tp: complex, fp: complex, fn: complex, tn: complex) -> complex:
    return 1 - (tp * tn - fp * fn) / ((tp + fn) * (fp + tn) * (tp + fp) * (fn + tn)) ** 0.5


def soft(p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return p, np.ones_like(p)


def any_loss(p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    a = 1 / (1 + np.exp(15 - 30 * p))
    return a, 30 * a * (1 - a)


FORMULAS = {"f1": f1, "mcc": mcc}
DECISIONS = {"Soft()": soft, "AnyLoss(30)": any_loss}


def problem(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores and labels, one in five positive, in float32."""
    rng = np.random.default_rng(0)
    scores = 2 * rng.standard_normal(size, dtype=np.float32)
    return scores, (rng.random(size, dtype=np.float32) < 0.2).astype(np.float32)


def reference(metric: str, relaxation: str, z: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """The loss and its gradient; the slopes of the metric's formula by a complex step."""
    p = 1 / (1 + np.exp(-z.astype(np.float64)))
    a, slope = DECISIONS[relaxation](p)
    on = y > 0
    cells = a[on].sum(), a[~on].sum(), (1 - a[on]).sum(), (1 - a[~on]).sum()
    loss, h = FORMULAS[metric], 1e-30j
    tp, fp, fn, tn = map(complex, cells)
    positive, negative = loss(tp + h, fp, fn - h, tn).imag / 1e-30, loss(tp, fp + h, fn, tn - h).imag / 1e-30
    return loss(*cells), np.where(on, positive, negative) * slope * p * (1 - p)


# The frameworks: their arrays, their ways to run a function, their clocks.


class Torch:
    """PyTorch, which on a GPU is timed by CUDA's events."""

    title, package, modes = "PyTorch", "torch", ("eager", "torch.compile", "CUDA graph")

    def __init__(self, device: str) -> None:
        import torch

        if device == "gpu" and not torch.cuda.is_available():
            raise NotHereError("it sees no GPU")
        self.torch, self.on_gpu = torch, device == "gpu"
        self.device = "cuda" if self.on_gpu else "cpu"

    def about(self) -> str:
        return self.torch.cuda.get_device_name() if self.on_gpu else ""

    def arrays(self, *arrays: np.ndarray) -> list[Any]:
        z, y = (self.torch.from_numpy(x).to(self.device) for x in arrays)
        return [z.requires_grad_(), y]

    def loss(self, metric: str, relaxation: str) -> Callable[..., Any]:
        return ml.compile(metric, "torch", relaxation=relaxation).module.loss

    def cross_entropy(self) -> Callable[..., Any]:
        return self.torch.nn.functional.binary_cross_entropy_with_logits

    def step(self, mode: str, loss: Callable[..., Any], z: Any, y: Any) -> Step:
        if mode == "torch.compile":
            loss = self.torch.compile(loss, fullgraph=True, dynamic=False)

        def step() -> tuple[Any, Any]:
            value = loss(z, y)
            return value, *self.torch.autograd.grad(value, z)

        return self.graphed(step) if mode == "CUDA graph" else step

    def graphed(self, step: Step) -> Step:
        """The step, captured once and replayed; its results are always the same tensors."""
        if not self.on_gpu:
            raise NotHereError("needs CUDA")
        side = self.torch.cuda.Stream()
        side.wait_stream(self.torch.cuda.current_stream())
        with self.torch.cuda.stream(side):
            for _ in range(3):
                step()
        self.torch.cuda.current_stream().wait_stream(side)
        graph = self.torch.cuda.CUDAGraph()
        with self.torch.cuda.graph(graph):
            results = step()

        def replay() -> tuple[Any, Any]:
            graph.replay()
            return results

        return replay

    def copy(self, z: Any) -> Step:
        source, target = z.detach(), self.torch.empty_like(z)
        return lambda: (target.copy_(source), None)

    def numpy(self, x: Any) -> np.ndarray:
        return x.detach().cpu().numpy()

    def seconds(self, step: Step, calls: int) -> float:
        if not self.on_gpu:
            return seconds(step, calls)
        begin, end = (self.torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        for _ in range(calls):
            step()
        end.record()
        end.synchronize()
        return begin.elapsed_time(end) / 1000 / calls


class Jax:
    """JAX, which is timed until the results of the last call are there."""

    title, package, modes = "JAX", "jax", ("jax.jit",)

    def __init__(self, device: str) -> None:
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # other frameworks need memory too
        import jax

        try:
            self.device = jax.devices(device)[0]
        except RuntimeError as error:
            raise NotHereError("it sees no GPU") from error
        self.jax = jax

    def about(self) -> str:
        return self.device.device_kind if self.device.platform != "cpu" else ""

    def arrays(self, *arrays: np.ndarray) -> list[Any]:
        return [self.jax.device_put(x, self.device) for x in arrays]

    def loss(self, metric: str, relaxation: str) -> Callable[..., Any]:
        return ml.compile(metric, "jax", relaxation=relaxation)

    def cross_entropy(self) -> Callable[..., Any]:
        log_sigmoid = self.jax.nn.log_sigmoid
        return lambda z, y: -(y * log_sigmoid(z) + (1 - y) * log_sigmoid(-z)).mean()  # as in optax

    def step(self, mode: str, loss: Callable[..., Any], z: Any, y: Any) -> Step:
        function = self.jax.jit(self.jax.value_and_grad(loss))
        return lambda: function(z, y)

    def copy(self, z: Any) -> Step:
        function = self.jax.jit(self.jax.numpy.copy)
        return lambda: (function(z), None)

    def numpy(self, x: Any) -> np.ndarray:
        return np.asarray(x)

    def seconds(self, step: Step, calls: int) -> float:
        return seconds(step, calls, self.jax.block_until_ready)


class ArrayAPI:
    """The array API with CuPy, which is timed by CUDA's events; on the CPU with NumPy."""

    modes = ("eager",)

    def __init__(self, device: str) -> None:
        self.on_gpu = device == "gpu"
        self.package = "cupy" if self.on_gpu else "numpy"
        self.title = f"array API, {self.package}"
        self.xp = importlib.import_module(self.package)
        if self.on_gpu and not self.xp.cuda.is_available():
            raise NotHereError("it sees no GPU")

    def about(self) -> str:
        return self.xp.cuda.runtime.getDeviceProperties(0)["name"].decode() if self.on_gpu else ""

    def arrays(self, *arrays: np.ndarray) -> list[Any]:
        return [self.xp.asarray(x) for x in arrays]

    def loss(self, metric: str, relaxation: str) -> Callable[..., Any]:
        loss = ml.compile(metric, "array_api", relaxation=relaxation)
        return lambda z, y: loss.value_and_grad(y, z)

    def cross_entropy(self) -> Callable[..., Any]:
        xp = self.xp

        def value_and_grad(z: Any, y: Any) -> tuple[Any, Any]:
            e = xp.exp(-xp.abs(z))
            p = xp.where(z > 0, 1, e) / (1 + e)
            return (xp.maximum(z, 0) - z * y + xp.log1p(e)).mean(), (p - y) / z.size

        return value_and_grad

    def step(self, mode: str, loss: Callable[..., Any], z: Any, y: Any) -> Step:
        return lambda: loss(z, y)

    def copy(self, z: Any) -> Step:
        target = self.xp.empty_like(z)
        return lambda: (self.xp.copyto(target, z), None)

    def numpy(self, x: Any) -> np.ndarray:
        return self.xp.asnumpy(x) if self.on_gpu else np.asarray(x)

    def seconds(self, step: Step, calls: int) -> float:
        if not self.on_gpu:
            return seconds(step, calls)
        begin, end = self.xp.cuda.Event(), self.xp.cuda.Event()
        begin.record()
        for _ in range(calls):
            step()
        end.record()
        end.synchronize()
        return self.xp.cuda.get_elapsed_time(begin, end) / 1000 / calls


FRAMEWORKS = {"torch": Torch, "jax": Jax, "cupy": ArrayAPI}


def seconds(step: Step, calls: int, finish: Callable[[Any], object] = lambda result: None) -> float:
    """Of one call, by the CPU's clock; `finish` waits for a result."""
    begin = time.perf_counter()
    for _ in range(calls):
        result = step()
    finish(result)
    return (time.perf_counter() - begin) / calls


# The measurement.


@dataclass
class Run:
    """A copy, cross-entropy or a loss in one framework and mode, and what is said of it."""

    name: str
    step: Step | None
    errors: tuple[float, float] | None = None
    note: str = ""
    times: list[float] = field(default_factory=list)

    @property
    def time(self) -> float:
        return statistics.median(self.times)


def measured(framework: Any, mode: str, size: int, rounds: int) -> list[Run]:
    """The copy, cross-entropy and the losses, A B A B ...: what disturbs the machine disturbs all."""
    scores, labels = problem(size)
    z, y = framework.arrays(scores, labels)
    runs = [
        Run("copy", framework.copy(z)),
        begun("cross-entropy", partial(framework.step, mode, framework.cross_entropy(), z, y)),
    ]
    for metric, relaxation in LOSSES:
        loss = framework.loss(metric, relaxation)
        run = begun(f"{metric}, {relaxation}", partial(framework.step, mode, loss, z, y))
        if run.step:
            check(run, framework.numpy, reference(metric, relaxation, scores, labels))
        runs.append(run)
    working = [(run, run.step) for run in runs if run.step]
    calls = [often(framework, step) for _, step in working]
    for _ in range(rounds):
        for (run, step), count in zip(working, calls, strict=True):
            run.times.append(framework.seconds(step, count))
    return runs


def begun(name: str, make: Callable[[], Step]) -> Run:
    """A run whose step is compiled or captured; where that fails it says so, and the others go on."""
    try:
        return Run(name, make())
    except NotHereError:
        raise
    except Exception as error:
        return Run(name, None, note=failure(error))


def failure(error: Exception) -> str:
    return f"FAILED: {type(error).__name__}: {str(error).partition(chr(10))[0][:80]}"


def check(run: Run, numpy: Callable[[Any], np.ndarray], expected: tuple[float, np.ndarray]) -> None:
    """Note whether the step fails, or its results are too far off (or NaN)."""
    try:
        value, gradient = map(numpy, run.step())
    except Exception as error:  # the others go on
        run.step, run.note = None, failure(error)
        return
    distance = np.abs(gradient - expected[1]) / np.abs(expected[1])
    run.errors = abs(float(value) - expected[0]), float(distance.max())
    run.note = "" if run.errors[0] <= VALUE and run.errors[1] <= GRADIENT else "WRONG"


def often(framework: Any, step: Step) -> int:
    """How many calls fill a turn, of a warm step."""
    framework.seconds(step, 2)
    return max(1, round(TURN / framework.seconds(step, 2)))


# The table.

HEAD = ["framework", "mode", "n", "loss", "time, µs", "min–max", "/ cross-entropy", "of copy bandwidth"]
HEAD += ["error of value", "of gradient", ""]


def rows(runs: list[Run], size: int) -> Iterator[list[str]]:
    """Of each run the cells from the loss's name on."""
    copy, entropy, *_ = runs
    for run in runs:
        cells = [run.name, "", "", "", ""]
        if run.times:
            fraction = f"{LOSS_BYTES / COPY_BYTES * copy.time / run.time:.0%}"
            bandwidth = {copy.name: f"{size * COPY_BYTES / run.time / 1e9:.0f} GB/s", entropy.name: ""}
            cells = [
                run.name,
                f"{run.time * 1e6:.1f}",
                f"{min(run.times) * 1e6:.1f}–{max(run.times) * 1e6:.1f}",
                f"{run.time / entropy.time:.2f}" if entropy.times else "",
                bandwidth.get(run.name, fraction),
            ]
        yield [*cells, *([f"{error:.0e}" for error in run.errors] if run.errors else ["", ""]), run.note]


def line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def version(package: str) -> str:
    try:
        return f"{package} {metadata.version(package)}"
    except metadata.PackageNotFoundError:  # cupy is published as cupy-cuda12x, say
        return f"{package} {importlib.import_module(package).__version__}"


def here(names: Sequence[str], device: str) -> Iterator[Any]:
    """The frameworks that this machine has, and on standard error why not the others."""
    for name in names:
        try:
            yield FRAMEWORKS[name](device)
        except (ImportError, NotHereError) as error:
            print(f"{name} is left out: {error}", file=sys.stderr)


def about(frameworks: Sequence[Any], rounds: int) -> str:
    """The device, the versions, and what the table tells."""
    names = {framework.about() for framework in frameworks} - {""}
    versions = map(version, ["metricloss", *(framework.package for framework in frameworks)])
    where = ", ".join(sorted(names)) or f"CPU ({platform.machine()})"
    return f"""\
{where}; Python {platform.python_version()}, {", ".join(versions)}.

Forward and backward; float32 scores and labels, one in five positive; medians of {rounds} turns. An ideal loss
moves {LOSS_BYTES} bytes an entry (scores and labels read twice, the gradient written once) and a copy
{COPY_BYTES}: a share of the copy's bandwidth counts these. Errors are against plain formulas in float64;
the gradient's is that of the worst entry, relative to it.
"""


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--device", choices=("auto", "gpu", "cpu"), default="auto", help="auto: a GPU if there is one"
    )
    parser.add_argument(
        "--frameworks", nargs="+", choices=FRAMEWORKS, default=list(FRAMEWORKS), help="default: all"
    )
    parser.add_argument("--sizes", nargs="+", type=int, metavar="N", help=f"default: {SIZES}")
    parser.add_argument("--rounds", type=int, default=15, help="turns that each is timed in; default: 15")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    """Print the table; 1 if a loss is wrong or fails, or if nothing can be run."""
    asked = arguments(words)
    device = "cpu" if asked.device == "cpu" else "gpu"
    frameworks = list(here(asked.frameworks, device))
    if not frameworks and asked.device == "auto":
        device = "cpu"
        print("No GPU was found: this is the CPU, on small sizes, which tries the script and no more.\n")
        frameworks = list(here(asked.frameworks, device))
    if not frameworks:
        print("Nothing can be run here.", file=sys.stderr)
        return 1
    print(about(frameworks, asked.rounds))
    print(line(HEAD), f"|{'---|' * len(HEAD)}", sep="\n")
    places = [(framework, mode) for framework in frameworks for mode in framework.modes]
    failures = 0
    for size, (framework, mode) in product(asked.sizes or SIZES[device], places):
        place = [framework.title, mode, f"{size:,}"]
        try:
            runs = measured(framework, mode, size, asked.rounds)
        except NotHereError as error:
            print(line([*place, *[""] * 7, str(error)]))
            continue
        failures += sum(bool(run.note) for run in runs)
        print(*(line([*place, *cells]) for cells in rows(runs, size)), sep="\n", flush=True)
    if failures:
        print(f"\n{failures} losses are wrong or fail.")
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
