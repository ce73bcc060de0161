"""The catalogue: every metric against independent code, every alias against its own formula, and the names."""

from __future__ import annotations

import ast
import math
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, reduce
from itertools import combinations, product
from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from sympy import Expr, Max, Min, Rational

import metricloss as ml
from metricloss.cli import main
from metricloss.entries import FAMILIES, entries, find
from metricloss.errors import ParameterError
from metricloss.symbols import COUNTS, NAMES
from tests.catalogue_oracles import LIBRARIES, ORACLES, Counts, Oracle

#: Values of parameters other than their defaults, at which parametrised metrics are compared.
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
every_metric = pytest.mark.parametrize("name", entries())


@cache
def metric_of(name: str) -> ml.Metric:
    return ml.Metric(name, **VALUES.get(name, {}))


def drawn(number: int) -> list[Counts]:
    """Matrices of 12 to 2500 samples without a zero, some of them very uneven, and one of 10⁵."""
    rng = np.random.default_rng(0)
    sizes = (8 * 10 ** rng.uniform(0, 2.5, number)).astype(int)
    found = [Counts(*map(int, rng.multinomial(size, rng.dirichlet([0.6] * 4)) + 1)) for size in sizes]
    return [*found, Counts(90, 910, 10, 99_000)]


MATRICES = drawn(50)
#: One, two or three counts are 0: one class only, nothing predicted, all right, all wrong, a single cell.
CORNERS = [
    Counts(*(size * present for size, present in zip((7, 5, 3, 11), which, strict=True)))
    for which in product((1, 0), repeat=4)
    if 0 < sum(which) < 4
]


# ---- against independent code
def test_every_metric_has_an_oracle_and_every_oracle_a_metric():
    assert ORACLES.keys() == entries().keys()
    assert {name: values.keys() for name, values in VALUES.items()} == {
        entry.name: entry.parameters.keys() for entry in entries().values() if entry.parameters
    }


@pytest.mark.checkout
def test_every_library_is_there():
    assert all(oracle.is_installed for oracles in ORACLES.values() for oracle in oracles), LIBRARIES


def oracles_of(name: str) -> list[Oracle]:
    installed = [oracle for oracle in ORACLES[name] if oracle.is_installed]
    return installed or pytest.skip("none of its libraries is installed")


@every_metric
def test_a_metric_is_what_independent_code_says(name):
    for oracle in oracles_of(name):
        for counts in MATRICES:
            if counts.size <= oracle.largest:
                expected = oracle(counts, **VALUES.get(name, {}))
                found = metric_of(name).at(*counts.values)
                assert is_close(found, expected, oracle.relative), (oracle.library, counts, found, expected)


def is_close(found: float, expected: float, relative: float) -> bool:
    return math.isclose(found, expected, rel_tol=relative, abs_tol=relative / 10)


def test_a_wrong_formula_is_noticed():
    swapped = ml.Metric("tversky", fp_weight=1.1, fn_weight=0.2)
    oracle = ORACLES["tversky"][0]
    assert not any(
        is_close(swapped.at(*counts.values), oracle(counts, **VALUES["tversky"]), 1e-6)
        for counts in MATRICES
        if counts.fp != counts.fn
    )


# ---- where a count is 0
@dataclass(frozen=True)
class Convention:
    """What a library says at some corners, other than the metric does, and why.

    where: a test of tp, fp, fn, tn; says: its value, None for none.
    """

    library: str
    why: str
    metrics: str
    where: Callable[[int, int, int, int], bool]
    says: Callable[[int, int, int, int], float | None]


