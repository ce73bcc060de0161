"""Plan expressions as Python source, spelled with the function names of a backend."""

from __future__ import annotations

from collections.abc import Mapping

import sympy
from sympy import Add, Expr, Integer, Mul, Pow, Rational, S, Symbol

from metricloss.functions import SPELLED, Divide, Root, Weights
from metricloss.plan import Body

#: What the table of every backend spells.
TABLE_KEYS = (*SPELLED.values(), "sqrt", "power")

_SUM, _PRODUCT, _POWER, _ATOM = 1, 2, 3, 4
_ORDER = {name: f"{place:02}" for place, name in enumerate(("tp", "fp", "fn", "tn", "p", "q", "z"))}


def spell_body(
    body: Body, table: Mapping[str, str], rename: Mapping[str, str] | None = None, *, numbers: bool = False
) -> list[str]:
    """The lines of a function's body. numbers: whether a result may be a number, no array like the arguments.

    >>> from metricloss.plan import lower
    >>> x = Symbol("x")
    >>> spell_body(lower({x: "x"}, [1 / (1 + x) - sympy.sqrt(x)]), {"divide": "divide", "sqrt": "sqrt"})
    ['return divide(1, x + 1) - sqrt(x)']
    """
    spell = _Spelling(table, rename or {})
    lines = [
        f"{', '.join(map(spell.name, names))} = {spell(expression)}" for names, expression in body.assignments
    ]
    results = [
        spell(result) if numbers else _as_array(result, spell(result), body.arguments[0])
        for result in body.results
    ]
    return [*lines, f"return {', '.join(results)}"]


class _Spelling:
    """Spells expressions with a table, brackets only where precedence needs them."""

    def __init__(self, table: Mapping[str, str], rename: Mapping[str, str]) -> None:
        self.table, self.rename = table, rename

    def __call__(self, expression: Expr, within: int = _SUM) -> str:
        text, precedence = self._spell(expression)
        return f"({text})" if precedence < within else text

    def name(self, name: str) -> str:
        return self.rename.get(name, name)

    def _spell(self, expression: Expr) -> tuple[str, int]:
        if isinstance(expression, Symbol):
            return self.name(expression.name), _ATOM
        if not expression.free_symbols:
            text = number_text(expression)
            return text, _PRODUCT if set(text) & set("-/") else _ATOM
        if isinstance(expression, Add):
            return self._sum(expression), _SUM
        if isinstance(expression, Mul):
            return self._product(expression)
        if isinstance(expression, Pow):
            return f"{self(expression.base, _ATOM)}**{expression.exp}", _POWER
        if isinstance(expression, sympy.Heaviside):
            return f"(1 + {self.table['sign']}({self(expression.args[0])})) / 2", _PRODUCT
        return self._call(expression), _ATOM

    def _sum(self, expression: Expr) -> str:
        terms = sorted(expression.args, key=lambda term: (_is_negative(term), term.is_number, *_place(term)))
        text = self(terms[0], _SUM)
        for term in terms[1:]:
            negative = _is_negative(term)
            text += f" - {self(-term, _PRODUCT)}" if negative else f" + {self(term, _PRODUCT)}"
        return text

    def _product(self, expression: Expr) -> tuple[str, int]:
        if _is_negative(expression):
            text, precedence = self._spell(-expression)
            return f"-{text if precedence >= _PRODUCT else f'({text})'}", _PRODUCT
        coefficient, rest = expression.as_coeff_Mul(rational=True)
        factors = sorted(Mul.make_args(rest), key=_place)
        spelled = [self(factor, _POWER) for factor in factors]
        if coefficient.p != 1:
            spelled.insert(0, number_text(sympy.Integer(coefficient.p)))
        text = " * ".join(spelled)
        divisor = number_text(sympy.Integer(coefficient.q))
        return (f"{text} / {divisor}" if coefficient.q != 1 else text), _PRODUCT

    def _call(self, expression: Expr) -> str:
        if isinstance(expression, Root):
            base, exponent = expression.args
            if exponent == S.Half:
                return f"{self.table['sqrt']}({self(base)})"
            return f"{self.table['power']}({self(base)}, {number_text(exponent)})"
        arguments = expression.args
        if isinstance(expression, Divide) and arguments[2] == 0:
            arguments = arguments[:2]
        if isinstance(arguments[-1], Weights):
            arguments = arguments[:-1]
        name = self.table[SPELLED[type(expression)]]
        if isinstance(expression, sympy.Min | sympy.Max):
            return self._nested(name, sorted(arguments, key=_place))
        return f"{name}({', '.join(map(self, arguments))})"

    def _nested(self, name: str, arguments: list[Expr]) -> str:
        """A function of two for many: the numbers last, so that the first argument is an array."""
        first, *others = sorted(arguments, key=lambda argument: argument.is_number)
        text = self(first)
        for other in others:
            text = f"{name}({text}, {self(other)})"
        return text


def _as_array(result: Expr, text: str, argument: str) -> str:
    """A result that is a number, as an array like the arguments."""
    if result.free_symbols:
        return text
    return f"{text} + 0 * {argument}" if result else f"0 * {argument}"


def number_text(number: Expr) -> str:
    """A number: whole and decimal ones as they are, 1/3 as a quotient, others to 17 digits.

    >>> [number_text(number) for number in (S(2), S(1) / 4, S(1) / 3, -sympy.sqrt(2))]
    ['2', '0.25', '1/3', '-1.4142135623730951']
    """
    if isinstance(number, Integer) and abs(number) < 2**53:
        return str(number)
    if isinstance(number, Rational) and max(abs(number.p), number.q) < 2**53 and not _is_decimal(number):
        return f"{number.p}/{number.q}"
    return repr(float(number))


def _is_decimal(number: Expr) -> bool:
    return bool(Rational(repr(float(number))) == number)


def _is_negative(term: Expr) -> bool:
    coefficient = term.as_coeff_Mul()[0]
    return bool(coefficient.is_negative)


def _place(expression: Expr) -> tuple[bool, str, str]:
    """Numbers first in products and sums; then tp, fp, fn, tn before other names; else by text."""
    names = sorted(symbol.name for symbol in expression.free_symbols)
    return (
        isinstance(expression, Add) and not expression.is_number,
        min((_ORDER.get(name, "99") for name in names), default=""),
        str(expression),
    )
