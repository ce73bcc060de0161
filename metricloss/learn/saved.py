"""What was learned and saved, read back: text that may come from anybody, so none of it is taken on trust."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from metricloss.errors import MetricLossError, SavedFileError
from metricloss.expression import identifier
from metricloss.learn.learned import LearnedRelaxation
from metricloss.network import Layer, Network
from metricloss.relaxation import Relaxation, p
from metricloss.saving import VERSION
from metricloss.surrogate import Surrogate

#: Bytes: more than a network of 512 hidden units takes.
LARGEST = 2**24


def load(path: str | Path) -> LearnedRelaxation | Surrogate:
    """What was saved, down to the last digit.

    Errors: SavedFileError for a file that holds nothing of the kind; OSError for one that cannot be read.
    """
    try:
        return _read(Path(path))
    except (MetricLossError, ValueError, RecursionError) as error:
        what = str(error).partition("\n")[0][:200]
        raise SavedFileError(
            f"{path}: {what}\nGive a file that the save of a learned relaxation or surrogate wrote."
        ) from None


def _read(path: Path) -> LearnedRelaxation | Surrogate:
    if path.stat().st_size > LARGEST:
        raise ValueError(f"it is larger than {LARGEST} bytes")
    found = json.loads(path.read_text("utf-8"), parse_constant=_no_number)
    makers: dict[str, Callable[[dict[str, Any]], LearnedRelaxation | Surrogate]]
    makers = {"relaxation": _relaxation, "surrogate": _surrogate}
    kind = found.get("metricloss") if isinstance(found, dict) else None
    if not isinstance(kind, str) or kind not in makers:
        raise ValueError("nothing in it was learned by metricloss")
    if found.get("version") != VERSION:
        raise ValueError(
            f"it is of version {str(found.get('version'))[:20]}, and this metricloss reads {VERSION}"
        )
    return makers[kind](found)


def _relaxation(found: dict[str, Any]) -> LearnedRelaxation:
    is_odd = found.get("is_odd")
    if not isinstance(is_odd, bool):
        raise ValueError("is_odd is neither true nor false")
    closed_form, network = Relaxation(_text(found, "closed_form")), _network(found, inputs=1)
    if closed_form.variable != p:
        raise ValueError("closed_form is not written in p")
    if abs(network([0.0])) > 1e-6 or abs(network([1.0]) - 1) > 1e-6:
        raise ValueError("network is not 0 at 0 and 1 at 1")
    return LearnedRelaxation(
        name=_name(found),
        network=network,
        is_odd=is_odd,
        closed_form=closed_form,
        error=_number(found, "error"),
        spearman=_number(found, "spearman"),
        spearman_closed_form=_number(found, "spearman_closed_form"),
        baselines=_baselines(found),
        history=_numbers(found, "history"),
    )


def _surrogate(found: dict[str, Any]) -> Surrogate:
    thresholds = _numbers(found, "thresholds")
    return Surrogate(
        name=_name(found),
        thresholds=thresholds,
        slope=_number(found, "slope"),
        network=_network(found, inputs=2 * len(thresholds) + 1),
        spearman=_number(found, "spearman"),
        baselines=_baselines(found),
    )


def _baselines(found: dict[str, Any]) -> tuple[tuple[str, float], ...]:
    match found.get("baselines"):
        case list() as pairs if all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
            return tuple(
                (_text({"baselines": name}, "baselines"), _floats([rho], "baselines")[0]) for name, rho in pairs
            )
    raise ValueError("baselines is no list of pairs")


def _network(found: dict[str, Any], inputs: int) -> Network:
    layers = found.get("network")
    if not isinstance(layers, list) or not layers:
        raise ValueError("network is no list of layers")
    network = Network(tuple(map(_layer, layers)))
    if network.inputs != inputs:
        raise ValueError(f"network takes {network.inputs} numbers, and should take {inputs}")
    return network


def _layer(layer: Any) -> Layer:
    match layer:
        case [[_, *_] as weights, list() as biases]:
            return tuple(_floats(row, "network") for row in weights), _floats(biases, "network")
    raise ValueError("a layer of network is no pair of weights and biases")


def _name(found: dict[str, Any]) -> str:
    return identifier(_text(found, "name"))


def _text(found: dict[str, Any], key: str) -> str:
    text = found.get(key)
    if not isinstance(text, str):
        raise ValueError(f"{key} is no text")
    return text


def _number(found: dict[str, Any], key: str) -> float:
    return _floats([found.get(key)], key)[0]


def _numbers(found: dict[str, Any], key: str) -> tuple[float, ...]:
    return _floats(found.get(key), key)


def _floats(numbers: Any, key: str) -> tuple[float, ...]:
    if not isinstance(numbers, list):
        raise ValueError(f"{key} is no list of numbers")
    return tuple(_float(number, key) for number in numbers)


def _float(number: Any, key: str) -> float:
    if isinstance(number, int | float) and not isinstance(number, bool) and abs(number) <= sys.float_info.max:
        return float(number)
    raise ValueError(f"{key} holds {str(number)[:20]}, which is no finite number")


def _no_number(constant: str) -> float:
    raise ValueError(f"it holds {constant}, which is no finite number")
