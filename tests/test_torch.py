"""The promises that are PyTorch's own: autograd of any order, torch.func, torch.compile, autocast, devices."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from tests.metrics import METRIC, RELAXATION, compiled

pytestmark = pytest.mark.filterwarnings(
    "ignore:`torch.jit.script:DeprecationWarning",  # from inside torch.compile and torch.func
    "ignore:`isinstance.treespec, LeafSpec.` is deprecated:FutureWarning",  # from inside torch.func
)


@pytest.fixture
def problem(torch):
    """Scores, labels and weights, twelve of each, in float64."""
    rng = np.random.default_rng(2)
    z, w = torch.tensor(rng.normal(size=12)), torch.tensor(rng.uniform(0.5, 2, 12))
    return z, torch.tensor(rng.random(12) < 0.4), w


def plain(torch, metric, relaxation="Soft"):
    """The plain formula as a function of scores, labels and weights."""

    def loss(z, y, w=None):
        a, y = RELAXATION[relaxation].plain(torch, z), y.to(z.dtype)
        on, off = (y, 1 - y) if w is None else (w * y, w * (1 - y))
        cells = ((on * a).sum(), (off * a).sum(), (on * (1 - a)).sum(), (off * (1 - a)).sum())
        return METRIC[metric].plain_loss(torch, *cells)

    return loss


@pytest.mark.parametrize("relaxation", RELAXATION)
@pytest.mark.parametrize("metric", ["f1", "mcc", "mutual_information", "yule_y"])
def test_gradcheck_twice(torch, problem, metric, relaxation):
    z, y, w = problem
    loss = compiled(metric, "torch", relaxation)
    z.requires_grad_()
    assert torch.autograd.gradcheck(loss, (z, y, w))
    assert torch.autograd.gradgradcheck(loss, (z, y, w))


@pytest.mark.parametrize("metric", METRIC)
def test_hessian_is_that_of_the_plain_formula(torch, problem, metric):
    z, y, w = problem
    loss, formula = compiled(metric, "torch"), plain(torch, metric)
    found = torch.autograd.functional.hessian(lambda z: loss(z, y, w), z)
    expected = torch.autograd.functional.hessian(lambda z: formula(z, y, w), z)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-11 * float(expected.abs().max()))


def test_third_derivative(torch, problem):
    z, y, w = problem

    def third(loss):
        first = torch.func.grad(lambda z: loss(z, y, w))
        second = torch.func.grad(lambda z: first(z).sin().sum())
        return torch.func.grad(lambda z: second(z).sin().sum())(z)

    torch.testing.assert_close(
        third(compiled("mcc", "torch")), third(plain(torch, "mcc")), rtol=1e-9, atol=1e-12
    )


def test_soft_counts_are_differentiable(torch, problem):
    """A loss of the user's own, made from the counts."""
    z, y, w = problem
    soft_counts = compiled("mcc", "torch").soft_counts
    found = torch.func.grad(lambda z: plain_mcc(torch, *soft_counts(z, y, w)))(z)
    torch.testing.assert_close(found, torch.func.grad(lambda z: plain(torch, "mcc")(z, y, w))(z))


def plain_mcc(torch, tp, fp, fn, tn):
    return METRIC["mcc"].plain_loss(torch, tp, fp, fn, tn)


def test_func_grad_and_vmap(torch, problem):
    """A batch of problems is as many problems one by one; weights in the batch or shared."""
    loss = compiled("mcc", "torch")
    rng = np.random.default_rng(4)
    z, y = torch.tensor(rng.normal(size=(5, 12))), torch.tensor(rng.random((5, 12)) < 0.5)
    w = torch.tensor(rng.uniform(0.5, 2, (5, 12)))
    values = torch.vmap(loss)(z, y, w)
    torch.testing.assert_close(values, torch.stack([loss(*one) for one in zip(z, y, w, strict=True)]))
    gradients = torch.vmap(torch.func.grad(loss), in_dims=(0, 0, None))(z, y, w[0])
    expected = torch.stack([torch.func.grad(loss)(*one, w[0]) for one in zip(z, y, strict=True)])
    torch.testing.assert_close(gradients, expected)
    hessians = torch.vmap(torch.func.jacrev(torch.func.grad(loss)))(z, y)
    assert hessians.shape == (5, 12, 12)
    scores = torch.vmap(loss.score)(z, y)
    torch.testing.assert_close(scores, torch.stack([loss.score(*one) for one in zip(z, y, strict=True)]))


