"""What is emitted: golden text, files that run with metricloss out of reach, source that debuggers show."""

from __future__ import annotations

import ast
import difflib
import inspect
import json
import os
import re
import subprocess
import sys
import traceback
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import metricloss as ml
from metricloss.backend import all_backends
from metricloss.task import AVERAGES, TASKS
from tests.frameworks import FRAMEWORKS, TENSORFLOW
from tests.metrics import METRIC, RELAXATION, compiled

GOLDEN = Path(__file__).parent / "golden"
REFRESH = "UPDATE_GOLDEN=1 pytest tests/test_emitted.py"

#: Between them they use most helpers: roots, logarithms, Min and Max, powers.
GOLDEN_METRICS = {
    "f1": "Soft",
    "mcc": "AnyLoss",
    "lambda_r": "ScoreOriented",
    "mutual_information": "SigmoidF1",
}
#: Of F1: the usual multiclass loss, and one that uses much of what there is for samples, classes and absence.
GOLDEN_TASKS = {
    "multiclass": {"task": "multiclass", "ignore_index": 255},
    "images": {"task": "multilabel", "average": "samples-macro", "class_weight": (1.0, 2.0)},
}
BACKENDS = [framework.name for framework in FRAMEWORKS]
BOOSTERS = [backend.name for backend in all_backends() if "initial_margin" in backend.entry_points]

golden_metrics = pytest.mark.parametrize("metric", GOLDEN_METRICS)
backends = pytest.mark.parametrize("backend", BACKENDS)


@cache
def source(metric: str, backend: str, relaxation: str = "Soft") -> ml.Source:
    return ml.emit(METRIC[metric].metric, backend, relaxation=RELAXATION[relaxation].make())


def emitted(metric: str, backend: str, relaxation: str = "Soft") -> str:
    return source(metric, backend, relaxation).text


@cache
def emitted_for(task: str, backend: str) -> str:
    zero_division = "skip" if task == "images" else 0
    metric = ml.Metric(METRIC["f1"].text, name="f1", zero_division=zero_division)
    return ml.emit(metric, backend, **GOLDEN_TASKS[task]).text


def compare_or_update(path: Path, text: str) -> None:
    """Fail with a diff where a golden file differs; write it instead if UPDATE_GOLDEN is set."""
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    golden = path.read_text(encoding="utf-8") if path.exists() else ""
    if text != golden:
        lines = difflib.unified_diff(
            golden.splitlines(), text.splitlines(), path.name, "emitted now", lineterm=""
        )
        pytest.fail("\n".join([*lines, "", f"If that is meant: {REFRESH}"]), pytrace=False)


@golden_metrics
@backends
def test_golden(backend: str, metric: str) -> None:
    compare_or_update(GOLDEN / f"{metric}_{backend}.py", emitted(metric, backend, GOLDEN_METRICS[metric]))


@pytest.mark.parametrize("task", GOLDEN_TASKS)
@backends
def test_golden_tasks(backend: str, task: str) -> None:
    compare_or_update(GOLDEN / f"f1_{task}_{backend}.py", emitted_for(task, backend))


def test_golden_folder_holds_nothing_else() -> None:
    names = [*GOLDEN_METRICS, *(f"f1_{task}" for task in GOLDEN_TASKS)]
    expected = {f"{name}_{backend}.py" for name in names for backend in BACKENDS}
    expected |= {f"f1_{name}.py" for name in BOOSTERS}
    assert {path.name for path in GOLDEN.glob("*.py")} == {*expected, "surrogate_torch.py"}


