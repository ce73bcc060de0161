"""Untrusted text to SymPy: a closed language, read from Python's syntax tree and never executed.

    str ─scan─▶ well-formed ASCII str ─ast.parse─▶ ast ─_Parser─▶ sympy.Expr

SymPy calculates as it builds, so that ``9**9**9`` would hang in ``**`` itself: each bound is checked before
the step that could exceed it by much, and again on the result, since SymPy also merges numbers and powers.
"""

from __future__ import annotations

import ast
import keyword
import operator
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType

import sympy
from sympy import AccumBounds, Add, Expr, Function, Pow, Rational, S, Symbol, exp, log, preorder_traversal

from metricloss.errors import (
    ExpressionSyntaxError,
    ExpressionTooLargeError,
    MetricLossError,
    NotRealError,
    ParameterError,
    UnknownNameError,
    nearest,
)
from metricloss.functions import sigmoid
from metricloss.scan import LANGUAGE, MAX_NESTING, mistake, scan, short

_BLANKS = str.maketrans("\t\n\r\f\v", " " * 5)
MAX_DIGITS = 30  #: of a numerator or denominator, written or calculated
MAX_EXPONENT = 64  #: absolute value of a numeric exponent
MAX_ROOT = 10_000  #: denominator of a numeric exponent
MAX_ARGUMENTS = 16  #: of Min and Max
MAX_COMPARED = 120  #: nodes in the arguments of all Abs, Min and Max: SymPy decides signs slowly


def _quickly_real(x: Expr) -> bool:
    """Whether SymPy will ask no further than this for real and imaginary parts, which may take it forever."""
    return bool(x.is_extended_real or x.is_rational_function())


def _absolute(x: Expr) -> Expr:
    return sympy.Abs(x, evaluate=_quickly_real(x))


FUNCTIONS: Mapping[str, Callable[..., Expr]] = MappingProxyType(
    {"sqrt": sympy.sqrt, "exp": exp, "log": log}
    | {"log2": lambda x: log(x) / log(2), "log10": lambda x: log(x) / log(10)}
    | {"sin": sympy.sin, "cos": sympy.cos, "tan": sympy.tan}
    | {"asin": sympy.asin, "acos": sympy.acos, "atan": sympy.atan, "tanh": sympy.tanh, "sigmoid": sigmoid}
    | {"Abs": _absolute, "Min": sympy.Min, "Max": sympy.Max}
    | {"abs": _absolute, "min": sympy.Min, "max": sympy.Max}
)
CONSTANTS: Mapping[str, Expr] = MappingProxyType({"pi": sympy.pi, "E": sympy.E})

_OPERATORS: Mapping[type[ast.AST], Callable[..., Expr]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
}
_POWERS = f"numbers in an exponent may be {MAX_EXPONENT} at most, and their denominators {MAX_ROOT}"
_REAL = "a metric has a real value wherever its counts are nonnegative"


def parse(text: str, names: Mapping[str, Expr], parameters: Collection[str] | None = ()) -> Expr:
    """The SymPy expression that a text means, with its numbers exact.

    ``names`` are the identifiers with their meanings; each of ``parameters`` becomes a real symbol, and None
    says that there can be none. Raises
    ExpressionSyntaxError, UnknownNameError, ExpressionTooLargeError, NotRealError or ParameterError.

    >>> from metricloss.symbols import NAMES
    >>> parse("TP/(TP + 0.3*FP + w*FN)", NAMES, ["w"])
    TP/(FN*w + 3*FP/10 + TP)
    """
    if not isinstance(text, str):
        raise TypeError(f"the text of an expression is a str, not {type(text).__name__}")
    _check_parameters(names, parameters or ())
    known = {**names, **{name: Symbol(name, real=True) for name in parameters or ()}, **CONSTANTS}
    line = text.translate(_BLANKS)
    try:
        scan(line)
        tree = ast.parse(f"({line})", mode="eval")  # in brackets, for a tree may not begin with a blank
        return _Parser(line, known, parameters).value(tree.body)
    except MetricLossError:
        raise
    except (RecursionError, MemoryError):
        what, advice = "the expression is nested too deeply", f"nest {MAX_NESTING} deep at most"
        raise mistake(ExpressionTooLargeError, line, (0, len(line)), what, advice) from None
    except Exception as error:  # whatever else Python or SymPy may hold against it
        what = f"this is not an expression: {str(error)[:200]}"
        raise mistake(ExpressionSyntaxError, line, (0, len(line)), what, LANGUAGE) from None


