"""What imports what: the compiler no framework, its modules one another one way; and what no module may do."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from types import ModuleType

import pytest

import metricloss

PACKAGE = Path(metricloss.__file__).parent
MODULES = sorted([*PACKAGE.glob("*.py"), *PACKAGE.glob("learn/*.py")])  # a wheel holds backends/ here too
#: What learning itself is made of, and what it imports; `metricloss.learn` alone imports none of it.
LEARNING = {
    "learn.batches": {"numpy"},
    "learn.judge": {"numpy"},
    "learn.closed_form": {"numpy", "scipy"},
    "learn.ranking": {"numpy", "scipy", "torch", "diffsort"},
    "learn.training": {"numpy", "scipy", "torch", "diffsort"},
    "learn.relaxing": {"numpy", "scipy", "torch", "diffsort"},
    "learn.seeing": {"numpy", "scipy", "torch", "diffsort"},
}
FRAMEWORKS = (
    *("numpy", "torch", "jax", "tensorflow", "array_api_compat", "xgboost", "lightgbm", "catboost"),
    *("sklearn", "scipy", "pandas", "diffsort"),
)


def loaded_after(statement: str) -> set[str]:
    """The frameworks that a clean interpreter has loaded after a statement."""
    code = f"import sys\nsys.path.insert(0, {str(PACKAGE.parent)!r})\n{statement}\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(FRAMEWORKS) & set(run.stdout.split())


def name_of(path: Path) -> str:
    """What a file is imported as, inside the package; the package itself stands under its own name."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__") or "metricloss"


def modules_of_the_compiler() -> list[str]:
    names = {name_of(path) for path in MODULES} - LEARNING.keys() - {"metricloss", "__main__"}
    return ["metricloss", *(f"metricloss.{name}" for name in sorted(names))]


def test_importing_the_compiler_loads_no_framework():
    assert loaded_after(f"import {', '.join(modules_of_the_compiler())}") == set()


def test_learning_is_imported_late():
    assert "metricloss.learn.learning" in modules_of_the_compiler()


@pytest.mark.parametrize("name", LEARNING)
def test_learning_imports_what_it_says(name: str):
    for package in LEARNING[name]:
        pytest.importorskip(package)
    assert loaded_after(f"import metricloss.{name}") >= LEARNING[name]


def test_compiling_for_a_framework_does_not_load_it():
    emitting = "; ".join(f"ml.emit('TP/P', {name!r})" for name in metricloss.backend.backend_names())
    assert loaded_after(f"import metricloss as ml; {emitting}") == set()


def test_the_check_for_frameworks_can_fail():
    pytest.importorskip("numpy")
    assert "numpy" in loaded_after("import metricloss; import numpy")


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), filename=path.name)


