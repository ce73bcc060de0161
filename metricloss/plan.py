"""The only intermediate form: ordered, named, guarded assignments, the same for every backend.

A `Body` is the inside of one function: assignments and results over named arguments. Every division in it is a
`Divide`, every root a `Root`; what these do at 0 is said in `evaluation`, and in the helper functions of each
backend.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from itertools import chain, count

import sympy
from sympy import Add, Dummy, Expr, Mul, Pow, S, Symbol

from metricloss.errors import UnsupportedFunctionError
from metricloss.evaluation import evaluate
from metricloss.functions import Divide, Root, Sigmoids, is_quotient_power, require_known, sigmoid
from metricloss.quotients import TOTALS
from metricloss.slopes import Slopes
from metricloss.symbols import COUNTS

#: The arguments of a function of counts, and what sums of them are called.
COUNT_NAMES = dict(zip(COUNTS, ("tp", "fp", "fn", "tn"), strict=True))
#: The metric's value, as an argument of the objective.
VALUE = Dummy("value", real=True)
#: Characters beyond which a part of an expression gets a name, so that lines can be read.
_LONG = 80
_SUM_NAMES = ("actual", "actual_negative", "predicted", "predicted_negative", "total")


@dataclass(frozen=True)
class Body:
    """The inside of a function: its arguments, assignments in order, and what it returns.

    >>> from sympy.abc import x
    >>> print(lower({x: "x"}, results=[1 / (x + 1) + (x + 1) ** 2]))
    t1 = x + 1
    return t1**2 + Divide(1, t1, 0)
    """

    arguments: tuple[str, ...]
    assignments: tuple[tuple[tuple[str, ...], Expr], ...]
    results: tuple[Expr, ...]

    def __str__(self) -> str:
        lines = [f"{', '.join(names)} = {expression}" for names, expression in self.assignments]
        return "\n".join([*lines, f"return {', '.join(map(str, self.results))}"])

    def __call__(self, *values: float) -> tuple[float, ...]:
        """The results at the given numbers, in Python's floats and with the guards of the emitted code."""
        known: dict[str, float] = dict(zip(self.arguments, values, strict=True))
        for names, expression in self.assignments:
            known |= zip(names, [evaluate(part, known) for part in _parts(expression)], strict=True)
        return tuple(evaluate(part, known) for result in self.results for part in _parts(result))


def _parts(expression: Expr) -> tuple[Expr, ...]:
    """The values of an expression: one, or both of a pair."""
    if isinstance(expression, Sigmoids):
        return sigmoid(expression.args[0]), sigmoid(-expression.args[0])
    return (expression,)


@dataclass(frozen=True)
class Plan:
    """What the functions of an emitted file compute, one `Body` each.

    metric: the value over four counts; objective: the loss over that value and the counts; slopes: the loss's
    two slopes; relax: the relaxed decision and its complement over a score, or over a class's probability;
    relax_slope: the decision's derivative; relax_and_slope: all three; threshold: the score above which the
    hard decision is positive, None where the largest score decides.

    >>> from metricloss import emit
    >>> emit("TP/P", "torch").plan.threshold
    0.0
    """

    metric: Body
    objective: Body
    slopes: Body
    relax: Body
    relax_slope: Body
    relax_and_slope: Body
    threshold: float | None

    @property
    def bodies(self) -> dict[str, Body]:
        """The functions, by the names of their holes."""
        return {name: body for name, body in vars(self).items() if isinstance(body, Body)}

    def __str__(self) -> str:
        parts = [
            f"{name}({', '.join(body.arguments)}):\n    " + str(body).replace("\n", "\n    ")
            for name, body in self.bodies.items()
        ]
        return "\n".join([*parts, f"decide(z):\n    return z {_decided(self.threshold)}"])


def _decided(threshold: float | None) -> str:
    return "is the largest" if threshold is None else f"> {threshold!r}"


def lower_counts(
    slopes: Slopes, results: Iterable[Expr], arguments: Mapping[Symbol, str] = COUNT_NAMES
) -> Body:
    """A function of the four counts, from expressions in the names of the slopes.

    `arguments` may hold VALUE besides, the metric's own value.
    """
    definitions = dict(TOTALS)
    names = dict(zip(TOTALS, _SUM_NAMES, strict=True))
    for name, above, below, otherwise in map(astuple, slopes.definitions):
        definitions[name] = above if below == 1 else Divide(above, below, otherwise)
        names[name] = str(name)
    return lower(arguments, results, definitions, names)


def lower(
    arguments: Mapping[Symbol, str],
    results: Iterable[Expr],
    definitions: Mapping[Symbol, Expr] | None = None,
    names: Mapping[Expr, str] | None = None,
) -> Body:
    """Guard every division and root, name what is used twice, and put it in order.

    `definitions` are assigned where something uses them; `names` wishes names for these or for expressions.
    Errors: UnsupportedFunctionError for a function that no backend spells.
    """
    guarded = {symbol: _guarded(expression) for symbol, expression in (definitions or {}).items()}
    wishes = {_guard(key): name for key, name in (names or {}).items()}
    finished = [_guarded(result) for result in results]
    shared: dict[Expr, Expr] = {}
    pairs: dict[Expr, tuple[Expr, ...]] = {}
    for score in _scores_of_pairs(finished):
        above, below = pair = Dummy("a"), Dummy("b")
        pairs |= {above: pair, below: pair}
        shared |= {sigmoid(score): above, sigmoid(-score): below}
        guarded |= dict.fromkeys(pair, Sigmoids(score))
        wishes |= {above: wishes.get(sigmoid(score), "a"), below: wishes.get(sigmoid(-score), "b")}
    definitions = {key: value.xreplace(shared) for key, value in guarded.items()}
    builder = _Builder(arguments, definitions, wishes, pairs)
    return builder.body([result.xreplace(shared) for result in finished])


