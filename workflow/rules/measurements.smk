# What logs of real radios say, where the configuration names a folder of them. The logs are no inputs of rules: like a
# network, what is in them is part of a fingerprint, and neither their place nor their dates count.

if PLAN.measured:

    rule read_measurements:
        output:
            patterns_of(products.MeasuredRanges),
        log:
            f"{LOGS}/measurements/ranges.log",
        conda:
            "../../envs/isal.yaml"
        params:
            fingerprint=fingerprint_of(products.MeasuredRanges),
        shell:
            'python "$ISAL_SCRIPTS/make_product.py" MeasuredRanges --plan "$ISAL_PLAN" --fingerprint {params.fingerprint} --outputs {output:q} > {log:q} 2>&1'

    rule fit_measured_links:
        input:
            inputs_of(products.MeasuredLinks),
        output:
            patterns_of(products.MeasuredLinks),
        log:
            f"{LOGS}/measurements/links.log",
        localrule: True  # too short for a cluster's queue
        conda:
            "../../envs/isal.yaml"
        params:
            fingerprint=fingerprint_of(products.MeasuredLinks),
        shell:
            'python "$ISAL_SCRIPTS/make_product.py" MeasuredLinks --plan "$ISAL_PLAN" --fingerprint {params.fingerprint} --inputs {input:q} --outputs {output:q} > {log:q} 2>&1'

    rule track_measured_run:
        input:
            inputs_of(products.MeasuredRun),
        output:
            patterns_of(products.MeasuredRun),
        log:
            f"{LOGS}/measurements/runs/{{name}}.log",
        wildcard_constraints:
            name=names_of(products.MeasuredRun),
        conda:
            "../../envs/isal.yaml"
        params:
            fingerprint=fingerprint_of(products.MeasuredRun),
        shell:
            'python "$ISAL_SCRIPTS/make_product.py" MeasuredRun {wildcards.name:q} --plan "$ISAL_PLAN" --fingerprint {params.fingerprint} --inputs {input:q} --outputs {output:q} > {log:q} 2>&1'

    rule write_measurements:
        input:
            inputs_of(products.MeasurementsPage),
        output:
            patterns_of(products.MeasurementsPage, ".html", "measurements"),
        log:
            f"{LOGS}/measurements.log",
        localrule: True  # too short for a cluster's queue
        conda:
            "../../envs/isal.yaml"
        params:
            fingerprint=fingerprint_of(products.MeasurementsPage),
        shell:
            'python "$ISAL_SCRIPTS/make_product.py" MeasurementsPage --plan "$ISAL_PLAN" --fingerprint {params.fingerprint} --inputs {input:q} --outputs {output:q} > {log:q} 2>&1'
