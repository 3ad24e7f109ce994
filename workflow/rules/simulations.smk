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


rule simulate_positions:
    output:
        update(patterns_of(products.PositionSimulation)),
    log:
        f"{LOGS}/simulations/positions/{{name}}.log",
    wildcard_constraints:
        name=names_of(products.PositionSimulation),
    priority: 1  # long: first, so that no core waits for it at the end
    conda:
        "../../envs/isal.yaml"
    params:
        fingerprint=fingerprint_of(products.PositionSimulation),
    shell:
        'python "$ISAL_SCRIPTS/make_product.py" PositionSimulation {wildcards.name:q} --plan "$ISAL_PLAN" --fingerprint {params.fingerprint} --outputs {output:q} > {log:q} 2>&1'


rule simulate_steps:
    output:
        update(patterns_of(products.StepSimulation)),
    log:
        f"{LOGS}/simulations/steps/{{name}}.log",
    wildcard_constraints:
        name=names_of(products.StepSimulation),
    priority: 1  # long: first, so that no core waits for it at the end
    conda:
        "../../envs/isal.yaml"
    params:
        fingerprint=fingerprint_of(products.StepSimulation),
    shell:
        'python "$ISAL_SCRIPTS/make_product.py" StepSimulation {wildcards.name:q} --plan "$ISAL_PLAN" --fingerprint {params.fingerprint} --outputs {output:q} > {log:q} 2>&1'


rule simulate_breakdown:
    output:
        update(patterns_of(products.BreakdownSimulation)),
    log:
        f"{LOGS}/simulations/breakdown/{{name}}.log",
    wildcard_constraints:
        name=names_of(products.BreakdownSimulation),
    priority: 1  # long: first, so that no core waits for it at the end
    conda:
        "../../envs/isal.yaml"
    params:
        fingerprint=fingerprint_of(products.BreakdownSimulation),
    shell:
        'python "$ISAL_SCRIPTS/make_product.py" BreakdownSimulation {wildcards.name:q} --plan "$ISAL_PLAN" --fingerprint {params.fingerprint} --outputs {output:q} > {log:q} 2>&1'


rule gather_simulations:
    input:
        inputs_of(products.SimulatedErrors),
    output:
        patterns_of(products.SimulatedErrors),
    log:
        f"{LOGS}/simulations/{{name}}.log",
    wildcard_constraints:
        name=names_of(products.SimulatedErrors),
    localrule: True  # too short for a cluster's queue
    conda:
        "../../envs/isal.yaml"
    params:
        fingerprint=fingerprint_of(products.SimulatedErrors),
    shell:
        'python "$ISAL_SCRIPTS/make_product.py" SimulatedErrors {wildcards.name:q} --plan "$ISAL_PLAN" --fingerprint {params.fingerprint} --inputs {input:q} --outputs {output:q} > {log:q} 2>&1'


rule write_simulations:
    input:
        inputs_of(products.SimulationTable),
    output:
        patterns_of(products.SimulationTable, ".html", "simulations"),
    log:
        f"{LOGS}/tables/simulations/{{name}}.log",
    wildcard_constraints:
        name=names_of(products.SimulationTable),
    localrule: True  # too short for a cluster's queue
    conda:
        "../../envs/isal.yaml"
    params:
        fingerprint=fingerprint_of(products.SimulationTable),
    shell:
        'python "$ISAL_SCRIPTS/make_product.py" SimulationTable {wildcards.name:q} --plan "$ISAL_PLAN" --fingerprint {params.fingerprint} --inputs {input:q} --outputs {output:q} > {log:q} 2>&1'
