"""Bad input is an IsalError, and nothing else counts as a problem that can't be solved."""

from pathlib import Path

import numpy as np
import pytest

import isal
from isal import IsalError
from isal.allocation import solvers
from isal.allocation.solvers import cvxpy_paper
from isal.model.pulse import named
from isal.schemes import step_by_step
from isal.study import points, sources
from isal.study.points import Point
from isal.validation import clocks, delay, double_counting, links, logs, statistics

NETWORK = isal.Network(anchors=[[0, 0], [100, 0]], radars=[[40, 30], [60, 45]], targets=[[50, 60]])
PROBLEM = isal.AllocationProblem(np.zeros((2, 2)), [np.diag([1.0, 0.0]), np.diag([0.0, 1.0])], [0, 1], 1.0)
RADIO = isal.Radio()

#: What is unusable as any argument below, but see :func:`usable`.
NEVER = (
    *(-1, float("nan"), 10**400, 1j, True, "text", object(), {}, [], [-1, 1], [1, "a"], [None] * 3, [[1, 2], [3]]),
    *(np.array(3.0), np.ma.masked_array([1.0, 2.0], [0, 1]), [NETWORK, None]),
)
COMMON = {"radio": RADIO, "clock": "synchronous", "solver": "interior-point", "tolerance": 1e-6, "caps": 1.0}
#: Function -> arguments that do.
CALLS = [
    (isal.Radio, RADIO.to_mapping()),
    (isal.information, {"network": NETWORK, "radio": RADIO, "clock": "synchronous"}),
    (isal.spebs, {"network": NETWORK, "radio": RADIO, "clock": "synchronous", "power": np.ones(4)}),
    (isal.integrated, {"network": NETWORK, "energy": 1.0} | COMMON),
    (isal.integrated, {"network": [NETWORK] * 2, "energies": [1.0, 1.0]} | COMMON),
    (isal.allocate, {"network": NETWORK, "goals": "worst target", "energy": 1.0, "limits": {"radars": 0.5}} | COMMON),
    (isal.allocate, {"network": NETWORK, "requirements": 1.0} | COMMON),
    (isal.step_by_step, {"network": NETWORK, "energies": [1.0, 1.0], "carry": "held"} | COMMON),
    (isal.step_by_step, {"network": [NETWORK] * 2, "energies": [[1.0, 1.0]] * 2, "carry": "held"} | COMMON),
    (isal.best_split, {"network": NETWORK, "energy": 1.0, "scheme": "step-by-step", "carry": "held"} | COMMON),
    (isal.best_split, {"network": [NETWORK] * 2, "energy": 1.0, "scheme": "integrated", "carry": "held"} | COMMON),
    (
        isal.AllocationProblem,
        {"constant": np.zeros((2, 2)), "per_watt": PROBLEM.per_watt, "objective": [0, 1], "energy": 1.0, "caps": 1.0},
    ),
    (isal.lower_bound, {"problem": PROBLEM, "power": [0.5, 0.5]}),
    (solvers.solve, {"problem": PROBLEM, "solver": "interior-point", "tolerance": 1e-6}),
]
IN_DECIBELS = ("antenna_gain_db", "noise_density_dbm_hz", "system_loss_db")


def usable(function, name, value):
    """Whether a value of NEVER is good for this argument after all."""
    if name in IN_DECIBELS:
        return isinstance(value, int) and value == -1
    if name == "caps":
        return isinstance(value, np.ndarray) and value.ndim == 0
    if name == "limits":
        return isinstance(value, dict)
    return function is isal.lower_bound and isinstance(value, list) and value == [-1, 1]


@pytest.mark.parametrize(
    ("function", "arguments", "name"),
    [
        pytest.param(function, arguments, name, id=f"{number} {function.__name__} {name}")
        for number, (function, arguments) in enumerate(CALLS)
        for name in arguments
    ],
)
def test_every_bad_argument_is_an_isal_error(function, arguments, name):
    function(**arguments)
    for value in NEVER:
        if not usable(function, name, value):
            with pytest.raises(IsalError):
                function(**{**arguments, name: value})


@pytest.mark.parametrize("group", ["anchors", "radars", "targets"])
@pytest.mark.parametrize("value", [value for value in NEVER if not (isinstance(value, list) and not value)])
def test_every_bad_position_is_an_isal_error(group, value):
    nodes = {"anchors": NETWORK.anchors, "radars": NETWORK.radars, "targets": NETWORK.targets}
    with pytest.raises(IsalError, match=group):
        isal.Network(**{**nodes, group: value})


INFORMATION = isal.information(NETWORK, RADIO, "synchronous")


@pytest.mark.parametrize(
    "call",
    [
        lambda: isal.Radio(pulse="round"),
        lambda: solvers.solver_module("magic"),
        lambda: cvxpy_paper.version("magic"),
        lambda: statistics.level_of_each(0),
        lambda: delay.threshold_snr(named("flat"), 10.0, "with_candidate"),
        lambda: links.usable(INFORMATION, np.ones(4), -1.0),
        lambda: links.shares(INFORMATION, np.ones(3), "targets"),
        lambda: double_counting.double_counting([NETWORK], RADIO, energies=[1.0]),
        lambda: clocks.LinkSetup(jittering="seldom"),
        lambda: logs.read_static("no/such/folder"),
        lambda: sources.read(Path("no/such/file.yaml")),
    ],
)
def test_errors_of_other_modules_are_isal_errors(call):
    with pytest.raises(IsalError):
        call()


def test_a_bug_is_no_point_that_cannot_be_solved(monkeypatch):
    point = Point((NETWORK,), RADIO, "synchronous", "step-by-step-held", (1, 1), None, None, 1e-6, "interior-point")

    def broken(*arguments):
        return np.ones(2) + np.ones(3)

    monkeypatch.setattr(step_by_step, "step_problem", broken)
    for job in (
        lambda: points.solve_all([point]),
        lambda: points.solve_all([point.at_best()]),
    ):
        with pytest.raises(ValueError, match="could not be broadcast") as raised:
            job()
        assert not isinstance(raised.value, IsalError)
        assert raised.traceback[-1].name == "broken"
