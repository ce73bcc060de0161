"""One adapter a framework: its arrays, how its users call a loss, and how they differentiate."""

from __future__ import annotations

import importlib
import importlib.util
import os
import types
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "torch")  # of which a process has one
Arrays = tuple[Any, ...]


class Framework:
    """What the cross-backend tests need of a framework; imported when first used.

    Arguments go as (scores, labels, weights or None, mask or None), whatever a framework's own order is.
    """

    name: str
    module: str
    dtypes: tuple[str, ...] = ("float16", "float32", "float64")
    class_axis = -1

    @property
    def is_installed(self) -> bool:
        return importlib.util.find_spec(self.module) is not None

    @cached_property
    def lib(self) -> types.ModuleType:
        return importlib.import_module(self.module)

    @cached_property
    def ops(self) -> types.SimpleNamespace:
        """The functions of a plain formula, under one name in every framework."""
        raise NotImplementedError

    def array(self, values: Any, dtype: str | None = None) -> Any:
        """An array of the framework, of a dtype or of that of the NumPy values."""
        raise NotImplementedError

    def numpy(self, x: Any) -> np.ndarray:
        """A result as a NumPy array, half precisions as float32."""
        return np.asarray(x)

    def dtype_name(self, x: Any) -> str:
        return str(x.dtype).rpartition(".")[2]

    def call(self, function: Callable[..., Any], z: Any, y: Any, w: Any = None, mask: Any = None) -> Any:
        """A loss, score or counts of arrays of the framework, called the way its users do."""
        raise NotImplementedError

    def gradient(self, function: Callable[[Any], Any], z: Any) -> tuple[Any, Any]:
        """Value and gradient (of a vector that of its sum) of any function of the scores, by autodiff."""
        raise NotImplementedError

    def value_and_grad(self, loss: Any, z: Any, y: Any, w: Any = None, mask: Any = None) -> tuple[Any, Any]:
        """A compiled loss and its gradient by the scores, the way the framework's users get them."""
        return self.gradient(lambda scores: self.call(loss, scores, y, w, mask), z)

    def each(self, function: Callable[..., Any], problems: Sequence[Arrays]) -> list[Any]:
        """A function of scores, labels and weights, of several problems of one shape."""
        return [function(*problem) for problem in problems]

    def uncompiled(self) -> AbstractContextManager[Any]:
        """Where a loss that compiles itself does not."""
        return nullcontext()

    def plain_value_and_grad(
        self, formula: Callable[..., Any], h: Callable[[Any, Any], Any], z: Any, y: Any, w: Any = None
    ) -> tuple[Any, Any]:
        """Value and gradient of formula(ops, TP, FP, FN, TN) under a relaxation h(ops, z), by autodiff."""

        def of_scores(scores: Any) -> Any:
            a = h(self.ops, scores)
            on, off = (y, 1 - y) if w is None else (w * y, w * (1 - y))
            cells = on * a, off * a, on * (1 - a), off * (1 - a)
            return formula(self.ops, *map(self.ops.sum, cells))

        return self.gradient(of_scores, z)


class NumPy(Framework):
    name, module = "numpy", "numpy"

    def array(self, values: Any, dtype: str | None = None) -> Any:
        return read_only(np.asarray(values, dtype))

    def call(self, function: Callable[..., Any], z: Any, y: Any, w: Any = None, mask: Any = None) -> Any:
        return function(y, z, sample_weight=w, mask=mask)

    def value_and_grad(self, loss: Any, z: Any, y: Any, w: Any = None, mask: Any = None) -> tuple[Any, Any]:
        return self.call(loss.value_and_grad, z, y, w, mask)

    def plain_value_and_grad(
        self, formula: Callable[..., Any], h: Callable[[Any, Any], Any], z: Any, y: Any, w: Any = None
    ) -> tuple[Any, Any]:
        """NumPy has no autodiff: another framework's stands in for it."""
        other = next((framework for framework in (TORCH, JAX, TENSORFLOW) if framework.is_installed), None)
        if other is None:
            pytest.skip("no framework that differentiates is installed")
        arrays = [None if x is None else other.array(x) for x in (z, y, w)]
        return tuple(map(other.numpy, other.plain_value_and_grad(formula, h, *arrays)))


class ArrayAPI(NumPy):
    """The array API, on NumPy's arrays; test_array_api.py has the other libraries."""

    name, module = "array_api", "array_api_compat"

    def call(self, function: Callable[..., Any], z: Any, y: Any, w: Any = None, mask: Any = None) -> Any:
        return function(y, z, sample_weight=w, mask=mask)


