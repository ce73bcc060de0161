"""The algebra: a metric's value and its two slopes, every quotient kept as a name.

Labels fix TP + FN and FP + TN. A prediction that becomes a little more positive therefore moves the counts in
one of two directions only, (TP + 1, FN - 1) on a positive and (FP + 1, TN - 1) on a negative; the derivatives
of the metric in these directions are its slopes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations, count

from sympy import Add, Expr, Mul, Pow, S, Symbol

from metricloss.functions import evaluated_at, is_quotient_power, latex
from metricloss.symbols import COUNTS, FN, FP, NAMES, TN, TP

#: Sums that have a name, as symbols: with P, N and n fixed by the labels, derivatives stay small.
SUMS = {total: Symbol(name, nonnegative=True) for name, total in NAMES.items() if total not in COUNTS}
#: What these symbols stand for.
TOTALS = {symbol: total for total, symbol in SUMS.items()}
_P, _N, _PP, _PN, _n = TOTALS

_ON_POSITIVE = {TP: S.One, FN: S.NegativeOne, _PP: S.One, _PN: S.NegativeOne}
_ON_NEGATIVE = {FP: S.One, TN: S.NegativeOne, _PP: S.One, _PN: S.NegativeOne}

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

    >>> derive(TP / (TP + FN), "recall").definitions[0].expression
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


@dataclass(frozen=True)
class Slopes:
    """A metric's value and its two slopes, written with the metric's quotients as names.

    positive = M_TP - M_FN (∂M/∂a on a positive), negative = M_FP - M_TN (on a negative). The value at 0/0 does
    not move, so a quotient's slopes are 0 there.

    >>> print(derive(2*TP / (2*TP + FP + FN), "f1"))
    d = FN + FP + 2*TP
    f1 = 2*TP/d
    on a positive: (2 - f1)/d
    on a negative: -f1/d
    """

    name: str
    definitions: tuple[Definition, ...]
    value: Expr
    positive: Expr
    negative: Expr

    def in_counts(self, expression: Expr) -> Expr:
        """The expression with every name replaced by what it stands for, as a function of the four counts.

        >>> slopes = derive(TP / (TP + FN), "recall")
        >>> slopes.in_counts(slopes.positive)
        1/(FN + TP)
        """
        for definition in reversed(self.definitions):
            expression = expression.xreplace({definition.name: definition.expression})
        return expression.xreplace(TOTALS)

    @property
    def equations(self) -> tuple[Definition, ...]:
        """What each name stands for, and last the metric's own."""
        if str(self.value) == self.name:
            return self.definitions
        return (*self.definitions, Definition(Symbol(self.name), self.value))

    def __str__(self) -> str:
        equations = [f"{line.name} = {line.expression}{line.remark}" for line in self.equations]
        return "\n".join([*equations, f"on a positive: {self.positive}", f"on a negative: {self.negative}"])

    def _repr_latex_(self) -> str:
        rows = [
            rf"{latex(line.name)} &= {latex(line.expression)}\text{{{line.remark}}}" for line in self.equations
        ]
        rows.append(rf"\text{{on a positive}} &: {latex(self.positive)}")
        rows.append(rf"\text{{on a negative}} &: {latex(self.negative)}")
        return r"$\begin{aligned}" + r" \\ ".join(rows) + r"\end{aligned}$"


def derive(expression: Expr, name: str = "metric", zero_division: Expr = S.Zero) -> Slopes:
    """The slopes of a metric over the four counts.

    A quotient q = A/B has slope (A' - q·B')/B, which needs no derivative of 1/B and keeps q as a name; a
    denominator of several factors, B = ∏ Fᵢ^eᵢ, has slope A'/B - q·Σ eᵢFᵢ'/Fᵢ.

    >>> print(derive((TP/(TP + FN) + TN/(TN + FP))/2, "balanced_accuracy"))
    specificity = TN/N
    recall = TP/P
    balanced_accuracy = recall/2 + specificity/2
    on a positive: 1/(2*P)
    on a negative: -1/(2*N)
    """
    naming = _Naming(name, zero_division)
    value = naming.rewrite(expression.xreplace(SUMS), outermost=True)
    positive, negative = (naming.directional(value, along) for along in (_ON_POSITIVE, _ON_NEGATIVE))
    return _without_unused(Slopes(name, tuple(naming.definitions), value, positive, negative))


