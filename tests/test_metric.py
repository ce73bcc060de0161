"""What a metric may be made of, what is refused, and its hard value."""

import copy
import pickle
import time

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

import metricloss as ml
from metricloss import FN, FP, TN, TP, Metric, errors
from metricloss.metric import check_learnable

F1 = 2 * TP / (2 * TP + FP + FN)


def test_three_ways_to_write_the_same_metric():
    by_text = Metric("2*TP/(2*TP + FP + FN)", name="f1")
    by_callable = Metric(lambda tp, fp, fn, tn: 2 * tp / (2 * tp + fp + fn), name="f1")
    assert Metric(F1, name="f1") == by_text == by_callable
    assert hash(by_text) == hash(by_callable)


def test_a_callable_takes_its_name_and_parameters_with_it():
    def fbeta(tp, fp, fn, tn, beta):
        return (1 + beta**2) * tp / ((1 + beta**2) * tp + beta**2 * fn + fp)

    assert Metric(fbeta, beta=2) == Metric(5 * TP / (5 * TP + 4 * FN + FP), name="fbeta")


def test_decimals_are_what_was_written():
    exact = Metric("0.3*TP/n").expression
    assert exact == Metric(0.3 * TP / ml.n).expression == Metric("w*TP/n", w=0.3).expression
    assert sympy.Rational(3, 10) in exact.atoms(sympy.Rational)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "words"),
    [
        (["2*TPP/n"], {}, errors.UnknownNameError, "did you mean TP"),
        (["TP/n"], {"beta": 2}, errors.ParameterError, "beta=2 has no place"),
        (["beta*TP/n"], {}, errors.UnknownNameError, "--param beta=2"),
        (["beta*TP/n"], {"beta": float("nan")}, errors.ParameterError, "no finite real number"),
        (["beta*TP/n"], {"beta": "2; import os"}, errors.ParameterError, "no finite real number"),
        (["beta*TP/n"], {"beta": True}, errors.ParameterError, "no finite real number"),
        ([sympy.Symbol("TP") / 3], {}, errors.UnknownNameError, "from metricloss import TP"),
        ([sympy.Symbol("beta") * TP], {}, errors.UnknownNameError, "Metric(..., beta=1)"),
        (["1/2"], {}, errors.NoCountError, "holds no count"),
        (["TP/TP"], {}, errors.NoCountError, "1 holds no count"),
        ([3], {}, errors.NoCountError, "holds no count"),
        (["sqrt(TP - FP)"], {}, errors.NotRealError, "at TP = 1, FP = 4"),
        ([sympy.log(-TP)], {}, errors.NotRealError, "is not real"),
        ([TP / (TP - TP)], {}, errors.NotRealError, "divides by zero"),
        ([sympy.oo * TP], {}, errors.NotRealError, "infinite"),
        ([sympy.gamma(TP)], {}, errors.UnsupportedFunctionError, "gamma"),
        (["TP/n"], {"direction": "up"}, errors.OptionError, "'maximize'"),
        (["TP/n"], {"zero_division": "warn"}, errors.OptionError, "zero_division='warn'"),
        (["TP/n"], {"task": "multiclass"}, errors.OptionError, "give it to compile"),
    ],
)
def test_mistakes(arguments, options, error, words):
    with pytest.raises(error) as caught:
        Metric(*arguments, **options)
    assert words in str(caught.value)


def test_what_is_no_expression_at_all():
    with pytest.raises(TypeError, match="expression, text, or a callable"):
        Metric([TP, FP])


@pytest.mark.parametrize("expression", ["P/n", "TP + FN", "TP*0 + P", "(TP + FP + FN + TN)/N"])
def test_labels_alone_are_nothing_to_learn(expression):
    with pytest.raises(errors.ConstantMetricError, match="nothing to learn"):
        check_learnable(Metric(expression))


def test_flat_at_large_counts_is_not_constant():
    check_learnable(Metric("Min(TP, 1/50)"))


