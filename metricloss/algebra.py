"""What SymPy is asked to do with expressions, within bounds: beyond them it takes minutes."""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable, Mapping
from typing import Any

import sympy
from sympy import Abs, Add, Expr, Max, Min, Mul, Number, NumberSymbol, Pow, Rational, S

from metricloss.errors import ParameterError
from metricloss.functions import is_quotient_power, sigmoid

#: The degree up to which SymPy is asked to cancel and factor.
HIGH = 30
INFINITE = (sympy.nan, sympy.zoo, sympy.oo, -sympy.oo)


def as_number(name: str, value: Any) -> Expr:
    """A finite real number, exactly as it is written: 0.3 is 3/10.

    Errors: ParameterError, which calls it by the name it was given under.

    >>> as_number("beta", 0.3)
    3/10
    """
    try:
        number = exact(value) if isinstance(value, Expr) else Rational(str(value))
    except (TypeError, ValueError):
        number = S.NaN
    if isinstance(value, bool) or not (number.is_number and number.is_real and number.is_finite):
        raise ParameterError(f"{name}={value!r} is no finite real number\nGive a number, like {name}=2.")
    return number


def exact(expression: Expr) -> Expr:
    """The expression with every decimal as the fraction it was written as: 0.3 is 3/10.

    >>> exact(sympy.Float(0.3) * sympy.Symbol("x"))
    3*x/10
    """
    floats = {number: Rational(str(float(number))) for number in expression.atoms(sympy.Float)}
    return expression.xreplace(floats)


def with_primitive_bases(expression: Expr) -> Expr:
    """The expression with the numbers of 1/(2·x + 2·y) in front, as 1/2/(x + y).

    >>> from sympy.abc import x, y
    >>> with_primitive_bases(5 * x / 4 / (5 * x / 4 + y))
    5*x/(5*x + 4*y)
    """

    def split(base: Expr, exponent: Expr) -> Expr:
        content, primitive = base.primitive()
        return content**exponent * primitive**exponent

    return expression.replace(
        lambda part: isinstance(part, Pow) and isinstance(part.base, Add) and part.exp.is_Rational,
        lambda power: split(power.base, power.exp),
    )


def evaluated_at(expression: Expr, values: Mapping[Expr, Expr]) -> Expr:
    """The expression at values of some symbols; nan where SymPy finds nothing to compare in a Min or Max.

    >>> from sympy.abc import x
    >>> evaluated_at(Max(x, sympy.asin(x)), {x: S(3)})
    nan
    """
    try:
        return expression.xreplace(values)
    except ValueError:
        return S.NaN


def complex_at(expression: Expr, values: Mapping[Expr, complex]) -> complex:
    """The unguarded value in complex floats; nan where it divides by zero or overflows.

    >>> x = sympy.Symbol("x")
    >>> complex_at(1 / x - x / 2, {x: 4})
    (-1.75+0j)
    """
    try:
        return _complex(expression, values)
    except (ZeroDivisionError, OverflowError, ValueError):
        return complex("nan")


def _complex(expression: Expr, values: Mapping[Expr, complex]) -> complex:
    if expression in values:
        return complex(values[expression])
    if isinstance(expression, Number | NumberSymbol):
        return complex(float(expression))
    parts = [_complex(part, values) for part in expression.args]
    if isinstance(expression, Add):
        return sum(parts)
    if isinstance(expression, Mul):
        return math.prod(parts)
    if isinstance(expression, Pow):
        return parts[0] ** parts[1]
    if isinstance(expression, Abs | Min | Max) and any(abs(part.imag) > 1e-9 * abs(part) for part in parts):
        return complex("nan")
    if isinstance(expression, Abs):
        return complex(abs(parts[0]))
    if isinstance(expression, Min | Max):
        return (min if isinstance(expression, Min) else max)(parts, key=lambda part: part.real)
    if isinstance(expression, sigmoid):
        return 1 / (1 + cmath.exp(-parts[0]))
    function: Callable[[complex], complex] = getattr(cmath, type(expression).__name__)
    return function(parts[0])


def degree_bound(expression: Expr) -> float:
    """A bound on the degree to which SymPy would multiply the expression out; it takes minutes beyond some 30.

    >>> from sympy.abc import x
    >>> degree_bound((x + 1) ** 20 * (x**2 + 3) / x)
    23.0
    """
    if not expression.free_symbols:
        return 0
    if isinstance(expression, Pow) and expression.exp.is_Rational:
        return float(abs(expression.exp)) * degree_bound(expression.base)
    parts = [degree_bound(part) for part in expression.args] or [1]
    return max(parts) if isinstance(expression, Add) and not _has_quotient(expression) else sum(parts)


def _has_quotient(expression: Expr) -> bool:
    return any(is_quotient_power(part) for part in sympy.preorder_traversal(expression))


def latex(expression: Expr) -> str:
    """The expression in LaTeX, with a dot between names of several letters.

    >>> print(latex(sympy.Symbol("TP") * sympy.Symbol("TN")))
    TN \\cdot TP
    """
    text: str = sympy.latex(expression, mul_symbol="dot")
    return text


def cancelled(expression: Expr) -> Expr:
    """In lowest terms, unless that would take SymPy long."""
    if expression.is_number or expression.has(*INFINITE) or degree_bound(expression) > HIGH:
        return expression
    return sympy.cancel(sympy.together(expression))


def simplified(expression: Expr) -> Expr:
    """Factored, unless that is longer or would take SymPy long."""
    if degree_bound(expression) > HIGH:
        return expression
    together = sympy.factor(sympy.together(expression))
    return min(together, expression, key=lambda form: form.count_ops())
