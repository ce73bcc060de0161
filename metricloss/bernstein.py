"""Polynomials in p written as Σ bₖ·pᵏ·(1 - p)ⁿ⁻ᵏ, whose digits no difference eats where no b is negative."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import comb

from sympy import Add, Expr, Rational, S, Symbol

#: cₖ of Σ cₖ·C(n, k)·pᵏ·(1 - p)ⁿ⁻ᵏ, from k = 0 to n.
Coefficients = tuple[Rational, ...]


def polynomial(coefficients: Sequence[Expr], p: Symbol) -> Expr:
    """Σ cₖ·C(n, k)·pᵏ·(1 - p)ⁿ⁻ᵏ, for the n + 1 coefficients c.

    >>> polynomial([S(0), S(1) / 4, S(3) / 4, S(1)], Symbol("p"))
    p**3 + 9*p**2*(1 - p)/4 + 3*p*(1 - p)**2/4
    """
    n = len(coefficients) - 1
    return Add(*(c * comb(n, k) * p**k * (1 - p) ** (n - k) for k, c in enumerate(coefficients)))


def derivative(coefficients: Coefficients, p: Symbol) -> Expr:
    """Its derivative, in the same form: n·Σ (cₖ₊₁ - cₖ)·C(n - 1, k)·pᵏ·(1 - p)ⁿ⁻¹⁻ᵏ.

    >>> derivative((S(0), S(0), S(1)), Symbol("p"))
    2*p
    """
    n = len(coefficients) - 1
    return polynomial([n * (after - before) for before, after in pairwise(coefficients)], p)


def coefficients_of(expression: Expr, p: Symbol) -> Coefficients | None:
    """The coefficients c of an expression that is written in this form; None where it is not, or has no 1 - p.

    >>> p = Symbol("p")
    >>> coefficients_of(p**2 + p * (1 - p), p)
    (0, 1/2, 1)
    >>> coefficients_of(p**2 + p, p) is None
    True
    """
    if not expression.has(1 - p):
        return None
    found: dict[tuple[int, int], Expr] = {}
    for powers, factor in _terms(expression, p):
        if powers is None:
            return None
        found[powers] = found.get(powers, S.Zero) + factor
    degrees = {k + m for k, m in found}
    if len(degrees) != 1:
        return None
    (n,) = degrees
    return tuple(found.get((k, n - k), S.Zero) / comb(n, k) for k in range(n + 1))


def _terms(expression: Expr, p: Symbol) -> Iterator[tuple[tuple[int, int] | None, Expr]]:
    """Of each term the exponents of p and of 1 - p, None where there is more to it, and its number."""
    for term in Add.make_args(expression):
        factor, rest = term.as_coeff_Mul()
        powers = rest.as_powers_dict()
        k, m = powers.pop(p, S.Zero), powers.pop(1 - p, S.Zero)
        is_ours = not powers and factor.is_Rational and all(x.is_Integer and x >= 0 for x in (k, m))
        yield (int(k), int(m)) if is_ours else None, factor


def is_monotone(coefficients: Coefficients) -> bool:
    """Whether the coefficients never fall, from 0 or more to 1 or less: then neither does the polynomial.

    >>> is_monotone((S(0), S(1) / 2, S(1)))
    True
    """
    rises = all(before <= after for before, after in pairwise(coefficients))
    return bool(rises and coefficients[0] >= 0 and coefficients[-1] <= 1)
