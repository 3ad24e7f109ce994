"""The results of a study: one class per kind, which says where a result stands, what it depends on, and how it is made.

Rules, status and documents ask these classes. ``make`` imports within itself all code that it uses: so the fingerprint
of a result holds exactly the code that makes it (:mod:`isal.study.fingerprint`), and a plan is read without the
libraries that draw figures.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from isal.study import config
from isal.study.axes import COUPLING
from isal.study.config_keys import FIGURE_KINDS
from isal.study.fingerprint import digest
from isal.study.points import Point
from isal.validation import log_folder
from isal.workflow.plan import Plan, PlanError, curves

if TYPE_CHECKING:  # a plan is read without it
    import xarray as xr

    from isal.study.store.slabs import Slab
    from isal.workflow.record_files import RecordFile

#: Categories of the report that several kinds of results share.
ESTIMATORS = "Bounds against estimators"
MEASUREMENTS = "Measurements"
DEPLOYMENTS = "Deployments"

#: Titles of the tables of simulations.
TITLES = {
    "positions": "Positions: simulated errors against their bounds",
    "steps": "Step-by-step estimates: simulated errors against their bounds",
    "starts": "Starts off the truth: whether maximum likelihood finds it",
    "outliers": "Links below their threshold: errors over the bound",
}


#: Formats of figures that a browser shows as a picture, best first.
PICTURES = ("svg", "png")


def in_words(name: str) -> str:
    """A name as the beginning of a title: ``"Carry over"``. Numbers are padded, so that they sort as such."""
    text = " ".join(word.rjust(2, "\N{FIGURE SPACE}") if word.isdigit() else word for word in name.split("_"))
    return text[:1].upper() + text[1:]


def _page(path: str) -> tuple[str, str]:
    """Files of a page (:mod:`isal.study.pages`)."""
    return f"{path}.md", f"{path}.html"


@dataclass(frozen=True, eq=False)
class Product(ABC):
    """One result of a plan.

    ``name`` tells it from others of its kind and fills the paths of its ``files``, below the results; the only one of
    a kind has none. A ``sealed`` result is one dataset that holds its fingerprint. A job that ``solves`` leaves alone
    what still holds.
    """

    plan: Plan
    name: str = ""

    files: ClassVar[Sequence[str]]
    sealed: ClassVar[bool] = False
    solves: ClassVar[bool] = False

    @classmethod
    def names(cls, plan: Plan) -> Sequence[str]:
        """Names of all results of this kind."""
        return [""]

    @classmethod
    def all(cls, plan: Plan) -> list[Product]:
        """All results of this kind."""
        return [cls(plan, name) for name in cls.names(plan)]

    @classmethod
    def patterns(cls, plan: Plan) -> list[str]:
        """Paths of the files of this kind, with ``{name}`` for the name."""
        return [plan.in_results(file) for file in cls.files]

    @property
    def title(self) -> str:
        """What the report calls it."""
        return in_words(self.name)

    @property
    def category(self) -> str:
        """Where in the report it stands."""
        return "Tables"

    @property
    def outputs(self) -> list[str]:
        """Paths of its files."""
        return [pattern.format(name=self.name) for pattern in self.patterns(self.plan)]

    @property
    def sources(self) -> Sequence[Product]:
        """The datasets that it is made from."""
        return []

    @property
    def inputs(self) -> list[str]:
        """Paths of the files that it is made from, in the order in which :meth:`make` takes them."""
        return [path for source in self.sources for path in source.outputs]

    @property
    def content(self) -> object:
        """What it depends on besides its sources and the code, as plain data."""
        return []

    @property
    def loaded(self) -> Sequence[str]:
        """Modules that :meth:`make` imports by names made at run time."""
        return []

    @cached_property
    def fingerprint(self) -> str:
        """Digest of all that it depends on, but for the content of its sources."""
        sources = [source.fingerprint if self.sealed else source.name for source in self.sources]
        return digest([self.content, sources, self.plan.code.of(type(self).make, self.loaded)])

    @abstractmethod
    def make(self, inputs: Sequence[Path], outputs: Sequence[Path], fingerprint: str) -> None:
        """Make it; its files appear under their names when they are complete.

        Raises
        ------
        IsalError
            If it can't be made.
        files.WriteError
            If it can't be written.
        """


class _OfStudies(Product):
    """One for each study."""

    @classmethod
    def names(cls, plan: Plan) -> Sequence[str]:
        return list(plan.configuration.studies)


class StudyDataset(_OfStudies):
    """All points of a study over its axes."""

    files = ("datasets/{name}.nc",)
    sealed = True

    @property
    def inputs(self) -> list[str]:
        return [file.path for file in self.plan.study_files(self.name)]

    @property
    def content(self) -> object:
        named = self.plan.study_points(self.name)
        points = digest([[name, self.plan.fingerprint(point)] for name, point in named.items()])
        sizes = self.plan.configuration.studies[self.name].sizes
        members = [[name, self.plan.ensembles[name].numbers(), self.plan.of_members(self.name, name)] for name in sizes]
        return [points, members, self.plan.axes(self.name), self.plan.configuration.layouts_note]

    def make(self, inputs: Sequence[Path], outputs: Sequence[Path], fingerprint: str) -> None:
        from isal.study.store import datasets

        # not from the inputs: more paths than a command line takes
        datasets.write(
            outputs[0],
            self.plan.slabs(self.name),
            fingerprint,
            study=self.name,
            note=self.plan.configuration.layouts_note,
            axes=self.plan.axes(self.name),
        )


class StudyTable(Product):
    """The best point of every curve of a study, but for ensembles."""

    files = ("tables/{name}.csv", *_page("tables/{name}"))

    @classmethod
    def names(cls, plan: Plan) -> Sequence[str]:
        return [name for name, study in plan.configuration.studies.items() if study.named]

    @property
    def title(self) -> str:
        return f"Best points: {in_words(self.name)}"

    @property
    def sources(self) -> Sequence[Product]:
        return [StudyDataset(self.plan, self.name)]

    def make(self, inputs: Sequence[Path], outputs: Sequence[Path], fingerprint: str) -> None:
        from isal.study import ensembles, tables
        from isal.study.store import storage

        dataset = ensembles.named(storage.read(inputs[0]))
        tables.write(tables.best_points(dataset), outputs, dataset.attrs["comment"], self.title)


class EnsembleTable(Product):
    """Quantiles of the best points over the networks of each ensemble of a study."""

    files = ("tables/ensembles/{name}.csv", *_page("tables/ensembles/{name}"))

    @classmethod
    def names(cls, plan: Plan) -> Sequence[str]:
        return [name for name, study in plan.configuration.studies.items() if study.sizes]

    @property
    def title(self) -> str:
        return f"Best points over ensembles: {in_words(self.name)}"

    @property
    def sources(self) -> Sequence[Product]:
        return [StudyDataset(self.plan, self.name)]

    def make(self, inputs: Sequence[Path], outputs: Sequence[Path], fingerprint: str) -> None:
        from isal.study import ensemble_tables
        from isal.study.store import storage

        ensemble_tables.write(ensemble_tables.best_points(storage.read(inputs[0])), outputs, self.title)


class Allocations(Product):
    """Powers, links and errors at the best splits of a study whose maps are drawn."""

    files = ("datasets/allocations/{name}.nc",)
    sealed = solves = True

    @classmethod
    def names(cls, plan: Plan) -> Sequence[str]:
        drawn = [each for each in plan.configuration.figures.values() if FIGURE_KINDS[each.kind].any_study]
        return list(dict.fromkeys(figure.study for figure in drawn if figure.study))

    @cached_property
    def points(self) -> list[Point]:
        """The best point of each curve."""
        return [point.at_best() for point in self.plan.curve_points(self.name)]

    @property
    def content(self) -> object:
        return [self.plan.axes(self.name), [point.to_mapping() for point in self.points]]

    @property
    def loaded(self) -> Sequence[str]:
        return sorted({module for point in self.points for module in (point.scheme_module, *point.solver_modules)})

    def make(self, inputs: Sequence[Path], outputs: Sequence[Path], fingerprint: str) -> None:
        from isal.study import allocations
        from isal.study.store import storage

        storage.write(outputs[0], allocations.allocations(self.points, self.plan.axes(self.name)), fingerprint)


class BestSplitsTable(Product):
    """The best splits of all studies beside the best points of their grids."""

    files = ("tables/best_splits.csv", *_page("tables/best_splits"))

    @property
    def title(self) -> str:
        return "Best splits of all studies, without traversal"

    @property
    def sources(self) -> Sequence[Product]:
        return StudyDataset.all(self.plan)

    @property
    def content(self) -> object:
        return self.plan.configuration.layouts_note

    def make(self, inputs: Sequence[Path], outputs: Sequence[Path], fingerprint: str) -> None:
        from isal.study import ensembles, tables
        from isal.study.store import storage

        datasets = {
            source.name: ensembles.named(storage.read(path)) for source, path in zip(self.sources, inputs, strict=True)
        }
        table = tables.best_splits_of_all(datasets)
        tables.write(table, outputs, self.plan.configuration.layouts_note, self.title)


class _OfDeployments(Product):
    """One for each deployment."""

    @classmethod
    def names(cls, plan: Plan) -> Sequence[str]:
        return list(plan.configuration.deployments)

    @property
    def category(self) -> str:
        return DEPLOYMENTS


class DeploymentDataset(_OfDeployments):
    """The answers to what a deployment asks."""

    files = ("datasets/deployments/{name}.nc",)
    sealed = solves = True

    @property
    def solver(self) -> str:
        """The configuration's, unless it takes one goal only."""
        from isal.allocation.solvers import GOALS_SOLVERS
        from isal.schemes.schedule import DEFAULT_SOLVER

        chosen = self.plan.configuration.solver
        return chosen if chosen in GOALS_SOLVERS else DEFAULT_SOLVER

    @property
    def given(self) -> dict[str, Any]:
        """All but the networks and the radio."""
        configuration = self.plan.configuration
        deployment = configuration.deployments[self.name]
        return {
            "clocks": deployment.clocks,
            "question": deployment.question,
            "settings": deployment.settings,
            "radar_cap_w": configuration.radar_cap_w,
            "anchor_cap_w": configuration.anchor_cap_w,
            "tolerance": configuration.tolerance,
            "solver": self.solver,
        }

    @property
    def content(self) -> object:
        networks = [[name, network.to_mapping()] for name, network in self.plan.deployed(self.name).items()]
        told = self.plan.deployed_radio(self.name).to_mapping()
        radio = {key: value for key, value in told.items() if key not in COUPLING}
        return [networks, radio, self.given]

    @property
    def loaded(self) -> Sequence[str]:
        from isal.allocation.solvers import GOALS_SOLVERS, modules

        return [*modules(self.solver), GOALS_SOLVERS[self.solver]]

    def make(self, inputs: Sequence[Path], outputs: Sequence[Path], fingerprint: str) -> None:
        from isal.study import deployments
        from isal.study.store import storage

        networks, radio = self.plan.deployed(self.name), self.plan.deployed_radio(self.name)
        storage.write(outputs[0], deployments.answered(networks, radio=radio, **self.given), fingerprint)


