"""ReLoss reproduced: what learned losses rank and what they train, beside cross-entropy and compiled losses.

On scikit-learn's digits and some of KEEL's imbalanced sets: a classifier is trained with cross-entropy and its
logits are kept; losses are learned from those for accuracy and for F1; then classifiers are trained with every
loss, from the same weights. Results go to results/learned.json as they come, a problem at a time, so that an
interrupted run goes on where it was, and to results/learned.md.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import spearmanr
from tabulate import tabulate
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from tqdm import tqdm

import metricloss as ml
from benchmarks.imbalanced import halves
from metricloss import learn

RECORDED = Path(__file__).resolve().parents[1] / "results"
SETS = ("pima", "glass1", "vehicle1", "yeast3", "ecoli3", "segment0", "page-blocks0")
SEEDS, EPOCHS, HIDDEN, RATE = 5, 60, 32, 0.005
#: Entries of a batch when ranks are compared, and how many batches.
SIZE, BATCHES = 128, 512
#: After these epochs the logits of training are kept.
KEPT = (1, 2, 4, 8, 16, 32, 60)
METRICS = ("accuracy", "F1")

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Problem:
    """Rows to train on and rows held out; labels are class indices, or 0 and 1."""

    name: str
    x: torch.Tensor
    y: torch.Tensor
    x_test: torch.Tensor
    y_test: torch.Tensor

    @property
    def is_binary(self) -> bool:
        return int(self.y.max()) == 1

    @property
    def outputs(self) -> int:
        return 1 if self.is_binary else int(self.y.max()) + 1

    def compiled(self, metric: str, relaxation: Any) -> Any:
        """The loss of a metric of this module; of several classes, F1 is the mean over the classes."""
        if self.is_binary:
            return ml.compile(metric.lower(), "torch", relaxation=relaxation)
        expression, average = {"accuracy": ("recall", "micro"), "F1": ("f1", "macro")}[metric]
        return ml.compile(expression, "torch", task="multiclass", average=average, relaxation=relaxation)


def problem(name: str) -> Problem:
    """Digits, two fifths of them held out, or the first half of a set of KEEL and the other held out."""
    if name == "digits":
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split

        x, y = load_digits(return_X_y=True)
        x, x_test, y, y_test = train_test_split(x, y, test_size=0.4, random_state=0, stratify=y)
    else:
        x, y, x_test, y_test = next(iter(halves(name)))
    mean, deviation = x.mean(0), x.std(0) + 1e-9
    x, x_test = ((torch.tensor((part - mean) / deviation)).float() for part in (x, x_test))
    return Problem(name, x, torch.tensor(y).long(), x_test, torch.tensor(y_test).long())


@dataclass
class Trained:
    """Of a classifier: the logits of both parts after the epochs in KEPT, and seconds a step."""

    logits: list[torch.Tensor] = field(default_factory=list)
    test_logits: list[torch.Tensor] = field(default_factory=list)
    seconds: float = 0.0


def trained(given: Problem, loss: Loss, seed: int) -> Trained:
    """A network with one hidden layer, trained from the weights of a seed, on batches in the seed's order."""
    torch.manual_seed(seed)
    net = torch.nn.Sequential(
        torch.nn.Linear(given.x.shape[1], HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, given.outputs)
    )
    done, steps, elapsed = Trained(), 0, 0.0
    optimizer = torch.optim.Adam(net.parameters(), RATE)
    for epoch in range(1, EPOCHS + 1):
        started = time.perf_counter()
        for rows in torch.randperm(len(given.x)).split(SIZE):
            optimizer.zero_grad()
            loss(scores(net, given.x[rows]), given.y[rows]).backward()
            optimizer.step()
            steps += 1
        elapsed += time.perf_counter() - started
        if epoch in KEPT:
            with torch.no_grad():
                done.logits.append(scores(net, given.x))
                done.test_logits.append(scores(net, given.x_test))
    done.seconds = elapsed / steps
    return done


