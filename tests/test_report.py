"""The report, opened in Chromium: its tabs, its copy buttons, what it asks for, how it looks on a phone.

Without Chromium, its driver or one of the packages these tests skip; where CI is set they fail.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import metricloss as ml
from metricloss import report as reporting
from metricloss.backend import all_backends, backend_names
from metricloss.cli import main
from metricloss.compiler import misfit
from metricloss.errors import MissingFrameworkError
from metricloss.recipe import Recipe, recipe_of

pytestmark = pytest.mark.checkout

PACKAGES = ("numpy", "matplotlib", "jinja2", "pygments", "selenium")
CUSTOM = "(b*TP/P + sqrt(TP/P))/(1 + b)"  # trivially optimised, so the page has warnings
OPTIONS = {
    "f1": {},
    "mcc": {"relaxation": "AnyLoss(30)", "from_logits": False},
    "custom": {"relaxation": "AnyLoss(10)", "task": "multiclass", "average": "macro", "ignore_index": 255},
}
WORDS = {
    "f1": ["f1"],
    "mcc": ["mcc", "--prevalence", "1/100", "--relaxation", "AnyLoss(30)", "--probabilities"],
    "custom": [
        *(
            CUSTOM,
            "--name",
            "custom",
            "--param",
            "b=2",
            "--zero-division",
            "1/2",
            "--relaxation",
            "AnyLoss(10)",
        ),
        *("--task", "multiclass", "--average", "macro", "--ignore-index", "255"),
    ],
}


def metric(name: str) -> ml.Metric:
    return ml.Metric(CUSTOM, name, zero_division=0.5, b=2) if name == "custom" else ml.Metric(name)


def needed(what: str, is_there: bool) -> None:
    if not is_there:
        (pytest.fail if "CI" in os.environ else pytest.skip)(f"{what} is not installed")


@pytest.fixture(scope="module", autouse=True)
def packages() -> None:
    for package in PACKAGES:
        needed(package, find_spec(package) is not None)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A headless Chromium that keeps what it is asked for and what it complains of."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    needed("chromium with chromedriver", bool(program and driver))
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service

    options = ChromeOptions()
    options.binary_location = program
    folder = tmp_path_factory.mktemp("profile")
    for argument in ("headless=new", "no-sandbox", "disable-dev-shm-usage", f"user-data-dir={folder}"):
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    chrome = Chrome(options=options, service=Service(driver))
    chrome.view = None
    chrome.execute_cdp_cmd("Browser.grantPermissions", {"permissions": ["clipboardReadWrite"]})
    try:
        yield chrome
    finally:
        chrome.quit()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The reports of three metrics, written by the command line."""
    folder = tmp_path_factory.mktemp("pages")
    paths = {name: folder / f"{name}.html" for name in WORDS}
    for name, path in paths.items():
        assert main(["report", *WORDS[name], "-o", str(path)]) == 0
    return paths


@pytest.fixture(scope="module", params=WORDS)  # so that pytest runs the tests of a page together
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def page(browser: Any, pages: dict[str, Path], name: str) -> Any:
    """The browser at a page, for tests that do not mind what others did to it before."""
    is_open = browser.view == (1200, "light") and browser.current_url == pages[name].as_uri()
    return browser if is_open else opened(browser, pages[name])


def opened(browser: Any, path: Path, *, width: int = 1200, scheme: str = "light") -> Any:
    """The browser at a page, its logs empty before."""
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get("about:blank")
    for log in ("performance", "browser"):
        browser.get_log(log)
    browser.get(path.as_uri())
    browser.view = (width, scheme)
    return browser


def found(page: Any, selector: str) -> list[Any]:
    return page.find_elements("css selector", selector)


# ---- what it asks for


def requested(browser: Any) -> set[str]:
    """The addresses that were asked for since the page was opened, but for data that they hold themselves."""
    messages = [json.loads(line["message"])["message"] for line in browser.get_log("performance")]
    asked = [each["params"] for each in messages if each["method"] == "Network.requestWillBeSent"]
    return {each["request"]["url"] for each in asked if not each["request"]["url"].startswith("data:")}


def test_nothing_is_requested_and_nothing_complained_of(
    browser: Any, pages: dict[str, Path], name: str
) -> None:
    page = opened(browser, pages[name])
    assert requested(page) == {pages[name].as_uri()}
    assert page.get_log("browser") == []


