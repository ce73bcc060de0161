"""Questions about the values of a metric: what they are, where the best is, and what they depend on."""

from __future__ import annotations

import sympy
from sympy import Expr, Rational, S

from metricloss.findings import Finding, Formula
from metricloss.proof import is_nonnegative, normal
from metricloss.quotients import SUMS
from metricloss.sampling import SIZES, Matrix, extreme, is_close, ordinary, predictions, small, trivial
from metricloss.symbols import COUNTS, FN, FP, NAMES, TN, TP


def range_of(formula: Formula) -> Finding:
    """value: the least and the largest value, ∞ included."""
    near, far = ([formula(*counts) for counts in extreme(size)] for size in (1e4, 1e8))
    seen = [formula(*counts) for counts in [*small(), *ordinary()]] + near + far
    ends, proofs = [], []
    for way, most in ((-1, min), (1, max)):
        grows = way * (most(far) - most(near)) > 0.2 * abs(most(near)) + 0.2
        end = way * S.Infinity if grows else _round_end(most(seen), way)
        ends.append(end)
        proofs.append(not grows and is_nonnegative(normal(way * (end - formula.expression))))
    return Finding("range", f"from {_said(ends[0])} to {_said(ends[1])}", tuple(ends), all(proofs))


def best_value(formula: Formula) -> Finding:
    """value: that of a perfect prediction, a number or an expression in P and N."""
    topic, best = "best value", formula.best
    where, better = "at a perfect prediction (FP = FN = 0)", _better_than_perfect(formula)
    if better and formula.is_undefined_at(FP, FN):
        text = f"{where[3:]} is 0/0 and counts as {_said(best)}: predictions short of it have better values"
        return Finding(topic, text, best, is_warning=True)
    if better:
        text = f"{where[3:]} has {_said(best)}, and is not the best: {_at(better)} has {formula(*better):.4g}"
        return Finding(topic, text, best, is_warning=True)
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
    if all(is_close(max(row), min(row)) for row in (list(values.values()), *others)):
        p, n, tpr, fpr = sympy.symbols("p n tpr fpr", positive=True)
        at_rates = {TP: tpr * p, FN: (1 - tpr) * p, FP: fpr * n, TN: (1 - fpr) * n}
        factored = formula.expression.xreplace(at_rates).replace(lambda part: part.is_Add, sympy.factor)
        is_proved = not {p, n} & normal(factored).free_symbols
        text = "does not matter: only recall and specificity do"
        return Finding("prevalence", text, values, is_proved)
    listed = ", ".join(f"{value:.3g} at {share:g}" for share, value in values.items())
    return Finding("prevalence", f"matters: at recall 0.8, specificity 0.9 it is {listed}", values)


def _said(value: Expr) -> str:
    text = f"{value:.4g}" if value.is_Float else str(value.xreplace(SUMS))
    return text.replace("oo", "∞")


def _round_end(value: float, way: int) -> Expr:
    """The simple number just beyond a sampled end, or that itself."""
    fractions = [Rational(round(value * q), q) for q in (1, 2, 3, 4, 8)]
    for candidate in (*fractions, sympy.sqrt(2)):
        if -1e-9 < way * (float(candidate) - value) < 2e-3:
            return candidate
    return sympy.Float(value)


def _better_than_perfect(formula: Formula) -> Matrix | None:
    """A prediction that is better than the perfect one of the same labels."""
    for positives, negatives in SIZES:
        perfect = formula.sign * formula(positives, 0, 0, negatives)
        for counts in predictions(positives, negatives):
            value = formula.sign * formula(*counts)
            if value > perfect and not is_close(value, perfect):
                return counts
    return None


def _at(counts: Matrix) -> str:
    return ", ".join(f"{name} = {count:g}" for name, count in zip(COUNTS, counts, strict=True))


def _at_rates(formula: Formula, tpr: float, fpr: float, share: float) -> float:
    positives, negatives = 1000 * share, 1000 * (1 - share)
    return formula(tpr * positives, fpr * negatives, (1 - tpr) * positives, (1 - fpr) * negatives)
