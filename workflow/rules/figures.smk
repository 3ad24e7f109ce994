# One job per figure, all formats; of several formats the report shows one.


rule draw_figure:
    input:
        inputs_of(products.Figure),
    output:
        patterns_of(
            products.Figure,
            min(CONFIGURATION.formats, key=[*products.PICTURES, "pdf"].index),
            "figure",
        ),
    log:
        f"{LOGS}/figures/{{name}}.log",
    wildcard_constraints:
        name=names_of(products.Figure),
    localrule: True  # too short for a cluster's queue
    conda:
        "../../envs/isal.yaml"
    params:
        fingerprint=fingerprint_of(products.Figure),
    shell:
        'python "$ISAL_SCRIPTS/make_product.py" Figure {wildcards.name:q} --plan "$ISAL_PLAN" --fingerprint {params.fingerprint} --inputs {input:q} --outputs {output:q} > {log:q} 2>&1'
