"""What runs again after which change: the data behind test_reruns.py and docs/reruns.md.

`python tests/workflow/matrix.py` writes the table into docs/reruns.md.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml
from project import ROOT, Project

# --- the study on which every change is tried -------------------------------------------------------------------------

#: A study of two steps on two networks, one of two slots, one of three steps; every kind of figure but step_simplex.
#: The cap of the variant `capped` does not bind, which is solved sooner.
STUDY = {
    "findings": {
        "samples": 4,
        "sensitivity_samples": 2,
        "samples_per_job": 4,
        "variants": {"capped": {"power_cap_w": 20}, "wide": {"bandwidth_hz": 1.0e9}},
    },
    "studies": {
        "single": {
            "networks": ["7b", "7c"],
            "clocks": ["synchronous"],
            "bandwidths_hz": [500.0e6],
            "schemes": ["integrated", "step-by-step-held"],
            "total_energy_j": 10,
            "step_1_energy_j": {"from": 2, "to": 8, "by": 3},
        },
        "double": {
            "networks": ["8a"],
            "clocks": ["synchronous"],
            "bandwidths_hz": [500.0e6],
            "schemes": ["integrated", "step-by-step-held"],
            "total_energy_j": 10,
            "slot_1_energy_j": [5],
        },
        "three": {
            "networks": ["7b"],
            "clocks": ["asynchronous"],
            "bandwidths_hz": [500.0e6],
            "schemes": ["step-by-step-held"],
            "total_energy_j": 10,
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
            "solvers": {"kind": "agreement"},
            "abundance": {"kind": "abundance"},
            "variants": {"kind": "variants"},
        },
    },
}

#: Points of the state in which a job solves many.
POINTS_PER_JOB = 3

# --- what runs --------------------------------------------------------------------------------------------------------

Jobs = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Effect:
    """Jobs, as outputs by rule, and the words for them."""

    words: str
    jobs: Jobs


def merged(effects: Iterable[Effect]) -> dict[str, list[str]]:
    """All jobs of some effects, as :meth:`project.Project.plan` tells them."""
    jobs: dict[str, set[str]] = {}
    for effect in effects:
        for rule, outputs in effect.jobs.items():
            jobs.setdefault(rule, set()).update(outputs)
    return {rule: sorted(outputs) for rule, outputs in jobs.items()}


def point(network: str, scheme: str, split: str, clock: str = "synchronous", band: str = "500MHz") -> str:
    """Path of a record."""
    return f"results/points/{network}/{clock}/{band}/{scheme}/{split}.nc"


HELD = "step-by-step-held"
POINTS_OF = {
    name: (point(name, "integrated", "e10000"), *(point(name, HELD, f"e{e}000-{10 - e}000") for e in (2, 5, 8)))
    for name in ("7b", "7c")
} | {
    "8a": (point("8a", "integrated", "e5000-5000"), point("8a", HELD, "e5000-5000")),
    "three": (point("7b", HELD, "e2000-1000-7000", "asynchronous"),),
}
DRAWN_FROM = {"single": ("curves",), "double": ("slots",)}
OBSERVED = {"base": 4, "capped": 2, "wide": 2}


def solved(words: str, *paths: str) -> Effect:
    return Effect(words, {"solve_point": paths})


def points(*groups: str) -> Effect:
    """Points of networks, or of the study `three`."""
    words = ", ".join("`three`" if group == "three" else group for group in groups)
    return solved(f"points of {words}", *(path for group in groups for path in POINTS_OF[group]))


def figures(*names: str, words: str = "", formats: tuple[str, ...] = ("svg", "png")) -> Effect:
    paths = tuple(f"results/figures/{name}.{suffix}" for name in names for suffix in formats)
    words = words or f"figure{'s' if len(names) > 1 else ''} {', '.join(f'`{name}`' for name in names)}"
    return Effect(words, {"draw_figure": paths} if paths else {})


def table(study: str) -> Jobs:
    return {"write_table": tuple(f"results/tables/{study}.{suffix}" for suffix in ("csv", "md"))}


BEST_SPLITS_TABLE = {"write_best_splits": ("results/tables/best_splits.csv", "results/tables/best_splits.md")}
AGREEMENT_TABLE = {"write_agreement": ("results/tables/solver_agreement.csv", "results/tables/solver_agreement.md")}
FINDINGS_PAGE = {"write_findings": ("results/findings.md",)}


def dataset(*studies: str) -> Effect:
    """Datasets, and the tables and figures made from them."""
    effects = [
        Effect(
            "",
            {"build_dataset": (f"results/datasets/{study}.nc",)}
            | table(study)
            | BEST_SPLITS_TABLE
            | figures(*DRAWN_FROM.get(study, ())).jobs,
        )
        for study in studies
    ]
    return Effect(f"dataset of {', '.join(f'`{study}`' for study in studies)}", frozen(merged(effects)))


def best_splits(*studies: str) -> Effect:
    """Best splits, their table and the figures that show them."""
    effects = [
        Effect(
            "",
            {"find_best_splits": (f"results/datasets/best_splits/{study}.nc",)}
            | BEST_SPLITS_TABLE
            | figures(*DRAWN_FROM.get(study, ())).jobs,
        )
        for study in studies
    ]
    return Effect(f"best splits of {', '.join(f'`{study}`' for study in studies)}", frozen(merged(effects)))


def observed(words: str, *parts: str) -> Effect:
    """Observations (`variant/part`), and what is gathered and judged from them."""
    variants = {part.split("/")[0] for part in parts}
    jobs = {
        "observe": tuple(f"results/observations/{part}.nc" for part in parts),
        **gathered(*variants).jobs,
    }
    return Effect(words, jobs)


def gathered(*variants: str) -> Effect:
    """Datasets of variants, the findings and their figures."""
    drawn = figures("variants", *(["abundance"] if "base" in variants else []))
    jobs = {"gather_observations": tuple(f"results/datasets/findings/{variant}.nc" for variant in variants)}
    words = ", ".join(f"`{variant}`" for variant in variants)
    return Effect(f"dataset of variant {words}", jobs | FINDINGS_PAGE | drawn.jobs)


def frozen(jobs: Mapping[str, list[str]]) -> Jobs:
    return {rule: tuple(outputs) for rule, outputs in jobs.items()}


def together(words: str, *effects: Effect) -> Effect:
    return Effect(words, frozen(merged(effects)))


ALL_POINTS = together("all points", points(*POINTS_OF))
ALL_DATASETS = together("all datasets", dataset("single", "double", "three"))
ALL_BEST_SPLITS = together("all best splits", best_splits("single", "double", "three"))
COMPARISON = Effect(
    "comparison of solvers",
    {"compare_solvers": ("results/datasets/solver_agreement.nc",)} | AGREEMENT_TABLE | figures("solvers").jobs,
)
OF_LAYOUTS = observed("observations of the layouts", *(f"{variant}/layouts" for variant in OBSERVED))
OF_RANDOM = observed(
    "observations of random networks", *(f"{variant}/random-0-{stop}" for variant, stop in OBSERVED.items())
)
ALL_OBSERVATIONS = together("all observations", OF_LAYOUTS, OF_RANDOM)
ALL_FIGURES = figures("maps", "curves", "slots", "solvers", "abundance", "variants", words="all figures")
ALL_TABLES = Effect(
    "tables of the studies",
    {"write_table": tuple(path for study in STUDY["studies"] for path in table(study)["write_table"])},
)
PAGE = Effect("findings page", FINDINGS_PAGE)
SPLITS_TABLE = Effect("table of best splits", BEST_SPLITS_TABLE)
SOLVERS_TABLE = Effect("table of solver agreement", AGREEMENT_TABLE)
SOLVED = (ALL_POINTS, ALL_DATASETS, ALL_BEST_SPLITS, COMPARISON, ALL_OBSERVATIONS)
EVERYTHING = together("everything", *SOLVED, figures("maps"))


def elsewhere(effect: Effect) -> Effect:
    """The same in another folder of results."""
    jobs = {
        rule: tuple(path.replace("results/", "elsewhere/", 1) for path in paths) for rule, paths in effect.jobs.items()
    }
    return Effect(f"{effect.words}, there", jobs)


@cache
def shards(points_per_job: int) -> dict[str, tuple[str, ...]]:
    """Paths of the records of each job that solves many points."""
    from isal.study.config import parse
    from isal.workflow.plan import Plan

    source = {name: yaml.safe_load((ROOT / f"config/{name}.yaml").read_text()) for name in ("config", "networks")}
    source["config"] |= STUDY | {"points_per_job": points_per_job, "findings": source["config"]["findings"]}
    plan = Plan.of(parse(source))
    return {shard: tuple(map(plan.in_results, paths)) for shard, paths in plan.shards.items()}


def jobs_with(words: str, points_per_job: int, *paths: str) -> Effect:
    """Jobs of many points that have one of these, or all jobs; and the datasets of what they hold."""
    wanted = set(paths or (path for group in POINTS_OF.values() for path in group))
    chosen = {f"solve_shard_{shard}": held for shard, held in shards(points_per_job).items() if wanted & set(held)}
    at_hand = {path for held in chosen.values() for path in held}
    groups = {"single": ("7b", "7c"), "double": ("8a",), "three": ("three",)}
    studies = [name for name, of in groups.items() if at_hand & {path for group in of for path in POINTS_OF[group]}]
    return together(words, Effect("", chosen), dataset(*studies))


# --- what changes -----------------------------------------------------------------------------------------------------

Change = Callable[[Project], Project | None]


@dataclass(frozen=True)
class Row:
    """A change and what runs after it. ``key`` is the configuration's, ``file`` the source that is changed."""

    group: str
    change: str
    do: Change
    jobs: tuple[Effect, ...]
    key: str = ""
    file: str = ""
    arguments: tuple[str, ...] = ()
    sharded: bool = False

    @property
    def words(self) -> str:
        return "; ".join(effect.words for effect in self.jobs) or "nothing"


