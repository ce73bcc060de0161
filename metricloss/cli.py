"""The command line: show, emit, check, report, learn, list, demo."""

from __future__ import annotations

import argparse
import inspect
import io
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from metricloss import commands
from metricloss.entries import FAMILIES
from metricloss.errors import MetricLossError, MetricLossWarning
from metricloss.task import AVERAGES, TASKS
from metricloss.version import __version__

MISTAKE, INTERRUPTED, PIPE_CLOSED = 2, 130, 141

_ABOUT = """\
A metric over TP, FP, FN, TN, as a formula, becomes a loss with its derived gradient.

examples:
  metricloss show "2*TP/(2*TP + FP + FN)" --name f1
  metricloss emit "2*TP/(2*TP + FP + FN)" --name f1 --backend torch -o f1_loss.py
  metricloss check "sqrt(TP/P*TN/N)"
  metricloss COMMAND --help    has more
"""
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
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, run, add_options in _COMMANDS:
        text = inspect.getdoc(run) or ""
        command = subparsers.add_parser(name, help=text.splitlines()[0], **settings(text))
        add_options(command)
        command.set_defaults(run=run)
    return parser


def _metric_options(command: argparse.ArgumentParser) -> None:
    _formula_options(command)
    command.add_argument(
        "--relaxation",
        metavar="H",
        default="Soft()",
        help='"AnyLoss(30)" and the like, see list, or an expression in p or z (default: Soft())',
    )
    command.add_argument("--probabilities", action="store_true", help="scores are probabilities, not logits")
    command.add_argument("--task", metavar="T", default="binary", help=f"{', '.join(TASKS)} (default: binary)")
    command.add_argument(
        "--average",
        metavar="A",
        help=f"{', '.join(filter(None, AVERAGES))}, or none for a value a class (default: binary, else macro)",
    )
    command.add_argument(
        "--class-axis", metavar="I", type=int, help="the classes' axis (default: the framework's)"
    )
    command.add_argument("--class-weight", metavar="W,W", help="a number for each class, for macro averages")
    command.add_argument(
        "--ignore-index", metavar="I", type=int, help="index of entries that take no part (torch: -100)"
    )


def _formula_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "expression",
        metavar="EXPR",
        help="the metric, as an expression or a name of list; after -- if it begins with a minus",
    )
    command.add_argument("--name", help="the metric's name (default: that of the catalogue, or metric)")
    command.add_argument(
        "--direction",
        choices=("maximize", "minimize"),
        help="which is better: more, or less (default: as the catalogue has it, else maximize)",
    )
    command.add_argument(
        "--zero-division",
        metavar="X",
        default="0",
        help="what 0/0 is, or skip: no value without positives (default: 0)",
    )
    command.add_argument(
        "--param", metavar="NAME=X", action="append", default=[], help="a parameter's value; may be repeated"
    )


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


def _report_options(command: argparse.ArgumentParser) -> None:
    _metric_options(command)
    command.add_argument(
        "--prevalence", metavar="X", default="0.5", help="the share of positives in the pictures (default: 0.5)"
    )
    command.add_argument("-o", "--output", metavar="FILE", help="write this file (default: NAME.html)")
    command.add_argument("--force", action="store_true", help="replace the file if there is one")


def _learn_options(command: argparse.ArgumentParser) -> None:
    _formula_options(command)
    command.add_argument("--seed", type=int, default=0, help="of the batches and the weights (default: 0)")
    command.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="write the network and all else to this file, for learn.load in Python",
    )
    command.add_argument("--force", action="store_true", help="replace the file if there is one")


def _demo_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--backend", default="numpy", metavar="B", help="the framework (default: numpy)")


def _list_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--family", choices=tuple(FAMILIES), help="only the metrics of this family")


_COMMANDS = (
    ("show", commands.show, _metric_options),
    ("emit", commands.emit, _emit_options),
    ("check", commands.check, _check_options),
    ("report", commands.report, _report_options),
    ("learn", commands.learn, _learn_options),
    ("list", commands.list_all, _list_options),
    ("demo", commands.demo, _demo_options),
)