def test_the_log_sees_requests_and_complaints(browser: Any, tmp_path: Path) -> None:
    other = tmp_path / "other.html"
    other.write_text('<link rel="stylesheet" href="a.css"><img src="http://127.0.0.1:1/b.png">')
    opened(browser, other)
    expected = {other.as_uri(), (tmp_path / "a.css").as_uri(), "http://127.0.0.1:1/b.png"}
    assert requested(browser) == expected
    assert browser.get_log("browser") != []


def test_what_the_page_is_made_to_ask_for_is_refused(browser: Any, pages: dict[str, Path]) -> None:
    """The Content-Security-Policy: nothing from elsewhere, and no script but the page's own."""
    opened(browser, pages["f1"])
    browser.execute_async_script(
        """
        const image = new Image();
        image.src = "http://127.0.0.1:1/b.png";
        const script = document.createElement("script");
        script.textContent = "window.hacked = true";
        document.body.append(image, script);
        fetch("http://127.0.0.1:1/c.json").catch(() => {}).then(arguments[0]);
        """
    )
    assert browser.execute_script("return window.hacked") is None
    complaints = " ".join(line["message"] for line in browser.get_log("browser"))
    for directive in ("img-src data:", "script-src 'sha256-", "default-src 'none'"):
        assert directive in complaints


# ---- what stands in it


def test_its_parts_have_headings_in_order(page: Any, name: str) -> None:
    headings = [(each.tag_name, each.text) for each in found(page, "h1, h2")]
    parts = ["Loss", "Slopes", "Analysis", "Pictures", "Derivation", "Source"]
    assert headings == [("h1", name), *(("h2", part) for part in parts)]
    assert page.title == f"{name}: from metric to loss"
    assert found(page, "html")[0].get_attribute("lang") == "en"
    links = [link.get_attribute("href") for link in found(page, "nav a")]
    assert [link.partition("#")[2] for link in links] == [part.lower() for part in parts]
    assert all(found(page, f"section#{part.lower()}") for part in parts)


def test_the_formula_is_set_by_the_browser(browser: Any, pages: dict[str, Path]) -> None:
    opened(browser, pages["f1"])
    (formula,) = found(browser, "header math")
    assert formula.text.split() == ["f1", "=", "2", "·", "TP", "FN", "+", "FP", "+", "2", "·", "TP"]
    above, below = found(formula, "mfrac > *")
    assert above.rect["y"] + above.rect["height"] <= below.rect["y"] + 1
    slopes = [re.sub(r"\s", "", line.text) for line in found(browser, "#slopes math")]
    assert slopes == ["d=FN+FP+2·TP", "f1=2·TPd", "slopeonapositive=2−f1d", "slopeonanegative=−f1d"]


def test_the_derivation_has_every_step(page: Any, name: str) -> None:
    derivation = ml.compile(metric(name), "numpy", **OPTIONS[name]).derivation
    steps = found(page, "ol.steps > li")
    assert [found(step, "strong")[0].text for step in steps] == [step.title for step in derivation.steps]
    for step, shown in zip(derivation.steps, steps, strict=True):
        equations = [equation for line in step.lines for equation in re.split("[,;]  ", line)]
        assert len(found(shown, "math")) == len(equations)


def test_findings_say_how_they_are_known(page: Any, name: str) -> None:
    rows = found(page, "#analysis tbody tr")
    for row, finding in zip(rows, metric(name).analysis, strict=True):
        topic, text, known = (cell.text for cell in found(row, "th, td"))
        assert (topic, text) == (finding.topic, f"{'warning ' * finding.is_warning}{finding.text}")
        assert known == ("proved" if finding.is_proved else "sampled")
    assert bool(found(page, ".warnings")) == (name == "custom")


def test_warnings_stand_on_top(browser: Any, pages: dict[str, Path]) -> None:
    opened(browser, pages["custom"])
    (box,) = found(browser, ".warnings")
    assert "predicting everything positive reaches its best value" in box.text
    assert box.rect["y"] < found(browser, "h2")[0].rect["y"]


def test_ids_are_one_each_and_what_is_referred_to_is_there(page: Any) -> None:
    ids, references = page.execute_script(
        """
        const all = [...document.querySelectorAll("*")];
        const attributes = all.flatMap(element => [...element.attributes]);
        const values = pattern => attributes.filter(a => pattern.test(a.name)).map(a => a.value);
        const links = values(/href$/).filter(link => link[0] === "#").map(link => link.slice(1));
        const inside = values(/./).flatMap(text => text.match(/(?<=url\\(#)[^)]*/g) || []);
        const said = values(/^(aria-(controls|labelledby)|data-of)$/);
        return [all.map(element => element.id).filter(Boolean), [...links, ...inside, ...said]];
        """
    )
    assert len(ids) == len(set(ids))
    assert set(references) <= set(ids)
    assert len(references) > 100