ROWS: list[Row] = []


def row(group: str, change: str, do: Change, *jobs: Effect, **more: Any) -> None:
    ROWS.append(Row(group, change, do, jobs, **more))


def config(do: Callable[[dict[str, Any]], Any]) -> Change:
    return lambda project: project.configure(do)


def networks(do: Callable[[dict[str, Any]], Any]) -> Change:
    return lambda project: project.configure(do, "config/networks.yaml")


def in_order(table: dict[str, Any], first: str) -> None:
    """Put one entry before all others."""
    others = {name: table.pop(name) for name in list(table) if name != first}
    table.update(others)


def renamed(table: dict[str, Any], old: str, new: str) -> None:
    """Rename an entry at its place."""
    entries = {new if name == old else name: value for name, value in table.items()}
    table.clear()
    table.update(entries)


def study(name: str, **keys: Any) -> Change:
    return config(lambda content: content["studies"][name].update(keys))


TOP = "Configuration: top level"


def _other_networks(project: Project) -> None:
    shutil.copyfile(project.folder / "config/networks.yaml", project.folder / "config/mine.yaml")
    project.configure(lambda content: content.update(networks="config/mine.yaml"))


row(TOP, "nothing", lambda project: None)
row(
    TOP,
    "`results`: another folder",
    config(lambda content: content.update(results="elsewhere")),
    elsewhere(EVERYTHING),
    key="results",
)
row(TOP, "`networks`: another file with the same content", _other_networks, key="networks")
row(
    TOP,
    "`solver`",
    config(lambda content: content.update(solver="scs")),
    *(ALL_POINTS, ALL_DATASETS, ALL_BEST_SPLITS, ALL_OBSERVATIONS),
    key="solver",
)
row(
    TOP,
    "`tolerance`",
    config(lambda content: content.update(tolerance=1e-7)),
    *(ALL_POINTS, ALL_DATASETS, ALL_BEST_SPLITS),
    key="tolerance",
)
row(
    TOP,
    "`agreement.points_per_curve`: more",
    config(lambda content: content["agreement"].update(points_per_curve=2)),
    COMPARISON,
    key="agreement.points_per_curve",
)
for node in ("radars", "anchors"):
    row(
        TOP,
        f"`power_caps_w.{node}`",
        config(lambda content, node=node: content["power_caps_w"].update({node: 6.5})),
        *(ALL_POINTS, ALL_DATASETS, ALL_BEST_SPLITS, COMPARISON),
        key=f"power_caps_w.{node}",
    )

