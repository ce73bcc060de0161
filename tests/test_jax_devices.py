"""JAX with two devices: of each its own loss under shard_map and pmap, that of all where arrays are sharded."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("jax")

SCRIPT = """
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

import metricloss as ml

assert jax.device_count() == 2
loss = ml.compile("mcc", "jax", relaxation="AnyLoss(10)")
rng = np.random.default_rng(0)
z, y = rng.normal(size=4000).astype("float32"), rng.integers(0, 2, 4000)
both = jax.value_and_grad(loss)
halves = [both(jnp.asarray(z[half]), jnp.asarray(y[half])) for half in (slice(2000), slice(2000, None))]

mesh, spec = jax.make_mesh((2,), ("batch",)), PartitionSpec("batch")


def each(z, y):
    value, gradient = both(z, y)
    return value[None], gradient


sharded = [jax.device_put(x, NamedSharding(mesh, spec)) for x in (z, y)]
on_each = jax.shard_map(each, mesh=mesh, in_specs=(spec, spec), out_specs=(spec, spec))
values, gradient = jax.jit(on_each)(*sharded)
np.testing.assert_allclose(values, [value for value, _ in halves], rtol=1e-5)
np.testing.assert_allclose(gradient, np.concatenate([of for _, of in halves]), rtol=1e-3, atol=1e-9)

values, gradient = jax.pmap(both)(z.reshape(2, -1), y.reshape(2, -1))
np.testing.assert_allclose(values, [value for value, _ in halves], rtol=1e-5)

value, gradient = jax.jit(both)(*sharded)
whole, expected = both(jnp.asarray(z), jnp.asarray(y))
np.testing.assert_allclose(value, whole, rtol=1e-5)
np.testing.assert_allclose(gradient, expected, rtol=1e-3, atol=1e-9)
assert len(gradient.sharding.device_set) == 2
"""


def test_two_devices():
    environment = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=2", "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-W", "error", "-c", SCRIPT]
    root = Path(__file__).parent.parent
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
