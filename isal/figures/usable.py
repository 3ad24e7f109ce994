"""What a panel says of the links that are strong enough for an estimator, and how many pulses the others need."""

from __future__ import annotations

from dataclasses import dataclass

import xarray as xr

from isal.schemes.registry import REFERENCE

#: With less than this share of usable links in the bound, a panel warns.
ENOUGH = 0.9

#: Colour of what is said without and with a warning.
COLOURS = {False: "0.35", True: "#A00000"}


@dataclass(frozen=True)
class Said:
    """What is said, in clauses, and its colour."""

    clauses: tuple[str, ...]
    colour: str


def usable(part: xr.Dataset) -> Said | None:
    """What the panel of a part of a study says of usable links; None if nothing is known of them.

    It is about the integrated scheme's best point, in a study without it about the best of all, and about the slot with
    the least share of usable links.
    """
    schemes = [REFERENCE.name] if REFERENCE.name in part.scheme else part.scheme.values
    points = part[["speb", "usable_share", "pulses_needed"]].sel(scheme=schemes)
    points = points.stack(point=("scheme", "split"), create_index=False).dropna("point", subset=["speb"])
    best = points.isel(point=int(points.speb.argmin("point")))
    share, pulses = float(best.usable_share.min("slot")), float(best.pulses_needed.max("slot"))
    if share != share:
        return None
    return said(percent(share), share, f"{pulses:,.0f}", part.sizes["slot"])


def percent(share: float) -> str:
    """A share in words."""
    return "<1%" if 0 < share < 0.01 else f"{share:.0%}"


def said(told: str, share: float, pulses: str, slots: int) -> Said:
    """What is said of a share, in words, and of the pulses that are needed where the share is low."""
    bound = "a slot's bound" if slots > 1 else "the bound"
    weak = share < ENOUGH
    needed = (f"{pulses} pulses needed",) if weak else ()
    return Said((f"usable links carry {told} of {bound}", *needed), COLOURS[weak])
