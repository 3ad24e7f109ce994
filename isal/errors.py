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
    """Unusable input, or a problem that can't be solved. The message names what is at fault and says what to do.

    Examples
    --------
    >>> import isal
    >>> try:
    ...     isal.Radio(bandwidth_hz=-1)
    ... except isal.IsalError as error:
    ...     print(error)
    radio: bandwidth_hz must be positive, got -1
    """


class NetworkError(IsalError):
    """A network that can't be evaluated. The message names the node at fault and what to do.

    Examples
    --------
    >>> import isal
    >>> try:
    ...     isal.Network(anchors=[[0, 0]], radars=[[0, 0]])
    ... except isal.NetworkError as error:
    ...     print(str(error).partition(";")[0])
    network: radar 1 and anchor 1 coincide at [0.0, 0.0] m (0 m apart)
    """


class UnobservableError(NetworkError):
    """The links of a network leave some parameter undetermined, whatever the powers.

    Examples
    --------
    >>> import isal
    >>> line = isal.Network(anchors=[[0, 0], [9, 0]], radars=[[5, 0]])
    >>> try:
    ...     isal.information(line, isal.Radio(), clock="synchronous")
    ... except isal.UnobservableError as error:
    ...     print(str(error).partition(" in ")[0])
    network: its links can't tell apart the parameters radar 1 y
    """


class AllocationError(IsalError):
    """A problem that has no finite optimum, or that a solver could not certify; the message says which and why.

    Examples
    --------
    >>> import isal
    >>> network = isal.Network(anchors=[[20, 180], [180, 180]], radars=[[45, 71], [91, 65]], targets=[[65, 45]])
    >>> try:
    ...     isal.integrated(network, isal.Radio(), clock="synchronous", energy=10.0, caps=0)
    ... except isal.AllocationError as error:
    ...     print(error)
    every power cap is zero; let at least one node transmit
    """


class InfeasibleError(AllocationError):
    """Requirements that no feasible powers meet, which is proven; the message says by how much they are missed.

    Whatever the powers, one of the bounds is at least ``ratio`` times its limit.

    Examples
    --------
    >>> import isal
    >>> network = isal.Network([[0, 0], [60, 0], [60, 40]], [[10, 20], [50, 25]], [[22, 28], [41, 16]])
    >>> try:
    ...     isal.allocate(network, isal.Radio(), clock="synchronous", requirements=0.001, caps=0.1)
    ... except isal.InfeasibleError as error:
    ...     print(str(error).partition(":")[2].partition(":")[0].strip(), error.ratio > 1)
    no powers within the caps and limits meet the requirements True
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
    if isinstance(value, float):  # most are, and to ask for Real takes longer than all else here
        return float(value) if math.isfinite(value) else None
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
