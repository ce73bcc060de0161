"""In torch on a CPU a binary loss goes through its scores in blocks: what a user must not notice of them."""

from __future__ import annotations

import numpy as np
import pytest

import metricloss as ml
from tests.metrics import compiled

torch = pytest.importorskip("torch")

from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402  only where there is torch

RELAXATIONS = ["Soft", "AnyLoss"]


@pytest.fixture
def blocks(monkeypatch):
    """Compiles a loss with blocks of 7 entries."""

    def of(metric: str, relaxation: str = "Soft"):
        loss = compiled(metric, "torch", relaxation)
        monkeypatch.setattr(loss.module, "BLOCK", 7)
        monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
        return loss

    return of


def whole(loss, *arguments):
    """The loss of whole arrays, which is what compilers are given."""
    return loss.module.Loss.apply(*loss.module.prepared(*arguments))[0]


def problem(shape, seed=0):
    rng = np.random.default_rng(seed)
    z = torch.tensor(rng.normal(size=shape), requires_grad=True)
    return z, torch.tensor(rng.random(shape) < 0.3), torch.tensor(rng.uniform(0.5, 2, shape))


@pytest.mark.parametrize("shape", [(), (1,), (7,), (8,), (50,), (5, 9), (2, 3, 4, 5), (0,)])
@pytest.mark.parametrize("relaxation", RELAXATIONS)
def test_blocks_add_up(blocks, relaxation, shape):
    loss = blocks("mcc", relaxation)
    z, y, w = problem(shape)
    for weight in (None, w, w > 1):
        value, expected = loss(z, y, weight), whole(loss, z, y, weight, None)
        torch.testing.assert_close(value, expected)
        torch.testing.assert_close(torch.autograd.grad(5 * value, z), torch.autograd.grad(5 * expected, z))


def test_arrays_of_any_layout(blocks):
    """Transposed and expanded ones, and a weight for each sample of images."""
    loss = blocks("mcc")
    z, y, w = problem((6, 4, 5))
    for scores in (z.transpose(0, 2), z[:, ::2], z[:1].expand(6, 4, 5), z.movedim(1, 0)[..., 1:]):
        labels = y.reshape(-1)[: scores.numel()].reshape(scores.shape)
        weight = w[: scores.shape[0], 0, 0]
        value, expected = loss(scores, labels, weight), whole(loss, scores, labels, weight, None)
        torch.testing.assert_close(value, expected)
        torch.testing.assert_close(torch.autograd.grad(value, z), torch.autograd.grad(expected, z))


@pytest.mark.parametrize("relaxation", RELAXATIONS)
def test_a_gradient_can_be_taken_again(blocks, relaxation):
    """The first is written over what it was made of; the second is derived anew, in an array of its own."""
    loss = blocks("f1", relaxation)
    z, y, _ = problem((20,))
    value = loss(z, y)
    first, second = (torch.autograd.grad(value, z, retain_graph=True)[0] for _ in range(2))
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    assert first.data_ptr() != second.data_ptr()
    (differentiable,) = torch.autograd.grad(value, z, create_graph=True)
    torch.testing.assert_close(differentiable, first)


def test_second_derivatives(blocks):
    loss = blocks("mcc", "AnyLoss")
    z, y, w = problem((9,))
    assert torch.autograd.gradcheck(lambda z: loss(z, y, w), z)
    assert torch.autograd.gradgradcheck(lambda z: loss(z, y, w), z)
    found = torch.autograd.functional.hessian(lambda z: loss(z, y, w), z)
    torch.testing.assert_close(
        found, torch.func.jacrev(torch.func.grad(lambda z: whole(loss, z, y, w, None)))(z)
    )


def test_many_gradients_at_once(blocks):
    """As torch.autograd.functional.jacobian(vectorize=True) asks for them."""
    loss = blocks("mcc")
    z, y, _ = problem((20,))
    upstream = torch.tensor([1.0, -2.0, 0.0], dtype=z.dtype)
    (found,) = torch.autograd.grad(loss(z, y), z, upstream, is_grads_batched=True)
    (once,) = torch.autograd.grad(loss(z, y), z)
    torch.testing.assert_close(found, upstream[:, None] * once)


def test_a_positive_keeps_the_digits_of_its_slope(blocks):
    """Where the slope for negatives is 1e9 times that for positives, and the other way round."""
    for prevalence in (1e-9, 1 - 1e-9):
        y = torch.tensor([0.0, 1.0])
        w = torch.tensor([1 - prevalence, prevalence])
        z = torch.tensor([0.3, -0.4], requires_grad=True)
        loss = blocks("balanced_accuracy")
        loss(z, y, w).backward()
        wide = z.detach().double().requires_grad_()
        whole(loss, wide, y, w.double(), None).backward()
        torch.testing.assert_close(z.grad, wide.grad.float(), rtol=1e-6, atol=0)


@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16])
def test_half_precision_is_summed_in_float32(blocks, half):
    loss = blocks("f1")
    z = torch.linspace(-3, 3, 5000, dtype=half, requires_grad=True)
    y = torch.arange(5000) % 3 == 0
    value = loss(z, y)
    wide = z.detach().double()
    torch.testing.assert_close(value.double(), loss(wide, y), rtol=2 * torch.finfo(half).eps, atol=0)
    assert value.dtype == torch.autograd.grad(value, z)[0].dtype == half