class _Naming:
    """Gives the quotients of an expression their names, innermost first, and differentiates with them."""

    def __init__(self, name: str, zero_division: Expr) -> None:
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

    def directional(self, expression: Expr, along: Mapping[Expr, Expr]) -> Expr:
        """The derivative when the counts move along a direction and the quotients with them."""
        rates = dict(along)
        for definition in self.definitions:
            if definition.denominator != 1:
                rates[definition.name] = self._quotient_rule(definition, rates)
        return _directional(expression, rates).replace(_is_sum, _with_sums)

    def _quotient(self, above: Expr, below: Expr, otherwise: Expr, wish: str) -> Expr:
        if above / below not in self._known:
            denominator = below if below.is_Symbol else self._define("d", below)
            name = self._define(wish, above, denominator, otherwise)
            self._known[above / below] = name
            if otherwise and not _is_single(below):
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

    def _quotient_rule(self, quotient: Definition, rates: Mapping[Expr, Expr]) -> Expr:
        q, d = quotient.name, quotient.denominator
        below = next((known.numerator for known in self.definitions if known.name == d), d)
        moving = _directional(quotient.numerator, rates)
        if _is_single(below):
            below_moving = _directional(below, rates)
            if moving and below_moving and quotient.numerator in COUNTS and below in TOTALS:
                return _crossed(quotient.numerator, moving, below, below_moving) / d**2
            return (moving - q * below_moving) / d
        if quotient.otherwise:  # where d is 0 not all of its factors are: there q must not move the slope
            q = Symbol(f"{q}_or_0", real=True)
        powers = [factor.as_base_exp() for factor in Mul.make_args(below)]
        return moving / d - q * Add(*(exponent * _directional(base, rates) / base for base, exponent in powers))


def _without_unused(slopes: Slopes) -> Slopes:
    used = slopes.value.free_symbols | slopes.positive.free_symbols | slopes.negative.free_symbols
    kept: list[Definition] = []
    for definition in reversed(slopes.definitions):
        if definition.name in used:
            kept.insert(0, definition)
            used |= definition.expression.free_symbols
    return replace(slopes, definitions=tuple(kept))


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
            value = evaluated_at(in_counts, {symbol: S(int(symbol in present)) for symbol in COUNTS})
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


def _crossed(count: Expr, moving: Expr, total: Expr, total_moving: Expr) -> Expr:
    """A'·B - A·B' of a count over a sum that holds it: FP for precision, where 1 - q would cancel."""
    return (moving * total - count * total_moving).xreplace(TOTALS).expand().replace(_is_sum, _with_sums)


def _is_single(denominator: Expr) -> bool:
    return len(Mul.make_args(denominator)) == 1 and not isinstance(denominator, Pow)


def _directional(expression: Expr, rates: Mapping[Expr, Expr]) -> Expr:
    """The derivative of the expression when each symbol moves at its rate."""
    moving = sorted(expression.free_symbols & rates.keys(), key=str)
    return Add(*(expression.diff(symbol) * rates[symbol] for symbol in moving if rates[symbol] != 0))


def _is_sum(expression: Expr) -> bool:
    return isinstance(expression, Add) and bool(expression.free_symbols & set(COUNTS))


def _with_sums(expression: Expr) -> Expr:
    """2·FP + 2·TN + q as 2·N + q: the counts of a sum that has a name, behind that name."""
    counts, rest = {}, []
    for term in expression.args:
        coefficient, symbol = term.as_coeff_Mul()
        if symbol in COUNTS:
            counts[symbol] = coefficient
        else:
            rest.append(term)
    total = SUMS.get(Add(*counts))
    coefficients = set(counts.values())
    return Add(coefficients.pop() * total, *rest) if total and len(coefficients) == 1 else expression
