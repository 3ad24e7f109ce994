"""Places in a ball that are worse than its samples: uphill from the worst of them.

The bound is no concave function of the positions, so nothing proves that there is no worse place. But it grows fastest
towards the surface, and from the worst samples a few steps along its gradient, projected into the balls, mostly get to
the same places.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from isal.errors import IsalError
from isal.model.network import Network
from isal.model.places import Ball, keeping_distance

Array = NDArray[np.float64]

#: Steps uphill from each start, and how often a step is halved before the place counts as the worst around.
STEPS = 20
HALVINGS = 8

#: First step, and that of the differences which the gradient is made of, as shares of the radii.
FIRST_STEP = 2.0
DIFFERENCE = 1e-4


@dataclass(frozen=True, eq=False)
class Climb:
    """What is climbed: ``badness`` of a network, over the places in a ball around the nominal ``network``."""

    network: Network
    ball: Ball
    badness: Callable[[Network], float]

    def at(self, share: Array) -> float:
        """Badness at offsets as shares of the radii; minus infinity where nothing is evaluated."""
        groups = self.ball.place(self.network, share)
        if not keeping_distance(self.network, {group: each[None] for group, each in groups.items()})[0]:
            return -np.inf
        try:
            return self.badness(replace(self.network, radars=groups["radars"], targets=groups["targets"]))
        except IsalError:  # unobservable: what is left out of the samples is no place to climb to
            return -np.inf

    @property
    def free(self) -> NDArray[np.intp]:
        """Rows of offsets whose radius is not zero."""
        radii = np.repeat([self.ball.radars, self.ball.targets], [self.network.n_radars, self.network.n_targets])
        return np.flatnonzero(radii > 0)

    def gradient(self, share: Array, here: float) -> Array:
        """By differences towards the centre of the ball, where there always is room."""
        gradient = np.zeros_like(share)
        for row in self.free.tolist():
            for axis in range(share.shape[1]):
                step = -DIFFERENCE if share[row, axis] > 0 else DIFFERENCE
                moved = share.copy()
                moved[row, axis] += step
                there = self.at(moved)
                gradient[row, axis] = (there - here) / step if np.isfinite(there) else 0.0
        return gradient

    def uphill(self, share: Array) -> tuple[Array, float]:
        """The worst place around, and how bad it is."""
        here = self.at(share)
        for _ in range(STEPS if np.isfinite(here) else 0):
            gradient = self.gradient(share, here)
            length = np.linalg.norm(gradient, axis=1, keepdims=True).max()
            if not length > 0:
                break
            step = FIRST_STEP / length
            for _ in range(HALVINGS):
                moved = share + step * gradient
                moved /= np.maximum(1.0, np.linalg.norm(moved, axis=1, keepdims=True))
                there = self.at(moved)
                if there > here * (1 + 1e-6):
                    break
                step /= 2
            else:
                break
            share, here = moved, there
        return share, here
