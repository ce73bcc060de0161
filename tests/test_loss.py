"""A loaded loss: its parts, its printed forms, and its life in memory."""

import copy
import inspect
import linecache
import pickle
import traceback

import pytest

import metricloss as ml
from metricloss import errors

F1 = ml.Metric("2*TP/(2*TP + FP + FN)", name="f1")


@pytest.fixture(scope="module")
def loss():
    return ml.compile(F1, "numpy", relaxation=ml.AnyLoss(10))


def test_every_stage_can_be_looked_at(loss):
    assert loss.metric is F1
    assert loss.slopes == F1.slopes
    assert repr(loss.relaxation) == "AnyLoss(10)"
    assert "slopes(tp, fp, fn, tn):\n    d = fn + fp + 2*tp" in str(loss.plan)
    assert loss.source.startswith('"""A loss for NumPy: f1, relaxed by AnyLoss(10).')
    assert repr(loss).startswith("Loss(")


def test_derivation_is_the_chain_from_score_to_loss(loss):
    text = str(loss.derivation)
    assert text == (
        "1. score z → probability p\n"
        "     p = sigmoid(z)\n"
        "     dp/dz = sigmoid(-z)*sigmoid(z)\n"
        "2. probability p → relaxed decision a, by AnyLoss(10)\n"
        "     a = sigmoid(10*p - 5)\n"
        "     da/dp = 10*sigmoid(5 - 10*p)*sigmoid(10*p - 5)\n"
        "3. decision a → counts, with label y and weight w\n"
        "     TP = Σ w·y·a,  FP = Σ w·(1-y)·a,  FN = Σ w·y·(1-a),  TN = Σ w·(1-y)·(1-a)\n"
        "     dTP = w·da, dFN = -w·da on a positive;  dFP = w·da, dTN = -w·da on a negative\n"
        "4. counts → metric f1\n"
        "     d = FN + FP + 2*TP\n"
        "     f1 = 2*TP/d\n"
        "     df1/da on a positive = (2 - f1)/d\n"
        "     df1/da on a negative = -f1/d\n"
        "5. metric → loss\n"
        "     loss = 1 - f1\n"
        "     dloss/df1 = -1\n"
        "6. all together\n"
        "     dloss/dz = -w·(y·[slope on a positive] + (1-y)·[slope on a negative])·da/dz"
    )
    latex = loss.derivation._repr_latex_()
    assert latex.startswith(r"$\begin{aligned}")
    assert latex.count("{") == latex.count("}")


def test_derivation_of_a_score_relaxation_has_no_probability():
    loss = ml.compile(F1, "numpy", relaxation=ml.SigmoidF1(2))
    assert str(loss.derivation).startswith("1. score z → relaxed decision a, by SigmoidF1(2, 0)")
    assert str(loss.derivation).endswith("da/dz")
    given = ml.compile(F1, "numpy", from_logits=False)
    assert str(given.derivation).endswith("da/dp")


def test_source_is_where_python_looks_for_it(loss):
    assert inspect.getsource(loss.module.metric) in loss.source
    linecache.updatecache(loss.module.__file__, loss.module.__dict__)  # what AutoGraph does
    assert inspect.getsource(loss.module.decide).endswith("return z > 0.0\n")
    with pytest.raises(ValueError, match="give equal shapes") as caught:
        loss([1, 0], [0.5, 0.5, 0.5])
    assert "raise ValueError(f" in "".join(traceback.format_tb(caught.tb))


def test_copies_and_pickles_compute_the_same(loss):
    arguments = [1, 0, 1], [0.5, -1.0, 2.0]
    for twin in (copy.copy(loss), copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        assert twin(*arguments) == loss(*arguments)
        assert twin == loss
        assert hash(twin) == hash(loss)


def test_only_entry_points_are_attributes(loss):
    with pytest.raises(AttributeError, match="a loss for numpy has no relax: there are loss, value_and_grad"):
        loss.relax  # noqa: B018  the look-up is the test
    with pytest.raises(AttributeError):
        ml.compile(F1, "numpy").__wrapped__  # noqa: B018


def test_a_framework_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(errors.MissingFrameworkError, match=r"Install it: pip install torch"):
        ml.compile(F1, "torch")
    assert "import torch" in ml.emit(F1, "torch").text


def test_an_unknown_backend_is_answered_with_the_nearest():
    with pytest.raises(errors.UnknownBackendError, match="did you mean torch"):
        ml.compile(F1, "pytorch")


def test_a_score_relaxation_needs_scores():
    with pytest.raises(errors.OptionError, match="Give logits"):
        ml.compile(F1, "numpy", relaxation=ml.SigmoidF1(2), from_logits=False)
