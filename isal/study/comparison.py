"""Do independent solvers agree? The allocation problems behind a sample of points, solved by each.

Compared are problems, not schemes: a later step inherits the earlier step's powers, so the problems of every step are
taken from one solution and each solver solves exactly these. Of a step that is no convex problem that is the convex one
which bounds it from below (:class:`isal.schemes.schedule.StepResult`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from isal.allocation.problem import AllocationProblem
from isal.allocation.solvers import cvxpy_paper, interior_point, scs_sdp
from isal.errors import AllocationError
from isal.study.axes import axes_of
from isal.study.points import Point, PointError, solve_all
from isal.study.store import provenance

#: Asked of every solver that can be asked.
TOLERANCE = 1e-9

#: What a solver says of one problem: value, lower bound (m^2), seconds, whether the solver itself reports "optimal" and
#: the optimum that it reports (m^2); the last two are NaN for a solver that reports nothing but its certificate.
Outcome = tuple[float, float, float, float, float]
FIELDS = {
    "value": {"units": "m2", "long_name": "value of the powers found"},
    "lower_bound": {"units": "m2", "long_name": "certified lower bound"},
    "seconds": {"units": "s", "long_name": "time that the solver took"},
    "reported_optimal": {
        "units": "1",
        "long_name": "1 where the solver itself reports an optimum, 0 where it does not",
    },
    "reported_value": {"units": "m2", "long_name": "optimum that the solver itself reports"},
}

#: Coordinate -> its attributes, besides those of axes.
COORDINATES = {
    "solver": {"long_name": "solver"},
    "fingerprint": {"long_name": "digest of all that the problem's comparison depends on"},
    "label": {"long_name": "name of the point that the problem is of"},
    "step": {"long_name": "block of parameters whose bound the problem minimises"},
}

Solve = Callable[[Sequence[AllocationProblem]], list[Outcome]]


def _interior_point(problems: Sequence[AllocationProblem]) -> list[Outcome]:
    found = interior_point.solve_all(problems, [TOLERANCE] * len(problems))
    return [
        FAILED if isinstance(each, AllocationError) else (each.value, each.lower_bound, each.seconds, np.nan, np.nan)
        for each in found
    ]


def _scs(problems: Sequence[AllocationProblem]) -> list[Outcome]:
    outcomes = []
    for problem in problems:
        try:
            each = scs_sdp.solve(problem, TOLERANCE)
        except AllocationError:
            outcomes.append(FAILED)
            continue
        outcomes.append((each.value, each.lower_bound, each.seconds, np.nan, np.nan))
    return outcomes


def _cvxpy(solver: str, **settings: Any) -> Solve:
    def solve(problems: Sequence[AllocationProblem]) -> list[Outcome]:
        outcomes = []
        for problem in problems:
            try:
                each, said = cvxpy_paper.solve_reported(problem, TOLERANCE, solver, **settings)
            except AllocationError:
                outcomes.append(FAILED)
                continue
            claimed = float(said.status == "optimal")
            outcomes.append((each.value, each.lower_bound, each.seconds, claimed, said.value))
        return outcomes

    return solve


#: A solver that gives up.
FAILED: Outcome = (np.inf, 0.0, np.nan, 0.0, np.nan)

#: The solvers compared. The last two solve the paper's program as it stands, in metres and with the solver's own
#: settings, but for SCS's 100,000 iterations, which take seconds and do not help.
COMPARED: dict[str, Solve] = {
    "interior-point": _interior_point,
    "scs": _scs,
    "cvxpy, Clarabel": _cvxpy("CLARABEL"),
    "as printed, Clarabel": _cvxpy("CLARABEL", unit_m=1.0, options={}),
    "as printed, SCS": _cvxpy("SCS", unit_m=1.0, options={"max_iters": 10_000}),
}


def compare(points: Mapping[str, Point], known: xr.Dataset | None = None, axes: Collection[str] = ()) -> xr.Dataset:
    """Every solver on the problem of every step of every point.

    Parameters
    ----------
    points
        By a fingerprint of all that their comparison depends on.
    known
        An earlier comparison: points whose fingerprint it has are taken from there, whatever else it has.
    axes
        Names of the axes that are told of each problem; those that every study has may be left out.

    Returns
    -------
    Dataset with the dimensions ``problem`` and ``solver``: ``value``, ``lower_bound`` (m^2), ``seconds``,
    ``reported_optimal`` and ``reported_value`` (m^2) of each; and of each problem what it minimises (``step``) and
    of which point it is: ``fingerprint``, ``label``, and the values along the axes.

    Raises
    ------
    PointError
        If a point can't be solved at all.
    """
    earlier = [] if known is None or "fingerprint" not in known.coords else known.fingerprint.values.tolist()
    new = {fingerprint: point for fingerprint, point in points.items() if fingerprint not in earlier}
    exact = [replace(point, solver=interior_point.NAME, tolerance=TOLERANCE) for point in new.values()]
    of_problem: list[tuple[str, str]] = []  # fingerprint of its point, what it minimises
    problems: list[AllocationProblem] = []
    for fingerprint, result in zip(new, solve_all(exact), strict=True):
        if isinstance(result, PointError):
            raise result
        for slot in result.slots:
            for step in slot.steps:
                problems.append(step.problem)
                of_problem.append((fingerprint, step.block))
    found = [solve(problems) if problems else [] for solve in COMPARED.values()]
    outcomes = np.reshape(found, (len(COMPARED), len(problems), len(FIELDS)))
    if known is not None and (again := [number for number, each in enumerate(earlier) if each in points]):
        kept = known.sel(solver=list(COMPARED)).isel(problem=again)
        of_problem += zip(kept.fingerprint.values.tolist(), kept.step.values.tolist(), strict=True)
        outcome = kept[list(FIELDS)].to_array("field").transpose("solver", "problem", "field")
        outcomes = np.concatenate([outcomes, outcome.values], axis=1)
    turn = {fingerprint: number for number, fingerprint in enumerate(points)}
    order = sorted(range(len(of_problem)), key=lambda number: turn[of_problem[number][0]])
    ordered = [(*of_problem[number], points[of_problem[number][0]]) for number in order]
    coordinates: dict[str, list[Any]] = {
        "fingerprint": [fingerprint for fingerprint, _, _ in ordered],
        "label": [point.label for _, _, point in ordered],
        **{axis.name: [axis.value(point) for _, _, point in ordered] for axis in axes_of(axes, "split")},
        "step": [step for _, step, _ in ordered],
    }
    described = COORDINATES | {axis.name: axis.attributes for axis in axes_of(axes, "split")}
    told = provenance.of_points(replace(point, tolerance=TOLERANCE) for point in points.values())
    return xr.Dataset(
        {
            field: (("solver", "problem"), outcomes[:, order, number], attributes)
            for number, (field, attributes) in enumerate(FIELDS.items())
        },
        coords={"solver": ("solver", list(COMPARED), COORDINATES["solver"])}
        | {name: ("problem", values, described[name]) for name, values in coordinates.items()},
        attrs={"title": "independent solvers of the same problems"}
        # it compares solvers, whatever the points are solved with
        | {name: value for name, value in told.items() if name != "solver"},
    )
