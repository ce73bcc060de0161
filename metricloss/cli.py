"""The command line: show, emit, check, list, demo."""

from __future__ import annotations

import argparse
import inspect
import io
import os
import sys
import textwrap
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from sympy import Expr

from metricloss.backend import all_backends
from metricloss.compiler import emit
from metricloss.derivation import derivation
from metricloss.errors import MetricLossError, MetricLossWarning, ParameterError
from metricloss.header import objective_text
from metricloss.metric import Metric
from metricloss.relaxation import Relaxation
from metricloss.relaxations import NAMED, as_relaxation
from metricloss.symbols import COUNTS, NAMES
from metricloss.text import CONSTANTS, FUNCTIONS, parse
from metricloss.version import __version__

OK, CHECK_FAILED, MISTAKE, INTERRUPTED, PIPE_CLOSED = 0, 1, 2, 130, 141

_EXIT_CODES = """\
exit codes:
  0    done
  1    check found a wrong gradient
  2    a mistake in what was given, told on stderr; no file was written
  130  interrupted
  141  whoever read the output closed it
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line, without the program's name, and return its exit code.

    Errors: none of metricloss's own, which are told on stderr; SystemExit from --help, --version and misuse.

    >>> main(["show", "TP/PPP"])
    2
    """
    _speak_utf8()
    options = _parser().parse_args(argv)
    try:
        with _warnings_as_lines():
            code: int = options.run(options)
        sys.stdout.flush()
    except MetricLossError as error:
        return _complain(str(error))
    except BrokenPipeError:  # head has seen enough; and Python must not complain when it flushes at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except OSError as error:
        return _complain(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except KeyboardInterrupt:
        return INTERRUPTED
    return code


def _complain(message: str) -> int:
    print(f"metricloss: {message}", file=sys.stderr)
    return MISTAKE


def _speak_utf8() -> None:
    """What is emitted is UTF-8 whatever the locale is: Python reads it back as that."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8")


@contextmanager
def _warnings_as_lines() -> Iterator[None]:
    def tell(message: Warning | str, *_: object, **__: object) -> None:
        print(f"metricloss: note: {message}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.simplefilter("always", MetricLossWarning)
        warnings.showwarning = tell
        yield


def _parser() -> argparse.ArgumentParser:
    def settings(text: str) -> dict[str, Any]:
        what, _, examples = text.partition("\n\n")
        return {
            "description": what,
            "epilog": f"{examples}\n\n{_EXIT_CODES}",
            "formatter_class": argparse.RawDescriptionHelpFormatter,
            "allow_abbrev": False,
        }

    parser = argparse.ArgumentParser(prog="metricloss", **settings(_ABOUT))
    parser.add_argument("--version", action="version", version=f"metricloss {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, run, add_options in _COMMANDS:
        text = inspect.getdoc(run) or ""
        command = commands.add_parser(name, help=text.splitlines()[0], **settings(text))
        add_options(command)
        command.set_defaults(run=run)
    return parser


def _metric_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("expression", metavar="EXPR", help="the metric; after -- if it begins with a minus")
    command.add_argument("--name", help="the metric's name (default: metric)")
    command.add_argument(
        "--direction",
        choices=("maximize", "minimize"),
        default="maximize",
        help="which is better: more, or less",
    )
    command.add_argument("--zero-division", metavar="X", default="0", help="what 0/0 is (default: 0)")
    command.add_argument(
        "--param", metavar="NAME=X", action="append", default=[], help="a parameter's value; may be repeated"
    )
    command.add_argument(
        "--relaxation",
        metavar="H",
        default="Soft()",
        help='"AnyLoss(30)" and the like, see list, or an expression in p or z (default: Soft())',
    )
    command.add_argument("--probabilities", action="store_true", help="scores are probabilities, not logits")


def _emit_options(command: argparse.ArgumentParser) -> None:
    _metric_options(command)
    command.add_argument("--backend", required=True, metavar="B", help="the framework, see list")
    command.add_argument("-o", "--output", metavar="FILE", help="write this file (default: to stdout)")
    command.add_argument("--force", action="store_true", help="replace the file if there is one")


def _check_options(command: argparse.ArgumentParser) -> None:
    _metric_options(command)
    command.add_argument(
        "--backend",
        action="append",
        default=[],
        metavar="B",
        help="may be repeated (default: all installed ones)",
    )
    command.add_argument("--seed", type=int, default=0, help="of the random scores (default: 0)")


def _demo_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--backend", default="numpy", metavar="B", help="the framework (default: numpy)")


def _metric(options: argparse.Namespace) -> Metric:
    parameters = dict(map(_parameter, options.param))
    zero_division = parse(options.zero_division, {})
    return Metric(
        options.expression,
        options.name,
        direction=options.direction,
        zero_division=zero_division,
        **parameters,
    )


def _parameter(text: str) -> tuple[str, Expr]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ParameterError(f"--param {text} has no value\nGive one: --param {text}=2")
    if name.strip() in inspect.signature(Metric).parameters:
        raise ParameterError(f"a parameter cannot be called {name.strip()}: rename it in the expression")
    return name.strip(), parse(value, {})


def _show(options: argparse.Namespace) -> int:
    """Print a metric, its partial derivatives, its slopes and the derivation of its loss.

    examples:
      metricloss show "2*TP/(2*TP + FP + FN)" --name f1
      metricloss show "(1 + b**2)*TP/((1 + b**2)*TP + b**2*FN + FP)" --param b=2
      metricloss show "(FP + FN)/n" --direction minimize --relaxation "AnyLoss(30)"
    """
    metric = _metric(options)
    relaxation = as_relaxation(options.relaxation)
    better = "more" if metric.direction == "maximize" else "less"
    partials = "\n".join(f"d{metric.name}/d{count} = {metric.gradient[count]}" for count in COUNTS)
    print(f"{metric.name} = {metric.expression}")
    print(f"{better} is better; loss = {objective_text(metric)}")
    print(f"\ngradient\n{_indented(partials)}")
    print(f"\nslopes\n{_indented(str(metric.slopes))}")
    print(f"\nderivation\n{_indented(str(derivation(metric, relaxation, not options.probabilities)))}")
    return OK


def _emit(options: argparse.Namespace) -> int:
    """Print the source of a loss, or write it to a file; its framework need not be here.

    examples:
      metricloss emit "2*TP/(2*TP + FP + FN)" --name f1 --backend torch -o f1_loss.py
      metricloss emit "TP/P - FP/N" --backend jax > j_loss.py
      metricloss emit --backend numpy --name miss -- "-FN/P"
    """
    source = emit(
        _metric(options),
        options.backend,
        relaxation=options.relaxation,
        from_logits=not options.probabilities,
    )
    if options.output is None:
        print(source.text, end="")
    else:
        path = source.save(options.output, force=options.force)
        print(f"wrote {path}: {source.metric.name} for {source.backend.title}", file=sys.stderr)
    return OK


def _check(options: argparse.Namespace) -> int:
    """Compare a loss's gradient with finite differences, autodiff and other backends'.

    examples:
      metricloss check "2*TP/(2*TP + FP + FN)"
      metricloss check "TP/P - FP/N" --backend torch --backend jax --relaxation "p**2*(3 - 2*p)"
    """
    from tqdm import tqdm

    from metricloss.check import check

    backends = options.backend or [backend.name for backend in all_backends()]
    with tqdm(total=len(backends), unit="backend", delay=2, leave=False, disable=None) as bar:
        report = check(
            _metric(options),
            backends=options.backend,
            relaxation=options.relaxation,
            from_logits=not options.probabilities,
            seed=options.seed,
            tick=bar.update,
        )
    print(report)
    return OK if report.ok else CHECK_FAILED


def _list(options: argparse.Namespace) -> int:
    """Print the backends, the relaxations, and the names and functions of the language.

    examples:
      metricloss list
    """
    from tabulate import tabulate

    plain = partial(tabulate, tablefmt="plain", disable_numparse=True)
    rows = [
        [backend.name, "yes" if backend.is_installed else "no", backend.facts.get("order", ""), backend.call]
        for backend in all_backends()
    ]
    print("backends (emit writes for those not installed, too)")
    print(_indented(plain(rows, headers=["name", "here", "order", "call"])))
    for backend in all_backends():
        if not backend.is_installed:
            print(f"  {backend.name} is not installed: {backend.install}")
    print("\nrelaxations")
    print(_indented("\n".join(map(_described, NAMED.values()))))
    print(_indented('any text like "p**2*(3 - 2*p)"\n    In the probability p or the score z, from 0 to 1.'))
    sums = [f"{name} = {meaning}" for name, meaning in NAMES.items() if meaning not in COUNTS]
    words = [
        ["counts", ", ".join(map(str, COUNTS))],
        ["sums", ", ".join(sums)],
        ["functions", ", ".join(FUNCTIONS)],
        ["constants", ", ".join(CONSTANTS)],
        ["operators", "+ - * / ** ( )"],
    ]
    print(f"\nlanguage\n{_indented(plain(words))}")
    return OK


def _described(relaxation: Callable[..., Relaxation]) -> str:
    """A relaxation's call and the first line of its documentation."""
    arguments = inspect.signature(relaxation).parameters.values()
    call = ", ".join(f"{argument.name}={argument.default}" for argument in arguments)
    return f"{relaxation.__name__}({call})\n    {(inspect.getdoc(relaxation) or '').splitlines()[0]}"


def _demo(options: argparse.Namespace) -> int:
    """Train small classifiers on cross-entropy and on metrics, on real imbalanced data.

    examples:
      metricloss demo
      metricloss demo --backend torch
    """
    from metricloss.demo import demo, introduction

    print(introduction(options.backend), flush=True)
    print(demo(options.backend))
    return OK


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
_COMMANDS = (
    ("show", _show, _metric_options),
    ("emit", _emit, _emit_options),
    ("check", _check, _check_options),
    ("list", _list, lambda command: None),
    ("demo", _demo, _demo_options),
)