#: Runs emitted files, each with its call, where metricloss and SymPy cannot be imported; prints loss and score.
RUN = """
import importlib.util, json, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("metricloss", "sympy"):
            raise ImportError(name + " is out of reach")

sys.meta_path.insert(0, Absent())
results = {}
for path, call in json.loads(sys.argv[1]).items():
    spec = importlib.util.spec_from_file_location("emitted", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    namespace = {"module": module}
    exec(call + "; loss, score = module.loss(*x), module.score(*x)", namespace)
    results[path] = [float(namespace["loss"]), float(namespace["score"])]
assert not {"metricloss", "sympy"} & {name.partition(".")[0] for name in sys.modules}
print(json.dumps(results))
"""
SCORES, LABELS = [0.5, -1.0, 2.0, -0.25, 1.5], [1.0, 0.0, 0.0, 1.0, 1.0]
CALLS = {
    "numpy": "x = {y}, {z}",
    "array_api": "import numpy; x = numpy.array({y}), numpy.array({z})",
    "torch": "x = module.torch.tensor({z}), module.torch.tensor({y})",
    "jax": "x = module.jnp.array({z}), module.jnp.array({y})",
    "tensorflow": "x = {y}, {z}",
    "keras": "x = {y}, {z}",
}


def run_alone(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A fresh interpreter in isolated mode: neither the current folder nor PYTHONPATH is searched.

    Keras on torch would itself import SymPy.
    """
    keras = "tensorflow" if TENSORFLOW.is_installed else "jax"
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": keras}
    command = [sys.executable, "-I", "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


@pytest.mark.parametrize("framework", FRAMEWORKS, indirect=True, ids=BACKENDS)
def test_golden_files_run_alone(framework) -> None:
    """In a fresh process in which metricloss cannot be imported, one process a framework.

    Those of tasks with two classes: of each position, or independent tags.
    """
    scores = np.random.default_rng(0).normal(size=(3, 2, 2)).round(3).tolist()
    labels = {"multiclass": [[0, 1], [1, 255], [0, 0]], "images": [[[1.0, 0.0], [0.0, 1.0]]] * 3}
    calls, expected = {}, {}
    for metric, relaxation in GOLDEN_METRICS.items():
        path = str(GOLDEN / f"{metric}_{framework.name}.py")
        loss = compiled(metric, "numpy", relaxation)
        calls[path] = CALLS[framework.name].format(y=LABELS, z=SCORES)
        expected[path] = [loss(LABELS, SCORES), loss.score(LABELS, SCORES)]
    for task, y in labels.items():
        path = str(GOLDEN / f"f1_{task}_{framework.name}.py")
        metric = ml.Metric(METRIC["f1"].text, zero_division="skip" if task == "images" else 0)
        loss = ml.compile(metric, "numpy", class_axis=framework.class_axis, **GOLDEN_TASKS[task])
        arguments = np.array(y), np.array(scores)
        calls[path] = CALLS[framework.name].format(y=y, z=scores)
        expected[path] = [loss(*arguments), loss.score(*arguments)]
    finished = run_alone(RUN, json.dumps(calls))
    assert finished.returncode == 0, finished.stderr
    results = json.loads(finished.stdout.splitlines()[-1])
    assert results.keys() == expected.keys()
    for path, found in results.items():
        assert found == pytest.approx(expected[path], rel=1e-6, abs=1e-6), path


def test_running_alone_can_fail(tmp_path: Path) -> None:
    """A file that does import metricloss is found out."""
    path = tmp_path / "needy.py"
    path.write_text("import metricloss")
    finished = run_alone(RUN, json.dumps({str(path): "x = ()"}))
    assert finished.returncode != 0
    assert "metricloss is out of reach" in finished.stderr


#: What each backend's file may import, and the names of the others that must not stand in it.
IMPORTS = {
    "numpy": {"numpy"},
    "array_api": {"array_api_compat"},
    "torch": {"torch", "functools", "itertools", "operator"},
    "jax": {"jax", "functools"},
    "tensorflow": {"tensorflow"},
    "keras": {"keras"},
}
SPELLINGS = {
    "numpy": {"np"},
    "array_api": {"xp"},
    "torch": {"torch"},
    "jax": {"jnp", "jax"},
    "tensorflow": {"tf"},
    "keras": {"keras", "ops"},
}


@pytest.mark.parametrize("metric", METRIC)
@backends
def test_text(backend: str, metric: str) -> None:
    text = emitted(metric, backend)
    tree = ast.parse(text)
    modules = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    modules += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    assert {module.partition(".")[0] for module in modules} <= IMPORTS[backend] | {"math"}
    foreign = set().union(*SPELLINGS.values()) - SPELLINGS[backend]
    assert not foreign & {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert not [line for line in text.splitlines() if line != line.rstrip()]
    assert text.endswith("\n")
    check_blank_lines(text)


def check_blank_lines(text: str) -> None:
    """Two before functions and classes, never more."""
    assert "\n\n\n\n" not in text
    for definition in re.finditer(r"^(?:@.*\n)*(?:def|class) ", text, flags=re.M):
        assert text[: definition.start()].endswith("\n\n\n")


@pytest.mark.parametrize("metric", METRIC)
@backends
def test_nothing_stands_unused(backend: str, metric: str) -> None:
    check_nothing_stands_unused(source(metric, backend))


@pytest.mark.parametrize("task", TASKS[1:])
@pytest.mark.parametrize("zero_division", [0, "skip"])
@backends
def test_nothing_stands_unused_for_a_task(backend: str, task: str, zero_division: float | str) -> None:
    metric = ml.Metric(METRIC["f1"].text, zero_division=zero_division)
    for average in AVERAGES[1:]:
        for from_logits in (True, False):
            made = ml.emit(metric, backend, from_logits=from_logits, task=task, average=average)
            check_nothing_stands_unused(made)
            check_blank_lines(made.text)
            assert not re.search(r"\b[A-Za-z]\w*__\w", made.text), "a variant kept its name"


def check_nothing_stands_unused(source: ml.Source) -> None:
    tree = ast.parse(source.text)
    entry_points = set(source.entry_points)
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    registered = {
        node.name for node in tree.body if isinstance(node, ast.FunctionDef)
        for decorator in node.decorator_list if "defjvp" in ast.unparse(decorator)
    }  # fmt: skip
    constants = {target.id for node in tree.body if isinstance(node, ast.Assign) for target in node.targets}
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    assert entry_points <= defined
    assert (defined | constants) - used - entry_points - registered == set()


@backends
def test_helpers_stand_where_they_are_needed_only(backend: str) -> None:
    def defined(metric: str) -> set[str]:
        return {
            node.name for node in ast.parse(emitted(metric, backend)).body if isinstance(node, ast.FunctionDef)
        }

    assert "sqrt" in defined("mcc")
    assert "sqrt" not in defined("f1")
    assert "log" in defined("mutual_information")
    assert not {"log", "power", "asin", "cos"} & defined("mcc")
    assert "power" in defined("digby")


def test_the_same_text_in_every_process() -> None:
    """Whatever the seed of Python's hashes."""
    code = (
        "import json, metricloss as ml; "
        f"metric = ml.Metric({METRIC['scott_pi'].text!r}, name='scott_pi'); "
        f"print(json.dumps([ml.emit(metric, backend).text for backend in {BACKENDS}]))"
    )
    root = str(Path(ml.__file__).parent.parent)
    for seed in ("1", "2"):
        finished = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True,
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": root},
        )  # fmt: skip
        assert json.loads(finished.stdout) == [emitted("scott_pi", backend) for backend in BACKENDS]


@golden_metrics
def test_source_can_be_inspected(framework, metric: str) -> None:
    loss = compiled(metric, framework.name)
    shown = inspect.getsource(loss.module.slopes)
    assert shown.startswith("def slopes(tp, fp, fn, tn):\n")
    assert shown in loss.source
    assert inspect.getsource(loss.module).splitlines() == loss.source.splitlines()
    assert inspect.getdoc(loss.module.loss).startswith("The loss of all entries together")


def test_tracebacks_show_the_emitted_line(framework) -> None:
    loss = compiled("f1", framework.name)
    z, y = framework.array(np.zeros(3)), framework.array(np.zeros(4))
    try:
        framework.call(loss, z, y)
    except ValueError as error:
        shown = "".join(traceback.format_exception(error))
    assert "raise ValueError(" in shown
    assert "give equal shapes" in shown
    assert loss.module.__file__ in shown


def test_saved_file_is_the_source(framework, tmp_path: Path) -> None:
    loss = compiled("mcc", framework.name)
    assert loss.save(tmp_path / "mcc.py").read_text("utf-8") == loss.source
