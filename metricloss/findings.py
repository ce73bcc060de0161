"""A finding about a metric, and the formula that it is found in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sympy import Expr, S, Symbol

from metricloss.algebra import evaluated_at
from metricloss.plan import lower_counts
from metricloss.proof import is_positive_inside, normal
from metricloss.slopes import Slopes


@dataclass(frozen=True)
class Finding:
    """One fact about a metric.

    topic: what about. text: the fact in words. value: the fact for programs, see `Analysis`. is_proved: proved,
    or seen in an example that settles it; else sampled. is_warning: it may spoil a training.
    """

    topic: str
    text: str
    value: Any
    is_proved: bool = True
    is_warning: bool = False

    def __str__(self) -> str:
        return f"{'warning: ' * self.is_warning}{self.text}{' (sampled)' * (not self.is_proved)}"


@dataclass(frozen=True)
class Formula:
    """What the questions are about: a metric over the counts, slopes, best value, and direction as a sign.

    skips: where there are no positives it has no value. called: its name, if that alone says little."""

    expression: Expr
    slopes: Slopes
    best: Expr
    sign: int
    skips: bool = False
    called: str = ""

    def __call__(self, *counts: float) -> float:
        """The value at TP, FP, FN, TN, with 0/0 as it counts."""
        value: float = self._body(*map(float, counts))[0]
        return value

    @cached_property
    def _body(self) -> Any:
        return lower_counts(self.slopes, [self.slopes.value])

    @cached_property
    def denominators(self) -> list[Expr]:
        """Those of all quotients, over the counts."""
        return [
            self.slopes.in_counts(line.denominator) for line in self.slopes.definitions if line.denominator != 1
        ]

    @cached_property
    def may_have_poles(self) -> bool:
        """Whether a denominator may be 0 where no count is: what was proved then holds on either side only."""
        return not all(map(is_positive_inside, self.denominators))

    def is_undefined_at(self, *zero: Symbol) -> bool:
        """Whether some quotient is 0/0 where these counts are 0 and the others are not."""
        values: dict[Expr, Expr] = dict.fromkeys(zero, S.Zero)
        return any(normal(evaluated_at(denominator, values)) == 0 for denominator in self.denominators)
