"""PyTorch and the libraries of losses for it."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from itertools import accumulate
from typing import Any, ClassVar

import numpy as np
import torch
from torch.nn import functional

from benchmarks.cases import FN_WEIGHT, FP_WEIGHT, Case
from benchmarks.framework import Framework, Loss
from benchmarks.measure import Step

WEIGHTS = {"alpha": FP_WEIGHT, "beta": FN_WEIGHT}


def monai(case: Case) -> dict[str, Loss]:
    losses = importlib.import_module("monai.losses")
    if case.average == "samples-macro":
        return {}
    kind = {"sigmoid": True} if case.is_binary else {"softmax": True, "to_onehot_y": True}
    options = {"batch": True, "smooth_dr": 0, **kind}
    of = {
        "F1": losses.DiceLoss(smooth_nr=0, **options),
        "Tversky": losses.TverskyLoss(smooth_nr=0, **WEIGHTS, **options),
        "MCC": losses.MCCLoss(**options),
    }
    if case.is_binary:  # samples, one class, positions
        return {
            metric: lambda z, y, loss=loss: loss(z[:, None, None], y[:, None, None])
            for metric, loss in of.items()
        }
    return {metric: lambda z, y, loss=loss: loss(z, y[:, None]) for metric, loss in of.items()}


def smp(case: Case) -> dict[str, Loss]:
    """Its losses alone, which need torch only: the package itself imports torchvision."""
    name = "segmentation_models_pytorch"
    if name not in sys.modules:
        spec = importlib.util.find_spec(name)
        if spec is None:
            raise ModuleNotFoundError(f"No module named {name!r}")
        package = types.ModuleType(name)
        package.__path__ = list(spec.submodule_search_locations)
        sys.modules[name] = package
    losses = importlib.import_module(f"{name}.losses")
    if case.average == "samples-macro":
        return {}
    mode = "binary" if case.is_binary else "multiclass"
    of: dict[str, Loss] = {"F1": losses.DiceLoss(mode), "Tversky": losses.TverskyLoss(mode, **WEIGHTS)}
    if not case.is_binary:
        return of
    mcc = losses.MCCLoss(eps=0)  # of probabilities
    of["MCC"] = lambda p, y: mcc(p.sigmoid(), y)
    return {
        metric: lambda z, y, loss=loss: loss(z[:, None, None], y[:, None, None]) for metric, loss in of.items()
    }


def kornia(case: Case) -> dict[str, Loss]:
    """Always by sample, of the softmax: binary scores are one sample of two classes, of which one counts."""
    losses = importlib.import_module("kornia.losses")
    if case.is_binary:
        weight = torch.tensor([0.0, 1.0])

        def dice(z: Any, y: Any) -> Any:
            both = torch.stack([torch.zeros_like(z), z])[None, :, :, None]
            return losses.dice_loss(both, y.long()[None, :, None], average="macro", eps=0, weight=weight)

        return {"F1": dice}
    if case.average == "macro":
        return {}
    return {
        "F1": lambda z, y: losses.dice_loss(z, y, average="macro", eps=0),
        "Tversky": lambda z, y: losses.tversky_loss(z, y, eps=0, **WEIGHTS),
    }


def pytorch_optimizer(case: Case) -> dict[str, Loss]:
    losses = importlib.import_module("pytorch_optimizer.loss")
    if case.average == "samples-macro":
        return {}
    if not case.is_binary:
        return {"F1": losses.DiceLoss("multiclass")}
    soft = losses.SoftF1Loss(beta=1)  # of probabilities
    return {"F1": lambda z, y: soft(z.sigmoid(), y), "Tversky": losses.TverskyLoss(**WEIGHTS)}


class Torch(Framework):
    name = "torch"
    packages = ("torch", "monai", "segmentation-models-pytorch", "kornia", "pytorch_optimizer")
    modes = ("eager", "torch.compile")
    class_axis = 1
    frees = True
    peers: ClassVar = {
        "MONAI": monai,
        "segmentation-models-pytorch": smp,
        "kornia": kornia,
        "pytorch_optimizer": pytorch_optimizer,
    }
    ops = types.SimpleNamespace(
        sigmoid=torch.sigmoid,
        softmax=lambda z: z.softmax(1),
        sum=lambda x, axes: x.sum() if axes is None else x.sum(axes),
        mean=torch.mean,
        floats=lambda y: y if y.is_floating_point() else y.float(),
        one_hot=lambda y, classes: functional.one_hot(y, classes).movedim(-1, 1).float(),
        positions=lambda first, ndim: [axis for axis in range(first, ndim) if axis != 1],
    )

    def __init__(self) -> None:
        torch._dynamo.config.recompile_limit = 1000
        torch._dynamo.config.accumulated_recompile_limit = 1000

    def arrays(self, case: Case) -> tuple[Any, Any]:
        scores, labels = map(torch.from_numpy, case.arrays(classes_last=False))
        return scores.requires_grad_(), labels

    def cross_entropy(self, case: Case) -> Loss:
        if not case.is_binary:
            return functional.cross_entropy
        return lambda z, y: functional.binary_cross_entropy_with_logits(z, self.ops.floats(y))

    def step(self, mode: str, loss: Loss, z: Any, y: Any) -> Step:
        forward = loss if mode == "eager" else torch.compile(apart(loss), dynamic=False)

        def step() -> tuple[Any, Any]:
            value = forward(z, y)
            return value.detach(), torch.autograd.grad(value, z)[0]

        return step

    def copy(self, z: Any) -> Step:
        return z.detach().clone

    def threads(self) -> str:
        return f"{torch.get_num_threads()}"

    def allocated(self, steps: dict[int, Step]) -> dict[int, int]:
        """By torch's profiler, which sees every allocation of its own."""
        profiler = torch.profiler
        with profiler.profile(activities=[profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
            for index, step in steps.items():
                with profiler.record_function(f"step {index}"):
                    step()
        events = sorted(profile.profiler.kineto_results.events(), key=lambda event: event.start_ns())
        begins = {event.name(): event.start_ns() for event in events if event.name().startswith("step ")}
        ends = {event.name(): event.end_ns() for event in events if event.name().startswith("step ")}
        changes = [(event.start_ns(), event.nbytes()) for event in events if event.name() == "[memory]"]
        return {
            index: int(max(accumulate((b for t, b in changes if begins[name] <= t <= ends[name]), initial=0)))
            for index, name in ((index, f"step {index}") for index in steps)
        }

    def reset(self) -> None:
        torch._dynamo.reset()

    def numbers(self, result: tuple[Any, Any]) -> tuple[float, np.ndarray]:
        value, gradient = result
        return value.item(), np.moveaxis(gradient.numpy(), 1, -1) if gradient.ndim > 1 else gradient.numpy()


def apart(loss: Loss) -> Loss:
    """The loss in a function with code of its own: torch.compile tries all that it made of the same code."""

    def call(z: Any, y: Any) -> Any:
        return loss(z, y)

    return types.FunctionType(call.__code__.replace(), call.__globals__, closure=call.__closure__)


FRAMEWORK = Torch
