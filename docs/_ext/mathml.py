"""Formulas as MathML, made while building: no script and no font has to come from anywhere."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from math_core import LatexToMathML
from sphinx.application import Sphinx

_CONVERTER = LatexToMathML(fancy_error=False)
#: Commands with words that stay as they are, other commands, and words: names of several letters, like TP.
_WORDS = re.compile(r"\\(?:text|textbf|operatorname|mathrm|begin|end)\{[^}]*\}|\\[A-Za-z]+|[A-Za-z]{2,}")


def mathml(latex: str, *, displayed: bool = False) -> str:
    """LaTeX as MathML, in which a name of several letters is one word and no product.

    Errors: math_core.LatexError for what is no LaTeX; the build then fails.
    """
    text: str = _CONVERTER.convert_with_local_state(_WORDS.sub(_one_word, latex), displaystyle=displayed)
    return text


def _one_word(match: re.Match[str]) -> str:
    found = match.group()
    return found if found.startswith("\\") else rf"\mathrm{{{found}}}"


def _inline(translator: Any, node: nodes.math) -> None:
    translator.body.append(mathml(node.astext()))
    raise nodes.SkipNode


def _displayed(translator: Any, node: nodes.math_block) -> None:
    translator.body.append(f'<div class="math">{mathml(node.astext(), displayed=True)}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, object]:
    """Make it the way in which HTML pages show formulas."""
    app.add_html_math_renderer("mathml", (_inline, None), (_displayed, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
