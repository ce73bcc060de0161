"""JAX with flax and optax, all of a step under jit: python examples/flax_optax.py"""

import jax
import jax.numpy as jnp
import optax
from data import tumours
from flax import linen as nn

import metricloss as ml

x_train, x_test, y_train, y_test = map(jnp.asarray, tumours())
f1 = ml.compile("f1", "jax")


class Classifier(nn.Module):
    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        return nn.Dense(1)(nn.relu(nn.Dense(16)(x)))[:, 0]


model, optimizer = Classifier(), optax.adam(0.01)
parameters = model.init(jax.random.key(0), x_train)
state = optimizer.init(parameters)


@jax.jit
def step(parameters, state, x, y):
    value, gradient = jax.value_and_grad(lambda p: f1(model.apply(p, x), y))(parameters)
    updates, state = optimizer.update(gradient, state)
    return optax.apply_updates(parameters, updates), state, value


key, n = jax.random.key(1), len(x_train) // 64 * 64
for epoch in range(60):
    key, of_epoch = jax.random.split(key)
    for rows in jax.random.permutation(of_epoch, len(x_train))[:n].reshape(-1, 64):
        parameters, state, value = step(parameters, state, x_train[rows], y_train[rows])
    if epoch % 20 == 19:
        score = f1.score(model.apply(parameters, x_test), y_test)
        print(f"epoch {epoch + 1}: loss {value:.3f} of a batch, F1 on held-out data {score:.3f}")
