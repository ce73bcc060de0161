"""The Bayesian sign test with a region of practical equivalence (Benavoli et al., JMLR 18 (77), 2017)."""

from __future__ import annotations

import numpy as np
from scipy.special import gammainc, gammaincinv

#: Differences up to this do not count.
ROPE = 0.01
#: Added to what never happened, too: a density needs it.
BIT = 1e-4
#: The middles of a thousand equal parts of [0, 1].
MIDDLES = (np.arange(1000) + 0.5) / 1000


def wins_ties_losses(gains: np.ndarray) -> tuple[int, int, int]:
    """On how many sets the gain is above the region, inside, and below."""
    return int(np.sum(gains > ROPE)), int(np.sum(np.abs(gains) <= ROPE)), int(np.sum(gains < -ROPE))


def sign_test(gains: np.ndarray) -> tuple[float, float, float]:
    """The probabilities that better, equal and worse is the most frequent outcome on further sets.

    The posterior of the three frequencies is a Dirichlet distribution; its prior is one tie. They are shares of
    Gamma variables: one is the largest with the probability, averaged over its quantiles, that the others
    are below.
    """
    wins, ties, losses = wins_ties_losses(gains)
    shapes = np.array([wins, ties + 1, losses]) + BIT

    def largest(which: int) -> float:
        quantiles = gammaincinv(shapes[which], MIDDLES)
        return float(np.mean(np.prod([gammainc(shape, quantiles) for shape in np.delete(shapes, which)], 0)))

    better, worse = largest(0), largest(2)
    return better, 1 - better - worse, worse
