"""The text language: what it reads, what it refuses and in which words, and that nothing is ever executed."""

from __future__ import annotations

import ast
import builtins
import doctest
import inspect
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
import sympy
from hypothesis import example, given, reject, settings
from hypothesis import strategies as st
from sympy import Abs, E, Expr, Integer, Max, Min, Rational, Symbol, exp, log, pi, sqrt

from metricloss import text as text_module
from metricloss.errors import (
    ExpressionSyntaxError,
    ExpressionTooLargeError,
    MetricLossError,
    NotRealError,
    ParameterError,
    UnknownNameError,
)
from metricloss.symbols import FN, FP, NAMES, PN, PP, TN, TP, N, P, n
from metricloss.text import CONSTANTS, FUNCTIONS, parse

W = Symbol("w", real=True)
LANGUAGE = "an expression is made of names, numbers, + - * / ** and round brackets"


def read(text: str) -> Expr:
    return parse(text, NAMES, ["w"])


def message(text: str, kind: type[MetricLossError]) -> str:
    with pytest.raises(MetricLossError) as caught:
        read(text)
    assert type(caught.value) is kind
    assert caught.value.__cause__ is None
    return str(caught.value)


# What it reads


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("TP", TP),
        ("2*TP/(2*TP + FP + FN)", 2 * TP / (2 * TP + FP + FN)),
        ("(TP*TN - FP*FN)/sqrt(P*N*PP*PN)", (TP * TN - FP * FN) / sqrt(P * N * PP * PN)),
        (
            "(1 + w**2)*TP/((1 + w**2)*TP + w**2*FN + FP)",
            (1 + W**2) * TP / ((1 + W**2) * TP + W**2 * FN + FP),
        ),
        ("0.3*TP", Rational(3, 10) * TP),
        ("1e-3", Rational(1, 1000)),
        ("1.5E+2", Integer(150)),
        ("1.e1", Integer(10)),
        (".5", Rational(1, 2)),
        ("5.", Integer(5)),
        ("1/3", Rational(1, 3)),
        ("0.1 + 0.2", Rational(3, 10)),
        ("0.123456789012345678901234567890", Rational(12345678901234567890123456789, 10**29)),
        ("-2**2", Integer(-4)),
        ("(-2)**2", Integer(4)),
        ("2**-1", Rational(1, 2)),
        ("2**3**2", Integer(512)),
        ("TP - FP - FN", TP - FP - FN),
        ("TP/FP/FN", TP / FP / FN),
        ("TP/FP*FN", TP / FP * FN),
        ("--+TP", TP),
        ("log2(8)", log(8) / log(2)),
        ("log10(n)", log(n) / log(10)),
        ("pi + E", pi + E),
        ("E**w", exp(W)),
        ("sqrt(TP/n)", sqrt(TP / n)),
        ("exp(-1000*(w - 1/2))", exp(-1000 * W + 500)),
        ("exp((log(TP + 100) + log(TN + 100))/2)", exp((log(TP + 100) + log(TN + 100)) / 2)),
        ("abs(TP/P - FP/N)", Abs(TP / P - FP / N)),
        ("abs(-3)", Integer(3)),
        ("min(TP, FP, 1)", Min(TP, FP, 1)),
        ("Max(TP)", TP),
        ("max(PP, PN)", Max(PP, PN)),
        ("Abs(sqrt(1 - w**2))", Abs(sqrt(1 - W**2))),
        ("tanh(w)", sympy.tanh(W)),
        ("  TP\n\t+ FP\r\n ", TP + FP),
        ("log(0)", sympy.zoo),
        ("0**-1", sympy.zoo),
    ],
)
def test_reads(text: str, meaning: Expr) -> None:
    assert read(text) == meaning


@pytest.mark.parametrize("name", ["sqrt", "exp", "log", "sin", "cos", "tan", "asin", "acos", "atan", "tanh"])
def test_function_is_the_one_of_sympy(name: str) -> None:
    assert read(f"{name}(w)") == getattr(sympy, name)(W)


def test_public_tables() -> None:
    names = "sqrt exp log log2 log10 sin cos tan asin acos atan tanh sigmoid Abs Min Max abs min max"
    assert " ".join(FUNCTIONS) == names
    assert dict(CONSTANTS) == {"pi": pi, "E": E}


def test_names_are_given_by_the_caller() -> None:
    p = Symbol("p", real=True)
    assert parse("p**2", {"p": p}) == p**2
    with pytest.raises(UnknownNameError):
        parse("TP", {"p": p})


