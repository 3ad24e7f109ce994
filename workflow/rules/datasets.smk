# One dataset per study, from exactly the records of its points.


rule build_dataset:
    input:
        inputs_of(products.StudyDataset),
    output:
        patterns_of(products.StudyDataset),
    log:
        f"{LOGS}/datasets/{{name}}.log",
    wildcard_constraints:
        name=names_of(products.StudyDataset),
    conda:
        "../../envs/isal.yaml"
    params:
        fingerprint=fingerprint_of(products.StudyDataset),
    shell:  # the plan lists the records: they are more than a command line takes
        'python "$ISAL_SCRIPTS/make_product.py" StudyDataset {wildcards.name:q} --plan "$ISAL_PLAN" --fingerprint {params.fingerprint} --outputs {output:q} > {log:q} 2>&1'