class DeploymentTable(_OfDeployments):
    """The answers to what a deployment asks, as a table."""

    files = ("tables/deployments/{name}.csv", *_page("tables/deployments/{name}"))

    @property
    def title(self) -> str:
        return f"Deployment: {in_words(self.name)}"

    @property
    def sources(self) -> Sequence[Product]:
        return [DeploymentDataset(self.plan, self.name)]

    @property
    def content(self) -> object:
        return self.plan.configuration.layouts_note

    def make(self, inputs: Sequence[Path], outputs: Sequence[Path], fingerprint: str) -> None:
        from isal.study import deployments, tables
        from isal.study.store import storage

        table, told = deployments.table(storage.read(inputs[0]))
        tables.write(table, outputs, f"{told}\n\n{self.plan.configuration.layouts_note}", self.title)


class Comparison(Product):
    """All solvers on the problems of a sample of points."""

    files = ("datasets/solver_agreement.nc",)
    sealed = solves = True

    @cached_property
    def points(self) -> dict[str, Point]:
        """Points, evenly spread, of every curve, by a fingerprint of all that their comparison depends on.

        The comparison has a tolerance of its own, and the configuration's solver is one of those compared.
        """
        per_curve = self.plan.configuration.agreement_points_per_curve
        found = {}
        for curve in curves(self.plan.points):
            # given splits, whatever studies they come from
            given = [point for point in curve if not point.best] or curve
            ascending = sorted(given, key=lambda point: point.energies_uj)
            chosen = [int((number + 0.5) * len(given) / per_curve) for number in range(per_curve)]
            for point in (ascending[number] for number in dict.fromkeys(chosen)):
                told = {key: value for key, value in point.to_mapping().items() if key not in ("solver", "tolerance")}
                found[digest([told, self.plan.code.of(Comparison.make, [point.scheme_module])])] = point
        return found

    @property
    def content(self) -> object:
        return [self.plan.axes(), sorted(self.points)]

    @property
    def loaded(self) -> Sequence[str]:
        return sorted({point.scheme_module for point in self.points.values()})

    def make(self, inputs: Sequence[Path], outputs: Sequence[Path], fingerprint: str) -> None:
        from isal.study import comparison, files
        from isal.study.store import storage

        try:
            known = storage.read(files.earlier(outputs[0]))
        except storage.DatasetError:  # missing, or damaged
            known = None
        storage.write(outputs[0], comparison.compare(self.points, known, self.plan.axes()), fingerprint)


