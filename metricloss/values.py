"""Questions about the values of a metric: what they are, where the best is, and what they depend on."""

from __future__ import annotations

import math
from collections.abc import Iterable

import sympy
from sympy import Expr, Rational, S, Symbol

from metricloss.findings import Finding, Formula
from metricloss.proof import is_algebraic, is_nonnegative, normal
from metricloss.sampling import SIZES, Matrix, extreme, ordinary, predictions, same, small, trivial
from metricloss.symbols import COUNTS, FN, FP, NAMES, TN, TP


def range_of(formula: Formula) -> Finding:
    """value: the least and the largest value, ∞ included."""
    near, far, beyond = (_finite(formula, extreme(size)) for size in (1e4, 1e8, 1e12))
    seen = [*_finite(formula, [*small(), *ordinary()]), *near, *far]
    ends, proofs = [], []
    for way, most in ((-1, min), (1, max)):
        is_unbounded = all(_grows(way, most(a), most(b)) for a, b in ((near, far), (far, beyond)))
        end = way * S.Infinity if is_unbounded else _round_end(most(seen), way, max(seen) - min(seen))
        ends.append(end)
        proofs.append(not is_unbounded and is_nonnegative(normal(way * (end - formula.expression))))
    return Finding("range", f"from {_said(ends[0])} to {_said(ends[1])}", tuple(ends), all(proofs))


def _finite(formula: Formula, matrices: Iterable[Matrix]) -> list[float]:
    """The values at confusion matrices, but for those that are too large for a float; 0 if all are."""
    return [value for counts in matrices if math.isfinite(value := formula(*counts))] or [0.0]


def _grows(way: int, near: float, far: float) -> bool:
    return way * (far - near) > 0.2 * abs(near) + 0.2


def best_value(formula: Formula) -> Finding:
    """value: that of a perfect prediction, a number or an expression in P and N."""
    topic, best = "best value", formula.best
    where, better = "at a perfect prediction (FP = FN = 0 < P, N)", _better_than_perfect(formula)
    if better and formula.is_undefined_at(FP, FN):
        text = f"{where[3:]} has a zero denominator and counts as {_said(best)}: others are better"
        return Finding(topic, text, best, is_warning=True)
    if better:
        text = f"{where[3:]} has {_said(best)}, and is not the best: {_at(better)} has {formula(*better):.4g}"
        return Finding(topic, text, best, is_warning=True)
    if not _is_reached(formula):
        text = f"infinite, or in no closed form, {where}: the loss counts from {_said(best)}"
        return Finding(topic, text, best, is_proved=False)
    reached = best.xreplace({NAMES["P"]: TP + FN, NAMES["N"]: FP + TN})
    is_proved = is_nonnegative(normal(formula.sign * (reached - formula.expression)))
    return Finding(topic, f"{_said(best)}, {where}", best, is_proved)


def trivial_optimum(formula: Formula) -> Finding:
    """value: which constant predictions reach the best value: "positive", "negative"."""
    topic, found = "trivial optimum", trivial(formula, formula.sign)
    if not found:
        return Finding(topic, "none: no constant prediction reaches its best value", ())
    clauses, proofs = [], []
    for word in found:
        zero = (FN, TN) if word == "positive" else (TP, FP)
        by_rule = formula.is_undefined_at(*zero)
        clauses.append(f"predicting everything {word} reaches its best value{', by its 0/0' * by_rule}")
        labels = {TP: NAMES["P"], FP: NAMES["N"], FN: NAMES["P"], TN: NAMES["N"]}
        reached = formula.slopes.value_at(dict.fromkeys(zero, S.Zero)).xreplace(labels)
        proofs.append(is_nonnegative(normal(formula.sign * (reached - formula.expression))))
    return Finding(topic, " and ".join(clauses), tuple(found), all(proofs), is_warning=True)


def prevalence(formula: Formula) -> Finding:
    """value: the values at recall 0.8 and specificity 0.9 of 1000 entries, by prevalence."""
    shares = (0.5, 0.1, 0.01)
    values = {share: _at_rates(formula, 0.8, 0.1, share) for share in shares}
    others = [[_at_rates(formula, *rates, share) for share in shares] for rates in ((0.6, 0.3), (0.9, 0.45))]
    if all(same(row) for row in (values.values(), *others)):
        p, n, tpr, fpr = sympy.symbols("p n tpr fpr", positive=True)
        at_rates = {TP: tpr * p, FN: (1 - tpr) * p, FP: fpr * n, TN: (1 - fpr) * n}
        is_proved = is_algebraic(formula.expression)
        if is_proved:
            factored = formula.expression.xreplace(at_rates).replace(lambda part: part.is_Add, sympy.factor)
            is_proved = not {p, n} & normal(factored).free_symbols
        text = "does not matter: only recall and specificity do"
        return Finding("prevalence", text, values, is_proved)
    listed = ", ".join(f"{value:.3g} at {share:g}" for share, value in values.items())
    return Finding("prevalence", f"matters: at recall 0.8, specificity 0.9 it is {listed}", values)


def _said(value: Expr) -> str:
    """A value in words, an expression over the counts with P and N in the place of their sums."""
    in_sums = value.xreplace({TP: Symbol("P") - FN, FP: Symbol("N") - TN})
    text = f"{value:.4g}" if value.is_Float else str(in_sums)
    return text.replace("oo", "∞")


def _round_end(value: float, way: int, width: float) -> Expr:
    """The simple number just beyond a sampled end of a range of that width, or that itself."""
    if abs(value) > 1e9:
        return sympy.Float(value)
    fractions = [Rational(round(value * q), q) for q in (1, 2, 3, 4, 8)]
    for candidate in (*fractions, sympy.sqrt(2)):
        if -1e-9 * width <= way * (float(candidate) - value) < 2e-3 * width:
            return candidate
    return sympy.Float(value)


def _better_than_perfect(formula: Formula) -> Matrix | None:
    """A prediction that is better than the perfect one of the same labels."""
    for positives, negatives in SIZES:
        perfect = formula.sign * formula(positives, 0, 0, negatives)
        for counts in predictions(positives, negatives):
            value = formula.sign * formula(*counts)
            if value > perfect and not same((value, perfect)):
                return counts
    return None


def _is_reached(formula: Formula) -> bool:
    """Whether a perfect prediction has the value that the loss counts from."""
    perfect = [(positives, 0, 0, negatives) for positives, negatives in SIZES]
    best = [formula.best.xreplace(dict(zip(COUNTS, counts, strict=True))) for counts in perfect]
    return all(same((formula(*counts), float(value)), 1) for counts, value in zip(perfect, best, strict=True))


def _at(counts: Matrix) -> str:
    return ", ".join(f"{name} = {count:g}" for name, count in zip(COUNTS, counts, strict=True))


def _at_rates(formula: Formula, tpr: float, fpr: float, share: float) -> float:
    positives, negatives = 1000 * share, 1000 * (1 - share)
    return formula(tpr * positives, fpr * negatives, (1 - tpr) * positives, (1 - fpr) * negatives)
