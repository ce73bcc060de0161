"""Pictures: what is drawn is what the metric, the relaxation and the emitted loss are, by plain arithmetic."""

from __future__ import annotations

import math
import pickle
import sys
from collections.abc import Callable, Iterator
from xml.etree import ElementTree

import pytest

import metricloss as ml
from metricloss import plots
from metricloss.errors import MissingFrameworkError, OptionError

np = pytest.importorskip("numpy")
matplotlib = pytest.importorskip("matplotlib")

Counts = Callable[[float, float, float, float], float]
N = 500


def lines(axes) -> Iterator[tuple[float, np.ndarray]]:
    """The level of each contour line, and its points."""
    from matplotlib.contour import ContourSet

    (drawn,) = [each for each in axes.collections if isinstance(each, ContourSet) and not each.filled]
    for level, path in zip(drawn.levels, drawn.get_paths(), strict=True):
        if len(path.vertices):
            yield level, path.vertices


def values(metric: Counts, prevalence: float, points: np.ndarray) -> np.ndarray:
    """The metric, and n times its two slopes by finite differences, at points of the ROC plane."""
    positives, negatives = prevalence * N, (1 - prevalence) * N

    def at(fpr: float, tpr: float, more_tp: float = 0, more_fp: float = 0) -> float:
        tp, fp = tpr * positives + more_tp, fpr * negatives + more_fp
        return metric(tp, fp, positives - tp, negatives - fp)

    e = 1e-4
    return np.array(
        [
            [
                at(x, y),
                N * (at(x, y, e) - at(x, y, -e)) / (2 * e),
                N * (at(x, y, 0, e) - at(x, y, 0, -e)) / (2 * e),
            ]
            for x, y in points
        ]
    ).T


METRICS = {
    "2*TP/(2*TP + FP + FN)": lambda tp, fp, fn, tn: 2 * tp / (2 * tp + fp + fn),
    "(TP*TN - FP*FN)/sqrt(PP*P*N*PN)": lambda tp, fp, fn, tn: (
        (tp * tn - fp * fn) / math.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    ),
    "TP*TN/(FP*FN)": lambda tp, fp, fn, tn: tp * tn / (fp * fn),
}


@pytest.mark.parametrize("prevalence", [0.5, 0.05])
@pytest.mark.parametrize("text", METRICS)
def test_contours_stand_where_the_value_is_their_level(text: str, prevalence: float) -> None:
    figure = ml.Metric(text, name="m").plot(prevalence, N)
    assert [axes.get_title() for axes in figure.axes] == [
        "m",
        "n · slope on a positive",
        "n · slope on a negative",
    ]
    for number, axes in enumerate(figure.axes):
        seen = 0
        for level, points in lines(axes):
            inside = points[((points > 0.15) & (points < 0.85)).all(axis=1)]  # where cells are nearly flat
            if len(inside):
                found = values(METRICS[text], prevalence, inside)[number]
                assert found == pytest.approx(level, rel=0.02, abs=2e-3)
                seen += 1
        assert seen >= 3, f"{axes.get_title()} has {seen} lines inside"


def test_what_is_the_same_everywhere_is_written() -> None:
    figure = ml.Metric("(TP + TN)/n").plot(0.3)
    assert [[text.get_text() for text in axes.texts] for axes in figure.axes[1:]] == [
        ["1 everywhere"],
        ["-1 everywhere"],
    ]


@pytest.mark.parametrize("skewed", ["TP*TN/(FP*FN)", "exp(50*TP/P)", "atan(10**6*(TP/P - 1/2))"])
def test_skewed_metrics_have_lines(skewed: str) -> None:
    figure = ml.Metric(skewed).plot(0.3)
    assert len(list(lines(figure.axes[0]))) >= 3


def test_a_value_that_is_almost_everywhere_the_same_has_lines() -> None:
    figure = plots.isometrics(lambda tp, fp, fn, tn: (float(tp > 47 and fp < 3),), ["spot"], 0.5, 100)
    assert [level for level, _ in lines(figure.axes[0])] == pytest.approx(np.arange(1, 10) / 10)


