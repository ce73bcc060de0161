"""Guarded expressions in Python's floats: what the emitted code calculates, without a framework."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping

import sympy
from sympy import Add, Expr, Mul, Number, NumberSymbol, Pow, Symbol

from metricloss.functions import Complement, Divide, Learned, LearnedSlope, Root, sigmoid
from metricloss.network import Network

#: What a denominator, or the argument of a logarithm, must exceed not to count as zero.
TINY = 2.0**-64


def _divide(numerator: float, denominator: float, otherwise: float) -> float:
    return numerator / denominator if abs(denominator) > TINY else otherwise


def _exp(x: float) -> float:
    return math.exp(min(x, 0.9 * math.log(sys.float_info.max)))


def _power(base: float, exponent: float) -> float:
    try:
        return float(base**exponent)
    except OverflowError:
        return math.inf


def _root(x: float, exponent: float) -> float:
    return _power(x, exponent) if x > 0 else 0.0


def _or_nan(function: Callable[..., float]) -> Callable[..., float]:
    """The function, with nan where Python raises: the sine of infinity, or infinity less infinity."""

    def guarded(*arguments: float) -> float:
        try:
            return function(*arguments)
        except (ValueError, OverflowError):
            return math.nan

    return guarded


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


def _heaviside(x: float, at_zero: float = 0.5) -> float:
    return at_zero if x == 0 else float(x > 0)


_MEANING: Mapping[type, Callable[..., float]] = {
    Divide: _divide,
    Root: _root,
    sigmoid: _sigmoid,
    Complement: lambda p: 1 - p,
    sympy.exp: _exp,
    sympy.log: lambda x: math.log(max(x, TINY)),
    sympy.sin: _or_nan(math.sin),
    sympy.cos: _or_nan(math.cos),
    sympy.tan: _or_nan(math.tan),
    sympy.asin: lambda x: math.asin(max(-1.0, min(x, 1.0))),
    sympy.acos: lambda x: math.acos(max(-1.0, min(x, 1.0))),
    sympy.atan: math.atan,
    sympy.tanh: math.tanh,
    sympy.Abs: abs,
    sympy.Min: min,
    sympy.Max: max,
    sympy.sign: lambda x: float((x > 0) - (x < 0)),
    sympy.Heaviside: _heaviside,
    Add: _or_nan(lambda *terms: math.fsum(terms)),
    Mul: lambda *factors: math.prod(factors),
    Pow: _power,
}


def evaluate(expression: Expr, known: Mapping[str, float]) -> float:
    """A guarded expression at the numbers of its symbols.

    >>> from sympy.abc import x
    >>> evaluate(Divide(1, x, 7), {"x": 0.0})
    7.0
    """
    if isinstance(expression, Symbol):
        return known[expression.name]
    if isinstance(expression, Number | NumberSymbol):
        return float(expression)
    if isinstance(expression, Learned | LearnedSlope):
        x, weights = expression.args
        at = [evaluate(x, known)]
        network: Network = weights.network
        return network(at) if isinstance(expression, Learned) else network.slopes(at)[0]
    return _MEANING[type(expression)](*(evaluate(argument, known) for argument in expression.args))
