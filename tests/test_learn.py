"""Learned losses: what is drawn and judged, soft ranks, the closed form, what is saved, what is refused."""

import builtins
import importlib.util
import json
import math
from dataclasses import replace
from functools import partial

import pytest

np = pytest.importorskip("numpy")
torch = pytest.importorskip("torch")
pytest.importorskip("diffsort")
stats = pytest.importorskip("scipy.stats")
expit = pytest.importorskip("scipy.special").expit
sklearn_metrics = pytest.importorskip("sklearn.metrics")

import metricloss as ml  # noqa: E402  what it needs is looked for first
from metricloss import errors, learn  # noqa: E402  as above
from metricloss.backend import all_backends  # noqa: E402  as above
from metricloss.cli import main  # noqa: E402  as above
from metricloss.learn import batches, closed_form, judge, ranking, relaxing, seeing, training  # noqa: E402
from metricloss.relaxation import p  # noqa: E402

SMALL = {"points": 64, "size": 64, "hidden": 32, "epochs": 3, "progress": False}
TINY = {"points": 8, "size": 16, "hidden": 4, "epochs": 1, "progress": False}


def options(**changed):
    return training.Options(**{**SMALL, "gradient_penalty": 0.1, "seed": 0, **changed})


@pytest.fixture(scope="module")
def f1():
    return learn.relaxation("f1", **SMALL)


@pytest.fixture(scope="module")
def seen():
    return learn.surrogate("f1", **SMALL)


def some_scores(count=400, classes=None):
    rng = np.random.default_rng(3)
    if classes is None:
        y = rng.integers(2, size=count)
        return 2 * y - 1 + rng.normal(size=count), y
    y = rng.integers(classes, size=count)
    return 2 * np.eye(classes)[y] + rng.normal(size=(count, classes)), y


def values_of(relaxation, points):
    return np.array([float(relaxation.expression.subs(p, float(point)).evalf()) for point in points])


# What is learned


def test_a_relaxation_ranks_better_than_before_and_than_the_soft_metric(f1):
    assert max(f1.history) > f1.history[0] + 0.005
    held_out = batches.generated(np.random.default_rng(99), 512, 64)
    judged = judge.judge_of("f1")
    scores, labels = torch.from_numpy(held_out.scores).float(), torch.from_numpy(held_out.labels)
    soft = relaxing.fixed(judged, relaxing.curve_of(ml.Soft()))(scores, labels).numpy()
    ours = relaxing.fixed(judged, relaxing.curve_of(f1.closed_form))(scores, labels).numpy()
    values = judged.values(held_out)
    assert ranking.spearman(ours, values) > ranking.spearman(soft, values) + 0.01
    assert f1.spearman_closed_form == pytest.approx(f1.spearman, abs=0.02)


def test_a_learned_relaxation_is_odd_about_one_half_and_goes_from_0_to_1(f1):
    for point in (0.0, 0.1, 0.37, 0.5):
        assert f1(point) + f1(1 - point) == pytest.approx(1, abs=1e-12)
        assert sum(values_of(f1.closed_form, [point, 1 - point])) == pytest.approx(1, abs=1e-12)
    assert f1(0.0) == pytest.approx(0, abs=1e-12)
    assert f1.network([0.0]) == pytest.approx(0, abs=1e-12)
    assert f1.network([1.0]) == pytest.approx(1, abs=1e-12)


def test_a_curve_that_falls_somewhere_is_made_to_rise_by_a_line_in_its_network():
    torch.manual_seed(0)
    drawn = training.as_network(training.layers(1, 6).double())
    grid = np.linspace(0, 1, relaxing.POINTS)
    wave = grid + 0.2 * np.sin(12 * grid)
    share = relaxing.share_of_p(wave)
    slopes = np.diff((1 - share) * wave + share * grid) * (relaxing.POINTS - 1)
    assert 0 < share < 1
    assert slopes.min() == pytest.approx(relaxing.RISING)
    mixed = relaxing.with_line(drawn, share)
    for point in (0.0, 0.3, 1.0):
        assert mixed([point]) == pytest.approx((1 - share) * drawn([point]) + share * point)


