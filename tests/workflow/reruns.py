"""Changes of a configuration, and what each makes again: the data behind docs/reruns.md and test_reruns.py.

What is made again is computed from the fingerprints of the plans before and after, never written down by hand.
`python tests/workflow/reruns.py` writes the tables of docs/reruns.md.
"""

from __future__ import annotations

import atexit
import copy
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from differences import kinds_of, own
from project import ROOT, SIMULATIONS, Project
from synthetic_logs import write_folder

from isal.study.config import parse
from isal.study.config_keys import HEIGHTS, STYLE
from isal.study.fingerprint import Code
from isal.workflow.plan import Plan
from isal.workflow.products import KINDS

# --- the study on which every change is tried -------------------------------------------------------------------------


def asking(**question: Any) -> dict[str, Any]:
    """A deployment that asks a question."""
    return {"networks": ["hall"], "clocks": ["synchronous"], "bandwidth_hz": 500.0e6, **question}


#: A study of two steps on two networks and one on random ones, one of two slots, one of three steps; every kind of
#: figure but step_simplex and step_surface.
#: The cap of the variant `capped` does not bind, which is solved sooner.
STUDY = {
    "findings": {
        "samples": 4,
        "sensitivity_samples": 2,
        "variants": {"capped": {"power_cap_w": 20}, "wide": {"bandwidth_hz": 1.0e9}},
    },
    "simulations": SIMULATIONS,
    "deployments": {
        "least": asking(least_energy={"requirements_m": [0.05]}),
        "worst": asking(worst_target={"energies_j": [5]}),
        "rough": asking(robust={"sigma_m": [1], "energy_j": 5, "samples": 4, "seed": 0}),
        "balls": asking(robust={"radius_m": [1], "energy_j": 5, "samples": 4, "seed": 0}),
        "surveyed": asking(survey_error={"sigma_m": [0.01], "energy_j": 5}),
    },
    "ensembles": {"few": {"seed": 1, "size": 2, "anchors": 3, "radars": 2}},
    "studies": {
        "random": {
            "networks": ["few"],
            "clocks": ["synchronous"],
            "bandwidths_hz": [500.0e6],
            "schemes": ["step-by-step-held"],
            "total_energy_j": 10,
            "step_1_energy_j": [5],
        },
        "single": {
            "networks": ["7b", "7c"],
            "clocks": ["synchronous"],
            "bandwidths_hz": [500.0e6],
            "schemes": ["integrated", "step-by-step-held"],
            "total_energy_j": 10,
            "split": "best",
            "step_1_energy_j": {"from": 2, "to": 8, "by": 3},
        },
        "double": {
            "networks": ["8a"],
            "clocks": ["synchronous"],
            "bandwidths_hz": [500.0e6],
            "schemes": ["integrated", "step-by-step-held"],
            "total_energy_j": 10,
            "split": "best",
            "slot_1_energy_j": [5],
        },
        "three": {
            "networks": ["7b"],
            "clocks": ["asynchronous"],
            "bandwidths_hz": [500.0e6],
            "schemes": ["step-by-step-held"],
            "total_energy_j": 10,
            "split": "best",
            "step_1_energy_j": [2],
            "step_2_energy_j": [1],
        },
    },
    "figures": {
        "formats": ["svg", "png"],
        "draw": {
            "maps": {"kind": "layouts", "networks": ["7b"]},
            "curves": {"kind": "step_energy", "study": "single"},
            "slots": {"kind": "slot_energy", "study": "double"},
            "allocations": {"kind": "allocations", "study": "double"},
            "solvers": {"kind": "agreement"},
            "abundance": {"kind": "abundance"},
            "delays": {"kind": "delay_error"},
            "exchanges": {"kind": "exchange_error"},
            "reached": {"kind": "reached"},
            "timeline": {"kind": "exchange_timeline"},
            "packets": {"kind": "exchange_packets"},
            "variants": {"kind": "variants"},
            "least": {"kind": "least_energy", "deployment": "least"},
            "worst": {"kind": "worst_target", "deployment": "worst"},
            "rough": {"kind": "robust", "deployment": "rough"},
            "surveyed": {"kind": "survey_error", "deployment": "surveyed"},
        },
    },
}