def test_parameters_are_real_symbols() -> None:
    assert parse("w*TP", NAMES, {"w": 3}) == W * TP
    assert parse("w*TP", NAMES, ["w", "unused"]) == W * TP


def test_text_is_a_str() -> None:
    with pytest.raises(TypeError, match="the text of an expression is a str, not bytes"):
        parse(b"TP", NAMES)  # type: ignore[arg-type]


def test_doctests() -> None:
    assert doctest.testmod(text_module) == (0, 2)


# What it refuses, word for word

MESSAGES = [
    (
        "2*TPP/n",
        UnknownNameError,
        """TPP means nothing here; did you mean TP?
    2*TPP/n
      ^^^
a parameter needs a value: TPP=2 (on the command line --param TPP=2); """
        "the names here are TP, FP, FN, TN, P, N, PP, PN, n, w, pi, E",
    ),
    (
        "1 + Sqrt(TP)",
        UnknownNameError,
        """Sqrt is not a function here; did you mean sqrt?
    1 + Sqrt(TP)
        ^^^^
the functions are """
        "sqrt, exp, log, log2, log10, sin, cos, tan, asin, acos, atan, tanh, sigmoid, "
        "Abs, Min, Max, abs, min, max",
    ),
    ("", ExpressionSyntaxError, f"the expression is empty\n{LANGUAGE}"),
    (" \n\t ", ExpressionSyntaxError, f"the expression is empty\n{LANGUAGE}"),
    (
        "TP/n + 2TP",
        ExpressionSyntaxError,
        """an operator is missing between 2 and TP
    TP/n + 2TP
            ^^
a product is written 2*TP""",
    ),
    (
        "(TP) (FP)",
        ExpressionSyntaxError,
        """an operator is missing between ) and (
    (TP) (FP)
         ^
a product is written ( ... )*( ... )""",
    ),
    (
        "1_000*TP",
        ExpressionSyntaxError,
        """an operator is missing between 1 and _000
    1_000*TP
     ^^^^
numbers are written 1000, 0.5 or 1e-3""",
    ),
    (
        "TP + 007",
        ExpressionSyntaxError,
        """007 begins with 0
    TP + 007
         ^^^
numbers are written 1000, 0.5 or 1e-3""",
    ),
    (
        "n*TP(FP + 1)",
        ExpressionSyntaxError,
        """TP is not a function
    n*TP(FP + 1)
      ^^
a product is written TP*( ... )""",
    ),
    (
        "TP*sqrt",
        ExpressionSyntaxError,
        """sqrt is a function
    TP*sqrt
       ^^^^
give it an argument: sqrt( ... )""",
    ),
    (
        "sqrt(TP, FP)",
        ExpressionSyntaxError,
        """sqrt(TP, FP) has the wrong number of arguments
    sqrt(TP, FP)
    ^^^^^^^^^^^^
it takes 1, not 2""",
    ),
    (
        "n + Max(" + ",".join(["TP"] * 17) + ")",
        ExpressionSyntaxError,
        """Max(TP,TP,TP,TP,TP,TP,TP,TP,TP,TP,TP,... has the wrong number of arguments
    n + Max(TP,TP,TP,TP,TP,TP,TP,TP,TP,TP,TP,TP,TP,TP,TP,TP,TP)
        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
it takes 1 to 16, not 17""",
    ),
    (
        "TP^2",
        ExpressionSyntaxError,
        """^ means nothing in an expression
    TP^2
      ^
powers are written **, as in TP**2""",
    ),
    (
        "TP//n",
        ExpressionSyntaxError,
        """// means nothing in an expression
    TP//n
      ^^
quotients are written /""",
    ),
    (
        "M = TP/n",
        ExpressionSyntaxError,
        """= means nothing in an expression
    M = TP/n
      ^
write the right-hand side only; values of parameters are given outside of the expression""",
    ),
    (
        "TP >= FP",
        ExpressionSyntaxError,
        """>= means nothing in an expression
    TP >= FP
       ^^
there are no comparisons here, but Min and Max""",
    ),
    (
        "TP.real",
        ExpressionSyntaxError,
        """. means nothing in an expression
    TP.real
      ^
nothing has attributes here, and a point belongs next to a digit""",
    ),
    (
        "[TP]",
        ExpressionSyntaxError,
        """[ means nothing in an expression
    [TP]
    ^
only round brackets ( ) group""",
    ),
    (
        "TP # all",
        ExpressionSyntaxError,
        """# means nothing in an expression
    TP # all
       ^
there are no comments here""",
    ),
    (
        "TP\x00",
        ExpressionSyntaxError,
        f"""'\\x00' means nothing in an expression
    TP?
      ^
{LANGUAGE}""",
    ),
    (
        "lambda: 0",
        ExpressionSyntaxError,
        f"""lambda is a word of Python and means nothing in an expression
    lambda: 0
    ^^^^^^
{LANGUAGE}""",
    ),
    (
        "n*(TP, FP)",
        ExpressionSyntaxError,
        """(TP, FP) means nothing in an expression
    n*(TP, FP)
      ^^^^^^^^
only Min and Max take a comma""",
    ),
    (
        "TP*((FP + 1)",
        ExpressionSyntaxError,
        """( is never closed
    TP*((FP + 1)
       ^
add a )""",
    ),
    (
        "TP*(FP)) + 1",
        ExpressionSyntaxError,
        """) closes no bracket
    TP*(FP)) + 1
           ^
add a ( or leave it out""",
    ),
    (
        "2*TP +",
        ExpressionSyntaxError,
        f"""a value is missing after +
    2*TP +
          ^
{LANGUAGE}""",
    ),
    (
        "sqrt(*TP)",
        ExpressionSyntaxError,
        f"""a value is missing before *
    sqrt(*TP)
         ^
{LANGUAGE}""",
    ),
    (
        "TP\n+ beta",
        UnknownNameError,
        """beta means nothing here
    TP + beta
         ^^^^
a parameter needs a value: beta=2 (on the command line --param beta=2); """
        "the names here are TP, FP, FN, TN, P, N, PP, PN, n, w, pi, E",
    ),
    (
        "2 − TP",
        ExpressionSyntaxError,
        """'−' is not ASCII: U+2212 MINUS SIGN
    2 − TP
      ^
write -""",
    ),
    (
        "\ud800",
        ExpressionSyntaxError,
        """'\\ud800' is not ASCII: U+D800 (no name)
    ?
    ^
only ASCII characters are read""",
    ),
    (
        "9**9**9**9",
        ExpressionTooLargeError,
        """9**9 is too large an exponent
    9**9**9**9
          ^^^^
numbers in an exponent may be 64 at most, and their denominators 10000""",
    ),
    (
        "1 + (TP**50)**50",
        ExpressionTooLargeError,
        """(TP**50)**50 has too large an exponent
    1 + (TP**50)**50
        ^^^^^^^^^^^^
numbers in an exponent may be 64 at most, and their denominators 10000""",
    ),
    (
        "((10**30)**30)**30",
        ExpressionTooLargeError,
        """10**30 has too many digits
    ((10**30)**30)**30
      ^^^^^^
numbers have 30 digits at most""",
    ),
    (
        "TP/(FP - FP)",
        NotRealError,
        """FP - FP is zero: division by zero
    TP/(FP - FP)
        ^^^^^^^
divide by something else""",
    ),
    (
        "tanh(exp(TP/FP))",
        NotRealError,
        """exp(TP/FP) may be infinite or not real
    tanh(exp(TP/FP))
         ^^^^^^^^^^
write tanh(x) as 1 - 2/(exp(2*x) + 1)""",
    ),
    (
        "1 + sqrt(-TP)",
        NotRealError,
        """sqrt(-TP) is not a real number
    1 + sqrt(-TP)
        ^^^^^^^^^
a metric has a real value wherever its counts are nonnegative""",
    ),
]