def test_infinite_values_are_left_out() -> None:
    figure = plots.isometrics(
        lambda tp, fp, fn, tn: (math.inf if fp > 30 else tp, math.nan), ["half", "none"], 0.5, 100
    )
    assert max(points[:, 0].max() for _, points in lines(figure.axes[0])) == pytest.approx(0.6, abs=0.02)
    assert [text.get_text() for text in figure.axes[1].texts] == ["infinite everywhere"]


def curve(axes, number: int) -> tuple[np.ndarray, np.ndarray]:
    line = axes.get_lines()[number]
    return np.asarray(line.get_xdata()), np.asarray(line.get_ydata())


RELAXATIONS = {
    "Soft()": (lambda p: p, 0.5),
    "AnyLoss(10)": (lambda p: 1 / (1 + np.exp(-10 * (p - 0.5))), 0.5),
    "p**3*(4 - 3*p)": (lambda p: p**3 * (4 - 3 * p), 0.6142724318),
    "SigmoidF1(2, 1)": (lambda z: 1 / (1 + np.exp(-2 * (z + 1))), -1.0),
}


@pytest.mark.parametrize("text", RELAXATIONS)
def test_a_relaxation_and_its_slope(text: str) -> None:
    plain, threshold = RELAXATIONS[text]
    figure = ml.emit("TP/P", "numpy", relaxation=text).recipe.relaxation.plot()
    points, h = curve(figure.axes[0], 0)
    assert h == pytest.approx(plain(points), abs=1e-12)
    points, slope = curve(figure.axes[1], 0)
    assert slope == pytest.approx((plain(points + 1e-6) - plain(points - 1e-6)) / 2e-6, abs=1e-8)
    for axes in figure.axes:
        assert curve(axes, 1)[0] == pytest.approx([threshold] * 2)
        assert axes.get_xlim() == (points[0], points[-1])


def test_the_reference_batch_is_what_its_words_say() -> None:
    positives, negatives = (np.array(scores) for scores in plots.reference("z", 0.2, 5000))
    assert (len(positives), len(negatives)) == (1000, 4000)
    for scores, mean in ((positives, 1), (negatives, -1)):
        assert scores.mean() == pytest.approx(mean)
        assert scores.std() == pytest.approx(1, abs=3e-3)
        assert (np.abs(scores - mean) < 1.959964).mean() == pytest.approx(0.95, abs=1e-3)
    assert plots.reference("p", 0.2, 50)[1] == pytest.approx(
        [1 / (1 + math.exp(-z)) for z in plots.reference("z", 0.2, 50)[1]]
    )
    assert [len(scores) for scores in plots.reference("z", 1e-9, 10)] == [1, 9]


LOSSES = {
    "f1": ("2*TP/(2*TP + FP + FN)", 0.5, {}),
    "rare": ("(TP*TN - FP*FN)/sqrt(PP*P*N*PN)", 0.05, {"relaxation": "AnyLoss(10)"}),
    "probabilities": ("TP/(TP + FP + FN)", 0.3, {"from_logits": False, "relaxation": "p**2*(3 - 2*p)"}),
    "scores": ("TP/P - FP/N", 0.3, {"relaxation": "SigmoidF1(2, 1)"}),
}


@pytest.mark.parametrize("case", LOSSES)
def test_the_gradient_is_that_of_the_emitted_loss(case: str) -> None:
    """Finite differences of the loss by one entry of the reference batch, at every tenth of its entries."""
    text, prevalence, options = LOSSES[case]
    loss = ml.compile(text, "numpy", **options)
    (axes,) = loss.plot(prevalence, n=100).axes
    variable = "p" if case == "probabilities" else "z"
    assert axes.get_ylabel() == f"n · dloss/d{variable}"
    assert f"100 entries, {prevalence} of them positive" in axes.get_title()
    positives, negatives = plots.reference(variable, prevalence, 100)
    labels = np.array([1] * len(positives) + [0] * len(negatives))
    scores = np.array([*positives, *negatives])
    for entry in {*range(0, 100, 10), 0, len(positives) - 1, len(positives)}:
        move = np.zeros(100)
        move[entry] = 1e-5
        difference = (loss(labels, scores + move) - loss(labels, scores - move)) / 2e-5
        drawn = np.interp(scores[entry], *curve(axes, 0 if labels[entry] else 1))
        assert drawn == pytest.approx(100 * difference, rel=2e-3, abs=2e-4)