#: Besides these: where the formula is defined all agree, and where it is not (a quotient by 0, a logarithm of
#: 0) each library says so by None, nan, an infinity or an error, and the metric has the value of `with_guards`.
CONVENTIONS = (
    Convention(
        "sklearn", "a class without samples is left out", "balanced_accuracy",
        lambda tp, fp, fn, tn: (tp == fn == 0 and tn > 0) or (fp == tn == 0 and tp > 0),
        lambda tp, fp, fn, tn: (tp + tn) / (tp + fp + fn + tn),
    ),
    Convention(
        "sklearn", "a class without samples is left out of the mean", "balanced_error_rate",
        lambda tp, fp, fn, tn: (tp == fn == 0 and fp > 0) or (fp == tn == 0 and fn > 0),
        lambda tp, fp, fn, tn: (fp + fn) / (tp + fp + fn + tn),
    ),
    Convention(
        "sklearn torchmetrics", "a class neither there nor predicted is left out", "macro_f1 mean_iou",
        lambda tp, fp, fn, tn: fp == fn == 0 and tp * tn == 0,
        lambda tp, fp, fn, tn: 1,
    ),
    Convention(
        "sklearn", "its F1 and Jaccard are 0 at 0/0, so these are 1 - 0", "bray_curtis jaccard_distance",
        lambda tp, fp, fn, tn: tp == fp == fn == 0,
        lambda tp, fp, fn, tn: 1,
    ),
    Convention(
        "scipy", "the Jaccard distance of two empty sets is 0", "jaccard",
        lambda tp, fp, fn, tn: tp == fp == fn == 0,
        lambda tp, fp, fn, tn: 1,
    ),
    Convention(
        "scipy", "Yule's distance is 0 where FP·FN is, whatever TP·TN", "yule_q",
        lambda tp, fp, fn, tn: tp * tn == fp * fn == 0,
        lambda tp, fp, fn, tn: 1,
    ),
    Convention(
        "scipy", "Somers' D needs predictions of both classes", "informedness",
        lambda tp, fp, fn, tn: (tp == fp == 0 or fn == tn == 0) and (tp + fn) * (fp + tn) > 0,
        lambda tp, fp, fn, tn: None,
    ),
    Convention(
        "scipy", "Somers' D needs labels of both classes", "markedness",
        lambda tp, fp, fn, tn: (tp == fn == 0 or fp == tn == 0) and (tp + fp) * (fn + tn) > 0,
        lambda tp, fp, fn, tn: None,
    ),
    Convention(
        "torchmetrics", "all right is 1 and all wrong -1, of one class too", "mcc",
        lambda tp, fp, fn, tn: (tp > 0) + (fp > 0) + (fn > 0) + (tn > 0) == 1,
        lambda tp, fp, fn, tn: 1 if tp or tn else -1,
    ),
    Convention(
        "torchmetrics", "the sum that is 0 is left out, and the numerator is TP + TN - FP - FN", "mcc",
        lambda tp, fp, fn, tn: sum(total == 0 for total in (tp + fp, tp + fn, tn + fp, tn + fn)) == 1,
        lambda tp, fp, fn, tn: (tp + tn - fp - fn)
        / math.sqrt(math.prod(total for total in (tp + fp, tp + fn, tn + fp, tn + fn) if total)),
    ),
    Convention(
        "imblearn", "of the only class that is there, the recall", "g_mean",
        lambda tp, fp, fn, tn: fp == fn == 0 and tp * tn == 0,
        lambda tp, fp, fn, tn: 1,
    ),
    Convention(
        "imblearn", "1 is no class of these arrays", "specificity",
        lambda tp, fp, fn, tn: tp == fp == fn == 0,
        lambda tp, fp, fn, tn: 0,
    ),
    Convention(
        "pycm", "0 by definition where the recall is 0", "adjusted_g_mean",
        lambda tp, fp, fn, tn: tp == 0 and fn * tn > 0,
        lambda tp, fp, fn, tn: 0,
    ),
    Convention(
        "pycm", "LR+/LR-, of which LR- has no value", "diagnostic_odds_ratio",
        lambda tp, fp, fn, tn: tn == 0 and fp * fn > 0,
        lambda tp, fp, fn, tn: None,
    ),
    Convention(
        "pycm", "from the odds ratio, which is infinite", "yule_q",
        lambda tp, fp, fn, tn: fp * fn == 0 and tp * tn > 0,
        lambda tp, fp, fn, tn: None,
    ),
    Convention(
        "definition", "a mean of rates of which one has no value", "f1 fbeta van_der_maarel",
        lambda tp, fp, fn, tn: tp == 0 and fp + fn > 0 and fp * fn == 0,
        lambda tp, fp, fn, tn: None,
    ),
    Convention(
        "definition", "the smaller of two rates of which the first has no value", "braun_blanquet",
        lambda tp, fp, fn, tn: tp == fp == 0 and fn > 0,
        lambda tp, fp, fn, tn: None,
    ),
    Convention(
        "definition", "a mean of rates of which one has no value", "p4",
        lambda tp, fp, fn, tn: (tp == 0) + (fp == 0) + (fn == 0) + (tn == 0) == 2 and tp * tn == fp * fn == 0
        and tp + tn > 0 and fp + fn > 0,
        lambda tp, fp, fn, tn: None,
    ),
    Convention(
        "definition", "the slope is nowhere 1", "prevalence_threshold",
        lambda tp, fp, fn, tn: (tp + fn) * (fp + tn) > 0 and (tp == 0) != (fp == 0),
        lambda tp, fp, fn, tn: None,
    ),
    Convention(
        "definition", "a number over log 0 is 0: the metric, whose log 0 is log 2⁻⁶⁴, comes close", "eds",
        lambda tp, fp, fn, tn: tp == 0 and fn > 0 and fp + tn > 0,
        lambda tp, fp, fn, tn: -1,
    ),
    Convention(
        "definition", "a number over log 0 is 0: the metric, whose log 0 is log 2⁻⁶⁴, comes close", "seds",
        lambda tp, fp, fn, tn: tp == 0 and fn * fp > 0,
        lambda tp, fp, fn, tn: -1,
    ),
)  # fmt: skip


