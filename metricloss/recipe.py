"""Everything a user chose for a loss, as one value: metric, relaxation, what the scores are, and the task."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sympy import Expr

from metricloss.errors import OptionError
from metricloss.expression import Expression
from metricloss.metric import Metric
from metricloss.relaxation import Relaxation, z
from metricloss.relaxations import as_relaxation
from metricloss.task import Task, as_task


@dataclass(frozen=True)
class Recipe:
    """What a loss is made from, but for its backend.

    Errors: OptionError for a relaxation of raw scores where the scores are probabilities, or compete.

    >>> from metricloss import Soft
    >>> Recipe(Metric("TP/P"), Soft(), task=Task("multiclass")).variants
    ('grouped', 'multiclass', 'averaged')
    """

    metric: Metric
    relaxation: Relaxation
    from_logits: bool = True
    task: Task = field(default_factory=Task)

    def __post_init__(self) -> None:
        if self.relaxation.variable != z:
            return
        if not self.from_logits:
            raise OptionError(
                f"{self.relaxation} is made for raw scores and from_logits=False says that there are none\n"
                "Give logits, or a relaxation in p."
            )
        if self.is_multiclass:
            raise OptionError(
                f"{self.relaxation} is made for raw scores, and those of exclusive classes mean something only "
                "together, as a softmax\nGive a relaxation in p, or say task='multilabel'."
            )

    @property
    def is_multiclass(self) -> bool:
        return self.task.name == "multiclass"

    @property
    def is_plain(self) -> bool:
        """Whether a backend's loss does as it stands: binary, of all entries together."""
        return self.task.average == "binary" and not self.metric.skips

    @property
    def variants(self) -> tuple[str, ...]:
        """Which variants of the functions of a backend's loss this one needs; of several, the last wins."""
        learned = ("learned",) if self.relaxation.network else ()
        if self.is_plain:
            return learned
        task, skips = self.task, self.metric.skips
        words = {
            "grouped": True,
            "binary": task.name == "binary",
            "multiclass": self.is_multiclass,
            "given": self.is_multiclass and not self.from_logits,
            "micro": task.average in ("binary", "micro"),
            "by_sample": task.is_by_sample,
            "weighted": task.has_mean and (skips or "weighted" in str(task.average) or bool(task.class_weight)),
            "samples": task.average == "samples",
            "samples_by_class": task.is_by_sample and task.is_by_class,
            "averaged": task.has_mean or skips,
            "skip": skips,
            "each_skip": skips and not task.has_mean,
            "support": str(task.average).endswith("weighted"),
            "support_skip": str(task.average).endswith("weighted") and skips,
            "class_weight": bool(task.class_weight),
            "class_weight_skip": bool(task.class_weight) and skips,
        }
        return (*(word for word, applies in words.items() if applies), *learned)

    @property
    def computed(self) -> str:
        """What a loss computes, whatever it is called: the same for a metric's name and for its formula.

        >>> recipe_of("f1").computed == recipe_of("2*TP/(2*TP + FP + FN)").computed
        True
        """
        metric, relaxation = self.metric, self.relaxation
        options = {
            "direction": metric.direction,
            "zero_division": metric.zero_division,
            "relaxation": relaxation.expression,
            **({"network": relaxation.network.name} if relaxation.network else {}),
            "from_logits": self.from_logits,
            **self.task.options,
        }
        return ", ".join([str(metric.expression), *(f"{name}={value}" for name, value in options.items())])

    @property
    def settings(self) -> dict[str, object]:
        """The constants of a backend's loss that the user sets."""
        task, network = self.task, self.relaxation.network
        constants = {
            "CLASS_AXIS": task.class_axis,
            "CLASS_WEIGHT": task.class_weight or None,
            "IGNORE_INDEX": task.ignore_index,
            "FORMULA": ", ".join([str(self.metric.expression), *task.words, f"relaxed by {self.relaxation}"]),
            "COMPUTED": self.computed,
            "NAME": self.metric.name,
            "HIGHER_IS_BETTER": self.metric.direction == "maximize",
            "SHAPES": network and network.shapes,
            "WEIGHTS": network and network.text,
        }
        return {name: value for name, value in constants.items() if value is not None}


def recipe_of(
    metric: Metric | Expression,
    *,
    relaxation: Relaxation | Expr | str = "Soft()",
    from_logits: bool = True,
    task: Task | str = "binary",
    **task_options: Any,
) -> Recipe:
    """The recipe of what a user wrote; arguments as for `compile`.

    >>> recipe_of("TP/P", task="multilabel").task
    Task('multilabel', average='macro')
    """
    checked = metric if isinstance(metric, Metric) else Metric(metric)
    return Recipe(checked, as_relaxation(relaxation), from_logits, as_task(task, **task_options))
