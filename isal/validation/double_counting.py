"""What happens when the exchange RLM-OWR is added to information that holds its links already.

The exchange *is* the pair of one-way links (m, n) and (n, m): half their difference is ``tau_a``, half their sum the
range, and (24) holds both links in each slot. Step (6) makes a drift of two such offsets. Taken as a measurement of its
own, as ``T_tau`` with ``rho^2 = 2 sigma_t^2 / dt^2``, it counts the same stamps twice; taken for what it is, it says
nothing: with a drift that is unknown beforehand the second offset is a free parameter again, and the slots' clocks
decouple. Real temporal cooperation is what is known of the drift *without* this pair of slots.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isal.errors import IsalError
from isal.knowledge import Knowledge
from isal.model import temporal
from isal.model.information import Information, refuse_nuisances
from isal.model.network import Network
from isal.model.radio import Radio
from isal.schemes.integrated import integrated
from isal.schemes.schedule import slot_informations
from isal.units import DURATION_S
from isal.validation.clocks import DW1000_JITTER_S, drift_variance

#: A variance of k so large that clocks of neighbouring slots have nothing to do with each other.
DECOUPLED = 1e30

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DoubleCounting:
    """Target SPEBs of a schedule, m^2, each of shape ``(n_slots,)``, with three values of rho^2 at the same powers.

    ``decoupled_m2`` is the honest bound of the links, ``prior_m2`` has the radio's own drift variance, ``exchange_m2``
    that of the exchange. Filtered (slots so far) and, in the fields ``smoothed_``, with all slots. ``power`` is in W,
    shape ``(n_slots, n_nodes)``, ``exchange_variance`` the rho^2 of the exchange.
    """

    power: Array
    exchange_variance: float
    decoupled_m2: Array
    prior_m2: Array
    exchange_m2: Array
    smoothed_decoupled_m2: Array
    smoothed_prior_m2: Array
    smoothed_exchange_m2: Array

    @property
    def gain(self) -> Array:
        """``1 - exchange / decoupled`` of each slot, filtered: how much too good double counting makes the bound."""
        return np.asarray(1 - self.exchange_m2 / self.decoupled_m2)

    @property
    def smoothed_gain(self) -> Array:
        """:attr:`gain` with all slots."""
        return np.asarray(1 - self.smoothed_exchange_m2 / self.smoothed_decoupled_m2)


def double_counting(
    networks: Sequence[Network],
    radio: Radio,
    *,
    energies: Sequence[float] | None = None,
    power: ArrayLike | None = None,
    jitter_s: float = DW1000_JITTER_S,
) -> DoubleCounting:
    """By how much the exchange, counted beside its own links, changes the target SPEBs of an asynchronous schedule.

    Parameters
    ----------
    networks, radio
        The slots, in time order, at least two, and the radio whose ``drift_variance`` is the prior's.
    energies, power
        One of them: node powers in W, shape ``(n_slots, n_nodes)``, radars first, or the slots' energies in J, whose
        integrated optimum is taken.
    jitter_s
        Standard deviation of a stamp, s; the exchange then has ``rho^2 = 2 sigma_t^2 / dt^2``.

    Raises
    ------
    IsalError
        If there are fewer than two slots, no target, or not exactly one of ``energies`` and ``power``.
    """
    if len(networks) < 2:
        raise IsalError("double counting needs at least two slots; give the networks of a schedule")
    if networks[0].n_targets == 0:
        raise IsalError(f"{networks[0].name}: no target whose bound could change; give one")
    if (energies is None) == (power is None):
        raise IsalError("give either the slots' energies or the nodes' powers")
    if energies is not None:
        result = integrated(networks, radio, clock="asynchronous", energies=energies)
        watts = np.array([slot.power for slot in result.slots])
    else:
        watts = np.asarray(power, dtype=float)
    informations = slot_informations(networks, radio, "asynchronous")
    refuse_nuisances(informations[0], "double counting")
    if watts.ndim != 2 or len(watts) != len(informations):
        raise IsalError(f"power needs one row of node powers per slot, {len(informations)}; got shape {watts.shape}")
    exchanged = float(drift_variance(jitter_s, DURATION_S))
    bounds = [
        target_spebs([replace(slot, radio=replace(radio, drift_variance=variance)) for slot in informations], watts)
        for variance in (DECOUPLED, radio.drift_variance, exchanged)
    ]
    filtered, smoothed = zip(*bounds, strict=True)
    return DoubleCounting(watts, exchanged, *filtered, *smoothed)


def target_spebs(informations: Sequence[Information], power: Array) -> tuple[Array, Array]:
    """Filtered and smoothed target SPEBs of a schedule's slots at given powers, m^2, each of shape ``(n_slots,)``."""
    measured = [slot.measured(watts) for slot, watts in zip(informations, power, strict=True)]
    own = [temporal.knowledge(slot, known) for slot, known in zip(informations, measured, strict=True)]
    # what earlier slots say of each one
    said = [Knowledge.nothing(len(own[0]))]
    for slot, known in zip(informations[:-1], own[:-1], strict=True):
        said.append(temporal.message(known + said[-1], temporal.coupling(slot)))
    filtered = [
        known + temporal.embedded(slot, prior) for slot, known, prior in zip(informations, measured, said, strict=True)
    ]
    later = temporal.from_later_slots(informations, own[1:])
    targets = informations[0].basis.indices(["targets"])
    return (
        np.array([known.speb(targets) for known in filtered]),
        np.array([(known + after).speb(targets) for known, after in zip(filtered, later, strict=True)]),
    )
