"""Plan + Backend -> Source: the holes of the backend's loss filled, and what is not used left out."""

from __future__ import annotations

import ast
import builtins
import errno
import keyword
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from metricloss.backend import Backend
from metricloss.errors import OutputExistsError
from metricloss.header import command
from metricloss.plan import Body, Plan
from metricloss.recipe import Recipe
from metricloss.spelling import spell_body
from metricloss.variants import bound, chosen, first_line


class Written(ABC):
    """The text of an emitted file, for a backend: prints, and can be saved."""

    text: str
    backend: Backend

    @property
    @abstractmethod
    def entry_points(self) -> tuple[str, ...]:
        """What users call in the file."""

    def __str__(self) -> str:
        return self.text

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the file, in place of an older one only if `force`.

        Errors: OutputExistsError.
        """
        return write(path, self.text, force=force)


@dataclass(frozen=True)
class Source(Written):
    """The text of an emitted file, and what it was made from.

    ``str(source)`` is the text; ``source.save(path)`` writes it.

    >>> from metricloss import emit
    >>> emit("TP/P", "jax").recipe.metric
    Metric(TP/(FN + TP), name='metric')
    """

    text: str = field(repr=False)
    recipe: Recipe
    plan: Plan = field(repr=False)
    backend: Backend

    @property
    def entry_points(self) -> tuple[str, ...]:
        """What users call in the file.

        >>> from metricloss import emit
        >>> emit("f1", "keras").entry_points[-2:]
        ('F1Loss', 'F1Score')
        """
        return tuple(named(name, self.recipe.metric.name) for name in self.backend.entry_points)


def write(path: str | Path, text: str, *, force: bool = False) -> Path:
    """Write a text, in place of an older file only if `force`.

    Errors: OutputExistsError.
    """
    path = writable(path, force=force)
    path.write_text(text, encoding="utf-8")
    return path


def writable(path: str | Path, *, force: bool = False) -> Path:
    """The path, if no file stands there or it may be replaced; OutputExistsError if not.

    Errors: FileNotFoundError where its folder is not there.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    if path.exists() and not force:
        raise OutputExistsError(
            f"{path} exists and was left as it is\n"
            "Write elsewhere, or replace it: save(..., force=True), --force."
        )
    return path


def fill(backend: Backend, recipe: Recipe, plan: Plan, header: str) -> str:
    """The backend's loss with the plan in its holes and `header` at its head, less what it does not use."""
    skeleton = _skeleton(chosen(backend.name, backend.skeleton, recipe))
    fillings = {}
    for name, body in plan.bodies.items():
        if name not in skeleton.functions:
            continue
        arguments = dict(zip(body.arguments, skeleton.parameters(name), strict=False))
        if name == "objective":  # its last argument is the metric's value: in the file, a call
            arguments[body.arguments[-1]] = f"metric({', '.join(skeleton.parameters('metric'))})"
        rename = _without_clashes(body, skeleton.names) | arguments
        fillings[name] = spell_body(body, backend.functions, rename, numbers=name == "relax_slope")
    if plan.threshold is not None:
        fillings["decide"] = [f"return {skeleton.parameters('decide')[0]} > {plan.threshold!r}"]
    if "command" in skeleton.functions:
        fillings["command"] = [f"return {command(recipe, backend)!r}"]
    return skeleton.filled(header, fillings, backend.entry_points, recipe.metric.name)


def reached(text: str, header: str, entry_points: Iterable[str], metric: str) -> str:
    """A text without holes, with `header` at its head, less what its entry points do not reach.

    >>> print(reached("'head'\\nA = 1\\nB = 2\\ndef f():\\n    return A", "A head.", ["f"], "f1"))
    \"""A head.\"""
    A = 1
    <BLANKLINE>
    <BLANKLINE>
    def f():
        return A
    <BLANKLINE>
    """
    return _skeleton(text).filled(header, {}, entry_points, metric)


def named(text: str, metric: str) -> str:
    """A text in which what a backend calls MetricLoss, MetricScore, metric_loss is named after a metric.

    >>> named("class MetricLoss", "balanced_accuracy"), named("metric_loss", "f1")
    ('class BalancedAccuracyLoss', 'f1_loss')
    """
    words = "".join(word[:1].upper() + word[1:] for word in metric.split("_")) or "Metric"
    return _NAMED.sub(lambda found: words if found[0] == "Metric" else metric, text)