#: Other values than those of the configuration; two that only couple slots.
OTHER = {
    "carrier_frequency_hz": 60e9,
    "antenna_gain_db": 11,
    "noise_density_dbm_hz": -170,
    "system_loss_db": 4,
    "radar_cross_section_m2": 20,
    "pulses": 2,
    "pulse": "flat",
}
COUPLING = {"velocity_variance": 1.0, "drift_variance": 1.0}

RADIO = "Configuration: `radio`"
for name, value in OTHER.items():
    row(
        RADIO,
        f"`{name}`",
        config(lambda content, change={name: value}: content["radio"].update(change)),
        *SOLVED,
        key=f"radio.{name}",
    )
for name, value in COUPLING.items():
    row(
        RADIO,
        f"`{name}`, which couples slots",
        config(lambda content, change={name: value}: content["radio"].update(change)),
        *(points("8a"), dataset("double"), best_splits("double"), COMPARISON, ALL_OBSERVATIONS),
        key=f"radio.{name}",
    )

STUDIES = "Configuration: `studies`"


def _again(content: dict[str, Any]) -> None:
    """One more study, whose points all exist."""
    content["studies"]["again"] = content["studies"]["single"] | {"networks": ["7c"], "step_1_energy_j": [2, 5, 8]}


def _wider(content: dict[str, Any]) -> None:
    content["studies"]["single"]["networks"].append("7a")


def _drop_three(content: dict[str, Any]) -> None:
    del content["studies"]["three"]


def grid(group: str, change: str, grid_: Any, *jobs: Effect) -> None:
    row(group, change, study("single", step_1_energy_j=grid_), *jobs, key="studies.*.step_1_energy_j")


row(
    STUDIES,
    "`networks`: one more",
    config(_wider),
    solved("points of the new network", *(path.replace("/7b/", "/7a/") for path in POINTS_OF["7b"])),
    *(dataset("single"), best_splits("single"), COMPARISON),
    key="studies.*.networks",
)
row(
    STUDIES,
    "`networks`: one less",
    study("single", networks=["7b"]),
    *(dataset("single"), best_splits("single"), COMPARISON),
    key="studies.*.networks",
)
row(
    STUDIES,
    "`networks`: another order",
    study("single", networks=["7c", "7b"]),
    dataset("single"),
    key="studies.*.networks",
)
row(
    STUDIES,
    "`clocks`: one more",
    study("double", clocks=["synchronous", "asynchronous"]),
    solved("the new points", *(path.replace("synchronous", "asynchronous") for path in POINTS_OF["8a"])),
    *(dataset("double"), best_splits("double"), COMPARISON),
    key="studies.*.clocks",
)
row(
    STUDIES,
    "`bandwidths_hz`: one more",
    study("single", bandwidths_hz=[500.0e6, 5.0e6]),
    solved("the new points", *(path.replace("500MHz", "5MHz") for path in (*POINTS_OF["7b"], *POINTS_OF["7c"]))),
    *(dataset("single"), best_splits("single"), COMPARISON),
    key="studies.*.bandwidths_hz",
)
for name, value in (OTHER | COUPLING | {"power_cap_w": 6.5}).items():
    varied, groups = ("double", ["8a"]) if name in COUPLING else ("single", ["7b", "7c"])
    part = f"500MHz/{name}={value if isinstance(value, str) else f'{value:g}'}"
    row(
        STUDIES,
        f"`{name}`: listed, with another value",
        study(varied, **{name: [value]}),
        solved("the new points", *(path.replace("500MHz", part) for group in groups for path in POINTS_OF[group])),
        *(dataset(varied), best_splits(varied), COMPARISON),
        key=f"studies.*.{name}",
    )
