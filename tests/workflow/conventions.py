"""What stored files promise to those who read them with other tools, and what of it a file breaks."""

from pathlib import Path

import netCDF4
import numpy as np

from isal.study.store.storage import LEAST_COMPRESSED

#: The checker subtracts neighbouring values, of names too; :func:`promises_broken` looks at the order of numbers.
CAN_NOT_SUBTRACT_NAMES = "check_coordinate_variables_strict_monotonicity"


def forbidden(path: Path) -> list[str]:
    """What the CF checker finds against the version of the conventions that a file declares."""
    from compliance_checker.runner import CheckSuite

    with netCDF4.Dataset(path) as file:
        checker = file.Conventions.replace("CF-", "cf:")
    CheckSuite.load_all_available_checkers()
    suite = CheckSuite()
    (results, failed), *others = suite.run_all(suite.load_dataset(str(path)), [checker], []).values()
    assert results, "it looked at something"
    assert not others
    found = [f"{name}: {error[0]}" for name, error in failed.items() if name != CAN_NOT_SUBTRACT_NAMES]
    found += [f"{name}: {error[0]}" for name, error in failed.items() if "'str' and 'str'" not in str(error[0])]
    waiting = list(results)
    while waiting:
        result = waiting.pop()
        waiting += result.children or []
        passed = result.value[0] == result.value[1] if isinstance(result.value, tuple) else result.value
        if not passed:
            found += [f"{result.name}: {message}" for message in result.msgs or ["failed"]]
    return found


def promises_broken(path: Path) -> list[str]:
    """What a dataset breaks of the promises of this project."""
    found = []
    with netCDF4.Dataset(path) as file:
        found += [f"no {name}" for name in ("title", "source", "commit", "history") if not getattr(file, name, "")]
        beside = " ".join(getattr(each, "coordinates", "") for each in file.variables.values()).split()
        beside += getattr(file, "coordinates", "").split()
        for name, variable in file.variables.items():
            told, numeric = variable.ncattrs(), variable.dtype is not str
            coordinate = name in file.dimensions or name in beside
            if "long_name" not in told:
                found.append(f"{name}: no long_name")
            if coordinate and "_FillValue" in told:
                found.append(f"{name}: a coordinate with a fill value")
            if numeric and name in file.dimensions and len(variable) > 1:
                steps = np.diff(variable[...])
                if not ((steps > 0).all() or (steps < 0).all()):
                    found.append(f"{name}: neither ascending nor descending")
            if "flag_values" in told and not (variable.dtype == variable.flag_values.dtype == np.int8):
                found.append(f"{name}: flags that are no small integers")
            many = numeric and variable.size * variable.dtype.itemsize >= LEAST_COMPRESSED
            if many and not variable.filters()["zlib"]:
                found.append(f"{name}: not compressed")
    return found


def broken_in(folder: Path, *patterns: str) -> dict[str, list[str]]:
    """The datasets below a folder that break anything, and what."""
    paths = [path for pattern in patterns for path in folder.rglob(pattern) if not path.name.startswith(".")]
    assert paths, "there are some"
    told = {str(path.relative_to(folder)): [*forbidden(path), *promises_broken(path)] for path in paths}
    return {name: found for name, found in told.items() if found}
