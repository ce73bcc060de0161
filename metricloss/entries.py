"""The catalogue's data: every metric that has a name, once, and how its names are looked up."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType

from metricloss.errors import ParameterError, nearest
from metricloss.symbols import NAMES

FAMILIES: Mapping[str, str] = MappingProxyType(
    {
        "rates": "rates and predictive values",
        "accuracy": "accuracies and their means",
        "overlap": "F-measures and overlap of sets",
        "agreement": "correlation and agreement beyond chance",
        "odds": "odds, likelihood ratios, information",
        "cost": "costs and utilities",
        "similarity": "similarities and distances of binary vectors",
    }
)
_LONGEST = 60  #: characters of a name
_OPERATORS, _HYPHENS = re.compile(r"[^\w\s.,='’&²–]"), re.compile(r"(?<=[^\W_])-(?=[^\W\d_])")
_LETTERS = str.maketrans(
    {"α": "alpha", "β": "beta", "δ": "delta", "κ": "kappa", "λ": "lambda", "π": "pi"}
    | {"φ": "phi", "ϕ": "phi", "χ": "chi", "ø": "o"}
)


@dataclass(frozen=True)
class Entry:
    """A metric of the catalogue.

    name: its identifier. title, aliases: what people call it. family: a key of FAMILIES. expression: its text.
    direction: "maximize", "minimize" or "neither". parameters: their defaults. parameter_aliases: other names
    that these may be given by. reference: the paper. remarks: what may surprise.

    >>> find("Dice").name, find("IoU").expression
    ('f1', 'TP/(TP + FP + FN)')
    """

    name: str
    title: str
    family: str
    expression: str
    direction: str
    reference: str
    aliases: tuple[str, ...] = ()
    parameters: Mapping[str, float] = field(default_factory=dict, hash=False)
    parameter_aliases: Mapping[str, str] = field(default_factory=dict, hash=False)
    remarks: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Everything that it can be asked for by."""
        return (self.name, self.title, *self.aliases)

    def __reduce__(self) -> tuple[Callable[[str], Entry | None], tuple[str]]:
        return find, (self.name,)

    @property
    def usual_direction(self) -> str:
        """What a metric has that says nothing of its direction."""
        return "minimize" if self.direction == "minimize" else "maximize"

    def with_values(self, given: Mapping[str, float]) -> dict[str, float]:
        """The parameters with the given values in place of defaults, under their own names.

        >>> find("tversky").with_values({"alpha": 0.5})
        {'fp_weight': 0.5, 'fn_weight': 0.7}
        """
        values = dict(self.parameters)
        for name, value in given.items():
            own = self.parameter_aliases.get(name, name)
            if own != name and own in given:
                raise ParameterError(
                    f"{name} and {own} are the same parameter of {self.name}: give one of them."
                )
            values[own] = value
        return values


@cache
def entries() -> Mapping[str, Entry]:
    """All entries by name, in the catalogue's order."""
    import tomllib  # here, for `import metricloss` stays light

    data = tomllib.loads(Path(__file__).with_name("catalogue.toml").read_text("utf-8"))
    made = {}
    for name, facts in data.items():
        tables = {key: MappingProxyType(facts.get(key, {})) for key in ("parameters", "parameter_aliases")}
        made[name] = Entry(name, **{**facts, **tables, "aliases": tuple(facts.get("aliases", ()))})
    return MappingProxyType(made)


def members(family: str) -> list[Entry]:
    """The entries of a family.

    >>> [entry.name for entry in members("cost")]
    ['expected_cost', 'weighted_error', 'net_benefit', 'count_difference']
    """
    return [entry for entry in entries().values() if entry.family == family]


def find(text: str) -> Entry | None:
    """The entry of that name or alias, whatever its case, accents, blanks and hyphens; None for anything else.

    >>> find("Sorensen-Dice") is find("F1"), find("TP/P")
    (True, None)
    """
    return _by_key().get(_key(text)) if _may_be_name(text) else None


def suggestion(text: str) -> str:
    """A half-sentence with the name of the catalogue that the text comes close to, or nothing.

    >>> suggestion("jacard")
    '; did you mean jaccard?'
    """
    names = [name for entry in entries().values() for name in entry.names]
    return nearest(text, names) if _may_be_name(text) else ""


@cache
def _by_key() -> dict[str, Entry]:
    return {_key(name): entry for entry in entries().values() for name in entry.names}


def _may_be_name(text: str) -> bool:
    """Whether it is short, with no operator but a last sign and hyphens between words, none of them ours."""
    words = re.split("[-–]", text.strip())
    operators = _OPERATORS.search(_HYPHENS.sub("", re.sub("[-−+]$", "", text.strip())))
    return len(text) <= _LONGEST and not operators and not NAMES.keys() & set(words)


def _key(name: str) -> str:
    """A name without case, accents, blanks and hyphens; Greek letters spelt, and a sign at the end kept."""
    import unicodedata

    signed = re.sub(r"[-−]\s*$", " minus", name.strip()).replace("+", " plus")
    plain = unicodedata.normalize("NFKD", signed.lower().translate(_LETTERS))
    return re.sub(r"[^a-z0-9]", "", plain)
