"""Relaxations: their formulas against hand-written ones, what is refused, what is warned of."""

import math
import warnings

import pytest

from metricloss import AnyLoss, Relaxation, ScoreOriented, SigmoidF1, Soft, errors
from metricloss.relaxation import p, z
from metricloss.relaxations import as_relaxation


def quiet(make, *arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", errors.RelaxationWarning)
        return make(*arguments)


def logistic(x):
    return 1 / (1 + math.exp(-x))


def raised_cosine(x, mean, width):
    t = (x - mean) / width
    return 0.5 * (1 + t + math.sin(math.pi * t) / math.pi) if abs(t) < 1 else float(t > 0)


@pytest.mark.parametrize("at", [0.0, 0.03, 0.45, 0.5, 0.61, 0.97, 1.0])
def test_formulas(at):
    pairs = [
        (Soft(), at),
        (AnyLoss(30), logistic(30 * (at - 0.5))),
        (quiet(ScoreOriented, 0.4, 0.1), raised_cosine(at, 0.4, 0.1)),
        (Relaxation("p**2*(3 - 2*p)"), at * at * (3 - 2 * at)),
    ]
    for relaxation, expected in pairs:
        assert float(relaxation.expression.subs(p, at)) == pytest.approx(expected, abs=1e-14)
        assert float(relaxation.complement.subs(p, at)) == pytest.approx(1 - expected, abs=1e-14)


@pytest.mark.parametrize("at", [-20.0, -0.7, 0.0, 3.3])
def test_sigmoid_f1_is_one_sigmoid_of_the_score(at):
    relaxation = SigmoidF1(slope=2, offset=-0.5)
    assert float(relaxation.expression.subs(z, at)) == pytest.approx(logistic(2 * (at - 0.5)))


@pytest.mark.parametrize("relaxation", [Soft(), AnyLoss(10), SigmoidF1(3, 1), quiet(ScoreOriented, 0.5, 0.3)])
def test_slope_is_the_derivative(relaxation):
    for at in (0.21, 0.4, 0.66):
        above, below = (relaxation.expression.subs(relaxation.variable, at + step) for step in (1e-6, -1e-6))
        difference = (above - below) / 2e-6
        assert float(relaxation.slope.subs(relaxation.variable, at)) == pytest.approx(
            float(difference), rel=1e-7
        )


@pytest.mark.parametrize(
    ("relaxation", "threshold"),
    [
        (Soft(), 0.5),
        (AnyLoss(30), 0.5),
        (quiet(ScoreOriented, 0.3, 0.1), 0.3),
        (SigmoidF1(4, -0.25), 0.25),
        (Relaxation("p**2"), math.sqrt(0.5)),
    ],
)
def test_threshold_is_where_h_crosses_one_half(relaxation, threshold):
    assert relaxation.threshold == pytest.approx(threshold, rel=1e-15)


def test_a_mean_of_simple_ones_is_proved_and_keeps_its_digits():
    mean = Relaxation("p**3/5 + p*(2 - p)/5 + 3*sigmoid(24*p - 18)/5")  # a warning would be an error
    h, complement, slope = (str(form) for form in mean.over_p_and_q)
    assert h == "p**3/5 - p*(p - 2)/5 + 3*sigmoid(24*p - 18)/5"
    assert complement == "q**2/5 + q*(p**2 + p + 1)/5 + 3*sigmoid(18 - 24*p)/5"
    assert slope == "3*p**2/5 + 2*q/5 + 72*sigmoid(18 - 24*p)*sigmoid(24*p - 18)/5"


@pytest.mark.parametrize("text", ["9*p/10 + sigmoid(5 - 10*p)/10", "p/2 + sigmoid(10*p - 5)/4 + sin(p)/4"])
def test_a_sum_that_is_no_mean_of_rising_ones_is_looked_at(text):
    with pytest.warns(errors.RelaxationWarning, match="not proved"):
        Relaxation(text)


def test_text_that_begins_with_a_multiple_of_a_sigmoid_is_no_misspelled_name():
    mean = Relaxation("3*sigmoid(z/10)/10 + 7*sigmoid(z)/10")
    assert as_relaxation(str(mean.expression)) == mean


def test_a_written_out_sigmoid_is_known_for_one():
    assert Relaxation("1/(1 + exp(-3*z))").expression == SigmoidF1(3).expression
    assert Relaxation("(1 + tanh(3*z))/2").expression == SigmoidF1(6).expression
    assert Relaxation("1/(1 + exp(-10*(p - 1/2)))").expression == AnyLoss(10).expression
    assert Relaxation("1/(1 + 3*exp(-z))").threshold == pytest.approx(math.log(3))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1 - p", "decreases"),
        ("2*p", "leaves [0, 1]"),
        ("p/3", "never crosses 1/2"),
        ("p - z", "both p and z"),
        ("1/2", "neither"),
        ("p + q", "means nothing here"),
        ("p*(3 - 2*p)*p + sin(40*p)/50", "decreases"),
    ],
)
def test_what_is_no_relaxation(text, words):
    with pytest.raises(errors.MetricLossError) as caught:
        Relaxation(text)
    assert words in str(caught.value)


def test_warnings_are_facts():
    with pytest.warns(
        errors.RelaxationWarning, match=r"exactly 1 in float32 above L = 33, and in float64 above 73"
    ):
        AnyLoss(34)
    with pytest.warns(errors.RelaxationWarning, match=r"outside \[0.4, 0.6\]"):
        ScoreOriented(0.5, 0.1)
    with pytest.warns(errors.RelaxationWarning, match="it is not proved"):
        Relaxation("1/2 + atan(8*(p - 1/2))/pi")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        AnyLoss(33)
        ScoreOriented(0.5, 0.5)
        Relaxation("p**3*(10 - 15*p + 6*p**2)")


def test_73_is_the_last_amplification_that_float64_carries():
    assert logistic(73 / 2) < 1 == logistic(74 / 2)


@pytest.mark.parametrize(
    "relaxation", [Soft(), AnyLoss(12.5), SigmoidF1(2, -0.5), Relaxation("p**2*(3 - 2*p)")]
)
def test_text_makes_it_again(relaxation):
    again = as_relaxation(relaxation.text)
    assert again == relaxation
    assert as_relaxation(relaxation) is relaxation


@pytest.mark.parametrize(
    "text", ["AnyLoss(1, 2)", "AnyLoss(3", "AnyLoss(M=3)", "AnyLoss(-3)", "AnyLoss(x)", "ScoreOriented(2)"]
)
def test_calls_that_do_not_fit(text):
    with pytest.raises(errors.MetricLossError):
        as_relaxation(text)


def test_a_plain_logistic_in_any_spelling():
    for text in ("exp(z)/(1 + exp(z))", "1/(1 + exp(-z))", "sigmoid(z)", "(1 + tanh(z/2))/2"):
        assert str(Relaxation(text).expression) == "sigmoid(z)"


def test_a_high_power_does_not_hang():
    assert quiet(Relaxation, "p**64").threshold == pytest.approx(0.5 ** (1 / 64))


def test_what_is_neither_text_nor_an_expression():
    with pytest.raises(TypeError, match="an expression or text, not int"):
        as_relaxation(3)
