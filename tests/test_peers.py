"""Losses of other libraries on images, without their smoothing: values and gradients are ours."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import metricloss as ml
from tests.frameworks import JAX, TORCH, Framework
from tests.tasks import one_hot

SAMPLES, CLASSES, HEIGHT, WIDTH = 3, 4, 5, 6
IGNORED = 255
FORMULAS = {
    "dice": "2*TP/(2*TP + FP + FN)",
    "jaccard": "TP/(TP + FP + FN)",
    "tversky": "TP/(TP + 0.3*FP + 0.7*FN)",
    "mcc": "(TP*TN - FP*FN)/sqrt(PP*P*N*PN)",
    "precision": "TP/PP",
    "recall": "TP/P",
}
#: Some multiply by weights and divide by the number of classes: these add up to that.
WEIGHTS = (1.0, 2.0, 0.25, 0.75)
NO_BACKGROUND = (0.0, 1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Images:
    """Logits (samples, classes, height, width), and labels of that shape, or indices of exclusive classes."""

    scores: np.ndarray
    labels: np.ndarray

    @classmethod
    def drawn(cls, task: str, *, absent: bool = False, ignored: bool = False) -> Images:
        """Every class has positives in every sample, unless one is to be absent from all of them."""
        rng = np.random.default_rng(0)
        classes = CLASSES - absent
        scores = 2 * rng.normal(size=(SAMPLES, CLASSES, HEIGHT, WIDTH))
        some = rng.choice(classes, (SAMPLES, HEIGHT * WIDTH - classes), p=skewed(classes))
        every = np.concatenate([np.tile(np.arange(classes), (SAMPLES, 1)), some], axis=1)
        labels = rng.permuted(every, axis=1).reshape(SAMPLES, HEIGHT, WIDTH)
        if ignored:
            labels[rng.random(labels.shape) < 0.2] = IGNORED
        if task == "multilabel":
            labels = np.maximum(one_hot(labels, CLASSES, axis=1), rng.random(scores.shape) < 0.2)
        return cls(scores, labels)

    @property
    def dense(self) -> np.ndarray:
        return self.labels if self.labels.ndim == 4 else one_hot(self.labels, CLASSES, axis=1)


def skewed(classes: int) -> np.ndarray:
    rates = 0.5 ** np.arange(classes)
    return rates / rates.sum()


def ours(
    framework: Framework,
    images: Images,
    metric: str,
    average: str | None,
    zero_division: float | str = 0,
    weights: np.ndarray | None = None,
    **options: Any,
) -> tuple[np.ndarray, np.ndarray]:
    """Value and gradient of our loss, of a vector that of its sum."""
    loss = ml.compile(
        ml.Metric(FORMULAS[metric], zero_division=zero_division),
        framework.name,
        task="multiclass" if images.labels.ndim == 3 else "multilabel",
        average=average,
        class_axis=1,
        **options,
    )
    given = [None if x is None else framework.array(x) for x in (images.scores, images.labels, weights)]
    value, gradient = framework.value_and_grad(loss, *given)
    return framework.numpy(value), framework.numpy(gradient)


def theirs(framework: Framework, loss: Callable[[Any], Any], images: Images) -> tuple[np.ndarray, np.ndarray]:
    """Value and gradient of a loss of the scores, by its framework's autodiff."""
    value, gradient = framework.gradient(loss, framework.array(images.scores))
    return framework.numpy(value), framework.numpy(gradient)


def assert_same(found: tuple[np.ndarray, np.ndarray], expected: tuple[np.ndarray, np.ndarray]) -> None:
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype == "float64"
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-14)