class Quotients(ast.NodeTransformer):
    """Each quotient of a text, as written, becomes a call of `divide`."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, ast.Div):
            return ast.Call(ast.Name("divide", ast.Load()), [node.left, node.right], [])
        return node


def evaluated(name: str, counts: Counts, divide: Callable[[float, float], float], least: float) -> float:
    """A metric's text by Python's own arithmetic; least: what logarithms are taken of instead of less."""
    tp, fp, fn, tn = map(float, counts.values)
    logarithms = {log.__name__: bounded(log, least) for log in (math.log, math.log2, math.log10)}
    names = {"TP": tp, "FP": fp, "FN": fn, "TN": tn, "n": tp + fp + fn + tn, "pi": math.pi}
    names |= {"P": tp + fn, "N": fp + tn, "PP": tp + fp, "PN": fn + tn, "sqrt": math.sqrt, "asin": math.asin}
    tree = ast.fix_missing_locations(Quotients().visit(ast.parse(entries()[name].expression, mode="eval")))
    return eval(
        compile(tree, name, "eval"),
        {"divide": divide, "Abs": abs, "Min": min, "Max": max, **names, **logarithms, **VALUES.get(name, {})},
    )


def bounded(log: Callable[[float], float], least: float) -> Callable[[float], float]:
    return lambda x: log(max(x, least))


def plainly(name: str, counts: Counts) -> float | None:
    """The formula's value; None where there is none."""
    try:
        return evaluated(name, counts, lambda above, below: above / below, least=0)
    except (ZeroDivisionError, ValueError):
        return None


def with_guards(name: str, counts: Counts) -> float:
    """The formula's value where each quotient by 0 is 0, and a logarithm of 0 that of 2⁻⁶⁴."""
    return evaluated(name, counts, lambda above, below: above / below if below else 0.0, least=2.0**-64)


@every_metric
def test_a_metric_where_a_count_is_zero(name):
    """Every library agrees, or says that there is no value where there is none, or is in CONVENTIONS."""
    for counts in CORNERS:
        found = metric_of(name).at(*counts.values)
        assert is_close(found, with_guards(name, counts), 1e-9), counts
        for oracle in oracles_of(name):
            says = oracle(counts, **VALUES.get(name, {}))
            agrees = is_close(says, found, max(oracle.relative, 1e-7))
            convention = convention_of(name, oracle, counts)
            if convention is None:
                has_none = plainly(name, counts) is None and not math.isfinite(says)
                assert agrees or has_none, (oracle.library, counts, found, says)
            else:
                expected = convention.says(*counts.values)
                as_said = (
                    not math.isfinite(says) if expected is None else is_close(says, expected, oracle.relative)
                )
                assert as_said, (convention.why, counts, found, says)
                assert not agrees, (convention.why, counts, found, says)


def convention_of(name: str, oracle: Oracle, counts: Counts) -> Convention | None:
    matching = [
        convention
        for convention in CONVENTIONS
        if name in convention.metrics.split()
        and oracle.library in convention.library.split()
        and convention.where(*counts.values)
    ]
    assert len(matching) < 2
    return matching[0] if matching else None


@pytest.mark.checkout
def test_every_convention_is_of_use():
    used = {
        convention_of(name, oracle, counts)
        for name, oracles in ORACLES.items()
        for oracle, counts in product(oracles, CORNERS)
    }
    assert used - {None} == set(CONVENTIONS)


