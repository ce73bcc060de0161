"""Networks: their value and slopes, and relaxations that are networks, on every target."""

from __future__ import annotations

import itertools
import math
import pickle
import random
import re
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import metricloss as ml
from metricloss import errors
from metricloss.backend import get_backend
from metricloss.network import Network
from metricloss.network_relaxation import NetworkRelaxation
from metricloss.recipe import recipe_of
from tests.frameworks import FRAMEWORKS, Framework
from tests.test_emitted import check_blank_lines, check_nothing_stands_unused

BACKENDS = [framework.name for framework in FRAMEWORKS]
backends = pytest.mark.parametrize("backend", BACKENDS)

pytestmark = pytest.mark.filterwarnings("ignore:.*it is not proved:metricloss.errors.RelaxationWarning")


@cache
def rising(*sizes: int, seed: int = 0) -> Network:
    """A network with f(0) = 0 and f(1) = 1 that rises, for none of its weights is negative."""
    draw = random.Random(seed)
    layers = [
        (
            tuple(tuple(abs(draw.gauss(0, 3 / inputs)) for _ in range(outputs)) for _ in range(inputs)),
            tuple(draw.gauss() for _ in range(outputs)),
        )
        for inputs, outputs in itertools.pairwise(sizes)
    ]
    network = Network(tuple(layers))
    low, high = network([0]), network([1])
    weights, (bias,) = layers[-1]
    last = tuple((w / (high - low),) for (w,) in weights), ((bias - low) / (high - low),)
    return Network((*layers[:-1], last))


SMALL = rising(1, 7, 5, 1)


def elu(u: float) -> float:
    return u if u > 0 else math.exp(u) - 1


def by_hand(network: Network, x: float) -> float:
    """The value from its definition, number by number."""
    values = [x]
    for depth, (weights, biases) in enumerate(network.layers, 1):
        sums = [
            sum(value * weights[i][j] for i, value in enumerate(values)) + bias for j, bias in enumerate(biases)
        ]
        values = sums if depth == len(network.layers) else [elu(u) for u in sums]
    return values[0]


def h_of(network: Network, is_odd: bool, p: float) -> float:
    return (1 + by_hand(network, p) - by_hand(network, 1 - p)) / 2 if is_odd else by_hand(network, p)


def f1_loss(network: Network, is_odd: bool, probabilities, y, w) -> float:
    """1 - F1 of relaxed decisions, entry by entry."""
    a = [h_of(network, is_odd, p) for p in probabilities]
    tp = sum(wi * yi * ai for wi, yi, ai in zip(w, y, a, strict=True))
    fp = sum(wi * (1 - yi) * ai for wi, yi, ai in zip(w, y, a, strict=True))
    fn = sum(wi * yi * (1 - ai) for wi, yi, ai in zip(w, y, a, strict=True))
    return 1 - 2 * tp / (2 * tp + fp + fn)


def differences(function, z, step=1e-6):
    """Central finite differences of a function of a list of numbers."""

    def moved(index, by):
        return [*z[:index], z[index] + by, *z[index + 1 :]]

    return [(function(moved(i, step)) - function(moved(i, -step))) / (2 * step) for i in range(len(z))]


def sigmoid(z: float) -> float:
    return 1 / (1 + math.exp(-z))


Z = [0.3, -1.2, 2.5, -0.4, 0.9, -3.0, 0.05]
Y = [1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.25]
W = [1.0, 2.0, 0.5, 1.5, 1.0, 0.25, 3.0]


def test_the_value_is_that_of_the_definition():
    for x in (-2.0, 0.0, 0.3, 1.0):
        assert SMALL([x]) == pytest.approx(by_hand(SMALL, x), rel=1e-14, abs=1e-15)
        (slope,) = SMALL.slopes([x])
        assert slope == pytest.approx((by_hand(SMALL, x + 1e-6) - by_hand(SMALL, x - 1e-6)) / 2e-6, rel=1e-7)


def test_the_text_holds_every_number_with_all_its_digits():
    numbers = [float(number) for number in SMALL.text.split()]
    given = [n for weights, biases in SMALL.layers for part in (*weights, biases) for n in part]
    assert numbers == given
    assert SMALL.shapes == ((1, 7), (7, 5), (5, 1))


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (((((1.0,),), (0.0, 0.0)),), "layer 1 takes not the 1 numbers"),
        (((((1.0, 1.0),), (0.0, 0.0)),), "the last layer has 2 outputs"),
        (((((math.nan,),), (0.0,)),), "is not finite"),
        (((((1.0,),), (math.inf,)),), "is not finite"),
    ],
)
def test_what_is_no_network_is_refused(layers, message):
    with pytest.raises(errors.OptionError, match=message):
        Network(layers)


