"""Errors that say what is wrong with the input: :class:`IsalError` and its kinds.

Where many problems are solved, only these count as "this one can't be solved". Any other exception is a bug: it ends
the job and keeps its traceback. Files that can't be read or written have errors of their own, beside their code.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from numbers import Real
from typing import Any


class IsalError(ValueError):
    """Unusable input, or a problem that can't be solved. The message names what is at fault and says what to do."""


class NetworkError(IsalError):
    """A network that can't be evaluated. The message names the node at fault and what to do."""


class UnobservableError(NetworkError):
    """The links of a network leave some parameter undetermined, whatever the powers."""


class AllocationError(IsalError):
    """A problem that has no finite optimum, or that a solver could not certify; the message says which and why."""


class InfeasibleError(AllocationError):
    """Requirements that no feasible powers meet, which is proven; the message says by how much they are missed.

    Whatever the powers, one of the bounds is at least ``ratio`` times its limit.
    """

    def __init__(self, message: str, ratio: float = math.inf) -> None:
        super().__init__(message)
        self.ratio = ratio


def one_of(value: object, choices: Collection[str], what: str) -> None:
    """Refuse a value that is none of the choices, whatever its type.

    Raises
    ------
    IsalError
        With the choices and what was given.
    """
    if not isinstance(value, str) or value not in choices:
        raise IsalError(f"{what} must be one of {', '.join(choices)}; got {value!r}")


def length(values: Any) -> int | None:
    """Number of entries of a list or an array; None for what has no length, such as a number."""
    try:
        return len(values)
    except TypeError:
        return None


def finite_number(value: object) -> float | None:
    """A real number as a float; None for what is none, such as text, a truth value, NaN or more than a float holds."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def not_installed(user: str, package: str) -> IsalError:
    """The error where ``user`` needs a package that is none of those that the core of isal brings."""
    return IsalError(f"{user} needs {package}, which is not installed: pip install 'isal-uwb[study]'")
