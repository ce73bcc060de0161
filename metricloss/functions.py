"""The functions a metric or a relaxation may be made of, and the guarded ones that a plan is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy
from sympy import (
    Abs,
    Add,
    AtomicExpr,
    Expr,
    Function,
    Heaviside,
    Max,
    Min,
    Mul,
    Number,
    NumberSymbol,
    Pow,
    S,
    Symbol,
    sign,
)  # fmt: skip

from metricloss.errors import UnsupportedFunctionError
from metricloss.network import Network


class sigmoid(Function):  # type: ignore[misc]  # noqa: N801  SymPy has no types; its functions are lower case
    """The logistic function 1/(1 + exp(-x)), which no backend may overflow.

    >>> from sympy.abc import x
    >>> sigmoid(x).diff(x)
    sigmoid(-x)*sigmoid(x)
    """

    nargs = 1
    is_nonnegative = True

    @classmethod
    def eval(cls, x: Expr) -> Expr | None:
        return S.Half if x.is_zero else None

    def fdiff(self, argindex: int = 1) -> Expr:
        x = self.args[0]
        return sigmoid(x) * sigmoid(-x)

    def _eval_evalf(self, prec: int) -> Expr:
        return (1 / (1 + sympy.exp(-self.args[0])))._eval_evalf(prec)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        inner = printer.doprint(self.args[0])
        power = f"^{{{exp}}}" if exp else ""
        return rf"\sigma{power}\left({inner}\right)"


class Divide(Function):  # type: ignore[misc]  # SymPy has no types
    """``Divide(numerator, denominator, otherwise)``: `otherwise` where the denominator is zero."""

    nargs = 3


class Sigmoids(Function):  # type: ignore[misc]  # SymPy has no types
    """The pair σ(x), σ(-x), neither a difference from 1: assigned to two names at once."""

    nargs = 1


class Complement(Function):  # type: ignore[misc]  # SymPy has no types
    """1 - p of a class's probability p, with all its digits: the sum of the probabilities of the others."""

    nargs = 1


class Root(Function):  # type: ignore[misc]  # SymPy has no types
    """``Root(x, exponent)``: x to a positive exponent that is not whole; 0, with slope 0, where x <= 0."""

    nargs = 2


class Weights(AtomicExpr):  # type: ignore[misc]  # SymPy has no types
    """A network as an argument of the functions that it stands for.

    >>> Weights(Network(((((2.0,),), (0.0,)),)))
    Network()
    """

    __slots__ = ("network",)
    is_commutative = True

    def __new__(cls, network: Network) -> Weights:
        weights: Weights = AtomicExpr.__new__(cls)
        weights.network = network
        return weights

    def __getnewargs__(self) -> tuple[Network]:
        return (self.network,)

    def _hashable_content(self) -> tuple[Network]:
        return (self.network,)

    def _sympystr(self, printer: Any) -> str:
        return repr(self.network)


class Learned(Function):  # type: ignore[misc]  # SymPy has no types
    """``Learned(x, Weights(network))``: the value of a network of one number.

    >>> from sympy.abc import x
    >>> Learned(x, Weights(Network(((((2.0,),), (0.0,)),)))).diff(x)
    f'(x)
    """

    nargs = 2

    def fdiff(self, argindex: int = 1) -> Expr:
        return LearnedSlope(*self.args)

    def _eval_evalf(self, prec: int) -> Expr:
        x, weights = self.args
        return sympy.Float(weights.network([float(x)]), precision=prec)

    def _sympystr(self, printer: Any) -> str:
        return f"f({printer.doprint(self.args[0])})"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return rf"f\left({printer.doprint(self.args[0])}\right)"


class LearnedSlope(Function):  # type: ignore[misc]  # SymPy has no types
    """``LearnedSlope(x, Weights(network))``: how the value of a network of one number moves with it."""

    nargs = 2

    def _sympystr(self, printer: Any) -> str:
        return f"f'({printer.doprint(self.args[0])})"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return rf"f'\left({printer.doprint(self.args[0])}\right)"


#: The functions of a plan, and what the table of a backend calls them. Roots are `sqrt` and `power` there.
SPELLED: Mapping[type, str] = {
    Divide: "divide", sigmoid: "sigmoid", Sigmoids: "sigmoids", Complement: "complement",
    sympy.exp: "exp", sympy.log: "log", sympy.sin: "sin", sympy.cos: "cos", sympy.tan: "tan",
    sympy.asin: "asin", sympy.acos: "acos", sympy.atan: "atan", sympy.tanh: "tanh",
    Abs: "abs", Min: "minimum", Max: "maximum", sign: "sign",
    Learned: "learned", LearnedSlope: "learned_slope",
}  # fmt: skip
#: No user writes these.
_OURS = (Divide, Sigmoids, Complement, Learned, LearnedSlope)
_KNOWN = (Symbol, Number, NumberSymbol, Weights, Add, Mul, Pow, Heaviside, Root, *SPELLED)


def require_known(expression: Expr) -> None:
    """Raise UnsupportedFunctionError for a function that no backend spells.

    >>> require_known(sympy.tanh(sympy.Symbol("x")))
    """
    for part in sympy.preorder_traversal(expression):
        if not isinstance(part, _KNOWN):
            known = ", ".join(sorted(kind.__name__ for kind in SPELLED if kind not in _OURS))
            raise UnsupportedFunctionError(
                f"{type(part).__name__} is no function of metricloss, in {expression}\n"
                f"Use powers, sqrt, {known}."
            )


def is_quotient_power(expression: Expr) -> bool:
    """Whether the expression divides by something: a power with a negative number as its exponent."""
    return isinstance(expression, Pow) and isinstance(expression.exp, Number) and expression.exp.is_negative