# ---- names that have formulas of their own
#: As the sources write them, or by another road; each is proven equal to what stands in the catalogue.
FORMULAS = {
    "fall-out": "1 - TN/N",
    "miss rate": "1 - TP/P",
    "false alarm ratio": "1 - TP/PP",
    "FOR": "1 - TN/PN",
    "prevalence threshold": "(sqrt(TP/P*FP/N) - FP/N)/(TP/P - FP/N)",
    "Hamming loss": "1 - (TP + TN)/n",
    "single-threshold AUC": "(1 + TP/P - FP/N)/2",
    "BER": "1 - (TP/P + TN/N)/2",
    "Peirce skill score": "(TP*TN - FP*FN)/(P*N)",
    "Hanssen–Kuipers": "TP/P - FP/N",
    "true skill statistic": "(TP*TN - FP*FN)/((TP + FN)*(FP + TN))",
    "adjusted balanced accuracy": "((TP/P + TN/N)/2 - 1/2)/(1 - 1/2)",
    "single-threshold Gini": "2*(1 + TP/P - FP/N)/2 - 1",
    "Clayton skill score": "TP/PP - FN/PN",
    "delta P": "(TP*TN - FP*FN)/(PP*PN)",
    "H-mean": "2/(P/TP + N/TN)",
    "Driver–Kroeber": "TP/2*(1/PP + 1/P)",
    "McConnaughey": "(TP**2 - FP*FN)/(PP*P)",
    "sInd": "1 - sqrt(((FP/N)**2 + (1 - TP/P)**2)/2)",
    "F-measure": "2*(TP/PP)*(TP/P)/(TP/PP + TP/P)",
    "Sørensen": "2*TP/(PP + P)",
    "Czekanowski": "TP/(TP + (FP + FN)/2)",
    "Fleiss–Levin–Paik": "2*TN/(N + PN)",
    "double soft F1": "(2*TP/(PP + P) + 2*TN/(PN + N))/2",
    "Tanimoto": "TP/(PP + P - TP)",
    "critical success index": "1/(1/(TP/PP) + 1/(TP/P) - 1)",
    "Hawkins–Dotson": "(TP/(PP + P - TP) + TN/(PN + N - TN))/2",
    "Ochiai": "sqrt(TP/PP*(TP/P))",
    "cosine similarity": "TP/(sqrt(PP)*sqrt(P))",
    "Szymkiewicz–Simpson": "Max(TP/PP, TP/P)",
    "Braun-Blanquet": "Min(TP/PP, TP/P)",
    "Canberra": "(FP + FN)/(PP + P)",
    "Lance–Williams": "(FP + FN)/(2*TP + FP + FN)",
    "Dice loss": "1 - 2*TP/(2*TP + FP + FN)",
    "volumetric similarity": "1 - Abs(PP - P)/(PP + P)",
    "BCD": "Max(PP - P, P - PP)/(2*n)",
    "P4": "4/(PP/TP + P/TP + N/TN + PN/TN)",
    "phi coefficient": "(n*TP - PP*P)/sqrt(PP*P*(n - PP)*(n - P))",
    "Doolittle": "(n*TP - PP*P)**2/(PP*P*PN*N)",
    "mean square contingency": "(TP/PP - FN/PN)*(TP/P - FP/N)",
    "contingency coefficient": "Abs(n*TP - PP*P)/sqrt((n*TP - PP*P)**2 + PP*P*PN*N)",
    "Cohen kappa": "((TP + TN)/n - (PP*P + PN*N)/n**2)/(1 - (PP*P + PN*N)/n**2)",
    "Heidke skill score": "(TP + TN - (PP*P + PN*N)/n)/(n - (PP*P + PN*N)/n)",
    "unbiased kappa": "(4*(TP*TN - FP*FN) - (FP - FN)**2)/((PP + P)*(PN + N))",
    "PABAK": "2*(TP + TN)/n - 1",
    "Hamann": "((TP + TN) - (FP + FN))/(TP + FP + FN + TN)",
    "Brennan–Prediger": "((TP + TN)/n - 1/2)/(1 - 1/2)",
    "Krippendorff": "1 - (2*n - 1)*(FP + FN)/((PP + P)*(PN + N))",
    "Gilbert skill score": "(TP*TN - FP*FN)/((FP + FN)*n + TP*TN - FP*FN)",
    "Kent–Foster I": "-FP*FN/(FP*PP + FN*P + FP*FN)",
    "Loevinger's H": "1 - Min(FP, FN)*n/Min(P*PN, PP*N)",
    "Cole C7": "(TP*TN - FP*FN)/(n*Min(PP, P) - PP*P)",
    "Forbes II": "(n*TP - PP*P)/(n*Min(PP, P) - PP*P)",
    "covariance": "TP/n - PP/n*(P/n)",
    "leverage": "TP/n - PP*P/n**2",
    "Sokal–Sneath V": "TP*TN/sqrt((TP + FP)*(TP + FN)*(TN + FP)*(TN + FN))",
    "mean of the four rates": "(2 + (TP/PP - FN/PN) + (TP/P - FP/N))/4",
    "LR+": "(TP/P)/(1 - TN/N)",
    "odds ratio": "(TP/P/(FP/N))/((FN/P)/(TN/N))",
    "log DOR": "log(TP*TN/(FP*FN))",
    "DP": "sqrt(3)/pi*(log10(TP/P/(1 - TP/P)) + log10(TN/N/(1 - TN/N)))",
    "odds ratio skill score": "(TP*TN/(FP*FN) - 1)/(TP*TN/(FP*FN) + 1)",
    "colligation": "(1 - sqrt(FP*FN/(TP*TN)))/(1 + sqrt(FP*FN/(TP*TN)))",
    "risk ratio": "TP*PN/(FN*PP)",
    "AMPLE": "Abs(TP*TN - FP*FN)/(PP*PN)",
    "SEDS": "log(PP*P/(n*TP))/log(TP/n)",
    "Forbes I": "n*TP/((TP + FP)*(TP + FN))",
    "interest": "(TP/n)/((PP/n)*(P/n))",
    "conviction": "PP*N/(n*FP)",
    "Baulieu I": "(PP*P - TP**2)/(PP*P)",
    "KL": "P/n*log2(P/PP) + N/n*log2(N/PN)",
    "RCI": "1 + (TP*log2(TP/PP) + FP*log2(FP/PP) + FN*log2(FN/PN) + TN*log2(TN/PN))"
    "/(-P*log2(P/n) - N*log2(N/n))",
    "Gower–Legendre": "(TP + TN)/(TP + TN + (FP + FN)/2)",
    "Andrés–Marzo Δ": "((sqrt(TP) - sqrt(TN))**2 + 2*sqrt(TP*TN) - 2*sqrt(FP*FN))/n",
    "Kuhns V": "(TP*TN - FP*FN)/Max(PP*PN, P*N)",
    "Kuhns VI": "(TP*TN - FP*FN)/Min(PP*PN, P*N)",
    "Dennis": "(TP*TN - FP*FN)/sqrt(n*PP*P)",
    "Chord distance": "sqrt(2 - 2*TP/sqrt(PP*P))",
    "Soergel": "(FP + FN)/(FP + FN + TP)",
    "IoU loss": "1 - TP/(TP + FP + FN)",
    "3W-Jaccard": "TP/(TP + (FP + FN)/3)",
}
#: What entries are to one another. Names stand for their expressions, with the values that follow.
RELATIONS = (
    ("fbeta", {"beta": 1}, "f1"),
    ("fbeta", {"beta": 2}, "f2"),
    ("fbeta", {"beta": Rational(1, 2)}, "f0_5"),
    ("fbeta", {"beta": 0}, "precision"),
    ("tversky", {"fp_weight": Rational(1, 2), "fn_weight": Rational(1, 2)}, "f1"),
    ("tversky", {"fp_weight": 1, "fn_weight": 1}, "jaccard"),
    ("tversky", {"fp_weight": 2, "fn_weight": 2}, "sokal_sneath1"),
    ("tversky", {"fp_weight": Rational(1, 3), "fn_weight": Rational(1, 3)}, "three_w_jaccard"),
    ("tversky", {"fp_weight": 1, "fn_weight": 0}, "precision"),
    ("tversky", {"fp_weight": 0, "fn_weight": 1}, "recall"),
    ("focal_tversky", {"fp_weight": 1, "fn_weight": 1, "gamma": 1}, "1 - jaccard"),
    ("iba_alpha", {"alpha": 1}, "iba"),
    ("iba_alpha", {"alpha": 0}, "g_mean**2"),
    ("weighted_balanced_accuracy", {"w": Rational(1, 2)}, "balanced_accuracy"),
    ("expected_cost", {}, "error_rate"),
    ("weighted_error", {}, "error_rate"),
    ("net_benefit", {"w": 0}, "russell_rao"),
    ("f1", {}, "2*jaccard/(1 + jaccard)"),
    ("macro_f1", {}, "(f1 + negative_f1)/2"),
    ("bray_curtis", {}, "1 - f1"),
    ("jaccard_distance", {}, "1 - jaccard"),
    ("van_der_maarel", {}, "2*f1 - 1"),
    ("johnson", {}, "2*kulczynski2"),
    ("icsi", {}, "johnson - 1"),
    ("kulczynski1", {}, "jaccard/(1 - jaccard)"),
    ("sorgenfrei", {}, "fowlkes_mallows**2"),
    ("baulieu1", {}, "1 - precision*recall"),
    ("mcc**2", {}, "informedness*markedness"),
    ("phi_squared", {}, "mcc**2"),
    ("chi_squared", {}, "n*phi_squared"),
    ("pearson_c**2", {}, "phi_squared/(1 + phi_squared)"),
    ("normalized_mcc", {}, "(1 + mcc)/2"),
    ("kappa", {}, "2*informedness*P*N/(PP*N + P*PN)"),
    ("equitable_threat_score", {}, "kappa/(2 - kappa)"),
    ("kuder_richardson", {}, "2*maxwell_pilliner/(1 + maxwell_pilliner)"),
    ("baulieu3", {}, "1/2 - 2*dispersion"),
    ("kuhns1", {}, "2*dispersion"),
    ("baulieu2", {}, "ochiai2**2"),
    ("diagnostic_odds_ratio", {}, "lr_plus/lr_minus"),
    ("batagelj_bren", {}, "1/diagnostic_odds_ratio"),
    ("discriminant_power", {}, "sqrt(3)/pi*log_odds_ratio/log(10)"),
    ("yule_q", {}, "2*yule_y/(1 + yule_y**2)"),
    ("lift", {}, "precision/prevalence"),
    ("information_score", {}, "log2(lift)"),
    ("pointwise_mutual_information", {}, "log(lift)"),
    ("tarwid", {}, "(lift - 1)/(lift + 1)"),
    ("tarantula", {}, "lr_plus/(1 + lr_plus)"),
    ("sokal_sneath2", {}, "2*accuracy/(1 + accuracy)"),
    ("rogers_tanimoto", {}, "accuracy/(2 - accuracy)"),
    ("sokal_sneath3", {}, "accuracy/error_rate"),
    ("similarity_index", {}, "1 - distance_to_corner/sqrt(2)"),
    ("euclidean_distance**2", {}, "n*error_rate"),
    ("size_difference", {}, "error_rate**2"),
    ("shape_difference", {}, "error_rate - baulieu8"),
    ("pattern_difference", {}, "size_difference - baulieu8"),
    ("hellinger**2", {}, "2*chord**2"),
    ("gower", {}, "(TP + TN)*ochiai2/(TP*TN)"),
    ("baroni_urbani_buser2", {}, "2*baroni_urbani_buser1 - 1"),
    ("goodman_kruskal_lambda_r", {}, "1 - 2*(FP + FN)/(2*n - Max(PP, PN) - Max(P, N))"),
)

