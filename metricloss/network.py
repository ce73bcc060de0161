"""A learned function as numbers: a fully connected network with ELU between its layers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from metricloss.errors import OptionError

#: Of a layer: for each of its inputs, what it adds to each of its outputs; and what is added to each output.
Layer = tuple[tuple[tuple[float, ...], ...], tuple[float, ...]]


@dataclass(frozen=True)
class Network:
    """One number of several: x → ELU(x·W₁ + b₁) → … → x·Wₖ + bₖ, with ELU(x) = x where x > 0, else eˣ - 1.

    layers: pairs (W, b), W of shape (inputs, outputs) as rows.

    Errors: OptionError where the shapes of two layers do not fit, or the last has not one output.

    >>> double = Network((((((2.0,),), (0.0,))),))
    >>> double([3.0]), double.slopes([3.0])
    (6.0, [2.0])
    """

    layers: tuple[Layer, ...] = field(repr=False)

    def __post_init__(self) -> None:
        inputs = self.inputs
        for number, (weights, biases) in enumerate(self.layers, 1):
            if len(weights) != inputs or any(len(row) != len(biases) for row in weights):
                raise OptionError(f"layer {number} takes not the {inputs} numbers that it is given")
            inputs = len(biases)
        if inputs != 1:
            raise OptionError(f"the last layer has {inputs} outputs\nGive it one.")

    @property
    def inputs(self) -> int:
        """How many numbers it takes."""
        return len(self.layers[0][0])

    def __call__(self, x: Sequence[float]) -> float:
        """The value at a point."""
        return self._activations(x)[-1][0]

    def slopes(self, x: Sequence[float]) -> list[float]:
        """The derivative at a point by each input."""
        moves = [1.0]
        activations = self._activations(x)
        for number, (weights, _) in reversed(list(enumerate(self.layers))):
            moves = [math.fsum(w * move for w, move in zip(row, moves, strict=True)) for row in weights]
            if number:  # ELU'(u) is 1 where u > 0, else ELU(u) + 1
                moves = [move * min(1.0, a + 1) for move, a in zip(moves, activations[number], strict=True)]
        return moves

    def _activations(self, x: Sequence[float]) -> list[list[float]]:
        """What each layer is given, and what the last gives."""
        activations = [list(map(float, x))]
        for number, (weights, biases) in enumerate(self.layers, 1):
            columns = zip(*weights, strict=True)
            sums = [
                b + math.fsum(a * w for a, w in zip(activations[-1], column, strict=True))
                for b, column in zip(biases, columns, strict=True)
            ]
            is_last = number == len(self.layers)
            activations.append(sums if is_last else [u if u > 0 else math.expm1(u) for u in sums])
        return activations
