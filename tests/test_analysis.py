"""What the compiler says of a metric: held against brute force, for the catalogue and for planted mistakes."""

from __future__ import annotations

import math
import random
import time
import warnings
from functools import cache

import pytest

import metricloss as ml
from metricloss import FN, FP, TN, TP
from metricloss.analysis import Analysis
from metricloss.errors import ConstantMetricError, MetricWarning

COUNTS = ("TP", "FP", "FN", "TN")
TOPICS = (
    *("range", "best value", "direction", "trivial optimum", "homogeneity"),
    *("smoothness", "undefined", "class swap", "prevalence", "equal to"),
)


def metric(name: str) -> ml.Metric:
    return ml.catalogue[name]


@cache
def matrices() -> list[tuple[float, ...]]:
    """Without a zero, of all sizes and prevalences; not those that the compiler looks at."""
    draw = random.Random(77)
    return [tuple(10 ** draw.uniform(-0.5, 3.5) for _ in COUNTS) for _ in range(150)]


@cache
def degenerate() -> list[tuple[int, ...]]:
    """With zeros."""
    draw = random.Random(78)
    return [tuple(draw.choice((0, 0, 1, 2, 30)) for _ in COUNTS) for _ in range(80)] + [(0, 0, 0, 0)]


def close(a: float, b: float, tolerance: float = 1e-8) -> bool:
    return math.isclose(a, b, rel_tol=tolerance, abs_tol=tolerance)


@pytest.mark.parametrize("name", list(ml.catalogue))
def test_findings_hold(name: str) -> None:
    """At matrices of its own choice, every claim is true, whether it was proved or sampled."""
    analysis = metric(name).analysis
    assert tuple(finding.topic for finding in analysis) == TOPICS
    for check in (
        range_holds,
        best_holds,
        direction_holds,
        degree_holds,
        swap_holds,
        prevalence_holds,
        kin_holds,
        perfection_holds,
        warning_holds,
    ):
        check(metric(name), analysis)


def range_holds(metric: ml.Metric, analysis: Analysis) -> None:
    low, high = map(float, analysis["range"].value)
    for counts in [*matrices(), *degenerate()]:
        assert low - 1e-9 <= metric.at(*counts) <= high + 1e-9, counts


def best_holds(metric: ml.Metric, analysis: Analysis) -> None:
    """No prediction is better than the perfect one, unless that is what is said; constant ones likewise."""
    is_beaten, constant = False, {"positive": True, "negative": True}
    for positives, negatives in ((4, 4), (3, 9), (11, 2)):
        values = [
            metric.sign * metric.at(tp, fp, positives - tp, negatives - fp)
            for tp in range(positives + 1)
            for fp in range(negatives + 1)
        ]
        best = max(values)
        is_beaten |= not close(best, metric.sign * metric.at(positives, 0, 0, negatives))
        constant["positive"] &= close(best, metric.sign * metric.at(positives, negatives, 0, 0))
        constant["negative"] &= close(best, metric.sign * metric.at(0, 0, positives, negatives))
    assert analysis["best value"].is_warning == is_beaten
    assert set(analysis["trivial optimum"].value) == {word for word, reaches in constant.items() if reaches}


def direction_holds(metric: ml.Metric, analysis: Analysis) -> None:
    signs = analysis["direction"].value
    if signs == dict.fromkeys(COUNTS, 0):
        assert len({round(metric.at(tp, fp, 5 - tp, 7 - fp), 9) for tp in range(6) for fp in range(8)}) == 1
        return
    for index, count in enumerate(COUNTS):
        seen = set()
        for counts in matrices():
            more = list(counts)
            more[index] *= 1.001
            change = metric.at(*more) - metric.at(*counts)
            if abs(change) > 1e-9 * max(1, abs(metric.at(*counts))):
                seen.add(1 if change > 0 else -1)
        assert seen <= ({signs[count]} if signs[count] is not None else {1, -1}), count


