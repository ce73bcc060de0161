"""Surrogates: learned losses of whole batches, on every target that has them."""

from __future__ import annotations

import itertools
import json
import math
import pickle
import random
from functools import cache

import numpy as np
import pytest

import metricloss as ml
from metricloss import errors
from metricloss.backend import all_backends
from metricloss.network import Network
from metricloss.network_relaxation import NetworkRelaxation
from metricloss.surrogate import Surrogate
from tests.frameworks import FRAMEWORKS, Framework
from tests.test_emitted import (
    CALLS,
    GOLDEN,
    RUN,
    check_blank_lines,
    check_nothing_stands_unused,
    compare_or_update,
    run_alone,
)
from tests.test_network import SMALL, differences, elu, f1_loss, sigmoid

TARGETS = [framework for framework in FRAMEWORKS if framework.name != "keras"]
NAMES = [framework.name for framework in TARGETS]
targets = pytest.mark.parametrize("framework", TARGETS, indirect=True, ids=NAMES)

Z = [0.3, -1.2, 2.5, -0.4, 0.9, -3.0, 0.05]
Y = [1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.25]
W = [1.0, 2.0, 0.5, 1.5, 1.0, 0.25, 3.0]


def drawn(*sizes: int) -> Network:
    draw = random.Random(len(sizes))
    return Network(
        tuple(
            (
                tuple(tuple(round(draw.gauss(), 6) for _ in range(outputs)) for _ in range(inputs)),
                tuple(round(draw.gauss(), 6) for _ in range(outputs)),
            )
            for inputs, outputs in itertools.pairwise(sizes)
        )
    )


SURROGATE = Surrogate("average_precision", (-1.0, 0.25, 2.0), 3.0, drawn(7, 5, 4, 1), 0.975)


@cache
def compiled(backend: str) -> ml.SurrogateLoss:
    return ml.compile(SURROGATE, backend)


def features_by_hand(z, y, w) -> list[float]:
    """The definition in Surrogate's docstring, entry by entry."""
    entries = list(zip(z, y, w, strict=True))
    positives = sum(w * y for _, y, w in entries)
    negatives = sum(w * (1 - y) for _, y, w in entries)

    def share(of_side, total) -> list[float]:
        return [
            sum(of_side(y) * w * sigmoid(SURROGATE.slope * (z - t)) for z, y, w in entries) / total
            if total
            else 0.0
            for t in SURROGATE.thresholds
        ]

    both = positives + negatives
    prevalence = positives / both if both else 0.0
    return [*share(lambda y: y, positives), *share(lambda y: 1 - y, negatives), prevalence]


def loss_by_hand(z, y=Y, w=W) -> float:
    values = features_by_hand(z, y, w)
    for depth, (weights, biases) in enumerate(SURROGATE.network.layers, 1):
        sums = [
            sum(value * row[j] for value, row in zip(values, weights, strict=True)) + bias
            for j, bias in enumerate(biases)
        ]
        values = sums if depth == len(SURROGATE.network.layers) else [elu(u) for u in sums]
    return values[0]


def evaluated(framework: Framework, z, y=Y, w=W, dtype: str = "float64"):
    arrays = framework.array(z, dtype), framework.array(y), None if w is None else framework.array(w, dtype)
    value, gradient = framework.value_and_grad(compiled(framework.name), *arrays)
    assert framework.dtype_name(value) == framework.dtype_name(gradient) == dtype
    return float(framework.numpy(value)), framework.numpy(gradient)


@targets
def test_value_gradient_and_features_are_those_of_the_definition(framework):
    value, gradient = evaluated(framework, Z)
    assert value == pytest.approx(loss_by_hand(Z), rel=1e-12)
    assert gradient == pytest.approx(differences(loss_by_hand, Z), rel=1e-6, abs=1e-10)
    arrays = framework.array(Z, "float64"), framework.array(Y), framework.array(W, "float64")
    features = framework.numpy(framework.call(compiled(framework.name).features, *arrays))
    assert features == pytest.approx(features_by_hand(Z, Y, W), rel=1e-12)


@targets
def test_scores_may_have_any_shape_and_weights_be_by_sample(framework):
    z, y = np.reshape([*Z, -0.7], (2, 2, 2)), np.reshape([*Y, 1.0], (2, 2, 2))
    weights = [0.5, 2.0]
    value, gradient = evaluated(framework, z, y, np.array(weights))
    flat = z.ravel().tolist(), y.ravel().tolist(), np.repeat(weights, 4).tolist()
    assert value == pytest.approx(loss_by_hand(*flat), rel=1e-12)
    expected = differences(lambda z: loss_by_hand(z, *flat[1:]), flat[0])
    assert gradient.shape == z.shape
    assert gradient.ravel() == pytest.approx(expected, rel=1e-6, abs=1e-10)


