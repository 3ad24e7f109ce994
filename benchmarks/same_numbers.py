"""Compare all records and datasets of two folders of results to the last bit.

    python benchmarks/same_numbers.py OLD/results NEW/results --rename stage=step route=solver

Times that solvers took, and attributes such as dates and commits, are left out. Prints what differs and by how much,
and ends with 1 if anything does.
"""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import xarray as xr

#: Variables that no two runs have alike, and texts that name code.
LEFT_OUT = {"seconds", "fingerprint"}


def read(path: Path, names: Mapping[str, str]) -> dict[str, np.ndarray]:
    """Arrays of a NetCDF file by name, with parts of names exchanged."""
    with xr.open_dataset(path, engine="netcdf4", decode_cf=False) as dataset:
        arrays = {str(name): np.asarray(variable) for name, variable in dataset.load().variables.items()}
    renamed = {"_".join(names.get(part, part) for part in name.split("_")): values for name, values in arrays.items()}
    return {name: values for name, values in renamed.items() if name not in LEFT_OUT}


def difference(old: np.ndarray, new: np.ndarray) -> float:
    """Largest relative difference; 0 where all bits are the same, infinite for other shapes or texts."""
    if old.shape != new.shape or old.dtype.kind != new.dtype.kind:
        return np.inf
    if old.dtype.kind not in "fi":
        return 0.0 if np.array_equal(old, new) else np.inf
    if np.array_equal(old, new, equal_nan=True):
        return 0.0
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = np.abs(old - new) / np.maximum(np.abs(old), np.abs(new))
    return float(np.nanmax(np.where((old == new) | (np.isnan(old) & np.isnan(new)), 0.0, relative)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--rename", nargs="*", default=[], metavar="OLD=NEW", help="parts of names of variables")
    options = parser.parse_args()
    names = dict(pair.split("=") for pair in options.rename)
    files = [
        {path.relative_to(folder) for path in folder.rglob("[!.]*.nc") if not any(p[0] == "." for p in path.parts[1:])}
        for folder in (options.old, options.new)
    ]
    for path in sorted(files[0] ^ files[1]):
        print(f"{path}: only in {'the old' if path in files[0] else 'the new'} results")
    worst: dict[str, tuple[int, float, Path]] = {}
    for path in sorted(files[0] & files[1]):
        old, new = (read(folder / path, names) for folder in (options.old, options.new))
        for name in sorted(old.keys() ^ new.keys()):
            print(f"{path}: {name} is only in one of them")
        for name in old.keys() & new.keys():
            if (found := difference(old[name], new[name])) > 0:
                count, largest, where = worst.get(name, (0, 0.0, path))
                worst[name] = (count + 1, *max((largest, where), (found, path), key=lambda pair: pair[0]))
    for name, (count, largest, where) in sorted(worst.items()):
        print(f"{name}: differs in {count} files, by up to {largest:.2g} ({where})")
    print(f"{len(files[0] & files[1])} files compared, {len(worst)} variables differ")
    return int(bool(worst) or files[0] != files[1])


if __name__ == "__main__":
    sys.exit(main())
