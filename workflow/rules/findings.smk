# The paper's statements, judged on its layouts and on random networks, in several variants.
# update() keeps what is there: jobs that solve leave alone what still holds.


rule observe:
    output:
        update(patterns_of(products.Observations)),
    log:
        f"{LOGS}/observations/{{name}}.log",
    wildcard_constraints:
        name=names_of(products.Observations),
    priority: 1  # long: first, so that no core waits for it at the end
    conda:
        "../../envs/isal.yaml"
    params:
        fingerprint=fingerprint_of(products.Observations),
    shell:
        'python "$ISAL_SCRIPTS/make_product.py" Observations {wildcards.name:q} --plan "$ISAL_PLAN" --fingerprint {params.fingerprint} --outputs {output:q} > {log:q} 2>&1'


rule gather_observations:
    input:
        inputs_of(products.FindingsDataset),
    output:
        patterns_of(products.FindingsDataset),
    log:
        f"{LOGS}/findings/{{name}}.log",
    wildcard_constraints:
        name=names_of(products.FindingsDataset),
    localrule: True  # too short for a cluster's queue
    conda:
        "../../envs/isal.yaml"
    params:
        fingerprint=fingerprint_of(products.FindingsDataset),
    shell:
        'python "$ISAL_SCRIPTS/make_product.py" FindingsDataset {wildcards.name:q} --plan "$ISAL_PLAN" --fingerprint {params.fingerprint} --inputs {input:q} --outputs {output:q} > {log:q} 2>&1'


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