def test_networks_with_other_numbers_have_other_names():
    assert len({rising(1, 3, 1, seed=seed).name for seed in range(5)}) == 5
    assert rising(1, 3, 1).name == Network(rising(1, 3, 1).layers).name


def test_the_relaxation_is_what_it_says():
    odd, plain = NetworkRelaxation(SMALL), NetworkRelaxation(SMALL, is_odd=False)
    assert str(odd.expression) == "f(p)/2 - f(1 - p)/2 + 1/2"
    assert str(odd.complement) == "-f(p)/2 + f(1 - p)/2 + 1/2"
    assert str(plain.expression) == "f(p)"
    assert (odd.threshold, odd.on_scores().threshold) == (0.5, 0.0)
    assert by_hand(SMALL, plain.threshold) == pytest.approx(0.5, abs=1e-12)
    assert odd == NetworkRelaxation(SMALL) != plain
    assert odd != NetworkRelaxation(rising(1, 7, 5, 1, seed=1))
    assert len(repr(odd)) < 60
    assert pickle.loads(pickle.dumps(odd)) == odd


def test_what_is_no_relaxation_is_refused():
    falling = Network(((((-1.0,),), (1.0,)),))
    with pytest.raises(errors.RelaxationError, match="decreases"):
        NetworkRelaxation(falling, is_odd=False)
    high = Network(((((1.5,),), (0.0,)),))
    with pytest.raises(errors.RelaxationError, match=r"leaves \[0, 1\]"):
        NetworkRelaxation(high, is_odd=False)
    with pytest.raises(errors.OptionError, match="takes 2 numbers"):
        NetworkRelaxation(rising_of_two())


def rising_of_two() -> Network:
    return Network(((((1.0,), (1.0,)), (0.0,)),))


def test_that_it_was_only_sampled_is_said():
    with pytest.warns(errors.RelaxationWarning, match="at 101 points"):
        NetworkRelaxation(SMALL)


@cache
def compiled(backend: str, is_odd: bool = True, metric: str = "f1", **options) -> ml.Loss:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", errors.RelaxationWarning)
        relaxation = NetworkRelaxation(SMALL, is_odd)
    return ml.compile(metric, backend, relaxation=relaxation, **options)


def evaluated(framework: Framework, loss: ml.Loss, z, y=Y, w=W, dtype: str = "float64"):
    arrays = framework.array(z, dtype), framework.array(y), framework.array(w, dtype)
    value, gradient = framework.value_and_grad(loss, *arrays)
    return float(framework.numpy(value)), framework.numpy(gradient)


@pytest.mark.parametrize("is_odd", [True, False])
def test_value_and_gradient_are_those_of_the_network(framework, is_odd):
    def value_of(z):
        return f1_loss(SMALL, is_odd, map(sigmoid, z), Y, W)

    value, gradient = evaluated(framework, compiled(framework.name, is_odd), Z)
    assert value == pytest.approx(value_of(Z), rel=1e-12)
    assert gradient == pytest.approx(differences(value_of, Z), rel=1e-6, abs=1e-10)


def test_probabilities(framework):
    def value_of(p):
        return f1_loss(SMALL, False, p, Y, W)

    p = [sigmoid(z) for z in Z]
    value, gradient = evaluated(framework, compiled(framework.name, False, from_logits=False), p)
    assert value == pytest.approx(value_of(p), rel=1e-12)
    assert gradient == pytest.approx(differences(value_of, p), rel=1e-6, abs=1e-10)


@pytest.mark.parametrize("is_odd", [True, False])
def test_exclusive_classes(framework, is_odd):
    """F1 of each class against the rest, of the network of its softmax, and their mean."""
    labels, classes = [0, 2, 1, 2, 0], 3
    scores = np.random.default_rng(1).normal(size=(5, classes)).ravel().tolist()

    def value_of(flat):
        rows = np.exp(np.reshape(flat, (5, classes)))
        p = (rows / rows.sum(1, keepdims=True)).T.tolist()
        of_classes = [
            f1_loss(SMALL, is_odd, p[k], [float(label == k) for label in labels], [1.0] * 5)
            for k in range(classes)
        ]
        return sum(of_classes) / classes

    loss = compiled(framework.name, is_odd, task="multiclass")
    z, y = framework.array(np.reshape(scores, (5, classes))), framework.array(np.array(labels))
    value, gradient = framework.value_and_grad(loss, z, y)
    assert float(framework.numpy(value)) == pytest.approx(value_of(scores), rel=1e-12)
    assert framework.numpy(gradient).ravel() == pytest.approx(differences(value_of, scores), rel=1e-6, abs=1e-9)


