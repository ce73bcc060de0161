"""The catalogue: every metric against independent code, every alias against its own formula, and the names."""

from __future__ import annotations

import math

import numpy as np
import pytest

import metricloss as ml
from metricloss.entries import entries
from tests.catalogue_oracles import ORACLES, Counts

#: Values of parameters other than their defaults, at which parametrised metrics are compared too.
VALUES = {
    "weighted_balanced_accuracy": {"w": 0.3},
    "iba_alpha": {"alpha": 0.35},
    "fbeta": {"beta": 1.7},
    "tversky": {"fp_weight": 0.2, "fn_weight": 1.1},
    "focal_tversky": {"fp_weight": 0.2, "fn_weight": 1.1, "gamma": 1.3},
    "expected_cost": {"c_fp": 2.0, "c_fn": 5.0, "c_tp": -1.0, "c_tn": 0.5},
    "weighted_error": {"r": 4.0},
    "net_benefit": {"w": 0.25},
}


def drawn(number: int) -> list[Counts]:
    """Matrices of 8 to 10⁴ samples without a zero, some of them very uneven."""
    rng = np.random.default_rng(0)
    sizes = (8 * 10 ** rng.uniform(0, 3, number)).astype(int)
    return [Counts(*map(int, rng.multinomial(size, rng.dirichlet([0.6] * 4)) + 1)) for size in sizes]


MATRICES = drawn(60)


def test_every_metric_has_an_oracle_and_every_oracle_a_metric():
    assert ORACLES.keys() == entries().keys()


@pytest.mark.parametrize("name", entries())
def test_a_metric_is_what_independent_code_says(name):
    values = VALUES.get(name, {})
    assert values.keys() == entries()[name].parameters.keys()
    metric = ml.Metric(name, **values)
    for oracle in ORACLES[name]:
        for counts in MATRICES:
            if counts.size <= oracle.largest:
                expected = oracle(counts, **values)
                found = metric.at(*counts.values)
                assert math.isclose(found, expected, rel_tol=oracle.relative, abs_tol=oracle.relative / 10), (
                    oracle.library,
                    counts,
                    found,
                    expected,
                )
