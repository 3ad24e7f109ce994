"""``isal allocate``: one answer, without the workflow. For JSON it needs no more than the core of this package."""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import math
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isal import __version__
from isal.errors import IsalError, NetworkError, not_installed
from isal.schemes.registry import REFERENCE, SCHEMES, Scheme

if TYPE_CHECKING:
    from isal.model.information import Information
    from isal.model.network import Network
    from isal.model.radio import Radio
    from isal.schemes.allocate import GoalsResult
    from isal.schemes.best_split import BestSplit
    from isal.schemes.horizon import HorizonResult
    from isal.schemes.schedule import ScheduleResult, SlotResult

    OfScheme = SlotResult | ScheduleResult | BestSplit
    OfGoals = GoalsResult | HorizonResult
    Result = OfScheme | OfGoals

HELP = "the best powers in one network"
DESCRIPTION = (
    "Print the best powers in one network of one or of several slots, with bound and certificate. FILE is YAML or JSON "
    "and holds positions in metres, {anchors: [[x, y], ...], radars: [...], targets: [...]}, in space all [x, y, z], a "
    "list of such tables for several slots, or networks by name as in config/networks.yaml or in the file of a study."
)


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add = parser.add_argument
    add("file", type=Path, metavar="FILE", help="the network")
    add("--network", metavar="NAME", help="which one, where the file holds several")
    add("--clock", default="synchronous", metavar="MODE", help="synchronous (default) or asynchronous")
    add("--scheme", choices=SCHEMES, default=REFERENCE.name, metavar="NAME", help=f"{' (default), '.join(SCHEMES)}")
    energy = parser.add_mutually_exclusive_group(required=True)
    energy.add_argument("--energy", type=float, metavar="J", help="the whole; steps, and two slots, share it at best")
    energy.add_argument(
        "--energies",
        type=_energies,
        metavar="J,J",
        help="of each step, or of each slot of the integrated scheme; J,J/J,J of the steps of each of several slots",
    )
    energy.add_argument(
        "--requirement",
        action="append",
        metavar="M",
        help="the least energy that brings every target to this error, or NAME=M for a target or radar; repeat it",
    )
    add("--cap", type=float, metavar="W", help="largest power of each node; default: the whole energy in one second")
    add("--radar-cap", type=float, metavar="W", help="the same for radars, before --cap")
    add("--anchor-cap", type=float, metavar="W", help="the same for anchors, before --cap")
    add(
        "--radio",
        type=Path,
        metavar="FILE",
        help="keys of isal.Radio, such as {bandwidth_hz: 1.0e+9}; default: Table 1",
    )
    add("--set", action="append", default=[], metavar="KEY=VALUE", help="one of these keys, before --radio; repeat it")
    add("--solver", default="interior-point", metavar="NAME", help="interior-point (default), scs or cvxpy")
    add("--tolerance", type=float, default=1e-6, metavar="GAP", help="certified relative gap to reach (default 1e-6)")
    add("--require-certified", action="store_true", help="refuse a result that misses it; else it is a warning")
    add("--output", type=Path, metavar="FILE", help="store the result, too: .json, .nc (NetCDF) or .csv (powers alone)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Print the result, and store it where ``--output`` says.

    Raises
    ------
    IsalError
        If an input can't be used, or there is no finite optimum.
    """
    if options.output:
        check_output(options.output, options.file)
    scheme = SCHEMES[options.scheme]
    slots = [scheme.takes(slot) for slot in read_network(options.file, options.network)]
    from isal.schemes.schedule import UncertifiedWarning, node_caps

    if options.requirement:
        total = math.inf
        if scheme is not REFERENCE:
            raise IsalError(f"--requirement: is for the scheme {REFERENCE.name}; leave out --scheme {scheme.name}")
    else:
        energies = [options.energy] if options.energies is None else options.energies
        total = sum(sum(each) if isinstance(each, list) else each for each in energies)
    of_kinds = [options.cap if own is None else own for own in (options.radar_cap, options.anchor_cap)]
    caps = node_caps(slots[0], total, *of_kinds)
    given = {
        "radio": read_radio(options.radio, options.set),
        "clock": options.clock,
        "caps": caps,
        "solver": options.solver,
        "tolerance": options.tolerance,
        "require_certified": options.require_certified,
    }
    with warnings.catch_warnings(record=True) as told, _progress_told():
        warnings.simplefilter("always", UncertifiedWarning)
        result: Result
        if options.requirement:
            result = least_energy(slots, _requirements(options.requirement), given)
        else:
            result = allocate(slots, scheme, options.energy, options.energies, given)
    print(result)
    for each in told:
        print(f"isal: warning: {each.message}", file=sys.stderr)
    if options.output:
        asked = {"isal": __version__, "scheme": scheme.name, "solver": options.solver, "tolerance": options.tolerance}
        write(options.output, result, asked | {"cap_w": caps.tolist()})


@contextlib.contextmanager
def _progress_told() -> Iterator[None]:
    """Lines of progress on standard error while this lasts."""
    logger, handler = logging.getLogger("isal"), logging.StreamHandler()
    handler.setFormatter(logging.Formatter("isal: %(message)s"))
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def allocate(
    slots: Sequence[Network],
    scheme: Scheme,
    energy: float | None,
    energies: Sequence[Any] | None,
    given: Mapping[str, Any],
) -> OfScheme:
    """What a scheme finds.

    Parameters
    ----------
    slots
        The networks of each slot.
    energy, energies
        One of them, J: the whole, to be split at best, or those of the steps or slots.
    given
        The other arguments of :func:`isal.integrated`.
    """
    from isal.schemes.best_split import best_split
    from isal.schemes.integrated import integrated
    from isal.schemes.step_by_step import step_by_step

    network: Any = list(slots) if len(slots) > 1 else slots[0]
    if energies is not None:
        if scheme.carry_over is None:
            return integrated(network, energies=energies, **given)
        return step_by_step(network, energies=energies, carry=scheme.carry_over.name, **given)
    assert energy is not None
    if scheme.has_split(len(slots)):
        return best_split(network, energy=energy, **scheme.arguments, **given)
    return integrated(network, energy=energy, **given)


def least_energy(
    slots: Sequence[Network], requirements: float | Mapping[str | int, float], given: Mapping[str, Any]
) -> OfGoals:
    """The least energy that meets requirements, m, in every slot; ``given`` as for :func:`allocate`."""
    from isal.schemes.allocate import allocate as for_goals
    from isal.schemes.horizon import horizon

    if len(slots) == 1:
        return for_goals(slots[0], requirements=requirements, **given)
    return horizon(slots, requirements=requirements, **given)


def _requirements(texts: Sequence[str]) -> float | Mapping[str | int, float]:
    """``["0.05"]`` as one number for every target; ``["target 1=0.05", ...]`` by name."""
    named: dict[str | int, float] = {}
    for text in texts:
        name, _, number = text.rpartition("=")
        try:
            named[name] = float(number)
        except ValueError:
            raise IsalError(f"--requirement: {text!r} is neither a number of metres nor NAME=M") from None
    if len(named) < len(texts) or (len(named) > 1 and "" in named):
        raise IsalError("--requirement: give one number for every target, or each name once")
    return named.get("", named)


def _energies(text: str) -> list[Any]:
    """``"3,7"`` as numbers; ``"1,4/1,4"`` as numbers for each slot."""
    slots = [[float(number) for number in slot.split(",")] for slot in text.split("/")]
    return slots if len(slots) > 1 else slots[0]


# --- what goes in -----------------------------------------------------------------------------------------------------


def read_network(file: Path, name: str | None) -> list[Network]:
    """The network of each slot from a file that holds one network, or several by name.

    Raises
    ------
    IsalError
        If the file can't be read, or holds no such network; the message names the file, and key or node.
    """
    from isal.study import sources
    from isal.study.config_keys import NETWORKS, Named

    content = sources.read(file).content
    if isinstance(content, Mapping) and isinstance(content.get("networks"), Mapping):
        content = content["networks"]
    groups = [key for key, each in NETWORKS.items() if isinstance(each.value, Named)]
    if isinstance(content, Mapping) and not content.keys().isdisjoint(groups):
        tables = [content[group] for group in groups if isinstance(content.get(group), Mapping)]
        named = {str(each): slots for table in tables for each, slots in table.items()}
        if name is None and len(named) == 1:
            (name,) = named
        if name not in named:
            several = "holds several networks" if named else "holds no networks"
            asked = several if name is None else f"holds no network {name!r}"
            known = f"; give --network, one of {', '.join(named)}" if named else ""
            raise NetworkError(f"{file}: {asked}{known}")
        content = named[name]
    elif name is not None:
        raise NetworkError(f"{file}: holds one network, without a name; leave out --network")
    slots = content if isinstance(content, list) and content else [content]
    return [_slot(slot, f"{file}: ", name or file.stem) for slot in slots]


def _slot(table: Any, where: str, name: str) -> Network:
    from isal.model.network import Network
    from isal.study.config_keys import SLOT_KEYS

    if not isinstance(table, Mapping):
        raise NetworkError(f"{where}{table!r} is no table of positions; it takes {', '.join(SLOT_KEYS)}")
    if unknown := [key for key in table if key not in SLOT_KEYS]:
        raise NetworkError(f"{where}unknown key {unknown[0]!r}; a network takes {', '.join(SLOT_KEYS)}")
    if "target" in table and "targets" in table:
        raise NetworkError(f"{where}has both 'target' and 'targets'; keep one")
    if not isinstance(known := table.get("radars_known", False), bool):
        raise NetworkError(f"{where}radars_known: {known!r} is not true or false")
    try:
        return Network.from_mapping(table, name)
    except NetworkError as error:
        raise NetworkError(f"{where}{error}") from None


def read_radio(file: Path | None, settings: Sequence[str]) -> Radio:
    """The radio of a file with some of its keys, and of ``key=value`` each, which count more.

    Raises
    ------
    IsalError
        If a key is unknown, or a value can't be used.
    """
    from isal.model.radio import Radio
    from isal.study import sources
    from isal.study.config_keys import PARAMETERS

    content = {} if file is None else sources.read(file).content
    if not isinstance(content, Mapping):
        raise IsalError(f"{file}: holds no table of keys; a radio takes {', '.join(PARAMETERS)}")
    table: dict[str, Any] = {**content}
    for setting in settings:
        key, _, value = setting.partition("=")
        try:
            table[key] = float(value)
        except ValueError:
            table[key] = value
    if unknown := [key for key in table if key not in PARAMETERS]:
        raise IsalError(f"radio: unknown key {unknown[0]!r}; a radio takes {', '.join(PARAMETERS)}")
    return Radio(**table)


# --- what comes out ---------------------------------------------------------------------------------------------------


def check_output(path: Path, file: Path) -> None:
    """Refuse what can't be written, or would overwrite the network, before anything is computed."""
    if path.resolve() == file.resolve():
        raise IsalError(f"--output: {path} is the file of the network; choose another name")
    if path.suffix not in WRITERS:
        raise IsalError(f"--output: {path} must end with {', '.join(WRITERS)}")
    if not path.parent.is_dir():
        raise IsalError(f"--output: there is no folder {path.parent}; make it first")
    for package in WRITERS[path.suffix][1]:
        if find_spec(package) is None:
            raise not_installed(f"--output {path}", package)


def write(path: Path, result: Result, asked: Mapping[str, Any]) -> None:
    """Store a result, and what was asked, in the form that the end of the name says."""
    content = WRITERS[path.suffix][0](result, asked)
    try:
        path.write_bytes(content)
    except OSError as error:
        raise IsalError(f"--output: {path} can't be written ({error.strerror})") from None


def _whole(result: OfScheme) -> dict[str, Any]:
    """What is found over all steps and slots."""
    found: dict[str, Any] = {"status": result.status, "speb_m2": result.speb}
    for name, key in (
        ("lower_bound", "lower_bound_m2"),
        ("greedy_lower_bound", "greedy_lower_bound_m2"),
        ("proof", "proof"),
    ):
        if hasattr(result, name):
            found[key] = getattr(result, name)
    return found


def _json(result: Result, asked: Mapping[str, Any]) -> bytes:
    """All that was asked and found, as a table."""
    from isal.schemes.allocate import CertifiedPowers

    if isinstance(result, CertifiedPowers):
        return _as_json(result.informations[0], asked, _of_goals(result))
    info = result._slots[0].information
    slots = []
    for slot in result._slots:
        network = slot.information.network
        steps = [
            {
                "minimises": step.block,
                "energy_j": step.energy,
                "speb_m2": step.allocation.value,
                "lower_bound_m2": step.allocation.lower_bound,
                "power_w": dict(zip(network.node_labels, step.power.tolist(), strict=True)),
            }
            for step in slot.steps
        ]
        bounds = {block: getattr(slot.spebs, block) for block in slot.information.blocks}
        slots.append({"positions_m": network.to_mapping(), "steps": steps, "spebs_m2": bounds})
    return _as_json(info, asked, {**_whole(result), "slots": slots})


def _of_goals(result: OfGoals) -> dict[str, Any]:
    """What is found for several goals: the energy, what each goal reaches, and the powers of each slot."""
    slots = [
        {
            "positions_m": info.network.to_mapping(),
            "power_w": dict(zip(info.network.node_labels, power.tolist(), strict=True)),
        }
        for info, power in zip(result.informations, result.power.reshape(len(result.informations), -1), strict=True)
    ]
    energies = {"energy_j": result.value, "lower_bound_j": result.lower_bound}
    return {"status": result.status, **energies, "errors_m": result.errors, "slots": slots}


def _as_json(info: Information, asked: Mapping[str, Any], found: Mapping[str, Any]) -> bytes:
    about = {"network": info.network.name, "clock": info.clock, "radio": info.radio.to_mapping()}
    caps = {"cap_w": [each if math.isfinite(each) else None for each in asked["cap_w"]]}  # JSON knows no infinity
    return (json.dumps({**asked, **caps, **about, **found}, indent=1) + "\n").encode()


def _netcdf(result: Result, asked: Mapping[str, Any]) -> bytes:
    from isal.schemes.allocate import CertifiedPowers

    whole = {} if isinstance(result, CertifiedPowers) else _whole(result)
    return bytes(result.to_xarray().assign_attrs({**asked, **whole}).to_netcdf(engine="netcdf4"))


def _csv(result: Result, asked: Mapping[str, Any]) -> bytes:
    return result.to_dataframe().to_csv().encode()


#: End of a file's name -> how a result is put into it, and the packages that this needs.
WRITERS: dict[str, tuple[Callable[[Result, Mapping[str, Any]], bytes], tuple[str, ...]]] = {
    ".json": (_json, ()),
    ".nc": (_netcdf, ("xarray", "netCDF4")),
    ".csv": (_csv, ("pandas",)),
}