@pytest.mark.parametrize(("text", "kind", "expected"), MESSAGES, ids=[row[0][:20] for row in MESSAGES])
def test_message(text: str, kind: type[MetricLossError], expected: str) -> None:
    assert message(text, kind) == expected


@pytest.mark.parametrize(
    ("character", "advice"),
    [
        ("×", "write *"),
        ("·", "write *"),
        ("÷", "write /"),
        ("√", "write sqrt( )"),
        ("²", "write **2"),
        ("β", "write beta"),
        ("π", "write pi"),
        ("Ｔ", "write T"),
        ("（", "write ("),
        ("Т", "only ASCII characters are read"),  # Cyrillic
        ("\u00a0", "only ASCII characters are read"),
        ("☃", "only ASCII characters are read"),
    ],
)
def test_names_the_ascii_replacement(character: str, advice: str) -> None:
    first, _, caret, last = message(f"TP + {character}P", ExpressionSyntaxError).splitlines()
    assert f"U+{ord(character):04X}" in first
    assert caret == " " * 9 + "^"
    assert last == advice


@pytest.mark.parametrize("text", ["sqrt()", "()", "Max(TP,)", "f(**TP)", "*TP", "TP**", "TP***2", "-", ","])
def test_missing_value(text: str) -> None:
    assert message(text, ExpressionSyntaxError).startswith("a value is missing ")


