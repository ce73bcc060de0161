"""Plots made small: a page holds its own picture, and there are many pages."""

from __future__ import annotations

import re
from itertools import pairwise

Point = tuple[float, float]

_PATH = re.compile(r'(?<= d=")[^"]+')
_RUN = re.compile(r"M([^a-zA-Z]*(?:L[^a-zA-Z]*)*)(z?)")
#: Of a picture 900 wide: no eye sees less.
_TOLERANCE = 0.1


def shrunk(svg: str) -> str:
    """The picture with straight lines of two points, short numbers and the page's own font.

    >>> shrunk('<path d="M 0.123456 1 L 5 1 L 9 1 L 9 7 z"/>')
    '<path d="M0.1 1L9 1L9 7z"/>'
    """
    svg = _PATH.sub(lambda path: _shorter(path.group()), svg)
    svg = re.sub(r"font-family: [^;\"]*;?", "", svg)
    return re.sub(r"\s*\n\s*", "\n", svg)


def _shorter(path: str) -> str:
    if set(re.findall("[A-Za-z]", path)) - set("MLz"):
        return " ".join(path.split())
    return "".join(_straightened(run[1]) + run[2] for run in _RUN.finditer(path))


def _straightened(run: str) -> str:
    points = [(float(x), float(y)) for x, y in (pair.split() for pair in run.split("L"))]
    kept = [points[0]]
    skipped: list[Point] = []
    for point, after in pairwise([*points[1:], points[-1]]):
        skipped.append(point)
        if any(_distance(one, kept[-1], after) > _TOLERANCE for one in skipped):
            kept.append(point)
            skipped = []
    ends = points[-1:] if len(points) > 1 else []
    return "M" + "L".join(f"{_short(x)} {_short(y)}" for x, y in [*kept, *ends])


def _distance(point: Point, start: Point, end: Point) -> float:
    """Of a point from the line between two others, or from its nearer end."""
    (x, y), (ax, ay), (bx, by) = point, start, end
    length = (bx - ax) ** 2 + (by - ay) ** 2
    along = min(1, max(0, ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length)) if length else 0
    return ((x - ax - along * (bx - ax)) ** 2 + (y - ay - along * (by - ay)) ** 2) ** 0.5


def _short(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