def _check_parameters(names: Mapping[str, Expr], parameters: Collection[str]) -> None:
    for name in parameters:
        if not (name.isascii() and name.isidentifier()) or keyword.iskeyword(name):
            raise ParameterError(f"{name!r} cannot name a parameter\na name has ASCII letters, digits and _")
        if name in names or name in FUNCTIONS or name in CONSTANTS:
            raise ParameterError(f"the parameter {name} would hide the {name} of the language\nrename it")


def _exponent_fits(base: Expr, exponent: Expr) -> bool:
    """No number in it that makes a huge power, now or when SymPy merges this power with others.

    Of E, large multiples of symbols are fine, unless a logarithm lets SymPy put another base for E.
    """
    strict = base is not S.Exp1 or exponent.has(log)
    if exponent.free_symbols and not strict:
        return True
    terms = [term for term in Add.make_args(exponent) if not term.free_symbols]
    if any(_exceeds(term, MAX_EXPONENT) for term in terms):
        return False
    numbers = _numbers(exponent) if strict else ()
    return all(abs(number) <= MAX_EXPONENT and number.q <= MAX_ROOT for number in numbers)


def _numbers(exponent: Expr) -> Iterator[Rational]:
    """The numbers that may end up in front of a logarithm: all but those in the innermost ones."""
    parts = preorder_traversal(exponent)
    for part in parts:
        if isinstance(part, log) and not part.args[0].has(log):
            parts.skip()
        elif part.is_Rational:
            yield part


def _exceeds(number: Expr, bound: int) -> bool:
    size = abs(number if number.is_Rational else number.evalf(5))  # a Rational is compared exactly
    return bool(size.is_comparable and size > bound)


