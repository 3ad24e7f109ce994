"""What a panel says where its bound rests on links that are too weak for an estimator."""

from __future__ import annotations

import xarray as xr

from isal.schemes.registry import REFERENCE

#: Up to this share of usable links in the bound, a panel says so.
ENOUGH = 0.9


def warning(part: xr.Dataset) -> tuple[str, ...]:
    """The warning of a panel in clauses, empty where none is due.

    It is about the integrated scheme's best point, in a study without it about the best of all, and about the slot with
    the least share of usable links.
    """
    schemes = [REFERENCE.name] if REFERENCE.name in part.scheme else part.scheme.values
    points = part[["speb", "usable_share", "pulses_needed"]].sel(scheme=schemes)
    points = points.stack(point=("scheme", "split"), create_index=False).dropna("point", subset=["speb"])
    best = points.isel(point=int(points.speb.argmin("point")))
    share, pulses = float(best.usable_share.min("slot")), float(best.pulses_needed.max("slot"))
    if not share < ENOUGH:
        return ()
    where = "in one slot " if part.sizes["slot"] > 1 else ""
    return f"{where}usable links carry {share:.0%} of the bound", f"{pulses:,.0f} pulses needed"