def imported(name: str) -> types.ModuleType:
    """A peer, or a skipped test where it is not installed; what it warns of when imported is not ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name)


# MONAI: classes are averaged, and samples as well unless batch=True


@pytest.fixture(scope="module")
def monai() -> types.ModuleType:
    imported("torch")
    return imported("monai.losses")


def of_monai(module: types.ModuleType, metric: str, task: str, **options: Any) -> Callable[..., Any]:
    kinds = {
        "dice": (module.DiceLoss, {"smooth_nr": 0}),
        "jaccard": (module.DiceLoss, {"smooth_nr": 0, "jaccard": True}),
        "tversky": (module.TverskyLoss, {"smooth_nr": 0, "alpha": 0.3, "beta": 0.7}),
        "mcc": (module.MCCLoss, {}),
    }
    kind, given = kinds[metric]
    activation = {"softmax": True, "to_onehot_y": True} if task == "multiclass" else {"sigmoid": True}
    loss = kind(smooth_dr=0, **given, **activation, **options)

    def call(z: Any, labels: np.ndarray) -> Any:
        return loss(z, TORCH.array(labels[:, None] if labels.ndim == 3 else labels))

    return call


@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
@pytest.mark.parametrize("metric", ["dice", "jaccard", "tversky", "mcc"])
@pytest.mark.parametrize(("batch", "average"), [(True, "macro"), (False, "samples-macro")])
def test_monai(monai, batch, average, metric, task):
    images = Images.drawn(task)
    loss = of_monai(monai, metric, task, batch=batch)
    expected = theirs(TORCH, lambda z: loss(z, images.labels), images)
    assert_same(ours(TORCH, images, metric, average), expected)


@pytest.mark.parametrize("metric", ["tversky", "mcc"])
def test_monai_of_each_class(monai, metric):
    images = Images.drawn("multiclass")
    loss = of_monai(monai, metric, "multiclass", batch=True, reduction="none")
    assert_same(ours(TORCH, images, metric, None), theirs(TORCH, lambda z: loss(z, images.labels), images))


@pytest.mark.parametrize("metric", ["dice", "jaccard", "tversky", "mcc"])
@pytest.mark.parametrize(("batch", "average"), [(True, "macro"), (False, "samples-macro")])
def test_monai_without_background(monai, batch, average, metric):
    images = Images.drawn("multiclass")
    loss = of_monai(monai, metric, "multiclass", batch=batch, include_background=False)
    expected = theirs(TORCH, lambda z: loss(z, images.labels), images)
    assert_same(ours(TORCH, images, metric, average, class_weight=NO_BACKGROUND), expected)


@pytest.mark.parametrize(("batch", "average"), [(True, "macro"), (False, "samples-macro")])
def test_monai_with_class_weights_and_ignored_entries(monai, batch, average):
    images = Images.drawn("multiclass", ignored=True)
    loss = of_monai(monai, "dice", "multiclass", batch=batch, weight=WEIGHTS, ignore_index=IGNORED)
    expected = theirs(TORCH, lambda z: loss(z, images.labels), images)
    assert_same(ours(TORCH, images, "dice", average, class_weight=WEIGHTS, ignore_index=IGNORED), expected)


# segmentation-models-pytorch: all samples are pooled


@pytest.fixture(scope="module")
def smp() -> Iterator[types.ModuleType]:
    """The losses alone, which need torch only: the package itself imports torchvision."""
    imported("torch")
    name = "segmentation_models_pytorch"
    spec = importlib.util.find_spec(name)
    if spec is None:
        pytest.skip(f"{name} is not installed")
    package = types.ModuleType(name)
    package.__path__ = list(spec.submodule_search_locations)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, name, package)
        yield importlib.import_module(f"{name}.losses")


def of_smp(module: types.ModuleType, metric: str, task: str, **options: Any) -> Callable[..., Any]:
    if metric == "tversky":
        options |= {"alpha": 0.3, "beta": 0.7}
    kind = {"dice": module.DiceLoss, "jaccard": module.JaccardLoss, "tversky": module.TverskyLoss}[metric]
    loss = kind(task, **options)
    return lambda z, labels: loss(z, TORCH.array(labels))


@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
@pytest.mark.parametrize("metric", ["dice", "jaccard", "tversky"])
def test_smp(smp, metric, task):
    images = Images.drawn(task)
    loss = of_smp(smp, metric, task)
    assert_same(ours(TORCH, images, metric, "macro"), theirs(TORCH, lambda z: loss(z, images.labels), images))


@pytest.mark.parametrize(
    ("options", "class_weight"),
    [({"classes": [1, 3]}, (0, 1, 0, 1)), ({"class_weights": [1, 5, 0, 2]}, (1, 5, 0, 2))],
)
@pytest.mark.parametrize("metric", ["dice", "jaccard", "tversky"])
def test_smp_with_class_weights_and_ignored_entries(smp, metric, options, class_weight):
    images = Images.drawn("multiclass", ignored=True)
    loss = of_smp(smp, metric, "multiclass", ignore_index=IGNORED, **options)
    expected = theirs(TORCH, lambda z: loss(z, images.labels), images)
    found = ours(TORCH, images, metric, "macro", class_weight=class_weight, ignore_index=IGNORED)
    assert_same(found, expected)


@pytest.mark.parametrize("metric", ["dice", "jaccard", "tversky"])
def test_smp_where_a_class_is_absent(smp, metric):
    """Theirs sets its loss to 0, and still divides by the number of all classes."""
    images = Images.drawn("multiclass", absent=True)
    loss = of_smp(smp, metric, "multiclass")
    expected = theirs(TORCH, lambda z: loss(z, images.labels) * CLASSES / (CLASSES - 1), images)
    assert_same(ours(TORCH, images, metric, "macro", zero_division="skip"), expected)


def test_smp_mcc(smp):
    """Of probabilities, and of one class: all entries are pooled."""
    images, loss = Images.drawn("multilabel"), smp.MCCLoss(eps=0)
    expected = theirs(TORCH, lambda z: loss(z.sigmoid(), TORCH.array(images.labels)), images)
    assert_same(ours(TORCH, images, "mcc", "micro"), expected)


# kornia: always by sample, and only classes that a sample has


@pytest.fixture(scope="module")
def kornia() -> types.ModuleType:
    imported("torch")
    return imported("kornia.losses")


@pytest.mark.parametrize("absent", [False, True])
@pytest.mark.parametrize(
    ("metric", "options", "average"),
    [
        ("dice", {"average": "micro"}, "samples"),
        ("dice", {"average": "macro"}, "samples-macro"),
        ("tversky", {"alpha": 0.3, "beta": 0.7}, "samples-macro"),
    ],
)
def test_kornia(kornia, metric, options, average, absent):
    images = Images.drawn("multiclass", absent=absent, ignored=True)
    loss = getattr(kornia, f"{metric}_loss")
    target = TORCH.array(images.labels)
    expected = theirs(TORCH, lambda z: loss(z, target, eps=0, ignore_index=IGNORED, **options), images)
    found = ours(TORCH, images, metric, average, zero_division="skip", ignore_index=IGNORED)
    assert_same(found, expected)


def test_kornia_with_class_weights(kornia):
    """Weights of a mean over classes are class_weight; those of one matrix of all classes weigh its entries."""
    images = Images.drawn("multiclass", absent=True)
    target, weight = TORCH.array(images.labels), TORCH.array(np.array(WEIGHTS))

    def of(average: str) -> tuple[np.ndarray, np.ndarray]:
        return theirs(
            TORCH, lambda z: kornia.dice_loss(z, target, average=average, eps=0, weight=weight), images
        )

    assert_same(
        ours(TORCH, images, "dice", "samples-macro", zero_division="skip", class_weight=WEIGHTS), of("macro")
    )
    every = np.reshape(WEIGHTS, (1, CLASSES, 1, 1))
    assert_same(ours(TORCH, images, "dice", "samples", weights=every), of("micro"))


# Keras: of probabilities, and axis= says what is summed


@pytest.fixture
def keras(torch) -> Iterator[types.ModuleType]:
    module = imported("keras")
    if module.backend.backend() != "torch":
        pytest.skip("Keras runs on another framework")
    epsilon = module.config.epsilon()
    module.config.set_epsilon(0.0)
    yield module
    module.config.set_epsilon(epsilon)


@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
@pytest.mark.parametrize("metric", ["dice", "tversky"])
@pytest.mark.parametrize(
    ("axis", "average"),
    [
        (None, "micro"),
        ((0, 2, 3), "macro"),
        ((0, 2, 3), None),
        ((1, 2, 3), "samples"),
        ((2, 3), "samples-macro"),
    ],
)
def test_keras(keras, torch, axis, average, metric, task):
    images = Images.drawn(task)
    target = TORCH.array(images.dense)
    options = {"axis": axis, "dtype": "float64", "reduction": "none"}  # whose mean in torch would be float32
    if metric == "tversky":
        # Until keras-team/keras#23333, alpha and beta have each other's place: a missed positive costs alpha.
        is_swapped = float(keras.losses.Tversky(alpha=1, beta=0)([1.0], [0.5])) > 0.25
        options |= {"alpha": 0.7, "beta": 0.3} if is_swapped else {"alpha": 0.3, "beta": 0.7}
    loss = getattr(keras.losses, metric.capitalize())(**options)
    activation = torch.sigmoid if task == "multilabel" else lambda z: torch.softmax(z, dim=1)
    mean = torch.mean if average else lambda values: values
    expected = theirs(TORCH, lambda z: mean(loss(target, activation(z))), images)
    assert_same(ours(TORCH, images, metric, average), expected)


# optax: classes are last, and axis= says what is summed, without the first axis by default


@pytest.fixture
def optax(jax) -> types.ModuleType:
    return imported("optax.losses")


COEFFICIENTS = {"dice": (0.5, 0.5), "jaccard": (1.0, 1.0), "tversky": (0.3, 0.7)}
OVER_POSITIONS = [({"axis": (0, 1, 2)}, "macro"), ({}, "samples-macro")]


def of_optax(module: types.ModuleType, jax: Any, metric: str, images: Images, **options: Any) -> Any:
    alpha, beta = COEFFICIENTS[metric]
    options |= {"smooth": 0, "alpha": alpha, "beta": beta}
    target = jax.numpy.moveaxis(JAX.array(images.dense), 1, -1)

    def of_scores(z: Any) -> Any:
        last = jax.numpy.moveaxis(z, 1, -1)
        if images.labels.ndim == 3:
            return module.dice_loss(last, target, **options).mean()
        # Its sigmoid is for the scores of one class: every class is a position that is not summed over.
        each = module.dice_loss(last[..., None], target[..., None], **{"axis": (1, 2)} | options)
        return each.mean()

    return theirs(JAX, of_scores, images)


@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
@pytest.mark.parametrize("metric", COEFFICIENTS)
@pytest.mark.parametrize(("options", "average"), OVER_POSITIONS)
def test_optax(optax, jax, options, average, metric, task):
    images = Images.drawn(task)
    assert_same(ours(JAX, images, metric, average), of_optax(optax, jax, metric, images, **options))


@pytest.mark.parametrize(("options", "average"), OVER_POSITIONS)
def test_optax_with_class_weights(optax, jax, options, average):
    images = Images.drawn("multiclass")
    weighted = of_optax(optax, jax, "dice", images, class_weights=JAX.array(np.array(WEIGHTS)), **options)
    assert_same(ours(JAX, images, "dice", average, class_weight=WEIGHTS), weighted)
    without = of_optax(optax, jax, "dice", images, ignore_background=True, **options)
    assert_same(ours(JAX, images, "dice", average, class_weight=NO_BACKGROUND), without)


# torchmetrics: hard scores


@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
@pytest.mark.parametrize(
    ("metric", "name"),
    [("dice", "f1_score"), ("jaccard", "jaccard_index"), ("precision",) * 2, ("recall",) * 2],
)
@pytest.mark.parametrize("average", ["micro", "macro", "weighted", None])
def test_torchmetrics(average, metric, name, task):
    imported("torch")
    module = imported("torchmetrics.functional.classification")
    images = Images.drawn(task, ignored=task == "multiclass")
    scores, labels = TORCH.array(images.scores), TORCH.array(images.labels)
    ignore = {"ignore_index": IGNORED} if task == "multiclass" else {}
    count = {"multiclass": "num_classes", "multilabel": "num_labels"}[task]
    hard = getattr(module, f"{task}_{name}")
    options = {count: CLASSES, **ignore}
    prediction = scores if task == "multiclass" else scores.sigmoid()

    def ours_of(average: str | None) -> np.ndarray:
        metric_of = ml.Metric(FORMULAS[metric])
        loss = ml.compile(metric_of, "torch", task=task, average=average, **ignore)
        return TORCH.numpy(loss.score(scores, labels))

    expected = hard(prediction, labels.int(), average=average or "none", **options)
    np.testing.assert_allclose(ours_of(average), TORCH.numpy(expected), rtol=1e-6)
    by_sample = {"micro": "samples", "macro": "samples-macro", "weighted": "samples-weighted"}
    if average in by_sample and name != "jaccard_index":
        options |= {"average": average, "multidim_average": "samplewise"}
        expected = hard(prediction, labels.int(), **options).mean()
        np.testing.assert_allclose(ours_of(by_sample[average]), TORCH.numpy(expected), rtol=1e-6)
