"""Each metric of the catalogue from independent code: other libraries, or its definition sample by sample.

`by` takes a definition over two boolean vectors, the labels t and the predictions p: what the source says in
words (a share among some samples, a mean of costs, an entropy, pairs counted), not the catalogue's formula in
counts. `pycm` and `pycm_overall` read a ConfusionMatrix, `distance` calls pycm's functions of four counts.
"""

from __future__ import annotations

import importlib
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from importlib.util import find_spec
from typing import Any

import numpy as np
from scipy import stats
from scipy.optimize import brentq
from scipy.spatial import distance as vectors
from scipy.stats.contingency import association, expected_freq

#: What the oracles import. scikit-learn and SciPy are there wherever the demo runs.
LIBRARIES = {"pycm": "pycm", "torchmetrics": "torchmetrics", "imblearn": "imblearn"}


@dataclass(frozen=True)
class Counts:
    """A confusion matrix, and the samples it counts."""

    tp: int
    fp: int
    fn: int
    tn: int

    @property
    def values(self) -> tuple[int, int, int, int]:
        return self.tp, self.fp, self.fn, self.tn

    @property
    def size(self) -> int:
        return sum(self.values)

    @cached_property
    def labels(self) -> np.ndarray:
        return np.repeat([True, False, True, False], self.values)

    @cached_property
    def predictions(self) -> np.ndarray:
        return np.repeat([True, True, False, False], self.values)

    @property
    def table(self) -> np.ndarray:
        """Predictions down, labels across."""
        return np.array([[self.tp, self.fp], [self.fn, self.tn]])

    @cached_property
    def pycm(self) -> Any:
        import pycm

        return pycm.ConfusionMatrix(matrix={1: {1: self.tp, 0: self.fn}, 0: {1: self.fp, 0: self.tn}})


@dataclass(frozen=True)
class Oracle:
    """A function of Counts and of the metric's parameters; relative: the precision that it has."""

    library: str
    function: Callable[..., Any]
    relative: float = 1e-9
    largest: int = 10**9  #: samples

    @property
    def is_installed(self) -> bool:
        return self.library not in LIBRARIES or find_spec(LIBRARIES[self.library]) is not None

    def __call__(self, counts: Counts, **parameters: float) -> float:
        """The value; nan where the library says that there is none."""
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                value = self.function(counts, **parameters)
            except (ZeroDivisionError, ValueError, RuntimeError):
                return math.nan
            return math.nan if value is None or value == "None" else float(value)


# ---- what the table below is written with
def by(definition: Callable[..., Any], **options: Any) -> Oracle:
    return Oracle(
        "definition", lambda counts, **kw: definition(counts.labels, counts.predictions, **kw), **options
    )


def pycm(key: str) -> Oracle:
    return Oracle("pycm", lambda counts: counts.pycm.class_stat[key][1])


def pycm_overall(key: str) -> Oracle:
    return Oracle("pycm", lambda counts: counts.pycm.overall_stat[key])


def pycm_method(name: str, **names: str) -> Oracle:
    """A method with options, of which `names` says what the catalogue calls them."""

    def call(counts: Counts, **parameters: float) -> Any:
        return getattr(counts.pycm, name)(**{names.get(key, key): x for key, x in parameters.items()})[1]

    return Oracle("pycm", call)


def distance(name: str) -> Oracle:
    def call(counts: Counts) -> Any:
        from pycm import DistanceType
        from pycm.distance import DISTANCE_MAPPER

        tp, fp, fn, tn = counts.values
        return DISTANCE_MAPPER[DistanceType[name]](TP=tp, FP=fp, FN=fn, TN=tn)

    return Oracle("pycm", call)


def _library(module: str, library: str, name: str, fixed: dict[str, Any], of: Callable[[Any], Any]) -> Oracle:
    def call(counts: Counts, **parameters: float) -> Any:
        function = getattr(importlib.import_module(module), name)
        return of(function(counts.labels.astype(int), counts.predictions.astype(int), **fixed, **parameters))

    return Oracle(library, call)


def itself(value: Any) -> Any:
    return value


def sklearn(name: str, of: Callable[[Any], Any] = itself, **fixed: Any) -> Oracle:
    return _library("sklearn.metrics", "sklearn", name, fixed, of)


def imblearn(name: str, of: Callable[[Any], Any] = itself, **fixed: Any) -> Oracle:
    return _library("imblearn.metrics", "imblearn", name, fixed, of)


def balanced_index(counts: Counts, alpha: float = 1) -> float:
    from imblearn.metrics import geometric_mean_score, make_index_balanced_accuracy

    weighted = make_index_balanced_accuracy(alpha=alpha, squared=True)(geometric_mean_score)
    return weighted(counts.labels.astype(int), counts.predictions.astype(int), average="binary")


