"""backends/README.md, tried: a framework is added by adding a folder. The framework is plain Python lists."""

from __future__ import annotations

import math
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import metricloss as ml
from metricloss.backend import HOLES, LEARNED, get_backend
from metricloss.check import check
from metricloss.errors import BackendError, MissingFrameworkError
from metricloss.spelling import TABLE_KEYS

LOSS = '''
"""F1 loss for lists of numbers, as it stands before the compiler fills its holes."""

import math

TINY = 2.0**-64


def loss(scores, labels, weights=None):
    """The loss of all entries together."""
    return objective(*soft_counts(scores, labels, weights))


def value_and_grad(scores, labels, weights=None):
    """The loss and its gradient by the scores."""
    cells = soft_counts(scores, labels, weights)
    positive, negative = slopes(*cells)
    entries = zip(scores, labels, weights or [1] * len(labels))
    return objective(*cells), [w * (y * positive + (1 - y) * negative) * relax_slope(z) for z, y, w in entries]


def score(scores, labels, weights=None):
    """The hard metric of the same arguments."""
    return metric(*counts(scores, labels, weights))


def counts(scores, labels, weights=None):
    """The hard counts TP, FP, FN, TN."""
    return sums([(decide(z), not decide(z)) for z in scores], labels, weights)


def soft_counts(scores, labels, weights=None):
    """The relaxed counts TP, FP, FN, TN."""
    return sums([relax(z) for z in scores], labels, weights)


def sums(decisions, labels, weights):
    """TP, FP, FN, TN, for decisions with their complements."""
    weights = weights or [1] * len(labels)
    on, off = [w * y for w, y in zip(weights, labels)], [w * (1 - y) for w, y in zip(weights, labels)]
    accepted, rejected = [a for a, _ in decisions], [b for _, b in decisions]
    return dot(on, accepted), dot(off, accepted), dot(on, rejected), dot(off, rejected)


def dot(xs, ys):
    """The sum of the products."""
    return math.fsum(x * y for x, y in zip(xs, ys))


def metric(tp, fp, fn, tn):
    """The metric over the four counts."""
    return divide(2 * tp, 2 * tp + fp + fn)


def objective(tp, fp, fn, tn):
    """The loss over the four counts."""
    return 1 - metric(tp, fp, fn, tn)


def slopes(tp, fp, fn, tn):
    """How the loss moves with the decision on a positive, and on a negative."""
    d = 2 * tp + fp + fn
    f1 = divide(2 * tp, d)
    return -divide(2 - f1, d), divide(f1, d)


def relax(z):
    """The relaxed decision and its complement."""
    return sigmoid(z), sigmoid(-z)


def relax_slope(z):
    """The derivative of the relaxed decision by the score."""
    return sigmoid(-z) * sigmoid(z)


def decide(z):
    """The hard decision."""
    return z > 0.0


def sigmoid(x):
    """1 / (1 + exp(-x)) without overflow."""
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


def sigmoids(x):
    """The sigmoids of x and -x."""
    return sigmoid(x), sigmoid(-x)


def divide(numerator, denominator, otherwise=0.0):
    """The quotient, and `otherwise` where the denominator is zero."""
    return numerator / denominator if abs(denominator) > TINY else otherwise


def power(x, exponent):
    """A fractional power, 0 below 0."""
    return x**exponent if x > 0 else 0.0


def sqrt(x):
    """The square root, 0 below 0."""
    return math.sqrt(max(x, 0))


def log(x):
    """The logarithm, cut off at TINY."""
    return math.log(max(x, TINY))


def exp(x):
    """The exponential function, cut off at 80."""
    return math.exp(min(x, 80))


def clipped(x):
    """x between -1 and 1."""
    return max(-1, min(x, 1))


def asin(x):
    """The arc sine, of rounding errors beyond 1 that of 1."""
    return math.asin(clipped(x))


def acos(x):
    """The arc cosine, of rounding errors beyond 1 that of 1."""
    return math.acos(clipped(x))


def sign(x):
    """-1, 0 or 1."""
    return (x > 0) - (x < 0)
'''.lstrip()

TABLE = """
title = "lists"
module = "math"
install = "nothing to install"
call = "loss(scores, labels, weights=None)"
gradient = "value_and_grad(...)"
sums = "float64"
entry_points = ["loss", "value_and_grad", "score", "counts", "soft_counts"]

[arguments]
scores = "scores"
labels = "labels"
weights = "weights"
mask = "mask"

[functions]
divide = "divide"
sigmoid = "sigmoid"
sigmoids = "sigmoids"
sqrt = "sqrt"
power = "power"
exp = "exp"
log = "log"
sin = "math.sin"
cos = "math.cos"
tan = "math.tan"
asin = "asin"
acos = "acos"
atan = "math.atan"
tanh = "math.tanh"
abs = "abs"
sign = "sign"
minimum = "min"
maximum = "max"
""".lstrip()