class AgreementTable(Product):
    """How far the solvers agree."""

    files = ("tables/solver_agreement.csv", *_page("tables/solver_agreement"))

    @property
    def title(self) -> str:
        return "Agreement of the solvers"

    @property
    def sources(self) -> Sequence[Product]:
        return Comparison.all(self.plan)

    def make(self, inputs: Sequence[Path], outputs: Sequence[Path], fingerprint: str) -> None:
        from isal.study import agreement, pages, tables
        from isal.study.axes import axes_of
        from isal.study.store import storage

        dataset = storage.read(inputs[0])
        groups = [axis.name for axis in axes_of(dataset.coords, "network", "split")]
        whole, parts = (tables.markdown(agreement.table(dataset, by)) for by in ((), groups))
        tables.write_text(outputs[0], agreement.table(dataset, ("network", *groups)).to_csv(index=False))
        *others, last = groups
        text = f"## All problems\n\n{whole}\n## By {', '.join(others)} and {last}\n\n{parts}"
        pages.write(outputs[1:], text, self.title)


class FindingsDataset(Product):
    """What the paper's statements are judged by, in a variant: from the datasets of its studies."""

    files = ("datasets/findings/{name}.nc",)
    sealed = True

    @classmethod
    def names(cls, plan: Plan) -> Sequence[str]:
        return list(plan.configuration.findings.variants)

    @property
    def studies(self) -> Mapping[str, str]:
        """Names of its studies, by kind."""
        return self.plan.findings.named[self.name]

    @cached_property
    def slabs(self) -> Mapping[str, list[Slab]]:
        """The points of its studies, by kind, but for networks that are beyond its samples."""
        size = self.plan.configuration.findings.samples_of(self.name)
        return {kind: self.plan.slabs(study, size) for kind, study in self.studies.items()}

    @property
    def inputs(self) -> list[str]:
        files = (path for slabs in self.slabs.values() for slab in slabs for path, _ in slab.files)
        return list(dict.fromkeys(map(str, files)))

    @property
    def content(self) -> object:
        plan, findings = self.plan, self.plan.configuration.findings
        points = [
            [[plan.fingerprint(point) for point in plan.study_points(study).values()], plan.of_members(study, name)]
            for study in self.studies.values()
            for name in [findings.ensemble.name]
        ]
        assumed = plan.assumptions(self.name).attributes
        return [digest(points), findings.samples_of(self.name), assumed, plan.configuration.solver]

    def make(self, inputs: Sequence[Path], outputs: Sequence[Path], fingerprint: str) -> None:
        from isal.study import findings
        from isal.study.store import datasets, storage

        parts = {
            kind: (
                datasets.build([slab], study=study, note="", axes=self.plan.axes(study)) for slab in self.slabs[kind]
            )
            for kind, study in self.studies.items()
        }
        assumed, solver = self.plan.assumptions(self.name), self.plan.configuration.solver
        storage.write(outputs[0], findings.observed(parts, self.plan.samples(self.name), assumed, solver), fingerprint)


