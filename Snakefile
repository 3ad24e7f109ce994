"""The parameter study: `snakemake --cores 16`. See README.md for use and config/README.md for every setting."""

from snakemake.utils import min_version

min_version("9.0")


configfile: "config/config.yaml"


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/points.smk"
include: "workflow/rules/datasets.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/figures.smk"


rule all:
    default_target: True
    input:
        [PLAN.in_results(path) for path in PLAN.points],
        [PLAN.dataset_path(study) for study in CONFIGURATION.studies],
        list(PLAN.table_paths()),
        list(PLAN.figure_paths()),
