"""TensorFlow and Keras."""

from __future__ import annotations

import importlib
import types
from functools import partial
from typing import Any, ClassVar

import tensorflow as tf

from benchmarks.cases import FN_WEIGHT, FP_WEIGHT, Case
from benchmarks.framework import Framework, Loss, labels_first
from benchmarks.measure import Step, cores

CPU = "CPU:0"


def keras(case: Case) -> dict[str, Loss]:
    """Of probabilities and one-hot labels, which are made in the step."""
    module = importlib.import_module("keras")
    if module.backend.backend() != "tensorflow":
        raise ImportError("Keras runs on another framework")
    # Until keras-team/keras#23333, alpha and beta have each other's place: a missed positive costs alpha.
    is_swapped = float(module.losses.Tversky(alpha=1, beta=0)([1.0], [0.5])) > 0.25
    weights = {"alpha": FN_WEIGHT, "beta": FP_WEIGHT} if is_swapped else {"alpha": FP_WEIGHT, "beta": FN_WEIGHT}
    axis = {"binary": None, "macro": (0, 1, 2), "samples-macro": (1, 2)}[case.average]
    losses = {"F1": module.losses.Dice(axis=axis), "Tversky": module.losses.Tversky(**weights, axis=axis)}

    def of(loss: Any) -> Loss:
        if case.is_binary:
            return lambda z, y: loss(y, tf.sigmoid(z))
        return lambda z, y: loss(tf.one_hot(y, z.shape[-1]), tf.nn.softmax(z))

    return {metric: of(loss) for metric, loss in losses.items()}


class TensorFlow(Framework):
    name = "tensorflow"
    packages = ("tensorflow", "tensorflow-cpu", "keras")
    modes = ("eager", "tf.function", "XLA")
    peers: ClassVar = {"Keras": keras}
    ops = types.SimpleNamespace(
        sigmoid=tf.sigmoid,
        softmax=tf.nn.softmax,
        sum=tf.reduce_sum,
        mean=tf.reduce_mean,
        floats=lambda y: tf.cast(y, tf.float32),
        one_hot=tf.one_hot,
        positions=lambda first, ndim: range(first, ndim - 1),
    )

    def arrays(self, case: Case) -> tuple[Any, Any]:
        return tuple(map(tf.constant, case.arrays(classes_last=True)))

    def cross_entropy(self, case: Case) -> Loss:
        if not case.is_binary:
            of = tf.nn.sparse_softmax_cross_entropy_with_logits
            return lambda z, y: tf.reduce_mean(of(labels=y, logits=z))
        of = tf.nn.sigmoid_cross_entropy_with_logits
        return lambda z, y: tf.reduce_mean(of(labels=self.ops.floats(y), logits=z))

    def ours(self, backend: str, case: Case, metric: str, relaxation: str) -> Loss:
        return labels_first(super().ours(backend, case, metric, relaxation))

    def step(self, mode: str, loss: Loss, z: Any, y: Any) -> Step:
        def both(z: Any, y: Any) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(z)
                value = loss(z, y)
            return value, tape.gradient(value, z)

        if mode != "eager":
            both = tf.function(both, jit_compile=mode == "XLA")
        return partial(both, z, y)

    def copy(self, z: Any) -> Step:
        return partial(tf.raw_ops.DeepCopy, x=z)

    def threads(self) -> str:
        return f"{tf.config.threading.get_intra_op_parallelism_threads() or cores()}"

    def allocated(self, steps: dict[int, Step]) -> dict[int, int]:
        """By the account of TensorFlow's allocator."""
        found = {}
        for index, step in steps.items():
            tf.config.experimental.reset_memory_stats(CPU)
            before = tf.config.experimental.get_memory_info(CPU)["current"]
            step()
            found[index] = tf.config.experimental.get_memory_info(CPU)["peak"] - before
        return found


FRAMEWORK = TensorFlow
