"""The same function in the form that keeps its digits, where p is close to 0 or rounds to 1."""

from __future__ import annotations

import sympy
from sympy import Add, Expr, Symbol

from metricloss.algebra import HIGH, degree_bound
from metricloss.functions import sigmoid

p = Symbol("p", nonnegative=True)  #: the probability, sigmoid of the score
q = Symbol("q", nonnegative=True)  #: its complement, 1 - p
z = Symbol("z", real=True)  #: the raw score (logit)


def complement_of(expression: Expr) -> Expr:
    """1 - h, not as a difference where there is another form.

    >>> complement_of(sigmoid(10*p - 5))
    sigmoid(5 - 10*p)
    """
    if isinstance(expression, sigmoid):
        return sigmoid(-expression.args[0])
    if parts := mixed(expression):
        return Add(*(weight * complement_of(part) for weight, part in parts))
    return factored(1 - expression)


def mixed(expression: Expr) -> list[tuple[Expr, Expr]]:
    """The weights and the parts of a mean with positive weights; none where it is not one.

    >>> mixed(p/4 + 3*p**2/4)
    [(1/4, p), (3/4, p**2)]
    """
    parts = [term.as_coeff_Mul() for term in Add.make_args(expression)]
    is_mean = all(weight > 0 for weight, _ in parts) and sum(weight for weight, _ in parts) == 1
    return parts if is_mean and len(parts) > 1 else []


def over_q(expression: Expr) -> Expr:
    """The same in p and q, where 1 - p is a factor.

    >>> over_q(p - p**3)
    p*q*(p + 1)
    """
    return factored(expression).replace(_vanishes_at_1, _by_q)


def _vanishes_at_1(expression: Expr) -> bool:
    """Whether it is a multiple of 1 - p, which must not be a difference where p rounds to 1."""
    return bool(expression.is_Add and expression.diff(p).is_number and expression.subs(p, 1) == 0)


def _by_q(expression: Expr) -> Expr:
    return expression.subs(p, 0) * q


def factored(expression: Expr) -> Expr:
    """A polynomial in p as a product, which keeps its digits close to its roots 0 and 1.

    >>> factored(3*p**2 - 2*p**3)
    -p**2*(2*p - 3)
    """
    is_polynomial = expression.is_polynomial(p) and expression.has(p) and degree_bound(expression) <= HIGH
    return sympy.factor(expression) if is_polynomial else expression
