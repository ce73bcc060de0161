"""A relaxation that was learned: a network of the probability."""

from __future__ import annotations

from sympy import S

from metricloss.errors import OptionError
from metricloss.functions import Learned, Weights
from metricloss.network import Network
from metricloss.relaxation import Relaxation, p


def NetworkRelaxation(network: Network, is_odd: bool = True) -> Relaxation:  # noqa: N802  as Soft
    """A learned relaxation: h(p) = 1/2 + (f(p) - f(1 - p))/2, f the network, or with `is_odd=False` h = f.

    network: of one number, rising from f(0) = 0 to f(1) = 1. is_odd: whether both classes of a binary loss are
    treated alike; for exclusive classes, of which each has a probability of its own, say False.

    That h is monotone and stays in [0, 1] is sampled at 101 points, which a RelaxationWarning says. An emitted
    file holds the network's numbers, and evaluates it for every score: many times the work of a formula.

    Errors: OptionError for a network of several numbers; RelaxationError as for a Relaxation.

    >>> import warnings
    >>> from metricloss.errors import RelaxationWarning
    >>> warnings.simplefilter("ignore", RelaxationWarning)
    >>> network = Network(((((2.0,),), (0.0,)), (((0.5,),), (0.0,))))
    >>> NetworkRelaxation(network).expression
    f(p)/2 - f(1 - p)/2 + 1/2
    >>> NetworkRelaxation(network).threshold
    0.5
    """
    if network.inputs != 1:
        raise OptionError(
            f"the network takes {network.inputs} numbers\nGive one that takes the probability alone."
        )
    weights = Weights(network)
    f, of_rest = Learned(p, weights), Learned(1 - p, weights)
    numbers = ", ".join(str(outputs) for _, outputs in network.shapes)
    return Relaxation.sampled(
        S.Half + f / 2 - of_rest / 2 if is_odd else f,
        f"NetworkRelaxation({network.name}{'' if is_odd else ', is_odd=False'})",
        f"f is a network whose layers give {numbers} numbers, with ELU between them",
    )
