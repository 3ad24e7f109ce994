"""What a deployment asks, over the values of one setting: least energy, worst target, rough positions, survey errors.

Every answer is certified. Beside it stand the powers of someone who asks for less, and what these reach.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
from isal.schemes.robust import Case, robust
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

#: That of ``sigma_m`` in the question of that name.
SURVEY_ERROR = Setting(dimension="survey_error", units="m", long_name="survey error of each coordinate of the anchors")


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

    ``value`` is what is minimised, ``spebs`` are the targets' squared error bounds, m^2, None where they are of
    samples, ``more`` is what only this question has. No feasible powers reach less than ``lower_bound``; that of
    ``"infeasible"`` requirements is infinite.
    """

    power: Array
    value: Array
    lower_bound: float
    spebs: Array | None = None
    status: str = "optimal"
    more: Mapping[str, float] = field(default_factory=dict)


# --- questions --------------------------------------------------------------------------------------------------------


def least_energy(given: Given, along: str, requirement: float) -> Answer:
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
    most = np.where(given.network.installation.transmits(given.network), given.caps, 0.0)
    power = np.array([found.power, _equal_powers(found.problem, most, found.energy / n_nodes)])
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


def worst_target(given: Given, along: str, energy: float) -> Answer:
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


#: What roughly known positions are, and what counts over their samples, by the key of the configuration.
PLACES: Mapping[str, tuple[type[Ball] | type[Cloud], Case]] = {
    "sigma_m": (Cloud, "average"),
    "radius_m": (Ball, "worst"),
}


def robust_powers(given: Given, along: str, off: float, *, energy_j: float, samples: int, seed: int) -> Answer:
    """Powers for positions that are known roughly, and those for the nominal ones, over the same samples."""
    radars = 0.0 if given.network.radars_known else off
    places, case = PLACES[along]
    over = places(radars=radars, targets=off, size=samples, seed=seed)
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


def surveyed(given: Given, along: str, sigma: float, *, energy_j: float) -> Answer:
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
    """The network with that survey error of all anchors, whatever its installation says of them."""
    return replace(network, installation=replace(network.installation, survey_error_m=sigma))


@dataclass(frozen=True)
class Question:
    """How a question is answered, what is minimised, and what the two powers are called.

    ``answer`` takes what is :class:`Given`, the key of the values, one of them, and the other settings by name.
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


def answered(
    networks: Mapping[str, Network],
    clocks: Sequence[Clock],
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

    Examples
    --------
    >>> import isal
    >>> from isal.study.deployments import answered
    >>> network = isal.Network([[0, 0], [60, 0], [60, 40]], [[10, 20], [50, 25]], [[22, 28], [41, 16]])
    >>> settings = {"requirements_m": (0.05, 0.1)}
    >>> found = answered({"hall": network}, ["synchronous"], isal.Radio(), "least_energy", settings)
    >>> found.value.sel(network="hall", clock="synchronous", powers="least energy").values.round(4).tolist()
    [0.1601, 0.04]
    """
    (along,) = (key for key in SETTINGS if key in settings)
    setting = SETTINGS[along]
    if question == "survey_error":
        setting = SURVEY_ERROR
    others = {key: value for key, value in settings.items() if key != along}
    caps = {name: node_caps(each, math.inf, radar_cap_w, anchor_cap_w) for name, each in networks.items()}
    answers = []
    for name, clock, value in itertools.product(networks, clocks, settings[along]):
        given = Given(networks[name], radio, clock, caps[name], tolerance, solver)
        try:
            answers.append(QUESTIONS[question].answer(given, along, value, **others))
        except IsalError as error:
            raise DeploymentError(
                f"{name}, {clock}, {setting.dimension.replace('_', ' ')} {value:g} {setting.units}: {error}. Nothing "
                "was stored. Raise 'tolerance', or leave out the network or the value"
            ) from error
    shape = len(networks), len(clocks), len(settings[along])
    dimensions = "network", "clock", setting.dimension
    coordinates = {
        "network": ("network", list(networks), {"long_name": "network"}),
        "clock": ("clock", list(clocks), {"long_name": "clock mode"}),
        setting.dimension: (
            setting.dimension,
            np.array(settings[along], dtype=float),
            {"units": setting.units, "long_name": setting.long_name},
        ),
    }
    caps_w = {"radar_cap_w": radar_cap_w, "anchor_cap_w": anchor_cap_w}
    told = radio.to_mapping() | {key: BUDGET if cap is None else cap for key, cap in caps_w.items()}
    attributes = {
        "title": f"what a deployment asks: {question.replace('_', ' ')}",
        "question": question,
        "along": setting.dimension,
        **others,
        "settings": json.dumps(told),
        "tolerance": tolerance,
        "solver": solver,
    }
    attributes |= provenance.networks((name, [network]) for name, network in networks.items())
    return xr.Dataset(
        {
            name: ((*dimensions, *inner), values.reshape(*shape, *values.shape[1:]), attrs)
            for name, (inner, values, attrs) in _variables(QUESTIONS[question], answers, networks).items()
        },
        coordinates | _inner_coordinates(QUESTIONS[question], answers, networks),
        attributes,
    )


