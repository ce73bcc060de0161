"""What is seen of a metric at sampled confusion matrices: cheap enough to be looked at before every loss."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import product

from metricloss.expression import SAMPLES

#: Four counts, TP, FP, FN, TN.
Matrix = tuple[float, float, float, float]
Value = Callable[..., float]

#: What rounding may do to a value, as a share of its size; and the step of a difference, as a share of a count.
ROUNDING, STEP = 1e-9, 1e-4
#: Numbers of positives and negatives whose predictions are all gone through.
SIZES = ((3, 4), (2, 7))
_WORDS = ("true positives", "false positives", "false negatives", "true negatives")


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
    """Confusion matrices of zeros, small numbers, ones and large numbers."""
    some = (0, 1 / math.sqrt(large), 1, large)
    return [counts for counts in product(some, some, some, some) if any(counts)]


def predictions(positives: int, negatives: int) -> Iterator[Matrix]:
    """All confusion matrices that predictions of so many positives and negatives can have."""
    for right, wrong in product(range(positives + 1), range(negatives + 1)):
        yield right, wrong, positives - right, negatives - wrong


_FEW = ordinary(24)


def same(values: Iterable[float], scale: float = 0) -> bool:
    """Whether the values are finite and the same, but for rounding of them or of numbers of the scale."""
    low, high = min(found := list(values)), max(found)
    return all(map(math.isfinite, found)) and high - low <= ROUNDING * max(abs(low), abs(high), scale)


def moves(value: Value, matrices: Sequence[Matrix]) -> tuple[int | None, ...]:
    """How the value moves when one of the four counts grows, the others fixed, seen at matrices without a zero.

    1 where it only rises, -1 where it only falls, 0 where it does not move, else None.

    >>> moves(lambda tp, fp, fn, tn: tp / (tp + fp), SAMPLES)
    (1, -1, 0, 0)
    """
    return tuple(_move(value, matrices, index) for index in range(4))


def _move(value: Value, matrices: Sequence[Matrix], index: int) -> int | None:
    seen = set()
    for counts in matrices:
        grown = (*counts[:index], counts[index] * (1 + STEP), *counts[index + 1 :])
        before, after = value(*counts), value(*grown)
        if abs(after - before) > 1e-12 * max(abs(before), abs(after), 1e-3):
            seen.add(1 if after > before else -1)
    return None if len(seen) == 2 else sum(seen)


def degree(value: Value, matrices: Sequence[Matrix] = SAMPLES) -> float | None:
    """The d of M(s·counts) = s^d·M(counts), seen at samples; None where there is none.

    >>> degree(lambda tp, fp, fn, tn: tp * tn), degree(lambda tp, fp, fn, tn: tp / (tp + 1))
    (2.0, None)
    """
    found = set()
    for counts in matrices:
        once, twice = value(*counts), value(*(2 * count for count in counts))
        if once == twice == 0 or not math.isfinite(once + twice):
            continue
        if once * twice <= 0:
            return None
        found.add(round(math.log2(twice / once), 6) + 0.0)
    return found.pop() if len(found) == 1 else None if found else 0.0


def trivial(value: Value, sign: int) -> list[str]:
    """Which constant predictions reach the best value that any prediction reaches.

    >>> trivial(lambda tp, fp, fn, tn: tp / (tp + fn), 1)
    ['positive']
    """
    found = {"positive", "negative"}
    for positives, negatives in SIZES:
        values = [value(*counts) for counts in predictions(positives, negatives)]
        finite = [sign * one for one in values if math.isfinite(one)] or [0.0]
        best, spread = max(finite), max(finite) - min(finite)
        constant = {"positive": (positives, negatives, 0, 0), "negative": (0, 0, positives, negatives)}
        found &= {
            word
            for word, counts in constant.items()
            if abs(sign * value(*counts) - best) <= max(ROUNDING * spread, ROUNDING**2 * abs(best))
        }
    return sorted(found, reverse=True)


def wrong_moves(signs: Sequence[int | None], sign: int) -> list[str]:
    """The counts which always move the value the wrong way, as clauses: what a sign error looks like.

    signs: of `moves`. sign: 1 if more is better, -1 if less is.

    >>> wrong_moves((1, 1, -1, 0), 1)
    ['more false positives raise it']
    """
    return [
        f"more {name} {'raise' if way > 0 else 'lower'} it"
        for name, way, right in zip(_WORDS, signs, (sign, -sign, -sign, sign), strict=True)
        if way is not None and way == -right
    ]


def concerns(value: Value, sign: int) -> list[str]:
    """What a user should know before training on the metric, as clauses; none for most.

    value: the metric of four counts. sign: 1 if more is better, -1 if less is.

    >>> concerns(lambda tp, fp, fn, tn: tp / (tp + fn), 1)
    ['predicting everything positive reaches its best value']
    """
    signs = moves(value, _FEW)
    found = wrong_moves(signs, sign)
    if found and not wrong_moves(signs, -sign):
        better, word = ("less", "minimize") if sign > 0 else ("more", "maximize")
        found.append(f"if {better} is better, say direction={word!r}")
    if (power := degree(value)) != 0:
        how = "depends on" if power is None else "grows with" if power > 0 else "shrinks with"
        found.append(f"its value {how} the number of entries")
    found += [f"predicting everything {word} reaches its best value" for word in trivial(value, sign)]
    return found
