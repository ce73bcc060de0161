"""What can be proved of expressions in the four counts, wherever these are nonnegative and nothing is 0/0.

Every proof is bounded in its effort, not in its time, so that it comes out alike on every machine: None, or
False of a question that was not settled, means only that no proof was found.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import sympy
from sympy import Abs, Add, Expr, Max, Min, Mul, Pow, S, Symbol

from metricloss.algebra import INFINITE, degree_bound, evaluated_at
from metricloss.symbols import COUNTS, FN, FP, TN, TP

#: The operations and the degree up to which an expression is brought into another form.
LONG, WIDE = 400, 16
#: The terms up to which a sum is looked at.
MANY = 400
#: The nesting of questions that answer another one.
DEEP = 8

_ONE_MORE = Symbol("t", nonnegative=True)
#: Either x = y + t or y = x + t: what holds in both cases holds.
_PAIRS = ((TP, TN), (FP, FN), (TP, FP), (TP, FN), (TN, FP), (TN, FN))


def is_zero(expression: Expr) -> bool:
    """Whether the expression is proved to be 0.

    >>> is_zero(TP / (TP + FN) + FN / (TP + FN) - 1)
    True
    """
    return bool(expression.is_zero) or normal(expression) == 0


def sign(expression: Expr) -> int | None:
    """1 if the expression is proved nonnegative, -1 if nonpositive, 0 if zero, else None.

    >>> sign(TP / (TP + FP) - TP / (TP + FP + FN)), sign(TP - FP)
    (1, None)
    """
    form = normal(expression)
    if form == 0:
        return 0
    if is_nonnegative(form):
        return 1
    return -1 if is_nonnegative(-form) else None


def is_nonnegative(expression: Expr, depth: int = 0) -> bool:
    """Whether the expression is proved nonnegative.

    Of a sum: every coefficient is nonnegative, in one of these forms: multiplied out; with either of two counts
    as the other and something more; or A + B·√C by the squares of its parts.

    >>> is_nonnegative((TP - TN) ** 2 + FP), is_nonnegative(TP**2 - TP * TN + TN**2)
    (True, True)
    """
    if expression.is_number:
        return bool(expression.is_nonnegative)
    if depth > DEEP or expression.has(*INFINITE, sympy.sign, sympy.Heaviside):
        return False
    if expression.is_nonnegative:
        return True
    if isinstance(expression, Mul | Pow):
        return _of_product(expression, depth)
    if isinstance(expression, Max):
        return any(is_nonnegative(part, depth + 1) for part in expression.args)
    if isinstance(expression, Min):
        return all(is_nonnegative(part, depth + 1) for part in expression.args)
    if isinstance(expression, sympy.log):
        return is_nonnegative(normal(expression.args[0] - 1), depth + 1)
    return isinstance(expression, Add) and _of_sum(expression, depth)


@cache
def normal(expression: Expr) -> Expr:
    """One fraction in lowest terms, factored: 0 if the expression is; unchanged where that would take long."""
    if expression.is_number or expression.has(*INFINITE, sympy.sign, sympy.Heaviside):
        return expression
    if degree_bound(expression) > WIDE or expression.count_ops() > LONG or _has_odd_numbers(expression):
        return expression
    try:
        return sympy.factor(sympy.cancel(sympy.together(expression)))
    except (sympy.PolynomialError, NotImplementedError, ValueError):  # Min and Max are no polynomials to SymPy
        return expression


def _has_odd_numbers(expression: Expr) -> bool:
    """Whether numbers like π or sin(2) stand in it: each is one more variable to SymPy."""
    return any(not part.free_symbols for part in expression.atoms(sympy.NumberSymbol, sympy.Function))


def _of_product(expression: Expr, depth: int) -> bool:
    sign_of_all = 1
    for factor in Mul.make_args(expression):
        base, exponent = factor.as_base_exp()
        if exponent.is_even:
            continue
        if is_nonnegative(base, depth + 1):
            continue
        if not (exponent.is_integer and is_nonnegative(-base, depth + 1)):
            return False
        sign_of_all = -sign_of_all
    return sign_of_all > 0


def _of_sum(expression: Expr, depth: int) -> bool:
    if degree_bound(expression) > WIDE or expression.count_ops() > LONG * DEEP or _has_odd_numbers(expression):
        return False
    expanded = sympy.expand(expression)
    terms = Add.make_args(expanded)
    if len(terms) > MANY:
        return False
    if not isinstance(expanded, Add):
        return is_nonnegative(expanded, depth + 1)
    if all(is_nonnegative(term, depth + 1) for term in terms if term is not expression):
        return True
    if roots := [part for part in expanded.atoms(Pow) if part.exp.is_Rational and not part.exp.is_Integer]:
        return _by_squares(terms, roots, depth)
    if depth > DEEP // 2 or expanded.has(sympy.log, sympy.exp):
        return False
    return any(all(is_nonnegative(case, depth + 2) for case in cases) for cases in _cases(expanded))


def _cases(expression: Expr) -> Iterator[tuple[Expr, Expr]]:
    """The expression for x ≥ y and for y ≥ x, of two counts that it compares."""
    present = expression.free_symbols
    for x, y in _PAIRS:
        if {x, y} <= present and _ONE_MORE not in present:
            yield tuple(
                sympy.expand(_compared(expression.xreplace({a: b + _ONE_MORE}))) for a, b in ((x, y), (y, x))
            )


def _compared(expression: Expr) -> Expr:
    """With Abs, Min and Max decided where SymPy can."""
    kinds = (Abs, Min, Max)
    return expression.replace(lambda part: isinstance(part, kinds), lambda part: part.func(*part.args))


def _by_squares(terms: tuple[Expr, ...], roots: list[Expr], depth: int) -> bool:
    """a + b ≥ 0, of two kinds of terms by the roots in them, so that a² and b² have none."""
    kinds: dict[Expr, list[Expr]] = {}
    for term in terms:
        root = Mul(*(factor for factor in Mul.make_args(term) if factor.has(*roots)))
        kinds.setdefault(root, []).append(term / root)
    if len(kinds) != 2 or not all(is_nonnegative(root, depth + 1) for root in kinds):
        return False
    (a_root, a), (b_root, b) = ((root, Add(*coefficients)) for root, coefficients in kinds.items())
    difference = sympy.expand(a**2 * a_root**2 - b**2 * b_root**2)
    if is_nonnegative(a, depth + 1):
        return is_nonnegative(b, depth + 1) or is_nonnegative(difference, depth + 1)
    return is_nonnegative(b, depth + 1) and is_nonnegative(-difference, depth + 1)


def is_algebraic(expression: Expr) -> bool:
    """Whether it holds no π and the like, and no Abs, Min and Max, which SymPy may take long to compare.

    >>> is_algebraic(TP / (TP + FP)), is_algebraic(Max(TP, FP))
    (True, False)
    """
    return not _has_odd_numbers(expression) and not expression.has(Abs, Min, Max)


def swapped(expression: Expr) -> Expr:
    """The expression with the classes' names exchanged: positives are negatives.

    >>> swapped(TP / (TP + FN))
    TN/(FP + TN)
    """
    exchanged = {TP: TN, TN: TP, FP: FN, FN: FP}
    return expression.xreplace(exchanged)


def is_positive_inside(expression: Expr) -> bool:
    """Whether it is proved positive where every count is: a product of sums with positive coefficients.

    >>> is_positive_inside((TP + FN) * (2 * TP + FP)), is_positive_inside(TP - FP)
    (True, False)
    """
    return all(_is_positive_sum(factor.as_base_exp()[0]) for factor in Mul.make_args(expression))


def _is_positive_sum(expression: Expr) -> bool:
    if isinstance(expression, Min | Max):
        return all(map(is_positive_inside, expression.args))
    if degree_bound(expression) > WIDE or _has_odd_numbers(expression):
        return False
    terms = [term.as_coeff_Mul() for term in Add.make_args(sympy.expand(expression))]
    bases = [factor.as_base_exp()[0] for _, rest in terms for factor in Mul.make_args(rest)]
    return all(number > 0 for number, _ in terms) and all(
        base in COUNTS or base == 1 or (base != expression and _is_positive_sum(base)) for base in bases
    )


def vanishing_sets(denominator: Expr) -> list[frozenset[Symbol]]:
    """The smallest sets of counts which make a denominator 0 when all of them are 0.

    >>> [sorted(map(str, counts)) for counts in vanishing_sets((TP + FN) * (TP + FP))]
    [['FP', 'TP'], ['FN', 'TP']]
    """
    found: list[frozenset[Symbol]] = []
    for size in range(1, len(COUNTS) + 1):
        for counts in sympy.utilities.iterables.subsets(COUNTS, size):
            known = any(smaller <= set(counts) for smaller in found)
            if not known and evaluated_at(denominator, dict.fromkeys(counts, S.Zero)) == 0:
                found.append(frozenset(counts))
    return found
