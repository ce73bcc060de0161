"""The quotients of a metric, each with a name, and what it is at 0/0."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, count

from sympy import Expr, Integer, Mul, Pow, S, Symbol

from metricloss.algebra import evaluated_at
from metricloss.functions import is_quotient_power
from metricloss.symbols import COUNTS, FN, FP, NAMES, TN, TP

#: Sums that have a name, as symbols: with P, N and n fixed by the labels, derivatives stay small.
SUMS = {total: Symbol(name, nonnegative=True) for name, total in NAMES.items() if total not in COUNTS}
#: What these symbols stand for.
TOTALS = {symbol: total for total, symbol in SUMS.items()}
_P, _N, _PP, _PN, _n = TOTALS

#: Quotients that have a name of their own, by their denominator.
_RATES = {
    _P: {TP: "recall", FN: "fnr"},
    _N: {TN: "specificity", FP: "fpr"},
    _PP: {TP: "precision", FP: "fdr"},
    _PN: {TN: "npv", FN: "false_omission"},
}


@dataclass(frozen=True)
class Definition:
    """``name = numerator / denominator``, and `otherwise` where the denominator is 0.

    >>> Definition(Symbol("recall"), TP, _P).expression
    TP/P
    """

    name: Symbol
    numerator: Expr
    denominator: Expr = S.One
    otherwise: Expr = S.Zero

    @property
    def expression(self) -> Expr:
        return self.numerator / self.denominator

    @property
    def remark(self) -> str:
        """What is to be said of 0/0, if that is not 0."""
        return f", or {self.otherwise} where {self.denominator} = 0" if self.otherwise else ""


class Naming:
    """Gives the quotients of an expression their names, innermost first.

    >>> naming = Naming("lift")
    >>> naming.rewrite(TP / _PP / _P, outermost=True), [str(line.name) for line in naming.definitions]
    (lift, ['d', 'lift'])
    """

    def __init__(self, name: str, zero_division: Expr = S.Zero) -> None:
        self.name, self.zero_division = name, zero_division
        self.definitions: list[Definition] = []
        self._known: dict[Expr, Symbol] = {}

    def rewrite(self, expression: Expr, outermost: bool = False) -> Expr:
        """The expression with its quotients replaced by their names."""
        if not expression.args:
            return expression
        factors = tuple(_factors(expression))
        if not any(is_quotient_power(factor) and not factor.is_number for factor in factors):
            return expression.func(*map(self.rewrite, expression.args))
        coefficient, above, below = _split(factors)
        plain = above / below
        for rate, exponent in _rates(above, below):
            above, below = (
                self._rate(*rate) ** exponent * above / rate[0] ** exponent,
                below / rate[1] ** exponent,
            )
        if below == 1:
            return coefficient * self.rewrite(above)
        inside = _coefficient_inside(coefficient, plain)
        otherwise = self._otherwise(plain * inside)
        name = self.name if outermost else "ratio"
        return (
            coefficient
            / inside
            * self._quotient(self.rewrite(above * inside), self.rewrite(below), otherwise, name)
        )

    def _rate(self, above: Expr, below: Expr) -> Symbol:
        return self._quotient(above, below, self._otherwise(above / below), _RATES[below][above])

    def _otherwise(self, quotient: Expr) -> Expr:
        return self.zero_division * _scale(quotient) if self.zero_division else S.Zero

    def _quotient(self, above: Expr, below: Expr, otherwise: Expr, wish: str) -> Expr:
        if above / below not in self._known:
            denominator = below if below.is_Symbol else self._define("d", below)
            name = self._define(wish, above, denominator, otherwise)
            self._known[above / below] = name
            if otherwise and not is_single(below):
                self._define(f"{name}_or_0", above, denominator)
        return self._known[above / below]

    def _define(
        self, wish: str, numerator: Expr, denominator: Expr = S.One, otherwise: Expr = S.Zero
    ) -> Symbol:
        """The name of a definition that stands already, or a free one like that wished for."""
        for known in self.definitions:
            if (known.numerator, known.denominator, known.otherwise) == (numerator, denominator, otherwise):
                return known.name
        taken = {str(known.name) for known in self.definitions}
        free = Symbol(next(name for name in _numbered(wish) if name not in taken), real=True)
        self.definitions.append(Definition(free, numerator, denominator, otherwise))
        return free


def _numbered(wish: str) -> Iterator[str]:
    yield wish
    yield from (f"{wish}_{number}" for number in count(2))


def _factors(expression: Expr) -> Iterator[Expr]:
    """The factors of a product; those under a common root one by one, so that √(A/B) is √A/√B."""
    for factor in Mul.make_args(expression):
        base, exponent = factor.as_base_exp()
        under = Mul.make_args(base)
        if (
            isinstance(factor, Pow)
            and exponent.is_Number
            and len(under) > 1
            and all(map(_is_nonnegative, under))
        ):
            yield from (
                one_base ** (one_exponent * exponent) for one_base, one_exponent in map(_as_power, under)
            )
        else:
            yield factor


def _as_power(expression: Expr) -> tuple[Expr, Expr]:
    """Base and exponent, with 1/x as x to the -1."""
    return expression.args if isinstance(expression, Pow) else (expression, S.One)


def _is_nonnegative(factor: Expr) -> bool:
    return bool(_as_power(factor)[0].is_nonnegative)


def _split(factors: tuple[Expr, ...]) -> tuple[Expr, Expr, Expr]:
    """Coefficient, numerator and denominator of a product."""
    coefficient = Mul(*(factor for factor in factors if factor.is_number))
    below = Mul(*(1 / factor for factor in factors if is_quotient_power(factor) and not factor.is_number))
    above = Mul(*(factor for factor in factors if not factor.is_number and not is_quotient_power(factor)))
    return coefficient, above, below


def _coefficient_inside(coefficient: Expr, quotient: Expr) -> Expr:
    """How much of the coefficient belongs to the numerator: all of 2·TP/(2·TP + FP + FN), none of TP/P/2.

    SymPy has merged the coefficients that the user wrote inside and in front. What can be told from the result
    is the largest value of the quotient: if that is 1 without the coefficient, it stood in front.
    """
    size = abs(coefficient)
    return S.One if size == 1 or _scale(quotient) == 1 else size


def _scale(quotient: Expr) -> Expr:
    """The largest absolute value where as few counts as possible are 1 and the others 0; 1 if there is none.

    `zero_division` is the value of a metric, so w·TP/P takes w·zero_division, and 2·TP/(2·TP + FP + FN) takes
    zero_division.
    """
    in_counts = quotient.xreplace(TOTALS)
    for size in range(1, 5):
        values = []
        for present in combinations(COUNTS, size):
            value = evaluated_at(in_counts, {symbol: Integer(symbol in present) for symbol in COUNTS})
            if value.is_comparable and value.is_finite:
                values.append(abs(value))
        if any(values):
            return max(values)
    return S.One


def _rates(above: Expr, below: Expr) -> list[tuple[tuple[Expr, Expr], Expr]]:
    """The rates whose product is a quotient, save factors with no name, each with its exponent.

    √(TP/P·TN/N) is √recall·√specificity, so that each keeps its own 0/0. Empty unless every sum below has a
    count of its own above: the lift n·TP/(P·PP) is one quotient.
    """
    counts = dict(map(_as_power, Mul.make_args(above)))
    found = []
    for total, exponent in map(_as_power, Mul.make_args(below)):
        if total in _RATES:
            fitting = [count for count in _RATES[total] if counts.get(count, 0) >= exponent]
            if not fitting:
                return []
            counts[fitting[0]] -= exponent
            found.append(((fitting[0], total), exponent))
        elif total in SUMS.values():
            return []
    return found


def is_single(denominator: Expr) -> bool:
    """Whether a denominator is one factor to the power 1.

    >>> is_single(TP + FP), is_single(TP * FP)
    (True, False)
    """
    return len(Mul.make_args(denominator)) == 1 and not isinstance(denominator, Pow)