POSITIVE = {count: sympy.Symbol(count.name, positive=True) for count in COUNTS}
_TP, _FP, _FN, _TN = POSITIVE.values()
UNDECIDED = (Min, Max, sympy.Abs, sympy.Function("undecided"))
_X, _Y = sympy.symbols("x y", positive=True)


def compared(one: Expr, other: Expr, more: Expr) -> list[dict[Expr, Expr]]:
    """The three cases: one is larger, smaller, the same."""
    return [{one: other + more}, {other: one + more}, {one: other}]


MISTAKES, HITS = compared(_FP, _FN, _X), compared(_TP, _TN, _Y)
#: Ways to tell cases apart, in each of which it is known which of two sums is the larger.
SPLITS = (
    MISTAKES,
    [mistakes | hits for mistakes in MISTAKES for hits in HITS],
    [{_TN: (_FP * _FN + _X) / _TP}, {_FN: (_TP * _TN + _X) / _FP}, {_TN: _FP * _FN / _TP}],
)


def proven(first: Expr, second: Expr) -> bool:
    """Whether SymPy reduces the difference to 0, for positive counts."""
    difference = (first - second).xreplace(POSITIVE)
    if not difference.has(*UNDECIDED):
        return vanishes(difference)
    larger_ones = {part: sympy.Dummy(positive=True) for part in difference.atoms(Min, Max)}
    if sympy.cancel(difference.xreplace(larger_ones)) == 0:
        return True
    for split in SPLITS:
        cases = [decided(difference.xreplace(case)) for case in split]
        if not any(case.has(*UNDECIDED) for case in cases):
            return all(map(vanishes, cases))
    return False


