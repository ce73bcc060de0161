"""A backend: a folder with a working loss that has holes, and a table of what its framework calls things."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from metricloss.errors import BackendError, MissingFrameworkError, UnknownBackendError, nearest
from metricloss.spelling import TABLE_KEYS

#: The functions of a backend's loss.py that the compiler fills.
HOLES = ("metric", "objective", "slopes", "relax", "relax_slope", "decide")


@dataclass(frozen=True)
class Backend:
    """What the compiler knows of a framework, all of it from its folder.

    name: of the folder; title: for people; module: what must be importable; install: how to get it; call: how
    the loss is called; entry_points: the functions and classes a user calls; functions: how the framework
    spells each function of a plan; skeleton: the text of loss.py; facts: the rest of backend.toml.

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
    import tomllib  # here, for it would be a tenth of what `import metricloss` costs

    try:
        table = tomllib.loads((folder / "backend.toml").read_text("utf-8"))
        skeleton = (folder / "loss.py").read_text("utf-8")
        functions, arguments, facts = table.pop("functions"), table.pop("arguments"), dict(table)
        words = {key: facts.pop(key) for key in ("title", "module", "install", "call")}
        entry_points = tuple(facts.pop("entry_points"))
        definitions = (ast.FunctionDef, ast.ClassDef)
        defined = {node.name for node in ast.parse(skeleton).body if isinstance(node, definitions)}
    except (OSError, KeyError, SyntaxError, tomllib.TOMLDecodeError) as problem:
        raise BackendError(f"backend folder {folder.name!r} is not complete: {problem}") from problem
    _check(folder.name, defined, functions, entry_points)
    return Backend(
        name=folder.name, **words, arguments=arguments, entry_points=entry_points, functions=functions,
        skeleton=skeleton, facts=facts, folder=folder,
    )  # fmt: skip


def _check(name: str, defined: set[str], functions: dict[str, str], entry_points: tuple[str, ...]) -> None:
    if missing := sorted({*HOLES, *entry_points} - defined):
        raise BackendError(f"backends/{name}/loss.py has no function {', '.join(missing)}")
    not_needed = set() if "relax__multiclass" in defined else {"complement"}
    if missing := sorted(set(TABLE_KEYS) - not_needed - functions.keys()):
        raise BackendError(
            f"backends/{name}/backend.toml does not spell {', '.join(missing)} under [functions]"
        )
