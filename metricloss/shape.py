"""Questions about the shape of a metric: its direction, degree, kinks and holes, symmetry and kin."""

from __future__ import annotations

from itertools import chain

import sympy
from sympy import Abs, Add, Expr, Max, Min, Pow, Rational, S, Symbol

from metricloss.algebra import complex_at
from metricloss.findings import Finding, Formula
from metricloss.known import relations
from metricloss.proof import is_nonnegative, is_positive_inside, is_zero, normal, sign, swapped, vanishing_sets
from metricloss.sampling import ROUNDING, Matrix, degree, moves, ordinary, wrong_moves
from metricloss.symbols import COUNTS, FN, FP, TN, TP


def direction(formula: Formula) -> Finding:
    """value: for each count 1 if more of it raises the metric, -1 if lowers, 0 if neither, None if both."""
    slopes = formula.slopes.positive, formula.slopes.negative
    if all(is_zero(formula.slopes.in_counts(slope)) for slope in slopes):
        text = "no prediction changes it: it depends on the labels only"
        return Finding("direction", text, dict.fromkeys(map(str, COUNTS), 0), is_warning=True)
    signs = dict(zip(COUNTS, moves(formula, ordinary()), strict=True))
    is_proved = all(_is_proved(formula.expression.diff(count), way) for count, way in signs.items())
    words = {1: "rises with", -1: "falls with", 0: "does not depend on", None: "rises or falls with"}
    groups = {
        word: ", ".join(str(count) for count in COUNTS if signs[count] == way) for way, word in words.items()
    }
    text = "; ".join(f"{word} {counts}" for word, counts in groups.items() if counts)
    value = {str(count): way for count, way in signs.items()}
    wrong = wrong_moves(tuple(signs.values()), formula.sign)
    better = "more" if formula.sign > 0 else "less"
    text += f"; {better} is better, but {', '.join(wrong)}" if wrong else ""
    return Finding("direction", text, value, is_proved, bool(wrong))


def homogeneity(formula: Formula) -> Finding:
    """value: the d of M(s·counts) = s^d·M(counts), None where there is none."""
    power = _degree(formula.expression)
    is_proved = power is not None
    if power is None:
        seen = degree(formula, ordinary(40))
        power = None if seen is None else Rational(str(round(seen, 6)))
        is_proved = seen is None or _degree(normal(formula.expression)) == power
    if power is None:
        text = "its value depends on the number of entries: batches of different sizes do not compare"
    elif power == 0:
        text = "of degree 0: the number of entries does not matter"
    else:
        text = f"of degree {power}: twice the entries, {2**power} times the value"
    return Finding("homogeneity", text, power, is_proved, is_warning=power != 0)


def smoothness(formula: Formula) -> Finding:
    """value: whether it has slopes everywhere where it is defined."""
    kinks = [_kink(part) for part in sympy.ordered(formula.expression.atoms(Abs, Min, Max))]
    steep, is_proved = set(), True
    for part in formula.expression.atoms(Pow, sympy.log):
        is_root = isinstance(part, Pow) and part.exp.is_Rational and 0 < part.exp < 1
        if is_root or isinstance(part, sympy.log):
            vanishing = normal(part.args[0]).as_numer_denom()[0]
            steep |= {_zero(counts) for counts in vanishing_sets(vanishing)}
            is_proved &= is_positive_inside(vanishing)
    clauses = [f"a kink where {', or '.join(kinks)}"] if kinks else []
    if steep:
        clauses.append(f"an infinite slope, taken as 0, where {', or '.join(sorted(steep))}")
    text = "; ".join(clauses) if clauses else "smooth wherever it is defined"
    return Finding("smoothness", text, not clauses, is_proved)


def undefined(formula: Formula) -> Finding:
    """value: the conditions under which some quotient is 0/0."""
    sets = {counts for denominator in formula.denominators for counts in vanishing_sets(denominator)}
    least = [counts for counts in sets if not any(other < counts for other in sets)]
    taken: dict[str, list[str]] = {}
    for counts in sorted(least, key=lambda counts: [count in counts for count in COUNTS], reverse=True):
        taken.setdefault(_taken(formula, counts), []).append(_zero(counts))
    inside = [line for line in formula.denominators if sign(line) is None and _changes_sign(line)]
    if inside:
        taken.setdefault(_REST, []).extend(f"{denominator} = 0" for denominator in inside)
    text = "; ".join(f"if {' or '.join(conditions)}: {takes}" for takes, conditions in taken.items())
    return Finding("undefined", text or "nowhere", tuple(chain(*taken.values())), not formula.may_have_poles)