row(
    STUDIES,
    "`radar_cross_section_m2`: listed, with the value of the configuration",
    study("single", radar_cross_section_m2=[10]),
    *(dataset("single"), best_splits("single"), COMPARISON),
    key="studies.*.radar_cross_section_m2",
)
row(
    STUDIES,
    "`schemes`: one more carry-over",
    study("single", schemes=["integrated", "step-by-step-held", "step-by-step-joint"]),
    solved(
        "the new points",
        *(path.replace("held", "joint") for path in (*POINTS_OF["7b"], *POINTS_OF["7c"]) if "held" in path),
    ),
    *(dataset("single"), best_splits("single"), COMPARISON),
    key="studies.*.schemes",
)
row(
    STUDIES,
    "`schemes`: without `integrated`, which has no split in one slot",
    study("single", schemes=["step-by-step-held"]),
    *(dataset("single"), COMPARISON),
    key="studies.*.schemes",
)
row(
    STUDIES,
    "`total_energy_j`",
    study("single", total_energy_j=12),
    solved(
        "the new points",
        *(
            path.replace("e10000", "e12000").replace(f"-{10 - e}000", f"-{12 - e}000")
            for name in ("7b", "7c")
            for path, e in zip(POINTS_OF[name], (0, 2, 5, 8), strict=True)
        ),
    ),
    *(dataset("single"), best_splits("single"), COMPARISON),
    key="studies.*.total_energy_j",
)
FINER = [point(name, HELD, "e3500-6500") for name in ("7b", "7c")]
grid(STUDIES, "`step_1_energy_j`: the same energies as a list", [2, 5, 8])
grid(
    STUDIES,
    "`step_1_energy_j`: finer",
    [2, 3.5, 5, 8],
    solved("the new points", *FINER),
    dataset("single"),
)
grid(STUDIES, "`step_1_energy_j`: coarser", [2, 5], dataset("single"))
grid(
    STUDIES,
    "`step_1_energy_j`: coarser, with another point in the middle, which all solvers are compared on",
    [5, 8],
    *(dataset("single"), COMPARISON),
)
row(
    STUDIES,
    "`step_2_energy_j`: finer, with another point in the middle",
    study("three", step_2_energy_j=[1, 1.5]),
    solved("the new points", point("7b", HELD, "e2000-1500-6500", "asynchronous")),
    *(dataset("three"), COMPARISON),
    key="studies.*.step_2_energy_j",
)
row(
    STUDIES,
    "`slot_1_energy_j`: finer, with another point in the middle",
    study("double", slot_1_energy_j=[5, 5.5]),
    solved("the new points", *(point("8a", scheme, "e5500-4500") for scheme in ("integrated", HELD))),
    *(dataset("double"), COMPARISON),
    key="studies.*.slot_1_energy_j",
)
row(STUDIES, "a study more, of points that exist", config(_again), dataset("again"), best_splits("again"))
row(STUDIES, "a study less", config(_drop_three), SPLITS_TABLE, COMPARISON)
row(
    STUDIES,
    "a study renamed",
    config(lambda content: renamed(content["studies"], "three", "new")),
    *(dataset("new"), best_splits("new")),
)
row(
    STUDIES,
    "the order of the studies",
    config(lambda content: in_order(content["studies"], "double")),
    SPLITS_TABLE,
)

FINDINGS = "Configuration: `findings`"


def findings(**keys: Any) -> Change:
    return config(lambda content: content["findings"].update(keys))


def variant(**variants: Any) -> Change:
    return config(lambda content: content["findings"]["variants"].update(variants))


row(FINDINGS, "`seed`", findings(seed=2), OF_RANDOM, key="findings.seed")
row(
    FINDINGS,
    "`samples`: more, and a new job",
    findings(samples=6),
    observed("observations of the new ones", "base/random-4-6"),
    key="findings.samples",
)
row(
    FINDINGS,
    "`samples`: fewer, or more within the last job",
    findings(samples=3),
    observed("observations of the last job", "base/random-0-3"),
    key="findings.samples",
)
row(
    FINDINGS,
    "`sensitivity_samples`: more within the last job",
    findings(sensitivity_samples=3),
    observed("observations of the last job of every variant but `base`", "capped/random-0-3", "wide/random-0-3"),
    key="findings.sensitivity_samples",
)
row(
    FINDINGS,
    "`samples_per_job`",
    findings(samples_per_job=2),
    observed("observations of the jobs that are new", "base/random-0-2", "base/random-2-4"),
    key="findings.samples_per_job",
)
row(FINDINGS, "`total_energy_j`", findings(total_energy_j=12), ALL_OBSERVATIONS, key="findings.total_energy_j")
row(
    FINDINGS,
    "`bandwidth_hz`",
    findings(bandwidth_hz=400.0e6),
    observed(
        "observations of every variant but that of another bandwidth",
        *(f"{name}/{part}" for name in ("base", "capped") for part in ("layouts", f"random-0-{OBSERVED[name]}")),
    ),
    key="findings.bandwidth_hz",
)
for name, value in (OTHER | COUPLING | {"power_cap_w": 2, "bandwidth_hz": 2.0e9}).items():
    row(
        FINDINGS,
        f"`variants`: one more, of another `{name}`",
        variant(another={name: value}),
        observed("observations in the new variant", "another/layouts", "another/random-0-2"),
        key=f"findings.variants.*.{name}",
    )