def vanishes(difference: Expr) -> bool:
    if difference.has(sympy.log):
        difference = sympy.expand_log(
            sympy.expand_log(difference.replace(sympy.log, lambda x: sympy.log(sympy.factor(x))))
        )
    return difference == 0 or sympy.simplify(difference) == 0


def decided(expression: Expr) -> Expr:
    """Without Min, Max and Abs, where the sign of a difference says which it is."""

    def larger(first: Expr, second: Expr, sign: int) -> Expr:
        difference = sign * sympy.factor(sympy.expand(first - second))
        if difference.is_nonnegative or difference.is_nonpositive:
            return first if difference.is_nonnegative else second
        return UNDECIDED[-1](first, second)

    expression = expression.replace(sympy.Abs, lambda x: larger(x, -x, 1))
    expression = expression.replace(Max, lambda *xs: reduce(lambda x, y: larger(x, y, 1), xs))
    return expression.replace(Min, lambda *xs: reduce(lambda x, y: larger(x, y, -1), xs))


@pytest.mark.parametrize("alias", FORMULAS)
def test_a_name_with_a_formula_of_its_own_is_what_is_stored(alias):
    stored, own = ml.Metric(alias), ml.Metric(FORMULAS[alias])
    assert stored.name in entries()
    assert own.name == "metric", "the formula was taken for a name"
    assert proven(stored.expression, own.expression)


