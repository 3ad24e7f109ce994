# The best split of every curve, without traversal, and its comparison with the traversals.
# update() keeps what is there: jobs that solve leave alone what still holds.


rule find_best_splits:
    output:
        update(PLAN.in_results(BEST_SPLITS_PATTERN)),
    log:
        f"{LOGS}/best_splits/{{study}}.log",
    priority: 1  # long: first, so that no core waits for it at the end
    conda:
        "../../envs/isal.yaml"
    params:
        key=lambda wildcards: PLAN.best_splits_key(wildcards.study),
    shell:
        'python "$ISAL_SCRIPTS/find_best_splits.py" --plan "$ISAL_PLAN" --study {wildcards.study:q} > {log:q} 2>&1'


rule write_best_splits:
    input:
        [PLAN.dataset_path(study) for study in CONFIGURATION.studies],
        [PLAN.best_splits_path(study) for study in CONFIGURATION.studies],
    output:
        csv=PLAN.in_results("tables/best_splits.csv"),
        md=report(
            PLAN.in_results("tables/best_splits.md"),
            caption="../report/best_splits.rst",
            category="Tables",
            labels={"study": "best splits"},
        ),
    log:
        f"{LOGS}/tables/best_splits.log",
    localrule: True  # too short for a cluster's queue
    conda:
        "../../envs/isal.yaml"
    params:
        key=PLAN.best_splits_table_key(),
    shell:
        'python "$ISAL_SCRIPTS/write_best_splits.py" --plan "$ISAL_PLAN" --csv {output.csv:q} --md {output.md:q} > {log:q} 2>&1'
