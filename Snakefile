"""The parameter study: `snakemake --cores 16`. See README.md for use and config/README.md for every setting."""

from snakemake.utils import min_version

min_version("9.0")


configfile: "config/config.yaml"


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/points.smk"
include: "workflow/rules/datasets.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/best_splits.smk"
include: "workflow/rules/agreement.smk"
include: "workflow/rules/findings.smk"
include: "workflow/rules/simulations.smk"
include: "workflow/rules/figures.smk"


# the paper's figures and tables, without the findings, the comparison of solvers and simulations
rule paper:
    input:
        force_outdated,
        [PLAN.record_path(name) for name in PLAN.points],
        outputs_of(
            products.StudyDataset,
            products.BestSplits,
            products.StudyTable,
            products.BestSplitsTable,
        ),
        [
            path
            for figure in products.Figure.all(PLAN)
            if figure.shows_the_study
            for path in figure.outputs
        ],


rule all:
    default_target: True
    input:
        rules.paper.input,
        outputs_of(
            products.Comparison,
            products.AgreementTable,
            products.FindingsDataset,
            products.FindingsPage,
            products.DelaySimulation,
            products.ExchangeSimulation,
            products.LinkStrengths,
            products.PositionSimulation,
            products.StepSimulation,
            products.BreakdownSimulation,
            products.SimulatedErrors,
            products.SimulationTable,
            products.Figure,
        ),