@targets
def test_what_weighs_nothing_or_is_masked_takes_no_part(framework):
    z, y = framework.array([*Z, math.nan, math.inf], "float64"), framework.array([*Y, 1.0, 0.0])
    mask, weights = framework.array([True] * 8 + [False]), framework.array([*W, 0.0, 1.0], "float64")
    value, gradient = framework.value_and_grad(compiled(framework.name), z, y, weights, mask)
    assert float(framework.numpy(value)) == pytest.approx(loss_by_hand(Z), rel=1e-12)
    expected = [*differences(loss_by_hand, Z), 0.0, 0.0]
    assert framework.numpy(gradient) == pytest.approx(expected, rel=1e-6, abs=1e-10)


@targets
def test_float32_agrees_with_float64_and_halves_are_computed_in_it(framework):
    z = [round(8 * score) / 8 for score in Z]  # which halves hold
    value, gradient = evaluated(framework, z)
    for dtype in framework.dtypes[:-1]:
        narrow_value, narrow_gradient = evaluated(framework, z, dtype=dtype)
        digits = {"float32": 1e-5, "float16": 1e-3, "bfloat16": 8e-3}[dtype]
        assert narrow_value == pytest.approx(value, rel=digits)
        assert narrow_gradient == pytest.approx(gradient, rel=digits, abs=digits * np.abs(gradient).max())


@pytest.mark.parametrize(
    ("z", "y", "w"),
    [
        ([1e4, -1e4, 1e4, -1e4], [1.0, 0.0, 0.0, 1.0], [1.0] * 4),
        ([0.5, -0.5, 2.0, -2.0], [1.0] * 4, [1.0] * 4),
        ([0.5, -0.5, 2.0, -2.0], [0.0] * 4, [1.0] * 4),
        ([0.5, -0.5, 2.0, -2.0], [1.0, 0.0, 0.0, 1.0], [0.0] * 4),
        ([], [], []),
    ],
    ids=["saturated", "all positive", "all negative", "no weight", "empty"],
)
@targets
def test_corners_are_finite_and_right(framework, z, y, w):
    expected = loss_by_hand([max(-200.0, min(score, 200.0)) for score in z], y, w)
    value, gradient = evaluated(framework, np.array(z), np.array(y), np.array(w), "float32")
    assert value == pytest.approx(expected, rel=1e-5)
    assert np.isfinite(gradient).all()
    assert gradient.shape == (len(z),)


@targets
def test_the_largest_scores_are_finite(framework):
    largest = np.array([3e38, -3e38, 1.0])
    value, gradient = evaluated(framework, largest, [1.0, 0.0, 1.0], None, "float32")
    assert value == pytest.approx(loss_by_hand([200.0, -200.0, 1.0], [1.0, 0.0, 1.0], [1.0] * 3), rel=1e-5)
    assert np.isfinite(gradient).all()


@targets
def test_many_entries_lose_no_digits(framework):
    draw = np.random.default_rng(0)
    z, y = draw.normal(size=2**19), draw.integers(0, 2, 2**19)
    expected = compiled("numpy").features(y, z)
    features = framework.call(
        compiled(framework.name).features, framework.array(z, "float32"), framework.array(y)
    )
    assert framework.numpy(features) == pytest.approx(expected, rel=1e-5)


@targets
def test_arguments_that_do_not_fit_are_refused(framework):
    loss = compiled(framework.name)
    with pytest.raises(ValueError, match="give equal shapes"):
        framework.call(loss, framework.array(np.zeros(3)), framework.array(np.zeros(4)))
    with pytest.raises(TypeError, match="scores are floating-point numbers"):
        framework.call(loss, framework.array(np.zeros(3, np.int32)), framework.array(np.zeros(3)))
    with pytest.raises(AttributeError, match="has no score"):
        loss.score  # noqa: B018  the look-up is what is tested


def test_upstream_gradients_count_and_inputs_stay(torch):
    z, y, w = (torch.tensor(numbers, dtype=torch.float64) for numbers in (Z, Y, W))
    z.requires_grad_()
    (5 * compiled("torch")(z, y, w)).backward()
    assert z.grad.numpy() == pytest.approx(5 * np.array(differences(loss_by_hand, Z)), rel=1e-6, abs=1e-9)
    assert (z.tolist(), y.tolist(), w.tolist()) == (Z, Y, W)
    with pytest.raises(ValueError, match="detach"):
        compiled("torch")(z, z)


def test_torch_compiles_it_in_one_graph_and_has_it_as_a_module(torch):
    z, y, w = (torch.tensor(numbers) for numbers in (Z, Y, W))
    whole = torch.compile(compiled("torch").module.loss, fullgraph=True, backend="aot_eager")
    assert whole(z, y, w).item() == pytest.approx(loss_by_hand(Z), rel=1e-5)
    module = compiled("torch").AveragePrecisionLoss()
    assert module(z, y, w).item() == pytest.approx(loss_by_hand(Z), rel=1e-5)
    assert repr(module) == "AveragePrecisionLoss(learned for average_precision)"


