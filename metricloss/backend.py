"""A backend: a folder with a working loss that has holes, and a table of what its framework calls things."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from operator import itemgetter
from pathlib import Path
from typing import Any

from metricloss.errors import BackendError, MissingFrameworkError, UnknownBackendError, nearest
from metricloss.spelling import TABLE_KEYS
from metricloss.variants import bound

#: The functions of a backend's loss.py that the compiler fills.
HOLES = ("metric", "objective", "slopes", "relax", "relax_slope", "decide")
#: What only learned relaxations need: without it a backend has none.
LEARNED = ("learned", "learned_slope")


@dataclass(frozen=True)
class Backend:
    """What the compiler knows of a framework, all of it from its folder.

    name: of the folder; title: for people; module: what must be importable; install: how to get it; call: how
    the loss is called; entry_points: the functions and classes a user calls; functions: how the framework
    spells each function of a plan; skeleton, trial: the texts of loss.py and trial.py; facts: the rest of
    backend.toml. A folder may have a base, another backend, from which what it does not say itself is taken.

    >>> get_backend("jax").functions["asin"]
    'asin'
    """

    name: str
    title: str
    module: str
    install: str
    call: str
    arguments: dict[str, str] = field(hash=False)
    entry_points: tuple[str, ...]
    functions: dict[str, str] = field(repr=False, hash=False)
    skeleton: str = field(repr=False)
    trial: str = field(repr=False)
    facts: dict[str, Any] = field(repr=False, hash=False)
    folder: Path = field(repr=False)

    @property
    def is_installed(self) -> bool:
        return importlib.util.find_spec(self.module) is not None

    def require(self) -> None:
        """Raise MissingFrameworkError where the framework is not installed."""
        if not self.is_installed:
            raise MissingFrameworkError(
                f"{self.title} is not installed, and a loss for {self.name!r} runs on it\n"
                f"Install it: {self.install}\n"
                f"The source needs no framework: metricloss emit ... --backend {self.name}"
            )


def backends_folder() -> Path:
    """Where the backends are: inside the installed package, or beside it in a checkout."""
    here = Path(__file__).parent
    return next(folder for folder in (here / "backends", here.parent / "backends") if folder.is_dir())


@cache
def backend_names() -> tuple[str, ...]:
    """The names of the backends, in alphabetical order."""
    return tuple(sorted(path.parent.name for path in backends_folder().glob("*/backend.toml")))


def get_backend(backend: str | Path | Backend) -> Backend:
    """The backend of a name, or of a folder of your own.

    Errors: UnknownBackendError; BackendError where the folder is not complete.

    >>> get_backend("numpy").call
    'loss(y_true, y_score, *, sample_weight=None, mask=None)'
    """
    if isinstance(backend, Backend):
        return backend
    if isinstance(backend, Path):
        return _read(backend)
    if backend not in backend_names():
        known = ", ".join(backend_names())
        raise UnknownBackendError(
            f"no backend {backend!r}{nearest(str(backend), backend_names())}\nThere are {known}."
        )
    return _shipped(backend)


def all_backends() -> Iterator[Backend]:
    """The backends, in alphabetical order."""
    return map(get_backend, backend_names())


@cache
def _shipped(name: str) -> Backend:
    return _read(backends_folder() / name)


def _read(folder: Path) -> Backend:
    try:
        table, skeleton = _table(folder), _text(folder, "loss.py")
        functions, arguments, facts = table.pop("functions"), table.pop("arguments"), dict(table)
        words = {key: facts.pop(key) for key in ("title", "module", "install", "call")}
        entry_points = tuple(facts.pop("entry_points"))
        defined = {node.name for node in ast.parse(skeleton).body if isinstance(node, _DEFINITIONS)}
        trial = _text(folder, "trial.py") if (folder / "trial.py").exists() else ""
    except (OSError, KeyError, SyntaxError, ValueError) as problem:  # TOML that is none is a ValueError
        raise BackendError(f"backend folder {folder.name!r} is not complete: {problem}") from problem
    _check(folder.name, defined, functions, entry_points)
    return Backend(
        name=folder.name, **words, arguments=arguments, entry_points=entry_points, functions=functions,
        skeleton=skeleton, trial=trial, facts=facts, folder=folder,
    )  # fmt: skip


def _table(folder: Path) -> dict[str, Any]:
    """What a backend.toml says and, where it says nothing, what that of its base does."""
    import tomllib  # here, for it would be a tenth of what `import metricloss` costs

    table = tomllib.loads((folder / "backend.toml").read_text("utf-8"))
    if "base" not in table:
        return table
    return _table(backends_folder() / table["base"]) | table


def _text(folder: Path, file: str) -> str:
    """A file of a backend, with what its base has and it has not."""
    text = (folder / file).read_text("utf-8")
    base = _table(folder).get("base")
    return composed(_text(backends_folder() / base, file), text) if base else text


def composed(base: str, own: str) -> str:
    """The statements of two texts, under the docstring of the second, whose functions go first.

    What both define is taken from the second.

    >>> composed("'one'\\nA = 1\\nB = 2", "'two'\\nA = 3").splitlines()
    ["'two'", 'B = 2', 'A = 3']
    """
    (_, *theirs), ((_, docstring), *ours) = _statements(base), _statements(own)
    there = {ast.unparse(node) for node, _ in theirs}
    replaced = {name for node, _ in ours if not isinstance(node, _IMPORTS) for name in bound(node)}
    kept = [(_rank(node), text) for node, text in theirs if not replaced.intersection(bound(node))]
    added = [(min(_rank(node), 1), text) for node, text in ours if ast.unparse(node) not in there]
    return "\n".join([docstring, *(text for _, text in sorted([*kept, *added], key=itemgetter(0)))]) + "\n"


def _rank(node: ast.stmt) -> int:
    """Imports go first, then what is no definition."""
    return 0 if isinstance(node, _IMPORTS) else 2 if isinstance(node, _DEFINITIONS) else 1


_DEFINITIONS = (ast.FunctionDef, ast.ClassDef)
_IMPORTS = (ast.Import, ast.ImportFrom)


def _statements(text: str) -> Iterator[tuple[ast.stmt, str]]:
    """The statements of a file, each with its text and what stands above it."""
    lines, end = text.splitlines(), 0
    for node in ast.parse(text).body:
        yield node, "\n".join(lines[end : node.end_lineno])
        end = node.end_lineno or end


def _check(name: str, defined: set[str], functions: dict[str, str], entry_points: tuple[str, ...]) -> None:
    if missing := sorted({*HOLES, *entry_points} - defined):
        raise BackendError(f"backends/{name}/loss.py defines no {', '.join(missing)}")
    not_needed = set(LEARNED) if "relax__multiclass" in defined else {"complement", *LEARNED}
    if missing := sorted(set(TABLE_KEYS) - not_needed - functions.keys()):
        raise BackendError(
            f"backends/{name}/backend.toml does not spell {', '.join(missing)} under [functions]"
        )