class FindingsPage(Product):
    """The verdict on each statement of the paper."""

    files = _page("findings")

    @property
    def title(self) -> str:
        return "The paper's statements, one verdict each"

    @property
    def category(self) -> str:
        return "Findings"

    @property
    def sources(self) -> Sequence[Product]:
        # besides the findings what the sections of isal.claims.sections are made from
        kinds: Sequence[type[Product]] = (FindingsDataset, LinkStrengths, ExchangeSimulation, SimulatedErrors)
        return [source for kind in kinds for source in kind.all(self.plan)]

    @property
    def content(self) -> object:
        return self.plan.configuration.layouts_note

    def make(self, inputs: Sequence[Path], outputs: Sequence[Path], fingerprint: str) -> None:
        from isal.claims.page import page
        from isal.claims.samples import Variant
        from isal.study import pages
        from isal.study.store import storage

        datasets: dict[str, list[xr.Dataset]] = {}
        for source, path in zip(self.sources, inputs, strict=True):
            datasets.setdefault(type(source).__name__, []).append(storage.read(path))
        variants = [Variant.of(observed) for observed in datasets.pop(FindingsDataset.__name__)]
        pages.write(outputs, page(variants, self.plan.configuration.layouts_note, datasets), self.title)


class DelaySimulation(Product):
    """Errors of one delay over SNR, for the pulse of its name."""

    files = ("datasets/simulations/delays/{name}.nc",)
    sealed = solves = True

    @classmethod
    def names(cls, plan: Plan) -> Sequence[str]:
        return plan.configuration.simulations.delays.pulses

    @property
    def content(self) -> dict[str, Any]:
        simulations = self.plan.configuration.simulations
        delays = simulations.delays
        return {
            "pulse": self.name,
            "seed": simulations.seed,
            "search": delays.search,
            "snr_db": delays.snr_db,
            "blocks": delays.blocks,
        }

    def make(self, inputs: Sequence[Path], outputs: Sequence[Path], fingerprint: str) -> None:
        from isal.study.simulations import delays
        from isal.study.store import storage

        storage.write(outputs[0], delays.delays(**self.content), fingerprint)


