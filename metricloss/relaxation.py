"""Relaxations: smooth stand-ins for the hard decision, as SymPy expressions in p or in the score z."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field
from functools import cached_property

import sympy
from sympy import Add, Expr, Max, Min, Pow, Rational, S, Symbol

from metricloss.errors import RelaxationError, RelaxationWarning, nearest
from metricloss.functions import exact, sigmoid
from metricloss.plan import Body, lower
from metricloss.text import parse

p = Symbol("p", nonnegative=True)  #: the probability, sigmoid of the score
z = Symbol("z", real=True)  #: the raw score (logit)

#: σ(L/2) rounds to 1 above these: (24 and 53 bits)·2·ln 2.
_L_OF_FLOAT32, _L_OF_FLOAT64 = 33, 73


@dataclass(frozen=True)
class Relaxation:
    """A monotone map h from the probability p, or from the score z, to [0, 1]: text or a SymPy expression.

    The hard decision is positive where h exceeds 1/2. That h is monotone and stays in [0, 1] is proved for
    polynomials in p and sampled at 1001 points otherwise, which a RelaxationWarning says.

    Errors: RelaxationError where h decreases, leaves [0, 1], never crosses 1/2, or uses both p and z; those of
    text as for a Metric.

    >>> smoothstep = Relaxation("p**2*(3 - 2*p)")
    >>> smoothstep.slope
    -2*p**2 + 2*p*(3 - 2*p)
    """

    expression: Expr
    name: str = field(default="")

    def __post_init__(self) -> None:
        written = self.expression
        if isinstance(written, str):
            written = parse(written, {"p": p, "z": z})
        expression = exact(written.xreplace(_own_symbols(written))).replace(_is_logistic, _as_sigmoid)
        expression = expression.replace(sympy.tanh, lambda x: 2 * sigmoid(2 * x) - 1)
        object.__setattr__(self, "expression", expression)
        object.__setattr__(self, "name", self.name or f"Relaxation({written})")
        _check(self)

    @property
    def variable(self) -> Symbol:
        """p or z, whichever the expression is written in."""
        return z if z in self.expression.free_symbols else p

    @property
    def text(self) -> str:
        """What makes the same relaxation again, on the command line too."""
        return self.name if self.name.partition("(")[0] in NAMED else str(self.expression)

    @cached_property
    def slope(self) -> Expr:
        """dh/dp or dh/dz."""
        return self.expression.diff(self.variable)

    @cached_property
    def complement(self) -> Expr:
        """1 - h, in the form that keeps its digits where h is close to 1."""
        return _complement(self.expression)

    @cached_property
    def threshold(self) -> float:
        """The probability, or the score, above which h exceeds 1/2."""
        return _crossing(self)

    def __repr__(self) -> str:
        return self.name

    def _repr_latex_(self) -> str:
        return f"$h({self.variable}) = {sympy.latex(self.expression)}$"


def Soft() -> Relaxation:  # noqa: N802  named like a type, which is what it stands for
    """Soft counts: h(p) = p, the expectation under a uniform random threshold.

    >>> Soft().slope
    1
    """
    return Relaxation(p, "Soft()")


def AnyLoss(L: float = 30) -> Relaxation:  # noqa: N802, N803  the paper's names
    """The amplified sigmoid, h(p) = σ(L·(p - 1/2)).

    L: amplification. The paper's 73 is the largest whole number with h(1) < 1 in float64; in float32, and in
    the half precisions, which are computed in float32, that is 33: a RelaxationWarning says so above it.

    >>> AnyLoss(30).expression
    sigmoid(30*p - 15)

    Source: Han, Moniz, Chawla, AnyLoss (2024), arXiv 2405.14745, eq. 5.
    """
    amplification = _positive("L", L)
    if amplification > _L_OF_FLOAT32:
        fits = "float64 carries it" if amplification <= _L_OF_FLOAT64 else f"in float64 up to L = {_L_OF_FLOAT64}"
        warnings.warn(
            f"AnyLoss(L={amplification}): h(1) rounds to exactly 1 in float32 above L = {_L_OF_FLOAT32} ({fits})",
            RelaxationWarning,
            stacklevel=2,
        )
    return Relaxation(sigmoid(amplification * (p - S.Half)), f"AnyLoss({amplification})")


def ScoreOriented(mean: float = 0.5, width: float = 0.1) -> Relaxation:  # noqa: N802
    """The cdf of a raised cosine on mean ± width: h(p) = ½(1 + t + sin(πt)/π), t = (p - mean)/width.

    h is exactly 0 below the band and 1 above it, so scores outside get no gradient: a RelaxationWarning says
    so unless the band covers [0, 1].

    >>> ScoreOriented(0.5, 0.5).threshold
    0.5

    Source: Marchetti et al., Score-oriented loss functions (2022), Pattern Recognition 132, 108913.
    """
    middle, half = _inside("mean", mean), _positive("width", width)
    low, high = middle - half, middle + half
    if low > 0 or high < 1:
        warnings.warn(
            f"ScoreOriented(mean={float(middle):g}, width={float(half):g}): the gradient is zero for "
            f"probabilities outside [{max(float(low), 0):g}, {min(float(high), 1):g}]",
            RelaxationWarning,
            stacklevel=2,
        )
    t = Max(-1, Min(1, (p - middle) / half))
    name = f"ScoreOriented({float(middle):g}, {float(half):g})"
    return Relaxation((1 + t + sympy.sin(sympy.pi * t) / sympy.pi) / 2, name)


def SigmoidF1(slope: float = 1, offset: float = 0) -> Relaxation:  # noqa: N802
    """A sigmoid of the raw score, h(z) = σ(slope·(z + offset)).

    >>> SigmoidF1(slope=2, offset=-1).threshold
    1.0

    Source: Bénédict et al., sigmoidF1 (2022), arXiv 2108.10566; the published code applies a second sigmoid.
    """
    steepness, shift = _positive("slope", slope), exact(sympy.sympify(offset))
    return Relaxation(sigmoid(steepness * (z + shift)), f"SigmoidF1({steepness}, {shift})")


def as_relaxation(relaxation: Relaxation | Expr | str) -> Relaxation:
    """A relaxation from an expression, from text, or from the words of its call: "AnyLoss(30)"."""
    if isinstance(relaxation, Relaxation):
        return relaxation
    return _from_text(relaxation) if isinstance(relaxation, str) else Relaxation(relaxation)


NAMED = {"Soft": Soft, "AnyLoss": AnyLoss, "ScoreOriented": ScoreOriented, "SigmoidF1": SigmoidF1}


def _from_text(text: str) -> Relaxation:
    name, bracket, rest = text.strip().partition("(")
    if name not in NAMED:
        return Relaxation(text)  # type: ignore[arg-type]  text is read in __post_init__
    numbers = rest.rpartition(")")[0].split(",") if rest.strip(" )") else []
    positional: list[float] = []
    named: dict[str, float] = {}
    for number in numbers:
        key, _, value = number.rpartition("=")
        exact_value = parse(value, {})
        if key.strip():
            named[key.strip()] = exact_value
        else:
            positional.append(exact_value)
    try:
        return NAMED[name](*positional, **named)
    except TypeError:
        raise RelaxationError(f"{text!r} is no call of {name}: its arguments are {_arguments(name)}.") from None


def _arguments(name: str) -> str:
    code = NAMED[name].__code__
    return ", ".join(code.co_varnames[: code.co_argcount]) or "none"


def _own_symbols(expression: Expr) -> dict[Expr, Expr]:
    """The user's own p and z as ours, whatever assumptions they were made with."""
    known = {"p": p, "z": z}
    for symbol in expression.free_symbols:
        if symbol.name not in known:
            raise RelaxationError(
                f"{symbol} in {expression} is neither the probability p nor the score z{nearest(symbol.name, known)}"
            )
    return {symbol: known[symbol.name] for symbol in expression.free_symbols}