def test_pictures_have_names_and_the_prevalence(page: Any, name: str) -> None:
    pictures = found(page, "figure svg[role=img]")
    titles = [picture.get_attribute("aria-label") for picture in pictures]
    assert titles[:5] == [name, "n · slope on a positive", "n · slope on a negative", "h(p)", "h′(p)"]
    share = "0.01" if name == "mcc" else "0.5"
    assert titles[5] == f"gradient of the loss, 1000 entries, {share} of them positive"
    assert f"at prevalence {share}." in found(page, "figcaption")[0].text
    assert all(picture.size["width"] > 250 and picture.size["height"] > 150 for picture in pictures)


# ---- tabs


def state(page: Any) -> tuple[str, str, list[str]]:
    """The selected tab, the panel that is seen, and the tabs that the Tab key reaches."""
    tabs, panels = found(page, "[role=tab]"), found(page, "[role=tabpanel]")
    (selected,) = [tab for tab in tabs if tab.get_attribute("aria-selected") == "true"]
    (seen,) = [panel for panel in panels if panel.is_displayed()]
    assert selected.get_attribute("aria-controls") == seen.get_attribute("id")
    assert seen.get_attribute("aria-labelledby") == selected.get_attribute("id")
    reached = [tab.text for tab in tabs if tab.get_attribute("tabindex") == "0"]
    return selected.text, found(seen, "pre")[0].get_attribute("aria-label"), reached


def test_tabs_switch_by_click(browser: Any, pages: dict[str, Path]) -> None:
    page = opened(browser, pages["f1"])
    for tab, backend in zip(found(page, "[role=tab]"), all_backends(), strict=True):
        tab.click()
        assert state(page) == (tab.text, f"source for {backend.title}", [tab.text])


def test_tabs_switch_by_keys(browser: Any, pages: dict[str, Path]) -> None:
    from selenium.webdriver.common.keys import Keys

    page = opened(browser, pages["f1"])
    titles = [backend.title for backend in all_backends()]
    titles[0], last = "The array API", len(titles) - 1
    assert titles[1:4] == ["CatBoost", "JAX", "Keras"]
    assert [tab.text for tab in found(page, "[role=tab]")] == titles
    found(page, "[role=tab]")[0].click()
    right, left, end, home = Keys.ARROW_RIGHT, Keys.ARROW_LEFT, Keys.END, Keys.HOME
    steps = (right, 1), (right, 2), (left, 1), (end, last), (right, 0), (left, last), (home, 0)
    for key, expected in steps:
        page.switch_to.active_element.send_keys(key)
        focused = page.switch_to.active_element
        assert focused.text == titles[expected]
        assert state(page)[::2] == (titles[expected], [titles[expected]])
    assert focused.value_of_css_property("outline-style") == "solid"
    assert float(focused.value_of_css_property("outline-width").removesuffix("px")) >= 2
    focused.send_keys(Keys.ARROW_DOWN)  # scrolls, as everywhere
    assert state(page)[0] == titles[0]


def test_keys_go_on_from_tab_to_copy_to_source(browser: Any, pages: dict[str, Path]) -> None:
    from selenium.webdriver.common.keys import Keys

    opened(browser, pages["f1"], width=360)
    found(browser, "[role=tab]")[2].click()
    reached = []
    for _ in range(2):
        browser.switch_to.active_element.send_keys(Keys.TAB)
        reached.append(browser.switch_to.active_element)
    assert [each.tag_name for each in reached] == ["button", "pre"]
    assert [each.is_displayed() for each in reached] == [True, True]


# ---- copy


def copy(page: Any, number: int) -> None:
    found(page, "[role=tab]")[number].click()
    found(page, "[role=tabpanel] button.copy")[number].click()


def clipboard(page: Any) -> str:
    return page.execute_async_script("navigator.clipboard.readText().then(arguments[0], arguments[0])")


def told(page: Any) -> str:
    from selenium.webdriver.support.wait import WebDriverWait

    status = found(page, "[role=status]")[0]
    return WebDriverWait(page, 5, poll_frequency=0.1).until(lambda _: status.get_attribute("textContent"))


