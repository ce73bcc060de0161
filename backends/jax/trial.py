"""What `metricloss check` and `metricloss demo` do with a loss for JAX."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.example_libraries import optimizers

try:
    from jax import enable_x64
except ImportError:  # before JAX 0.8
    from jax.experimental import enable_x64


def value(module, scores, labels, weights):
    """The loss of lists of numbers, in float64; of a vector its sum."""
    with enable_x64(True):
        z, y, w = map(jnp.asarray, (scores, labels, weights))
        return float(module.loss(z, y, weights=w).sum())


def gradients(module, scores, labels, weights):
    """The derived gradient by the scores, and JAX's own of the plain formula."""
    with enable_x64(True):
        z, y, w = map(jnp.asarray, (scores, labels, weights))

        def derived(z):
            return module.loss(z, y, weights=w).sum()

        def plain(z):
            return module.plain(*module.prepared(z, y, w, None)).sum()

        return [jax.grad(loss)(z).tolist() for loss in (derived, plain)]


def trainer(module, width, rate):
    """A function that trains a linear classifier with Adam on a loss, or on cross-entropy without one."""
    loss = cross_entropy if module is None else module.loss
    init, update, weights_of = optimizers.adam(rate)

    @jax.jit
    def step(number, state, x, y):
        gradient = jax.grad(lambda weights: loss(x @ weights, y))(weights_of(state))
        return update(number, gradient, state)

    def train(features, labels, steps):
        x, y = jnp.asarray(features, jnp.float32), jnp.asarray(labels)
        state = init(jnp.zeros(width, jnp.float32))
        for number in range(steps):
            state = step(number, state, x, y)
        return np.asarray(weights_of(state))

    return train


def cross_entropy(logits, labels):
    """The mean cross-entropy."""
    return jnp.mean(jnp.logaddexp(0, logits) - labels * logits)