def test_both_forms_of_a_learned_relaxation_compile(f1):
    with pytest.warns(errors.RelaxationWarning, match="not proved"):
        network = ml.compile("f1", "torch", relaxation=f1.network_form)
    closed = ml.compile("f1", "torch", relaxation=f1.closed_form)
    z, y = (torch.from_numpy(each) for each in some_scores())
    assert network(z, y).item() == pytest.approx(closed(z, y).item(), abs=f1.error)


def test_the_stated_error_is_the_largest_distance_from_the_closed_form(f1):
    grid = np.linspace(0, 1, 2001)
    closed = values_of(f1.closed_form, grid[::4])
    network = [f1(float(point)) for point in grid[::4]]
    assert np.abs(np.subtract(closed, network)).max() == pytest.approx(f1.error, abs=1e-3)


def test_equal_seeds_learn_equal_things_and_leave_the_generator_alone():
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    once, again = (learn.relaxation("mcc", **TINY, seed=4) for _ in range(2))
    assert once == again
    assert once.network != learn.relaxation("mcc", **TINY, seed=5).network
    assert torch.equal(before, torch.random.get_rng_state())


def test_scores_of_several_classes_leave_h_free():
    learned = learn.relaxation("accuracy", *some_scores(classes=3), **{**TINY, "epochs": 2})
    assert not learned.is_odd
    loss = ml.compile("accuracy", "torch", relaxation=learned.closed_form, task="multiclass", average="macro")
    scores, y = some_scores(50, classes=3)
    assert math.isfinite(loss(torch.from_numpy(scores), torch.from_numpy(y)))


def test_a_callable_is_judged_by_what_it_gives():
    def wrong(scores, targets):
        return np.mean((scores > 0) != targets)

    learned = learn.relaxation(wrong, direction="minimize", **{**SMALL, "epochs": 1})
    assert learned.name == "wrong"
    assert learned.spearman > 0.85
    assert learn.relaxation(wrong, **TINY).history[0] < -0.5  # which is the better direction it cannot know


def test_a_surrogate_ranks_better_than_before_it_learned(seen):
    untrained = learn.surrogate("f1", **{**SMALL, "epochs": 0})
    assert seen.spearman > max(0.85, untrained.spearman + 0.1)


def test_a_surrogate_is_learned_of_a_callable():
    def precision(scores, targets):
        return sklearn_metrics.average_precision_score(targets, scores)

    learned = learn.surrogate(precision, *some_scores(), **{**TINY, "epochs": 2}, thresholds=[-1, 1], slope=2)
    assert (learned.name, learned.thresholds, learned.slope) == ("precision", (-1.0, 1.0), 2.0)


@pytest.mark.parametrize("is_binary", [True, False])
def test_of_a_callable_the_loss_is_the_mean_over_true_classes(is_binary):
    judged = judge.judge_of(lambda scores, targets: 0.5, is_binary=is_binary)
    curve = torch.linspace(0, 1, relaxing.POINTS, dtype=torch.float64) ** 2
    y = torch.randint(2 if is_binary else 3, (4, 20))
    z = torch.randn(*((4, 20) if is_binary else (4, 20, 3)), dtype=torch.float64)
    if is_binary:
        odd = 0.5 + (curve - curve.flip(0)) / 2
        right = relaxing.loss_through(odd, judged, z, y)
        h = 0.5 + ((p_true := torch.sigmoid((2 * y - 1) * z)) ** 2 - (1 - p_true) ** 2) / 2
    else:
        right = relaxing.loss_through(curve, judged, z, y)
        h = torch.softmax(z, -1).gather(-1, y[..., None])[..., 0] ** 2
    assert right.tolist() == pytest.approx((1 - h.mean(1)).tolist(), abs=1e-5)


# Batches and what a metric says of them


@pytest.mark.parametrize("name", ["accuracy", "f1", "mcc", "error_rate"])
def test_values_of_batches_are_those_of_the_metric(name):
    metric = ml.Metric(name)
    drawn = batches.generated(np.random.default_rng(1), 20, 32)
    expected = [metric(y, (z > 0).astype(int)) for z, y in zip(drawn.scores, drawn.labels, strict=True)]
    assert judge.judge_of(name).values(drawn) == pytest.approx(metric.sign * np.array(expected))