row(
    FINDINGS,
    "`variants`: another value",
    variant(capped={"power_cap_w": 2}),
    observed("observations in this variant", "capped/layouts", "capped/random-0-2"),
)
row(
    FINDINGS,
    "`variants`: one renamed",
    config(lambda content: renamed(content["findings"]["variants"], "capped", "new")),
    observed("observations in the new variant", "new/layouts", "new/random-0-2"),
)
row(
    FINDINGS,
    "`variants`: one less",
    config(lambda content: content["findings"]["variants"].pop("capped")),
    *(PAGE, figures("variants")),
)
row(
    FINDINGS,
    "`variants`: another order",
    config(lambda content: in_order(content["findings"]["variants"], "wide")),
    *(PAGE, figures("variants")),
)

DRAW = "Configuration: `figures` and `style`"


def draw(**entries: Any) -> Change:
    return config(lambda content: content["figures"]["draw"].update(entries))


def formats(*names: str) -> Change:
    return config(lambda content: content["figures"].update(formats=list(names)))


def _figure_of_another_study(content: dict[str, Any]) -> None:
    _again(content)
    content["figures"]["draw"]["curves"]["study"] = "again"


row(
    DRAW,
    "`formats`: one more",
    formats("svg", "png", "pdf"),
    figures(*STUDY["figures"]["draw"], words="all figures", formats=("svg", "png", "pdf")),
    key="figures.formats",
)
row(DRAW, "`formats`: one less", formats("svg"), key="figures.formats")
row(DRAW, "`formats`: another order", formats("png", "svg"), key="figures.formats")
row(
    DRAW,
    "`draw`: another `kind`",
    draw(solvers={"kind": "abundance"}),
    figures("solvers", words="this figure"),
    key="figures.draw.*.kind",
)
row(
    DRAW,
    "`draw`: other `networks`",
    draw(maps={"kind": "layouts", "networks": ["7b", "7c"]}),
    figures("maps", words="this figure"),
    key="figures.draw.*.networks",
)
row(
    DRAW,
    "`draw`: another `study`, here a new one",
    config(_figure_of_another_study),
    *(figures("curves", words="this figure"), dataset("again"), best_splits("again")),
    key="figures.draw.*.study",
)
row(
    DRAW,
    "`draw`: a figure more",
    draw(more={"kind": "step_energy", "study": "single"}),
    figures("more", words="this figure"),
)
row(DRAW, "`draw`: a figure less", config(lambda content: content["figures"]["draw"].pop("maps")))
row(
    DRAW,
    "`draw`: a figure renamed",
    config(lambda content: renamed(content["figures"]["draw"], "curves", "new")),
    figures("new", words="this figure"),
)
for name in ("anchor", "radar", "target", "integrated", "held", "added", "marginal", "joint"):
    row(
        DRAW,
        f"`style.{name}`",
        config(lambda content, name=name: content["style"].update({name: "#123456"})),
        ALL_FIGURES,
        key=f"style.{name}",
    )

LAYOUTS = "Networks file"
ONE = {"anchors": [[20, 30], [170, 20]], "radars": [[60, 50], [70, 60]], "target": [68, 48]}


def moved(name: str, what: str, slot: int | None = None) -> Change:
    """Move the first node of a kind by a metre."""

    def move(content: dict[str, Any]) -> None:
        layout = content["single_slot"][name] if slot is None else content["dual_slot"][name][slot]
        positions = layout[what] if what == "target" else layout[what][0]
        positions[0] += 1

    return networks(move)


def layout(name: str, **keys: Any) -> Change:
    return networks(lambda content: content["single_slot"].setdefault(name, {}).update(keys))


def _several_targets(content: dict[str, Any]) -> None:
    table = content["single_slot"]["7c"]
    table["targets"] = [table.pop("target")]


def _two_targets(content: dict[str, Any]) -> None:
    _several_targets(content)
    content["single_slot"]["7c"]["targets"].append([66, 100])


OF_7C = (points("7c"), dataset("single"), best_splits("single"), COMPARISON, OF_LAYOUTS)
OF_7B = (
    points("7b", "three"),
    dataset("single", "three"),
    best_splits("single", "three"),
    COMPARISON,
    OF_LAYOUTS,
    figures("maps"),
)
OF_8A = (points("8a"), dataset("double"), best_splits("double"), COMPARISON, OF_LAYOUTS)
for what in ("radars", "anchors", "target"):
    row(LAYOUTS, f"`{what}` of 7c moved", moved("7c", what), *OF_7C, key=f"network.{what}")