@pytest.mark.parametrize(("name", "values", "formula"), RELATIONS, ids=str)
def test_what_entries_are_to_one_another(name, values, formula):
    assert proven(in_names(name, values), in_names(formula, {}))


def in_names(text: str, values: Mapping[str, Any]) -> Expr:
    """A formula over entries, the counts and their sums."""
    names: dict[str, Any] = dict(NAMES)
    for word in re.findall(r"[a-z]\w+", text):
        if word in entries():
            names[word] = ml.Metric(word, **values).expression
    return sympy.sympify(text, names | {"log2": lambda x: sympy.log(x, 2)})


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("f1", "2*TP/(2*TP + FP + 2*FN)"),
        ("f2", "5*TP/(5*TP + FN + 4*FP)"),
        ("log DOR", "log(TP*TN/FP) - log(FN + 1)"),
        ("overlap coefficient", "Min(TP/PP, TP/P)"),
        ("risk difference", "TP/PP - FN/PN"),
        ("chord", "sqrt(2 - TP/sqrt(PP*P))"),
    ],
)
def test_a_wrong_equality_is_not_proven(name, formula):
    assert not proven(ml.Metric(name).expression, ml.Metric(formula).expression)


def test_no_function_is_stored_twice():
    values = {
        name: np.array([metric_of(name).at(*counts.values) for counts in MATRICES[:20]]) for name in entries()
    }
    for one, other in combinations(values, 2):
        assert not np.allclose(values[one], values[other], rtol=1e-9, atol=0), (one, other)


# ---- facts of an entry
GOOD, FLIPPED, CHANCE = (800, 10, 30, 160), (30, 160, 800, 10), (400, 80, 430, 90)
#: The same where every prediction is turned round: these say how much predictions tell, and not which way.
EITHER_WAY = {
    "phi_squared", "chi_squared", "pearson_c", "risk_difference", "mutual_information",
    "relative_classifier_information", "goodman_kruskal_lambda", "guttman_lambda_a", "guttman_lambda_b",
}  # fmt: skip


@every_metric
def test_directions_point_from_bad_to_good(name):
    direction = entries()[name].direction
    good, bad, chance = (metric_of(name).at(*counts) for counts in (GOOD, FLIPPED, CHANCE))
    sign = {"maximize": 1, "minimize": -1, "neither": 0}[direction]
    if name in EITHER_WAY:
        assert sign * good > sign * chance
        assert good == pytest.approx(bad)
    elif sign:
        assert sign * good > sign * bad


@every_metric
def test_an_entry_is_complete(name):
    entry = entries()[name]
    assert entry.family in FAMILIES
    assert entry.direction in ("maximize", "minimize", "neither")
    assert re.search(r"\d{4}|pycm", entry.reference), entry.reference
    assert set(entry.parameter_aliases.values()) <= entry.parameters.keys()
    assert ml.Metric(name).direction == entry.direction.replace("neither", "maximize")


def test_enough_metrics_and_no_title_twice():
    assert len(ml.catalogue) == len(ORACLES) >= 150
    titles = [entry.title.casefold() for entry in entries().values()]
    assert len(set(titles)) == len(titles)


# ---- names
ALL_NAMES = [(name, entry) for entry in entries().values() for name in entry.names]


def test_every_name_finds_its_entry_and_no_other():
    """Two entries of one name would hide one another."""
    for name, entry in ALL_NAMES:
        assert find(name) is entry, name


@given(
    st.sampled_from([known for known in ALL_NAMES if not re.search("[α-ω]", known[0])]),
    st.sampled_from([str.upper, str.lower, str.title]),
    st.sampled_from(" _"),
)
def test_names_are_found_whatever_their_case_and_blanks(known, case, blank):
    name, entry = known
    assert find(f" {case(name).replace(' ', blank)} ") is entry


