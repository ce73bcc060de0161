"""Surrogate + Backend -> source -> loss: the same walk for a loss that was learned as a whole."""

from __future__ import annotations

import ast
import types
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from metricloss.backend import Backend, composed
from metricloss.errors import OptionError
from metricloss.expression import identifier
from metricloss.header import wrapped
from metricloss.loss import Loaded, module_of
from metricloss.source import Written, named, reached
from metricloss.surrogate import Surrogate
from metricloss.variants import bound, varied
from metricloss.version import __version__

#: What users may call, where a backend's surrogate.py has it.
_ENTRY_POINTS = ("loss", "value_and_grad", "features", "MetricLoss")


@dataclass(frozen=True)
class SurrogateSource(Written):
    """The text of an emitted file of a surrogate, and what it was made from; as a Source else.

    >>> from metricloss import Network, emit
    >>> youden = Surrogate("youden", (0.0,), 4.0, Network(((((-1.0,), (1.0,), (0.0,)), (1.0,)),)), 1.0)
    >>> print(emit(youden, "jax").text.splitlines()[0])
    \"""A loss for JAX, learned for youden.
    """

    text: str = field(repr=False)
    surrogate: Surrogate
    backend: Backend

    @cached_property
    def entry_points(self) -> tuple[str, ...]:
        """What users call in the file."""
        found = (name for node in ast.parse(self.text).body for name in bound(node))
        possible = [named(name, identifier(self.surrogate.name)) for name in _ENTRY_POINTS]
        return tuple(name for name in found if name in possible)


@dataclass(frozen=True)
class SurrogateLoss(Loaded):
    """A compiled surrogate: call it as its framework calls losses.

    Beside the loss it has ``features``, what its network is given of a batch; ``value_and_grad`` where the
    framework has no autodiff of its own; and where it has modules, such a class. There is no ``score``: the
    metric that it was learned for may be any function of scores and labels, and stands in no file.

    >>> from metricloss import Network, compile
    >>> youden = Surrogate("youden", (0.0,), 4.0, Network(((((-1.0,), (1.0,), (0.0,)), (1.0,)),)), 1.0)
    >>> loss = compile(youden, "numpy")
    >>> [float(number) for number in loss.features([1, 0], [0.0, 0.0])], float(loss([1, 0], [0.0, 0.0]))
    ([0.5, 0.5, 0.5], 1.0)
    """

    emitted: SurrogateSource
    module: types.ModuleType = field(repr=False, compare=False)

    @property
    def surrogate(self) -> Surrogate:
        return self.emitted.surrogate

    def __repr__(self) -> str:
        backend = self.emitted.backend
        return f"SurrogateLoss({self.surrogate.name} for {backend.title}: {backend.call})"

    def __reduce__(self) -> tuple[Callable[[SurrogateSource], SurrogateLoss], tuple[SurrogateSource]]:
        return load_surrogate, (self.emitted,)


def surrogate_source(surrogate: Surrogate, backend: Backend) -> SurrogateSource:
    """The source of a surrogate's loss.

    Errors: OptionError where the backend has no surrogates.

    >>> from metricloss.backend import get_backend
    >>> from metricloss.network import Network
    >>> youden = Surrogate("youden", (0.0,), 4.0, Network(((((-1.0,), (1.0,), (0.0,)), (1.0,)),)), 1.0)
    >>> surrogate_source(youden, get_backend("torch")).entry_points
    ('loss', 'features', 'YoudenLoss')
    """
    network = surrogate.network
    settings = {
        "THRESHOLDS": tuple(map(float, surrogate.thresholds)),
        "SLOPE": float(surrogate.slope),
        "SHAPES": network.shapes,
        "WEIGHTS": network.text,
        "FORMULA": f"learned for {surrogate.name}",
    }
    text = varied(_skeleton(backend), (), settings)
    entry_points = {name for node in ast.parse(text).body for name in bound(node)} & set(_ENTRY_POINTS)
    name = identifier(surrogate.name)
    return SurrogateSource(reached(text, _header(surrogate, backend), entry_points, name), surrogate, backend)


def load_surrogate(source: SurrogateSource) -> SurrogateLoss:
    """The loss of a source, loaded as any other."""
    return SurrogateLoss(source, module_of(source, identifier(source.surrogate.name)))


def _skeleton(backend: Backend) -> str:
    """The backend's loss.py, with its surrogate.py in place of what both define."""
    path = backend.folder / "surrogate.py"
    if not path.exists():
        raise OptionError(f"{backend.title} has no surrogates\nbackends/{backend.name} has no surrogate.py.")
    return composed(backend.skeleton, path.read_text("utf-8"))


def _header(surrogate: Surrogate, backend: Backend) -> str:
    count, needed = len(surrogate.thresholds), backend.facts.get("needs", backend.title)
    sizes = ", ".join(str(outputs) for _, outputs in surrogate.network.shapes)
    paragraphs = (
        f"A loss for {backend.title}, learned for {surrogate.name}.",
        wrapped(
            f"Written by metricloss {__version__}. The file needs {needed} and nothing else, and may be copied "
            "into any project, under any licence. No command writes it again: it was learned, and what was "
            "learned stands below as THRESHOLDS, SLOPE, SHAPES and WEIGHTS."
        ),
        "    features  \u03a3 w·y·a_k/P and \u03a3 w·(1 - y)·a_k/N for each threshold t_k, and P/(P + N),\n"
        "              with a_k = sigmoid(SLOPE·(z - t_k)), P = \u03a3 w·y, N = \u03a3 w·(1 - y)\n"
        f"    loss      a network of these {2 * count + 1} numbers, whose layers give {sizes},\n"
        "              with ELU between them",
        wrapped(
            "On batches that were not learned from, the rank correlation of the negated loss with "
            f"{surrogate.name} was {surrogate.spearman:.3g}. The metric itself may be any function of scores "
            "and labels: the file has no score."
        ),
        wrapped(
            "Scores are logits, of binary labels. A quotient whose denominator is zero is 0. Finite scores "
            "give a finite loss and a finite gradient."
        ),
    )
    return "\n\n".join(paragraphs) + "\n"
