# The best point of every curve of a study, and of ensembles the quantiles over their networks.


if products.StudyTable.names(PLAN):

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


if products.EnsembleTable.names(PLAN):

    rule write_ensemble_table:
        input:
            inputs_of(products.EnsembleTable),
        output:
            patterns_of(products.EnsembleTable, ".html", "ensemble_table"),
        log:
            f"{LOGS}/tables/ensembles/{{name}}.log",
        wildcard_constraints:
            name=names_of(products.EnsembleTable),
        localrule: True  # too short for a cluster's queue
        conda:
            "../../envs/isal.yaml"
        params:
            fingerprint=fingerprint_of(products.EnsembleTable),
        shell:
            'python "$ISAL_SCRIPTS/make_product.py" EnsembleTable {wildcards.name:q} --plan "$ISAL_PLAN" --fingerprint {params.fingerprint} --inputs {input:q} --outputs {output:q} > {log:q} 2>&1'
