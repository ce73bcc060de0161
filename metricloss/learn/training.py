"""Learning a loss of batches from what a metric says of them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from metricloss.learn.batches import Array, Batches, Draw
from metricloss.learn.judge import Judge, check_varied
from metricloss.learn.ranking import SoftSpearman, ranks_of, spearman, unevenness
from metricloss.network import Network

#: Of scores and labels the loss of each batch.
BatchLoss: TypeAlias = Callable[[Tensor, Tensor], Tensor]
RATE = 0.01
#: Sets of batches, of `points` each: to learn from, to choose the best state by, to report.
LEARNED, CHOSEN, HELD_OUT = 32, 4, 4


@dataclass(frozen=True)
class Options:
    """points: batches in each step, a power of two. size: entries in each batch. hidden: units of each layer.
    epochs: how often all steps are gone through. gradient_penalty: what an uneven gradient costs, beside a
    correlation of 1 at the most.
    """

    points: int
    size: int
    hidden: int
    epochs: int
    gradient_penalty: float
    seed: int
    progress: bool

    @property
    def is_silent(self) -> bool | None:
        """What tqdm takes: None shows bars where there is somebody to see them."""
        return None if self.progress else True


@dataclass(frozen=True)
class Judged:
    """Batches, and what the metric says of each."""

    batches: Batches
    values: Array

    @property
    def tensors(self) -> tuple[Tensor, Tensor]:
        """Scores and labels."""
        return torch.from_numpy(self.batches.scores).float(), torch.from_numpy(self.batches.labels)


@dataclass(frozen=True)
class Data:
    """Sets to learn from; batches to choose the best state by; batches that neither has seen."""

    learned: list[Judged]
    chosen: Judged
    held_out: Judged


def data(judge: Judge, draws: tuple[Draw, Draw], options: Options) -> Data:
    """Batches with their values: those that are held out from other entries, where entries are given.

    Errors: LearningError for a metric that is constant on them.
    """
    rng = np.random.default_rng(options.seed)
    within, outside = draws
    check_varied(judge, within(rng, 16, options.size))

    def judged(draw: Draw, sets: int = 1) -> Judged:
        batches = draw(rng, sets * options.points, options.size)
        return Judged(batches, judge.values(batches))

    steps = tqdm(range(LEARNED), unit="step", desc="judging", delay=2, leave=False, disable=options.is_silent)
    learned = [judged(within) for _ in steps]
    return Data(learned, judged(within, CHOSEN), judged(outside, HELD_OUT))


class Learner(torch.nn.Module):  # type: ignore[misc]  # PyTorch's types are not read
    """A loss of batches with weights to learn."""

    def forward(self, scores: Tensor, labels: Tensor) -> Tensor:
        """The loss of each batch."""
        raise TypeError("a Learner says what its loss is")

    def faults(self) -> Tensor:
        """What is added to the objective for what the weights must not do; 0 where all is well."""
        return torch.zeros(())


def train(learner: Learner, judged: Data, options: Options) -> tuple[float, ...]:
    """Learn, and leave the learner in its best state: the rank correlation on `chosen` after each epoch.

    The first number is that before learning.
    """
    optimizer = torch.optim.Adam(learner.parameters(), RATE)
    correlation = SoftSpearman(len(judged.learned[0].values))
    history = [rank_correlation(learner, judged.chosen)]
    best = copy.deepcopy(learner.state_dict())
    with tqdm(range(options.epochs), unit="epoch", desc="learning", disable=options.is_silent) as bar:
        for _ in bar:
            for scores, labels, ranks in _steps(judged.learned):
                losses = learner(scores.requires_grad_(), labels)
                penalty = options.gradient_penalty * unevenness(losses, scores) + learner.faults()
                optimizer.zero_grad()
                (penalty - correlation(-losses, ranks)).backward()
                optimizer.step()
            history.append(rank_correlation(learner, judged.chosen))
            if history[-1] >= max(history):
                best = copy.deepcopy(learner.state_dict())
            bar.set_postfix_str(f"ρ = {history[-1]:.4f}, best {max(history):.4f}")
    learner.load_state_dict(best)
    return tuple(history)


def _steps(learned: list[Judged]) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    for judged in learned:
        yield *judged.tensors, ranks_of(judged.values)


def rank_correlation(loss: BatchLoss, judged: Judged) -> float:
    """Spearman's correlation of the negated loss with the metric."""
    with torch.no_grad():
        losses = loss(*judged.tensors)
    return spearman(losses.numpy(), judged.values)


def layers(inputs: int, hidden: int) -> torch.nn.Sequential:
    """A network of two hidden layers with ELU: as many inputs as said, one output."""
    return torch.nn.Sequential(
        torch.nn.Linear(inputs, hidden), torch.nn.ELU(),
        torch.nn.Linear(hidden, hidden), torch.nn.ELU(),
        torch.nn.Linear(hidden, 1),
    )  # fmt: skip


def as_network(
    sequence: torch.nn.Sequential,
    before: tuple[float, float] = (1.0, 0.0),
    after: tuple[float, float] = (1.0, 0.0),
) -> Network:
    """The network as numbers; (factor, shift) is factor·x + shift before it, factor·(y + shift) after it."""
    pairs = [(part.weight.detach().double().T, part.bias.detach().double()) for part in sequence[::2]]
    (factor, shift), (weights, biases) = before, pairs[0]
    pairs[0] = factor * weights, biases + shift * weights.sum(0)
    (factor, shift), (weights, biases) = after, pairs[-1]
    pairs[-1] = factor * weights, factor * (biases + shift)
    return Network(tuple((tuple(map(tuple, w.tolist())), tuple(b.tolist())) for w, b in pairs))
