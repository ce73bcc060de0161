"""What the compiler knows about a metric, proved where a proof is found and else sampled."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, replace

from metricloss.findings import Finding, Formula
from metricloss.shape import class_swap, direction, equal_to, homogeneity, smoothness, undefined
from metricloss.values import best_value, prevalence, range_of, trivial_optimum

_OF_VALUES = (range_of, best_value, direction, trivial_optimum)
_QUESTIONS = (*_OF_VALUES, homogeneity, smoothness, undefined, class_swap, prevalence, equal_to)


@dataclass(frozen=True)
class Analysis:
    """The findings about a metric, by topic; printing it shows them all.

    Topics, with the `value` of each: "range" (least, largest); "best value" (at a perfect prediction);
    "direction" ({count: 1 raises, -1 lowers, 0 neither, None both}); "trivial optimum" (the constant
    predictions that reach the best value); "homogeneity" (degree, or None); "smoothness" (bool); "undefined"
    (conditions); "class swap" ("same", "negated", "complement", "different"); "prevalence" ({prevalence:
    value}); "equal to" (relations to the catalogue).

    Errors: KeyError for another topic.

    >>> from metricloss import Metric
    >>> recall = Metric("TP/P").analysis
    >>> recall["range"].value, recall["trivial optimum"].value, recall["homogeneity"].is_proved
    ((0, 1), ('positive',), True)
    >>> print(recall.warnings[0])
    warning: predicting everything positive reaches its best value
    """

    findings: tuple[Finding, ...]

    def __getitem__(self, topic: str) -> Finding:
        return {finding.topic: finding for finding in self.findings}[topic]

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """What may spoil a training."""
        return tuple(finding for finding in self.findings if finding.is_warning)

    def __str__(self) -> str:
        width = max(len(finding.topic) for finding in self.findings) + 2
        lines = [textwrap.wrap(str(finding), 78 - width) for finding in self.findings]
        return "\n".join(
            f"{finding.topic:{width}}" + f"\n{' ' * width}".join(wrapped)
            for finding, wrapped in zip(self.findings, lines, strict=True)
        )


def analyse(formula: Formula) -> Analysis:
    """Ask every question of a metric's formula.

    >>> from metricloss import Metric
    >>> Metric("(TP + TN)/n").analysis["class swap"].value
    'same'
    """
    findings = [question(formula) for question in _QUESTIONS]
    if formula.may_have_poles:
        findings[: len(_OF_VALUES)] = [
            replace(finding, is_proved=False) for finding in findings[: len(_OF_VALUES)]
        ]
    return Analysis(tuple(findings))
