"""PyTorch's own promises for classes: derivatives in blocks, torch.func, torch.compile, devices, and memory."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import metricloss as ml
from tests.tasks import Arrays, Case, reference

F1 = "2*TP/(2*TP + FP + FN)"
CASES = [
    Case("multiclass", "macro"),
    Case("multiclass", None),
    Case("multiclass", "samples-weighted", "skip"),
    Case("multiclass", "micro", from_logits=False),
    Case("multilabel", "macro", class_weight=(1.0, 2.0, 0.5)),
    Case("multilabel", None, "skip"),
]
pytestmark = pytest.mark.filterwarnings(
    "ignore:`torch.jit.script:DeprecationWarning",  # from inside torch.compile and torch.func
    "ignore:`isinstance.treespec, LeafSpec.` is deprecated:FutureWarning",  # from inside torch.func
)


@pytest.fixture(params=CASES, ids=repr)
def case(request, torch):
    return request.param


@pytest.fixture(params=[2**18, 4], ids=["whole", "blocks"])
def loss(request, case, monkeypatch):
    """A loss that looks at all scores in one go, or at very few."""
    loss = case.compiled(F1, "torch")
    monkeypatch.setattr(loss.module, "BLOCK", request.param)
    return loss


def tensors(torch, case, shape=(3, 4, 3)):
    arrays = Arrays.drawn(np.random.default_rng(0), case, shape, weights="entry")
    return [None if x is None else torch.tensor(np.ascontiguousarray(x)) for x in arrays.along(1)]


def plain(torch, case, y, w):
    """The loss as a plain formula of the scores, without metricloss."""

    def loss(z):
        p = z
        if case.from_logits:
            p = z.softmax(1) if case.task == "multiclass" else z.sigmoid()
        labels = torch.nn.functional.one_hot(y, z.shape[1]).movedim(-1, 1) if y.ndim < z.ndim else y
        on, off = w[:, None] * labels, w[:, None] * (1 - labels)
        axes = {"micro": (0, 1, 2), "samples-weighted": (2,)}.get(case.average, (0, 2))
        tp, fp, fn = ((on * p).sum(axes), (off * p).sum(axes), (on * (1 - p)).sum(axes))
        values, support = 1 - 2 * tp / (2 * tp + fp + fn), on.sum(axes)
        if case.average == "samples-weighted":
            by_sample = w.mean(1)
            return ((values * support).sum(1).div(support.sum(1)) * by_sample).sum() / by_sample.sum()
        if case.class_weight:
            weights = torch.tensor(case.class_weight)
            return (values * weights).sum() / weights.sum()
        values = torch.where(support > 0, values, 0) if case.zero_division == "skip" else values
        return values.mean() if case.average == "macro" else values

    return loss


def test_gradcheck_twice(torch, case, loss):
    z, y, w, _ = tensors(torch, case)
    z.requires_grad_()
    assert torch.autograd.gradcheck(lambda z: loss(z, y, w), z)
    assert torch.autograd.gradgradcheck(lambda z: loss(z, y, w), z)


def whole(loss, *arguments):
    """The loss as compilers are given it."""
    return loss.module.Loss.apply(*loss.module.prepared(*arguments))[0]


@pytest.mark.parametrize("weights", ["none", "by entry", "a mask", "a mask of ones"])
@pytest.mark.parametrize("labels", ["as they are", "soft"])
def test_a_user_notices_no_blocks(torch, case, loss, weights, labels):
    """The probabilities of the first pass become the gradient: it is there again, and inputs are left alone."""
    z, y, w, _ = tensors(torch, case, (5, 4, 3))
    y = (
        torch.rand(z.shape, generator=torch.Generator().manual_seed(0), dtype=z.dtype)
        if labels == "soft"
        else y
    )
    w, mask = {
        "none": (None, None),
        "by entry": (w, None),
        "a mask": (None, w > 1),
        "a mask of ones": (None, torch.ones_like(w, dtype=torch.bool)),
    }[weights]
    kept = [None if x is None else x.clone() for x in (z, y, w, mask)]
    z.requires_grad_()
    value, expected = loss(z, y, w, mask), whole(loss, z, y, w, mask)
    torch.testing.assert_close(value, expected)
    (gradient,) = torch.autograd.grad(expected.sum(), z)
    for factor in (1, 5):  # the second time it is made anew
        (found,) = torch.autograd.grad(factor * value.sum(), z, retain_graph=True)
        torch.testing.assert_close(found, factor * gradient)
    ones = torch.eye(3, dtype=z.dtype)[:, 0].expand(*value.shape, 3).movedim(-1, 0)
    (found,) = torch.autograd.grad(value, z, ones, is_grads_batched=True)
    torch.testing.assert_close(found, torch.stack([gradient, 0 * gradient, 0 * gradient]))
    for x, before in zip((z, y, w, mask), kept, strict=True):
        assert x is None or torch.equal(x, before)


def test_derivatives_are_those_of_the_plain_formula(torch, case, loss):
    z, y, w, _ = tensors(torch, case)
    formula = plain(torch, case, y, w)

    def found(z):
        return loss(z, y, w)

    for derivative in (torch.func.jacrev, lambda f: torch.func.jacrev(torch.func.jacrev(f))):
        torch.testing.assert_close(derivative(found)(z), derivative(formula)(z), rtol=1e-9, atol=1e-12)


def test_ties_have_derivatives_too(torch):
    """At equal scores, as at the start of training, every class is the likeliest."""
    case = CASES[0]
    loss = case.compiled(F1, "torch")
    _, y, w, _ = tensors(torch, case)
    z = torch.zeros(3, 3, 4, dtype=torch.float64)
    formula = plain(torch, case, y, w)
    for derivative in (torch.func.grad, torch.func.hessian):
        if derivative is torch.func.hessian:
            found = torch.autograd.functional.hessian(lambda z: loss(z, y, w), z)
        else:
            found = derivative(lambda z: loss(z, y, w))(z)
        torch.testing.assert_close(found, derivative(formula)(z), rtol=1e-9, atol=1e-12)


def test_vmap(torch, case, loss):
    """Also where only the labels, or only the upstream gradients, are batched."""
    z, y, w, _ = tensors(torch, case)
    several = torch.stack([z, z.flip(0)])

    def gradient(z, y):
        return torch.func.grad(lambda z: loss(z, y, w).sum())(z)

    for axes, arguments in (((0, None), (several, y)), ((None, 0), (z, torch.stack([y, y.flip(0)])))):
        found = torch.func.vmap(gradient, in_dims=axes)(*arguments)
        rows = [
            gradient(*(x if axis is None else x[i] for x, axis in zip(arguments, axes, strict=True)))
            for i in (0, 1)
        ]
        torch.testing.assert_close(found, torch.stack(rows))


def test_compiles_to_one_graph(torch, case):
    loss = case.compiled(F1, "torch")
    z, y, w, _ = tensors(torch, case)
    z.requires_grad_()
    compiled = torch.compile(lambda z: loss.module.loss(z, y, w), fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(z), loss(z, y, w))
    found, expected = (torch.autograd.grad(f(z).sum(), z)[0] for f in (compiled, lambda z: loss(z, y, w)))
    torch.testing.assert_close(found, expected)


def test_meta_tensors_have_shapes(torch, case):
    """No value is read: arrays without any will do."""
    loss = case.compiled(F1, "torch")
    z, y, w, _ = tensors(torch, case)
    value = loss(z.to("meta").requires_grad_(), y.to("meta"), w.to("meta"))
    assert value.shape == loss(z, y, w).shape
    value.sum().backward()


def test_inputs_are_not_written_to(torch, case, loss):
    given = tensors(torch, case)
    before = [None if x is None else x.clone() for x in given]
    given[0].requires_grad_()
    loss(*given).sum().backward()
    for x, y in zip(given, before, strict=True):
        assert x is y or torch.equal(x.detach(), y)


@pytest.mark.parametrize("layout", ["channels_last", "expanded", "strided"])
def test_any_layout(torch, layout):
    case = Case("multiclass", "macro")
    loss = case.compiled(F1, "torch")
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(2, 3, 4, 5, dtype=torch.float64, generator=generator)
    target = torch.randint(0, 3, (2, 4, 5), generator=generator)
    other = {
        "channels_last": lambda: z.to(memory_format=torch.channels_last),
        "expanded": lambda: z[:1].expand(2, -1, -1, -1),
        "strided": lambda: z.repeat_interleave(2, 3)[..., ::2],
    }[layout]()
    expected = loss(other.contiguous(), target)
    torch.testing.assert_close(loss(other, target), expected)


def test_ignore_index_is_torchs_own_by_default(torch):
    loss = ml.compile(F1, "torch", task="multiclass")
    z, target = torch.randn(6, 3, dtype=torch.float64), torch.tensor([0, 1, 2, -100, 1, -100])
    kept = target != -100
    torch.testing.assert_close(loss(z, target), loss(z[kept], target[kept]))


_MEMORY = """
import sys, torch
def peak():
    line = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024
