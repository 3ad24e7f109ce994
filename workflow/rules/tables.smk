# The best point of every curve of a study.


rule write_table:
    input:
        inputs_of(products.StudyTable),
    output:
        patterns_of(products.StudyTable, ".html", "table"),
    log:
        f"{LOGS}/tables/{{name}}.log",
    wildcard_constraints:
        name=names_of(products.StudyTable),
    localrule: True  # too short for a cluster's queue
    conda:
        "../../envs/isal.yaml"
    params:
        fingerprint=fingerprint_of(products.StudyTable),
    shell:
        'python "$ISAL_SCRIPTS/make_product.py" StudyTable {wildcards.name:q} --plan "$ISAL_PLAN" --fingerprint {params.fingerprint} --inputs {input:q} --outputs {output:q} > {log:q} 2>&1'
