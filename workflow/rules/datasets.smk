# One dataset per study, from exactly the records of its points.


rule build_dataset:
    input:
        records=lambda wildcards: [
            PLAN.in_results(path) for path in PLAN.study_points(wildcards.study)
        ],
    output:
        PLAN.in_results(DATASET_PATTERN),
    log:
        f"{LOGS}/datasets/{{study}}.log",
    conda:
        "../../envs/isal.yaml"
    params:
        key=lambda wildcards: PLAN.dataset_key(wildcards.study),
    shell:
        'python "$ISAL_SCRIPTS/build_dataset.py" --plan "$ISAL_PLAN" --study {wildcards.study:q} > {log:q} 2>&1'
