"""A relaxation that is learned: a network of the probability, inside the metric's own algebra."""

from __future__ import annotations

import warnings
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from metricloss.errors import RelaxationWarning
from metricloss.learn.batches import Array, Draw
from metricloss.learn.closed_form import closed_form
from metricloss.learn.judge import Judge
from metricloss.learn.learned import LearnedRelaxation
from metricloss.learn.training import (
    BatchLoss,
    Judged,
    Learner,
    Options,
    as_network,
    data,
    layers,
    rank_correlation,
    train,
)
from metricloss.network import Layer, Network
from metricloss.plan import lower
from metricloss.relaxation import Relaxation, p
from metricloss.relaxations import AnyLoss, Soft

#: Points of [0, 1] at which the network is computed; between them h is a line. Over the entries themselves,
#: tens of thousands in each step, it would compute much the same again and again.
POINTS = 1025
#: The network is given SPREAD·(p - 1/2): from p itself it learns no steep curve in the steps there are.
SPREAD = 8.0
#: What a falling h costs, beside a correlation of 1 at the most.
FALLING = 10.0
#: The least slope of h: as much of h = p is mixed in as that takes.
RISING = 0.01


class Relaxed(Learner):
    """The loss of soft counts through a network of the probability."""

    def __init__(self, judge: Judge, hidden: int, is_odd: bool) -> None:
        super().__init__()
        self.judge, self.is_odd = judge, is_odd
        self.network = layers(1, hidden)

    def curve(self) -> Tensor:
        """h on the grid, from 0 to 1."""
        grid = torch.linspace(-SPREAD / 2, SPREAD / 2, POINTS)
        values: Tensor = self.network(grid[:, None])[:, 0]
        if self.is_odd:
            values = values - values.flip(0)
        return (values - values[0]) / (values[-1] - values[0])

    def forward(self, scores: Tensor, labels: Tensor) -> Tensor:
        return loss_through(self.curve(), self.judge, scores, labels)

    def faults(self) -> Tensor:
        return FALLING * torch.relu(-self.curve().diff()).sum()


def loss_through(curve: Tensor, judge: Judge, scores: Tensor, labels: Tensor) -> Tensor:
    """The loss of each batch, with a curve on a grid of [0, 1] as relaxation."""
    counts = soft_counts(curve, scores, labels)
    if scores.ndim == 3 and judge.is_pooled:
        counts = [cell.sum(-1) for cell in counts]
    losses: Tensor = judge.objective(*counts)
    return losses.mean(-1) if losses.ndim == 2 else losses


def soft_counts(curve: Tensor, scores: Tensor, labels: Tensor) -> list[Tensor]:
    """TP, FP, FN, TN of each batch, and of each class where there are several."""
    if scores.ndim == 2:
        a, y = _at(curve, torch.sigmoid(scores)), labels.to(scores.dtype)
    else:
        a = _at(curve, torch.softmax(scores, -1))
        y = torch.nn.functional.one_hot(labels, scores.shape[-1]).to(scores.dtype)
    return [(label * decision).sum(1) for decision in (a, 1 - a) for label in (y, 1 - y)]


def _at(curve: Tensor, p: Tensor) -> Tensor:
    """A curve on a grid of [0, 1] at points between."""
    place = p * (len(curve) - 1)
    left = place.detach().floor().clamp(0, len(curve) - 2).long()
    part = place - left
    return curve[left] * (1 - part) + curve[left + 1] * part


def fixed(judge: Judge, curve: Array) -> BatchLoss:
    """The loss with a curve on a grid of [0, 1] that is there already."""
    return partial(loss_through, torch.from_numpy(curve).float(), judge)


def learn_relaxation(
    judge: Judge, draws: tuple[Draw, Draw], is_odd: bool, tolerance: float, options: Options
) -> LearnedRelaxation:
    """Learn on batches that are drawn, then fit the closed form."""
    judged = data(judge, draws, options)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed)
        learner = Relaxed(judge, options.hidden, is_odd)
    history = train(learner, judged, options)
    grid = np.linspace(0, 1, POINTS)
    with torch.no_grad():
        curve = learner.curve().double().numpy()
    share = share_of_p(curve)
    curve = (1 - share) * curve + share * grid
    from_p = SPREAD, -SPREAD / 2
    raw = as_network(learner.network, from_p)
    first, last = raw([0.0]), raw([1.0])
    fewer = slice(None, None, 4)  # enough for a fit
    found, error = closed_form(grid[fewer], curve[fewer], tolerance=tolerance, is_odd=is_odd)
    if error > tolerance:
        warnings.warn(
            f"the closed form is {error:.3f} from what was learned, farther than tolerance={tolerance}",
            RelaxationWarning,
            stacklevel=3,
        )
    return LearnedRelaxation(
        name=judge.name,
        network=with_line(as_network(learner.network, from_p, (1 / (last - first), -first)), share),
        is_odd=is_odd,
        closed_form=found,
        error=error,
        spearman=rank_correlation(fixed(judge, curve), judged.held_out),
        spearman_closed_form=rank_correlation(fixed(judge, curve_of(found)), judged.held_out),
        baselines=baselines(judge, judged.held_out),
        history=history,
    )


def entropy(scores: Tensor, labels: Tensor) -> Tensor:
    """The cross-entropy of each batch."""
    if scores.ndim == 2:
        of_entries = binary_cross_entropy_with_logits(scores, labels.to(scores.dtype), reduction="none")
    else:
        of_entries = cross_entropy(scores.movedim(-1, 1), labels, reduction="none")
    mean: Tensor = of_entries.mean(1)
    return mean


def baselines(judge: Judge, held_out: Judged) -> tuple[tuple[str, float], ...]:
    """The rank correlations of losses that are not learned, on the same batches."""
    relaxations = Soft(), AnyLoss(10), AnyLoss(30)
    losses = {"cross-entropy": entropy, **{str(each): fixed(judge, curve_of(each)) for each in relaxations}}
    return tuple((name, rank_correlation(loss, held_out)) for name, loss in losses.items())


def curve_of(relaxation: Relaxation) -> Array:
    """Its values on the grid."""
    body = lower({p: "p"}, [relaxation.expression])
    return np.array([body(point)[0] for point in np.linspace(0, 1, POINTS).tolist()])


def share_of_p(curve: Array) -> float:
    """How much of h = p is to be mixed into a curve on the grid, that its slope is nowhere below RISING.

    >>> share_of_p(np.linspace(0, 1, POINTS))
    0.0
    """
    least = float(np.diff(curve).min() * (len(curve) - 1))
    return (RISING - least) / (1 - least) if least < RISING else 0.0


def with_line(network: Network, share: float) -> Network:
    """(1 - share)·f(x) + share·x: a unit more in each layer hands x on, as ELU(x + 1) is x + 1 for x ≥ 0.

    >>> line = Network(((((5.0,),), (0.0,)), (((0.0,),), (0.0,))))
    >>> with_line(line, 0.25)([0.5])
    0.125
    """
    if not share:
        return network
    (first, shifts), *between, (last, (bias,)) = network.layers
    layers: list[Layer] = [((*((*row, 1.0) for row in first),), (*shifts, 1.0))]
    for weights, biases in between:
        nothing = (0.0,) * len(biases)
        layers.append(((*((*row, 0.0) for row in weights), (*nothing, 1.0)), (*biases, 0.0)))
    rows = (*(((1 - share) * row[0],) for row in last), (share,))
    return Network((*layers, (rows, ((1 - share) * bias - share,))))