def test_values_of_several_classes_are_averages_over_them():
    scores, y = some_scores(60, classes=3)
    drawn = batches.Batches(scores.reshape(3, 20, 3), y.reshape(3, 20))
    expected = [
        sklearn_metrics.f1_score(labels, z.argmax(1), average="macro")
        for z, labels in zip(drawn.scores, drawn.labels, strict=True)
    ]
    assert judge.judge_of("f1").values(drawn) == pytest.approx(expected)


def test_generated_batches_spread_the_metric_and_hold_both_classes():
    drawn = batches.generated(np.random.default_rng(0), 500, 128)
    values = judge.judge_of("f1").values(drawn)
    assert np.quantile(values, 0.05) < 0.2
    assert np.quantile(values, 0.95) > 0.8
    assert drawn.labels.any(1).all()
    assert not drawn.labels.all(1).any()


def test_held_out_batches_share_no_entry_with_those_learned_from():
    z = np.arange(100.0) - 50
    (within, outside), is_binary = batches.given(z, (z > 0).astype(int))
    rng = np.random.default_rng(0)
    drawn = [set(draw(rng, 200, 20).scores.ravel()) for draw in (within, outside)]
    assert is_binary
    assert not drawn[0] & drawn[1]
    assert drawn[0] | drawn[1] == set(z)


def test_half_of_the_batches_keep_their_labels():
    z, y = some_scores(200)
    label_of = dict(zip(z, y, strict=True))
    (within, _), _ = batches.given(z, y)
    drawn = within(np.random.default_rng(0), 400, 64)
    kept = [
        [label_of[score] for score in scores] == list(labels)
        for scores, labels in zip(drawn.scores, drawn.labels, strict=True)
    ]
    assert 0.4 < np.mean(kept) < 0.6


# The objective


def test_spearman_is_scipys():
    rng = np.random.default_rng(0)
    losses, values = rng.normal(size=40), rng.integers(5, size=40) / 5
    assert ranking.spearman(losses, values) == pytest.approx(stats.spearmanr(-losses, values).statistic)
    assert ranking.spearman(np.ones(40), values) == 0


def test_soft_spearman_is_close_to_spearman_and_rises_with_it():
    values = np.random.default_rng(0).normal(size=64)
    correlation = ranking.SoftSpearman(64)
    for noise in (0.0, 0.5, 3.0):
        numbers = values + noise * np.random.default_rng(1).normal(size=64)
        soft = correlation(torch.tensor(numbers, dtype=torch.float32), ranking.ranks_of(values)).item()
        assert soft == pytest.approx(stats.spearmanr(numbers, values).statistic, abs=0.05)


def test_unevenness_is_the_gradient_penalty_at_the_best_scale():
    scores = torch.tensor([[0.3, -2.0, 1.0]], dtype=torch.float64, requires_grad=True)
    losses = torch.sigmoid(scores).mean(1)
    (gradient,) = torch.autograd.grad(losses.sum(), scores, retain_graph=True)
    sizes = gradient.abs().numpy()
    best = min(((c * sizes - 1) ** 2).mean() for c in np.linspace(0, 40, 4001))
    assert ranking.unevenness(losses, scores).item() == pytest.approx(best, abs=1e-5)
    assert ranking.unevenness(scores.mean(1), scores).item() == pytest.approx(0, abs=1e-12)


def test_unevenness_of_several_classes_is_by_entry():
    scores = torch.eye(2, dtype=torch.float64)[None].requires_grad_()
    losses = (scores * torch.tensor([3.0, 4.0])).sum((1, 2))
    assert ranking.unevenness(losses, scores).item() == pytest.approx(0, abs=1e-12)


