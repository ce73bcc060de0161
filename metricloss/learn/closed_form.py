"""A monotone polynomial for a curve: Bernstein's, its coefficients never falling."""

from __future__ import annotations

from itertools import accumulate

import numpy as np
from scipy.optimize import nnls
from scipy.stats import beta
from sympy import Rational, S

from metricloss.bernstein import polynomial
from metricloss.learn.batches import Array
from metricloss.relaxation import Relaxation, p

#: Coefficients are multiples of 1/UNITS, so that the text is short and exact.
UNITS = 10_000
#: How much of h = p is mixed in, so that the slope is nowhere 0.
SOFT = 0.01
DEGREES = (*range(2, 13), *range(14, 31, 2))


def closed_form(grid: Array, values: Array, *, tolerance: float, is_odd: bool) -> tuple[Relaxation, float]:
    """The polynomial of least degree that is within the tolerance of values on a grid of [0, 1], and its error.

    Of the highest degree, if none is. is_odd: about 1/2, as the values are.

    >>> grid = np.linspace(0, 1, 101)
    >>> closed_form(grid, grid, tolerance=0.01, is_odd=True)[0]
    Relaxation(p**2 + p*(1 - p))
    """
    found = [_of_degree(DEGREES[0], grid, values, is_odd)]
    for degree in DEGREES[1:]:
        if found[-1][1] <= tolerance:
            break
        found.append(_of_degree(degree, grid, values, is_odd))
    steps, error = found[-1] if found[-1][1] <= tolerance else min(found, key=lambda each: each[1])
    coefficients = accumulate((Rational(step, UNITS) for step in steps), initial=S.Zero)
    return Relaxation(polynomial(list(coefficients), p)), error


def _of_degree(degree: int, grid: Array, values: Array, is_odd: bool) -> tuple[list[int], float]:
    """The steps from coefficient to coefficient, in units, and the largest error on the grid."""
    cdfs = np.stack([beta.cdf(grid, k + 1, degree - k) for k in range(degree)], 1)
    free = (degree + 1) // 2 if is_odd else degree
    basis = cdfs[:, :free] + cdfs[:, ::-1][:, :free] if is_odd else cdfs
    weight = 100 * np.sqrt(len(grid))  # that the steps add up to 1 is no matter of best fit
    total = np.full((1, free), 2.0 if is_odd else 1.0)
    solution, _ = nnls(np.vstack([basis, weight * total]), np.append(values, weight))
    steps = np.concatenate([solution, solution[: degree - free][::-1]]) if is_odd else solution
    if is_odd and degree % 2:
        steps[free - 1] *= 2
    rounded = _rounded((1 - SOFT) * steps / steps.sum() + SOFT / degree, is_odd)
    return rounded, float(np.abs(cdfs @ np.array(rounded) / UNITS - values).max())


def _rounded(steps: Array, is_odd: bool) -> list[int]:
    """Steps that add up to 1, in whole units that add up to UNITS, none of them 0; the largest gives way."""
    units = np.maximum(1, np.rint(UNITS * steps)).astype(int)
    last = len(units) - 1
    largest = last // 2 if is_odd and last % 2 == 0 else int(units.argmax())  # an odd curve has a middle step
    those = sorted({largest, last - largest}) if is_odd else [largest]
    units[those] += (UNITS - units.sum()) // len(those)
    return [int(unit) for unit in units]