def degree_holds(metric: ml.Metric, analysis: Analysis) -> None:
    degree = analysis["homogeneity"].value
    triple = [(metric.at(*counts), metric.at(*(3 * count for count in counts))) for counts in matrices()]
    if degree is None:
        powers = {round(math.log(b / a, 3), 4) for a, b in triple if a * b > 0}
        assert len(powers) > 1
    else:
        assert all(close(b, 3 ** float(degree) * a) for a, b in triple)


def swap_holds(metric: ml.Metric, analysis: Analysis) -> None:
    pairs = [(metric.at(tp, fp, fn, tn), metric.at(tn, fn, fp, tp)) for tp, fp, fn, tn in matrices()]
    expected = {"same": lambda x: x, "negated": lambda x: -x, "complement": lambda x: 1 - x}
    found = [word for word, of in expected.items() if all(close(of(a), b) for a, b in pairs)]
    assert analysis["class swap"].value in (found or ["different"])


def prevalence_holds(metric: ml.Metric, analysis: Analysis) -> None:
    def at(positives: float, tpr: float, fpr: float) -> float:
        negatives = 1000 - positives
        return metric.at(tpr * positives, fpr * negatives, (1 - tpr) * positives, (1 - fpr) * negatives)

    for share, value in analysis["prevalence"].value.items():
        assert close(value, at(1000 * share, 0.8, 0.1))
    is_moved = any(
        not close(at(700, *rates), at(30, *rates)) for rates in ((0.7, 0.2), (0.9, 0.5), (0.55, 0.6))
    )
    assert analysis["prevalence"].text.startswith("matters") == is_moved


def kin_holds(own: ml.Metric, analysis: Analysis) -> None:
    relations = analysis["equal to"].value
    if not own.parameters:
        assert own.name in [each.name for each in relations if each.is_equality]
    for each in relations:
        for counts in matrices()[:30]:
            line = float(each.factor) * metric(each.name).at(*counts) + float(each.offset)
            assert close(own.at(*counts), line, 1e-6), each


def perfection_holds(own: ml.Metric, analysis: Analysis) -> None:
    """The best value is that of a perfect prediction, or said not to be."""
    best = [own.best.subs({TP: p, FN: 0, FP: 0, TN: n}) for p, n in ((3, 5), (20, 2))]
    perfect = [own.at(p, 0, 0, n) for p, n in ((3, 5), (20, 2))]
    is_said_not_to_be = "the loss counts from" in analysis["best value"].text
    assert all(close(float(a), b) for a, b in zip(best, perfect, strict=True)) != is_said_not_to_be


def warning_holds(own: ml.Metric, analysis: Analysis) -> None:
    """What compile warns of is what the analysis finds."""
    concerns = " ".join(own.concerns)
    points_wrong = "raise it" in concerns or "lower it" in concerns
    assert points_wrong == analysis["direction"].is_warning or own.name == "prevalence"
    assert ("number of entries" in concerns) == analysis["homogeneity"].is_warning
    for word in ("positive", "negative"):
        assert (f"everything {word}" in concerns) == (word in analysis["trivial optimum"].value)


def test_most_is_proved() -> None:
    """For the metrics that people use, everything is proved."""
    for name in ("f1", "mcc", "jaccard", "recall", "precision", "g_mean", "kappa", "informedness", "accuracy"):
        assert all(finding.is_proved for finding in metric(name).analysis), name


def test_what_is_sampled_says_so() -> None:
    finding = metric("mutual_information").analysis["range"]
    assert not finding.is_proved
    assert str(finding) == "from 0 to 1 (sampled)"


FLIPPED = "2*TP/(2*TP - FP - FN)"