def _scores_of_pairs(expressions: Iterable[Expr]) -> list[Expr]:
    """Every u whose σ(u) and σ(-u) are both used, those first that need no other."""
    scores = {call.args[0] for expression in expressions for call in expression.atoms(sigmoid)}
    scores = {score for score in scores if -score in scores and score.free_symbols}
    both = [score for score in scores if not score.could_extract_minus_sign()]
    return sorted(both, key=lambda score: (score.count_ops(), str(score)))


class _Builder:
    """Turns guarded expressions into ordered assignments. pairs: symbols that are assigned together."""

    def __init__(
        self,
        arguments: Mapping[Symbol, str],
        definitions: Mapping[Symbol, Expr],
        names: Mapping[Expr, str],
        pairs: Mapping[Expr, tuple[Expr, ...]],
    ) -> None:
        self.definitions, self.names, self.pairs = definitions, names, pairs
        self.symbols: dict[Expr, Symbol] = {symbol: Symbol(name) for symbol, name in arguments.items()}
        self.arguments = tuple(arguments.values())
        self.assignments: list[tuple[tuple[str, ...], Expr]] = []
        self.uses: Counter[Expr] = Counter()

    def body(self, results: list[Expr]) -> Body:
        for result in results:
            self._count(result)
        for symbol in filter(self.uses.get, self.definitions):
            self._place(symbol)
        finished = [self._place(result) for result in results]
        if self.assignments and (*map(str, finished),) == self.assignments[-1][0]:
            finished = [self.assignments.pop()[1]]
        return Body(self.arguments, tuple(self.assignments), tuple(finished))

    def _count(self, expression: Expr) -> None:
        self.uses[expression] += 1
        if self.uses[expression] == 1:
            for part in (self.definitions.get(expression, S.Zero), *expression.args):
                self._count(part)

    def _place(self, expression: Expr) -> Expr:
        """The expression over the names assigned so far, assigning those that it needs first."""
        if expression in self.symbols:
            return self.symbols[expression]
        if expression in self.definitions:
            return self._assign(expression, self._over_names(self.definitions[expression]))
        placed = self._over_names(expression)
        is_shared = self.uses[expression] > 1 and not _is_trivial(expression)
        return self._assign(expression, placed) if is_shared or len(str(placed)) > _LONG else placed

    def _over_names(self, expression: Expr) -> Expr:
        if expression in self.symbols or not expression.args:
            return self.symbols.get(expression, expression)
        return expression.func(*map(self._place, expression.args))

    def _assign(self, expression: Expr, placed: Expr) -> Symbol:
        together = self.pairs.get(expression, (expression,))
        names: tuple[str, ...] = ()
        for part in together:
            names += (self._free_name(self.names.get(part) or _root_name(placed), names),)
        self.assignments.append((names, placed))
        self.symbols |= zip(together, map(Symbol, names), strict=True)
        return self.symbols[expression]

    def _free_name(self, wish: str | None, promised: Iterable[str]) -> str:
        taken = {*self.arguments, *promised, *(name for names, _ in self.assignments for name in names)}
        wishes = (
            chain([wish], (f"{wish}_{number}" for number in count(2))) if wish else map("t{}".format, count(1))
        )
        return next(name for name in wishes if name not in taken)


def _root_name(placed: Expr) -> str | None:
    """A name for the square root of something that has a name."""
    named = isinstance(placed, Root) and placed.args[0].is_Symbol and placed.args[1] == S.Half
    return f"root_{placed.args[0]}" if named else None


def _is_trivial(expression: Expr) -> bool:
    """Whether it is not worth a name: a number, or a symbol times a number."""
    return not expression.free_symbols or bool(expression.as_coeff_Mul()[1].is_Symbol)


def _guarded(expression: Expr) -> Expr:
    require_known(expression)
    return _guard(expression)


def _guard(expression: Expr) -> Expr:
    """The expression with `Divide` for every negative power and `Root` for every fractional one."""
    if not expression.args or expression.is_number:
        return expression
    if isinstance(expression, Mul | Pow):
        above, below = _fraction(expression)
        if below is S.One:
            return _guard_power(expression) if isinstance(expression, Pow) else _rebuild(expression)
        negative = above.could_extract_minus_sign() and not isinstance(above, Add)
        quotient = Divide(_guard(-above if negative else above), _guard(below), S.Zero)
        return -quotient if negative else quotient
    return _rebuild(expression)


def _rebuild(expression: Expr) -> Expr:
    return expression.func(*map(_guard, expression.args))


def _guard_power(power: Expr) -> Expr:
    base, exponent = power.args
    if not exponent.is_number:
        if base.is_number and base.is_positive:
            return sympy.exp(_guard(exponent * sympy.log(base)), evaluate=False)
        raise UnsupportedFunctionError(
            f"the exponent in {power} is no number\nWrite exp(exponent*log(base)) if that is meant."
        )
    return Pow(_guard(base), exponent) if exponent.is_Integer else Root(_guard(base), exponent)


def _fraction(product: Expr) -> tuple[Expr, Expr]:
    """Numerator and denominator, the denominator 1 unless something besides a number divides."""
    factors = Mul.make_args(product)
    below = [factor for factor in factors if is_quotient_power(factor)]
    if all(factor.is_number for factor in below):
        return product, S.One
    coefficient = Mul(*(factor for factor in factors if factor.is_Rational))
    above = [factor for factor in factors if not is_quotient_power(factor) and not factor.is_Rational]
    return Mul(coefficient.p, *above), Mul(coefficient.q, *(1 / factor for factor in below))