TRIAL = '''
"""What `metricloss check` does with a loss for lists."""


def value(module, scores, labels, weights):
    """The loss of lists of numbers."""
    return module.loss(scores, labels, weights)


def gradients(module, scores, labels, weights):
    """The derived gradient by the scores; and None, for there is no other to compare it with."""
    return module.value_and_grad(scores, labels, weights)[1], None
'''.lstrip()

F1 = "2*TP/(2*TP + FP + FN)"
MCC = "(TP*TN - FP*FN)/sqrt(PP*P*N*PN)"
MIXED = "Min(TP, TN)/n + sqrt(TP/n) - abs(FP - FN)/n + log(1 + TP/n) + asin(TN/n)*tanh(TP/n)"

random.seed(0)
LABELS = [1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0]
SCORES = [random.gauss(2 * y - 1, 2) for y in LABELS]


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    folder = tmp_path / "toy"
    folder.mkdir()
    (folder / "loss.py").write_text(LOSS, "utf-8")
    (folder / "backend.toml").write_text(TABLE, "utf-8")
    (folder / "trial.py").write_text(TRIAL, "utf-8")
    return folder


def plain_counts(decisions: list[float]) -> tuple[float, float, float, float]:
    pairs = list(zip(LABELS, decisions, strict=True))
    return (
        sum(y * a for y, a in pairs),
        sum((1 - y) * a for y, a in pairs),
        sum(y * (1 - a) for y, a in pairs),
        sum((1 - y) * (1 - a) for y, a in pairs),
    )


@pytest.mark.parametrize("relaxation", ["Soft()", "AnyLoss(10)", "SigmoidF1(2, -1)", "p**2*(3 - 2*p)"])
@pytest.mark.parametrize("text", [F1, MCC, MIXED])
def test_a_folder_is_a_backend(toy: Path, text: str, relaxation: str):
    loss = ml.compile(text, toy, relaxation=relaxation)
    value, gradient = loss.value_and_grad(SCORES, LABELS)
    assert value == loss(SCORES, LABELS)

    step = 1e-6
    for place, slope in enumerate(gradient):
        up, down = list(SCORES), list(SCORES)
        up[place], down[place] = up[place] + step, down[place] - step
        assert slope == pytest.approx((loss(up, LABELS) - loss(down, LABELS)) / (2 * step), abs=1e-8)


@pytest.mark.parametrize("text", [F1, MCC, MIXED])
def test_check_tries_it(toy: Path, text: str):
    report = check(text, backends=[toy, "numpy"] if get_backend("numpy").is_installed else [toy])
    assert report.ok, str(report)


def test_check_says_what_it_needs(toy: Path):
    (toy / "trial.py").unlink()
    with pytest.raises(BackendError, match=r"toy has no trial\.py"):
        check(F1, backends=[toy])
    assert ml.compile(F1, toy)(SCORES, LABELS) > 0


def test_its_value_is_that_of_the_formula(toy: Path):
    p = [1 / (1 + math.exp(-z)) for z in SCORES]
    tp, fp, fn, tn = plain_counts(p)
    assert ml.compile(F1, toy)(SCORES, LABELS) == pytest.approx(1 - 2 * tp / (2 * tp + fp + fn), rel=1e-12)
    root = math.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    assert ml.compile(MCC, toy)(SCORES, LABELS) == pytest.approx(1 - (tp * tn - fp * fn) / root, rel=1e-12)


def test_its_score_is_the_hard_metric(toy: Path):
    predictions = [int(z > 0) for z in SCORES]
    for text in (F1, MCC, MIXED):
        assert ml.compile(text, toy).score(SCORES, LABELS) == pytest.approx(
            ml.Metric(text)(LABELS, predictions)
        )
    assert ml.compile(F1, toy).counts(SCORES, LABELS) == plain_counts(predictions)


def test_its_file_stands_alone_and_holds_what_it_uses(toy: Path, tmp_path: Path):
    path = ml.compile(F1, toy).save(tmp_path / "f1_loss.py")
    text = path.read_text("utf-8")
    assert text.startswith('"""A loss for lists: metric, relaxed by Soft().')
    assert "def divide" in text
    assert "def sqrt" not in text
    code = f"import f1_loss; print(f1_loss.loss({SCORES}, {LABELS}))"
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert float(ran.stdout) == ml.compile(F1, toy)(SCORES, LABELS)