def _is_logistic(expression: Expr) -> bool:
    """1/(1 + exp(u)), which overflows where it is written out."""
    if not (isinstance(expression, Pow) and expression.exp == -1 and isinstance(expression.base, Add)):
        return False
    one, *others = expression.base.args
    return one == 1 and len(others) == 1 and isinstance(others[0], sympy.exp)


def _as_sigmoid(expression: Expr) -> Expr:
    return sigmoid(-expression.base.args[1].args[0])


def _complement(expression: Expr) -> Expr:
    if isinstance(expression, sigmoid):
        return sigmoid(-expression.args[0])
    if expression.is_polynomial(p):
        return sympy.factor(1 - expression)
    return 1 - expression


def _check(relaxation: Relaxation) -> None:
    variables = relaxation.expression.free_symbols
    if len(variables) != 1:
        found = "both p and z" if variables else "neither"
        raise RelaxationError(f"{relaxation} must be written in the probability p or the score z, not in {found}.")
    values = _sampled(relaxation)
    for (before, low), (at, value) in zip(values, values[1:], strict=False):
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
    if not _is_proved(relaxation):
        warnings.warn(
            f"{relaxation} was found monotone and within [0, 1] at {len(values)} points; it is not proved",
            RelaxationWarning,
            stacklevel=4,
        )