class ExchangeSimulation(Product):
    """Errors of RLM-OWR and of two-way ranging over the settings of a link."""

    files = ("datasets/simulations/exchanges.nc",)
    sealed = solves = True

    @property
    def content(self) -> dict[str, Any]:
        simulations = self.plan.configuration.simulations
        exchanges = simulations.exchanges
        return {"seed": simulations.seed, "sweeps": dict(exchanges.sweeps), "blocks": exchanges.blocks}

    def make(self, inputs: Sequence[Path], outputs: Sequence[Path], fingerprint: str) -> None:
        from isal.study.simulations import exchanges
        from isal.study.store import storage

        storage.write(outputs[0], exchanges.exchanges(**self.content), fingerprint)


class _Simulation(Product):
    """Dataset of something simulated at solved optima."""

    sealed = solves = True

    @property
    def points(self) -> Sequence[Point]:
        """The optima that it starts from."""
        return self.plan.simulated_points[self.name]

    @property
    def loaded(self) -> Sequence[str]:
        return sorted({module for point in self.points for module in (point.scheme_module, *point.solver_modules)})


class LinkStrengths(_Simulation):
    """How strong the links of the layouts of one slot are at their integrated optimum."""

    files = ("datasets/simulations/links.nc",)

    @property
    def points(self) -> Sequence[Point]:
        return self.plan.layout_points

    @property
    def content(self) -> object:
        return [point.to_mapping() for point in self.points]

    def make(self, inputs: Sequence[Path], outputs: Sequence[Path], fingerprint: str) -> None:
        from isal.study.simulations import links
        from isal.study.store import storage

        storage.write(outputs[0], links.link_strengths(self.points), fingerprint)


class PositionSimulation(_Simulation):
    """Errors of maximum likelihood estimates in the network of its name, of all kinds that it can be taken for."""

    files = ("datasets/simulations/positions/{name}.nc",)

    @classmethod
    def names(cls, plan: Plan) -> Sequence[str]:
        return list(plan.simulated_points)

    @property
    def content(self) -> object:
        simulations = self.plan.configuration.simulations
        return [[point.to_mapping() for point in self.points], simulations.seed, simulations.position_blocks]

    def make(self, inputs: Sequence[Path], outputs: Sequence[Path], fingerprint: str) -> None:
        from isal.study.simulations import positions
        from isal.study.store import storage

        simulations = self.plan.configuration.simulations
        found = positions.errors_of(self.points, simulations.seed, simulations.position_blocks)
        storage.write(outputs[0], found, fingerprint)


class BreakdownSimulation(_Simulation):
    """Starts off the truth and links below their threshold, in the network of one slot of its name."""

    files = ("datasets/simulations/breakdown/{name}.nc",)

    @classmethod
    def names(cls, plan: Plan) -> Sequence[str]:
        return [name for name in plan.stepped_samples if name in plan.simulated_points]

    @property
    def content(self) -> object:
        simulations = self.plan.configuration.simulations
        breakdown = simulations.breakdown
        points = [point.to_mapping() for point in self.points]
        return [points, simulations.seed, breakdown.off_m, breakdown.blocks]

    def make(self, inputs: Sequence[Path], outputs: Sequence[Path], fingerprint: str) -> None:
        from isal.study.simulations import breakdown
        from isal.study.store import storage

        simulations = self.plan.configuration.simulations
        asked = simulations.breakdown
        found = breakdown.breakdown(self.points, asked.off_m, simulations.seed, asked.blocks)
        storage.write(outputs[0], found, fingerprint)


class StepSimulation(Product):
    """What step-by-step estimation reaches in a layout, or in some random networks."""

    files = ("datasets/simulations/steps/{name}.nc",)
    sealed = solves = True

    @classmethod
    def names(cls, plan: Plan) -> Sequence[str]:
        return list(plan.stepped_samples)

    @property
    def _blocks(self) -> int:
        steps = self.plan.configuration.simulations.steps
        return steps.blocks if self.name in self.plan.networks else steps.network_blocks

    @property
    def content(self) -> object:
        samples = [[each.name, each.kind, each.slots[0].to_mapping()] for each in self.plan.stepped_samples[self.name]]
        assumed, configuration = self.plan.assumptions("base"), self.plan.configuration
        radio = {key: value for key, value in assumed.radio.to_mapping().items() if key not in COUPLING}
        given = [radio, assumed.energy, configuration.solver, configuration.simulations.seed, self._blocks]
        return [samples, *given]

    @property
    def loaded(self) -> Sequence[str]:
        from isal.allocation.solvers import modules

        return modules(self.plan.configuration.solver)

    def make(self, inputs: Sequence[Path], outputs: Sequence[Path], fingerprint: str) -> None:
        from isal.study.simulations import steps
        from isal.study.store import storage

        configuration = self.plan.configuration
        found = steps.estimates(
            self.plan.stepped_samples[self.name],
            self.plan.assumptions("base"),
            configuration.solver,
            configuration.simulations.seed,
            self._blocks,
        )
        storage.write(outputs[0], found, fingerprint)


