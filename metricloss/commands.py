"""What each command of the command line does: from its parsed options to what is printed, and an exit code."""

from __future__ import annotations

import argparse
import inspect
import sys
import textwrap
from collections.abc import Callable
from functools import partial
from typing import Any

from sympy import Expr, Symbol

from metricloss import compiler
from metricloss.backend import all_backends
from metricloss.derivation import derivation
from metricloss.entries import FAMILIES, members
from metricloss.errors import ParameterError
from metricloss.metric import Metric
from metricloss.recipe import recipe_of
from metricloss.relaxation import Relaxation
from metricloss.relaxations import NAMED
from metricloss.source import writable, write
from metricloss.symbols import COUNTS, NAMES
from metricloss.task import AVERAGES, Task
from metricloss.text import CONSTANTS, FUNCTIONS, parse

OK, CHECK_FAILED = 0, 1


def show(options: argparse.Namespace) -> int:
    """Print a metric, what is known about it, its slopes and the derivation of its loss.

    examples:
      metricloss show mcc
      metricloss show "2*TP/(2*TP + FP + FN)" --name f1
      metricloss show "(1 + b**2)*TP/((1 + b**2)*TP + b**2*FN + FP)" --param b=2
      metricloss show "(FP + FN)/n" --direction minimize --relaxation "AnyLoss(30)"
    """
    recipe = recipe_of(_metric(options), **_choices(options))
    metric = recipe.metric
    better = "more" if metric.direction == "maximize" else "less"
    partials = "\n".join(f"d{metric.name}/d{count} = {metric.gradient[count]}" for count in COUNTS)
    print(f"{metric.name} = {metric.expression}")
    print(f"{better} is better; loss = {metric.loss_of(Symbol(metric.name))}")
    print(f"\nanalysis\n{_indented(str(metric.analysis))}")
    print(f"\ngradient\n{_indented(partials)}")
    print(f"\nslopes\n{_indented(str(metric.slopes))}")
    print(f"\nderivation\n{_indented(str(derivation(recipe)))}")
    return OK


def emit(options: argparse.Namespace) -> int:
    """Print the source of a loss, or write it to a file; its framework need not be here.

    examples:
      metricloss emit "2*TP/(2*TP + FP + FN)" --name f1 --backend torch -o f1_loss.py
      metricloss emit "TP/P - FP/N" --backend jax > j_loss.py
      metricloss emit "TP/(TP + FP + FN)" --backend torch --task multiclass --ignore-index 255
      metricloss emit --backend numpy --name miss -- "-FN/P"
    """
    source = compiler.emit(_metric(options), options.backend, **_choices(options))
    if options.output is None:
        print(source.text, end="")
    else:
        path = source.save(options.output, force=options.force)
        print(f"wrote {path}: {source.recipe.metric.name} for {source.backend.title}", file=sys.stderr)
    return OK


def check(options: argparse.Namespace) -> int:
    """Compare a loss's gradient with finite differences, autodiff and other backends'.

    examples:
      metricloss check "2*TP/(2*TP + FP + FN)"
      metricloss check "TP/P - FP/N" --backend torch --backend jax --relaxation "p**2*(3 - 2*p)"
    """
    from tqdm import tqdm

    from metricloss import check as checking

    backends = options.backend or [backend.name for backend in all_backends()]
    with tqdm(total=len(backends), unit="backend", delay=2, leave=False, disable=None) as bar:
        report = checking.check(
            _metric(options),
            backends=options.backend,
            **_choices(options),
            seed=options.seed,
            tick=bar.update,
        )
    print(report)
    return OK if report.ok else CHECK_FAILED


def report(options: argparse.Namespace) -> int:
    """Write a page about a metric and its loss: derivation, analysis, pictures, source for every framework.

    The page is one HTML file that needs no network. It takes pip install 'metricloss[report]' to write it.

    examples:
      metricloss report f1 -o f1.html
      metricloss report mcc --prevalence 0.01 --relaxation "AnyLoss(30)" --force
    """
    from tqdm import tqdm

    from metricloss import report as reporting

    recipe = recipe_of(_metric(options), **_choices(options))
    path = writable(options.output or f"{recipe.metric.name}.html", force=options.force)
    prevalence = float(parse(options.prevalence, {}))
    with tqdm(total=len(reporting.PARTS), unit="part", delay=2, leave=False, disable=None) as bar:
        page = reporting.report(recipe, prevalence=prevalence, tick=bar.update)
    print(f"wrote {write(path, page, force=options.force)}: {recipe.metric.name}", file=sys.stderr)
    return OK


def learn(options: argparse.Namespace) -> int:
    """Learn the relaxation whose loss ranks batches as a metric does, and print it for emit --relaxation.

    It takes pip install 'metricloss[learn]', and half a minute.

    examples:
      metricloss learn f1
      metricloss learn mcc --seed 1 -o mcc_relaxation.json
      metricloss emit f1 --backend torch --relaxation "$(metricloss learn f1)"
    """
    from metricloss.learn import relaxation

    path = None if options.output is None else writable(options.output, force=options.force)
    learned = relaxation(_metric(options), seed=options.seed)
    print(f"rank correlation of the loss with {learned.name}, negated, on held-out batches", file=sys.stderr)
    print(f"  {learned.spearman:.4f}, of the closed form {learned.spearman_closed_form:.4f}", file=sys.stderr)
    others = ", ".join(f"{name} {rho:.4f}" for name, rho in learned.baselines)
    print(f"  not learned: {others}", file=sys.stderr)
    print(f"largest error of the closed form\n  {learned.error:.4f}", file=sys.stderr)
    print(learned.closed_form.text)
    if path is not None:
        print(f"wrote {learned.save(path, force=options.force)}", file=sys.stderr)
    return OK