def _body(relaxation: Relaxation) -> Body:
    return lower({relaxation.variable: "x"}, [relaxation.expression])


def _sampled(relaxation: Relaxation) -> list[tuple[float, float]]:
    """h at 1001 points of [0, 1], or of the scores' range, where points crowd about 0."""
    steps = [number / 1000 for number in range(1001)]
    if relaxation.variable == z:
        steps = [math.copysign(10_000 * (2 * step - 1) ** 6, step - 0.5) for step in steps]
    body = _body(relaxation)
    values = [(step, body(step)[0]) for step in steps]
    if any(not math.isfinite(value) for _, value in values):
        raise RelaxationError(f"{relaxation} is not finite everywhere.")
    return values


def _is_proved(relaxation: Relaxation) -> bool:
    """Whether h is known to be monotone: a sigmoid of a line, one of ours, or a polynomial without a turn."""
    expression, slope = relaxation.expression, relaxation.slope
    if isinstance(expression, sigmoid):
        line = expression.args[0]
        return bool(line.is_polynomial(relaxation.variable) and sympy.degree(line, relaxation.variable) == 1)
    if relaxation.name.startswith("ScoreOriented("):
        return True
    if relaxation.variable != p or not expression.is_polynomial(p):
        return False
    turning = [root for root in sympy.real_roots(slope, p) if 0 < root < 1] if slope.has(p) else []
    return all(slope.subs(p, (a + b) / 2) >= 0 for a, b in zip([0, *turning], [*turning, 1], strict=True))


def _crossing(relaxation: Relaxation) -> float:
    """Where h crosses 1/2, by bisection; exactly, where that is a short fraction."""
    body = _body(relaxation)
    low, high = (0.0, 1.0) if relaxation.variable == p else (-1e4, 1e4)
    while (middle := (low + high) / 2) not in (low, high):
        low, high = (low, middle) if body(middle)[0] > 0.5 else (middle, high)
    short = Rational(high).limit_denominator(10_000)
    return float(short) if relaxation.expression.subs(relaxation.variable, short) == S.Half else high


def _positive(name: str, value: float) -> Expr:
    number = exact(sympy.sympify(value))
    if not (number.is_real and number.is_finite and number > 0):
        raise RelaxationError(f"{name}={value!r} must be a finite number above 0.")
    return number


def _inside(name: str, value: float) -> Expr:
    number = exact(sympy.sympify(value))
    if not (number.is_real and 0 < number < 1):
        raise RelaxationError(f"{name}={value!r} must lie between 0 and 1.")
    return number
