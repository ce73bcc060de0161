"""What `metricloss check` and `metricloss demo` do with a loss for TensorFlow."""

import os

# TensorFlow's notes at its start are no news; what the user set stays.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import tensorflow as tf


def value(module, scores, labels, weights):
    """The loss of lists of numbers, in float64; of a vector its sum."""
    z, y, w = tensors(scores, labels, weights)
    return float(tf.reduce_sum(module.loss(y, z, w)))


def gradients(module, scores, labels, weights):
    """The derived gradient by the scores, and TensorFlow's own of the plain formula."""
    z, y, w = tensors(scores, labels, weights)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(z)
        losses = module.loss(y, z, w), plain(module, y, z, w)
    return [tape.gradient(loss, z).numpy().tolist() for loss in losses]


def plain(module, y, z, w):
    """The loss from the same sums, without the derived gradient."""
    z, y, w = module.prepared(y, z, w, None)
    totals = module.relaxed_counts(z, y, w)
    values = module.objective(*totals)
    return module.averaged(values, totals, w) if hasattr(module, "averaged") else values


def tensors(scores, labels, weights):
    """Tensors in float64, class indices in an integer dtype."""
    z, w = (tf.constant(numbers, dtype=tf.float64) for numbers in (scores, weights))
    return z, tf.constant(labels), w


def trainer(module, width, rate):
    """A function that trains a linear classifier with Adam on a loss, or on cross-entropy without one."""
    loss = cross_entropy if module is None else module.loss
    weights, mean, square = (tf.Variable(tf.zeros(width)) for _ in range(3))
    count = tf.Variable(0.0)

    @tf.function(autograph=False)
    def step(x, y):
        with tf.GradientTape() as tape:
            value = loss(y, tf.linalg.matvec(x, weights))
        count.assign_add(1.0)
        # Not Keras' Adam, for which Keras itself would have to run on TensorFlow.
        tf.raw_ops.ResourceApplyAdam(
            var=weights.handle, m=mean.handle, v=square.handle, lr=rate, beta1=0.9, beta2=0.999, epsilon=1e-7,
            beta1_power=0.9**count, beta2_power=0.999**count, grad=tape.gradient(value, weights),
        )  # fmt: skip

    def train(features, labels, steps):
        for variable in (weights, mean, square, count):
            variable.assign(tf.zeros_like(variable))
        x, y = (tf.constant(array, dtype=tf.float32) for array in (features, labels))
        for _ in range(steps):
            step(x, y)
        return weights.numpy()

    return train


def cross_entropy(labels, logits):
    """The mean cross-entropy."""
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, logits))
