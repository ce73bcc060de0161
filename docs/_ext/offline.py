"""The built pages ask nobody for anything: no script, style, font or picture comes from the network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

#: What a browser fetches without being asked, unlike a link: in HTML, and in style sheets.
_FETCHED = re.compile(
    r"<(?:script|link|img|iframe|source|video|audio|embed|object|image|use)\b[^>]*"
    r"""\b(?:src|srcset|href|data)\s*=\s*["']?((?:https?:)?//[^"'\s>]+)""",
    re.IGNORECASE,
)
_STYLED = re.compile(r"""(?:url\(\s*|@import\s+)["']?((?:https?:)?//[^"')\s]+)""", re.IGNORECASE)


def fetched(text: str) -> list[str]:
    """The addresses on other machines that a page or a style sheet makes a browser fetch.

    >>> fetched('<script src="https://a.example/x.js"></script> <a href="https://b.example">b</a>')
    ['https://a.example/x.js']
    """
    return [*_FETCHED.findall(text), *_STYLED.findall(text)]


def fetched_by(folder: Path) -> Iterator[str]:
    """A line for each address that a built site would fetch."""
    for path in sorted([*folder.rglob("*.html"), *folder.rglob("*.css")]):
        yield from (f"{path.relative_to(folder)}: {address}" for address in fetched(path.read_text("utf-8")))


def _check(app: Sphinx, error: Exception | None) -> None:
    if error is None and app.builder.format == "html" and (found := list(fetched_by(Path(app.outdir)))):
        raise ExtensionError("pages fetch from the network:\n" + "\n".join(found))


def setup(app: Sphinx) -> dict[str, object]:
    """Look when everything has been written."""
    app.connect("build-finished", _check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
