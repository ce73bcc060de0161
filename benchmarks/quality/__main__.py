"""Does a compiled loss give a better metric on held-out data? AnyLoss's experiment on KEEL's imbalanced sets.

Every set has published halves: nets are trained on one and tested on the other. Results go to
results/quality.json as they come, so that an interrupted run goes on where it was, and then to
results/quality.md and two plots.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from benchmarks.quality.cases import MAIN
from benchmarks.quality.nets import STEPS
from benchmarks.quality.page import page
from benchmarks.quality.pictures import draw
from benchmarks.quality.records import Records, run, shuffled_sets
from benchmarks.quality.summary import Summary

RECORDED = Path(__file__).resolve().parents[1] / "results"
#: Of a quick run.
FEW_SETS, FEW_STEPS = 4, 20


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        "python -m benchmarks.quality",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--sets", type=int, help="so many only, of a random order that is always the same")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes; default: one a core")
    parser.add_argument("--quick", action="store_true", help="few sets and steps, into a temporary folder")
    parser.add_argument("--redraw", action="store_true", help="tables and plots again, from the results so far")
    parser.add_argument("--output", type=Path, metavar="DIR", help="default: benchmarks/results")
    asked = parser.parse_args(words)
    folder = asked.output or (Path(tempfile.mkdtemp()) if asked.quick else RECORDED)
    folder.mkdir(parents=True, exist_ok=True)
    path, steps = folder / "quality.json", FEW_STEPS if asked.quick else STEPS
    if asked.redraw:
        records = Records.read(path, steps)
    else:
        sets = shuffled_sets()[: asked.sets or (FEW_SETS if asked.quick else None)]
        records = run(path, sets, asked.workers, steps)
    (folder / "quality.md").write_text(page(records), "utf-8")
    study = Summary.of(records, MAIN)
    if study.sets:
        draw(study, folder)
    print(f"Written: {folder / 'quality.md'}")


if __name__ == "__main__":
    main()
