"""Plan + Backend -> Source: the holes of the backend's loss filled, and what is not used left out."""

from __future__ import annotations

import ast
import builtins
import keyword
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from metricloss.backend import Backend
from metricloss.errors import OutputExistsError
from metricloss.plan import Body, Plan
from metricloss.recipe import Recipe
from metricloss.spelling import spell_body
from metricloss.variants import bound, chosen, first_line


@dataclass(frozen=True)
class Source:
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

    def __str__(self) -> str:
        return self.text

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the file, in place of an older one only if `force`.

        Errors: OutputExistsError.
        """
        path = Path(path)
        if path.exists() and not force:
            raise OutputExistsError(
                f"{path} exists and was left as it is\n"
                "Write elsewhere, or replace it: save(..., force=True), --force."
            )
        path.write_text(self.text, encoding="utf-8")
        return path


def fill(backend: Backend, recipe: Recipe, plan: Plan, header: str) -> str:
    """The backend's loss with the plan in its holes and `header` at its head, less what it does not use."""
    skeleton = _Skeleton(chosen(backend.name, backend.skeleton, recipe))
    fillings = {}
    for name, body in plan.bodies.items():
        arguments = dict(zip(body.arguments, skeleton.parameters(name), strict=False))
        if name == "objective":  # its last argument is the metric's value: in the file, a call
            arguments[body.arguments[-1]] = f"metric({', '.join(skeleton.parameters('metric'))})"
        rename = _without_clashes(body, skeleton.names) | arguments
        fillings[name] = spell_body(body, backend.functions, rename)
    if plan.threshold is not None:
        fillings["decide"] = [f"return {skeleton.parameters('decide')[0]} > {plan.threshold!r}"]
    return _shaken(skeleton.filled(header, fillings), backend.entry_points)


def _without_clashes(body: Body, names: Iterable[str]) -> dict[str, str]:
    """Names that would hide one of the file, a built-in or a keyword, with an underscore."""
    taken = {*names, *keyword.kwlist, *dir(builtins)}
    return {name: f"{name}_" for name, _ in body.assignments if name in taken}


class _Skeleton:
    """The text of a loss.py and where its parts stand; everything outside the holes is kept to the letter."""

    def __init__(self, text: str) -> None:
        self.lines = text.splitlines()
        self.head, *body = ast.parse(text).body
        self.functions = {node.name: node for node in body if isinstance(node, ast.FunctionDef)}
        self.names = [name for node in body for name in bound(node)]

    def parameters(self, function: str) -> list[str]:
        return [argument.arg for argument in self.functions[function].args.args]

    def filled(self, header: str, fillings: dict[str, list[str]]) -> str:
        lines = list(self.lines)
        for function in reversed(self.functions.values()):
            if function.name in fillings:
                code = ["    " + line for line in fillings[function.name]]
                lines[_after_docstring(function) : function.end_lineno] = code
        lines[self.head.lineno - 1 : self.head.end_lineno] = _docstring(header)
        return "\n".join(lines) + "\n"


def _docstring(text: str) -> list[str]:
    """The lines of a docstring; what a user wrote may stand in it and must not end it."""
    harmless = text.replace("\\", "\\\\").replace('"', "'")
    return f'"""{harmless}"""'.splitlines()


def _after_docstring(function: ast.FunctionDef) -> int:
    """The line, counted from 0, at which the code of a function begins."""
    first = function.body[0]
    is_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return (first.end_lineno or 0) if is_docstring else first.lineno - 1


def _shaken(text: str, entry_points: Iterable[str]) -> str:
    """The text without the top-level definitions and imports that the entry points do not reach."""
    tree = ast.parse(text)
    uses = {name: _names(node) for node in tree.body for name in bound(node)}
    for node in tree.body:  # a function that is registered on another, as JAX's rules are, goes with it
        for owner in {name for decorator in getattr(node, "decorator_list", []) for name in _names(decorator)}:
            uses.get(owner, set()).update(bound(node))
    reached, waiting = set(), set(entry_points)
    while waiting:
        reached |= waiting
        waiting = {used for name in waiting for used in uses.get(name, ())} - reached
    lines = text.splitlines()
    unused = [node for node in tree.body if (names := set(bound(node))) and not names & reached]
    for node in reversed(unused):
        del lines[first_line(node, lines) : node.end_lineno]
    return _spaced("\n".join(lines))


def _spaced(text: str) -> str:
    """The text with two blank lines before every function and class, and never more than one elsewhere."""
    text = re.sub(r"\n{3,}", "\n\n", text)
    lines = text.splitlines()
    for node in reversed(ast.parse(text).body):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            end = start = first_line(node, lines)
            while not lines[start - 1].strip():
                start -= 1
            lines[start:end] = ["", ""]
    return "\n".join(lines) + "\n"


def _names(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