def test_soft_counts_through_a_line_are_those_of_the_emitted_loss():
    loss = ml.compile("f1", "torch")
    z, y = torch.randn(3, 20, dtype=torch.float64), torch.randint(2, (3, 20))
    line = torch.linspace(0, 1, relaxing.POINTS, dtype=torch.float64)
    ours = torch.stack(relaxing.soft_counts(line, z, y), 1)
    for row, scores, labels in zip(ours, z, y, strict=True):
        assert row.tolist() == pytest.approx([cell.item() for cell in loss.soft_counts(scores, labels)])


@pytest.mark.parametrize("average", ["macro", "micro"])
def test_losses_of_several_classes_are_those_of_the_emitted_loss(average):
    loss = ml.compile("recall", "torch", task="multiclass", average=average)
    judged = replace(judge.judge_of("recall"), is_pooled=average == "micro")
    z, y = torch.randn(4, 30, 3, dtype=torch.float64), torch.randint(3, (4, 30))
    line = torch.linspace(0, 1, relaxing.POINTS, dtype=torch.float64)
    ours = relaxing.loss_through(line, judged, z, y)
    assert ours.tolist() == pytest.approx([loss(s, t).item() for s, t in zip(z, y, strict=True)])


def test_features_are_what_the_surrogate_says():
    thresholds, slope = [-1.0, 0.5], 3.0
    z, y = torch.randn(3, 10, dtype=torch.float64), torch.randint(2, (3, 10))
    y[2] = 0  # no positives: those quotients are 0
    found = seeing.features(z, y, torch.tensor(thresholds, dtype=torch.float64), slope)
    for row, scores, labels in zip(found.tolist(), z.tolist(), y.tolist(), strict=True):
        pairs = list(zip(scores, labels, strict=True))
        expected = []
        for label in (1, 0):
            own = [score for score, its in pairs if its == label]
            for t in thresholds:
                total = math.fsum(1 / (1 + math.exp(-slope * (score - t))) for score in own)
                expected.append(total / len(own) if own else 0.0)
        assert row == pytest.approx([*expected, sum(labels) / len(labels)])


def test_a_network_is_the_same_in_numbers(seen):
    torch.manual_seed(0)
    sequence = training.layers(3, 5).double()
    network = training.as_network(sequence, before=(2.0, -1.0), after=(0.5, 3.0))
    x = torch.randn(4, 3, dtype=torch.float64)
    expected = 0.5 * (sequence(2 * x - 1)[:, 0] + 3)
    assert [network(row) for row in x.tolist()] == pytest.approx(expected.tolist())


# The closed form

CURVES = {
    "smoothstep": (lambda x: x * x * (3 - 2 * x), True),
    "amplified": (lambda x: 1 / (1 + np.exp(-12 * (x - 0.5))), True),
    "square": (lambda x: x**2, False),
    "a step": (lambda x: (x > 0.5) + 0.5 * (x == 0.5), True),
}


@pytest.mark.parametrize("name", CURVES)
def test_a_closed_form_is_monotone_within_0_and_1_and_as_far_off_as_it_says(name):
    curve, is_odd = CURVES[name]
    grid = np.linspace(0, 1, 401)
    found, error = closed_form.closed_form(grid, curve(grid), tolerance=0.01, is_odd=is_odd)
    values = values_of(found, grid)
    assert np.abs(values - curve(grid)).max() == pytest.approx(error, rel=1e-6)
    assert (np.diff(values) >= 0).all()
    assert values[0] >= 0
    assert values[-1] <= 1
    weights = [term.as_coeff_Mul()[0] for term in found.expression.as_ordered_terms()]
    assert sum(weights) == 1
    assert all(weight > 0 for weight in weights)
    if is_odd:
        assert values + values[::-1] == pytest.approx(1, abs=1e-12)
    assert error < (0.5 if name == "a step" else 0.01)  # a step is half-way at its own place


def test_a_closed_form_has_the_fewer_terms_the_farther_it_may_be():
    grid = np.linspace(0, 1, 401)
    values = 0.5 * expit(16 * (grid - 0.3)) + 0.3 * expit(24 * (grid - 0.71)) + 0.2 * grid**2
    found = [
        closed_form.closed_form(grid, values, tolerance=tolerance, is_odd=False)[0]
        for tolerance in (0.05, 0.005)
    ]
    terms = [len(h.expression.as_ordered_terms()) for h in found]
    assert terms[0] < terms[1] <= 8


