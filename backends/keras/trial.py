"""What `metricloss check` and `metricloss demo` do with a loss for Keras, on whichever backend Keras has."""

import contextlib
import importlib.util
import os

# TensorFlow's notes at its start are no news; what the user set stays.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
# Keras asks for TensorFlow unless told, even where there is only another.
if importlib.util.find_spec("tensorflow") is None:
    os.environ.setdefault("KERAS_BACKEND", "jax" if importlib.util.find_spec("jax") else "torch")

import keras
import numpy as np
from keras import ops


def value(module, scores, labels, weights):
    """The loss of lists of numbers, in float64; of a vector its sum."""
    with in_double():
        z, y, w = tensors(scores, labels, weights)
        return float(ops.sum(module.loss(y, z, w)))


def gradients(module, scores, labels, weights):
    """The derived gradient by the scores, and the framework's own of the plain formula."""
    with in_double():
        z, y, w = tensors(scores, labels, weights)
        losses = (lambda z: module.loss(y, z, w), lambda z: plain(module, y, z, w))
        return [np.asarray(gradient(lambda z, loss=loss: ops.sum(loss(z)), z)).tolist() for loss in losses]


def plain(module, y, z, w):
    """The loss from the same sums, without the derived gradient."""
    z, y, w = module.prepared(y, z, w, None)
    totals = module.relaxed_counts(z, y, w)
    values = module.objective(*totals)
    return module.averaged(values, totals, w) if hasattr(module, "averaged") else values


def gradient(function, z):
    """The gradient of a function of the scores, as Keras' backend takes it."""
    return {"tensorflow": by_tensorflow, "jax": by_jax, "torch": by_torch}[keras.backend.backend()](function, z)


def by_tensorflow(function, z):
    """By a tape."""
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(z)
        value = function(z)
    return tape.gradient(value, z)


def by_jax(function, z):
    """By grad."""
    import jax

    return jax.grad(function)(z)


def by_torch(function, z):
    """By autograd."""
    import torch

    z = z.detach().requires_grad_()
    return torch.autograd.grad(function(z), z)[0].cpu()


def in_double():
    """Where arrays may be in float64, which JAX allows on request only."""
    if keras.backend.backend() != "jax":
        return contextlib.nullcontext()
    try:
        from jax import enable_x64
    except ImportError:  # before JAX 0.8
        from jax.experimental import enable_x64
    return enable_x64(True)


def tensors(scores, labels, weights):
    """Tensors in float64, class indices in an integer dtype."""
    z, w = (ops.convert_to_tensor(np.array(numbers), "float64") for numbers in (scores, weights))
    return z, ops.convert_to_tensor(np.array(labels)), w


def trainer(module, width, rate):
    """A function that trains a linear classifier with Adam on a loss, or on cross-entropy without one."""
    model = keras.Sequential([keras.Input((width,)), keras.layers.Dense(1, use_bias=False)])
    loss = keras.losses.BinaryCrossentropy(from_logits=True) if module is None else module.loss
    model.compile(keras.optimizers.Adam(rate), loss)
    model.optimizer.build(model.trainable_variables)
    start = [(model.weights[0], ops.zeros((width, 1)))]
    start += [(variable, ops.copy(variable)) for variable in model.optimizer.variables]

    def train(features, labels, steps):
        for variable, value in start:
            variable.assign(value)
        x, y = (np.asarray(array, "float32") for array in (features, labels))
        for _ in range(steps):
            model.train_on_batch(x, y[:, None])
        return ops.convert_to_numpy(ops.convert_to_tensor(model.weights[0]))[:, 0]

    return train