class _Parser:
    """From the syntax tree of a scanned text to SymPy."""

    def __init__(self, text: str, known: Mapping[str, Expr], parameters: Collection[str] | None) -> None:
        self.text = text
        self.parameters = parameters
        self.known = known
        self.depth = 0
        self.compared = 0
        self.checked: set[Expr] = set()

    def value(self, node: ast.expr) -> Expr:
        if self.depth > MAX_NESTING:
            raise self.too_large(node, "is nested too deeply", f"nest {MAX_NESTING} deep at most")
        self.depth += 1
        match node:
            case ast.Constant():
                result = self.number(node)
            case ast.Name(id=name):
                result = self.name(node, name)
            case ast.UnaryOp(op=ast.UAdd() | ast.USub()):
                result = self.apply(node, node.operand, _OPERATORS[type(node.op)], self.value(node.operand))
            case ast.BinOp():
                result = self.chain(node)
            case ast.Call(func=ast.Name(id=name), keywords=[]):
                result = self.call(node, name)
            case _:
                advice = "only Min and Max take a comma" if isinstance(node, ast.Tuple) else LANGUAGE
                raise self.error(ExpressionSyntaxError, node, "means nothing in an expression", advice)
        self.depth -= 1
        return result

    def chain(self, node: ast.BinOp) -> Expr:
        """Operators to the left of one another: a loop, for a sum of 500 terms is not deep."""
        steps = [node]
        while isinstance(steps[-1].left, ast.BinOp):
            steps.append(steps[-1].left)
        result = self.value(steps[-1].left)
        for step in reversed(steps):
            result = self.apply(step, step.right, _OPERATORS[type(step.op)], result, self.value(step.right))
        return result

    def number(self, node: ast.Constant) -> Expr:
        """What is written, not its float: 0.3 is 3/10."""
        written = self.source(node)
        mantissa, _, power = written.lower().partition("e")
        if len(mantissa) > 2 * MAX_DIGITS or abs(int(power or 0)) > 2 * MAX_DIGITS:
            raise self.too_long(node)
        return self.in_bounds(node, Rational(*Fraction(written).as_integer_ratio()))

    def name(self, node: ast.Name, name: str) -> Expr:
        if name in self.known:
            return self.known[name]
        if name in FUNCTIONS:
            advice = f"give it an argument: {name}( ... )"
            raise self.error(ExpressionSyntaxError, node, "is a function", advice)
        given = f"{short(name)}=2"
        advice = f"the names here are {', '.join(self.known) or 'none'}"
        if self.parameters is not None:
            advice = f"a parameter needs a value: {given} (on the command line --param {given}); {advice}"
        meant = nearest(name, [known for known in self.known if known not in (self.parameters or ())])
        raise self.error(UnknownNameError, node, f"means nothing here{meant}", advice)

    def call(self, node: ast.Call, name: str) -> Expr:
        if name in self.known:
            advice = f"a product is written {name}*( ... )"
            raise self.error(ExpressionSyntaxError, node.func, "is not a function", advice)
        if name not in FUNCTIONS:
            what, advice = f"is not a function here{nearest(name, FUNCTIONS)}", ", ".join(FUNCTIONS)
            raise self.error(UnknownNameError, node.func, what, f"the functions are {advice}")
        function = FUNCTIONS[name]
        most = MAX_ARGUMENTS if function in (sympy.Min, sympy.Max) else 1
        if not 1 <= len(node.args) <= most:
            advice = f"it takes {'1' if most == 1 else f'1 to {most}'}, not {len(node.args)}"
            raise self.error(ExpressionSyntaxError, node, "has the wrong number of arguments", advice)
        return self.apply(node, node.args[0], function, *map(self.value, node.args))

    def apply(self, node: ast.expr, operand: ast.expr, function: Callable[..., Expr], *values: Expr) -> Expr:
        """One step of arithmetic between its checks; ``operand`` is the exponent or divisor to point at."""
        if function is operator.pow:
            self.check_power(operand, *values)
        elif function is exp:
            self.check_power(operand, S.Exp1, *values)
        elif function is operator.truediv and values[1] is S.Zero:
            raise self.error(NotRealError, operand, "is zero: division by zero", "divide by something else")
        elif function is sympy.tanh and not _quickly_real(values[0]):
            advice = "write tanh(x) as 1 - 2/(exp(2*x) + 1)"
            raise self.error(NotRealError, operand, "may be infinite or not real", advice)
        elif function in (_absolute, sympy.Min, sympy.Max):
            self.check_comparison(node, values)
        try:
            result = function(*values)
        except (ValueError, TypeError, ArithmeticError):  # Min and Max of zoo
            raise self.not_real(node) from None
        return self.in_bounds(node, result)

    def check_power(self, node: ast.expr, base: Expr, exponent: Expr) -> None:
        merging = base.atoms(exp) if exponent.has(log) else ()  # exp(x)**log(2) may become 2**x
        if not (_exponent_fits(base, exponent) and all(_exponent_fits(base, each.exp) for each in merging)):
            raise self.too_large(node, "is too large an exponent", _POWERS)

    def check_comparison(self, node: ast.expr, values: Sequence[Expr]) -> None:
        self.compared += sum(1 for value in values for _ in preorder_traversal(value))
        if self.compared > MAX_COMPARED:
            advice = f"all arguments of Abs, Min and Max may have {MAX_COMPARED} parts at most"
            raise self.too_large(node, "has too long arguments", advice)

    def in_bounds(self, node: ast.expr, result: Expr) -> Expr:
        """The result, once all that is new in it has been looked at."""
        parts = [result]
        while parts:
            part = parts.pop()
            if part not in self.checked:
                self.checked.add(part)
                self.check_part(node, part)
                parts.extend(part.args)
        return result

    def check_part(self, node: ast.expr, part: Expr) -> None:
        if part.is_Rational and max(abs(part.p), part.q) >= 10**MAX_DIGITS:
            raise self.too_long(node)
        if isinstance(part, (Pow, exp)) and not _exponent_fits(part.base, part.exp):
            raise self.too_large(node, "has too large an exponent", _POWERS)
        if part is S.ImaginaryUnit or isinstance(part, AccumBounds):
            raise self.not_real(node)
        if isinstance(part, (Pow, Function)) and not part.free_symbols:
            number = part.evalf(5)
            if number.is_finite and number.is_real is False:
                raise self.not_real(node)
            if _exceeds(number, 10**MAX_DIGITS):
                raise self.too_long(node)

    def span(self, node: ast.expr) -> tuple[int, int]:
        """The place in the text, one bracket to the left of that in the tree."""
        return max(0, node.col_offset - 1), min(len(self.text), (node.end_col_offset or 0) - 1)

    def source(self, node: ast.expr) -> str:
        start, end = self.span(node)
        return self.text[start:end]

    def error(self, kind: type[MetricLossError], node: ast.expr, what: str, advice: str) -> MetricLossError:
        return mistake(kind, self.text, self.span(node), f"{short(self.source(node))} {what}", advice)

    def too_large(self, node: ast.expr, what: str, advice: str) -> MetricLossError:
        return self.error(ExpressionTooLargeError, node, what, advice)

    def too_long(self, node: ast.expr) -> MetricLossError:
        return self.too_large(node, "has too many digits", f"numbers have {MAX_DIGITS} digits at most")

    def not_real(self, node: ast.expr) -> MetricLossError:
        return self.error(NotRealError, node, "is not a real number", _REAL)
