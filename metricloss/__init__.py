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

from importlib import import_module as _import_module
from typing import TYPE_CHECKING

from metricloss import errors as errors
from metricloss.errors import MetricLossError as MetricLossError
from metricloss.errors import MetricLossWarning as MetricLossWarning
from metricloss.metric import Metric as Metric
from metricloss.plan import Plan as Plan
from metricloss.slopes import Slopes as Slopes
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

if TYPE_CHECKING:
    from metricloss import learn as learn
    from metricloss.backend import Backend as Backend
    from metricloss.compiler import compile as compile
    from metricloss.compiler import emit as emit
    from metricloss.derivation import Derivation as Derivation
    from metricloss.inputs import check_inputs as check_inputs
    from metricloss.loss import Loss as Loss
    from metricloss.named_metrics import Catalogue as Catalogue
    from metricloss.named_metrics import catalogue as catalogue
    from metricloss.network import Network as Network
    from metricloss.network_relaxation import NetworkRelaxation as NetworkRelaxation
    from metricloss.relaxation import Relaxation as Relaxation
    from metricloss.relaxations import AnyLoss as AnyLoss
    from metricloss.relaxations import ScoreOriented as ScoreOriented
    from metricloss.relaxations import SigmoidF1 as SigmoidF1
    from metricloss.relaxations import Soft as Soft
    from metricloss.source import Source as Source
    from metricloss.surrogate import Surrogate as Surrogate
    from metricloss.surrogate_loss import SurrogateLoss as SurrogateLoss
    from metricloss.surrogate_loss import SurrogateSource as SurrogateSource
    from metricloss.task import Task as Task

#: What only compiling needs, imported when it is first asked for: `import metricloss` stays light.
_LATE = {
    "AnyLoss": "relaxations",
    "Backend": "backend",
    "Catalogue": "named_metrics",
    "Derivation": "derivation",
    "Loss": "loss",
    "Network": "network",
    "NetworkRelaxation": "network_relaxation",
    "Relaxation": "relaxation",
    "ScoreOriented": "relaxations",
    "SigmoidF1": "relaxations",
    "Soft": "relaxations",
    "Source": "source",
    "Surrogate": "surrogate",
    "SurrogateLoss": "surrogate_loss",
    "SurrogateSource": "surrogate_loss",
    "Task": "task",
    "catalogue": "named_metrics",
    "check_inputs": "inputs",
    "compile": "compiler",
    "emit": "compiler",
}


def __getattr__(name: str) -> object:
    if name == "learn":
        return _import_module(f"{__name__}.learn")
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(_import_module(f"{__name__}.{_LATE[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATE, "learn"})
