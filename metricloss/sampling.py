"""What is seen of a metric at sampled confusion matrices: cheap enough to be looked at before every loss."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

from metricloss.expression import SAMPLES

#: Four counts, TP, FP, FN, TN.
Matrix = tuple[float, float, float, float]
Value = Callable[..., float]

#: What rounding may do to a value, as a share of its size; and the step of a difference, as a share of a count.
ROUNDING, STEP = 1e-9, 1e-4
#: Numbers of positives and negatives whose predictions are all gone through.
SIZES = ((3, 4), (2, 7))
WORDS = ("true positives", "false positives", "false negatives", "true negatives")


def small() -> list[Matrix]:
    """All confusion matrices of one to six entries."""
    some = range(7)
    return [counts for counts in product(some, some, some, some) if 1 <= sum(counts) <= 6]


def ordinary(number: int = 300) -> list[Matrix]:
    """Confusion matrices without a zero, of counts from 0.1 to 10000, spread evenly on a scale of logarithms.

    Source: H. Weyl's sequences, whose steps are irrational (Math. Annalen 77, 1916).
    """
    a, b, c, d = (
        [10 ** (5 * (step * math.sqrt(prime) % 1) - 1) for step in range(1, number + 1)]
        for prime in (2, 3, 5, 7)
    )
    return list(zip(a, b, c, d, strict=True))


def extreme(large: float) -> list[Matrix]:
    """Confusion matrices of zeros, ones and large numbers."""
    some = (0, 1, math.sqrt(large), large)
    return [counts for counts in product(some, some, some, some) if any(counts)]


def predictions(positives: int, negatives: int) -> Iterator[Matrix]:
    """All confusion matrices that predictions of so many positives and negatives can have."""
    for right, wrong in product(range(positives + 1), range(negatives + 1)):
        yield right, wrong, positives - right, negatives - wrong


_FEW = [*SAMPLES, *ordinary(8)]


def is_close(a: float, b: float) -> bool:
    """Whether two values are the same but for rounding."""
    return abs(a - b) <= ROUNDING * max(1, abs(a), abs(b))


@dataclass(frozen=True)
class Move:
    """How the value moves when one count grows: the matrices at which it rose and fell."""

    rises: tuple[Matrix, ...]
    falls: tuple[Matrix, ...]

    @property
    def sign(self) -> int | None:
        """1 where it only rises, -1 where it only falls, 0 where it does not move, else None."""
        if self.rises and self.falls:
            return None
        return bool(self.rises) - bool(self.falls)


def moves(value: Value, matrices: list[Matrix] | None = None) -> list[Move]:
    """How the value moves with each of the four counts, the others fixed.

    >>> [move.sign for move in moves(lambda tp, fp, fn, tn: tp / (tp + fp))]
    [1, -1, 0, 0]
    """
    at = matrices or _FEW
    found = []
    for index in range(4):
        rises, falls = [], []
        for counts in at:
            step = STEP * counts[index]
            grown = (*counts[:index], counts[index] + step, *counts[index + 1 :])
            before, after = value(*counts), value(*grown)
            noise = 1e-12 * max(abs(before), abs(after), 1e-3)
            if after - before > noise:
                rises.append(counts)
            elif before - after > noise:
                falls.append(counts)
        found.append(Move(tuple(rises), tuple(falls)))
    return found


def degree(value: Value, matrices: list[Matrix] | None = None) -> float | None:
    """The d of M(s·counts) = s^d·M(counts), seen at samples; None where there is none.

    >>> degree(lambda tp, fp, fn, tn: tp * tn), degree(lambda tp, fp, fn, tn: tp / (tp + 1))
    (2.0, None)
    """
    found = set()
    for counts in matrices or SAMPLES:
        once, twice = value(*counts), value(*(2 * count for count in counts))
        if abs(once) < 1e-9 or once * twice <= 0:
            if not is_close(once, twice):
                return None
            continue
        found.add(round(math.log2(twice / once), 6) + 0.0)
    return found.pop() if len(found) == 1 else None if found else 0.0


def trivial(value: Value, sign: int) -> list[str]:
    """Which constant predictions reach the best value that any prediction reaches.

    >>> trivial(lambda tp, fp, fn, tn: tp / (tp + fn), 1)
    ['positive']
    """
    found = {"positive", "negative"}
    for positives, negatives in SIZES:
        best = max(sign * value(*counts) for counts in predictions(positives, negatives))
        constant = {"positive": (positives, negatives, 0, 0), "negative": (0, 0, positives, negatives)}
        found &= {word for word, counts in constant.items() if is_close(sign * value(*counts), best)}
    return sorted(found, reverse=True)


def wrong_moves(value: Value, sign: int, matrices: list[Matrix] | None = None) -> list[str]:
    """The counts which move the value the wrong way wherever they move it: what a sign error looks like.

    >>> wrong_moves(lambda tp, fp, fn, tn: tp / (tp + fn - fp / 9), 1)
    ['more false positives raise it']
    """
    right = (sign, -sign, -sign, sign)
    word = {1: "raise", -1: "lower"}
    return [
        f"more {name} {word[move.sign]} it"
        for name, move, expected in zip(WORDS, moves(value, matrices), right, strict=True)
        if move.sign == -expected
    ]


def concerns(value: Value, sign: int) -> list[str]:
    """What a user should know before training on the metric, as clauses; none for most.

    value: the metric of four counts. sign: 1 if more is better, -1 if less is.

    >>> concerns(lambda tp, fp, fn, tn: tp / (tp + fn), 1)
    ['predicting everything positive reaches its best value']
    """
    found = wrong_moves(value, sign)
    if found and not wrong_moves(value, -sign):
        better, word = ("less", "minimize") if sign > 0 else ("more", "maximize")
        found.append(f"if {better} is better, say direction={word!r}")
    if (power := degree(value)) != 0:
        how = "depends on" if power is None else "grows with" if power > 0 else "shrinks with"
        found.append(f"its value {how} the number of entries")
    found += [f"predicting everything {word} reaches its best value" for word in trivial(value, sign)]
    return found
