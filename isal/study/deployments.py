"""What a deployment asks, over the values of one setting: least energy, worst target, rough positions, survey errors.

Every answer is certified. Beside it stand the powers of someone who asks for less, and what these reach.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy.optimize import brentq

from isal.allocation.certificate import DEFAULT_TOLERANCE
from isal.allocation.goals import GoalsProblem
from isal.errors import InfeasibleError, IsalError
from isal.model.network import Network
from isal.model.parameters import Clock
from isal.model.places import Ball, Cloud
from isal.model.radio import Radio
from isal.schemes.allocate import allocate
from isal.schemes.robust import robust
from isal.schemes.schedule import DEFAULT_SOLVER, node_caps
from isal.study.axes import BUDGET
from isal.study.store import provenance
from isal.units import DURATION_S

Array = NDArray[np.float64]

#: What an answer may be. ``"infeasible"``: it is proven that no powers within the caps meet the requirements.
STATUSES = ("optimal", "infeasible")

#: Equal powers that meet requirements are sought up to this energy per node, J, and to this share of it.
MOST_J = 1e9
SHARE = 1e-9


class DeploymentError(IsalError):
    """A question that could not be answered or certified; the message names the network and the value."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The values that a question goes through: their dimension in datasets, and their unit and meaning there."""

    dimension: str
    units: str
    long_name: str


#: By the key of the configuration.
SETTINGS = {
    "requirements_m": Setting(dimension="requirement", units="m", long_name="error (RMSE) that no target may exceed"),
    "energies_j": Setting(dimension="energy", units="J", long_name="what the powers may add up to"),
    "sigma_m": Setting(
        dimension="sigma", units="m", long_name="standard deviation of each coordinate of radars and targets"
    ),
    "radius_m": Setting(dimension="radius", units="m", long_name="radius of the balls that radars and targets are in"),
}


@dataclass(frozen=True, eq=False)
class Given:
    """What a question is asked of: ``caps`` in W, infinite where there are none."""

    network: Network
    radio: Radio
    clock: Clock
    caps: Array
    tolerance: float = DEFAULT_TOLERANCE
    solver: str = DEFAULT_SOLVER

    @property
    def options(self) -> dict[str, Any]:
        """Arguments of :func:`isal.allocate` and :func:`isal.robust`."""
        return {
            "clock": self.clock,
            "caps": self.caps,
            "tolerance": self.tolerance,
            "solver": self.solver,
            "require_certified": True,
        }


@dataclass(frozen=True, eq=False, kw_only=True)
class Answer:
    """Powers that answer a question, and those beside them, each of shape ``(2, ...)``.

    ``value`` is what is minimised, ``spebs`` are the targets' squared error bounds, m^2, None where they are of samples.
    No feasible powers reach less than ``lower_bound``; that of ``"infeasible"`` requirements is infinite.
    """

    power: Array
    value: Array
    lower_bound: float
    spebs: Array | None = None
    status: str = "optimal"
    more: Mapping[str, float] | None = None


# --- questions --------------------------------------------------------------------------------------------------------


def least_energy(given: Given, requirement: float) -> Answer:
    """The least energy with which no target's error exceeds a requirement, and what equal powers need for it."""
    n_nodes, n_targets = given.network.n_nodes, given.network.n_targets
    try:
        found = allocate(given.network, given.radio, requirements=requirement, **given.options)
    except InfeasibleError:
        nothing = np.full((2, max(n_nodes, n_targets)), np.nan)
        return Answer(
            power=nothing[:, :n_nodes],
            value=np.full(2, np.inf),
            lower_bound=math.inf,
            spebs=nothing[:, :n_targets],
            status="infeasible",
        )
    power = np.array([found.power, _equal_powers(found.problem, given.caps, found.energy / n_nodes)])
    return Answer(
        power=power,
        value=np.nan_to_num(power.sum(axis=1) * DURATION_S, nan=np.inf),
        lower_bound=found.lower_bound,
        spebs=np.array([_values(found.problem, each) for each in power]),
    )


