"""A closed form for a rising curve: a mixture of few simple ones, mostly sigmoids.

It is the cdf of a random threshold, as every relaxation: with a sigmoid of p the threshold is logistic.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.optimize import nnls
from scipy.special import expit
from sympy import Add, Expr, Rational

from metricloss.functions import sigmoid
from metricloss.learn.batches import Array
from metricloss.relaxation import Relaxation, p

#: Weights are multiples of 1/UNITS and places of 1/PLACES, so that the text is short and exact.
UNITS, PLACES = 10_000, 40
#: So many units of p are in every mixture, that the slope is nowhere 0, and what is left for other parts.
SOFT = 100
REST = UNITS - SOFT
STEEPNESS = (2, 3, 4, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48, 64, 80, 96, 128, 192, 256)
#: Sigmoids up to so many times the curve's own steepness, if need be: steeper ones make a staircase of it.
STEEPER = (1.5, 3.0, 6.0)
#: So many parts a mixture has at the most.
MOST = 8

#: A rising curve from 0 or more to 1 or less, and its values on a grid.
Part = tuple[Expr, Array]


def closed_form(grid: Array, values: Array, *, tolerance: float, is_odd: bool) -> tuple[Relaxation, float]:
    """The shortest mixture found within the tolerance of values on a grid of [0, 1], and its error there.

    The closest one, if none is. is_odd: about 1/2, as the values are. Weights are never negative and add up to
    1, so that it rises, and stays in [0, 1]. Values and slopes are fitted together.

    >>> grid = np.linspace(0, 1, 101)
    >>> closed_form(grid, 1 / (1 + np.exp(5 - 10 * grid)), tolerance=0.01, is_odd=True)[0]
    Relaxation(p/100 + 99*sigmoid(10*p - 5)/100)
    """
    values = values - SOFT / UNITS * grid
    steepest = float(np.diff(values).max() / (grid[1] - grid[0]))
    found: list[tuple[Expr, float]] = []
    for factor in STEEPER:
        parts = [(p, grid), *_powers(grid, is_odd), *_sigmoids(grid, 4 * factor * steepest, is_odd)]
        found.append(_mixture(parts, grid, values, tolerance))
        if found[-1][1] <= tolerance:
            break
    expression, error = min(found, key=lambda each: each[1])
    return Relaxation(Rational(SOFT, UNITS) * p + expression), error


def _powers(grid: Array, is_odd: bool) -> Iterator[Part]:
    """p², p³ and what they are about 1/2, whose sum with p² is 2p: none for an odd curve."""
    if not is_odd:
        yield p**2, grid**2
        yield p * (2 - p), grid * (2 - grid)
        yield p**3, grid**3
        yield p * (p**2 - 3 * p + 3), 1 - (1 - grid) ** 3


def _sigmoids(grid: Array, steepest: float, is_odd: bool) -> Iterator[Part]:
    """Sigmoids of p, not steeper than said; for an odd curve each with its mirror image."""
    for steepness in STEEPNESS:
        if steepness > max(steepest, STEEPNESS[0]):
            return
        for place in range(PLACES // 2 + 1 if is_odd else PLACES + 1):
            at = Rational(place, PLACES)
            rising, values = sigmoid(steepness * (p - at)), expit(steepness * (grid - float(at)))
            if is_odd:
                rising = (rising + sigmoid(steepness * (p - 1 + at))) / 2
                values = (values + expit(steepness * (grid - 1 + float(at)))) / 2
            yield rising, values


def _mixture(parts: list[Part], grid: Array, values: Array, tolerance: float) -> tuple[Expr, float]:
    """Parts with weights, REST together: one after the other is taken in, the best beside those that are in."""
    curves = np.stack([of_part for _, of_part in parts], 1)

    def fitted(taken: list[int]) -> tuple[Array, float, float]:
        return _fitted(grid, curves[:, taken], values)

    taken: list[int] = []
    units, error = np.array([], int), 1.0
    while error > tolerance and len(taken) < MOST:
        candidates = [[*taken, one] for one in range(len(parts)) if one not in taken]
        taken = min(candidates, key=lambda those: fitted(those)[2])
        units, error, _ = fitted(taken)
    terms = (Rational(int(n), UNITS) * parts[i][0] for n, i in zip(units, taken, strict=True))
    return Add(*terms), error


def _fitted(grid: Array, curves: Array, values: Array) -> tuple[Array, float, float]:
    """Weights in units, the largest error with them, and the sum of squares of values and slopes."""
    step = grid[1] - grid[0]
    slopes = np.gradient(values, step)
    by_slope = 0.5 / slopes.max()
    wanted = np.concatenate([values, by_slope * slopes])
    given = np.concatenate([curves, by_slope * np.gradient(curves, step, axis=0)])
    count = given.shape[1]
    total = 100 * np.sqrt(len(grid))  # that the weights add up to 1 is no matter of the best fit
    some = 1e-3 * np.eye(count)  # of curves that are much alike, none is as good as another
    rows = np.vstack([given, np.full(count, total), some])
    weights, _ = nnls(rows, np.concatenate([wanted, [total * REST / UNITS], np.zeros(count)]))
    units = np.rint(REST * weights / weights.sum()).astype(int)
    units[units.argmax()] += REST - units.sum()
    shares = units / UNITS
    return units, float(np.abs(curves @ shares - values).max()), float(np.square(given @ shares - wanted).sum())
