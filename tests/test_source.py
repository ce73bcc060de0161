"""Filling holes, leaving out what is not used, headers, and files."""

import ast
import shlex
import subprocess
import sys

import pytest

import metricloss as ml
from metricloss import cli, errors
from metricloss.backend import HOLES, all_backends, get_backend
from metricloss.header import command
from metricloss.relaxation import p
from metricloss.spelling import TABLE_KEYS

F1 = ml.Metric("2*TP/(2*TP + FP + FN)", name="f1")
BACKENDS = [backend.name for backend in all_backends()]


def functions_of(text):
    return {node.name: node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_skeleton_is_what_f1_compiles_to(backend):
    """The default metric of each skeleton keeps a reader's and a linter's view of it true."""
    skeleton, emitted = functions_of(get_backend(backend).skeleton), functions_of(ml.emit(F1, backend).text)
    emitted.pop("command", None)
    for name, function in emitted.items():
        assert ast.unparse(function) == ast.unparse(skeleton[name]), name


@pytest.mark.parametrize("backend", BACKENDS)
def test_only_the_holes_change(backend):
    mcc = ml.emit("(TP*TN - FP*FN)/sqrt(PP*P*N*PN)", backend).text
    skeleton = get_backend(backend).skeleton
    for name, function in functions_of(mcc).items():
        if name not in (*HOLES, "relax_and_slope", "command"):
            assert ast.get_source_segment(mcc, function) in skeleton


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_not_used_is_left_out(backend):
    plain = functions_of(ml.emit(F1, backend).text)
    assert not {"sqrt", "power", "log", "cos", "asin", "acos", "sin", "minimum"} & plain.keys()
    rich = ml.emit("asin(sqrt(TP/n)) + log(1 + TP)**(3/4)", backend).text
    assert {"sqrt", "power", "log", "asin"} <= functions_of(rich).keys()
    names = {node.id for node in ast.walk(ast.parse(rich)) if isinstance(node, ast.Name)}
    unused = functions_of(rich).keys() - names - set(get_backend(backend).entry_points)
    assert unused <= {"of_arrays_jvp"}


@pytest.mark.parametrize("backend", BACKENDS)
def test_same_text_for_the_same_input(backend):
    here = ml.emit("TP/Max(PP, P) + sqrt(TN/n)", backend).text
    code = f"import metricloss as ml; print(ml.emit('TP/Max(PP, P) + sqrt(TN/n)', {backend!r}).text, end='')"
    there = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "7"}
    )
    assert there.stdout == here


@pytest.mark.parametrize(
    ("metric", "options"),
    [
        (F1, {}),
        (
            ml.Metric("(FP + w*FN)/n", name="cost", direction="minimize", w=2.5),
            {"relaxation": ml.AnyLoss(12.5)},
        ),
        (ml.Metric("(TP/P + TN/N)/2", name="ba", zero_division=0.5), {"relaxation": "p**2*(3 - 2*p)"}),
        (ml.Metric("-FP/N", name="minus"), {"from_logits": False}),
        (ml.Metric("TP/P", name="recall"), {"relaxation": ml.SigmoidF1(2, -0.5)}),
        (ml.Metric("TP/P", name="recall"), {"relaxation": ml.ScoreOriented(0.5, 0.5)}),
        (ml.Metric("TP/P", name="recall", zero_division="skip"), {"task": "multiclass", "ignore_index": -1}),
        (F1, {"task": "multilabel", "average": None, "class_axis": 0}),
        (F1, {"task": "multiclass", "class_weight": (1, 1 / 3), "from_logits": False}),
        (F1, {"average": "samples"}),
    ],
)
def test_the_command_in_the_header_writes_the_same_file(metric, options, capsys):
    source = ml.emit(metric, "numpy", **options)
    line = command(source.recipe, source.backend)
    assert f"    {line}\n" in source.text
    assert cli.main(shlex.split(line)[1:]) == 0
    assert capsys.readouterr().out == source.text


@pytest.mark.parametrize("text", ["sqrt(TP*TN/(TP+FP)/(TP+FN)/(FP+TN))", "min(TP/P, TN/N)/(TP/P + TN/N + 1)"])
def test_a_name_changes_nothing(text):
    """A metric may be called like a function, an import, a count, a sum or a keyword of the file."""
    arguments = [1, 1, 1, 0, 0, 0], [2.0, -1.0, 0.5, 0.3, -2.0, -0.4]
    value, gradient = ml.compile(ml.Metric(text), "numpy").value_and_grad(*arguments)
    names = (
        "divide",
        "sum",
        "sqrt",
        "tp",
        "lambda",
        "np",
        "TINY",
        "metric",
        "value",
        "predicted",
        "actual",
        "d",
        "t1",
    )
    for name in names:
        named = ml.compile(ml.Metric(text, name=name), "numpy").value_and_grad(*arguments)
        assert named[0] == value, name
        assert (named[1] == gradient).all(), name


def test_classes_are_named_after_the_metric_and_what_users_write_is_left_alone():
    text = ml.emit(ml.Metric("TP/P", name="metric_score"), "keras").text
    assert {"Saved", "MetricScoreLoss", "MetricScoreScore"} == {
        node.name for node in ast.parse(text).body if isinstance(node, ast.ClassDef)
    }
    assert 'name="metric_score_loss"' in text
    assert text.count("metricloss emit TP/P --name metric_score --backend keras") == 2


def test_nothing_a_user_names_ends_the_docstring():
    relaxation = ml.Relaxation.known(p, '"""\nimport os  # \\')
    tree = ast.parse(ml.emit(F1, "numpy", relaxation=relaxation).text)
    assert isinstance(tree.body[0], ast.Expr)
    assert "import os" in ast.get_docstring(tree)


def test_files_are_not_overwritten(tmp_path):
    path = tmp_path / "f1_loss.py"
    source = ml.emit(F1, "numpy")
    assert source.save(path) == path
    assert path.read_text(encoding="utf-8") == str(source)
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(errors.OutputExistsError, match="--force"):
        source.save(path)
    assert path.read_text(encoding="utf-8") == "mine"
    source.save(path, force=True)
    assert path.read_text(encoding="utf-8") == source.text


@pytest.mark.parametrize("backend", list(all_backends()), ids=BACKENDS)
def test_tables_spell_the_functions_of_a_plan_and_no_others(backend):
    assert set(backend.functions) == set(TABLE_KEYS)


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_loss_is_best_minus_metric_or_metric_minus_best(direction):
    loss = ml.compile(ml.Metric("TP/n", name="m", direction=direction), "numpy", from_logits=False)
    value = float(loss([1, 0], [0.25, 0.5]))
    assert value == pytest.approx(0.5 - 0.125 if direction == "maximize" else 0.125 - 0.5)