class SimulatedErrors(Product):
    """Simulated errors of all networks beside their bounds, with limits that hold for all of them together."""

    files = ("datasets/simulations/{name}.nc",)
    sealed = True

    @classmethod
    def names(cls, plan: Plan) -> Sequence[str]:
        return ["positions", "steps"]

    @property
    def sources(self) -> Sequence[Product]:
        kinds: dict[str, type[Product]] = {"positions": PositionSimulation, "steps": StepSimulation}
        return kinds[self.name].all(self.plan)

    def make(self, inputs: Sequence[Path], outputs: Sequence[Path], fingerprint: str) -> None:
        from isal.study.simulations import errors
        from isal.study.store import storage

        storage.write(outputs[0], errors.judged([storage.read(path) for path in inputs]), fingerprint)


class SimulationTable(Product):
    """What simulations say, as a table."""

    files = ("tables/simulations/{name}.csv", *_page("tables/simulations/{name}"))

    @property
    def title(self) -> str:
        return TITLES[self.name]

    @property
    def category(self) -> str:
        return ESTIMATORS

    @classmethod
    def names(cls, plan: Plan) -> Sequence[str]:
        return [*SimulatedErrors.names(plan), "starts", "outliers"]

    @property
    def sources(self) -> Sequence[Product]:
        if self.name in SimulatedErrors.names(self.plan):
            return [SimulatedErrors(self.plan, self.name)]
        return BreakdownSimulation.all(self.plan)

    @property
    def content(self) -> object:
        return [self.name, self.plan.configuration.layouts_note]

    def make(self, inputs: Sequence[Path], outputs: Sequence[Path], fingerprint: str) -> None:
        from isal.study import tables
        from isal.study.simulations.tables import TABLES
        from isal.study.store import storage

        table, told = TABLES[self.name]([storage.read(path) for path in inputs])
        tables.write(table, outputs, f"{told}\n\n{self.plan.configuration.layouts_note}", self.title)


class _OfMeasurements(Product):
    """One result, if the configuration names a folder of measurements."""

    @classmethod
    def names(cls, plan: Plan) -> Sequence[str]:
        return [""] if plan.measured else []

    @property
    def logs(self) -> log_folder.LogFolder:
        """The logs of the folder."""
        if self.plan.measured is None:
            raise PlanError("the configuration names no folder of measurements; give --config measurements=FOLDER")
        return self.plan.measured

    def refuse_edited(self, fingerprint: str) -> None:
        """Refuse to store, under a fingerprint, what was read from files that have changed since it was taken.

        Raises
        ------
        PlanError
            If this is not the result of that fingerprint.
        """
        if self.fingerprint != fingerprint:
            raise PlanError(
                f"{self.plan.configuration.measurements}: its files have changed since snakemake looked at them; "
                "run snakemake again"
            )


class MeasuredRanges(_OfMeasurements):
    """What the static logs say, each and exchange by exchange."""

    files = ("datasets/measurements/ranges.nc",)
    sealed = True

    @property
    def content(self) -> object:
        logs = self.logs.static
        named = [[each.condition, each.height_cm, each.distance_m] for each in logs]
        return [named, log_folder.digests(each.path for each in logs)]

    def make(self, inputs: Sequence[Path], outputs: Sequence[Path], fingerprint: str) -> None:
        from isal.study.measurements import datasets
        from isal.study.store import storage

        # not from the inputs: logs are no results, and their content is part of the fingerprint
        found = datasets.ranges(Path(self.plan.configuration.measurements or ""))
        self.refuse_edited(fingerprint)
        storage.write(outputs[0], found, fingerprint)


class MeasuredLinks(_OfMeasurements):
    """The links fitted to the static logs."""

    files = ("datasets/measurements/links.nc",)
    sealed = True

    @property
    def sources(self) -> Sequence[Product]:
        return MeasuredRanges.all(self.plan)

    def make(self, inputs: Sequence[Path], outputs: Sequence[Path], fingerprint: str) -> None:
        from isal.study.measurements import datasets
        from isal.study.store import storage

        storage.write(outputs[0], datasets.links(storage.read(inputs[0])), fingerprint)


