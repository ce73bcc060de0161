"""metricloss: a confusion-matrix metric, as a formula, becomes a loss.

>>> import metricloss as ml
>>> from metricloss import TP, FP, FN, TN
>>> f1 = ml.Metric(2*TP / (2*TP + FP + FN), name="f1")
>>> print(f1.slopes)
d = FN + FP + 2*TP
f1 = 2*TP/d
on a positive: (2 - f1)/d
on a negative: -f1/d
"""

from metricloss import errors as errors
from metricloss.backend import Backend as Backend
from metricloss.compiler import compile as compile
from metricloss.compiler import emit as emit
from metricloss.derivation import Derivation as Derivation
from metricloss.errors import MetricLossError as MetricLossError
from metricloss.errors import MetricLossWarning as MetricLossWarning
from metricloss.loss import Loss as Loss
from metricloss.metric import Metric as Metric
from metricloss.plan import Plan as Plan
from metricloss.relaxation import Relaxation as Relaxation
from metricloss.relaxations import AnyLoss as AnyLoss
from metricloss.relaxations import ScoreOriented as ScoreOriented
from metricloss.relaxations import SigmoidF1 as SigmoidF1
from metricloss.relaxations import Soft as Soft
from metricloss.slopes import Slopes as Slopes
from metricloss.source import Source as Source
from metricloss.symbols import FN as FN
from metricloss.symbols import FP as FP
from metricloss.symbols import PN as PN
from metricloss.symbols import PP as PP
from metricloss.symbols import TN as TN
from metricloss.symbols import TP as TP
from metricloss.symbols import N as N
from metricloss.symbols import P as P
from metricloss.symbols import n as n
from metricloss.version import __version__ as __version__