def torchmetrics(name: str, of: Callable[[Any], Any] = itself, **fixed: Any) -> Oracle:
    def call(counts: Counts, **parameters: float) -> Any:
        import torch
        from torchmetrics.functional import classification, nominal

        if hasattr(classification, name):
            function = partial(getattr(classification, name), validate_args=False)  # most of its time
        else:
            function = getattr(nominal, name)
        predictions, labels = (torch.tensor(x.astype(int)) for x in (counts.predictions, counts.labels))
        return of(float(function(predictions, labels, **fixed, **parameters)))

    return Oracle("torchmetrics", call, relative=2e-5)  # float32


def scipy(function: Callable[..., Any], **options: Any) -> Oracle:
    """A function of the two vectors."""
    return Oracle("scipy", lambda counts: function(counts.labels * 1.0, counts.predictions * 1.0), **options)


def of_table(function: Callable[..., Any]) -> Oracle:
    """A function of the table, with predictions down and labels across."""
    return Oracle("scipy", lambda counts: function(counts.table))


# ---- definitions
def share(event: np.ndarray, among: np.ndarray) -> Any:
    """P(event | among)"""
    return event[among].mean()


def four_rates(t: np.ndarray, p: np.ndarray) -> list[Any]:
    """Recall, specificity, precision, and precision of the negative class."""
    return [share(p, t), share(~p, ~t), share(t, p), share(~t, ~p)]


def covariance(t: np.ndarray, p: np.ndarray) -> Any:
    return np.mean((t - t.mean()) * (p - p.mean()))


def entropy(*parts: np.ndarray) -> Any:
    """In bits, of the joint distribution."""
    _, counts = np.unique(np.stack(parts), axis=1, return_counts=True)
    return stats.entropy(counts, base=2)


def information(t: np.ndarray, p: np.ndarray) -> Any:
    return entropy(t) + entropy(p) - entropy(t, p)


def weighted_mean(event: np.ndarray, weights: Any) -> Any:
    return np.average(event, weights=np.broadcast_to(weights, event.shape))