def test_the_gradient_of_exclusive_classes_is_by_a_probability() -> None:
    (axes,) = ml.compile("TP/(TP + FP + FN)", "numpy", task="multiclass").plot(0.25, n=40).axes
    assert axes.get_xlabel() == "probability p of the class"
    positives, negatives = (np.array(scores) for scores in plots.reference("p", 0.25, 40))
    tp, fp = positives.sum(), negatives.sum()
    assert curve(axes, 0)[1] == pytest.approx(-40 / (10 + fp))
    assert curve(axes, 1)[1] == pytest.approx(40 * tp / (10 + fp) ** 2)


@pytest.mark.parametrize("prevalence", [0, 1, -0.1, math.nan])
def test_a_prevalence_outside_is_refused(prevalence: float) -> None:
    for plot in (ml.Metric("TP/PP").plot, ml.compile("TP/PP", "numpy").plot):
        with pytest.raises(OptionError, match=r"^prevalence=.*: give the share of positives, between 0 and 1"):
            plot(prevalence)


@pytest.mark.parametrize("n", [0, -1, math.inf, math.nan])
def test_a_batch_without_entries_is_refused(n: float) -> None:
    for plot in (ml.Metric("TP/PP").plot, ml.compile("TP/PP", "numpy").plot):
        with pytest.raises(OptionError, match=r"^n=.*: give the number of entries"):
            plot(n=n)


def test_without_matplotlib_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        MissingFrameworkError, match=r"^matplotlib .*\nInstall it: pip install 'metricloss\[report\]'"
    ):
        ml.Soft().plot()


def test_figures_are_nobody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pyplot, which keeps figures and wants a display; a notebook shows them, and they can be pickled."""
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    before = matplotlib.rcParams["svg.fonttype"], matplotlib.rcParams["svg.hashsalt"]
    figure = ml.Soft().plot()
    plots.svg(figure, "soft", "")
    assert figure._repr_png_().startswith(b"\x89PNG")
    assert pickle.loads(pickle.dumps(figure))._repr_png_().startswith(b"\x89PNG")
    assert (matplotlib.rcParams["svg.fonttype"], matplotlib.rcParams["svg.hashsalt"]) == before


def test_svg_stands_in_a_page() -> None:
    picture, again = (plots.svg(ml.Metric("TP/PP").plot(), "one", 'a "b" <c>') for _ in range(2))
    other = plots.svg(plots.isometrics(lambda *counts: counts, ["0.12345", *"abc"], 0.5, 10), "other", "")
    assert picture == again
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    page = ElementTree.fromstring(f"<page {names}>{picture}{other}</page>")
    elements = list(page.iter())
    ids = [element.get("id") for element in elements if element.get("id")]
    assert len(ids) == len(set(ids)) > 50
    links = {value for each in elements for key, value in each.attrib.items() if key.endswith("href")}
    assert links
    assert {link[0] for link in links} == {"#"}
    assert {link[1:] for link in links} <= set(ids)
    assert page[0].get("aria-label") == 'a "b" <c>'
    assert not {"width", "height"} & page[0].attrib.keys()  # the page decides
    assert "false positive rate" in {element.text for element in elements}  # text is text
    assert "0.12345" in {element.text for element in elements}  # only coordinates are rounded
    assert "#000000" not in picture
    assert "<style" not in picture


def test_values_that_cannot_be_drawn_are_said() -> None:
    figure = ml.Metric("exp(exp(TP/8))").plot()
    assert figure.axes[0].texts[0].get_text().startswith("values up to ")