def test_the_corners_are_guarded(toy: Path):
    for text in (F1, MCC):
        for labels in ([], [0, 0], [1, 1]):
            value, gradient = ml.compile(text, toy).value_and_grad([0.0] * len(labels), labels)
            assert all(map(math.isfinite, [value, *gradient]))


@pytest.mark.checkout
def test_the_how_to_names_every_hole_and_fact():
    how_to = (Path(__file__).parents[1] / "backends" / "README.md").read_text("utf-8")
    assert all(f"`{hole}(" in how_to for hole in HOLES)
    for name in ("title", "module", "install", "call", "gradient", "sums", "entry_points", "trial.py"):
        assert f"`{name}`" in how_to


def test_what_a_backend_was_not_written_for_is_named(toy: Path):
    for options in ({"task": "multiclass"}, {"average": "samples"}, {"task": "multilabel", "average": None}):
        with pytest.raises(BackendError, match=r"toy.* has no variant .*__grouped"):
            ml.compile(F1, toy, **options)


@pytest.mark.parametrize("hole", HOLES)
def test_a_missing_hole_is_named(toy: Path, hole: str):
    (toy / "loss.py").write_text(LOSS.replace(f"def {hole}(", f"def other_{hole}("), "utf-8")
    with pytest.raises(BackendError, match=rf"toy/loss\.py defines no {hole}\b"):
        ml.compile(F1, toy)


@pytest.mark.parametrize(
    "function", sorted({*TABLE_KEYS} - {"complement", *LEARNED})
)  # a backend may lack these
def test_a_function_without_a_spelling_is_named(toy: Path, function: str):
    lines = [line for line in TABLE.splitlines() if not line.startswith(f"{function} =")]
    (toy / "backend.toml").write_text("\n".join(lines), "utf-8")
    with pytest.raises(BackendError, match=rf"toy/backend\.toml does not spell {function}\b"):
        ml.compile(F1, toy)


@pytest.mark.parametrize("fact", ["title", "module", "install", "call", "entry_points"])
def test_a_missing_fact_is_named(toy: Path, fact: str):
    lines = [line for line in TABLE.splitlines() if not line.startswith(f"{fact} =")]
    (toy / "backend.toml").write_text("\n".join(lines), "utf-8")
    with pytest.raises(BackendError, match=fact):
        ml.compile(F1, toy)


@pytest.mark.parametrize("file", ["loss.py", "backend.toml"])
def test_a_missing_file_is_named(toy: Path, file: str):
    (toy / file).unlink()
    with pytest.raises(BackendError, match=file):
        ml.compile(F1, toy)


def test_a_missing_entry_point_is_named(toy: Path):
    (toy / "loss.py").write_text(LOSS.replace("def score(", "def other("), "utf-8")
    with pytest.raises(BackendError, match="defines no score"):
        ml.compile(F1, toy)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(BackendError, match="nothing"):
        ml.compile(F1, tmp_path / "nothing")


@pytest.mark.parametrize(("file", "text"), [("loss.py", "def loss(:\n"), ("backend.toml", "title =\n")])
def test_a_file_that_cannot_be_read_is_named(toy: Path, file: str, text: str):
    (toy / file).write_text(text, "utf-8")
    with pytest.raises(BackendError, match="toy"):
        ml.compile(F1, toy)


def test_a_framework_that_is_not_installed_is_said_to_be_missing(toy: Path):
    (toy / "backend.toml").write_text(TABLE.replace('"math"', '"no_such_framework"'), "utf-8")
    with pytest.raises(MissingFrameworkError, match="nothing to install"):
        ml.compile(F1, toy)
    assert "def loss" in ml.emit(F1, toy).text


def test_a_change_of_the_folder_is_seen(toy: Path):
    assert "relaxed decision" in ml.emit(F1, toy).text
    (toy / "loss.py").write_text(LOSS.replace("The relaxed decision", "The soft decision"), "utf-8")
    assert "The soft decision" in ml.emit(F1, toy).text


def test_a_copy_of_a_shipped_folder_is_a_backend(tmp_path: Path):
    copy = tmp_path / "mine"
    shutil.copytree(get_backend("numpy").folder, copy)
    emitted = ml.emit(F1, copy).text
    assert emitted.replace("--backend mine", "--backend numpy") == ml.emit(F1, "numpy").text