def _values(problem: GoalsProblem, power: Array) -> Array:
    return problem.values(power) if np.isfinite(power).all() else np.full(len(problem.goals), np.nan)


def _equal_powers(problem: GoalsProblem, caps: Array, least: float) -> Array:
    """Equal powers, up to caps, that just meet requirements; NaN where none do. Less than ``least`` each never does."""

    def missed(level: float) -> float:
        values = problem.values(np.minimum(math.exp(level), caps))
        return math.log(float((values / problem.levels).max()))

    low = high = math.log(least)
    while missed(high) > 0:
        low, high = high, high + 1.0
        if high > math.log(MOST_J):
            return np.full(len(caps), np.nan)
    level = low if low == high else brentq(missed, low, high, xtol=SHARE)
    return np.minimum(math.exp(level), caps)


def worst_target(given: Given, energy: float) -> Answer:
    """Powers for the worst target, and those for the sum over the targets."""
    both = [
        allocate(given.network, given.radio, energy=energy, goals=goals, **given.options)
        for goals in ("worst target", None)
    ]
    spebs = np.array([list(each.values.values()) for each in both])
    return Answer(
        power=np.array([each.power for each in both]),
        value=spebs.max(axis=1),
        lower_bound=both[0].lower_bound,
        spebs=spebs,
    )


def robust_powers(given: Given, off: float, *, ball: bool, energy_j: float, samples: int, seed: int) -> Answer:
    """Powers for positions that are known roughly, and those for the nominal ones, over the same samples."""
    places = Ball if ball else Cloud
    radars = 0.0 if given.network.radars_known else off
    over = places(radars=radars, targets=off, size=samples, seed=seed)
    case = "worst" if ball else "average"
    found = robust(given.network, given.radio, over=over, case=case, energy=energy_j, **given.options)
    return Answer(
        power=np.array([found.power, found.nominal.power]),
        value=np.array([found.value, found.nominal_value]),
        lower_bound=found.lower_bound,
        more={
            "value_of_robustness": found.value_of_robustness,
            "samples": found.n_samples,
            "left_out": found.left_out,
        },
    )


def surveyed(given: Given, sigma: float, *, energy_j: float) -> Answer:
    """Powers for anchors whose coordinates have errors, and those for exact anchors."""
    exact, found = (
        allocate(_with_survey_error(given.network, each), given.radio, energy=energy_j, **given.options)
        for each in (0.0, sigma)
    )
    power = np.array([found.power, exact.power])
    spebs = np.array([found.problem.values(each) for each in power])
    return Answer(
        power=power,
        value=spebs.sum(axis=1),
        lower_bound=found.lower_bound,
        spebs=spebs,
        more={"exact": exact.value},
    )


def _with_survey_error(network: Network, sigma: float) -> Network:
    """The network with that survey error of all anchors, whatever else its installation says."""
    content = network.to_mapping()
    installation = {key: value for key, value in content.pop("installation", {}).items() if key != "survey_error_m"}
    if sigma:
        installation["survey_error_m"] = sigma
    return Network.from_mapping(content | ({"installation": installation} if installation else {}), network.name)


@dataclass(frozen=True)
class Question:
    """How a question is answered, what is minimised, and what the two powers are called.

    ``answer`` takes what is :class:`Given`, a value, and the other settings by name.
    """

    answer: Callable[..., Answer]
    powers: tuple[str, str]
    units: str
    minimised: str


QUESTIONS = {
    "least_energy": Question(least_energy, ("least energy", "equal powers"), "J", "energy"),
    "worst_target": Question(
        worst_target, ("for the worst target", "for the sum"), "m2", "largest squared error bound of a target"
    ),
    "robust": Question(
        robust_powers, ("robust", "nominal"), "m2", "average or largest squared error bound of the samples"
    ),
    "survey_error": Question(
        surveyed, ("for surveyed anchors", "for exact anchors"), "m2", "sum of the targets' squared error bounds"
    ),
}

