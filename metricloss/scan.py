"""Untrusted text, looked at before Python's own parser is given it."""

from __future__ import annotations

import keyword
import re
import unicodedata

from metricloss.errors import ExpressionSyntaxError, ExpressionTooLargeError, MetricLossError, under

MAX_LENGTH = 2000  #: characters of text
MAX_NESTING = 50  #: brackets within brackets, and operators within operators

NUMBERS = "numbers are written 1000, 0.5 or 1e-3"
LANGUAGE = "an expression is made of names, numbers, + - * / ** and round brackets"
_TOKEN = re.compile(
    r"""(?P<blank>\s+)
      | (?P<stranger>//|[=!<>:]=|<<|>>|[^\s\w.+\-*/(),]|\.(?!\d))
      | (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
      | (?P<name>[A-Za-z_]\w*)
      | (?P<sign>\*\*|[-+*/(),])""",
    re.ASCII | re.VERBOSE,
)
_ADVICE = {
    "^": "powers are written **, as in TP**2",
    "//": "quotients are written /",
    "%": "there is no remainder here, and 5% is written 5/100",
    "=": "write the right-hand side only; values of parameters are given outside of the expression",
    ".": "nothing has attributes here, and a point belongs next to a digit",
    "#": "there are no comments here",
    "\\": "a new line may begin anywhere, without a mark",
    **dict.fromkeys("[]{}", "only round brackets ( ) group"),
    **dict.fromkeys("'\"`", "there are no strings here"),
    **dict.fromkeys(("<", ">", "<=", ">=", "==", "!="), "there are no comparisons here, but Min and Max"),
}
_ASCII = {"√": "sqrt( )", "²": "**2", "³": "**3", "½": "1/2", "¼": "1/4", "¾": "3/4"}
_ASCII |= dict.fromkeys("−–—", "-") | dict.fromkeys("×·⋅∙∗", "*") | dict.fromkeys("÷∕⁄", "/")


def scan(text: str) -> None:
    """Let pass only what Python's parser can read: no strange characters, deep brackets or loose ends."""
    if len(text) > MAX_LENGTH:
        what = f"the expression has {len(text)} characters, more than {MAX_LENGTH}"
        raise mistake(ExpressionTooLargeError, text, (MAX_LENGTH, MAX_LENGTH + 1), what, "make it shorter")
    if not text.strip(" "):
        raise ExpressionSyntaxError(f"the expression is empty\n{LANGUAGE}")
    opened: list[int] = []
    before = None
    for token in _TOKEN.finditer(text):
        if token.lastgroup != "blank":
            _check_word(text, token)
            _check_bracket(text, token, opened)
            _check_neighbours(text, before, token)
            before = token
    if opened:
        what = "( is never closed"
        raise mistake(ExpressionSyntaxError, text, (opened[-1], opened[-1] + 1), what, "add a )")
    _check_neighbours(text, before, None)


def _check_word(text: str, token: re.Match[str]) -> None:
    word, advice = token[0], LANGUAGE
    if not word.isascii():
        what = f"{word!r} is not ASCII: U+{ord(word):04X} {unicodedata.name(word, '(no name)')}"
        advice = _ascii_advice(word)
    elif token.lastgroup == "stranger":
        what = f"{word if word.isprintable() else repr(word)} means nothing in an expression"
        advice = _ADVICE.get(word, LANGUAGE)
    elif keyword.iskeyword(word):
        what = f"{word} is a word of Python and means nothing in an expression"
    elif re.fullmatch(r"0\d+", word):
        what, advice = f"{short(word)} begins with 0", NUMBERS
    else:
        return
    raise mistake(ExpressionSyntaxError, text, token.span(), what, advice)


def _ascii_advice(character: str) -> str:
    _, greek, letter = unicodedata.name(character, "").partition("GREEK SMALL LETTER ")
    folded = unicodedata.normalize("NFKC", character)
    plain = _ASCII.get(character) or (letter.lower() if greek else folded)
    return f"write {plain}" if plain.isascii() and plain.strip() else "only ASCII characters are read"


def _check_bracket(text: str, token: re.Match[str], opened: list[int]) -> None:
    if token[0] == "(":
        opened.append(token.start())
        if len(opened) > MAX_NESTING:
            what, advice = "( is nested too deeply", f"nest {MAX_NESTING} deep at most"
            raise mistake(ExpressionTooLargeError, text, token.span(), what, advice)
    elif token[0] == ")":
        if not opened:
            what = ") closes no bracket"
            raise mistake(ExpressionSyntaxError, text, token.span(), what, "add a ( or leave it out")
        opened.pop()


def _check_neighbours(text: str, before: re.Match[str] | None, token: re.Match[str] | None) -> None:
    """Between two values an operator, between two operators a value."""
    ended = before is not None and (before.lastgroup != "sign" or before[0] == ")")
    begins = token is not None and (token.lastgroup != "sign" or token[0] == "(")
    if not ended and (token is None or token[0] in ("*", "/", "**", ")", ",")):
        what = f"a value is missing {f'before {token[0]}' if token else f'after {before and before[0]}'}"
        span = token.span() if token else (len(text), len(text) + 1)
        raise mistake(ExpressionSyntaxError, text, span, what, LANGUAGE)
    if before and token and ended and begins and (before.lastgroup != "name" or token[0] != "("):
        left, right = short(before[0]), short(token[0])
        what = f"an operator is missing between {left} and {right}"
        shown = {"(": "( ... )", ")": "( ... )"}
        advice = f"a product is written {shown.get(left, left)}*{shown.get(right, right)}"
        if before.lastgroup == "number" and (right[0] == "_" or (left == "0" and right[0] in "xXoObB")):
            advice = NUMBERS
        raise mistake(ExpressionSyntaxError, text, token.span(), what, advice)


def mistake(
    kind: type[MetricLossError], text: str, span: tuple[int, int], what: str, advice: str
) -> MetricLossError:
    """An error of a kind, with a caret under the span and advice below.

    >>> print(mistake(ExpressionSyntaxError, "TP ^ 2", (3, 4), "^ means nothing", "powers are written **"))
    ^ means nothing
        TP ^ 2
           ^
    powers are written **
    """
    shown = "".join(character if character.isprintable() else "?" for character in text)
    return kind(f"{what}\n{under(shown, span[0], span[1] - span[0])}\n{advice}")


def short(token: str) -> str:
    """The token, cut where it would fill a line.

    >>> short("9" * 50)
    '9999999999999999999999999999999999999...'
    """
    return token if len(token) <= 40 else token[:37] + "..."
