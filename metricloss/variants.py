"""One of several: a backend's functions as a task and an average need them."""

from __future__ import annotations

import ast
import json
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache

from metricloss.errors import BackendError
from metricloss.recipe import Recipe

#: Stands between the name of a function, class or constant, and the variant that it is.
_MARK = "__"
#: As long may a line of an emitted file be.
_WIDE = 112
#: Words without which a backend can do: torch lays arrays out alike, by sample or not; and not all use blocks.
_OPTIONAL = {"by_sample", "learned"}


def chosen(backend: str, skeleton: str, recipe: Recipe) -> str:
    r"""The text of a loss.py in which every function is there once, in the variant that the recipe needs.

    ``sums__grouped`` takes the place and the name of ``sums`` where that variant is wanted, and is left out
    where it is not. Constants that the recipe sets are set. backend: its name.

    Errors: BackendError where the backend has no variants for what is wanted.

    >>> from metricloss.recipe import recipe_of
    >>> chosen("toy", "A = 1\nA__grouped = 2\nA__averaged = 3", recipe_of("TP/P", task="multilabel"))
    'A = 3\n'
    """
    nodes = _nodes(skeleton)
    variants = list(recipe.variants)
    if recipe.is_multiclass and constant("IGNORE_INDEX", recipe, skeleton) is not None:
        variants.append("ignore_index")
    _require_variants(backend, nodes, variants)
    return varied(skeleton, variants, recipe.settings)


def varied(skeleton: str, variants: Sequence[str], settings: Mapping[str, object]) -> str:
    r"""The text with every function once, in the last of some variants that it has, and constants set.

    >>> varied("A = 1\nB = 2\nB__wide = 3", ["wide"], {"A": 4})
    'A = 4\nB = 3\n'
    """
    nodes = _nodes(skeleton)
    wanted = {base: _best(base, nodes, variants) for base in nodes if _MARK not in base}
    given = skeleton.splitlines()
    lines = list(given)
    for name, node in reversed(list(nodes.items())):
        if _MARK in name:
            del lines[first_line(node, given) : node.end_lineno]
        elif name in settings:
            lines[node.lineno - 1 : node.end_lineno] = assignment(name, settings[name])
        elif wanted[name] != name:
            variant = nodes[wanted[name]]
            lines[_start(node) : node.end_lineno] = given[_start(variant) : variant.end_lineno]
    names = {variant: base for base, variant in wanted.items() if variant != base}
    text = "\n".join(lines) + "\n"
    return re.sub(rf"\b\w+{_MARK}\w+\b", lambda found: names.get(found[0], found[0]), text)


def assignment(name: str, value: object) -> list[str]:
    """The lines that give a constant its value, long text in parts.

    >>> assignment("CLASS_AXIS", -1)
    ['CLASS_AXIS = -1']
    """
    line = f"{name} = {json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)}"
    if not isinstance(value, str) or len(line) <= _WIDE:
        return [line]
    parts = textwrap.wrap(value, _WIDE - 8, drop_whitespace=False, break_on_hyphens=False)
    return [f"{name} = (", *(f"    {json.dumps(part, ensure_ascii=False)}" for part in parts), ")"]


def _require_variants(backend: str, names: Iterable[str], variants: Iterable[str]) -> None:
    known = {name.partition(_MARK)[2] for name in names}
    if missing := [word for word in variants if word not in known | _OPTIONAL]:
        raise BackendError(
            f"backends/{backend}/loss.py has no variant of a function for this task: none is called "
            f"{', '.join(f'...{_MARK}{word}' for word in missing)}\n"
            "backends/README.md tells what variants are; a binary loss of all entries needs none."
        )


def _best(base: str, nodes: Mapping[str, ast.stmt], variants: Iterable[str]) -> str:
    """The name of the variant that is wanted, or of the function itself if none is."""
    names = [f"{base}{_MARK}{word}" for word in variants]
    return next((name for name in reversed(names) if name in nodes), base)


def constant(name: str, recipe: Recipe, skeleton: str) -> object:
    """The value of a constant in the file: the recipe's, else that of the backend's loss, else None."""
    nodes = _nodes(skeleton)
    return recipe.settings.get(name, _default(nodes.get(name)))


@cache
def _nodes(skeleton: str) -> Mapping[str, ast.stmt]:
    """The top-level statements of a loss.py, by the names that they bind."""
    return {name: node for node in ast.parse(skeleton).body for name in bound(node)}


def _default(node: ast.stmt | None) -> object:
    return ast.literal_eval(node.value) if isinstance(node, ast.Assign) else None


def bound(node: ast.stmt) -> Iterator[str]:
    """The names that a top-level statement binds."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.Assign):
        yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def first_line(node: ast.stmt, lines: list[str]) -> int:
    """The first line of a statement, counted from 0, with its decorators and the comment above it."""
    first = _start(node)
    while first and lines[first - 1].startswith("#"):
        first -= 1
    return first


def _start(node: ast.stmt) -> int:
    decorators = getattr(node, "decorator_list", [])
    start: int = min([node.lineno, *(decorator.lineno for decorator in decorators)]) - 1
    return start