def union(t: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of the samples in either set: whether they are in both, and in one."""
    inside = t | p
    return (t & p)[inside], (t ^ p)[inside]


def tversky(t: np.ndarray, p: np.ndarray, fp_weight: float, fn_weight: float) -> Any:
    """Of two sets of indices, as Tversky writes it."""
    truth, found = np.flatnonzero(t), np.flatnonzero(p)
    both = np.intersect1d(truth, found).size
    only_found, only_truth = np.setdiff1d(found, truth).size, np.setdiff1d(truth, found).size
    return np.float64(both) / (both + fp_weight * only_found + fn_weight * only_truth)


def pair_sums(t: np.ndarray, p: np.ndarray) -> tuple[int, int]:
    """Concordant and discordant pairs of samples."""
    products = np.subtract.outer(t.astype(int), t) * np.subtract.outer(p.astype(int), p)
    return np.sum(products > 0), np.sum(products < 0)


def gamma(t: np.ndarray, p: np.ndarray) -> Any:
    concordant, discordant = pair_sums(t, p)
    return (concordant - discordant) / (concordant + discordant)


def prevalence_of_slope_one(t: np.ndarray, p: np.ndarray) -> Any:
    """Where precision, as a function of the prevalence by Bayes' theorem, bends most: its slope is 1 there."""
    hit, alarm = share(p, t), share(p, ~t)
    if hit == alarm:
        return 1 / 2 if hit else math.nan  # a straight line, of slope 1 everywhere

    def slope(prevalence: float) -> Any:
        shift = 1e-4 * min(prevalence, 1 - prevalence)
        below, above = (hit * x / (hit * x + alarm * (1 - x)) for x in (prevalence - shift, prevalence + shift))
        return (above - below) / (2 * shift) - 1

    return brentq(slope, 1e-9, 1 - 1e-9, xtol=1e-13)


def agreement(t: np.ndarray, p: np.ndarray, by_chance: Any) -> Any:
    """Agreement beyond chance."""
    return (np.mean(t == p) - by_chance) / (1 - by_chance)


def krippendorff(t: np.ndarray, p: np.ndarray) -> Any:
    """1 - observed disagreement / that of two values drawn from all without putting back."""
    pool = np.concatenate([t, p])
    first, second = pool.sum(), (~pool).sum()
    expected = 2 * first * second / (pool.size * (pool.size - 1))
    return 1 - np.mean(t != p) / expected


def cronbach(t: np.ndarray, p: np.ndarray) -> Any:
    """The reliability of a test of two items, of which KR-20 is the case of items that are right or wrong."""
    return 2 * (1 - (np.var(t) + np.var(p)) / np.var(t.astype(int) + p))


def largest_covariance(t: np.ndarray, p: np.ndarray) -> Any:
    """That of vectors with as many ones, sorted alike."""
    return covariance(np.sort(t), np.sort(p))


def modal_errors(of: np.ndarray, given: np.ndarray | None = None) -> int:
    """How often the likeliest guess is wrong, not knowing or knowing the other vector."""
    if given is None:
        return min(of.sum(), (~of).sum())
    return modal_errors(of[given]) + modal_errors(of[~given])


def error_reduction(before: float, after: float) -> Any:
    return np.float64(before - after) / before


def draws(t: np.ndarray, p: np.ndarray) -> Any:
    """How many positives as many random predictions would find: drawn without putting back."""
    return stats.hypergeom(t.size, t.sum(), p.sum()).mean()


def excess(t: np.ndarray, p: np.ndarray) -> Any:
    """True positives beyond what chance gives."""
    return np.sum(t & p) - draws(t, p)


def odds(t: np.ndarray, p: np.ndarray) -> Any:
    """The sample odds ratio: odds of a prediction among the positives, over those among the negatives."""
    ratio = [share(p, group) / share(~p, group) for group in (t, ~t)]
    return ratio[0] / ratio[1]


def class_confusion_entropy(t: np.ndarray, p: np.ndarray) -> Any:
    """In bits, of the mistakes as shares of all labels and predictions that say 1."""
    shares = np.array([np.sum(t & ~p), np.sum(~t & p)]) / (t.sum() + p.sum())
    return -sum(x * math.log2(x) for x in shares if x)


def weighted_agreement(t: np.ndarray, p: np.ndarray) -> Any:
    """Harris & Lahey: agreement on occurrence times the mean share of non-occurrence, and vice versa."""
    both, _ = union(t, p)
    neither, _ = union(~t, ~p)
    return both.mean() * np.mean([~t, ~p]) + neither.mean() * np.mean([t, p])


def kent_foster(t: np.ndarray, p: np.ndarray) -> Any:
    """Agreement on occurrence beyond chance, among the samples in which either says it occurred."""
    either = t | p
    both, one = np.sum(t & p), np.sum(t ^ p)
    by_chance = t.sum() * p.sum() / np.sum(either)
    return (both - by_chance) / (both - by_chance + one)


def commoner_mistake(t: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Where the kind of mistake is made that is made more often."""
    return max(t & ~p, ~t & p, key=np.sum)


def cost(t: np.ndarray, p: np.ndarray, c_fp: float, c_fn: float, c_tp: float, c_tn: float) -> Any:
    """The mean of what each sample costs."""
    matrix = np.array([[c_tn, c_fp], [c_fn, c_tp]])
    return matrix[t.astype(int), p.astype(int)].mean()


def weighted_error(t: np.ndarray, p: np.ndarray, r: float) -> Any:
    return weighted_mean(t != p, np.where(t, r, 1.0))


def roots(t: np.ndarray, p: np.ndarray) -> Any:
    """√(a·d), the common part of Baroni-Urbani & Buser."""
    return stats.gmean([np.sum(t & p), np.sum(~t & ~p)])


def log_shares(t: np.ndarray, p: np.ndarray) -> Any:
    """Logarithms of hit rate, false alarm rate and their complements."""
    return np.log([share(p, t), share(p, ~t), share(~p, t), share(~p, ~t)])


def edi(t: np.ndarray, p: np.ndarray) -> Any:
    hit, alarm, _, _ = log_shares(t, p)
    return (alarm - hit) / (alarm + hit)


def sedi(t: np.ndarray, p: np.ndarray) -> Any:
    hit, alarm, miss, quiet = log_shares(t, p)
    return (alarm - hit - quiet + miss) / (alarm + hit + quiet + miss)


def zhang(t: np.ndarray, p: np.ndarray) -> Any:
    """From supports, as mlxtend has it."""
    both, found, true = np.mean(t & p), p.mean(), t.mean()
    return (both - found * true) / max(both * (1 - found), found * (true - both))


def hellinger(t: np.ndarray, p: np.ndarray) -> Any:
    """Twice the Hellinger distance of the two uniform distributions over the sets."""
    return 2 * np.sqrt(np.maximum(0, 1 - np.sum(np.sqrt(t / t.sum() * (p / p.sum())))))


def chord(t: np.ndarray, p: np.ndarray) -> Any:
    """The distance of the two vectors, each scaled to length 1."""
    return np.linalg.norm(t / np.linalg.norm(t) - p / np.linalg.norm(p))


ORACLES: dict[str, tuple[Oracle, ...]] = {
    # rates
    "recall": (
        by(lambda t, p: share(p, t)), sklearn("recall_score"), torchmetrics("binary_recall"), pycm("TPR"),
    ),
    "specificity": (
        by(lambda t, p: share(~p, ~t)), imblearn("specificity_score"), torchmetrics("binary_specificity"),
        pycm("TNR"),
        sklearn("recall_score", pos_label=0),
    ),
    "precision": (
        by(lambda t, p: share(t, p)), sklearn("precision_score"), torchmetrics("binary_precision"), pycm("PPV"),
    ),
    "npv": (
        by(lambda t, p: share(~t, ~p)), sklearn("precision_score", pos_label=0), pycm("NPV"),
        torchmetrics("binary_negative_predictive_value"),
    ),
    "fnr": (by(lambda t, p: share(~p, t)), pycm("FNR")),
    "fpr": (by(lambda t, p: share(p, ~t)), pycm("FPR")),
    "fdr": (by(lambda t, p: share(~t, p)), pycm("FDR")),
    "false_omission_rate": (by(lambda t, p: share(t, ~p)), pycm("FOR")),
    "prevalence": (by(lambda t, p: t.mean()), pycm("PRE")),
    "predicted_positive_rate": (by(lambda t, p: p.mean()), pycm("TOPR")),
    "frequency_bias": (by(lambda t, p: p.mean() / t.mean()),),
    "prevalence_threshold": (by(prevalence_of_slope_one, relative=1e-4),),
    # accuracy
    "accuracy": (
        by(lambda t, p: np.mean(t == p)), sklearn("accuracy_score"), torchmetrics("binary_accuracy"),
        pycm("ACC"),
    ),
    "error_rate": (
        by(lambda t, p: np.mean(t != p)), sklearn("zero_one_loss"), sklearn("hamming_loss"),
        scipy(vectors.hamming),
        torchmetrics("binary_hamming_distance"), pycm("ERR"), pycm_overall("Hamming Loss"),
    ),
    "balanced_accuracy": (
        by(lambda t, p: (share(p, t) + share(~p, ~t)) / 2), sklearn("balanced_accuracy_score"),
        scipy(lambda t, p: stats.mannwhitneyu(p[t > 0], p[t == 0]).statistic / (t.sum() * (1 - t).sum())),
        pycm("AUC"),
    ),
    "balanced_error_rate": (
        by(lambda t, p: (share(~p, t) + share(p, ~t)) / 2),
        sklearn("balanced_accuracy_score", lambda accuracy: 1 - accuracy),
    ),
    "informedness": (
        by(lambda t, p: share(p, t) - share(p, ~t)), sklearn("balanced_accuracy_score", adjusted=True),
        pycm("BM"),
        scipy(lambda t, p: stats.somersd(t, p).statistic, largest=300),
    ),
    "weighted_balanced_accuracy": (
        by(lambda t, p, w: np.sum((t == p) * np.where(t, w / t.sum(), (1 - w) / (~t).sum()))),
    ),
    "markedness": (
        by(lambda t, p: share(t, p) - share(t, ~p)), pycm("MK"),
        scipy(lambda t, p: stats.somersd(p, t).statistic, largest=300),
    ),
    "g_mean": (
        by(lambda t, p: stats.gmean(four_rates(t, p)[:2])), imblearn("geometric_mean_score"), pycm("GM"),
    ),
    "harmonic_mean": (by(lambda t, p: stats.hmean(four_rates(t, p)[:2])),),
    "adjusted_g_mean": (
        by(lambda t, p: weighted_mean(
            np.array([stats.gmean(four_rates(t, p)[:2]), share(~p, ~t)]), [1, np.mean(~t)])),
        pycm("AGM"),
    ),
    "iba": (
        by(lambda t, p: (1 + share(p, t) - share(~p, ~t)) * share(p, t) * share(~p, ~t)),
        Oracle("imblearn", balanced_index), pycm("IBA"),
    ),
    "iba_alpha": (Oracle("imblearn", balanced_index), pycm_method("IBA_alpha")),
    "optimized_precision": (
        by(lambda t, p: np.mean(t == p) - abs(share(~p, ~t) - share(p, t)) / (share(~p, ~t) + share(p, t))),
        pycm("OP"),
    ),
    "distance_to_corner": (by(lambda t, p: math.dist([share(p, ~t), share(p, t)], [0, 1])), pycm("dInd")),
    "similarity_index": (
        by(lambda t, p: 1 - math.dist([share(p, ~t), share(p, t)], [0, 1]) / math.dist([1, 0], [0, 1])),
        pycm("sInd"),
    ),
    "kulczynski2": (by(lambda t, p: np.mean([share(t, p), share(p, t)])), pycm("AUPR")),
    "icsi": (by(lambda t, p: 1 - share(~t, p) - share(~p, t)), pycm("ICSI")),
    # overlap
    "f1": (
        by(lambda t, p: stats.hmean([share(t, p), share(p, t)])), sklearn("f1_score"), pycm("F1"),
        torchmetrics("binary_f1_score"), scipy(lambda t, p: 1 - vectors.dice(t, p)),
    ),
    "fbeta": (
        by(lambda t, p, beta: 1 / weighted_mean(1 / np.array([share(t, p), share(p, t)]), [1, beta**2])),
        sklearn("fbeta_score"), torchmetrics("binary_fbeta_score"), pycm_method("F_beta"),
    ),
    "f0_5": (sklearn("fbeta_score", beta=0.5), torchmetrics("binary_fbeta_score", beta=0.5), pycm("F0.5")),
    "f2": (sklearn("fbeta_score", beta=2), torchmetrics("binary_fbeta_score", beta=2.0), pycm("F2")),
    "negative_f1": (sklearn("f1_score", pos_label=0), distance("FleissLevinPaik")),
    "macro_f1": (
        sklearn("f1_score", average="macro"), pycm_overall("F1 Macro"),
        torchmetrics("multiclass_f1_score", num_classes=2, average="macro"),
    ),
    "adjusted_f": (
        Oracle("sklearn", lambda counts: math.sqrt(
            sklearn("fbeta_score", beta=2)(counts) * sklearn("fbeta_score", beta=0.5, pos_label=0)(counts)
        )), pycm("AGF"),
    ),
    "jaccard": (
        by(lambda t, p: union(t, p)[0].mean()), sklearn("jaccard_score"), torchmetrics("binary_jaccard_index"),
        pycm("J"), scipy(lambda t, p: 1 - vectors.jaccard(t, p)),
    ),
    "mean_iou": (
        by(lambda t, p: (union(t, p)[0].mean() + union(~t, ~p)[0].mean()) / 2), distance("HawkinsDotson"),
        sklearn("jaccard_score", average="macro"),
        torchmetrics("multiclass_jaccard_index", num_classes=2, average="macro"),
    ),
    # pycm's alpha weighs false negatives, as if X were the labels.
    "tversky": (by(tversky), pycm_method("TI", fp_weight="beta", fn_weight="alpha")),
    "focal_tversky": (by(lambda t, p, gamma, **weights: (1 - tversky(t, p, **weights)) ** gamma),),
    "fowlkes_mallows": (
        by(lambda t, p: stats.gmean([share(t, p), share(p, t)])), scipy(lambda t, p: 1 - vectors.cosine(t, p)),
        pycm("G"), pycm("OOC"),
    ),
    "overlap_coefficient": (by(lambda t, p: np.sum(t & p) / min(t.sum(), p.sum())), pycm("OC")),
    "braun_blanquet": (by(lambda t, p: min(share(t, p), share(p, t))), pycm("BB")),
    "kulczynski1": (by(lambda t, p: np.sum(t & p) / np.sum(t ^ p)),),
    "johnson": (by(lambda t, p: share(t, p) + share(p, t)),),
    "sokal_sneath1": (
        by(lambda t, p: weighted_mean(union(t, p)[0], 1 + union(t, p)[1])),
        scipy(lambda t, p: 1 - vectors.sokalsneath(t, p)),
    ),
    "sorgenfrei": (by(lambda t, p: share(t, p) * share(p, t)),),
    "van_der_maarel": (
        by(lambda t, p: 2 * stats.hmean([share(t, p), share(p, t)]) - 1),
        scipy(lambda t, p: 1 - 2 * vectors.dice(t, p)),
    ),
    "p4": (by(lambda t, p: stats.hmean(four_rates(t, p))),),
    "bray_curtis": (
        scipy(vectors.braycurtis), scipy(vectors.dice), distance("Canberra"),
        sklearn("f1_score", lambda f1: 1 - f1),
    ),
    "volumetric_similarity": (by(lambda t, p: 1 - abs(t.sum() - p.sum()) / (t.sum() + p.sum())),),
    "count_dissimilarity": (
        by(lambda t, p: vectors.braycurtis([t.sum(), (~t).sum()], [p.sum(), (~p).sum()]) / 2), pycm("BCD"),
    ),
    # agreement
    "mcc": (
        sklearn("matthews_corrcoef"), torchmetrics("binary_matthews_corrcoef"), pycm("MCC"),
        pycm_overall("Overall MCC"), scipy(lambda t, p: stats.pearsonr(t, p).statistic),
        scipy(lambda t, p: stats.kendalltau(t, p).statistic),
    ),
    "normalized_mcc": (sklearn("matthews_corrcoef", lambda mcc: (mcc + 1) / 2),),
    "phi_squared": (
        of_table(lambda table: association(table, method="cramer") ** 2), distance("Doolittle"),
        pycm_overall("Phi-Squared"), sklearn("matthews_corrcoef", lambda mcc: mcc**2),
    ),
    "chi_squared": (
        of_table(lambda table: stats.chi2_contingency(table, correction=False).statistic),
        pycm_overall("Chi-Squared"),
    ),
    "pearson_c": (
        of_table(lambda table: association(table, method="pearson")), pycm_overall("Pearson C"),
        torchmetrics("pearsons_contingency_coefficient"),
    ),
    "kappa": (
        by(lambda t, p: agreement(t, p, t.mean() * p.mean() + (~t).mean() * (~p).mean())),
        sklearn("cohen_kappa_score"), torchmetrics("binary_cohen_kappa"), pycm_overall("Kappa"),
    ),
    "scott_pi": (
        by(lambda t, p: agreement(t, p, np.mean([t, p]) ** 2 + np.mean([~t, ~p]) ** 2)),
        pycm_overall("Scott PI"),
        pycm_overall("Kappa Unbiased"),
    ),
    "bennett_s": (
        by(lambda t, p: agreement(t, p, 0.5)), pycm_overall("Bennett S"), pycm_overall("Kappa No Prevalence"),
        distance("Hamann"),
    ),
    "gwet_ac1": (
        by(lambda t, p: agreement(t, p, 2 * np.mean([t, p]) * np.mean([~t, ~p]))), pycm_overall("Gwet AC1"),
    ),
    "krippendorff_alpha": (by(krippendorff), pycm_overall("Krippendorff Alpha")),
    "bangdiwala_b": (
        of_table(lambda table: (np.diag(table) ** 2).sum() / np.dot(table.sum(axis=0), table.sum(axis=1))),
        pycm_overall("Bangdiwala B"),
    ),
    "random_accuracy": (by(lambda t, p: t.mean() * p.mean()), pycm("RACC")),
    "random_accuracy_unbiased": (by(lambda t, p: np.mean([t, p]) ** 2), pycm("RACCU")),
    "equitable_threat_score": (by(lambda t, p: excess(t, p) / (np.sum(t | p) - draws(t, p))),),
    "kent_foster1": (by(kent_foster), distance("KentFosterI")),
    "kuder_richardson": (by(cronbach), distance("KuderRichardson")),
    "loevinger_h": (
        by(lambda t, p: covariance(t, p) / largest_covariance(t, p)), distance("BeniniII"),
        distance("ForbesII"),
    ),
    "dispersion": (
        by(covariance), distance("Dispersion"), scipy(lambda t, p: np.cov(t, p, bias=True)[0, 1]),
    ),
    "michael": (
        by(lambda t, p: 4 * covariance(t, p) / (np.mean(t == p) ** 2 + np.mean(t != p) ** 2)),
    ),
    "baulieu3": (by(lambda t, p: 1 / 2 - 2 * covariance(t, p)), distance("BaulieuIII")),
    "ochiai2": (by(lambda t, p: stats.gmean(four_rates(t, p)) ** 2),),
    "baulieu2": (by(lambda t, p: math.prod(four_rates(t, p))), distance("BaulieuII")),
    "sokal_sneath4": (by(lambda t, p: np.mean(four_rates(t, p))),),
    "maxwell_pilliner": (by(lambda t, p: 2 * covariance(t, p) / (np.var(t) + np.var(p))),),
    # odds
    "lr_plus": (
        by(lambda t, p: share(p, t) / share(p, ~t)), pycm("PLR"),
        sklearn("class_likelihood_ratios", lambda ratios: ratios[0]),
    ),
    "lr_minus": (
        by(lambda t, p: share(~p, t) / share(~p, ~t)), pycm("NLR"),
        sklearn("class_likelihood_ratios", lambda ratios: ratios[1]),
    ),
    "diagnostic_odds_ratio": (
        by(odds), of_table(lambda table: stats.contingency.odds_ratio(table, kind="sample").statistic),
        pycm("DOR"),
    ),
    "log_odds_ratio": (
        by(lambda t, p: np.log(odds(t, p))),
        of_table(lambda table: np.log(stats.contingency.odds_ratio(table, kind="sample").statistic)),
    ),
    "discriminant_power": (
        by(lambda t, p: math.log10(odds(t, p)) / stats.logistic.std()), pycm("DP"),
    ),
    "yule_q": (
        by(gamma, largest=300), scipy(lambda t, p: 1 - vectors.yule(t, p)), pycm("Q"),
        by(lambda t, p: np.tanh(np.log(odds(t, p)) / 2)),
    ),
    "yule_y": (by(lambda t, p: np.tanh(np.log(odds(t, p)) / 4)),),
    "digby_h": (by(lambda t, p: np.tanh(np.log(odds(t, p)) * 3 / 8)), distance("Digby")),
    "batagelj_bren": (by(lambda t, p: 1 / odds(t, p)), distance("BatageljBren")),
    "relative_risk": (
        by(lambda t, p: share(t, p) / share(t, ~p)),
        of_table(lambda table: stats.contingency.relative_risk(
            *map(int, (table[0, 0], table[0].sum(), table[1, 0], table[1].sum()))).relative_risk),
    ),
    "risk_difference": (by(lambda t, p: abs(share(t, p) - share(t, ~p))), distance("AMPLE")),
    "edi": (by(edi),),
    "sedi": (by(sedi),),
    "eds": (by(lambda t, p: 2 * np.log(t.mean()) / np.log(np.mean(t & p)) - 1),),
    "seds": (by(lambda t, p: (np.log(t.mean()) + np.log(p.mean())) / np.log(np.mean(t & p)) - 1),),
    "lift": (by(lambda t, p: share(t, p) / t.mean()), distance("ForbesI")),
    "conviction": (by(lambda t, p: (1 - t.mean()) / (1 - share(t, p))),),
    "added_value": (by(lambda t, p: share(t, p) - t.mean()),),
    "zhang": (
        by(zhang), by(lambda t, p: (share(t, p) - share(t, ~p)) / max(share(t, p), share(t, ~p))),
    ),
    "information_score": (by(lambda t, p: np.log2(share(t, p)) - np.log2(t.mean())), pycm("IS")),
    "pointwise_mutual_information": (by(lambda t, p: np.log(np.mean(t & p) / (t.mean() * p.mean()))),),
    "mutual_information": (
        by(information, relative=1e-7), sklearn("mutual_info_score", lambda nats: nats / math.log(2)),
        pycm_overall("Mutual Information"),
    ),
    "relative_classifier_information": (
        by(lambda t, p: information(t, p) / entropy(t), relative=1e-7), pycm_overall("RCI"),
    ),
    "kl_divergence": (
        by(lambda t, p: stats.entropy([t.sum(), (~t).sum()], [p.sum(), (~p).sum()], base=2)),
        pycm_overall("KL Divergence"),
    ),
    "confusion_entropy": (by(class_confusion_entropy), pycm("CEN")),
    # cost
    "expected_cost": (by(cost),),
    "weighted_error": (
        by(weighted_error),
        Oracle("sklearn", lambda counts, r: sklearn(
            "zero_one_loss", sample_weight=np.where(counts.labels, r, 1.0))(counts)),
    ),
    "net_benefit": (by(lambda t, p, w: np.mean(1.0 * (t & p) - w * (~t & p))), pycm_method("NB")),
    "count_difference": (by(lambda t, p: p.sum() - t.sum()), pycm("AM")),
    # similarity
    "russell_rao": (by(lambda t, p: np.mean(t & p)), scipy(lambda t, p: 1 - vectors.russellrao(t, p))),
    "rogers_tanimoto": (
        by(lambda t, p: weighted_mean(t == p, 1 + (t != p))),
        scipy(lambda t, p: 1 - vectors.rogerstanimoto(t, p)),
    ),
    "sokal_sneath2": (by(lambda t, p: weighted_mean(t == p, 1 + (t == p))),),
    "sokal_sneath3": (by(lambda t, p: np.mean(t == p) / np.mean(t != p)),),
    "faith": (by(lambda t, p: np.mean((t & p) + (~t & ~p) / 2)), distance("Faith")),
    "goodall": (by(lambda t, p: math.acos(1 - 2 * np.mean(t == p)) / math.pi), distance("Goodall")),
    "baroni_urbani_buser1": (
        by(lambda t, p: (roots(t, p) + np.sum(t & p)) / (roots(t, p) + np.sum(t | p))),
        distance("BaroniUrbaniBuserI"),
    ),
    "baroni_urbani_buser2": (
        by(lambda t, p: 1 - 2 * np.sum(t ^ p) / (roots(t, p) + np.sum(t | p))), distance("BaroniUrbaniBuserII"),
    ),
    "andres_marzo": (
        by(lambda t, p: np.mean(t == p) - 2 * stats.gmean([np.mean(t & ~p), np.mean(~t & p)])),
        distance("AndresMarzoDelta"),
    ),
    "clement": (
        by(lambda t, p: share(t, p) * np.mean(~p) + share(~t, ~p) * np.mean(p)), distance("Clement"),
    ),
    "benini1": (by(lambda t, p: covariance(t, p) / (t.mean() * np.mean(~p))), distance("BeniniI")),
    "harris_lahey": (by(weighted_agreement), distance("HarrisLahey")),
    "kent_foster2": (by(lambda t, p: kent_foster(~t, ~p)), distance("KentFosterII")),
    "kuhns1": (by(lambda t, p: 2 * excess(t, p) / t.size), distance("KuhnsI")),
    "kuhns2": (by(lambda t, p: excess(t, p) / max(t.sum(), p.sum())), distance("KuhnsII")),
    "kuhns3": (
        by(lambda t, p: excess(t, p)
           / ((1 - np.sum(t & p) / (t.sum() + p.sum())) * (t.sum() + p.sum() - draws(t, p)))),
        distance("KuhnsIII"),
    ),
    "kuhns4": (by(lambda t, p: excess(t, p) / min(t.sum(), p.sum())), distance("KuhnsIV")),
    "kuhns5": (by(lambda t, p: covariance(t, p) / max(np.var(t), np.var(p))), distance("KuhnsV")),
    "kuhns6": (by(lambda t, p: covariance(t, p) / min(np.var(t), np.var(p))), distance("KuhnsVI")),
    "kuhns7": (
        by(lambda t, p: excess(t, p) / stats.gmean([t.sum(), p.sum()])), distance("KuhnsVII"),
    ),
    "dennis": (
        by(lambda t, p: excess(t, p) / np.sqrt(draws(t, p))), distance("Dennis"),
        of_table(lambda table: ((table - expected_freq(table)) / np.sqrt(expected_freq(table)))[0, 0]),
    ),
    "fager_mcgowan": (
        by(lambda t, p: stats.gmean([share(t, p), share(p, t)]) - 1 / np.sqrt(4 * max(t.sum(), p.sum()))),
        distance("FagerMcGowan"),
    ),
    "fossum": (by(lambda t, p: (np.sum(t & p) - 0.5) ** 2 / draws(t, p)), distance("Fossum")),
    "goodman_kruskal_lambda": (
        by(lambda t, p: error_reduction(
            modal_errors(t) + modal_errors(p), modal_errors(t, p) + modal_errors(p, t))),
        distance("GoodmanKruskalLambda"),
    ),
    "goodman_kruskal_lambda_r": (
        by(lambda t, p: error_reduction((modal_errors(t) + modal_errors(p)) / 2, np.sum(t != p))),
        distance("GoodmanKruskalLambdaR"),
    ),
    "guttman_lambda_a": (
        by(lambda t, p: error_reduction(modal_errors(p), modal_errors(p, t))), distance("GuttmanLambdaA"),
        pycm_overall("Lambda B"),
    ),
    "guttman_lambda_b": (
        by(lambda t, p: error_reduction(modal_errors(t), modal_errors(t, p))), distance("GuttmanLambdaB"),
        pycm_overall("Lambda A"),
    ),
    "baulieu1": (by(lambda t, p: 1 - share(t, p) * share(p, t)), distance("BaulieuI")),
    "baulieu5": (by(lambda t, p: (np.sum(t ^ p) + 1) / (np.sum(t | p) + 1)), distance("BaulieuV")),
    "baulieu6": (by(lambda t, p: np.sum(t ^ p) / (np.sum(t | p) + 1)), distance("BaulieuVI")),
    "baulieu8": (by(lambda t, p: (p.mean() - t.mean()) ** 2), distance("BaulieuVIII")),
    "baulieu9": (by(lambda t, p: weighted_mean(t != p, 1 + (t & ~p))), distance("BaulieuIX")),
    "baulieu10": (
        by(lambda t, p: weighted_mean(t ^ p, 1 + commoner_mistake(t, p))), distance("BaulieuX"),
    ),
    "baulieu11": (by(lambda t, p: np.mean((t ^ p)[~(t & p)])), distance("BaulieuXI")),
    "baulieu14": (
        by(lambda t, p: weighted_mean((t ^ p)[t | p], 1 + (t & ~p)[t | p])), distance("BaulieuXIV"),
    ),
    "baulieu15": (
        by(lambda t, p: weighted_mean((t ^ p)[t | p], 1 + commoner_mistake(t, p)[t | p])),
        distance("BaulieuXV"),
    ),
    "consonni_todeschini1": (
        by(lambda t, p: np.log1p(np.sum(t == p)) / np.log1p(t.size)), distance("ConsonniTodeschiniI"),
    ),
    "consonni_todeschini2": (
        by(lambda t, p: 1 - np.log1p(np.sum(t != p)) / np.log1p(t.size)), distance("ConsonniTodeschiniII"),
    ),
    "consonni_todeschini3": (
        by(lambda t, p: np.log1p(np.sum(t & p)) / np.log1p(t.size)), distance("ConsonniTodeschiniIII"),
    ),
    "consonni_todeschini4": (
        by(lambda t, p: np.log1p(np.sum(t & p)) / np.log1p(np.sum(t | p))), distance("ConsonniTodeschiniIV"),
    ),
    "consonni_todeschini5": (
        by(lambda t, p: math.log((1 + np.sum(t & p) * np.sum(~t & ~p)) / (1 + np.sum(t & ~p) * np.sum(~t & p)))
           / math.log1p((t.size / 2) ** 2)),
        distance("ConsonniTodeschiniV"),
    ),
    "tarwid": (by(lambda t, p: excess(t, p) / (np.sum(t & p) + draws(t, p))),),
    "tarantula": (by(lambda t, p: share(p, t) / (share(p, t) + share(p, ~t))),),
    "euclidean_distance": (scipy(vectors.euclidean),),
    "size_difference": (by(lambda t, p: np.mean(t != p) ** 2), scipy(lambda t, p: vectors.hamming(t, p) ** 2)),
    "pattern_difference": (by(lambda t, p: 4 * np.mean(t & ~p) * np.mean(~t & p)),),
    "shape_difference": (by(lambda t, p: np.var(t.astype(int) - p)),),
    "hellinger": (by(hellinger, relative=1e-6),),
    "chord": (by(chord), scipy(lambda t, p: vectors.euclidean(t / np.sqrt(t.sum()), p / np.sqrt(p.sum())))),
    "gower": (by(lambda t, p: np.sum(t == p) / (t.size**2 * np.std(t) * np.std(p))),),
    "three_w_jaccard": (by(lambda t, p: weighted_mean(union(t, p)[0], 1 + 2 * union(t, p)[0])),),
    "jaccard_distance": (scipy(vectors.jaccard), sklearn("jaccard_score", lambda score: 1 - score)),
}  # fmt: skip
