"""How datasets are stored and read, whatever they hold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import netCDF4

if TYPE_CHECKING:  # takes longer to import than the rest of what a plan needs
    import xarray as xr


def write(path: Path, dataset: xr.Dataset, key: str = "") -> None:
    """Store a dataset with what it depends on; the file appears under its name only when it is complete."""
    dataset = dataset.assign_attrs(key=key)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        dataset.to_netcdf(temporary, engine="netcdf4")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read(path: Path) -> xr.Dataset:
    """A stored dataset, in memory."""
    import xarray as xr

    with xr.open_dataset(path, engine="netcdf4") as dataset:
        return dataset.load()


def holds(path: Path, key: str) -> bool:
    """Whether there is a dataset that was stored with this key."""
    try:
        with netCDF4.Dataset(path) as file:
            return "key" in file.ncattrs() and file.getncattr("key") == key
    except OSError:
        return False
