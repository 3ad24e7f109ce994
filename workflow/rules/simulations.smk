# What estimators reach, and the links of the layouts to compare it with.
# update() keeps what is there: jobs that solve leave alone what still holds.


rule simulate_delays:
    output:
        update(patterns_of(products.DelaySimulation)),
    log:
        f"{LOGS}/simulations/delays/{{name}}.log",
    wildcard_constraints:
        name=names_of(products.DelaySimulation),
    priority: 1  # long: first, so that no core waits for it at the end
    conda:
        "../../envs/isal.yaml"
    params:
        fingerprint=fingerprint_of(products.DelaySimulation),
    shell:
        'python "$ISAL_SCRIPTS/make_product.py" DelaySimulation {wildcards.name:q} --plan "$ISAL_PLAN" --fingerprint {params.fingerprint} --outputs {output:q} > {log:q} 2>&1'


rule simulate_exchanges:
    output:
        update(patterns_of(products.ExchangeSimulation)),
    log:
        f"{LOGS}/simulations/exchanges.log",
    conda:
        "../../envs/isal.yaml"
    params:
        fingerprint=fingerprint_of(products.ExchangeSimulation),
    shell:
        'python "$ISAL_SCRIPTS/make_product.py" ExchangeSimulation --plan "$ISAL_PLAN" --fingerprint {params.fingerprint} --outputs {output:q} > {log:q} 2>&1'


rule measure_links:
    output:
        update(patterns_of(products.LinkStrengths)),
    log:
        f"{LOGS}/simulations/links.log",
    conda:
        "../../envs/isal.yaml"
    params:
        fingerprint=fingerprint_of(products.LinkStrengths),
    shell:
        'python "$ISAL_SCRIPTS/make_product.py" LinkStrengths --plan "$ISAL_PLAN" --fingerprint {params.fingerprint} --outputs {output:q} > {log:q} 2>&1'
