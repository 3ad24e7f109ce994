# The best splits of all studies beside their traversals, and powers and links there.
# update() keeps what is there: jobs that solve leave alone what still holds.


if products.Allocations.names(PLAN):

    rule find_allocations:
        output:
            update(patterns_of(products.Allocations)),
        log:
            f"{LOGS}/allocations/{{name}}.log",
        wildcard_constraints:
            name=names_of(products.Allocations),
        conda:
            "../../envs/isal.yaml"
        params:
            fingerprint=fingerprint_of(products.Allocations),
        shell:
            'python "$ISAL_SCRIPTS/make_product.py" Allocations {wildcards.name:q} --plan "$ISAL_PLAN" --fingerprint {params.fingerprint} --outputs {output:q} > {log:q} 2>&1'


rule write_best_splits:
    input:
        inputs_of(products.BestSplitsTable),
    output:
        patterns_of(products.BestSplitsTable, ".html", "best_splits"),
    log:
        f"{LOGS}/tables/best_splits.log",
    localrule: True  # too short for a cluster's queue
    conda:
        "../../envs/isal.yaml"
    params:
        fingerprint=fingerprint_of(products.BestSplitsTable),
    shell:
        'python "$ISAL_SCRIPTS/make_product.py" BestSplitsTable --plan "$ISAL_PLAN" --fingerprint {params.fingerprint} --inputs {input:q} --outputs {output:q} > {log:q} 2>&1'
