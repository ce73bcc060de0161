"""Docstrings as they stand in metricloss, plain text, into what Sphinx lays out.

A paragraph that begins with the name of an argument and a colon becomes a list of arguments; one that begins
with "Errors:" or "Source" a field of its own, the errors linked. Other text is kept: what means something in
reStructuredText only by accident, as the stars of a power, is escaped.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass

from sphinx.application import Sphinx

from metricloss import errors

_CODE = re.compile(r"(``[^`]+``|`[^`]+`)")
_ERROR = re.compile(r"\b[A-Z]\w+(?:Error|Warning)\b")
#: An empty line; or none, before errors and sources.
_PARAGRAPHS = re.compile(r"\n\s*\n|(?<=\.)\s+(?=Errors: )|\n(?=Errors: |Raises |Source[^\n:]{0,40}: )")
_FIELD = re.compile(r"(Errors|Raises|Source[^:]{0,40}):? ")
_RESULT = re.compile(r"(?<=\.) Returns (?=\w)")


def laid_out(text: str, arguments: Iterable[str] = ()) -> str:
    """A docstring in reStructuredText.

    >>> print(laid_out("Cubes x.\\n\\nx: a number. y: none.\\n\\nErrors: OptionError for y**2.", ["x", "y"]))
    Cubes x.
    <BLANKLINE>
    :param x: a number.
    :param y: none.
    <BLANKLINE>
    :Errors: :exc:`~metricloss.errors.OptionError` for y\\*\\*2.
    """
    names = list(arguments)
    return "\n\n".join(_paragraph(paragraph, names) for paragraph in _PARAGRAPHS.split(text.strip("\n")))


def _paragraph(text: str, arguments: list[str]) -> str:
    if text.lstrip().startswith(">>>") or text.startswith(" "):
        return text
    if "└" in text:
        return "::\n\n" + "\n".join(f"    {line}" for line in text.splitlines())
    line = " ".join(text.split())
    described = list(_described(line, arguments))
    if described:
        *described, (name, what) = described
        what, *result = _RESULT.split(what, maxsplit=1)
        fields = [f":param {name}: {_inline(what)}" for name, what in [*described, (name, what)]]
        return "\n".join([*fields, *(f":returns: {_inline(text)}" for text in result)])
    field = _FIELD.match(line)
    if not field:
        return _inline(line)
    return f":{field[1].replace('Raises', 'Errors')}: {_inline(line[field.end() :])}"


def _described(line: str, arguments: list[str]) -> Iterator[tuple[str, str]]:
    """The arguments that a paragraph describes, in order, if it begins with one."""
    if not arguments:
        return
    name = rf"`?({'|'.join(map(re.escape, arguments))})`?: "
    begins = list(re.finditer(rf"(?:^|(?<=[.;] )){name}", line))
    if not begins or begins[0].start():
        return
    for match, end in zip(begins, [*(later.start() for later in begins[1:]), len(line)], strict=True):
        yield match[1], line[match.end() : end].strip()


def _inline(line: str) -> str:
    """Names in backquotes as code, errors as links, and everything else as it stands."""
    parts = _CODE.split(line)
    return "".join(f"``{part.strip('`')}``" if at % 2 else _plain(part) for at, part in enumerate(parts))


def _plain(text: str) -> str:
    escaped = re.sub(r"[\\*|]", r"\\\g<0>", text)
    escaped = re.sub(r"(?<=\w)_(?!\w)", r"\\_", escaped)
    return _ERROR.sub(_linked, escaped)


def _linked(match: re.Match[str]) -> str:
    name = match.group()
    if not hasattr(errors, name):
        return name
    home = "metricloss" if name.startswith("MetricLoss") else "metricloss.errors"
    return f":exc:`~{home}.{name}`"


def _arguments(what: object) -> list[str]:
    named = [field.name for field in fields(what)] if is_dataclass(what) else []
    try:
        return [*inspect.signature(what).parameters, *named]  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return named


def _process(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    lines[:] = [*laid_out("\n".join(lines), _arguments(obj)).splitlines(), ""]


def setup(app: Sphinx) -> dict[str, object]:
    """Lay out every docstring that autodoc reads."""
    app.connect("autodoc-process-docstring", _process)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