class MeasuredRun(_OfMeasurements):
    """Positions of a dynamic run against their bound."""

    files = ("datasets/measurements/runs/{name}.nc",)
    sealed = True

    @classmethod
    def names(cls, plan: Plan) -> Sequence[str]:
        return list(plan.measured.runs) if plan.measured else []

    @property
    def sources(self) -> Sequence[Product]:
        return MeasuredLinks.all(self.plan)

    @property
    def content(self) -> object:
        run = self.logs.runs[self.name]
        return [self.name, list(run.ranges), log_folder.digests(run.paths)]

    def make(self, inputs: Sequence[Path], outputs: Sequence[Path], fingerprint: str) -> None:
        from isal.study.measurements import datasets
        from isal.study.store import storage

        found = datasets.run(self.logs.runs[self.name], storage.read(inputs[0]))
        self.refuse_edited(fingerprint)
        storage.write(outputs[0], found, fingerprint)


class MeasurementsPage(_OfMeasurements):
    """The page about the measurements, and its tables with all digits."""

    files = (
        *_page("measurements"),
        "tables/measurements/logs.csv",
        "tables/measurements/links.csv",
        "tables/measurements/runs.csv",
    )

    @property
    def title(self) -> str:
        return "What logs of real radios say"

    @property
    def category(self) -> str:
        return MEASUREMENTS

    @property
    def sources(self) -> Sequence[Product]:
        return [source for kind in (MeasuredRanges, MeasuredLinks, MeasuredRun) for source in kind.all(self.plan)]

    def make(self, inputs: Sequence[Path], outputs: Sequence[Path], fingerprint: str) -> None:
        from isal.study import pages, tables
        from isal.study.measurements import page
        from isal.study.store import storage

        measured, links, *runs = [storage.read(path) for path in inputs]
        pages.write(outputs[:2], page.page(measured, links, runs), self.title)
        for path, table in zip(outputs[2:], page.csv_tables(measured, links, runs), strict=True):
            tables.write_text(path, table.to_csv(index=False))


class Figure(Product):
    """A figure in every format of the configuration."""

    files = ("figures/{name}.",)

    @property
    def title(self) -> str:
        figure = self.figure
        shown = figure.study or figure.deployment
        of = in_words(shown) if shown else ", ".join(figure.networks)
        # a figure that has the name of its study says it once
        parts = [in_words(self.name), FIGURE_KINDS[figure.kind].title, *({of} - {in_words(self.name), ""})]
        return ": ".join(parts)

    @property
    def category(self) -> str:
        drawn_from = {KINDS[kind] for kind, _ in FIGURE_KINDS[self.figure.kind].drawn_from}
        if drawn_from & set(OF_MEASUREMENTS):
            return MEASUREMENTS
        if drawn_from & set(OF_DEPLOYMENTS):
            return DEPLOYMENTS
        return ESTIMATORS if drawn_from & set(OF_SIMULATIONS) else "Figures"

    @classmethod
    def names(cls, plan: Plan) -> Sequence[str]:
        automatic = (
            word
            for word, kind in FIGURE_KINDS.items()
            if kind.automatic and all(KINDS[drawn].names(plan) for drawn, _ in kind.drawn_from)
        )
        return [*plan.configuration.figures, *automatic]

    @property
    def figure(self) -> config.Figure:
        """Its entry in the configuration; for one that is drawn without, what that would be."""
        return self.plan.configuration.figures.get(self.name) or config.Figure(self.name, self.name, None, ())

    @classmethod
    def patterns(cls, plan: Plan) -> list[str]:
        return [plan.in_results(file + suffix) for file in cls.files for suffix in plan.configuration.formats]

    @property
    def shows_the_study(self) -> bool:
        """Whether it is made of a study or of no dataset, and so of neither findings nor solvers nor simulations."""
        figure = self.figure
        return figure.study is not None or not FIGURE_KINDS[figure.kind].drawn_from

    @property
    def sources(self) -> Sequence[Product]:
        figure = self.figure
        found: list[Product] = []
        for kind, name in FIGURE_KINDS[figure.kind].drawn_from:
            known = KINDS[kind].names(self.plan)
            wanted = name or figure.study or figure.deployment
            found += [KINDS[kind](self.plan, each) for each in known if each == (wanted or each)]
        return found

    @property
    def content(self) -> dict[str, Any]:
        figure, configuration = self.figure, self.plan.configuration
        return {
            "kind": figure.kind,
            "layouts": [[network, configuration.layouts[network].slots] for network in figure.networks],
            "colours": dict(configuration.style),
            "tolerance": configuration.tolerance if figure.study else 0.0,
            "note": configuration.layouts_note if self._of_layouts else "",
        }

    @property
    def _of_layouts(self) -> bool:
        """Whether it shows networks that have names, and not those of ensembles alone."""
        study = self.plan.configuration.studies.get(self.figure.study or "")
        return FIGURE_KINDS[self.figure.kind].of_layouts and (study is None or bool(study.named))

    @property
    def loaded(self) -> Sequence[str]:
        return [f"isal.figures.{self.figure.kind}"]

    def make(self, inputs: Sequence[Path], outputs: Sequence[Path], fingerprint: str) -> None:
        import os

        # before matplotlib: a backend that it does not know, such as a notebook's, would end this at the import
        os.environ["MPLBACKEND"] = "agg"
        from isal import figures
        from isal.study.store import storage

        shown = figures.Shown(**self.content)
        figures.draw([storage.read(path) for path in inputs], shown, outputs)