def test_the_closed_form_of_a_mixture_is_that_mixture():
    grid = np.linspace(0, 1, 401)
    amplified, error = closed_form.closed_form(grid, expit(12 * (grid - 0.5)), tolerance=0.005, is_odd=True)
    assert amplified.expression == p / 100 + 99 * ml.AnyLoss(12).expression / 100
    assert error < 0.005


@pytest.fixture(scope="module")
def steep():
    grid = np.linspace(0, 1, 401)
    found, _ = closed_form.closed_form(grid, CURVES["a step"][0](grid), tolerance=0.01, is_odd=True)
    return found


@pytest.mark.parametrize("backend", ["torch", "numpy"])
def test_the_steepest_keeps_its_digits_in_float32(steep, backend):
    z = np.concatenate([np.linspace(-20, 20, 41)] * 2 + [np.repeat([1.5, -2], [30, 50])])
    y = np.concatenate([np.repeat([0.0, 1.0], 41), np.repeat([1.0, 0.0], [30, 50])])
    loss = ml.compile("f1", backend, relaxation=steep)

    def gradient(dtype):
        if backend == "numpy":
            return loss.value_and_grad(y, z.astype(dtype))[1]
        scores = torch.tensor(z.astype(dtype), requires_grad=True)
        loss(scores, torch.tensor(y)).backward()
        return scores.grad.numpy()

    narrow, wide = gradient("float32"), gradient("float64")
    assert (wide != 0).all()
    np.testing.assert_allclose(narrow, wide, rtol=1e-4)
    steps = 1e-6 * np.eye(len(z))[::9]
    ups, downs = (
        [loss(*((torch.tensor(z + way * step), torch.tensor(y)) if backend == "torch" else (y, z + way * step)))
         for step in steps] for way in (1, -1)
    )  # fmt: skip
    differences = [(float(up) - float(down)) / 2e-6 for up, down in zip(ups, downs, strict=True)]
    assert wide[::9] == pytest.approx(differences, abs=1e-8)


@pytest.mark.parametrize("backend", [backend.name for backend in all_backends()])
def test_every_backend_takes_a_closed_form(steep, backend):
    text = ml.emit("f1", backend, relaxation=steep).text
    assert str(steep.expression) in " ".join(text.split())
    compile(text, backend, "exec")


def test_the_text_of_a_closed_form_makes_it_again(f1):
    again = ml.Relaxation(str(f1.closed_form.expression))  # a warning that it is not proved would be an error
    assert again == f1.closed_form
    assert again.slope == f1.closed_form.slope
    assert ml.emit("f1", "torch", relaxation=str(f1.closed_form.expression)).text == (
        ml.emit("f1", "torch", relaxation=f1.closed_form).text
    )


def test_a_learned_relaxation_compiles_as_its_closed_form(f1):
    assert ml.emit("f1", "numpy", relaxation=f1).text == ml.emit("f1", "numpy", relaxation=f1.closed_form).text


def test_baselines_stand_beside_what_was_learned(f1, seen):
    names = ["cross-entropy", "Soft()", "AnyLoss(10)", "AnyLoss(30)"]
    assert [name for name, _ in f1.baselines] == [name for name, _ in seen.baselines] == names
    assert f1.spearman > max(rho for name, rho in f1.baselines if name in ("cross-entropy", "Soft()"))


def test_cross_entropy_among_the_baselines_is_torchs():
    scores, y = some_scores(60, classes=3)
    z, y = torch.from_numpy(scores).reshape(3, 20, 3), torch.from_numpy(y).reshape(3, 20)
    expected = [torch.nn.functional.cross_entropy(*each).item() for each in zip(z, y, strict=True)]
    assert relaxing.entropy(z, y).tolist() == pytest.approx(expected)


def test_a_closed_form_that_is_farther_than_asked_for_is_told_of():
    with pytest.warns(errors.RelaxationWarning, match="farther than tolerance"):
        learn.relaxation("f1", **TINY, tolerance=1e-9)


