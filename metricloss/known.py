"""Which metrics of the catalogue a metric equals, or is a multiple of but for an offset."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from sympy import Expr, Rational, Symbol

from metricloss.algebra import complex_at
from metricloss.entries import entries
from metricloss.expression import SAMPLES, checked
from metricloss.proof import is_zero
from metricloss.sampling import ROUNDING
from metricloss.symbols import COUNTS

_MATRICES = (*SAMPLES, (31, 7, 11, 101), (3, 2, 50, 401), (1.5, 900, 2.5, 4))


@dataclass(frozen=True)
class Relation:
    """metric = factor·(the entry called `name`) + offset; proved, or seen at samples."""

    name: str
    factor: Expr
    offset: Expr
    is_proved: bool

    @property
    def is_equality(self) -> bool:
        return (self.factor, self.offset) == (1, 0)

    def __str__(self) -> str:
        return str(self.factor * Symbol(self.name) + self.offset)


def relations(expression: Expr) -> list[Relation]:
    """The entries that the metric equals or is a line of, equalities first.

    >>> from metricloss.symbols import FN, FP, TP
    >>> [str(relation) for relation in relations(2 * TP / (2 * TP + FP + FN))]
    ['f1', 'van_der_maarel/2 + 1/2', '1 - bray_curtis']
    """
    values = _fingerprint(expression)
    found = []
    for name, theirs in _fingerprints().items():
        if line := _line(theirs, values):
            factor, offset = line
            difference = expression - factor * _expression(name) - offset
            found.append(Relation(name, factor, offset, is_zero(difference)))
    return sorted(found, key=lambda relation: not relation.is_equality)


def _line(x: Sequence[float], y: Sequence[float]) -> tuple[Expr, Expr] | None:
    """Factor and offset, short fractions, of y = factor·x + offset."""
    if x[0] == x[1]:
        return None
    slope = (y[1] - y[0]) / (x[1] - x[0])
    if not math.isfinite(slope) or not math.isfinite(y[0]):
        return None
    factor, offset = (Fraction(number).limit_denominator(100) for number in (slope, y[0] - slope * x[0]))
    size = ROUNDING * (max(y) - min(y))
    fits = factor and all(
        math.isclose(float(factor) * a + float(offset), b, rel_tol=ROUNDING, abs_tol=size)
        for a, b in zip(x, y, strict=True)
    )
    return (Rational(factor), Rational(offset)) if fits else None


def _fingerprint(expression: Expr) -> tuple[float, ...]:
    return tuple(complex_at(expression, dict(zip(COUNTS, counts, strict=True))).real for counts in _MATRICES)


@cache
def _fingerprints() -> Mapping[str, tuple[float, ...]]:
    """Of the entries without parameters: others are whatever their parameters make of them."""
    return {name: _fingerprint(_expression(name)) for name, entry in entries().items() if not entry.parameters}


@cache
def _expression(name: str) -> Expr:
    return checked(entries()[name].expression, {})
