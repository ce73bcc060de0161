"""Forward and backward of our losses, in time and memory, beside everyone else's: `make bench`.

python benchmarks/speed.py [--quick] [--only torch] [--output DIR]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if __name__ == "__main__":
    sys.path[0] = str(ROOT)  # not this folder

from benchmarks.cases import PROGRAMS  # noqa: E402  as a script, it finds its package only now
from benchmarks.results import FRAMEWORKS, Results  # noqa: E402
from benchmarks.tables import page  # noqa: E402

RECORDED = ROOT / "benchmarks" / "results"


def arguments(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", dest="program", action="store_const", const="quick", default="full",
                        help="small sizes and few losses, in about a minute")  # fmt: skip
    parser.add_argument("--program", choices=PROGRAMS, help=argparse.SUPPRESS)  # tiny is for the tests
    parser.add_argument(
        "--only", metavar="FRAMEWORK", choices=FRAMEWORKS, help=f"one of {', '.join(FRAMEWORKS)}"
    )
    parser.add_argument("--output", metavar="DIR", type=Path,
                        help="default: benchmarks/results; of --quick a temporary folder")  # fmt: skip
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> None:
    asked = arguments(words)
    output = asked.output or (RECORDED if asked.program == "full" else Path(tempfile.mkdtemp(prefix="bench-")))
    output.mkdir(parents=True, exist_ok=True)
    for framework in FRAMEWORKS if asked.only is None else [asked.only]:
        path = (output / f"{framework}.json").resolve()
        subprocess.run(
            [sys.executable, "-m", "benchmarks.worker", framework, asked.program, path], cwd=ROOT, check=True
        )
    write(output)
    print(output / "results.md")


def write(output: Path) -> None:
    """The page, from all results that are there, those of earlier runs included."""
    results = Results.read(output)
    (output / "results.md").write_text(page(results), "utf-8")


if __name__ == "__main__":
    main()