class Sizes(TorchDispatchMode):
    """Notes how many entries are allocated by every operation, views left out."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[int] = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        views = {x.untyped_storage().data_ptr() for x in args if isinstance(x, torch.Tensor)}
        if isinstance(result, torch.Tensor) and result.untyped_storage().data_ptr() not in views:
            self.entries.append(result.numel())
        return result


@pytest.mark.parametrize("relaxation", RELAXATIONS)
@pytest.mark.parametrize("labels", [torch.float32, torch.int64, torch.bool])
def test_nothing_as_large_as_the_scores_but_the_gradient(relaxation, labels):
    loss = compiled("mcc", "torch", relaxation)
    block = loss.module.BLOCK * torch.get_num_threads()
    n = 5 * block
    z = torch.linspace(-3, 3, n).requires_grad_()
    y = (torch.arange(n) % 5 == 0).to(labels)
    with Sizes() as sizes:
        loss(z, y).backward()
    assert sorted(sizes.entries)[-1] == n
    assert sorted(sizes.entries)[-2] == block
    with Sizes() as sizes, torch.no_grad():
        loss(z.detach(), y)
    assert max(sizes.entries) == block


def test_subclasses_go_whole(blocks, monkeypatch):
    """A Parameter, or a tensor distributed over machines, knows best how to be computed with."""
    loss = blocks("f1")
    z, y, _ = problem((20,))
    (expected,) = torch.autograd.grad(loss(z, y), z)
    parameter = torch.nn.Parameter(z.detach())
    monkeypatch.delattr(loss.module, "LossInBlocks")
    torch.testing.assert_close(torch.autograd.grad(loss(parameter, y), parameter), (expected,))
    with pytest.raises(NameError):
        loss(z, y)


def test_blocks_are_made(blocks):
    loss = blocks("f1")
    z, y, _ = problem((20,))
    assert [block[0].numel() for block in loss.module.blocks(z, y, None, None)] == [7, 7, 6]


def test_scores_say_where_the_loss_is(blocks):
    """Whatever the default device."""
    loss = blocks("f1")
    z, y, _ = problem((20,))
    expected = loss(z, y)
    with torch.device("meta"):
        value = loss(z, y)
        (gradient,) = torch.autograd.grad(value, z, retain_graph=True)
        (again,) = torch.autograd.grad(value, z)
    torch.testing.assert_close(value, expected)
    assert gradient.device == again.device == z.device


def test_a_pullback_without_gradients_of_its_own(blocks):
    """torch.func.vjp does not ask for what could be differentiated again where gradients are off."""
    loss = blocks("mcc")
    z, y, _ = problem((20,))
    (expected,) = torch.autograd.grad(loss(z, y), z)
    with torch.no_grad():
        _, pullback = torch.func.vjp(lambda z: loss(z, y), z.detach())
        torch.testing.assert_close(pullback(torch.ones((), dtype=z.dtype))[0], expected)


ALGEBRA = [
    "sigmoid(TP/P)", "sigmoid(TP/P) - sigmoid(-TP/P)", "sqrt(Min(2*TP/P, 1))", "TP/Max(TP/4, 1)",
    "log(Max(TP/P, 1)) + TP/P", "n/Max(TP, 5)", "(Max(TP, 5)/n)**0.7", "cos(Min(TP, 3))", "atan(Min(TP, 3))",
    "Abs(Min(TP, 3) - 2)", "tanh(Max(TP, 2))", "exp(TP)", "TP**9/n**9", "asin(TP/P)*acos(TN/N)",
    "sin(TP)/tan(1 + FP)",
]  # fmt: skip


@pytest.mark.parametrize("zero_division", [0, 1])
@pytest.mark.parametrize("metric", ALGEBRA)
def test_algebra_of_numbers_is_that_of_tensors(metric, zero_division):
    """At ordinary counts, without positives, and where weights overflow a power of them."""
    loss = ml.compile(ml.Metric(metric, zero_division=zero_division), "torch")
    z = torch.tensor([0.0, 1, 2, 3], dtype=torch.float64, requires_grad=True)
    for y in (torch.tensor([1, 0, 0, 1]), torch.zeros(4), torch.ones(4)):
        for w in (None, torch.zeros(4), torch.full((4,), 1e37, dtype=torch.float64)):
            value, expected = loss(z, y, w), whole(loss, z, y, w, None)
            assert value.isfinite()
            torch.testing.assert_close(value, expected)
            torch.testing.assert_close(torch.autograd.grad(value, z), torch.autograd.grad(expected, z))


def test_counts_that_overflow_matter_where_they_are_used(blocks):
    """Infinite counts are no error; of a metric that does not use them, they change nothing."""
    z, y = torch.tensor([0.0, 1, 2, 3]), torch.tensor([1, 0, 0, 0])
    w = torch.tensor([1, 3e38, 3e38, 3e38])
    assert blocks("recall")(z, y, w) == 0.5
    assert blocks("mcc")(z.repeat(5), y.repeat(5), w.repeat(5) * torch.tensor([1, -1]).repeat(10)).isnan()
