"""The class of a torch file: what it shows, and how it lives with a model that is copied, saved and moved."""

from __future__ import annotations

import copy
import io
import pickle
import subprocess
import sys

import pytest

import metricloss as ml

torch = pytest.importorskip("torch")

Z = torch.tensor([2.0, -1.0, 0.5, 0.0])
Y = torch.tensor([1, 0, 0, 1])


@pytest.fixture(scope="module")
def loss():
    return ml.compile("balanced_accuracy", "torch")


@pytest.fixture(scope="module")
def module(loss):
    return loss.BalancedAccuracyLoss()


def test_it_is_the_function(loss, module):
    z = Z.clone().requires_grad_()
    w, m = torch.tensor([1.0, 2, 3, 4]), torch.tensor([True, True, False, True])
    assert module(z, Y) == loss(z, Y)
    assert module(z, Y, weight=w, mask=m) == loss(z, Y, weight=w, mask=m)
    module(z, Y).backward()
    assert z.grad.abs().sum() > 0


def test_its_name_and_its_formula_are_shown(module):
    assert repr(module) == "BalancedAccuracyLoss(TN/(2*(FP + TN)) + TP/(2*(FN + TP)), relaxed by Soft())"
    several = ml.compile("f1", "torch", task="multiclass", relaxation="AnyLoss(10)").F1Loss()
    assert repr(several) == "F1Loss(2*TP/(FN + FP + 2*TP), multiclass, macro, relaxed by AnyLoss(10))"


def test_long_formulas_keep_to_the_line():
    loss = ml.compile(" + ".join(f"TP/(TP + {k}*FP + FN)" for k in range(1, 12)), "torch")
    text = loss.source.partition("FORMULA = ")[2].partition("\n\n")[0]
    assert max(map(len, text.splitlines())) <= 112
    assert "TP/(FN + 11*FP + TP)" in repr(loss.MetricLoss())


@pytest.mark.parametrize("name", ["_", "metric", "loss", "f1"])
def test_a_class_takes_no_other_name(name):
    """Whatever the metric is called."""
    loss = ml.compile(ml.Metric("TP/(TP + FP + FN)", name=name), "torch")
    (called,) = [entry for entry in loss.emitted.entry_points if entry[0].isupper()]
    assert getattr(loss, called)()(Z, Y) == loss(Z, Y)


def test_what_is_no_tensor_is_named(loss, module):
    with pytest.raises(TypeError, match="target is a NoneType: give a tensor"):
        module(Z, None)
    with pytest.raises(AttributeError, match=r"has no BALoss: there are .*BalancedAccuracyLoss"):
        loss.BALoss()


def test_copies(module):
    assert copy.deepcopy(module)(Z, Y) == module(Z, Y)
    model = torch.nn.ModuleDict({"body": torch.nn.Linear(2, 1), "criterion": module})
    copied = copy.deepcopy(model)
    assert copied["criterion"](Z, Y) == module(Z, Y)
    assert list(copied.state_dict()) == ["body.weight", "body.bias"]


READ = """
import pickle, sys
import torch
with open(sys.argv[1], "rb") as file:
    module = {load}
print(module(torch.tensor({z}), torch.tensor({y})).item(), module.training, module)
"""


@pytest.mark.parametrize("load", ["pickle.load(file)", "torch.load(file, weights_only=False)"])
def test_one_made_in_memory_is_read_by_another_process(module, tmp_path, load):
    module = copy.deepcopy(module).eval()
    saved = tmp_path / "module"
    if "torch" in load:
        torch.save(module, saved)
    else:
        saved.write_bytes(pickle.dumps(module))
    script = READ.format(load=load, z=Z.tolist(), y=Y.tolist())
    done = subprocess.run([sys.executable, "-c", script, saved], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"{module(Z, Y).item()} False {module!r}"


def in_process(module, queue):
    queue.put(module(Z, Y).item())


def test_one_goes_to_a_spawned_process(module):
    context = torch.multiprocessing.get_context("spawn")
    queue = context.SimpleQueue()
    process = context.Process(target=in_process, args=(module, queue))
    process.start()
    assert queue.get() == module(Z, Y).item()
    process.join()


def test_one_of_a_file_is_saved_by_its_name(loss, tmp_path, monkeypatch):
    """As any class: who reads it has the file."""
    loss.save(tmp_path / "saved_loss.py")
    monkeypatch.syspath_prepend(tmp_path)
    from saved_loss import BalancedAccuracyLoss

    data = pickle.dumps(BalancedAccuracyLoss())
    assert b"metricloss.loss" not in data
    assert pickle.loads(data)(Z, Y) == loss(Z, Y)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch's own, as it compiles
def test_compiled_and_exported(loss, module):
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    z, expected = Z.clone().requires_grad_(), Z.clone().requires_grad_()
    compiled(z, Y).backward()
    loss(expected, Y).backward()
    torch.testing.assert_close(z.grad, expected.grad)
    exported = torch.export.export(module, (Z, Y))
    torch.testing.assert_close(exported.module()(Z, Y), loss(Z, Y))


def test_moves(module):
    """It has no tensors of its own: wherever the scores are, and of whatever dtype, it is too."""
    moved = copy.deepcopy(module).to("meta").double()
    assert moved(Z.to("meta"), Y.to("meta")).device.type == "meta"
    assert moved(Z.double(), Y).dtype == torch.float64


def test_with_data_parallel_and_a_buffer(module):
    """On a CPU DataParallel runs the module itself."""
    assert torch.nn.DataParallel(module)(Z, Y) == module(Z, Y)
    buffer = io.BytesIO()
    torch.save(module.state_dict(), buffer)
    buffer.seek(0)
    module.load_state_dict(torch.load(buffer))