def test_copy_copies_the_source(page: Any, name: str) -> None:
    recipe = recipe_of(metric(name), **OPTIONS[name])
    backends = [backend for backend in all_backends() if not misfit(recipe, backend)]
    assert len(found(page, "button.copy")) == len(backends)
    for number, backend in enumerate(backends):
        copy(page, number)
        told(page)
        assert clipboard(page) == ml.emit(metric(name), backend, **OPTIONS[name]).text
        assert found(page, "button.copy")[number].text == "Copied"


#: What browsers of which a page that is a file is refused the clipboard have instead of it.
NO_CLIPBOARD = "Object.defineProperty(navigator, 'clipboard', {value: undefined, configurable: true});"


def test_copy_without_a_clipboard_for_pages(browser: Any, pages: dict[str, Path]) -> None:
    opened(browser, pages["f1"])
    browser.execute_script(NO_CLIPBOARD)
    copy(browser, backend_names().index("torch"))
    assert told(browser) == "The source for PyTorch is copied."
    assert browser.switch_to.active_element.text == "Copied"
    assert not found(browser, "textarea")
    browser.execute_script("delete navigator.clipboard")
    assert clipboard(browser) == ml.emit("f1", "torch").text


def test_where_nothing_can_be_copied_it_says_so(browser: Any, pages: dict[str, Path]) -> None:
    opened(browser, pages["f1"])
    browser.execute_script(NO_CLIPBOARD + "document.execCommand = () => false")
    copy(browser, 0)
    assert told(browser).startswith("The browser does not let this page copy")
    assert found(browser, "button.copy")[0].text == "Not copied"


# ---- how it looks


def test_it_fits_a_phone(browser: Any, pages: dict[str, Path], name: str) -> None:
    opened(browser, pages[name], width=360)
    width = browser.execute_script("return document.documentElement.scrollWidth")
    assert width == 360
    wider = browser.execute_script(
        """
        const beyond = element => element.getBoundingClientRect().right > 361 && !element.closest(".wide");
        const all = [...document.querySelectorAll("body *:not(.unseen)")];
        return all.filter(beyond).map(element => element.outerHTML);
        """
    )
    assert wider == []
    assert all(picture.size["width"] > 250 for picture in found(browser, "svg"))


def test_what_scrolls_is_reached_by_keys(browser: Any, pages: dict[str, Path]) -> None:
    opened(browser, pages["custom"], width=360)
    scrolling, reached = browser.execute_async_script(
        """
        const boxes = [...document.querySelectorAll(".wide")].filter(box => box.scrollWidth > box.clientWidth);
        requestAnimationFrame(() => requestAnimationFrame(
          () => arguments[0]([boxes.length, boxes.filter(box => box.tabIndex === 0).length])));
        """
    )
    assert scrolling == reached > 3


#: The contrast of each text with what is behind it (WCAG 2, 1.4.3), and the least of them.
CONTRAST = """
const numbers = colour => (colour.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
const over = ([r, g, b, a = 1], below) => [r, g, b].map((c, i) => a * c + (1 - a) * below[i]);
const linear = c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
const behind = element => element
  ? over(numbers(getComputedStyle(element).backgroundColor), behind(element.parentElement)) : [255, 255, 255];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const found = [];
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || element.closest("script")) continue;
  const back = behind(element), style = getComputedStyle(element);
  const ink = over(numbers(element.closest("svg") ? style.fill : style.color), back);
  const [low, high] = [light(ink), light(back)].sort((a, b) => a - b);
  found.push([(high + 0.05) / (low + 0.05), walker.currentNode.data.trim().slice(0, 40)]);
}
return [found.length, found.sort((a, b) => a[0] - b[0])[0], behind(document.body)];
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out(browser: Any, pages: dict[str, Path], name: str, scheme: str) -> None:
    opened(browser, pages[name], scheme=scheme)
    number, (least, text), page = browser.execute_script(CONTRAST)
    assert number > 2000
    assert least >= 4.5, text
    assert (sum(page) < 3 * 60) == (scheme == "dark")


def test_the_check_of_contrast_can_fail(browser: Any, tmp_path: Path) -> None:
    other = tmp_path / "other.html"
    other.write_text('<body style="background: #fff; color: #777"><p>a<b style="background: #ff0">b</b>')
    number, (least, text), _ = opened(browser, other).execute_script(CONTRAST)
    assert (number, text) == (2, "b")
    assert least == pytest.approx(4.174, abs=0.01)  # by WebAIM's contrast checker


def test_without_scripts_everything_is_there(browser: Any, pages: dict[str, Path]) -> None:
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        opened(browser, pages["f1"])
        assert [panel.is_displayed() for panel in found(browser, "[role=tabpanel]")] == [True] * len(
            backend_names()
        )
        assert [heading.text for heading in found(browser, "[role=tabpanel] h3")] == [
            backend.title for backend in all_backends()
        ]
        assert not any(each.is_displayed() for each in found(browser, "[role=tab], button.copy"))
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_printed_it_is_light_and_has_every_source(browser: Any, pages: dict[str, Path]) -> None:
    opened(browser, pages["f1"])
    features = [{"name": "prefers-color-scheme", "value": "dark"}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": features})
    try:
        assert [panel.is_displayed() for panel in found(browser, "[role=tabpanel]")] == [True] * len(
            backend_names()
        )
        assert not any(each.is_displayed() for each in found(browser, "[role=tab], button.copy, nav"))
        assert found(browser, "body")[0].value_of_css_property("background-color") == "rgba(255, 255, 255, 1)"
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


# ---- what others wrote

HOSTILE = """x"'><img src=a onerror="window.hacked=1"><script>window.hacked=1</script>{{ 7*7 }}&amp;"""


