"""The algebra: a metric's value and its two slopes, every quotient kept as a name.

Labels fix TP + FN and FP + TN. A prediction that becomes a little more positive therefore moves the counts in
one of two directions only, (TP + 1, FN - 1) on a positive and (FP + 1, TN - 1) on a negative; the derivatives
of the metric in these directions are its slopes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sympy import Add, Expr, Mul, S, Symbol

from metricloss.algebra import cancelled, evaluated_at, latex
from metricloss.quotients import SUMS, TOTALS, Definition, Naming, is_single
from metricloss.symbols import COUNTS, FN, FP, PN, PP, TN, TP

_ON_POSITIVE = {TP: S.One, FN: S.NegativeOne, SUMS[PP]: S.One, SUMS[PN]: S.NegativeOne}
_ON_NEGATIVE = {FP: S.One, TN: S.NegativeOne, SUMS[PP]: S.One, SUMS[PN]: S.NegativeOne}


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

    def value_at(self, counts: Mapping[Expr, Expr]) -> Expr:
        """The value where some counts are given, a zero denominator as it counts; the rest stays symbols.

        >>> derive(TP / (TP + FP), "precision").value_at({FP: S.Zero})
        1
        """
        known = dict(counts) | {symbol: total.xreplace(counts) for symbol, total in TOTALS.items()}
        for line in self.definitions:
            above, below = (evaluated_at(part, known) for part in (line.numerator, line.denominator))
            known[line.name] = line.otherwise if below == 0 else cancelled(above / below)
        return cancelled(evaluated_at(self.value, known))

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
    naming = Naming(name, zero_division)
    value = naming.rewrite(expression.xreplace(SUMS), outermost=True)
    definitions = tuple(naming.definitions)
    positive, negative = (_along(value, definitions, way) for way in (_ON_POSITIVE, _ON_NEGATIVE))
    return _without_unused(Slopes(name, definitions, value, positive, negative))


def _along(value: Expr, definitions: Sequence[Definition], direction: Mapping[Expr, Expr]) -> Expr:
    """The derivative of the value when the counts move along a direction and the quotients with them."""
    rates = dict(direction)
    for definition in definitions:
        if definition.denominator != 1:
            rates[definition.name] = _quotient_rule(definition, definitions, rates)
    return _directional(value, rates).replace(_is_sum, _with_sums)


def _quotient_rule(quotient: Definition, definitions: Sequence[Definition], rates: Mapping[Expr, Expr]) -> Expr:
    q, d = quotient.name, quotient.denominator
    below = next((known.numerator for known in definitions if known.name == d), d)
    moving = _directional(quotient.numerator, rates)
    if is_single(below):
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


def _crossed(count: Expr, moving: Expr, total: Expr, total_moving: Expr) -> Expr:
    """A'·B - A·B' of a count over a sum that holds it: FP for precision, where 1 - q would cancel."""
    return (moving * total - count * total_moving).xreplace(TOTALS).expand().replace(_is_sum, _with_sums)


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