_NAMED = re.compile(r"\b(?:Metric(?=(?:Loss|Score)\b)|metric(?=_(?:loss|score)\b))")


def _without_clashes(body: Body, names: Iterable[str]) -> dict[str, str]:
    """Names that would hide one of the file, a built-in or a keyword, with an underscore."""
    taken = {*names, *keyword.kwlist, *dir(builtins)}
    return {name: f"{name}_" for names, _ in body.assignments for name in names if name in taken}


class _Skeleton:
    """The text of a loss.py and where its parts stand; everything outside the holes is kept to the letter."""

    def __init__(self, text: str) -> None:
        self.lines = text.splitlines()
        self.head, *self.nodes = ast.parse(text).body
        self.functions = {node.name: node for node in self.nodes if isinstance(node, ast.FunctionDef)}
        self.names = [name for node in self.nodes for name in bound(node)]
        self.uses = {name: _names(node) for node in self.nodes for name in bound(node)}
        self.companions = _companions(self.nodes)

    def parameters(self, function: str) -> list[str]:
        return [argument.arg for argument in self.functions[function].args.args]

    def filled(
        self, header: str, fillings: Mapping[str, list[str]], entry_points: Iterable[str], metric: str
    ) -> str:
        """The text with the holes filled, less the definitions and imports that no entry point reaches.

        metric: the name that classes are named after.
        """
        reached = self._reached(fillings, entry_points)
        lines: list[str | None] = [named(line, metric) for line in self.lines]
        for node in reversed(self.nodes):
            names = set(bound(node))
            start = first_line(node, self.lines)
            if names and not names & reached:
                del lines[start : node.end_lineno]
            elif isinstance(node, ast.FunctionDef | ast.ClassDef):
                if node.name in fillings and isinstance(node, ast.FunctionDef):
                    code = ["    " + line for line in fillings[node.name]]
                    lines[_after_docstring(node) : node.end_lineno] = code
                lines.insert(start, None)
        lines[self.head.lineno - 1 : self.head.end_lineno] = _docstring(header)
        return _spaced(lines)

    def _reached(self, fillings: Mapping[str, list[str]], entry_points: Iterable[str]) -> set[str]:
        uses = self.uses | {name: self._uses_of_filled(name, code) for name, code in fillings.items()}
        reached, waiting = set[str](), set(entry_points)
        while waiting:
            reached |= waiting
            waiting = {
                used for name in waiting for used in (*uses.get(name, ()), *self.companions.get(name, ()))
            }
            waiting -= reached
        return reached

    def _uses_of_filled(self, name: str, code: Iterable[str]) -> set[str]:
        function = self.functions[name]
        head = (function.args, function.returns, *function.decorator_list)
        return _names(ast.parse("\n".join(code))).union(*(_names(part) for part in head if part))


#: Of each variant that is asked for; one is a few parses, and all metrics share it.
_skeleton = lru_cache(maxsize=64)(_Skeleton)


def _companions(nodes: Iterable[ast.stmt]) -> Mapping[str, set[str]]:
    """What goes with a function: those that are registered on it, as JAX's rules are."""
    companions: dict[str, set[str]] = {}
    functions = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    for node in nodes:
        for decorator in getattr(node, "decorator_list", []):
            for owner in _names(decorator) & functions:
                companions.setdefault(owner, set()).update(bound(node))
    return companions


def _docstring(text: str) -> list[str]:
    """The lines of a docstring; what a user wrote may stand in it and must not end it."""
    harmless = text.replace("\\", "\\\\").replace('"', "'")
    return f'"""{harmless}"""'.splitlines()


def _after_docstring(function: ast.FunctionDef) -> int:
    """The line, counted from 0, at which the code of a function begins."""
    first = function.body[0]
    is_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return (first.end_lineno or 0) if is_docstring else first.lineno - 1


def _spaced(lines: Iterable[str | None]) -> str:
    """The text with two blank lines where None stands, and never more than one elsewhere."""
    spaced: list[str] = []
    for line in lines:
        if line is None:
            while not spaced[-1].strip():
                spaced.pop()
            spaced += ["", ""]
        elif line or spaced[-1]:
            spaced.append(line)
    return "\n".join(spaced) + "\n"


def _names(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
