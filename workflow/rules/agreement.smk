# The allocation problems behind a sample of all points, solved by every solver.
# update() keeps what is there: jobs that solve leave alone what still holds.


rule compare_solvers:
    output:
        update(patterns_of(products.Comparison)),
    log:
        f"{LOGS}/agreement.log",
    priority: 1  # long: first, so that no core waits for it at the end
    conda:
        "../../envs/isal.yaml"
    params:
        fingerprint=fingerprint_of(products.Comparison),
    shell:
        'python "$ISAL_SCRIPTS/make_product.py" Comparison --plan "$ISAL_PLAN" --fingerprint {params.fingerprint} --outputs {output:q} > {log:q} 2>&1'


rule write_agreement:
    input:
        inputs_of(products.AgreementTable),
    output:
        patterns_of(products.AgreementTable, ".html", "agreement"),
    log:
        f"{LOGS}/tables/solver_agreement.log",
    localrule: True  # too short for a cluster's queue
    conda:
        "../../envs/isal.yaml"
    params:
        fingerprint=fingerprint_of(products.AgreementTable),
    shell:
        'python "$ISAL_SCRIPTS/make_product.py" AgreementTable --plan "$ISAL_PLAN" --fingerprint {params.fingerprint} --inputs {input:q} --outputs {output:q} > {log:q} 2>&1'