@pytest.mark.filterwarnings(
    "ignore:`torch.jit.script` is deprecated:DeprecationWarning"
)  # torch's own use of it
def test_forward_mode_is_refused(torch, problem):
    """torch.compile takes no function with a jvp of its own, and compiling is worth more."""
    z, y, _ = problem
    with pytest.raises((NotImplementedError, RuntimeError), match="jvp"):
        torch.func.jvp(lambda z: compiled("mcc", "torch")(z, y), (z,), (torch.ones_like(z),))


@pytest.mark.parametrize("compiler", ["aot_eager", "inductor"])
def test_compile_without_a_graph_break(torch, problem, compiler):
    z, y, w = problem
    loss = compiled("mcc", "torch", "AnyLoss")
    step = torch.compile(
        lambda z, y, w: 3 * loss(z, y, w) + loss.score(z, y, w), fullgraph=True, backend=compiler
    )
    z.requires_grad_()
    value = step(z, y, w)
    torch.testing.assert_close(value, 3 * loss(z, y, w) + loss.score(z, y, w))
    (found,) = torch.autograd.grad(value, z)
    (expected,) = torch.autograd.grad(3 * loss(z, y, w), z)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("metric", ["yule_y", "mutual_information", "lambda_r", "optimized_precision", "digby"])
def test_every_helper_compiles(torch, problem, metric):
    z, y, _ = problem
    loss = compiled(metric, "torch", "ScoreOriented")
    z.requires_grad_()
    value = torch.compile(loss.module.loss, fullgraph=True, backend="aot_eager")(z, y)
    torch.testing.assert_close(value, loss(z, y))
    torch.testing.assert_close(torch.autograd.grad(value, z), torch.autograd.grad(loss(z, y), z))


def test_compile_for_any_size(torch):
    """Sizes that change do not compile anew each time."""
    loss = compiled("mcc", "torch")
    compilations = torch._dynamo.testing.CompileCounter()
    step = torch.compile(loss.module.loss, fullgraph=True, backend=compilations, dynamic=True)
    for size in (8, 9, 31, 64):
        z = torch.linspace(-2, 2, size)
        torch.testing.assert_close(step(z, z > 0.3), loss(z, z > 0.3))
    assert compilations.frame_count == 1


def test_autocast(torch, problem):
    """Scores of a layer under autocast are bfloat16; the sums are not."""
    _, y, w = problem
    layer = torch.nn.Linear(3, 1)
    x = torch.tensor(np.random.default_rng(0).normal(size=(12, 3)), dtype=torch.float32)
    loss = compiled("mcc", "torch")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        z = layer(x).squeeze(1)
        value = loss(z, y, w)
    value.backward()
    assert z.dtype == value.dtype == torch.bfloat16
    assert layer.weight.grad.dtype == torch.float32
    wide = z.detach().double().requires_grad_()
    loss(wide, y, w).backward()
    torch.testing.assert_close(layer.weight.grad.double(), wide.grad[None] @ x.double(), rtol=2e-2, atol=1e-3)


@pytest.mark.parametrize("half", ["float16", "bfloat16"])
def test_half_precision_is_that_of_the_rounded_scores(torch, problem, half):
    z, y, w = problem
    narrow = z.to(getattr(torch, half)).requires_grad_()
    wide = narrow.detach().double().requires_grad_()
    loss = compiled("mcc", "torch")
    values = loss(narrow, y, w), loss(wide, y, w)
    for value in values:
        value.backward()
    assert values[0].dtype == narrow.grad.dtype == narrow.dtype
    torch.testing.assert_close(values[0].double(), values[1], rtol=1e-2, atol=0)
    torch.testing.assert_close(narrow.grad.double(), wide.grad, rtol=1e-2, atol=1e-6)


