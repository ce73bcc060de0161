"""Tasks: what is given by default, what fits together, and what is told where it does not."""

import pytest

from metricloss.errors import OptionError
from metricloss.recipe import recipe_of
from metricloss.task import AVERAGES, TASKS, Task, as_task


def test_defaults():
    assert [Task(name).average for name in TASKS] == ["binary", "macro", "macro"]
    assert Task("multiclass", average=None).average is None


def test_equal_hashable_and_written_as_made():
    task = Task("multiclass", average="samples-macro", class_weight=[1, 2], ignore_index=255, class_axis=-2)
    assert eval(repr(task), {"Task": Task}) == task
    assert hash(task) == hash(eval(repr(task), {"Task": Task}))
    assert Task(task.name, **{key: value for key, value in task.options.items() if key != "task"}) == task


def test_class_weights_by_class_index():
    assert Task("multiclass", class_weight={1: 2.0, 0: 1}).class_weight == (1.0, 2.0)
    assert Task("multiclass", class_weight=None).class_weight == ()
    numpy = pytest.importorskip("numpy")
    assert Task("multiclass", class_weight=numpy.array([1.0, 2.0])).class_weight == (1.0, 2.0)


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        (["multi-class"], {}, "task='multi-class'; did you mean multiclass"),
        (["multilabel"], {"average": "weigthed"}, "average='weigthed'; did you mean weighted"),
        (["multilabel"], {"average": "none"}, "did you mean None"),
        (["multilabel"], {"average": "binary"}, "say average='micro'"),
        (["binary"], {"average": "macro"}, "Say task='multilabel' or 'multiclass'"),
        (["binary"], {"class_axis": 1}, "class_axis: a binary task has no classes"),
        (["binary"], {"ignore_index": 255}, "Give a mask instead"),
        (["multiclass"], {"ignore_index": 2.5}, "ignore_index=2.5 is no integer"),
        (["multiclass"], {"class_axis": True}, "class_axis=True is no integer"),
        (["multiclass"], {"class_weight": (1, -2)}, "0 or between"),
        (["multiclass"], {"class_weight": (0, 0)}, "not all 0"),
        (["multiclass"], {"class_weight": (1, 1e-20)}, "0 or between"),
        (["multiclass"], {"class_weight": (1, float("nan"))}, "0 or between"),
        (["multiclass"], {"class_weight": {1: 1, 2: 2}}, "give a number for each class"),
        (["multiclass"], {"class_weight": "12"}, "give a number for each class"),
        (["multiclass"], {"class_weight": {1, 2}}, "give a number for each class"),
        (["multiclass"], {"class_weight": (1, 2), "average": "weighted"}, "Say average='macro'"),
    ],
)
def test_mistakes(arguments, options, words):
    with pytest.raises(OptionError, match=words):
        Task(*arguments, **options)


def test_mistakes_of_a_loss():
    with pytest.raises(OptionError, match=r"averge is no option of a loss; did you mean average\?"):
        as_task("multiclass", averge="macro")
    with pytest.raises(OptionError, match=r"zero_division is no option.*\n.*to Metric"):
        recipe_of("TP/P", task="multiclass", zero_division="skip")
    with pytest.raises(OptionError, match="give options with a task's name"):
        recipe_of("TP/P", task=Task("multiclass"), average="micro")
    with pytest.raises(OptionError, match="a softmax\nGive a relaxation in p"):
        recipe_of("TP/P", task="multiclass", relaxation="sigmoid(2*z)")


def test_every_average_has_its_matrices():
    for average in AVERAGES[1:]:
        task = Task("multilabel", average=average)
        assert task.is_by_sample == str(average).startswith("samples")
        assert task.is_by_class == (average not in ("micro", "samples"))
        assert task.has_mean == (average not in ("micro", None))
