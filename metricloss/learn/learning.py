"""What users call to learn a loss."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from sympy import Expr

from metricloss.errors import LearningError, MissingFrameworkError, OptionError
from metricloss.learn.learned import LearnedRelaxation
from metricloss.metric import Metric
from metricloss.surrogate import Surrogate, rise

if TYPE_CHECKING:
    from metricloss.learn.batches import Draw
    from metricloss.learn.training import Options

#: A metric, or the expression of one, or whatever gives a number for the scores and the targets of a batch.
Judging: TypeAlias = Metric | Expr | str | Callable[[Any, Any], float]


def relaxation(
    metric: Judging,
    scores: Any = None,
    targets: Any = None,
    *,
    direction: str | None = None,
    points: int = 256,
    size: int = 128,
    hidden: int = 128,
    epochs: int = 10,
    gradient_penalty: float = 0.1,
    tolerance: float = 0.02,
    seed: int = 0,
    progress: bool = True,
) -> LearnedRelaxation:
    """Learn the relaxation whose loss ranks batches as a metric does.

    metric: a Metric, or the expression of one; then the loss is best - metric of the counts that are relaxed.
    Or any callable of the scores and the targets of a batch, NumPy arrays, that gives a number; then the loss
    is the mean of 1 - h of the true class's probability. scores, targets: logits of shape (entries,) with
    labels 0/1, or (entries, classes) with labels 0, 1, …; without them binary batches of every kind are made
    up. One half of the entries is learned from; `spearman` is measured on the other. direction: of a callable
    or an expression, "minimize" if less is better. points: batches of a step, a power of two. size: entries
    of a batch. hidden: units of each of the two layers. epochs: of 32 steps each. gradient_penalty: what a
    gradient spread unevenly over the entries costs, beside a correlation of 1; without it h becomes the hard
    decision. tolerance: how far the closed form may be from h, where one as close is found.

    Errors: LearningError for a callable that raises, gives no finite number, or a constant, and for scores or
    targets that fit no metric; OptionError; those of Metric; MissingFrameworkError.

    >>> learned = relaxation("accuracy", points=16, size=32, hidden=8, epochs=1, progress=False)
    >>> learned(0.5), learned.closed_form.threshold, learned.error < 0.02
    (0.5, 0.5, True)
    """
    _require()
    from metricloss.learn.judge import judge_of
    from metricloss.learn.relaxing import learn_relaxation

    options = _options(points, size, hidden, epochs, gradient_penalty, seed, progress)
    if not 0 < tolerance < 1:
        raise OptionError(f"tolerance={tolerance!r}: give a number between 0 and 1.")
    draws, is_binary = _draws(scores, targets)
    return learn_relaxation(judge_of(metric, direction, is_binary), draws, is_binary, tolerance, options)


def surrogate(
    metric: Judging,
    scores: Any = None,
    targets: Any = None,
    *,
    direction: str | None = None,
    thresholds: Sequence[float] | None = None,
    slope: float | None = None,
    points: int = 256,
    size: int = 128,
    hidden: int = 64,
    epochs: int = 10,
    gradient_penalty: float = 0.01,
    seed: int = 0,
    progress: bool = True,
) -> Surrogate:
    """Learn a loss of whole batches of binary scores that ranks them as a metric does.

    The loss is a network of what `Surrogate` says: soft counts at thresholds. thresholds: logits, rising;
    without them 8 quantiles of the scores, and 0. slope: how sharply a score is compared with a threshold;
    without it 4 to the distance between two. The other arguments, and Errors, are those of `relaxation`.

    >>> learned = surrogate("f1", thresholds=[-1, 0, 1], points=16, size=32, hidden=8, epochs=1, progress=False)
    >>> learned.network.inputs
    7
    """
    _require()
    from metricloss.learn.judge import judge_of
    from metricloss.learn.seeing import learn_surrogate

    options = _options(points, size, hidden, epochs, gradient_penalty, seed, progress)
    draws, is_binary = _draws(scores, targets)
    if not is_binary:
        raise LearningError("the scores are of several classes\nGive binary ones, of shape (entries,).")
    places = None if thresholds is None else [float(threshold) for threshold in thresholds]
    if places is not None and not (rise(places) and all(map(math.isfinite, places))):
        raise OptionError(f"thresholds={thresholds!r}: give rising finite numbers, logits.")
    if slope is not None and not 0 < slope < math.inf:
        raise OptionError(f"slope={slope!r}: give a number above 0.")
    return learn_surrogate(judge_of(metric, direction), draws, places, slope, options)


def _require() -> None:
    for package in ("torch", "diffsort", "scipy"):
        if importlib.util.find_spec(package) is None:
            raise MissingFrameworkError(
                f"learning takes {package}, which is not installed\nInstall it: pip install 'metricloss[learn]'"
            )


def _draws(scores: Any, targets: Any) -> tuple[tuple[Draw, Draw], bool]:
    """What draws batches to learn from and to hold out, and whether their scores are binary."""
    from metricloss.learn.batches import generated, given

    if (scores is None) != (targets is None):
        missing = "scores" if scores is None else "targets"
        raise LearningError(f"{missing} are missing\nGive scores with their targets, or neither.")
    if scores is None:
        return (generated, generated), True
    draws, is_binary = given(scores, targets)
    return draws, is_binary


def _options(
    points: int, size: int, hidden: int, epochs: int, gradient_penalty: float, seed: int, progress: bool
) -> Options:
    from metricloss.learn.training import Options

    for name, value, least in (
        ("points", points, 4),
        ("size", size, 2),
        ("hidden", hidden, 1),
        ("epochs", epochs, 0),
        ("seed", seed, 0),
    ):
        if not isinstance(value, int) or value < least:
            raise OptionError(f"{name}={value!r}: give a whole number from {least} on.")
    if points & (points - 1):
        raise OptionError(f"points={points}: the network that sorts them takes a power of two, like 256.")
    if not 0 <= gradient_penalty < math.inf:
        raise OptionError(f"gradient_penalty={gradient_penalty!r}: give a number from 0 on.")
    return Options(points, size, hidden, epochs, gradient_penalty, seed, progress)
