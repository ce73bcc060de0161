"""Every public name of metricloss stands in the reference, or the strict build fails."""

from __future__ import annotations

from collections.abc import Iterable
from types import ModuleType

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

import metricloss

_logger = logging.getLogger(__name__)


def public_names() -> list[str]:
    """What `dir(metricloss)` shows, some of it imported late, but for what decides about typing.

    Of modules only those that the package itself offers: errors, whose classes are public too.
    """
    names = [name for name in dir(metricloss) if not name.startswith("_") and name != "TYPE_CHECKING"]
    plain = [name for name in names if not isinstance(getattr(metricloss, name), ModuleType)]
    errors = [
        f"errors.{name}"
        for name, value in vars(metricloss.errors).items()
        if isinstance(value, type) and issubclass(value, Exception | Warning) and name not in plain
    ]
    return plain + errors


def undocumented(names: Iterable[str], documented: Iterable[str]) -> list[str]:
    """The public names that are not among the documented objects.

    >>> undocumented(["Metric", "compile"], ["metricloss.Metric"])
    ['compile']
    """
    known = set(documented)
    return [name for name in names if f"metricloss.{name}" not in known]


def _check(app: Sphinx, env: BuildEnvironment) -> None:
    for name in undocumented(public_names(), env.domains["py"].objects):  # type: ignore[attr-defined]
        _logger.warning("metricloss.%s is public and on no page of the reference", name, type="public")


def setup(app: Sphinx) -> dict[str, object]:
    """Look when every page has been read."""
    app.connect("env-check-consistency", _check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