class Torch(Framework):
    name, module = "torch", "torch"
    class_axis = 1
    dtypes = ("float16", "bfloat16", "float32", "float64")

    @cached_property
    def ops(self) -> types.SimpleNamespace:
        torch = self.lib
        names = (
            "sqrt",
            "exp",
            "log",
            "sin",
            "cos",
            "tan",
            "asin",
            "acos",
            "atan",
            "tanh",
            "abs",
            "sigmoid",
            "sum",
        )
        return types.SimpleNamespace(
            **{name: getattr(torch, name) for name in names}, minimum=torch.minimum, maximum=torch.maximum
        )

    def array(self, values: Any, dtype: str | None = None) -> Any:
        return self.lib.tensor(np.asarray(values), dtype=getattr(self.lib, dtype) if dtype else None)

    def numpy(self, x: Any) -> np.ndarray:
        x = x.detach()
        return (x.float() if x.dtype.itemsize == 2 else x).numpy()

    def call(self, function: Callable[..., Any], z: Any, y: Any, w: Any = None, mask: Any = None) -> Any:
        return function(z, y, w, mask)

    def gradient(self, function: Callable[[Any], Any], z: Any) -> tuple[Any, Any]:
        z = z.detach().clone().requires_grad_()
        value = function(z)
        return value.detach(), self.lib.autograd.grad(value.sum(), z)[0]


class Jax(Framework):
    name, module = "jax", "jax"
    dtypes = ("float16", "bfloat16", "float32", "float64")

    @cached_property
    def lib(self) -> types.ModuleType:
        jax = importlib.import_module("jax")
        jax.config.update("jax_enable_x64", True)
        return jax

    @cached_property
    def ops(self) -> types.SimpleNamespace:
        jnp = self.lib.numpy
        names = ("sqrt", "exp", "log", "sin", "cos", "tan", "tanh", "abs", "minimum", "maximum", "sum")
        return types.SimpleNamespace(
            **{name: getattr(jnp, name) for name in names},
            asin=jnp.arcsin, acos=jnp.arccos, atan=jnp.arctan, sigmoid=self.lib.nn.sigmoid,
        )  # fmt: skip

    def array(self, values: Any, dtype: str | None = None) -> Any:
        return self.lib.numpy.asarray(values, dtype)

    def numpy(self, x: Any) -> np.ndarray:
        return np.asarray(x, np.float32 if x.dtype.itemsize == 2 else None)

    def call(self, function: Callable[..., Any], z: Any, y: Any, w: Any = None, mask: Any = None) -> Any:
        return function(z, y, weights=w, where=mask)

    def gradient(self, function: Callable[[Any], Any], z: Any) -> tuple[Any, Any]:
        value, pull_back = self.lib.vjp(function, z)
        return value, pull_back(self.lib.numpy.ones_like(value))[0]

    def uncompiled(self) -> AbstractContextManager[Any]:
        return self.lib.disable_jit()

    def each(self, function: Callable[..., Any], problems: Sequence[Arrays]) -> list[Any]:
        """All at once, by vmap: what JAX takes for each call is many times what it takes to compute."""
        stacked = self.lib.tree.map(lambda *each: self.lib.numpy.stack(each), *problems)
        results = self.lib.tree.map(np.asarray, self.lib.vmap(function)(*stacked))
        return [self.lib.tree.map(lambda x, at=at: x[at], results) for at in range(len(problems))]


class TensorFlow(Framework):
    name, module = "tensorflow", "tensorflow"
    dtypes = ("float16", "bfloat16", "float32", "float64")

    @cached_property
    def ops(self) -> types.SimpleNamespace:
        tf = self.lib
        names = ("sqrt", "exp", "sin", "cos", "tan", "asin", "acos", "atan", "tanh", "abs", "sigmoid")
        return types.SimpleNamespace(
            **{name: getattr(tf, name) for name in names},
            log=tf.math.log, minimum=tf.minimum, maximum=tf.maximum, sum=tf.reduce_sum,
        )  # fmt: skip

    def array(self, values: Any, dtype: str | None = None) -> Any:
        x = self.lib.convert_to_tensor(np.asarray(values))
        return self.lib.cast(x, dtype) if dtype else x

    def numpy(self, x: Any) -> np.ndarray:
        return (self.lib.cast(x, "float32") if x.dtype.size == 2 else x).numpy()

    def dtype_name(self, x: Any) -> str:
        return x.dtype.name

    def call(self, function: Callable[..., Any], z: Any, y: Any, w: Any = None, mask: Any = None) -> Any:
        return function(y, z, w, mask)

    def gradient(self, function: Callable[[Any], Any], z: Any) -> tuple[Any, Any]:
        with self.lib.GradientTape() as tape:
            tape.watch(z)
            value = function(z)
        return value, tape.gradient(value, z)


class Keras(Torch):
    """Keras on torch, the fastest op by op, whose arrays and autograd serve both; test_keras.py has all."""

    name, module = "keras", "keras"
    class_axis = -1

    @property
    def is_installed(self) -> bool:
        return super().is_installed and TORCH.is_installed

    @cached_property
    def lib(self) -> types.ModuleType:
        if importlib.import_module("keras").backend.backend() != "torch":
            pytest.skip("Keras runs on another framework")
        return TORCH.lib

    def call(self, function: Callable[..., Any], z: Any, y: Any, w: Any = None, mask: Any = None) -> Any:
        return function(y, z, w, mask)


TORCH, JAX, TENSORFLOW = Torch(), Jax(), TensorFlow()
FRAMEWORKS: tuple[Framework, ...] = (NumPy(), ArrayAPI(), TORCH, JAX, TENSORFLOW, Keras())


def read_only(array: np.ndarray) -> np.ndarray:
    """A NumPy array whose values nobody can write to."""
    array = np.array(array)
    array.setflags(write=False)
    return array
