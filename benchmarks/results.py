"""What the processes wrote, to be asked for medians, ratios and memory."""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cases import COPY, ENTROPY, OURS, PLAIN

FRAMEWORKS = ("torch", "jax", "tensorflow", "numpy")
BYTES = 4  # of a score
SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Row:
    """One contestant in one group: framework, mode and case."""

    framework: str
    mode: str
    shape: tuple[int, ...]
    labels: str
    average: str
    who: str
    metric: str | None
    relaxation: str | None
    status: str
    note: str = ""
    seconds: tuple[float, ...] = ()
    allocated: int | None = None
    resident: int | None = None
    first: float | None = None
    value_off: float | None = None
    gradient_off: float | None = None

    @property
    def title(self) -> str:
        """The mode, with the framework where that is not said by it."""
        return f"{self.framework} {self.mode}" if self.mode == "eager" else self.mode

    @property
    def group(self) -> tuple[Any, ...]:
        return self.framework, self.mode, self.shape, self.labels, self.average

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))

    @property
    def is_binary(self) -> bool:
        return self.average == "binary"

    @property
    def loss(self) -> str:
        if self.metric is None:
            return "" if self.who in (ENTROPY, COPY) else "every loss"
        return self.metric if self.relaxation == "Soft" else f"{self.metric}, {self.relaxation}"

    @property
    def name(self) -> str:
        return f"{self.who}: {self.loss}" if self.loss else self.who

    @property
    def case(self) -> str:
        if not self.is_binary:
            shape = "×".join(map(str, self.shape))
            return shape if self.average == "macro" else f"{shape}, by sample"
        return power(self.size) + (", integer labels" if self.labels != "float32" else "")

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def memory(self) -> float | None:
        """Peak extra memory in bytes of the scores: by the framework's account, or the system's."""
        of = self.resident if self.allocated is None else self.allocated
        return None if of is None else of / (BYTES * self.size)

    @property
    def is_ours(self) -> bool:
        return self.who == OURS

    @property
    def is_peer(self) -> bool:
        """Another library's loss."""
        return self.metric is not None and self.who != PLAIN and not self.who.startswith(OURS)


def power(size: int) -> str:
    """A power of two in writing."""
    return "2" + str(size.bit_length() - 1).translate(SUPERSCRIPT)


@dataclass(frozen=True)
class Results:
    """Those of the frameworks that were measured; facts: machine, versions and threads, by framework."""

    rows: tuple[Row, ...]
    facts: dict[str, dict[str, Any]]

    @classmethod
    def read(cls, folder: Path) -> Results:
        """From the JSON of each framework that has one."""
        rows, facts = [], {}
        for framework in FRAMEWORKS:
            path = folder / f"{framework}.json"
            if path.exists():
                found = json.loads(path.read_text("utf-8"))
                for row in found.pop("rows"):
                    known = {"shape": tuple(row.pop("shape")), "seconds": tuple(row.pop("seconds", ()))}
                    rows.append(Row(framework=framework, **known, **row))
                facts[framework] = found
        return cls(tuple(rows), facts)

    @cached_property
    def timed(self) -> list[Row]:
        return [row for row in self.rows if row.status == "timed"]

    @cached_property
    def _anchors(self) -> dict[tuple[Any, ...], Row]:
        return {row.group: row for row in self.timed if row.who == ENTROPY}

    def ratio(self, row: Row) -> float:
        """Of medians, to cross-entropy in the same group; NaN where that was not timed."""
        anchor = self._anchors.get(row.group)
        return row.median / anchor.median if anchor else float("nan")

    def span(self, row: Row) -> tuple[float, float]:
        """The fastest and the slowest round, in medians of cross-entropy."""
        ratio = self.ratio(row) / row.median
        return min(row.seconds) * ratio, max(row.seconds) * ratio

    def same_loss(self, row: Row) -> list[Row]:
        """All that compute the same in the same group."""
        wanted = row.group, row.metric, row.relaxation
        return [other for other in self.timed if (other.group, other.metric, other.relaxation) == wanted]