@pytest.mark.parametrize("text", ["sqrt(-1)", "log(-1)", "(-8)**(1/3)", "asin(2)", "Max(log(0), 1)", "1/0.0"])
def test_not_real(text: str) -> None:
    message(text, NotRealError)


@pytest.mark.parametrize(
    "name", ["TP", "n", "sqrt", "max", "pi", "E", "lambda", "None", "a b", "", "β", "2x", "a.b"]
)
def test_parameter_that_cannot_be_one(name: str) -> None:
    with pytest.raises(ParameterError):
        parse("TP/n", NAMES, [name])


def test_parameter_message() -> None:
    with pytest.raises(ParameterError) as caught:
        parse("TP/n", NAMES, ["n"])
    assert str(caught.value) == "the parameter n would hide the n of the language\nrename it"


# Bounds: at them, and just over


def nested(text: str, depth: int, function: str = "") -> str:
    return f"{function}(" * depth + text + ")" * depth


@pytest.mark.parametrize(
    ("fits", "exceeds"),
    [
        ("TP" + " " * 1998, "TP" + " " * 1999),
        ("1+" * 999 + "10", "1+" * 999 + "100"),
        (nested("TP", 50), nested("TP", 51)),
        (nested("TP", 50, "sin"), nested("TP", 51, "sin")),
        ("-" * 50 + "TP", "-" * 51 + "TP"),
        ("TP**" * 50 + "TP", "TP**" * 51 + "TP"),
        ("9" * 30, "9" * 31),
        ("1e29", "1e30"),
        ("1e-29", "1e-30"),
        ("10**29", "10**30"),
        ("9" * 30 + " - 1", "9" * 30 + " + 1"),
        ("1/10**15/10**14", "1/10**15/10**15"),
        ("TP**64", "TP**65"),
        ("TP**-64", "TP**-65"),
        ("TP**63.9", "TP**64.1"),
        ("(TP**8)**8", "(TP**8)**9"),
        ("TP**32*TP**32", "TP**32*TP**33"),
        ("TP**(1/10000)", "TP**(1/10001)"),
        ("exp(64)", "exp(65)"),
        ("2**(n + 64)", "2**(n + 65)"),
        ("E**(4*pi)", "E**(21*pi)"),
        ("pi**60", "pi**61"),
        ("Abs(" + "TP*w+" * 39 + "n)", "Abs(" + "+".join(f"TP*w**{k}" for k in range(2, 32)) + ")"),
    ],
)
def test_bound(fits: str, exceeds: str) -> None:
    assert isinstance(read(fits), Expr)
    message(exceeds, ExpressionTooLargeError)


def test_length_message() -> None:
    lines = message("[" * 10**5, ExpressionTooLargeError).splitlines()
    assert lines[0] == "the expression has 100000 characters, more than 2000"
    assert lines[2] == " " * 37 + "^"
    assert lines[3] == "make it shorter"


def test_nesting_message() -> None:
    lines = message(nested("TP", 60), ExpressionTooLargeError).splitlines()
    assert lines[0] == "( is nested too deeply"
    assert lines[2] == " " * 37 + "^"
    assert lines[3] == "nest 50 deep at most"


# Nothing hangs, nothing is executed