def test_float32_agrees_with_float64(framework):
    z = [-20.0, -8.0, -2.0, -0.1, 0.3, 1.0, 4.0, 9.0, 20.0]
    y = [1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0]
    loss = compiled(framework.name)
    value, gradient = evaluated(framework, loss, z, y, [1.0] * 9)
    narrow_value, narrow_gradient = evaluated(framework, loss, z, y, [1.0] * 9, "float32")
    assert narrow_value == pytest.approx(value, rel=1e-5)
    assert narrow_gradient == pytest.approx(gradient, rel=1e-4)


@pytest.mark.parametrize("is_odd", [True, False])
def test_the_hard_decision_is_where_the_network_crosses_a_half(framework, is_odd):
    probabilities = [0.02 + 0.96 * part / 40 for part in range(41)]
    z = [math.log(p / (1 - p)) for p in probabilities]
    loss = compiled(framework.name, is_odd, metric="accuracy")
    right = [h_of(SMALL, is_odd, p) > 0.5 for p in probabilities]
    y = [float(index % 3 == 0) for index in range(41)]
    expected = sum(decided == (label == 1) for decided, label in zip(right, y, strict=True)) / 41
    score = framework.call(loss.score, framework.array(z, "float64"), framework.array(y))
    assert float(framework.numpy(score)) == pytest.approx(expected, rel=1e-12)
    assert 0 < sum(right) < 41


def test_a_saturated_batch_and_an_empty_one_are_finite(framework):
    loss = compiled(framework.name, metric="mcc")
    for z, dtype in (([1e4, -1e4, 1e4], "float16"), ([], "float32")):
        value, gradient = evaluated(framework, loss, np.array(z), [1.0, 0.0, 1.0][: len(z)], W[: len(z)], dtype)
        assert math.isfinite(value)
        assert np.isfinite(gradient).all()


def test_torch_works_in_blocks(torch):
    """More entries than a block has, which is small: hidden values are many."""
    loss, numpy = compiled("torch"), compiled("numpy")
    assert loss.module.BLOCK < ml.compile("f1", "torch").module.BLOCK
    n = 3 * loss.module.BLOCK * torch.get_num_threads() + 5
    draw = np.random.default_rng(0)
    z, y = draw.normal(size=n), draw.integers(0, 2, n)
    value, gradient = numpy.value_and_grad(y, z)
    scores = torch.tensor(z, requires_grad=True)
    result = loss(scores, torch.tensor(y))
    assert result.item() == pytest.approx(value, rel=1e-10)
    assert torch.autograd.grad(result, scores)[0].numpy() == pytest.approx(gradient, rel=1e-8, abs=1e-15)


def curvature_by_differences(z):
    """Of the plain loss: the derivative of the sum of squares of its gradient, by differences twice."""
    numpy = compiled("numpy")

    def squares(scores):
        return float((numpy.value_and_grad(Y, np.array(scores), sample_weight=W)[1] ** 2).sum())

    return differences(squares, z)


def test_torch_differentiates_twice(torch):
    z = torch.tensor(Z, dtype=torch.float64, requires_grad=True)
    value = compiled("torch")(z, torch.tensor(Y), torch.tensor(W, dtype=torch.float64))
    (gradient,) = torch.autograd.grad(value, z, create_graph=True)
    (second,) = torch.autograd.grad(gradient.square().sum(), z)
    assert second.numpy() == pytest.approx(curvature_by_differences(Z), rel=1e-5, abs=1e-9)


def test_jax_differentiates_twice_and_compiles(jax):
    z, y, w = map(jax.numpy.array, (Z, Y, W))

    def squares(scores):
        gradient = jax.grad(lambda z: compiled("jax")(z, y, weights=w))(scores)
        return (gradient**2).sum()

    assert np.asarray(jax.jit(jax.grad(squares))(z)) == pytest.approx(
        curvature_by_differences(Z), rel=1e-5, abs=1e-9
    )


def test_torch_compiles_it_in_one_graph(torch):
    z, y, w = torch.tensor(Z, requires_grad=True), torch.tensor(Y), torch.tensor(W)
    whole = torch.compile(compiled("torch").module.loss, fullgraph=True, backend="aot_eager")
    values = [function(z, y, w) for function in (whole, compiled("torch"))]
    assert values[0].item() == pytest.approx(values[1].item(), rel=1e-5)
    gradients = [torch.autograd.grad(value, z)[0].numpy() for value in values]
    assert gradients[0] == pytest.approx(gradients[1], rel=1e-4, abs=1e-7)