#: Dimensions besides those of the answers, values with the answers along the first axis, and attributes.
Variables = dict[str, tuple[tuple[str, ...], NDArray[Any], dict[str, Any]]]


def _variables(asked: Question, answers: Sequence[Answer], networks: Mapping[str, Network]) -> Variables:
    value, bound = np.array([each.value for each in answers]), np.array([each.lower_bound for each in answers])
    with np.errstate(invalid="ignore"):  # of what is infeasible
        gap = np.maximum(1 - bound / value[:, 0], 0.0)
    status = np.array([STATUSES.index(each.status) for each in answers], dtype="i1")
    nodes, targets = _nodes(networks), _targets(networks)
    each_network = [network for network in networks.values() for _ in range(len(answers) // len(networks))]
    power = np.full((len(answers), len(asked.powers), len(nodes)), np.nan)
    speb = np.full((len(answers), len(asked.powers), len(targets)), np.nan)
    for number, (answer, network) in enumerate(zip(answers, each_network, strict=True)):
        power[number][:, [nodes.index(label) for label in network.node_labels]] = answer.power
        if answer.spebs is not None:
            speb[number, :, : network.n_targets] = answer.spebs
    flags = {"flag_values": np.arange(len(STATUSES), dtype="i1"), "flag_meanings": " ".join(STATUSES)}
    found: Variables = {
        "value": (("powers",), value, {"units": asked.units, "long_name": asked.minimised}),
        "lower_bound": ((), bound, {"units": asked.units, "long_name": "no powers reach a smaller value"}),
        "gap": ((), gap, {"units": "1", "long_name": "certified relative gap of the answer"}),
        "status": ((), status, {"long_name": "what is known of the answer", **flags}),
        "power": (("powers", "node"), power, {"units": "W", "long_name": "transmit power"}),
    }
    if answers[0].spebs is not None:
        told = {"units": "m2", "long_name": "squared position error bound of a target"}
        found["speb"] = (("powers", "target"), speb, told)
    return found | {name: ((), np.array([each.more[name] for each in answers]), MORE[name]) for name in answers[0].more}


def _inner_coordinates(asked: Question, answers: Sequence[Answer], networks: Mapping[str, Network]) -> dict[str, Any]:
    found = {
        "powers": ("powers", list(asked.powers), {"long_name": "the answer, and the powers beside it"}),
        "node": ("node", _nodes(networks), {"long_name": "node"}),
    }
    if answers[0].spebs is not None:
        found["target"] = ("target", _targets(networks), {"long_name": "target"})
    return found


def _nodes(networks: Mapping[str, Network]) -> list[str]:
    return list(dict.fromkeys(label for network in networks.values() for label in network.node_labels))


def _targets(networks: Mapping[str, Network]) -> list[str]:
    return [f"target {number + 1}" for number in range(max(network.n_targets for network in networks.values()))]


# --- tables -----------------------------------------------------------------------------------------------------------


def table(dataset: xr.Dataset) -> tuple[pd.DataFrame, str]:
    """A row per network, clock mode and value: what the answer and the powers beside it reach.

    Roots of squared errors are given, m, and ratios of what is minimised itself.

    Returns
    -------
    The table, and what is to be said of it.
    """
    answer, beside = dataset.powers.values
    roots = ", as its root" if dataset.value.attrs["units"] == "m2" else ""
    told = (
        f"What the best powers ({answer}) reach, beside others ({beside}): {dataset.value.attrs['long_name']}{roots}. "
        "Ratios are of what is minimised itself."
    )
    return pd.DataFrame(list(_rows(dataset))), told


def _rows(dataset: xr.Dataset) -> Iterator[dict[str, Any]]:
    setting = dataset[dataset.attrs["along"]]
    squared = dataset.value.attrs["units"] == "m2"
    unit, root = ("m", 0.5) if squared else ("J", 1.0)
    for network, clock, value in itertools.product(dataset.network.values, dataset.clock.values, setting.values):
        at = dataset.sel({"network": network, "clock": clock, setting.name: value})
        best, other = at.value.values
        row = {
            "network": network,
            "clock": clock,
            f"{setting.name.replace('_', ' ')} ({setting.attrs['units']})": value,
            f"best ({unit})": best**root,
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