def test_gradient_is_simplified():
    gradient = Metric(F1).gradient
    assert str(gradient[TP]) == "2*(FN + FP)/(FN + FP + 2*TP)**2"
    assert gradient[FN] == gradient[FP] == -2 * TP / (2 * TP + FP + FN) ** 2
    assert gradient[TN] == 0


@pytest.mark.parametrize(
    ("text", "direction", "best"),
    [
        ("2*TP/(2*TP + FP + FN)", "maximize", 1),
        ("(TP*TN - FP*FN)/sqrt(PP*P*N*PN)", "maximize", 1),
        ("(FP + FN)/n", "minimize", 0),
        ("2*TP*TN/(TP*N + TN*P)", "maximize", 1),
        ("TP*TN/(FP*FN)", "maximize", 0),
        ("log(TP*TN/(FP*FN))", "maximize", 0),
        ("n*(TP*TN - FP*FN)**2/(PP*P*N*PN)", "maximize", ml.n),
    ],
)
def test_best(text, direction, best):
    assert sympy.expand(Metric(text, direction=direction).best - best) == 0


def test_equality_and_round_trips():
    metric = Metric("w*TP/P", name="r", direction="minimize", zero_division=1, w=0.5)
    for twin in (pickle.loads(pickle.dumps(metric)), copy.deepcopy(metric)):
        assert twin == metric
        assert repr(twin) == repr(metric)
    assert metric != Metric("w*TP/P", name="r", direction="minimize", w=0.5)
    assert repr(metric) == "Metric(TP/(2*(FN + TP)), name='r', direction='minimize', zero_division=1)"
    with pytest.raises(AttributeError):
        metric.name = "other"


def test_printed_expressions_are_read_again():
    for text in (
        "(TP*TN - FP*FN)/sqrt(PP*P*N*PN)",
        "2/pi*asin(sqrt((TP + TN)/n))",
        "Max(TP, FP, 1/3)**(3/4)/n",
    ):
        metric = Metric(text)
        assert Metric(str(metric.expression)) == metric


def test_names_are_words_that_may_stand_in_code():
    names = {
        "F-1 score": "F_1_score", "2nd": "m_2nd", "": "metric", "τ": "τ",
        "taux d'erreur équilibré": "taux_d_erreur_équilibré",
        "指标": "指标", "x²": "x2", "!": "m_", "a⃠b": "a_b",
    }  # fmt: skip
    assert {name: Metric(F1, name=name).name for name in names} == names
    assert "class 指标Loss(" in ml.emit(Metric(F1, name="指标"), "torch").text


labels = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(1, 5)), max_size=30)


@given(labels.filter(bool))
def test_hard_values_are_those_of_scikit_learn(rows):
    y_true, y_pred, weight = (np.array(column) for column in zip(*rows, strict=True))
    f1 = Metric(F1)
    for zero_division in (0, 1):
        metric = Metric(F1, zero_division=zero_division)
        expected = sk.f1_score(y_true, y_pred, sample_weight=weight, zero_division=zero_division)
        assert metric(y_true, y_pred, weight) == pytest.approx(expected, abs=1e-12)
    assert f1(y_true.tolist(), y_pred.tolist(), weight.tolist()) == f1(y_true, y_pred, weight)
    jaccard = Metric("TP/(TP + FP + FN)")
    assert jaccard(y_true, y_pred) == pytest.approx(sk.jaccard_score(y_true, y_pred, zero_division=0))


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=30))
def test_hard_mcc_and_kappa(rows):
    y_true, y_pred = (np.array(column) for column in zip(*rows, strict=True))
    mcc = Metric("(TP*TN - FP*FN)/sqrt(PP*P*N*PN)")
    if 0 < y_true.mean() < 1:
        assert mcc(y_true, y_pred) == pytest.approx(sk.matthews_corrcoef(y_true, y_pred), abs=1e-12)
        kappa = Metric("2*(TP*TN - FP*FN)/(PP*N + P*PN)")
        assert kappa(y_true, y_pred) == pytest.approx(sk.cohen_kappa_score(y_true, y_pred), abs=1e-12)


