"""JAX and optax."""

from __future__ import annotations

import importlib
import types
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from benchmarks.cases import FN_WEIGHT, FP_WEIGHT, Case
from benchmarks.framework import Framework, Loss
from benchmarks.measure import Step, cores


def optax(case: Case) -> dict[str, Loss]:
    """One-hot labels are made in the step, as there are no others to give it."""
    losses = importlib.import_module("optax.losses")
    weights = {"F1": (0.5, 0.5), "Tversky": (FP_WEIGHT, FN_WEIGHT)}

    def of(alpha: float, beta: float) -> Loss:
        loss = partial(losses.dice_loss, smooth=0, alpha=alpha, beta=beta)
        if case.is_binary:
            return lambda z, y: loss(z[None, :, None], y[None, :, None]).mean()
        axes = {"axis": (0, 1, 2)} if case.average == "macro" else {}
        return lambda z, y: loss(z, jax.nn.one_hot(y, z.shape[-1]), **axes).mean()

    return {metric: of(*pair) for metric, pair in weights.items()}


class Jax(Framework):
    name = "jax"
    packages = ("jax", "optax")
    modes = ("jax.jit",)
    peers: ClassVar = {"optax": optax}
    ops = types.SimpleNamespace(
        sigmoid=jax.nn.sigmoid,
        softmax=jax.nn.softmax,
        sum=jnp.sum,
        mean=jnp.mean,
        floats=lambda y: y.astype(jnp.float32),
        one_hot=jax.nn.one_hot,
        positions=lambda first, ndim: range(first, ndim - 1),
    )

    def arrays(self, case: Case) -> tuple[Any, Any]:
        return tuple(map(jnp.asarray, case.arrays(classes_last=True)))

    def cross_entropy(self, case: Case) -> Loss:
        """JAX has no loss of its own: optax's, and where that is missing its formula."""
        try:
            losses = importlib.import_module("optax.losses")
        except ImportError:
            losses = None
        if case.is_binary:
            of = losses.sigmoid_binary_cross_entropy if losses else binary_cross_entropy
            return lambda z, y: of(z, self.ops.floats(y)).mean()
        of = losses.softmax_cross_entropy_with_integer_labels if losses else cross_entropy
        return lambda z, y: of(z, y).mean()

    def step(self, mode: str, loss: Loss, z: Any, y: Any) -> Step:
        return partial(finished, jax.jit(jax.value_and_grad(loss)), z, y)

    def copy(self, z: Any) -> Step:
        return partial(finished, jax.jit(jnp.copy), z)

    def threads(self) -> str:
        return f"{cores()}"

    def allocated(self, steps: dict[int, Step]) -> dict[int, int]:
        """By XLA's own account of the compiled function: results and temporaries."""
        found = {}
        for index, step in steps.items():
            function, *arrays = step.args
            memory = function.lower(*arrays).compile().memory_analysis()
            found[index] = memory.temp_size_in_bytes + memory.output_size_in_bytes
        return found


def binary_cross_entropy(z: Any, y: Any) -> Any:
    return -y * jax.nn.log_sigmoid(z) - (1 - y) * jax.nn.log_sigmoid(-z)


def cross_entropy(z: Any, y: Any) -> Any:
    return jax.nn.logsumexp(z, -1) - jnp.take_along_axis(z, y[..., None], -1)[..., 0]


def finished(function: Any, *arrays: Any) -> Any:
    """The results, when they are there."""
    return jax.block_until_ready(function(*arrays))


FRAMEWORK = Jax
