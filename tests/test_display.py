"""What a notebook shows: well-formed, complete, and nothing of a user's text as markup."""

from __future__ import annotations

from html import escape
from xml.etree import ElementTree

import metricloss as ml


def shown(thing: ml.Metric | ml.Loss) -> ElementTree.Element:
    return ElementTree.fromstring(thing._repr_html_())


def text(element: ElementTree.Element) -> str:
    return "".join(element.itertext()).replace("\N{NO-BREAK SPACE}", " ")


def test_a_metric_shows_formula_slopes_and_analysis() -> None:
    recall = ml.catalogue["recall"]
    element = shown(recall)
    formulas = [text(formula) for formula in element.iter("math")]
    assert formulas == [
        "recall=TPFN+TP",
        "loss=1−recall",
        "recall=TPP",
        "slope on a positive=1P",
        "slope on a negative=0",
    ]
    rows = [[text(cell) for cell in row] for row in element.iter("tr")]
    assert rows == [
        [each.topic, "⚠ " * each.is_warning + each.text, "proved" if each.is_proved else "sampled"]
        for each in recall.analysis
    ]
    assert sum("⚠" in row[1] for row in rows) == 1


def test_a_loss_shows_how_it_is_called() -> None:
    loss = ml.compile("mcc", "numpy", relaxation="p**2*(3 - 2*p)")
    html = loss._repr_html_()
    assert escape(loss.emitted.backend.call) in html
    assert "relaxed by" in text(shown(loss))
    assert loss.metric._repr_html_() in html
    assert "sampled" not in html


def test_what_is_sampled_says_so() -> None:
    assert "sampled" in text(shown(ml.catalogue["mutual_information"]))


def test_other_forms_stay() -> None:
    assert ml.catalogue["f1"]._repr_latex_().startswith("$f_{1} = ")