#: Attributes of what only some questions have.
MORE = {
    "value_of_robustness": {
        "units": "1",
        "long_name": "share that any robust powers can gain over the nominal ones at most, certified",
    },
    "samples": {"units": "1", "long_name": "samples that count"},
    "left_out": {"units": "1", "long_name": "samples left out, with a separation below 1 m"},
    "exact": {"units": "m2", "long_name": "the least value with exact anchors"},
}


# --- datasets ---------------------------------------------------------------------------------------------------------


def along(settings: Mapping[str, Any]) -> tuple[str, Setting]:
    """The key of the values that a question goes through, and what they are."""
    (key,) = (key for key in SETTINGS if key in settings)
    return key, SETTINGS[key]


def answered(
    networks: Mapping[str, Network],
    clocks: tuple[Clock, ...],
    radio: Radio,
    question: str,
    settings: Mapping[str, Any],
    *,
    radar_cap_w: float | None = None,
    anchor_cap_w: float | None = None,
    tolerance: float = DEFAULT_TOLERANCE,
    solver: str = DEFAULT_SOLVER,
) -> xr.Dataset:
    """The answers to a question of :data:`QUESTIONS` for some networks and clock modes.

    Parameters
    ----------
    networks, clocks, radio
        What is measured.
    question, settings
        What is asked, with the settings of :data:`isal.study.config_keys.QUESTIONS`.
    radar_cap_w, anchor_cap_w
        Largest powers, W; None for none but the energy.
    tolerance, solver
        As in :func:`isal.allocate`.

    Returns
    -------
    Dataset over ``network``, ``clock``, the values (:data:`SETTINGS`), ``powers`` (the answer, and what stands beside
    it), ``node`` and ``target``; NaN where a network has fewer of these. See the attributes of its variables.

    Raises
    ------
    DeploymentError
        If an answer can't be found, or misses its certified gap; nothing is kept then.
    """
    asked = QUESTIONS[question]
    key, setting = along(settings)
    others = {name: value for name, value in settings.items() if name != key}
    if question == "robust":
        others["ball"] = key == "radius_m"
    if question == "survey_error":
        setting = replace(setting, dimension="survey_error", long_name="survey error of each coordinate of the anchors")
    answers = []
    for (name, network), clock in itertools.product(networks.items(), clocks):
        caps = node_caps(network, math.inf, radar_cap_w, anchor_cap_w)
        given = Given(network, radio, clock, caps, tolerance, solver)
        for value in settings[key]:
            try:
                answers.append(asked.answer(given, value, **others))
            except IsalError as error:
                where = f"{name}, {clock}, {setting.dimension.replace('_', ' ')} {value:g} {setting.units}"
                raise DeploymentError(
                    f"{where}: {error}. Nothing was stored. Raise 'tolerance', or leave out the network or the value"
                ) from error
    shape = len(networks), len(clocks), len(settings[key])
    dims = "network", "clock", setting.dimension
    nodes = list(dict.fromkeys(label for network in networks.values() for label in network.node_labels))
    targets = [f"target {number + 1}" for number in range(max(network.n_targets for network in networks.values()))]
    per_answer = [network for network in networks.values() for _ in range(shape[1] * shape[2])]

    def gathered(parts: list[Any]) -> Array:
        found = np.array(parts)
        return found.reshape(*shape, *found.shape[1:])

    powers = [
        pd.DataFrame(each.power, columns=network.node_labels).reindex(columns=nodes).to_numpy()
        for each, network in zip(answers, per_answer, strict=True)
    ]
    value, bound = gathered([each.value for each in answers]), gathered([each.lower_bound for each in answers])
    feasible = np.isfinite(bound)
    with np.errstate(invalid="ignore"):
        gap = np.where(feasible, np.maximum(1 - bound / value[..., 0], 0.0), np.nan)
    variables: dict[str, Any] = {
        "value": ((*dims, "powers"), value, {"units": asked.units, "long_name": asked.minimised}),
        "lower_bound": (dims, bound, {"units": asked.units, "long_name": "no powers reach a smaller value"}),
        "gap": (dims, gap, {"units": "1", "long_name": "certified relative gap of the answer"}),
        "status": (
            dims,
            gathered([STATUSES.index(each.status) for each in answers]).astype("i1"),
            {
                "long_name": "what is known of the answer",
                "flag_values": np.arange(len(STATUSES), dtype="i1"),
                "flag_meanings": " ".join(STATUSES),
            },
        ),
        "power": ((*dims, "powers", "node"), gathered(powers), {"units": "W", "long_name": "transmit power"}),
    }
    if answers[0].spebs is not None:
        spebs = [
            np.pad(each.spebs, ((0, 0), (0, len(targets) - each.spebs.shape[1])), constant_values=np.nan)
            for each in answers
            if each.spebs is not None
        ]
        told = {"units": "m2", "long_name": "squared position error bound of a target"}
        variables["speb"] = ((*dims, "powers", "target"), gathered(spebs), told)
    for more in answers[0].more or {}:
        variables[more] = (dims, gathered([(each.more or {})[more] for each in answers]), MORE[more])
    caps_w = {"radar_cap_w": radar_cap_w, "anchor_cap_w": anchor_cap_w}
    told = radio.to_mapping() | {each: BUDGET if cap is None else cap for each, cap in caps_w.items()}
    return xr.Dataset(
        variables,
        coords={
            "network": ("network", list(networks), {"long_name": "network"}),
            "clock": ("clock", list(clocks), {"long_name": "clock mode"}),
            setting.dimension: (
                setting.dimension,
                np.array(settings[key], dtype=float),
                {"units": setting.units, "long_name": setting.long_name},
            ),
            "powers": ("powers", list(asked.powers), {"long_name": "the answer, and the powers beside it"}),
            "node": ("node", nodes, {"long_name": "node"}),
            **({"target": ("target", targets, {"long_name": "target"})} if "speb" in variables else {}),
        },
        attrs={
            "title": f"what a deployment asks: {question.replace('_', ' ')}",
            "question": question,
            "along": setting.dimension,
            **{name: value for name, value in others.items() if name != "ball"},
            "settings": json.dumps(told),
            "tolerance": tolerance,
            "solver": solver,
        }
        | provenance.networks((name, [network]) for name, network in networks.items()),
    )


