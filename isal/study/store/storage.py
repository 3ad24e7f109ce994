"""How datasets are stored and read, whatever they hold."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isal import __version__
from isal.errors import IsalError, not_installed
from isal.study import files
from isal.study.store.origin import CONVENTIONS, commit

if TYPE_CHECKING:  # takes longer to import than the rest of what a plan needs
    import xarray as xr

#: What follows the content of a file: its fingerprint and a digest of the content. HDF5 leaves alone what stands
#: there, and does not always return from reading a damaged file, so damage must be noticed before.
TRAILER = "\nfingerprint {} sha256 {}\n"


#: In place of the fingerprint where nobody asks for it.
UNTOLD = "-" * 64

#: Larger files are not read into memory as a whole, but where and when they are looked at; in memory they are some ten
#: times as large.
LARGEST_IN_MEMORY = 1 << 25

#: Values of a variable that are stored together in a file that is written part by part, and entries along the dimension
#: that grows, as text is not compressed.
CHUNK_VALUES = 1 << 16
LONGEST_CHUNK = 1 << 12

#: Numbers of fewer bytes are not compressed: what HDF5 notes of compressed ones takes more than is saved.
LEAST_COMPRESSED = 4096


class DatasetError(IsalError):
    """A dataset that is missing or damaged; the message names the file and the way out."""


def write(path: Path, dataset: xr.Dataset, fingerprint: str = UNTOLD) -> None:
    """Store a dataset with its fingerprint; the file appears under its name only when it is complete.

    Variables of many numbers are compressed, truth values are flags, and coordinates have no fill value. Attributes say
    which version and commit wrote it, and when.

    Raises
    ------
    files.WriteError
        If it can't be written.
    """
    # in memory first: what HDF5 says of a full disk is "Permission denied"
    content = bytes(_described(dataset).to_netcdf(engine="netcdf4", encoding=_encoding(dataset)))
    files.write(path, content + _trailer(fingerprint, hashlib.sha256(content).hexdigest()))


@contextmanager
def writing(path: Path, first: xr.Dataset, fingerprint: str, along: str) -> Iterator[Callable[[xr.Dataset], None]]:
    """Store a dataset part by part along a dimension, as :func:`write` does a whole one.

    Yields what appends the next part: the variables and coordinates over that dimension are taken from it.

    Raises
    ------
    files.WriteError
        If it can't be written.
    """
    import netCDF4

    def append(part: xr.Dataset) -> None:
        start = len(file.dimensions[along])
        for name, variable in part.variables.items():
            if along in variable.dims:
                place = tuple(
                    slice(start, start + size) if dimension == along else slice(size)
                    for dimension, size in zip(variable.dims, variable.shape, strict=True)
                )
                file.variables[str(name)][place] = variable.values

    with files.replacing(path) as temporary:
        _described(first).to_netcdf(
            temporary, engine="netcdf4", encoding=_encoding(first, along), unlimited_dims=[along]
        )
        with netCDF4.Dataset(temporary, "a") as file:
            yield append
        with temporary.open("ab") as stored:
            stored.write(_trailer(fingerprint, _sha256(temporary, temporary.stat().st_size)))


def read(path: Path) -> xr.Dataset:
    """A stored dataset, in memory; one of over :data:`LARGEST_IN_MEMORY` bytes is read as it is looked at.

    Raises
    ------
    DatasetError
        If it is missing or damaged.
    """
    import xarray as xr

    remedy = "delete it and run snakemake again"
    try:
        told = _told(path)
        if told is None:
            raise DatasetError(f"{path}: its content is not what was written; {remedy}")
        if path.stat().st_size > LARGEST_IN_MEMORY:
            os.environ.setdefault("HDF5_USE_FILE_LOCKING", "FALSE")
            return xr.open_dataset(path, engine="netcdf4")
        # what was checked, not the file again: where no locks are to be had HDF5 refuses to open it
        with xr.open_dataset(told.content, engine="netcdf4") as dataset:
            return dataset.load()
    except FileNotFoundError as error:
        raise DatasetError(f"{path}: there is no such dataset; run snakemake again") from error
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise DatasetError(f"{path}: not a complete dataset ({error}); {remedy}") from error


def open_study(path: str | os.PathLike[str]) -> xr.Dataset:
    """A stored dataset of a study, to be selected by energies: ``open_study(path).sel(step_1_energy=3)``.

    Parameters
    ----------
    path
        A file that the workflow made: ``"results/datasets/bandwidths.nc"``.

    Returns
    -------
    The dataset, in memory. Energies of steps and slots (J) are indices beside ``split``: ``sel`` takes one of them at a
    time. The energy of the last part follows from those before it.

    Raises
    ------
    IsalError
        If there is no such file, it is damaged or no dataset of isal, or xarray is not installed.

    Examples
    --------
    >>> import isal
    >>> isal.open_study("results/datasets/bandwidths.nc").speb.sel(step_1_energy=3)  # doctest: +SKIP
    >>> isal.open_study("nowhere.nc")
    Traceback (most recent call last):
    isal.study.store.storage.DatasetError: nowhere.nc: there is no such dataset; run snakemake again
    """
    try:
        dataset = read(Path(path))
    except ModuleNotFoundError as error:
        raise not_installed("open_study", str(error.name)) from error
    for name in [str(name) for name in dataset.coords if str(name).endswith("_energy")]:
        dataset = dataset.set_xindex(name)
    return dataset


def says(path: Path, fingerprint: str) -> bool:
    """Whether a stored dataset says that it was made with this fingerprint; its content is not checked."""
    wanted = _trailer(fingerprint, UNTOLD)
    with path.open("rb") as file:
        file.seek(-min(len(wanted), path.stat().st_size), 2)
        return file.read().split()[:2] == wanted.split()[:2]


def fingerprint_of(path: Path) -> str | None:
    """What a sound dataset was made with; None if it is missing or damaged."""
    if not path.exists():
        return None
    told = _told(path)
    return None if told is None else told.fingerprint


def set_aside(path: Path, fingerprint: str) -> None:
    """Make room where a dataset of another fingerprint is, see :func:`isal.study.files.set_aside`."""
    files.set_aside(path, fingerprint, fingerprint_of)


def there(path: Path, fingerprint: str) -> bool:
    """Whether a sound dataset of this fingerprint is there; one that was set aside and has this one then is."""
    if fingerprint_of(path) == fingerprint:
        return True
    kept = files.earlier(path)
    if fingerprint_of(kept) != fingerprint:
        return False
    os.utime(kept)
    kept.replace(path)
    return True


def _described(dataset: xr.Dataset) -> xr.Dataset:
    """A dataset that says where it comes from, and what its truth values mean."""
    import numpy as np

    dataset = dataset.copy()
    earlier = dataset.attrs.pop("history", "")
    now = f"{datetime.now(UTC).isoformat(timespec='seconds')} written by isal {__version__}"
    history = f"{earlier}\n{now}" if earlier else now
    dataset.attrs |= {
        "Conventions": CONVENTIONS,
        "source": f"isal {__version__}",
        "commit": commit(),
        "history": history,
    }
    for variable in dataset.variables.values():
        if variable.dtype.kind == "b":
            variable.attrs |= {"flag_values": np.array([0, 1], dtype=np.int8), "flag_meanings": "no yes"}
    return dataset


def _encoding(dataset: xr.Dataset, along: str = "") -> dict[Any, dict[str, Any]]:
    """How each variable is stored; nothing is left of the file that it was read from.

    Variables over a dimension that grows are stored in pieces of about :data:`CHUNK_VALUES`, however small the first
    part is.
    """
    encoding: dict[Any, dict[str, Any]] = {}
    for name, variable in dataset.variables.items():
        encoding[name] = {"_FillValue": None} if name in dataset.coords else {}
        grows = along in variable.dims
        if variable.dtype.kind in "biuf" and (grows or variable.nbytes >= LEAST_COMPRESSED):
            encoding[name] |= {"zlib": True, "complevel": 4}
        if grows:
            sizes = dict(zip(variable.dims, variable.shape, strict=True))
            others = math.prod(sizes.values()) // max(1, sizes[along])
            sizes[along] = min(max(1, CHUNK_VALUES // max(1, others)), LONGEST_CHUNK)
            encoding[name]["chunksizes"] = tuple(sizes.values())
    return encoding


@dataclass(frozen=True)
class _Told:
    """What a sound file says of itself, and its content unless that is large."""

    fingerprint: str
    content: bytes


def _told(path: Path) -> _Told | None:
    """What a file says of itself; None if its content is not what was written."""
    size = len(_trailer(UNTOLD, UNTOLD))
    with path.open("rb") as file:
        length = path.stat().st_size - size
        if length < 0:
            return None
        content = file.read(length) if length <= LARGEST_IN_MEMORY else b""
        file.seek(length)
        told = file.read().split()
    digest = hashlib.sha256(content).hexdigest() if content else _sha256(path, length)
    if len(told) != 4 or told[3] != digest.encode():
        return None
    return _Told(told[1].decode(errors="replace"), content)  # damaged, it is none that is asked for


def _sha256(path: Path, length: int) -> str:
    """Digest of so many bytes of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(min(1 << 20, length)):
            digest.update(piece)
            length -= len(piece)
    return digest.hexdigest()


def _trailer(fingerprint: str, digest: str) -> bytes:
    assert len(fingerprint) == len(UNTOLD), "a digest of 64 digits"
    return TRAILER.format(fingerprint, digest).encode()