row(LAYOUTS, "`radars` of 7b moved, which has a map", moved("7b", "radars"), *OF_7B, key="network.radars")
row(LAYOUTS, "`radars` of 8a moved in slot 2", moved("8a", "radars", 1), *OF_8A, key="dual_slot")
row(LAYOUTS, "`target` of 7c written as `targets`", networks(_several_targets), key="network.targets")
row(LAYOUTS, "`targets`: one more in 7c", networks(_two_targets), *OF_7C, key="network.targets")
row(
    LAYOUTS,
    "`resources` of 7b, which has a map",
    layout("7b", resources="limited"),
    figures("maps"),
    key="network.resources",
)
row(LAYOUTS, "`resources` of 7c, which has none", layout("7c", resources="abundant"), key="network.resources")
row(
    LAYOUTS,
    "`note`",
    networks(lambda content: content.update(note="Measured layouts.")),
    *(ALL_DATASETS, PAGE, ALL_FIGURES),
    key="note",
)
row(LAYOUTS, "an unused network moved", moved("7d", "radars"), OF_LAYOUTS, key="single_slot")
row(LAYOUTS, "a network more", layout("new", **ONE), OF_LAYOUTS, key="single_slot")
row(
    LAYOUTS,
    "a network more without radars to locate, which no statement is about",
    layout("new", **ONE, radars_known=True),
    key="network.radars_known",
)
row(
    LAYOUTS,
    "an unused network with `radars_known` from now on",
    layout("7d", radars_known=True),
    OF_LAYOUTS,
    key="network.radars_known",
)
row(
    LAYOUTS,
    "an unused network less",
    networks(lambda content: content["single_slot"].pop("7d")),
    OF_LAYOUTS,
    key="single_slot",
)
row(
    LAYOUTS,
    "an unused network renamed",
    networks(lambda content: renamed(content["single_slot"], "7d", "new")),
    OF_LAYOUTS,
    key="single_slot",
)
row(
    LAYOUTS,
    "the order of the networks, and so of the rows of the findings",
    networks(lambda content: in_order(content["single_slot"], "7c")),
    OF_LAYOUTS,
    key="single_slot",
)

CODE = "Code: modules of `isal/`, any change of content"


def appended(file: str, text: str = "\n# a change\n") -> Change:
    def append(project: Project) -> None:
        with (project.folder / file).open("a", encoding="utf-8") as source:
            source.write(text)

    return append


#: Every module; the test says if one is missing.
MODULES: dict[str, tuple[Effect, ...]] = {
    "__init__.py": (),
    "agreement.py": (COMPARISON,),
    "allocation.py": SOLVED,
    "claims/__init__.py": (PAGE,),
    "claims/page.py": (PAGE,),
    "claims/samples.py": (PAGE, figures("abundance", "variants")),
    "claims/sensitivity.py": (PAGE, figures("variants")),
    "claims/statement.py": (PAGE, figures("variants")),
    "claims/statements.py": (PAGE, figures("variants")),
    "carry_overs.py": (*SOLVED, ALL_FIGURES),
    "config.py": (),
    "config_docs.py": (),
    "config_keys.py": (),
    "ensemble.py": (OF_RANDOM,),
    "errors.py": SOLVED,
    "figures/__init__.py": (ALL_FIGURES,),
    "figures/abundance.py": (ALL_FIGURES,),
    "figures/agreement.py": (ALL_FIGURES,),
    "figures/curves.py": (ALL_FIGURES,),
    "figures/exact.py": (ALL_FIGURES,),
    "figures/layouts.py": (ALL_FIGURES,),
    "figures/variants.py": (ALL_FIGURES,),
    "figures/slot_energy.py": (ALL_FIGURES,),
    "figures/step_energy.py": (ALL_FIGURES,),
    "figures/step_simplex.py": (ALL_FIGURES,),
    "figures/style.py": (ALL_FIGURES,),
    "files.py": (*SOLVED, ALL_TABLES, SPLITS_TABLE, SOLVERS_TABLE, PAGE, ALL_FIGURES),
    "fisher.py": SOLVED,
    "knowledge.py": SOLVED,
    "locks.py": (),
    "matrices.py": SOLVED,
    "netcdf/__init__.py": (),
    "netcdf/datasets.py": (ALL_DATASETS,),
    "netcdf/storage.py": (ALL_DATASETS, ALL_BEST_SPLITS, COMPARISON, ALL_OBSERVATIONS),
    "netcdf/records.py": (ALL_POINTS, ALL_DATASETS),
    "network.py": (*SOLVED, figures("maps")),
    "observations.py": (ALL_OBSERVATIONS,),
    "optima.py": (ALL_BEST_SPLITS,),
    "points.py": (ALL_POINTS, ALL_DATASETS, ALL_BEST_SPLITS, COMPARISON),
    "pulse.py": SOLVED,
    "radio.py": SOLVED,
    "registry.py": (*SOLVED, ALL_TABLES, ALL_FIGURES),
    "scheduler.py": SOLVED,
    "schemes.py": SOLVED,
    "solvers/__init__.py": SOLVED,
    "solvers/cvxpy_paper.py": (COMPARISON,),
    "solvers/interior_point.py": SOLVED,
    "solvers/scs_sdp.py": (COMPARISON,),
    "sources.py": (),
    "splits.py": (
        solved("points of two slots, step by step", point("8a", HELD, "e5000-5000")),
        *(dataset("double"), ALL_BEST_SPLITS, COMPARISON, ALL_OBSERVATIONS),
    ),
    "status.py": (),
    "study.py": (),
    "tables.py": (ALL_TABLES, SPLITS_TABLE, SOLVERS_TABLE, PAGE),
    "temporal.py": SOLVED,
    "units.py": SOLVED,
    "validation/__init__.py": (),
    "validation/clocks.py": (),
    "validation/delay.py": (),
    "validation/double_counting.py": (),
    "validation/links.py": (),
    "validation/logs.py": (),
    "validation/measurements.py": (),
    "validation/positions.py": (),
    "validation/statistics.py": (),
    "validation/step_estimators.py": (),
    "validation/tracking.py": (),
}
for name, effects in MODULES.items():
    row(CODE, f"`{name}`", appended(f"isal/{name}"), *effects, file=f"isal/{name}")