def test_autocast_takes_no_digits(torch):
    z = torch.tensor(Z)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = compiled("torch")(z, torch.tensor(Y))
    assert value.item() == pytest.approx(compiled("torch")(z, torch.tensor(Y)).item(), rel=1e-6)


def test_tensorflow_traces_it_for_any_number_of_entries(tf):
    loss = compiled("tensorflow").module.loss

    @tf.function(
        autograph=False, input_signature=[tf.TensorSpec([None], tf.float64), tf.TensorSpec([None], tf.float64)]
    )
    def gradient(y, z):
        return tf.gradients(loss(y, z), z)[0]

    for n in (7, 4):
        expected = compiled("numpy").value_and_grad(np.array(Y[:n]), np.array(Z[:n]))[1]
        assert gradient(Y[:n], Z[:n]).numpy() == pytest.approx(expected, rel=1e-10)


@backends
def test_the_text(backend):
    source = ml.emit("f1", backend, relaxation=NetworkRelaxation(SMALL), task="multilabel")
    check_nothing_stands_unused(source)
    check_blank_lines(source.text)
    weights = re.search(r"^WEIGHTS = \($.*?^\)$", source.text, flags=re.M | re.S)[0]
    assert all(len(line) <= 112 for line in weights.splitlines())
    assert "No command writes it again" in " ".join(source.text.split())
    relaxed = f"relaxation=NetworkRelaxation({SMALL.name})"
    options = "task=Task('multilabel', average='macro')"
    assert f"    metricloss.emit('f1', {backend!r}, {relaxed}, {options})\n" in source.text
    named = ml.emit(
        ml.Metric("TP/P", name="r"), backend, relaxation=NetworkRelaxation(SMALL), from_logits=False
    )
    call = f"metricloss.emit(Metric('TP/(FN + TP)', name='r'), {backend!r}, {relaxed}, from_logits=False)"
    assert f"    {call}\n" in named.text
    assert not {"learned", "WEIGHTS", "SHAPES"} & set(re.findall(r"\w+", ml.emit("f1", backend).text))


@pytest.mark.parametrize("booster", ["xgboost", "lightgbm", "catboost"])
def test_boosters_have_it_of_numpy(booster):
    pytest.importorskip(get_backend(booster).module)
    loss = compiled(booster)
    value, gradient = loss.module.value_and_grad(Y, np.array(Z), sample_weight=np.array(W))
    expected = compiled("numpy").value_and_grad(Y, np.array(Z), sample_weight=np.array(W))
    assert (value, gradient.tolist()) == (expected[0], expected[1].tolist())


def test_a_backend_without_networks_says_so(tmp_path):
    folder = get_backend("numpy").folder
    for path in folder.glob("*.*"):
        text = path.read_text("utf-8").replace('learned = "learned"\n', "")
        (tmp_path / path.name).write_text(text.replace('learned_slope = "learned_slope"\n', ""), "utf-8")
    assert ml.compile("f1", Path(tmp_path))(Y, np.array(Z)) > 0
    with pytest.raises(errors.OptionError, match="has no networks"):
        ml.emit("f1", Path(tmp_path), relaxation=NetworkRelaxation(SMALL))


def test_the_pictures_and_the_derivation_show_it():
    pytest.importorskip("matplotlib")
    loss = compiled("numpy")
    assert [axes.get_title() for axes in loss.relaxation.plot().axes] == ["h(p)", "h′(p)"]
    assert loss.plot(n=10).axes
    assert "a = f(p)/2 - f(1 - p)/2 + 1/2" in str(loss.derivation)
    assert "f'\\left(p\\right)" in loss.derivation._repr_latex_()
    assert "<mi>f</mi>" in "".join(row for step in loss.derivation.steps for row in step.mathml)


def test_losses_of_two_networks_compute_two_things():
    steep = Network(((((4.0,),), (0.0,)), (((0.25,),), (0.0,))))
    computed = {recipe_of("f1", relaxation=NetworkRelaxation(network)).computed for network in (SMALL, steep)}
    assert len(computed) == 2


@pytest.mark.parametrize("layers", [(), ((((1e200,),), (0.0,)),)])
def test_networks_without_layers_or_beyond_float32_are_refused(layers):
    with pytest.raises(errors.OptionError):
        Network(layers)


def test_a_network_inside_another_relaxation_is_refused():
    with pytest.raises(errors.RelaxationError, match="holds a network"):
        ml.Relaxation(NetworkRelaxation(SMALL).expression ** 2)
