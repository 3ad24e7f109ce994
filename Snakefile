"""The parameter study: `snakemake --cores 16`. See README.md for use and config/README.md for every setting."""

import os

from snakemake.utils import min_version

min_version("9.0")


if not os.path.samefile(str(workflow.current_basedir), workflow.basedir):
    # Snakemake runs no onstart of a module, and gives it no folder of its own
    raise WorkflowError(
        "isal can't be a module of another workflow. Run it by itself, from any folder: "
        "snakemake -s .../Snakefile --directory FOLDER --configfile FILE"
    )


OWN = "config/config.yaml"  # that of the working directory comes first


configfile: OWN if os.path.exists(OWN) else f"{workflow.basedir}/{OWN}"


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/points.smk"
include: "workflow/rules/datasets.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/best_splits.smk"
include: "workflow/rules/deployments.smk"
include: "workflow/rules/agreement.smk"
include: "workflow/rules/findings.smk"
include: "workflow/rules/simulations.smk"
include: "workflow/rules/measurements.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/overview.smk"


# the paper's figures and tables, without the findings, the comparison of solvers and simulations
rule paper:
    input:
        force_outdated,
        list(PLAN.record_files),
        outputs_of(*products.OF_STUDIES),
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
        [path for product in products.targets(PLAN) for path in product.outputs],
