"""A learned function as numbers: a fully connected network with ELU between its layers."""

from __future__ import annotations

import hashlib
import math
import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain

from metricloss.errors import OptionError

#: Of a layer: for each of its inputs, what it adds to each of its outputs; and what is added to each output.
Layer = tuple[tuple[tuple[float, ...], ...], tuple[float, ...]]
#: Of a number in it: what is computed of larger ones overflows float32.
LARGEST = 1e18


@dataclass(frozen=True)
class Network:
    """One number of several: x → ELU(x·W₁ + b₁) → … → x·Wₖ + bₖ, with ELU(x) = x where x > 0, else eˣ - 1.

    layers: pairs (W, b), W of shape (inputs, outputs) as rows.

    Errors: OptionError where the shapes of two layers do not fit, the last has not one output, or a number is
    too large for float32, or none.

    >>> double = Network((((((2.0,),), (0.0,))),))
    >>> double([3.0]), double.slopes([3.0])
    (6.0, [2.0])
    """

    layers: tuple[Layer, ...] = field(repr=False)

    def __post_init__(self) -> None:
        if not self.layers:
            raise OptionError("a network has one layer at the least, and this one none")
        inputs = self.inputs
        for number, (weights, biases) in enumerate(self.layers, 1):
            if len(weights) != inputs or any(len(row) != len(biases) for row in weights):
                raise OptionError(f"layer {number} takes not the {inputs} numbers that it is given")
            inputs = len(biases)
        if inputs != 1:
            raise OptionError(f"the last layer has {inputs} outputs\nGive it one.")
        if not all(abs(number) <= LARGEST for number in self._numbers):
            raise OptionError(f"a number of the network is not finite, or beyond {LARGEST:.1g}")

    @property
    def inputs(self) -> int:
        """How many numbers it takes."""
        return len(self.layers[0][0])

    @cached_property
    def text(self) -> str:
        """Its numbers, layer by layer, the rows of W and then b, with all their digits.

        >>> Network(((((2.0,),), (0.5,)),)).text
        '2.0 0.5'
        """
        return " ".join(repr(float(number)) for number in self._numbers)

    @cached_property
    def name(self) -> str:
        """What tells it from others: a digest of its numbers."""
        return f"network_{hashlib.sha256(self.text.encode()).hexdigest()[:16]}"

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Of every layer, how many numbers it takes and how many it gives."""
        return tuple((len(weights), len(biases)) for weights, biases in self.layers)

    def __call__(self, x: Sequence[float]) -> float:
        """The value at a point."""
        return self._activations(x)[-1][0]

    def slopes(self, x: Sequence[float]) -> list[float]:
        """The derivative at a point by each input."""
        moves = [1.0]
        activations = self._activations(x)
        for number, (weights, _) in reversed(list(enumerate(self.layers))):
            moves = [_dot(row, moves) for row in weights]
            if number:  # ELU'(u) is 1 where u > 0, else ELU(u) + 1
                moves = [move * min(1.0, a + 1) for move, a in zip(moves, activations[number], strict=True)]
        return moves

    def _activations(self, x: Sequence[float]) -> list[list[float]]:
        """What each layer is given, and what the last gives."""
        activations = [list(map(float, x))]
        for number, ((_, biases), columns) in enumerate(zip(self.layers, self._columns, strict=True), 1):
            sums = [b + _dot(activations[-1], column) for b, column in zip(biases, columns, strict=True)]
            is_last = number == len(self.layers)
            activations.append(sums if is_last else [u if u > 0 else math.expm1(u) for u in sums])
        return activations

    @property
    def _numbers(self) -> Iterator[float]:
        for weights, biases in self.layers:
            yield from chain(*weights, biases)

    @cached_property
    def _columns(self) -> list[list[tuple[float, ...]]]:
        """Of every layer, the columns of W."""
        return [list(zip(*weights, strict=True)) for weights, _ in self.layers]


def _dot(x: Sequence[float], y: Sequence[float]) -> float:
    return math.fsum(map(operator.mul, x, y))
