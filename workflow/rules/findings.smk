# The paper's statements, judged on its layouts and on random networks, in several variants.
# update() keeps what is there: jobs that solve leave alone what still holds.


rule observe:
    output:
        update(PLAN.in_results(OBSERVATIONS_PATTERN)),
    log:
        f"{LOGS}/observations/{{variant}}/{{samples}}.log",
    priority: 1  # long: first, so that no core waits for it at the end
    conda:
        "../../envs/isal.yaml"
    params:
        key=lambda wildcards: PLAN.observations_key(
            wildcards.variant, wildcards.samples
        ),
    shell:
        'python "$ISAL_SCRIPTS/observe.py" --plan "$ISAL_PLAN" --variant {wildcards.variant:q} --samples {wildcards.samples:q} > {log:q} 2>&1'


rule gather_observations:
    input:
        lambda wildcards: [
            PLAN.observations_path(wildcards.variant, part)
            for part in PLAN.observed_parts(wildcards.variant)
        ],
    output:
        PLAN.in_results(FINDINGS_PATTERN),
    log:
        f"{LOGS}/findings/{{variant}}.log",
    localrule: True  # too short for a cluster's queue
    conda:
        "../../envs/isal.yaml"
    params:
        key=lambda wildcards: PLAN.gathering_key(wildcards.variant),
    shell:
        'python "$ISAL_SCRIPTS/gather_observations.py" --output {output:q} --key {params.key:q} {input:q} > {log:q} 2>&1'


rule write_findings:
    input:
        list(PLAN.findings_paths().values()),
    output:
        report(
            PLAN.in_results(FINDINGS_PAGE),
            caption="../report/findings.rst",
            category="Findings",
        ),
    log:
        f"{LOGS}/findings.log",
    localrule: True  # too short for a cluster's queue
    conda:
        "../../envs/isal.yaml"
    params:
        key=PLAN.findings_page_key(),
    shell:
        'python "$ISAL_SCRIPTS/write_findings.py" --plan "$ISAL_PLAN" > {log:q} 2>&1'
