# What a deployment asks: several targets, requirements, positions and anchors that are known roughly.
# update() keeps what is there: jobs that solve leave alone what still holds.


if products.DeploymentDataset.names(PLAN):

    rule answer_deployment:
        output:
            update(patterns_of(products.DeploymentDataset)),
        log:
            f"{LOGS}/deployments/{{name}}.log",
        wildcard_constraints:
            name=names_of(products.DeploymentDataset),
        conda:
            "../../envs/isal.yaml"
        params:
            fingerprint=fingerprint_of(products.DeploymentDataset),
        shell:
            'python "$ISAL_SCRIPTS/make_product.py" DeploymentDataset {wildcards.name:q} --plan "$ISAL_PLAN" --fingerprint {params.fingerprint} --outputs {output:q} > {log:q} 2>&1'

    rule write_deployment:
        input:
            inputs_of(products.DeploymentTable),
        output:
            patterns_of(products.DeploymentTable, ".html", "deployment"),
        log:
            f"{LOGS}/tables/deployments/{{name}}.log",
        wildcard_constraints:
            name=names_of(products.DeploymentTable),
        localrule: True  # too short for a cluster's queue
        conda:
            "../../envs/isal.yaml"
        params:
            fingerprint=fingerprint_of(products.DeploymentTable),
        shell:
            'python "$ISAL_SCRIPTS/make_product.py" DeploymentTable {wildcards.name:q} --plan "$ISAL_PLAN" --fingerprint {params.fingerprint} --inputs {input:q} --outputs {output:q} > {log:q} 2>&1'
