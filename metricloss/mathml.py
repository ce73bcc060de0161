"""Formulas as MathML, which browsers and notebooks set by themselves: no script, no fonts, no network."""

from __future__ import annotations

import re
from functools import cache
from html import escape
from typing import Any

from sympy import Expr

_MINUS = "\N{MINUS SIGN}"
#: The words of a derivation's left sides: a derivative, then what it is a derivative on.
_DERIVATIVE = re.compile(r"(d\w+)/(d\w+)(.*)", re.DOTALL)
#: What a formula that was typed by hand is made of; words are prose where several stand together.
_TYPED = re.compile(
    r"(?P<derivative>\bd\w+/d\w+)|(?P<prose>\s?(?<![^\s(\[])(?:where\b|[a-z][a-z_']*(?: [a-z_']+)+)\s?)"
    r"|(?P<name>[^\W\d]\w*)|(?P<number>\d+)|(?P<sign>(?<=[=(] )-|(?<=\()-)|(?P<operator>\S)"
)


def mathml(expression: Expr) -> str:
    """The expression in presentation MathML, without the element <math> around it.

    >>> from sympy.abc import x
    >>> mathml(x / 2)
    '<mrow><mfrac><mi>x</mi><mn>2</mn></mfrac></mrow>'
    >>> mathml(type(x)("<"))
    '<mi>&lt;</mi>'
    """
    text: str = _printer()(expression)
    return text.replace("<mo>-</mo>", f"<mo>{_MINUS}</mo>").replace("<mn>-", f"<mn>{_MINUS}")


def words(text: str) -> str:
    """Words within a formula; d…/d… at their beginning stands as a fraction.

    >>> words("df1/da on <")
    '<mfrac><mi>df1</mi><mi>da</mi></mfrac><mtext>\\xa0on\\xa0&lt;</mtext>'
    """
    derivative = _DERIVATIVE.fullmatch(text)
    if not derivative:
        return f"<mi>{escape(text)}</mi>" if text.isidentifier() else f"<mtext>{_kept(text)}</mtext>"
    above, below, rest = derivative.groups()
    fraction = f"<mfrac><mi>{escape(above)}</mi><mi>{escape(below)}</mi></mfrac>"
    return fraction + (f"<mtext>{_kept(rest)}</mtext>" if rest else "")


def typed(text: str) -> str:
    """A formula as it was typed, as a row: names, numbers, operators, derivatives as fractions, and prose.

    >>> typed("p_k = 1 on a positive")
    '<mrow><msub><mi>p</mi><mi>k</mi></msub><mo>=</mo><mn>1</mn><mtext>\\xa0on\\xa0a\\xa0positive</mtext></mrow>'
    """
    return f"<mrow>{''.join(map(_part, _TYPED.finditer(text)))}</mrow>"


def _part(match: re.Match[str]) -> str:
    text = match.group()
    match match.lastgroup:
        case "derivative":
            return f"<mfrac>{''.join(map(_name, text.split('/')))}</mfrac>"
        case "prose":
            return f"<mtext>{_kept(text)}</mtext>"
        case "name":
            return _name(text)
        case "number":
            return f"<mn>{text}</mn>"
        case "sign":
            return f'<mo form="prefix">{_MINUS}</mo>'
    return f"<mo>{escape({'-': _MINUS, '*': '·'}.get(text, text))}</mo>"


def _name(text: str) -> str:
    """A name, with an index of one letter below it."""
    base, _, index = text.rpartition("_")
    if base and len(index) == 1:
        return f"<msub>{_name(base)}<mi>{escape(index)}</mi></msub>"
    return "<mo>∑</mo>" if text == "Σ" else f"<mi>{escape(text)}</mi>"


def equation(left: str, right: Expr | str, remark: str = "") -> str:
    """left = right, as a row; both may be words, and the right side an expression.

    >>> from sympy.abc import x
    >>> equation("y", x)
    '<mrow><mi>y</mi><mo>=</mo><mi>x</mi></mrow>'
    """
    shown = words(right) if isinstance(right, str) else mathml(right)
    after = f"<mtext>{_kept(remark)}</mtext>" if remark else ""
    return f"<mrow>{words(left)}<mo>=</mo>{shown}{after}</mrow>"


def math(row: str, display: str = "block") -> str:
    """The element <math> around a row.

    >>> math("<mi>x</mi>", "inline")
    '<math display="inline"><mi>x</mi></math>'
    """
    return f'<math display="{display}">{row}</math>'


def _kept(text: str) -> str:
    """Escaped, with blanks that MathML does not drop."""
    return escape(text).replace(" ", "\N{NO-BREAK SPACE}")


@cache
def _printer() -> Any:
    """SymPy's printer, with names as they were written and σ for sigmoid; imported late, for it is slow."""
    from sympy.printing.mathml import MathMLPresentationPrinter

    class Printer(MathMLPresentationPrinter):  # type: ignore[misc]  # SymPy has no types
        def _print_Symbol(self, symbol: Expr, style: str = "plain") -> Any:  # noqa: N802
            return self._named("mi", symbol.name)

        def _print_sigmoid(self, call: Expr) -> Any:
            return self._called("σ", call)

        def _print_Learned(self, call: Expr) -> Any:  # noqa: N802  SymPy looks for this name
            return self._called("f", call)

        def _print_LearnedSlope(self, call: Expr) -> Any:  # noqa: N802  as above
            return self._called("f′", call)

        def _called(self, name: str, call: Expr) -> Any:
            row = self.dom.createElement("mrow")
            for part in (self._named("mi", name), self._named("mo", "(")):
                row.appendChild(part)
            row.appendChild(self._print(call.args[0]))
            row.appendChild(self._named("mo", ")"))
            return row

        def _print_Exp1(self, number: Expr) -> Any:  # noqa: N802
            return self._named("mi", "e")

        def _named(self, tag: str, text: str) -> Any:
            element = self.dom.createElement(tag)
            element.appendChild(self.dom.createTextNode(escape(text)))  # SymPy's own nodes do not escape
            return element

    return Printer({"mul_symbol": "dot"}).doprint