@pytest.mark.parametrize(
    ("written", "name"),
    {
        "sensitivity": "recall", "hit_rate": "recall", "recall_score": "recall", "precision_score": "precision",
        "specificity_score": "specificity", "accuracy_score": "accuracy", "BinaryAccuracy": "accuracy",
        "zero_one_loss": "error_rate", "hamming_loss": "error_rate", "hamming_distance": "error_rate",
        "balanced_accuracy_score": "balanced_accuracy", "geometric_mean_score": "g_mean", "f1_score": "f1",
        "F1Score": "f1", "fbeta_score": "fbeta", "FBetaScore": "fbeta", "dice": "f1", "Sorensen-Dice": "f1",
        "dice_loss": "bray_curtis", "jaccard_score": "jaccard", "jaccard_index": "jaccard", "IoU": "jaccard",
        "MeanIoU": "mean_iou", "matthews_corrcoef": "mcc", "phi": "mcc", "cohen_kappa": "kappa",
        "cohen_kappa_score": "kappa", "Cohen's kappa": "kappa", "Krippendorff's alpha": "krippendorff_alpha",
        "youden": "informedness", "pearsons_contingency_coefficient": "pearson_c", "LR+": "lr_plus",
        "LR-": "lr_minus", "negative_predictive_value": "npv", "Kulczynski II": "kulczynski2",
    }.items(),
)  # fmt: skip
def test_what_people_and_other_libraries_call_them(written, name):
    assert ml.Metric(written).name == name


LANGUAGE = st.recursive(
    st.sampled_from([*NAMES, "beta", "w", "f1", "2", "0.5", "pi"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "**", " + ", " - ", " / "]), inner).map("".join),
        st.tuples(st.sampled_from(["(", "sqrt(", "log(", "-(", "Abs("]), inner, st.just(")")).map("".join),
        st.tuples(st.just("-"), st.sampled_from([*NAMES])).map("".join),
    ),
    max_leaves=6,
)


@given(LANGUAGE.filter(lambda text: set(re.findall(r"\w+", text)) & NAMES.keys()))
def test_an_expression_is_never_taken_for_a_name(text):
    assert find(text) is None


@pytest.mark.parametrize("text", ["-f1", "- dice", "f - 1", "f-1", "-IoU", "TP-R", "n-gram"])
def test_a_sign_is_not_dropped(text):
    assert find(text) is None


@pytest.mark.parametrize(
    ("text", "meant"), [("jacard", "jaccard"), ("f_beta_scor", "fbeta"), ("kapa", "kappa")]
)
def test_a_name_that_is_none_is_told_the_nearest(text, meant):
    with pytest.raises(KeyError, match=f"did you mean {meant}"):
        ml.catalogue[text]
    with pytest.raises(ml.MetricLossError, match=f"did you mean {meant}"):
        ml.Metric(text)


def test_the_catalogue_is_a_mapping():
    assert list(ml.catalogue) == list(entries())
    assert len(list(ml.catalogue.items())) == len(ml.catalogue)
    assert "dice" in ml.catalogue
    assert "dicee" not in ml.catalogue
    assert 1 not in ml.catalogue
    assert ml.catalogue.get("no such metric") is None
    families = [name for family in FAMILIES for name in ml.catalogue.family(family)]
    assert sorted(families) == sorted(ml.catalogue)
    with pytest.raises(KeyError, match="there are rates, accuracy"):
        ml.catalogue.family("rate")


def test_parameters_have_the_names_of_their_sources():
    ours = ml.Metric("tversky", fp_weight=0.2, fn_weight=1.1)
    assert ml.Metric("tversky", alpha=0.2, beta=1.1) == ours
    assert ours.at(1, 2, 4, 9) == pytest.approx(1 / (1 + 0.2 * 2 + 1.1 * 4))
    assert ml.Metric("fbeta", beta=2).at(1, 2, 4, 9) == ml.Metric("f2").at(1, 2, 4, 9)
    with pytest.raises(ParameterError):
        ml.Metric("f1", beta=2)


@pytest.mark.parametrize("name", ["IoU", "tversky", "error_rate", "log DOR"])
def test_a_loss_by_name_and_the_command_in_its_head(name, capsys):
    metric = ml.Metric(name)
    text = ml.emit(name, "numpy").text
    assert text == ml.emit(metric, "numpy").text
    assert f"A loss for NumPy: {metric.name}," in text
    command = next(line for line in text.splitlines() if line.startswith("    metricloss emit "))
    assert main(shlex.split(command)[1:]) == 0
    assert capsys.readouterr().out.strip() == text.strip()
    labels, scores = np.array([1, 1, 0, 0]), np.array([2.0, -1.0, 1.0, -3.0])
    assert ml.compile(name, "numpy").score(labels, scores) == pytest.approx(metric.at(1, 1, 1, 1))