#: A mistake, the topic under which it is found, and what is said.
MISTAKES = {
    "signs of F1 flipped": (ml.Metric(FLIPPED), "direction", "more false positives raise it"),
    "one sign of F1 flipped": (
        ml.Metric("2*TP/(2*TP + FP/8 - FN/8)"),
        "direction",
        "more is better, but more false negatives raise it",
    ),
    "grows with the batch": (ml.Metric(TP - FP), "homogeneity", "of degree 1"),
    "smoothing": (
        ml.Metric("(2*TP + 1)/(2*TP + FP + FN + 1)"),
        "homogeneity",
        "depends on the number of entries",
    ),
    "recall alone": (ml.Metric("TP/P"), "trivial optimum", "predicting everything positive reaches"),
    "specificity alone": (ml.Metric("TN/N"), "trivial optimum", "predicting everything negative reaches"),
    "constant": (ml.Metric("P/n"), "direction", "no prediction changes it"),
    "constant in disguise": (ml.Metric("TP/P + FN/P + N/n"), "direction", "no prediction changes it"),
    "swapped direction": (ml.Metric("f1", direction="minimize"), "direction", "more true positives raise it"),
    "an error to be maximized": (
        ml.Metric((FP + FN) / (TP + FP + FN + TN)),
        "direction",
        "more is better, but",
    ),
    "better than perfect": (ml.Metric("TP/P + FP/N/2"), "best value", "is not the best"),
    "infinite at its best": (
        ml.Metric("TP*TN/(FP*FN)"),
        "best value",
        "has a zero denominator and counts as 0",
    ),
    "0/0 counts as best": (ml.Metric("FP/PP", direction="minimize"), "trivial optimum", "by its 0/0"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_planted_mistakes_are_caught(mistake: str) -> None:
    metric, topic, text = MISTAKES[mistake]
    finding = metric.analysis[topic]
    assert finding.is_warning
    assert finding in metric.analysis.warnings
    assert text in finding.text


COMPILED = {
    FLIPPED: "more true positives lower it; more false positives raise it; more false negatives raise it; "
    "if less is better, say direction='minimize'",
    "PP - P": "more false positives raise it; its value grows with the number of entries; "
    "predicting everything positive reaches its best value",
    "1 - sqrt(FP + FN)/n": "its value depends on the number of entries",
    "TP/P": "predicting everything positive reaches its best value",
}


@pytest.mark.parametrize("expression", COMPILED)
def test_compile_warns_in_one_line(expression: str) -> None:
    for make in (ml.emit, ml.compile):
        with pytest.warns(MetricWarning) as record:
            make(ml.Metric(expression, name="mine"), "numpy")
        assert [str(warning.message) for warning in record] == [f"mine: {COMPILED[expression]}"]
        assert record[0].filename == __file__


def test_the_warning_comes_once_and_can_be_silenced() -> None:
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("default")
        for _ in range(3):
            ml.emit("TP/P", "numpy")
    assert len(record) == 1
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("ignore", MetricWarning)
        ml.emit("TP/P", "numpy")
    assert not record


@pytest.mark.parametrize(
    "name", ["f1", "mcc", "jaccard", "kappa", "balanced_accuracy", "g_mean", "precision", "npv"]
)
def test_good_metrics_are_compiled_in_silence(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ml.emit(name, "numpy")


def test_a_constant_is_an_error_before_it_is_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ConstantMetricError):
            ml.emit("P/n", "numpy")


def test_zero_division_is_taken_into_account() -> None:
    """With 1 for 0/0 the empty prediction has precision 1."""
    assert ml.Metric("TP/PP").analysis["trivial optimum"].value == ()
    assert ml.Metric("TP/PP", zero_division=1).analysis["trivial optimum"].value == ("negative",)
    assert ml.Metric("TP/P", zero_division=7).analysis["range"].value == (0, 7)


def test_parameters_are_said() -> None:
    assert ml.Metric("fbeta", beta=3).analysis["equal to"].text == "fbeta with beta = 3"
    assert ml.Metric("fbeta").analysis["equal to"].text.startswith("fbeta with beta = 1 = f1")


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("FN/(TP - FP)**2/n", "undefined"),
        ("sqrt(TP**2 - 2*TP*FP + FP**2)/n", "smoothness"),
        ("TP/P + 1/10**10", "class swap"),
        ("TP/P/150", "equal to"),
    ],
)
def test_what_is_not_proved_is_not_called_so(text: str, topic: str) -> None:
    assert not ml.Metric(text).analysis[topic].is_proved


