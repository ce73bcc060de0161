"""The four counts, and names for their sums.

Counts are ``nonnegative=True`` and never ``positive=True``: of a positive symbol SymPy knows that it is not
zero, and deletes every guard against 0/0.
"""

from __future__ import annotations

from types import MappingProxyType

from sympy import Add, Symbol

TP = Symbol("TP", nonnegative=True)
FP = Symbol("FP", nonnegative=True)
FN = Symbol("FN", nonnegative=True)
TN = Symbol("TN", nonnegative=True)

COUNTS = (TP, FP, FN, TN)

P = Add(TP, FN)  #: actual positives
N = Add(FP, TN)  #: actual negatives
PP = Add(TP, FP)  #: predicted positives
PN = Add(FN, TN)  #: predicted negatives
n = Add(*COUNTS)  #: everything

NAMES = MappingProxyType({"TP": TP, "FP": FP, "FN": FN, "TN": TN, "P": P, "N": N, "PP": PP, "PN": PN, "n": n})
