# The paper's statements, judged on its layouts and on random networks, in several variants.


rule gather_findings:
    input:
        inputs_of(products.FindingsDataset),
    output:
        patterns_of(products.FindingsDataset),
    log:
        f"{LOGS}/findings/{{name}}.log",
    wildcard_constraints:
        name=names_of(products.FindingsDataset),
    conda:
        "../../envs/isal.yaml"
    params:
        fingerprint=fingerprint_of(products.FindingsDataset),
    shell:  # the plan lists the records
        'python "$ISAL_SCRIPTS/make_product.py" FindingsDataset {wildcards.name:q} --plan "$ISAL_PLAN" --fingerprint {params.fingerprint} --outputs {output:q} > {log:q} 2>&1'


rule write_findings:
    input:
        inputs_of(products.FindingsPage),
    output:
        patterns_of(products.FindingsPage, ".html", "findings"),
    log:
        f"{LOGS}/findings.log",
    localrule: True  # too short for a cluster's queue
    conda:
        "../../envs/isal.yaml"
    params:
        fingerprint=fingerprint_of(products.FindingsPage),
    shell:
        'python "$ISAL_SCRIPTS/make_product.py" FindingsPage --plan "$ISAL_PLAN" --fingerprint {params.fingerprint} --inputs {input:q} --outputs {output:q} > {log:q} 2>&1'