def imported(module: ast.AST) -> Iterator[str]:
    """The modules that a module may import, inside functions too; names in them pass for modules of theirs."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports here are absolute"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def import_graph(files: dict[str, ast.AST]) -> dict[str, set[str]]:
    """Which of the files imports which others; the package itself stands under its own name."""
    return {
        name: {other.removeprefix("metricloss.") for other in imported(module)} & files.keys() - {name}
        for name, module in files.items()
    }


def test_imports_run_one_way():
    files = {name_of(path): tree(path) for path in MODULES}
    graph = import_graph(files)
    TopologicalSorter(graph).prepare()
    assert graph["metricloss"] > {"errors", "compiler"}
    assert graph["compiler"] >= {"backend", "metric", "plan", "source", "loss"}
    assert graph["learn.learning"] >= {"learn.training", "learn.judge", "metric"}
    assert not graph["symbols"]


def test_the_check_of_directions_can_fail():
    inside_a_function = "def f():\n    from metricloss.b import g"
    files = {"a": ast.parse(inside_a_function), "b": ast.parse("from metricloss import a")}
    with pytest.raises(CycleError):
        TopologicalSorter(import_graph(files)).prepare()


EVALUATING = ("eval", "exec", "compile", "__import__", "sympify", "S", "parse_expr", "lambdify", "parse_latex")

#: Where one of them may stand, and why.
ALLOWED = {
    ("loss", "load_text", "exec"): "of a file that metricloss ships or has emitted",
    ("loss", "load_text", "compile"): "of the same",
    ("metric", "_as_expression", "sympify"): "of an int or a float",
    ("metric", "_check_value", "S"): "of the counts of a sample",
    ("slopes", "_scale", "S"): "of 0 or 1",
}


def called(module: ast.AST, within: str = "") -> Iterator[tuple[str, str]]:
    """What is called, or handed on to be called, among EVALUATING, with the top-level function it stands in."""
    for node in ast.iter_child_nodes(module):
        place = within or getattr(node, "name", "")
        if isinstance(node, ast.Name | ast.Attribute):
            name = node.id if isinstance(node, ast.Name) else node.attr
            is_builtin = isinstance(node, ast.Name) or name not in ("eval", "compile", "exec")
            if name in EVALUATING and is_builtin and not is_looked_into(module, node):
                yield place, name
        yield from called(node, place)


def is_looked_into(parent: ast.AST, node: ast.AST) -> bool:
    """Whether it is S.Zero rather than S."""
    return isinstance(parent, ast.Attribute) and parent.value is node


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_text_is_evaluated(path: Path):
    found = {(name_of(path), *where) for where in called(tree(path))} - ALLOWED.keys()
    assert not found, f"{found}: text may come from anybody; say in ALLOWED why this is none"


@pytest.mark.parametrize("code", ["eval(t)", "exec(t)", "sympy.sympify(t)", "map(S, t)", "x = parse_expr"])
def test_the_check_for_evaluation_can_fail(code: str):
    assert list(called(ast.parse(f"def f():\n    {code}"))) != []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_files_are_short(path: Path):
    assert len(path.read_text("utf-8").splitlines()) <= 300


def public() -> dict[str, object]:
    """What `dir` shows, some of it imported late, but for modules and what decides about typing."""
    names = {name: getattr(metricloss, name) for name in dir(metricloss) if not name.startswith("_")}
    return {
        name: value
        for name, value in names.items()
        if not isinstance(value, ModuleType) and name != "TYPE_CHECKING"
    }


def test_the_public_names_are_these():
    assert sorted(public(), key=str.lower) == sorted(
        [
            *("compile", "emit", "Metric", "Slopes", "Plan", "Source", "Loss", "Backend", "Derivation"),
            *(
                "Catalogue",
                "catalogue",
                "Task",
                "check_inputs",
                "Relaxation",
                "Soft",
                "AnyLoss",
                "ScoreOriented",
                "SigmoidF1",
                "NetworkRelaxation",
            ),
            *("Network", "Surrogate", "SurrogateLoss", "SurrogateSource"),
            *("TP", "FP", "FN", "TN", "P", "N", "PP", "PN", "n"),
            *("MetricLossError", "MetricLossWarning"),
        ],
        key=str.lower,
    )
    assert metricloss.__version__


@pytest.mark.parametrize("name", [name for name, value in public().items() if callable(value)])
def test_public_names_have_a_docstring_with_an_example(name: str):
    value = public()[name]
    if not (inspect.isclass(value) or inspect.isfunction(value)):
        pytest.skip("a symbol")
    text = inspect.getdoc(value) or ""
    assert text, f"{name} has no docstring"
    if not name.endswith(("Error", "Warning")):  # the base of others, which show what raises them
        assert ">>> " in text, f"{name} has no example"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_modules_functions_and_classes_have_docstrings(path: Path):
    module = tree(path)
    assert ast.get_docstring(module), f"{path.name} does not say what it is"
    for node in module.body:
        is_overload = "overload" in map(ast.unparse, getattr(node, "decorator_list", []))
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not (node.name.startswith("_") or is_overload):
            assert ast.get_docstring(node), f"{path.name}: {node.name} has no docstring"