@pytest.mark.parametrize("metric", ["mcc", "lambda_r", "digby", "mutual_information"])
def test_nothing_is_read_back(torch, metric):
    """On the meta device there are no values: an .item() or a Python `if` on one would raise."""
    loss = compiled(metric, "torch")
    z = torch.empty(6, device="meta", requires_grad=True)
    y, w = torch.empty(6, dtype=torch.int64, device="meta"), torch.empty(6, device="meta")
    value = loss(z, y, w)
    value.backward()
    assert value.device.type == z.grad.device.type == loss.score(z, y, w).device.type == "meta"


def test_inputs_of_any_layout(torch, problem):
    """Transposed, strided and expanded inputs are as good as contiguous ones."""
    loss = compiled("mcc", "torch")
    z, y, w = (x.reshape(3, 4) for x in problem)
    value = loss(z.T, y.T, w.T)
    torch.testing.assert_close(value, loss(z.T.contiguous(), y.T.contiguous(), w.T.contiguous()))
    torch.testing.assert_close(loss(z[:, ::2], y[:, ::2]), loss(z[:, ::2].clone(), y[:, ::2].clone()))
    column = w[:, :1]
    torch.testing.assert_close(loss(z, y, column.expand(3, 4)), loss(z, y, column))
    shared = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    loss(shared.expand(12), problem[1]).backward()
    assert shared.grad.shape == ()


def test_inputs_are_not_written_to(torch, problem):
    before = [x.clone() for x in problem]
    z, y, w = problem
    compiled("mcc", "torch")(z.requires_grad_(), y, w).backward()
    assert all(torch.equal(x, copied) for x, copied in zip(problem, before, strict=True))


def test_a_loss_can_be_sent_to_another_process(torch, problem):
    z, y, w = problem
    loss = compiled("mcc", "torch")
    assert torch.equal(pickle.loads(pickle.dumps(loss))(z, y, w), loss(z, y, w))
    assert torch.equal(copy.deepcopy(loss)(z, y, w), loss(z, y, w))


def test_a_loss_trains(torch):
    """Logistic regression on a separable problem reaches a score of 1."""
    torch.manual_seed(0)
    x = torch.randn(400, 2)
    y = x[:, 0] - 2 * x[:, 1] > 1.5
    layer, loss = torch.nn.Linear(2, 1), compiled("f1", "torch")
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.1)
    for _ in range(200):
        optimizer.zero_grad()
        loss(layer(x).squeeze(1), y).backward()
        optimizer.step()
    assert loss.score(layer(x).squeeze(1), y) > 0.97


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            lambda z, y, w: (z[:5], y, w),
            ValueError,
            r"input has shape \(5,\) and target \(12,\): give equal shapes",
        ),
        (lambda z, y, w: (z[:, None], y, w), ValueError, r"input has shape \(12, 1\) and target \(12,\)"),
        (lambda z, y, w: (z > 0, y, w), TypeError, "input has dtype torch.bool, but scores are floating-point"),
        (
            lambda z, y, w: (z.long(), y, w),
            TypeError,
            "input has dtype torch.int64, but scores are floating-point",
        ),
        (lambda z, y, w: (z, y, w[:5]), ValueError, r"weight has shape \(5,\): give \(12,\)"),
        (
            lambda z, y, w: (z, y, w[:, None]),
            ValueError,
            r"weight has shape \(12, 1\): give \(12,\)",
        ),
        (
            lambda z, y, w: (z, y.double().requires_grad_(), w),
            ValueError,
            "target, weight and mask are constants",
        ),
        (lambda z, y, w: (z, y, w.requires_grad_()), ValueError, "target, weight and mask are constants"),
    ],
)
@pytest.mark.parametrize("function", ["loss", "score", "counts", "soft_counts"])
def test_clear_errors(problem, function, change, error, message):
    with pytest.raises(error, match=message):
        getattr(compiled("mcc", "torch").module, function)(*change(*problem))
