"""The directive command-line-help: what each command's --help says, taken from the parser while building."""

from __future__ import annotations

import io
import os
from contextlib import redirect_stdout, suppress
from unittest.mock import patch

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from metricloss import cli


def help_of(*command: str) -> str:
    """What `metricloss COMMAND --help` prints, 80 columns wide and without colours."""
    text = io.StringIO()
    plain = patch.dict(os.environ, {"COLUMNS": "80", "NO_COLOR": "1"})
    with plain, redirect_stdout(text), suppress(SystemExit):  # with which argparse ends
        cli.main([*command, "--help"])
    return text.getvalue()


def commands() -> list[str]:
    """The names of all commands, as `metricloss --help` lists them."""
    listed = help_of().partition("COMMAND\n")[2].partition("\n\n")[0]
    return [line.split()[0] for line in listed.splitlines() if line[4:5].strip()]


class CommandLineHelp(SphinxDirective):
    """A section for each command, with its help."""

    def run(self) -> list[nodes.Node]:
        return [self._section(name) for name in commands()]

    def _section(self, name: str) -> nodes.section:
        section = nodes.section(ids=[f"metricloss-{name}"], names=[name])
        section += nodes.title("", "", nodes.literal("", f"metricloss {name}"))
        section += nodes.literal_block("", help_of(name), language="text")
        return section


def setup(app: Sphinx) -> dict[str, object]:
    """Add the directive."""
    app.add_directive("command-line-help", CommandLineHelp)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