WORKFLOW = "Code: the workflow"
#: Every script and what it makes.
SCRIPTS: dict[str, tuple[Effect, ...]] = {
    "build_dataset.py": (ALL_DATASETS,),
    "compare_solvers.py": (COMPARISON,),
    "draw_figure.py": (ALL_FIGURES,),
    "find_best_splits.py": (ALL_BEST_SPLITS,),
    "gather_observations.py": (together("datasets of all variants", gathered(*OBSERVED)),),
    "observe.py": (ALL_OBSERVATIONS,),
    "show_status.py": (),
    "solve_points.py": (ALL_POINTS, ALL_DATASETS),
    "write_agreement.py": (SOLVERS_TABLE,),
    "write_best_splits.py": (SPLITS_TABLE,),
    "write_findings.py": (PAGE,),
    "write_table.py": (ALL_TABLES,),
}
#: Rule file -> scripts that its shell commands call.
RULES = {
    "agreement.smk": ("compare_solvers.py", "write_agreement.py"),
    "best_splits.smk": ("find_best_splits.py", "write_best_splits.py"),
    "common.smk": (),
    "datasets.smk": ("build_dataset.py",),
    "figures.smk": ("draw_figure.py",),
    "findings.smk": ("observe.py", "gather_observations.py", "write_findings.py"),
    "points.smk": ("solve_points.py",),
    "tables.smk": ("write_table.py",),
}
for name, effects in SCRIPTS.items():
    file = f"workflow/scripts/{name}"
    row(WORKFLOW, f"`scripts/{name}`, any change of content", appended(file), *effects, file=file)
for name, called in RULES.items():
    file = f"workflow/rules/{name}"
    row(WORKFLOW, f"`rules/{name}`: all but a shell command", appended(file), file=file)
    for script in called:

        def longer(project: Project, file: str = file, script: str = script) -> None:
            project.edit(file, f'python "$ISAL_SCRIPTS/{script}"', f'python -u "$ISAL_SCRIPTS/{script}"')

        row(WORKFLOW, f"`rules/{name}`: the command that calls `{script}`", longer, *SCRIPTS[script], file=file)
for file in ("Snakefile", "workflow/schemas/config.schema.yaml", "workflow/schemas/networks.schema.yaml"):
    row(WORKFLOW, f"`{file.removeprefix('workflow/')}`", appended(file), file=file)
for name in ("agreement", "best_splits", "figure", "findings", "table", "workflow"):
    file = f"workflow/report/{name}.rst"
    row(WORKFLOW, f"`report/{name}.rst`, a caption", appended(file, "\nMore.\n"), file=file)
for file in ("profiles/default/config.yaml", "profiles/slurm/config.yaml", "config/config.yaml", "config/smoke.yaml"):
    row(WORKFLOW, f"`{file}`: a comment", appended(file), file=file)
row(
    WORKFLOW,
    "`config/networks.yaml`: a comment",
    appended("config/networks.yaml"),
    file="config/networks.yaml",
)
row(WORKFLOW, "`envs/isal.yaml`", appended("envs/isal.yaml"), file="envs/isal.yaml")
row(WORKFLOW, "`envs/requirements.txt`", appended("envs/requirements.txt"), file="envs/requirements.txt")

RESULTS = "Results removed"


def removed(*paths: str) -> Change:
    def remove(project: Project) -> None:
        for path in paths:
            found = project.folder / path
            shutil.rmtree(found) if found.is_dir() else found.unlink()

    return remove


A_RECORD = POINTS_OF["7b"][1]
row(RESULTS, "a record", removed(A_RECORD), solved("this point", A_RECORD), dataset("single"))
row(RESULTS, "a dataset", removed("results/datasets/single.nc"), dataset("single"))
row(RESULTS, "best splits", removed("results/datasets/best_splits/single.nc"), best_splits("single"))
row(RESULTS, "the comparison of solvers", removed("results/datasets/solver_agreement.nc"), COMPARISON)
row(RESULTS, "a table", removed("results/tables/single.md"), Effect("this table", table("single")))
row(RESULTS, "the table of best splits", removed("results/tables/best_splits.csv"), SPLITS_TABLE)
row(RESULTS, "the table of solver agreement", removed("results/tables/solver_agreement.md"), SOLVERS_TABLE)
row(RESULTS, "one format of a figure", removed("results/figures/curves.png"), figures("curves", words="this figure"))
row(RESULTS, "the findings page", removed("results/findings.md"), PAGE)
row(
    RESULTS,
    "the dataset of a variant",
    removed("results/datasets/findings/capped.nc"),
    together("this dataset", gathered("capped")),
)
row(RESULTS, "observations, which nothing needs any more", removed("results/observations"))
row(RESULTS, "`plan.json`", removed("results/plan.json"))
row(RESULTS, "logs", removed("results/logs"))
row(RESULTS, "everything", removed("results"), EVERYTHING)

LOST = "Snakemake's notes removed (`.snakemake`), or a fresh clone over old results"


