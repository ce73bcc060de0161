"""What a user writes, as a checked SymPy expression over the four counts."""

from __future__ import annotations

import cmath
import inspect
import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import TypeAlias

import sympy
from sympy import Expr, Symbol

from metricloss.algebra import INFINITE, as_number, complex_at, exact, with_primitive_bases
from metricloss.entries import suggestion
from metricloss.errors import (
    NoCountError,
    NotRealError,
    ParameterError,
    UnknownNameError,
    UnsupportedFunctionError,
    nearest,
)
from metricloss.functions import require_known
from metricloss.symbols import COUNTS, NAMES
from metricloss.text import FUNCTIONS, parse

Expression: TypeAlias = str | Expr | Callable[..., Expr]

#: Ordinary confusion matrices, in no special position, at which a metric must be real and finite.
SAMPLES = ((5, 2, 3, 7), (1, 4, 6, 2), (2, 9, 1, 3), (8, 1, 3, 1), (1, 3, 2, 11))


def checked(expression: Expression, parameters: Mapping[str, Expr]) -> Expr:
    """The expression with its parameters' values in place, found real and finite at ordinary counts.

    Errors: those of `Metric` for its expression and parameters.

    >>> checked("w*TP/n", {"w": sympy.Integer(2)})
    2*TP/(FN + FP + TN + TP)
    """
    written = _as_expression(expression, tuple(parameters))
    _check_parameters(written, parameters)
    values = {symbol: parameters[symbol.name] for symbol in _parameters(written)}
    resolved = with_primitive_bases(exact(written.subs(values)))
    _check_value(resolved)
    return resolved


def _as_expression(expression: Expression, parameters: tuple[str, ...]) -> Expr:
    if isinstance(expression, str):
        try:
            return parse(expression, NAMES, parameters)
        except UnknownNameError as error:
            meant = suggestion(expression)
            if not meant or nearest(expression, NAMES):
                raise
            raise UnknownNameError(f"{error}\nNor is it in the catalogue{meant}") from None
    if isinstance(expression, Expr):
        return expression
    if callable(expression):
        return _as_expression(_called(expression, parameters), parameters)
    if isinstance(expression, int | float):
        return as_number("the metric", expression)
    raise TypeError(
        f"a metric is an expression, text, or a callable of TP, FP, FN, TN, not {type(expression).__name__}"
    )


def _called(function: Callable[..., Expr], parameters: tuple[str, ...]) -> Expr:
    """The value of a callable: counts by their names, if it has all four in whatever order, else in ours."""
    accepted = inspect.signature(function).parameters
    named = {name: Symbol(name, real=True) for name in parameters if name in accepted}
    by_name = {name: count for name in accepted for count in COUNTS if name.upper() == count.name}
    return function(**by_name, **named) if len(by_name) == len(COUNTS) else function(*COUNTS, **named)


def _parameters(expression: Expr) -> list[Symbol]:
    return sorted(expression.free_symbols - set(COUNTS), key=str)


def _check_parameters(expression: Expr, values: Mapping[str, Expr]) -> None:
    used = [symbol.name for symbol in _parameters(expression)]
    for name in used:
        if name in NAMES:
            raise UnknownNameError(
                f"{name} in {expression} is a symbol of your own, not metricloss's\n"
                f"Import it: from metricloss import {name}"
            )
        if name not in values:
            raise UnknownNameError(
                f"{name} has no meaning in {expression}{nearest(name, [*NAMES, *FUNCTIONS])}\n"
                f"A parameter needs a value: Metric(..., {name}=1)"
            )
    for name in values:
        if name not in used:
            meant = nearest(name, [*used, "direction", "zero_division"])
            raise ParameterError(
                f"{name}={values[name]} has no place in {expression}, whose parameters are "
                f"{', '.join(used) or 'none'}{meant}\nLeave it out, or use it in the expression."
            )


def _check_value(expression: Expr) -> None:
    if expression.has(*INFINITE):
        raise NotRealError(f"{expression} divides by zero or is infinite whatever the counts are.")
    require_known(expression)
    if not expression.free_symbols:
        raise NoCountError(
            f"{expression} holds no count, so predictions cannot change it\nWrite it over {', '.join(NAMES)}."
        )
    if expression.has(sympy.sign, sympy.Heaviside):
        raise UnsupportedFunctionError(
            f"sign and Heaviside have no slope, in {expression}\nUse Abs, Min or Max."
        )
    for sample in SAMPLES:
        value = complex_at(expression, dict(zip(COUNTS, sample, strict=True)))
        if not cmath.isfinite(value) or abs(value.imag) > 1e-9 * abs(value):
            where = ", ".join(f"{symbol} = {count}" for symbol, count in zip(COUNTS, sample, strict=True))
            what = f"{value:.4g}" if cmath.isfinite(value) else "no finite number"
            raise NotRealError(
                f"{expression} is not real: at {where} it is {what}\n"
                "A metric must be a finite number at every ordinary confusion matrix."
            )


def name_of(expression: Expression) -> str:
    """The name of a function, or "metric".

    >>> name_of("TP/P")
    'metric'
    """
    name = getattr(expression, "__name__", "")
    return name if name.isidentifier() else "metric"


def identifier(name: str) -> str:
    """The name as a word that may stand in code.

    >>> identifier("F-beta (2)")
    'F_beta_2'
    """
    word = re.sub(r"\W+", "_", unicodedata.normalize("NFKC", name)).strip("_")
    word = word if f"m_{word}".isidentifier() else re.sub(r"\W+", "_", word, flags=re.ASCII).strip("_")
    return word if word.isidentifier() else f"m_{word}"
