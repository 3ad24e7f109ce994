"""Fisher information of one slot as a function of the node powers, and the SPEBs that follow from it (Section 3).

It is linear in the powers unless time stamps jitter (:mod:`isal.model.floor`): then it is concave.

A row of the Jacobian is ``c`` times the derivative of a delay and all parameters are in metres, so the information has
units 1/m^2 throughout and stays well conditioned.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isal.errors import IsalError, NetworkError
from isal.knowledge import Knowledge
from isal.matrices import LARGEST_DENSE, DenseStack, Rows, SparseStack, Stack, at_power
from isal.model.floor import LimitedLinks, limited
from isal.model.links import Links, network_links
from isal.model.network import Network, real_numbers
from isal.model.observability import refuse_unobservable
from isal.model.parameters import BLOCKS, Basis, Block, Clock, parameter_basis
from isal.model.radio import Radio

T = TypeVar("T")


@dataclass(frozen=True, eq=False, repr=False)
class Information:
    """Fisher information of one slot as a function of the node powers: ``I(p) = sum_m p_m A_m`` without jitter.

    Examples
    --------
    >>> import isal
    >>> network = isal.Network(anchors=[[20, 180], [180, 180]], radars=[[45, 71], [91, 65]], targets=[[65, 45]])
    >>> info = isal.information(network, isal.Radio(), clock="asynchronous")
    >>> info
    Information of 'network', asynchronous: 26 links about parameters 4 of radars, 2 of clocks, 2 of targets
    >>> info.blocks["targets"], info.matrix(power=[5, 5, 0, 0]).shape
    (slice(6, 8, None), (8, 8))
    """

    network: Network
    radio: Radio
    clock: Clock
    basis: Basis
    links: Links

    def __repr__(self) -> str:
        blocks = ", ".join(f"{each.stop - each.start} of {block}" for block, each in self.blocks.items())
        return f"Information of {self.network.name!r}, {self.clock}: {len(self.links)} links about parameters {blocks}"

    @property
    def blocks(self) -> dict[Block, slice]:
        """Slices of the blocks that this network has, in the order radars, clocks, targets."""
        return self.basis.blocks

    def once(self, make: Callable[..., T], *arguments: Hashable) -> T:
        """``make(information, *arguments)``, made at the first call and kept.

        It is for what follows from the information alone, and so is the same for all energies.
        """
        key = make, *arguments
        if key not in self._made:
            self._made[key] = make(self, *arguments)
        made: T = self._made[key]
        return made

    @cached_property
    def _made(self) -> dict[Any, Any]:
        return {}

    @cached_property
    def nothing(self) -> Knowledge:
        """No knowledge of any of the parameters."""
        return Knowledge.nothing(self.basis.size)

    @cached_property
    def prior(self) -> Knowledge:
        """What is known before any link measures: nothing but of anchors with survey errors and biases of links."""
        return self.basis.prior() if self.basis.nuisances else self.nothing

    @cached_property
    def stack(self) -> Stack:
        """``A_m``: information per watt of each node, 1/(m^2 W), kept sparse where that is smaller.

        With jitter that is what a node's first watts tell; ask for :meth:`measured` at other powers.
        """
        return self.weighted(self.links.intensity)

    def weighted(self, weight: NDArray[np.float64]) -> Stack:
        """``sum_l w_l j_l' j_l`` over the links l of each node, for a weight of each link, not negative."""
        n, d = self.network.n_nodes, self.basis.size
        if n * d * d <= LARGEST_DENSE:
            rows = Rows(self.links.rows * np.sqrt(weight)[:, None], self.links.transmitter)
            matrices = rows.products(n)
            matrices.setflags(write=False)
            squares = np.zeros((1, n, 2, d))
            np.add.at(squares[0, :, 0], rows.node, self.links.squares * weight[:, None])
            return DenseStack(matrices[None], squares, [rows])
        from scipy.sparse import csr_array, vstack

        pointers = np.arange(0, self.links.columns.size + 1, self.links.columns.shape[1])
        entries = self.links.entries * np.sqrt(weight)[:, None]
        sparse, magnitudes = (
            csr_array((each.ravel(), self.links.columns.ravel(), pointers), shape=(len(self.links), d), copy=True)
            for each in (entries, np.abs(entries))
        )
        magnitudes.sum_duplicates()
        own = [self.links.transmitter == node for node in range(n)]
        squares = np.zeros((1, n, 2, d))
        squares[0, :, 0] = [magnitudes[links].power(2).sum(axis=0) for links in own]
        products = [sparse[links].T @ sparse[links] for links in own]
        return SparseStack(vstack(products, format="csr"), n, squares)

    @cached_property
    def ranging(self) -> Information:
        """What the ranging links alone tell, about the same parameters: nothing about targets."""
        return replace(self, links=self.links.only(~self.links.is_sensing))

    @property
    def node_matrices(self) -> NDArray[np.float64]:
        """``A_m``: :attr:`stack` as an array, 1/(m^2 W), shape ``(n_nodes, n_parameters, n_parameters)``."""
        return self.stack.dense()[0]

    def matrix(self, power: ArrayLike) -> NDArray[np.float64]:
        """``I(p)`` of (18) or (23), 1/m^2, shape ``(n_parameters, n_parameters)``; ``power`` in W, radars first.

        Raises
        ------
        IsalError
            If the power vector has the wrong length, or an entry is negative or not finite.
        """
        watts = checked_power(power, self.network)
        if self.jitters:
            return self.weighted(self.link_information(watts)).combine(np.ones((1, len(watts))))[0]
        return self.stack.combine(watts[None])[0]

    def measured(self, power: ArrayLike, known: NDArray[np.intp] | None = None) -> Knowledge:
        """What the slot's links tell at the given node powers, W, radars first; errors as in :meth:`matrix`.

        Products of two parameters among the indices ``known`` count nothing, as under the carry-over "held".
        """
        return self.measured_at(checked_power(power, self.network), known)

    def measured_at(self, watts: NDArray[np.float64], known: NDArray[np.intp] | None = None) -> Knowledge:
        """:meth:`measured` at powers that need no check, as those of an allocation."""
        known = self.basis.indices([]) if known is None else known
        if not self.jitters:
            return at_power(self.counted(known), watts)
        stack = self.weighted(self.link_information(watts))
        return at_power(stack.without_block(known) if len(known) else stack, np.ones(len(watts)))

    def counted(self, known: NDArray[np.intp]) -> Stack:
        """The :attr:`stack` in which products of two parameters among the indices ``known`` count nothing."""
        return self.once(_without_products, tuple(known.tolist())) if len(known) else self.stack

    def link_information(self, power: ArrayLike) -> NDArray[np.float64]:
        """Range information of every link, ``lambda``, 1/m^2, shape ``(n_links,)``, at the given node powers in W."""
        return self.of_links(checked_power(power, self.network)[self.links.transmitter])[0]

    def limited_links(self, kept: NDArray[np.intp], known: NDArray[np.intp] | None = None) -> LimitedLinks | None:
        """The links as matrices about the parameters ``kept``, see :class:`LimitedLinks`; None if nothing jitters."""
        return LimitedLinks(self, kept, np.empty(0, np.intp) if known is None else known) if self.jitters else None

    @property
    def jitters(self) -> bool:
        """Whether time stamps jitter, so that the information is not linear in the powers."""
        return self.radio.jitter_variance_m2 > 0

    def link_snr(self, power: ArrayLike) -> NDArray[np.float64]:
        """Signal-to-noise ratio of every link (linear), shape ``(n_links,)``, at the given node powers in W.

        That of thermal noise, whatever the jitter of stamps, and with path overlap the SNR of a clear link that tells
        as much.
        """
        return self.of_links(checked_power(power, self.network)[self.links.transmitter])[1]

    def of_links(self, watts: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """:meth:`link_information` and :meth:`link_snr` at powers of the links' transmitters, ``(..., n_links)``, W."""
        thermal = self.links.intensity * watts
        return limited(thermal, self.radio.jitter_variance_m2), self.radio.snr(thermal)


def _without_products(information: Information, known: tuple[int, ...]) -> Stack:
    return information.stack.without_block(np.array(known, dtype=np.intp))


@dataclass(frozen=True)
class Spebs:
    """Squared position error bounds (9) per block, m^2: the trace of its block of the inverse information.

    Examples
    --------
    >>> import isal
    >>> network = isal.Network(anchors=[[20, 180], [180, 180]], radars=[[45, 71], [91, 65]], targets=[[65, 45]])
    >>> bounds = isal.spebs(network, isal.Radio(), power=[5, 5, 0, 0], clock="synchronous")
    >>> f"{bounds.radars:.3e} {bounds.clocks} {bounds.targets:.3e}"  # clocks that are synchronous are no parameters
    '2.320e-05 nan 2.089e-04'
    """

    radars: float
    clocks: float
    targets: float


def checked_power(power: ArrayLike, network: Network) -> NDArray[np.float64]:
    """``power`` as an array of shape ``(n_nodes,)``, or an IsalError that names the node at fault."""
    try:
        array = real_numbers(power)
    except (TypeError, ValueError) as error:
        raise IsalError(f"{network.name}: power must be numbers of W, got {power!r}: {error}") from error
    if array.shape != (network.n_nodes,):
        raise IsalError(
            f"{network.name}: power needs {network.n_nodes} values, one per node in the order "
            f"{', '.join(network.node_labels)}; got shape {array.shape}"
        )
    bad = [number for number, value in enumerate(array.tolist()) if not 0 <= value < math.inf]
    if bad:
        label, value = network.node_labels[bad[0]], array[bad[0]]
        raise IsalError(f"{network.name}: the power of {label} must be finite and not negative, got {value} W")
    return array


def information(network: Network, radio: Radio, clock: Clock) -> Information:
    """Fisher information of one slot, ready to be evaluated at any powers.

    Returns
    -------
    What ``matrix(power)`` and ``measured(power)`` are asked of; ``blocks`` says which parameters are where.

    Raises
    ------
    UnobservableError
        If some parameter is left undetermined with every node transmitting; the message names it.
    IsalError
        If ``network`` or ``radio`` is something else.

    Examples
    --------
    >>> import isal
    >>> network = isal.Network(anchors=[[20, 180], [180, 180]], radars=[[45, 71], [91, 65]], targets=[[65, 45]])
    >>> info = isal.information(network, isal.Radio(), clock="synchronous")
    >>> info.basis.labels
    ('radar 1 x', 'radar 1 y', 'radar 2 x', 'radar 2 y', 'target 1 x', 'target 1 y')
    """
    if not isinstance(network, Network):
        raise NetworkError(f"expected an isal.Network, got {type(network).__name__}: {network!r}")
    if not isinstance(radio, Radio):
        raise IsalError(f"{network.name}: radio must be an isal.Radio, got {radio!r}; isal.Radio() is Table 1's")
    result = Information(network, radio, clock, parameter_basis(network, clock), network_links(network, radio, clock))
    refuse_unobservable(result)
    return result


def refuse_nuisances(info: Information, what: str) -> None:
    """Refuse what knows nothing of survey errors and biases.

    Raises
    ------
    IsalError
        Naming ``what``.
    """
    if info.basis.nuisances:
        raise IsalError(
            f"{info.network.name}: {what} can't have survey errors of anchors and biases of links as further unknowns; "
            "leave survey_error_m and bias_error_m out of its installation"
        )


def block_spebs(known: Knowledge, basis: Basis, met: NDArray[np.intp] | None = None) -> Spebs:
    """SPEB of each block, m^2.

    ``known`` is about the parameters ``met`` (ascending; default all). A block that is not among them, or that the
    network does not have, is NaN.
    """
    met = np.arange(basis.size) if met is None else met
    wanted = (basis.indices([block]) for block in BLOCKS)
    return Spebs(
        *(
            known.speb(np.searchsorted(met, indices)) if np.isin(indices, met).all() else float("nan")
            for indices in wanted
        )
    )


def spebs(network: Network, radio: Radio, power: ArrayLike, clock: Clock) -> Spebs:
    """SPEBs of radars, clock offsets and targets at given node powers (W, radars first), all unknown together, m^2.

    Returns
    -------
    ``radars``, ``clocks`` and ``targets``, m^2; NaN for parameters that the network does not have.

    Examples
    --------
    >>> import isal
    >>> network = isal.Network(anchors=[[20, 180], [180, 180]], radars=[[45, 71], [91, 65]], targets=[[65, 45]])
    >>> f"{isal.spebs(network, isal.Radio(), power=[5, 5, 0, 0], clock='asynchronous').targets:.3e} m^2"
    '5.526e-04 m^2'
    """
    result = information(network, radio, clock)
    return block_spebs(result.measured(power) + result.prior, result.basis)
