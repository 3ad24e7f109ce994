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
include: "workflow/rules/figures.smk"


# the paper's figures and tables, without the findings and the comparison of solvers
rule paper:
    input:
        force_outdated,
        [PLAN.in_results(path) for path in PLAN.points],
        [PLAN.dataset_path(study) for study in CONFIGURATION.studies],
        [PLAN.best_splits_path(study) for study in CONFIGURATION.studies],
        list(PLAN.table_paths()),
        rules.write_best_splits.output,
        list(PLAN.study_figure_paths()),


rule all:
    default_target: True
    input:
        rules.paper.input,
        rules.compare_solvers.output,
        rules.write_agreement.output,
        list(PLAN.findings_paths().values()),
        rules.write_findings.output,
        list(PLAN.figure_paths()),