def run(source):
    module = {}
    exec(compile(source, "loss", "exec"), module)
    def step(shape):
        z = torch.randn(shape, requires_grad=True)
        target = torch.randint(0, shape[1], (shape[0], *shape[2:]))
        open("/proc/self/clear_refs", "w").write("5")
        before = peak()
        module["loss"](z, target).backward()
        return (peak() - before) / (z.numel() * z.itemsize)
    step((2, 32, 16, 16, 16))
    print(step((2, 32, 128, 128, 64)))
run(sys.stdin.read())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the peak of memory is read as Linux tells it")
def test_memory_of_a_segmentation(torch):
    """Forward and backward need little but the gradient: class indices are never expanded all at once."""
    source = ml.emit(F1, "torch", task="multiclass").text
    done = subprocess.run(
        [sys.executable, "-c", _MEMORY], input=source, capture_output=True, text=True, check=True
    )
    assert float(done.stdout) <= 1.3


def test_reference_is_the_plain_formula(torch):
    """The two oracles of these tests, written apart, agree."""
    case = Case("multiclass", "macro")
    arrays = Arrays.drawn(np.random.default_rng(0), case, (3, 4, 3), weights="entry")
    z, y, w, _ = tensors(torch, case)
    torch.testing.assert_close(plain(torch, case, y, w)(z), torch.tensor(reference(case, arrays)[0]))
