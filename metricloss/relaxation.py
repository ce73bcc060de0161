"""A relaxation: a smooth stand-in for the hard decision, as a SymPy expression in p or in the score z."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import sympy
from sympy import Add, Expr, Pow, Rational, Symbol, Wild

from metricloss.algebra import HIGH, degree_bound, exact, latex
from metricloss.digits import complement_of, factored, mixed, over_q
from metricloss.digits import p as p
from metricloss.digits import q as q
from metricloss.digits import z as z
from metricloss.errors import RelaxationError, RelaxationWarning, nearest
from metricloss.functions import Weights, sigmoid
from metricloss.network import Network
from metricloss.plan import Body, lower
from metricloss.text import parse

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_u = Wild("u")


@dataclass(frozen=True)
class Decision:
    """A relaxation over the scores that a loss is given: h, 1 - h, dh/dz, and where h crosses 1/2."""

    h: Expr
    complement: Expr
    slope: Expr
    threshold: float


@dataclass(frozen=True, init=False)
class Relaxation:
    """A monotone map h from the probability p, or from the score z, to [0, 1]: text or a SymPy expression.

    The hard decision is positive where h exceeds 1/2. That h is monotone and stays in [0, 1] is proved for
    polynomials in p, sigmoids of a line, and means of these with positive weights, and else sampled at 1001
    points, which a RelaxationWarning says.

    Errors: RelaxationError where h decreases, leaves [0, 1], never crosses 1/2, or uses both p and z; those of
    text as for a Metric.

    >>> smoothstep = Relaxation("p**2*(3 - 2*p)")
    >>> smoothstep.slope
    -2*p**2 + 2*p*(3 - 2*p)
    """

    expression: Expr
    slope: Expr = field(compare=False)
    call: str = field(compare=False)
    reference: str = field(compare=False)

    def __init__(self, expression: Expr | str) -> None:
        self._set(expression)
        if self.network:
            raise RelaxationError(f"{self.expression} holds a network\nGive NetworkRelaxation(network) alone.")
        _check(self)

    @classmethod
    def sampled(cls, expression: Expr, call: str, reference: str) -> Relaxation:
        """One that is checked as any other, with a call and a word on where it comes from."""
        relaxation = cls.known(expression, call, reference)
        _check(relaxation)
        return relaxation

    @classmethod
    def known(cls, expression: Expr, call: str, reference: str = "", slope: Expr | None = None) -> Relaxation:
        """One that is proved on paper, with the call that makes it again, the paper, and a stabler dh/dp."""
        relaxation = cls.__new__(cls)
        relaxation._set(expression, call, reference, slope)
        return relaxation

    def _set(
        self, expression: Expr | str, call: str = "", reference: str = "", slope: Expr | None = None
    ) -> None:
        written = parse(expression, {"p": p, "z": z}, None) if isinstance(expression, str) else expression
        if not isinstance(written, Expr):
            raise TypeError(f"a relaxation is an expression or text, not {type(written).__name__}")
        ours = exact(written.xreplace(_own_symbols(written))).replace(_is_logistic, _as_sigmoid)
        ours = ours.replace(sympy.tanh, lambda x: 2 * sigmoid(2 * x) - 1)
        ours = ours.replace(sympy.exp(_u) * sigmoid(-_u), sigmoid(_u))
        object.__setattr__(self, "expression", ours)
        object.__setattr__(self, "slope", ours.diff(self.variable) if slope is None else slope)
        object.__setattr__(self, "call", call)
        object.__setattr__(self, "reference", reference)

    @property
    def variable(self) -> Symbol:
        """p or z, whichever the expression is written in."""
        return z if z in self.expression.free_symbols else p

    @property
    def network(self) -> Network | None:
        """The network that stands in it, of a learned one."""
        return next((weights.network for weights in self.expression.atoms(Weights)), None)

    @property
    def text(self) -> str:
        """What makes the same relaxation again, as text."""
        return self.call or str(self.expression)

    @cached_property
    def complement(self) -> Expr:
        """1 - h, in the form that keeps its digits where h is close to 1."""
        return complement_of(self.expression)

    @cached_property
    def threshold(self) -> float:
        """The probability, or the score, above which h exceeds 1/2."""
        return _crossing(self)

    def on_scores(self, from_logits: bool = True) -> Decision:
        """The decision over scores z: logits, or with `from_logits=False` what the relaxation is written in."""
        if self.variable == z or not from_logits:
            h, complement, slope = (form.xreplace({p: z}) for form in map(factored, self._forms))
            return Decision(h, complement, slope, self.threshold)
        over_z = {p: sigmoid(z), q: sigmoid(-z)}
        h, complement, slope = (form.xreplace(over_z) for form in self.over_p_and_q)
        threshold = math.log(self.threshold / (1 - self.threshold))
        return Decision(h, complement, slope * sigmoid(z).diff(z), threshold)

    @property
    def over_p_and_q(self) -> tuple[Expr, Expr, Expr]:
        """h, 1 - h and dh/dp in p and q = 1 - p, which keeps its digits where p rounds to 1."""
        parts = mixed(self.expression)
        if not parts:
            h, complement, slope = map(over_q, self._forms)
            return h, complement, slope
        each = [
            [weight * over_q(form) for form in (part, complement_of(part), part.diff(p))]
            for weight, part in parts
        ]
        h, complement, slope = (Add(*forms) for forms in zip(*each, strict=True))
        return h, complement, slope

    @property
    def _forms(self) -> tuple[Expr, Expr, Expr]:
        return self.expression, self.complement, self.slope

    def plot(self) -> Figure:
        """h and dh/dp, or dh/dz, with the threshold of the hard decision: a matplotlib Figure.

        Errors: MissingFrameworkError without matplotlib.

        >>> len(Relaxation("p**2*(3 - 2*p)").plot().axes)
        2
        """
        from metricloss.plots import relaxation

        h, slope = (lower({self.variable: "x"}, [form]) for form in (self.expression, self.slope))
        name = str(self.variable)
        return relaxation(lambda x: h(x)[0], lambda x: slope(x)[0], name, self.threshold)

    def __repr__(self) -> str:
        return self.call or f"Relaxation({self.expression})"

    def _repr_latex_(self) -> str:
        return f"$h({self.variable}) = {latex(self.expression)}$"


def _own_symbols(expression: Expr) -> dict[Expr, Expr]:
    """The user's own p and z as ours, whatever assumptions they were made with."""
    known = {"p": p, "z": z}
    for symbol in expression.free_symbols:
        if symbol.name not in known:
            raise RelaxationError(
                f"{symbol} in {expression} is neither the probability p nor the score z"
                f"{nearest(symbol.name, known)}"
            )
    return {symbol: known[symbol.name] for symbol in expression.free_symbols}