class Overview(Product):
    """The first page of the report: verdicts, maps, how fine the grids are, and what the results were made with."""

    files = ("overview.html",)

    @property
    def title(self) -> str:
        return "Overview"

    @property
    def category(self) -> str:
        return "Overview"

    @property
    def maps(self) -> list[Product]:
        """Figures of the networks."""
        drawn = self.plan.configuration.figures.values()
        return [Figure(self.plan, figure.name) for figure in drawn if figure.kind == "layouts"]

    @property
    def sources(self) -> Sequence[Product]:
        judged = FindingsDataset.all(self.plan) if self.plan.configuration.paper else []
        return [*judged, *BestSplitsTable.all(self.plan), *self.maps]

    @property
    def content(self) -> object:
        return self.plan.configuration.layouts_note

    def make(self, inputs: Sequence[Path], outputs: Sequence[Path], fingerprint: str) -> None:
        from isal.study import files
        from isal.study.store import storage
        from isal.workflow import overview

        by_suffix: dict[str, list[Path]] = {}
        for path in inputs:
            by_suffix.setdefault(path.suffix[1:], []).append(path)
        observed = [storage.read(path) for path in by_suffix.get("nc", [])]
        pictures = next((by_suffix[suffix] for suffix in PICTURES if suffix in by_suffix), [])
        maps = {in_words(path.stem): path for path in pictures}
        text = overview.page(observed, by_suffix["csv"][0], maps, self.plan.configuration.layouts_note)
        files.write(outputs[0], text.encode())


#: What every study has, and every deployment, what is made besides for the paper, and from measurements where a
#: folder of them is named.
OF_STUDIES: Sequence[type[Product]] = (StudyDataset, StudyTable, EnsembleTable, BestSplitsTable, Allocations)
OF_DEPLOYMENTS: Sequence[type[Product]] = (DeploymentDataset, DeploymentTable)
OF_SIMULATIONS: Sequence[type[Product]] = (
    *(DelaySimulation, ExchangeSimulation, LinkStrengths, PositionSimulation, StepSimulation, BreakdownSimulation),
    *(SimulatedErrors, SimulationTable),
)
OF_THE_PAPER: Sequence[type[Product]] = (
    *(Comparison, AgreementTable, FindingsDataset),
    *OF_SIMULATIONS,
    FindingsPage,
)
OF_MEASUREMENTS: Sequence[type[Product]] = (MeasuredRanges, MeasuredLinks, MeasuredRun, MeasurementsPage)


def targets(plan: Plan) -> list[Product]:
    """All that is asked for: a run makes it, and what it is made from."""
    of_the_paper = OF_THE_PAPER if plan.configuration.paper else ()
    kinds: list[type[Product]] = [*OF_STUDIES, *OF_DEPLOYMENTS, *of_the_paper, *OF_MEASUREMENTS, Figure, Overview]
    return [product for kind in kinds for product in kind.all(plan)]


def wanted(plan: Plan) -> list[Product]:
    """The same, and all products that these are made from, each after its own sources."""
    found: dict[tuple[type[Product], str], Product] = {}

    def add(product: Product) -> None:
        if (key := (type(product), product.name)) not in found:
            for source in product.sources:
                add(source)
            found[key] = product

    for product in targets(plan):
        add(product)
    return list(found.values())


def record_files(plan: Plan) -> dict[str, RecordFile]:
    """Every record file by its path, those of the findings where these are wanted."""
    with_findings = any(isinstance(product, FindingsDataset) for product in wanted(plan))
    return {**plan.record_files, **plan.findings_files} if with_findings else plan.record_files


_KINDS: Sequence[type[Product]] = (
    *(*OF_STUDIES, *OF_DEPLOYMENTS, *OF_THE_PAPER, *OF_MEASUREMENTS),
    *(Figure, Overview),
)

#: The kinds by name, each after those that it is made from.
KINDS: dict[str, type[Product]] = {kind.__name__: kind for kind in _KINDS}
