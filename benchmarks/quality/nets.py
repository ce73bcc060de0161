"""Small nets trained side by side: on every fold of several sets, with every rate, in one graph.

The compiled loss of several labels is a mean over columns, and a column is one net on one fold with one rate.
A net's gradient is its own, and nets know nothing of one another.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import Parameter

from benchmarks.quality.cases import NETS, RATES, Case
from benchmarks.quality.folds import Folds, filled
from benchmarks.quality.losses import phases

#: Fifty epochs of batches of 5 %.
STEPS = 1000
HIDDEN = 16


class Nets(torch.nn.Module):
    """For each fold a single layer, from 0, and an MLP of one hidden layer, drawn as PyTorch draws weights."""

    def __init__(self, folds: Folds) -> None:
        super().__init__()
        count, _, width = folds.x.shape
        self.flat, self.flat_bias = (
            Parameter(folds.x.new_zeros(count, width, 1)),
            Parameter(folds.x.new_zeros(count, 1, 1)),
        )
        drawn = zip(*(drawn_mlp(*fold) for fold in zip(folds.widths, folds.seeds, strict=True)), strict=True)
        self.first, self.first_bias, self.second, self.second_bias = (
            Parameter(filled(weights, folds.x.dtype)) for weights in drawn
        )

    def forward(self, x: Tensor) -> Tensor:
        """Scores (folds, rows, nets) of features (folds, rows, features)."""
        hidden = torch.baddbmm(self.first_bias, x, self.first).relu()
        mlp = torch.baddbmm(self.second_bias, hidden, self.second)
        return torch.cat([torch.baddbmm(self.flat_bias, x, self.flat), mlp], 2)


def drawn_mlp(width: int, seed: int) -> list[Tensor]:
    """Weights and biases of both layers."""
    generator = torch.Generator().manual_seed(seed)
    shapes = [(width, HIDDEN), (1, HIDDEN), (HIDDEN, 1), (1, 1)]
    fan_ins = [width, width, HIDDEN, HIDDEN]
    return [
        (2 * torch.rand(shape, generator=generator) - 1) / fan_in**0.5
        for shape, fan_in in zip(shapes, fan_ins, strict=True)
    ]


def columns(per_net: Tensor) -> Tensor:
    """(rates, folds, rows, nets) as (rows, columns)."""
    return per_net.movedim(2, 0).flatten(1)


def scores(nets: list[Nets], x: Tensor) -> Tensor:
    """Scores of rows, (rows, columns)."""
    return columns(torch.stack([net(x) for net in nets]))


def repeated(of_fold: Tensor) -> Tensor:
    """What every net on a fold has in common, (folds, rows), as (rows, columns)."""
    return columns(of_fold[None, :, :, None].expand(len(RATES), -1, -1, len(NETS)))


def train(case: Case, folds: Folds, size: int, steps: int = STEPS) -> list[Nets]:
    """The trained nets, for each rate."""
    nets = [Nets(folds) for _ in RATES]
    groups = [{"params": list(net.parameters()), "lr": rate} for net, rate in zip(nets, RATES, strict=True)]
    optimizer = torch.optim.Adam(groups, fused=True)
    prevalence = folds.y.sum(1, keepdim=True) / folds.is_row.sum(1, keepdim=True)
    first, later = phases(case, repeated(prevalence))
    every = torch.arange(len(folds))[:, None]
    for step, rows in enumerate(folds.batches(size, steps)):
        loss = first if 2 * step < steps else later
        optimizer.zero_grad()
        loss(scores(nets, folds.x[every, rows]), repeated(folds.y[every, rows])).backward()
        optimizer.step()
    return nets