def _is_logistic(expression: Expr) -> bool:
    """1/(1 + c·exp(u)) with c > 0, which overflows where it is written out."""
    if not (isinstance(expression, Pow) and expression.exp == -1 and isinstance(expression.base, Add)):
        return False
    one, *others = expression.base.args
    if one != 1 or len(others) != 1:
        return False
    factor, power = others[0].as_coeff_Mul()
    return isinstance(power, sympy.exp) and factor > 0


def _as_sigmoid(expression: Expr) -> Expr:
    factor, power = expression.base.args[1].as_coeff_Mul()
    return sigmoid(-power.args[0] - sympy.log(factor))


def _check(relaxation: Relaxation) -> None:
    variables = relaxation.expression.free_symbols
    if len(variables) != 1:
        found = "both p and z" if variables else "neither"
        raise RelaxationError(
            f"{relaxation} must be written in the probability p or the score z, not in {found}."
        )
    values = _sampled(relaxation)
    _check_values(relaxation, values)
    if not _is_proved(relaxation):
        warnings.warn(
            f"{relaxation} was found monotone and within [0, 1] at {len(values)} points; it is not proved",
            RelaxationWarning,
            stacklevel=4,
        )


def _check_values(relaxation: Relaxation, values: list[tuple[float, float]]) -> None:
    for (before, low), (at, value) in pairwise(values):
        if not -1e-9 <= value <= 1 + 1e-9:
            raise RelaxationError(
                f"{relaxation} leaves [0, 1]: at {relaxation.variable} = {at:g} it is {value:.6g}."
            )
        if value < low - 1e-9:
            raise RelaxationError(
                f"{relaxation} decreases between {relaxation.variable} = {before:g} and {at:g}: a better score "
                "would count less."
            )
    if not values[0][1] < 0.5 < values[-1][1]:
        raise RelaxationError(f"{relaxation} never crosses 1/2, so no score would count as positive.")


def _body(relaxation: Relaxation) -> Body:
    return lower({relaxation.variable: "x"}, [relaxation.expression])


def _sampled(relaxation: Relaxation) -> list[tuple[float, float]]:
    """h at 1001 points of [0, 1], or of the scores' range, where points crowd about 0; a network's at 101."""
    parts = 100 if relaxation.network else 1000
    steps = [number / parts for number in range(parts + 1)]
    if relaxation.variable == z:
        steps = [math.copysign(10_000 * (2 * step - 1) ** 6, step - 0.5) for step in steps]
    body = _body(relaxation)
    values = [(step, body(step)[0]) for step in steps]
    if any(not math.isfinite(value) for _, value in values):
        raise RelaxationError(f"{relaxation} is not finite everywhere.")
    return values


def _is_proved(relaxation: Relaxation) -> bool:
    """Whether h is known to be monotone: a sigmoid of a line, a polynomial without a turn, a mean of these."""
    parts = mixed(relaxation.expression)
    return all(_is_monotone(part, relaxation.variable) for _, part in parts or [(1, relaxation.expression)])


def _is_monotone(expression: Expr, variable: Symbol) -> bool:
    """Whether a part is a sigmoid of a line, or a polynomial in p without a turn."""
    if isinstance(expression, sigmoid):
        line = expression.args[0]
        return bool(
            line.is_polynomial(variable)
            and line.diff(variable).is_positive
            and sympy.degree(line, variable) == 1
        )
    if variable != p or not expression.is_polynomial(p) or degree_bound(expression) > HIGH:
        return False
    slope = expression.diff(p)
    turning = [root for root in sympy.real_roots(slope, p) if 0 < root < 1] if slope.has(p) else []
    return all(slope.subs(p, (a + b) / 2) >= 0 for a, b in zip([0, *turning], [*turning, 1], strict=True))


def _crossing(relaxation: Relaxation) -> float:
    """Where h crosses 1/2, by bisection; at a short fraction, where it is 1/2 there to rounding."""
    body = _body(relaxation)
    low, high = (0.0, 1.0) if relaxation.variable == p else (-1e4, 1e4)
    while (middle := (low + high) / 2) not in (low, high):
        low, high = (low, middle) if body(middle)[0] > 0.5 else (middle, high)
    short = Rational(high).limit_denominator(10_000)
    return float(short) if abs(body(float(short))[0] - 0.5) < 1e-15 else high
