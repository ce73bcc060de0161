"""What the arrays of a loss mean: their classes, the confusion matrices that they make, and the average."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from metricloss.errors import OptionError, nearest

TASKS = ("binary", "multilabel", "multiclass")
#: Averages over classes, and those over one confusion matrix per sample; scikit-learn's words.
AVERAGES = ("binary", "micro", "macro", "weighted", "samples", "samples-macro", "samples-weighted", None)
#: Stands for the task's own average: binary, or macro.
AUTO = "auto"
_ON_BINARY = ("binary", "samples")


@dataclass(frozen=True, init=False)
class Task:
    """What scores and labels mean, and what the value of a batch is.

    name: "binary", scores of any shape, each of its own; "multilabel", K independent scores along the class
    axis; "multiclass", K exclusive scores along it. average: "binary", all entries in one confusion matrix;
    "micro", all entries of all classes in one; "macro", one a class, and the mean; "weighted", the mean by the
    classes' weight of positives; None, one a class, and no mean; "samples", one a sample, and the mean;
    "samples-macro" and "samples-weighted", one a sample and class, the mean over classes and then over samples.
    A sample counts as its entries weigh on average, of those that take part.
    class_axis: where the classes are, by default where the framework has them. class_weight: a number for
    each class, for "macro" and "samples-macro": their mean is then Σ weight·value / Σ weight. ignore_index: the
    class index of entries that take no part; by default none, and in torch -100, as its cross-entropy has it.

    Pooled over the batch or by sample are different losses: both are biased against the metric of all data,
    where batches or samples hold few positives. The README has figures.

    Errors: OptionError for a word outside these, or an option that the task has no use for.

    >>> Task("multiclass")
    Task('multiclass', average='macro')
    """

    name: str
    average: str | None
    class_axis: int | None
    class_weight: tuple[float, ...]
    ignore_index: int | None

    def __init__(
        self,
        name: str = "binary",
        *,
        average: str | None = AUTO,
        class_axis: int | None = None,
        class_weight: Sequence[float] | Mapping[int, float] | None = None,
        ignore_index: int | None = None,
    ) -> None:
        _require("task", name, TASKS)
        if average == AUTO:
            average = "binary" if name == "binary" else "macro"
        _require("average", average, AVERAGES)
        set_field = object.__setattr__
        set_field(self, "name", name)
        set_field(self, "average", average)
        set_field(self, "class_axis", _integer("class_axis", class_axis))
        set_field(self, "class_weight", _weights(class_weight))
        set_field(self, "ignore_index", _integer("ignore_index", ignore_index))
        _check(self)

    @property
    def is_by_sample(self) -> bool:
        """Whether every sample has confusion matrices of its own."""
        return self.average is not None and self.average.startswith("samples")

    @property
    def is_by_class(self) -> bool:
        """Whether every class has confusion matrices of its own."""
        return self.average not in ("binary", "micro", "samples")

    @property
    def has_mean(self) -> bool:
        """Whether the values of several confusion matrices are averaged."""
        return self.average not in ("binary", "micro", None)

    @property
    def words(self) -> tuple[str, ...]:
        """The task and the average, where they are not the usual ones, for people.

        >>> Task("multilabel").words
        ('multilabel', 'macro')
        """
        names = () if self.name == "binary" else (self.name,)
        return names if self.average == "binary" else (*names, self.average or "by class")

    @property
    def options(self) -> dict[str, object]:
        """What differs from the defaults, by the names of `compile`."""
        usual = Task(self.name)
        names = ("average", "class_axis", "class_weight", "ignore_index")
        changed = {key: getattr(self, key) for key in names if getattr(self, key) != getattr(usual, key)}
        return ({"task": self.name} if self.name != "binary" else {}) | changed

    def __repr__(self) -> str:
        options = {"average": self.average} | self.options
        options.pop("task", None)
        return f"Task({', '.join([repr(self.name), *(f'{key}={value!r}' for key, value in options.items())])})"


def as_task(task: Task | str, **options: Any) -> Task:
    """The task of a name and options, or one as it is.

    >>> as_task("multilabel", average="micro")
    Task('multilabel', average='micro')
    """
    if isinstance(task, Task):
        if options:
            raise OptionError(f"{', '.join(options)}: give options with a task's name, or in Task(...) itself.")
        return task
    known = [name for name in inspect.signature(Task).parameters if name != "name"]
    others = ["relaxation", "from_logits", "task"]
    for option in options:
        if option not in known:
            raise OptionError(
                f"{option} is no option of a loss{nearest(option, [*others, *known])}\n"
                f"There are {', '.join([*others, *known])}. "
                "Give direction, zero_division and parameters to Metric(...)."
            )
    return Task(task, **options)


def _require(what: str, word: object, known: Sequence[object]) -> None:
    if word not in known:
        shown = ", ".join(map(repr, known))
        raise OptionError(f"{what}={word!r}{nearest(str(word), map(str, known))}\nThere are {shown}.")


def _check(task: Task) -> None:
    if task.name == "binary":
        if task.average not in _ON_BINARY:
            raise OptionError(
                f"average={task.average!r} is an average over classes, and a binary task has one\n"
                "Say task='multilabel' or 'multiclass', or average='binary' or 'samples'."
            )
        for option in ("class_axis", "class_weight"):
            if getattr(task, option) not in (None, ()):
                raise OptionError(
                    f"{option}: a binary task has no classes\nSay task='multilabel' or 'multiclass'."
                )
    elif task.average == "binary":
        raise OptionError(
            f"average='binary' is for a binary task, not for {task.name}\n"
            "To put all classes into one confusion matrix, say average='micro'."
        )
    if task.ignore_index is not None and task.name != "multiclass":
        raise OptionError(
            f"ignore_index={task.ignore_index}: a {task.name} task has no class indices\nGive a mask instead."
        )
    if task.class_weight and task.average not in ("macro", "samples-macro"):
        raise OptionError(
            f"class_weight makes a weighted mean over classes, and average={task.average!r} is none that it "
            "can weigh\nSay average='macro' or 'samples-macro'."
        )


def _integer(what: str, value: Any) -> int | None:
    try:
        if isinstance(value, bool):
            raise TypeError
        return None if value is None else operator.index(value)
    except TypeError:
        raise OptionError(f"{what}={value!r} is no integer.") from None


def _weights(values: Sequence[float] | Mapping[int, float] | None) -> tuple[float, ...]:
    if isinstance(values, Mapping) and sorted(values) == list(range(len(values))):
        values = [values[index] for index in range(len(values))]
    try:
        if isinstance(values, Mapping | Set | str):
            raise TypeError
        weights = () if values is None else tuple(float(value) for value in values)
    except (TypeError, ValueError):
        raise OptionError(f"class_weight={values!r}: give a number for each class, as (1, 2, 0.5).") from None
    if weights and not (all(w == 0 or 1e-6 <= w <= 1e6 for w in weights) and any(weights)):
        raise OptionError(f"class_weight={values!r}: weights are 0 or between 1e-6 and 1e6, and not all 0.")
    return weights