HOSTILE = [
    *["__import__('os').system('touch sentinel')", "open('sentinel','w')", "exec('1')", "eval('1')"],
    *["exec(1)", "eval(1)", "__import__(TP)", "getattr(TP, n)", "globals()", "print(1)", "__builtins__"],
    *["TP.__class__", "TP.__class__.__base__.__subclasses__()", "(1).__class__", "1 .real", "TP.func(1)"],
    *["(lambda: 0)()", "(TP := 2)", "TP if FP else FN", "not TP", "TP and FP", "TP is FP", "await TP"],
    *["f'{TP}'", "f'{__import__(\"os\")}'", "'TP'", '"TP"', "`TP`", "b'1'", "...", "None", "True", "1j"],
    *["[x for x in (1,)]", "[[y for y in range(10**9)] for x in range(10**9)]", "{TP: 1}", "{TP}", "TP[0]"],
    *["(x for x in TP)", "yield TP", "*TP", "**TP", "sqrt(*TP)", "sqrt(**TP)", "sqrt(x=TP)", "Max(key=TP)"],
    *["TP; import os", "import os", "del TP", "TP = 1", "TP += 1", "TP == 1", "TP != 1", "TP -> FP", "@TP"],
    *["TP & 1", "TP | 1", "~TP", "TP << 99999999999", "TP >> 1", "TP % 2", "TP // 2", "TP!", "$TP", "?"],
    *["TP \\\n + FP", "TP\\", "\\", "\x00", "TP\x00", "\x1b[31mTP", "\x7f", "\u2028TP", "\ufeffTP", "\x85"],
    *["ＴＰ", "ТР", "𝐓𝐏", "TＰ", "T\u0301P", "TP\u200b", "\u202eTP", "٣*TP", "TP＋FP", "\ud800", "\udfff1"],
    *["9**9**9**9", "9**9**9**9**9**9", "((10**30)**30)**30", "10**10**10", "10**-10**10", "0.1**99999"],
    *["exp(10**20)", "exp(exp(exp(exp(9))))", "E**E**E**E**E", "pi**pi**pi**pi", "exp(10**20*log(3))"],
    *[
        "exp(TP + 10**20*log(3))",
        "exp(10**20*log(2*TP))",
        "exp(10**20*n)**(log(2)/n)",
        "2**(10**20*log(3)/log(2))",
    ],
    *[
        "2**((10**20*n + 10**20)*log(3)/((n + 1)*log(2)))",
        "(2**(10**20*n))**(1/n)",
        "2**(n + 10**20)*2**(-n)",
    ],
    *["exp(log(n*10**20*log(3)))**2*exp(w*log(1 + 10**20*log(3)))", "(2**(10*n))**(100/n)", "4**10**20"],
    *["tanh(sqrt(1 + sin(1/TP))**(1/2 - 1e-20))", "sqrt(TP**(1e-20) + 1)", "sin(((1 + pi)**64 + 1)**64)"],
    *["1" * 2000, "0." + "1" * 1998, "1e99999999", "1e-99999999", "1e" + "9" * 1990, "0x" + "f" * 1990],
    *["(" * 10**5, "[" * 10**5, "{" * 10**5, "(" * 2000, "[" * 2000, "{" * 2000, ")" * 2000, "sin(" * 400],
    *["-" * 1999 + "1", "+" * 2000, "2**" * 600 + "2", "TP**" * 400 + "TP", "~" * 2000, "not " * 400 + "1"],
    *["Max(" * 300 + "TP" + ")" * 300, ("(" * 45 + "1" + ")" * 45 + "*") * 20, "1," * 900, "TP " * 600],
    *["Max(" + ",".join(f"TP-{k}*FP" for k in range(200)) + ")", "Max(TP,FP*" * 49 + "n" + ")" * 49],
    *["Abs(" + "1/(FN/TN-1/(FP+" * 24 + "TP" + "))" * 24 + ")", "x" * 2000, "TP" * 1000, "1" + "*TP" * 600],
    *["+".join(f"1/{k}" for k in range(2, 300)), "*".join(f"sqrt({k}**9+1)" for k in range(900, 1000))],
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: Any, **__: Any) -> None:
        calls.append(True)
        raise SystemExit

    calls: list[bool] = []
    start = time.process_time()
    with monkeypatch.context() as patch:
        for owner, name in ((builtins, "eval"), (builtins, "exec"), (builtins, "open"), (os, "system")):
            patch.setattr(owner, name, forbidden)
        with pytest.raises(MetricLossError) as caught:
            read(text)
    assert time.process_time() - start < 5, "a hang"
    assert not calls
    str(caught.value).encode()  # no surrogate, no escape sequence goes to a terminal
    assert "\x1b" not in str(caught.value)


LONG_BUT_FINE = [
    *["1+" * 999 + "1", "TP+" * 600 + "FP", "*".join(f"(TP+{k})" for k in range(1, 200)), "TP" + "/FP" * 64],
    *[
        "+".join(f"sin({k}*TP)" for k in range(1, 150)),
        "1/(1+" * 25 + "TP" + ")" * 25,
        nested("TP", 50, "exp"),
    ],
    *[
        "sqrt(1+" * 25 + "TP" + ")" * 25,
        nested("w", 50, "log"),
        nested("w", 50, "tanh"),
        nested("TP-FP", 10, "Abs"),
    ],
    *["cos(pi/2**64)", "sqrt((10**15 + 37)*(10**14 + 31))", "(1/3)**(1/64)", "sin(10**29)"],
]