@pytest.mark.parametrize(
    ("y_true", "y_pred", "words"),
    [
        ([1, 0], [0.3, 0.9], "y_pred holds values other than 0 and 1"),
        ([2, 0], [1, 0], "y_true holds values other than 0 and 1"),
        ([1, 0, 1], [1, 0], "give equal shapes"),
        (np.array([1, 0]), np.array([[1], [0]]), "give equal shapes"),
        (np.array([1, 0]), np.array([0.5, 1]), "y_pred holds values other than 0 and 1"),
        (np.array([np.nan, 0]), np.array([0, 1]), "y_true holds values other than 0 and 1"),
    ],
)
def test_labels_that_cannot_be_counted(y_true, y_pred, words):
    with pytest.raises(errors.LabelError, match=words):
        Metric(F1)(y_true, y_pred)


@pytest.mark.parametrize(
    "text",
    [
        "1 - FN/(FN + FP)",
        "TP/P - FN/(FN + FP)",
        "1/(1 + FN/(FP + FN))",
        "exp(-FN/(FP + FN))",
        "TN/N + FP/(FP + FN)",
    ],
)
def test_best_is_the_value_at_a_perfect_prediction_though_that_be_0_over_0(text):
    for zero_division in (0, 1):
        metric = Metric(text, zero_division=zero_division)
        assert float(metric.best) == pytest.approx(metric.at(3, 0, 0, 5))


@pytest.mark.parametrize(
    "text", ["sqrt(TP/P*TN/N)", "sqrt(TP/P)*sqrt(TN/N)", "sqrt(TP*TN/(P*N))", "sqrt(TP*TN)/sqrt(P*N)"]
)
def test_every_spelling_of_the_g_mean_is_one_metric(text):
    g_mean = Metric(text)
    assert g_mean.best == 1
    assert g_mean.at(0, 3, 0, 5) == 0
    assert g_mean.at(4, 1, 2, 5) == pytest.approx((4 / 6 * 5 / 6) ** 0.5)


def test_every_rate_of_a_product_keeps_its_own_zero():
    harmonic = Metric("2*(TP/PP)*(TP/P)/(TP/PP + TP/P)", zero_division=1)
    assert harmonic([1, 1, 0], [0, 0, 0]) == sk.f1_score([1, 1, 0], [0, 0, 0], zero_division=1) == 0
    assert Metric("TP/P*TN/N", zero_division=1).at(0, 3, 0, 0) == 0
    assert Metric("TP/P*TN/N", zero_division=1).at(0, 0, 0, 3) == 1


@pytest.mark.parametrize(
    "text",
    [
        "TP/2**(TP**9)",
        "TP/P*sin(exp(TP**20))",
        "(TP+TN+1)**20/((TP+2*TN+3)**20*(TP+FP)**9) + (TP+3*TN)**20/(TN+5*TP+1)**20",
        "TP**64/(TP**64 + FP**64)",
    ],
)
def test_high_powers_do_not_hang(text):
    start = time.process_time()
    try:
        ml.emit(metric := Metric(text), "numpy")
        assert metric.gradient
    except errors.NotRealError:
        pass
    assert time.process_time() - start < 5


def test_a_small_metric_is_still_a_metric():
    check_learnable(Metric("w*TP/P", w=1e-35))


def test_weights_that_do_not_broadcast():
    with pytest.raises(errors.LabelError, match=r"sample_weight of shape \(2, 1\)"):
        Metric(F1)(np.array([1, 0]), np.array([1, 0]), np.array([[1.0], [2.0]]))
    assert Metric(F1)(np.array([[1, 0], [1, 1]]), np.array([[1, 0], [0, 1]]), np.array([[1.0], [0.0]])) == 1


def test_single_labels_and_mixed_containers():
    assert Metric(F1)(1, 1) == Metric(F1)(np.array([1, 0]), [1, 0]) == 1
