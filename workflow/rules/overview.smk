# The first page of the report.


rule write_overview:
    input:
        inputs_of(products.Overview),
    output:
        patterns_of(products.Overview, ".html", "overview"),
    log:
        f"{LOGS}/overview.log",
    localrule: True  # too short for a cluster's queue
    conda:
        "../../envs/isal.yaml"
    params:
        fingerprint=fingerprint_of(products.Overview),
    shell:
        'python "$ISAL_SCRIPTS/make_product.py" Overview --plan "$ISAL_PLAN" --fingerprint {params.fingerprint} --inputs {input:q} --outputs {output:q} > {log:q} 2>&1'
