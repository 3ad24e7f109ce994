# One job per figure, all formats.


FIGURE_FILES = [
    PLAN.in_results(FIGURE_PATTERN.format(figure="{figure}", format=suffix))
    for suffix in CONFIGURATION.formats
]
# of several formats the report shows one
SHOWN = min(CONFIGURATION.formats, key=["svg", "png", "pdf"].index)


rule draw_figure:
    input:
        datasets=lambda wildcards: PLAN.figure_datasets(
            CONFIGURATION.figures[wildcards.figure]
        ),
    output:
        [
            (
                report(
                    path,
                    caption="../report/figure.rst",
                    category="Figures",
                    labels={"figure": "{figure}"},
                )
                if path.endswith(SHOWN)
                else path
            )
            for path in FIGURE_FILES
        ],
    log:
        f"{LOGS}/figures/{{figure}}.log",
    localrule: True  # too short for a cluster's queue
    conda:
        "../../envs/isal.yaml"
    params:
        key=lambda wildcards: PLAN.figure_key(wildcards.figure),
    shell:
        'python "$ISAL_SCRIPTS/draw_figure.py" --plan "$ISAL_PLAN" --figure {wildcards.figure:q} > {log:q} 2>&1'