def test_what_others_wrote_stays_text(browser: Any, tmp_path: Path) -> None:
    """Names and texts as no check lets them through, in every place where one may stand."""
    relaxation = ml.Relaxation.known(ml.Soft().expression, HOSTILE, HOSTILE)
    evil = ml.Metric("TP/PP*c*2", "evil", c=0.5)
    object.__setattr__(evil, "name", HOSTILE)
    object.__setattr__(evil, "parameters", ((HOSTILE, HOSTILE),))
    path = tmp_path / "evil.html"
    path.write_text(reporting.report(Recipe(evil, relaxation)), "utf-8")
    opened(browser, path)
    assert browser.execute_script("return window.hacked") is None
    assert requested(browser) == {path.as_uri()}
    assert browser.get_log("browser") == []
    assert not found(browser, "img")
    assert len(found(browser, "script")) == 1
    assert found(browser, "h1")[0].text == HOSTILE
    assert browser.title == f"{HOSTILE}: from metric to loss"
    facts = found(browser, "dt, dd")
    assert sum(HOSTILE in fact.text for fact in facts) == 3
    for number, backend in enumerate(all_backends()):
        code = found(browser, f"#code-{number + 1}")[0].get_attribute("textContent")
        assert code == reporting.source_of(Recipe(evil, relaxation), backend).text


# ---- the command, and the function


def test_the_page_is_the_same_each_time_and_its_parts_are_counted(pages: dict[str, Path]) -> None:
    ticks: list[None] = []
    assert reporting.report(recipe_of("f1"), tick=lambda: ticks.append(None)) == pages["f1"].read_text("utf-8")
    assert len(ticks) == len(reporting.PARTS)


@pytest.fixture
def run(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str]]:
    """Exit code and stderr of `metricloss report` in an empty folder; stdout stays empty."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[int, str]:
        code = main(["report", *words])
        out, err = capsys.readouterr()
        assert out == ""
        return code, err

    return run


def test_the_file_is_called_by_the_metric_and_not_replaced_unasked(
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporting, "report", lambda recipe, **_: f"the page of {recipe.metric.name}")
    assert run("accuracy") == (0, "wrote accuracy.html: accuracy\n")
    path = tmp_path / "accuracy.html"
    assert path.read_text() == "the page of accuracy"
    path.write_text("mine")
    code, err = run("accuracy")
    assert (code, path.read_text()) == (2, "mine")
    assert err.startswith("metricloss: accuracy.html exists and was left as it is\n")
    assert run("accuracy", "--force") == (0, "wrote accuracy.html: accuracy\n")
    assert path.read_text() == "the page of accuracy"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["f1", "--prevalence", "1.5"], "prevalence=1.5: give the share of positives, between 0 and 1"),
        (["f1", "--prevalence", "often"], "often"),
        (["P/n"], "depends on the labels only"),
    ],
)
def test_mistakes_write_nothing(run, tmp_path: Path, words: list[str], expected: str) -> None:
    code, err = run(*words)
    assert code == 2
    assert expected in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("package", ["matplotlib", "jinja2", "pygments"])
def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    there = find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == package else there(name))
    with pytest.raises(MissingFrameworkError, match=rf"^{package} is not .*\nInstall it: pip .*\[report\]'$"):
        reporting.report(recipe_of("f1"))