@pytest.mark.parametrize("text", LONG_BUT_FINE, ids=range(len(LONG_BUT_FINE)))
def test_long_but_fine(text: str) -> None:
    start = time.process_time()
    assert isinstance(read(text), Expr)
    assert time.process_time() - start < 5, "a hang"


def test_little_room_on_the_stack() -> None:
    def descend(depth: int) -> None:
        if depth:
            descend(depth - 1)
        else:
            message(nested("TP + 1", 50, "sqrt"), ExpressionTooLargeError)

    used = len(inspect.stack())
    descend(sys.getrecursionlimit() - used - 120)


def expression_or_error(text: str) -> None:
    try:
        assert isinstance(read(text), Expr)
    except MetricLossError as error:
        str(error).encode()


@settings(max_examples=300, deadline=1000)
@given(st.text())
@example("\x0c")
@example("\\N{DIGIT ONE}")
def test_any_text(text: str) -> None:
    expression_or_error(text)


WORDS = [
    *NAMES,
    *FUNCTIONS,
    *CONSTANTS,
    "w",
    "x",
    "0",
    "1",
    "64",
    "0.3",
    "1e9",
    "10**20",
    "1/3",
    "lambda",
    "__",
]
SIGNS = [*"+-*/(),. ^", "**", "//", "\n", ")", "("]


@settings(max_examples=300, deadline=1000)
@given(st.text("TPFNn0123456789.eE+-*/(), wpi", max_size=60))
def test_any_text_in_the_alphabet(text: str) -> None:
    expression_or_error(text)


@settings(max_examples=300, deadline=1000)
@given(st.lists(st.sampled_from(WORDS) | st.sampled_from(SIGNS), max_size=40).map("".join))
def test_any_sequence_of_words(text: str) -> None:
    expression_or_error(text)


# Round trip: a tree built as Python's and as SymPy's at once

Both = tuple[ast.expr, Expr]


def number(digits: int, places: int) -> Both:
    exact = Rational(digits, 10**places)
    return ast.Constant(float(exact) if places else digits), exact


def binary(kind: ast.operator, operation: Callable[[Expr, Expr], Expr]) -> Callable[[Both, Both], Both]:
    def build(left: Both, right: Both) -> Both:
        if isinstance(kind, ast.Div) and right[1] == 0:
            reject()
        return ast.BinOp(left[0], kind, right[0]), operation(left[1], right[1])

    return build


def power(base: Both, exponent: int) -> Both:
    if base[1] == 0:
        reject()
    return ast.BinOp(base[0], ast.Pow(), ast.Constant(exponent)), base[1] ** exponent


def called(name: str, function: Callable[..., Expr]) -> Callable[..., Both]:
    def build(*arguments: Both) -> Both:
        trees, values = zip(*arguments, strict=True)
        return ast.Call(ast.Name(name), list(trees), []), function(*values)

    return build


LEAVES = st.one_of(
    st.sampled_from([(ast.Name(name), value) for name, value in {**NAMES, **CONSTANTS, "w": W}.items()]),
    st.builds(number, st.integers(0, 99), st.integers(0, 2)),
)


def grown(smaller: st.SearchStrategy[Both]) -> st.SearchStrategy[Both]:
    operations = [
        binary(ast.Add(), lambda a, b: a + b),
        binary(ast.Sub(), lambda a, b: a - b),
        binary(ast.Mult(), lambda a, b: a * b),
        binary(ast.Div(), lambda a, b: a / b),
    ]
    return st.one_of(
        *[st.builds(operation, smaller, smaller) for operation in operations],
        st.builds(power, smaller, st.integers(-3, 3)),
        smaller.map(lambda both: (ast.UnaryOp(ast.USub(), both[0]), -both[1])),
        smaller.map(called("exp", exp)),
        smaller.map(called("atan", sympy.atan)),
        st.builds(called("Max", Max), smaller, smaller),
        smaller.map(called("abs", FUNCTIONS["abs"])),
    )


@settings(max_examples=200, deadline=None)
@given(st.recursive(LEAVES, grown, max_leaves=8))
def test_round_trip(both: Both) -> None:
    tree, value = both
    try:
        assert read(ast.unparse(ast.fix_missing_locations(tree))) == value
    except ExpressionTooLargeError:
        reject()