def class_swap(formula: Formula) -> Finding:
    """value: "same", "negated", "complement" or "different", of the metric with its classes exchanged."""
    own, other = formula.expression, swapped(formula.expression)
    candidates = {
        "same": (other - own, "stays the same"),
        "negated": (other + own, "changes its sign"),
        "complement": (other + own - 1, "becomes 1 minus itself"),
    }
    for value, (difference, text) in candidates.items():
        if _vanishes_at_samples(difference, own):
            return Finding("class swap", f"{text} when the classes are exchanged", value, is_zero(difference))
    for each in relations(other):
        if each.is_equality:
            text = f"not symmetric: with the classes exchanged it is {each.name}"
            return Finding("class swap", text, "different", each.is_proved)
    return Finding("class swap", "not symmetric", "different")


def equal_to(formula: Formula) -> Finding:
    """value: the relations to metrics of the catalogue."""
    found = relations(formula.expression)
    called = [formula.called] if formula.called else []
    text = " = ".join([*called, *map(str, found)]) or "none of the catalogue, of those without parameters"
    is_proved = bool(found or called) and all(each.is_proved for each in found)
    return Finding("equal to", text, tuple(found), is_proved)


def _is_proved(partial: Expr, way: int | None) -> bool:
    """Whether the sign seen of a partial derivative is proved; that it has both was seen."""
    if way is None:
        return True
    return is_zero(partial) if way == 0 else is_nonnegative(normal(way * partial))


def _degree(expression: Expr) -> Expr | None:
    """The degree of homogeneity that the form of an expression proves."""
    if expression in COUNTS:
        return S.One
    if expression.is_number:
        return S.Zero
    parts = [_degree(part) for part in expression.args]
    if isinstance(expression, Pow):
        is_power = parts[0] is not None and expression.exp.is_Rational
        return parts[0] * expression.exp if is_power else None
    if any(part is None for part in parts):
        return None
    if expression.is_Mul:
        return Add(*parts)
    same = parts[0] if len(set(parts)) == 1 else None
    is_linear = expression.is_Add or isinstance(expression, Abs | Min | Max)
    return same if is_linear or same == 0 else None


def _kink(part: Expr) -> str:
    arguments = [S.Zero, *part.args] if isinstance(part, Abs) else list(part.args)
    return " = ".join(str(argument) for argument in reversed(arguments))


_REST = "that quotient is 0/0, and the rest decides"
_NO = {
    frozenset({TP, FN}): "there are no positives (P = 0)",
    frozenset({FP, TN}): "there are no negatives (N = 0)",
    frozenset({TP, FP}): "nothing is predicted positive (PP = 0)",
    frozenset({FN, TN}): "nothing is predicted negative (PN = 0)",
    frozenset(COUNTS): "there are no entries",
}


def _zero(counts: frozenset[Symbol]) -> str:
    return _NO.get(counts) or " = ".join([*(str(count) for count in COUNTS if count in counts), "0"])


def _taken(formula: Formula, zero: frozenset[Symbol]) -> str:
    """What the metric is where these counts are 0, in words."""
    if formula.skips and zero <= {TP, FN}:
        return "it has no value"
    values = set()
    for matrix in ordinary(3):
        counts = (0 if count in zero else value for count, value in zip(COUNTS, matrix, strict=True))
        values.add(round(formula(*counts), 9))
    return f"it is then {values.pop() + 0.0:.4g}" if len(values) == 1 else _REST


def _changes_sign(denominator: Expr) -> bool:
    values = [_value(denominator, counts) for counts in ordinary(40)]
    return min(values) < 0 < max(values)


def _vanishes_at_samples(difference: Expr, own: Expr) -> bool:
    return all(abs(_value(difference, counts)) <= ROUNDING * abs(_value(own, counts)) for counts in ordinary(6))


def _value(expression: Expr, counts: Matrix) -> float:
    """The expression at a confusion matrix; nan where it has no value."""
    return complex_at(expression, dict(zip(COUNTS, counts, strict=True))).real
