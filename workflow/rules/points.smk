# Record files: of one point each, or of many. The parameters of a job are texts that hold exactly what its points
# depend on. update() keeps what is there: the script itself leaves alone what still holds.


rule solve_point:
    output:
        update(PLAN.in_results("points/{point}.nc")),
    log:
        f"{LOGS}/points/{{point}}.log",
    conda:
        "../../envs/isal.yaml"
    params:
        point=lambda wildcards: PLAN.points[wildcards.point].to_json(),
        fingerprint=lambda wildcards: PLAN.fingerprint(PLAN.points[wildcards.point]),
    shell:
        'python "$ISAL_SCRIPTS/solve_points.py" --point {params.point:q} --fingerprint {params.fingerprint} --output {output:q} > {log:q} 2>&1'


rule solve_shard:
    output:
        update(PLAN.in_results("shards/{shard}.nc")),
    log:
        f"{LOGS}/shards/{{shard}}.log",
    priority: 1  # long: first, so that no core waits for it at the end
    conda:
        "../../envs/isal.yaml"
    params:
        fingerprint=lambda wildcards: PLAN.shard(wildcards.shard).fingerprint,
    shell:
        'python "$ISAL_SCRIPTS/solve_points.py" --plan "$ISAL_PLAN" --fingerprint {params.fingerprint} --output {output:q} > {log:q} 2>&1'