def list_all(options: argparse.Namespace) -> int:
    """Print the metrics, backends, relaxations, tasks, and the names and functions of the language.

    examples:
      metricloss list
      metricloss list --family agreement
    """
    from tabulate import tabulate

    plain = partial(tabulate, tablefmt="plain", disable_numparse=True)
    families = FAMILIES if options.family is None else [options.family]
    print("\n\n".join(map(_family, families)))
    if options.family is not None:
        return OK
    print()
    rows = [[backend.name, "yes" if backend.is_installed else "no", backend.call] for backend in all_backends()]
    print("backends (emit writes for those not installed, too)")
    print(_indented(plain(rows, headers=["name", "here", "call"])))
    for backend in all_backends():
        if not backend.is_installed:
            print(f"  {backend.name} is not installed: {backend.install}")
    print("\nrelaxations")
    print(_indented("\n".join(map(_described, NAMED.values()))))
    print(_indented('any text like "p**2*(3 - 2*p)"\n    In the probability p or the score z, from 0 to 1.'))
    print("\ntasks, and their averages")
    tasks = [
        ["binary", "binary, samples"],
        ["multilabel, multiclass", textwrap.fill(", ".join(_averages()), 52)],
    ]
    print(_indented(plain(tasks)))
    sums = [f"{name} = {meaning}" for name, meaning in NAMES.items() if meaning not in COUNTS]
    words = [
        ["counts", ", ".join(map(str, COUNTS))],
        ["sums", textwrap.fill(", ".join(sums), 66)],
        ["functions", textwrap.fill(", ".join(FUNCTIONS), 66)],
        ["constants", ", ".join(CONSTANTS)],
        ["operators", "+ - * / ** ( )"],
    ]
    print(f"\nlanguage\n{_indented(plain(words))}")
    return OK


def demo(options: argparse.Namespace) -> int:
    """Train small classifiers on cross-entropy and on metrics, on real imbalanced data.

    examples:
      metricloss demo
      metricloss demo --backend torch
    """
    from metricloss import demo as demonstration

    print(demonstration.introduction(options.backend), end="\n\n", flush=True)
    print(demonstration.demo(options.backend))
    return OK


def _metric(options: argparse.Namespace) -> Metric:
    parameters = dict(map(_parameter, options.param))
    text = options.zero_division
    zero_division = text if text.isalpha() else parse(text, {})
    return Metric(
        options.expression,
        options.name,
        direction=options.direction,
        zero_division=zero_division,
        **parameters,
    )


def _choices(options: argparse.Namespace) -> dict[str, Any]:
    """What was chosen besides the metric."""
    average = (
        {"average": None if options.average.lower() == "none" else options.average}
        if options.average is not None
        else {}
    )
    task = Task(
        options.task,
        **average,
        class_axis=options.class_axis,
        class_weight=() if options.class_weight is None else options.class_weight.split(","),
        ignore_index=options.ignore_index,
    )
    return {"relaxation": options.relaxation, "from_logits": not options.probabilities, "task": task}


def _parameter(text: str) -> tuple[str, Expr]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ParameterError(f"--param {text} has no value\nGive one: --param {text}=2")
    if name.strip() in inspect.signature(Metric).parameters:
        raise ParameterError(f"a parameter cannot be called {name.strip()}: rename it in the expression")
    return name.strip(), parse(value, {})


def _averages() -> list[str]:
    """The averages over classes, as they are written on a command line."""
    return [average or "none" for average in AVERAGES if average != "binary"]


def _described(relaxation: Callable[..., Relaxation]) -> str:
    """A relaxation's call and the first line of its documentation."""
    arguments = inspect.signature(relaxation).parameters.values()
    call = ", ".join(f"{argument.name}={argument.default}" for argument in arguments)
    what = textwrap.fill((inspect.getdoc(relaxation) or "").splitlines()[0], 72)
    return f"{relaxation.__name__}({call})\n{textwrap.indent(what, '    ')}"


def _family(name: str) -> str:
    """The metrics of a family: name, what else it is called, direction, formula."""
    found = members(name)
    lines = [f"metrics: {FAMILIES[name]} (--family {name}, {len(found)})"]
    better = {"maximize": "", "minimize": "; less is better", "neither": "; neither more nor less is better"}
    for entry in found:
        called = ", ".join((entry.title, *entry.aliases))
        about = f"{entry.name}: {called}{better[entry.direction]}"
        lines += textwrap.wrap(about, 80, initial_indent="  ", subsequent_indent="    ")
        lines += textwrap.wrap(entry.expression, 80, initial_indent="      ", subsequent_indent="        ")
    return "\n".join(lines)


def _indented(text: str) -> str:
    return textwrap.indent(text, "  ")


_ABOUT = """\
A metric over TP, FP, FN, TN, as a formula, becomes a loss with its derived gradient.

examples:
  metricloss show "2*TP/(2*TP + FP + FN)" --name f1
  metricloss emit "2*TP/(2*TP + FP + FN)" --name f1 --backend torch -o f1_loss.py
  metricloss check "sqrt(TP/P*TN/N)"
  metricloss COMMAND --help    has more
"""
