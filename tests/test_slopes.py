"""The algebra against SymPy's own partial derivatives, and its looks."""

import sympy
from hypothesis import given
from hypothesis import strategies as st
from sympy import Max, Min, Rational, Symbol, log, sqrt

from metricloss import FN, FP, PN, PP, TN, TP, N, P, n
from metricloss.slopes import derive
from metricloss.symbols import COUNTS

METRICS = {
    "f1": 2 * TP / (2 * TP + FP + FN),
    "f_half": (1 + Rational(1, 4)) * TP / ((1 + Rational(1, 4)) * TP + FN / 4 + FP),
    "mcc": (TP * TN - FP * FN) / sqrt(PP * P * N * PN),
    "kappa": 2 * (TP * TN - FP * FN) / (PP * N + P * PN),
    "g_mean": sqrt(TP / P * TN / N),
    "overlap": TP / Min(PP, P) + Max(FP, FN) / n,
    "log_dor": log(TP * TN / (FP * FN)),
    "nested": (1 + TP / P - TN / N) * TP / P * TN / N,
    "volume": 1 - sympy.Abs(FN - FP) / (2 * TP + FP + FN),
    "not_over_counts_of_degree_0": n * (TP * TN - FP * FN) ** 2 / (PP * P * N * PN),
}

positive_fractions = st.fractions(min_value="1/90", max_value=50, max_denominator=97)


@given(st.sampled_from(sorted(METRICS)), st.tuples(*[positive_fractions] * 4), st.sampled_from([0, 1]))
def test_slopes_are_differences_of_partial_derivatives(name, values, zero_division):
    metric = METRICS[name]
    slopes = derive(metric, name, sympy.S(zero_division))
    at = dict(zip(COUNTS, map(Rational, values), strict=True))
    on_positive = metric.diff(TP) - metric.diff(FN)
    on_negative = metric.diff(FP) - metric.diff(TN)
    for slope, expected in ((slopes.positive, on_positive), (slopes.negative, on_negative)):
        difference = (slopes.in_counts(slope) - expected).subs(at).doit().evalf(30)
        assert abs(difference) < 1e-20
    assert abs((slopes.in_counts(slopes.value) - metric).subs(at).evalf(30)) < 1e-20


def test_quotients_are_named_for_what_they_are():
    slopes = derive((TP / P + TN / N) / 2 + TP / PP, "mix")
    names = {str(definition.name) for definition in slopes.definitions}
    assert names == {"recall", "specificity", "precision"}


def test_mcc_keeps_its_denominator_and_its_value_as_names():
    assert str(derive(METRICS["mcc"], "mcc")) == (
        "d = sqrt(N)*sqrt(P)*sqrt(PN)*sqrt(PP)\n"
        "mcc = (-FN*FP + TN*TP)/d\n"
        "on a positive: N/d - mcc*(1/(2*PP) - 1/(2*PN))\n"
        "on a negative: -P/d - mcc*(1/(2*PP) - 1/(2*PN))"
    )


def test_labels_alone_do_not_move():
    slopes = derive(P / n, "prevalence")
    assert (slopes.positive, slopes.negative) == (0, 0)


def test_zero_division_is_in_units_of_the_largest_value():
    """1 for a whole rate, its share for a part of a mean, whatever SymPy merged."""
    one = sympy.S.One

    def otherwise(metric):
        return [d.otherwise for d in derive(metric, "m", one).definitions if d.denominator != 1]

    assert otherwise(METRICS["f1"]) == [1]
    assert otherwise(METRICS["f_half"]) == [1]
    assert otherwise(METRICS["mcc"]) == [1, 0]  # the second is what its slopes are made of
    weighted = derive(Rational(3, 10) * TP / P + Rational(7, 10) * TN / N, "weighted", one)
    assert weighted.value.subs({d.name: d.otherwise for d in weighted.definitions}) == 1


def test_a_quotient_used_twice_is_defined_once():
    slopes = derive(TP / P + (TP / P) ** 2, "twice")
    assert len([d for d in slopes.definitions if d.numerator == TP]) == 1


def test_latex_has_every_line():
    latex = derive(METRICS["f1"], "f1")._repr_latex_()
    assert latex.startswith("$")
    assert latex.count(r"\\") == 3
    assert r"\frac" in latex


def test_symbols_are_nonnegative_but_may_be_zero():
    for count in COUNTS:
        assert count.is_nonnegative
        assert count.is_positive is None
    assert Symbol("TP") != TP
