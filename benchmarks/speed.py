"""Time and memory of our losses, forward and backward, beside everyone else's: `make bench`."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
if __name__ == "__main__":
    sys.path[0] = str(ROOT)  # not this folder

from benchmarks.cases import PROGRAMS  # noqa: E402  as a script, it finds its package only now
from benchmarks.pictures import draw  # noqa: E402  as above
from benchmarks.results import FRAMEWORKS, Results  # noqa: E402  as above
from benchmarks.tables import page, short  # noqa: E402  as above

#: In which environment a framework keeps account of its memory. It then allocates otherwise, and faster: time
#: is measured in another process, without.
ACCOUNTS = {"tensorflow": {"TF_CPU_ALLOCATOR_USE_BFC": "true"}}
RECORDED = ROOT / "benchmarks" / "results"


def arguments(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--quick", dest="program", action="store_const", const="quick", default="full",
        help="small sizes and few losses, in about a minute")  # fmt: skip
    add("--program", choices=PROGRAMS, help=argparse.SUPPRESS)  # tiny is for the tests
    add("--only", metavar="FRAMEWORK", choices=FRAMEWORKS, help=f"one of {', '.join(FRAMEWORKS)}")
    add("--output", metavar="DIR", type=Path,
        help="where results go; default: benchmarks/results, with --quick a new temporary folder")  # fmt: skip
    add("--redraw", action="store_true", help="measure nothing: write tables and plots again")
    add("--short", action="store_true", help="measure nothing: print the short table of the results")
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> None:
    asked = arguments(words)
    measures = not (asked.redraw or asked.short)
    is_recorded = asked.program == "full" or not measures
    output = asked.output or (RECORDED if is_recorded else Path(tempfile.mkdtemp(prefix="bench-")))
    if measures:
        output.mkdir(parents=True, exist_ok=True)
    elif not Results.read(output).rows:
        sys.exit(f"{output} holds no results: measure first, or name another folder after --output.")
    if measures:
        for framework in FRAMEWORKS if asked.only is None else [asked.only]:
            result = measured(framework, asked.program)
            (output / f"{framework}.json").write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    results = Results.read(output)
    if asked.short:
        print(short(results))
        return
    pictures = draw(results, output)
    (output / "results.md").write_text(page(results, pictures), "utf-8")
    print(output / "results.md")


def measured(framework: str, program: str) -> dict[str, Any]:
    """What the processes of a framework find."""
    account = ACCOUNTS.get(framework)
    if account is None:
        return in_process(framework, program, "time", "memory")
    result = in_process(framework, program, "time")
    other = in_process(framework, program, "memory", environment=account)
    for row, found in zip(result["rows"], other["rows"], strict=True):
        row["allocated"] = found.get("allocated")
    return result


def in_process(*words: str, environment: Mapping[str, str] = MappingProxyType({})) -> dict[str, Any]:
    """A framework, a program and what is to be measured, in a process of its own."""
    framework, program, *what = words
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "result.json"
        command = [sys.executable, "-m", "benchmarks.worker", framework, program, path, *what]
        subprocess.run(command, cwd=ROOT, env=os.environ | environment, check=True)
        return json.loads(path.read_text("utf-8"))


if __name__ == "__main__":
    main()