def test_scores_that_look_like_probabilities_are_told_of():
    with pytest.warns(errors.MetricLossWarning, match="give logits"):
        learn.relaxation("f1", np.linspace(0, 1, 40), np.arange(40) % 2, **TINY)


def test_thresholds_beyond_all_scores_teach_nothing():
    with pytest.raises(errors.LearningError, match="of every batch"):
        learn.surrogate("f1", thresholds=[1e9], **{**TINY, "points": 4, "size": 2, "epochs": 0})


# Saved and loaded


def test_what_is_saved_is_loaded_to_the_last_digit(f1, seen, tmp_path):
    for learned in (f1, seen):
        path = learned.save(tmp_path / f"{type(learned).__name__}.json")
        assert learn.load(path) == learned
        with pytest.raises(errors.OutputExistsError, match="exists"):
            learned.save(path)
        learned.save(path, force=True)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda found: found.pop("metricloss"), "nothing in it was learned"),
        (lambda found: found.update(metricloss=["relaxation"]), "nothing in it was learned"),
        (lambda found: found.update(version=7), "of version 7"),
        (lambda found: found.update(closed_form="__import__(1)"), "means nothing|not a function"),
        (lambda found: found.update(closed_form="1 - p"), "decreases"),
        (lambda found: found.update(closed_form=3), "closed_form is no text"),
        (lambda found: found.update(network=[]), "no list of layers"),
        (lambda found: found.update(network=[[[[1.0]], 2]]), "no pair of weights"),
        (lambda found: found.update(network=[[[["1"]], [2.0]]]), "holds 1, which is no finite number"),
        (lambda found: found.update(network=[[[[1.0], [2.0]], [2.0]]]), "takes 2 numbers"),
        (lambda found: found.update(network=[[[[1.0]], [2.0, 3.0]]]), "layer 1"),
        (lambda found: found.update(error=True), "error holds True"),
        (lambda found: found.update(error=10**400), "which is no finite number"),
        (lambda found: found.update(closed_form="sigmoid(z)"), "not written in p"),
        (lambda found: found.update(network=[[[[-5.0]], [3.0]]]), "not 0 at 0"),
        (lambda found: found.update(baselines=[["Soft()"]]), "no list of pairs"),
        (lambda found: found.update(error=float("inf")), "holds Infinity"),
        (lambda found: found.update(history=0.5), "history is no list"),
        (lambda found: found.update(is_odd=1), "neither true nor false"),
        (lambda found: found.pop("name"), "name is no text"),
    ],
)
def test_a_file_that_is_wrong_is_refused(f1, tmp_path, change, words):
    path = f1.save(tmp_path / "learned.json")
    found = json.loads(path.read_text())
    change(found)
    path.write_text(json.dumps(found))
    with pytest.raises(errors.SavedFileError, match=words) as raised:
        learn.load(path)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize("text", ["", "f1", "[" * 100_000, "[1, 2]", "null", '{"metricloss": {}}'])
def test_a_file_of_something_else_is_refused(tmp_path, text):
    path = tmp_path / "learned.json"
    path.write_text(text)
    with pytest.raises(errors.SavedFileError):
        learn.load(path)


def test_thresholds_that_do_not_rise_are_refused(seen, tmp_path):
    path = seen.save(tmp_path / "learned.json")
    found = json.loads(path.read_text())
    path.write_text(json.dumps(found | {"thresholds": found["thresholds"][::-1]}))
    with pytest.raises(errors.SavedFileError, match="do not rise"):
        learn.load(path)


# The command line


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setattr(learn, "relaxation", partial(learn.relaxation, **TINY))


def test_the_command_prints_what_emit_takes(tiny, capsys, tmp_path):
    path = tmp_path / "learned.json"
    assert main(["learn", "F beta", "--param", "beta=2", "--seed", "3", "-o", str(path)]) == 0
    printed = capsys.readouterr()
    learned = learn.load(path)
    assert printed.out == f"{learned.closed_form.expression}\n"
    assert f"{learned.spearman:.4f}, of the closed form {learned.spearman_closed_form:.4f}" in printed.err
    assert main(["emit", "f1", "--backend", "numpy", "--relaxation", printed.out]) == 0


