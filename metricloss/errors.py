"""What can go wrong, one class for each mistake a user can make.

MetricLossError
├── ExpressionSyntaxError      the text is not an expression of the language
├── UnknownNameError           a name that is no count, no function and no parameter with a value
├── ExpressionTooLargeError    too long, too deep, or a number or exponent out of bounds
├── UnsupportedFunctionError   a SymPy function that no backend can spell
├── ParameterError             a parameter whose value is missing, unused or not a finite real number
├── NoCountError               nothing in the expression depends on the confusion matrix
├── ConstantMetricError        predictions cannot change the value
├── NotRealError               complex or infinite inside the count simplex
├── OptionError                direction, zero_division and the like outside what they can be
├── LabelError                 labels or predictions that are no 0/1 arrays of one shape
├── InputError                 values that a loss cannot mean, found by check_inputs
├── RelaxationError            decreasing, or leaving [0, 1], or never crossing 1/2
├── UnknownBackendError        no folder of that name in backends/
├── BackendError               a backend folder that is not complete
├── MissingFrameworkError      the backend's framework, or what draws or learns, is not installed
├── LearningError              a metric, or data, from which nothing can be learned
├── SavedFileError             a file that holds nothing that was learned and saved
└── OutputExistsError          a file that would be overwritten

MetricLossWarning(UserWarning)
├── MetricWarning              a fact about a metric that may spoil a training
└── RelaxationWarning          a fact about a relaxation that may surprise
"""

from __future__ import annotations

from collections.abc import Iterable


class MetricLossError(Exception):
    """Anything that is wrong with what a user gave to metricloss."""


class ExpressionSyntaxError(MetricLossError):
    """The text is not an expression of the language: ``Metric("2*TP +")``."""


class UnknownNameError(MetricLossError):
    """A name stands in the expression that means nothing: ``Metric("TPP/n")``."""


class ExpressionTooLargeError(MetricLossError):
    """A bound of the text language is exceeded: ``Metric("9**9**9**9")``."""


class UnsupportedFunctionError(MetricLossError):
    """A SymPy function outside the language: ``Metric(sympy.gamma(TP))``."""


class ParameterError(MetricLossError):
    """A parameter has no value, an unusable one, or no place: ``Metric("TP/n", beta=2)``."""


class NoCountError(MetricLossError):
    """No count stands in the expression: ``Metric("1/2")``."""


class ConstantMetricError(MetricLossError):
    """Predictions cannot change the value: ``Metric("P/n")`` has nothing to learn."""


class NotRealError(MetricLossError):
    """Complex or infinite at ordinary counts: ``Metric("sqrt(-TP)")``."""


class OptionError(MetricLossError):
    """An option outside its values: ``Metric("TP/P", direction="up")``."""


class LabelError(MetricLossError):
    """The hard metric was given something other than 0/1 arrays of one shape."""


class InputError(MetricLossError):
    """Values given to a loss that cannot be meant: ``check_inputs(loss, logits, target)``."""


class RelaxationError(MetricLossError):
    """Not a monotone map to [0, 1] through 1/2: ``Relaxation("1 - p")``."""


class UnknownBackendError(MetricLossError):
    """No such backend: ``compile(f1, "pytroch")``."""


class BackendError(MetricLossError):
    """A backend folder lacks a hole, a function or a table entry."""


class MissingFrameworkError(MetricLossError):
    """The framework of a backend, or what plots and reports need, is not installed; the message says how to."""


class LearningError(MetricLossError):
    """Nothing can be learned from it: ``learn.relaxation(lambda scores, targets: 0.5)`` is constant."""


class SavedFileError(MetricLossError):
    """``learn.load("notes.txt")`` finds nothing there that was learned and saved."""


class OutputExistsError(MetricLossError):
    """``loss.save("f1_loss.py")`` where that file stands already."""


class MetricLossWarning(UserWarning):
    """The base of every warning of metricloss."""


class MetricWarning(MetricLossWarning):
    """A fact about a metric that may spoil a training: ``compile("TP/P", "torch")`` rewards all positive.

    To silence it: ``warnings.simplefilter("ignore", ml.errors.MetricWarning)``.
    """


class RelaxationWarning(MetricLossWarning):
    """A fact about a relaxation that may surprise: saturation, a band without gradient."""


def under(text: str, column: int, width: int = 1) -> str:
    """The text with a caret under the spot, one screen wide at the most.

    >>> print(under("2*TPP/n", 2, 3))
        2*TPP/n
          ^^^
    """
    line_start = text.rfind("\n", 0, column) + 1
    line_end = text.find("\n", column)
    line = text[line_start : line_end if line_end >= 0 else len(text)]
    column -= line_start
    first = max(0, column - 30)
    shown = line[first : first + 70]
    head = "..." if first else ""
    tail = "..." if first + 70 < len(line) else ""
    width = max(1, min(width, len(shown) - (column - first)))
    return f"    {head}{shown}{tail}\n    {' ' * (len(head) + column - first)}{'^' * width}"


def nearest(name: str, known: Iterable[str]) -> str:
    """A half-sentence with the known name that the user most likely meant, or nothing.

    >>> nearest("PPP", ["TP", "PP", "sqrt"])
    '; did you mean PP?'
    """
    import difflib  # here, for it is slow to import and seldom needed

    known = list(known)
    by_case = [candidate for candidate in known if candidate.lower() == name.lower()]
    close = by_case or difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else ""
