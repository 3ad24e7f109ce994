# The best point of every curve of a study.


rule write_table:
    input:
        lambda wildcards: PLAN.dataset_path(wildcards.study),
    output:
        csv=report(
            PLAN.in_results(TABLE_PATTERN.format(study="{study}", format="csv")),
            caption="../report/table.rst",
            category="Tables",
            labels={"study": "{study}"},
        ),
        md=PLAN.in_results(TABLE_PATTERN.format(study="{study}", format="md")),
    log:
        f"{LOGS}/tables/{{study}}.log",
    localrule: True  # too short for a cluster's queue
    conda:
        "../../envs/isal.yaml"
    params:
        key=PLAN.table_key(),
    shell:
        'python "$ISAL_SCRIPTS/write_table.py" --plan "$ISAL_PLAN" --study {wildcards.study:q} > {log:q} 2>&1'