# --- tables -----------------------------------------------------------------------------------------------------------


def table(dataset: xr.Dataset) -> tuple[pd.DataFrame, str]:
    """A row per network, clock mode and value: what the answer and the powers beside it reach.

    Roots of squared errors are given, m, and ratios of what is minimised itself.

    Returns
    -------
    The table, and what is to be said of it.
    """
    answer, beside = dataset.powers.values
    told = f"The best powers ({answer}), beside others ({beside}); ratios are of what is minimised: "
    return pd.DataFrame(list(_rows(dataset))), f"{told}{dataset.value.attrs['long_name']}."


def _rows(dataset: xr.Dataset) -> Iterator[dict[str, Any]]:
    setting = dataset[dataset.attrs["along"]]
    squared = dataset.value.attrs["units"] == "m2"
    what, unit, root = ("RMSE", "m", 0.5) if squared else ("energy", "J", 1.0)
    for network, clock, value in itertools.product(dataset.network.values, dataset.clock.values, setting.values):
        at = dataset.sel({"network": network, "clock": clock, setting.name: value})
        best, other = at.value.values
        row = {
            "network": network,
            "clock": clock,
            f"{setting.name.replace('_', ' ')} ({setting.attrs['units']})": value,
            f"{what} ({unit})": best**root,
            f"beside ({unit})": other**root,
            "beside over best": other / best if math.isfinite(best) else math.nan,
        }
        if "exact" in dataset:
            row["over exact anchors"] = best / float(at.exact)
        if "value_of_robustness" in dataset:
            row["value of robustness"] = float(at.value_of_robustness)
            row |= {name.replace("_", " "): int(at[name]) for name in ("samples", "left_out")}
        if dataset.attrs["question"] == "worst_target":
            sums = at.speb.sum("target").values
            row["sum over least"] = sums[0] / sums[1]
        yield row | {"gap": float(at.gap), "status": STATUSES[int(at.status)]}