def test_skip_is_no_value() -> None:
    metric = ml.Metric("recall", zero_division="skip")
    assert metric.analysis["undefined"].text == "if there are no positives (P = 0): it has no value"


@pytest.mark.parametrize(
    "text", ["1/Max(TN**(-1/2), log(Min(5, 1/2)))", "exp(TP)/exp(n)", "Abs(TP - FP)**(1/2)/n"]
)
def test_what_sympy_cannot_compare_is_analysed_all_the_same(text: str) -> None:
    assert len(ml.Metric(text).analysis.findings) == len(TOPICS)


def test_an_analysis_prints_and_can_be_asked() -> None:
    analysis = metric("recall").analysis
    text = str(analysis)
    assert all(text.count(f"\n{topic} ") or text.startswith(topic) for topic in TOPICS)
    assert "trivial optimum  warning: predicting everything positive reaches its" in text
    assert max(map(len, text.splitlines())) <= 80
    with pytest.raises(KeyError):
        analysis["beauty"]


def test_wild_metrics_are_sampled_and_end() -> None:
    """Beyond the bounds of effort nothing is tried."""
    start = time.process_time()
    wild = "*".join(f"((TP + {k}*FP)/(TP + {k + 1}*FN + TN))**3" for k in range(1, 9))
    analysis = ml.Metric(f"sqrt(1 + {wild})/Max(n, 2*TP)").analysis
    assert time.process_time() - start < 10, "a hang"
    assert not analysis["direction"].is_proved
    assert analysis["range"].value[0] == 0


def test_symbols_are_those_of_the_package() -> None:
    assert ml.Metric(TN / (TN + FP)).analysis["equal to"].text.startswith("specificity")


#: Legal, and too much for floats, for SymPy's sets, or for Python's fractions.
WILD = (
    "TP/(TN - 5)",
    "exp(118*FN)",
    "(TP**60 - FP**60)/n**60",
    "TP**64*FP**64 - FN**64*TN**64",
    "TP**64*FP**64*TN**64/(1 + FN)",
    "sin(TP**60*TN**20)",
    "sigmoid(TP/P)",
    "FP - sin(sqrt(3)/3 + 2) + 1/3",
    "Min(P, pi) - exp(FP/N + 2 - 1e-3)",
)


@pytest.mark.parametrize("text", WILD)
def test_legal_metrics_are_analysed_whatever_they_are(text: str) -> None:
    start = time.process_time()
    metric = ml.Metric(text)
    assert isinstance(metric.concerns, tuple)
    assert len(metric.analysis.findings) == len(TOPICS)
    assert time.process_time() - start < 15, "a hang"


def test_scale_does_not_matter() -> None:
    """What is told of a metric is told of a tiny multiple of it."""
    for text in ("(TP/P + TN/N)/2", "2*TP/(2*TP + FP + FN)"):
        whole, tiny = ml.Metric(text), ml.Metric(f"1e-9*({text})")
        assert tiny.concerns == whole.concerns == ()
        for topic in ("direction", "trivial optimum", "homogeneity", "class swap"):
            assert tiny.analysis[topic].value == whole.analysis[topic].value, topic
        assert tiny.analysis["range"].value[1] > 0


def test_nothing_of_values_is_proved_across_a_pole() -> None:
    for text in ("1/(TP - 5.5)", "(2*Abs(TP - 7) + FN)/(Abs(TP - 7) + FN)"):
        analysis = ml.Metric(text).analysis
        assert not any(analysis[topic].is_proved for topic in ("range", "best value", "direction", "undefined"))


def test_best_is_what_the_code_gives_at_a_zero_denominator() -> None:
    metric = ml.Metric("lr_plus", zero_division=1)
    assert float(metric.best) == metric.at(5, 0, 0, 7) == 1