#: The folder of measurements in a project, see :func:`create`.
LOGS = "logs"


def create(folder: Path) -> Project:
    """A project with the study and with measurements."""
    write_folder(folder / LOGS)
    return Project.create(folder, STUDY | {"measurements": LOGS})


def logs(edit: Callable[[Path], Any] = lambda folder: None) -> str:
    """The same measurements in a folder of this process, edited."""
    folder = Path(tempfile.mkdtemp(prefix="isal-logs-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    edit(write_folder(folder))
    return str(folder)


def _longer(file: Path) -> None:
    """One more exchange or range: the last one once more, which is left out, but counted."""
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join([*lines, lines[-1]]))


#: Points of the state in which a job solves many.
POINTS_PER_JOB = 3

# --- what changes -----------------------------------------------------------------------------------------------------

#: The configuration and the networks file, to be changed in place.
Change = Callable[[dict[str, Any], dict[str, Any]], Any]


@dataclass(frozen=True)
class Row:
    """A change; ``key`` is the configuration's key that it is of."""

    group: str
    words: str
    change: Change
    key: str = ""


def in_order(table: dict[str, Any], first: str) -> None:
    """Put one entry before all others."""
    others = {name: table.pop(name) for name in list(table) if name != first}
    table.update(others)


def renamed(table: dict[str, Any], old: str, new: str) -> None:
    """Rename an entry at its place."""
    entries = {new if name == old else name: value for name, value in table.items()}
    table.clear()
    table.update(entries)


def value(key: str, new: Any) -> Row:
    """Another value of a key, given by its dotted name."""
    *tables, last = key.split(".")

    def change(config: dict[str, Any], _: dict[str, Any]) -> None:
        for name in tables:
            config = config[name]
        config[last] = new

    return Row(f"Configuration: {tables[0] if tables else 'top level'}", f"`{key}`", change, key)


def study(words: str, key: str, change: Callable[[dict[str, Any]], Any], name: str = "single") -> Row:
    """A change of a study."""
    return Row("Configuration: studies", words, lambda config, _: change(config["studies"][name]), f"studies.*.{key}")


def deployment(words: str, key: str, change: Callable[[dict[str, Any]], Any], name: str = "least") -> Row:
    """A change of a deployment."""
    return Row(
        "Configuration: deployments",
        words,
        lambda config, _: change(config["deployments"][name]),
        f"deployments.*.{key}",
    )


def drawn(key: str, new: Any) -> Row:
    """Another value of a key of an ensemble."""
    return Row(
        "Configuration: ensembles",
        f"`{key}`",
        lambda config, _: config["ensembles"]["few"].update({key: new}),
        f"ensembles.*.{key}",
    )


def _of_two_slots(config: dict[str, Any]) -> None:
    """Random networks of two slots, and a study that splits their energy."""
    config["ensembles"]["few"]["slots"] = 2
    config["studies"]["random"]["slot_1_energy_j"] = config["studies"]["random"].pop("step_1_energy_j")


def asked(name: str, question: str, key: str, new: Any) -> Row:
    """Another value of a setting of what a deployment asks."""
    return deployment(
        f"`{question}.{key}`", f"{question}.{key}", lambda deployed: deployed[question].update({key: new}), name
    )


def _of_heights(config: dict[str, Any]) -> None:
    """Random networks in space."""
    config["ensembles"]["few"].update(dict(zip(HEIGHTS, ([4, 6], [1, 2], [0, 2]), strict=True)))


def config(group: str, words: str, change: Callable[[dict[str, Any]], Any], key: str = "") -> Row:
    return Row(f"Configuration: {group}", words, lambda config, _: change(config), key)


def measured(words: str, change: Callable[[dict[str, Any]], Any]) -> Row:
    """A change of the folder of measurements."""
    return Row("Measurements", f"`measurements`: {words}", lambda config, _: change(config), "measurements")


def network(words: str, key: str, change: Callable[[dict[str, Any]], Any]) -> Row:
    return Row("Networks file", words, lambda _, networks: change(networks), key)


def moved(network: dict[str, Any], what: str) -> None:
    """Move the first node of a kind by a metre."""
    (network[what] if what == "target" else network[what][0])[0] += 1


def _apart(config: dict[str, Any]) -> None:
    """One more study, in which each slot is a network of its own."""
    double = {key: value for key, value in config["studies"]["double"].items() if key != "slot_1_energy_j"}
    config["studies"]["apart"] = double | {"slots": "apart"}


def _again(config: dict[str, Any]) -> None:
    """One more study, whose points all exist."""
    config["studies"]["again"] = config["studies"]["single"] | {"networks": ["7c"], "step_1_energy_j": [2, 5, 8]}


def _several_targets(networks: dict[str, Any]) -> None:
    table = networks["single_slot"]["7c"]
    table["targets"] = [table.pop("target")]


def _no_deployments(config: dict[str, Any]) -> None:
    config["deployments"].clear()
    draw = config["figures"]["draw"]
    for name in [name for name, figure in draw.items() if "deployment" in figure]:
        del draw[name]


JITTER = "timestamp_jitter_s"

#: Files of the folder of measurements.
STATIC, RUN = "static/LOS/height_100cm", "dynamic/LOS_walk"

ONE = {"anchors": [[20, 30], [170, 20]], "radars": [[60, 50], [70, 60]], "target": [68, 48]}

#: Other values of the parameters of the radio than those of the configuration.
OTHER = {
    "carrier_frequency_hz": 60e9,
    "antenna_gain_db": 11,
    "noise_density_dbm_hz": -170,
    "system_loss_db": 4,
    "radar_cross_section_m2": 20,
    "pulses": 2,
    "pulse": "flat",
    "timestamp_jitter_s": 150e-12,
    "velocity_variance": 1.0,
    "drift_variance": 1.0,
}

#: The same of what only a variant of the findings may change.
OTHER_IN_FINDINGS = {"power_cap_w": 2, "step_1": "ranging", "caps_per": "slot", "bandwidth_hz": 2.0e9}

ROWS: list[Row] = [
    value("results", "elsewhere"),
    value("networks", "config/mine.yaml"),
    value("paper", False),
    value("solver", "scs"),
    value("tolerance", 1e-7),
    value("points_per_job", 3),
    value("agreement.points_per_curve", 2),
    measured("null", lambda config: config.update(measurements=None)),
    measured("the same files elsewhere", lambda config: config.update(measurements=logs())),
    measured(
        "a static log of other content",
        lambda config: config.update(measurements=logs(lambda folder: _longer(folder / STATIC / "10m.csv"))),
    ),
    measured(
        "a static log less",
        lambda config: config.update(measurements=logs(lambda folder: (folder / STATIC / "10m.csv").unlink())),
    ),
    measured(
        "a static log at another distance",
        lambda config: config.update(
            measurements=logs(lambda folder: (folder / STATIC / "10m.csv").rename(folder / STATIC / "11m.csv"))
        ),
    ),
    measured(
        "a dynamic run of other content",
        lambda config: config.update(measurements=logs(lambda folder: _longer(folder / RUN / "A1.csv"))),
    ),
    measured(
        "a dynamic run more",
        lambda config: config.update(
            measurements=logs(lambda folder: shutil.copytree(folder / RUN, folder / "dynamic/again"))
        ),
    ),
    value("power_caps_w.radars", 6.5),
    value("power_caps_w.anchors", 6.5),
    *(value(f"radio.{key}", other) for key, other in OTHER.items() if key != JITTER),
    config(
        "radio",
        f"`radio.{JITTER}`, without deployments, which take none",
        lambda config: (config["radio"].update({JITTER: OTHER[JITTER]}), _no_deployments(config)),
        f"radio.{JITTER}",
    ),
    study("`networks`: one more", "networks", lambda study: study["networks"].append("7a")),
    study("`networks`: one less", "networks", lambda study: study["networks"].pop()),
    study("`networks`: another order", "networks", lambda study: study["networks"].reverse()),
    study("`clocks`: one more", "clocks", lambda study: study["clocks"].append("asynchronous"), "double"),
    study("`bandwidths_hz`: one more", "bandwidths_hz", lambda study: study["bandwidths_hz"].append(5.0e6)),
    *(
        study(
            f"`{key}`: listed, another value", key, lambda s, key=key, other=other: s.update({key: [other]}), "double"
        )
        for key, other in (OTHER | {"power_cap_w": 6.5, "step_1": "ranging", "caps_per": "slot"}).items()
    ),
    study("`schemes`: one more", "schemes", lambda study: study["schemes"].append("step-by-step-joint")),
    study("`schemes`: one less", "schemes", lambda study: study["schemes"].remove("integrated")),
    study("`total_energy_j`", "total_energy_j", lambda study: study.update(total_energy_j=12)),
    study("`step_1_energy_j`: the same as a list", "step_1_energy_j", lambda s: s.update(step_1_energy_j=[2, 5, 8])),
    study("`step_1_energy_j`: finer", "step_1_energy_j", lambda s: s.update(step_1_energy_j=[2, 3.5, 5, 8])),
    study("`step_1_energy_j`: coarser", "step_1_energy_j", lambda s: s.update(step_1_energy_j=[2, 5])),
    study(
        "`step_1_energy_j`: coarser, with another point in the middle, which all solvers are compared on",
        "step_1_energy_j",
        lambda study: study.update(step_1_energy_j=[5, 8]),
    ),
    study("`step_2_energy_j`: finer", "step_2_energy_j", lambda s: s.update(step_2_energy_j=[1, 1.5]), "three"),
    study("`slot_1_energy_j`: finer", "slot_1_energy_j", lambda s: s.update(slot_1_energy_j=[5, 5.5]), "double"),
    study(
        "`splits_j`: two splits more",
        "splits_j",
        lambda study: study.update(splits_j=[[4, 6], [5, 5]]),
    ),
    study("`split`: left out", "split", lambda study: study.pop("split")),
    config("studies", "a study more, of points that exist", _again),
    config("studies", "a study more, of slots that are taken apart", _apart, "studies.*.slots"),
    config("studies", "a study less", lambda config: config["studies"].pop("three")),
    config("studies", "a study renamed", lambda config: renamed(config["studies"], "three", "new")),
    config("studies", "the order of the studies", lambda config: in_order(config["studies"], "double")),
    deployment("`networks` of a deployment: one more", "networks", lambda deployed: deployed["networks"].append("7c")),
    deployment(
        "`clocks` of a deployment: one more", "clocks", lambda deployed: deployed["clocks"].append("asynchronous")
    ),
    deployment("`bandwidth_hz` of a deployment", "bandwidth_hz", lambda deployed: deployed.update(bandwidth_hz=1.0e9)),
    asked("least", "least_energy", "requirements_m", [0.05, 0.1]),
    asked("worst", "worst_target", "energies_j", [5, 10]),
    asked("rough", "robust", "sigma_m", [1, 2]),
    asked("balls", "robust", "radius_m", [1, 2]),
    asked("rough", "robust", "energy_j", 10),
    asked("rough", "robust", "samples", 5),
    asked("rough", "robust", "seed", 1),
    asked("surveyed", "survey_error", "sigma_m", [0.01, 0.1]),
    asked("surveyed", "survey_error", "energy_j", 10),
    config("deployments", "a deployment less", lambda config: config["deployments"].pop("balls")),
    config("deployments", "a deployment renamed", lambda config: renamed(config["deployments"], "balls", "new")),
    config("deployments", "the order of the deployments", lambda config: in_order(config["deployments"], "balls")),
    drawn("seed", 2),
    drawn("size", 3),
    drawn("without", [1]),
    drawn("anchors", 4),
    drawn("radars", [2, 3]),
    drawn("targets", 2),
    drawn("separations_m", [5, 50]),
    drawn("area_m", 100),
    *(config("ensembles", f"`{key}`, and the others", _of_heights, f"ensembles.*.{key}") for key in HEIGHTS),
    config("ensembles", "`slots`", _of_two_slots, "ensembles.*.slots"),
    value("findings.seed", 2),
    value("findings.samples", 6),
    value("findings.sensitivity_samples", 3),
    value("findings.total_energy_j", 12),
    value("findings.bandwidth_hz", 400.0e6),
    *(
        config(
            "findings",
            f"`variants`: one more, of another `{key}`",
            lambda config, change={key: number}: config["findings"]["variants"].update(another=change),
            f"findings.variants.*.{key}",
        )
        for key, number in (OTHER | OTHER_IN_FINDINGS).items()
    ),
    config("findings", "`variants`: one less", lambda config: config["findings"]["variants"].pop("capped")),
    config(
        "findings", "`variants`: one renamed", lambda config: renamed(config["findings"]["variants"], "capped", "new")
    ),
    config("findings", "`variants`: another order", lambda config: in_order(config["findings"]["variants"], "wide")),
    value("simulations.seed", 2),
    value("simulations.delays.pulses", ["flat", "gaussian"]),
    value("simulations.delays.search", 9),
    value("simulations.delays.snr_db", [0, 20, 10]),
    value("simulations.delays.blocks", 2),
    value("simulations.exchanges.jitter_s", [1e-10, 1e-9]),
    value("simulations.exchanges.reply_time_s", [1e-4]),
    value("simulations.exchanges.speed_m_s", [30]),
    value("simulations.exchanges.interval_s", [0.1]),
    value("simulations.exchanges.blocks", 2),
    value("simulations.positions.blocks", 2),
    value("simulations.steps.blocks", 2),
    value("simulations.steps.networks", 2),
    value("simulations.steps.network_blocks", 2),
    value("simulations.breakdown.off_m", [1, 2]),
    value("simulations.breakdown.blocks", 2),
    value("figures.formats", ["svg", "png", "pdf"]),
    config(
        "figures",
        "`draw`: another `kind`",
        lambda config: config["figures"]["draw"].update(solvers={"kind": "abundance"}),
        "figures.draw.*.kind",
    ),
    config(
        "figures",
        "`draw`: other `networks`",
        lambda config: config["figures"]["draw"]["maps"].update(networks=["7b", "7c"]),
        "figures.draw.*.networks",
    ),
    config(
        "figures",
        "`draw`: another `study`, here a new one",
        lambda config: (_again(config), config["figures"]["draw"]["curves"].update(study="again")),
        "figures.draw.*.study",
    ),
    config(
        "figures",
        "`draw`: another `deployment`",
        lambda config: config["figures"]["draw"]["rough"].update(deployment="balls"),
        "figures.draw.*.deployment",
    ),
    config("figures", "`draw`: a figure less", lambda config: config["figures"]["draw"].pop("maps")),
    config("figures", "`draw`: a figure renamed", lambda config: renamed(config["figures"]["draw"], "curves", "new")),
    *(value(f"style.{name}", "#123456") for name in STYLE),
    *(
        network(f"`{what}` of 7c moved", f"slot.{what}", lambda n, what=what: moved(n["single_slot"]["7c"], what))
        for what in ("radars", "anchors", "target")
    ),
    network("`radars` of 7b moved, which has a map", "slot.radars", lambda n: moved(n["single_slot"]["7b"], "radars")),
    network("`radars` of 8a moved in slot 2", "dual_slot", lambda n: moved(n["dual_slot"]["8a"][1], "radars")),
    network("`target` of 7c written as `targets`", "slot.targets", _several_targets),
    network(
        "`targets`: one more in 7c",
        "slot.targets",
        lambda n: (_several_targets(n), n["single_slot"]["7c"]["targets"].append([66, 100])),
    ),
    network(
        "`resources` of 7b, which has a map",
        "slot.resources",
        lambda n: n["single_slot"]["7b"].update(resources="limited"),
    ),
    network(
        "`installation` of 7c: noise of its receivers",
        "slot.installation",
        lambda n: n["single_slot"]["7c"].update(installation={"excess_noise_db": 1}),
    ),
    network("`resources` of 7c", "slot.resources", lambda n: n["single_slot"]["7c"].update(resources="abundant")),
    network("`note`", "note", lambda n: n.update(note="Measured layouts.")),
    network("an unused network moved", "single_slot", lambda n: moved(n["single_slot"]["7d"], "radars")),
    network("a network more", "single_slot", lambda n: n["single_slot"].update(new=ONE)),
    network(
        "a network more without radars to locate, which no statement is about",
        "slot.radars_known",
        lambda n: n["single_slot"].update(new=ONE | {"radars_known": True}),
    ),
    network("an unused network less", "single_slot", lambda n: n["single_slot"].pop("7d")),
    network("an unused network renamed", "single_slot", lambda n: renamed(n["single_slot"], "7d", "new")),
    network("the order of the networks", "single_slot", lambda n: in_order(n["single_slot"], "7c")),
]

# --- what is made again -----------------------------------------------------------------------------------------------

CODE = Code()


@cache
def sources() -> dict[str, dict[str, Any]]:
    """The configuration of the study and the networks file."""
    read = {name: yaml.safe_load((ROOT / f"config/{name}.yaml").read_text()) for name in ("config", "networks")}
    findings = read["config"]["findings"] | STUDY["findings"]
    read["config"].update(copy.deepcopy(STUDY | {"findings": findings, "measurements": logs()}))
    return read


def plan(change: Change | None = None) -> Plan:
    """The plan of the study after a change."""
    changed = copy.deepcopy(sources())
    if change is not None:
        change(changed["config"], changed["networks"])
    return Plan.of(parse(changed), CODE)


def words(found: Mapping[str, list[str]], everything: Mapping[str, list[str]]) -> str:
    """Names of results by kind, as a sentence: ``"StudyDataset `single`; all records"``."""
    told = []
    for kind, names in found.items():
        if len(everything.get(kind, ())) > 1 and names == everything[kind]:
            told.append(f"every {kind}")
        elif kind == "Record":
            of = {re.split("/(?:points|shards)/", name)[-1].split("/")[0] for name in names}
            told.append(f"Record of {', '.join(sorted(of))} ({len(names)})")
        else:
            told.append(" ".join([kind, ", ".join(f"`{name}`" for name in names if name)]).strip())
    return "; ".join(told) or "nothing"


# --- the tables of docs/reruns.md -------------------------------------------------------------------------------------

PAGE_FILE = ROOT / "docs" / "reruns.md"
BEGIN, END = "<!-- written by tests/workflow/reruns.py -->\n", "<!-- end -->\n"


def markdown() -> str:
    """The rows, and which kinds of results depend on which modules, as Markdown tables."""
    before = plan()
    everything = own(None, before)
    lines = []
    for group in dict.fromkeys(each.group for each in ROWS):
        lines += [f"\n### {group}\n", "| change | what is made again |", "|---|---|"]
        for each in (row for row in ROWS if row.group == group):
            lines.append(f"| {each.words} | {words(own(before, plan(each.change)), everything)} |")
    lines += ["\n### Code: modules of `isal`\n", "| results | modules |", "|---|---|"]
    by_kinds: dict[tuple[str, ...], list[str]] = {}
    for path in sorted((ROOT / "isal").rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        by_kinds.setdefault(tuple(kinds_of(before, name)), []).append(name.removeprefix("isal."))
    for kinds, modules in sorted(by_kinds.items(), key=lambda item: -len(item[0])):
        told = "every kind" if kinds == ("Record", *KINDS) else ", ".join(kinds) or "none"
        lines.append(f"| {told} | {', '.join(f'`{name}`' for name in modules)} |")
    return "\n".join(lines) + "\n\n"


def page() -> str:
    """docs/reruns.md with the tables of today."""
    before, _, rest = PAGE_FILE.read_text(encoding="utf-8").partition(BEGIN)
    return before + BEGIN + markdown() + END + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE_FILE.write_text(page(), encoding="utf-8")