def scores(net: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Logits: of binary labels a vector."""
    z: torch.Tensor = net(x)
    return z[:, 0] if z.shape[1] == 1 else z


def entropy(given: Problem) -> Loss:
    """The framework's own cross-entropy."""
    if given.is_binary:
        return lambda z, y: binary_cross_entropy_with_logits(z, y.to(z.dtype))
    return cross_entropy


def losses(given: Problem, taught: Trained) -> Iterator[tuple[str, Loss, float, Mapping[str, float]]]:
    """Each loss by name, with the seconds that it took to learn, and what else is known of it."""
    yield "cross-entropy", entropy(given), 0.0, {}
    for metric in METRICS:
        yield f"{metric}, Soft", given.compiled(metric, ml.Soft()), 0.0, {}
        yield f"{metric}, AnyLoss(10)", given.compiled(metric, ml.AnyLoss(10)), 0.0, {}
    logits = torch.cat(taught.logits).numpy()
    labels = given.y.repeat(len(taught.logits)).numpy()
    for metric in METRICS:
        started = time.perf_counter()
        learned = learn.relaxation(metric.lower(), logits, labels, progress=False)
        seconds = time.perf_counter() - started
        known = {"rho": learned.spearman, "error": learned.error}
        yield f"{metric}, learned, closed form", given.compiled(metric, learned.closed_form), seconds, known
        yield f"{metric}, learned, network", given.compiled(metric, learned.network_form), seconds, known
    if given.is_binary:
        started = time.perf_counter()
        surrogate = learn.surrogate("f1", logits, labels, progress=False)
        seconds = time.perf_counter() - started
        yield "F1, learned, of the batch", ml.compile(surrogate, "torch"), seconds, {"rho": surrogate.spearman}


def judges(given: Problem) -> dict[str, Callable[[torch.Tensor, torch.Tensor], float]]:
    """The hard metrics of logits and labels."""
    return {metric: given.compiled(metric, ml.Soft()).score for metric in METRICS}


def held_out_batches(given: Problem, taught: Trained) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Batches of held-out rows, as the classifier scored them at one of the epochs that were kept."""
    random = np.random.default_rng(0)
    batches = []
    for _ in range(BATCHES):
        rows = random.integers(len(given.y_test), size=SIZE)
        logits = taught.test_logits[random.integers(len(taught.test_logits))]
        batches.append((logits[rows], given.y_test[rows]))
    return batches


def correlation(values: list[float], losses: list[float]) -> float:
    """Spearman's, of a metric with a negated loss."""
    return float(spearmanr(values, np.negative(losses)).statistic)


def measured(given: Problem) -> dict[str, dict[str, Any]]:
    """Of each loss: the held-out metrics of what it trains, its rank correlations, and what it costs."""
    taught = trained(given, entropy(given), seed=1000)
    batches, judged = held_out_batches(given, taught), judges(given)
    truth = {name: [float(judge(z, y)) for z, y in batches] for name, judge in judged.items()}
    found: dict[str, dict[str, Any]] = {}
    for name, loss, seconds, known in losses(given, taught):
        ranks = [float(loss(z, y)) for z, y in batches]
        runs = [trained(given, loss, seed) for seed in range(SEEDS)]
        found[name] = {
            "metrics": {
                each: [round(float(judge(run.test_logits[-1], given.y_test)), 5) for run in runs]
                for each, judge in judged.items()
            },
            "spearman": {each: round(correlation(values, ranks), 4) for each, values in truth.items()},
            "step": float(np.median([run.seconds for run in runs])),
            "seconds to learn": round(seconds, 1),
            "learned": {key: round(value, 6) for key, value in known.items()},
        }
    return found


def settings() -> dict[str, Any]:
    """What all results of a file have in common."""
    return {"seeds": SEEDS, "epochs": EPOCHS, "hidden": HIDDEN, "rate": RATE, "size": SIZE, "batches": BATCHES}


def page(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Tables of what was measured, in Markdown."""
    binary = [found for name, found in results.items() if name != "digits"]
    parts = [HEAD.format(sets=", ".join(name for name in results if name != "digits")), "<!-- tables -->"]
    for title, some in (("Digits", [results["digits"]] if "digits" in results else []), ("KEEL", binary)):
        if some:
            parts += [f"*{title}*", table(some)]
    parts += ["<!-- end of tables -->"]
    return "\n\n".join(parts) + "\n"


def table(problems: list[Mapping[str, Any]]) -> str:
    """A row for each loss, means over the problems."""
    heads = [
        "loss", *(f"ρ with {metric}" for metric in METRICS), *(f"held-out {metric}" for metric in METRICS),
        "a step, in that of cross-entropy", "seconds to learn",
    ]  # fmt: skip
    rows = []
    for name in problems[0]:
        of_loss = [found[name] for found in problems]
        steps = [found[name]["step"] / found["cross-entropy"]["step"] for found in problems]
        rows.append([
            name,
            *(f"{np.mean([each['spearman'][metric] for each in of_loss]):.3f}" for metric in METRICS),
            *(f"{np.mean([each['metrics'][metric] for each in of_loss]):.3f}" for metric in METRICS),
            f"{np.median(steps):.1f}",
            f"{max(each['seconds to learn'] for each in of_loss):.0f}" if "learned" in name else "",
        ])  # fmt: skip
    return tabulate(rows, headers=heads, tablefmt="github", disable_numparse=True)


HEAD = f"""\
# ReLoss: losses that are learned

What is learned here ranks batches as a metric does (Huang et al., ReLoss, ICLR 2022). On scikit-learn's digits
and on KEEL's {{sets}},
a network with one hidden layer of {HIDDEN} units, ReLU, is trained with cross-entropy by Adam at {RATE},
{EPOCHS} epochs of batches of {SIZE}; the logits of the training part after epochs
{", ".join(map(str, KEPT))} are what losses are learned from. Then every loss trains {SEEDS} networks, from the
same weights and on the same batches. F1 of digits is the mean over the classes.

ρ is Spearman's correlation of the negated loss with the metric, on {BATCHES} batches of {SIZE} held-out rows,
scored by the first network at one of the kept epochs: the paper's criterion. Held-out metrics are means over
the networks and the sets. Written by `python -m benchmarks.quality.learned`."""


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        "python -m benchmarks.quality.learned",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--only", nargs="+", metavar="PROBLEM", help="digits, or sets of KEEL; others' results stay"
    )
    parser.add_argument(
        "--output", type=Path, default=RECORDED, metavar="DIR", help="default: benchmarks/results"
    )
    asked = parser.parse_args(words)
    asked.output.mkdir(parents=True, exist_ok=True)
    path = asked.output / "learned.json"
    held = json.loads(path.read_text("utf-8")) if path.exists() else {"settings": settings(), "results": {}}
    if held["settings"] != settings():
        parser.error(f"{path} holds results of {held['settings']}, and this would add some of {settings()}")
    results = held["results"]
    torch.set_num_threads(1)
    missing = [name for name in asked.only or ("digits", *SETS) if name not in results]
    for name in tqdm(missing, desc="problems"):
        results[name] = measured(problem(name))
        path.write_text(json.dumps(held, indent=1) + "\n", "utf-8")
    (asked.output / "learned.md").write_text(page(results), "utf-8")


if __name__ == "__main__":
    main()