def without_notes(do: Change) -> Change:
    def change(project: Project) -> None:
        shutil.rmtree(project.folder / ".snakemake")
        do(project)

    return change


def _clone(project: Project) -> Project:
    clone = Project.create(project.folder.parent / "clone", STUDY)
    shutil.copytree(project.folder / "results", clone.folder / "results")
    return clone


row(LOST, "nothing else", without_notes(lambda project: None))
row(LOST, "nothing else, in a fresh clone", _clone)
row(LOST, "`radars` of 7c moved", without_notes(moved("7c", "radars")), *OF_7C)
row(LOST, "`radio.pulses`", without_notes(config(lambda content: content["radio"].update(pulses=2))), *SOLVED)
row(LOST, "`fisher.py`", without_notes(appended("isal/model/fisher.py")), *SOLVED)
row(LOST, "`netcdf/datasets.py`", without_notes(appended("isal/study/store/datasets.py")), ALL_DATASETS)
row(LOST, "`optima.py`", without_notes(appended("isal/study/best_splits.py")), ALL_BEST_SPLITS)
row(LOST, "`agreement.py`", without_notes(appended("isal/study/agreement.py")), COMPARISON)
row(LOST, "`findings.seed`", without_notes(findings(seed=2)), OF_RANDOM)
row(LOST, "a coarser grid", without_notes(study("single", step_1_energy_j=[2, 5])), dataset("single"))
row(LOST, "a colour: **not noticed**", without_notes(config(lambda content: content["style"].update(held="#123456"))))
row(LOST, "`tables.py`: **not noticed**", without_notes(appended("isal/study/tables.py")))

PLACES = "Dates and places"


def touched(*folders: str) -> Change:
    def touch(project: Project) -> None:
        for folder in folders:
            top = project.folder / folder
            for path in [top, *top.rglob("*")]:
                if path.is_file():
                    os.utime(path)

    return touch


def _moved_away(project: Project) -> Project:
    return Project(project.folder.rename(project.folder.with_name("elsewhere")))


def _started_below(project: Project) -> Project:
    return Project(project.folder, project.folder / "workflow")


def _started_elsewhere(project: Project) -> Project:
    start = project.folder.with_name("start")
    shutil.copytree(project.folder / "config", start / "config")
    return Project(project.folder, start)


row(PLACES, "every source touched", touched("isal", "workflow", "config", "profiles", "envs", "Snakefile"))
row(PLACES, "every result touched, in order of their names", touched("results"))
row(PLACES, "the project's folder moved", _moved_away)
row(
    PLACES,
    "started in another folder with `--directory`",
    _started_below,
    arguments=("--snakefile", "../Snakefile", "--directory", ".."),
)
row(
    PLACES,
    "started in another folder, which has a configuration and no results",
    _started_elsewhere,
    EVERYTHING,
    arguments=("--snakefile", "../project/Snakefile"),
)

SHARDS = "Points per job"


def per_job(number: int) -> Change:
    return config(lambda content: content.update(points_per_job=number))


row(
    SHARDS,
    "`points_per_job`: from 1 to more",
    per_job(POINTS_PER_JOB),
    jobs_with("a look at all points, which hold; all datasets", POINTS_PER_JOB),
    key="points_per_job",
)
row(
    SHARDS,
    "`points_per_job`: from 3 to 1",
    per_job(1),
    together("a look at all points, which hold; all datasets", ALL_POINTS, ALL_DATASETS),
    key="points_per_job",
    sharded=True,
)
row(
    SHARDS,
    "`points_per_job`: from 3 to 6",
    per_job(6),
    jobs_with("a look at all points, which hold; all datasets", 6),
    key="points_per_job",
    sharded=True,
)
row(SHARDS, "`points_per_job`: from 3 to 5, as many jobs", per_job(5), key="points_per_job", sharded=True)
row(SHARDS, "3 per job: nothing", lambda project: None, sharded=True)
row(
    SHARDS,
    "3 per job: `radars` of 7c moved",
    moved("7c", "radars"),
    jobs_with(
        "points of 7c, in jobs that leave others alone; datasets of all in them", POINTS_PER_JOB, *POINTS_OF["7c"]
    ),
    *(best_splits("single"), COMPARISON, OF_LAYOUTS),
    sharded=True,
)
row(
    SHARDS,
    "3 per job: a record removed",
    removed(A_RECORD),
    jobs_with("this point, in a job that leaves others alone; datasets of all in it", POINTS_PER_JOB, A_RECORD),
    sharded=True,
)

# --- the table of docs/reruns.md --------------------------------------------------------------------------------------

PAGE_FILE = ROOT / "docs" / "reruns.md"
BEGIN, END = "<!-- written by tests/workflow/matrix.py -->\n", "<!-- end -->\n"


def markdown() -> str:
    """The rows as Markdown tables, by group."""
    lines = []
    for group in dict.fromkeys(each.group for each in ROWS):
        lines += [f"\n### {group}\n", "| change | what runs |", "|---|---|"]
        lines += [f"| {each.change} | {each.words} |" for each in ROWS if each.group == group]
    return "\n".join(lines) + "\n\n"


def page() -> str:
    """docs/reruns.md with the table of today's rows."""
    before, _, rest = PAGE_FILE.read_text(encoding="utf-8").partition(BEGIN)
    return before + BEGIN + markdown() + END + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE_FILE.write_text(page(), encoding="utf-8")
