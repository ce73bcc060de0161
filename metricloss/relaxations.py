"""The relaxations that have a name."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping

import sympy
from sympy import Expr, Max, Min, S

from metricloss.algebra import as_number
from metricloss.errors import RelaxationError, RelaxationWarning, nearest
from metricloss.functions import sigmoid
from metricloss.relaxation import Relaxation, p, z
from metricloss.spelling import number_text
from metricloss.text import FUNCTIONS, parse

#: σ(L/2) rounds to 1 above these: (24 and 53 bits)·2·ln 2.
_L_OF_FLOAT32, _L_OF_FLOAT64 = 33, 73


def Soft() -> Relaxation:  # noqa: N802  named like a type, which is what it stands for
    """Soft counts: h(p) = p, the expectation under a uniform random threshold.

    >>> Soft().slope
    1
    """
    return Relaxation.known(p, "Soft()")


def AnyLoss(L: float = 10) -> Relaxation:  # noqa: N802, N803  its paper's names
    """The amplified sigmoid, h(p) = σ(L·(p - 1/2)).

    L: amplification. The paper's 73 is the largest whole number with h(1) < 1 in float64; in float32, in which
    half precision is computed too, that is 33: a RelaxationWarning says so above it. The default is what
    trains best on KEEL's imbalanced sets; the paper's authors later took 30.

    >>> AnyLoss(30).expression
    sigmoid(30*p - 15)

    Source: Han, Moniz, Chawla, AnyLoss, arXiv 2405.14745 (2024).
    """
    amplification = _positive("L", L)
    if amplification > _L_OF_FLOAT32:
        warnings.warn(
            f"AnyLoss(L={amplification}): h(1) rounds to exactly 1 in float32 above L = {_L_OF_FLOAT32}, "
            f"and in float64 above {_L_OF_FLOAT64}",
            RelaxationWarning,
            stacklevel=2,
        )
    return Relaxation.known(
        sigmoid(amplification * (p - S.Half)),
        f"AnyLoss({number_text(amplification)})",
        "Han, Moniz, Chawla, AnyLoss, arXiv 2405.14745 (2024)",
    )


def ScoreOriented(mean: float = 0.5, width: float = 0.1) -> Relaxation:  # noqa: N802  as Soft
    """The cdf of a raised cosine on mean ± width: h(p) = ½(1 + t + sin(πt)/π), t = (p - mean)/width.

    h is exactly 0 below the band and 1 above it, so scores outside get no gradient: a RelaxationWarning says
    so unless the band covers [0, 1].

    >>> ScoreOriented(0.5, 0.5).threshold
    0.5

    Source: Marchetti et al., Score-oriented loss functions, Pattern Recognition 132, 108913 (2022).
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
    to_edge = Max(
        0, Min((p - low) / half, (high - p) / half)
    )  # keeps its digits at both ends, as 1 + cos(πt) does not
    return Relaxation.known(
        (1 + t + sympy.sin(sympy.pi * t) / sympy.pi) / 2,
        f"ScoreOriented({number_text(middle)}, {number_text(half)})",
        "Marchetti et al., Score-oriented loss functions, Pattern Recognition 132, 108913 (2022)",
        slope=sympy.sin(sympy.pi * to_edge / 2) ** 2 / half,
    )


def SigmoidF1(slope: float = 1, offset: float = 0) -> Relaxation:  # noqa: N802  as Soft
    """A sigmoid of the raw score, h(z) = σ(slope·(z + offset)).

    >>> SigmoidF1(slope=2, offset=-1).threshold
    1.0

    Source: Bénédict et al., sigmoidF1, arXiv 2108.10566 (2022); the published code applies a second sigmoid.
    """
    steepness, shift = _positive("slope", slope), as_number("offset", offset)
    return Relaxation.known(
        sigmoid(steepness * (z + shift)),
        f"SigmoidF1({number_text(steepness)}, {number_text(shift)})",
        "Bénédict et al., sigmoidF1, arXiv 2108.10566 (2022)",
    )


NAMED: Mapping[str, Callable[..., Relaxation]] = {
    "Soft": Soft,
    "AnyLoss": AnyLoss,
    "ScoreOriented": ScoreOriented,
    "SigmoidF1": SigmoidF1,
}


def as_relaxation(relaxation: Relaxation | Expr | str) -> Relaxation:
    """A relaxation from an expression, from text, or from its call; of a learned one the closed form.

    >>> as_relaxation("AnyLoss(L=10)")
    AnyLoss(10)
    """
    relaxation = getattr(relaxation, "closed_form", relaxation)
    if isinstance(relaxation, Relaxation):
        return relaxation
    if isinstance(relaxation, str):
        word = relaxation.partition("(")[0].strip()
        if word in NAMED:
            return _from_call(relaxation)
        if word.isidentifier() and word not in FUNCTIONS and nearest(word, NAMED):
            raise RelaxationError(f"{relaxation!r} is no relaxation{nearest(word, NAMED)}")
    return Relaxation(relaxation)


def _from_call(text: str) -> Relaxation:
    name, opening, rest = text.strip().partition("(")
    if not (opening and rest.endswith(")")):
        raise RelaxationError(f"{text!r} is no call: write {name}(...), with both brackets")
    function, inside = NAMED[name.strip()], rest[:-1].strip()
    positional: list[Expr] = []
    named: dict[str, Expr] = {}
    for argument in inside.split(",") if inside else []:
        key, _, value = argument.rpartition("=")
        if key.strip():
            named[key.strip()] = parse(value, {}, None)
        else:
            positional.append(parse(value, {}, None))
    try:
        inspect.signature(function).bind(*positional, **named)
    except TypeError:
        accepted = ", ".join(inspect.signature(function).parameters) or "none"
        raise RelaxationError(f"{text!r} is no call of {name}, whose arguments are: {accepted}") from None
    return function(*positional, **named)


def _positive(name: str, value: float) -> Expr:
    number = as_number(name, value)
    if not number > 0:
        raise RelaxationError(f"{name}={value!r} must be above 0.")
    return number


def _inside(name: str, value: float) -> Expr:
    number = as_number(name, value)
    if not 0 < number < 1:
        raise RelaxationError(f"{name}={value!r} must lie between 0 and 1.")
    return number
