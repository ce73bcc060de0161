"""Source -> Loss: an emitted file, loaded."""

from __future__ import annotations

import copyreg
import linecache
import sys
import types
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metricloss.derivation import Derivation, derivation
from metricloss.metric import Metric
from metricloss.plan import Plan
from metricloss.relaxation import Relaxation
from metricloss.slopes import Slopes
from metricloss.source import Source, Written
from metricloss.task import Task

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Loaded:
    """An emitted file, loaded: called as its loss, with the other functions of the file beside it."""

    emitted: Written
    module: types.ModuleType

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self.emitted.entry_points})

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """The loss; see the emitted file's own docstring for its arguments."""
        return self.module.loss(*arguments, **options)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_") or name not in self.emitted.entry_points:
            there = ", ".join(self.emitted.entry_points)
            raise AttributeError(f"a loss for {self.emitted.backend.name} has no {name}: there are {there}")
        function: Callable[..., Any] = getattr(self.module, name)
        return function

    @property
    def source(self) -> str:
        """The text of the emitted file."""
        return self.emitted.text

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the emitted file; OutputExistsError where one stands already, unless `force`."""
        return self.emitted.save(path, force=force)


@dataclass(frozen=True)
class Loss(Loaded):
    """A compiled loss: call it as its framework calls losses.

    Beside the loss itself it has the other functions of the emitted file: ``score``, the hard metric;
    ``counts`` and ``soft_counts``; ``value_and_grad`` where the framework has no autodiff of its own; and where
    it has modules, such a class, called after the metric, as ``F1Loss``.
    Every stage that led to it can be looked at: ``metric``, ``slopes``, ``plan``, ``derivation``, ``source``.

    >>> from metricloss import compile
    >>> loss = compile("TP/P", "numpy")
    >>> loss.slopes.negative
    0
    """

    emitted: Source
    module: types.ModuleType = field(repr=False, compare=False)

    def __repr__(self) -> str:
        backend = self.emitted.backend
        return f"Loss({self.metric.name} for {backend.title}, relaxed by {self.relaxation}: {backend.call})"

    @property
    def metric(self) -> Metric:
        return self.emitted.recipe.metric

    @property
    def relaxation(self) -> Relaxation:
        return self.emitted.recipe.relaxation

    @property
    def task(self) -> Task:
        return self.emitted.recipe.task

    @property
    def slopes(self) -> Slopes:
        return self.metric.slopes

    @property
    def plan(self) -> Plan:
        return self.emitted.plan

    @property
    def derivation(self) -> Derivation:
        """The chain score → p → a → counts → metric → loss, each step with its derivative."""
        return derivation(self.emitted.recipe)

    def plot(self, prevalence: float = 0.5, n: int = 1000) -> Figure:
        """n times the gradient by one score, for a positive and for a negative: a matplotlib Figure.

        It is that at a reference batch of n entries, of which a share `prevalence` is positive, with scores
        spread normally about 1 and -1. Errors: OptionError where the prevalence is not inside (0, 1);
        MissingFrameworkError without matplotlib.

        >>> from metricloss import compile
        >>> compile("TP/PP", "numpy").plot(prevalence=0.1).axes[0].get_xlabel()
        'score z'
        """
        from metricloss.plots import gradients

        return gradients(self.plan, self.emitted.recipe.from_logits, prevalence, n)

    def _repr_html_(self) -> str:
        call = f"{self.emitted.backend.title}: <code>{escape(self.emitted.backend.call)}</code>"
        about = f"<p>A loss for {call}, relaxed by {escape(str(self.relaxation))}.</p>"
        return f"<div>{about}{self.metric._repr_html_()}</div>"

    def __reduce__(self) -> tuple[Callable[[Source], Loss], tuple[Source]]:
        return load, (self.emitted,)


def load(source: Source) -> Loss:
    """The loss of a source, its text registered so that tracebacks, pdb and inspect.getsource show it."""
    return Loss(source, module_of(source, source.recipe.metric.name))


def module_of(source: Written, metric: str) -> types.ModuleType:
    """The module of an emitted file, under a name that no other text has."""
    checksum = zlib.crc32(source.text.encode())
    return load_text(source.text, f"metricloss_{metric}_{source.backend.name}_{checksum:08x}")


def load_text(text: str, name: str) -> types.ModuleType:
    """A module from the text of a file that metricloss ships or has emitted.

    >>> load_text("answer = 42", "deep_thought").answer
    42
    """
    filename = f"metricloss/{name}.py"  # where no file is; linecache then asks the loader
    module = types.ModuleType(name)
    module.__file__ = filename
    module.__dict__["__loader__"] = _Text(text)
    linecache.lazycache(filename, module.__dict__)
    sys.modules[name] = module  # torch.compile and pickle look a function's module up here
    exec(compile(text, filename, "exec"), module.__dict__)
    for kind in vars(module).values():
        if isinstance(kind, type) and kind.__module__ == name:  # which another process cannot import
            copyreg.pickle(kind, partial(_with_its_text, text))
    return module


def _with_its_text(text: str, made: object) -> tuple[Any, ...]:
    """What pickle and copy keep of an object whose class stands in a text that is in no file."""
    kind = type(made)
    return _blank, (text, kind.__module__, kind.__qualname__), made.__getstate__()


def _blank(text: str, name: str, kind: str) -> object:
    """An object without its state, of a class in a text."""
    cls = getattr(sys.modules.get(name) or load_text(text, name), kind)
    return cls.__new__(cls)


class _Text:
    """Hands the text to whoever wants to show or to transform the source: pdb, inspect, AutoGraph."""

    def __init__(self, text: str) -> None:
        self.text = text

    def get_source(self, fullname: str) -> str:
        return self.text