def test_the_command_overwrites_nothing(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(learn, "relaxation", lambda *_, **__: pytest.fail("time was spent"))
    path = tmp_path / "learned.json"
    path.write_text("mine")
    assert main(["learn", "f1", "-o", str(path)]) == 2
    assert "exists" in capsys.readouterr().err
    assert path.read_text() == "mine"


# What is refused, before time is spent


def raising(scores, targets):
    raise KeyError("no such column")


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        (raising, r"raising\(scores, targets\) raised KeyError: 'no such column'"),
        (lambda tp, fp, fn, tn: tp, "Metric\\(formula\\)"),
        (lambda scores, targets: math.nan, "gave nan on a batch of 16 entries"),
        (lambda scores, targets: "high", "gave 'high'"),
        (lambda scores, targets: scores, "must give one number"),
        (lambda scores, targets: 0.5, "is 0.5 on 16 batches"),
    ],
)
@pytest.mark.parametrize("learning", [learn.relaxation, learn.surrogate])
def test_a_callable_that_teaches_nothing_is_refused(learning, metric, words):
    with pytest.raises(errors.LearningError, match=words):
        learning(metric, **TINY)


Z, Y = some_scores(40)


@pytest.mark.parametrize(
    ("scores", "targets", "words"),
    [
        (Z, None, "targets are missing"),
        (None, Y, "scores are missing"),
        (Z, Y[:30], r"scores of shape \(40,\) and targets of shape \(30,\)"),
        (Z.reshape(2, 2, 10), Y, "Give \\(entries,\\)"),
        (Z[:, None], Y, "one class"),
        (Z[:3], Y[:3], "too few"),
        (np.where(Y, np.nan, Z), Y, "no finite numbers"),
        (Z, Y + 1, "targets hold 2"),
        (Z, Y / 2, "targets hold 0.5"),
        (Z, 0 * Y, "all targets are 0"),
        (Z, Y.astype(str), "targets hold"),
    ],
)
def test_scores_and_targets_that_do_not_fit_are_refused(scores, targets, words):
    with pytest.raises(errors.LearningError, match=words):
        learn.relaxation("f1", scores, targets, **TINY)


def test_a_surrogate_takes_binary_scores():
    with pytest.raises(errors.LearningError, match="several classes"):
        learn.surrogate("f1", *some_scores(classes=3), **TINY)


@pytest.mark.parametrize(
    "changed",
    [
        {"points": 100}, {"points": 2}, {"size": 1.5}, {"epochs": -1}, {"hidden": 0}, {"tolerance": 0},
        {"gradient_penalty": -1}, {"gradient_penalty": math.nan}, {"direction": "up"},
    ],
)  # fmt: skip
def test_options_are_checked(changed):
    ((name, value),) = changed.items()
    with pytest.raises(errors.OptionError, match=f"{name}={value}|direction='up'"):
        learn.relaxation(raising, **{**TINY, **changed})


@pytest.mark.parametrize("changed", [{"thresholds": [1, 0]}, {"thresholds": []}, {"slope": 0}])
def test_options_of_a_surrogate_are_checked(changed):
    with pytest.raises(errors.OptionError, match=next(iter(changed))):
        learn.surrogate("f1", **TINY, **changed)


def test_a_metric_has_its_own_direction():
    with pytest.raises(errors.OptionError, match="direction of its own"):
        learn.relaxation(ml.Metric("f1"), direction="minimize", **TINY)


def test_what_is_missing_is_named(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "diffsort" else find(name))
    with pytest.raises(errors.MissingFrameworkError, match=r"diffsort.*\n.*metricloss\[learn\]"):
        learn.relaxation("f1", **TINY)


def test_what_was_learned_is_used_without_a_framework(f1, tmp_path, monkeypatch):
    path = f1.save(tmp_path / "learned.json")
    real = builtins.__import__

    def guarded(name, *rest):
        assert name.partition(".")[0] not in ("torch", "diffsort", "scipy"), name
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", guarded)
    assert learn.load(path)(0.5) == pytest.approx(0.5)
