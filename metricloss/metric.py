"""A metric: a checked, immutable expression over the four counts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import sympy
from sympy import Expr, S, Symbol

from metricloss.algebra import INFINITE, as_number, latex, simplified
from metricloss.confusion import hard_counts
from metricloss.entries import Entry, find
from metricloss.errors import ConstantMetricError, OptionError, nearest
from metricloss.evaluation import TINY
from metricloss.expression import SAMPLES, Expression, checked, identifier, name_of
from metricloss.plan import lower_counts
from metricloss.sampling import concerns
from metricloss.slopes import Slopes, derive
from metricloss.symbols import COUNTS, FN, FP, NAMES, TN, TP

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from metricloss.analysis import Analysis

_OF_A_LOSS = ("task", "average", "class_axis", "class_weight", "ignore_index", "relaxation", "from_logits")
#: Instead of a number for zero_division: a class without positives has no value.
SKIP = "skip"


@dataclass(frozen=True, init=False)
class Metric:
    """A metric over TP, FP, FN, TN, written as SymPy expression, as text, or as a callable of the four counts.

    expression: over the counts, their sums P, N, PP, PN, n, and parameters; or a name of the catalogue, whose
    `entry` then gives name, direction and parameters unless stated. direction: "maximize" (the default) if more
    is better, "minimize" if less is. zero_division: what a quotient with a zero denominator is, in the loss and
    in the hard metric alike; or "skip": it is 0, and where there are no positives the metric has no value and
    enters no average. parameters: a value for every other name in the expression.

    Errors: ExpressionSyntaxError, UnknownNameError, ExpressionTooLargeError and UnsupportedFunctionError for
    the expression; ParameterError; NoCountError; NotRealError; OptionError.

    >>> f2 = Metric("(1 + beta**2)*TP/((1 + beta**2)*TP + beta**2*FN + FP)", name="f2", beta=2)
    >>> f2
    Metric(5*TP/(4*FN + FP + 5*TP), name='f2')
    >>> f2([1, 1, 0, 0], [1, 0, 1, 0])
    0.5
    >>> Metric("Hamming loss")
    Metric((FN + FP)/(FN + FP + TN + TP), name='error_rate', direction='minimize')

    Source of the words: van Rijsbergen, Information Retrieval (1979), ch. 7, for F; scikit-learn for
    zero_division.
    """

    expression: Expr
    name: str
    direction: str
    zero_division: Expr | str
    parameters: tuple[tuple[str, Expr], ...] = field(compare=False)
    entry: Entry | None = field(compare=False)

    def __init__(
        self,
        expression: Expression,
        name: str | None = None,
        *,
        direction: str | None = None,
        zero_division: float | str = 0,
        **parameters: float,
    ) -> None:
        for key, value in parameters.items():
            if isinstance(value, str) and (meant := nearest(key, ("direction", "zero_division"))):
                raise OptionError(f"{key}={value!r} is no option{meant}")
            if key in _OF_A_LOSS:
                raise OptionError(f"{key}={value!r} is no option of a metric: give it to compile or emit.")
        if isinstance(zero_division, str) and zero_division != SKIP:
            raise OptionError(
                f"zero_division={zero_division!r}{nearest(zero_division, [SKIP])}\nGive a number, or 'skip'."
            )
        entry = find(expression) if isinstance(expression, str) and expression not in parameters else None
        if entry is not None:
            expression, name, parameters = entry.expression, name or entry.name, entry.with_values(parameters)
            direction = direction or entry.usual_direction
        direction = direction or "maximize"
        values = {key: as_number(key, value) for key, value in parameters.items()}
        if direction not in ("maximize", "minimize"):
            raise OptionError(f"direction={direction!r}: say 'maximize' (more is better) or 'minimize'.")
        set_field = object.__setattr__
        set_field(self, "expression", checked(expression, values))
        set_field(self, "name", identifier(name or name_of(expression)))
        set_field(self, "direction", direction)
        is_skip = isinstance(zero_division, str) and zero_division == SKIP
        set_field(self, "zero_division", SKIP if is_skip else as_number("zero_division", zero_division))
        set_field(self, "parameters", tuple(values.items()))
        set_field(self, "entry", entry)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> float:
        """The hard metric of 0/1 predictions: arrays of any library and any one shape, or nested lists.

        Errors: LabelError for values other than 0 and 1, or shapes that differ.
        """
        return self.at(*hard_counts(y_true, y_pred, sample_weight))

    def at(self, tp: float, fp: float, fn: float, tn: float) -> float:
        """The value at four counts.

        >>> Metric(TP / (TP + FN)).at(tp=3, fp=1, fn=1, tn=5)
        0.75
        """
        if self.skips and tp + fn <= TINY:
            return math.nan
        return self._body(float(tp), float(fp), float(fn), float(tn))[0]

    @property
    def __name__(self) -> str:
        """As scikit-learn calls a scorer that is made of it."""
        return self.name

    @cached_property
    def _body(self) -> Callable[..., tuple[float, ...]]:
        return lower_counts(self.slopes, [self.slopes.value])

    @cached_property
    def gradient(self) -> Mapping[Symbol, Expr]:
        """The four partial derivatives, simplified.

        >>> Metric(2*TP / (2*TP + FP + FN)).gradient[FP]
        -2*TP/(FN + FP + 2*TP)**2
        """
        return {count: simplified(self.expression.diff(count)) for count in COUNTS}

    @cached_property
    def slopes(self) -> Slopes:
        """The value and its two slopes, M_TP - M_FN on a positive and M_FP - M_TN on a negative."""
        otherwise = S.Zero if isinstance(self.zero_division, str) else self.zero_division
        return derive(self.expression, self.name, otherwise)

    @cached_property
    def best(self) -> Expr:
        """The value at a perfect prediction: usually a number, else an expression in P and N.

        0 where it is infinite there, as for a likelihood ratio: such a loss is unbounded.

        >>> Metric(TP / FP, name="odds").best
        0
        """
        best = self.slopes.value_at({FP: S.Zero, FN: S.Zero})
        if best.has(*INFINITE, sympy.I, sympy.AccumBounds):
            return S.Zero
        return best.xreplace({TP: NAMES["P"], TN: NAMES["N"]})

    @cached_property
    def analysis(self) -> Analysis:
        """What is known about the metric: range, best value, direction, trivial optimum, and more.

        >>> Metric("2*TP/(2*TP + FP + FN)").analysis["class swap"].text
        'not symmetric: with the classes exchanged it is negative_f1'
        """
        from metricloss.analysis import analyse  # here, for it is slow to import and seldom needed
        from metricloss.findings import Formula

        values = ", ".join(f"{name} = {value}" for name, value in self.parameters)
        called = f"{self.entry.name} with {values}" if self.entry and values else ""
        return analyse(Formula(self.expression, self.slopes, self.best, self.sign, self.skips, called))

    @cached_property
    def concerns(self) -> tuple[str, ...]:
        """What may spoil a training, seen at a few samples: what `compile` warns of.

        >>> Metric("TP/P").concerns
        ('predicting everything positive reaches its best value',)
        """
        return tuple(concerns(self.at, self.sign))

    @property
    def loss_slopes(self) -> tuple[Expr, Expr]:
        """The two slopes of the loss."""
        return -self.sign * self.slopes.positive, -self.sign * self.slopes.negative

    @property
    def skips(self) -> bool:
        """Whether it has no value where there are no positives."""
        return self.zero_division == SKIP

    @property
    def sign(self) -> int:
        """1 if more is better, -1 if less is."""
        return 1 if self.direction == "maximize" else -1

    def loss_of(self, value: Expr) -> Expr:
        """The loss at a value of the metric: best - value, or value - best if less is better.

        >>> Metric("(FP + FN)/n", direction="minimize").loss_of(Symbol("x"))
        x
        """
        return self.sign * (self.best - value)

    def __repr__(self) -> str:
        options = [repr_of for repr_of in (
            f"name={self.name!r}",
            self.direction != "maximize" and f"direction={self.direction!r}",
            self.zero_division != 0 and f"zero_division={self.zero_division!r}",
        ) if repr_of]  # fmt: skip
        return f"Metric({self.expression}, {', '.join(options)})"

    def plot(self, prevalence: float = 0.5, n: float = 1000) -> Figure:
        """Isometrics over the ROC plane, of the metric and of its two slopes (times n): a matplotlib Figure.

        prevalence: the share of positives among n entries. Errors: OptionError where it is not inside (0, 1);
        MissingFrameworkError without matplotlib.

        >>> len(Metric("TP/PP").plot(prevalence=0.1).axes)
        3

        Source: P. Flach, The geometry of ROC space, ICML 2003.
        """
        from metricloss.plots import isometrics

        slopes = self.slopes
        body = lower_counts(slopes, [slopes.value, slopes.positive, slopes.negative])

        def results(*counts: float) -> tuple[float, ...]:
            value, positive, negative = body(*counts)
            return value, n * positive, n * negative

        titles = [self.name, "n · slope on a positive", "n · slope on a negative"]
        return isometrics(results, titles, prevalence, n)

    def _repr_html_(self) -> str:
        from metricloss.display import metric_html

        loss = self.loss_of(Symbol(self.name))
        return metric_html(self.name, self.expression, loss, self.slopes, self.analysis)

    def _repr_latex_(self) -> str:
        return f"${latex(Symbol(self.name))} = {latex(self.expression)}$"


def check_learnable(metric: Metric) -> None:
    """Raise ConstantMetricError where predictions cannot change the metric's value.

    Slopes that are not written as 0 may be 0 all the same: they are tried at matrices of several sizes.
    """
    slopes = metric.slopes
    if (slopes.positive, slopes.negative) != (0, 0):
        body = lower_counts(slopes, [slopes.value, slopes.positive, slopes.negative])
        for size in (1, 1 / 64, 1 / 4096):
            for sample in SAMPLES:
                value, *moves = body(*(size * count for count in sample))
                if any(abs(move) > 1e-12 * abs(value) for move in moves):
                    return
    raise ConstantMetricError(
        f"{metric.expression} depends on the labels only: no prediction changes it, so there is nothing to "
        "learn\nUse counts that move with predictions: TP, FP, FN, TN, PP, PN."
    )