def test_jax_compiles_it_and_differentiates_it_twice(jax):
    z, y, w = map(jax.numpy.array, (Z, Y, W))

    def squares(scores):
        gradient = jax.grad(lambda z: compiled("jax")(z, y, weights=w))(scores)
        return (gradient**2).sum()

    def by_numpy(z):
        return float((compiled("numpy").value_and_grad(Y, np.array(z), sample_weight=W)[1] ** 2).sum())

    second = np.asarray(jax.jit(jax.grad(squares))(z))
    assert second == pytest.approx(differences(by_numpy, Z), rel=1e-5, abs=1e-9)


def test_xla_compiles_it_for_tensorflow(tf):
    @tf.function(autograph=False, jit_compile=True)
    def gradient(y, z, w):
        return tf.gradients(3 * compiled("tensorflow").module.loss(y, z, w), z)[0]

    found = gradient(*(tf.constant(numbers, tf.float64) for numbers in (Y, Z, W))).numpy()
    assert found == pytest.approx(3 * np.array(differences(loss_by_hand, Z)), rel=1e-6, abs=1e-9)


@pytest.mark.filterwarnings("ignore:.*it is not proved:metricloss.errors.RelaxationWarning")
@targets
def test_the_files_run_alone(framework, tmp_path):
    """That of the surrogate, and that of a relaxation that is a network, in one process."""
    z, y = [0.5, -1.0, 2.0, -0.25, 1.5], [1.0, 0.0, 0.0, 1.0, 1.0]
    relaxed = ml.emit("f1", framework.name, relaxation=NetworkRelaxation(SMALL))
    expected = {
        str(compiled(framework.name).save(tmp_path / "whole.py")): loss_by_hand(z, y, [1.0] * 5),
        str(relaxed.save(tmp_path / "f1.py")): f1_loss(SMALL, True, map(sigmoid, z), y, [1.0] * 5),
    }
    code = RUN.replace("module.score(*x)", "0")
    calls = dict.fromkeys(expected, CALLS[framework.name].format(y=y, z=z))
    finished = run_alone(code, json.dumps(calls))
    assert finished.returncode == 0, finished.stderr
    results = json.loads(finished.stdout.splitlines()[-1])
    assert {path: value for path, (value, _) in results.items()} == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("backend", NAMES)
def test_the_text(backend):
    source = ml.emit(SURROGATE, backend)
    check_nothing_stands_unused(source)
    check_blank_lines(source.text)
    assert all(len(line) <= 112 for line in source.text.splitlines())
    assert "rank correlation of the negated loss with average_precision was 0.975" in source.text.replace(
        "\n", " "
    )
    assert "the file has no score" in " ".join(source.text.split())
    assert {"loss", "features"} <= set(source.entry_points)


def test_golden():
    compare_or_update(GOLDEN / "surrogate_torch.py", ml.emit(SURROGATE, "torch").text)


def test_it_is_saved_and_pickled(tmp_path):
    loss = compiled("numpy")
    assert loss.save(tmp_path / "loss.py").read_text("utf-8") == loss.source == str(loss.emitted)
    again = pickle.loads(pickle.dumps(loss))
    assert again.surrogate == SURROGATE
    assert again(Y, np.array(Z)) == loss(Y, np.array(Z))
    assert repr(loss).startswith("SurrogateLoss(average_precision for NumPy: loss(y_true, ")


def test_a_name_cannot_be_code():
    pytest.importorskip("torch")
    named = Surrogate('f1: """\nimport os', (0.0,), 4.0, drawn(3, 1), 1.0)
    loss = ml.compile(named, "torch")
    assert "F1ImportOsLoss" in loss.emitted.entry_points
    assert not hasattr(loss.module, "os")


@pytest.mark.parametrize("backend", [backend.name for backend in all_backends() if backend.name not in NAMES])
def test_other_backends_say_that_they_have_none(backend):
    with pytest.raises(errors.OptionError, match="has no surrogates"):
        ml.emit(SURROGATE, backend)


@pytest.mark.parametrize("option", [{"relaxation": "p"}, {"from_logits": False}, {"average": "macro"}])
def test_options_are_refused(option):
    for function in (ml.compile, ml.emit):
        with pytest.raises(errors.OptionError, match="takes no options"):
            function(SURROGATE, "numpy", **option)


def test_a_network_of_other_features_is_refused():
    with pytest.raises(errors.OptionError, match="takes 3 numbers, and of 2 thresholds there are 5"):
        Surrogate("f1", (0.0, 1.0), 4.0, drawn(3, 1), 1.0)


@pytest.mark.parametrize(("thresholds", "slope"), [((math.nan,), 4.0), ((0.0,), math.inf)])
def test_numbers_that_are_not_finite_are_refused(thresholds, slope):
    with pytest.raises(errors.OptionError, match="finite"):
        Surrogate("f1", thresholds, slope, drawn(3, 1), 1.0)
